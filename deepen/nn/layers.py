"""Layers that torch does not have, and the ways to begin: scaling, blocks, dropped and binary weights."""
import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.core.words import Problem

Beginning = Literal["he", "xavier", "normal", "zero"]
BEGINNINGS = get_args(Beginning)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)     # mean, std of red, green, blue: torchvision's


class Scale(nn.Module):
    """The first layer: stored values -> real ones, bytes divided by `whole`, then (x - mean) / std.

    Inputs stay as they are stored (uint8 pictures); training, export and server share this one definition of
    scaling. Real values are taken as scaled already and are not divided. `mean` and `std` begin at 0 and 1.
    """
    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...], whole: float = 255.0):
        super().__init__()
        self.whole = whole
        per_channel = (shape[0],) + (1,) * (len(shape) - 1) if len(shape) == 3 else shape
        self.register_buffer("mean", torch.zeros(per_channel))
        self.register_buffer("std", torch.ones(per_channel))

    def unit(self, x: Tensor) -> Tensor:
        real = x.to(self.mean.dtype)
        return real / self.whole if x.dtype == torch.uint8 else real

    def forward(self, x: Tensor) -> Tensor:
        return (self.unit(x) - self.mean) / self.std

    @torch.no_grad()
    def learn(self, examples: Tensor) -> None:
        """Set `mean` and `std` to those of stored examples (N, …), of each channel or value of a row."""
        values = self.unit(examples)
        dims = (0, 2, 3) if values.ndim == 4 else (0,)
        self.mean.copy_(values.mean(dims, keepdim=True)[0])
        self.std.copy_(values.std(dims, correction=0, keepdim=True)[0])
        self.std[self.std < 1e-6] = 1.0                         # a constant stays a constant


def pictures(kind, classes: int | None) -> tuple[int, int, bool]:
    """(channels, classes, small) of what a net of ImageNet is asked for; small: at most 64 pixels a side.

    Such a net then begins with 3x3 windows one pixel apart and no pool: its usual first layers would throw
    away all but a sixteenth of the places. Raises `Problem` where it cannot work.
    """
    shape = tuple(getattr(kind, "shape", ()))
    if len(shape) != 3 or min(shape[1:]) < 8:
        raise Problem("this net wants pictures of at least 8 pixels a side, but here the shape is {shape}; "
                      "choose net=mlp, or larger pictures", shape=shape)
    if classes is None:
        raise Problem("this net tells classes apart, but this data has none; write a design of lines instead")
    return shape[0], classes, min(shape[1:]) <= 64


class Residual(nn.Module):
    """A basic block: relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))). He et al. 2015, section 3.

    (B, inputs, H, W) -> (B, channels, H / stride, W / stride); where the shape changes, the shortcut is a 1x1
    convolution.
    """

    def __init__(self, inputs: int, channels: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.body(x))


class Inception(nn.Module):
    """1x1, 3x3 and 5x5 filters and a max-pool side by side, joined along the channels.

    Szegedy et al. 2014, figure 2b; the six numbers are those of its table 1: #1x1, #3x3 reduce, #3x3, #5x5
    reduce, #5x5, pool proj.
    (B, inputs, H, W) -> (B, one + three + five + pool, H, W)
    """

    def __init__(self, inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int):
        super().__init__()
        self.one = nn.Conv2d(inputs, one, 1)
        self.three = nn.Sequential(
            nn.Conv2d(inputs, reduce3, 1), nn.ReLU(), nn.Conv2d(reduce3, three, 3, padding=1))
        self.five = nn.Sequential(
            nn.Conv2d(inputs, reduce5, 1), nn.ReLU(), nn.Conv2d(reduce5, five, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1))


