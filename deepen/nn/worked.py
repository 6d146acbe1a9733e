"""The textbook's worked examples: small computations whose numbers a reader can check by hand.

Each is a pure function of tensors or numbers; `engine/worked` says what comes out in words.
"""
import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.core.kinds import Image
from deepen.nn import insight, layers, metrics, optim
from deepen.nn.design import Design, network

POINTS = torch.tensor([[0., 3.], [3., 0.], [1., 2.], [2., 1.]])         # the textbook's four
OUTER = torch.tensor([True, True, False, False])
PICTURE = torch.tensor([[0, 9, 9, 0], [0, 0, 9, 0], [0, 0, 9, 0], [0, 9, 9, 9]])     # a one, 4×4
EDGE = torch.tensor([[-1., 0., 1.]] * 3)                                # dark to bright


def features(points: Tensor) -> Tensor:
    """(N, 2) -> (N, 2): x₁² + x₂² and x₁·x₂, either of which parts the four points by one threshold."""
    return torch.stack([points.square().sum(1), points.prod(1)], 1)


def best_line(points: Tensor, first: Tensor, directions: int = 720) -> int:
    """How many of the points (N, 2) the best straight line puts on the right side (`first` (N,) is one side).

    Every direction of a fine fan, and in each every place between two neighbouring points.
    """
    angle = torch.arange(directions, dtype=torch.float64) * math.pi / directions
    along = points.double() @ torch.stack([angle.cos(), angle.sin()])                       # (N, directions)
    ordered = along.sort(0).values
    between = torch.cat([ordered[:1] - 1, (ordered[1:] + ordered[:-1]) / 2])                # (N, directions)
    right = ((along[:, None] > between[None]) == first[:, None, None]).sum(0)               # (N, directions)
    return int(torch.maximum(right, len(points) - right).max())


def one_weight(w: float = 0.5, x: float = 2.0, target: float = 3.0, lr: float = 0.1, turns: int = 5) -> list[dict[str, float]]:
    """The five-step loop with one weight and one example: guess w·x, loss ½(guess - target)², its slope, the new weight."""
    told = []
    for _ in range(turns):
        guess = w * x
        slope = (guess - target) * x
        told.append({"w": w, "guess": guess, "loss": (guess - target) ** 2 / 2, "slope": slope, "new": w - lr * slope})
        w = told[-1]["new"]
    return told


