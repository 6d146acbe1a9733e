"""GAN: the contest of a painter and a critic as it began, with dense layers (Goodfellow et al. 2014)."""
import math
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Count, Fraction, Rate, Size, Times
from deepen.core.system import System
from deepen.nn import contest, judge, optim
from deepen.nn.canvas import stored
from deepen.nn.codes import arc

NOISE = 64                      # length of a noise vector
PIECES = 5                      # lines a maxout unit is the largest of


@dataclass
class GAN(System):
    """Paints pictures with two networks of dense layers that compete: where it began."""
    goal = (Image, Image)
    default_data = "digits"
    score = "frechet_own"
    precision = "fp32"                      # nets this small lose more to casting than bf16 brings
    tiny = dict(data="digits", epochs=25, width=128)

    epochs: Times = 200                     # times through the training data
    batch: Count = 64                       # real pictures a step, and as many painted ones
    width: Size = 512                       # units of the painter's layers; the critic's have a quarter
    critics: Count = 1                      # steps of the critic for each of the painter (the paper's k)
    lr: Rate = 0.002                        # learning rate of both networks
    beta: Fraction = 0.5                    # how long Adam remembers the direction
    saturating: bool = False                # the painter descends log(1 − D(G(z))), eq. 1, not −log D(G(z))
    smooth: Fraction = 0.0                  # real pictures count as 1 - smooth: the critic stays humble
    dropout: Fraction = 0.4                 # share of the critic's units that are silent in a step
    average: Fraction = 0.99                # decay of the painter's average (0: none)

    @classmethod
    def suits(cls, data, asked):
        """Wider layers and fewer epochs for larger pictures: about 1,500,000 of them in all."""
        examples, pixels = len(data.splits.get("train", ())), math.prod(data.inputs.shape)
        if pixels < 256 or not examples:
            return {}
        epochs = round(max(1.0, 1_500_000 / examples), 1)
        return {"width": 1024, "epochs": epochs, "lr": 0.0005, "average": 0.999}

    def build(self, data):
        self.names, self.kinds = data.target.names if isinstance(data.target, Label) else (), 1
        self.generator = self.place(generator(data.inputs, self.width))
        self.discriminator = self.place(discriminator(data.inputs, max(1, self.width // 4), self.dropout))
        betas = (self.beta, 0.999)
        self.painting = optim.make("adam", self.generator, self.lr, betas=betas)
        self.looking = optim.make("adam", self.discriminator, self.lr, betas=betas)
        self.ema = optim.Average(self.generator, self.average) if self.average else None
        self.stream, self.turn = data.stream("train", self.batch, self.epochs), 0
        self.watch = contest.Watch(self.device, 1, "bce", self.smooth, tries=("dropout=0.6", "smooth=0.1"))

    def steps(self):
        """Algorithm 1: k steps of the discriminator, then one of the generator, over and over."""
        for real, _ in self.stream:                                         # uint8 (B, C, H, W)
            for adam in (self.painting, self.looking):                      # settle in the second half
                optim.set_rate(adam, self.lr * min(1.0, 2 - 2 * self.progress))
            y = torch.zeros(len(real), dtype=torch.long, device=real.device)        # the paper has no classes
            fake = self.generator(self.noise(y))                            # one painting serves both
            told = {"discriminator": self.look(real, y, fake)}
            self.turn += 1
            if self.turn % self.critics == 0:
                told["generator"] = self.paint(y, fake)
                if self.ema is not None:
                    self.ema.update(self.generator)
            hope = None if self.saturating else told.get("generator")
            self.said = self.watch.see(real / 127.5, fake, y, told["discriminator"], hope)
            yield told

    def look(self, real, y, fake=None):
        """The discriminator's step: real pictures uint8 (B, C, H, W) against painted ones."""
        fake = self.generator(self.noise(y)) if fake is None else fake
        loss = contest.caught(self.real(real / 127.5 - 1), self.real(fake.detach()), smooth=self.smooth)
        return self.descend(loss, self.looking, name="discriminator's loss")

    def paint(self, y, fake=None):
        """The generator's step: as many pictures as y (B,) is long should pass for real ones."""
        fake = self.generator(self.noise(y)) if fake is None else fake
        with contest.still(self.discriminator):
            loss = contest.fooled(self.real(fake), "minimax" if self.saturating else "bce")
        return self.descend(loss, self.painting, name="generator's loss")

    def evaluate(self, split="valid"):
        return judge.compared(self.data, split, self.sample)

    def predict(self, noise):
        """Noise (B, 64) -> pictures (B, C, H, W), 0…1."""
        return self.network()(noise) / 2 + 0.5

    def sample(self, count: int, seed: int = 0):
        """Pictures from the noise of a seed: uint8 (count, C, H, W)."""
        return self.painted(self.example(count, seed))

    def walk(self, count: int, seed: int = 0):
        """Even steps from one sample to another: uint8 (count, C, H, W)."""
        first, last = self.example(2, seed)
        return self.painted(arc(first, last, count))

    def painted(self, codes):
        """Codes, that is noise (B, 64) -> uint8 pictures (B, C, H, W)."""
        return stored(self.predict(codes))

    def centre(self):
        """Where sliders begin (64,): a sample. No noise at all is a place that the generator never saw."""
        return self.example(1)[0]

    def axes(self, count: int):
        """The most visible directions of the noise (count, 64), each one standard deviation long."""
        return contest.visible(self.predict, self.example(10, seed=3), NOISE, count)

    def panels(self):
        codes = self.example(7, seed=5)
        yield contest.walks(self.painted, codes[:6], codes[1:])
        yield contest.sliders(self.painted, self.centre(), self.axes(6))

    def network(self):
        return self.ema.module if self.ema is not None else self.generator

    def real(self, x, y=None):
        """The discriminator's logits (B,) that pictures −1…1 are real ones."""
        return self.discriminator(x)[:, 0]

    def noise(self, y, draw: torch.Generator | None = None):
        """New noise (B, 64) for pictures of y (B,)."""
        return torch.randn(len(y), NOISE, generator=draw).to(self.device)

    def example(self, count: int, seed: int = 0):
        """What `predict` takes, from a seed."""
        return self.noise(range(count), torch.Generator().manual_seed(seed))


class Maxout(nn.Module):
    """Units that are the largest of some lines (Goodfellow et al. 2013): (B, inputs) -> (B, units)."""

    def __init__(self, inputs: int, units: int, pieces: int = PIECES):
        super().__init__()
        self.lines = nn.Linear(inputs, units * pieces)
        self.fold = nn.Unflatten(1, (units, pieces))

    def forward(self, x):
        return self.fold(self.lines(x)).amax(2)


def generator(kind: Image, width: int) -> nn.Sequential:
    """Noise (B, 64) -> pictures (B, C, H, W) in −1…1: rectified layers, then as many units as pixels."""
    return nn.Sequential(nn.Linear(NOISE, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                         nn.Linear(width, math.prod(kind.shape)), nn.Tanh(), nn.Unflatten(1, kind.shape))


def discriminator(kind: Image, width: int, dropout: float) -> nn.Sequential:
    """Pictures (B, C, H, W) -> logits (B, 1): maxout layers with dropout, as in section 5."""
    return nn.Sequential(nn.Flatten(), Maxout(math.prod(kind.shape), width), nn.Dropout(dropout),
                         Maxout(width, width), nn.Dropout(dropout), nn.Linear(width, 1))
