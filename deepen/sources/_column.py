"""A column of text -> numbers, days or categories with their codes; missing is NaN."""
import re
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deepen.core.amounts import DATES, amount, day, days
from deepen.core.words import say

MISSING = ("", "?", "NA", "N/A", "#N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "-", "--", ".")
UNKNOWN = ("", "?")                             # missing among words too; "NA" and "None" may be words there
PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
THOUSANDS = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"
DECIMAL = r"^[+-]?[0-9]+,[0-9]+$"               # 155,7
DECIMAL_DOTS = r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+$"    # 1.155,7
INFINITE = r"^[+-]?(?i:inf|infinity|∞)$"
IDENTIFIER = r"^[+-]?(0[0-9]+|[0-9]{16,})$"     # 08519 and 10000000000000000001 are names, not amounts
SIGNS = r"^([+-]?)\s*[₩$€£¥]?\s*([+-]?[0-9.,eE+-]*?)\s*(%|원)?$"
_NUMBER = re.compile("|".join((PLAIN, THOUSANDS, DECIMAL, DECIMAL_DOTS, INFINITE)))
MOSTLY = 0.9                                    # numbers from here on are numbers with a few cells to mend
CLASSES_AT_MOST = 20                            # different whole numbers that are still classes
LARGEST = 1e38                                  # larger ones are infinite in float32
TEXT = 50_000                                   # different words; more are never categories, and are not kept
MONTHS = re.compile(r"month|date|time|월|날짜|일자|시기|기간", re.I)


class Cells(NamedTuple):
    """A column by its different cells: cell i is `words[codes[i]]`, trimmed."""
    codes: np.ndarray
    words: pa.Array
    counts: np.ndarray


@dataclass
class Column:
    """One column, understood: `numbers` (N,) float64, codes when there are `values`; NaN where missing."""
    name: str
    numbers: np.ndarray
    values: tuple[str, ...] | None
    decimal_comma: bool = False
    strange: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))      # rows that are no numbers
    infinite: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))     # rows that are not finite
    said: str = ""                              # how its numbers were read, when not plainly
    form: str = ""                              # of its numbers: "date:ymd", "unit:kg" (core/amounts)
    many: int = 0                               # different words, when they are too many to keep

    @property
    def distinct(self) -> int:
        if self.values is not None:
            return self.many or len(self.values)
        return len(np.unique(self.numbers[~np.isnan(self.numbers)]))

    @property
    def missing(self) -> int:
        return int(np.isnan(self.numbers).sum())

    @property
    def is_date(self) -> bool:
        return self.form.startswith("date:")


def is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell.strip()))


def is_plain(cell: str) -> bool:
    return bool(re.match(PLAIN, cell.strip()))


def is_amount(cell: str) -> bool:
    """A number, a date or an amount with a unit."""
    return is_number(cell) or days(cell) is not None or amount(cell) is not None


def cells_of(cells: pa.Array) -> Cells:
    coded = cells.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return Cells(codes, pc.utf8_trim_whitespace(coded.dictionary), np.bincount(codes, minlength=len(coded.dictionary)))


def understand(name: str, cells: pa.Array, decimal_comma: bool = False) -> Column:
    """Numbers, days or amounts where (nearly) all cells that are not missing are such, else categories."""
    seen = cells_of(cells)
    given = ~_in(seen.words, MISSING)
    there = int(seen.counts[given].sum())
    if not there:
        return Column(name, np.full(len(cells), np.nan), None)
    return (_numbers(name, seen, given, there, decimal_comma) or _days(name, seen, given, there)
            or _amounts(name, seen, given, there) or _words(name, seen, UNKNOWN))


def as_words(name: str, cells: pa.Array) -> Column:
    """Categories: codes into the sorted different cells."""
    return _words(name, cells_of(cells), UNKNOWN, keep=True)


def codes_of(cells: pa.Array) -> tuple[np.ndarray, list[str]]:
    """(a code for each cell, the word of each code): trimmed, in composed Unicode."""
    seen = cells_of(cells)
    return seen.codes, _composed(seen.words)


