"""scikit-learn's estimators as cards: what was set, and what was learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.context import masks
from lmnb.context.ladder import Item
from lmnb.context.values import kind_name, label, line, value

if TYPE_CHECKING:
    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish


def estimator(draft: Draft, native: Any, wish: Wish) -> None:
    """An estimator: its parameters, those first that are not as they come, and its fitted attributes."""
    fitted = {name: one for name, one in vars(native).items() if name.endswith("_") and not name.startswith("_")}
    draft.head, draft.noun = f", {'fitted' if fitted else 'not fitted'}", "parameter"
    steps = getattr(native, "steps", None) or getattr(native, "transformers", None)
    if isinstance(steps, list):
        names = [f"{label(one[0])} {kind_name(one[1]) if type(one[1]) is not str else one[1]}" for one in steps[:20]]
        draft.remarks.append("steps: " + ", ".join(names))
    usual = _usual(native)
    params = native.get_params(deep=False)
    changed = [name for name in params if name not in usual or not _same(params[name], usual[name])]
    rest = [name for name in params if name not in changed]
    for name, one in [*((name, params[name]) for name in changed), *fitted.items()]:
        draft.items.append(_item(name, one, draft, wish))
    if rest:
        told = ", ".join(f"{label(name)} {value(params[name])}" for name in rest)
        draft.items.append(Item("as they come", "", f": {told}", f": {len(rest)} parameters", count=len(rest)))


def _usual(native: Any) -> dict[str, Any]:
    import inspect

    parameters = inspect.signature(type(native).__init__).parameters
    return {name: one.default for name, one in parameters.items() if one.default is not inspect.Parameter.empty}


def _same(one: Any, other: Any) -> bool:
    plain = (int, float, str, bool, type(None))
    return one is other or (type(one) in plain and type(other) in plain and one == other)


def _item(name: str, one: Any, draft: Draft, wish: Wish) -> Item:
    shown, first = label(name), wish.meant(name, wish.named, draft.name)
    if wish.level in ("names", "schema") or wish.meant(name, wish.hide, draft.name):
        return Item(shown, kind_name(one), first=first)
    shape, kind = getattr(one, "shape", None), getattr(one, "dtype", None)
    if isinstance(shape, tuple) and kind is not None:
        few = ""
        if shape and shape[0] <= 6 and len(shape) == 1:
            few = ": " + " ".join(value(each) for each in one.tolist())
        text = f"{line(str(kind), 20)} {shape}{few}"
    else:
        told, kinds = masks.shown(one, name, 60) if wish.mask else (value(one, 60), frozenset[str]())
        for secret in sorted(kinds):
            draft.note(f"{shown}: {secret} masked")
        text = f"= {told}"
    return Item(shown, "", text, text, first=first)
