"""What is painted on: a picture whose pixels are learned, its colours, its size, and the film of how it came to be."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LUMA = (0.299, 0.587, 0.114)
FRAMES, SMALL = 60, 160                 # of the film a canvas keeps; its longest side


def luma(x: Tensor) -> Tensor:
    """Brightness (B, 1, H, W) of colours (B, 3, H, W), the Y of YIQ."""
    return (x * x.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def chroma_kept(painted: Tensor, picture: Tensor) -> Tensor:
    """The brightness of what is painted with the colours of a picture: I and Q stay exactly (Gatys et al. 2016b)."""
    return picture + luma(painted) - luma(picture)


def matched(picture: Tensor, like: Tensor) -> Tensor:
    """Colours of a picture moved to the mean and the covariance of another's, by the symmetric map of least change."""
    x, y = (one.transpose(0, 1).flatten(1).double() for one in (picture, like))             # (C, places)
    (mean_x, root_x), (mean_y, root_y) = _spread(x), _spread(y)
    moved = root_y @ torch.linalg.solve(root_x, x - mean_x) + mean_y
    return moved.to(picture.dtype).view(picture.transpose(0, 1).shape).transpose(0, 1).clamp(0, 1)


def _spread(x: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(torch.cov(x) + 1e-5 * torch.eye(len(x), dtype=x.dtype, device=x.device))
    return x.mean(1, keepdim=True), (vectors * values.clamp_min(1e-9).sqrt()) @ vectors.T


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures at another (height, width), smooth, within 0…1."""
    return x if tuple(x.shape[2:]) == tuple(size) else F.interpolate(
        x, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


class Canvas(nn.Module):
    """What is painted: one picture whose pixels are learned; the last one keeps a film of how it came to be."""
    frames: Tensor
    filled: Tensor
    colours: Tensor

    def __init__(self, height: int, width: int, film: bool = False):
        super().__init__()
        self.picture = nn.Parameter(torch.full((1, 3, height, width), 0.5))
        scale = min(1.0, SMALL / max(height, width))
        small = (max(1, round(height * scale)), max(1, round(width * scale)))
        self.register_buffer("frames", torch.zeros(FRAMES if film else 0, 3, *small, dtype=torch.uint8))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self.register_buffer("colours", torch.full((1, 3, height, width), -1.0 if film else 0.0))   # −1: its own

    def forward(self) -> Tensor:
        """(1, 3, H, W), 0…1."""
        own = self.colours[0, 0, 0, 0] < 0
        return torch.where(own, self.picture, chroma_kept(self.picture, self.colours)).clamp(0, 1)

    @torch.no_grad()
    def keep_frame(self) -> None:
        """Keep what it looks like now, where there is room."""
        if int(self.filled) < len(self.frames):
            small = resized(self().contiguous(), (self.frames.shape[2], self.frames.shape[3]))
            self.frames[int(self.filled)] = stored(small[0])
            self.filled += 1


def stored(x: Tensor) -> Tensor:
    """Pictures of 0…1 as they are stored: uint8."""
    return (x.float().clamp(0, 1) * 255).round().to(torch.uint8)


def noise(size: tuple[int, int], seed: int = 0) -> Tensor:
    """A picture (1, 3, height, width) of nothing: grey with noise around it, within 0…1."""
    draw = torch.Generator().manual_seed(seed)
    return (0.5 + 0.25 * torch.randn(1, 3, *size, generator=draw)).clamp(0, 1)


def toned(picture: Tensor, like: Tensor) -> Tensor:
    """A picture in grey (B, 3, H, W), its brightness moved to the mean and spread of another's (Gatys et al. 2016b)."""
    own, other = luma(picture), luma(like)
    every = (1, 2, 3)
    spread = other.std(every, correction=0, keepdim=True) / own.std(every, correction=0, keepdim=True).clamp_min(1e-3)
    return ((own - own.mean(every, keepdim=True)) * spread + other.mean(every, keepdim=True)).clamp(0, 1).expand_as(picture)


def framed(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures uint8 (B, 3, h, w) made as large as fits into (height, width), on white."""
    scale = min(size[0] / pictures.shape[2], size[1] / pictures.shape[3])
    high, wide = (max(1, min(whole, round(side * scale))) for side, whole in zip(pictures.shape[2:], size, strict=True))
    small = F.interpolate(pictures.float(), (high, wide), mode="bilinear", antialias=True).round().clamp(0, 255)
    top, left = (size[0] - high) // 2, (size[1] - wide) // 2
    return F.pad(small, (left, size[1] - wide - left, top, size[0] - high - top), value=255).to(torch.uint8)
