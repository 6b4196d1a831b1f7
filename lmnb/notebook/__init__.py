"""The only room that knows IPython: the magics, the cell they run in, and where an answer is shown."""
