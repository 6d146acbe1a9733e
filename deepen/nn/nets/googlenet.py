"""GoogLeNet: wide as well as deep, blocks of several windows side by side."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.nn.layers import Scale, pictures

BLOCKS = {                                              # Szegedy et al. 2014, table 1
    "3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64), "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128), "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128)}


class Unit(nn.Module):
    """A convolution without bias, its batch norm and relu."""

    def __init__(self, inputs: int, channels: int, window: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels, window, stride, window // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches joined along the channels, with batch norms (Ioffe and Szegedy 2015), figure 2b.

    The sizes are #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj. As in torchvision the branch of the
    paper's 5x5 is 3x3: the published weights are. (B, inputs, H, W) -> (B, sum, H, W)
    """

    def __init__(self, inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int):
        super().__init__()
        self.branch1 = Unit(inputs, one, 1)
        self.branch2 = nn.Sequential(Unit(inputs, reduce3, 1), Unit(reduce3, three, 3))
        self.branch3 = nn.Sequential(Unit(inputs, reduce5, 1), Unit(reduce5, five, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Unit(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    """A classifier halfway, section 5. (B, inputs, H, W) -> (B, classes)"""

    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.conv = Unit(inputs, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Pictures as stored (B, C, H, W) -> scores (B, classes); names and first weights are torchvision's.

    Where the auxiliary heads count (`share` > 0), a forward while learning leaves their scores in
    `auxiliary`, each with its share of the loss; `losses.auxiliary` takes them from there.
    """
    published = (0.5,) * 3, (0.5,) * 3          # mean and std: its weights came from another library
    heads = "aux1.fc2", "aux2.fc2"              # begin fresh for other classes

    def __init__(self, kind, classes: int | None, share: float):
        super().__init__()
        channels, classes, small = pictures(kind, classes)
        self.share, self.auxiliary = share, list[tuple[float, Tensor]]()
        self.scale = Scale(kind.shape)
        self.conv1 = Unit(channels, 64, 3) if small else Unit(channels, 64, 7, 2)
        self.maxpool1: nn.Module = nn.Identity() if small else nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.conv3 = Unit(64, 64, 1), Unit(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        for name, sizes in BLOCKS.items():
            setattr(self, f"inception{name}", Inception(*sizes))
        self.aux1 = Auxiliary(512, classes) if share else None
        self.aux2 = Auxiliary(528, classes) if share else None
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(layer.weight, 0.0, 0.01)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool1(self.conv1(self.scale(x)))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.through("3a 3b", x))
        first = self.through("4a", x)                                       # (B, 512, H, W)
        second = self.through("4b 4c 4d", first)                            # (B, 528, H, W)
        x = self.maxpool4(self.through("4e", second))
        x = self.through("5a 5b", x).mean((2, 3))                           # (B, 1024)
        if self.training and self.aux1 is not None and self.aux2 is not None:
            self.auxiliary = [(self.share, self.aux1(first)), (self.share, self.aux2(second))]
        return self.fc(self.dropout(x))

    def through(self, blocks: str, x: Tensor) -> Tensor:
        for name in blocks.split():
            x = getattr(self, f"inception{name}")(x)
        return x

    def __getstate__(self):
        return {**super().__getstate__(), "auxiliary": []}                  # a copy owes no loss


def googlenet(kind, classes: int | None = None, aux: float = 0.0) -> nn.Module:
    """Nine blocks of 1x1 and 3x3 filters side by side: 6,624,904 parameters at 3x224x224 and 1000 classes.

    Szegedy et al. 2014 with batch norms, in torchvision's form. `aux` is what the loss of each of the two
    auxiliary heads counts while learning, 0.3 in the paper (6,379,984 parameters more); 0: no heads, batch
    norms do their work. At 64 pixels a side or less the first convolution is 3x3 of stride 1, without a pool.
    """
    return GoogLeNet(kind, classes, aux)
