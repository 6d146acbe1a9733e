"""RBM: pixels and hidden bits that explain each other, stacked into a deep belief network (Hinton 2002;
Hinton, Osindero and Teh 2006)."""
import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times, Word
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import Failure, say
from deepen.nn import codes
from deepen.nn.codes import pictures, unit

BLOCK = 64                      # chains that share their random numbers
FRAMES = 48                     # of a film
SMALL = {"layers": "100,50", "batch": 20}                   # what suits pictures of 16×16 and less


@dataclass
class RBM(System):
    """Learns features of pictures without classes, layer upon layer, and dreams pictures from them."""
    goal = (Image, Image)
    default_data = "digits"
    score = "loss"                          # squared error of a picture that went up the stack and came down
    precision = "fp32"                      # the slope is the difference of two numbers that are nearly alike
    transient = ("plain",)
    tiny = dict(data="stripes", layers="48,24", epochs=60, batch=20)

    layers: str = "500,250"                 # hidden bits of each machine, one upon another
    cd: Count = 1                           # Gibbs steps between what is and what the machine makes of it
    persistent: bool = False                # its own chains go on from step to step (Tieleman 2008)
    epochs: Times | None = None             # times through the pictures, each layer (none: 4000 / √examples)
    batch: Count = 100                      # pictures a step
    lr: Annotated[Rate, Live] = 0.1         # learning rate, falling in a line
    momentum: Fraction = 0.9                # how much of a step goes on; 0.5 in a layer's first tenth
    decay: Amount = 0.0002                  # weight decay

    @classmethod
    def suits(cls, data, asked):
        """Fewer bits for small pictures."""
        return SMALL if data.inputs.height * data.inputs.width <= 256 else {}

    def build(self, data):
        size = codes.numbers_of(data.inputs)
        self.shape = list(data.inputs.shape)
        sizes = [size, *codes.widths_of(self.layers)]
        self.model = self.place(Stack(sizes))
        self.speed = [[torch.zeros_like(w) for w in one.weights()] for one in self.model.machines]
        examples = len(data.splits.get("train", ()))
        epochs = self.epochs or 4000 / max(1, examples) ** 0.5
        self.streams = [data.stream("train", self.batch, epochs) for _ in self.model.machines]
        self.chains = [drawn(torch.full((self.batch, bits), 0.5)).to(self.device) for bits in sizes[1:]]
        self.stage, self.plain = 0, None

    @property
    def planned(self):
        return sum(len(stream) for stream in self.streams)

    @property
    def seen(self):
        return sum(stream.consumed for stream in self.streams)

    @torch.no_grad()
    def steps(self):
        floors = len(self.model.machines)
        while self.stage < floors:                                      # greedy: one machine after another
            machine, stream = self.model.machines[self.stage], self.streams[self.stage]
            if not stream.consumed:
                x = codes.shown(self.data, "train", codes.READ)[0]
                rate = self.model.up(unit(x), self.stage).mean(0).clamp(0.01, 0.99)
                machine.b.copy_(rate.logit())                           # Hinton 2010, section 8
                self.model.learned.fill_(self.stage + 1)
            for x, _ in stream:                                         # uint8 (B, C, H, W)
                v = self.model.up(unit(x), self.stage)                  # what those below make of it (B, V)
                share = max(stream.consumed / stream.total, floors * self.progress - self.stage)
                error = self.learn(machine, v, min(1.0, share))
                if not math.isfinite(error):
                    raise Failure("the {name} became {value}; the last good state is kept. Try a smaller "
                                  "learning rate, for example a tenth of it", value=error,
                                  name=Word("reconstruction error"))
                yield {"reconstruction": error, "layer": self.stage + 1}
                if self.progress >= (self.stage + 1) / floors:          # minutes are shared out, too
                    break
            self.stage += 1

    def learn(self, machine, v, share: float) -> float:
        """A step of contrastive divergence at `share` 0…1 of a layer's time; the error of what comes back."""
        v = drawn(v) if self.persistent else v                          # bits, as the chains have them
        p = machine.up(v)                                               # p(h = 1 | data)
        h = self.chains[self.stage][: len(v)] if self.persistent else drawn(p)
        for _ in range(self.cd):
            u, h, q = machine.gibbs(h, soft=not self.persistent)       # grey pixels: grey ones back, too
        if self.persistent:
            self.chains[self.stage][: len(v)] = h
        momentum = self.momentum if share > 0.1 else min(0.5, self.momentum)        # Hinton 2010, section 9
        slopes = machine.slopes(v, p, u, q)
        for w, speed, slope in zip(machine.weights(), self.speed[self.stage], slopes, strict=True):
            slope = slope - self.decay * w if w.ndim > 1 else slope
            speed.mul_(momentum).add_(slope, alpha=self.lr * (1 - share))
            w += speed
        return (machine.down(drawn(p)) - v).square().sum(1).mean().item()

    def evaluate(self, split="valid"):
        """All of the stack, learned or not yet: states of different stages can be compared."""
        x, first = codes.shown(self.data, split)[0], self.model.machines[0]
        errors = ((self.model(part) - unit(part)).square().sum().item() for part in x.split(1000))
        found = {"loss": sum(errors) / len(x)}
        few = codes.shown(self.data, "train", len(x))[0]
        found["energy_gap"] = (first.energy(unit(x)).mean() - first.energy(unit(few)).mean()).item()
        return {**found, **codes.probed(self.data, split, self.features)}

    def beside(self, split="valid"):
        """What as many principal components reach: of linear codes the best at coming back."""
        if not len(self.data.splits.get("train", ())):
            return {}
        if self.plain is None:
            train = unit(codes.shown(self.data, "train")[0])
            self.plain = codes.Plain(train, self.model.machines[-1].c.numel())
        return {say("PCA with {count} numbers", count=len(self.plain.axes)): {
            "loss": self.plain.error(unit(codes.shown(self.data, split)[0])),
            **codes.probed(self.data, split, lambda x: self.plain.codes(unit(x)))}}

    def predict(self, inputs):
        """Pictures (B, C, H, W) as they come back through the whole stack, 0…1."""
        return self.network()(inputs).view(-1, *self.shape)

    def features(self, x):
        """Pictures uint8 (B, C, H, W) -> how likely each bit of the top is on (B, H)."""
        return self.model.up(unit(x))

    def sample(self, count: int, seed: int = 0,
               steps: Count = 1000):            # Gibbs steps of the machine on top before a picture is taken
        """Pictures at the end of chains that began with random bits: uint8 (count, C, H, W)."""
        return list(self.unfolds(count, seed, steps))[-1]

    def unfolds(self, count: int, seed: int = 0,
                steps: Count = 1000):           # Gibbs steps of the machine on top, from random bits
        """The chains on their way, first quickly changing, then slowly: uint8 (count, C, H, W) each."""
        floors = max(1, int(self.model.learned))                    # those above know nothing yet
        top = self.model.machines[floors - 1]
        blocks = range(math.ceil(count / BLOCK))
        draws = [torch.Generator().manual_seed(seed * 10_007 + block) for block in blocks]
        h = drawn(torch.full((BLOCK * len(draws), top.c.numel()), 0.5, device=self.device), draws)
        shown = {round(steps ** (i / (FRAMES - 1))) for i in range(FRAMES)}
        for step in range(1, steps + 1):
            v = top.down(h)
            if step in shown:
                yield pictures(self.model.down(v, floors - 1), self.shape)[:count]
            h = drawn(top.up(drawn(v, draws)), draws)

    def panels(self):
        first = self.model.machines[0].W.T                                          # (H, P)
        first = first[first.norm(dim=1).argsort(descending=True)[:100]]
        shown = pictures(0.5 + 0.5 * first / first.abs().amax(1, keepdim=True).clamp(min=1e-9), self.shape)
        yield Panel(say("What the first bits look for"), say(
            "The weights of a hidden bit to the pixels: it comes on where the picture is bright at bright "
            "places and dark at dark ones; grey is no weight."), shown.cpu(), across=10)
        yield Panel(say("A chain of dreams"), say(
            "The bits of the top explain pixels and pixels explain bits, a thousand times to and fro, "
            "beginning with random bits. Nothing is shown to it meanwhile."),
            torch.cat(list(self.unfolds(36))).cpu(), across=36, film=True)
        x, _, names, rows = codes.looked_at(self.data, 12)
        yield codes.came_back(x[rows], pictures(self.model(x[rows]), self.shape))
        if names:
            part = "valid" if len(self.data.splits.get("valid", ())) else "train"
            bits, pixels = (codes.probed(self.data, part, of)["probe"] for of in (self.features, unit))
            [(name, plain)] = self.beside(part).items()
            yield Panel(say("What a straight line can read"), say(
                "One linear classifier, three times: from the {count} bits of the top it finds {share} of "
                "the classes, from {name} {other}, from the pixels themselves {pixels}.", share=f"{bits:.1%}",
                count=self.features(x[:1]).shape[1], name=name, other=f"{plain['probe']:.1%}",
                pixels=f"{pixels:.1%}"))


