"""The offline judge of generated pictures: a small network that learned a source's classes here, in seconds.

Its figures are `recognised`, `modes` and `frechet_own`. The last is a Fréchet distance in this network's own features:
comparable between makers judged by the same judge, and never to be called FID.
"""
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.data import Data
from deepen.core.kinds import Label
from deepen.core.words import Problem
from deepen.nn import optim

ALBUM = 512             # painted pictures that are judged
SURE = 0.9              # a picture counts as recognised when one class gets more than this
NEIGHBOURS = 3          # of the k nearest neighbours that make a manifold (Kynkäänniemi et al. 2019)
_known: OrderedDict[str, "Judge"] = OrderedDict()      # trained judges by data, the newest last
KEPT = 4
MOST, SHOWN = 60_000, 3000      # pictures a judge learns from; pictures whose patches are measured
RATE = 0.04
ENOUGH, TIMES = 6, 20           # epochs after which a judge that knows its pictures stops, and any judge: one that knows
                                # few pictures by heart finds all others, real ones too, far from them


class Judge(nn.Module):
    """uint8 pictures (B, C, H, W) -> logits (B, classes); `features` gives (B, 64) of the layer before.

    What patches are like is computed from pictures and stands still (`whitening`); then three 3×3 convolutions learn."""
    patches: Tensor

    def __init__(self, images: Tensor, classes: int):
        super().__init__()
        self.factor = factor_of(*images.shape[2:])
        self.register_buffer("patches", whitening(self.scaled(spread(images, SHOWN))))
        first = 2 * len(self.patches)                        # each filter and its opposite

        def block(i, o):
            return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.look = nn.Sequential(*block(first, 64), nn.MaxPool2d(2), *block(64, 64), *block(64, 64))
        self.say = nn.Linear(64, classes)
        self.seen: tuple[str, Tensor] | None = None         # the real pictures looked at last, and their features

    def scaled(self, x: Tensor) -> Tensor:
        """0…255 -> −1…1, halved or repeated to 16 … 40 pixels a side."""
        x = x.float() / 127.5 - 1
        if self.factor < 1:
            x = F.avg_pool2d(x, round(1 / self.factor))
        elif self.factor > 1:
            x = F.interpolate(x, scale_factor=self.factor)
        if min(x.shape[2:]) < 4:                            # a stroke of a picture
            x = F.interpolate(x, (max(4, x.shape[2]), max(4, x.shape[3])))
        return x.contiguous(memory_format=torch.channels_last)

    def features(self, x: Tensor) -> Tensor:
        x = F.conv2d(self.scaled(x), self.patches, stride=2, padding=1)
        return self.look(torch.cat([x, -x], 1).relu()).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.say(self.features(x))


