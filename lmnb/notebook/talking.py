"""The verbs of conversations: `%chat new`, `history`, `branches`, `switch`, `resume`, `export` and their like."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from lmnb.chat import comparing
from lmnb.notebook.options import Options
from lmnb.notebook.outcomes import NotDone
from lmnb.notebook.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.comparing import Page
    from lmnb.chat.tree import Resumed
    from lmnb.chat.turns import Turn
    from lmnb.conversation import Conversation
    from lmnb.notebook.asking import Ask
    from lmnb.notebook.desk import Desk

SHOWN = 60
"""Characters of a prompt in a list."""


def new(desk: Desk, args: Sequence[str]) -> None:
    """Begin a conversation; the cells below speak in it. The model and the server stay, the system prompt does not."""
    from lmnb.notebook import cells  # noqa: PLC0415

    there = tuple(desk.talks.get(args[0]).turns) if args and args[0] in desk.talks.names() else ()
    begun = desk.talks.begin(args[0] if args else None, cell=cells.cell_id(desk.shell))
    kept = next((branch.number for branch in begun.branches if there and branch.turns[-1] is there[-1]), None)
    said = f" What was said in it is kept as branch {kept}: `%chat switch {kept}` goes back." if kept else ""
    print(f"A new conversation begins: {begun.name}.{said}")


def history(desk: Desk, args: Sequence[str]) -> None:
    """The conversations: which models spoke, how many tokens; and what was asked in the current one, or in NAME."""
    talks = desk.talks
    current, listed = talks.get(), talks.known(args[0] if args else None)
    for talk in talks:
        mark = "*" if talk is current else " "
        branches = f", {_count(len(talk.branches), 'branch', 'branches')}" if talk.branches else ""
        print(f"{mark} {talk.name}: {_count(len(talk), 'turn')}{branches}{_models(talk)}")
        for number, turn in enumerate(talk.turns if talk is listed else (), 1):
            print(_row(number, turn, talk))


def show(desk: Desk, args: Sequence[str]) -> Page:
    """A conversation, or one turn of the current one, as it was said."""
    if args and args[0].isdigit() and args[0] not in desk.talks.names():
        talk = desk.talks.get()
        return comparing.page([_turn(talk, args[0])])
    talk = desk.talks.known(args[0] if args else None)
    if not talk.turns:
        raise NotDone(f"Nothing was said in {talk.name} yet.")
    return comparing.page(talk.turns)


def fork(desk: Desk, args: Sequence[str]) -> None:
    """A new conversation that goes on from the current one, or from its first N turns; both stay."""
    if not args:
        raise UsageError("`%chat fork NAME` needs a name for the new conversation.")
    name, upto = args[0], _number(args[1], "fork") if len(args) > 1 else None
    if upto is not None:
        _turn(desk.talks.get(), args[1])
    if name in desk.talks.names():
        raise UsageError(f"There is a conversation called {name!r} already.")
    other = desk.talks.get().branch(upto, name=name)
    desk.talks.keep(other)
    desk.talks.current = name
    print(f"{name} goes on from {_count(len(other), 'turn')}; the cells below speak in it.")


def rename(desk: Desk, args: Sequence[str]) -> None:
    """Call the current conversation, or another one, something else."""
    if not args:
        raise UsageError("It is typed like this: `%chat rename NEW`, or `%chat rename OLD NEW`.")
    *old, name = args
    desk.talks.rename(old[0] if old else None, name)
    print(f"It is called {name} now.")


def delete(desk: Desk, args: Sequence[str]) -> None:
    """Forget a conversation. What stands in the notebook stays there."""
    if not args:
        raise UsageError("`%chat delete NAME` needs the name; `%chat history` lists them.")
    was = desk.talks.current
    gone = desk.talks.delete(args[0])
    now = f" The cells below speak in {desk.talks.current}." if desk.talks.current != was else ""
    print(f"{gone.name} is forgotten. Its answers still stand in the notebook.{now}")


def reset(desk: Desk, _args: Sequence[str]) -> None:
    """Begin the current conversation anew. What was said stays as a branch."""
    placed = desk.talks.get().restart()
    kept = f" What was said is kept as branch {placed.kept.number}." if placed.kept else ""
    print(f"{desk.talks.current} begins anew.{kept}")


def branches(desk: Desk, args: Sequence[str]) -> Page | None:
    """The branches of the current conversation; with numbers, these side by side; with one, beside the current line."""
    talk = desk.talks.get()
    if args:
        words = [str(talk.lines.number), *args] if len(args) == 1 and args[0] != str(talk.lines.number) else args
        return comparing.beside([(_title(talk, word), _line(talk, word)) for word in words])
    if not talk.branches:
        print(f"{talk.name} has no branches: no cell that others followed was run again with another outcome.")
        return None
    rows = [(talk.lines.number, talk.turns), *((branch.number, branch.turns) for branch in talk.branches)]
    for number, turns in sorted(rows, key=lambda row: row[0]):
        mark = "*" if number == talk.lines.number else " "
        print(f"{mark} {number}: {_count(len(turns), 'turn')}{_ending(turns, talk.turns)}")
    other = talk.branches[-1].number
    print(
        f"\n`%chat switch {other}` goes on from branch {other}; "
        f"`%chat branches {talk.lines.number} {other}` shows both side by side."
    )
    return None


def switch(desk: Desk, args: Sequence[str]) -> None:
    """Go on from a branch, or in another conversation.

    The line that was current becomes a branch; what stands in the notebook stays as it is. With the name of a
    conversation, the cells below speak in that one.
    """
    talk = desk.talks.get()
    if not args:
        raise UsageError(
            "`%chat switch N` needs the number of a branch (`%chat branches` lists them), or a conversation's name "
            "(`%chat history`)."
        )
    if not args[0].isdigit() or args[0] in desk.talks.names():
        desk.talks.current = desk.talks.known(args[0]).name or args[0]
        print(f"The cells below speak in {desk.talks.current}, {_count(len(desk.talks.get()), 'turn')}.")
        return
    number = _number(args[0], "switch")
    if number == talk.lines.number:
        print(f"{talk.name} is on branch {number} already.")
        return
    was = talk.lines.number
    try:
        talk.switch(number)
    except KeyError:
        there = ", ".join(str(branch.number) for branch in talk.branches)
        none = "There are none: what was run again had the same outcome."
        known = f"There is {there}; `%chat branches` tells more." if there else none
        raise NotDone(f"There is no branch {number}. {known}") from None
    back = f" `%chat switch {was}` goes back." if any(b.number == was for b in talk.branches) else ""
    print(f"{talk.name} goes on from branch {number}, {_count(len(talk), 'turn')}.{back}")


def go_on(desk: Desk, _args: Sequence[str]) -> Ask:
    """Let the model go on with its last answer."""
    return desk.go_on(Options())


def pin(desk: Desk, args: Sequence[str]) -> None:
    """Keep a turn in the model's context, however full that is."""
    _pin(desk, args, "pin", pinned=True)


