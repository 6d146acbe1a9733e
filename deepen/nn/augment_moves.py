"""What augmentations do once their numbers are drawn: to pictures (B, C, H, W), to masks (B, H, W), to boxes.

What comes into a mask from outside is void. A box becomes the one round its moved corners, cut at the picture's
edge; one of which less than `LEAST` of the area is left, or under 1 pixel of a side, is dropped at the end.
"""
import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from deepen.core.things import VOID

LEAST = 0.25                    # share of a box's area that must still be seen


class Boxed(NamedTuple):
    """The boxes of a batch in one piece."""
    boxes: Tensor               # (K, 6): left, top, right, bottom, …
    row: Tensor                 # (K,) the picture each lies in
    seen: Tensor                # (K,) share of its area that no edge has cut off so far


def joined(lists: list[Tensor], device: torch.device) -> Boxed:
    """One (n, 6) a picture -> all in one piece."""
    row = torch.repeat_interleave(torch.arange(len(lists)), torch.tensor([len(one) for one in lists]))
    boxes = torch.cat([one.reshape(-1, 6) for one in lists]).to(device, torch.float32)
    return Boxed(boxes, row.to(device), torch.ones(len(boxes), device=device))


def parted(boxed: Boxed, count: int) -> list[Tensor]:
    """One (n, 6) a picture again, without those that are gone."""
    boxes, row, seen = boxed
    keep = (seen >= LEAST) & ((boxes[:, 2:4] - boxes[:, :2]) >= 1).all(1)
    return list(boxes[keep].split(row[keep].bincount(minlength=count).tolist()))


def placed(boxed: Boxed, corners: Tensor, shape: torch.Size) -> Boxed:
    """The boxes with new corners (K, 4), cut at the edges of pictures of `shape` (…, H, W)."""
    most = corners.new_tensor([shape[-1], shape[-2]] * 2)
    inside = corners.maximum(torch.zeros_like(most)).minimum(most)
    seen = boxed.seen * area(inside) / area(corners).clamp_min(1e-9)
    return Boxed(torch.cat([inside, boxed.boxes[:, 4:]], 1), boxed.row, seen)


def area(corners: Tensor) -> Tensor:
    """(K, 4) -> (K,)."""
    return (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])


def mirrored(x: Tensor, y, turn: Tensor, axis: int):
    """Where `turn` (B,) says so, the picture and what belongs to it run the other way along `axis`: 3 left to
    right (a box at x is then at W − x), 2 upside down."""
    if isinstance(y, Boxed):
        low = 0 if axis == 3 else 1
        corners = y.boxes[:, :4].clone()
        corners[:, low], corners[:, low + 2] = x.shape[axis] - y.boxes[:, low + 2], x.shape[axis] - y.boxes[:, low]
        y = placed(y, torch.where(turn[y.row][:, None], corners, y.boxes[:, :4]), x.shape)
    elif is_mask(y):
        y = torch.where(turn[:, None, None], y.flip(axis - 1), y)
    return torch.where(turn[:, None, None, None], x.flip(axis), x), y


def is_mask(y) -> bool:
    return isinstance(y, Tensor) and y.ndim == 3


def window(grown: Tensor, corner: Tensor, shape: torch.Size) -> Tensor:
    """The part of each grown picture (B, C, H+…, W+…) that starts at row, column = corner (2, B); exact."""
    row, column = corner
    windows = grown.unfold(2, shape[2], 1).unfold(3, shape[3], 1)   # (B, C, rows, columns, H, W), a view
    return windows[torch.arange(shape[0], device=grown.device), :, row, column]


def windowed(y, corner: Tensor, pixels: int, shape: torch.Size):
    """The target for the window at `corner` out of a picture grown by `pixels`."""
    if isinstance(y, Boxed):
        move = (pixels - corner[:, y.row]).flip(0).T.float()                    # (K, 2): right, down
        return placed(y, y.boxes[:, :4] + move.repeat(1, 2), shape)
    if is_mask(y):
        grown = F.pad(y[:, None], [pixels] * 4, value=VOID)
        return window(grown, corner, torch.Size((len(y), 1, *y.shape[1:])))[:, 0]
    return y


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


def resampled_target(y, angle: Tensor, size: Tensor, right: Tensor, down: Tensor, bend: Tensor | None,
                     shape: torch.Size):
    """The target for pictures of `shape` that `resampled` has moved by the same numbers."""
    if isinstance(y, Boxed):
        middle = y.boxes.new_tensor([shape[3] / 2, shape[2] / 2])
        left, top, right_, bottom = (y.boxes[:, :4] - middle.repeat(2)).unbind(1)
        corners = torch.stack([torch.stack(pair, 1) for pair in                 # (K, 4, 2): across, down
                               ((left, top), (right_, top), (right_, bottom), (left, bottom))], 1)
        cos, sin = (angle.cos() * size)[y.row, None], (angle.sin() * size)[y.row, None]
        across = cos * corners[..., 0] + sin * corners[..., 1] + right[y.row, None]
        along = cos * corners[..., 1] - sin * corners[..., 0] + down[y.row, None]
        moved = torch.stack([across, along], 2) + middle
        return placed(y, torch.cat([moved.amin(1), moved.amax(1)], 1), shape)
    if is_mask(y):                                                  # outside is 0, so void must be 0 before
        moved = resampled(y[:, None].float() - VOID, angle, size, right, down, bend, mode="nearest")
        return (moved[:, 0] + VOID).to(y.dtype)
    return y


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
    """The box of `other` put into x (…, H, W), and its share of the area."""
    x = x.clone()
    x[..., top:bottom, left:right] = other[..., top:bottom, left:right]
    return x, (bottom - top) * (right - left) / (x.shape[-2] * x.shape[-1])
