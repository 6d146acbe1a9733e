"""Decoded pictures kept in a file: what does not fit into memory is read from it as it is needed, and a large set opens again
without decoding.

A set lies in the cache folder as NAME.ORDER.u8, the pixels in the order of its splits, and NAME.npz, what is known of each
picture. NAME is a hash of the kind and of each file's place (inode, size, times), so a set that was touched has another one.
"""
import contextlib
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from PIL import __version__ as decoder
from torch import Tensor

from deepen.core.data import Examples
from deepen.core.kinds import Image
from deepen.core.words import Failure, Problem, say
from deepen.sources import _pictures
from deepen.sources._download import cache
from deepen.sources._looked import place_of, whole
from deepen.sources._pictures import Decoded, decode

VERSION = 1                 # to be raised when what is written changes its meaning
WORTH = 64 << 20            # bytes, or
MANY = 1000                 # pictures, from which on a set is kept
KEPT = 20 << 30             # bytes of all sets together; those not used for longest go first
SPARE = 1 << 30             # bytes of the disk that are left free
ROWS = 256                  # pictures moved at once


@dataclass
class Kept:
    """Where a set is kept. `order[k]` is the row of the k-th picture in `file`; both None while there is no file yet."""
    name: str                           # "": its files are too new to be known again
    large: bool                         # more than half of the memory
    bad: dict[int, str]                 # what could not be read, without what the source leaves out besides
    part: Path | None = None            # being written
    file: Path | None = None
    order: np.ndarray | None = None


def size_of(count: int, kind: Image) -> int:
    """Bytes of the decoded pictures."""
    return count * kind.channels * kind.height * kind.width


def check_room(count: int, kind: Image, memory: int) -> bool:
    """Are the pictures too many for the memory, so that they are read from a file? `Problem` when there is no room for it."""
    need = size_of(count, kind)
    if need <= memory / 2:
        return False
    free = _free()
    if need + SPARE > free:
        scale = (memory / 2 / need) ** 0.5
        sides = [str(max(1, int(side * scale + 1e-9))) for side in (kind.height, kind.width)]
        raise Problem("{count} pictures of {height}×{width} need {need:.1f} GB, more than half of this machine's {memory:.1f} GB, and on the disk "
                      "{folder} has only {free:.1f} GB free; give a smaller size, at most size={side}, or name a folder with more room by DEEPEN_CACHE",
                      count=count, height=kind.height, width=kind.width, need=need / 1e9, memory=memory / 1e9, folder=_home(), free=free / 1e9,
                      side=sides[0] if kind.height == kind.width else "x".join(sides))
    return True


def opened(files: Sequence[Path], kind: Image, memory: int, said: list[str], exact: bool = False) -> Decoded:
    """The files decoded as `decode` does it, or as they were decoded before; to be followed by `parts`."""
    large = check_room(len(files), kind, memory)
    worth = large or len(files) >= MANY or size_of(len(files), kind) >= WORTH
    if not worth:
        return decode([partial(whole, file) for file in files], kind, exact)
    name = _name(files, kind, exact)
    if name and (found := _recalled(name, len(files), kind, large)):
        said.append(say("the pictures were decoded before and are read from {path}", path=_home()))
        return found
    pixels, part = None, None
    if large:
        said.append(say("the pictures need {need:.1f} GB, more than half of this machine's {memory:.1f} GB: they are read from a file in {path} as they are needed",
                        need=size_of(len(files), kind) / 1e9, memory=memory / 1e9, path=_home()))
        blank, part = _blank(len(files), kind)
        pixels = torch.from_numpy(blank)
    found = decode([partial(whole, file) for file in files], kind, exact, pixels=pixels)
    found.kept = Kept(name, large, dict(found.bad), part)
    return found


def parts(found: Decoded, target: Tensor | list, names: Sequence[str], rows: dict[str, Tensor]) -> dict[str, Examples]:
    """The pictures of each split, as `_pictures.parts` gives them; a set that is kept is written, or read."""
    kept = found.kept
    if kept is None:
        return _pictures.parts(found, target, names, rows)
    ordered = torch.cat([*rows.values()]).numpy()
    ordered = np.concatenate([ordered, np.setdiff1d(np.arange(len(names)), ordered)])           # what no split has comes last
    if kept.order is None and not kept.large:
        _write(kept, found, ordered)
        return _pictures.parts(found, target, names, rows)
    if kept.order is None:
        _reorder(found.pixels.numpy(), ordered)
    elif not np.array_equal(kept.order, ordered) and not _again(kept, found, ordered):
        return _pictures.parts(found, target, names, rows)
    if kept.part:
        _publish(kept, found, ordered)
    if kept.file is not None:
        found.pixels = torch.from_numpy(_mapped(kept.file, len(ordered), found.kind))
    splits, start = {}, 0
    for name, mine in rows.items():
        own = [target[row] for row in mine.tolist()] if isinstance(target, list) else target[mine]
        splits[name] = Examples(found.pixels[start:start + len(mine)], own, [names[row] for row in mine.tolist()])
        start += len(mine)
    return splits


def _again(kept: Kept, found: Decoded, ordered: np.ndarray) -> bool:
    """A kept set in another order, as splits of another seed need: of a large one a new file, else (False) in memory, by rows."""
    assert kept.file is not None and kept.order is not None
    before = _mapped(kept.file, len(ordered), found.kind)
    place = np.argsort(kept.order)                                          # row -> where it lies in the file
    if kept.large:
        blank, kept.part = _blank(len(ordered), found.kind)
        found.pixels, place = torch.from_numpy(blank), place[ordered]
    else:
        found.pixels = torch.empty(before.shape, dtype=torch.uint8)
    for start in range(0, len(place), ROWS):
        found.pixels[start:start + ROWS] = torch.from_numpy(before[place[start:start + ROWS]])
    return kept.large


