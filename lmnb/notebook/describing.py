"""The verbs of data and errors: `%chat card`, `lint`, `next`, `fix`, `explain`, `hide`, `privacy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError

from lmnb.chat.comparing import Page
from lmnb.chat.markdown import to_html
from lmnb.notebook.asking import Ask
from lmnb.notebook.options import Options
from lmnb.notebook.outcomes import NotDone
from lmnb.notebook.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmnb.chat.reply import Reply
    from lmnb.notebook.desk import Desk
    from lmnb.notebook.fixing import Asked

GROUP = "Data and errors"


def card(desk: Desk, args: Sequence[str]) -> Page:
    """What the model is told of a variable when `@NAME` stands in a prompt. Sends nothing."""
    from lmnb.context import describe  # noqa: PLC0415 - when it is asked for
    from lmnb.notebook.desk import Tokenizer  # noqa: PLC0415

    if not args:
        raise UsageError("`%chat card NAME` needs the name of a variable.")
    talk, settings = desk.talks.get(), desk.context()
    count = Tokenizer(talk.latest_model, talk.host)
    made = describe(
        desk.value(args[0]),
        name=args[0],
        budget=settings.budget,
        level=cast("Any", settings.level),
        count=count,
        hide=settings.hide,
        mask=settings.mask,
    )
    about = " · ".join([f"{'' if count.exact else 'about '}{made.tokens:,} tokens", *made.notes])
    return Page(to_html(f"{about}\n\n~~~~~~\n{made.text}\n~~~~~~"), f"{about}\n\n{made.text}")


def lint(desk: Desk, args: Sequence[str]) -> Any:
    """Check a table: missing, duplicates, sentinels, numbers as text, outliers, gaps. No model is asked.

    The report is the cell's value; `_.to_frame()` has it as a table, `@lint:NAME` in a prompt tells it to the model.
    """
    from lmnb.context.lint import lint as check  # noqa: PLC0415 - when it is asked for

    if not args:
        raise UsageError("`%chat lint NAME [TARGET]` needs the name of a table; TARGET is the column to be predicted.")
    return check(desk.value(args[0]), name=args[0], target=args[1] if len(args) > 1 else None)


def fix(desk: Desk, args: Sequence[str]) -> Ask:
    """Ask what to change in the cell that failed last. The corrected cell comes as the next cell; nothing is run."""
    from lmnb.notebook import fixing  # noqa: PLC0415 - when it is asked for

    return _ask(desk, fixing.fix(desk.shell, desk.recorder, " ".join(args), **_how(desk)))


def explain(desk: Desk, args: Sequence[str]) -> Ask:
    """Ask what the last error means, in words."""
    from lmnb.notebook import fixing  # noqa: PLC0415 - when it is asked for

    return _ask(desk, fixing.explain(desk.shell, desk.recorder, " ".join(args), **_how(desk)))


def next_steps(desk: Desk, args: Sequence[str]) -> Ask:
    """Ask for three next steps with code, for a table: what its card and its lint say goes along."""
    from lmnb.notebook import fixing  # noqa: PLC0415 - when it is asked for

    return _ask(desk, fixing.next_steps(desk.shell, args[0] if args else None, **_how(desk)))


def hide(desk: Desk, args: Sequence[str]) -> None:
    """Never tell a model the values of a column, `df.email` or `email` in every table; alone: what is hidden."""
    settings = desk.settings
    settings.hide = list(dict.fromkeys([*settings.hide, *args]))
    print(f"Hidden: {', '.join(settings.hide)}." if settings.hide else "No column is hidden.")


def unhide(desk: Desk, args: Sequence[str]) -> None:
    """Let the values of a column be told again."""
    missing = [name for name in args if name not in desk.settings.hide]
    if missing or not args:
        there = ", ".join(desk.settings.hide) or "nothing"
        raise NotDone(f"{missing[0] if missing else 'It'} is not hidden; hidden is {there}.")
    desk.settings.hide = [name for name in desk.settings.hide if name not in args]
    hide(desk, [])


def privacy(_desk: Desk, _args: Sequence[str]) -> None:
    """What has left this kernel, and to which host, since it started."""
    from lmnb.notebook.privacy import report  # noqa: PLC0415 - when it is asked for

    print(report())


def _how(desk: Desk) -> dict[str, Any]:
    from lmnb.notebook.desk import Tokenizer  # noqa: PLC0415

    talk = desk.talks.get()
    return {"settings": desk.context(), "count": Tokenizer(talk.latest_model, talk.host)}


def _ask(desk: Desk, asked: Asked) -> Ask:
    """A question of a verb's, as a cell asks it; a corrected cell is offered once the answer stands."""
    ask = Ask(Options(), asked.prompt, asked.sent, asked.attached, system=asked.system)
    if asked.want == "code":
        ask.after = lambda reply: _offer(desk, reply, asked)
    return ask


def _offer(desk: Desk, reply: Reply, asked: Asked) -> None:
    from IPython.display import display  # noqa: PLC0415

    from lmnb.notebook import fixing  # noqa: PLC0415

    made = fixing.corrected(reply, asked.source)
    if made.code is None:
        print(made.reason)
        return
    diff = f"~~~~~~diff\n{made.diff}\n~~~~~~"
    display(Page(to_html(diff), made.diff))  # type: ignore[no-untyped-call]
    desk.shell.set_next_input(made.code)


VERBS: tuple[Verb, ...] = (
    Verb("card", "NAME", "what the model is told of a variable", card, 1, GROUP),
    Verb("lint", "NAME [TARGET]", "check a table, without any model", lint, 2, GROUP),
    Verb("next", "[NAME]", "ask for three next steps", next_steps, 1, GROUP, asks=True),
    Verb("fix", "[WORDS]", "ask how to mend the cell that failed last", fix, None, GROUP, asks=True),
    Verb("explain", "", "ask what the last error means", explain, 0, GROUP, asks=True),
    Verb("hide", "[COLUMN …]", "never tell the values of a column", hide, None, GROUP),
    Verb("unhide", "COLUMN …", "tell them again", unhide, None, GROUP),
    Verb("privacy", "", "what has left this kernel, and to whom", privacy, 0, GROUP),
)
