"""What `%chat privacy` says: what has left this kernel through lmnb, to which host, since it started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lmnb.chat.strangers import plain
from lmnb.context.values import plural, size
from lmnb.studio.hosts import Place
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmnb.studio.ledger import Kind, Record, Sent, Sum

SHOWN = 20
"""Predictions listed one by one, the last ones."""

DONE: dict[Kind, tuple[str, str]] = {
    "prediction": ("prediction", "of messages"),
    "count": ("text to be counted", "of text"),
    "template": ("conversation to be made a prompt", "of messages"),
    "picture": ("picture", ""),
    "search": ("search for a model", "of words"),
    "download": ("model to be fetched", "of names"),
    "load": ("model to be loaded", ""),
    "unload": ("model to be unloaded", ""),
    "question": ("question about models and versions", ""),
    "knock": ("look whether somebody answers", ""),
}
"""What was done, and what the bytes in it are; in the order in which it is told."""

SEVERAL = {
    "text to be counted": "texts to be counted",
    "conversation to be made a prompt": "conversations to be made prompts",
    "search for a model": "searches for models",
    "model to be fetched": "models to be fetched",
    "model to be loaded": "models to be loaded",
    "model to be unloaded": "models to be unloaded",
    "question about models and versions": "questions about models and versions",
    "look whether somebody answers": "looks whether somebody answers",
}


def report() -> str:
    """What has left the kernel since it started, as lines of text. Asks nobody, sends nothing."""
    return plain(told(ledger.read()))


def told(record: Record) -> str:
    """A record in words."""
    since = time.strftime("%H:%M:%S", time.localtime(record.since))
    if not record.sums:
        return f"Nothing has left this kernel through lmnb since {since}: no host was contacted."
    lines = [f"Since {since} this has left the kernel through lmnb:"]
    for host, sums in record.sums.items():
        lines += ["", f"{host} ({_where(host)})", *_sums(sums)]
    lines += _predictions(record)
    others = "no other host was" if len(record.sums) == 1 else "no others were"
    end = (
        f"By lmnb {others} contacted. This list is kept in memory only. What your own code sends is not in it, nor "
        "what a server does with what it was given."
    )
    return "\n".join([*lines, "", end])


def _where(host: str) -> str:
    if ":" not in host:
        return "where models come from"
    return "this computer" if Place(host).local else "another computer"


def _sums(sums: Mapping[Kind, Sum]) -> list[str]:
    lines = []
    for kind, (noun, what) in DONE.items():
        if (one := sums.get(kind)) is None:
            continue
        many = f"{one.times:,} {SEVERAL[noun]}" if one.times != 1 and noun in SEVERAL else plural(one.times, noun)
        lines.append(f"  {many}" + (f", {size(one.size)} {what}".rstrip() if one.size else ""))
    return lines


def _predictions(record: Record) -> list[str]:
    if not record.predictions:
        return []
    shown = record.predictions[-SHOWN:]
    made = sum(by["prediction"].times for by in record.sums.values() if "prediction" in by)
    before = f" ({made - len(shown):,} before these)" if made > len(shown) else ""
    return ["", f"Predictions{before}:", *map(_prediction, shown)]


def _prediction(one: Sent) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(one.when))
    tokens = f", {one.tokens:,} tokens" if one.tokens is not None else ""
    with_it = f", with {', '.join(one.attached)}" if one.attached else ""
    return f"  {when}  {one.host}  {one.model}  {size(one.size)}{tokens}{with_it}  ({one.prompt_hash})"
