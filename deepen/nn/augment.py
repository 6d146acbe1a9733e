"""Augmentations: lines that change a whole batch of training pictures on the device.

    shift 1            whole pixels, either way
    rotate 10          degrees, either way
    scale 0.9 1.1      smallest and largest
    cutmix 1           and mixup: the target becomes shares of classes

Rotation and scale are one resampling of the batch. Randomness comes from torch's global generator alone.
"""
import math
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn.lines import call, real, split, whole

Pixels = Annotated[int, whole(1, 1000)]
Degrees = Annotated[float, real(0, 180)]
Times = Annotated[float, real(0.1, 10)]
Part = Annotated[float, real(0, 1)]
Alpha = Annotated[float, real(0.01, 100)]


class Augment:
    """`Augment("flip; shift 2", classes)(x, y)` -> changed (x, y); x uint8 or float (B, C, H, W), y classes (B,)."""

    def __init__(self, lines: str, classes: int = 0):
        self.lines, self.classes = split(lines), classes
        self.steps: list[Callable] = []
        self.affine: dict[str, tuple] = {}
        self.changes_labels: list[str] = []         # words that can turn one sign into another (6 and 9, b and d)
        for number, line in enumerate(self.lines, 1):
            try:
                word, function, values = call(line, WORDS)
            except Problem as problem:
                raise Problem("line {line} ({text}): {reason}", line=number, text=line, reason=problem) from None
            if word.startswith("flip") or word == "rotate" and values["degrees"] > 20:
                self.changes_labels.append(line)
            function(self, **values)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.affine:
            x = resample(x, **self.affine)
        for step in self.steps:
            x, y = step(x, y)
        return x, y

    def shares(self, y: Tensor) -> Tensor:
        """Classes (B,) as shares (B, classes); shares stay."""
        return F.one_hot(y, self.classes).float() if y.ndim == 1 else y


def flip(augment: Augment):
    """Left to right, for half the pictures."""
    augment.steps.append(lambda x, y: (_some(x, x.flip(3)), y))


def flip_updown(augment: Augment):
    """Upside down, for half the pictures."""
    augment.steps.append(lambda x, y: (_some(x, x.flip(2)), y))


def shift(augment: Augment, pixels: Pixels):
    """Up to so many whole pixels each way; what comes in is black."""
    augment.steps.append(lambda x, y: (window(F.pad(x, [pixels] * 4), pixels, x.shape), y))


def crop(augment: Augment, pixels: Pixels):
    """A window of the old size out of the picture grown by reflection."""
    augment.steps.append(lambda x, y: (window(_reflect(x, pixels), pixels, x.shape), y))


def rotate(augment: Augment, degrees: Degrees):
    """Up to so many degrees either way."""
    augment.affine["rotate"] = (degrees,)


def scale(augment: Augment, smallest: Times, largest: Times):
    """Between smallest and largest times the size."""
    augment.affine["scale"] = (smallest, max(smallest, largest))


def bright(augment: Augment, most: Part):
    """Each picture brighter or darker by up to that share of the range."""
    augment.steps.append(lambda x, y: (_within_range(x, x.float() + _one_each(x, most) * _top(x)), y))


def contrast(augment: Augment, most: Part):
    """Each picture's distance from its own mean times 1 ± most."""
    def step(x, y):
        mean = x.float().mean((1, 2, 3), keepdim=True)
        return _within_range(x, mean + (x - mean) * (1 + _one_each(x, most))), y
    augment.steps.append(step)


def cutout(augment: Augment, pixels: Pixels):
    """A grey square of that side somewhere in each picture; it may stick out (DeVries & Taylor 2017)."""
    def step(x, y):
        hole = boxes(x, torch.full((len(x),), float(pixels), device=x.device), torch.full((len(x),), float(pixels), device=x.device))
        return torch.where(hole, torch.as_tensor(_top(x) / 2, device=x.device).to(x.dtype), x), y
    augment.steps.append(step)


