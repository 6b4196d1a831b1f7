"""A value of the person's as plain data, for JSON."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Dicts, lists, text and numbers; dates as text, instances by their fields; what has no other form, by its `repr`.

    What JSON cannot write (NaN) is None.
    """
    import msgspec  # noqa: PLC0415 - not at `import lmnb`

    return _without_nan(msgspec.to_builtins(value, str_keys=True, enc_hook=_written))


def _written(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None and not isinstance(value, type) else repr(value)


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(each) for key, each in data.items()}
    if isinstance(data, list):
        return [_without_nan(each) for each in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
