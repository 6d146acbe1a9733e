"""Augmentations: lines that change a whole batch of training pictures on its device.

    flip             flip updown        for half the pictures
    shift 2          rotate 15          up to so many pixels, degrees, either way; what comes in is black
    scale 0.8 1.2    elastic 1.5 4      smallest and largest; waves of 1.5 pixels, 4 pixels wide
    crop 4           cutout 8           a window of the picture grown by reflection; a square of mean colour
    bright 0.2       contrast 0.2       saturation 0.2
    mixup 0.2        cutmix 1.0         one mix a batch; the target becomes shares of classes (B, classes)

Lines work in their order, but shift, rotate, scale and elastic are one resampling, where the first of them
stands; a shift alone moves whole pixels. flip, shift, crop, cutout and cutmix only move bytes. Each word
draws its numbers from torch's global generators, then hands them to a plain function below.
"""
import math
from collections.abc import Callable, Iterable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn.lines import call, real, split, whole

Pixels = Annotated[int, whole(1, 1000)]
Degrees = Annotated[float, real(0, 180)]
Times = Annotated[float, real(0.1, 10)]
Waves = Annotated[float, real(0.1, 100)]
Part = Annotated[float, real(0, 1)]
Alpha = Annotated[float, real(0.01, 100)]
GREY = (0.299, 0.587, 0.114)                        # of red, green and blue (ITU-R BT.601)


class Augment:
    """`Augment("flip; shift 2", classes)(x, y)` -> changed (x, y).

    x (B, C, H, W) is uint8 or float in 0…1 and keeps its type; y is class indices (B,), shares (B, classes)
    or None. Raises `Problem` with the number of a line that is wrong."""

    def __init__(self, lines: str | Iterable[str], classes: int = 0):
        self.lines, self.classes = split(lines), classes
        self.steps: list[Callable] = []             # (x, y, highest value) -> (x, y)
        self.moves: dict[str, tuple] = {}           # what the one resampling does
        self.changes_labels: list[str] = []         # lines that can make one sign another (6 and 9, b and d)
        for number, line in enumerate(self.lines, 1):
            try:
                word, function, values = call(line, WORDS)
                function(self, **values)
            except Problem as problem:
                raise Problem("line {line} ({text}): {reason}",
                              line=number, text=line, reason=problem) from None
            if word.startswith("flip") or (word == "rotate" and values["degrees"] > 20):
                self.changes_labels.append(line)

    def __call__(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        dtype, top = x.dtype, 1.0 if x.is_floating_point() else 255.0
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):     # bf16 would blur places
            for step in self.steps:
                x, y = step(x, y, top)
        return (x.round() if dtype == torch.uint8 and x.dtype != dtype else x).to(dtype), y

    def move(self, word: str, *amount: float) -> None:
        """Add a word to the one resampling."""
        if word in self.moves:
            raise Problem("{word} is given twice; once is enough", word=word)
        if not self.moves:
            self.steps.append(lambda x, y, top: (self.moved(x), y))
        self.moves[word] = amount

    def moved(self, x: Tensor) -> Tensor:
        moves = self.moves
        far = moves.get("shift", (0,))[0]
        _fits("shift", far, x)
        if len(moves) == 1 and far:
            return window(F.pad(x, [far] * 4), _places(x, far), x.shape)
        angle = math.radians(moves.get("rotate", (0.0,))[0]) * _either(x)
        small, large = moves.get("scale", (1.0, 1.0))
        size = small + (large - small) * torch.rand(len(x), device=x.device)
        bend = waves(x, *moves["elastic"]) if "elastic" in moves else None
        return resampled(x, angle, size, far * _either(x), far * _either(x), bend)

    def mixed(self, y: Tensor | None, other: Tensor, share: float) -> Tensor:
        if y is None:
            raise ValueError("mixup and cutmix mix targets, and there is none")
        y = F.one_hot(y, self.classes).float() if y.ndim == 1 else y.float()
        return y.lerp(y[other], share)


# the words: each draws for every picture of a batch

def flip(augment: Augment):
    """Left to right, for half the pictures."""
    augment.steps.append(lambda x, y, top: (torch.where(_half(x), x.flip(3), x), y))


def flip_updown(augment: Augment):
    """Upside down, for half the pictures."""
    augment.steps.append(lambda x, y, top: (torch.where(_half(x), x.flip(2), x), y))


def shift(augment: Augment, pixels: Pixels):
    """Up to so many pixels each way; whole ones where nothing else moves."""
    augment.move("shift", pixels)


