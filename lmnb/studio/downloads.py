"""A model is brought to the server that answers: LM Studio from its hub, lmnb's own from its catalogue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import channels, failures, hosts, local, names, overview
from lmnb.studio.asking import Relay, ask
from lmnb.studio.choosing import size
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import lmstudio as lms

    from lmnb.chat.problems import Choice
    from lmnb.studio.hosts import Place

    Progress = Callable[[str, int, int], None]
    Say = Callable[[str], None]

LOOK = 30.0
"""Seconds in which a search has to come back: LM Studio asks its hub."""

MOST = 25
"""Results of a search; the protocol has no more."""


@dataclass(frozen=True)
class Downloaded:
    """A model that is on disk now.

    Attributes:
        key: The model key.
        title: What was downloaded, as a person calls it.
    """

    key: str
    title: str


@dataclass(frozen=True)
class Offer:
    """Something that a search has found."""

    key: str
    exact: bool = False
    pick: bool = False
    found: Any = None
    identifier: str | None = None
    path: str = ""

    @property
    def note(self) -> str:
        """What is said beside it."""
        return "LM Studio's staff pick" if self.pick else ""


def download(
    name: str,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    host: str | None = None,
    api_token: str | None = None,
) -> Downloaded:
    """Bring a model to the server that answers, or find it there. Blocks; Ctrl-C is heard.

    What was stopped is kept, and the same call goes on from there.

    Args:
        name: As the hub calls it, or words of it; with `@Q8_0` behind it another quantisation than the recommended one.
            Where lmnb's own server answers on this computer, or would, it is a name of lmnb's catalogue.
        progress: Told what is being done, bytes done, bytes in all (0: not known), on this thread.
        say: Told, in a sentence, what was chosen, on this thread.
        host: `"address:port"`, as for a prediction.
        api_token: For a server that asks for one.

    Raises:
        ChatError: If there is no such model, or more than one, or it cannot be had now.
    """
    progress, say = progress or (lambda _doing, _done, _total: None), say or (lambda _sentence: None)
    if not _elsewhere(host):
        return _from_catalogue(name, progress, say)
    relay, saying = Relay(progress), Relay(say)

    async def question(client: lms.AsyncClient, _place: Place) -> Downloaded:
        return await _download(client, name, relay.tell, saying.tell)

    def beat() -> None:
        saying.beat()
        relay.beat()

    return ask(question, host=host, api_token=api_token, timeout=None, beat=beat)


def _elsewhere(host: str | None) -> bool:
    """Whether somebody answers who does not look where lmnb keeps its models on this computer."""
    found = overview.running(host).host
    if found is None or (hosts.is_own(found) and hosts.Place(found).local):
        return False
    import lmstudio as lms  # noqa: PLC0415

    return bool(lms.Client.is_valid_api_host(found))


def _from_catalogue(name: str, progress: Progress, say: Say) -> Downloaded:
    there = [Offer(one.key, found=one, identifier=one.name, path=one.path) for one in local.catalogue()]
    meant = names.find(name, there)
    if meant is None:
        local.get(name)  # says what there is instead
        raise AssertionError
    entry = meant.model.found
    if meant.notice:
        say(f"“{name}” is short for {entry.name} here.")
    local.get(entry.name, progress=progress)
    return Downloaded(entry.key, entry.title)


# ---- on the I/O thread


async def _download(client: lms.AsyncClient, name: str, tell: Progress, say: Say) -> Downloaded:
    import lmstudio as lms  # noqa: PLC0415

    wanted, _, kind = name.partition("@")
    session: Any = client.repository
    ledger.note("search", client.api_host, [wanted])
    try:
        found = await asyncio.wait_for(session.search_models(wanted, MOST), LOOK)
        offer = choose(wanted, [_offer(one) for one in found], say)
        option = pick(offer.key, kind, await asyncio.wait_for(offer.found.get_download_options(), LOOK), say)
        ledger.note("download", client.api_host, [offer.key])
        return Downloaded(await _fetch(session, option, tell), option.info.name)
    except asyncio.TimeoutError:
        title = f"The server did not find out within {LOOK:.0f} s what there is of “{wanted}”."
        raise ChatError(Problem("noModel", title, ("Run it again when the network is there.",))) from None
    except lms.LMStudioServerError as error:
        title, *lines = failures.words(error)
        raise ChatError(Problem("noModel", title, tuple(lines))) from None


def _offer(found: Any) -> Offer:
    said = found.search_result
    name = str(said.name) if "/" in str(said.name) else str(said.identifier.identifier)
    return Offer(name, bool(said.exact), bool(said.staff_pick), found, path=str(said.name))


async def _fetch(session: Any, option: Any, tell: Progress) -> str:
    """The key of the model. As `option.download()`, but a download that is stopped here ends in the server."""

    def on_progress(update: Any) -> None:
        tell("downloading", int(update.downloaded_bytes), int(update.total_bytes))

    def on_finalize() -> None:
        tell("finishing", 0, 0)

    try:
        endpoint = option._get_download_endpoint(on_progress, on_finalize)
        opened = session._create_channel
    except (AttributeError, TypeError):
        opened = None
    if opened is None:  # another version of the SDK: then a stopped download goes on in the server
        return str(await option.download(on_progress, on_finalize))
    return str(await channels.run(session, endpoint))


# ---- which one


def choose(wanted: str, offers: Sequence[Offer], say: Say) -> Offer:
    """The one that is meant: of that very name, else the one it is short for, staff picks first.

    Raises:
        ChatError: If there is none, or nobody can tell which.
    """
    if not offers:
        lines = ("Look for it under Discover in LM Studio, or try fewer words of its name.",)
        raise ChatError(Problem("noModel", f"Nothing that can be downloaded is called “{wanted}”.", lines))
    picks = [offer for offer in offers if offer.pick]
    exact = [offer for offer in offers if offer.exact]
    if len(exact) == 1:
        return exact[0]
    meant = names.exact(wanted, offers)
    for some in () if meant else (picks, offers):
        try:
            meant = meant or names.find(wanted, some)
        except ChatError:
            if some is offers:
                raise
    if meant is None and len(offers) > 1:
        title = f"Nothing that can be downloaded is called “{wanted}”; the search found these."
        shown = names.choices(offers)
        raise ChatError(Problem("noModel", title, (f"Name one of them: `{shown[0]['name']}`.",), shown))
    offer = meant.model if meant else offers[0]
    if meant is None or meant.notice:
        others = f"; the search found {len(offers) - 1} more" if len(offers) > 1 else ""
        say(f"“{wanted}” is short for {offer.key} here{others}.")
    return offer


def pick(name: str, kind: str, options: Sequence[Any], say: Say) -> Any:
    """The file: the one of the quantisation that was named, else the recommended one, else the only one.

    Args:
        name: Of the model.
        kind: `Q8_0`, or nothing.
        options: As the SDK gives them.
        say: Told what is worth knowing of it.

    Raises:
        ChatError: If nobody can tell which.
    """
    if kind:
        fit = [one for one in options if _kind(one) == kind.casefold()] or [
            one for one in options if kind.casefold() in str(one.info.name).casefold()
        ]
    else:
        fit = [one for one in options if one.info.recommended] or list(options)
    if len(fit) != 1:
        raise ChatError(_which(name, kind, fit or list(options)))
    info = fit[0].info
    if info.fit_estimation == "willNotFit":
        say(f"{info.name} ({size(info.size_bytes)}) will hardly fit into this computer's memory.")
    return fit[0]


def _kind(option: Any) -> str:
    return str(option.info.quantization or "").casefold()


def _which(name: str, kind: str, options: Sequence[Any]) -> Problem:
    if not options:
        return Problem("noModel", f"{name} has no file that can be downloaded here.", ("Look for another one.",))
    shown: list[Choice] = [
        {"name": str(one.info.quantization or one.info.name), "note": size(one.info.size_bytes)} for one in options
    ]
    title = f"{name} has no file of the kind “{kind}”." if kind else f"{name} has more than one file."
    return Problem("noModel", title, ("There are these.", f"Name one: `{name}@{shown[0]['name']}`."), tuple(shown))
