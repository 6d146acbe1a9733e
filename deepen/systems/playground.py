"""Playground: a small net on points of the plane, one that can be seen through; TensorFlow Playground's own.

The learning is `nn/playground`, which the Studio calls too: float64, and the same epoch here as there."""
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Label, Number, Vector
from deepen.core.recipe import Count, Live, Rate
from deepen.core.system import System
from deepen.core.words import Failure, Problem
from deepen.nn.playground import Session, Spec
from deepen.nn.playground_data import FEATURES, Points, featured
from deepen.nn.playground_spec import Activation, Batch, Drop, Feature, Init, Loss, Optimizer, Penalty, Width

BEND = {"linear": lambda z: z, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "leaky": lambda z: F.leaky_relu(z, 0.01), "elu": F.elu, "gelu": F.gelu, "softplus": F.softplus,
        "sine": torch.sin, "step": lambda z: (z > 0).to(z.dtype)}


@dataclass
class Playground(System):
    """Points of the plane into classes or numbers with a small net, as in TensorFlow Playground."""
    goal = (Vector, Label | Number)
    default_data = "points"
    score = "loss"
    transient = ("session",)                    # its arrays are state: `memory`, the weights of `model`
    precision = "fp32"                                  # the learning is in float64, on the CPU
    tiny = dict(epochs=60)

    layers: tuple[Width, ...] = (4, 2)                  # neurons of each hidden layer
    features: tuple[Feature, ...] = ("x1", "x2")        # what goes in: x1 x2 x1x1 x2x2 x1x2 sinx1 sinx2 …
    activation: tuple[Activation, ...] = ("tanh",)      # of the hidden layers: one for all, or one each
    bias: bool = True                                   # no: a tanh net is odd then, f(-x) = -f(x)
    drop: tuple[Drop, ...] = (0.0,)                     # share of silent neurons: one for all, or one each
    init: Init = "playground"                           # first weights: U(-½, ½), biases 0.1; 0; or by widths
    start: str = ""                                     # seed of the first weights; seed@N: N numbers later
    loss: Loss = "squared"                              # squared: half of (out - t)², t ±1 or a number
    optimizer: Optimizer = "sgd"                        # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.03                    # learning rate
    batch: Batch = 10                                   # points a step
    penalty: Penalty = "none"                           # on weights; l1 kills a weight that crosses 0
    penalty_rate: Annotated[Rate, Live] = 0.0           # how strong it is (λ)
    shuffle: bool = False                               # a new order each epoch
    carry: bool = True                                  # points after the last full batch wait an epoch
    epochs: Count = 200                                 # times through the points

    def build(self, data):
        asked = {name: value for name, value in self.recipe().items() if name != "epochs"}
        if data.inputs.size != 2:
            raise Problem("a Playground has points of 2 numbers, these have {size}", size=data.inputs.size)
        asked["start"] = self.start or f"run{torch.initial_seed() % 2**62}"
        classes = len(data.target.names) if isinstance(data.target, Label) else 0
        (x, t), (test_x, test_t) = (arrays(data, name) for name in ("train", "valid"))
        spec = Spec(data="own", classes=classes, **asked)
        self.session = Session(spec, Points(x, t, test_x, test_t, classes, asked["start"]))
        self.model = Net(self.session)
        self.memory = {name: torch.from_numpy(array) for name, array in self.session.arrays.items()
                       if name != "weights"}

    def steps(self):
        while self.session.epoch < self.epochs:
            if self.session.rates != (self.lr, self.penalty_rate):
                self.session.change(self.lr, self.penalty_rate)
            if not self.session.epochs(1):
                raise Failure("the weights grew beyond all numbers in epoch {epoch}; "
                              "take a smaller learning rate than {lr}",
                              epoch=self.session.epoch + 1, lr=self.lr)
            yield {"loss": self.session.scores("train")["loss"]}

    def evaluate(self, split="valid"):
        x, t = arrays(self.data, split)
        scores = self.session.judged(featured(self.features, x), self.session.asked(t))
        shown = ("loss", "accuracy") if self.session.data.classes else ("loss",)
        return {name: scores[name] for name in shown}

    def predict(self, inputs):
        return self.model(inputs.cpu())                                     # (B, classes) or (B,)

    planned = property(lambda self: self.epochs)                            # one yield an epoch
    seen = property(lambda self: self.session.epoch * len(self.session.data.t))


class Dense(nn.Linear):
    """A linear layer with weights in float64 that answers in float32."""

    def forward(self, input):
        return F.linear(input, self.weight.float(), self.bias.float())


class Net(nn.Module):
    """The trained net in torch: points (B, 2) -> probabilities (B, classes) or values (B,), in float32.

    Its parameters are the session's weights themselves, float64: what is learned there is so here."""

    def __init__(self, session: Session):
        super().__init__()
        self.features, self.loss = session.spec.features, session.spec.loss
        self.activations, self.classes = session.activations, session.data.classes
        self.layers = nn.ModuleList()
        for number in range(1, len(session.widths)):
            weight, bias = session.layer(session.arrays["weights"], number)
            layer = Dense(weight.shape[1], weight.shape[0], device="meta")
            layer.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)  # autograd has no part
            layer.bias = nn.Parameter(torch.from_numpy(bias), requires_grad=False)
            self.layers.append(layer)

    def forward(self, x):
        a, b = x.float().unbind(1)
        h = x.float()[:, :0]
        if self.features:
            h = torch.stack([FEATURES[name](torch, a, b) for name in self.features], 1)     # (B, features)
        for layer, activation in zip(self.layers, self.activations, strict=True):
            h = BEND[activation](layer(h))
        if not self.classes:
            return h[:, 0]
        if self.loss == "softmax":
            return h.softmax(1)
        p = torch.sigmoid(h) if self.loss == "logistic" else (h + 1) / 2    # (B, outputs)
        return torch.cat([1 - p, p], 1) if self.classes == 2 else p / p.sum(1, keepdim=True).clamp_min(1e-12)


def arrays(data, split: str) -> tuple[np.ndarray, np.ndarray]:
    """A split as float64 arrays (N, 2) and (N,); empty where there is none."""
    if split not in data.splits or not hasattr(data.splits[split], "inputs"):
        return np.zeros((0, 2)), np.zeros(0)
    x, t = data.splits[split][torch.arange(len(data.splits[split]))]
    return x.cpu().double().numpy(), t.cpu().double().numpy()
