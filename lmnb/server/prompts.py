"""What the model reads: from a history to messages, from a template to text."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from lmnb.server.errors import ServerError
from lmnb.server.files import not_here
from lmnb.server.wire import FilePart, TextPart, ToolRequestPart, ToolResultPart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmnb.server.files import Upload
    from lmnb.server.wire import History, Message, Part

    Files = Mapping[str, Upload]

CALL, END_CALL = "[TOOL_REQUEST]", "[END_TOOL_REQUEST]"
RESULT, END_RESULT = "[TOOL_RESULT]", "[END_TOOL_RESULT]"


def plain_text(history: History) -> str:
    """All words of a history."""
    return "\n".join(
        part.text if isinstance(part, TextPart) else part.content if isinstance(part, ToolResultPart) else ""
        for message in history.messages
        for part in message.content
    )


def messages(history: History, files: Files, *, native_tools: bool, marker: str = "") -> list[dict[str, Any]]:
    """The history as chat messages. Blocks: files are read.

    Args:
        history: As it came over the wire.
        files: Those it names, by identifier.
        native_tools: Whether the model's own template knows of tools; else their calls and results become text.
        marker: What stands where a picture is.

    Raises:
        ServerError: If one of the files is not there.
    """
    made: list[dict[str, Any]] = []
    for message in history.messages:
        if message.role == "tool":
            made += _tool_results(message, native_tools)
        else:
            made.append(_message(message, files, native_tools, marker))
    return made


def pictures(history: History, files: Files) -> list[Upload]:
    """The pictures of a history, in the order of their markers."""
    parts = (part for message in history.messages if message.role != "tool" for part in message.content)
    found = (files[part.identifier] for part in parts if isinstance(part, FilePart) and part.identifier in files)
    return [upload for upload in found if upload.is_image]


def _tool_results(message: Message, native: bool) -> list[dict[str, Any]]:
    results = [part for part in message.content if isinstance(part, ToolResultPart)]
    if native:
        return [{"role": "tool", "tool_call_id": part.tool_call_id or "", "content": part.content} for part in results]
    return [{"role": "user", "content": f"{RESULT}\n{part.content}\n{END_RESULT}"} for part in results]


def _message(message: Message, files: Files, native: bool, marker: str) -> dict[str, Any]:
    calls = [part.tool_call_request for part in message.content if isinstance(part, ToolRequestPart)]
    content = "".join(_words(part, files, marker) for part in message.content)
    made: dict[str, Any] = {"role": message.role, "content": content}
    if calls and native:
        made["tool_calls"] = [
            {
                "id": call.id or "",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments or {})},
            }
            for call in calls
        ]
    elif calls:
        made["content"] += "".join(
            f"{CALL}\n{json.dumps({'name': call.name, 'arguments': call.arguments or {}})}\n{END_CALL}"
            for call in calls
        )
    return made


def _words(part: Part, files: Files, marker: str) -> str:
    """What a part of a message is in the prompt."""
    match part:
        case TextPart(text=text):
            return text.replace(marker, "") if marker else text  # or it would ask for a picture more than there are
        case FilePart():
            upload = files.get(part.identifier)
            if upload is None:
                raise not_here(part.name)
            return f"{marker}\n" if upload.is_image else _document(upload)
        case _:
            return ""


def _document(upload: Upload) -> str:
    text = upload.read().decode("utf-8-sig", "replace")
    return f"The file “{upload.name}”:\n\n{text}\n\nThe end of “{upload.name}”.\n\n"


def looked_at(said: list[dict[str, Any]], shown: Sequence[Upload], marker: str) -> list[dict[str, Any]]:
    """The messages with the pictures in the place of their markers, as the engine's chat wants them. Blocks."""
    left = iter(shown)
    return [{**each, "content": _seen(each["content"], left, marker)} for each in said]


def _seen(content: str, left: Iterator[Upload], marker: str) -> str | list[dict[str, Any]]:
    first, *more = content.split(marker)
    parts: list[dict[str, Any]] = [{"type": "text", "text": first}]
    for text in more:
        url = f"data:application/octet-stream;base64,{base64.b64encode(next(left).read()).decode()}"
        parts += [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
    return parts if more else content


def with_tools(said: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, told which tools there are; for models whose template does not say it."""
    if not tools:
        return said
    listed = "\n".join(json.dumps(tool["function"]) for tool in tools)
    told = (
        f"You can call these tools:\n{listed}\n\nTo call a tool, answer only with:\n{CALL}\n"
        f'{{"name": "tool_name", "arguments": {{...}}}}\n{END_CALL}\n'
        "After the tool result is given, answer the user in plain words."
    )
    if said and said[0]["role"] == "system":
        return [{**said[0], "content": f"{said[0]['content']}\n\n{told}"}, *said[1:]]
    return [{"role": "system", "content": told}, *said]


def render(template: dict[str, Any], said: list[dict[str, Any]]) -> str:
    """The messages in a template that came with the request; text completion comes as one.

    Raises:
        ServerError: If the template is not valid.
    """
    if template.get("type") == "jinja":
        return _jinja(template["jinjaPromptTemplate"], said)
    manual = template["manualPromptTemplate"]
    names = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "User"}
    parts = [
        f"{manual['before' + names[each['role']]]}{each['content']}{manual['after' + names[each['role']]]}"
        for each in said
    ]
    return "".join([*parts, manual["beforeAssistant"]])


def _jinja(template: dict[str, Any], said: list[dict[str, Any]]) -> str:
    import jinja2  # noqa: PLC0415  0.16 s
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template["template"]).render(
            messages=said,
            add_generation_prompt=True,
            bos_token=template.get("bosToken", ""),
            eos_token=template.get("eosToken", ""),
        )
    except jinja2.TemplateError as error:
        raise ServerError("The prompt template is not valid.", cause=str(error)) from None
