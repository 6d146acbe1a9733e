"""What a worker and the server say to each other: u32 length, u32 session, u8 kind (0 JSON, 1 frame), payload."""
import base64
import json
import struct
from typing import BinaryIO

import numpy as np


def packed(array: np.ndarray) -> str:
    return f"{array.dtype.str} {','.join(map(str, array.shape))} {base64.b64encode(array.tobytes()).decode()}"


def unpacked(text: str) -> np.ndarray:
    kind, shape, data = text.split(" ")
    return np.frombuffer(base64.b64decode(data), np.dtype(kind)).reshape([int(one) for one in shape.split(",") if one])


class Out:
    """Messages to the server."""

    def __init__(self, stream: BinaryIO):
        self.stream = stream

    def json(self, number: int, told: dict) -> None:
        self._write(number, 0, json.dumps(told).encode())

    def frame(self, number: int, made: bytes) -> None:
        self._write(number, 1, made)

    def _write(self, number: int, kind: int, payload: bytes) -> None:
        self.stream.write(struct.pack("<IIB", len(payload), number, kind) + payload)
        self.stream.flush()
