"""Codes: short vectors that stand for pictures. How good they are, where they lie, and what lies between two of them.

Codes z are (N, D), pictures x in 0…1 are (N, P) with P numbers each.
"""
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.data import Data
from deepen.core.kinds import Image, Label
from deepen.core.things import Panel
from deepen.core.words import Problem, say
from deepen.nn.canvas import stored

EXACT = 1024            # numbers up to which principal components come from the whole covariance
READ = 10_000           # codes that a linear probe learns from, at most
POINTS = 2000           # codes drawn in the plane, at most
TURNS = 12              # of the subspace iteration
LARGEST = 65_536        # numbers of a picture that full layers are made for
BENDS: dict[str, Callable[[], nn.Module]] = {"gelu": lambda: nn.GELU("tanh"), "relu": nn.ReLU, "tanh": nn.Tanh,
                                             "sigmoid": nn.Sigmoid}


def widths_of(text: str) -> list[int]:
    """`1000,500,250` as numbers; `Problem` for what is none."""
    try:
        found = [int(part) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        found = []
    if not found or not all(1 <= width <= 16_384 for width in found):
        raise Problem("{given} are no widths of layers; write for example 500,250", given=text or "''")
    return found


def numbers_of(kind: Image) -> int:
    """How many numbers a picture has; `Problem` where full layers would be too large for it."""
    size = kind.channels * kind.height * kind.width
    if size > LARGEST:
        raise Problem("a picture has {size} numbers here and every one meets every unit of the first layer; make pictures "
                      "smaller, for example data.size=64", size=size)
    return size


def dense(sizes: Sequence[int], bend: str = "gelu") -> nn.Sequential:
    """Full layers with a bend between them. Weights N(0, 2 / inputs), so that signals keep their size (He et al. 2015);
    N(0, 2 / (inputs + outputs)) before tanh and sigmoid (Glorot & Bengio 2010), N(0, 1 / inputs) in the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        last, he = len(layers) == 2 * len(sizes) - 4, bend in ("gelu", "relu")
        nn.init.normal_(layer.weight, 0, ((1 if last else 2) / (inputs if last or he else inputs + outputs)) ** 0.5)
        nn.init.zeros_(layer.bias)
        layers += [layer, BENDS[bend]()]
    return nn.Sequential(*layers[:-1])


def some_of(total: int, count: int) -> Tensor:
    """`count` rows of `total` (or all), drawn by a fixed seed, in order. Every second picture would not do: in MNIST the
    pupils' digits stand between those of clerks."""
    return torch.randperm(total, generator=torch.Generator().manual_seed(0))[:count].sort().values


def shown(data: Data, split: str, most: int | None = None) -> tuple[Tensor, Tensor | None]:
    """Pictures uint8 (N, C, H, W) of a split, at most so many, and their classes (N,), None where there are no classes."""
    examples = data.split(split)
    x, y = examples[some_of(len(examples), len(examples) if most is None else most)]
    return x, y if isinstance(data.target, Label) else None


def unit(x: Tensor) -> Tensor:
    """Pictures as stored, uint8 (B, C, H, W), as numbers 0…1 (B, P)."""
    return x.flatten(1).float() / 255


def pictures(p: Tensor, shape: Sequence[int]) -> Tensor:
    """Numbers 0…1 (B, P) as pictures uint8 (B, C, H, W)."""
    return stored(p).view(-1, *shape)


def normal(count: int, size: int, seed: int) -> Tensor:
    """Standard normal codes (count, size) of a seed, one row after another: the first rows do not depend on `count`."""
    draw = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(size, generator=draw) for _ in range(count)])


# principal components: what any code has to beat

