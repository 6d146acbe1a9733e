"""Scenes of coloured shapes: where things lie, and how they are painted, many scenes at a time."""
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, pi, sin

import torch
from torch import Generator, Tensor

KINDS = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS = {"red": (220, 40, 40), "green": (40, 160, 70), "blue": (45, 85, 220), "yellow": (240, 215, 50),
           "purple": (145, 50, 175), "orange": (245, 135, 30)}
SIZES = {"small": (0.11, 0.14), "large": (0.19, 0.23)}          # radius as a share of the picture's side
RELATIONS = ("left", "right", "above", "below")
PAPER = 235                     # the plain background
AT_ONCE = 256                   # scenes painted together: their pixels stay near the processor
TRIES = 24                      # places tried for a thing


@dataclass
class Scenes:
    """Things in the order they are painted, (N, K) each; `there` is False where a scene has fewer."""
    kind: Tensor
    colour: Tensor
    large: Tensor
    there: Tensor
    radius: Tensor              # shares of the side, as x and y
    x: Tensor
    y: Tensor

    def part(self, rows) -> "Scenes":
        return Scenes(**{name: value[rows] for name, value in vars(self).items()})


def scattered(dice: Generator, count: int, most: int, difficulty: float) -> Scenes:
    """Up to `most` things a scene at random places. None hides more of another than a share of its width that grows with
    the difficulty to 0.35; with it they also reach over the border, by up to 0.4 of their radius."""
    things = things_of(dice, count, most)
    things.there = torch.arange(most) < torch.randint(1, most + 1, (count, 1), generator=dice)
    for k in range(most):
        r = things.radius[:, k]                                             # (N,)
        inset = (r * (1 - 0.4 * difficulty))[:, None, None]
        tried = inset + (1 - 2 * inset) * torch.rand(count, TRIES, 2, generator=dice)
        before = torch.stack([things.x[:, :k], things.y[:, :k]], 2)         # (N, k, 2)
        apart = torch.cdist(tried, before)                                  # (N, TRIES, k)
        least = torch.minimum(r[:, None], things.radius[:, :k]) * 0.7 * difficulty
        least = r[:, None] + things.radius[:, :k] - least + 0.02 * (1 - difficulty)
        fits = ((apart >= least[:, None]) | ~things.there[:, None, :k]).all(2)          # (N, TRIES)
        first = fits.int().argmax(1)
        things.x[:, k], things.y[:, k] = tried[torch.arange(count), first].unbind(1)
        things.there[:, k] &= fits.any(1)
    return things


def related(dice: Generator, count: int, wanted: Callable[["Scenes", Tensor], Tensor], difficulty: float) -> tuple[Scenes, Tensor]:
    """Two things a scene, of which the first lies left, right, above or below the second: (scenes, (N,) relation).

    `wanted(scenes, relation)` tells (N,) which scenes may be."""
    found, relations, have = [], [], 0
    while have < count:
        these = things_of(dice, 4096, 2)
        relation = torch.randint(len(RELATIONS), (4096,), generator=dice)
        keep = wanted(these, relation) & ((these.kind[:, 0] != these.kind[:, 1]) | (these.colour[:, 0] != these.colour[:, 1]))
        found.append(these.part(keep))
        relations.append(relation[keep])
        have += int(keep.sum())
    things = Scenes(*(torch.cat(parts)[:count] for parts in zip(*(vars(one).values() for one in found), strict=True)))
    relation = torch.cat(relations)[:count]
    r = things.radius
    both = r.sum(1)
    gap = torch.rand(count, generator=dice) * (1 - 2 * both) - 0.3 * difficulty * r.min(1).values * torch.rand(count, generator=dice)
    near = r[:, 0] + torch.rand(count, generator=dice) * (1 - 2 * both - gap).clamp(min=0)      # along the line of the two
    far = torch.minimum(near + both + gap, 1 - r[:, 1])
    # what lies first along the line has the first radius: mirrored for right and below
    first = r[:, 0] + torch.rand(count, generator=dice) * (1 - 2 * r[:, 0])                     # across it
    second = first + (torch.rand(count, generator=dice) - 0.5) * (far - near)
    second = torch.minimum(torch.maximum(second, r[:, 1]), 1 - r[:, 1])
    mirrored = (relation % 2 == 1)
    near, far = torch.where(mirrored, 1 - near, near), torch.where(mirrored, 1 - far, far)
    upright = (relation >= 2)
    things.x = torch.stack([torch.where(upright, first, near), torch.where(upright, second, far)], 1)
    things.y = torch.stack([torch.where(upright, near, first), torch.where(upright, far, second)], 1)
    return things, relation


def things_of(dice: Generator, count: int, most: int) -> Scenes:
    """Things of every kind, colour and size by chance, all in the middle."""
    shape = (count, most)
    large = torch.randint(2, shape, generator=dice)
    ends = torch.tensor(list(SIZES.values()))[large]                        # (N, K, 2)
    radius = ends[..., 0] + (ends[..., 1] - ends[..., 0]) * torch.rand(shape, generator=dice)
    return Scenes(torch.randint(len(KINDS), shape, generator=dice), torch.randint(len(COLOURS), shape, generator=dice),
                  large, torch.ones(shape, dtype=torch.bool), radius, torch.full(shape, 0.5), torch.full(shape, 0.5))


