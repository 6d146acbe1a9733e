"""Ensemble: several classifiers learn apart and answer together (Hansen & Salamon 1990; Breiman 1996)."""
import math
from dataclasses import dataclass
from functools import partial

import torch

from deepen.core.data import place_among_ranks
from deepen.core.kinds import Image, Label
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import losses, metrics, optim
from deepen.nn.augment import Augment
from deepen.nn.average import Averaging, averaged, paused
from deepen.nn.calibrate import ENOUGH, temperature
from deepen.nn.design import network
from deepen.nn.layers import Beginning
from deepen.nn.tta import Views, over_views
from deepen.nn.vote import Stack, Vote, alike, cooled


@dataclass
class Ensemble(System):
    """Several networks classify pictures, and the mean of what they say is the answer."""
    goal = (Image, Label)
    default_data = "digits"
    score = "accuracy"
    transient = ("change", "stack")             # augmentation has no memory, a stack shows the weights
    tiny = dict(data="stripes", net="conv 8 3; norm; relu; globalpool; dense classes", members=3, epochs=4,
                batch=32)

    members: Count = 5                          # networks, each with its own first weights and order
    net: str = "small"                          # of each; several, parted by a comma, in turn
    epochs: Times | None = None                 # through the training data (none: 420 / √examples)
    batch: Count = 128                          # pictures a step, for each member
    optimizer: optim.Name = "muon"              # how weights follow gradients
    lr: Annotated[Rate | None, Live] = None     # learning rate at its highest (none: what suits each net)
    schedule: optim.Schedule = "triangle"       # the rate over time
    warmup: Fraction = 0.25                     # share of the run in which the rate rises
    decay: Amount = 0.0                         # weight decay
    smooth: Fraction = 0.1                      # label smoothing
    augment: str = "shift 1"                    # lines that change training pictures: flip; rotate 15
    average: Averaging = "none"                 # mean of weights: ema, the newest; swa, all of the end
    init: Beginning = "he"                      # how weights begin
    calibrate: bool = True                      # mend how sure it is, on 200 or more validation pictures
    tta: Views = "none"                         # judge each picture several times, changed a little

    def build(self, data):
        self.classes, seed = len(data.target.names), torch.initial_seed()
        designs = [one for one in map(str.strip, self.net.split(",")) if one]
        if not designs or self.members < len(designs):
            raise Problem("{members} members cannot have {nets} different nets; give members={nets} or more",
                          members=self.members, nets=len(designs))
        nets = [self.member(designs[k % len(designs)], seed + k) for k in range(self.members)]
        self.model = Vote(nets).to(self.device)
        together = self.optimizer != "lbfgs" and place_among_ranks()[1] == 1 and alike(nets)
        self.stack = Stack(nets) if together else None
        self.usual = [optim.usual_rate(self.optimizer, net) for net in nets]
        parts = nets if self.stack is None else [self.model.members]            # one rule for all, or its own
        self.rules = [optim.make(self.optimizer, part, 1.0, self.decay) for part in parts]
        self.ema = averaged(self.average, self.model)
        self.change = Augment(self.augment, classes=self.classes)
        examples = len(data.splits.get("train", ()))
        epochs = self.epochs or 420 / math.sqrt(max(1, examples))
        self.streams = [data.stream("train", self.batch, epochs, seed + k) for k in range(self.members)]
        self.learned, self.tenth = 0, 0                                             # steps; tenths of the run

    def member(self, net: str, seed: int):
        """A net as `classify` would begin it with that seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = network(net, self.data.inputs, self.classes, self.init)
            begin = getattr(made, "begin", None)                            # it wants to see pictures first
            if begin is not None and self.begins(self.data):
                begin(self.data.splits["train"])
            return self.place(made)

    def steps(self):
        """A step is one of every member: they go side by side, so the vote can be judged at any time."""
        for batches in zip(*self.streams, strict=True):                   # x uint8 (B, C, H, W), y (B,) each
            factor = optim.schedule(self.schedule, paused(self.average, self.progress), self.warmup)
            for rule, usual in zip(self.rules, self.usual, strict=False):
                optim.set_rate(rule, factor * (usual if self.lr is None else self.lr))
            self.change.epoch = self.streams[0].epoch
            x, y = self.change(*(torch.cat(part) for part in zip(*batches, strict=True)))
            loss = self.together(x, y) if self.stack is not None else self.in_turn(x, y)
            if self.ema is not None:
                self.ema.update(self.model, self.progress, x[:self.batch])
            self.learned += 1
            if self.calibrate and (self.due() or self.learned == self.planned):
                self.cool()                                                         # before it is judged
            yield {"loss": loss}

    def together(self, x, y):
        """One pass for all: the sum of the members' losses gives each the gradient it would have alone."""
        x = x.unflatten(0, (self.members, -1))

        def loss():
            return self.members * losses.cross_entropy(self.stack(x).flatten(0, 1), y, self.smooth)
        return self.descend(loss, self.rules[0]) / self.members

    def in_turn(self, x, y):
        """One after another, which on a CPU is the faster way for convolutions."""
        parts = zip(self.model.members, x.chunk(self.members), y.chunk(self.members), self.rules, strict=True)
        return sum(self.descend(partial(self.loss, *part), rule) for *part, rule in parts) / self.members

    def loss(self, net, x, y):
        return losses.cross_entropy(net(x), y, self.smooth) + losses.auxiliary(net, y, self.smooth)

    def due(self):
        """Is another tenth of the run over, by steps or by time?"""
        done = max(self.learned / (self.planned or 1), self.progress)
        before, self.tenth = self.tenth, int(10 * done)
        return self.tenth > before

    @torch.no_grad()
    def cool(self):
        """The temperatures that tell the validation pictures best: of the vote, and of members alone."""
        if len(self.data.splits.get("valid", ())) < ENOUGH:
            return
        net = self.network().eval()
        p, y = self.answers("valid")
        net.temperature.fill_(temperature(p.mean(0).log(), y))
        net.alone.fill_(temperature(p.flatten(0, 1).log(), y.repeat(self.members)))
        self.model.temperature.copy_(net.temperature)           # an average takes its buffers from there
        self.model.alone.copy_(net.alone)
        self.model.train()

    def answers(self, split):
        """Every member's probabilities (members, N, classes) on a split, and the truth (N,)."""
        told = [(over_views(self.network().each, x, self.tta), y) for x, y in self.data.batches(split)]
        return torch.cat([p for p, _ in told], 1), torch.cat([y for _, y in told])

    def evaluate(self, split="valid"):
        """The vote's metrics, and beside them its members' alone: in the mean, and calibrated alike."""
        (each, y), net = self.answers(split), self.network()
        p, each = cooled(each.mean(0), net.temperature), cooled(each, net.alone)
        return {"loss": metrics.nll(p, y), "accuracy": metrics.accuracy(p, y),
                "member_accuracy": sum(metrics.accuracy(one, y) for one in each) / self.members,
                "member_loss": sum(metrics.nll(one, y) for one in each) / self.members,
                "ece": metrics.ece(p, y), "f1": metrics.f1(p, y), "top5": metrics.top5(p, y)}

    def predict(self, inputs):
        net = self.network()
        return cooled(over_views(net.each, inputs, self.tta).mean(0), net.temperature)      # (B, classes)

    @property
    def planned(self):
        return len(self.streams[0])

    @property
    def seen(self):
        return sum(stream.consumed for stream in self.streams)
