"""StyleGAN against DCGAN at equal time, and its training step against a plain PyTorch loop.

    python bench/stylegan.py [--only mnist|cifar|throughput] [--seed N] [--minutes M] [--count N]

`mnist` and `cifar` train both for M minutes each (from the first step to the last; judging is not in it), then paint
`--count` pictures with each, which one judge compares with the real test pictures: the last state counts (`--keep last`),
the test split is opened once. The distance of as many real training pictures is printed beside it: what a perfect painter
would get. One call is about 2 × M minutes and half a minute for the judge. `throughput` takes two minutes: the same networks
and batch, ours through `steps()`, the peer as one writes it first: a DataLoader with a transform for each picture,
contiguous tensors, the critic's two sides one after another, its gradients in the painter's turn, Adam not fused, both losses
read at every step; and once more with a convolution of own weights for each picture, as published code has it.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path

import deepen  # noqa: F401  (before torch: it tells glibc to keep its pages; a peer's process imports torch first)

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))

import torch
from torch import nn
from torch.nn import functional as F

from deepen.engine.fit import Flags, lend, quiet
from deepen.engine.place import Place
from deepen.engine.start import prepare, start
from deepen.engine.validate import with_data
from deepen.nn import judge
from deepen.nn.modulated import GAIN, SLOPE, Critic, Painter, Styled, steepness

PEERS = ("plain", "grouped")
PLAINLY = "import torch, runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
SETS = {"mnist": "mnist", "cifar": "cifar"}
STEPS, ROUNDS = 36, 4                   # of throughput: steps a round (the first four not counted), rounds in turn


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=[*SETS, "throughput"])
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--minutes", type=float, default=8.0)
    asked.add_argument("--count", type=int, default=5000)
    asked.add_argument("--contender", choices=["ours", *PEERS], help="of throughput: this one alone, in this process")
    given = asked.parse_args()
    if given.contender:
        return print(contender(given.contender, given.seed))
    if given.only in (None, "throughput"):
        throughput(given.seed)
    for name in [given.only] if given.only in SETS else [] if given.only else ["mnist"]:
        against(name, given.seed, given.minutes, given.count)


def against(name: str, seed: int, minutes: float, count: int) -> None:
    """Both makers at equal time, judged alike."""
    found = {}
    for system in ("stylegan", "dcgan"):
        with tempfile.TemporaryDirectory() as folder:
            run = start(system, {"data": SETS[name], "epochs": 1000},               # the minutes end it
                        Flags(seed=seed, keep="last", minutes=minutes, eval_every=10**9), out=Path(folder) / "run")
            trained = with_data(run)
            steps = [event.facts["steps"] for event in run.events() if event.event == "finished"][-1]
        data = trained.data
        (images, labels), (real, _) = data.split("train")[:], data.split("test")[:]
        classes = len(data.target.names)
        with quiet(trained):
            began = time.perf_counter()
            painted = trained.sample(count, seed=1)
            seconds = time.perf_counter() - began
        y = torch.arange(count) % classes
        found[system] = judge.figures(painted, (images, labels), real, classes, y) | {"steps": steps, "seconds": seconds}
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:count]
    perfect = judge.figures(images[rows], (images, labels), real, classes, labels[rows])
    ours, peer = found["stylegan"], found["dcgan"]
    about = f"{name}, {minutes:g} minutes, seed {seed}"
    line(f"stylegan frechet_own, {about}", ours["frechet_own"], peer["frechet_own"], "dcgan", "distance")
    line(f"stylegan frechet_own beside real pictures, {about}", ours["frechet_own"], perfect["frechet_own"],
         "as many real training pictures", "distance")
    for figure, unit in (("recognised", "share"), ("modes", "classes"), ("as_asked", "share"), ("sample_precision", "share"),
                         ("sample_recall", "share"), ("steps", "steps")):
        line(f"stylegan {figure}, {about}", ours[figure], peer[figure], "dcgan", unit)
    line(f"stylegan paints, {name}", count / ours["seconds"], count / peer["seconds"], "dcgan", "pictures/s")


def line(claim: str, ours: float, peer: float, name: str, unit: str, runs: int = 1, spread: float = 0.0) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 4), "peer": round(peer, 4), "peer_name": name,
                      "ratio": round(ours / max(peer, 1e-9), 4), "unit": unit, "runs": runs,
                      "spread": round(spread, 4)}), flush=True)


def throughput(seed: int) -> None:
    """Training pictures a second on MNIST: every contender alone in a fresh process, in turn, so that the machine's moods
    meet all alike."""
    found: dict[str, list[float]] = {"ours": [], **{peer: [] for peer in PEERS}}
    for _ in range(ROUNDS):
        for name, speeds in found.items():
            command = [sys.executable, *([] if name == "ours" else ["-c", PLAINLY]), __file__, "--contender", name]
            told = subprocess.run([*command, "--seed", str(seed)], check=True, capture_output=True, text=True).stdout
            speeds.append(float(told.split()[-1]))
    for peer, name in zip(PEERS, ("plain PyTorch loop, same networks", "plain loop, own weights a picture"), strict=True):
        ratios = [a / b for a, b in zip(found["ours"], found[peer], strict=True)]
        line(f"stylegan training throughput, MNIST, {torch.get_num_threads()} threads, beside a {name}",
             statistics.median(found["ours"]), statistics.median(found[peer]), name, "pictures/s", ROUNDS,
             statistics.pstdev(ratios))


def contender(name: str, seed: int) -> float:
    """Pictures a second of one of them."""
    system, place = made(seed)
    loop = (system.batch for _ in system.steps()) if name == "ours" else plain(system, name == "grouped")
    with place.autocast() if name == "ours" else nullcontext():             # as `fit` does
        for _ in range(4):
            next(loop)
        began = time.perf_counter()
        return sum(next(loop) for _ in range(STEPS - 4)) / (time.perf_counter() - began)


def made(seed: int):
    plan = prepare("stylegan", {"data": "mnist"})
    torch.manual_seed(seed)
    system, data = plan.system, plan.data.sealed()
    place = Place("cpu", system.precision)
    lend(system, data, place)
    system.build(data)
    return system, place


def plain(ours, grouped: bool):
    """The loop as it is written first."""
    data, batch = ours.data, ours.batch
    painter = Painter(data.inputs, 64, ours.kinds, ours.width, ours.style, ours.layers)
    critic = Critic(data.inputs, ours.kinds, ours.width, ours.layers)
    if grouped:
        for i, layer in enumerate(painter.layers):
            painter.layers[i] = own_weights(layer)
    average = deepcopy(painter)
    images, labels = data.split("train")[:]
    loader = torch.utils.data.DataLoader(Pictures(images, labels), batch, shuffle=True, drop_last=True)
    painting = torch.optim.Adam(painter.parameters(), ours.lr, (0.0, 0.99))
    looking = torch.optim.Adam(critic.parameters(), ours.lr, (0.0, 0.99))

    def codes(y):
        noise = torch.randn(len(y), painter.taken)
        noise[:, 64: 64 + ours.kinds] = F.one_hot(y, ours.kinds).float()
        return noise
    for turn, (real, y) in enumerate(loader):
        last = len(painter.layers)
        cut = torch.where(torch.rand(batch) < ours.mixing, torch.randint(1, last, (batch,)), last)
        fake = painter(codes(y), codes(y), cut)
        looking.zero_grad()
        believed = critic(real).gather(1, y[:, None])
        doubted = critic(fake.detach()).gather(1, y[:, None])
        caught = F.softplus(-believed).mean() + F.softplus(doubted).mean()
        if turn % 16 == 0:
            seen = real.clone().requires_grad_()
            caught = caught + 16 * ours.penalty / 2 * steepness(critic(seen).gather(1, y[:, None]), seen)
        caught.backward()
        looking.step()
        painting.zero_grad()
        fooled = F.softplus(-critic(fake).gather(1, y[:, None])).mean()
        fooled.backward()
        painting.step()
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), painter.parameters(), strict=True):
                mine.mul_(0.999).add_(theirs, alpha=0.001)
        caught.item(), fooled.item()
        yield batch


class Pictures(torch.utils.data.Dataset):
    """A picture and its class at a time, scaled one by one."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return self.images[row].float() / 127.5 - 1, self.labels[row]


class own_weights(nn.Module):
    """A styled layer as the paper's formula is written: one convolution group for each picture."""

    def __init__(self, layer: Styled):
        super().__init__()
        self.layer, self.grow = layer, layer.grow

    def forward(self, x, w, specks):
        layer, b = self.layer, len(w)
        s = layer.style(w)
        if self.grow:
            own = s[:, :, None, None, None] * layer.weight                              # (B, I, O, 4, 4)
            own = own * torch.rsqrt(own.square().sum((1, 3, 4), keepdim=True) / 4 + 1e-8)
            x = F.conv_transpose2d(x.reshape(1, -1, *x.shape[2:]), own.flatten(0, 1), None, 2, 1, groups=b)
        else:
            own = s[:, None, :, None, None] * layer.weight                              # (B, O, I, 3, 3)
            own = own * torch.rsqrt(own.square().sum((2, 3, 4), keepdim=True) + 1e-8)
            x = F.conv2d(x.reshape(1, -1, *x.shape[2:]), own.flatten(0, 1), None, 1, 1, groups=b)
        x = x.view(b, -1, *x.shape[2:]) * GAIN + layer.bias + layer.strength * specks
        return F.leaky_relu(x, SLOPE)


if __name__ == "__main__":
    main()