def rotate(augment: Augment, degrees: Degrees):
    """Up to so many degrees either way."""
    augment.move("rotate", degrees)


def scale(augment: Augment, smallest: Times, largest: Times):
    """Between smallest and largest times the size."""
    if smallest > largest:
        raise Problem("the smallest size {smallest:g} is above the largest {largest:g}",
                      smallest=smallest, largest=largest)
    augment.move("scale", smallest, largest)


def elastic(augment: Augment, strength: Waves, sigma: Waves):
    """Smooth waves of `strength` pixels (root mean square), `sigma` pixels wide (Simard et al. 2003)."""
    augment.move("elastic", strength, sigma)


def crop(augment: Augment, pixels: Pixels):
    """A window of the old size out of the picture grown by reflection."""
    def step(x, y, top):
        _fits("crop", pixels, x)
        return window(reflected(x, pixels), _places(x, pixels), x.shape), y
    augment.steps.append(step)


def bright(augment: Augment, most: Part):
    """Brighter or darker by up to that share of the range."""
    augment.steps.append(lambda x, y, top: ((x.float() + top * most * _each(x)).clamp(0, top), y))


def contrast(augment: Augment, most: Part):
    """Each picture's distance from its own mean times 1 ± most."""
    def step(x, y, top):
        x = x.float()
        return torch.lerp(x.mean((1, 2, 3), keepdim=True), x, 1 + most * _each(x)).clamp(0, top), y
    augment.steps.append(step)


def saturation(augment: Augment, most: Part):
    """Each pixel's distance from its grey times 1 ± most; pictures in colour (B, 3, H, W)."""
    def step(x, y, top):
        if x.shape[1] != 3:
            raise Problem("saturation wants pictures in colour (3 channels); these have {channels}",
                          channels=x.shape[1])
        x = x.float()
        grey = sum(part * x[:, i:i + 1] for i, part in enumerate(GREY))
        return torch.lerp(grey, x, 1 + most * _each(x)).clamp(0, top), y
    augment.steps.append(step)


def cutout(augment: Augment, pixels: Pixels):
    """A square of that side in the batch's mean colour; it may stick out (DeVries & Taylor 2017)."""
    def step(x, y, top):
        colour = x.float().mean((0, 2, 3), keepdim=True)
        colour = (colour if x.is_floating_point() else colour.round()).to(x.dtype)
        return torch.where(square(x, pixels), colour, x), y
    augment.steps.append(step)


def mixup(augment: Augment, alpha: Alpha):
    """Mixed with the batch in another order, by one share from Beta(alpha, alpha) (Zhang et al. 2018)."""
    _wants_classes(augment, "mixup")
    def step(x, y, top):
        share, other = _share(alpha), torch.randperm(len(x), device=x.device)
        x = x.float()
        return x.lerp(x[other], share), augment.mixed(y, other, share)
    augment.steps.append(step)


def cutmix(augment: Augment, alpha: Alpha):
    """One box a batch from the batch in another order; its area inside is the share (Yun et al. 2019)."""
    _wants_classes(augment, "cutmix")
    def step(x, y, top):
        other = torch.randperm(len(x), device=x.device)
        x, share = pasted(x, x[other], *box(*x.shape[2:], _share(alpha)))
        return x, augment.mixed(y, other, share)
    augment.steps.append(step)


WORDS: dict[str, Callable] = {"flip": flip, "flip updown": flip_updown, "shift": shift, "rotate": rotate,
                              "scale": scale, "elastic": elastic, "crop": crop, "bright": bright,
                              "contrast": contrast, "saturation": saturation, "cutout": cutout,
                              "mixup": mixup, "cutmix": cutmix}


# what they do, once the numbers are drawn

def window(grown: Tensor, corner: Tensor, shape: torch.Size) -> Tensor:
    """The part of each grown picture (B, C, H+…, W+…) that starts at row, column = corner (2, B); exact."""
    row, column = corner
    windows = grown.unfold(2, shape[2], 1).unfold(3, shape[3], 1)   # (B, C, rows, columns, H, W), a view
    return windows[torch.arange(shape[0], device=grown.device), :, row, column]


def reflected(x: Tensor, pixels: int) -> Tensor:
    """Grown on all sides by its mirror image, the edge itself not doubled; any type."""
    for axis in (2, 3):
        last = x.shape[axis] - 1
        place = torch.arange(-pixels, last + 1 + pixels, device=x.device).abs()
        x = x.index_select(axis, last - (last - place).abs())
    return x


