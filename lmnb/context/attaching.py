"""What goes along of a thing: of a table its card, of a file what can be read, of a picture or a figure the picture."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.chat.attached import Attached
from lmnb.chat.problems import ChatError
from lmnb.chat.reply import Reply
from lmnb.chat.strangers import plain, whole
from lmnb.context import files, kinds, pictures
from lmnb.context.telling import Telling
from lmnb.context.values import class_name, label, line, module_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmnb.context.ladder import Level

LONG = 100_000
"""Characters of a text in a variable."""

NAME = 255
"""Characters of a file's name, at most."""


def attach(
    obj: object,
    name: str | None = None,
    *,
    level: Level = "stats",
    budget: int = 450,
    mask: bool = True,
    hide: Iterable[str] = (),
) -> Attached:
    """Something to go along with a prompt: `conversation.ask("…", attach=[lmnb.attach(sales, "sales")])`.

    Blocks while the object is described, a second for a table, and while a file is read. Changes nothing and sends
    nothing; an address is never opened.

    Args:
        obj: A table, array, model or the like (its card goes along); a `Path` (the file); a figure or picture, also as
            the bytes of its file; a text; anything else by what it says of itself.
        name: What it is called in what the model reads; else as its kind or file is.
        level: How much a card tells: `names`, `schema`, `stats`, `values`.
        budget: Tokens of a card, by an estimate.
        mask: Whether obvious secrets and personal data are masked. A text of yours is not touched.
        hide: Columns of which nothing but the name is told: `email`.

    Raises:
        ChatError: If it cannot go along: a file that is not there, a picture that cannot be read.
    """
    if isinstance(obj, Attached):
        return obj if name is None else replace(obj, name=name)
    telling = Telling(level, budget, mask, tuple(hide)).anywhere()
    if isinstance(obj, os.PathLike):
        path = Path(os.fspath(obj))
        return files.attach(path, name or str(path), telling)
    if isinstance(obj, str) and name is None and _names_a_file(obj):
        raise files.refused(
            f"`{line(obj, NAME)}` is a text, and there is a file of that name. Which of them is meant?",
            f"The file: `Path({obj!r})`.",
            f"The text: `lmnb.attach({obj!r}, name=…)`.",
        )
    return value(obj, name or _called(obj), telling)


def attached(some: Iterable[object]) -> tuple[Attached, ...]:
    """Several things that go along, each under a name of its own; a mapping gives the names.

    Blocks and raises as `attach`. Two `Attached` of one name are one.
    """
    if isinstance(some, (str, bytes, os.PathLike, Attached)) or kinds.has_card(some):
        some = [some]  # one thing, where several were expected
    if isinstance(some, Mapping):
        return tuple(attach(obj, str(name)) for name, obj in some.items())
    made: dict[str, Attached] = {}
    for obj in some:
        one = attach(obj)
        if one.name in made and not isinstance(obj, Attached):
            count = next(count for count in range(2, len(made) + 3) if f"{one.name}-{count}" not in made)
            one = replace(one, name=f"{one.name}-{count}")
        made[one.name] = one
    return tuple(made.values())


def value(thing: Any, name: str, telling: Telling) -> Attached:
    """An object as something that goes along. Waits a second at most, and as long as a figure takes to be drawn.

    Args:
        thing: Anything.
        name: What the person calls it.
        telling: How much is told of it.

    Raises:
        ChatError: If it is a picture that cannot be sent.
    """
    if type(thing) is str or issubclass(type(thing), Reply):
        text = whole(plain(str(thing)))
        cut = [f"only the first {LONG:,} characters"] if len(text) > LONG else []
        return telling.attached(name, "value", text[:LONG], notes=cut)
    if (data := _picture(thing)) is not None:
        image, notes = pictures.shrunk(data, f"{name}.png")
        return telling.attached(name, "image", "", image=image, notes=notes)
    card = telling.card(thing, name)
    if is_figure(thing):
        told = telling.attached(name, "figure", card.text, notes=card.notes, tokens=card.tokens)
        return _figure(thing, told, telling)
    kind: Any = "card" if kinds.has_card(thing) else "value"
    return telling.attached(name, kind, card.text, notes=card.notes, tokens=card.tokens)


def is_figure(thing: object) -> bool:
    """Whether something is a figure of one of the libraries that draw; its class is asked, not the thing."""
    if not any(
        module_name(cls).partition(".")[0] in kinds.FIGURES for cls in type.__dict__["__mro__"].__get__(type(thing))
    ):
        return False
    from lmnb.context import figures

    return figures.is_figure(thing)


def _figure(thing: Any, told: Attached, telling: Telling) -> Attached:
    """A figure with its picture; without one where it cannot be drawn, as its data stand in the text.

    A picture tells all that is in it, and so does not go along where values are not to be told.
    """
    from lmnb.context import figures

    hidden = figures.hidden_columns(thing, telling.hide)
    if hidden or telling.level not in ("stats", "values"):
        why = f"{', '.join(map(label, hidden))} hidden" if hidden else f"level {telling.level} tells no values"
        return replace(told, notes=(*told.notes, f"no picture: {why}"))
    if any(note.endswith("masked") for note in told.notes):
        return replace(told, notes=(*told.notes, "no picture: it would show what is masked"))
    try:
        return replace(told, image=figures.picture(thing))
    except ChatError as error:
        return replace(told, notes=(*told.notes, f"no picture: {error.problem.title}"))


def _picture(thing: Any) -> bytes | None:
    """An image of Pillow's or IPython's, or bytes that are one, as its file would be; None for anything else."""
    classes = {f"{module_name(cls)}.{class_name(cls)}" for cls in type.__dict__["__mro__"].__get__(type(thing))}
    data: Any = None
    if "PIL.Image.Image" in classes:
        out = io.BytesIO()
        thing.convert("RGBA" if "A" in thing.getbands() else "RGB").save(out, "PNG")
        data = out.getvalue()
    elif "IPython.core.display.Image" in classes:
        data = thing.data
    elif type(thing) is bytes:
        data = thing
    return data if isinstance(data, bytes) and pictures.kind_of(data) is not None else None


def _names_a_file(text: str) -> bool:
    if len(text) > NAME or "\n" in text:
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _called(obj: object) -> str:
    if isinstance(obj, str):
        return "text"
    if _picture(obj) is not None:
        return "picture"
    return "figure" if is_figure(obj) else class_name(type(obj))
