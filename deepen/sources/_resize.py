"""Pictures in memory at another size."""
from torch import Tensor
from torch.nn.functional import interpolate


def resized(pictures: Tensor, size: int) -> Tensor:
    """uint8 (N, C, H, W) -> uint8 (N, C, size, size), as `Image.read` stretches (bilinear, antialiased)."""
    if pictures.shape[-2:] == (size, size):
        return pictures
    made = pictures.new_empty(*pictures.shape[:2], size, size)
    for old, new in zip(pictures.split(4096), made.split(4096), strict=True):      # pieces keep the peak low
        new.copy_(interpolate(old, (size, size), mode="bilinear", antialias=True))
    return made
