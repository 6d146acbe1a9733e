"""The networks of a style-based painter: noise becomes a style w, the style scales the channels of every convolution.

Karras et al. 2019 (StyleGAN) and 2020 (StyleGAN2). A convolution whose weights differ for each picture of a batch would be
one group a picture; scaling its inputs by s and its outputs by d is the same (2020, appendix B) and faster on a CPU
(`bench/stylegan.py --only throughput`).
"""
import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.kinds import Image
from deepen.core.words import Problem

SMALLEST = 8            # pixels of the longer side at which painting begins, at most
LEAST = 8               # pixels of the shorter side that can be painted
SLOPE, GAIN = 0.2, math.sqrt(2)                     # of leaky ReLUs, and what keeps the variance behind them
GROUP = 4               # pictures among which the critic compares


class Mapping(nn.Module):
    """Noise z (B, Z) and class (B, K; one column: none) -> style w (B, W): both normalised, then dense layers (2019, §2)."""

    def __init__(self, noise: int, classes: int, style: int, depth: int = 2):
        super().__init__()
        self.kind = nn.Linear(classes, noise, bias=False) if classes > 1 else None
        widths = [noise * (1 + (classes > 1)), *[style] * depth]
        self.layers = nn.ModuleList(he(nn.Linear(i, o)) for i, o in pairwise(widths))
        if self.kind is not None:
            nn.init.normal_(self.kind.weight)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        w = unit(z) if self.kind is None else torch.cat([unit(z), unit(self.kind(y))], 1)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE)
        return w


class Styled(nn.Module):
    """A convolution with a style, noise, a bias and a leaky ReLU: (B, I, h, w) -> (B, O, h, w), or twice as large.

    Its weights for one picture are w'ᵢⱼₖ = sᵢ·wᵢⱼₖ, divided by their norm (2020, eq. 1 and 3). Growing is a transposed
    convolution of 4 with stride 2, of whose 16 weights a pixel meets four: there the norm is that of four, on average."""

    def __init__(self, inside: int, outside: int, style: int, grow: bool = False):
        super().__init__()
        self.grow = grow
        shape = (inside, outside, 4, 4) if grow else (outside, inside, 3, 3)
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(inside * (4 if grow else 9)))
        self.style = nn.Linear(style, inside)                                # s = A(w), around 1
        nn.init.normal_(self.style.weight, 0, 1 / math.sqrt(style))
        nn.init.ones_(self.style.bias)
        self.strength = nn.Parameter(torch.zeros(()))                        # of the noise; learned
        self.bias = nn.Parameter(torch.zeros(1, outside, 1, 1))

    def forward(self, x: Tensor, w: Tensor, specks: Tensor) -> Tensor:
        s = self.style(w).float()       # (B, I); only convolutions gain by half precision on a CPU, the rest loses
        d = GAIN * self.demodulation(s)                                                     # (B, O)
        x = x * s[:, :, None, None]
        x = F.conv_transpose2d(x, self.weight, None, 2, 1) if self.grow else F.conv2d(x, self.weight, None, 1, 1)
        x = torch.addcmul(self.bias, x.float(), d[:, :, None, None]) + self.strength * specks    # noise (B, 1, h, w)
        return F.leaky_relu(x, SLOPE, inplace=True)

    def demodulation(self, s: Tensor) -> Tensor:
        """1 / the norm of each output's weights under the styles s (B, I): (B, O)."""
        power = self.weight.square().sum((2, 3))
        power = power / 4 if self.grow else power.t()                                       # (I, O)
        return torch.rsqrt((s.square() @ power).float() + 1e-8)


class Colour(nn.Module):
    """Channels to colours, (B, I, h, w) -> (B, C, h, w): scaled by the style, not divided by a norm (2020, fig. 7)."""

    def __init__(self, inside: int, channels: int, style: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, inside) / math.sqrt(inside))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.style = nn.Linear(style, inside)
        nn.init.normal_(self.style.weight, 0, 1 / math.sqrt(style))
        nn.init.ones_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weight = self.style(w).float()[:, :, None] * self.weight.t()                        # (B, I, C): few outputs
        with torch.autocast(x.device.type, enabled=False):
            painted = x.permute(0, 2, 3, 1).flatten(1, 2) @ weight                          # (B, h·w, C)
        return painted.transpose(1, 2).unflatten(2, x.shape[2:]) + self.bias


