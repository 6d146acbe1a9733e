"""Selective search: boxes that may hold something, found without learning (Uijlings et al. 2013, section 3).

A picture falls into pieces of one colour, and the most alike neighbours grow together until one is left: every piece on the
way is a proposal. Several sizes of first pieces give several trees.
"""
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from deepen.nn import boxes
from deepen.nn.regions_kernel import grow, segment

COLOURS, DIRECTIONS, STEPS = 25, 8, 10      # bins of a channel, of a gradient's direction and of its length
TREES = (15.0, 30.0, 60.0, 120.0)           # how large the first pieces are
PIECES = 16_000                             # first pieces of a tree, at most: who is whose neighbour is a square of it
BELL = torch.tensor([0.0, 1, 2]).pow(2).div(-2 * 0.8**2).exp()


def regions(picture: Tensor, most: int = 300, sides: tuple[float, float] = (8, 1e9), trees: Sequence[float] = TREES) -> Tensor:
    """Boxes (n, 4) of a picture uint8 (C, H, W) that may hold something, the likeliest first; n ≤ `most`.

    Whoever grew late comes early, shuffled a little (as in 3.4 of the paper), always in the same way; of boxes that are
    nearly the same one stays. Roots of areas outside `sides` (pixels) are left out, and very long boxes."""
    found, place = [], []
    dice = np.random.default_rng(0)
    smooth = blurred(picture.float() if len(picture) == 3 else picture[:1].float().expand(3, -1, -1))
    for k in trees:
        grown = tree(smooth, k)
        found.append(grown)
        place.append(dice.random(len(grown)) * np.arange(len(grown), 0, -1))
    where = torch.from_numpy(np.concatenate(found)[np.argsort(np.concatenate(place), kind="stable")]).float()
    side, long = boxes.area(where).sqrt(), (where[:, 2:] - where[:, :2]).clamp_min(1)
    where = where[(side >= sides[0]) & (side <= sides[1]) & (long.amax(1) <= 4 * long.amin(1))]
    return where[boxes.nms(where, -torch.arange(len(where)).float(), 0.7, most=most)]


def tree(seen: Tensor, k: float) -> np.ndarray:
    """Boxes (n, 4) of the pieces of a smooth picture (3, H, W) in 0…255 and of all they grow to."""
    height, width = seen.shape[1:]
    first, second, weight = borders(seen)
    least = max(4, round(k / 4), height * width // PIECES)
    piece, count = segment(first, second, weight, height * width, k, least)
    return grow(piece, count, bins(seen), width, 3 * COLOURS + DIRECTIONS * STEPS)


def borders(seen: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbouring pixels, also across corners, and how their colours differ, the least first."""
    height, width = seen.shape[1:]
    number = torch.arange(height * width).view(height, width)
    ends = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:]), (number[:-1, :-1], number[1:, 1:]),
            (number[:-1, 1:], number[1:, :-1])]
    first, second = (torch.cat([pair[i].flatten() for pair in ends]) for i in (0, 1))
    flat = seen.flatten(1)
    weight = (flat[:, first] - flat[:, second]).square().sum(0).sqrt()
    order = weight.argsort(stable=True)
    return first[order].numpy(), second[order].numpy(), weight[order].double().numpy()


def bins(seen: Tensor) -> np.ndarray:
    """Where each pixel falls in the histograms: of three colours, and of the slope of its grey: int64 (H · W, 4)."""
    colour = (seen * (COLOURS / 256)).long().clamp(0, COLOURS - 1) + COLOURS * torch.arange(3)[:, None, None]
    grey = F.pad(seen.mean(0)[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    across, down = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    turn = ((torch.atan2(down, across) / torch.pi + 1) * (DIRECTIONS / 2)).long().clamp(0, DIRECTIONS - 1)
    length = (torch.hypot(across, down) / 8).long().clamp(0, STEPS - 1)
    slope = 3 * COLOURS + turn * STEPS + length
    return torch.cat([colour, slope[None]]).flatten(1).T.contiguous().numpy()


def blurred(picture: Tensor) -> Tensor:
    """(C, H, W) under a bell of 0.8 pixels, which hides the noise of a camera."""
    bell = torch.cat([BELL.flip(0)[:2], BELL])
    bell = (bell / bell.sum()).expand(len(picture), 1, 1, 5)
    padded = F.pad(picture[None], (2, 2, 2, 2), mode="replicate")
    return F.conv2d(F.conv2d(padded, bell, groups=len(picture)), bell.mT, groups=len(picture))[0]
