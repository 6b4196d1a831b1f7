"""What the kernel can tell of the cell that runs, and of who is there to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def request(shell: InteractiveShell) -> dict[str, Any]:
    """The execute request that runs now; empty in a terminal."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent() if kernel is not None else None
    return parent if isinstance(parent, dict) else {}


def cell_id(shell: InteractiveShell) -> str | None:
    """The id of the cell that runs, where the front end sends one (JupyterLab, Notebook 7)."""
    found = request(shell).get("metadata", {}).get("cellId")
    return found if isinstance(found, str) and found else None


def run_id(shell: InteractiveShell) -> str | None:
    """A name for this run of the cell: a cell that asks twice in one run has two turns."""
    found = request(shell).get("header", {}).get("msg_id")
    return found if isinstance(found, str) and found else None


def somebody_watches(shell: InteractiveShell) -> bool:
    """Whether a person is likely to see a widget: nbclient and papermill say that nobody could answer `input()`."""
    return bool(request(shell).get("content", {}).get("allow_stdin", False))


def in_kernel(shell: InteractiveShell) -> bool:
    """Whether this is a kernel at all, and not IPython in a terminal."""
    return getattr(shell, "kernel", None) is not None
