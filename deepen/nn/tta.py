"""Test-time augmentation: a picture is judged several times, changed a little, and the answers are averaged.

    flip             the picture and its mirror image, half each
    shift            the picture half, a quarter each one pixel up and left, one pixel down and right
    flip+shift       each of those three and its mirror image: six answers (Jordan 2024, section 3.5)
"""
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from deepen.nn.augment_moves import reflected

Views = Literal["none", "flip", "shift", "flip+shift"]


def views(x: Tensor, which: Views) -> list[tuple[float, Tensor]]:
    """(weight, pictures) for each way to look at x (B, C, H, W) of any type; the weights add up to 1."""
    found = [(1.0, x)]
    if "shift" in which:
        grown = reflected(x, 1)                                 # what comes in is the mirror image of the edge
        found = [(0.5, x), (0.25, grown[:, :, 2:, 2:]), (0.25, grown[:, :, :-2, :-2])]
    if "flip" in which:
        found = [(weight / 2, picture) for weight, x in found for picture in (x, x.flip(3))]
    return found


def over_views(answer: Callable[[Tensor], Tensor], x: Tensor, which: Views) -> Tensor:
    """Σ weight · answer(view). `answer` gives probabilities, not scores: their mean is never worse in nats
    than the answers are by themselves (Jensen's inequality)."""
    return torch.stack([weight * answer(view) for weight, view in views(x, which)]).sum(0)
