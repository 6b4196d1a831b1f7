"""`python -m lmnb.cli`."""

from __future__ import annotations

import sys

from lmnb.cli import main

if __name__ == "__main__":
    sys.exit(main())