def unpin(desk: Desk, args: Sequence[str]) -> None:
    """Let a turn be left out again when the context is full."""
    _pin(desk, args, "unpin", pinned=False)


def drop(desk: Desk, args: Sequence[str]) -> None:
    """Take a turn out of the current conversation: the model hears it no more. The line as it was stays as a branch."""
    if not args:
        raise UsageError("`%chat drop N` needs the number of a turn; `%chat history` lists them.")
    talk = desk.talks.get()
    turn = _turn(talk, args[0])
    talk.drop(talk.turns.index(turn) + 1)
    print(f"Turn {args[0]} is out: {_short(turn.prompt)}")


def undo(desk: Desk, _args: Sequence[str]) -> None:
    """Take the last turn out of the current conversation."""
    talk = desk.talks.get()
    if not talk.turns:
        raise NotDone(f"Nothing was said in {talk.name} yet.")
    drop(desk, [str(len(talk))])


def stop(desk: Desk, _args: Sequence[str]) -> None:
    """Stop what is being written in the background; what there is stays."""
    running = [talk for talk in desk.talks if talk.running]
    for talk in running:
        talk.stop()
    print("Stopped." if running else "Nothing is being written.")


def cite(desk: Desk, _args: Sequence[str]) -> None:
    """Where the last answer comes from: model, quantisation, context, settings, versions, the prompt's hash."""
    from lmnb.chat.reply import Reply  # noqa: PLC0415

    talk = desk.talks.get(desk.talks.last)
    if not talk.turns:
        raise NotDone("Nothing was answered yet.")
    print(Reply(talk.turns[-1]).provenance)


