"""DCGAN: one network paints, another looks for the forgeries (Radford, Metz and Chintala 2016)."""
import math
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Count, Fraction, Rate, Size, Times
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import Problem, say
from deepen.nn import contest, judge, optim
from deepen.nn.canvas import stored
from deepen.nn.codes import arc

NOISE = 64                      # length of a noise vector


@dataclass
class DCGAN(System):
    """Paints pictures like those it was shown."""
    goal = (Image, Image)
    default_data = "digits"
    score = "frechet_own"
    tiny = dict(data="stripes", epochs=12, batch=32, width=8)

    epochs: Times = 100                     # times through the training data
    batch: Count = 64                       # real pictures a step, and as many painted ones
    width: Size = 64                        # channels of the largest pictures' layer
    lr: Rate = 0.001                        # learning rate of both networks
    beta: Fraction = 0.5                    # how long Adam remembers the direction (the paper's β1)
    objective: contest.Objective = "bce"    # what both descend: bce, the paper's; hinge
    smooth: Fraction = 0.1                  # real pictures count as 1 - smooth: the critic stays humble (bce)
    spectral: bool = False                  # the critic's layers stretch nothing, instead of batch norm
    by_class: bool = True                   # tell both networks the class (Mirza 2014); false: the paper
    average: Fraction = 0.99                # decay of the painter's average (0: none)

    @classmethod
    def suits(cls, data, asked):
        """A narrower net and fewer epochs for larger pictures: half a million of 28×28 in all."""
        examples, (_, height, width) = len(data.splits.get("train", ())), data.inputs.shape
        if max(height, width) < 16 or not examples:
            return {}
        epochs = round(max(1.0, 500_000 * 784 / (height * width) / examples), 1)
        return {"width": 32, "epochs": epochs, "average": 0.999}

    def build(self, data):
        self.names = data.target.names if isinstance(data.target, Label) else ()
        self.kinds = max(1, len(self.names)) if self.by_class else 1
        self.generator = self.place(generator(data.inputs, NOISE + self.kinds, self.width).apply(begin))
        critic = discriminator(data.inputs, self.kinds, self.width, norm=not self.spectral).apply(begin)
        self.discriminator = self.place(contest.spectral(critic) if self.spectral else critic)
        betas = (self.beta, 0.999)
        self.painting = optim.make("adam", self.generator, self.lr, betas=betas)
        self.looking = optim.make("adam", self.discriminator, self.lr, betas=betas)
        self.ema = optim.Average(self.generator, self.average) if self.average else None
        self.stream = data.stream("train", self.batch, self.epochs)
        if min(self.batch, self.stream.total or 2) < 2:
            raise Problem("batch norm compares the pictures of a step, so it needs two or more; here a step "
                          "would have one: take a larger batch, or more epochs")
        other = "objective=hinge" if self.objective == "bce" else "objective=bce"
        tries = other, other if self.spectral else "spectral=true"
        self.watch = contest.Watch(self.device, self.kinds, self.objective, self.smooth, tries)

    def steps(self):
        for real, y in self.stream:                                         # uint8 (B, C, H, W), classes (B,)
            for adam in (self.painting, self.looking):                      # settle in the second half
                optim.set_rate(adam, self.lr * min(1.0, 2 - 2 * self.progress))
            y = y if self.kinds > 1 else torch.zeros(len(real), dtype=torch.long, device=real.device)
            fake = self.generator(self.noise(y))                            # one painting serves both
            caught = self.look(real, y, fake)
            fooled = self.paint(y, fake)
            if self.ema is not None:
                self.ema.update(self.generator)
            slope = fooled if self.objective == "bce" else None             # hinge's does not vanish
            self.said = self.watch.see(real / 127.5, fake, y, caught, slope)
            yield {"discriminator": caught, "generator": fooled}

    def look(self, real, y, fake=None):
        """The discriminator's step: real pictures uint8 (B, C, H, W) of classes y against painted ones."""
        fake = self.generator(self.noise(y)) if fake is None else fake
        true, false = self.real(real / 127.5 - 1, y), self.real(fake.detach(), y)       # logits (B,)
        loss = contest.caught(true, false, self.objective, self.smooth)
        return self.descend(loss, self.looking, name="discriminator's loss")

    def paint(self, y, fake=None):
        """The generator's step: its pictures of classes y (B,) should pass for real ones."""
        fake = self.generator(self.noise(y)) if fake is None else fake
        with contest.still(self.discriminator):
            loss = contest.fooled(self.real(fake, y), self.objective)
        return self.descend(loss, self.painting, name="generator's loss")

    def evaluate(self, split="valid"):
        return judge.compared(self.data, split, self.sample, self.kinds)

    def predict(self, noise):
        """Noise and class (B, 64 + classes) -> pictures (B, C, H, W), 0…1."""
        return self.network()(noise) / 2 + 0.5

    def sample(self, count: int, seed: int = 0,
               class_: str = ""):           # name or number of the class to paint (none: one after another)
        """Pictures from the noise of a seed: uint8 (count, C, H, W)."""
        return self.painted(self.example(count, seed, class_))

    def walk(self, count: int, seed: int = 0,
             class_: str = ""):         # name or number of the class to stay in (none: to another one)
        """Even steps from one sample to another: uint8 (count, C, H, W)."""
        y = contest.ends(self.kinds, self.names, class_, seed).to(self.device)
        first, last = self.noise(y, torch.Generator().manual_seed(seed))
        return self.painted(arc(first, last, count))

    def painted(self, codes):
        """Codes, noise with a class behind it (B, 64 + classes) -> uint8 pictures (B, C, H, W)."""
        return stored(self.predict(codes))

    def centre(self, class_: str = ""):
        """Where sliders begin: a sample. No noise at all would be a place that the generator never saw."""
        return self.example(1, 0, class_)[0]

    def axes(self, count: int):
        """The most visible directions of the noise (count, 64 + classes), one standard deviation long."""
        return contest.visible(self.predict, self.example(10, seed=3), NOISE, count)

    def panels(self):
        codes = self.example(7, seed=5)
        yield contest.walks(self.painted, codes[:6], codes[1:])
        yield contest.sliders(self.painted, self.centre(), self.axes(6))
        if self.kinds > 1:
            first, kinds = self.example(512, 4, "0"), min(self.kinds, 12)
            yield contest.arithmetic(self.painted, first, codes[1:])
            y = torch.arange(kinds, device=self.device).repeat(6)
            z = first[:6, :NOISE].repeat_interleave(kinds, 0)
            yield Panel(say("The same noise in every class"), say(
                "Each row has one noise, each column one class: the noise carries the hand, thick or thin, "
                "upright or slanted, and the class what is written."), self.painted(self.coded(z, y)), kinds)

    def network(self):
        return self.ema.module if self.ema is not None else self.generator

    def real(self, x, y):
        """The critic's logits (B,) that pictures are real ones of their class."""
        return self.discriminator(x).gather(1, y[:, None] % self.kinds)[:, 0]

    def noise(self, y, draw: torch.Generator | None = None):
        """New noise with the class behind it: (B, 64 + classes)."""
        return self.coded(torch.randn(len(y), NOISE, generator=draw).to(self.device), y)

    def coded(self, z, y):
        return torch.cat([z, nn.functional.one_hot(y % self.kinds, self.kinds)], 1)

    def example(self, count: int, seed: int = 0, class_: str = ""):
        """What `predict` takes, from a seed: of that class, or class after class."""
        y = contest.wanted(count, self.kinds, self.names, class_).to(self.device)
        return self.noise(y, torch.Generator().manual_seed(seed))


