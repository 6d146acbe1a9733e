"""Bytes of somebody's text file -> text, in the encoding it was written in; never a wrong letter in silence."""
import codecs
from itertools import groupby

from deepen.core.words import say
from deepen.sources._finding import Trouble

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
          "utf-32": "UTF-32", "cp949": "CP949", "cp1252": "Windows-1252"}
_SAMPLE = 1 << 20


def decode(raw: bytes, file: str, encoding: str = "") -> tuple[str, str]:
    """(text, name of its encoding). Tried in order: what is asked, byte order marks, UTF-16 without one, UTF-8, CP949
    (which holds EUC-KR) when it reads as Korean, Windows-1252 when it reads as European; else `Trouble`."""
    if not raw.strip(b"\0 \t\r\n"):
        raise Trouble(say("the file is empty"), say("check that the right file was given"), file)
    _refuse_what_is_no_text(raw, file)
    if encoding:
        return _as_asked(raw, file, encoding)
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _marked(raw, file, name), _NAMES[name]
    if name := _wide(raw[:4096]):
        return _marked(raw, file, name), _NAMES[name]
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise Trouble(say("there is a NUL character, which no text has"),
                      say("open the file in an editor, remove it and save again"), file, say("line {line}", line=line))
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        first = error
    if _reads_korean(raw):
        return raw.decode("cp949"), "CP949"
    line = raw.count(b"\n", 0, first.start) + 1
    if _mixed(raw):
        raise Trouble(say("the encodings are mixed: this line is not UTF-8 (it looks like CP949), others are"),
                      say("save the whole file again as UTF-8"), file, say("line {line}", line=line))
    if _reads_european(raw):
        return raw.decode("cp1252"), _NAMES["cp1252"]
    raise Trouble(say("the letters are neither UTF-8, UTF-16 nor CP949"),
                  say("save the file as UTF-8, or name its encoding, for example data.encoding=shift_jis"), file,
                  say("line {line}", line=line))


def _refuse_what_is_no_text(raw: bytes, file: str) -> None:
    start = raw[:512].lstrip().lower()
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Trouble(say("this is an Excel workbook (or a ZIP archive), not text"),
                      say("in Excel choose Save As, CSV UTF-8"), file)
    if start.startswith((b"<!doctype html", b"<html")):
        raise Trouble(say("this is a web page, not a table"), say("download the file itself"), file)
    if raw.startswith((b"\x1f\x8b", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BZh", b"\xfd7zXZ", b"SQLite",
                       b"PAR1", b"\x93NUMPY", b"\x80\x02", b"\x80\x04", b"\x80\x05")):
        raise Trouble(say("this is not text (it begins with {start})", start=raw[:6]),
                      say("give a CSV file, saved as UTF-8"), file)


def _as_asked(raw: bytes, file: str, encoding: str) -> tuple[str, str]:
    try:
        return raw.decode(encoding).removeprefix("\ufeff"), encoding
    except LookupError:
        raise Trouble(say("there is no encoding {name}", name=encoding),
                      say("common ones are utf-8, cp949, utf-16, cp1252"), file) from None
    except UnicodeDecodeError as error:
        raise Trouble(say("the letters are not {name}", name=encoding), say("leave data.encoding out and it will be found"),
                      file, say("line {line}", line=raw.count(b"\n", 0, error.start) + 1)) from None


def _marked(raw: bytes, file: str, name: str) -> str:
    try:
        return raw.decode(name)
    except UnicodeDecodeError as error:
        raise Trouble(say("the file says it is {name}, but byte {byte} is not", name=_NAMES[name], byte=error.start),
                      say("save the file again as UTF-8"), file) from None


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: every second byte of mostly ASCII text is zero."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < 0.3 * len(start) / 2 or min(even, odd) > 0.05 * len(start):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _reads_korean(raw: bytes) -> bool:
    try:
        letters = [letter for letter in raw.decode("cp949")[:_SAMPLE] if letter > "\x7f"]
    except UnicodeDecodeError:
        return False
    return sum("가" <= letter <= "힣" for letter in letters) >= 0.5 * len(letters)


def _mixed(raw: bytes) -> bool:
    """Is every line Korean in UTF-8 or in CP949, and are there both?"""
    seen = set()
    for line in raw.splitlines():
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            seen.add("utf-8")
        except UnicodeDecodeError:
            if not _reads_korean(line):
                return False
            seen.add("cp949")
    return len(seen) == 2


def _reads_european(raw: bytes) -> bool:
    """Accented letters stand alone between plain ones."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return False
    runs = [sum(1 for _ in run) for high, run in groupby(raw[:_SAMPLE], lambda byte: byte > 127) if high]
    return sum(run <= 2 for run in runs) >= 0.9 * len(runs)
