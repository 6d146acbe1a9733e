"""Frames: one instant of a Playground session in a few kilobytes, little endian, for one binary WebSocket message.

Header, 16 bytes: version u8 · kind u8 · sections u8 · flags u8 (1 paused, 2 broken) · number u32 · epoch u32 · step in the
epoch u16 · revision u16. A section: type u8 · 0 u8 · count u16 · length u32 · payload. What a reader does not know it skips.
"""
import struct
from collections.abc import Sequence

import numpy as np

VERSION, PLAYGROUND = 1, 1
FIELD, THUMBS, WEIGHTS, SCALARS, CLASSES = 1, 2, 3, 4, 5
PAUSED, BROKEN = 1, 2
HEAD, SECTION = struct.Struct("<BBBBIIHH"), struct.Struct("<BBHI")


def frame(number: int, epoch: int, step: int, revision: int, flags: int, sections: Sequence[bytes]) -> bytes:
    """The whole message."""
    return HEAD.pack(VERSION, PLAYGROUND, len(sections), flags, number & 0xffffffff, epoch, step & 0xffff, revision & 0xffff) + b"".join(sections)


def section(kind: int, count: int, payload: bytes) -> bytes:
    return SECTION.pack(kind, 0, count, len(payload)) + payload


def field(values: np.ndarray, most: float = 1.0) -> bytes:
    """A field (side, side) on −most … most; 0 is 127.5."""
    side = values.shape[0]
    return section(FIELD, 1, struct.pack("<HHff", side, side, -most, most) + bytes_of(values, most))


def thumbs(fields: np.ndarray) -> bytes:
    """Fields (neurons, side, side), each on its own scale, which is never finer than −1 … 1."""
    most = np.maximum(1.0, np.abs(fields).max((1, 2), initial=0))
    scales = b"".join(struct.pack("<f", one) for one in most)
    return section(THUMBS, len(fields), struct.pack("<H", fields.shape[1]) + scales + bytes_of(fields, most[:, None, None]))


def classes(shares: np.ndarray) -> bytes:
    """Of several classes (classes, side, side): which is the largest, and by how much of 0 … 1."""
    side = shares.shape[1]
    top = shares.argmax(0).astype(np.uint8)
    sure = (np.clip(shares.max(0), 0, 1) * 255).astype(np.uint8)
    return section(CLASSES, len(shares), struct.pack("<H", side) + top.tobytes() + sure.tobytes())


def weights(values: np.ndarray) -> bytes:
    return section(WEIGHTS, len(values) & 0xffff, values.astype("<f4").tobytes())


def scalars(values: Sequence[float]) -> bytes:
    """Loss on train, on test, accuracy on train, on test, epochs a second; nan where there is none."""
    return section(SCALARS, len(values), np.array(values, "<f4").tobytes())


def bytes_of(values: np.ndarray, most) -> bytes:
    return np.clip(values / most * 127.5 + 128, 0, 255).astype(np.uint8).tobytes()