class Machine(nn.Module):
    """A restricted Boltzmann machine: bits v (V) and h (H), none of a side connected with its own.

    E(v, h) = −vᵀWh − bᵀv − cᵀh; p(v, h) = e^−E / Z (Hinton 2002, section 5)."""

    def __init__(self, visible: int, hidden: int):
        super().__init__()
        self.W = nn.Parameter(0.01 * torch.randn(visible, hidden), requires_grad=False)
        self.b = nn.Parameter(torch.zeros(visible), requires_grad=False)
        self.c = nn.Parameter(torch.zeros(hidden), requires_grad=False)

    def weights(self):
        return self.W, self.b, self.c

    def up(self, v):
        """p(h = 1 | v): (B, V) -> (B, H)."""
        return torch.sigmoid(v @ self.W + self.c)

    def down(self, h):
        """p(v = 1 | h): (B, H) -> (B, V)."""
        return torch.sigmoid(h @ self.W.T + self.b)

    def gibbs(self, h, soft: bool = False):
        """A step from bits h (B, H): bits of v, bits of h, and how likely these were. `soft`: instead of bits
        of v their probabilities, less noisy and a little biased (Hinton 2010, section 3.2)."""
        v = self.down(h) if soft else drawn(self.down(h))
        p = self.up(v)
        return v, drawn(p), p

    def energy(self, v):
        """Free energy F(v) = −bᵀv − Σ log(1 + e^(c + vW)), (B,): p(v) = e^−F(v) / Z."""
        return -(v @ self.b) - F.softplus(v @ self.W + self.c).sum(1)

    def slopes(self, v, p, u, q):
        """The slope of log p(v) by W, b and c: what goes with data v (B, V), p = p(h|v), less what goes with
        the machine's own u, q (Hinton 2002, eq. 5)."""
        return v.T @ p / len(v) - u.T @ q / len(u), v.mean(0) - u.mean(0), p.mean(0) - q.mean(0)


class Stack(nn.Module):
    """Machines one upon another: the hidden bits of one are what the next one sees.

    `learned`: how many of them have begun to."""
    learned: torch.Tensor

    def __init__(self, sizes: list[int]):
        super().__init__()
        self.machines = nn.ModuleList(Machine(v, h) for v, h in pairwise(sizes))
        self.register_buffer("learned", torch.zeros((), dtype=torch.int64))

    def up(self, v, floors: int | None = None):
        for machine in self.machines[:floors]:
            v = machine.up(v)                                           # type: ignore[operator]
        return v

    def down(self, h, floors: int | None = None):
        for machine in reversed(self.machines[:floors]):
            h = machine.down(h)                                         # type: ignore[operator]
        return h

    def forward(self, x):
        return self.down(self.up(unit(x)))


def drawn(p, draws: list[torch.Generator] | None = None):
    """Bits that are 1 with probabilities p (B, N); with `draws`, one generator for each block of 64 rows."""
    if draws is None:
        return (torch.rand_like(p) < p).to(p.dtype)
    chance = torch.cat([torch.rand(BLOCK, p.shape[1], generator=draw) for draw in draws])
    return (chance.to(p.device) < p).to(p.dtype)
