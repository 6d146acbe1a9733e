"""DCGAN: one network paints, another looks for the forgeries (Radford, Metz and Chintala 2016)."""
import math
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Count, Fraction, Rate, Size, Times
from deepen.core.system import System
from deepen.core.words import Failure, Problem
from deepen.nn import judge, losses, optim

NOISE, ALBUM = 64, 512          # length of a noise vector; pictures that are judged
LOST = 500                      # steps in a row without one forgery believed: the contest is over


@dataclass
class DCGAN(System):
    """Paints pictures like those it was shown."""
    goal = (Image, Image)
    default_data = "digits"
    score = "frechet_own"
    precision = "fp32"                      # nets this small lose more to casting than bf16 brings
    tiny = dict(data="stripes", epochs=12, batch=32, width=8)

    epochs: Times = 100                     # times through the training data
    batch: Count = 64                       # real pictures a step, and as many painted ones
    width: Size = 64                        # channels of the largest pictures' layer
    lr: Rate = 0.001                        # learning rate of both networks
    beta: Fraction = 0.5                    # how long Adam remembers the direction (the paper's β1)
    smooth: Fraction = 0.1                  # real pictures count as 1 - smooth: the critic stays humble
    by_class: bool = True                   # tell both networks the class (Mirza 2014); false: the paper
    average: Fraction = 0.99                # decay of the painter's average (0: none)

    def build(self, data):
        if not isinstance(data.target, Label):
            raise Problem("dcgan is judged by the classes of its pictures, and this data has none; "
                          "give it class folders")
        self.kinds = len(data.target.names) if self.by_class else 1
        self.generator = self.place(generator(data.inputs, NOISE + self.kinds, self.width).apply(begin))
        self.discriminator = self.place(discriminator(data.inputs, self.kinds, self.width).apply(begin))
        betas = (self.beta, 0.999)
        self.painting = optim.make("adam", self.generator, self.lr, betas=betas)
        self.looking = optim.make("adam", self.discriminator, self.lr, betas=betas)
        self.ema = optim.Average(self.generator, self.average) if self.average else None
        self.stream = data.stream("train", self.batch, self.epochs)
        self.turn, self.lost = 0, torch.zeros((), dtype=torch.int64, device=self.device)

    def steps(self):
        for real, y in self.stream:                                         # uint8 (B, C, H, W), classes (B,)
            for adam in (self.painting, self.looking):                      # settle in the second half
                optim.set_rate(adam, self.lr * min(1.0, 2 - 2 * self.progress))
            real = real.float() / 127.5 - 1
            y = y % self.kinds
            fake = self.generator(self.noise(y))

            caught = (losses.bce(self.real(real, y), 1 - self.smooth)
                      + losses.bce(self.real(fake.detach(), y), 0.0))
            caught = self.descend(caught, self.looking, name="discriminator's loss")

            fooled = losses.bce(self.real(fake, y), 1.0)           # non-saturating: −log D(G(z))
            fooled = self.descend(fooled, self.painting, name="generator's loss")

            if self.ema is not None:
                self.ema.update(self.generator)
            self.turn, self.lost = self.turn + 1, torch.where(fooled > 10, self.lost + 1, 0)
            if self.turn % LOST == 0 and self.lost >= LOST:
                raise Failure("the discriminator has caught every picture for {steps} steps, so the "
                              "generator learns nothing; the last good state is kept. Try a smaller lr, or "
                              "smooth=0.2", steps=LOST)
            yield {"discriminator": caught, "generator": fooled}

    def evaluate(self, split="valid"):
        train, seen = self.data.split("train"), self.data.split(split)
        critic = judge.judge_of(*train[:], classes=len(self.data.target.names))
        painted, p = judge.looked(critic, self.sample(ALBUM, seed=1))
        shown, _ = judge.looked(critic, seen[:][0])
        return {"recognised": judge.recognised(p), "modes": judge.modes(p),
                "frechet_own": judge.frechet_own(painted, shown)}

    def predict(self, noise):
        """Noise and class (B, 64 + classes) -> pictures (B, C, H, W), 0…1."""
        return self.network()(noise) / 2 + 0.5

    def sample(self, count: int, seed: int = 0):
        """Pictures from the noise of a seed, class after class: uint8 (count, C, H, W)."""
        return (self.predict(self.example(count, seed)).clamp(0, 1) * 255).round().to(torch.uint8)

    def network(self):
        return self.ema.module if self.ema is not None else self.generator

    def real(self, x, y):
        """The critic's logits (B,) that pictures are real ones of their class."""
        return self.discriminator(x).gather(1, y[:, None])[:, 0]

    def noise(self, y, draw: torch.Generator | None = None):
        """Noise with the class behind it: (B, 64 + classes)."""
        z = torch.randn(len(y), NOISE, generator=draw).to(self.device)
        return torch.cat([z, nn.functional.one_hot(y, self.kinds)], 1)

    def example(self, count: int, seed: int = 0):
        """What `predict` takes, class after class."""
        y = torch.arange(count, device=self.device) % self.kinds
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


def discriminator(kind: Image, classes: int, width: int) -> nn.Sequential:
    """Pictures (B, C, H, W) -> logits (B, classes): strided convolutions, the first without norm."""
    depth = depth_of(kind)
    layers: list[nn.Module] = [nn.Conv2d(kind.channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for step in range(1, depth):
        inside = width * 2**(step - 1)
        layers += [nn.Conv2d(inside, 2 * inside, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(2 * inside), nn.LeakyReLU(0.2)]
    rest = (kind.height // 2**depth, kind.width // 2**depth)
    return nn.Sequential(*layers, nn.Conv2d(width * 2**(depth - 1), classes, rest), nn.Flatten())


def begin(layer: nn.Module) -> None:
    """Weights N(0, 0.02), norms N(1, 0.02), as in the paper."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
