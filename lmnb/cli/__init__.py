"""`lmnb` in a shell: fetch models, load them, talk to them, run the server, and see what is wrong.

A module per group of commands. They import what they need when they run: `lmnb --help` stays quick.
"""

from __future__ import annotations

from lmnb.cli.running import main, parser

__all__ = ["main", "parser"]
