"""Augmentations: lines that change a whole batch of training pictures on its device.

    flip             flip updown        for half the pictures
    flip alternate                      each picture one way round in one epoch, the other way in the next
    shift 2          rotate 15          up to so many pixels, degrees, either way; what comes in is black
    scale 0.8 1.2    elastic 1.5 4      smallest and largest; waves of 1.5 pixels, 4 pixels wide
    crop 4           cutout 8           a window of the picture grown by reflection; a square of mean colour
    bright 0.2       contrast 0.2       saturation 0.2
    mixup 0.2        cutmix 1.0         one mix a batch; the target becomes shares of classes (B, classes)

Lines work in their order, but shift, rotate, scale and elastic are one resampling, where the first of them
stands; a shift alone moves whole pixels. flip, shift, crop, cutout and cutmix only move bytes. Each word
draws its numbers from torch's global generators, then hands them to a plain function of nn/augment_moves,
which moves boxes and masks along.
"""
import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn.augment_moves import (
    Boxed,
    box,
    is_mask,
    joined,
    mirrored,
    parted,
    pasted,
    reflected,
    resampled,
    resampled_target,
    square,
    waves,
    window,
    windowed,
)
from deepen.nn.lines import call, real, split, whole

Pixels = Annotated[int, whole(1, 1000)]
Degrees = Annotated[float, real(0, 180)]
Times = Annotated[float, real(0.1, 10)]
Waves = Annotated[float, real(0.1, 100)]
Part = Annotated[float, real(0, 1)]
Alpha = Annotated[float, real(0.01, 100)]
MOVING = ("flip", "flip updown", "flip alternate", "shift", "rotate", "scale", "elastic", "crop")      # boxes and masks, too
GREY = (0.299, 0.587, 0.114)                        # of red, green and blue (ITU-R BT.601)


class Augment:
    """`Augment("flip; shift 2", classes)(x, y)` -> changed (x, y).

    x (B, C, H, W) is uint8 or float in 0…1 and keeps its type; y is class indices (B,), shares (B, classes),
    masks uint8 (B, H, W) (void: 255), a list of boxes (n, 6) or None. `masks`: they will be masks, so cutmix
    pastes and mixup cannot be. Raises `Problem` with the number of a line that is wrong."""

    def __init__(self, lines: str | Iterable[str], classes: int = 0, masks: bool = False):
        self.lines, self.classes, self.masks = split(lines), classes, masks
        self.moving = False                         # does a line move boxes and masks, too?
        self.steps: list[Callable] = []             # (x, y, highest value) -> (x, y)
        self.moves: dict[str, tuple] = {}           # what the one resampling does
        self.epoch: int | None = None               # for flip alternate: a system that knows says which one it is
        self.changes_labels: list[str] = []         # lines that can make one sign another (6 and 9, b and d)
        for number, line in enumerate(self.lines, 1):
            try:
                word, function, values = call(line, WORDS)
                function(self, **values)
            except Problem as problem:
                raise Problem("line {line} ({text}): {reason}",
                              line=number, text=line, reason=problem) from None
            self.moving |= word in MOVING
            if word.startswith("flip") or (word == "rotate" and values["degrees"] > 20):
                self.changes_labels.append(line)

    def __call__(self, x: Tensor, y=None) -> tuple[Tensor, Any]:
        dtype, top = x.dtype, 1.0 if x.is_floating_point() else 255.0
        y = joined(y, x.device) if isinstance(y, list) and self.moving else y
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):     # bf16 would blur places
            for step in self.steps:
                x, y = step(x, y, top)
        y = parted(y, len(x)) if isinstance(y, Boxed) else y
        return (x.round() if dtype == torch.uint8 and x.dtype != dtype else x).to(dtype), y

    def move(self, word: str, *amount: float) -> None:
        """Add a word to the one resampling."""
        if word in self.moves:
            raise Problem("{word} is given twice; once is enough", word=word)
        if not self.moves:
            self.steps.append(lambda x, y, top: self.moved(x, y))
        self.moves[word] = amount

    def moved(self, x: Tensor, y):
        moves = self.moves
        far = moves.get("shift", (0,))[0]
        _fits("shift", far, x)
        if len(moves) == 1 and far:
            corner = _places(x, far)
            return window(F.pad(x, [far] * 4), corner, x.shape), windowed(y, corner, far, x.shape)
        angle = math.radians(moves.get("rotate", (0.0,))[0]) * _either(x)
        small, large = moves.get("scale", (1.0, 1.0))
        size = small + (large - small) * torch.rand(len(x), device=x.device)
        bend = waves(x, *moves["elastic"]) if "elastic" in moves else None
        if bend is not None and isinstance(y, Boxed):
            raise Problem("elastic bends pictures, and a box cannot be bent; leave elastic out, rotate and scale are exact")
        how = (angle, size, far * _either(x), far * _either(x), bend)
        return resampled(x, *how), resampled_target(y, *how, x.shape)

    def mixed(self, y, other: Tensor, share: float) -> Tensor:
        if y is None:
            raise ValueError("mixup and cutmix mix targets, and there is none")
        if isinstance(y, (list, Boxed)) or is_mask(y):
            raise Problem("shares of two targets are for classes; boxes and masks cannot be mixed")
        y = F.one_hot(y, self.classes).float() if y.ndim == 1 else y.float()
        return y.lerp(y[other], share)


# the words: each draws for every picture of a batch

def flip(augment: Augment):
    """Left to right, for half the pictures."""
    augment.steps.append(lambda x, y, top: mirrored(x, y, _half(x), 3))


def flip_alternate(augment: Augment):
    """Left to right in every other epoch; which half begins flipped is told by the bytes (Jordan 2024, 3.6).

    Stands before lines that change pictures by chance: it knows a picture again by what it sees. Where nobody says
    which epoch it is, it flips half the pictures by chance."""
    def step(x, y, top):
        if augment.epoch is None:
            return mirrored(x, y, _half(x), 3)
        values = x if x.dtype == torch.uint8 else (x * (255 / top)).round().long()
        return mirrored(x, y, (values.sum((1, 2, 3)) + augment.epoch) % 2 == 1, 3)      # odd or even: as by chance
    augment.steps.append(step)


def flip_updown(augment: Augment):
    """Upside down, for half the pictures."""
    augment.steps.append(lambda x, y, top: mirrored(x, y, _half(x), 2))


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
        corner = _places(x, pixels)
        return window(reflected(x, pixels), corner, x.shape), windowed(y, corner, pixels, x.shape)
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
    """One box a batch from the batch in another order; its area inside is the share (Yun et al. 2019). Of a
    mask the same box is pasted: every pixel keeps one class."""
    if not augment.masks:
        _wants_classes(augment, "cutmix")
    def step(x, y, top):
        other, edges = torch.randperm(len(x), device=x.device), box(*x.shape[2:], _share(alpha))
        x, share = pasted(x, x[other], *edges)
        return x, pasted(y, y[other], *edges)[0] if is_mask(y) else augment.mixed(y, other, share)
    augment.steps.append(step)


WORDS: dict[str, Callable] = {"flip": flip, "flip updown": flip_updown,
                              "flip alternate": flip_alternate, "shift": shift, "rotate": rotate,
                              "scale": scale, "elastic": elastic, "crop": crop, "bright": bright,
                              "contrast": contrast, "saturation": saturation, "cutout": cutout,
                              "mixup": mixup, "cutmix": cutmix}


def _half(x: Tensor) -> Tensor:
    return torch.rand(len(x), device=x.device) < 0.5


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
