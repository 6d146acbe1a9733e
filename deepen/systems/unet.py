"""U-Net: each step up is joined with the step down of its size (Ronneberger et al. 2015); small."""
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image, Mask
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.system import System
from deepen.nn import optim, pixels
from deepen.nn.average import Averaging
from deepen.nn.layers import Residual

CHANNELS = (1, 2, 4, 4)             # of each size, in widths: sides a half, a quarter, an eighth, a sixteenth


@dataclass
class UNet(System):
    """A class for every pixel, by a path down, a path up and bridges between them."""
    goal = (Image, Mask)
    default_data = "shape_masks"
    score = "miou"
    transient = ("change",)                     # augmentation has no memory
    tiny = {"data": "shape_masks", "data.count": 200, "data.size": 32, "epochs": 5, "batch": 16, "width": 8}

    epochs: Times | None = None                 # times through the training data (none: 1200 / √examples)
    batch: Count = 8                            # pictures a step
    width: Size = 32                            # channels of the largest size
    optimizer: optim.Name = "adamw"             # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.003           # learning rate at its highest
    schedule: optim.Schedule = "cosine"         # the rate over time
    warmup: Fraction = 0.1                      # share of the run in which the rate rises
    decay: Amount = 0.01                        # weight decay
    augment: str = "flip; scale 0.8 1.5"        # lines that change training pictures and their masks
    window: Fraction = 0.5                      # share of a side it looks at in the first half of a run
    balance: Fraction = 0.3                     # how much more rare classes count (1: by median frequency)
    average: Averaging = "ema"                  # mean of weights: ema, the newest; swa, all of the end

    def build(self, data):
        net = Net(data.inputs.channels, len(data.target.names), self.width)
        pixels.begin(self, net, 16, data)

    def steps(self):
        yield from pixels.steps(self)                   # cross-entropy of every pixel, rare classes weighted

    def evaluate(self, split="valid"):
        return pixels.judged(self.network(), self.data.batches(split), self.classes)

    def predict(self, inputs):
        return self.network()(inputs).argmax(1).to(torch.uint8)         # (B, H, W)


class Net(nn.Module):
    """(B, C, H, W), H and W multiples of 16 -> logits (B, classes, H, W).

    It begins with half the sides, which halves its time, and ends by dealing out the four pixels of each
    place (Shi et al. 2016), which begin equal, or short runs draw speckle (Aitken et al. 2017)."""

    def __init__(self, channels: int, classes: int, width: int):
        super().__init__()
        sizes = [width * times for times in CHANNELS]
        steps = list(pairwise(sizes))
        self.first = nn.Sequential(pixels.convolution(channels, width, 3, 2), Residual(width, width))
        self.down = nn.ModuleList(nn.Sequential(Residual(a, b, 2), Residual(b, b)) for a, b in steps)
        self.bridge = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps)
        self.up = nn.ModuleList(pixels.convolution(2 * a, a) for a, _ in steps)
        self.last = nn.Conv2d(width, 4 * classes, 1)
        for values in self.last.parameters():
            values.data = values.data[::4].repeat_interleave(4, 0)

    def forward(self, x):
        x = self.first(x)
        seen = []
        for step in self.down:
            seen.append(x)
            x = step(x)
        for bridge, step in zip(reversed(self.bridge), reversed(self.up), strict=True):
            x = F.interpolate(bridge(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = step(torch.cat([x, seen.pop()], 1))
        return F.pixel_shuffle(self.last(x), 2)
