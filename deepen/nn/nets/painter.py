"""A network that paints over a picture of any size, as fast as it can be looked through once."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.nn.layers import Scale, pictures

DARKEST = 0.02              # how near black and white a pixel may be, so that the painting can begin from it


class Painter(nn.Module):
    """Pictures as stored (B, C, H, W) -> pictures (B, C, H, W), 0…1, of any size.

    Johnson, Alahi and Fei-Fei 2016, "Perceptual losses for real-time style transfer", supplement, with instance norms
    (Ulyanov et al. 2016) and, on the way up, nearest neighbours before a convolution: transposed ones leave a chessboard
    (Odena et al. 2016). It begins as a window: what it adds to the picture (as logits) is nothing at first.
    """

    def __init__(self, kind, width: int, blocks: int):
        super().__init__()
        channels = pictures(kind, 1)[0]
        self.scale = Scale(kind.shape)
        self.begin = _layer(channels, width, 9)
        self.down = nn.ModuleList([_layer(width, 2 * width, 3, 2), _layer(2 * width, 4 * width, 3, 2)])
        self.blocks = nn.ModuleList([nn.Sequential(_layer(4 * width, 4 * width, 3), _layer(4 * width, 4 * width, 3, relu=False))
                                     for _ in range(blocks)])
        self.up = nn.ModuleList([_layer(4 * width, 2 * width, 3), _layer(2 * width, width, 3)])
        self.end = nn.Conv2d(width, channels, 9, padding=4, padding_mode="replicate")
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)       # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = self.scale.unit(x)
        y, sizes = self.begin(2 * x - 1), []
        for layer in self.down:
            sizes.append(y.shape[2:])
            y = layer(y)
        for block in self.blocks:
            y = y + block(y)
        for layer in self.up:
            y = layer(F.interpolate(y, sizes.pop(), mode="nearest"))
        return torch.sigmoid(self.end(y) + torch.logit(x.clamp(DARKEST, 1 - DARKEST)))


def _layer(inputs: int, outputs: int, size: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, padding_mode="replicate", bias=False),
                         nn.InstanceNorm2d(outputs, affine=True), nn.ReLU() if relu else nn.Identity())
