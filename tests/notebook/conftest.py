"""One IPython shell in this process, as a terminal has it: no kernel, so the magics block and print."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture(scope="session")
def the_shell(tmp_path_factory):
    import os

    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    return InteractiveShell.instance()


@pytest.fixture
def shell(the_shell, scripted_server, monkeypatch):
    """A fresh extension and a fresh conversation in the shell, with the scripted server as the one to find."""
    monkeypatch.setenv("LMSTUDIO_API_HOST", scripted_server)
    the_shell.reset()
    the_shell.run_line_magic("load_ext", "lmnb")
    yield the_shell
    the_shell.run_line_magic("unload_ext", "lmnb")
    the_shell.config.pop("Lmnb", None)
    the_shell.extension_manager.loaded.clear()
