"""VGG: nothing but 3x3 convolutions and 2x2 pools, eleven to nineteen layers deep."""
from torch import Tensor, nn

from deepen.nn.layers import IMAGENET, Scale, pictures

WIDTHS = (64, 128, 256, 512, 512)                       # of the five stages; a pool ends each
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Module):
    """Pictures as stored (B, C, H, W) -> scores (B, classes).

    Simonyan and Zisserman 2014, table 1, columns A, B, D and E; names and first weights are torchvision's. At
    64 pixels a side or less the pools round up, so that five of them fit, and the dense layers are 512 wide.
    """
    published = IMAGENET

    def __init__(self, kind, classes: int | None, depth: int, norm: bool, drop: float):
        super().__init__()
        channels, classes, small = pictures(kind, classes)
        self.scale = Scale(kind.shape)
        layers: list[nn.Module] = []
        for count, width in zip(STAGES[depth], WIDTHS, strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU())
                channels = width
            layers.append(nn.MaxPool2d(2, ceil_mode=small))
        self.features = nn.Sequential(*layers)
        side, wide = (1, 512) if small else (7, 4096)
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.classifier = nn.Sequential(
            nn.Linear(512 * side * side, wide), nn.ReLU(), nn.Dropout(drop),
            nn.Linear(wide, wide), nn.ReLU(), nn.Dropout(drop), nn.Linear(wide, classes))
        self.apply(_begin)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(self.scale(x))).flatten(1))


def _begin(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.01)
    if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


def vgg11(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """Eight 3x3 convolutions, three dense layers: 132,863,336 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 11, False, drop)


def vgg11_bn(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """vgg11 with batch norms: 132,868,840 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 11, True, drop)


def vgg13(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """Ten 3x3 convolutions, three dense layers: 133,047,848 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 13, False, drop)


def vgg13_bn(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """vgg13 with batch norms: 133,053,736 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 13, True, drop)


def vgg16(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """Thirteen 3x3 convolutions, three dense layers: 138,357,544 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 16, False, drop)


def vgg16_bn(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """vgg16 with batch norms: 138,365,992 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 16, True, drop)


def vgg19(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """Sixteen 3x3 convolutions, three dense layers: 143,667,240 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 19, False, drop)


def vgg19_bn(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """vgg19 with batch norms: 143,678,248 parameters at 3x224x224 and 1000 classes."""
    return VGG(kind, classes, 19, True, drop)
