"""What went wrong, from the SDK's exceptions to sentences with a next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmnb.chat.problems import ChatError, Problem
from lmnb.studio import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import lmstudio as lms

    from lmnb.chat.events import Stats
    from lmnb.chat.problems import Choice
    from lmnb.chat.window import Window
    from lmnb.studio.hosts import Place

TOO_LONG = re.compile(
    r"context (the )?overflow|context (length|size|window)|exceeds? the (available )?context|prompt is too long",
    re.IGNORECASE,
)
"""How LM Studio, llama.cpp and lmnb's server say that a prompt does not fit."""


def problem_of(error: BaseException, place: Place | None, *, context: int | None = None) -> Problem:
    """The problem behind an exception; what nobody expected goes to the log with its traceback.

    Args:
        error: What was raised.
        place: The server, if one was chosen.
        context: The context length of the model in tokens, where it is known.
    """
    if isinstance(error, ChatError):
        return error.problem
    if isinstance(error, ImportError):
        ways = ("Install it again: `pip install --force-reinstall lmstudio`, then restart the kernel.",)
        return Problem("internal", f"LM Studio's Python SDK cannot be imported: {error}", ways)
    import lmstudio as lms  # noqa: PLC0415

    if isinstance(error, lms.LMStudioWebsocketError) and place is not None:
        return lost(place, in_mid_answer=False)
    if isinstance(error, lms.LMStudioServerError):
        return _of_server(error, context)
    if isinstance(error, (lms.LMStudioValueError, lms.LMStudioRuntimeError)):
        return Problem("refused", _sentence(str(error)), ("The SDK refused the request before it was sent.",))
    logs.log.error("A prediction failed in a way nobody expected", exc_info=error)
    return Problem(
        "internal",
        f"Something went wrong inside lmnb: {type(error).__name__}: {error}".rstrip(": "),
        ("Your question is kept; run the cell again.", f"If it comes again, please report it with `{logs.where()}`."),
    )


def _of_server(error: lms.LMStudioServerError, context: int | None) -> Problem:
    import lmstudio as lms  # noqa: PLC0415

    title, *lines = words(error)
    if TOO_LONG.search(" ".join([title, *lines])):
        return too_long(context, title)
    if is_not_found(error):
        return Problem("noModel", title, (*lines, "It was unloaded in the meantime. Run the cell again to load it."))
    if isinstance(error, lms.LMStudioChannelClosedError):
        return Problem("predictionFailed", "The server ended the answer before it was finished.", ("Ask again.",))
    lines = lines or ["Ask again; if it comes again, the server's log says more."]
    return Problem("predictionFailed", title, tuple(lines))


def words(error: lms.LMStudioServerError) -> list[str]:
    """What the server said, as sentences: what happened, why, what it suggests."""
    details = error.server_error
    if details is None:
        return [_sentence(str(error))]
    said = [details.title or details.root_title or str(error), details.cause, details.suggestion]
    unique = dict.fromkeys(_sentence(text) for text in said if text and text.strip())
    return list(unique)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def is_not_found(error: lms.LMStudioServerError) -> bool:
    """Whether the server knows no such model. SDK 1.5 has a class for only one of the two codes."""
    import lmstudio as lms  # noqa: PLC0415

    data = getattr(error.server_error, "display_data", None)
    codes = {"generic.pathNotFound", "generic.noModelMatchingQuery", "generic.identifierNotFound"}
    return isinstance(error, lms.LMStudioModelNotFoundError) or (isinstance(data, dict) and data.get("code") in codes)


def lost(place: Place, *, in_mid_answer: bool) -> Problem:
    """The server went away."""
    if in_mid_answer:
        return Problem(
            "lostConnection",
            f"The server at {place.host} went away in mid-answer.",
            ("What it had written is kept.", "Run the cell again to ask again; it connects anew."),
        )
    return Problem(
        "lostConnection",
        f"The server at {place.host} went away twice before it answered.",
        ("Your question is kept.", "See whether it still runs, then run the cell again; it connects anew."),
    )


def cut_off(stats: Stats) -> Problem:
    """The prediction came to an end of the server's making: its model was unloaded, it was ended, or it failed."""
    unloaded = stats.stop_reason == "modelUnloaded"
    why = "The model was unloaded in mid-answer." if unloaded else "The prediction failed on the server."
    return Problem("predictionFailed", why, ("What it had written is kept.", "Run the cell again to ask again."))


