"""Classify pictures: a convolutional network learns which class a picture belongs to."""
import math
from dataclasses import dataclass
from functools import partial

import torch

from deepen.core.kinds import Image, Label
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Times
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import losses, metrics, optim, transfer
from deepen.nn.augment import Augment
from deepen.nn.average import Averaging, averaged, paused
from deepen.nn.design import network
from deepen.nn.layers import Beginning
from deepen.nn.tta import Views, over_views
from deepen.sources.weights import begin, located, net_of

BINARY = {"batch": 256, "optimizer": "adam", "lr": 0.02}            # what suits weights of one bit
QUICK = {"batch": 256, "smooth": 0.2}                               # what suits net=quick


@dataclass
class Classify(System):
    """Pictures into classes with a convolutional network."""
    goal = (Image, Label)
    default_data = "digits"
    score = "accuracy"
    transient = ("change", "body")                      # neither has a memory
    tiny = dict(data="stripes", net="conv 8 3; norm; relu; globalpool; dense classes", epochs=4, batch=32)

    net: str | None = None                      # a name, or lines parted by ; (none: small, or what suits)
    epochs: Times | None = None                 # times through the training data (none: 420 / √examples)
    batch: Count = 128                          # pictures a step
    optimizer: optim.Name = "muon"              # how weights follow gradients
    lr: Annotated[Rate | None, Live] = None     # learning rate at its highest (none: what suits the net)
    schedule: optim.Schedule = "triangle"       # the rate over time
    warmup: Fraction = 0.25                     # share of the run in which the rate rises
    decay: Amount = 0.0                         # weight decay
    smooth: Fraction = 0.1                      # label smoothing
    augment: str = "shift 1"                    # lines that change training pictures: flip; rotate 15
    average: Averaging = "none"                 # mean of weights: ema, the newest; swa, all of the end
    init: Beginning = "he"                      # how weights begin
    weights: str = ""                           # begin from: imagenet, a run, a safetensors file
    freeze: transfer.Freeze = "none"            # what stays of them: start (for a fifth), gradual, body
    layer_decay: Fraction = 1.0                 # rate of each block as a share of that of the next one
    tta: Views = "none"                         # judge pictures several times: flip, shift, flip+shift

    def __post_init__(self):
        self.weights = located(self.weights)
        self.net = self.net or (net_of(self.weights) if self.weights else None) or "small"

    @classmethod
    def suits(cls, data, asked):
        """net=quick for 10,000 small colour pictures or more, and what goes with it or binary layers."""
        examples, (channels, *sides) = len(data.splits.get("train", ())), data.inputs.shape
        many = channels == 3 and max(sides) <= 40 and examples >= 10_000 and not asked.get("weights")
        net = asked.get("net") or ("quick width=0.5" if many else "small")
        if "binary" in net:
            return {"epochs": round(6000 / math.sqrt(max(1, examples)), 2), **BINARY}
        if net.split()[0] != "quick":
            return {}
        mirror = channels == 3 and max(map(len, data.target.names)) > 1                 # a mirrored 3 is no 3
        views = {"augment": "flip alternate; crop 2", "tta": "flip"} if mirror else {"augment": "shift 1"}
        return {"net": net, "epochs": round(1450 / math.sqrt(max(1, examples)), 2), **QUICK, **views}

    def build(self, data):
        self.classes = len(data.target.names)
        net = network(self.net, data.inputs, self.classes, self.init)
        if hasattr(net, "begin") and self.begins(data):
            net.begin(data.splits["train"])
        if self.weights and self.begins(data):
            self.said = begin(net, self.weights, self.net, data)
        elif self.freeze != "none" and not self.weights:
            raise Problem("freeze={freeze} keeps what was learned before, but there are no weights; "
                          "add weights=RUN", freeze=self.freeze)
        self.model = self.place(net)
        self.usual = optim.usual_rate(self.optimizer, self.model)
        self.rule = optim.make(self.optimizer, self.model, self.usual, self.decay)
        self.body = transfer.Body(self.model, self.rule, self.freeze, self.layer_decay)
        self.ema = averaged(self.average, self.model)
        self.change = Augment(self.augment, classes=self.classes)
        examples = len(data.splits.get("train", ()))
        epochs = self.epochs or 420 / math.sqrt(max(1, examples))           # few examples: each more often
        self.stream = data.stream("train", self.batch, epochs)

    def steps(self):
        for x, y in self.stream:                                            # x uint8 (B, C, H, W), y (B,)
            top = self.usual if self.lr is None else self.lr
            self.body.thaw(self.progress)
            now = paused(self.average, self.progress)
            optim.set_rate(self.rule, top * optim.schedule(self.schedule, now, self.warmup))
            self.change.epoch = self.stream.epoch
            x, y = self.change(x, y)
            loss = self.descend(partial(self.loss, x, y), self.rule)
            if self.ema is not None:
                self.ema.update(self.model, self.progress, x)
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
        return over_views(lambda x: self.network()(x).float().softmax(1), inputs, self.tta)    # (B, classes)
