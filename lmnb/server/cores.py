"""How many processor cores there are for a model."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def threads() -> int:
    """Threads for a model: all physical cores but one.

    Two threads on two busy cores write several times slower than one, as each waits for the other at every step.
    """
    return max(1, min(physical(), _allowed()) - 1)


def physical() -> int:
    """Physical cores; where the system does not say, half of the logical ones."""
    if sys.platform == "linux":
        cores = {file.read_text() for file in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/core_cpus_list")}
        if cores:
            return len(cores)
    if sys.platform == "darwin":
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            said = subprocess.check_output(["/usr/sbin/sysctl", "-n", "hw.physicalcpu"], timeout=2)
            return int(said)
    return max(1, (os.cpu_count() or 2) // 2)


def _allowed() -> int:
    """Cores that this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed
