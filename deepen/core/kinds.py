"""Kinds: what a value is. A kind knows how to read a value from bytes, check it and show it.

A kind carries everything a trained model needs to know about its input or output (size, names, columns), so a kind
written into a model's card is enough to use the model without its data.
"""
import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from deepen.core import picture
from deepen.core.picture import open_picture
from deepen.core.things import Boxes, Mask, Text
from deepen.core.words import Problem


@dataclass(frozen=True)
class Image:
    """A picture: uint8 (channels, height, width).

    colour `rgb` is red, green, blue; `grey` one channel; `hsv` hue, saturation, value: what is red, or strongly coloured,
    is then told by one number instead of three. Hue is a circle: 255 lies beside 0, and both are red.
    """
    channels: int
    height: int
    width: int
    fit: str = "stretch"        # how a picture of another size becomes this one: one of `picture.FITS`
    colour: str = ""            # rgb, grey, hsv; "": by the channels
    white: float = 0            # the white of 16-bit and float pictures; 0: by the depth of each
    unit: ClassVar[str] = "images"

    def __post_init__(self):    # cards written before there was a choice say pad, and no colour
        object.__setattr__(self, "fit", "pad-white" if self.fit == "pad" else self.fit)
        object.__setattr__(self, "colour", self.colour or ("grey" if self.channels == 1 else "rgb"))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def least(self) -> int:
        """Pixels a side that are worth decoding."""
        return max(64, 2 * max(self.height, self.width))

    def read(self, raw: bytes):
        """Bytes of any common picture format -> uint8 tensor (channels, height, width)."""
        return self.pixels(self.flat(open_picture(raw, self.least)))

    def flat(self, opened):
        """A Pillow picture of any mode -> one of 8 bits, grey or RGB, what is transparent white."""
        deep = picture.is_deep(opened)
        opened = picture.on_white(picture.eight_bits(opened, self.white) if deep else opened)
        wanted = "L" if self.colour == "grey" else "RGB"
        return opened if opened.mode == wanted else opened.convert(wanted)

    def pixels(self, flat):
        """A picture of `flat`, of any size -> uint8 tensor (channels, height, width)."""
        import numpy as np
        import torch
        fitted = picture.fitted(flat, (self.width, self.height), self.fit)
        if self.colour == "hsv":                                        # last: the mean of two hues is no hue
            fitted = fitted.convert("HSV")
        pixels = np.array(fitted, dtype=np.uint8)
        return torch.from_numpy(pixels[None] if self.colour == "grey" else np.ascontiguousarray(pixels.transpose(2, 0, 1)))

    def seen(self, value):
        """Pixels as an eye wants them, uint8 (3 or 1, height, width): HSV as red, green, blue; all else as it is."""
        if self.colour != "hsv":
            return value
        import numpy as np
        import torch
        from PIL import Image as Pillow
        turned = Pillow.merge("HSV", [Pillow.fromarray(channel) for channel in value.numpy()]).convert("RGB")
        return torch.from_numpy(np.array(turned)).permute(2, 0, 1).contiguous()

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
        grey = self.seen(value).float().mean(0) / 255
        rows = []
        for y in range(0, grey.shape[0] - 1, 2):
            rows.append("".join(" ▀▄█"[int(a > .5) + 2 * int(b > .5)] for a, b in zip(grey[y], grey[y + 1], strict=True)))
        return "\n".join(rows)


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


def in_form(text: str, form: str) -> float:
    """Text -> float, read as the form of its column says: a date as days since 1970, 3.5kg as 3.5."""
    from deepen.core.amounts import amount, days
    kind, _, how = form.partition(":")
    if kind == "date":
        value = days(text, how)
        if value is None:
            raise Problem("{text} is not a date; write it like 2024-01-31", text=text)
        return value
    if kind == "unit" and (found := amount(text)) and found[1] in ("", how):
        return found[0]
    return number(text)


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
    forms: tuple[str, ...] = ()                     # how each column of numbers is read (core/amounts); (): all plainly
    unit: ClassVar[str] = "rows"

    @property
    def shape(self) -> tuple[int]:
        return (len(self.names),)

    def read(self, raw: bytes):
        """One line of values in the order of `names`, separated by commas -> float32 (columns,)."""
        import csv
        return self.encode(next(csv.reader([raw.decode("utf-8")])))

    def encode(self, cells: list[str]):
        """Text cells in the order of `names` -> float32 (columns,); unknown categories and empty cells become NaN, an
        empty cell that is a part of a date (its month) is found from the date."""
        import torch

        from deepen.core.amounts import part_of_day
        if len(cells) != len(self.names):
            raise Problem("{given} values were given, the model wants {wanted}: {names}",
                          given=len(cells), wanted=len(self.names), names=", ".join(self.names))
        row = torch.full((len(cells),), float("nan"))
        for i, (cell, values) in enumerate(zip(cells, self.values, strict=True)):
            text = cell.strip()
            if values is not None:
                row[i] = values.index(text) if text in values else float("nan")
            elif text and text != "?":
                row[i] = in_form(text, self.form(i))
        for i, cell in enumerate(cells):
            part, _, origin = self.form(i).partition(":")
            if origin and part not in ("date", "unit") and not cell.strip():
                whole = float(row[self.names.index(origin.partition(":")[2])])
                row[i] = math.nan if math.isnan(whole) else part_of_day(whole, part)
        return row

    def form(self, column: int) -> str:
        return self.forms[column] if self.forms else ""

    def blank(self, count: int):
        """`count` made-up inputs, to try a model on: float32 (count, size)."""
        import torch
        return torch.rand(count, *self.shape, generator=torch.Generator().manual_seed(0))

    def check(self, value) -> None:
        if value.shape[-1] != len(self.names):
            raise Problem("{given} values were given, the model wants {wanted}: {names}",
                          given=value.shape[-1], wanted=len(self.names), names=", ".join(self.names))

    def show(self, value) -> str:
        from deepen.core.amounts import day
        cells = []
        for i, (name, values, cell) in enumerate(zip(self.names, self.values, value.tolist(), strict=True)):
            told = "?" if math.isnan(cell) else values[int(cell)] if values is not None else (
                day(cell) if self.form(i).startswith("date:") else f"{cell:.4g}")
            cells.append(f"{name}={told}")
        return "  ".join(cells)


KINDS = {kind.__name__: kind for kind in (Image, Label, Number, Vector, Row, Boxes, Mask, Text)}


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
