"""The offline judge of generated pictures: a small network that learned a source's classes here, in seconds.

Its figures are `recognised`, `modes` and `frechet_own`. The last is a Fréchet distance in this network's own features:
comparable between makers judged by the same judge, and never to be called FID.
"""
import hashlib
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SURE = 0.9              # a picture counts as recognised when one class gets more than this
_known: OrderedDict[str, "Judge"] = OrderedDict()      # trained judges by data, the newest last
KEPT = 4


class Judge(nn.Module):
    """uint8 pictures (B, C, H, W) -> logits (B, classes); `features` gives (B, 64) of the layer before."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        def block(i, o):
            return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.look = nn.Sequential(*block(channels, 24), *block(24, 32), nn.MaxPool2d(2), *block(32, 64), *block(64, 64))
        self.say = nn.Linear(64, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.look(x.float() / 127.5 - 1).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.say(self.features(x))


def judge_of(images: Tensor, labels: Tensor, classes: int, steps: int = 600, batch: int = 128) -> Judge:
    """The judge of these pictures (N, C, H, W) and classes (N,): trained once, then remembered by a hash of both.

    It learns at most `steps` batches, fewer when it has been right on nearly all of the last fifty. Draws its own random
    numbers: who asks for a judge goes on as if nothing had been drawn."""
    key = hashlib.sha256(images.cpu().numpy().tobytes() + labels.cpu().numpy().tobytes()).hexdigest()
    if key not in _known:
        devices = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.autocast(images.device.type, enabled=False), torch.enable_grad():
            torch.manual_seed(0)
            _known[key] = _trained(images, labels, classes, steps, batch)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return _known[key]


def _trained(images: Tensor, labels: Tensor, classes: int, steps: int, batch: int) -> Judge:
    judge = Judge(images.shape[1], classes).to(images.device).train()
    adam = torch.optim.AdamW(judge.parameters(), 3e-3, weight_decay=0.01, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, 6e-3, total_steps=steps)
    right = 0.0
    for step in range(steps):
        rows = torch.randint(len(images), (batch,), device=images.device)
        logits, wild = judge(torch.cat([images[rows], scrambled(images[rows[: batch // 4]])])).split([batch, batch // 4])
        unsure = -wild.log_softmax(1).mean()                # on what is no picture every class is as likely
        adam.zero_grad(set_to_none=True)
        (F.cross_entropy(logits, labels[rows]) + 0.5 * unsure).backward()
        adam.step()
        rate.step()
        right = 0.95 * right + 0.05 * float((logits.argmax(1) == labels[rows]).float().mean())
        if step >= 100 and right > 0.998:
            break
    return judge.eval().requires_grad_(False)


def scrambled(images: Tensor) -> Tensor:
    """The same pixels in another order in each picture: what a judge must not be sure about."""
    b, c, h, w = images.shape
    order = torch.rand(b, 1, h * w, device=images.device).argsort(2).expand(b, c, h * w)
    return images.flatten(2).gather(2, order).view(b, c, h, w)


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
    A, B = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(A)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ B @ root).clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + A.trace() + B.trace() - 2 * cross).clamp(min=0).item()
