"""Autoencoder: pictures through a few numbers and back (Hinton and Salakhutdinov 2006; denoising: Vincent
et al. 2008)."""
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from deepen.core.kinds import Image
from deepen.core.recipe import Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import say
from deepen.nn import codes, optim
from deepen.nn.codes import between, normal, pictures, unit

SMALL = {"widths": "256,128,64", "code": 10, "batch": 64}              # what suits pictures of 16×16 and less


@dataclass
class Autoencoder(System):
    """Squeezes pictures through a few numbers and paints them again."""
    goal = (Image, Image)
    default_data = "digits"
    score = "loss"                          # squared error of a picture, summed over its numbers 0…1
    transient = ("plain",)
    tiny = dict(data="stripes", widths="64,32", code=8, epochs=20, batch=32, lr=0.003)

    widths: str = "1000,500,250"            # hidden layers on the way to the code; the way back is its mirror
    code: Count = 30                        # numbers that are left of a picture
    noise: Fraction = 0.0                   # share of pixels blanked while learning; wanted is the whole
    bend: Literal["gelu", "relu", "tanh", "sigmoid"] = "gelu"  # between layers; the paper: sigmoid
    epochs: Times | None = None             # times through the pictures (none: 7000 / √examples)
    batch: Count = 128                      # pictures a step
    optimizer: optim.Name = "adam"          # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.002       # learning rate at its highest
    schedule: optim.Schedule = "cosine"     # the rate over time
    warmup: Fraction = 0.02                 # share of the run in which the rate rises

    @classmethod
    def suits(cls, data, asked):
        """Fewer numbers for small pictures."""
        return SMALL if data.inputs.height * data.inputs.width <= 256 else {}

    def build(self, data):
        self.shape = list(data.inputs.shape)
        widths = codes.widths_of(self.widths)
        self.model = self.place(Net(codes.numbers_of(data.inputs), widths, self.code, self.bend))
        self.rule = optim.make(self.optimizer, self.model, self.lr)
        examples = len(data.splits.get("train", ()))
        self.stream = data.stream("train", self.batch, self.epochs or 7000 / max(1, examples) ** 0.5)
        self.plain = None

    def steps(self):
        # measured: 61 % of a step are products in bf16 (fp32: twice as slow), 12 % casts, 9 % GELU, 7 % Adam
        for x, _ in self.stream:                                            # uint8 (B, C, H, W)
            optim.set_rate(self.rule, self.lr * optim.schedule(self.schedule, self.progress, self.warmup))
            y = self.model(self.blanked(x) if self.noise else x)            # (B, P) in 0…1
            loss = (y.float() - unit(x)).square().sum(1).mean()
            yield {"loss": self.descend(loss, self.rule)}

    def blanked(self, x, draw=None):
        """Pictures with a share of their pixels black (Vincent et al. 2008, section 2.3)."""
        where = "cpu" if draw else x.device
        keep = torch.rand(len(x), 1, *x.shape[2:], generator=draw, device=where) >= self.noise
        return x * keep.to(x.device)

    def evaluate(self, split="valid"):
        draw, total, cleaned = torch.Generator().manual_seed(0), 0.0, 0.0
        with torch.autocast(self.device.type, enabled=False):
            for x, _ in self.data.batches(split):
                total += self.error(x, x)
                cleaned += self.error(self.blanked(x, draw), x) if self.noise else 0.0
            count = len(self.data.split(split))
            return {"loss": total / count, **({"denoised": cleaned / count} if self.noise else {}),
                    **codes.probed(self.data, split, self.codes)}

    def error(self, given, wanted):
        return (self.network()(given).float() - unit(wanted)).square().sum().item()

    def beside(self, split="valid"):
        """What the best linear code of the same size reaches (principal components)."""
        if not len(self.data.splits.get("train", ())):
            return {}
        if self.plain is None:
            self.plain = codes.Plain(unit(codes.shown(self.data, "train")[0]), self.code)
        found = {"loss": self.plain.error(unit(codes.shown(self.data, split)[0])),
                 **codes.probed(self.data, split, lambda x: self.plain.codes(unit(x)))}
        return {say("PCA with {count} numbers", count=len(self.plain.axes)): found}

    def predict(self, inputs):
        """Pictures (B, C, H, W) as they come back, 0…1."""
        return self.network()(inputs).view(-1, *self.shape)

    # the space of codes

    def codes(self, x):
        """Pictures uint8 (B, C, H, W) -> codes (B, code)."""
        return self.network().encoder(unit(x)).float()

    def painted(self, codes):
        """Codes (B, code) -> pictures uint8 (B, C, H, W)."""
        return pictures(self.network().decoder(codes.to(self.device)), self.shape)

    def centre(self):
        return self.network().cloud.mean.clone()

    def axes(self, count: int):
        """Directions (count, code) in which codes differ, one standard deviation long, most visible first."""
        return codes.most_visible(self.painted, self.centre(), self.network().cloud.axes())[:count]

    def drawn(self, count: int, seed: int):
        """Codes from the normal distribution that the codes of training pictures would have, had they one."""
        return self.centre() + normal(count, self.code, seed).to(self.device) @ self.network().cloud.axes()

    def sample(self, count: int, seed: int = 0):
        """Pictures of codes drawn where codes lie: uint8 (count, C, H, W)."""
        return self.painted(self.drawn(count, seed))

    def walk(self, count: int, seed: int = 0,
             stops: Count = 2):                 # pictures that the way leads through, its ends counted
        """Even steps through codes drawn at random: uint8 (count, C, H, W)."""
        return self.painted(between(self.drawn(max(2, stops), seed), count))

    def panels(self):
        yield from codes.latent_panels(self.data, self.codes, self.painted, self.centre(), self.axes(8))
        if self.noise:
            x, _, _, rows = codes.looked_at(self.data, 12)
            noisy = self.blanked(x[rows], torch.Generator().manual_seed(0))
            cleaned = pictures(self.predict(noisy), self.shape)
            yield Panel(say("Noise taken away"), say(
                "Above pictures with {share} of their pixels blanked, in the middle what the network made of "
                "them, below the truth.", share=f"{self.noise:.0%}"),
                torch.cat([noisy, cleaned, x[rows]]).cpu(),
                across=len(rows), names=(say("blanked"), say("cleaned"), say("truth")))


class Net(nn.Module):
    """Pictures as stored (B, C, H, W) -> numbers 0…1 (B, P), through a code (B, code)."""

    def __init__(self, size: int, widths: list[int], code: int, bend: str):
        super().__init__()
        self.encoder = codes.dense([size, *widths, code], bend)
        self.decoder = nn.Sequential(*codes.dense([code, *reversed(widths), size], bend), nn.Sigmoid())
        self.cloud = codes.Cloud(code)

    def forward(self, x):
        z = self.encoder(unit(x))
        if self.training:
            self.cloud(z)
        return self.decoder(z)
