"""One text file -> its text, and everything about its letters that a person should know."""
import gzip
import re
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path

from deepen.core.words import say
from deepen.sources._encoding import decode
from deepen.sources._finding import Level, Trouble

MOST = 256 << 20            # bytes of a file that are looked at
BOMB = 200                  # times a packed text may grow
FEW = 20                    # words; a shorter text has nothing to learn from
HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
CONTROL = re.compile("[\x01-\x08\x0e-\x1f\x7f]")
Note = Callable[[Level, str, str, str, str], None]         # level, cause, mend, file, place


def contents(path: Path, file: str) -> bytes:
    """The bytes of a text file, unpacked where it is a .gz; `Trouble` when it cannot be or is a bomb."""
    with open(path, "rb") as opened:
        if opened.read(2) != b"\x1f\x8b":
            opened.seek(0)
            return opened.read(MOST)
    try:
        with gzip.open(path) as packed:
            raw = packed.read(MOST)
    except (OSError, EOFError, zlib.error) as error:
        raise Trouble(say("the packed file is damaged ({reason})", reason=error), say("download or copy it again"),
                      file) from None
    if len(raw) > BOMB * max(1 << 18, path.stat().st_size):
        raise Trouble(say("the packed file is a bomb: it grows without end"), say("get the data from somebody you trust"), file)
    return raw


def read(raw: bytes, file: str, note: Note) -> tuple[str, str]:
    """(text with \\n for every line end, name of the encoding). What is odd is noted; `Trouble` when nothing can be read."""
    if len(raw) == MOST:
        note("note", say("only the first {size} MB are looked at", size=MOST >> 20), "", file, "")
        raw = raw[:raw.rfind(b"\n") + 1] or raw
    if raw and not raw.strip(b"\0 \t\r\n\f\v"):
        raise Trouble(say("there are blanks only, no words"), say("check that the right file was given"), file)
    nul = raw.count(b"\0")
    if 0 < nul < len(raw) / 10 and raw[:2] not in (b"\xff\xfe", b"\xfe\xff") and _is_utf8(raw):
        note("note", say("NUL characters are passed over: {count}", count=nul), say("remove them"), file,
             say("line {line}", line=raw.count(b"\n", 0, raw.index(b"\0")) + 1))
        raw = raw.replace(b"\0", b"")
    text, encoding = _damaged(raw, file, note) or decode(raw, file)
    return _lines(text, file, note), encoding


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def _damaged(raw: bytes, file: str, note: Note) -> tuple[str, str] | None:
    """UTF-8 with some bytes that are none: they are counted and shown as �; None when the text is something else."""
    if _is_utf8(raw):
        return None
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd") - raw.count(b"\xef\xbf\xbd")
    good = sum(map(len, re.findall("[\u0080-\ufffc\U00010000-\U0010ffff]+", text)))
    if good < 10 * bad:
        return None
    first = len(text[:text.index("\ufffd")].encode("utf-8"))
    line = raw.count(b"\n", 0, first) + 1
    note("error", say("bytes that are no UTF-8, so letters are lost: {count}", count=bad),
         say("write the lines again, or save the original as UTF-8"),
         file, say("line {line}, byte {byte}", line=line, byte=first))
    return text, "UTF-8"


def _lines(text: str, file: str, note: Note) -> str:
    text = text.removeprefix("\ufeff")
    hidden = HIDDEN.findall(text)
    if hidden:
        names = sorted({unicodedata.name(one, f"U+{ord(one):04X}") for one in hidden})
        note("note", say("characters that nobody sees: {count} ({names})", count=len(hidden), names=", ".join(names[:4]).lower()),
             say("remove them, or words that look alike are different words"), file,
             say("line {line}", line=text.count("\n", 0, text.index(hidden[0])) + 1))
    if control := CONTROL.findall(text):
        note("note", say("control characters: {count}", count=len(control)), say("remove them"), file,
             say("line {line}", line=text.count("\n", 0, text.index(control[0])) + 1))
    if not unicodedata.is_normalized("NFC", text):
        composed = unicodedata.normalize("NFC", text)
        if len(text) - len(composed) > 0.01 * len(text):
            note("note", say("the letters are written in pieces (NFD, as macOS writes names): they are read composed, so the words are the same"), "", file, "")
        text = composed
    windows = text.count("\r\n")
    kinds = {"CRLF": windows, "CR": text.count("\r") - windows, "LF": text.count("\n") - windows}
    if sum(count > 0 for count in kinds.values()) > 1:
        note("note", say("the line ends are mixed ({kinds}): all are read as line ends",
                         kinds=", ".join(f"{name} {count}" for name, count in kinds.items() if count)), "", file, "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
