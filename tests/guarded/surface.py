"""Does in one shell whatever lmnb can do, and prints as JSON what it did and what the ledger says of it.

Run by `tests/test_privacy.py` in a process of its own: `surface.py HOST|own [FOREIGN]`. With FOREIGN one cell contacts
somebody else, as a fault in lmnb would.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

TRAPS = (
    "![x](http://192.0.2.1/a.png) <img src='http://192.0.2.2/b.png'> [here](http://192.0.2.3) "
    "<script src='http://192.0.2.4/c.js'></script>"
)
ANSWER = json.dumps([{"text": TRAPS + "\n```python\ndf['fare'].mean()\n```"}])

CELLS = (
    "import pandas as pd\ndf = pd.DataFrame({'fare': [1.0, 2.0, None] * 9, 'name': ['a ', 'a', 'b'] * 9})",
    f"%%chat -m scripted -t 0\n{ANSWER}",
    "%%chat\nWhat is in @df, and in {df}? @lint:df @cell:-1 http://192.0.2.5/x.csv",
    "%%chat -a notes.txt\nSum it up.",
    "%%chat --show-context\nWhat is in @df?",
    "%%chat --schema name:str --to made\n" + json.dumps([{"text": '{"name": "x"}'}]),
    "%%chat -f html\n" + ANSWER,
    "_",
    "df['Fare'].mean()",
    "%%chat\nWhat is wrong? @error",
    "%chat fix",
    "%chat explain",
    "%chat next df",
    "%chat lint df",
    "%chat card df",
    "%chat models",
    "%chat status",
    "%lm ps",
    "%chat history",
    "%chat cite",
    "%chat branches",
    "%chat export talk.md",
    "%chat help",
    "%chat version",
    "%chat settings",
    "%%chat -m scripted-vision -a dot.png\nWhat is this?",
    "%chat unload scripted-vision",
    "%chat privacy",
)
LAST = "%unload_ext lmnb"
TYPED = ("%%chat -m scr", "%chat mo", "%%chat --", "%%chat\nWhat of @d", "%%chat\nIn {df.", "%chat use ")

DOT = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00"
    b"\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)


def run(shell: InteractiveShell, cell: str) -> str | None:
    """Run a cell, and give the name of the error it ended with."""
    result = shell.run_cell(cell, store_history=True)
    error = result.error_before_exec or result.error_in_exec
    if result.result is not None:
        shell.display_formatter.format(result.result)
    return f"{type(error).__name__}: {error}" if error else None


def main(host: str, foreign: str | None) -> None:
    """Do all of it."""
    import os

    Path("notes.txt").write_text("three notes")
    Path("dot.png").write_bytes(DOT)
    shell = InteractiveShell.instance()
    own = None
    said, ended = io.StringIO(), {}
    with redirect_stdout(said), redirect_stderr(said):
        ended["load"] = run(shell, "%load_ext lmnb")
        if host == "own":
            import lmnb

            own = lmnb.start_server(scripted=True)
            host = own.host
        os.environ["LMSTUDIO_API_HOST"] = host
        for cell in CELLS:
            ended[cell] = run(shell, cell)
        for typed in TYPED:
            shell.complete(typed.splitlines()[-1], typed, len(typed))
        if foreign:
            run(shell, f"import socket\nsocket.create_connection(({foreign!r}, 9), 0.01)")
        from lmnb.studio.ledger import ledger

        record = ledger.read()
        ended["unload"] = run(shell, LAST)
    if own is not None:
        own.stop()
    sums = {at: {kind: [one.times, one.size] for kind, one in by.items()} for at, by in record.sums.items()}
    attached = [list(one.attached) for one in record.predictions]
    print(json.dumps({"host": host, "ended": ended, "sums": sums, "attached": attached, "said": said.getvalue()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