def resume(desk: Desk, args: Sequence[str]) -> None:
    """Take up the conversations that a notebook's saved outputs hold: this one's, or those of FILE.

    `%chat resume --journal` takes them from the journal on disk instead, where that was switched on.
    """
    found, where = _journal(desk) if args and args[0] == "--journal" else _saved(desk, args)
    spoken = [one for one in found if one.line]
    notes = [note for one in found for note in one.notes]
    if not spoken:
        print("\n".join([f"There is no answer of lmnb's in {where}.", *notes]))
        return
    for one in reversed(spoken):  # the newest last: it is the current one
        talk, kept = desk.talks.add(one)
        more = f", {_count(len(talk.branches), 'branch', 'branches')}" if talk.branches else ""
        before = f" What was said here before is branch {kept}." if kept else ""
        print(f"Resumed {talk.name}: {_count(len(talk), 'turn')}{more}, from {where}.{before}")
    if len(spoken) > 1:
        print(f"The cells below speak in {desk.talks.current}; `%chat switch NAME` goes to another.")
    print("\n".join(notes), end="\n" if notes else "")


def export(desk: Desk, args: Sequence[str]) -> None:
    """Write the current conversation, or the one called NAME, to a file: to read, to go on with, or to run."""
    words = [word for word in args if not word.startswith("-")]
    kinds = {".md", ".json", ".ipynb", ".py"}
    if not words or Path(words[0]).suffix not in kinds:
        raise UsageError("`%chat export FILE [NAME]` writes a file that ends in .md, .json, .ipynb or .py.")
    path = Path(words[0]).expanduser()
    talk = desk.talks.known(words[1] if len(words) > 1 else None)
    if not talk.turns:
        raise NotDone(f"Nothing was said in {talk.name} yet.")
    text = talk.export(path.suffix)
    mode = "w" if "--overwrite" in args else "x"
    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise NotDone(f"{path} is there already; `%chat export {path} --overwrite` replaces it.") from None
    except OSError as error:
        raise NotDone(f"{path} cannot be written: {error.strerror}.") from None
    print(f"Wrote {_count(len(talk), 'turn')} of {talk.name} to {path}.")


def _saved(desk: Desk, args: Sequence[str]) -> tuple[Sequence[Resumed], str]:
    from lmnb.chat.resume import load_file  # noqa: PLC0415 - seldom

    path = Path(args[0]).expanduser() if args else desk.notebook
    if path is None:
        raise NotDone("This front end does not say which notebook this is. `%chat resume FILE.ipynb` names it.")
    found, problem = load_file(path)
    if problem:
        raise NotDone(problem)
    saved = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    day = "" if time.time() - saved.timestamp() < 86_400 else f"{saved:%d %B} "
    return found, f"{path.name} as it was saved at {day}{saved:%H:%M}"


def _journal(desk: Desk) -> tuple[Sequence[Resumed], str]:
    from lmnb.journal import JournalError  # noqa: PLC0415 - seldom

    try:
        return desk.journal.conversations(str(desk.notebook) if desk.notebook else None), "the journal"
    except JournalError as error:
        raise NotDone(str(error)) from None


def _pin(desk: Desk, args: Sequence[str], verb: str, *, pinned: bool) -> None:
    if not args:
        raise UsageError(f"`%chat {verb} N` needs the number of a turn; `%chat history` lists them.")
    talk = desk.talks.get()
    turn = _turn(talk, args[0])
    turn.pinned = pinned
    print(f"Turn {args[0]} {'stays in the context' if pinned else 'may be left out'}: {_short(turn.prompt)}")


