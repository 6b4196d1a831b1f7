"""The SDK itself: imported in the background, warmed up on the main thread, asked what it can."""

from __future__ import annotations

import contextlib
import inspect
import threading
from functools import cache
from typing import Any

from lmnb.studio import logs

_lock = threading.Lock()
_warm = threading.Event()

INFO = {
    "type": "llm",
    "modelKey": "m",
    "format": "gguf",
    "displayName": "m",
    "path": "m",
    "sizeBytes": 1,
    "vision": False,
    "trainedForToolUse": False,
    "maxContextLength": 1,
    "paramsString": "1B",
    "architecture": "m",
}
INSTANCE = {**INFO, "identifier": "m", "instanceReference": "m", "contextLength": 1}
STATS = {"stopReason": "eosFound", "tokensPerSecond": 1.5, "predictedTokensCount": 1, "timeToFirstTokenSec": 0.1}
SUCCESS = {
    "type": "success",
    "stats": STATS,
    "modelInfo": INSTANCE,
    "loadModelConfig": {"fields": [{"key": "llm.load.contextLength", "value": 1}]},
    "predictionConfig": {"fields": [{"key": "llm.prediction.temperature", "value": 0.5}]},
}


def begin_import() -> None:
    """Import the SDK on a background thread, so that the first cell need not wait 0.5 s for it. Returns at once.

    Only the import: two threads that touch the SDK's types for the first time at the same time crash the process.
    """
    threading.Thread(target=_import, name="lmnb-import", daemon=True).start()


def _import() -> None:
    with contextlib.suppress(ImportError):  # said by the first call, where somebody reads it
        import lmstudio  # noqa: F401, PLC0415


def warm_up() -> None:
    """Use every SDK type once that the I/O thread will use. Call it on the main thread; a second call does nothing.

    msgspec builds what it knows of a type at first use, and two threads that do so at once crash the process (seen in
    5 of 24 runs). The person's own `lms.llm()` runs on the main thread and takes no lock of ours; therefore ours runs
    there as well, once, before the I/O thread touches anything. About 10 ms, plus the import if it is not done.

    Raises:
        ImportError: If the SDK cannot be imported.
    """
    if _warm.is_set():
        return
    with _lock:
        if _warm.is_set():
            return
        import lmstudio  # noqa: F401, PLC0415

        logs.divert_sdk()
        for step in (_predict, _load, _refuse, _calls, _show):
            # Another version of the SDK may have moved something: then that type stays cold, which is seldom fatal.
            try:
                step()
            except (AttributeError, ImportError, TypeError, ValueError) as error:
                logs.log.warning("The SDK could not be warmed up at %s: %r", step.__name__, error)
        _warm.set()


def _predict() -> None:
    import lmstudio as lms  # noqa: PLC0415
    from lmstudio import json_api  # noqa: PLC0415

    chat = lms.Chat("s")
    chat.add_user_message("x")
    chat.add_assistant_response("y")
    chat.add_user_message("z")
    config: Any = {
        "temperature": 0.5,
        "maxTokens": 1,
        "stopStrings": ["s"],
        "topPSampling": 0.5,
        "structured": {"type": "json", "jsonSchema": {"type": "object"}},
    }
    endpoint = json_api.ChatResponseEndpoint("m", chat.copy(), None, config, on_prompt_processing_progress=str)
    fragment = {"content": "{}", "tokensCount": 1, "containsDrafted": False, "reasoningType": "none"}
    call = {"type": "function", "id": "1", "name": "f", "arguments": {"a": 1}}
    endpoint.handle_message_events({"type": "promptProcessingProgress", "progress": 0.5})
    endpoint.handle_message_events({"type": "fragment", "fragment": fragment})
    list(endpoint.iter_message_events({"type": "toolCallGenerationEnd", "toolCallRequest": call}))
    endpoint.handle_message_events(SUCCESS)
    _ = endpoint.result().stats, endpoint.creation_params


