"""The programs of LM Studio's page "Chat Completions" for Python, run one after the other: `snippets.py [FILE.gguf]`.

The page's repository states no licence, so its words and comments are not here; the calls are the page's, in its order
and in its three styles. A step that goes on from an earlier one follows it. A line of JSON per program.

This process only starts a server of its own and says where it is: to the convenience API by `default=True`, to the
others, which look at LM Studio's ports, by that server's port. Without a file it does not even that: the programs run
as they are, and find the server that stands where they look.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import sys
import textwrap
import traceback

# ---- what stands on the page

QUICK = """
import lmstudio as lms

model = lms.llm()
print(model.respond("What is the meaning of life?"))
"""

QUICK_SCOPED = """
import lmstudio as lms

with lms.Client() as client:
    model = client.llm.model()
    print(model.respond("What is the meaning of life?"))
"""

QUICK_ASYNC = """
import lmstudio as lms

async with lms.AsyncClient() as client:
    model = await client.llm.model()
    print(await model.respond("What is the meaning of life?"))
"""

STREAM = """
import lmstudio as lms
model = lms.llm()

for fragment in model.respond_stream("What is the meaning of life?"):
    print(fragment.content, end="", flush=True)
print()
"""

STREAM_SCOPED = """
import lmstudio as lms

with lms.Client() as client:
    model = client.llm.model()

    for fragment in model.respond_stream("What is the meaning of life?"):
        print(fragment.content, end="", flush=True)
    print()
"""

STREAM_ASYNC = """
import lmstudio as lms

async with lms.AsyncClient() as client:
    model = await client.llm.model()

    async for fragment in model.respond_stream("What is the meaning of life?"):
        print(fragment.content, end="", flush=True)
    print()
"""

MODEL = """
import lmstudio as lms

model = lms.llm("qwen2.5-7b-instruct")
"""

MODEL_SCOPED = """
import lmstudio as lms

with lms.Client() as client:
    model = client.llm.model("qwen2.5-7b-instruct")
"""

MODEL_ASYNC = """
import lmstudio as lms

async with lms.AsyncClient() as client:
    model = await client.llm.model("qwen2.5-7b-instruct")
"""

CONTEXT = """
import lmstudio as lms

chat = lms.Chat("You are a resident AI philosopher.")

chat.add_user_message("What is the meaning of life?")
"""

RESPOND = """
result = model.respond(chat)

print(result)
"""

RESPOND_STREAM = """
prediction_stream = model.respond_stream(chat)

for fragment in prediction_stream:
    print(fragment.content, end="", flush=True)
print()
"""

RESPOND_ASYNC = """
result = await model.respond(chat)

print(result)
"""

RESPOND_STREAM_ASYNC = """
prediction_stream = await model.respond_stream(chat)

async for fragment in prediction_stream:
    print(fragment.content, end="", flush=True)
print()
"""

CONFIG = """
result = model.respond(chat, config={
    "temperature": 0.6,
    "maxTokens": 50,
})
"""

CONFIG_STREAM = """
prediction_stream = model.respond_stream(chat, config={
    "temperature": 0.6,
    "maxTokens": 50,
})
"""

CONFIG_ASYNC = """
result = await model.respond(chat, config={
    "temperature": 0.6,
    "maxTokens": 50,
})
"""

CONFIG_STREAM_ASYNC = """
prediction_stream = await model.respond_stream(chat, config={
    "temperature": 0.6,
    "maxTokens": 50,
})
"""

STATS = """
print("Model used:", result.model_info.display_name)
print("Predicted tokens:", result.stats.predicted_tokens_count)
print("Time to first token (seconds):", result.stats.time_to_first_token_sec)
print("Stop reason:", result.stats.stop_reason)
"""

STATS_STREAM = """
result = prediction_stream.result()

print("Model used:", result.model_info.display_name)
print("Predicted tokens:", result.stats.predicted_tokens_count)
print("Time to first token (seconds):", result.stats.time_to_first_token_sec)
print("Stop reason:", result.stats.stop_reason)
"""

CHATBOT = """
import lmstudio as lms

model = lms.llm()
chat = lms.Chat("You are a task focused AI assistant")

while True:
    try:
        user_input = input("You (leave blank to exit): ")
    except EOFError:
        print()
        break
    if not user_input:
        break
    chat.add_user_message(user_input)
    prediction_stream = model.respond_stream(
        chat,
        on_message=chat.append,
    )
    print("Bot: ", end="", flush=True)
    for fragment in prediction_stream:
        print(fragment.content, end="", flush=True)
    print()