def mixup(augment: Augment, alpha: Alpha):
    """Each picture mixed with another by a share from Beta(alpha, alpha), the target likewise (Zhang et al. 2018)."""
    def step(x, y):
        share, other = _share(alpha), torch.randperm(len(x), device=x.device)
        y = augment.shares(y)
        return x.float().lerp(x[other].float(), share).to(x.dtype), y.lerp(y[other], share)
    augment.steps.append(step)


def cutmix(augment: Augment, alpha: Alpha):
    """A box of another picture pasted in, one box a batch; the share is the box's real area (Yun et al. 2019)."""
    def step(x, y):
        side = math.sqrt(_share(alpha))
        one = torch.ones(1, device=x.device)
        hole = boxes(x[:1], one * x.shape[2] * side, one * x.shape[3] * side)           # (1, 1, H, W)
        other, share = torch.randperm(len(x), device=x.device), hole.float().mean()
        y = augment.shares(y)
        return torch.where(hole, x[other], x), y.lerp(y[other], share)
    augment.steps.append(step)


WORDS: dict[str, Callable] = {"flip": flip, "flip updown": flip_updown, "shift": shift, "crop": crop, "rotate": rotate, "scale": scale,
         "bright": bright, "contrast": contrast, "cutout": cutout, "mixup": mixup, "cutmix": cutmix}


def resample(x: Tensor, rotate: tuple[float] = (0.0,), scale: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Turn and scale every picture by a draw of its own, bilinear, black outside; the type stays."""
    angle = torch.deg2rad((torch.rand(len(x), device=x.device) * 2 - 1) * rotate[0])
    size = 1 / (scale[0] + torch.rand(len(x), device=x.device) * (scale[1] - scale[0]))
    cos, sin, zero = angle.cos() * size, angle.sin() * size, torch.zeros_like(angle)
    ratio = x.shape[2] / x.shape[3]
    turn = torch.stack([torch.stack([cos, -sin * ratio, zero], 1), torch.stack([sin / ratio, cos, zero], 1)], 1)   # (B, 2, 3)
    grid = F.affine_grid(turn.float(), list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), grid, align_corners=False).to(x.dtype)


def window(grown: Tensor, pixels: int, shape: torch.Size) -> Tensor:
    """A window of the old height and width at a random place of each grown picture; exact, no resampling."""
    b, _, h, w = shape
    top, left = torch.randint(0, 2 * pixels + 1, (2, b), device=grown.device)
    windows = grown.unfold(2, h, 1).unfold(3, w, 1)                 # (B, C, 2p+1, 2p+1, H, W), a view
    return windows[torch.arange(b, device=grown.device), :, top, left]


def boxes(x: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Where a box (height, width) (B,) with a random centre lies in each picture: bool (B, 1, H, W), cut at the edges."""
    b, _, h, w = x.shape
    def inside(size, extent):
        centre = torch.randint(0, extent, (b, 1), device=x.device)
        place = torch.arange(extent, device=x.device)
        low = (centre - size[:, None] / 2).round()
        return (place >= low) & (place < low + size[:, None].round())
    return (inside(height, h)[:, :, None] & inside(width, w)[:, None, :])[:, None]


def _some(x: Tensor, changed: Tensor) -> Tensor:
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, changed, x)


def _one_each(x: Tensor, most: float) -> Tensor:
    return (torch.rand(len(x), 1, 1, 1, device=x.device) * 2 - 1) * most


def _top(x: Tensor) -> float:
    return 255.0 if x.dtype == torch.uint8 else 1.0


def _within_range(like: Tensor, x: Tensor) -> Tensor:
    return x.clamp(0, _top(like)).round().to(like.dtype) if like.dtype == torch.uint8 else x.clamp(0, 1)


def _reflect(x: Tensor, pixels: int) -> Tensor:
    return F.pad(x.float(), [pixels] * 4, mode="reflect").to(x.dtype)


def _share(alpha: float) -> float:
    return float(torch.distributions.Beta(alpha, alpha).sample())
