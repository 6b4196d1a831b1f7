"""The page that is not there: what a front end keeps of a kernel's messages, and what it says back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.harness import RealKernel

WIDGET = "application/vnd.jupyter.widget-view+json"
Message = dict[str, Any]


@dataclass
class Run:
    """One execute request and what came of it."""

    id: str
    code: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    reply: Message | None = None
    idle: bool = False
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Whether reply and idle status are both there."""
        return self.idle and self.reply is not None

    @property
    def seconds(self) -> float:
        """How long the cell took."""
        assert self.ended is not None
        return self.ended - self.began

    @property
    def status(self) -> str:
        """`ok`, `error` or `aborted`."""
        assert self.reply is not None
        return str(self.reply["content"]["status"])

    @property
    def printed(self) -> str:
        """What went to stdout and stderr."""
        return "".join(output["text"] for output in self.outputs if output["output_type"] == "stream")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Error outputs."""
        return [output for output in self.outputs if output["output_type"] == "error"]

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The outputs that hold an answer, live or settled."""
        return [output for output in self.outputs if "lmnb" in output.get("metadata", {})]

    @property
    def chat(self) -> dict[str, Any]:
        """The one output that holds an answer."""
        (one,) = self.chats
        return one

    @property
    def turn(self) -> dict[str, Any]:
        """The turn as it is saved with the one answer."""
        turn: dict[str, Any] = self.chat["metadata"]["lmnb"]["turn"]
        return turn

    @property
    def html(self) -> str:
        """The saved form of the one answer."""
        return str(self.chat["data"]["text/html"])

    @property
    def plain(self) -> str:
        """The plain form of the one answer."""
        return str(self.chat["data"]["text/plain"])


@dataclass
class View:
    """What a front end knows of one widget model, kept as the wire's rules say."""

    model_id: str
    state: dict[str, Any]
    customs: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False
    shown: bool = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return str(self.state.get("text", ""))

    @property
    def status(self) -> str:
        """What the turn is doing."""
        return str(self.state.get("state", {}).get("status", ""))

    def kinds(self) -> list[str]:
        """The kinds of messages that came, in order."""
        return [content["kind"] for _, content in self.customs]

    def take(self, content: dict[str, Any]) -> bool:
        """Follow one custom message; False where a message before it is missing."""
        self.customs.append((time.monotonic(), content))
        seq = self.state.get("seq", 0)
        if content["kind"] == "snapshot" and content["seq"] >= seq:
            self.state |= {key: value for key, value in content.items() if key != "kind"}
        elif content["kind"] == "append":
            if content["seq"] > seq + 1:
                return False
            if content["seq"] == seq + 1:
                for key in ("text", "reasoning"):
                    self.state[key] = self.state.get(key, "") + content.get(key, "")
                self.state |= {"seq": content["seq"]} | ({"state": content["state"]} if "state" in content else {})
        return True


class FrontEnd:
    """The page beside a kernel: follows comms, says hello, settles outputs.

    Attributes:
        settles: Whether it answers `settle`, as a page with the notebook open does.
        greets: Whether it says `hello` when a view is shown, as any page does.
        loses: Custom messages that it never sees, as with a rate limit: asked for each one.
    """

    def __init__(self, kernel: RealKernel) -> None:
        self.kernel = kernel
        self.models: dict[str, View] = {}
        self.settles = self.greets = True
        self.loses: Callable[[dict[str, Any]], bool] = lambda _content: False
        self.subshell: str | None = None

    @property
    def view(self) -> View:
        """The view that was shown last."""
        return [view for view in self.models.values() if view.shown][-1]

    def say(self, view: View, **content: Any) -> None:
        """Send a custom message from a view to its model, over the subshell where there is one."""
        message = {"comm_id": view.model_id, "data": {"method": "custom", "content": content}}
        self.kernel.send("comm_msg", message, subshell=self.subshell)

    def hear(self, message: Message) -> None:
        """Take a message of the iopub channel."""
        content = message["content"]
        match message["msg_type"]:
            case "comm_open" if content["target_name"] == "jupyter.widget":
                self.models[content["comm_id"]] = View(content["comm_id"], dict(content["data"]["state"]))
            case "comm_close" if content["comm_id"] in self.models:
                self.models[content["comm_id"]].closed = True
            case "comm_msg" if content["comm_id"] in self.models:
                self._message(self.models[content["comm_id"]], content["data"])
            case "display_data" if WIDGET in content["data"]:
                view = self.models[content["data"][WIDGET]["model_id"]]
                view.shown = True
                if self.greets:
                    self.say(view, kind="hello")

    def _message(self, view: View, data: dict[str, Any]) -> None:
        if data["method"] == "update":
            view.state |= data["state"]
        elif data["method"] == "custom" and not self.loses(data["content"]):
            if not view.take(data["content"]):
                self.say(view, kind="resync", seq=view.state.get("seq", 0))
            if data["content"]["kind"] == "settle" and self.settles:
                count = self.kernel.replace(view.model_id, data["content"]["bundle"])
                self.say(view, kind="settled", count=count)
