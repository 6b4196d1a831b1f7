"""Files that clients upload: whose they are, how long they stay, how many there may be, what models hear of them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile

import lmstudio as lms
import pytest

from lmnb.server import files
from tests.server.conftest import script, until
from tests.server.frames import asked

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10
SOMEBODY = {"authVersion": 1, "clientIdentifier": "somebody", "clientPasskey": "else"}
WHICH = script({"files": True})


def parameter(content=PNG, name="dot.png"):
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    return {"name": name, "contentBase64": text}


def upload(frames, content=PNG, name="dot.png"):
    """Upload a file. Returns the part of a message that names it."""
    found = frames.call("uploadFileBase64", parameter(content, name))
    return {"type": "file", "name": name, **found}


def about(part, text=WHICH):
    """The parameter of `predict` that asks about a file."""
    wanted = asked(text)
    wanted["history"]["messages"][0]["content"].append(part)
    return wanted


def told(frames, part, text=WHICH):
    """What a model was told of a file, or the error."""
    packets = frames.packets(frames.open("predict", about(part, text)))
    if packets[-1]["type"] == "channelError":
        return packets[-1]["error"]["title"]
    return "".join(packet["fragment"]["content"] for packet in packets[:-1] if packet["type"] == "fragment")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a server in this process keeps files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: [file for home in tmp_path.glob("lmnb-files-*") for file in home.iterdir()]


@pytest.fixture
def own(own_loop, folder, open_frames):
    """A connection to the files of a server in this process."""
    return open_frames("files", host=own_loop.host)


# ---- uploading


def test_an_upload_has_a_name_of_its_own_each_time(open_frames):
    room = open_frames("files")
    one, two = upload(room), upload(room)
    assert one["identifier"] != two["identifier"]
    assert len(one["identifier"]) == 32
    assert (one["fileType"], one["sizeBytes"]) == ("image", len(PNG))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", PNG, "image"),
        ("a.txt", PNG, "image"),  # the bytes are believed, not the name
        ("a.jpg", b"\xff\xd8\xff\xe0 JFIF", "image"),
        ("a.gif", b"GIF89a....", "image"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image"),
        ("a.bmp", b"BM\0\0\0\0", "image"),
        ("a.png", b"no picture", "text/other"),
        ("a.png", b"\0\0\0", "unknown"),
        ("a.pdf", b"%PDF-1.7 \xe2\xe3", "application/pdf"),
        ("a.docx", b"PK\x03\x04\x14\0", "application/word"),
        ("a.zip", b"PK\x03\x04\x14\0", "unknown"),
        ("a.txt", "für Élise".encode(), "text/plain"),
        ("README", b"", "text/plain"),
        ("a.py", b"print(1)", "text/other"),
        ("a.txt", b"caf\xe9", "unknown"),
        ("../../etc/passwd", b"x", "text/plain"),
    ],
)
def test_what_a_file_is(open_frames, name, content, kind):
    found = upload(open_frames("files"), content, name)
    assert (found["fileType"], found["sizeBytes"]) == (kind, len(content))


def test_a_letter_may_lie_across_the_end_of_what_is_looked_at():
    text = ("a" * ((1 << 16) - 1) + "é" * 10).encode()
    assert files.kind("a.txt", text[: 1 << 16], whole=False) == "text/plain"
    assert files.kind("a.txt", text[: 1 << 16], whole=True) == "unknown"


@pytest.mark.parametrize("text", ["*", "YQ", "YQ=", "YQ==YQ==", "YWJj\n", "data:image/png;base64,YWJj", "é" * 4])
def test_what_is_no_base64_is_refused(own, folder, text):
    answer = own.answer("uploadFileBase64", parameter(text))
    assert answer["error"]["title"] == "The content of “dot.png” is no base64."
    until(lambda: folder() == [])


def test_an_end_in_the_middle_of_base64_is_seen(own, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 4)
    assert "is no base64" in own.answer("uploadFileBase64", parameter("YQ==YWJj"))["error"]["title"]
    assert upload(own, b"abcdefgh")["sizeBytes"] == 8


def test_a_large_file_arrives_whole(open_frames, frames):
    content = os.urandom(20_000_000)
    part = upload(open_frames("files"), content, "noise.txt")
    assert part["sizeBytes"] == len(content)
    frames.load("scripted-vision")
    part = upload(open_frames("files"), PNG + content, "noise.png")
    assert json.loads(told(frames, part))[0]["sha256"] == hashlib.sha256(PNG + content).hexdigest()


@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [
        ("LARGEST", 999, "“dot.png” has 0 MB; a file may have 0 MB."),
        ("MOST_OF_CLIENT", 2, "This client has 2 files here already"),
        ("BYTES_OF_CLIENT", 2500, "This client has 2 files here already"),
        ("MOST_BYTES", 2500, "All clients together have 0 MB of files here"),
    ],
)
def test_there_is_only_so_much_room(own, folder, monkeypatch, limit, value, says):
    upload(own, b"x" * 999)
    upload(own, b"x" * 999)
    monkeypatch.setattr(files, limit, value)
    assert says in own.answer("uploadFileBase64", parameter(b"x" * 1000))["error"]["title"]
    assert len(folder()) == 2


def test_room_is_free_again_when_a_client_has_gone(own_loop, own, folder, open_frames, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    other = open_frames("files", host=own_loop.host, hello=SOMEBODY)
    upload(other, b"x" * 1000)
    assert own.answer("uploadFileBase64", parameter(b"x"))["type"] == "rpcError"
    other.close()
    until(lambda: folder() == [])
    assert upload(own, b"x" * 1000)


def test_nothing_is_left_of_a_client_that_vanishes_while_it_uploads(own_loop, own, folder, monkeypatch):
    whole = files._decoded
    going = []

    def slowly(text):
        going.append(text)
        until(lambda: len(going) > 1)
        return whole(text)

    monkeypatch.setattr(files, "_decoded", slowly)
    own.ask("uploadFileBase64", parameter())
    until(lambda: going and folder())
    own.cut()
    until(lambda: own_loop.visitors.alone_for)
    going.append("go on")
    until(lambda: folder() == [])


def test_large_files_of_a_client_come_one_after_the_other(own, monkeypatch):
    whole = files._decoded
    at_once, most = [], []

    def counted(text):
        at_once.append(text)
        most.append(len(at_once))
        yield from whole(text)
        at_once.pop()

    monkeypatch.setattr(files, "_decoded", counted)
    numbers = [own.ask("uploadFileBase64", parameter(b"x" * 1_000_000)) for _ in range(10)]
    assert [own.hear()["callId"] for _ in numbers] == numbers
    assert set(most) == {1}


def test_the_folder_is_for_this_user_only(own, folder):
    upload(own)
    home = folder()[0].parent
    assert home.stat().st_mode & 0o077 == 0
    assert "dot" not in folder()[0].name


def test_a_folder_that_was_tidied_up_is_made_again(own, folder):
    upload(own)
    kept = folder()[0]
    kept.unlink()
    kept.parent.rmdir()
    assert upload(own)


def test_a_disk_that_cannot_be_written_is_said(own, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    error = own.answer("uploadFileBase64", parameter())["error"]
    assert (error["title"], error["cause"]) == (
        "The file cannot be kept on this computer's disk.",
        "No such file or directory",
    )


@pytest.mark.parametrize("call", ["getLocalFileAbsolutePath", "getDocumentParsingLibrary"])
def test_what_is_not_told_or_done(open_frames, call):
    answer = open_frames("files").answer(call, {"fileName": "../../etc/passwd", "fileIdentifier": "x"})
    assert answer["error"]["title"].startswith("lmnb's own server does not ")


def test_documents_are_not_searched(open_frames):
    room = open_frames("files")
    for name in ("retrieve", "parseDocument"):
        assert "use LM Studio" in room.packets(room.open(name, {}))[-1]["error"]["title"]


# ---- whose they are


def test_a_file_is_known_in_all_connections_of_its_client_and_in_no_other(open_frames, frames):
    part = upload(open_frames("files"), b"Rhubarb.", "note.txt")
    frames.load()
    assert json.loads(told(frames, part))[0]["name"] == "note.txt"
    stranger = open_frames(hello=SOMEBODY)
    assert told(stranger, part) == "The file “note.txt” is not here."


def test_a_file_stays_until_the_last_connection_of_its_client_closes(own_loop, own, folder, open_frames):
    model = open_frames(host=own_loop.host)
    part = upload(own, b"Rhubarb.", "note.txt")
    own.close()
    model.load()
    assert json.loads(told(model, part))[0]["name"] == "note.txt"
    model.close()
    until(lambda: folder() == [])
    again = open_frames(host=own_loop.host)
    assert told(again, part) == "The file “note.txt” is not here."


# ---- what models are told


def test_a_model_that_sees_is_shown_a_picture(sdk):
    picture = sdk.prepare_image(PNG, "dot.png")
    model = sdk.llm.load_new_instance("scripted-vision")
    assert model.get_info().vision
    chat = lms.Chat()
    chat.add_user_message("What is it?", images=[picture])
    assert model.respond(chat).content == f"You said: What is it? I was given the image “dot.png” of {len(PNG)} bytes."
    assert "<user>What is it?<picture>\n</user>" in model.apply_prompt_template(chat)


def test_a_model_that_does_not_see_refuses_a_picture(sdk):
    picture = sdk.prepare_image(PNG, "dot.png")
    model = sdk.llm.load_new_instance("scripted")
    assert not model.get_info().vision
    chat = lms.Chat()
    chat.add_user_message("What is it?", images=[picture])
    for ask in (model.respond, model.apply_prompt_template):
        with pytest.raises(lms.LMStudioServerError, match=r"“scripted” cannot look at pictures, and “dot\.png” is one"):
            ask(chat)


def test_a_picture_that_calls_itself_text_is_a_picture(open_frames, frames):
    part = upload(open_frames("files")) | {"fileType": "text/plain"}
    frames.load()
    assert "cannot look at pictures" in told(frames, part)


def test_a_text_is_given_in_words(sdk):
    note = sdk.files._prepare_file("\ufeffA rhubarb cake.".encode(), "cake.md")
    chat = lms.Chat()
    chat.add_user_message(["Look. ", note])
    read = sdk.llm.load_new_instance("scripted").apply_prompt_template(chat)
    assert read == "<user>Look. The file “cake.md”:\n\nA rhubarb cake.\n\nThe end of “cake.md”.\n\n</user>\n"


def test_what_is_neither_is_refused(open_frames, frames):
    part = upload(open_frames("files"), b"%PDF-1.7", "paper.pdf")
    frames.load()
    assert told(frames, part) == "“paper.pdf” is neither a picture nor text: it cannot be read here."


def test_one_that_sees_is_found_by_that(frames):
    query = {"specifier": {"type": "query", "query": {"vision": True}}, "throwIfNotFound": True}
    frames.load()
    assert frames.answer("getModelInfo", query)["type"] == "rpcError"
    frames.load("scripted-vision")
    assert frames.call("getModelInfo", query)["identifier"] == "scripted-vision"
