"""SegNet: where the encoder's pools found a maximum, the decoder puts it (Badrinarayanan et al. 2017)."""
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image, Mask
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.system import System
from deepen.nn import optim, pixels
from deepen.nn.average import Averaging

DEPTHS = (2, 2, 3, 3, 3)            # convolutions of each stage: those of VGG-16
CHANNELS = (1, 2, 4, 8, 8)          # of each stage, in widths


@dataclass
class SegNet(System):
    """A class for every pixel, by an encoder and a decoder that share where the maxima were."""
    goal = (Image, Mask)
    default_data = "shape_masks"
    score = "miou"
    transient = ("change",)                     # augmentation has no memory
    tiny = {"data": "shape_masks", "data.count": 200, "data.size": 32, "epochs": 5, "batch": 16, "width": 8}

    epochs: Times | None = None                 # times through the training data (none: 1200 / √examples)
    batch: Count = 8                            # pictures a step
    width: Size = 16                            # channels of the first stage (the paper: 64)
    stages: Literal["2", "3", "4", "5"] = "5"   # times the picture is halved (the paper: 5)
    optimizer: optim.Name = "adamw"             # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.003           # learning rate at its highest
    schedule: optim.Schedule = "cosine"         # the rate over time
    warmup: Fraction = 0.1                      # share of the run in which the rate rises
    decay: Amount = 0.01                        # weight decay
    augment: str = "flip; scale 0.8 1.5"        # lines that change training pictures and their masks
    window: Fraction = 0.5                      # share of a side it looks at in the first half of a run
    balance: Fraction = 0.3                     # how much more rare classes count (1: by median frequency)
    average: Averaging = "ema"                  # mean of weights: ema, the newest; swa, all of the end

    @classmethod
    def suits(cls, data, asked):
        """Stages until the shorter side is 8 to 16 pixels: in fewer, all that passes is one place in four."""
        return {"stages": str(max(2, min(5, int(math.log2(min(data.inputs.shape[1:]) / 8)))))}

    def build(self, data):
        net = Net(data.inputs.channels, len(data.target.names), self.width, int(self.stages))
        pixels.begin(self, net, 2 ** int(self.stages), data)

    def steps(self):
        yield from pixels.steps(self)                   # cross-entropy of every pixel, rare classes weighted

    def evaluate(self, split="valid"):
        return pixels.judged(self.network(), self.data.batches(split), self.classes)

    def predict(self, inputs):
        return self.network()(inputs).argmax(1).to(torch.uint8)         # (B, H, W)


class Net(nn.Module):
    """(B, C, H, W), H and W multiples of 2^stages -> logits (B, classes, H, W). At width 64, 5 stages and 11
    classes 29,449,355 parameters."""

    def __init__(self, channels: int, classes: int, width: int, stages: int = 5):
        super().__init__()
        sizes, depths = [width * times for times in CHANNELS[:stages]], DEPTHS[:stages]
        self.down = nn.ModuleList(map(stage, [channels, *sizes[:-1]], sizes, sizes, depths))
        up = list(map(stage, sizes[::-1], sizes[::-1], [*sizes[-2::-1], width], depths[::-1]))
        up[-1][-1] = nn.Conv2d(width, classes, 3, padding=1)        # the last one says the classes
        self.up = nn.ModuleList(up)
        self.apply(begin)

    def forward(self, x):
        places = []
        for step in self.down:
            x, chosen = F.max_pool2d(step(x), 2, return_indices=True)
            places.append(chosen)
        for step in self.up:
            x = step(F.max_unpool2d(x, places.pop(), 2))            # each maximum where it was, zeros around
        return x


def stage(inputs: int, inside: int, outputs: int, depth: int) -> nn.Sequential:
    """`depth` convolutions of 3×3: inputs -> inside -> … -> outputs."""
    sizes = [inputs, *[inside] * (depth - 1), outputs]
    return nn.Sequential(*map(pixels.convolution, sizes, sizes[1:]))


def begin(layer: nn.Module) -> None:
    """Weights for ReLU (He et al. 2015)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
