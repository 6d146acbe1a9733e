"""A system of nobody's textbook that makes pictures in every way there is, in no time: the Studio's tests train it."""
from dataclasses import dataclass
from typing import Literal

import torch

from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Count, Fraction
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import Problem


@dataclass
class Blender(System):
    """Blends the pictures it was shown: their mean, and the directions in which they differ."""
    goal = (Image, Image)
    default_data = "stripes"
    score = "loss"
    tiny = dict()

    keep: Count = 12                        # directions that are kept

    def build(self, data):
        train = data.splits.get("train")
        self.names = data.target.names
        x = train[:][0].flatten(1).float() if train is not None else torch.zeros(2, data.inputs.shape[1] * data.inputs.shape[2])
        self.net = torch.nn.Module()
        self.net.register_buffer("middle", x.mean(0))
        ways = torch.linalg.svd(x - x.mean(0), full_matrices=False)
        size = ways.S[: self.keep] / max(1, len(x) - 1) ** 0.5
        self.net.register_buffer("ways", torch.zeros(self.keep, x.shape[1]))
        self.net.ways[: len(size)] = ways.Vh[: self.keep] * size[:, None]
        self.shape = data.inputs.shape
        self.transient = ("shape", "names")

    def steps(self):
        yield {"loss": 1.0}

    def evaluate(self, split="valid"):
        return {"loss": 1.0}

    def predict(self, codes):
        return self.painted(codes).float() / 255

    def network(self):
        return self.net

    def painted(self, codes):
        return (self.net.middle + codes @ self.net.ways).clamp(0, 255).round().to(torch.uint8).view(-1, *self.shape)

    def example(self, count, seed=0):
        return torch.randn(count, self.keep, generator=torch.Generator().manual_seed(seed))

    def axes(self, count):
        return torch.eye(self.keep)[:count]

    def centre(self):
        return torch.zeros(self.keep)

    def sample(self, count: int, seed: int = 0,
               class_: str = "",                    # the class that is asked for
               steps: Count | None = None,          # how often it is stirred
               warm: Fraction = 1.0,                # how far from the mean
               sort: Literal["smooth", "sharp"] = "smooth",     # what edges are like
               bright: bool = False,                # twice as bright
               pull: Amount = 1.0):
        """Blends: uint8 (count, C, H, W)."""
        if class_ and class_ not in self.names:
            raise Problem("{wanted} is no class here", wanted=class_)
        codes = torch.stack([torch.randn(self.keep, generator=torch.Generator().manual_seed(1000 * seed + i)) for i in range(count)])
        made = self.painted(warm * codes)
        made = (made > 127).to(torch.uint8) * 255 if sort == "sharp" else made
        return (made.int() * (1 + bright)).clamp(max=255).to(torch.uint8)

    def unfolds(self, count: int, seed: int = 0, class_: str = "", steps: Count | None = None):
        noise = torch.randint(0, 256, (count, *self.shape), generator=torch.Generator().manual_seed(seed))
        last = self.sample(count, seed, class_)
        for share in torch.linspace(0, 1, (steps or 20) + 1):
            yield (noise * (1 - share) + last * share).round().to(torch.uint8)

    def walk(self, count: int, seed: int = 0):
        a, b = self.sample(2, seed).float()
        return torch.stack([(a + (b - a) * t).round().to(torch.uint8) for t in torch.linspace(0, 1, count)])

    def panels(self):
        made = self.sample(12)
        yield Panel("Blends", "Twelve of them.", made, across=4)
        yield Panel("Named", "Three rows.", made, across=4, names=("one", "two", "three"))
        yield Panel("Film", "As they come.", torch.cat(list(self.unfolds(2, steps=5))), across=2, film=True)
        yield Panel("Plane", "Where they lie.", points=torch.randn(40, 2, generator=torch.Generator().manual_seed(0)),
                    classes=torch.arange(40) % 2, names=("left", "right"))
