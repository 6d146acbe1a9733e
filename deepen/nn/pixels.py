"""A class for every pixel: the loss, class weights, metrics of one confusion matrix, windows, and nets of any size.

Logits z (B, K, H, W); masks y uint8 (B, H, W), in which `VOID` belongs to no class and counts nowhere.
"""
import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.things import VOID
from deepen.nn import metrics, optim
from deepen.nn.augment import Augment
from deepen.nn.average import averaged, paused
from deepen.nn.layers import Scale

EXAMPLES = 256          # that the scale of pixels is measured on
LEAST = 64              # pixels of a side of a window: in less there is too little to see


def begin(system, net: nn.Module, whole: int, data) -> None:
    """What fcn, segnet and unet build alike round a `net` of pictures whose sides are multiples of `whole`, from the
    fields of the same names."""
    system.classes, train = len(data.target.names), data.splits.get("train", ())
    system.model = system.place(AnySize(net, data.inputs.channels, whole).learn(train))
    system.rule = optim.make(system.optimizer, system.model, system.lr, system.decay)
    system.ema = averaged(system.average, system.model)
    system.weight = class_weights(data, system.classes, system.balance).to(system.device)
    system.change = Augment(system.augment, masks=True)
    epochs = system.epochs or 1200 / math.sqrt(max(1, len(train)))         # few examples: each more often
    system.stream = data.stream("train", system.batch, epochs)


def steps(system) -> Iterator[dict[str, Tensor]]:
    """How they learn: windows of changed pictures and masks in the first half of a run, then whole ones: who saw
    only windows does not know that the sky is above."""
    for x, y in system.stream:                                      # x uint8 (B, C, H, W), y uint8 (B, H, W)
        now = paused(system.average, system.progress)
        optim.set_rate(system.rule, system.lr * optim.schedule(system.schedule, now, system.warmup))
        x, y = system.change(x, y)
        if system.progress < 0.5:
            x, y = windows(x, y, system.window)
        told = system.descend(lambda x=x, y=y: loss(system.model(x), y, system.weight), system.rule)
        if system.ema is not None:
            system.ema.update(system.model, system.progress, x)
        yield {"loss": told}


def loss(z: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy a pixel in nats, in float32; with `weight` (K,) the mean weighted by the true class. 0 where all
    is void."""
    y = y.long()
    total = F.cross_entropy(z.float(), y, weight, ignore_index=VOID, reduction="sum")
    known = y != VOID
    counted = known if weight is None else weight[y.where(known, 0)] * known
    return total / counted.sum().clamp_min(1e-9)


def class_weights(data, classes: int, power: float = 1.0) -> Tensor:
    """Median frequency balancing (Eigen & Fergus 2015, section 6.3.2) of the masks in train: (K,) the median of all
    frequencies over that of the class, to the `power`: 1 as there, 0 all alike. A class's frequency is its share of the
    pixels in pictures that show it; one that is never shown weighs 1."""
    weight = torch.ones(classes)
    if not power or not len(data.splits.get("train", ())):
        return weight
    pixels, room, train = torch.zeros(classes), torch.zeros(classes), data.splits["train"]
    own = getattr(train, "target", None)                                            # then no picture is copied for its mask
    for masks in own.split(256) if isinstance(own, Tensor) else (y for _, y in data.batches("train")):
        counts = torch.stack([one[one != VOID].long().bincount(minlength=classes).cpu() for one in masks])      # (B, K)
        pixels += counts.sum(0)
        room += (counts.sum(1, keepdim=True) * (counts > 0)).sum(0)
    shown = pixels > 0
    frequency = pixels[shown] / room[shown]
    weight[shown] = (frequency.quantile(0.5) / frequency) ** power
    return weight


def judged(scores: Callable[[Tensor], Tensor], batches: Iterable[tuple[Tensor, Tensor]], classes: int) -> dict[str, Tensor]:
    """The metrics of a split, from one confusion matrix over all its pixels; `scores`: pictures -> z."""
    counts, total = torch.zeros(classes, classes, dtype=torch.int64), torch.zeros((), dtype=torch.float64)
    for x, y in batches:
        z = scores(x).float()
        total += F.cross_entropy(z, y.long(), ignore_index=VOID, reduction="sum").cpu().double()
        counts += metrics.confusion(y, z.argmax(1), classes).cpu()
    return {"loss": total / counts.sum().clamp_min(1), "miou": metrics.miou(counts), "pixel_accuracy": metrics.pixel_accuracy(counts),
            "class_accuracy": metrics.class_accuracy(counts)}


def windows(x: Tensor, y: Tensor, share: float, whole: int = 32) -> tuple[Tensor, Tensor]:
    """The same window of every picture and mask of a batch, at a random place: about `share` of each side, a multiple of
    `whole`, at least `LEAST` pixels. Four quarters of different pictures teach more than one whole picture."""
    sides = [min(side, max(LEAST, whole * math.ceil(share * side / whole - 0.25))) for side in x.shape[2:]]
    top, left = (int(torch.randint(0, given - side + 1, ())) for given, side in zip(x.shape[2:], sides, strict=True))
    rows, columns = slice(top, top + sides[0]), slice(left, left + sides[1])
    return x[:, :, rows, columns], y[:, rows, columns]


class AnySize(nn.Module):
    """Scales stored pixels, fills the right and lower border up to a multiple of `whole` by repeating the edge, lets the
    net look, and cuts its answer back: (B, C, H, W) of any size -> (B, K, H, W)."""

    def __init__(self, net: nn.Module, channels: int, whole: int):
        super().__init__()
        self.scale, self.net, self.whole = Scale((channels, 1, 1)), net, whole

    def learn(self, examples) -> "AnySize":
        """Measure the mean and deviation of the colours on some of the examples."""
        if len(examples):
            self.scale.learn(examples[torch.arange(min(EXAMPLES, len(examples)))][0].cpu())
        return self

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(self.scale(x), (0, -width % self.whole, 0, -height % self.whole), mode="replicate")
        return self.net(x)[:, :, :height, :width]


def convolution(inputs: int, channels: int, window: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; the size stays (or is divided by `stride`)."""
    return nn.Sequential(nn.Conv2d(inputs, channels, window, stride, window // 2), nn.BatchNorm2d(channels), nn.ReLU())


def bilinear(inputs: int, channels: int, times: int) -> nn.ConvTranspose2d:
    """A transposed convolution that begins as bilinear interpolation, `times` as large (times even), each channel by itself
    (Long et al. 2015, section 3.3)."""
    up = nn.ConvTranspose2d(inputs, channels, 2 * times, times, times // 2, bias=False)
    slope = 1 - ((torch.arange(2 * times) - times + 0.5) / times).abs()         # a tent over two pixels
    with torch.no_grad():
        up.weight.zero_()
        for channel in range(min(inputs, channels)):
            up.weight[channel, channel] = slope[:, None] * slope
    return up
