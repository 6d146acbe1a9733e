"""Windows of pictures, whitened, and the directions that stand for them; pictures at half their size.

Coates, Lee and Ng 2011: "An analysis of single-layer networks in unsupervised feature learning".
"""
import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 5                  # pixels of a side
TURNS = 12                  # of k-means
FAINT = 0.02                # directions of windows fainter than this share of the mean are left faint


def windows(x: Tensor, size: int = WINDOW) -> Tensor:
    """Every window of pictures (B, C, H, W), edges repeated: (B·H·W, C·size·size)."""
    return F.unfold(edged(x, size // 2), size).transpose(1, 2).flatten(0, 1)


def whitening(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(mean (D,), matrix (D, D)) after which rows (N, D) less their mean are uncorrelated with variance about 1 (ZCA)."""
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh(((rows - mean).double().T @ (rows - mean).double()) / len(rows))
    values = values.clamp_min(0)
    scale = (values + FAINT * values.mean().clamp_min(1e-9)).rsqrt()
    return mean, ((vectors * scale) @ vectors.T).to(rows.dtype)


def directions(rows: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """k-means on the sphere: `count` directions (count, D) that stand for rows (N, D)."""
    rows = F.normalize(rows, dim=1)
    middles = rows[torch.randperm(len(rows), generator=draw)[:count].to(rows.device)]
    for _ in range(TURNS):
        mine = F.one_hot((rows @ middles.T).argmax(1), len(middles)).to(rows.dtype)             # (N, count)
        sums = mine.T @ rows
        middles = torch.where(sums.norm(dim=1, keepdim=True) > 1e-6, F.normalize(sums, dim=1), middles)
    return middles


def halved(x: Tensor) -> Tensor:
    """Half the size, smoothed by 1 3 3 1 first: a mean of 2×2 would leave blocks in what is painted."""
    row = x.new_tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (row[:, None] * row).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(edged(x, 1, x.shape[3] % 2, x.shape[2] % 2), kernel, stride=2, groups=x.shape[1])


def edged(x: Tensor, by: int, right: int = 0, below: int = 0) -> Tensor:
    return F.pad(x, (by, by + right, by, by + below), mode="reflect")