def resampled(x: Tensor, angle: Tensor, size: Tensor, right: Tensor, down: Tensor, bend: Tensor | None = None,
              mode: str = "bilinear") -> Tensor:
    """Scale by `size`, turn by `angle` (radians, counter-clockwise), move `right` and `down` (pixels), all
    (B,), about the centre; `bend` (B, 2, H, W) is added to where each pixel is read. Black outside, in float.
    A mask wants mode="nearest"."""
    _, _, h, w = x.shape
    u = torch.arange(w, device=x.device) - (w - 1) / 2 - right[:, None]         # (B, W)
    v = torch.arange(h, device=x.device) - (h - 1) / 2 - down[:, None]          # (B, H)
    cos, sin = (angle.cos() / size)[:, None], (angle.sin() / size)[:, None]
    across = (cos * u)[:, None, :] - (sin * v)[:, :, None]          # (B, H, W), pixels from the centre
    along = (sin * u)[:, None, :] + (cos * v)[:, :, None]
    if bend is not None:
        across, along = across + bend[:, 0], along + bend[:, 1]
    grid = torch.stack([across * (2 / w), along * (2 / h)], 3)
    return F.grid_sample(x.float(), grid.float(), mode=mode, align_corners=False)


def waves(x: Tensor, strength: float, sigma: float) -> Tensor:
    """Smooth noise (B, 2, H, W): normal, of deviation `strength` everywhere, alike over about `sigma` pixels.

    A sum of bells `sigma` apart of random heights: as smooth as blurred noise, with σ² times fewer draws."""
    rows, columns = _bells(x.shape[2], sigma, x), _bells(x.shape[3], sigma, x)
    heights = torch.randn(len(x), 2, rows.shape[1], columns.shape[1], device=x.device)
    return strength * (rows @ (heights @ columns.T))


def _bells(n: int, sigma: float, like: Tensor) -> Tensor:
    place = torch.arange(n, device=like.device)
    centres = torch.linspace(0, n - 1, math.ceil(n / min(sigma, n / 2)) + 1, device=like.device)
    bells = (-(place[:, None] - centres) ** 2 / (2 * sigma**2)).exp()           # (n, bells)
    return bells / bells.norm(dim=1, keepdim=True)                              # length 1 keeps the deviation


def square(x: Tensor, pixels: int) -> Tensor:
    """Where a square with a random centre lies in each picture: bool (B, 1, H, W), cut at the edges."""
    def inside(extent):
        low = torch.randint(0, extent, (len(x), 1), device=x.device) - pixels // 2
        place = torch.arange(extent, device=x.device)
        return (place >= low) & (place < low + pixels)
    return (inside(x.shape[2])[:, None, :, None]) & (inside(x.shape[3])[:, None, None, :])


def box(h: int, w: int, share: float) -> tuple[int, int, int, int]:
    """A box of that share of the area with a random centre, cut at the edges: top, bottom, left, right."""
    def edges(extent):
        side = round(extent * math.sqrt(share))
        low = int(torch.randint(0, extent, ())) - side // 2
        return max(0, low), min(extent, low + side)
    return *edges(h), *edges(w)


def pasted(x: Tensor, other: Tensor, top: int, bottom: int, left: int, right: int) -> tuple[Tensor, float]:
    """The box of `other` put into x, and its share of the area."""
    x = x.clone()
    x[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    return x, (bottom - top) * (right - left) / x[0, 0].numel()


def _half(x: Tensor) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5


def _either(x: Tensor) -> Tensor:
    return torch.rand(len(x), device=x.device) * 2 - 1


def _each(x: Tensor) -> Tensor:
    return _either(x)[:, None, None, None]


def _places(x: Tensor, pixels: int) -> Tensor:
    return torch.randint(0, 2 * pixels + 1, (2, len(x)), device=x.device)


def _share(alpha: float) -> float:
    return float(torch.distributions.Beta(alpha, alpha).sample())


def _fits(word: str, pixels: int, x: Tensor) -> None:
    if pixels >= min(x.shape[2:]):
        raise Problem("{word} {pixels} is too far for pictures of {height}×{width}", word=word, pixels=pixels,
                      height=x.shape[2], width=x.shape[3])


def _wants_classes(augment: Augment, word: str) -> None:
    if augment.classes < 2:
        raise Problem("{word} mixes classes, and the target here has no classes", word=word)
