"""StyleGAN: noise becomes a style, the style paints, coarse to fine (Karras et al. 2019 and 2020), small."""
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Amount, Count, Fraction, Rate, Size, Times
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import say
from deepen.nn import contest, judge, optim
from deepen.nn.average import Ema
from deepen.nn.canvas import stored
from deepen.nn.codes import most_visible
from deepen.nn.modulated import Critic, Painter, steepness

NOISE, CHUNK = 64, 128                  # length of z; pictures that are painted at once
MANY = 1024                             # styles a class from which their mean and directions are found
LAZY = 16                               # steps between two looks at the critic's steepness (2020, §3.1)
WARM = 100                              # steps in which the learning rate rises
PSI = (0.0, 0.25, 0.5, 0.75, 1.0)       # of the panel of truncation


@dataclass
class StyleGAN(System):
    """Paints pictures whose coarse shape and fine detail can be mixed."""
    goal = (Image, Image)
    default_data = "digits"
    score = "frechet_own"
    tiny = dict(data="stripes", epochs=15, batch=16, width=8)

    epochs: Times = 100                     # times through the training data
    batch: Count = 64                       # real pictures a step, and as many painted ones
    width: Size = 16                        # channels at the full size; twice as many at half of it
    layers: Count = 1                       # convolutions a size; the paper: 2
    style: Size = 128                       # length of a style w
    lr: Rate = 0.01                         # learning rate of both networks
    mapping: Amount = 0.1                   # learning rate of noise → style, as a share of lr
    mixing: Fraction = 0.5                  # share of painted pictures that learn with two styles
    penalty: Amount = 1.0                   # γ of R1: how flat the critic must be at real pictures
    by_class: bool = True                   # tell both networks the class, where there are classes

    @classmethod
    def suits(cls, data, asked):
        """For pictures of 16 pixels and more about 450,000 of them in all, whatever the epochs then are."""
        examples = len(data.splits.get("train", ()))
        if max(data.inputs.height, data.inputs.width) < 16 or not examples:
            return {}
        return {"epochs": round(max(1.0, 450_000 / examples), 1)}

    def build(self, data):
        self.names = data.target.names if isinstance(data.target, Label) else ()
        self.kinds = max(1, len(self.names)) if self.by_class else 1
        painter = Painter(data.inputs, NOISE, self.kinds, self.width, self.style, self.layers)
        self.generator = self.place(painter)
        self.discriminator = self.place(Critic(data.inputs, self.kinds, self.width, self.layers))
        slow = {id(weight) for weight in painter.mapping.parameters()}
        rest = [weight for weight in painter.parameters() if id(weight) not in slow]
        self.painting = optim.make("adam", rest, self.lr, betas=(0.0, 0.99))
        self.painting.add_param_group({"params": list(painter.mapping.parameters()), "scale": self.mapping})
        dense = self.discriminator.weigh.weight         # a step of thousands of its weights moves too far
        rest = [weight for weight in self.discriminator.parameters() if weight is not dense]
        self.looking = optim.make("adam", rest, self.lr, betas=(0.0, 0.99))
        self.looking.add_param_group({"params": [dense], "scale": min(1.0, (512 / dense.shape[1])**0.5)})
        self.ema = Ema(self.generator)
        self.stream = data.stream("train", self.batch, self.epochs)
        other = f"penalty={10 * (self.penalty or 0.1):g}"
        self.watch = contest.Watch(self.device, self.kinds, tries=(other, other))
        self.turn = 0

    def steps(self):
        for real, y in self.stream:                                 # uint8 (B, C, H, W), classes (B,) or None
            for adam in (self.painting, self.looking):              # warm up; settle in the second half
                optim.set_rate(adam, self.lr * min(1.0, (self.turn + 1) / WARM, 2 - 2 * self.progress))
            y = torch.zeros(len(real), dtype=torch.long, device=real.device) if self.kinds == 1 else y
            order = y.argsort(stable=True)      # the critic compares groups of four: let them be of a class
            real, y = real[order], y[order]
            fake = self.mixtures(y)                                 # one painting serves both
            caught, fooled = self.look(real, y, fake), self.paint(y, fake)
            self.ema.update(self.generator, self.progress)
            self.said = self.watch.see(real / 127.5, fake, y, caught, fooled)
            yield {"discriminator": caught, "generator": fooled}

    def look(self, real, y, fake=None):
        """The discriminator's step: real pictures uint8 (B, C, H, W) of classes y (B,) against painted
        ones; every sixteenth time 16 · γ/2 · R1 is added."""
        fake = self.mixtures(y) if fake is None else fake
        real, due = real / 127.5 - 1, bool(self.penalty) and self.turn % LAZY == 0
        loss = contest.caught(*self.real(torch.cat([real, fake.detach()]), torch.cat([y, y])).chunk(2))
        if due:
            real = real.requires_grad_()
            loss = loss + LAZY * self.penalty / 2 * steepness(self.real(real, y), real)
        self.turn += 1
        return self.descend(loss, self.looking, name="discriminator's loss")

    def paint(self, y, fake=None):
        """The generator's step: its pictures of classes y (B,) should pass for real ones."""
        fake = self.mixtures(y) if fake is None else fake
        with contest.still(self.discriminator):
            loss = contest.fooled(self.real(fake, y))               # −log D(G(z)), non-saturating
        return self.descend(loss, self.painting, name="generator's loss")

    def mixtures(self, y):
        """New pictures of classes y (B,), some with a second style from some layer on (2019, §3.1)."""
        last = len(self.network().layers)
        cut = torch.where(torch.rand(len(y)) < self.mixing, torch.randint(1, last, (len(y),)), last)
        return self.generator(self.noise(y), self.noise(y), cut.to(self.device))

    def real(self, x, y):
        """The critic's logits (B,) that pictures are real ones of their class."""
        return self.discriminator(x).gather(1, y[:, None] % self.kinds)[:, 0]

    def noise(self, y, draw: torch.Generator | None = None):
        """New codes for classes y (B,): z, class, and the noise of the layers: (B, taken)."""
        codes = torch.randn(len(y), self.network().taken, generator=draw).to(self.device)
        codes[:, NOISE: NOISE + self.kinds] = nn.functional.one_hot(y % self.kinds, self.kinds).to(codes)
        return codes

    def evaluate(self, split="valid"):
        return judge.compared(self.data, split, self.sample, self.kinds)

    def predict(self, codes):
        """z, class and the noise of the layers (B, taken) -> pictures (B, C, H, W), 0…1."""
        return self.network()(codes) / 2 + 0.5

    def network(self):
        return self.ema.module if self.ema is not None else self.generator

    def example(self, count: int, seed: int = 0, class_: str = ""):
        """What `predict` takes, from a seed: of that class, or class after class."""
        y = contest.wanted(count, self.kinds, self.names, class_).to(self.device)
        return self.noise(y, torch.Generator().manual_seed(seed))

    def sample(self, count: int, seed: int = 0,
               class_: str = "",            # name or number of the class to paint (none: one after another)
               psi: Amount = 1.0):          # variety: 0 is the mean picture of a class, 1 all there is
        """Pictures from the noise of a seed: uint8 (count, C, H, W)."""
        codes = self.example(count, seed, class_)
        return self.shown(self.styled(codes, psi), codes)

    def walk(self, count: int, seed: int = 0,
             class_: str = "",          # name or number of the class to stay in (none: to another one)
             psi: Amount = 1.0):        # variety: 0 is the mean picture of a class, 1 all there is
        """Even steps in w from one sample to another, under one noise: uint8 (count, C, H, W)."""
        y = contest.ends(self.kinds, self.names, class_, seed).to(self.device)
        codes = self.noise(y, torch.Generator().manual_seed(seed))
        a, b = self.styled(codes, psi)
        way = torch.linspace(0, 1, count, device=self.device)[:, None, None]
        return self.shown(a + way * (b - a), codes[:1].expand(count, -1))

    def painted(self, codes):
        """Styles w (B, style) -> uint8 pictures (B, C, H, W), all under one noise."""
        layers = len(self.network().layers)
        return self.shown(codes[:, None].expand(-1, layers, -1), self.example(1).expand(len(codes), -1))

    def centre(self, class_: str = ""):
        """The mean style of a class (none: the first), where sliders begin: (style,)."""
        return self.many().mean(1)[judge.class_of(self.names, class_) if class_ else 0]

    def axes(self, count: int):
        """Principal directions of w (count, style), each one standard deviation long; of the first sixteen
        those first that change the picture most (Härkönen et al. 2020)."""
        w = self.many().flatten(0, 1)
        _, sizes, ways = torch.linalg.svd(w - w.mean(0), full_matrices=False)
        ways = (ways * (sizes / len(w)**0.5)[:, None])[: max(count, 16)]
        return most_visible(self.painted, self.centre(), ways)[:count]

    def many(self):
        """Styles of many seeds, of each class as many: (classes, MANY, style)."""
        y = torch.arange(self.kinds, device=self.device).repeat_interleave(MANY)
        w = self.network().styled(self.noise(y, torch.Generator().manual_seed(0)))[:, 0]
        return w.unflatten(0, (self.kinds, MANY))

    def styled(self, codes, psi: float = 1.0):
        """Styles w̄ + ψ(w − w̄), w̄ the mean of the class, for every layer: (B, layers, style) (2019,
        appendix B)."""
        w = self.network().styled(codes)
        if psi == 1:
            return w
        mean = self.many().mean(1)[codes[:, NOISE: NOISE + self.kinds].argmax(1)][:, None]
        return mean + psi * (w - mean)

    def shown(self, styles, codes):
        """Styles (B, layers, style) and the noise in codes as pictures: uint8 (B, C, H, W)."""
        pairs = zip(styles.split(CHUNK), codes.split(CHUNK), strict=True)
        return torch.cat([stored(self.network().paint(*pair) / 2 + 0.5) for pair in pairs])

    def panels(self):
        one = self.names[self.kinds // 2] if self.kinds > 1 else ""     # styles of a class, as in training
        yield self.mixed(*self.example(12, 2, one).chunk(2))
        codes = self.example(6, seed=2)
        yield self.truncated(codes)
        yield self.speckled(codes)

    def mixed(self, coarse, fine):
        """A panel: rows give the styles of the first half of the layers, columns those of the second."""
        left, above = self.styled(coarse), self.styled(fine)                    # (rows, layers, style)
        layers = left.shape[1]
        early = torch.arange(layers, device=left.device)[:, None] < (layers + 1) // 2
        sheet = [torch.full_like(self.shown(left[:1], coarse[:1]), 255), self.shown(above, fine)]
        for w, z in zip(left.split(1), coarse.split(1), strict=True):
            sheet += [self.shown(w, z), self.shown(torch.where(early, w, above), z.expand(len(fine), -1))]
        return Panel(say("Mixed styles"), say(
            "The first column gives the styles of the coarse layers, the first row those of the fine ones: "
            "what does a picture take from its row, what from its column?"), torch.cat(sheet), len(fine) + 1)

    def truncated(self, codes):
        """A panel: from the mean picture of a class to all its variety."""
        steps = torch.stack([self.shown(self.styled(codes, psi), codes) for psi in PSI], 1)
        return Panel(say("Truncation"), say(
            "From left to right ψ = {steps}: at 0 each row shows the mean picture of its class, at 1 what "
            "its noise asked for. Less variety, fewer failures.", steps=", ".join(f"{psi:g}" for psi in PSI)),
            steps.flatten(0, 1), len(PSI))

    def speckled(self, codes):
        """A panel: one style under other noise, and where that matters."""
        w = self.styled(codes)
        told = torch.stack([self.shown(w, self.example(len(codes), seed)) for seed in range(20)], 1)
        apart = told.float().std(1, keepdim=True)                               # (rows, 1, C, H, W)
        apart = stored(apart / apart.amax().clamp(min=1))
        return Panel(say("Noise"), say(
            "Each row has one style, and other noise in every column. The last column is brightest where "
            "twenty such pictures differ most: noise decides the details, not the picture."),
            torch.cat([told[:, :5], apart], 1).flatten(0, 1), 6)
