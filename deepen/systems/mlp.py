"""A deep network for tables: numbers as waves, categories as vectors, an ensemble that shares its weights."""
import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch.nn import functional as F

from deepen.core.kinds import Label, Number, Row
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import classical, metrics, optim
from deepen.nn.average import Averaging, averaged, paused
from deepen.nn.calibrate import ENOUGH, temperature
from deepen.nn.rows import Numbers, Rows, TabM


@dataclass
class Mlp(System):
    """Rows of a table into classes or numbers, with a deep network."""
    goal = (Row, Label | Number)
    default_data = "iris"
    score = "accuracy"                          # rmse where the target is a number
    tiny = dict(data="cancer", epochs=30, width=32, members=4, batch=64)
    transient = ("score", "classical")
    precision = "fp32"                          # half precision rounds away what tells rows apart

    blocks: Count = 2                           # hidden layers, each with ReLU and dropout
    width: Count = 128                          # values of a hidden layer
    members: Count = 8                          # networks that share their weights; their mean answers
    numbers: Numbers = "periodic"               # how numbers come in: as waves, in pieces, or as they are
    pieces: Count = 32                          # pieces or waves a number
    embed: Count = 16                           # values that a number or a category becomes
    dropout: Fraction = 0.1                     # share of hidden values left out while learning
    epochs: Times | None = None                 # times through the rows (none: 2400 / √rows, 8 to 20)
    batch: Count | None = None                  # rows a step (none: 32 to 512, more for larger tables)
    optimizer: Literal["muon", "adamw"] = "muon"  # how the shared weights follow gradients
    lr: Annotated[Rate | None, Live] = None     # learning rate at its highest (none: 0.05, for adamw 0.004)
    schedule: optim.Schedule = "cosine"         # the rate over time
    decay: Amount = 0.03                        # weight decay
    average: Averaging = "none"                 # mean of weights: ema, the newest; swa, all of the end
    balance: classical.Balance = "none"         # balanced: a rare class weighs as much as a common one
    calibrate: bool = True                      # mend how sure it is, on 200 or more validation rows

    def build(self, data):
        self.classes = len(data.target.names) if isinstance(data.target, Label) else None
        self.score = "rmse" if self.classes is None else "accuracy"
        if self.balance != "none" and self.classes is None:
            raise Problem("balance weighs classes, but the target is a number; leave it out")
        examples = len(data.splits.get("train", ()))
        waves = min(1.0, math.sqrt(max(1, examples)) / 100)                     # few rows bear no short waves
        rows = Rows(data.inputs.values, self.numbers, self.embed, self.pieces, waves)
        net = TabM(rows, self.classes or 1, self.blocks, self.width, self.members, self.dropout)
        self.weight = torch.ones(self.classes or 1, device=self.device)         # of the classes
        if examples:                                                    # not when a trained one is revived
            x, y = (part.cpu() for part in data.splits["train"][:])
            rows.learn(x)
            if self.classes is None:
                net.centre.copy_(y.mean())
                net.spread.copy_(y.std().clamp_min(1e-12))
            elif self.balance == "balanced":
                counts = y.bincount(minlength=self.classes).to(self.device)
                self.weight = examples / self.classes / counts.clamp_min(1)
        self.model = self.place(net)
        self.usual = 0.05 if self.optimizer == "muon" else 0.004
        self.rule = rule(self.model, self.optimizer, self.usual, self.decay)
        self.ema = averaged(self.average, self.model)
        batch = self.batch or min(512, max(32, 2 ** round(math.log2(max(1, examples) / 100))))
        epochs = self.epochs or min(20, max(8, 2400 / math.sqrt(max(1, examples))))
        self.stream = data.stream("train", batch, epochs)
        self.learned, self.classical = 0, {}                                    # steps; the learners beside

    def steps(self):
        for x, y in self.stream:                                                # x (B, columns), y (B,)
            top = self.usual if self.lr is None else self.lr
            now = paused(self.average, self.progress)
            optim.set_rate(self.rule, top * optim.schedule(self.schedule, now, 0.05))
            loss = self.descend(partial(self.loss, x, y), self.rule, clip=1.0)
            if self.ema is not None:
                self.ema.update(self.model, self.progress, x)
            self.learned += 1
            if self.calibrate and self.classes and self.learned % max(1, self.planned // 10) == 0:
                self.cool()                                                     # before it is judged
            yield {"loss": loss}

    def loss(self, x, y):
        """The mean of the members' losses, not the loss of their mean: each learns alone (TabM, 3.1)."""
        z = self.model(x)                                                       # (B, k, outputs)
        if self.classes is None:
            aim = (y - self.model.centre) / self.model.spread
            return F.mse_loss(z[..., 0], aim[:, None].expand(-1, self.members))
        return F.cross_entropy(z.flatten(0, 1), y.repeat_interleave(self.members), self.weight)

    @torch.no_grad()
    def cool(self):
        """The temperature that tells the validation rows best."""
        if len(self.data.splits.get("valid", ())) >= ENOUGH:
            net = self.network().eval()
            told = [(net.logs(net(x)), y) for x, y in self.data.batches("valid")]
            net.temperature.fill_(temperature(*(torch.cat(part) for part in zip(*told, strict=True))))
            self.model.temperature.copy_(net.temperature)
            self.model.train()

    def evaluate(self, split="valid"):
        answers = [(self.predict(x), y) for x, y in self.data.batches(split)]
        p, y = (torch.cat(part) for part in zip(*answers, strict=True))
        beside = self.beside(split)
        first = next(iter(beside.values()))[self.score] if beside else None
        return ({} if first is None else {"baseline": first}) | metrics.judged(p, y, self.classes)

    def predict(self, inputs):
        net = self.network()
        z = net(inputs)
        return net.number(z) if self.classes is None else net.probabilities(z)  # (B,) or (B, classes)

    def beside(self, split="valid"):
        """What the quick classical learners get on a split, the best on valid first: {name: metrics}. They
        learn the training rows once, when first asked; without training or validation rows there are none."""
        splits = self.data.splits
        if not self.classical and len(splits.get("train", ())) and len(splits.get("valid", ())):
            self.classical = classical.beside(self.data.inputs, self.classes,
                                              splits["train"][:], splits["valid"][:])
        x, y = splits[split][:]
        return {name: metrics.judged(classical.answers(made, x), y.cpu(), self.classes)
                for name, made in self.classical.items()}


def rule(net, name, lr, decay):
    """Muon and weight decay for the shared matrices; what is a member's or a column's own goes by AdamW."""
    matrices = [layer.weight for layer in net.layers]
    own = [w for w in net.parameters() if all(w is not matrix for matrix in matrices)]
    if name == "muon":
        return optim.Muon(matrices, own, lr, weight_decay=decay, spared=map(id, own))
    groups = [{"params": matrices, "weight_decay": decay}, {"params": own, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr, fused=True)
