"""Small sets whose truth is known: points of the plane as in TensorFlow Playground, simple pictures.

The points follow the generators of TensorFlow Playground (D. Smilkov, S. Carter; dataset.ts): `noise` is its
noise slider divided by 100. In circles and xor noise turns labels, in gauss and spiral it moves points.
"""
from math import pi

import torch
from torch import Generator, Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label, Number, Vector
from deepen.core.recipe import Count, Fraction
from deepen.core.words import say
from deepen.sources._split import split

_COLOURS = Label(("orange", "blue"))        # Playground's -1 and +1
_PLANE = Vector(2, ("x1", "x2"))


def circles(count: Count = 500,             # points in all
            noise: Fraction = 0.0,          # strength of the noise; 0 … 0.5 in Playground
            valid: Fraction = 0.25,         # share held out for validation
            test: Fraction = 0.25,          # share held out for the test
            seed: int = 0) -> Data:         # seed of points and shares
    """Points of the plane: a disc (blue) inside a ring (orange); Playground's Circle."""
    dice, radius = Generator().manual_seed(seed), 5.0
    half = torch.arange(count) < count // 2
    r = torch.where(half, _uniform(dice, count, 0, radius / 2), _uniform(dice, count, 0.7 * radius, radius))
    angle = _uniform(dice, count, 0, 2 * pi)
    x = torch.stack([r * angle.sin(), r * angle.cos()], 1)                  # (N, 2)
    moved = x + noise * _uniform(dice, (count, 2), -radius, radius)
    return _points("circles", x, moved.norm(dim=1) < radius / 2, count, noise, valid, test, seed)


def xor(count: Count = 500,                 # points in all
        noise: Fraction = 0.0,              # strength of the noise; 0 … 0.5 in Playground
        valid: Fraction = 0.25,             # share held out for validation
        test: Fraction = 0.25,              # share held out for the test
        seed: int = 0) -> Data:             # seed of points and shares
    """Points of the plane: blue where both coordinates have one sign; Playground's Exclusive or."""
    dice, padding = Generator().manual_seed(seed), 0.3
    x = _uniform(dice, (count, 2), -5, 5)
    x = x + torch.where(x > 0, padding, -padding)
    moved = x + noise * _uniform(dice, (count, 2), -5, 5)
    return _points("xor", x, moved.prod(1) >= 0, count, noise, valid, test, seed)


def gauss(count: Count = 500,               # points in all
          noise: Fraction = 0.0,            # strength of the noise; 0 … 0.5 in Playground; the variance is 0.5 + 7 noise
          valid: Fraction = 0.25,           # share held out for validation
          test: Fraction = 0.25,            # share held out for the test
          seed: int = 0) -> Data:           # seed of points and shares
    """Points of the plane: a cloud at (2, 2) (blue), one at (-2, -2) (orange); Playground's Gaussian."""
    dice = Generator().manual_seed(seed)
    blue = torch.arange(count) < count // 2
    centre = torch.where(blue, 2.0, -2.0).double()[:, None]
    x = centre + (0.5 + 7 * noise) ** 0.5 * torch.randn(count, 2, generator=dice, dtype=torch.float64)
    return _points("gauss", x, blue, count, noise, valid, test, seed)


def spiral(count: Count = 500,              # points in all
           noise: Fraction = 0.0,           # strength of the noise; 0 … 0.5 in Playground
           valid: Fraction = 0.25,          # share held out for validation
           test: Fraction = 0.25,           # share held out for the test
           seed: int = 0) -> Data:          # seed of points and shares
    """Points of the plane: two arms that turn 1¾ times around each other; Playground's Spiral."""
    dice, n = Generator().manual_seed(seed), count // 2
    i = torch.cat([torch.arange(n), torch.arange(count - n)]).double()
    blue = torch.arange(count) < n
    share = i / torch.where(blue, n, count - n)                             # 0 … 1 along the arm
    t = 1.75 * 2 * pi * share + torch.where(blue, 0.0, pi)
    x = (5 * share)[:, None] * torch.stack([t.sin(), t.cos()], 1) + noise * _uniform(dice, (count, 2), -1, 1)
    return _points("spiral", x, blue, count, noise, valid, test, seed)