def silent(place: Place) -> Problem:
    """The server is there and says nothing."""
    return Problem(
        "noServer",
        f"The server at {place.host} is there and does not answer.",
        ("Your question is kept.", "It may be busy: wait a little and run the cell again, or restart it."),
    )


def unknown_model(key: str, place: Place, choices: Sequence[Choice], close: bool) -> Problem:
    """No such model; `choices` are near to it if `close`, else all there is."""
    if not choices:
        return none_loaded(place, [], f"No model {_where(place)} is called “{key}”; there is none at all.")
    return Problem(
        "noModel",
        f"No model {_where(place)} is called “{key}”.",
        (
            "Close to it are these." if close else "There are these.",
            f"Name one of them: `{choices[0]['name']}`.",
        ),
        tuple(choices),
    )


def only_embeds(key: str) -> Problem:
    """It is no model that answers."""
    return Problem(
        "refused",
        f"“{key}” is an embedding model: it makes vectors and cannot answer.",
        ("Name a language model.",),
    )


def none_loaded(place: Place, choices: Sequence[Choice], title: str | None = None) -> Problem:
    """No model was named, and none is loaded."""
    if choices:
        return Problem(
            "noModel",
            title or "No model is loaded, and there is more than one.",
            (f'Choose one with `-m {choices[0]["name"]}`; in Python, `model="{choices[0]["name"]}"`.',),
            tuple(choices),
        )
    if place.embedded:
        return Problem(
            "noModel",
            title or "There is no model on this computer yet.",
            (
                "SmolLM2 is small (98 MB) and a good first one; nothing is fetched unless you ask for it.",
                "Fetch it with `%lm get smollm2`; in a shell, `lmnb get smollm2`.",
            ),
        )
    return Problem(
        "noModel",
        title or f"LM Studio at {place.host} has no model yet.",
        ("Download one in LM Studio under Discover, or with `lms get` in a terminal.",),
    )


def _where(place: Place) -> str:
    return "on this computer" if place.local else f"at {place.host}"


def load_failed(key: str, error: lms.LMStudioServerError) -> Problem:
    """The model is there and does not load."""
    return Problem(
        "loadFailed",
        f"“{key}” does not load.",
        (*words(error), "Try again with other programs closed, or choose a smaller model with `-m`."),
    )


def too_long(context: int | None, said: str) -> Problem:
    """The prompt does not fit."""
    length = f" of {context:,} tokens" if context else ""
    return Problem(
        "tooLong",
        f"The prompt does not fit into the model's context{length}.",
        (
            f"The server: {said}",
            "Shorten it, start a new conversation (`%%chat --new`), or load the model with a longer context.",
        ),
    )


def empty(stats: Stats, context: int | None, window: Window | None = None) -> Problem:
    """The model said nothing, with what is known of why.

    Args:
        stats: How the prediction ended.
        context: The context length of the model in tokens, where it is known.
        window: How the prompt sat in it, where it was counted.
    """
    prompt = stats.prompt_tokens_count or (window.prompt if window else None)
    match stats.stop_reason:
        case "maxPredictedTokensReached":
            why = "Its answer was limited to no tokens at all, or to white space."
            if stats.predicted_tokens_count:
                why = f"Its {stats.predicted_tokens_count:,} tokens, all that it may write, were white space."
            way = "Give it more with `--max-tokens 500`."
        case "contextLengthReached":
            takes = f"The prompt takes {prompt:,}" if prompt else "The prompt takes all"
            why = f"{takes} of the {context:,} tokens of its context." if context else "The prompt fills its context."
            way = "Shorten the prompt, or load the model with a longer context."
        case "stopStringFound":
            why, way = "It came upon a stop string at once.", "Change the stop strings."
        case reason:
            why = f"It ended its turn at once ({reason})." if reason else "It ended its turn at once."
            way = "Ask in other words, or choose another model with `-m`."
    return Problem("emptyAnswer", "The model wrote nothing.", (why, way))


def silent_for(seconds: float) -> Problem:
    """No server answered in the time that was given."""
    return Problem(
        "noServer",
        f"No server answered within {seconds:g} s.",
        ("Try again, with `timeout=` for a longer wait, or restart the server.",),
    )
