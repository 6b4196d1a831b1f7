"""What was said, on disk while it is said: a kernel that dies loses nothing that was painted. Off by default.

One SQLite file for all kernels of a person. A fragment is a row, written before anybody sees it and never changed: in
write-ahead mode it is in the file as soon as the call returns, whatever becomes of the process; a power cut may take
the last seconds. When its turn has ended, the rows give way to the record that a notebook's output holds as well.
"""

from lmnb.journal.reading import JournalError
from lmnb.journal.writing import Journal, default_path

__all__ = ["Journal", "JournalError", "default_path"]