class Plain:
    """Principal component analysis of x (N, P): the best linear code of `size` numbers (Pearson 1901).

    `mean` (P,), `axes` (size, P) of length 1, `spread` (size,) the standard deviation along each, largest first; all in
    float64. Of more than 1,024 numbers a picture the axes come from a subspace iteration on at most 5,000 pictures."""

    def __init__(self, x: Tensor, size: int):
        size = min(size, x.shape[1])
        if x.shape[1] > EXACT:
            x = x[some_of(len(x), 5000).to(x.device)]
        self.mean = torch.stack([part.double().sum(0) for part in x.split(READ)]).sum(0) / len(x)
        if x.shape[1] <= EXACT:
            scatter = sum(((part := rows.double() - self.mean).T @ part for rows in x.split(READ)),
                          torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=x.device))
            values, vectors = torch.linalg.eigh(scatter / max(1, len(x) - 1))
            self.axes, values = vectors.T.flip(0)[:size], values.flip(0)[:size]
        else:
            x = x.double() - self.mean
            draw = torch.Generator().manual_seed(0)
            q = torch.randn(x.shape[1], min(size + 10, x.shape[1]), generator=draw, dtype=torch.float64).to(x.device)
            for _ in range(TURNS):
                q = torch.linalg.qr(x.T @ (x @ q)).Q
            _, s, vectors = torch.linalg.svd(x @ q, full_matrices=False)
            self.axes, values = (vectors @ q.T)[:size], s[:size] ** 2 / max(1, len(x) - 1)
        self.spread = values.clamp(min=0).sqrt()

    def codes(self, x: Tensor) -> Tensor:
        return (x.double() - self.mean) @ self.axes.T

    def painted(self, z: Tensor) -> Tensor:
        return z.double() @ self.axes + self.mean

    def error(self, x: Tensor) -> float:
        """Squared error of a picture, summed over its numbers, its mean over x (N, P)."""
        return sum((self.painted(self.codes(part)) - part).square().sum().item() for part in x.split(READ)) / len(x)


# how much of the classes a straight line can read from codes

def probe(z: Tensor, y: Tensor, others: Tensor, truth: Tensor, classes: int) -> float:
    """The accuracy on codes `others` (M, D) with classes `truth` of a linear classifier that learned z (N, D), y (N,):
    logistic regression on standardised codes, weights held by 10⁻⁴‖W‖², by L-BFGS."""
    z = z.float()
    mean, spread = z.mean(0), z.std(0, correction=0).clamp(min=1e-6)
    with torch.enable_grad(), torch.autocast(z.device.type, enabled=False):
        w = torch.zeros(classes, z.shape[1] + 1, device=z.device, requires_grad=True)
        rule = torch.optim.LBFGS([w], max_iter=60, history_size=10, line_search_fn="strong_wolfe")
        z = (z - mean) / spread

        def closure():
            rule.zero_grad()
            loss = F.cross_entropy(z @ w[:, 1:].T + w[:, 0], y) + 1e-4 * w[:, 1:].square().sum()
            loss.backward()
            return loss
        rule.step(closure)
    answer = ((others.float() - mean) / spread) @ w.detach()[:, 1:].T + w.detach()[:, 0]
    return (answer.argmax(1) == truth).float().mean().item()


