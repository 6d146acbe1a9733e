"""Copies among many pictures: the same once more, or the same made smaller, recompressed, brighter, moved a little.

A picture's print is a tiny picture of it. Two are copies when their prints, freed of brightness and contrast, agree.
"""
from collections.abc import Iterable, Sequence

import numpy as np

SIDE = 16                   # a print is SIDE × SIDE grey cells
PRINT = SIDE * SIDE         # bytes of a print
AGREE = 0.93                # correlation of two prints from which on two pictures are copies
FLAT = 4.0                  # standard deviation of a print, of 255, below which it says nothing: blank paper, night, fog
LEAST = 32                  # pixels of the shorter side below which different pictures look the same: digits, icons
BITS = 64                   # signs of the lowest frequencies: the hash by which copies come to lie side by side
ORDERS = 16                 # ways to sort the hashes; in one of them the bits that differ come last
REACH = 32                  # neighbours looked at in each
FAR = 14                    # bits by which the hashes of copies may differ
BLOCK = 1 << 16


def fingerprint(picture) -> bytes:
    """The print of a Pillow picture, PRINT bytes; all zero when it is too small or too thin to tell it from others."""
    if min(picture.size) < LEAST:
        return bytes(PRINT)
    grey = picture if picture.mode == "L" else picture.convert("L")
    return grey.resize((SIDE, SIDE), 4, reducing_gap=3.0).tobytes()          # 4: the mean of each box


def same(keys: Sequence[bytes]) -> list[list[int]]:
    """Rows with equal keys (hashes of bytes or of pixels), in groups of two or more, by first row; an empty key is
    equal to none."""
    rows: dict[bytes, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            rows.setdefault(key, []).append(row)
    return [group for group in rows.values() if len(group) > 1]


def alike(prints: np.ndarray) -> list[list[int]]:
    """Rows of `prints` (N, PRINT) uint8 that are copies of each other, in groups of two or more, by first row.

    Time grows as N log N: only neighbours in ORDERS sorted lists of hashes are compared (Charikar 2002; Manku,
    Jain, Das Sarma 2007, section 3). Groups are chains: each is alike to one in it, not to all. Flat and empty
    prints are alike to none.
    """
    if len(prints) < 2:
        return []
    hashes, told = _hashes(prints)
    rows = np.flatnonzero(told)
    left, right = _near(hashes[rows])
    left, right = rows[left], rows[right]
    kept = np.concatenate([_agree(prints, left[start:start + BLOCK], right[start:start + BLOCK])
                           for start in range(0, len(left), BLOCK)] or [np.zeros(0, bool)])
    return joined(len(prints), zip(left[kept].tolist(), right[kept].tolist(), strict=True))


def groups(keys: Sequence[bytes], prints: np.ndarray) -> list[list[int]]:
    """Rows that are copies by their keys (exact) or by their prints (near), in groups of two or more."""
    found = [*same(keys), *alike(prints)]
    return joined(len(keys), ((group[0], row) for group in found for row in group[1:]))


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Rows 0…count-1 that pairs connect, in groups of two or more, by first row."""
    above: dict[int, int] = {}

    def top(row: int) -> int:
        while (up := above.setdefault(row, row)) != row:
            above[row] = above.setdefault(up, up)
            row = up
        return row

    for one, other in pairs:
        first, second = sorted((top(one), top(other)))
        above[second] = first
    found: dict[int, list[int]] = {}
    for row in sorted(above):
        found.setdefault(top(row), []).append(row)
    return [group for group in found.values() if len(group) > 1]


def _normal(prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prints -> float32 (N, PRINT) of mean 0 and length 1, and their standard deviation (N,)."""
    cells = prints.astype(np.float32)
    cells -= cells.mean(1, keepdims=True)
    length = np.sqrt((cells * cells).sum(1, keepdims=True))
    return cells / np.maximum(length, 1e-6), length[:, 0] / SIDE


def _waves() -> np.ndarray:
    """The BITS lowest cosine waves of a print, without the constant one: (PRINT, BITS)."""
    across = np.arange(SIDE)
    wave = np.cos(np.pi * (2 * across[:, None] + 1) * across / (2 * SIDE))           # (place, frequency)
    order = sorted(((u, v) for u in range(SIDE) for v in range(SIDE)), key=lambda at: (at[0] + at[1], at))[1:BITS + 1]
    return np.stack([np.outer(wave[:, u], wave[:, v]).ravel() for u, v in order], 1).astype(np.float32)


def _hashes(prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint64 hash of each print (N,), and which prints say anything (N,)."""
    waves = _waves()
    hashes, told = np.empty(len(prints), np.uint64), np.empty(len(prints), bool)
    for start in range(0, len(prints), BLOCK):
        part = slice(start, start + BLOCK)
        cells, spread = _normal(prints[part])
        hashes[part] = np.packbits(cells @ waves > 0, axis=1).view(np.uint64)[:, 0]
        told[part] = spread >= FLAT
    return hashes, told


def _near(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows whose hashes differ in at most FAR bits, found among neighbours; each pair once, left < right."""
    bits = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1)                # (N, BITS)
    chance = np.random.default_rng(0)
    pairs = np.zeros(0, np.uint64)
    for _ in range(ORDERS):
        turned = np.packbits(np.take(bits, chance.permutation(BITS), 1), axis=1).view(">u8")[:, 0].astype(np.uint64)
        order = np.argsort(turned, kind="stable")
        lined, found = turned[order], [pairs]
        for lag in range(1, min(REACH, len(order) - 1) + 1):
            close = np.flatnonzero(np.bitwise_count(lined[lag:] ^ lined[:-lag]) <= FAR)
            one, other = order[close], order[close + lag]
            found.append((np.minimum(one, other).astype(np.uint64) << np.uint64(32)) | np.maximum(one, other).astype(np.uint64))
        pairs = np.unique(np.concatenate(found))        # at once, so that a film of a million frames fits
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _agree(prints: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (_normal(prints[left])[0] * _normal(prints[right])[0]).sum(1) >= AGREE
