"""Public files: taken from $DEEPEN_DATA, from where a run found them or from the cache, else fetched from mirrors; known
by their SHA-256.

A download that was cut goes on where it stopped. Nothing gets its name before its hash was found right.
"""
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from deepen.core.words import Failure, Problem, say
from deepen.sources._progress import show

try:
    import fcntl
except ImportError:         # Windows has no flock: two downloads of one file at once are not kept apart there
    fcntl = None  # type: ignore[assignment]

PATIENCE = 20               # seconds without a byte before a mirror is given up
BLOCK = 1 << 18
_REMEMBERED: ContextVar[list[str] | None] = ContextVar("remembered", default=None)


def cache() -> Path:
    """Where downloads are kept: $DEEPEN_CACHE or ~/.cache/deepen."""
    return Path(os.environ.get("DEEPEN_CACHE") or "~/.cache/deepen").expanduser()


@contextmanager
def remembered(kept: str | None) -> Iterator[list[str]]:
    """Within it files are looked for in `kept`, too, which $DEEPEN_DATA once was; the list holds it afterwards, or the
    $DEEPEN_DATA of now where that has them."""
    token = _REMEMBERED.set(found := [kept] if kept else [])
    try:
        yield found
    finally:
        _REMEMBERED.reset(token)


def places(folder: str) -> list[Path]:
    """Where files are looked for, in this order: $DEEPEN_DATA/folder, where a run found them, the cache."""
    kept, data = _REMEMBERED.get(), os.environ.get("DEEPEN_DATA")
    if kept is not None and data and (Path(data).expanduser() / folder).is_dir():
        kept[:] = [str(Path(data).expanduser().resolve())]
    return list(dict.fromkeys(Path(place).expanduser() / folder for place in (*([data] if data else []), *(kept or ()), str(cache()))))


def contents(folder: str, files: Mapping[str, str], mirrors: Sequence[str]) -> Iterator[bytes]:
    """The bytes in each of `files` (name -> SHA-256), unpacked where it ends in .gz, checked every time."""
    for path, sha256 in zip(obtain(folder, files, mirrors), files.values(), strict=True):
        raw = path.read_bytes()
        known = hashlib.sha256(raw).hexdigest()
        try:
            content = _unpacked(raw) if path.suffix == ".gz" else raw
        except zlib.error as error:
            raise Problem("{path} is damaged ({reason}); remove it and run this again", path=path,
                          reason=error) from None
        if sha256 not in (known, hashlib.sha256(content).hexdigest()):
            raise Problem("{path} is not the file it should be (SHA-256 {given}…, not {wanted}…); "
                          "remove it and run this again", path=path, given=known[:12], wanted=sha256[:12])
        yield content


def _unpacked(raw: bytes) -> bytes:
    """What is in a gzip file; its last four bytes say how long it is, which makes this twice as fast."""
    size = int.from_bytes(raw[-4:], "little")
    return zlib.decompress(raw, wbits=31, bufsize=min(size, 1032 * len(raw)) + 1)  # gzip packs 1032:1 at most


def obtain(folder: str, files: Mapping[str, str], mirrors: Sequence[str]) -> list[Path]:
    """Where each of `files` (name -> SHA-256 of it or of what is in it) lies; the missing are downloaded.

    A file that is already there is trusted: who reads it checks it. `mirrors` are addresses ending in /.
    """
    found = {name: place / name for name in files for place in reversed(places(folder))
             if (place / name).is_file()}
    missing = [name for name in files if name not in found]
    for name in missing:
        found[name] = cache() / folder / name
        try:
            _download(found[name], files[name], [mirror + name for mirror in mirrors])
        except _Unreachable as tried:
            rest = [left for left in missing if not (cache() / folder / left).is_file()]
            raise Problem("{names} could not be downloaded ({tried}); connect to the network, or put the files into "
                          "one of these folders, where they were looked for: {folders}", names=", ".join(rest), tried=tried,
                          folders=", ".join(map(str, places(folder)))) from None
    return [found[name] for name in files]


class _Unreachable(Exception):
    """No mirror gave the file; the text says what each one answered."""


def _download(path: Path, sha256: str, addresses: Sequence[str]) -> None:
    part = path.with_name(path.name + ".part")
    answers = []
    with _alone(part):
        if path.is_file():                      # another process was quicker
            return
        for address in addresses:
            resumed = part.exists()
            try:
                _fetch(address, part)
                if resumed and sha256 not in _hashes(part):     # it began otherwise: all of it again
                    part.unlink()
                    _fetch(address, part)
            except (OSError, HTTPException) as error:
                answers.append(f"{address}: {_reason(error)}")
                continue
            finally:
                show()
            if sha256 in _hashes(part):
                part.replace(path)
                return
            part.unlink()
            answers.append(f"{address}: {say('what came has a wrong SHA-256')}")
    raise _Unreachable("; ".join(answers))


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """One process at a time: ranks of one run all ask for the same file."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        lock = (part.parent / ".lock").open("w")
    except OSError as error:
        raise Problem("{folder} cannot be written ({reason}); set DEEPEN_CACHE to a folder that can",
                      folder=part.parent, reason=error.strerror) from None
    with lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)    # let go when the file is closed, also by a crash
        yield


def _fetch(address: str, part: Path) -> None:
    """Bring `part` to its full length; what was cut goes on by Range requests while bytes keep coming."""
    while True:
        before = part.stat().st_size if part.exists() else 0
        request = Request(address, headers={"Range": f"bytes={before}-"} if before else {})
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                cut = _copy(answer, part, before if answer.status == 206 else 0)
        except HTTPError as error:
            if error.code == 416 and before:    # nothing is left to send: the hash decides
                return
            raise
        if not cut:
            return
        if part.stat().st_size <= before:
            raise cut


def _copy(answer, part: Path, start: int) -> Exception | None:
    """Write what comes after `start`; the error when less came than was announced."""
    length = answer.headers.get("Content-Length")
    total = start + int(length) if length else None
    done = start
    with open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        while True:
            try:
                block = answer.read(BLOCK)
            except (OSError, HTTPException) as error:
                return error
            if not block:
                break
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise Failure("{path} cannot be written ({reason}); make room or set DEEPEN_CACHE to another "
                              "folder", path=part, reason=error.strerror) from None
            done += len(block)
            show(say("downloading {name}: {done:.1f} of {total} MB", name=part.stem, done=done / 1e6,
                     total=f"{total / 1e6:.1f}" if total else "?"))
    return ConnectionError(say("the connection was cut")) if total is not None and done < total else None


def _hashes(path: Path) -> set[str]:
    """SHA-256 of a file and, when it is packed by gzip, of what is in it."""
    with open(path, "rb") as file:
        found = {hashlib.file_digest(file, "sha256").hexdigest()}
    try:
        with gzip.open(path, "rb") as inside:
            found.add(hashlib.file_digest(inside, "sha256").hexdigest())
    except (OSError, EOFError, zlib.error):
        return found                            # not packed, or damaged: then no hash will be the right one
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