class DropConnect(nn.Linear):
    """A dense layer that drops its weights and biases, not its outputs, with probability p. Wan et al. 2013.

    (B, inputs) -> (B, outputs). The paper draws a mask an example; here `masks` of them are drawn a batch,
    each shared by an equal part of it (0: one an example, as in the paper, at a memory of B weight matrices).
    What is kept is divided by 1 - p, so judging uses the weights as they are; `moments` gives what the paper
    samples from instead.
    """

    def __init__(self, inputs: int, outputs: int, p: float = 0.5, masks: int = 8, bias: bool = True):
        super().__init__(inputs, outputs, bias)
        self.p, self.masks = p, masks

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return F.linear(x, self.weight, self.bias)
        bias = torch.zeros_like(self.weight[:, 0]) if self.bias is None else self.bias
        weight = torch.cat([self.weight, bias[:, None]], 1)                 # (outputs, inputs + 1)
        x = F.pad(x, (0, 1), value=1.0)
        if self.masks:
            whole = torch.cat([F.linear(part, weight * kept(weight.shape, self.p, x.device))
                               for part in x.chunk(self.masks)])
        else:
            each = weight * kept((len(x), *weight.shape), self.p, x.device)
            whole = torch.einsum("boi,b...i->b...o", each, x)
        return whole / (1 - self.p) if self.p < 1 else whole

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the outputs over all masks, both (B, outputs). Wan et al. 2013, 3.2."""
        mean = F.linear(x, self.weight, self.bias)
        squares = F.linear(x**2, self.weight**2, None if self.bias is None else self.bias**2)
        return mean, squares * self.p / (1 - self.p)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}, masks={self.masks}"


PASSES = 1 + 2**-23         # hard tanh lets nothing through at its ends, but at |x| = 1 a gradient passes


def kept(shape: Sequence[int], p: float, device: torch.device) -> Tensor:
    """A mask that is False with probability p (to 1/65,536). Four values come out of each 64 random bits: five times
    faster on a CPU than drawing each, where masks of weights cost more than all the rest of a step."""
    count = math.prod(shape)
    draws = torch.randint(-2**63, 2**63 - 1, (-(-count // 4),), device=device).view(torch.int16)
    return (draws[:count] > round(p * 65_536) - 32_769).view(shape)


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign().add_(0.5).sign_()           # 0 becomes +1; 40 times faster than torch.where on a CPU

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, x, -PASSES, PASSES)


def sign(x: Tensor) -> Tensor:
    """-1 or +1, +1 at 0; the gradient passes where |x| <= 1. Courbariaux et al. 2016, equations 1 and 4."""
    return _Sign.apply(x)


class Sign(nn.Module):
    """`sign` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return sign(x)


class BinaryDense(nn.Linear):
    """A dense layer that computes with the signs of its weights. Courbariaux et al. 2016, algorithm 1."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, sign(latent(self)), self.bias)


class BinaryConv(nn.Conv2d):
    """A convolution that computes with the signs of its latent real weights.

    The border is padded with +1, the sign of 0: a 0 could not be stored in one bit.
    """

    def forward(self, x: Tensor) -> Tensor:
        down, right = (int(border) for border in self.padding)
        padded = F.pad(x, (right, right, down, down), value=1.0)
        return F.conv2d(padded, sign(latent(self)), self.bias, self.stride, 0, self.dilation, self.groups)


def latent(layer: BinaryDense | BinaryConv) -> Tensor:
    """The real weights behind the signs, kept in -1…1 while learning, or they would not come back."""
    if layer.training:
        with torch.no_grad():
            layer.weight.clamp_(-1, 1)
    return layer.weight


class GlobalMean(nn.Module):
    """The mean of each channel: (B, C, H, W) -> (B, C), or over the steps (B, T, C) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) if x.ndim == 4 else x.mean(1)


class GlobalMaxMean(nn.Module):
    """The largest value of each channel, then its mean: (B, C, H, W) or (B, T, C) -> (B, 2 C)."""

    def forward(self, x: Tensor) -> Tensor:
        dims = (2, 3) if x.ndim == 4 else (1,)
        return torch.cat([x.amax(dims), x.mean(dims)], 1)


class Last(nn.Module):
    """The last step of a sequence: (B, T, C) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, -1]


class Recurrent(nn.Module):
    """An LSTM, GRU or plain recurrent layer that gives back the sequence: (B, T, inputs) -> (B, T, size).

    It starts each sequence from zero; `cell` is torch's own module, for those who carry the state on.
    """

    def __init__(self, cell: Callable[..., nn.RNNBase], inputs: int, size: int):
        super().__init__()
        self.cell = cell(inputs, size, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


def initialise(module: nn.Module, how: str = "he") -> nn.Module:
    """Give every convolution and dense layer inside `module` its first weights, biases 0; returns `module`.

    he: normal, variance 2 / fan in (He et al. 2015, equation 10) · xavier: normal, variance 2 / (fan in + fan
    out) (Glorot and Bengio 2010, equation 12) · normal: standard deviation 0.01 · zero: all the same, so
    nothing is learned.
    """
    if how not in BEGINNINGS:
        raise Problem("there is no initialisation {how}; choose one of {known}",
                      how=how, known=", ".join(BEGINNINGS))
    for layer in module.modules():
        if not isinstance(layer, (nn.Linear, nn.Conv2d)):
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if how == "he":
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / layer.weight[0].numel()))
        elif how == "xavier":
            nn.init.xavier_normal_(layer.weight)
        elif how == "normal":
            nn.init.normal_(layer.weight, 0.0, 0.01)
        else:
            nn.init.zeros_(layer.weight)
    return module