def painted(scenes: Scenes, size: int, difficulty: float, dice: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(pictures uint8 (N, 3, size, size); uint8 (N, size, size): which thing each pixel is, 1…K, 0 the background; boxes
    float32 (N, K, 4) round the pixels of each whole thing, also where another lies over it)."""
    count, most = scenes.kind.shape
    pictures = torch.empty(count, 3, size, size, dtype=torch.uint8)
    owner = torch.zeros(count, size, size, dtype=torch.uint8)
    boxes = torch.zeros(count, most, 4)
    for start in range(0, count, AT_ONCE):
        rows = slice(start, min(start + AT_ONCE, count))
        _shape(scenes.part(rows), size, difficulty, dice, owner[rows], boxes[rows])
        pictures[rows] = _colour(scenes.part(rows), owner[rows], difficulty, dice)
    return pictures, owner, boxes


def _shape(scenes: Scenes, size: int, difficulty: float, dice: Generator, owner: Tensor, boxes: Tensor) -> None:
    """Fill in which pixel is whose, and the boxes."""
    window = 2 * ceil(max(max(ends) for ends in SIZES.values()) * size) + 3            # pixels in which any thing lies
    turned = (torch.rand(scenes.kind.shape, generator=dice) * 2 - 1) * 0.5 * difficulty
    for k in range(scenes.kind.shape[1]):
        for kind, inside in enumerate(INSIDE):
            rows = ((scenes.kind[:, k] == kind) & scenes.there[:, k]).nonzero()[:, 0]
            if not len(rows):
                continue
            r, place = scenes.radius[rows, k, None], torch.stack([scenes.x[rows, k], scenes.y[rows, k]])[..., None]     # (2, n, 1)
            corner = (place * size).long() - window // 2
            at = corner + torch.arange(window)                              # (2, n, window): which pixels
            u, v = (((at + 0.5) / size - place) / r).unbind()
            u, v = u[:, None, :], v[:, :, None]
            if difficulty:
                c, s = turned[rows, k, None, None].cos(), turned[rows, k, None, None].sin()
                u, v = c * u + s * v, c * v - s * u
            seen = (at >= 0) & (at < size)
            covered = inside(u, v) & seen[0, :, None, :] & seen[1, :, :, None]          # (n, window, window)
            which, down, across = covered.nonzero(as_tuple=True)
            owner[rows[which], at[1, which, down], at[0, which, across]] = k + 1
            across, down = covered.any(1).int(), covered.any(2).int()
            start = torch.stack([across.argmax(1), down.argmax(1)], 1)                  # (n, 2)
            end = window - torch.stack([across.flip(1).argmax(1), down.flip(1).argmax(1)], 1)
            boxes[rows, k] = (torch.cat([start, end], 1) + corner[..., 0].T.repeat(1, 2)).float()


def _colour(scenes: Scenes, owner: Tensor, difficulty: float, dice: Generator) -> Tensor:
    """Pixels of a scene by their owners: plain, or with the difficulty striped, shaded and noisy."""
    count, size, _ = owner.shape
    palette = torch.tensor(list(COLOURS.values()), dtype=torch.float32)[scenes.colour]          # (n, K, 3)
    ground = torch.full((count, 1, 3), float(PAPER))
    flat = owner.view(count, -1).long()                                     # (n, pixels)
    if difficulty:
        palette = palette + 35 * difficulty * (torch.rand(palette.shape, generator=dice) * 2 - 1)
        drawn = 60 + 180 * torch.rand(count, 1, 1, generator=dice) + 30 * (torch.rand(count, 1, 3, generator=dice) - 0.5)
        ground = ground + difficulty * (drawn - ground)
    palette = torch.cat([ground, palette], 1)                               # (n, 1 + K, 3)
    pixels = torch.stack([palette[..., c].gather(1, flat) for c in range(3)], 1)                # (n, 3, pixels)
    if difficulty:
        slots = palette.shape[1]
        angle, pitch, phase = (torch.rand(count, slots, generator=dice) for _ in range(3))
        pitch = (pi + 4 * pi * pitch) * 2
        across, down = ((angle * pi).cos() * pitch).gather(1, flat), ((angle * pi).sin() * pitch).gather(1, flat)
        at = (torch.arange(size) + 0.5) / size
        waves = (across * at.repeat(size) + down * at.repeat_interleave(size) + (2 * pi * phase).gather(1, flat)).sin()
        pixels += 35 * difficulty * waves[:, None]
        pixels += 25 * difficulty * torch.randn(pixels.shape, generator=dice)
    return pixels.clamp(0, 255).round().to(torch.uint8).view(count, 3, size, size)


def _circle(u, v):
    return u * u + v * v <= 1


def _square(u, v):
    return torch.maximum(u.abs(), v.abs()) <= 0.8


def _triangle(u, v):
    return (v <= 0.7) & (u.abs() <= (v + 1) * 0.55)


def _star(u, v):
    """Five points: folded into one of ten equal corners, a star is what lies within one line."""
    length, fold = (u * u + v * v).sqrt(), torch.atan2(u, -v)
    fold = ((fold + pi / 5) % (2 * pi / 5) - pi / 5).abs()                  # 0 at a point … π/5 between two
    inner = 0.45
    x, y = inner * cos(pi / 5), inner * sin(pi / 5)
    return (x - 1) * length * fold.sin() - y * (length * fold.cos() - 1) >= 0


def _cross(u, v):
    u, v = u.abs(), v.abs()
    return (torch.minimum(u, v) <= 0.3) & (torch.maximum(u, v) <= 0.95)


def _ring(u, v):
    length = u * u + v * v
    return (length <= 1) & (length >= 0.3)


INSIDE = (_circle, _square, _triangle, _star, _cross, _ring)
