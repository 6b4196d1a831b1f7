"""Takes the pictures in `docs/pictures/`: `python -m tests.browser.pictures`. They are for people to look at."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lmnb.server.launch import start_server
from tests.browser.harness import Notebook
from tests.browser.machinery import JupyterServer, Trap, launch

PLACE = Path(__file__).parent.parent.parent / "docs" / "pictures"

QUESTION = "Which region grew most in 2024, and is it price or volume?"

THOUGHTS = "The reader asks for growth by region and for its split. `sales` has date, region, units and revenue. " * 2

ANSWER = """**North** grew most: revenue rose by 18.4 % from 2023 to 2024, well ahead of West with 6.1 %. Most of it is
volume: units went up by 15.2 %, the mean price only by 2.8 %.

To see it yourself, compare the two years by region:

```python
by = (sales.assign(year=sales["date"].dt.year)
           .query("year >= 2023")
           .groupby(["region", "year"])[["units", "revenue"]].sum()
           .unstack("year"))

growth = by["revenue"][2024] / by["revenue"][2023] - 1
growth.sort_values(ascending=False)  # North comes first
```

| Region | 2023 | 2024 | Growth |
|:--|--:|--:|--:|
| North | 1.52 M | 1.80 M | 18.4 % |
| West | 2.11 M | 2.24 M | 6.1 % |
| South | 0.98 M | 1.00 M | 2.0 % |
| East | 1.31 M | 1.27 M | −3.1 % |

"""

REST = "East shrank a little. Twelve rows have no revenue; they are left out above and do not change the order."

SCRIPT = [
    {"progress": [0, 0.3, 0.7, 1], "each": 0.14},
    {"reasoning": THOUGHTS, "rate": 20},
    {"text": ANSWER, "rate": 45},
    {"text": REST, "rate": 6},
]

# The scripted model plays its script where a person's question stands, under the name of a real one.
PREPARE = f"""
import lmstudio, os
lmstudio.Client(os.environ["LMSTUDIO_API_HOST"]).llm.load_new_instance("scripted", "qwen3-4b")
play = lambda lines: [line.replace({QUESTION!r}, {json.dumps(SCRIPT)!r}) for line in lines]
get_ipython().input_transformers_cleanup.insert(0, play)
"""


def take(notebook: Notebook, theme: str) -> None:
    """A picture of the cell while it writes, and one of what stays."""
    notebook.theme(theme)  # type: ignore[arg-type]
    notebook.clear()
    index = notebook.ask(f"%%chat -m qwen3-4b --new\n{QUESTION}")
    notebook.shows(index, "left out", 60)
    _picture(notebook, index, f"live-{theme}")
    notebook.finish(index)
    notebook.until(lambda: notebook.settled(index))
    notebook.page.wait_for_timeout(500)
    _picture(notebook, index, f"saved-{theme}")


def _picture(notebook: Notebook, index: int, name: str) -> None:
    notebook.js("panel.content.activeCellIndex = 0")  # its frame and its buttons are not ours
    notebook.page.mouse.move(5, 5)
    notebook.page.wait_for_timeout(100)
    notebook.cell(index).screenshot(path=PLACE / f"{name}.png")
    print(PLACE / f"{name}.png")


def main() -> None:
    """Take them all."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with start_server(scripted=True) as models, tempfile.TemporaryDirectory() as folder:
        server, trap = JupyterServer(Path(folder), LMSTUDIO_API_HOST=models.host), Trap()
        try:
            with sync_playwright() as playwright:
                browser = launch(playwright, server, trap)
                notebook = Notebook(browser, server, "lab", device_scale_factor=1.5)
                notebook.page.set_viewport_size({"width": 1_000, "height": 1_000})
                server.write("sales.ipynb", ["%load_ext lmnb"])
                notebook.open("sales.ipynb")
                notebook.command("application:toggle-left-area")
                notebook.run(0)
                notebook.python(PREPARE)
                notebook.run(notebook.append(f"%%chat -m scripted --new\n{json.dumps({'text': 'Hello.'})}"))
                for theme in ("light", "dark"):
                    take(notebook, theme)
                browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
