"""Many encoded pictures -> one tensor, each decoded once: pixels, and what tells copies of it."""
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from deepen.core import picture
from deepen.core.data import Examples
from deepen.core.kinds import Image
from deepen.core.recipe import Size, _field
from deepen.core.words import Problem, carried, say
from deepen.sources._copies import PRINT, fingerprint
from deepen.sources._progress import show

Sides = Annotated[str, _field(pattern=r"^[1-9]\d{0,3}x[1-9]\d{0,3}$")] | Size       # 64, or height x width: 48x96
AT_ONCE = 64            # pictures a thread takes together


@dataclass
class Decoded:
    """Pictures in their order; a row that could not be read holds nothing."""
    kind: Image                         # with the white of the deep ones
    pixels: Tensor                      # uint8 (N, C, H, W)
    keys: list[bytes]                   # equal for pictures with equal bytes
    prints: np.ndarray                  # uint8 (N, PRINT), for `_copies.alike`
    bad: dict[int, str]                 # row -> why it cannot be read
    deep: int                           # how many have more than 8 bits
    sizes: np.ndarray                   # int32 (N, 2): width and height as decoded, before they were fitted
    kept: Any = None                    # where `_decoded` keeps them


def kind_of(size: int | str, colour: str, fit: str) -> Image:
    """The kind of pictures of a size asked as 64 or as 48x96 (height, width)."""
    height, width = (size, size) if isinstance(size, int) else map(int, size.split("x"))
    return Image(1 if colour == "grey" else 3, height, width, fit, colour)


def decode(raws: Sequence[Callable[[], bytes]], kind: Image, exact: bool = False,
           pixels: Tensor | None = None) -> Decoded:
    """Decode all pictures in a pool of threads; `raws[row]()` gives the bytes of one.

    exact: no JPEG is decoded at a half or a quarter, so that what is known about its pixels can follow them.
    pixels: where they are put, uint8 (N, C, H, W); none: into memory.
    Deep pictures (16 bits, floats) are brought to one white, the largest any of them needs, so that one picture's own
    maximum does not decide its brightness; it goes into the kind, and with it to every later picture."""
    count = len(raws)
    found = Decoded(kind, torch.empty(count, *kind.shape, dtype=torch.uint8) if pixels is None else pixels, [b""] * count,
                    np.zeros((count, PRINT), np.uint8), {}, 0, np.zeros((count, 2), np.int32))
    whites: dict[int, float] = {}
    warnings.filterwarnings("ignore", module=r"PIL\.")      # what is wrong with a picture becomes a problem

    def read(row: int, kind: Image) -> None:
        try:
            raw = raws[row]()
            opened = picture.open_picture(raw, None if exact else kind.least)
            found.sizes[row] = opened.size
            if picture.is_deep(opened):
                whites[row] = picture.white_of(opened)
            flat = kind.flat(opened)
            found.pixels[row] = kind.pixels(flat)
            found.keys[row] = blake2b(raw, digest_size=16).digest()
            found.prints[row] = np.frombuffer(fingerprint(flat), np.uint8)
        except (Problem, OSError) as error:
            found.bad[row] = getattr(error, "strerror", None) or str(error)

    def read_some(start: int) -> None:
        for row in range(start, min(start + AT_ONCE, count)):
            read(row, kind)

    with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, 16, memory() // 2**30))) as pool:      # the largest take 0.7 GB each
        for start, _ in zip(range(0, count, AT_ONCE), pool.map(carried(read_some), range(0, count, AT_ONCE)), strict=True):
            show(say("reading pictures: {done} of {total}", done=min(start + AT_ONCE, count), total=count))
    show()
    found.bad = dict(sorted(found.bad.items()))
    if whites:
        found.deep, white = len(whites), kind.white or max(whites.values())
        found.kind = replace(kind, white=white)
        for row, own in sorted(whites.items()):
            if own not in (1, white) and not kind.white:
                read(row, found.kind)
    return found


def parts(found: Decoded, target: Tensor | list, names: Sequence[str], rows: dict[str, Tensor]) -> dict[str, Examples]:
    """The pictures of each split. Those of train are moved together in place: no second copy of most of the memory."""
    splits = {}
    length = len(rows["train"])
    for name, mine in rows.items():
        if name != "train":
            first, behind = (int(mine[0]), int(mine[-1]) + 1) if len(mine) else (0, 0)
            whole = behind - first == len(mine) and first > int(rows["train"].max())
            splits[name] = found.pixels[first:behind] if whole else found.pixels[mine]
    for start in range(0, length, 4096):                    # row k comes from a row ≥ k, so nothing is overwritten unread
        mine = rows["train"][start:start + 4096]
        found.pixels[start:start + len(mine)] = found.pixels[mine]
    splits["train"] = found.pixels[:length]
    asked = {name: [target[row] for row in mine.tolist()] if isinstance(target, list) else target[mine] for name, mine in rows.items()}
    return {name: Examples(splits[name], asked[name], [names[row] for row in mine.tolist()])
            for name, mine in rows.items()}


def tell_bad(found: Decoded, names: Sequence[str], on_bad: str, said: list[str]) -> None:
    """Stop, or say what is left out."""
    if not found.bad:
        return
    first = [f"{names[row]}: {reason}" for row, reason in list(found.bad.items())[:5]]
    shown, total = "; ".join(first) + ("; …" if len(found.bad) > 5 else ""), len(names)
    if on_bad == "stop":
        raise Problem("{count} of {total} pictures cannot be read ({shown}); mend or remove them, or leave "
                      "them out with on_bad=skip", count=len(found.bad), total=total, shown=shown)
    said.append(say("{count} of {total} pictures cannot be read and are left out ({shown})",
                    count=len(found.bad), total=total, shown=shown))


def tell_deep(found: Decoded, said: list[str]) -> None:
    if found.deep:
        said.append(say("{count} pictures have more than 8 bits a pixel: {white} is read as white in all of them",
                        count=found.deep, white=f"{found.kind.white:.0f}"))


def check_memory(count: int, kind: Image, memory: int) -> None:
    """`Problem` when the pictures would fill more than half of the memory, with a size that does not."""
    need = count * kind.channels * kind.height * kind.width
    if need > memory / 2:
        scale = (memory / 2 / need) ** 0.5
        sides = [str(int(side * scale + 1e-9)) for side in (kind.height, kind.width)]
        raise Problem("{count} pictures of {height}×{width} need {need:.1f} GB, more than half of this "
                      "machine's {memory:.1f} GB; give a smaller size, at most size={side}", count=count,
                      height=kind.height, width=kind.width, need=need / 1e9, memory=memory / 1e9,
                      side=sides[0] if kind.height == kind.width else "x".join(sides))


def memory() -> int:
    """Bytes of memory this machine (or the container it is) has."""
    known = hasattr(os, "sysconf")          # not on Windows
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else 8 << 30]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        limits.append(int(text))
    return min(limits)
