"""What a detector looks with: a residual net whose maps are kept, a pyramid of maps over it, and the small heads.

The names of the layers are torchvision's, so its weights fit. A feature pyramid (Lin et al. 2017) gives every map of the net
the knowledge of the coarser ones, so that small things are found where the pixels are fine.
"""
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn.design import network
from deepen.nn.nets.resnet import ResNet


class Body(nn.Module):
    """A residual net without its last layer: pictures (B, C, H, W) -> the maps of its stages, each half as large."""

    published = ResNet.published
    scale: nn.Module
    conv1: nn.Module
    bn1: nn.Module
    maxpool: nn.Module

    def __init__(self, net: ResNet, stages: int):
        super().__init__()
        self.stages = stages
        for name, layer in net.named_children():
            if name != "fc" and not (name.startswith("layer") and int(name[5:]) > stages):
                self.add_module(name, layer)

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.maxpool(F.relu(self.bn1(self.conv1(self.scale(x))))), []
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Maps of a body, fine to coarse -> as many of `channels`, each with what the coarser ones know, and one coarser still."""

    def __init__(self, inputs: list[int], channels: int):
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(i, channels, 1)) for i in inputs)
        self.layer_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1)) for _ in inputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, a=1)
                nn.init.zeros_(layer.get_parameter("bias"))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        above = self.inner_blocks[-1](maps[-1])
        found = [self.layer_blocks[-1](above)]
        for k in range(len(maps) - 2, -1, -1):
            beside = self.inner_blocks[k](maps[k])
            above = beside + F.interpolate(above, size=beside.shape[2:], mode="nearest")
            found.insert(0, self.layer_blocks[k](above))
        return [*found, F.max_pool2d(found[-1], 1, 2, 0)]


class Backbone(nn.Module):
    """Pictures as stored (B, C, H, W) -> maps of `channels`, fine to coarse: five with a pyramid, else that of stride 16."""

    def __init__(self, net: str, kind, fpn: bool, norm: str):
        super().__init__()
        given = network(net, kind, 2)
        if not isinstance(given, ResNet) or given.stages < 3:
            raise Problem("a detector looks with a residual net: net=resnet18, resnet34, resnet50; not with {net}", net=net)
        last = given.stages if fpn else 3
        if isinstance(given.maxpool, nn.Identity):
            given.conv1.stride = (2, 2)                             # full size is dear and tells boxes nothing more
        self.body = Body(given, last)
        normed(self.body, norm)
        widths = [_width(getattr(given, f"layer{k}")) for k in range(1, last + 1)]
        self.channels = max(32, widths[-1] // (8 if widths[0] > given.conv1.out_channels else 4)) if fpn else widths[-1]
        if fpn:
            self.fpn = Pyramid(widths, self.channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = self.body(x)
        return self.fpn(maps) if hasattr(self, "fpn") else maps[-1:]


class RPNHead(nn.Module):
    """A map (B, C, H, W) -> of each of its `ratios` anchors a place how sure there is something, and where: logits
    (B, H·W·ratios) and deltas (B, H·W·ratios, 4) (Ren et al. 2015, figure 3)."""

    def __init__(self, channels: int, ratios: int):
        super().__init__()
        slide = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv = nn.Sequential(nn.Sequential(slide, nn.ReLU()))
        self.cls_logits, self.bbox_pred = nn.Conv2d(channels, ratios, 1), nn.Conv2d(channels, 4 * ratios, 1)
        for layer in (slide, self.cls_logits, self.bbox_pred):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.get_parameter("bias"))
        nn.init.constant_(self.cls_logits.get_parameter("bias"), -math.log(99))          # at first hardly anything is a thing

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv(x)
        logits, deltas = self.cls_logits(x), self.bbox_pred(x)
        deltas = deltas.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2)
        return logits.permute(0, 2, 3, 1).flatten(1).float(), deltas.flatten(1, 3).float()


class BoxHead(nn.Module):
    """What is inside boxes (n, C, 7, 7) -> (n, hidden): two dense layers."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc7(F.relu(self.fc6(x.flatten(1)))))


class BoxPredictor(nn.Module):
    """(n, hidden) -> logits (n, classes) and a box for each class, deltas (n, classes, 4)."""

    def __init__(self, hidden: int, classes: int):
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(hidden, classes), nn.Linear(hidden, 4 * classes)
        for layer, std in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.get_parameter("bias"))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x).float(), self.bbox_pred(x).unflatten(1, (-1, 4)).float()


class Frozen(nn.Module):
    """Batch norm that no longer learns: weight, bias, mean and variance are constants."""
    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int):
        super().__init__()
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: Tensor) -> Tensor:
        factor = self.weight * (self.running_var + 1e-5).rsqrt()
        return x * factor[:, None, None] + (self.bias - self.running_mean * factor)[:, None, None]


def normed(net: nn.Module, norm: str) -> None:
    """Give a net other norms: batch (what it has), group (of 8 channels: no trace of the batch), frozen."""
    for name, layer in list(net.named_children()) if norm != "batch" else ():
        if isinstance(layer, nn.BatchNorm2d):
            channels = layer.num_features
            setattr(net, name, Frozen(channels) if norm == "frozen" else nn.GroupNorm(max(1, channels // 8), channels))
        else:
            normed(layer, norm)


def _width(stage: nn.Module) -> int:
    """Channels that a stage of a residual net gives."""
    return [layer for name, layer in stage.named_modules() if isinstance(layer, nn.Conv2d) and ".conv" in name][-1].out_channels