"""

PROGRESS = """
import lmstudio as lms

llm = lms.llm()

response = llm.respond(
    "What is LM Studio?",
    on_prompt_processing_progress = (lambda progress: print(f"{progress*100}% complete")),
)
"""

PROGRESS_SCOPED = """
import lmstudio as lms

with lms.Client() as client:
    llm = client.llm.model()

    response = llm.respond(
        "What is LM Studio?",
        on_prompt_processing_progress = (lambda progress: print(f"{progress*100}% complete")),
    )
"""

PROGRESS_ASYNC = """
import lmstudio as lms

async with lms.AsyncClient() as client:
    llm = await client.llm.model()

    response = await llm.respond(
        "What is LM Studio?",
        on_prompt_processing_progress = (lambda progress: print(f"{progress*100}% complete")),
    )
"""

ITERATE = """
for _ in prediction_stream:
    pass
"""
"""Ours: the page prints the numbers of a stream "after iterating through the prediction fragments"."""


AS_PRINTED = "streaming, asynchronous, as printed"
"""The page forgets an `await` here; no server can make that run."""


def inside(client: str, *steps: str) -> str:
    """Steps in the scope of a client: outside of it, its models are gone."""
    return client + "".join(textwrap.indent(step, "    ") for step in steps)


PROGRAMS = {
    "quick": QUICK,
    "quick, scoped": QUICK_SCOPED,
    "quick, asynchronous": QUICK_ASYNC,
    "streaming": STREAM,
    "streaming, scoped": STREAM_SCOPED,
    "streaming, asynchronous": STREAM_ASYNC.replace("in model", "in await model"),
    AS_PRINTED: STREAM_ASYNC,
    "step by step": MODEL + CONTEXT + RESPOND + CONFIG + STATS,
    "step by step, streaming": MODEL + CONTEXT + RESPOND_STREAM + CONFIG_STREAM + ITERATE + STATS_STREAM,
    "step by step, scoped": inside(MODEL_SCOPED, CONTEXT, RESPOND, CONFIG, STATS),
    "step by step, asynchronous": inside(MODEL_ASYNC, CONTEXT, RESPOND_ASYNC, CONFIG_ASYNC, STATS),
    "step by step, asynchronous, streaming": inside(
        MODEL_ASYNC,
        CONTEXT,
        RESPOND_STREAM_ASYNC,
        CONFIG_STREAM_ASYNC,
        ITERATE.replace("for", "async for"),
        STATS_STREAM,
    ),
    "chatbot": CHATBOT,
    "progress": PROGRESS,
    "progress, scoped": PROGRESS_SCOPED,
    "progress, asynchronous": PROGRESS_ASYNC,
}

TYPED = "What is the capital of France?\nAnd of Italy?\n"
"""What the person types at the chatbot; then standard input ends."""


# ---- how they are run


def run(text: str) -> dict[str, str | None]:
    """Run a program as `python -m asyncio` would: what it printed, what the SDK warned of, how it failed."""
    code = compile(text, "snippet", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed, warned, error = io.StringIO(), io.StringIO(), None
    sys.stdin = io.StringIO(TYPED)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(warned):
        try:
            ended = eval(code, {"__name__": "__main__"})
            if inspect.iscoroutine(ended):
                asyncio.run(ended)
        except Exception:  # noqa: BLE001  whatever it was, the test says it
            error = traceback.format_exc()
    return {"printed": printed.getvalue(), "warned": warned.getvalue(), "error": error}


def main() -> None:
    """Run all of them against one server."""
    if len(sys.argv) == 1:
        run_all()
        return
    from lmstudio.json_api import ClientBase

    import lmnb

    with lmnb.start_server(models=[sys.argv[1]], default=True) as server:
        ClientBase._DEFAULT_API_PORTS = (int(server.host.rpartition(":")[2]),)
        run_all()


def run_all() -> None:
    """Each of them, after what the page begins with: a model that is loaded."""
    import lmstudio as lms

    # Its answers end where its context does: this one likes to talk.
    lms.llm("qwen2.5-7b-instruct", config={"contextLength": 96})
    for name, text in PROGRAMS.items():
        print(json.dumps({"name": name, **run(text)}), flush=True)


if __name__ == "__main__":
    main()
