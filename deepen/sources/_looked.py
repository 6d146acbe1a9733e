"""Looking at many picture files: each is decoded whole, once, and what was seen is remembered by its content."""
import errno
import hashlib
import io
import json
import os
import re
import struct
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.picture import eight_bits, is_deep, on_white, open_picture, white_of
from deepen.core.words import Problem, carried, say
from deepen.sources._copies import PRINT, fingerprint
from deepen.sources._looked_store import Store
from deepen.sources._progress import show

RECORD = np.dtype([("pixels", "V16"), ("print", "u1", (PRINT,)), ("width", "<u4"), ("height", "<u4"), ("mode", "S8"),
                   ("format", "S12"), ("frames", "<u2"), ("light", "u1"), ("turned", "?"),
                   ("clear", "?"), ("white", "<f4")])           # has see-through parts; the white of a deep picture, else 0
HEAVY = 8_000_000           # pixels from which on pictures are decoded one at a time, so that memory stays bounded
LONG = 1 << 29              # bytes of a file above which it is not read
STRIP = 1 << 22             # pixels hashed at once
BATCH = 1024
MANY = {"GIF", "WEBP", "TIFF", "PNG"}       # forms that may hold more than one picture; MPO is a photo and its preview
_one_heavy = threading.Lock()


@dataclass
class Looked:
    """What was seen in each file. `rows` (N,) of RECORD; where a picture cannot be read its row is zero and its
    problem is in `problems`: an English sentence and its values, said in the language of who asks."""
    rows: np.ndarray
    keys: list[bytes]                                                       # hash of each file's bytes; empty: not read
    problems: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def problem(self, row: int) -> str:
        """Why this file cannot be used, in the language spoken now; empty when it can."""
        sentence, values = self.problems.get(row, ("", {}))
        return say(sentence, **values) if sentence else ""

    def pixels(self) -> list[bytes]:
        """A hash of the decoded pixels of each file: equal where two pictures are the same, however stored."""
        return [b"" if row in self.problems else bytes(one) for row, one in enumerate(self.rows["pixels"])]


def look(files: Sequence[Path]) -> Looked:
    """Decode every file whole, in threads (Pillow lets go of the interpreter while it decodes), one small record a file.

    A file seen before is not decoded again: it is known by its place (device, inode, size and times, as git knows
    it) or, when that changed, by the blake2b of its bytes."""
    warnings.filterwarnings("ignore", module=r"PIL\.")      # what is wrong becomes a problem or is refused by open_picture
    store = Store(RECORD)
    looked = Looked(np.zeros(len(files), RECORD), [b""] * len(files), said=store.said)
    last = time.monotonic()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        for start in range(0, len(files), BATCH):
            part = range(start, min(start + BATCH, len(files)))
            places = [place_of(files[row]) for row in part]
            known = store.recall([place for place in places if place])
            left = [row for row, place in zip(part, places, strict=True) if place not in known]
            _keep(looked, [(row, known[place]) for row, place in zip(part, places, strict=True) if place in known])
            for row, seen in zip(left, pool.map(carried(lambda row: _seen(files[row], store)), left), strict=True):
                _keep(looked, [(row, seen)])
                if seen[0]:
                    store.remember(places[row - start], *seen)
                if time.monotonic() - last > 0.1:
                    last = time.monotonic()
                    show(say("looking at pictures: {done} of {total}", done=row + 1, total=len(files)))
    store.close()
    show()
    return looked


def place_of(file: Path) -> bytes:
    """What tells a file that was not touched: empty when it is so new that a change could go unnoticed, or not there."""
    try:
        told = os.stat(file)
    except OSError:
        return b""
    if os.name == "nt" or time.time_ns() - told.st_ctime_ns < 2_000_000_000:    # Windows keeps no time of change
        return b""
    return struct.pack("QQQqq", told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)


def _keep(looked: Looked, found: list[tuple[int, tuple[bytes, bytes, str]]]) -> None:
    good = []
    for row, (key, _, problem) in found:
        looked.keys[row] = key
        if problem:
            sentence, values = json.loads(problem)
            looked.problems[row] = sentence, values
        else:
            good.append(row)
    if good:
        looked.rows[good] = np.frombuffer(b"".join(record for _, (_, record, _) in found), RECORD)


def _seen(file: Path, store: Store) -> tuple[bytes, bytes, str]:
    """(hash of the bytes, record, problem as JSON) of one file; no hash where another try may end otherwise."""
    key = b""
    try:
        if (size := os.stat(file).st_size) > LONG:
            raise Problem("the file has {size:.0f} MB, more than the {limit} MB a picture may have", size=size / 1e6,
                          limit=LONG // 1_000_000)
        raw = whole(file)
        key = hashlib.blake2b(raw, digest_size=16).digest()
        return store.find(key) or (key, record_of(raw), "")
    except Problem as problem:
        return key, b"", _plain(problem)
    except OSError as error:
        return b"", b"", _plain(Problem("the file cannot be read ({reason})", reason=error.strerror or error))
    except MemoryError:
        return b"", b"", _plain(Problem("there is not enough memory to decode the picture"))


def whole(file: Path) -> bytes:
    """The bytes of a file; an OSError for a pipe, which would be waited on for ever."""
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, say("it is a pipe or a device, not a file"))
    return file.read_bytes()