class Painter(nn.Module):
    """Codes (B, `taken`) -> pictures (B, C, H, W) in −1…1. A code is noise z, class (one-hot) and the noise of all layers.

    A learned constant, then for every size a growing layer and `layers` - 1 more; each size adds its colours to those
    of the sizes below, enlarged (2020, §4.1: skip connections). Layer i takes style i, so styles of two pictures mix."""

    def __init__(self, kind: Image, noise: int, classes: int, width: int, style: int, layers: int = 1):
        super().__init__()
        sizes, channels = sizes_of(kind), channels_of(kind, width)
        self.sizes = [sizes[0]] + [size for size in sizes[1:] for _ in range(layers)]       # of each styled layer
        self.parts = [noise, classes, *(math.prod(size) for size in self.sizes)]
        self.taken = 16 * math.ceil(sum(self.parts) / 16)   # so that the noise of a seed is the same for any count
        self.mapping = Mapping(noise, classes, style)
        self.start = nn.Parameter(torch.randn(1, channels[0], *sizes[0]))
        self.layers = nn.ModuleList([Styled(channels[0], channels[0], style)])
        self.colours = nn.ModuleList([Colour(channels[0], kind.channels, style)])
        for inside, outside in pairwise(channels):
            self.layers += [Styled(inside if i == 0 else outside, outside, style, grow=i == 0) for i in range(layers)]
            self.colours.append(Colour(outside, kind.channels, style))
        self.height, self.width = kind.height, kind.width

    def forward(self, codes: Tensor, others: Tensor | None = None, cut: Tensor | None = None) -> Tensor:
        """`others` (B, `taken`): codes whose styles layers from `cut` (B,) on take (style mixing, 2019, §3.1)."""
        styles = self.styled(codes)
        if others is not None and cut is not None:
            later = torch.arange(len(self.layers), device=cut.device) >= cut[:, None]       # (B, L)
            styles = torch.where(later[:, :, None], self.styled(others), styles)
        return self.paint(styles, codes)

    def styled(self, codes: Tensor) -> Tensor:
        """Codes -> one style for every layer: (B, L, W)."""
        z, y = codes[:, : self.parts[0]], codes[:, self.parts[0]: sum(self.parts[:2])]
        return self.mapping(z, y)[:, None].expand(-1, len(self.layers), -1)

    def paint(self, styles: Tensor, codes: Tensor) -> Tensor:
        """Styles (B, L, W) and the layers' noise in codes (B, `taken`) -> pictures (B, C, H, W)."""
        specks = codes[:, : sum(self.parts)].split(self.parts, 1)[2:]
        x, colours = self.start.expand(styles.shape[0], -1, -1, -1), iter(self.colours)     # len() would be fixed by export
        picture = torch.zeros((), device=x.device)
        for i, layer in enumerate(self.layers):
            x = layer(x, styles[:, i], specks[i].unflatten(1, (1, *self.sizes[i])))
            if i + 1 == len(self.layers) or self.layers[i + 1].grow:                        # the last of its size
                if picture.ndim:
                    picture = F.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
                picture = picture + next(colours)(x, styles[:, i])
        return torch.tanh(picture[:, :, : self.height, : self.width])


class Critic(nn.Module):
    """Pictures (B, C, H, W) -> logits (B, classes) that they are real ones of each class.

    Strided convolutions, then how much the pictures of a group of four differ as one more channel: a painter that always
    paints the same is found out (Karras et al. 2018, §3)."""

    def __init__(self, kind: Image, classes: int, width: int, layers: int = 1):
        super().__init__()
        channels = channels_of(kind, width)[::-1]
        self.look = nn.ModuleList()
        height, wide, inside = kind.height, kind.width, kind.channels
        for outside in channels[1:]:
            self.look.append(nn.Conv2d(inside, outside, 4, 2, 1))
            self.look += [nn.Conv2d(outside, outside, 3, 1, 1) for _ in range(layers - 1)]
            height, wide, inside = height // 2, wide // 2, outside
        self.weigh = nn.Linear((inside + 1) * height * wide, inside)
        self.say = nn.Linear(inside, classes)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                he(layer)
        nn.init.normal_(self.say.weight, 0, 1 / math.sqrt(inside))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.look:
            x = F.leaky_relu(layer(x).float(), SLOPE, inplace=True)     # in half precision it is slow on a CPU
        x = torch.cat([x, differences(x).expand(-1, 1, *x.shape[2:])], 1).flatten(1)
        return self.say(F.leaky_relu(self.weigh(x), SLOPE))


def differences(x: Tensor) -> Tensor:
    """How much pictures differ from the others of their group of four, on average over all features: (B, 1, 1, 1). A batch
    that is no multiple of four is one group."""
    group = GROUP if len(x) % GROUP == 0 else len(x)
    told = x.unflatten(0, (-1, group))
    told = told - told.mean(1, keepdim=True)            # Tensor.var takes ten times longer here (measured)
    spread = (told.square().mean(1) + 1e-8).sqrt().mean((1, 2, 3))                         # (groups,)
    return spread.repeat_interleave(group)[:, None, None, None]


def steepness(score: Tensor, x: Tensor) -> Tensor:
    """R1: the squared gradient of the critic's scores at real pictures x, a mean over them (Mescheder et al. 2018, eq. 9,
    without γ/2). Differentiable."""
    slope, = torch.autograd.grad(score.sum(), x, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()


def unit(x: Tensor) -> Tensor:
    """Rows of mean square 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def he(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """The layer with weights that keep the variance through leaky ReLUs."""
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def sizes_of(kind: Image) -> list[tuple[int, int]]:
    """The sizes at which a picture is painted, smallest first: 28×28 is 7, 14, 28. Doubling the first gives at least the
    picture; what is too much is cut off."""
    if min(kind.height, kind.width) < LEAST:
        raise Problem("stylegan paints pictures of at least {least}×{least} pixels; these have {height}×{width}",
                      least=LEAST, height=kind.height, width=kind.width)
    depth = 1
    while max(kind.height, kind.width) > SMALLEST * 2**depth and min(kind.height, kind.width) >= 2**(depth + 2):
        depth += 1
    small = math.ceil(kind.height / 2**depth), math.ceil(kind.width / 2**depth)
    return [(small[0] * 2**i, small[1] * 2**i) for i in range(depth + 1)]


def channels_of(kind: Image, width: int) -> list[int]:
    """Channels at each of these sizes: `width` at the full one, twice as many at each half, at most four times."""
    depth = len(sizes_of(kind)) - 1
    return [width * min(4, 2**(depth - i)) for i in range(depth + 1)]
