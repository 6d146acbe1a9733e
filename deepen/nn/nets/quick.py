"""A fast accurate network for small colour pictures: whitened patches, six convolutions, every picture seen few times."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.nn.layers import Scale, pictures

WINDOW, EPS = 2, 5e-4               # pixels a side of a whitened patch; keeps faint directions from being blown up
PICTURES = 5000                     # so many tell what patches are like
BIAS_EPOCHS = 3                     # how long the bias of the whitening learns: later it costs more than it brings


class Quick(nn.Module):
    """Pictures as stored (B, C, H, W) -> scores (B, classes). `begin` shows it the training pictures once.

    Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3 and appendix A.
    """
    rates = {"muon": 0.2}                                   # what it bears: 0.1 to 0.5 do about as well

    def __init__(self, kind, classes: int | None, width: float, depth: int):
        super().__init__()
        channels, classes, _ = pictures(kind, classes)
        widths = [max(8, round(width * n)) for n in (64, 256, 256)]
        self.scale = Scale(kind.shape)
        self.whiten = Whiten(channels)
        groups, inputs, side = [], self.whiten.out_channels, min(kind.shape[1:]) - WINDOW + 1
        for outputs in widths:
            pooled = side >= 4                              # digits of 8 pixels have nothing left to pool
            groups.append(Group(inputs, outputs, depth, pooled))
            inputs, side = outputs, side // 2 if pooled else side
        self.groups = nn.Sequential(*groups)
        self.head = nn.Linear(inputs, classes, bias=False)

    @torch.no_grad()
    def begin(self, train) -> None:
        """Before the first step: what is to be whitened, from pictures all over the training split."""
        examples = train[torch.linspace(0, len(train) - 1, min(len(train), PICTURES)).long()][0]
        self.scale.learn(examples)
        self.whiten.weight.copy_(_whitening(self.scale(examples)))
        self.whiten.left = BIAS_EPOCHS * len(train)

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(F.gelu(self.whiten(self.scale(x))))
        return self.head(x.amax((2, 3))) / 9                        # scores that begin small learn calmly


class Whiten(nn.Conv2d):
    """2x2 patches (B, C, H, W) -> (B, 8·C, H-1, W-1) by weights that are computed, not learned; the bias learns
    for the first BIAS_EPOCHS epochs."""
    bias: Tensor

    def __init__(self, channels: int):
        super().__init__(channels, 2 * channels * WINDOW**2, WINDOW)
        self.weight.requires_grad_(False)
        nn.init.zeros_(self.bias)
        self.left = 0                                       # pictures until the bias stands still

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias
        if self.training:
            bias = bias if self.left > 0 else bias.detach()
            self.left -= len(x)
        return F.conv2d(x, self.weight, bias)

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.left)

    def set_extra_state(self, state: Tensor) -> None:
        self.left = int(state)


class Group(nn.Module):
    """Two 3x3 convolutions with a pool in the first: (B, inputs, H, W) -> (B, outputs, H/2, W/2); a third one
    has a shortcut beside it and the second."""

    def __init__(self, inputs: int, outputs: int, depth: int = 2, pooled: bool = True):
        super().__init__()
        self.conv1, self.conv2 = _conv(inputs, outputs), _conv(outputs, outputs)
        self.pool: nn.Module = nn.MaxPool2d(2) if pooled else nn.Identity()
        self.norm1, self.norm2 = _norm(outputs), _norm(outputs)
        self.deep = depth > 2
        if self.deep:
            self.conv3, self.norm3 = _conv(outputs, outputs), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        first = F.gelu(self.norm1(self.pool(self.conv1(x))))
        x = F.gelu(self.norm2(self.conv2(first)))
        return F.gelu(self.norm3(self.conv3(x)) + first) if self.deep else x


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """Begins by handing its inputs on; channels beyond them begin at random (section 3.3)."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[:inputs])
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    """A short memory, as there are few steps, and no scale of its own."""
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


def _whitening(x: Tensor) -> Tensor:
    """Kernels (2·C·4, C, 2, 2) after which the 2x2 patches of x (N, C, H, W) are uncorrelated with variance 1.

    The eigenvectors of the patches' second moments over the root of their eigenvalue, then all with the other
    sign, so that what follows sees both sides (section 3.2).
    """
    size, count = x.shape[1] * WINDOW**2, 0
    moments = torch.zeros(size, size, dtype=torch.float64, device=x.device)
    for part in x.split(250):                                           # all patches at once would be large
        rows = F.unfold(part.float(), WINDOW).transpose(1, 2).reshape(-1, size).double()        # (patches, C·4)
        moments += rows.T @ rows
        count += len(rows)
    values, vectors = torch.linalg.eigh(moments / count)
    kernels = (vectors / (values + EPS).sqrt()).T.flip(0).reshape(size, x.shape[1], WINDOW, WINDOW).float()
    return torch.cat([kernels, -kernels])


def quick(kind, classes: int | None = None, width: float = 1.0, depth: int = 2) -> nn.Module:
    """Whitened 2x2 patches, then six 3x3 convolutions of 64, 256 and 256 channels: about 2 million weights.

    Learns small colour pictures in few epochs (bench/cifar.py). The first layer is not learned but computed from
    the training pictures. `width` multiplies the channels; `depth=3` adds three convolutions with shortcuts.
    """
    return Quick(kind, classes, width, int(depth))
