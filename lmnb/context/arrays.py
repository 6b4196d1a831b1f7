"""Arrays as cards: numpy, torch, scipy's sparse ones, xarray. Shape and type, range and quartiles of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmnb.context import sampling
from lmnb.context.ladder import Item
from lmnb.context.numbers import described_numbers, ranked_numbers
from lmnb.context.profiles import Exact, Looked
from lmnb.context.texts import anything
from lmnb.context.values import duration, label, line, module_name, plural, share, size, value

if TYPE_CHECKING:
    from lmnb.context.ladder import Draft
    from lmnb.context.tables import Wish

PASS = 100_000_000
"""Numbers up to which all are gone through for the range."""

DIMENSIONS = 12
"""Of more dimensions only the first are told."""


def shaped(shape: Any) -> str:
    """`3 × 4`; `no dimension` for a scalar."""
    sizes = [f"{int(one):,}" for one in tuple(shape)[:DIMENSIONS]]
    more = " × …" if len(tuple(shape)) > DIMENSIONS else ""
    return " × ".join(sizes) + more if sizes else "no dimension"


def array(draft: Draft, native: Any, wish: Wish) -> None:
    """A numpy array."""
    fields = native.dtype.names
    kind = f"{len(fields)} fields" if fields else type_of(native)
    draft.head = f", {shaped(native.shape)}, {kind}, {size(float(native.nbytes))}"
    if wish.level in ("names", "schema") or not native.size:
        return
    if fields:
        draft.noun = "field"
        draft.items = [Item(label(name), line(str(native.dtype[name]), 40)) for name in fields]
        return
    draft.items = [numbers(draft, native, "values", wish)]


def numbers(draft: Draft, native: Any, name: str, wish: Wish) -> Item:
    """The values of a numpy array as a line: range, quartiles, what is not finite."""
    size_of, kind = int(native.size), native.dtype.kind
    whole = size_of <= sampling.ROWS
    looked = Looked(None, name, whole, wish.mask, size_of)
    shown = type_of(native)
    some = native.ravel() if whole else native.flat[sampling.picked(size_of)]
    if not whole and not (kind in "iuf" and size_of <= PASS):
        draft.note(f"looked at: {len(some):,} sampled values")
    if kind == "b":
        text = f"true {looked.about}{share(int(some.sum()), len(some))}"
        return Item(name, shown, text, text)
    if kind in "mM":
        return _moments(name, shown, native, looked)
    if kind not in "iuf":
        found = anything(looked, some.tolist())
        for secret in sorted(found.masked):
            draft.note(f"{name}: {secret} masked")
        return Item(name, shown, found.text(full=True) or " ", found.text(full=False) or " ")
    ranked, odd = ranked_numbers(some)
    if not len(ranked):
        return Item(name, shown, odd or "nothing finite", odd or "nothing finite")
    found = described_numbers(looked, ranked, odd, Exact() if whole else _range(native))
    return Item(name, shown, found.text(full=True), found.text(full=False))


def _range(native: Any) -> Exact:
    """The range of all values, where that is affordable and all are finite."""
    import numpy as np

    if native.size > PASS:
        return Exact()
    least, most = native.min(), native.max()
    return Exact(None, least.item(), most.item()) if np.isfinite([least, most]).all() else Exact()


def _moments(name: str, kind: str, native: Any, looked: Looked) -> Item:
    import numpy as np

    about = looked.about
    some: Any = native.ravel() if looked.whole else native.flat[sampling.picked(int(native.size))]
    present = some[~np.isnat(some)]
    if not len(present):
        return Item(name, kind, "nothing in it", "nothing in it")
    least, most = present.min(), present.max()
    if native.dtype.kind == "m":
        ends = [duration(float(one / np.timedelta64(1, "ns")) / 1e9) for one in (least, most)]
    else:
        ends = [str(one).replace("T", " ") for one in (least, most)]
    text = f"{about}{ends[0]}..{ends[1]}"
    return Item(name, kind, text, text)


def type_of(native: Any) -> str:
    """The type of what an array holds; texts are texts, however wide their cells are."""
    return {"U": "str", "S": "bytes", "O": "object"}.get(native.dtype.kind) or line(str(native.dtype), 40)


def tensor(draft: Draft, native: Any, wish: Wish) -> None:
    """A torch tensor, asked as any object is: torch itself is not imported."""
    kind = line(str(native.dtype), 40).removeprefix("torch.")
    device = line(str(native.device), 30)
    grad = ", requires grad" if native.requires_grad else ""
    draft.head = f", {shaped(native.shape)}, {kind}, on {device}{grad}"
    if wish.level in ("names", "schema"):
        return
    if device != "cpu":
        draft.note(f"values not looked at: they are on {device}")
        return
    plain = native.detach().numpy()  # the same memory; raises for types that numpy does not have
    if plain.size:
        draft.items = [numbers(draft, plain, "values", wish)]


def sparse(draft: Draft, native: Any, wish: Wish) -> None:
    """A sparse matrix or array of scipy: how full it is, and what its stored values are."""
    cells = 1
    for one in native.shape:
        cells *= int(one)
    stored = int(native.nnz)
    form = line(str(native.format), 10)
    draft.head = f", {shaped(native.shape)}, {line(str(native.dtype), 40)}, {form}, {stored:,} stored"
    draft.head += f" ({share(stored, cells)})"
    data: Any = getattr(native, "data", None)
    if wish.level in ("names", "schema") or module_name(type(data)) != "numpy" or not data.size:
        return
    draft.items = [numbers(draft, data, "stored values", wish)]


def labelled(draft: Draft, native: Any, wish: Wish) -> None:
    """An xarray Dataset or DataArray: its dimensions, coordinates and variables. Nothing is loaded."""
    sizes = ", ".join(
        f"{label(name)} {int(number_of):,}" for name, number_of in list(native.sizes.items())[:DIMENSIONS]
    )
    draft.noun = "variable"
    is_dataset = hasattr(native, "data_vars")
    draft.head = f", {sizes or 'no dimension'}" + ("" if is_dataset else f", {line(str(native.dtype), 40)}")
    coordinates = [(name, one, " coordinate") for name, one in native.coords.items()]
    variables = (
        [(name, one, "") for name, one in native.data_vars.items()]
        if is_dataset
        else [(native.name if native.name is not None else "values", native, "")]
    )
    for name, one, role in [*variables, *coordinates]:
        draft.items.append(_variable(draft, name, one, role, wish))
    if native.attrs:
        draft.note(f"{plural(len(native.attrs), 'attribute')} not told")


def _variable(draft: Draft, name: object, one: Any, role: str, wish: Wish) -> Item:
    shown, first = label(name), wish.meant(name, wish.named, draft.name)
    kind = f"{line(str(one.dtype), 40)}{role} ({', '.join(label(dim) for dim in one.dims[:DIMENSIONS])})"
    if wish.meant(name, wish.hide, draft.name):
        draft.note(f"{shown}: values hidden")
        return Item(shown, kind + " (hidden)", " ", " ", first=first)
    loaded = getattr(one.variable, "_in_memory", False)
    if wish.level in ("names", "schema") or not loaded or not one.size:
        return Item(shown, kind, first=first)
    line_of = numbers(draft, one.variable.values, shown, wish)
    units = one.attrs.get("units") if type(one.attrs) is dict else None
    measured = f", in {value(units)}" if type(units) is str else ""
    return Item(shown, kind, f"{line_of.full}{measured}", line_of.short, first=first)