def _home() -> Path:
    return cache() / "decoded"


def _free() -> int:
    home = _home()
    while not home.exists():
        home = home.parent
    return shutil.disk_usage(home).free


def _name(files: Sequence[Path], kind: Image, exact: bool) -> str:
    places = [place_of(file) for file in files]
    if not all(places):
        return ""
    told = blake2b(f"{VERSION} {decoder} {kind} {exact}".encode(), digest_size=16)
    for place in places:
        told.update(place)
    return told.hexdigest()


def _mapped(file: Path, count: int, kind: Image) -> np.ndarray:
    """The pixels of a file (N, C, H, W). What a program writes into them stays with it."""
    return np.memmap(file, np.uint8, "c", shape=(count, *kind.shape))


def _blank(count: int, kind: Image) -> tuple[np.ndarray, Path]:
    """An empty file of the cache folder, mapped. It goes with the process unless it is published."""
    try:
        _home().mkdir(parents=True, exist_ok=True)
        _evict(size_of(count, kind))
        handle, path = tempfile.mkstemp(".part", dir=_home())
        os.close(handle)
        return np.memmap(path, np.uint8, "w+", shape=(count, *kind.shape)), Path(path)
    except OSError as error:
        raise Failure("{path} cannot be written: {reason}", path=_home(), reason=error.strerror or error) from None


def _reorder(pixels: np.ndarray, order: np.ndarray) -> None:
    """In place: pixels[k] becomes pixels[order[k]]. One picture is held beside them."""
    done = np.zeros(len(order), bool)
    for start in range(len(order)):
        if done[start] or order[start] == start:
            continue
        first, k = pixels[start].copy(), start
        while order[k] != start:
            pixels[k] = pixels[order[k]]
            done[k], k = True, order[k]
        pixels[k], done[k] = first, True


def _write(kept: Kept, found: Decoded, order: np.ndarray) -> None:
    """Keep a set that is in memory. Where there is no room or no right to write, it is decoded again next time."""
    if not kept.name or size_of(len(order), found.kind) + SPARE > _free():
        return
    try:
        _home().mkdir(parents=True, exist_ok=True)
        _evict(size_of(len(order), found.kind))
        handle, path = tempfile.mkstemp(".part", dir=_home())
        kept.part = Path(path)
        with os.fdopen(handle, "wb") as file:
            for start in range(0, len(order), ROWS):
                file.write(found.pixels[torch.from_numpy(order[start:start + ROWS])].numpy().tobytes())
        _publish(kept, found, order)
    except OSError:
        if kept.part:
            kept.part.unlink(missing_ok=True)


def _publish(kept: Kept, found: Decoded, order: np.ndarray) -> None:
    """Give a written file its name, then say in NAME.npz that it is there: whoever reads sees the old set or the new one."""
    part, kept.part = kept.part, None
    assert part is not None
    if not kept.name:
        with contextlib.suppress(OSError):                                  # still mapped here, gone with the process
            part.unlink()
        return
    stamp = blake2b(order.tobytes(), digest_size=4).hexdigest()
    file, sheet = _home() / f"{kept.name}.{stamp}.u8", _home() / f"{kept.name}.npz"
    os.replace(part, file)
    keys = np.frombuffer(b"".join(key.ljust(16, b"\0") for key in found.keys), "V16")
    with tempfile.NamedTemporaryFile(suffix=".part", dir=_home(), delete=False) as told:
        np.savez(told, order=order, stamp=np.array(stamp), keys=keys, prints=found.prints, sizes=found.sizes,
                 bad=np.array(list(kept.bad), np.int64), reasons=np.array([*kept.bad.values()], str), white=np.array(found.kind.white), deep=np.array(found.deep))
    os.replace(told.name, sheet)
    for old in _home().glob(f"{kept.name}.*.u8"):
        if old != file:
            old.unlink(missing_ok=True)
    kept.file, kept.order = file, order


def _recalled(name: str, count: int, kind: Image, large: bool) -> Decoded | None:
    """The set of this name, without its pixels; None when it is not kept, or damaged."""
    sheet = _home() / f"{name}.npz"
    try:
        with np.load(sheet, allow_pickle=False) as told:
            order, sizes, prints, white = told["order"], told["sizes"], told["prints"], float(told["white"])
            keys = [key.tobytes() for key in told["keys"]]
            bad = dict(zip(told["bad"].tolist(), told["reasons"].tolist(), strict=True))
            file, deep = _home() / f"{name}.{told['stamp']}.u8", int(told["deep"])
        whole_set = (len(keys) == len(sizes) == len(prints) == count and np.array_equal(np.sort(order), np.arange(count))
                     and file.stat().st_size == size_of(count, kind))
        for used in (sheet, file):
            os.utime(used)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if not whole_set:
        return None
    for row in bad:
        keys[row] = b""
    return Decoded(replace(kind, white=white), torch.empty(0, *kind.shape, dtype=torch.uint8), keys, prints, bad, deep, sizes, Kept(name, large, dict(bad), None, file, order))


def _evict(need: int) -> None:
    """Remove the sets not used for longest until there is room for one more, and what a killed process left."""
    home = _home()
    for left in home.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 86_400:
                left.unlink()
    files = sorted(home.glob("*.u8"), key=lambda file: file.stat().st_mtime)
    total = sum(file.stat().st_size for file in files)
    for file in files:
        if total + need <= KEPT:
            return
        with contextlib.suppress(OSError):
            total -= file.stat().st_size
            file.unlink()
            (home / f"{file.name.partition('.')[0]}.npz").unlink(missing_ok=True)
