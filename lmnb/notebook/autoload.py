"""The file in an IPython profile that loads lmnb whenever IPython starts there: written, found, taken away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmnb.chat.problems import ChatError, Problem

NAME = "50-lmnb.py"
MARK = "# This file is lmnb's: `lmnb autoload on` writes it, and `lmnb autoload off` removes it."

# Whatever is wrong with lmnb, it must not keep the startup files behind it from being run, as an exception does; and it
# leaves no name behind, as it runs among the person's variables.
CODE = f"""{MARK}
try:
    get_ipython().extension_manager.load_extension("lmnb")
except Exception as error:
    print(f"lmnb is not loaded: {{error!r}}. Deleting {{__file__}} ends this line.", file=__import__("sys").stderr)
"""


@dataclass(frozen=True)
class Startup:
    """The startup file of one profile.

    Attributes:
        file: Where it is, or would be.
        there: Whether there is one.
        ours: Whether it is one that lmnb has written, and not somebody's own.
        current: Whether it says what this lmnb would write.
    """

    file: Path
    there: bool
    ours: bool
    current: bool


def look(profile: str = "default") -> Startup:
    """The startup file of a profile, as it is; nothing is made but, by IPython, its own folder.

    Raises:
        ChatError: If there is no such profile; the default one need not be there yet.
    """
    from IPython.paths import get_ipython_dir  # noqa: PLC0415 - a command's help does without IPython

    folder = Path(get_ipython_dir())
    place = folder / f"profile_{profile}"
    if profile != "default" and not place.is_dir():
        there = sorted(one.name.removeprefix("profile_") for one in folder.glob("profile_*") if one.is_dir())
        lines = (
            f"There {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none yet'} in {folder}.",
            f"`ipython profile create {profile}` makes it.",
        )
        raise ChatError(Problem("refused", f"IPython has no profile “{profile}”.", lines))
    file = place / "startup" / NAME
    text = _read(file)
    return Startup(file, text is not None, (text or "").startswith(MARK), text == CODE)


def switch_on(profile: str = "default") -> Startup:
    """Write the file; one that is there already is brought up to date.

    Returns:
        As it was before.

    Raises:
        ChatError: If somebody else's file has its name, if it cannot be written, or if there is no such profile.
    """
    before = _ours(profile)
    if not before.current:
        try:
            before.file.parent.mkdir(parents=True, exist_ok=True)
            before.file.write_text(CODE, encoding="utf-8")
        except OSError as error:
            raise _failed("written", before.file, error) from None
    return before


def switch_off(profile: str = "default") -> Startup:
    """Remove the file, if there is one.

    Returns:
        As it was before.

    Raises:
        ChatError: As `switch_on`.
    """
    before = _ours(profile)
    try:
        before.file.unlink(missing_ok=True)
    except OSError as error:
        raise _failed("removed", before.file, error) from None
    return before


def _ours(profile: str) -> Startup:
    found = look(profile)
    if found.there and not found.ours:
        lines = ("It is left as it is. Give it another name, then run the same command again.",)
        raise ChatError(Problem("refused", f"{found.file} is not a file that lmnb has written.", lines))
    return found


def _read(file: Path) -> str | None:
    """What a file says; None where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed("read", file, error) from None


def _failed(what: str, file: Path, error: OSError) -> ChatError:
    return ChatError(
        Problem("refused", f"{file} cannot be {what}: {error.strerror or error}.", ("Nothing has been changed.",))
    )
