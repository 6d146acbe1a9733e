"""Classify pictures: a convolutional network learns which class a picture belongs to."""
import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.nn import losses, metrics, optim
from deepen.nn.augment import Augment
from deepen.nn.design import network
from deepen.nn.layers import Beginning
from deepen.sources.weights import begin_from, read_weights


@dataclass
class Classify(System):
    """Pictures into classes with a convolutional network."""
    goal = (Image, Label)
    default_data = "digits"
    score = "accuracy"
    transient = ("change",)                             # augmentation has no memory
    tiny = dict(data="stripes", net="conv 8 3; norm; relu; globalpool; dense classes", epochs=4, batch=32)

    net: str = "small"                          # a name (deepconv), or lines of a Design separated by ;
    epochs: Times | None = None                 # times through the training data (none: 420 / √examples)
    batch: Count = 128                          # pictures a step
    optimizer: optim.Name = "muon"              # how weights follow gradients
    lr: Annotated[Rate | None, Live] = None     # learning rate at its highest (none: what suits the net)
    schedule: optim.Schedule = "triangle"       # the rate over time
    warmup: Fraction = 0.25                     # share of the run in which the rate rises
    decay: Amount = 0.0                         # weight decay
    smooth: Fraction = 0.1                      # label smoothing
    augment: str = "shift 1"                    # lines that change training pictures: flip; rotate 15
    average: Fraction = 0.0                     # decay of the weight average (0: none)
    init: Beginning = "he"                      # how weights begin
    weights: str = ""                           # start from the weights of a run or a safetensors file

    def build(self, data):
        self.classes = len(data.target.names)
        net = network(self.net, data.inputs, self.classes, self.init)
        if self.weights and "train" in data.splits:                     # not when a trained one is revived
            begin_from(net, read_weights(self.weights))
        self.model = self.place(net)
        self.usual = usual_rate(self.optimizer, self.model)
        self.rule = optim.make(self.optimizer, self.model, self.usual, self.decay)
        self.ema = optim.Average(self.model, self.average) if self.average else None
        self.change = Augment(self.augment, classes=self.classes)
        examples = len(data.splits.get("train", ()))
        epochs = self.epochs or 420 / math.sqrt(max(1, examples))           # few examples: each more often
        self.stream = data.stream("train", self.batch, epochs)

    def steps(self):
        for x, y in self.stream:                                            # x uint8 (B, C, H, W), y (B,)
            top = self.usual if self.lr is None else self.lr
            optim.set_rate(self.rule, top * optim.schedule(self.schedule, self.progress, self.warmup))
            x, y = self.change(x, y)
            loss = self.descend(partial(self.loss, x, y), self.rule)
            if self.ema is not None:
                self.ema.update(self.model)
            yield {"loss": loss}

    def loss(self, x, y):
        loss = losses.cross_entropy(self.model(x), y, self.smooth)
        return loss + losses.auxiliary(self.model, y, self.smooth)

    def evaluate(self, split="valid"):
        answers = [(self.predict(x), y) for x, y in self.data.batches(split)]
        p, y = (torch.cat(part) for part in zip(*answers, strict=True))     # (N, classes), (N,)
        return {"loss": metrics.nll(p, y), "accuracy": metrics.accuracy(p, y), "top5": metrics.top5(p, y),
                "f1": metrics.f1(p, y), "ece": metrics.ece(p, y)}

    def predict(self, inputs):
        return self.network()(inputs).float().softmax(1)                    # (B, classes)


def usual_rate(optimizer: str, net: nn.Module) -> float:
    """The highest learning rate to try first; a net with norms bears five times more of Muon's."""
    normed = any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())
    rates = {"muon": 0.1 if normed else 0.02, "adam": 0.003, "adamw": 0.003, "rmsprop": 0.001, "lbfgs": 1.0}
    return rates.get(optimizer, 0.05)