def plane(count: Count = 1200,              # points in all
          noise: Fraction = 0.0,            # strength of the noise; 0 … 0.5 in Playground
          valid: Fraction = 0.25,           # share held out for validation
          test: Fraction = 0.25,            # share held out for the test
          seed: int = 0) -> Data:           # seed of points and shares
    """Points of the plane with a number, (x₁ + x₂) / 10, to foretell; Playground's Plane."""
    dice = Generator().manual_seed(seed)
    x = _uniform(dice, (count, 2), -6, 6)
    moved = x + noise * _uniform(dice, (count, 2), -6, 6)
    return _points("plane", x, moved.sum(1) / 10, count, noise, valid, test, seed)


def cones(count: Count = 1200,              # points in all
          noise: Fraction = 0.0,            # strength of the noise; 0 … 0.5 in Playground
          valid: Fraction = 0.25,           # share held out for validation
          test: Fraction = 0.25,            # share held out for the test
          seed: int = 0) -> Data:           # seed of points and shares
    """Points of the plane with a number, six cones up and down, to foretell; Playground's Multi gaussian."""
    dice = Generator().manual_seed(seed)
    tops = torch.tensor([[-4, 2.5], [0, 2.5], [4, 2.5], [-4, -2.5], [0, -2.5], [4, -2.5]]).double()
    signs = torch.tensor([1, -1, 1, -1, 1, -1]).double()
    x = _uniform(dice, (count, 2), -6, 6)
    moved = x + noise * _uniform(dice, (count, 2), -6, 6)
    heights = signs * (1 - torch.cdist(moved, tops) / 2).clamp(min=0)       # (N, 6)
    highest = heights.abs().argmax(1, keepdim=True)
    return _points("cones", x, heights.gather(1, highest)[:, 0], count, noise, valid, test, seed)


def four_points() -> Data:
    """The textbook's four points: (0, 3) and (3, 0) against (1, 2) and (2, 1); no line parts them."""
    points = Examples(torch.tensor([[0., 3.], [3., 0.], [1., 2.], [2., 1.]]), torch.tensor([0, 0, 1, 1]))
    return Data({"train": points, "valid": points}, _PLANE, Label(("outer", "inner")), origin="four_points()",
                said=(say("four points are too few to hold any out: they are learned and validated alike"),))


def stripes(count: Count = 400,             # pictures in all
            noise: Fraction = 0.1,          # strength of the grey noise on them
            valid: Fraction = 0.2,          # share held out for validation
            test: Fraction = 0.2,           # share held out for the test
            seed: int = 0) -> Data:         # seed of pictures and shares
    """Pictures of 8×8 with two or three bars, horizontal or vertical: a picture task for quick trials."""
    dice = Generator().manual_seed(seed)
    upright = torch.arange(count) % 2                                       # 0 horizontal, 1 vertical
    bars = 2 + torch.randint(2, (count, 1), generator=dice)
    bright = torch.rand(count, 8, generator=dice).argsort(1).argsort(1) < bars      # (N, 8)
    x = bright[:, :, None].expand(-1, -1, 8).double()                       # rows bright
    x = torch.where(upright[:, None, None].bool(), x.transpose(1, 2), x)
    x = x * (1 - noise) + noise * _uniform(dice, (count, 8, 8), 0, 1)
    examples = Examples((x * 255).round().to(torch.uint8)[:, None], upright)
    return Data(split(examples, valid, test, seed), Image(1, 8, 8), Label(("horizontal", "vertical")),
                origin=_origin("stripes", count, noise, valid, test, seed))


def _points(name: str, x: Tensor, target: Tensor, count: int, noise: float, valid: float, test: float,
            seed: int) -> Data:
    classes = target.dtype == torch.bool
    examples = Examples(x.float(), target.long() if classes else target.float())
    return Data(split(examples, valid, test, seed), _PLANE, _COLOURS if classes else Number("height"),
                origin=_origin(name, count, noise, valid, test, seed))


def _origin(name: str, count: int, noise: float, valid: float, test: float, seed: int) -> str:
    return f"{name}(count={count}, noise={noise:g}, valid={valid:g}, test={test:g}, seed={seed})"


def _uniform(dice: Generator, size, low: float, high: float) -> Tensor:
    """float64 uniform in [low, high)."""
    return low + (high - low) * torch.rand(size, generator=dice, dtype=torch.float64)
