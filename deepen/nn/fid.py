"""FID: the Fréchet distance of two crowds of pictures in the features of one published Inception network.

Heusel et al. 2017, section 3 and eq. 6. The name belongs to these weights alone (`nn/nets/inception`); a distance in any
other network's features is `frechet_own`. It falls with the number of pictures, by about c/N: compare only distances of
equally many pictures, and papers' (50,000) only with 50,000. With fewer than 2,048 the covariances are not of full rank.
"""
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from deepen.nn.fast import fold
from deepen.nn.judge import frechet_own
from deepen.nn.nets.inception import Inception

AT_ONCE = 32


@torch.no_grad()
def features(net: Inception, images: Tensor, tell: Callable[[int, int], None] = lambda done, total: None) -> Tensor:
    """uint8 pictures (N, 1 or 3, H, W) -> float32 (N, 2048), where the net is; `tell` hears (done, total)."""
    device = next(net.parameters()).device
    quick: Any = fold(net)                                  # norms inside the convolutions: the same up to rounding
    quick.to(memory_format=torch.channels_last)
    parts = []
    with torch.autocast(device.type, enabled=False):
        for start in range(0, len(images), AT_ONCE):
            parts.append(quick.features(images[start: start + AT_ONCE].to(device)))
            tell(min(start + AT_ONCE, len(images)), len(images))
    return torch.cat(parts)


def fid(a: Tensor, b: Tensor) -> float:
    """FID of two sets of Inception features (N, 2048) and (M, 2048), in float64."""
    return frechet_own(a, b)
