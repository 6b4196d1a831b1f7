"""How the engine is to load a model: LM Studio's load settings in the words of `engine_child`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.server import cores, gguf
from lmnb.server.settings import checked

if TYPE_CHECKING:
    from lmnb.server.models import LoadRequest, Model

CONTEXT = 4096
"""LM Studio's context length where nobody asks for one; more costs memory."""

BATCH, LARGE_BATCH, LARGE = 8, 32, 1_000_000_000
"""Tokens of a prompt that a processor reads at once, and of models of so many bytes.

The engine hears of a client that leaves after one batch and lets go after the next. SmolLM2 on one core: 8 tokens take
0.06 s, and 32 at once are read a tenth quicker.
"""

PICTURE_BATCH = 512
"""The same, for models that look at pictures: some have to read a picture at once."""

CACHE_MB = 1024
"""What may be kept of earlier prompts in ordinary memory, so that going back to one is quick."""

PARALLEL = 4
"""LM Studio's "Max Concurrent Predictions"."""


def config(model: Model, request: LoadRequest, *, pooled: bool = True) -> dict[str, Any]:
    """What the child is told.

    Args:
        model: Which is to be loaded.
        pooled: Whether an embedding model's file says how it makes one embedding of those of its tokens.
        request: What was asked for; values that make no sense are passed over.
    """
    gpu, flash = request.get("gpuSplitConfig"), request.get("llama.flashAttention")
    cache = "f16" if request.get("llama.useFp16ForKVCache", True) else "f32"
    return {
        "file": str(model.file),
        "context": min(_whole(request, "contextLength") or CONTEXT, model.max_context),
        "embedding": model.domain == "embedding",
        "mean": model.domain == "embedding" and not pooled,
        "parallel": _parallel(model, request),
        "unified": request.get("useUnifiedKvCache", True) is not False,
        "threads": _whole(request, "llama.cpuThreadPoolSize") or cores.threads(),
        "batch": _whole(request, "llama.evalBatchSize"),
        "cpu_batch": _batch(model),
        "projector": str(model.projector) if model.projector else None,
        "cache_mb": CACHE_MB,
        "gpu_layers": _layers(request.get("llama.acceleration.offloadRatio"), model.layers),
        "kv_on_gpu": request.get("offloadKVCacheToGpu", True) is not False,
        "main_gpu": _main(gpu.get("priority") if isinstance(gpu, dict) else None),
        "rope_base": _number(request, "llama.ropeFrequencyBase"),
        "rope_scale": _number(request, "llama.ropeFrequencyScale"),
        "flash": flash if isinstance(flash, bool) else None,
        "mmap": request.get("llama.tryMmap", True) is not False,
        "lock": request.get("llama.keepModelInMemory", False) is True,
        "k_cache": checked(request.get("llama.kCacheQuantizationType"), cache),
        "v_cache": checked(request.get("llama.vCacheQuantizationType"), cache),
    }


def _parallel(model: Model, request: LoadRequest) -> int:
    """How many texts at a time. A decoder that embeds remembers, and several long texts would not fit in there."""
    if model.domain == "embedding" and model.architecture not in gguf.ENCODERS:
        return 1
    return _whole(request, "numParallelSessions") or PARALLEL


def _batch(model: Model) -> int:
    if model.projector:
        return PICTURE_BATCH
    return BATCH if model.size_bytes < LARGE else LARGE_BATCH


def _number(request: LoadRequest, key: str) -> float:
    """A number above 0, or 0."""
    value = checked(request.get(key))
    return max(0, value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def _whole(request: LoadRequest, key: str) -> int:
    return int(_number(request, key))


def _main(priority: Any) -> int | None:
    """The GPU that comes first."""
    return priority[0] if isinstance(priority, list) and priority and isinstance(priority[0], int) else None


def _layers(ratio: Any, layers: int) -> int | None:
    """How many layers go to the GPU; None: as many as fit."""
    if ratio == "off":
        return 0
    if isinstance(ratio, (int, float)) and not isinstance(ratio, bool):
        return round(min(max(ratio, 0), 1) * (layers + 1))
    return None
