"""AlexNet, with which depth won ImageNet, for one GPU."""
from torch import Tensor, nn

from deepen.nn.layers import IMAGENET, Scale, pictures


class AlexNet(nn.Module):
    """Pictures as stored (B, C, H, W) -> scores (B, classes). Five convolutions, three dense layers.

    Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", the form torchvision
    publishes: no groups and no response normalisation, unlike the net of 2012. Weights begin as torch's own.
    """
    published = IMAGENET

    def __init__(self, kind, classes: int | None, drop: float):
        super().__init__()
        channels, classes, small = pictures(kind, classes)
        self.scale = Scale(kind.shape)
        first = (nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU(), nn.Identity()) if small else \
            (nn.Conv2d(channels, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.features = nn.Sequential(
            *first,
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2))
        side, wide = (3, 1024) if small else (6, 4096)
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.classifier = nn.Sequential(
            nn.Dropout(drop), nn.Linear(256 * side * side, wide), nn.ReLU(),
            nn.Dropout(drop), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(self.scale(x))).flatten(1))


def alexnet(kind, classes: int | None = None, drop: float = 0.5) -> nn.Module:
    """Five convolutions, three dense layers: 61,100,840 parameters at 3x224x224 and 1000 classes.

    The one-GPU form of 2014, whose names and published weights are torchvision's. At 64 pixels a side or
    less it begins with a 3x3 convolution of stride 1 without a pool, and its dense layers are 1024 wide.
    `drop` is the share left out while learning.
    """
    return AlexNet(kind, classes, drop)
