"""Which model somebody means: its name in full, the beginning of one, or some of its words in their order."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lmnb.chat.problems import ChatError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lmnb.chat.problems import Choice

SHOWN = 8
"""Models listed where a name was not found, or is that of several."""


class Named(Protocol):
    """What has a name: a model on disk, an instance, something that can be downloaded."""

    @property
    def key(self) -> str:
        """Its name on disk."""

    @property
    def identifier(self) -> str | None:
        """Its name among the loaded, if it is loaded."""

    @property
    def path(self) -> str:
        """`publisher/repository/file`."""

    @property
    def note(self) -> str:
        """What is said beside its name."""


M = TypeVar("M", bound=Named)


@dataclass(frozen=True)
class Meant(Generic[M]):
    """The one that is meant.

    Attributes:
        model: It.
        name: Its name in full: the identifier where that was written, else the key.
        notice: What to say, as something shorter was written; None: the name was given in full.
    """

    model: M
    name: str
    notice: str | None = None


def find(wanted: str, models: Sequence[M], *, loaded_first: bool = True) -> Meant[M] | None:
    """The one that is meant. Of several that fit the same way, the one that is loaded; else nobody guesses.

    Args:
        wanted: An identifier, a key, a path; the beginning of one; or words of one in their order, with any separators
            or none: `qwen3 4b`, `qwen4b`, `gemma 1b`. Upper and lower case are the same.
        models: Those there are; instances before what is only on disk.
        loaded_first: Whether one that is loaded is likelier to be meant.

    Returns:
        None if nothing fits.

    Raises:
        ChatError: If it fits several, with these.
    """
    if (same := exact(wanted, models)) is not None:
        return same
    wanted = wanted.strip()
    for fits in _rules(wanted.casefold()) if wanted else ():
        found = [model for model in models if fits(model)]
        if found:
            return _one(wanted, found, loaded_first=loaded_first)
    return None


def exact(wanted: str, models: Iterable[M]) -> Meant[M] | None:
    """The first one that has just this identifier, else this key, else this path."""
    name, models = wanted.strip().casefold(), list(models)
    for attribute in ("identifier", "key", "path"):
        for model in models:
            if name and str(getattr(model, attribute) or "").casefold() == name:
                return Meant(model, str(model.identifier if attribute == "identifier" else model.key))
    return None


def _one(wanted: str, found: Sequence[M], *, loaded_first: bool) -> Meant[M]:
    keys = dict.fromkeys(model.key for model in found)
    if len(keys) == 1:
        return _short_for(wanted, found[0])
    here = dict.fromkeys(model.key for model in found if model.identifier)
    if len(here) != 1 or not loaded_first:
        raise ChatError(_several(wanted, found))
    others = [key for key in keys if key not in here]
    more = f"; {_listed(others)} would fit as well, and {'are' if len(others) > 1 else 'is'} not loaded"
    return _short_for(wanted, next(model for model in found if model.identifier), more)


def _short_for(wanted: str, model: M, more: str = "") -> Meant[M]:
    name = model.key
    if model.identifier and not any(fits(_Key(name)) for fits in _rules(wanted.casefold())):
        name = model.identifier  # only the identifier is like what was written
    return Meant(model, name, f"“{wanted}” is short for {name} here{more}.")


def _rules(name: str) -> tuple[Callable[[Named], bool], ...]:
    return _begins(name), _has_words(name, _short), _has_words(name, _long)


@dataclass(frozen=True)
class _Key:
    key: str
    identifier: str | None = None
    path: str = ""
    note: str = ""


def _begins(name: str) -> Callable[[Named], bool]:
    def fits(model: Named) -> bool:
        return any(text.startswith(name) for text in _short(model))

    return fits


def _short(model: Named) -> list[str]:
    """What a person reads in a list: LM Studio's keys have the publisher in front, `qwen/qwen3-4b`."""
    names = [text.casefold() for text in (model.identifier, model.key) if text]
    return names + [text.rpartition("/")[2] for text in names if "/" in text]


def _long(model: Named) -> list[str]:
    return [*_short(model), f"{model.key} {model.path}".casefold()]


PIECE = re.compile(r"(?<![^\W_])(?:i?q\d\w*|mxfp4\w*|b?f16|f32)|[^\W\d_]+|\d[\d.]*[^\W\d_]*")
"""A word of a name: a quantisation, `q4_k_m`; letters; or a number with what belongs to it, `4b`, `2.5`."""


def _has_words(name: str, texts: Callable[[Named], list[str]]) -> Callable[[Named], bool]:
    words, bare = PIECE.findall(name), _bare(name)

    def fits(model: Named) -> bool:
        return bool(words) and any(_in_order(words, text) or _begun(bare, _bare(text)) for text in texts(model))

    return fits


def _in_order(words: Iterable[str], text: str) -> bool:
    """Whether each word begins one of the text's, in the same order. A number is not the beginning of a longer one."""
    there = iter(PIECE.findall(text))
    return all(any(_begun(word, other) for other in there) for word in words)


def _begun(word: str, other: str) -> bool:
    if other[:1].isdigit() and other.endswith("bit"):
        return word == other  # “phi 4” is no Phi 3 in 4 bits
    return other.startswith(word) and not (word[-1].isdigit() and other[len(word) : len(word) + 1].isdigit())


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def near(wanted: str, models: Iterable[M]) -> list[M]:
    """The models whose names look like this one."""
    by_name: dict[str, list[M]] = defaultdict(list)
    for model in models:
        for text in _short(model):
            by_name[text].append(model)
    name = wanted.casefold()
    found = [text for text in by_name if name in text or text in name]
    found += difflib.get_close_matches(name, by_name, n=SHOWN, cutoff=0.5)
    unique = {id(model): model for text in found for model in by_name[text]}
    return list(unique.values())


def choices(models: Iterable[Named]) -> tuple[Choice, ...]:
    """Models as the lines of a problem."""
    listed: list[Choice] = [{"name": model.identifier or model.key, "note": model.note} for model in models]
    return tuple(listed[:SHOWN])


def _several(wanted: str, found: Sequence[Named]) -> Problem:
    shown = choices(found)
    more = f"There are {len(found)}, among them these." if len(found) > len(shown) else "It may be any of these."
    return Problem(
        "noModel",
        f"“{wanted}” is short for more than one model.",
        (more, f"Write more of the name, for example `{shown[0]['name']}`."),
        shown,
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
