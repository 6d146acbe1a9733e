"""VAE: codes that are normal by design, so that new pictures can be drawn (Kingma and Welling 2014;
Rezende et al. 2014)."""
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.nn import codes, judge, optim
from deepen.nn.codes import between, normal, pictures, unit

FEW = 200                   # pictures whose bound is measured while it learns
ROWS = 5000                 # codes decoded at once
SMALL = {"widths": "200,200", "code": 10, "batch": 64}              # what suits pictures of 16×16 and less


@dataclass
class VAE(System):
    """Learns how pictures come about from a few normal numbers, and draws new ones."""
    goal = (Image, Image)
    default_data = "digits"
    score = "nats"                          # −log p of a picture, by importance sampling
    tiny = dict(data="stripes", widths="64", code=4, epochs=20, batch=32, lr=0.003, judged=20)

    widths: str = "500,500"                 # hidden layers on the way to the code; the way back is its mirror
    code: Count = 50                        # normal numbers behind a picture
    likelihood: Literal["bernoulli", "logistic"] = "bernoulli"  # pixels are on or off; or one of 256 values
    samples: Count = 1                      # codes a picture while learning; more: the tighter bound (IWAE)
    anneal: Fraction = 0.1                  # share of the run in which the KL term comes in
    beta: Amount = 1.0                      # weight of the KL term after that; 1: the bound
    judged: Count = 500                     # codes a picture when nats are measured
    epochs: Times | None = None             # times through the pictures (none: 7000 / √examples)
    batch: Count = 256                      # pictures a step
    lr: Annotated[Rate, Live] = 0.001       # learning rate of Adam at its highest
    schedule: optim.Schedule = "cosine"     # the rate over time

    @classmethod
    def suits(cls, data, asked):
        """Fewer numbers for small pictures; 256 values a pixel for coloured ones."""
        small = SMALL if data.inputs.height * data.inputs.width <= 256 else {}
        return {**small, **({"likelihood": "logistic"} if data.inputs.channels > 1 else {})}

    def build(self, data):
        self.shape = list(data.inputs.shape)
        self.model = self.place(Net(codes.numbers_of(data.inputs), codes.widths_of(self.widths), self.code,
                                    self.likelihood == "logistic"))
        self.rule = optim.make("adam", self.model, self.lr)
        examples = len(data.splits.get("train", ()))
        self.stream = data.stream("train", self.batch, self.epochs or 7000 / max(1, examples) ** 0.5)

    def steps(self):
        for x, _ in self.stream:                                            # uint8 (B, C, H, W)
            optim.set_rate(self.rule, self.lr * optim.schedule(self.schedule, self.progress))
            beta = self.beta * min(1.0, self.progress / self.anneal if self.anneal else 1.0)
            x = self.observed(x)                                                # (B, P)
            mean, logvar, z, out = self.model(x, self.samples)          # (B, D) twice, (k, B, D), (k, B, P)
            fits = self.fits(x, out)                                        # log p(x|z) (k, B)
            far = kl(mean, logvar)
            if self.samples == 1:
                loss = (beta * far - fits[0]).mean()                        # Kingma & Welling, eq. 10
            else:
                w = fits + beta * (log_normal(z) - log_normal(z, mean, logvar))
                loss = -(w.logsumexp(0) - math.log(self.samples)).mean()    # Burda et al. 2016, eq. 8
            loss = self.descend(loss, self.rule)
            yield {"loss": loss, "kl": far.detach().mean()}

    def observed(self, x, draw: torch.Generator | None = None):
        """Pictures uint8 (B, C, H, W) as the likelihood takes them, (B, P): grey is the chance of white,
        drawn anew each time; with `draw` always alike."""
        x = unit(x)
        if self.likelihood == "logistic":
            return x
        chance = torch.rand(x.shape, generator=draw).to(x.device) if draw else torch.rand_like(x)
        return (chance < x).float()

    def fits(self, x, out):
        """log p(x|z) (…, B) of pictures x (B, P) under what the decoder says, (…, B, P); in float32."""
        if self.likelihood == "bernoulli":
            return (x * out.float() - F.softplus(out.float())).sum(-1)
        return log_logistic(x, out.float().sigmoid(), self.network().scale).sum(-1)

    def evaluate(self, split="valid"):
        draw, seen = torch.Generator().manual_seed(0), self.data.split(split)
        total, fars = 0.0, torch.zeros(self.code, device=self.device)
        with torch.autocast(self.device.type, enabled=False):
            for x, _ in self.data.batches(split):
                x = self.observed(x, draw)
                mean, logvar, _, out = self.network()(x, draw=draw)
                total += (kl(mean, logvar) - self.fits(x, out[0])).sum().item()
                fars += each_kl(mean, logvar).sum(0)
            few = seen[codes.some_of(len(seen), FEW)][0]
            tight, loose = self.bound(few, self.judged, draw)
            loss = total / len(seen)
            told = {"nats": loss - (tight - loose).mean().item(), "loss": loss,
                    "active": (fars / len(seen) > 0.01).sum().item()}
            return told | judge.compared(self.data, split, self.sample)

    def bound(self, x, k: int, draw: torch.Generator | None = None):
        """(L_k, L_1) of pictures uint8 (N, C, H, W), (N,) each: log p(x) is at least L_k, the log of the mean
        of k weights p(x, z) / q(z|x); L_k is at least the mean of their logs (Burda et al. 2016, eq. 8)."""
        tight, loose = [], []
        for part in x.split(max(1, ROWS // k)):
            part = self.observed(part, draw)
            mean, logvar, z, out = self.network()(part, k, draw)
            w = self.fits(part, out) + log_normal(z) - log_normal(z, mean, logvar)              # (k, B)
            tight.append(w.logsumexp(0) - math.log(k))
            loose.append(w.mean(0))
        return torch.cat(tight), torch.cat(loose)

    def predict(self, inputs):
        """Pictures (B, C, H, W) as they come back from the middle of their codes, 0…1."""
        return self.network().decode(self.codes(inputs)).float().sigmoid().view(-1, *self.shape)

    # the space of codes

    def codes(self, x):
        """Pictures uint8 (B, C, H, W) -> the middles of their codes (B, code)."""
        return self.network().encode(unit(x))[0]

    def painted(self, codes):
        """Codes (B, code) -> pictures uint8 (B, C, H, W): the chance of white, or the middle value."""
        return pictures(self.network().decode(codes.to(self.device)).float().sigmoid(), self.shape)

    def centre(self):
        return torch.zeros(self.code, device=self.device)

    def axes(self, count: int):
        """Directions (count, code) one standard deviation of the prior long, most visible first: the
        principal ones of the codes, for what the decoder ignores is noise."""
        ways = F.normalize(self.network().cloud.axes())
        return codes.most_visible(self.painted, self.centre(), ways)[:count]

    def sample(self, count: int, seed: int = 0,
               spread: Amount = 1.0):           # standard deviation of the codes; below 1: safer, more alike
        """Pictures of codes drawn from the prior: uint8 (count, C, H, W)."""
        return self.painted(spread * normal(count, self.code, seed))

    def walk(self, count: int, seed: int = 0,
             stops: Count = 2):                 # pictures that the way leads through, its ends counted
        """Even steps through codes drawn from the prior: uint8 (count, C, H, W)."""
        return self.painted(between(normal(max(2, stops), self.code, seed), count))

    def panels(self):
        plane = F.normalize(self.network().cloud.axes())[:2]
        return codes.latent_panels(self.data, self.codes, self.painted, self.centre(), self.axes(8), plane)


class Net(nn.Module):
    """q(z|x) and p(x|z): pictures (B, P) in 0…1 to codes and back."""

    def __init__(self, size: int, widths: list[int], code: int, scaled: bool = False):
        super().__init__()
        self.encoder = codes.dense([size, *widths, 2 * code])
        self.decoder = codes.dense([code, *reversed(widths), size])
        self.scale = nn.Parameter(torch.full((size,), -2.0)) if scaled else None       # log s, logistic
        self.cloud = codes.Cloud(code)

    def encode(self, x):
        """Mean and log variance of q(z|x), (B, D) each."""
        mean, logvar = self.encoder(x).float().chunk(2, 1)
        return mean, logvar

    def decode(self, z):
        """Logits (…, P)."""
        return self.decoder(z)

    def forward(self, x, k: int = 1, draw: torch.Generator | None = None):
        """k codes z = μ + σε of each picture, what each is decoded to: μ, log σ², z (k, B, D), (k, B, P)."""
        mean, logvar = self.encode(x)
        noise = torch.randn(k, *mean.shape, generator=draw, device="cpu" if draw else mean.device)
        z = mean + (0.5 * logvar).exp() * noise.to(mean.device)
        if self.training:
            self.cloud(mean)
        return mean, logvar, z, self.decode(z)


def each_kl(mean, logvar):
    """KL(N(μ, σ²) ‖ N(0, 1)) of every number, in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def kl(mean, logvar):
    """KL(q(z|x) ‖ p(z)) (B,), in nats."""
    return each_kl(mean, logvar).sum(-1)


def log_normal(z, mean=0.0, logvar=None):
    """log N(z; μ, σ²), summed over the numbers of a code."""
    logvar = torch.zeros_like(z) if logvar is None else logvar
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean).square() / logvar.exp()).sum(-1)


def log_logistic(x, mean, scale):
    """log of the mass that a logistic distribution round `mean` with log width `scale` has on each of the 256
    values x in 0…1 (Kingma et al. 2016): log(σ(b) − σ(a)) = log σ(b) + log σ(−a) + log(1 − e^(a−b)). The
    first and the last value take what lies beyond."""
    s = scale.clamp(min=-7).exp()
    a, b = (x - 1 / 510 - mean) / s, (x + 1 / 510 - mean) / s
    lower, upper = F.logsigmoid(b), F.logsigmoid(-a)
    inside = lower + upper + torch.log(-torch.expm1(-1 / (255 * s)))
    return torch.where(x < 0.5 / 255, lower, torch.where(x > 254.5 / 255, upper, inside))
