"""Nets that tell noise from what lies under it: a small U-Net for pictures, a small dense net for points.

Both take what is noisy (B, …), the time t (B,), 0 clean … 1 noise, and a class (B,), where `classes` itself means none,
and answer in the shape of the first.
"""
import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.kinds import Image, Vector


def denoiser(kind: Image | Vector, width: int, classes: int, look: bool = False) -> "Denoiser | Dense":
    """The net that suits a kind of data: pictures of about 8 pixels as they are, of 28 or 32 in squares of 2, larger ones
    in squares of 4."""
    if isinstance(kind, Vector):
        return Dense(kind.size, width, classes)
    side = max(kind.height, kind.width)
    return Denoiser(kind.channels, width, classes, 1 if side <= 16 else 2 if side <= 48 else 4, 2 if side <= 96 else 3, look)


class Moment(nn.Module):
    """Time and class as one vector (B, 4·width), which every block of the net reads."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))
        self.kind = nn.Embedding(classes + 1, 4 * width)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return F.silu(self.time(waves(t, self.width)) + self.kind(y))


def waves(t: Tensor, width: int, top: float = 1000.0) -> Tensor:
    """Sines and cosines of t (B,), 0…1, at frequencies from `top` down to 1/10 (Vaswani et al. 2017, section 3.5):
    (B, width). Without `top` a t of 0…1 would hardly move them."""
    half = (width + 1) // 2
    fast = torch.exp(torch.linspace(math.log(top), math.log(0.1), half, device=t.device))
    angle = t.float()[:, None] * fast
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :width]


class Block(nn.Module):
    """Two 3×3 convolutions past which the input goes; time and class stretch and shift what is between them."""

    def __init__(self, inputs: int, outputs: int, moment: int):
        super().__init__()
        self.first, self.second = norm(inputs), norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = silent(nn.Conv2d(outputs, outputs, 3, padding=1))              # at first a block does nothing
        self.turn = nn.Linear(moment, 2 * outputs)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, moment: Tensor) -> Tensor:
        stretch, shift = self.turn(moment)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.silu(self.first(x)))
        h = torch.addcmul(shift, self.second(h), 1 + stretch)
        return self.past(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Every place looks at every other: (B, C, H, W) -> the same shape."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.heads = norm(width), max(1, width // 32)
        self.ask, self.say = nn.Conv2d(width, 3 * width, 1), silent(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        q, k, v = self.ask(self.norm(x)).view(b, 3, self.heads, c // self.heads, h * w).transpose(3, 4).unbind(1)
        seen = F.scaled_dot_product_attention(q, k, v)                          # (B, heads, H·W, C / heads)
        return x + self.say(seen.transpose(2, 3).reshape(b, c, h, w))


class Denoiser(nn.Module):
    """A U-Net (Ho et al. 2020, appendix B, in small): pictures (B, C, H, W) of any size.

    The first layer reads squares of `patch` pixels, so that a 28×28 picture costs as much as a 14×14 one; pictures are
    padded to what can be halved and cropped back. `depth` levels, the first `width` channels wide, the others twice that."""

    def __init__(self, channels: int, width: int, classes: int, patch: int = 1, depth: int = 2, look: bool = False):
        super().__init__()
        self.patch, self.each = patch, patch * 2**(depth - 1)
        wide, moment = [width] + [2 * width] * (depth - 1), 4 * width
        self.moment = Moment(width, classes)
        self.enter = nn.Conv2d(channels * patch**2, width, 3, padding=1)
        self.down = nn.ModuleList(Block(above, here, moment) for above, here in pairwise([width, *wide]))
        self.halved = nn.ModuleList(nn.Conv2d(here, here, 3, 2, 1) for here in wide[:-1])
        self.middle = Block(wide[-1], wide[-1], moment)
        self.look = Attention(wide[-1]) if look else nn.Identity()
        self.up = nn.ModuleList(Block(2 * here, above, moment) for here, above in pairwise([*wide[::-1], width]))
        self.leave = nn.Sequential(norm(width), nn.SiLU(), silent(nn.Conv2d(width, channels * patch**2, 3, padding=1)))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        high, wide = x.shape[2:]
        moment = self.moment(t, y)
        h = F.pad(x, (0, -wide % self.each, 0, -high % self.each))
        h = self.enter(F.pixel_unshuffle(h, self.patch))
        kept = []
        for level, block in enumerate(self.down):
            h = block(h, moment)
            kept.append(h)
            if level < len(self.halved):
                h = self.halved[level](h)
        h = self.look(self.middle(h, moment))
        for level, block in enumerate(self.up):
            if level:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            h = block(torch.cat([h, kept.pop()], 1), moment)
        return F.pixel_shuffle(self.leave(h), self.patch)[:, :, :high, :wide]

    def inward(self, x: Tensor) -> Tensor:
        """Pictures uint8 -> −1…1: the noise has this scale, too."""
        return x.float() / 127.5 - 1

    def outward(self, x: Tensor) -> Tensor:
        """−1…1 -> uint8."""
        return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


class Dense(nn.Module):
    """The same for points (B, size): `depth` dense blocks past which their input goes. Training points set centre and
    spread."""

    centre: Tensor
    spread: Tensor

    def __init__(self, size: int, width: int, classes: int, depth: int = 3):
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.moment = Moment(width, classes)
        self.enter = nn.Linear(size, width)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(),
                                                  nn.Linear(2 * width, width)) for _ in range(depth))
        self.turns = nn.ModuleList(nn.Linear(4 * width, width) for _ in range(depth))
        self.leave = nn.Linear(width, size)

    def learn(self, x: Tensor) -> None:
        """Centre and spread of the training points (N, size)."""
        self.centre.copy_(x.mean(0))
        self.spread.copy_(x.std(0).clamp_min(1e-6) if len(x) > 1 else torch.ones_like(x[0]))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        moment = self.moment(t, y)
        h = self.enter(x)
        for block, turn in zip(self.blocks, self.turns, strict=True):
            h = h + block(h + turn(moment))
        return self.leave(h)

    def inward(self, x: Tensor) -> Tensor:
        """Points as stored -> about −2…2."""
        return (x.float() - self.centre) / self.spread

    def outward(self, x: Tensor) -> Tensor:
        """Back to the units of the data."""
        return x * self.spread + self.centre


def silent(layer: nn.Conv2d) -> nn.Conv2d:
    """A convolution that answers 0 until it has learned."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer


def norm(width: int) -> nn.GroupNorm:
    """Group norm, 16 channels a group: it bears a batch of one.

    Measured on one thread, bf16, (128, 64, 14, 14): forward and backward take 2 ms with groups of 16, 13.6 with groups of
    8, which torch does not compute in whole vectors; eight groups everywhere were a quarter of a step."""
    return nn.GroupNorm(width // 16 if width % 16 == 0 else 1, width)