def probed(data: Data, split: str, code: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """{"probe": how much of the classes of a split a straight line reads from what `code` makes of pictures}; nothing
    where there are no classes."""
    if not isinstance(data.target, Label) or not len(data.splits.get("train", ())):
        return {}
    (x, y), (seen, truth) = shown(data, "train", READ), shown(data, split)
    assert y is not None and truth is not None
    z, others = (torch.cat([code(part) for part in some.split(1000)]) for some in (x, seen))
    return {"probe": probe(z, y, others, truth, len(data.target.names))}


# where codes lie

class Cloud(nn.Module):
    """The mean and covariance of the codes that pass while learning: an average over the newest hundred batches or so.

    `axes` (D, D): its principal directions, each as long as one standard deviation, the widest first."""
    mean: Tensor
    covariance: Tensor
    count: Tensor

    def __init__(self, size: int, keep: float = 0.99):
        super().__init__()
        self.keep = keep
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("covariance", torch.eye(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, z: Tensor) -> None:
        """Take in codes (B, D)."""
        with torch.autocast(z.device.type, enabled=False):
            z = z.detach().float()
            share = max(1 - self.keep, 1 / (1 + int(self.count)))
            far = z.mean(0) - self.mean
            spread = z - z.mean(0)
            now = spread.T @ spread / len(z) + (1 - share) * torch.outer(far, far)      # between the means, too
            self.mean += share * far
            self.covariance.lerp_(now, share)
            self.count += 1

    def axes(self) -> Tensor:
        values, vectors = torch.linalg.eigh(self.covariance.double())
        return (vectors * values.clamp(min=0).sqrt()).T.flip(0).float()


def most_visible(painted: Callable[[Tensor], Tensor], centre: Tensor, axes: Tensor) -> Tensor:
    """The axes (K, D) in the order of how much a picture changes from one end to the other."""
    change = (painted(centre + axes).float() - painted(centre - axes).float()).flatten(1).abs().sum(1)
    return axes[change.argsort(descending=True, stable=True)]


def between(ends: Tensor, count: int) -> Tensor:
    """`count` even steps on straight ways through codes (E, D), from the first to the last."""
    place = torch.linspace(0, len(ends) - 1, count, device=ends.device)
    start = place.floor().long().clamp(max=len(ends) - 2)
    return ends[start].lerp(ends[start + 1], (place - start)[:, None])


def arc(a: Tensor, b: Tensor, count: int) -> Tensor:
    """`count` even steps from noise a to noise b (…), along the circle both lie on, where noise is at home: (count, …). The
    straight line would cut through the middle, where Gaussian noise never is (White 2016)."""
    x, y = (F.normalize(one.flatten(), dim=0) for one in (a, b))
    angle = torch.acos((x @ y).clamp(-0.9999, 0.9999))
    t = torch.linspace(0, 1, count, device=a.device).view(-1, *[1] * a.ndim)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def looked_at(data: Data, count: int) -> tuple[Tensor, Tensor | None, tuple[str, ...], Tensor]:
    """What panels are made of: pictures that were not learned from (where there are none, those that were), their classes
    or None, the names of these, and `count` rows, class after class."""
    part = "valid" if len(data.splits.get("valid", ())) else "train"
    x, y = shown(data, part, POINTS)
    names = data.target.names if y is not None else ()
    return x, y, names, spread_over(y, count, len(x)).to(x.device)


def came_back(x: Tensor, back: Tensor) -> Panel:
    """Pictures above what came back of them."""
    return Panel(say("Pictures and what comes back"), say("Above what was shown, below what its code was turned back into."),
                 torch.cat([x, back]).cpu(), across=len(x), names=(say("shown"), say("back")))


def latent_panels(data: Data, codes: Callable[[Tensor], Tensor], painted: Callable[[Tensor], Tensor], centre: Tensor,
                  axes: Tensor, plane: Tensor | None = None) -> list[Panel]:
    """What a space of codes looks like: pictures and theirs, codes in a plane, pictures over it, a walk, and `axes` (K, D)
    from one end to the other through `centre` (D,). `plane` (2, D): its two directions, one standard deviation long;
    none: the principal ones of the codes."""
    x, y, names, first = looked_at(data, 12)
    z = codes(x).float()
    told = [came_back(x[first], painted(z[first]))]
    middle = centre
    if plane is None:
        found = Plain(z, 2)
        middle, plane = found.mean.float(), (found.axes * found.spread[:, None]).float()
    if len(plane) == 2:
        right, up = plane
        flat = (z - middle) @ plane.T / plane.square().sum(1).clamp(min=1e-12)                  # (N, 2)
        told.append(Panel(say("Codes in a plane"), say(
            "Each point is the code of a picture that was not learned from, along the two directions in which codes differ "
            "most. Its class gives the colour; classes were not shown while it learned.") if names else say(
            "Each point is the code of a picture that was not learned from, along the two directions in which codes differ "
            "most."), points=flat.cpu(), classes=None if y is None else y.cpu(), names=tuple(names)))
        side = torch.linspace(-2, 2, 13, device=z.device)
        over = torch.stack([middle + a * right + b * up for b in side.flip(0) for a in side])
        told.append(Panel(say("Pictures over the plane"), say(
            "The same plane, painted: each picture is what the code at its place is turned into, two standard deviations "
            "from the middle on each side."), painted(over).cpu(), across=13))
    if len(x) > 1:
        way = between(z[first[:5]], 12 * min(4, len(first) - 1))
        told.append(Panel(say("A walk"), say("In even steps from the code of one picture to the code of the next; what lies "
                                             "between was never shown."), painted(way).cpu(), across=12))
    there = torch.linspace(-2, 2, 16).tolist()
    film = torch.cat([painted(centre + far * axes) for far in [*there, *there[::-1]]])
    return [*told, Panel(say("What each direction changes"), say("Each picture goes to and fro along one direction of the codes, "
                         "two standard deviations both ways; those that change most come first."), film.cpu(), across=len(axes), film=True)]


def spread_over(y: Tensor | None, count: int, examples: int) -> Tensor:
    """Rows of `count` examples, class after class where there are classes."""
    if y is None or not len(y):
        return torch.arange(min(count, examples))
    places = [(y == one).nonzero()[:, 0] for one in y.unique()]
    turns = [mine[turn] for turn in range(max(map(len, places))) for mine in places if turn < len(mine)]
    return torch.stack(turns[:count]).cpu()