def _plain(problem: Problem) -> str:
    values = {name: value if isinstance(value, int | float | str) else str(value) for name, value in problem.values.items()}
    return json.dumps([problem.sentence, values])


def record_of(raw: bytes) -> bytes:
    """The bytes of a picture file -> the bytes of its RECORD; `Problem` (a cause without a mend) when it is none."""
    form, size, frames, turned = _head(raw)
    with _one_heavy if size[0] * size[1] > HEAVY else nullcontext():
        picture = _decoded(raw)
        mode, white = picture.mode, white_of(picture) if is_deep(picture) else 0
        flat = on_white(picture)
        clear = flat is not picture
        if white:
            flat = eight_bits(flat)
        if flat.mode not in ("RGB", "L"):
            flat = flat.convert("L" if flat.mode in ("1", "LA") else "RGB")
        pixels, mark = _hash(flat), fingerprint(flat)
        light = sum(mark) // len(mark) if any(mark) else flat.convert("L").resize((1, 1), 4).getpixel((0, 0))
    record = np.zeros(1, RECORD)
    record[0] = (pixels, np.frombuffer(mark, np.uint8), *picture.size, mode.encode(), form.encode(), min(frames, 65535),
                 light, turned, clear, white)
    return record.tobytes()


def _head(raw: bytes) -> tuple[str, tuple[int, int], int, bool]:
    """(form, size, frames, turned by EXIF) as the head of a picture file says, before anything is decoded."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError
    if not raw:
        raise Problem("the file is empty (0 bytes)")
    try:
        head = Pillow.open(io.BytesIO(raw))
        form = "JPEG" if head.format == "MPO" else head.format or ""
        asked = form != "PNG" or b"eXIf" in raw         # to look for it, Pillow would decode a PNG whole
        turned = asked and head.getexif().get(0x0112, 1) in range(2, 9)
        return form, head.size, getattr(head, "n_frames", 1) if form in MANY else 1, turned
    except UnidentifiedImageError:
        raise stranger(raw) from None
    except Pillow.DecompressionBombError as error:
        count = int(found[0]) if (found := re.search(r"\d+", str(error))) else 0
        raise Problem("the picture asks for {count} million pixels, far more than a photo has: it would fill the memory",
                      count=round(count / 1e6)) from None
    except MemoryError:
        raise
    except Exception as error:          # a decoder may raise anything on damaged bytes
        raise _damaged(str(error)) from None


def _damaged(reason: str) -> Problem:
    if "truncated" in reason.lower():
        return Problem("the picture is cut short: the end of the file is missing")
    return Problem("the picture is damaged ({reason})", reason=reason)


def _decoded(raw: bytes):
    """The whole picture, turned upright; a `Problem` that says how it is damaged."""
    try:
        return open_picture(raw)
    except Problem as problem:
        values = problem.values
        if "width" in values:
            raise Problem("the picture says it is {width}×{height}, more than {limit} million pixels", **values) from None
        raise _damaged(str(values.get("reason", problem))) from None


def _hash(picture) -> bytes:
    """A hash of size and pixels, strip by strip."""
    told = hashlib.sha256(f"{picture.mode} {picture.size}".encode())
    high = max(1, STRIP // picture.width)
    if picture.height <= high:
        told.update(picture.tobytes())
    else:
        for top in range(0, picture.height, high):
            told.update(picture.crop((0, top, picture.width, min(top + high, picture.height))).tobytes())
    return told.digest()[:16]


def stranger(raw: bytes) -> Problem:
    """What a file is that is no picture, in a sentence."""
    start = raw[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start:
        return Problem("this is a saved web page, not a picture")
    if start.startswith(b"<svg") or b"<svg" in start:
        return Problem("this is an SVG drawing, which has no pixels")
    if raw[4:8] == b"ftyp":
        if raw[8:12] in (b"heic", b"heix", b"heif", b"mif1", b"hevc"):
            return Problem("this is a HEIC photo, which cannot be read")
        return Problem("this is a film, not a picture")
    if raw.startswith((b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        return Problem("this is a document or an archive, not a picture")
    try:
        text = raw[:200].decode("utf-8", "strict" if len(raw) <= 200 else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() or all(letter.isprintable() or letter in "\r\n\t" for letter in text):
        return Problem("this is text, not a picture (it begins with “{start}”)", start=" ".join(text[:30].split()))
    return Problem("this is not a picture that can be read (it begins with {start})", start=raw[:8])