def _load() -> None:
    from lmstudio import json_api  # noqa: PLC0415

    types = json_api.ModelTypesLlm
    endpoint = json_api.GetOrLoadEndpoint(
        "m", 1, types.REQUEST_GET_OR_LOAD, types.MODEL_LOAD_CONFIG, {"contextLength": 1}, lambda _: None
    )
    endpoint.handle_message_events({"type": "loadProgress", "progress": 0.5})
    endpoint.handle_message_events({"type": "loadSuccess", "info": INSTANCE})
    for kind, data in ((types.MODEL_INFO, INFO), (types.MODEL_INSTANCE_INFO, INSTANCE)):
        kind._from_any_api_dict(data).to_dict()


def _refuse() -> None:
    from lmstudio import json_api  # noqa: PLC0415

    details = {"title": "t", "rootTitle": "t", "cause": "c", "suggestion": "s", "displayData": {"code": "x"}}
    str(json_api.LMStudioServerError.from_details("x", details))


def _calls() -> None:
    from lmstudio import _sdk_models, json_api  # noqa: PLC0415

    spec = json_api._model_spec_to_api_dict("m")
    json_api.ModelTypesLlm.REQUEST_MODEL_INFO._from_api_dict({"specifier": spec, "throwIfNotFound": True}).to_dict()
    json_api.ModelTypesLlm.REQUEST_UNLOAD(identifier="m").to_dict()
    json_api.ModelTypesLlm.REQUEST_TOKENIZE._from_api_dict({"specifier": spec, "inputString": "x"}).to_dict()
    counting = _sdk_models.EmbeddingRpcCountTokensParameter
    counting._from_api_dict({"specifier": spec, "inputString": "x"}).to_dict()


def _show() -> None:
    import lmstudio as lms  # noqa: PLC0415
    from lmstudio import _sdk_models, json_api  # noqa: PLC0415

    handle = {"type": "file", "name": "x", "identifier": "x", "sizeBytes": 1, "fileType": "image"}
    part: Any = json_api.load_struct(handle, lms.FileHandle).to_dict()
    chat = lms.Chat.from_history({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}]})
    asked: Any = {
        "specifier": json_api._model_spec_to_api_dict("m"),
        "history": chat._get_history_for_prediction(),
        "predictionConfigStack": {"layers": []},
        "opts": _sdk_models.LlmApplyPromptTemplateOpts.from_dict({"omitBosToken": False}).to_dict(),
    }
    _sdk_models.LlmRpcApplyPromptTemplateParameter._from_api_dict(asked).to_dict()
    _sdk_models.FilesRpcUploadFileBase64Parameter(name="x", content_base64="eA==").to_dict()


def _download() -> None:
    from lmstudio import _sdk_models, json_api  # noqa: PLC0415

    found: Any = {"name": "m", "identifier": {"type": "hf", "identifier": "m"}, "exact": True, "staffPick": False}
    entry = _sdk_models.ModelSearchResultEntryData._from_api_dict(found)
    option: Any = {
        "name": "m",
        "quantization": "Q4_0",
        "sizeBytes": 1,
        "fitEstimation": "willNotFit",
        "recommended": True,
        "downloadIdentifier": "m",
        "indexedModelIdentifier": "m",
    }
    _sdk_models.ModelSearchResultDownloadOptionData._from_api_dict(option)
    _sdk_models.RepositoryRpcGetModelDownloadOptionsParameter(model_search_result_identifier=entry.identifier).to_dict()
    search: Any = {"opts": {"searchTerm": "m", "limit": 1}}
    _sdk_models.RepositoryRpcSearchModelsParameter._from_api_dict(search).to_dict()
    endpoint = json_api.ModelDownloadEndpoint("m", lambda _: None, lambda: None)
    update = {"downloadedBytes": 1, "totalBytes": 2, "speedBytesPerSecond": 0.5}
    endpoint.handle_message_events({"type": "downloadProgress", "update": update})
    endpoint.handle_message_events({"type": "success", "defaultIdentifier": "m"})


@cache
def takes_token() -> bool:
    """Whether this SDK can send an API token (1.6 and later)."""
    import lmstudio as lms  # noqa: PLC0415

    return "api_token" in inspect.signature(lms.AsyncClient.__init__).parameters


def version() -> str:
    """The SDK's version, as a person would write it."""
    import lmstudio as lms  # noqa: PLC0415

    return str(lms.__version__)