def factor_of(height: int, width: int) -> float:
    """By how much pictures are made smaller (½, ¼, …) or larger (2, 3, …) before the judge looks at them."""
    factor = 1.0
    while max(height, width) * factor > 40 and min(height, width) * factor >= 8:
        factor /= 2
    return factor if factor < 1 else float(-(-16 // max(height, width)))


def whitening(x: Tensor, window: int = 4, most: int = 16, eps: float = 5e-3) -> Tensor:
    """Filters (≤ most, C, window, window) that take pictures (N, C, H, W) apart into what their patches vary in, each as
    strong as the others: the principal axes of patches over their spread. Learning that by descent costs an epoch."""
    patches = F.unfold(x, window, stride=3, padding=1).transpose(1, 2).reshape(-1, x.shape[1] * window**2)    # (patches, C·16)
    values, axes = torch.linalg.eigh(torch.cov(patches.T))                  # the strongest last
    filters = axes[:, -most:] / (values[-most:].clamp(min=0) + eps).sqrt()
    return filters.T.flip(0).reshape(-1, x.shape[1], window, window).contiguous(memory_format=torch.channels_last)


def spread(images: Tensor, most: int) -> Tensor:
    """At most so many of the pictures, from all over them."""
    if len(images) <= most:
        return images
    return images[torch.linspace(0, len(images) - 1, most).round().long().to(images.device)]


def judge_of(images: Tensor, labels: Tensor | None, classes: int = 0, steps: int = 600, batch: int = 64) -> Judge:
    """The judge of these pictures (N, C, H, W) and classes (N,): trained once, then remembered by a hash of both.
    Pictures without classes (`labels` None) give it another task, which of four quarter turns a picture took
    (Gidaris et al. 2018): its features are as good for distances, its classes say nothing.

    It learns `steps` batches, fewer where there are few pictures and it knows them. Draws its own random
    numbers: who asks for a judge goes on as if nothing had been drawn."""
    images, labels = spread(images, MOST), None if labels is None else spread(labels, MOST)
    key = told(images) + ("turns" if labels is None else told(labels))
    if key not in _known:
        devices = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.autocast(images.device.type, enabled=False), torch.enable_grad():
            torch.manual_seed(0)
            _known[key] = _trained(images, labels, classes if labels is not None else 4, steps, batch)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return _known[key]


def told(values: Tensor) -> str:
    """A hash of a tensor's shape and numbers: 30 ms for MNIST."""
    values = values.detach().cpu().contiguous()
    return hashlib.sha256(values.numpy().data).hexdigest() + str(tuple(values.shape))


def _trained(images: Tensor, labels: Tensor | None, classes: int, steps: int, batch: int) -> Judge:
    judge = Judge(images, classes).to(images.device)
    judge.to(memory_format=torch.channels_last)             # type: ignore[call-overload]
    muon, right = optim.make("muon", judge, RATE), 0.0
    steps = end = min(steps, max(30 if labels is None else 100, TIMES * len(images) // batch))
    half = images.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    order, step = images.new_empty(0, dtype=torch.int64), 0
    while step < end:
        optim.set_rate(muon, RATE * min(1.0, (step + 1) / 30) * (end - step) / steps)
        if len(order) < batch:                              # every picture once before any comes again
            order = torch.cat([order, torch.randperm(len(images)).to(images.device)]).repeat(-(-batch // len(images)))
        rows, order = order[:batch], order[batch:]
        x = images[rows] if step * batch < len(images) else shifted(images[rows])       # seen before: not to be learned by heart
        x, y = turned(x) if labels is None else (x, labels[rows])
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half, cache_enabled=False):
            logits, wild = judge(torch.cat([x, scrambled(x[: batch // 8])])).float().split([batch, batch // 8])
        unsure = -wild.log_softmax(1).mean()                # on what is no picture every class is as likely
        muon.zero_grad(set_to_none=True)
        (F.cross_entropy(logits, y) + 0.5 * unsure).backward()
        muon.step()
        right = 0.95 * right + 0.05 * float((logits.argmax(1) == y).float().mean())
        step += 1
        if step >= 100 and step * batch >= ENOUGH * len(images) and right > 0.99:
            end = min(end, step + 40)                       # few pictures, known by now: settle
    return judge.eval().requires_grad_(False)


def shifted(images: Tensor) -> Tensor:
    """A batch (B, C, H, W) moved by up to an eighth of its sides, the border repeated."""
    for axis in (2, 3):
        side = images.shape[axis]
        far = int(torch.randint(-(side // 8), side // 8 + 1, ()))
        images = images.index_select(axis, (torch.arange(side, device=images.device) + far).clamp(0, side - 1))
    return images


def turned(images: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures (B, C, H, W), cut to the square in their middle, each in a quarter turn of its own; and which, 0…3."""
    side = min(images.shape[2:])
    top, left = (images.shape[2] - side) // 2, (images.shape[3] - side) // 2
    square = images[:, :, top: top + side, left: left + side]
    turns = torch.randint(4, (len(images),)).to(images.device)
    return torch.stack([square.rot90(k, (2, 3)) for k in range(4)])[turns, torch.arange(len(images), device=images.device)], turns


def scrambled(images: Tensor) -> Tensor:
    """What a judge must not be sure about: the same pixels in another order in each picture, every other one plain noise."""
    b, c, h, w = images.shape
    order = torch.rand(b, 1, h * w, device=images.device).argsort(2).expand(b, c, h * w)
    wild = images.flatten(2).gather(2, order).view(b, c, h, w)
    wild[::2] = torch.randint_like(wild[::2], 256)
    return wild


@torch.no_grad()
def looked(judge: Judge, images: Tensor, batch: int = 500) -> tuple[Tensor, Tensor]:
    """(features (N, 64), probabilities (N, classes)) of uint8 pictures, in float32 whatever the training uses."""
    with torch.autocast(images.device.type, enabled=False):
        parts = [judge.features(images[i: i + batch]) for i in range(0, len(images), batch)]
        features = torch.cat(parts)
        return features, judge.say(features).softmax(1)


def recognised(p: Tensor) -> float:
    """Share of pictures that one class claims with more than `SURE`."""
    return (p.amax(1) > SURE).float().mean().item()


def modes(p: Tensor, least: float = 0.01) -> float:
    """How many classes have at least that share of the pictures, counting those that are recognised."""
    sure = p.amax(1) > SURE
    counts = p.argmax(1)[sure].bincount(minlength=p.shape[1])
    return float((counts >= max(1.0, least * len(p))).sum())


def frechet_own(a: Tensor, b: Tensor) -> float:
    """Fréchet distance between two sets of features (N, D), in float64 (Heusel et al. 2017, eq. 6, own features):
    |μa − μb|² + tr(A + B − 2(AB)^½); the last trace by the eigenvalues of the symmetric A^½ B A^½."""
    a, b = a.double(), b.double()
    A, B = (torch.cov(x.T) if len(x) > 1 else x.new_zeros(x.shape[1], x.shape[1]) for x in (a, b))     # one has no spread
    values, vectors = torch.linalg.eigh(A)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ B @ root).clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + A.trace() + B.trace() - 2 * cross).clamp(min=0).item()


def figures(painted: Tensor, train: tuple[Tensor, Tensor | None], shown: Tensor, classes: int = 0,
            asked: Tensor | None = None) -> dict[str, float]:
    """What painted pictures (N, C, H, W) are worth: uint8, as are the training pictures `train` = (pictures, classes
    or None) that the judge learns and the real pictures `shown` of a split that they are compared with.

    With classes: `recognised`, `modes`, and `as_asked` where the classes `asked` (N,) for are given. Always:
    `frechet_own`, `sample_precision`, `sample_recall`."""
    images, labels = train
    labels = labels if classes > 1 else None
    critic = judge_of(images, labels, classes)
    a, p = looked(critic, painted)
    b = _shown(critic, spread(shown, MOST))
    found = {}
    if labels is not None:
        found = {"recognised": recognised(p), "modes": modes(p)}
        if asked is not None:
            found["as_asked"] = (p.argmax(1) == asked.to(p.device)).float().mean().item()
    few = spread(b, len(a))                                                 # as many as painted
    return {**found, "frechet_own": frechet_own(a, b), "sample_precision": within(a, few), "sample_recall": within(few, a)}


def compared(data: Data, split: str, sample: Callable[..., Tensor], kinds: int = 0) -> dict[str, float]:
    """`figures` of what `sample(count, seed)` paints beside a split of the data it learned from; `kinds`: how many classes
    it paints in turn, where it was told classes."""
    classes = len(data.target.names) if isinstance(data.target, Label) else 0
    asked = torch.arange(ALBUM) % kinds if kinds > 1 else None
    return figures(sample(ALBUM, seed=1), data.split("train")[:], data.split(split)[:][0], classes, asked)


def _shown(critic: Judge, images: Tensor) -> Tensor:
    """Features of real pictures, remembered with the judge: every judgement asks for the same ones."""
    key = told(images)
    if critic.seen is None or critic.seen[0] != key:
        critic.seen = key, looked(critic, images)[0]
    return critic.seen[1]


def within(a: Tensor, b: Tensor, k: int = NEIGHBOURS, chunk: int = 1024) -> float:
    """The share of features a (N, D) that lie in the manifold of b (M, D): in a ball around one of them that reaches
    to its k-th nearest neighbour in b (Kynkäänniemi et al. 2019, eq. 2). Painted in real is the precision of samples,
    real in painted their recall."""
    def far(part):                          # not by products: those of equal features would not be 0
        return torch.cdist(part, b, compute_mode="donot_use_mm_for_euclid_dist")
    k = min(k, len(b) - 1)
    reach = torch.cat([far(part).kthvalue(k + 1).values for part in b.split(chunk)])                # the first is itself
    return torch.cat([(far(part) <= reach).any(1) for part in a.split(chunk)]).double().mean().item()


def class_of(names: Sequence[str], said: str) -> int:
    """The place of the class that a person named, by its name or its number (from 0)."""
    names, said = [str(name) for name in names], str(said).strip()
    if said in names:
        return names.index(said)
    if said.isdecimal() and int(said) < len(names):
        return int(said)
    if not names:
        raise Problem("class {said} was asked for, but this data has no classes; leave class= out", said=said)
    near = get_close_matches(said, names, 1, 0.5)
    if near:
        raise Problem("there is no class {said}; did you mean {near}?", said=said, near=near[0])
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    raise Problem("there is no class {said}; there are: {names} (or a number, 0 to {last})", said=said, names=shown,
                  last=len(names) - 1)