def numbers_of(cells: pa.Array, decimal_comma: bool = False, form: str = "") -> tuple[np.ndarray, np.ndarray]:
    """For columns known to be numbers, read as `form` says: (numbers, NaN where there is none; the rows whose cell is
    neither a finite number nor missing)."""
    seen = cells_of(cells)
    given = ~_in(seen.words, MISSING)
    kind, _, how = form.partition(":")
    if kind == "date":
        numbers = _each(seen.words, lambda cell: days(cell, how))
    else:
        plain, _ = _plain(seen.words, decimal_comma)
        good = pc.match_substring_regex(plain, f"{PLAIN}|{INFINITE}")
        numbers = _floats(pc.if_else(good, plain, _EMPTY))
        if kind == "unit":
            odd = np.flatnonzero(np.isnan(numbers) & given)
            numbers[odd] = _each(seen.words.take(pa.array(odd)), lambda cell: _in_unit(cell, how))
    numbers = np.where(given & (np.abs(numbers) <= LARGEST), numbers, np.nan)
    return numbers[seen.codes], np.flatnonzero((given & np.isnan(numbers))[seen.codes])


_EMPTY = pa.scalar(None, pa.large_string())


def _numbers(name: str, seen: Cells, given: np.ndarray, there: int, decimal_comma: bool) -> Column | None:
    words = pc.if_else(pa.array(given), seen.words, _EMPTY)
    if _has_identifier(words):
        return None
    said, strange = "", np.empty(0, np.int64)
    try:
        numbers = _cast(words)                  # the common case: plain numbers only
        decimal_comma = False
        if (compact := _compact(name, seen, given, numbers)) is not None:
            return compact
    except pa.ArrowInvalid:
        plain, form = _plain(words, decimal_comma)
        good = pc.fill_null(pc.match_substring_regex(plain, f"{PLAIN}|{INFINITE}"), False).to_numpy(zero_copy_only=False)
        count = int(seen.counts[good].sum())
        if not _enough(count, there):
            return None
        if form and (one := next((i for i in np.flatnonzero(good) if plain[i] != words[i]), None)) is not None:
            said = say("{was} is read as {now}", was=words[one].as_py(), now=plain[one].as_py())
        strange = np.flatnonzero((given & ~good)[seen.codes])
        numbers = _floats(pc.if_else(pa.array(good), plain, _EMPTY))
        decimal_comma = form == "decimal"
    large = np.abs(numbers) > LARGEST
    infinite = np.flatnonzero(large[seen.codes])
    numbers[large] = np.nan
    return Column(name, numbers[seen.codes], None, decimal_comma, strange, infinite, said)


def _enough(count: int, there: int) -> bool:
    return count == there or (count >= MOSTLY * there and there >= 20)


def _compact(name: str, seen: Cells, given: np.ndarray, numbers: np.ndarray) -> Column | None:
    """Is every number a day like 20240102?"""
    some = numbers[given]
    if len(some) < 3 or not ((some >= 19000101) & (some <= 21001231)).all():
        return None
    dates = _each(seen.words, lambda cell: days(cell, "compact"))
    if np.isnan(dates[given]).any():
        return None
    return _dated(name, seen, given, dates, "compact")


