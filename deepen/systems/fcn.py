"""FCN: a classifier slid over the picture in one pass, made fine by what it saw before (Long et al. 2015)."""
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from deepen.core.kinds import Image, Mask
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.system import System
from deepen.nn import optim, pixels
from deepen.nn.average import Averaging

DEPTHS = (2, 2, 3, 3, 3)            # convolutions of each stage: those of VGG-16
CHANNELS = (1, 2, 4, 8, 8)          # of each stage, in widths
HEAD, WINDOW = 16, 7                # dense layers: outputs in widths (the paper: 64), the window they see


@dataclass
class FCN(System):
    """A class for every pixel, by a classifier whose dense layers are convolutions."""
    goal = (Image, Mask)
    default_data = "shape_masks"
    score = "miou"
    transient = ("change",)                     # augmentation has no memory
    tiny = {"data": "shape_masks", "data.count": 200, "data.size": 32, "epochs": 5, "batch": 16, "width": 8}

    epochs: Times | None = None                 # times through the training data (none: 1200 / √examples)
    batch: Count = 8                            # pictures a step
    width: Size = 16                            # channels of the first stage (VGG-16: 64)
    skips: Literal["32", "16", "8", "4", "2"] = "2"     # pixels between answers (the paper: 32, 16, 8)
    optimizer: optim.Name = "adamw"             # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.003           # learning rate at its highest
    schedule: optim.Schedule = "cosine"         # the rate over time
    warmup: Fraction = 0.1                      # share of the run in which the rate rises
    decay: Amount = 0.01                        # weight decay
    dropout: Fraction = 0.2                     # of the dense layers (the paper: 0.5)
    augment: str = "flip; scale 0.8 1.5"        # lines that change training pictures and their masks
    window: Fraction = 0.5                      # share of a side it looks at in the first half of a run
    balance: Fraction = 0.3                     # how much more rare classes count (1: by median frequency)
    average: Averaging = "ema"                  # mean of weights: ema, the newest; swa, all of the end

    def build(self, data):
        net = Net(data.inputs.channels, len(data.target.names), self.width, int(self.skips), self.dropout)
        pixels.begin(self, net, 32, data)

    def steps(self):
        yield from pixels.steps(self)                   # cross-entropy of every pixel, rare classes weighted

    def evaluate(self, split="valid"):
        return pixels.judged(self.network(), self.data.batches(split), self.classes)

    def predict(self, inputs):
        return self.network()(inputs).argmax(1).to(torch.uint8)         # (B, H, W)


class Net(nn.Module):
    """(B, C, H, W), H and W multiples of 32 -> logits (B, classes, H, W)."""

    def __init__(self, channels: int, classes: int, width: int, skips: int, dropout: float):
        super().__init__()
        sizes = [width * times for times in CHANNELS]
        self.stages = nn.ModuleList(map(stage, [channels, *sizes[:-1]], sizes, DEPTHS))
        dense = nn.Linear(sizes[-1] * WINDOW**2, HEAD * width), nn.Linear(HEAD * width, HEAD * width)
        self.head = nn.Sequential(
            as_convolution(dense[0], WINDOW), nn.BatchNorm2d(HEAD * width), nn.ReLU(), nn.Dropout2d(dropout),
            as_convolution(dense[1], 1), nn.BatchNorm2d(HEAD * width), nn.ReLU(), nn.Dropout2d(dropout),
            nn.Conv2d(HEAD * width, classes, 1))
        joined = [k for k in range(len(sizes) - 1) if 2 ** (k + 1) >= skips]        # after 2, 4, 8, 16 pixels
        scores = {str(k): nn.Conv2d(sizes[k], classes, 1, bias=False) for k in joined}
        for score in scores.values():
            nn.init.zeros_(score.weight)                            # at first a skip changes nothing
        self.skips = nn.ModuleDict(scores)
        self.doubled = nn.ModuleDict({str(k): pixels.bilinear(classes, classes, 2) for k in joined})
        self.last = pixels.bilinear(classes, classes, skips)

    def forward(self, x):
        seen = []
        for step in self.stages:
            x = step(x)
            seen.append(x)
        z = self.head(x)                                            # (B, classes, H / 32, W / 32)
        for k in sorted(self.skips, reverse=True):
            z = self.doubled[k](z) + self.skips[k](seen[int(k)])
        return self.last(z)


def stage(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    """`depth` convolutions of 3×3, then the largest of each 2×2."""
    sizes = [inputs, *[outputs] * depth]
    return nn.Sequential(*map(pixels.convolution, sizes, sizes[1:]), nn.MaxPool2d(2))


def as_convolution(dense: nn.Linear, window: int) -> nn.Conv2d:
    """A dense layer over windows (C, window, window) as a convolution with the same weights: on a window it
    answers the same, on a larger picture it answers for every window at once (section 3.1)."""
    channels = dense.in_features // window**2
    made = nn.Conv2d(channels, dense.out_features, window, padding=window // 2)
    made.weight = nn.Parameter(dense.weight.detach().view(-1, channels, window, window).clone())
    made.bias = nn.Parameter(dense.bias.detach().clone())
    return made