def activations(x: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Name -> (values, slopes) of the usual activations at x (N,), by autograd."""
    told = {}
    for name, f in (("relu", F.relu), ("leaky relu", F.leaky_relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh),
                    ("gelu", F.gelu)):
        at = x.clone().requires_grad_()
        y = f(at)
        told[name] = y.detach(), torch.autograd.grad(y.sum(), at)[0]
    return told


def signal_sizes(activation: Callable[[Tensor], Tensor], beginning: str, depth: int = 10, width: int = 100,
                 count: int = 1000, seed: int = 0) -> list[float]:
    """Standard deviation after each of `depth` dense layers begun in one way, for normal inputs (count, width)."""
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(seed)
        x = torch.randn(count, width)
        sizes = []
        for _ in range(depth):
            x = activation(layers.initialise(nn.Linear(width, width), beginning)(x))
            sizes.append(float(x.std()))
    return sizes


def skip(depth: int, shortcuts: bool, side: int = 16, count: int = 16, seed: int = 0) -> list[float]:
    """The gradient's norm at the weights of each convolution of resnet20 or 56 before learning, with its shortcuts or
    without (the plain net of He et al. 2015, section 4.2), for a batch of noise (count, 3, side, side)."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        net = layers.initialise(network(f"resnet{depth}", Image(3, side, side), 10, skip=shortcuts).double(), "he")
        x, y = torch.rand(count, 3, side, side, dtype=torch.float64), torch.arange(count) % 10
    F.cross_entropy(net(x), y).backward()
    weights = [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    return [float(w.grad.norm()) for w in weights if w.grad is not None]


def valley(name: str, lr: float, turns: int = 30, start: tuple[float, float] = (-7.0, 2.0)) -> Tensor:
    """The way of an optimizer down f(x, y) = x²/20 + y², (turns + 1, 2)."""
    at = nn.Parameter(torch.tensor(start))
    rule, way = optim.make(name, [at], lr), [torch.tensor(start)]
    for _ in range(turns):
        rule.zero_grad()
        (at[0] ** 2 / 20 + at[1] ** 2).backward()
        rule.step()
        way.append(at.detach().clone())
    return torch.stack(way)


def one_hot(index: int, count: int) -> Tensor:
    """(count,): 1 at `index`, else 0."""
    return F.one_hot(torch.tensor(index), count)


def dense(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """weight (outputs, inputs) · x (inputs,) + bias (outputs,)."""
    return weight @ x + bias


def recurrent(inputs: Sequence[float], w_x: float, w_h: float, b: float = 0.0) -> list[float]:
    """The memory h after each step of a recurrent layer of one neuron, from h = 0."""
    h, told = 0.0, []
    for x in inputs:
        h = math.tanh(w_x * x + w_h * h + b)
        told.append(h)
    return told


def lstm(x: float, h: float, c: float, w_x: Sequence[float], w_h: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """One step of an LSTM of one neuron; weights in the order input, forget, what is written, output (as torch's).
    Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
    i, f, g, o = (wx * x + wh * h + bias for wx, wh, bias in zip(w_x, w_h, b, strict=True))
    i, f, g, o = sigmoid(i), sigmoid(f), math.tanh(g), sigmoid(o)
    c = f * c + i * g
    return {"input": i, "forget": f, "written": g, "output": o, "c": c, "h": o * math.tanh(c)}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def convolution(picture: Tensor, window: Tensor) -> Tensor:
    """A window (k, k) slid over a picture (H, W) without padding: (H - k + 1, W - k + 1)."""
    return F.conv2d(picture[None, None].float(), window[None, None])[0, 0]


def pooled(picture: Tensor, how: Literal["max", "mean"] = "max") -> Tensor:
    """The largest (or the mean) of each 2×2 of a picture (H, W): (H/2, W/2)."""
    pool = F.max_pool2d if how == "max" else F.avg_pool2d
    return pool(picture[None, None].float(), 2)[0, 0]


def softmax(scores: Tensor) -> Tensor:
    """Scores (classes,) -> probabilities (classes,)."""
    return scores.softmax(0)


def stack(windows: Sequence[int], side: int = 28) -> tuple[int, int]:
    """(weights, pixels one output sees on a side) of convolutions of one channel on top of each other, no biases."""
    table = Design(tuple(f"conv 1 {window} bias=no" for window in windows)).table(Image(1, side, side))
    return table.totals.parameters, table.totals.field


def rank(p: Tensor, truth: int) -> tuple[int, bool, bool]:
    """(the truth's place, is the first guess right, is it among the first five) for probabilities (classes,)."""
    place = int((p > p[truth]).sum()) + 1
    y = torch.tensor([truth])
    return place, bool(metrics.accuracy(p[None], y)), bool(metrics.top5(p[None], y))


def formats(value: float) -> dict[str, tuple[float, int]]:
    """Format -> (the value as it is stored there, bits)."""
    x = torch.tensor(value, dtype=torch.float64)
    return {"fp32": (float(x.float()), 32), "bf16": (float(x.bfloat16()), 16), "fp16": (float(x.half()), 16),
            "1 bit": (float(layers.sign(x.float())), 1)}


def one_bit_product(a: Tensor, b: Tensor) -> tuple[int, int]:
    """The inner product of two rows of ±1 (N,), by multiplying and by counting equal bits: 2 · equal - N."""
    return int((a * b).sum()), 2 * int((a == b).sum()) - len(a)


def shared_gradient(x: Tensor, y: Tensor, w: Tensor, workers: int) -> tuple[Tensor, Tensor]:
    """Gradient of the mean squared error of x @ w on a whole batch, and the mean of the workers' gradients on their parts."""
    def gradient(x, y):
        at = w.clone().requires_grad_()
        return torch.autograd.grad((x @ at - y).square().mean(), at)[0]
    parts = [gradient(*part) for part in zip(x.chunk(workers), y.chunk(workers), strict=True)]
    return gradient(x, y), torch.stack(parts).mean(0)


def signal_left(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """How much of the picture is left after each step of noise: √ᾱ, (steps,). Ho et al. 2020, section 4."""
    return (1 - torch.linspace(first, last, steps, dtype=torch.float64)).cumprod(0).sqrt()


def corridor(length: int = 5, discount: float = 0.9, turns: int = 10) -> list[list[float]]:
    """Values of the cells of a corridor whose last step earns 1, after each sweep of v ← r + γ·v(next)."""
    v, told = [0.0] * length, []
    for _ in range(turns):
        v = [1.0 if cell == length - 1 else discount * v[cell + 1] for cell in range(length)]
        told.append(v)
    return told


def depth(layers: int, kind: Image, train: tuple[Tensor, Tensor], valid: tuple[Tensor, Tensor], epochs: int = 4,
          seed: int = 0) -> tuple[int, int, float]:
    """(pixels one value sees on a side, weights, share right) of so many convolutions of 12 channels on top of each other,
    learned on pictures (N, C, H, W) with targets (N,) and judged on others."""
    design = Design((*("conv 12 3; relu",) * layers, "globalmaxmean", "dense classes"))
    table, (x, y) = design.table(kind, 10), train
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        net = design.build(kind, 10)
    rule, order, done, planned = optim.make("muon", net, 0.05), torch.Generator().manual_seed(seed), 0, epochs * (len(x) // 64)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=order)[: len(x) // 64 * 64].split(64):
            optim.set_rate(rule, 0.05 * optim.schedule("triangle", done / planned, 0.25))
            rule.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            rule.step()
            done += 1
    with torch.no_grad():
        right = float(metrics.accuracy(net.eval()(valid[0]).softmax(1), valid[1]))
    return table[2 * layers - 1].field, table.totals.parameters, right


def layer_times(net: str = "deepconv", batch: int = 100, turns: int = 5, seed: int = 0) -> list[tuple[str, float, float]]:
    """(layer, seconds forward, seconds backward for a batch) of a network on 28×28 grey pictures, the best of some turns."""
    model = network(net, Image(1, 28, 28), 10).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randint(0, 256, (batch, 1, 28, 28), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
    return insight.layer_times(model, x, turns)