def _days(name: str, seen: Cells, given: np.ndarray, there: int) -> Column | None:
    rows = np.flatnonzero(given)
    tried = seen.words.take(pa.array(rows[:: max(1, len(rows) // 50)])).to_pylist()
    if sum(re.match(r"\d{1,4}\s*[-/.년]", cell) is not None for cell in tried) < 0.5 * len(tried):
        return None
    likely = {form: sum(days(cell, form) is not None for cell in tried) for form in DATES}
    forms = [form for form in ("ymd", "dmy", "mdy", "ym") if likely[form] >= 0.8 * len(tried)]
    if "ym" in forms and not (MONTHS.search(name) and len(rows) >= 3):
        forms.remove("ym")
    if "dmy" in forms and "mdy" in forms and not any("." in cell for cell in tried):
        forms = ["mdy", *(form for form in forms if form != "mdy")]     # 1/2/2024: where both are possible
    best, most, dates = "", 0, np.empty(0)
    for form in forms:
        these = _each(seen.words, lambda cell, form=form: days(cell, form))
        count = int(seen.counts[given & ~np.isnan(these)].sum())
        if count > most:
            best, most, dates = form, count, these
    return _dated(name, seen, given, dates, best) if best and _enough(most, there) else None


def _dated(name: str, seen: Cells, given: np.ndarray, dates: np.ndarray, form: str) -> Column:
    first = int(np.flatnonzero(given & ~np.isnan(dates))[0])
    cell, told = seen.words[first].as_py(), day(dates[first])
    said = (say("dates, read as days since 1970-01-01") if cell == told else
            say("dates, read as days since 1970-01-01: {cell} is {day}", cell=cell, day=told))
    dates = np.where(given, dates, np.nan)
    return Column(name, dates[seen.codes], None, strange=np.flatnonzero((given & np.isnan(dates))[seen.codes]), said=said,
                  form=f"date:{form}")


def _amounts(name: str, seen: Cells, given: np.ndarray, there: int) -> Column | None:
    """3.5kg, 1,234원, 1만: numbers, when they are in one unit."""
    rows = np.flatnonzero(given)
    tried = seen.words.take(pa.array(rows[:: max(1, len(rows) // 50)])).to_pylist()
    if sum(amount(cell) is not None for cell in tried) < 0.8 * len(tried) or _has_identifier(seen.words):
        return None
    found = [amount(cell) if one else None for cell, one in zip(seen.words.to_pylist(), given, strict=True)]
    units: dict[str, int] = {}
    for one, count in zip(found, seen.counts.tolist(), strict=True):
        if one is not None and one[1]:
            units[one[1]] = units.get(one[1], 0) + count
    if len(units) > 1:
        return None
    unit = next(iter(units), "")
    numbers = np.array([np.nan if one is None else one[0] for one in found])
    good = ~np.isnan(numbers)
    if not _enough(int(seen.counts[good].sum()), there):
        return None
    first = next((int(i) for i in np.flatnonzero(good) if not is_number(seen.words[int(i)].as_py())), None)
    if first is None:
        return None
    said = say("{was} is read as {now}", was=seen.words[first].as_py(), now=f"{numbers[first]:.15g}")
    return Column(name, numbers[seen.codes], None, strange=np.flatnonzero((given & ~good)[seen.codes]), said=said,
                  form=f"unit:{unit}")


def _in_unit(cell: str, unit: str) -> float | None:
    found = amount(cell)
    return found[0] if found and found[1] in ("", unit) else None


def _words(name: str, seen: Cells, missing: tuple[str, ...], keep: bool = False) -> Column:
    """Categories: codes into the sorted different cells. More than `TEXT` are text, and only counted."""
    if len(seen.words) > TEXT and not keep:
        codes = seen.codes.astype(np.float64)
        codes[_in(seen.words, missing)[seen.codes]] = np.nan
        return Column(name, codes, (), many=len(seen.words))
    words = _composed(seen.words)
    values = tuple(sorted({word for word in words if word not in missing}))
    place = {word: i for i, word in enumerate(values)}
    to = np.array([place.get(word, np.nan) for word in words], np.float64)
    return Column(name, to[seen.codes], values)


def _composed(words: pa.Array) -> list[str]:
    return [word if word.isascii() else unicodedata.normalize("NFC", word) for word in words.to_pylist()]


def _plain(cells: pa.Array, decimal_comma: bool) -> tuple[pa.Array, str]:
    """Numbers as people write them (₩1,234 · 12% · 155,7 · 1.155,7) as plain ones; and which form it was."""
    bare = pc.replace_substring_regex(cells, SIGNS, r"\1\2")
    form = "signs" if not _all(pc.equal(bare, cells)) else ""
    groups = pc.match_substring_regex(bare, THOUSANDS)
    commas = pc.match_substring_regex(bare, f"{DECIMAL}|{DECIMAL_DOTS}")
    if _any(pc.and_(commas, pc.invert(groups))) or (decimal_comma and _any(commas)):
        point = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
        return pc.if_else(commas, point, bare), "decimal"
    if _any(groups):
        return pc.if_else(groups, pc.replace_substring(bare, ",", ""), bare), "thousands"
    return bare, form


def _has_identifier(cells: pa.Array) -> bool:
    """Is there 08519, or a whole number of 16 digits or more? (Only cells that might be are looked at closely.)"""
    maybe = pc.or_(pc.greater(pc.binary_length(cells), 15), pc.or_(
        pc.starts_with(cells, "0"), pc.or_(pc.starts_with(cells, "-"), pc.starts_with(cells, "+"))))
    return _any(pc.match_substring_regex(cells.filter(maybe), IDENTIFIER))


def _each(words: pa.Array, read) -> np.ndarray:
    """`read` of every word, NaN where it answers None."""
    return np.array([np.nan if (value := read(word)) is None else value for word in words.to_pylist()], np.float64)


def _in(words: pa.Array, some: tuple[str, ...]) -> np.ndarray:
    return pc.is_in(words, pa.array(some, words.type)).to_numpy(zero_copy_only=False)


def _cast(cells: pa.Array) -> np.ndarray:
    return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def _floats(cells: pa.Array) -> np.ndarray:
    try:
        return _cast(cells)
    except pa.ArrowInvalid:                     # 1e400 and ∞, which float() understands
        return np.array([np.nan if cell is None else float(cell.replace("∞", "inf")) for cell in cells.to_pylist()])


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _all(mask: pa.Array) -> bool:
    return pc.all(mask).as_py() is not False
