"""A conversation in a terminal, or one answer for a pipe."""

from __future__ import annotations

import queue
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from lmnb.cli.common import CommandError, add_host, command, in_shell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lmnb.answer import Answer
    from lmnb.chat.events import Event
    from lmnb.cli.common import Commands
    from lmnb.conversation import Conversation

PROMPT = "> "
HELLO = "Ctrl-C stops an answer, Ctrl-D ends the conversation."


def add(commands: Commands) -> None:
    """Declare the command."""
    one = command(commands, chat)
    one.add_argument("-m", "--model", metavar="KEY", help="the model; without it, the one that is loaded or there")
    one.add_argument("-s", "--system", metavar="TEXT", help="the system prompt")
    one.add_argument("-t", "--temperature", type=float, metavar="T")
    one.add_argument("--max-tokens", type=int, metavar="N", help="of an answer")
    add_host(one)
    one.add_argument("prompt", nargs="*", metavar="PROMPT", help="ask only this; `-` stands for standard input")


def chat(options: argparse.Namespace) -> int:
    """Talk to a model: with a prompt or piped input one answer, otherwise a conversation."""
    from lmnb.conversation import Conversation

    config = {"temperature": options.temperature, "maxTokens": options.max_tokens}
    conversation = Conversation(
        model=options.model,
        system=options.system,
        host=options.host,
        config={key: value for key, value in config.items() if value is not None},
    )
    prompt = _prompt(options.prompt)
    return _talk(conversation) if prompt is None else _answer(conversation, prompt)


def _prompt(words: Sequence[str]) -> str | None:
    """What is asked; None where a person is to type it."""
    if not words and sys.stdin.isatty():
        return None
    piped = sys.stdin.read() if not words or "-" in words else ""
    text = " ".join(f"\n\n{piped}\n\n" if word == "-" else word for word in words or ["-"]).strip()
    if not text:
        raise CommandError('There is nothing to ask: `lmnb chat "Why is the sky blue?"`, or `lmnb chat` for more.')
    return text


def _talk(conversation: Conversation) -> int:
    with suppress(ImportError):
        import readline  # noqa: F401  the arrow keys; not on Windows
    print(HELLO, file=sys.stderr)
    while True:
        try:
            prompt = input(PROMPT).strip()
        except EOFError:
            print()
            return 0
        except KeyboardInterrupt:
            print()
            continue
        if prompt:
            _answer(conversation, prompt)


def _answer(conversation: Conversation, prompt: str) -> int:
    """One turn, as it is written. Ctrl-C stops it, and keeps what is written."""
    answer = conversation.respond_stream(prompt)
    screen = _Screen(answer)
    try:
        answer.wait(tick=screen.tick)
    except KeyboardInterrupt:
        screen.end()
        print("Stopped.", file=sys.stderr)
        return 130
    screen.end()
    if (problem := answer.turn.problem) is not None:
        print(in_shell(problem), file=sys.stderr)
        return 1
    return 0


class _Screen:
    """An answer in a terminal or in a pipe. Only the answer goes to standard output; only the main thread prints."""

    def __init__(self, answer: Answer) -> None:
        from lmnb import studio

        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._terminal = sys.stdout.isatty()
        self._bar = studio.Bar("The model", sys.stderr)
        self._kind = ""
        self._last = ""
        answer.listen(self._events.put)

    def tick(self) -> None:
        """Print what has come since the last beat."""
        while not self._events.empty():
            self._print(self._events.get())
        sys.stdout.flush()

    def end(self) -> None:
        """The end of the line."""
        self.tick()
        self._bar.clear()
        if self._last and not self._last.endswith("\n"):
            print(flush=True)

    def _print(self, event: Event) -> None:
        from lmnb.chat.events import Fragment, Loading, Noticed, Reading

        match event:
            case Fragment(content, kind):
                self._bar.clear()
                self._write(content, kind)
            case Noticed(text):
                self._bar.clear()
                print(text, file=sys.stderr, flush=True)
            case Loading(_, progress) if sys.stderr.isatty():
                self._bar.share("loading", progress)
            case Reading(_, progress) if sys.stderr.isatty():
                self._bar.share("reading the prompt", progress)
            case _:
                pass

    def _write(self, content: str, kind: str) -> None:
        from lmnb.chat.strangers import plain

        if not self._terminal:
            if kind == "text":  # a file wants the answer, as it is
                sys.stdout.write(content)
                self._last = content
            return
        if self._kind not in {"", kind}:
            print("\n")
        self._kind, self._last = kind, plain(content)
        sys.stdout.write(f"\x1b[2m{self._last}\x1b[22m" if kind == "reasoning" else self._last)
