"""Diffusion: pictures dissolve in noise like ink in water, and a network learns the way back (Ho, Jain and
Abbeel 2020; as a flow: Lipman et al. 2023, Liu et al. 2023)."""
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch

from deepen.core.kinds import Image, Label, Vector
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import say
from deepen.nn import diffusion, judge, optim
from deepen.nn.average import Averaging, averaged
from deepen.nn.codes import arc
from deepen.nn.denoiser import denoiser

Seen = Image | Vector
Solver = Literal["adams", "ddim", "heun"]
CLOUD = 1000                    # points that are judged
AT_ONCE, DOTS = 256, 400        # pictures on their way together; points on a picture of a cloud
FRAMES = 50                     # of a film, at most


@dataclass
class Diffusion(System):
    """Makes pictures, or clouds of points, out of noise."""
    goal = (Seen, Seen)
    default_data = "digits"
    score = "frechet_own"
    transient = ("path",)
    tiny = dict(data="stripes", epochs=16, batch=32, width=16, sampling=6)

    way: Literal["flow", "ddpm", "v"] = "flow"  # what it foretells: the way to noise, the noise (DDPM), v
    schedule: Literal["cosine", "linear"] = "cosine"    # how ddpm and v dissolve; the flow does it evenly
    moments: Count = 1000                       # times T between picture and noise
    middle: bool = True                         # learn more often in the middle of the way
    sampling: Count = 10                        # steps of the way back when it is judged
    guidance: Amount = 1.2                      # pull towards the class asked for (0: none, 1: as learned)
    by_class: bool = True                       # tell it the classes
    drop: Fraction = 0.1                        # how often the class is kept secret: guidance needs both
    width: Size = 32                            # channels of the largest size
    look: bool = False                          # attention at the smallest size
    epochs: Times = 60                          # times through the training data
    batch: Count = 128                          # pictures a step
    optimizer: optim.Name = "muon"              # how weights follow gradients
    lr: Annotated[Rate | None, Live] = None     # learning rate at its highest (none: what suits the rule)
    average: Averaging = "ema"                  # mean of weights: ema, the newest; swa, all of the end

    def build(self, data):
        self.classes = len(data.target.names) if self.by_class and isinstance(data.target, Label) else 0
        net = denoiser(data.inputs, self.width, self.classes, self.look)
        if isinstance(data.inputs, Vector):
            self.score = "energy"
            if self.begins(data):
                net.learn(data.splits["train"][:][0])
        path = "straight" if self.way == "flow" else self.schedule
        self.path = diffusion.PATHS[path](self.moments)
        self.model = self.place(net)
        self.usual = optim.usual_rate(self.optimizer, self.model)
        self.rule = optim.make(self.optimizer, self.model, self.usual)
        self.ema = averaged(self.average, self.model)
        self.stream = data.stream("train", self.batch, self.epochs)

    def steps(self):
        for x, y in self.stream:                                    # x uint8 (B, C, H, W) or float (B, D)
            top = self.usual if self.lr is None else self.lr
            optim.set_rate(self.rule, top * optim.schedule("cosine", self.progress, 0.05))
            x0 = self.model.inward(x)
            y = y if self.classes else torch.zeros(len(x), dtype=torch.long, device=x.device)
            loss = self.descend(partial(self.loss, self.model, x0, y), self.rule, clip=1.0)
            if self.ema is not None:
                self.ema.update(self.model, self.progress, x)
            yield {"loss": loss}

    def loss(self, net, x0, y):
        """Foretell what was mixed in (Ho et al., algorithm 1; as a flow: Lipman et al., equation 23)."""
        t = diffusion.spread_times(len(x0), self.moments, self.middle)                      # 1 … T
        eps = torch.randn(x0.shape).to(x0)
        secret = torch.rand(len(y)).to(x0) < self.drop
        x = diffusion.noised(self.path, x0, eps, t)
        answer = net(x, (t / self.moments).to(x0), torch.where(secret, self.classes, y))
        true = diffusion.aim(self.way, x0, eps, *(diffusion.at(table, t, x0) for table in self.path))
        return (answer.float() - true).square().mean()

    def evaluate(self, split="valid"):
        if self.score == "energy":
            made = self.predict(self.example(CLOUD, seed=1))
            return {"energy": diffusion.energy(made, self.data.split(split)[:][0].float())}
        return judge.compared(self.data, split, self.sample, self.classes)

    def predict(self, inputs):
        """Noise with the number of a class behind it (B, C·H·W + 1) -> pictures 0…1, or points (B, D)."""
        x, y = inputs[:, :-1].view(-1, *self.data.inputs.shape), inputs[:, -1].long()
        *_, x = self.back(x, y)
        return self.network().outward(x) if self.score == "energy" else (x.clamp(-1, 1) + 1) / 2

    def example(self, count: int, seed: int = 0):
        """What `predict` takes, class after class."""
        noise = diffusion.dice(count, self.data.inputs.shape, seed)().to(self.device)
        return torch.cat([noise.flatten(1), self.kinds(count)[:, None]], 1)

    def exported(self, inputs):
        """What is written for others: one look. Noisy pictures, times 0…1, classes -> what it foretells."""
        x, y = inputs[:, :-1].view(-1, *self.data.inputs.shape), inputs[:, -1].long()
        time = torch.linspace(1 / self.moments, 1, len(x)).to(x)
        return self.network(), {"noisy": x, "time": time, "class": y}, ["foretold"]

    def kinds(self, count, class_=""):
        """The classes asked for (count,): one by name or number, or one after another; knows it none, 0."""
        if class_:
            names = self.data.target.names if self.classes else ()
            return torch.full((count,), judge.class_of(names, class_), device=self.device)
        return torch.arange(count, device=self.device) % max(1, self.classes)

    def back(self, x, y, guidance=None, steps=None, eta=0.0, by="adams", draw=None):
        """Noise (B, …) of classes (B,) on its way back: x after every step."""
        stops = diffusion.times(self.moments, steps or self.sampling)
        look = partial(self.apart, y, self.guidance if guidance is None else guidance)
        if by == "ddim" or eta:
            return diffusion.backward(look, self.path, x, stops, eta, draw)
        return (diffusion.heun if by == "heun" else diffusion.adams)(look, self.path, x, stops)

    def apart(self, y, guidance, x, t):
        """(x₀, ε) as the net tells them apart in x at the time t."""
        net, time, none = self.network(), torch.full((len(x),), t / self.moments).to(x), y * 0 + self.classes
        if guidance in (0, 1) or not self.classes:
            answer = net(x, time, y if guidance else none).float()
        else:
            answer = net(torch.cat([x, x]), torch.cat([time, time]), torch.cat([y, none])).float()
            answer = diffusion.guided(*answer.chunk(2), guidance)
        x0, eps = diffusion.parted(self.way, answer, x, *(table[t].item() for table in self.path))
        return (x0, eps) if self.score == "energy" else diffusion.clipped(self.path, x, x0, t)

    def sample(self, count: int, seed: int = 0,
               class_: str = "",                    # class asked for (none: one after another)
               guidance: Amount | None = None,      # pull towards it (none: as in the recipe)
               steps: Count | None = None,          # of the way back (none: as in the recipe)
               eta: Fraction = 0.0,                 # noise mixed in on the way (ddim): 0 none, 1 as in DDPM
               by: Solver = "adams"):               # ddim; adams remembers its last step; heun looks twice
        """Pictures out of the noise of a seed: uint8 (count, C, H, W); of points a cloud each."""
        parts = []
        for first in range(0, count, AT_ONCE):
            here = min(AT_ONCE, count - first)
            x, y, draw = self.noise(here, seed, class_, first)
            *_, x = self.back(x, y, guidance, steps, eta, by, draw)
            parts.append(self.shown(x, y))
        return torch.cat(parts)

    def unfolds(self, count: int, seed: int = 0, class_: str = "", guidance: Amount | None = None,
                steps: Count | None = None, eta: Fraction = 0.0, by: Solver = "adams"):
        """The same pictures as they come out of the noise: frames uint8 (count, C, H, W), at most 52."""
        x, y, draw = self.noise(count, seed, class_)
        yield self.shown(x, y)
        steps = min(steps or FRAMES, self.moments)
        for turn, now in enumerate(self.back(x, y, guidance, steps, eta, by, draw), 1):
            if turn % -(-steps // FRAMES) == 0 or turn == steps:
                yield self.shown(now, y)

    def walk(self, count: int, seed: int = 0, class_: str = "", guidance: Amount | None = None,
             steps: Count | None = None):
        """Pictures of one class between two noises, on the arc from one to the other."""
        x, y, _ = self.noise(2, seed, class_)
        n = len(x) // 2
        x = arc(x[:n], x[n:], count).flatten(0, 1)
        y = y[:n].repeat(count)
        *_, x = self.back(x, y, guidance, steps)
        return self.shown(x, y)

    def noise(self, count, seed, class_="", first=0):
        """Noise, classes and what draws more noise, for `count` pictures (clouds) from number `first` on."""
        shape, y = self.data.inputs.shape, self.kinds(first + count, class_)[first:]
        if self.score != "energy":
            draw = diffusion.dice(count, shape, seed, first)
            return draw().to(self.device), y, lambda: draw().to(self.device)
        draw = diffusion.dice(count, (DOTS, *shape), seed, first)
        y = self.kinds(DOTS, class_).repeat(count)          # in every cloud all classes
        return draw().flatten(0, 1).to(self.device), y, lambda: draw().flatten(0, 1).to(self.device)

    def shown(self, x, y):
        """What is on its way (B, …) as uint8 pictures."""
        if self.score != "energy":
            return self.network().outward(x)
        cloud = x if x.shape[1] > 1 else torch.cat([x, 0 * x], 1)
        return diffusion.dots(cloud[:, :2].unflatten(0, (-1, DOTS)), y.unflatten(0, (-1, DOTS)))

    def panels(self):
        """The drop of ink and what becomes of noise: Panels for the report."""
        train = self.data.split("train")
        x, y = train[torch.linspace(0, len(train) - 1, min(DOTS, len(train))).long()]       # of every class
        ink, across = self.ink(x, y if self.classes else self.kinds(len(x)))
        yield Panel(say("A drop of ink"),
                    say("From left to right time runs and the data dissolves in noise. This way nothing is "
                        "learned; the network learns the way back."), ink, across)
        yield Panel(say("The way back"),
                    say("Nothing but noise at first. At every step the network says what it takes for noise, "
                        "and a little of it goes."), torch.cat(list(self.unfolds(8, seed=0))), 8, film=True)
        many = max(2, min(10, self.classes or 8)) if self.score != "energy" else 3
        if self.classes:
            pulls = (0.0, 1.0, 3.0, 7.0)
            yield Panel(say("Guidance"),
                        say("The same noise in every column. A pull of 0 ignores the class, 1 is as learned, "
                            "more exaggerates: clearer, and more alike."),
                        torch.cat([self.sample(many, guidance=pull) for pull in pulls]), many,
                        names=tuple(f"{pull:g}" for pull in pulls))
        counts = [steps for steps in (1, 5, 10, 20, 50, 200) if steps <= self.moments]
        yield Panel(say("How many steps"),
                    say("The same noise in every column, on the way back in fewer or more steps."),
                    torch.cat([self.sample(many, steps=steps) for steps in counts]), many,
                    names=tuple(map(str, counts)))

    def ink(self, x, y, stops=9):
        """Data at even times between clean and noise: uint8 pictures in rows of `stops`."""
        t = torch.tensor(diffusion.times(self.moments, stops - 1)[::-1])
        count = min(3, len(x)) if self.score != "energy" else DOTS          # a cloud is one picture
        picked = torch.arange(count) % len(x)
        x0, y = self.network().inward(x[picked]), y[picked]
        eps = diffusion.dice(count, x0.shape[1:], 0)().to(x0)
        if self.score == "energy":
            x = torch.cat([diffusion.noised(self.path, x0, eps, one.expand(count)) for one in t])
            return self.shown(x, y.repeat(len(t))), len(t)
        x = torch.cat([diffusion.noised(self.path, a[None].expand(len(t), *a.shape), e[None], t)
                       for a, e in zip(x0, eps, strict=True)])
        return self.shown(x, y), len(t)

    @classmethod
    def suits(cls, data, asked):
        """Pictures above 12 pixels: a million of them seen, 18 times MNIST; of coloured ones by a wider net.
        Points: 2,000 steps of a small dense net, and no pull: it would draw clouds together."""
        examples = max(1, len(data.splits.get("train", ())))
        if isinstance(data.inputs, Vector):
            batch = int(asked.get("batch", 256))
            return {"width": 64, "batch": batch, "epochs": 2000 * batch / examples, "guidance": 1.0,
                    "optimizer": "adamw"}
        if max(data.inputs.shape[1:]) <= 12:
            return {}
        return {"width": 32 if data.inputs.channels == 1 else 48, "epochs": round(1_000_000 / examples, 1)}
