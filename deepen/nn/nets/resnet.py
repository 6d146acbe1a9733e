"""Residual networks: each block adds to what it was given, so that 20 or 152 layers can be learned."""
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.nn.layers import IMAGENET, Scale, pictures


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut: He et al. 2015, figure 5, left. Gives `width` channels."""
    grows = 1

    def __init__(self, inputs: int, width: int, stride: int, shortcut: nn.Module):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 beside a shortcut: figure 5, right. Gives 4 * `width` channels.

    The stride is in the 3x3, as in torchvision ("v1.5"), not in the first 1x1.
    """
    grows = 4

    def __init__(self, inputs: int, width: int, stride: int, shortcut: nn.Module):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Padded(nn.Module):
    """The shortcut without weights: every `stride`-th pixel, zeros for the new channels (section 3.3, A)."""

    def __init__(self, more: int, stride: int):
        super().__init__()
        self.more, self.stride = more, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.more))


class Nothing(nn.Module):
    """No shortcut: a residual net becomes the plain one."""

    def forward(self, x: Tensor) -> float:
        return 0.0


class ResNet(nn.Module):
    """Pictures as stored (B, C, H, W) -> scores (B, classes).

    `counts` blocks a stage, the first 64 (or 16) channels wide, each next one twice as wide at half the side.
    Names and first weights are torchvision's.
    """
    published = IMAGENET

    def __init__(self, kind, classes: int | None, block: type[Basic] | type[Bottleneck],
                 counts: tuple[int, ...], width: int = 64, shortcut=None):
        super().__init__()
        channels, classes, small = pictures(kind, classes)
        self.scale = Scale(kind.shape)
        self.conv1 = nn.Conv2d(channels, width, *((3, 1, 1) if small else (7, 2, 3)), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool: nn.Module = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        self.stages, inputs, shortcut = len(counts), width, shortcut or _project
        for stage, count in enumerate(counts, 1):
            blocks, outputs = [], width * block.grows
            for number in range(count):
                stride = 2 if stage > 1 and number == 0 else 1
                blocks.append(block(inputs, width, stride, shortcut(inputs, outputs, stride)))
                inputs = outputs
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            width *= 2
        self.fc = nn.Linear(inputs, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(self.scale(x)))))
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def _project(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The shortcut of section 3.3, B: a 1x1 convolution where the shape changes."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _pad(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Identity() if stride == 1 and inputs == outputs else Padded(outputs - inputs, stride)


def _cifar(kind, classes, depth: int, skip: bool) -> ResNet:
    return ResNet(kind, classes, Basic, ((depth - 2) // 6,) * 3, 16, _pad if skip else lambda *_: Nothing())


def resnet18(kind, classes: int | None = None, width: int = 64) -> nn.Module:
    """8 residual blocks of two 3x3: 11,689,512 parameters at 3x224x224 and 1000 classes.

    He et al. 2015, table 1. At 64 pixels a side or less this and its deeper sisters begin with a 3x3
    convolution of stride 1 without a pool. `width`: channels of the first stage.
    """
    return ResNet(kind, classes, Basic, (2, 2, 2, 2), int(width))


def resnet34(kind, classes: int | None = None, width: int = 64) -> nn.Module:
    """16 residual blocks of two 3x3: 21,797,672 parameters at 3x224x224 and 1000 classes."""
    return ResNet(kind, classes, Basic, (3, 4, 6, 3), int(width))


def resnet50(kind, classes: int | None = None, width: int = 64) -> nn.Module:
    """16 residual blocks of 1x1, 3x3, 1x1: 25,557,032 parameters at 3x224x224 and 1000 classes."""
    return ResNet(kind, classes, Bottleneck, (3, 4, 6, 3), int(width))


def resnet101(kind, classes: int | None = None) -> nn.Module:
    """33 residual blocks of 1x1, 3x3, 1x1: 44,549,160 parameters at 3x224x224 and 1000 classes."""
    return ResNet(kind, classes, Bottleneck, (3, 4, 23, 3))


def resnet152(kind, classes: int | None = None) -> nn.Module:
    """50 residual blocks of 1x1, 3x3, 1x1: 60,192,808 parameters at 3x224x224 and 1000 classes."""
    return ResNet(kind, classes, Bottleneck, (3, 8, 36, 3))


def resnet20(kind, classes: int | None = None, skip: bool = True) -> nn.Module:
    """9 narrow residual blocks for small pictures: 269,722 parameters at 3x32x32 and 10 classes.

    He et al. 2015, section 4.2, with shortcuts that have no weights; `skip=0` leaves them out: the paper's
    plain net. Above 64 pixels a side it begins like resnet18.
    """
    return _cifar(kind, classes, 20, skip)


def resnet56(kind, classes: int | None = None, skip: bool = True) -> nn.Module:
    """27 narrow residual blocks for small pictures: 853,018 parameters at 3x32x32 and 10 classes."""
    return _cifar(kind, classes, 56, skip)


def resnet110(kind, classes: int | None = None, skip: bool = True) -> nn.Module:
    """54 narrow residual blocks for small pictures: 1,727,962 parameters at 3x32x32 and 10 classes."""
    return _cifar(kind, classes, 110, skip)
