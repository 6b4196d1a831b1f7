"""LM Studio's load settings in the engine's words."""

from __future__ import annotations

import pytest

from lmnb.server import cores
from lmnb.server.configuring import config
from lmnb.server.models import LoadRequest, Model

MODEL = Model("tiny", "a/tiny/tiny.gguf", "Tiny", 1000, 8192, layers=31)


def told(**settings):
    return config(MODEL, LoadRequest({key.replace("__", "."): value for key, value in settings.items()}))


def test_what_nobody_asks_for():
    asked = told()
    assert (asked["context"], asked["parallel"], asked["unified"]) == (4096, 4, True)
    assert asked["threads"] == max(1, cores.threads())
    assert (asked["batch"], asked["gpu_layers"], asked["flash"], asked["mmap"], asked["lock"]) == (
        0,
        None,
        None,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("key", "value", "name", "result"),
    [
        ("llm__load__contextLength", 512, "context", 512),
        ("llm__load__contextLength", 100_000, "context", 8192),
        ("llm__load__contextLength", {"checked": False, "value": 7}, "context", 4096),
        ("embedding__load__contextLength", 512, "context", 512),
        ("llm__load__contextLength", "many", "context", 4096),
        ("llm__load__contextLength", -5, "context", 4096),
        ("llm__load__numParallelSessions", 2, "parallel", 2),
        ("llm__load__numParallelSessions", True, "parallel", 4),
        ("llm__load__useUnifiedKvCache", False, "unified", False),
        ("llm__load__llama__cpuThreadPoolSize", 3, "threads", 3),
        ("llm__load__llama__evalBatchSize", 64, "batch", 64),
        ("llm__load__llama__acceleration__offloadRatio", "off", "gpu_layers", 0),
        ("llm__load__llama__acceleration__offloadRatio", "max", "gpu_layers", None),
        ("llm__load__llama__acceleration__offloadRatio", 0.5, "gpu_layers", 16),
        ("llm__load__llama__acceleration__offloadRatio", {"x": 1}, "gpu_layers", None),
        ("llm__load__llama__flashAttention", False, "flash", False),
        ("llm__load__llama__flashAttention", {}, "flash", None),
        ("llm__load__llama__tryMmap", False, "mmap", False),
        ("llm__load__llama__keepModelInMemory", True, "lock", True),
        ("llm__load__llama__useFp16ForKVCache", False, "k_cache", "f32"),
        ("llm__load__llama__kCacheQuantizationType", {"checked": True, "value": "q8_0"}, "k_cache", "q8_0"),
        ("llm__load__llama__ropeFrequencyBase", {"checked": True, "value": 1e5}, "rope_base", 1e5),
        ("load__gpuSplitConfig", {"strategy": "priorityOrder", "priority": [1, 0]}, "main_gpu", 1),
        ("load__gpuSplitConfig", {"strategy": "evenly", "priority": []}, "main_gpu", None),
    ],
)
def test_settings(key, value, name, result):
    assert told(**{key: value})[name] == result


def test_threads_are_fewer_than_cores():
    assert 1 <= cores.threads() <= max(1, cores.physical() - 1)