class Crop(nn.Module):
    """The upper left part of pictures: (B, C, H, W) -> (B, C, height, width)."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        return x[:, :, : self.height, : self.width]


def depth_of(kind: Image) -> int:
    """How often pictures are halved: twice, and on until the longer side is at most 7 (28 -> 7, 32 -> 4)."""
    if min(kind.height, kind.width) < 4:
        raise Problem("dcgan paints pictures of at least 4×4 pixels; these have {height}×{width}",
                      height=kind.height, width=kind.width)
    depth = 2
    while max(kind.height, kind.width) > 7 * 2**depth:
        depth += 1
    return min(depth, int(math.log2(min(kind.height, kind.width))))


def generator(kind: Image, noise: int, width: int) -> nn.Sequential:
    """Noise (B, noise) -> pictures (B, C, H, W) in −1…1: transposed convolutions, batch norm, ReLU, tanh."""
    depth = depth_of(kind)
    start = (math.ceil(kind.height / 2**depth), math.ceil(kind.width / 2**depth))
    inside = width * 2**(depth - 1)
    layers = [nn.Unflatten(1, (noise, 1, 1)), nn.ConvTranspose2d(noise, inside, start, bias=False),
              nn.BatchNorm2d(inside), nn.ReLU()]
    for _ in range(depth - 1):
        inside //= 2
        layers += [nn.ConvTranspose2d(2 * inside, inside, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(inside), nn.ReLU()]
    last = nn.ConvTranspose2d(inside, kind.channels, 4, 2, 1)
    return nn.Sequential(*layers, last, Crop(kind.height, kind.width), nn.Tanh())


def discriminator(kind: Image, classes: int, width: int, norm: bool = True) -> nn.Sequential:
    """Pictures (B, C, H, W) -> logits (B, classes): strided convolutions, the first without norm."""
    depth = depth_of(kind)
    layers: list[nn.Module] = [nn.Conv2d(kind.channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for step in range(1, depth):
        inside = width * 2**(step - 1)
        layers += [nn.Conv2d(inside, 2 * inside, 4, 2, 1, bias=not norm),
                   *([nn.BatchNorm2d(2 * inside)] if norm else []), nn.LeakyReLU(0.2)]
    rest = (kind.height // 2**depth, kind.width // 2**depth)
    return nn.Sequential(*layers, nn.Conv2d(width * 2**(depth - 1), classes, rest), nn.Flatten())


def begin(layer: nn.Module) -> None:
    """Weights N(0, 0.02), norms N(1, 0.02), as in the paper."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