def _turn(talk: Conversation, word: str) -> Turn:
    number = int(word) if word.isdigit() else 0
    if not 0 < number <= len(talk):
        has = f"has {_count(len(talk), 'turn')}" if talk.turns else "has no turns yet"
        raise NotDone(f"There is no turn {word}; {talk.name} {has}.")
    return talk.turns[number - 1]


def _line(talk: Conversation, word: str) -> Sequence[Turn]:
    lines: dict[str, Sequence[Turn]] = {str(branch.number): branch.turns for branch in talk.branches}
    lines[str(talk.lines.number)] = talk.turns
    if word not in lines:
        raise NotDone(f"There is no branch {word}. There is {', '.join(sorted(lines, key=int))}.")
    return lines[word]


def _title(talk: Conversation, word: str) -> str:
    return f"Branch {word}" + (", current" if word == str(talk.lines.number) else "")


def _number(word: str, verb: str) -> int:
    if not word.isdigit():
        raise UsageError(f"`%chat {verb}` takes a number there; got {word!r}.")
    return int(word)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _models(talk: Conversation) -> str:
    names = dict.fromkeys(turn.model for turn in talk.turns if turn.model)
    tokens = sum(turn.tokens for turn in talk.turns)
    said = [*names, *([f"{tokens:,} tokens written"] if tokens else [])]
    return f" · {', '.join(said)}" if said else ""


def _ending(turns: Sequence[Turn], current: Sequence[Turn]) -> str:
    """How a line ends, and, of a branch, from which turn on it is another one and who answered there."""
    if not turns:
        return ""
    common = comparing.in_common([turns, current])
    if turns is current or common >= len(turns):
        return f" · ends with: {_short(turns[-1].prompt)}"
    parted = turns[common]
    by = f", answered by {parted.model}" if parted.model else ""
    ends = f" · ends with: {_short(turns[-1].prompt)}" if parted is not turns[-1] else ""
    return f" · from turn {common + 1}: {_short(parted.prompt)}{by}{ends}"


def _row(number: int, turn: Turn, talk: Conversation) -> str:
    left_out = next((one.window.left_out for one in reversed(talk.turns) if one.window), ())
    marks = [
        *(["pinned"] if turn.pinned else []),
        *(["left out of the context"] if turn.id in left_out and not turn.pinned else []),
        *([turn.status] if turn.status != "done" else []),
    ]
    remark = f"  ({', '.join(marks)})" if marks else ""
    return f"  {number:>3}. {_short(turn.prompt)}{remark}"


def _short(prompt: str) -> str:
    from lmnb.chat.strangers import plain  # noqa: PLC0415

    text = plain(" ".join(prompt.split()))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


VERBS: tuple[Verb, ...] = (
    Verb("new", "[NAME]", "begin a conversation", new, 1),
    Verb("history", "[NAME]", "the conversations, and the turns of one", history, 1),
    Verb("show", "[NAME | N]", "a conversation, or one turn, as it was said", show, 1),
    Verb("continue", "", "let the model go on with its last answer", go_on, asks=True),
    Verb("branches", "[N M …]", "what was said before cells were run again; side by side", branches, 4),
    Verb("switch", "N | NAME", "go on from a branch, or in another conversation", switch, 1),
    Verb("fork", "NAME [N]", "a second conversation from here, or from turn N", fork, 2),
    Verb("rename", "[OLD] NEW", "call it something else", rename, 2),
    Verb("delete", "NAME", "forget a conversation", delete, 1),
    Verb("reset", "", "begin the current conversation anew", reset),
    Verb("pin", "N", "keep a turn in the context, however full that is", pin, 1),
    Verb("unpin", "N", "let it be left out again", unpin, 1),
    Verb("drop", "N", "take a turn out", drop, 1),
    Verb("undo", "", "take the last turn out", undo),
    Verb("stop", "", "stop what is written in the background", stop),
    Verb("cite", "", "where the last answer comes from", cite),
    Verb("resume", "[FILE]", "go on from the saved notebook", resume, 1),
    Verb("export", "FILE [NAME]", "write it to a .md, .json, .ipynb or .py", export, 2),
)
