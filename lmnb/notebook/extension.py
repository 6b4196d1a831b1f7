"""Loading and unloading: what `%load_ext lmnb` puts into the shell, and takes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb import studio
from lmnb.notebook import verbs
from lmnb.notebook.await_rule import NAMES, AwaitRule
from lmnb.notebook.completion import Completion
from lmnb.notebook.desk import Desk
from lmnb.notebook.magics import ChatMagics, document
from lmnb.notebook.options import usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell


CELL = "Ask a local model; the cell is the prompt, its output is the answer."

LINE = """Ask a local model in one line, or tell lmnb what to do: `%chat help` lists the verbs.

Examples::

    %chat Why is a median more robust than a mean?
    %chat models
    %chat history"""


class Extension:
    """Everything lmnb adds to one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.desk = Desk(shell)
        self.magics = ChatMagics(self.desk)
        self.cell_magics = {name: document(self.magics.chat, name, f"{CELL}\n\n{usage()}") for name in NAMES}
        self.line_magics = {name: document(self.magics.line, name, LINE) for name in NAMES}
        self.rule = AwaitRule(shell, self.owns, self.owns_line, verbs.asks)
        self.completion = Completion(
            shell,
            verbs=_verbs,
            models=_models,
            talks=self.desk.talks.names,
            owned=self.owns,
            owned_line=self.owns_line,
        )
        self._taken: dict[str, Any] = {}

    def owns(self, name: str) -> bool:
        """Whether `%%name` is ours now."""
        return self._registered("cell").get(name) is self.cell_magics.get(name)

    def owns_line(self, name: str) -> bool:
        """Whether `%name` is ours now."""
        return self._registered("line").get(name) is self.line_magics.get(name)

    def load(self) -> None:
        """Register the magics, the rule and its events; begin to import the SDK in the background."""
        shell = self.shell
        for name, magic in self.cell_magics.items():
            self._tell_owner(name)
            shell.register_magic_function(magic, "cell", name)
        for name, magic in self.line_magics.items():
            shell.register_magic_function(magic, "line", name)
        shell.magics_manager.registry["ChatMagics"] = self.magics
        shell.input_transformers_cleanup.append(self.rule)
        shell.events.register("pre_run_cell", self.rule.enter)
        shell.events.register("post_run_cell", self.rule.leave)
        self.desk.recorder.register()
        self.completion.register()
        shell.configurables.append(self.desk.settings)  # type: ignore[arg-type]  # any configurable, for %config
        studio.begin_import()

    def unload(self) -> None:
        """Take out what `load` put in, and nothing else."""
        shell = self.shell
        for name in self.cell_magics:
            if self.owns(name):
                self._give_back(name)
        for name, magic in self.line_magics.items():
            if self._registered("line").get(name) is magic:
                del self._registered("line")[name]
        shell.magics_manager.registry.pop("ChatMagics", None)
        shell.input_transformers_cleanup.remove(self.rule)
        shell.events.unregister("pre_run_cell", self.rule.enter)
        shell.events.unregister("post_run_cell", self.rule.leave)
        self.desk.recorder.unregister()
        self.completion.unregister()
        shell.configurables.remove(self.desk.settings)  # type: ignore[arg-type]

    def _registered(self, kind: str) -> dict[str, Any]:
        magics: dict[str, Any] = self.shell.magics_manager.magics[kind]
        return magics

    def _tell_owner(self, name: str) -> None:
        other = self._registered("cell").get(name)
        if other is None:
            return
        self._taken[name] = other
        if name == "chat":
            where = getattr(other, "__module__", None) or type(other).__module__
            print(
                f"%%chat belonged to {where} and is lmnb's now; %%lm is a second name. "
                "`%unload_ext lmnb` gives it back."
            )

    def _give_back(self, name: str) -> None:
        if name in self._taken:
            self._registered("cell")[name] = self._taken.pop(name)
        else:
            del self._registered("cell")[name]


def _verbs() -> dict[str, str]:
    return {verb.name: verb.help for verb in verbs.table().values() if not verb.hidden}


def _models() -> Mapping[str, str]:
    return studio.known_models()  # which imports what %load_ext can do without


_loaded: dict[int, Extension] = {}


def load(shell: InteractiveShell) -> None:
    """`%load_ext lmnb`. A second call does nothing."""
    if id(shell) not in _loaded:
        _loaded[id(shell)] = Extension(shell)
        _loaded[id(shell)].load()


def unload(shell: InteractiveShell) -> None:
    """`%unload_ext lmnb`."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.unload()
