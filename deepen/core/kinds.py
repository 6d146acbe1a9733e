"""Kinds: what a value is. A kind knows how to read a value from bytes, check it and show it.

A kind carries everything a trained model needs to know about its input or output (size, names, columns), so a kind
written into a model's card is enough to use the model without its data.
"""
import io
import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from deepen.core.words import Problem

PIXELS = 64_000_000     # larger pictures are refused before they are decoded


@dataclass(frozen=True)
class Image:
    """A picture: uint8 (channels, height, width), channels 1 (grey) or 3 (red, green, blue)."""
    channels: int
    height: int
    width: int
    fit: str = "stretch"        # how a picture of another size becomes this one: stretch, crop, pad
    unit: ClassVar[str] = "images"

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    def read(self, raw: bytes):
        """Bytes of any common picture format -> uint8 tensor (channels, height, width)."""
        import numpy as np
        import torch
        picture = open_picture(raw, 2 * max(self.height, self.width))
        if picture.mode.startswith("I") or picture.mode == "F":        # 16 bits and floats
            picture = _eight_bits(picture)
        if "transparency" in picture.info or picture.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
            from PIL import Image as Pillow
            white = Pillow.new("RGBA", picture.size, "white")
            picture = Pillow.alpha_composite(white, picture.convert("RGBA"))
        picture = self.resize(picture.convert("L" if self.channels == 1 else "RGB"))
        pixels = torch.from_numpy(np.array(picture, dtype=np.uint8))
        return pixels[None] if self.channels == 1 else pixels.permute(2, 0, 1).contiguous()

    def resize(self, picture):
        """A Pillow picture of any size -> one of (width, height), by the rule `fit`."""
        from PIL import ImageOps
        size = (self.width, self.height)
        if picture.size == size:
            return picture
        if self.fit == "crop":
            return ImageOps.fit(picture, size)
        if self.fit == "pad":
            return ImageOps.pad(picture, size, color="white")
        return picture.resize(size, 2)                                  # 2: bilinear

    def check(self, value) -> None:
        if tuple(value.shape[-3:]) != self.shape:
            raise Problem("this picture is {given}, the model wants {wanted} (channels, height, width)",
                          given=tuple(value.shape), wanted=self.shape)

    def blank(self, count: int):
        """`count` made-up pictures of noise, to try a model on: uint8 (count, channels, height, width)."""
        import torch
        return torch.randint(0, 256, (count, *self.shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def show(self, value) -> str:
        """A picture as rows of characters, two pixels high each, for a terminal."""
        grey = value.float().mean(0) / 255
        rows = []
        for y in range(0, grey.shape[0] - 1, 2):
            rows.append("".join(" ▀▄█"[int(a > .5) + 2 * int(b > .5)] for a, b in zip(grey[y], grey[y + 1], strict=True)))
        return "\n".join(rows)


def _eight_bits(picture):
    """A grey picture of 16 or 32 bits or of floats -> 8 bits: the range is kept, not the low byte."""
    import numpy as np
    from PIL import Image as Pillow
    deep = np.nan_to_num(np.asarray(picture, dtype=np.float64), nan=0, posinf=0, neginf=0)
    highest = deep.max()
    if picture.mode == "F" and highest <= 1:
        deep = deep * 255
    elif highest > 255:
        deep = deep / highest * 255
    return Pillow.fromarray(deep.clip(0, 255).round().astype(np.uint8))


def open_picture(raw: bytes, least: int | None = None):
    """Bytes -> a fully decoded Pillow picture, turned as its EXIF says; `Problem` when it is no whole picture.

    A JPEG much larger than `least` pixels a side is decoded at a half, a quarter or an eighth: up to 7 times faster.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError
    if not raw:
        raise Problem("the file is empty (0 bytes)")
    try:
        picture = Pillow.open(io.BytesIO(raw))
        if picture.width * picture.height > PIXELS:
            raise Problem("the picture says it is {width}×{height}, more than {limit} million pixels; make it smaller",
                          width=picture.width, height=picture.height, limit=PIXELS // 1_000_000)
        if least:
            picture.draft(None, (least, least))     # both sides stay at least so long
        picture.load()
        return ImageOps.exif_transpose(picture)
    except UnidentifiedImageError:
        raise Problem("this is not a picture that can be read (it begins with {start})", start=raw[:8]) from None
    except Pillow.DecompressionBombError:
        raise Problem("the picture asks for more than {limit} million pixels; make it smaller",
                      limit=PIXELS // 1_000_000) from None
    except (Problem, MemoryError):
        raise
    except Exception as error:          # a decoder may raise anything on damaged bytes: RuntimeError, struct.error, …
        raise Problem("the picture is damaged or cut short ({reason}); save it again or remove it",
                      reason=error) from None


@dataclass(frozen=True)
class Label:
    """One of a fixed list of classes: an integer index into `names`."""
    names: tuple[str, ...]
    unit: ClassVar[str] = "labels"

    @property
    def shape(self) -> tuple[int]:
        return (len(self.names),)

    def read(self, raw: bytes) -> int:
        text = raw.decode("utf-8").strip()
        if text not in self.names:
            raise Problem("there is no class {name}; the classes are {names}", name=text, names=", ".join(self.names))
        return self.names.index(text)

    def check(self, value) -> None:
        if not 0 <= int(value) < len(self.names):
            raise Problem("class number {value} is outside 0…{last}", value=int(value), last=len(self.names) - 1)

    def show(self, value) -> str:
        return self.names[int(value)]


@dataclass(frozen=True)
class Number:
    """One real number, in `units` where the data says so."""
    name: str = ""
    units: str = ""
    unit: ClassVar[str] = "numbers"
    shape: ClassVar[tuple] = ()

    def read(self, raw: bytes) -> float:
        return number(raw.decode("utf-8"))

    def check(self, value) -> None:
        if not math.isfinite(float(value)):
            raise Problem("{value} is not a finite number", value=value)

    def show(self, value) -> str:
        value = float(value)
        return f"{value:{',.0f' if abs(value) >= 10_000 else '.4g'}}{' ' * bool(self.units)}{self.units}"


def number(text: str) -> float:
    """Text -> float; `1,395`, `₩1,395` and `1,395%` are 1395. Raises `Problem` when it is no number."""
    try:
        return float(text.strip().strip("₩$€£¥% ").replace(",", ""))
    except ValueError:
        raise Problem("{text} is not a number", text=text.strip()) from None


@dataclass(frozen=True)
class Vector:
    """A fixed number of real values: what a world shows, a point of the plane, an embedding."""
    size: int
    names: tuple[str, ...] = ()
    unit: ClassVar[str] = "steps"

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)

    def read(self, raw: bytes):
        import torch
        return torch.tensor([number(part) for part in raw.decode("utf-8").replace(";", ",").split(",")])

    def blank(self, count: int):
        """`count` made-up inputs, to try a model on: float32 (count, size)."""
        import torch
        return torch.rand(count, *self.shape, generator=torch.Generator().manual_seed(0))

    def check(self, value) -> None:
        if value.shape[-1] != self.size:
            raise Problem("{given} numbers were given, the model wants {wanted}", given=value.shape[-1], wanted=self.size)

    def show(self, value) -> str:
        return " ".join(f"{float(part):.3g}" for part in value)


@dataclass(frozen=True)
class Row:
    """A row of a table: float32 (columns,); a category is its index in `values`, what is missing is NaN."""
    names: tuple[str, ...]                          # column names
    values: tuple[tuple[str, ...] | None, ...]      # the categories of each column, None for a column of numbers
    unit: ClassVar[str] = "rows"

    @property
    def shape(self) -> tuple[int]:
        return (len(self.names),)

    def read(self, raw: bytes):
        """One line of values in the order of `names`, separated by commas -> float32 (columns,)."""
        import csv
        return self.encode(next(csv.reader([raw.decode("utf-8")])))

    def encode(self, cells: list[str]):
        """Text cells in the order of `names` -> float32 (columns,); unknown categories and empty cells become NaN."""
        import torch
        if len(cells) != len(self.names):
            raise Problem("{given} values were given, the model wants {wanted}: {names}",
                          given=len(cells), wanted=len(self.names), names=", ".join(self.names))
        row = torch.full((len(cells),), float("nan"))
        for i, (cell, values) in enumerate(zip(cells, self.values, strict=True)):
            text = cell.strip()
            if values is not None:
                row[i] = values.index(text) if text in values else float("nan")
            elif text and text != "?":
                row[i] = number(text)
        return row

    def blank(self, count: int):
        """`count` made-up inputs, to try a model on: float32 (count, size)."""
        import torch
        return torch.rand(count, *self.shape, generator=torch.Generator().manual_seed(0))

    def check(self, value) -> None:
        if value.shape[-1] != len(self.names):
            raise Problem("{given} values were given, the model wants {wanted}: {names}",
                          given=value.shape[-1], wanted=len(self.names), names=", ".join(self.names))

    def show(self, value) -> str:
        cells = []
        for name, values, cell in zip(self.names, self.values, value.tolist(), strict=True):
            missing = math.isnan(cell)
            cells.append(f"{name}={'?' if missing else f'{cell:.4g}' if values is None else values[int(cell)]}")
        return "  ".join(cells)


KINDS = {kind.__name__: kind for kind in (Image, Label, Number, Vector, Row)}


def to_card(kind) -> dict[str, Any] | None:
    """A kind as JSON, to be written into a model's card."""
    return None if kind is None else {"kind": type(kind).__name__, **asdict(kind)}


def from_card(card: dict[str, Any] | None):
    """The kind that `to_card` wrote."""
    if card is None:
        return None
    fields = {key: _tuples(value) for key, value in card.items() if key != "kind"}
    if card.get("kind") not in KINDS:
        raise Problem("the card names a kind {kind} that this version does not know", kind=card.get("kind"))
    return KINDS[card["kind"]](**fields)


def _tuples(value):
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
