"""The process that holds one model: llama.cpp's own server, for its parent alone.

It reads one JSON line of standard input (what to load, and how), writes one of standard output (where it listens, or
why it does not), and lives until standard input ends. Loading holds Python's lock to the end, creating and deleting
servers in one process has hung, and a crash in there takes the process along: hence one process for each model.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

LAST_WORDS = 0.2
"""Seconds for llama.cpp's own thread to write down why it has failed."""

KINDS = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
"""How the KV cache may be kept."""


def main() -> None:
    """Load, say so, and stay until the parent is gone."""
    out = os.dup(1)
    os.dup2(2, 1)  # llama.cpp prints; nothing but our line goes to standard output
    _die_with_parent()
    asked = json.loads(sys.stdin.readline())
    try:
        server, gpu = _boot(asked)
    except BaseException as error:  # noqa: BLE001  whatever it was, the parent is told
        time.sleep(LAST_WORDS)
        _say(out, {"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    _say(out, {"address": server.listening_address, "gpu": gpu})
    sys.stdin.read()
    os._exit(0)  # no tidying up: it has hung, and the system does it better


def _say(out: int, line: dict[str, Any]) -> None:
    os.write(out, (json.dumps(line) + "\n").encode())


def _die_with_parent() -> None:
    """End when the parent does, also while llama.cpp loads and no Python runs that could see the end of its input."""
    if sys.platform == "linux":
        parent = os.getppid()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def _boot(asked: dict[str, Any]) -> tuple[Any, bool]:
    import xllamacpp  # noqa: PLC0415  reported like any other failure

    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    gpu = any(device["type"] != cpu for device in xllamacpp.get_device_info())
    p = xllamacpp.CommonParams()
    p.model.path = asked["file"]
    if hasattr(p, "hostnames"):
        p.hostnames = ["127.0.0.1"]
    else:  # before xllamacpp 2026.6
        p.hostname = "127.0.0.1"
    p.port, p.api_keys = 0, [asked["key"]]
    p.ui = False
    p.verbosity = 1  # errors only: more would write what people say into a log
    p.n_parallel = asked["parallel"]
    p.kv_unified = asked["unified"]
    p.n_ctx = asked["context"] if p.kv_unified else asked["context"] * p.n_parallel
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = asked["threads"]
    # Between batches the engine looks whether somebody has hung up, and says how far it is.
    p.n_batch = p.n_ubatch = asked["batch"] or (512 if gpu else asked["cpu_batch"])
    p.cache_ram_mib = asked["cache_mb"]
    p.fit_params = gpu  # looking for what fits into a GPU loads the model twice
    _place(p, asked)
    _keep(p, xllamacpp, asked)
    if asked["projector"]:
        p.mmproj.path = asked["projector"]
        p.mmproj_use_gpu = gpu
    if asked["embedding"]:
        p.embedding = True
        p.n_batch = p.n_ubatch = asked["context"]  # a text is embedded in one batch
        if asked["mean"]:
            p.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return xllamacpp.Server(p), gpu


def _place(p: Any, asked: dict[str, Any]) -> None:
    """Where the model goes: how many layers into a GPU."""
    if asked["gpu_layers"] is not None:
        p.n_gpu_layers = asked["gpu_layers"]
        p.fit_params = False
    p.no_kv_offload = not asked["kv_on_gpu"]
    if asked["main_gpu"] is not None:
        p.main_gpu = asked["main_gpu"]


def _keep(p: Any, xllamacpp: Any, asked: dict[str, Any]) -> None:
    """How the model is kept in memory, and what it remembers in."""
    if asked["rope_base"]:
        p.rope_freq_base = asked["rope_base"]
    if asked["rope_scale"]:
        p.rope_freq_scale = asked["rope_scale"]
    if asked["flash"] is not None:
        flash = xllamacpp.llama_flash_attn_type
        names = {True: "LLAMA_FLASH_ATTN_TYPE_ENABLED", False: "LLAMA_FLASH_ATTN_TYPE_DISABLED"}
        p.flash_attn_type = getattr(flash, names[asked["flash"]])
    modes = {(True, False): "MMAP", (True, True): "MMAP_MLOCK", (False, False): "NONE", (False, True): "MLOCK"}
    if hasattr(p, "load_mode"):
        mode = modes[asked["mmap"], asked["lock"]]
        p.load_mode = getattr(xllamacpp.llama_load_mode, f"LLAMA_LOAD_MODE_{mode}")
    else:
        p.use_mmap, p.use_mlock = asked["mmap"], asked["lock"]
    for name, kind in (("cache_type_k", asked["k_cache"]), ("cache_type_v", asked["v_cache"])):
        if kind in KINDS:
            setattr(p, name, getattr(xllamacpp.ggml_type, f"GGML_TYPE_{kind.upper()}"))


if __name__ == "__main__":
    main()
