"""What the models of the browser tests write: an answer with everything in it, and one of a stranger who means ill."""

from __future__ import annotations

import json
from typing import Any


def chat(*steps: dict[str, Any], line: str = "-m scripted --new") -> str:
    """A cell in which the scripted model plays these steps."""
    return f"%%chat {line}\n{json.dumps(list(steps))}"


ENDLESS = chat({"text": "word ", "repeat": 20_000, "rate": 50})

ANSWER = """**North** grew most: revenue rose by 18.4 %. To see it yourself:

```python
by = sales.groupby("region").sum()  # North comes first
growth = by["2024"] / by["2023"] - 1
```

$$
\\Delta \\ln R = \\Delta \\ln Q + \\Delta \\ln P
$$

| Region | 2024 | Growth |
|:--|--:|:-:|
| North | 1.80 M | 18.4 % |
| West | 2.24 M | 6.1 % |

1. One [link](https://example.org)
   - nested, with `code`
2. It costs $5 and $10.

East shrank a little.
"""

HOSTILE = """<script>window.hacked=1</script>
<img src=http://evil.example/a.png onerror="window.hacked=1">
![chart](http://evil.example/b.png) [x](javascript:window.hacked=1) <iframe src="http://evil.example"></iframe>

<link rel="stylesheet" href="http://evil.example/c.css"><svg onload="window.hacked=1"></svg>

- [ ] <video src=http://evil.example/d.mp4 autoplay>
- ![](data:image/svg+xml,<svg onload=window.hacked=1>) <object data="http://evil.example">

| <style>@import "http://evil.example/e.css"</style> | b |
|---|---|
| <input autofocus onfocus=window.hacked=1> | <a href="http://evil.example" ping="http://evil.example">y</a> |

$\\href{javascript:window.hacked=1}{x}$ $$\\includegraphics{http://evil.example/f.png}$$ $\\url{http://evil.example}$

a\u202eb\u200bc `d\u2066e`

```html
</code></pre><script>window.hacked=1</script>
"""
