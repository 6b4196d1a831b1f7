"""What the person sees while models answer: one live view per cell. The only room that imports anywidget.

Importing this package is cheap; anywidget itself is imported when the first view opens.
"""

from lmnb.widgets.view import CellView, SideBySide

__all__ = ["CellView", "SideBySide"]
