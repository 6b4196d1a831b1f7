"""What crosses a websocket: the frames both ways, and the parts of requests that several endpoints share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Id = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""Chosen by the client, as large as JavaScript can count."""


class Camel(msgspec.Struct, rename="camel", kw_only=True):
    """A struct whose fields are camelCase on the wire; fields nobody knows are passed over."""


# ---- frames from the client


class Hello(Camel):
    """The first frame: who is there."""

    auth_version: Literal[1]
    client_identifier: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    client_passkey: Annotated[str, msgspec.Meta(max_length=256)]


class RpcCall(Camel, tag_field="type", tag="rpcCall"):
    """One question with one answer."""

    endpoint: str
    call_id: Id
    parameter: Any = None


class ChannelCreate(Camel, tag_field="type", tag="channelCreate"):
    """The beginning of a conversation between client and server."""

    endpoint: str
    channel_id: Id
    creation_parameter: Any = None


class ChannelSend(Camel, tag_field="type", tag="channelSend"):
    """A message in a channel; one with an `ackId` wants to be confirmed."""

    channel_id: Id
    message: Any = None
    ack_id: Id | None = None


class ChannelAck(Camel, tag_field="type", tag="channelAck"):
    """The client has read one of ours that asked for it; none of ours does."""

    channel_id: Id
    ack_id: Id


class ClientWarned(Camel, tag_field="type", tag="communicationWarning"):
    """The client has not understood one of ours."""

    warning: str = ""


class KeepAlive(Camel, tag_field="type", tag="keepAlive"):
    """Nothing but a sign of life."""


ClientFrame = RpcCall | ChannelCreate | ChannelSend | ChannelAck | ClientWarned | KeepAlive


# ---- frames to the client


class RpcResult(Camel, tag_field="type", tag="rpcResult"):
    """The answer. No `result` at all means void, which JavaScript clients check."""

    call_id: int
    result: Any = msgspec.UNSET


class RpcError(Camel, tag_field="type", tag="rpcError"):
    """No answer, and why."""

    call_id: int
    error: dict[str, Any]


class ChannelMessage(Camel, tag_field="type", tag="channelSend"):
    """A packet in a channel."""

    channel_id: int
    message: Any


class ChannelClose(Camel, tag_field="type", tag="channelClose"):
    """The channel has come to its end."""

    channel_id: int


class ChannelError(Camel, tag_field="type", tag="channelError"):
    """The channel has failed."""

    channel_id: int
    error: dict[str, Any]


class Acked(Camel, tag_field="type", tag="channelAck"):
    """A message of the client that wanted confirmation was read."""

    channel_id: int
    ack_id: int


class KeepAliveAck(Camel, tag_field="type", tag="keepAliveAck"):
    """The answer to a sign of life."""


class Warned(Camel, tag_field="type", tag="communicationWarning"):
    """The client has said what the protocol does not know."""

    warning: str
    kind: str


# ---- shared parts of requests


class Field(Camel):
    """One setting by its dotted key."""

    key: str
    value: Any = None


class KVConfig(Camel):
    """Settings."""

    fields: list[Field]


class Layer(Camel):
    """Settings of one origin."""

    layer_name: str
    config: KVConfig


class ConfigStack(Camel):
    """Settings of several origins; later layers win."""

    layers: list[Layer] = []


class Query(Camel):
    """Which loaded model is meant, by what is known of it."""

    domain: str | None = None
    identifier: str | None = None
    path: str | None = None
    vision: bool | None = None


class ByQuery(Camel, tag_field="type", tag="query"):
    """A loaded model by query."""

    query: Query


class ByReference(Camel, tag_field="type", tag="instanceReference"):
    """This very instance."""

    instance_reference: str


Specifier = ByQuery | ByReference


class TextPart(Camel, tag_field="type", tag="text"):
    """Words."""

    text: str


class FilePart(Camel, tag_field="type", tag="file"):
    """A file that was uploaded before."""

    name: str
    identifier: str
    size_bytes: int
    file_type: str


class ToolCallRequest(Camel):
    """What a model wants done."""

    name: str
    type: str = "function"
    id: str | None = None
    arguments: dict[str, Any] | None = None


class ToolRequestPart(Camel, tag_field="type", tag="toolCallRequest"):
    """The model's wish, in its own message."""

    tool_call_request: ToolCallRequest


class ToolResultPart(Camel, tag_field="type", tag="toolCallResult"):
    """What came of it."""

    content: str
    tool_call_id: str | None = None
    name: str | None = None


Part = TextPart | FilePart | ToolRequestPart | ToolResultPart


class Message(Camel):
    """One message of a history."""

    role: Literal["system", "user", "assistant", "tool"]
    content: list[Part]

    @property
    def text(self) -> str:
        """Its words, joined."""
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


class History(Camel):
    """What was said so far."""

    messages: list[Message]


class Progress(Camel, tag_field="type", tag="promptProcessingProgress"):
    """How much of the prompt was read, 0 to 1."""

    progress: float
    details: dict[str, int]


class FragmentBody(Camel):
    """A piece of an answer."""

    content: str
    tokens_count: int
    contains_drafted: bool = False
    reasoning_type: str = "none"
    is_structural: bool = False


class Fragment(Camel, tag_field="type", tag="fragment"):
    """A piece of an answer, as a packet."""

    fragment: FragmentBody


encode = msgspec.json.Encoder().encode
decode_hello = msgspec.json.Decoder(Hello).decode
_decode_frame: Callable[[str | bytes], ClientFrame] = msgspec.json.Decoder(ClientFrame).decode


def decode_frame(text: str | bytes) -> ClientFrame:
    """The frame that a text is.

    Raises:
        msgspec.MsgspecError: If it is none.
        RecursionError: If it is nested too deeply.
        UnicodeDecodeError: If it is no text.
    """
    try:
        return _decode_frame(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Python's json writes half an emoji as it is, msgspec does not read it: a prompt cut by JavaScript ends so.
        loose = loosely(text)
        if loose is None:
            raise
        return _decode_frame(json.dumps(loose, ensure_ascii=False).encode("utf-8", "replace"))


def loosely(text: str | bytes) -> dict[str, Any] | None:
    """What can be made out of a frame that is not quite right, None if that is nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
