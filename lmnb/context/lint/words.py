"""What is wrong with texts: numbers and dates among them, two spellings of one thing, several types in one column."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from lmnb.context.lint.completeness import EMPTY, EXACT
from lmnb.context.lint.looking import some
from lmnb.context.lint.parsing import coded, date_form, exists, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmnb.context.lint.columns import Column
    from lmnb.context.lint.looking import Look
    from lmnb.context.lint.report import Finding

MARKS = r"[,\s$€£¥%]"
COMMA_MARKS = r"[.\s$€£¥%]"
NEARLY = 0.8
"""So large a part of the texts has to be numbers, or dates, for the column to be one of numbers, or dates."""

FORMATS = {
    "%Y-%m-%d": re.compile(r"\d{4}-\d{2}-\d{2}\Z"),
    "%Y/%m/%d": re.compile(r"\d{4}/\d{2}/\d{2}\Z"),
    "%Y-%m": re.compile(r"\d{4}-\d{2}\Z"),
    "%Y%m%d": re.compile(r"\d{8}\Z"),
    "%Y-%m-%d %H:%M:%S": re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\Z"),
    "%Y-%m-%dT%H:%M:%S": re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\Z"),
    "%Y-%m-%dT%H:%M:%SZ": re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z\Z"),
    "%Y/%m/%d %H:%M": re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}\Z"),
    "%b %d %Y": re.compile(r"[A-Z][a-z]{2} \d{1,2} \d{4}\Z"),
    "%b %d, %Y": re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4}\Z"),
    "%B %d, %Y": re.compile(r"[A-Z][a-z]{2,} \d{1,2}, \d{4}\Z"),
    "%d %b %Y": re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}\Z"),
    "%d-%b-%Y": re.compile(r"\d{1,2}-[A-Z][a-z]{2}-\d{4}\Z"),
    "%d %B %Y": re.compile(r"\d{1,2} [A-Z][a-z]{2,} \d{4}\Z"),
}


def said(column: Column) -> Counter[str]:
    """The texts of a column, without those that say that there is none."""
    empty = {text for text in column.tally if text.strip().casefold() in EMPTY or text.strip() in EXACT}
    return Counter({text: n for text, n in column.tally.items() if text not in empty})


def numbers_as_text(column: Column, look: Look) -> Iterator[Finding]:
    """Texts that are numbers."""
    if column.kind != "text" or column.labelled:
        return
    texts = said(column)
    if not numeric(texts) or _names_things(texts) or dates(texts):
        return
    forms = {text: number(text) for text in texts}
    rest = [text for text, form in forms.items() if not form]
    commas = sum(form == "comma" for form in forms.values()) > sum(form == "plain" for form in forms.values())
    marks = COMMA_MARKS if commas else MARKS
    sql = "'" + marks + "'"
    remedy = look.remedies.say("comma number" if commas else "number", column.at, marks=repr(marks), sqlmarks=sql)
    but = f" The rest is no number: {some(rest)}." if rest else ""
    shown = [text for text in texts if forms[text]]
    seen = sum(texts[text] for text in shown)
    message = f"Numbers stored as text in {{rows}}.{but}"
    yield look.finding("text-number", column, seen, message, remedy, examples=shown)


def numeric(texts: Counter[str]) -> bool:
    """Whether nearly all of some texts are numbers."""
    if not _some_are(texts, number):
        return False
    found = sum(n for text, n in texts.items() if number(text))
    return found >= 3 and found >= NEARLY * texts.total()


def _some_are(texts: Counter[str], kind: Callable[[str], str | None]) -> bool:
    """Whether it is worth the while to look at each of many texts: by 200 of them."""
    if len(texts) < 2_000:
        return True
    few = list(texts)[:: len(texts) // 200]
    return sum(kind(text) is not None for text in few) > 0.5 * len(few)


def _names_things(texts: Counter[str]) -> bool:
    """Whether digits are names here: postcodes, telephone numbers, account numbers."""
    if any(coded(text) for text in texts):
        return True
    digits = [text.strip() for text in texts if text.strip().isdigit()]
    long = len(digits) == len(texts) and min((len(text) for text in digits), default=0) >= 9
    return long and len({len(text) for text in digits}) == 1


def dates_as_text(column: Column, look: Look) -> Iterator[Finding]:
    """Texts that are dates, and numbers like 20240131."""
    if column.kind == "integer":
        yield from _dates_as_numbers(column, look)
    if column.kind != "text" or column.labelled:
        return
    texts = said(column)
    form = dates(texts)
    if form is None:
        return
    dated = [text for text in texts if date_form(text) == form]
    seen = sum(texts[text] for text in dated)
    remedy = _date_remedy(column, look, form, dated)
    yield look.finding("text-date", column, seen, "Dates stored as text in {rows}.", remedy, examples=dated)


def _dates_as_numbers(column: Column, look: Look) -> Iterator[Finding]:
    if len(column.tally) < 5 or not 1800_01_01 <= column.ranked[0] <= column.ranked[-1] <= 2200_12_31:
        return
    if all(exists(str(value), "compact") for value in column.tally):
        remedy = _date_remedy(column, look, "compact", list(map(str, column.ranked)))
        message = "Dates stored as numbers in {rows}."
        yield look.finding("text-date", column, column.present, message, remedy, examples=map(str, column.ranked))


def dates(texts: Counter[str]) -> str | None:
    """The form of the dates that nearly all of some texts are."""
    if not _some_are(texts, date_form):
        return None
    forms: Counter[str] = Counter()
    for text, n in texts.items():
        if (form := date_form(text)) is not None:
            forms[form] += n
    form, seen = forms.most_common(1)[0] if forms else ("", 0)
    if seen < 3 or seen < NEARLY * texts.total():
        return None
    good = sum(
        n
        for text, n in texts.items()
        if date_form(text) == form and (exists(text, form) or exists(text, form, month_first=True))
    )
    if form == "compact" and (good < seen or len(texts) < 5):
        return None  # eight digits are dates only if all of them are
    return form if good >= NEARLY * seen else None


def month_comes_first(texts: list[str]) -> bool:
    """Of dates like 3/4/2020, whether the first number is the month: by which reading more of them exist."""
    month = sum(exists(text, "short", month_first=True) for text in texts)
    day = sum(exists(text, "short") for text in texts)
    return month > day or (month == day and any("/" in text for text in texts))


def _date_remedy(column: Column, look: Look, form: str, dated: list[str]) -> str:
    matching = [
        name
        for name, pattern in FORMATS.items()
        if sum(pattern.match(t.strip()) is not None for t in dated) >= 0.9 * len(dated)
    ]
    if form == "short":
        sep = "/" if "/" in dated[0] else "-" if "-" in dated[0] else "."
        year = "%Y" if re.search(r"\d{4}", dated[0]) else "%y"
        first, second = ("%m", "%d") if month_comes_first(dated) else ("%d", "%m")
        if all(":" not in text for text in dated):
            matching = [sep.join((first, second, year))]
    if not matching:
        return look.remedies.say("date of any form", column.at)
    plain = matching[0]
    padded = "%Y-%m-%d" if plain == "%Y-%m" else plain
    polars = repr(padded)
    if plain == "%Y-%m" and look.source.library == "polars":
        return look.remedies.say("month", column.at)
    return look.remedies.say("date", column.at, format=repr(plain), strptime=polars, sqlformat="'" + plain + "'")


def mixed(column: Column, look: Look) -> Iterator[Finding]:
    """Values of several types in one column."""
    if len(column.families) < 2:
        return
    ranked = sorted(column.families.items(), key=lambda item: (-item[1], item[0]))
    (most, _), *others = ranked
    few = sum(n for _, n in others)
    kinds = ", ".join(f"{n:,} {name}" for name, n in ranked[:5])
    odd = [
        key[1]
        for key in column.tally
        if isinstance(key, tuple) and key[0] != most and key[0] in ("text", "number", "bool")
    ]
    remedy = look.remedies.say("only numbers" if most == "number" else "text", column.at)
    message = f"Its values are of {len(ranked)} types: {kinds}; other than {most} in {{rows}}."
    yield look.finding("mixed", column, few, message, remedy, examples=odd, severity="error")


def variants(column: Column, look: Look) -> Iterator[Finding]:
    """Texts that differ from another only in spaces or in capitals, or have spaces around them."""
    if column.kind != "text" or numeric(said(column)):  # spaces do not make another number
        return
    spellings: dict[str, list[str]] = {}
    for text in column.tally:
        spellings.setdefault(_same(text), []).append(text)
    tally, odd = column.tally, []
    hardly_repeating = 2 * len(tally) > column.present
    for key, texts in spellings.items():
        if not key:
            continue
        usual = min(texts, key=lambda text: (text != text.strip(), -tally[text], text))
        # Among names that hardly repeat, LaFayette and Lafayette may be two.
        names = hardly_repeating and tally[usual] < 5
        odd += [
            text for text in texts if text != text.strip() or (text != usual and not (names and _by_case(text, usual)))
        ]
    if _random(column):
        odd = [text for text in odd if text != text.strip()]
    if not odd:
        return
    odd.sort(key=lambda text: (-tally[text], text))
    seen = sum(tally[text] for text in odd)
    by_case = len({_spaced(text) for text in tally}) != len(spellings)
    remedy = look.remedies.say("spelling" if by_case else "spaces", column.at)
    why = "spaces or capitals" if by_case else "spaces"
    message = f"Another spelling of the same, different only in {why}, in {{rows}}: {some(odd)}."
    yield look.finding("variants", column, seen, message, remedy, examples=odd)


def _by_case(text: str, other: str) -> bool:
    return text != other and _spaced(text) != _spaced(other)


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _same(text: str) -> str:
    return _spaced(unicodedata.normalize("NFKC", text)).casefold()


def _random(column: Column) -> bool:
    """Whether the texts are keys in which capitals mean something: nearly all different, digits in them, no spaces."""
    if len(column.tally) < 0.9 * column.present or column.present < 20:
        return False
    some_texts = [text.strip() for text in column.ranked[:200]]
    return all(" " not in text and len(text) >= 6 for text in some_texts) and sum(
        any(c.isdigit() for c in text) and text != text.lower() for text in some_texts
    ) > 0.5 * len(some_texts)
