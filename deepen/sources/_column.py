"""A column of text -> numbers, or categories with their codes; missing is NaN."""
import re
import unicodedata
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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

    @property
    def distinct(self) -> int:
        return len(self.values) if self.values is not None else len(np.unique(self.numbers[~np.isnan(self.numbers)]))

    @property
    def missing(self) -> int:
        return int(np.isnan(self.numbers).sum())


def is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell.strip()))


def is_plain(cell: str) -> bool:
    return bool(re.match(PLAIN, cell.strip()))


def understand(name: str, cells: pa.Array, decimal_comma: bool = False) -> Column:
    """Numbers where (nearly) all cells that are not missing are numbers, else categories."""
    cells = pc.utf8_trim_whitespace(cells)
    column = _as_numbers(name, cells, decimal_comma)
    return column if column is not None else as_words(name, cells)


def as_words(name: str, cells: pa.Array, missing: tuple[str, ...] = UNKNOWN) -> Column:
    """Categories: codes into the sorted different cells."""
    codes, words = codes_of(cells)
    values = tuple(sorted({word for word in words if word not in missing}))
    place = {word: i for i, word in enumerate(values)}
    to = np.array([place.get(word, np.nan) for word in words], np.float64)
    return Column(name, to[codes], values)


def codes_of(cells: pa.Array) -> tuple[np.ndarray, list[str]]:
    """(a code for each cell, the word of each code): trimmed, in composed Unicode."""
    coded = pc.utf8_trim_whitespace(cells).dictionary_encode()
    words = [unicodedata.normalize("NFC", word) for word in coded.dictionary.to_pylist()]
    return coded.indices.to_numpy(zero_copy_only=False), words


def numbers_of(cells: pa.Array, decimal_comma: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """For columns known to be numbers: (numbers, NaN where there is none; the rows whose cell is neither a finite
    number nor missing)."""
    cells = pc.utf8_trim_whitespace(cells)
    empty = pa.scalar(None, pa.large_string())
    cells = pc.if_else(pc.is_in(cells, pa.array(MISSING, pa.large_string())), empty, cells)
    given = cells.is_valid().to_numpy(zero_copy_only=False)
    cells, _ = _plain(cells, decimal_comma)
    cells = pc.if_else(pc.match_substring_regex(cells, f"{PLAIN}|{INFINITE}"), cells, empty)
    numbers = _floats(cells)
    strange = ~np.isfinite(numbers) & given
    return np.where(np.isfinite(numbers), numbers, np.nan), np.flatnonzero(strange)


def _as_numbers(name: str, cells: pa.Array, decimal_comma: bool) -> Column | None:
    empty = pa.scalar(None, pa.large_string())
    given = pc.if_else(pc.is_in(cells, pa.array(MISSING, pa.large_string())), empty, cells)
    there = len(given) - given.null_count
    if not there:
        return Column(name, np.full(len(cells), np.nan), None)
    if _has_identifier(given):
        return None
    said, strange = "", np.empty(0, np.int64)
    try:
        numbers = _cast(given)                  # the common case: plain numbers only
        decimal_comma = False
    except pa.ArrowInvalid:
        plain, form = _plain(given, decimal_comma)
        good = pc.match_substring_regex(plain, f"{PLAIN}|{INFINITE}")
        count = pc.sum(pc.cast(good, pa.int64())).as_py() or 0
        if count < there and not (count >= MOSTLY * there and there >= 20):
            return None
        if form and not _all(pc.equal(plain, given)):
            was, now = next((a, b) for a, b in zip(given.to_pylist(), plain.to_pylist(), strict=True) if a != b)
            said = say("{was} is read as {now}", was=was, now=now)
        strange = np.flatnonzero(pc.fill_null(pc.invert(good), False).to_numpy(zero_copy_only=False))
        numbers = _floats(pc.if_else(good, plain, empty))
        decimal_comma = form == "decimal"
    infinite = np.flatnonzero(np.isinf(numbers))
    numbers[infinite] = np.nan
    return Column(name, numbers, None, decimal_comma, strange, infinite, said)


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
