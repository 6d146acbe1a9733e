"""Inception v3 as FID wants it (Szegedy et al. 2016; Heusel et al. 2017): 2,048 numbers of a picture.

FID is defined by the weights of one network of 2015 and by how it was run, slips included. They were carried to PyTorch
under the layer names used here; three things differ from the textbook's Inception v3, and FID depends on each: average
pools leave the padding out of the mean, the last block pools by the maximum, and there are 1,008 classes.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.words import Problem

SIDE, FEATURES, CLASSES = 299, 2048, 1008


class BasicConv(nn.Module):
    """Convolution, batch norm, relu."""

    def __init__(self, inputs: int, outputs: int, size: int | tuple[int, int], stride: int = 1,
                 pad: int | tuple[int, int] = 0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _averaged(x: Tensor) -> Tensor:
    """The mean of each 3×3 window of what is inside the picture: padding does not count."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _highest(x: Tensor) -> Tensor:
    """The maximum of each 3×3 window: what stands in the last block, where the paper has the mean."""
    return F.max_pool2d(x, 3, 1, 1)


class Wide(nn.Module):
    """35×35: 1×1, 5×5, two 3×3 and a pool, side by side: (B, inputs, …) -> (B, 224 + pooled, …)."""

    def __init__(self, inputs: int, pooled: int):
        super().__init__()
        self.branch1x1 = BasicConv(inputs, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = BasicConv(inputs, 48, 1), BasicConv(48, 64, 5, pad=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = BasicConv(inputs, 64, 1), BasicConv(64, 96, 3, pad=1)
        self.branch3x3dbl_3 = BasicConv(96, 96, 3, pad=1)
        self.branch_pool = BasicConv(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_averaged(x))], 1)


class Halve(nn.Module):
    """35×35 -> 17×17: (B, inputs, …) -> (B, 480 + inputs, …)."""

    def __init__(self, inputs: int):
        super().__init__()
        self.branch3x3 = BasicConv(inputs, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = BasicConv(inputs, 64, 1), BasicConv(64, 96, 3, pad=1)
        self.branch3x3dbl_3 = BasicConv(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, 2)], 1)


class Crossed(nn.Module):
    """17×17: windows of 7 by a row and a column: (B, 768, …) -> (B, 768, …)."""

    def __init__(self, width: int):
        super().__init__()
        row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))          # size, stride, pad
        self.branch1x1 = BasicConv(768, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = BasicConv(768, width, 1), BasicConv(width, width, *row)
        self.branch7x7_3 = BasicConv(width, 192, *column)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = BasicConv(768, width, 1), BasicConv(width, width, *column)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = BasicConv(width, width, *row), BasicConv(width, width, *column)
        self.branch7x7dbl_5 = BasicConv(width, 192, *row)
        self.branch_pool = BasicConv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        two = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        two = self.branch7x7dbl_5(self.branch7x7dbl_4(two))
        return torch.cat([self.branch1x1(x), one, two, self.branch_pool(_averaged(x))], 1)


class HalveAgain(nn.Module):
    """17×17 -> 8×8: (B, 768, …) -> (B, 1280, …)."""

    def __init__(self):
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = BasicConv(768, 192, 1), BasicConv(192, 320, 3, 2)
        self.branch7x7x3_1, self.branch7x7x3_2 = BasicConv(768, 192, 1), BasicConv(192, 192, (1, 7), pad=(0, 3))
        self.branch7x7x3_3, self.branch7x7x3_4 = BasicConv(192, 192, (7, 1), pad=(3, 0)), BasicConv(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class Fanned(nn.Module):
    """8×8: a row and a column beside each other: (B, inputs, …) -> (B, 2048, …)."""

    def __init__(self, inputs: int, pool):
        super().__init__()
        row, column = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))          # size, stride, pad
        self.pool = pool
        self.branch1x1 = BasicConv(inputs, 320, 1)
        self.branch3x3_1 = BasicConv(inputs, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = BasicConv(384, 384, *row), BasicConv(384, 384, *column)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = BasicConv(inputs, 448, 1), BasicConv(448, 384, 3, pad=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = BasicConv(384, 384, *row), BasicConv(384, 384, *column)
        self.branch_pool = BasicConv(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat([self.branch1x1(x), self.branch3x3_2a(one), self.branch3x3_2b(one), self.branch3x3dbl_3a(two),
                          self.branch3x3dbl_3b(two), self.branch_pool(self.pool(x))], 1)


class Inception(nn.Module):
    """Pictures as stored, uint8 (B, 3 or 1, H, W) -> logits (B, 1008); `features` gives the (B, 2048) that FID compares."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv(3, 32, 3, 2)
        self.Conv2d_2a_3x3, self.Conv2d_2b_3x3 = BasicConv(32, 32, 3), BasicConv(32, 64, 3, pad=1)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = BasicConv(64, 80, 1), BasicConv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = Wide(192, 32), Wide(256, 64), Wide(288, 64)
        self.Mixed_6a = Halve(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = Crossed(128), Crossed(160), Crossed(160), Crossed(192)
        self.Mixed_7a = HalveAgain()
        self.Mixed_7b, self.Mixed_7c = Fanned(1280, _averaged), Fanned(2048, _highest)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def scaled(self, x: Tensor) -> Tensor:
        """0…255 of any size, grey or colour -> −1…1, (B, 3, 299, 299), bilinear and not smoothed before."""
        if x.shape[1] not in (1, 3):
            raise Problem("Inception looks at pictures of 1 or 3 channels; these have {given}", given=x.shape[1])
        x = F.interpolate(x.float(), (SIDE, SIDE), mode="bilinear", align_corners=False)
        return (x / 127.5 - 1).expand(-1, 3, -1, -1)

    def features(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(self.scaled(x))))
        x = F.max_pool2d(x, 3, 2)                                                       # (B, 64, 73, 73)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)               # (B, 192, 35, 35)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))                              # (B, 288, 35, 35)
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))    # (B, 768, 17, 17)
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))                              # (B, 2048, 8, 8)
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))
