"""CIFAR-10: the default net in four minutes, the design of airbench94 beside ours, ResNet-20. Seeds 0, 1, 2, …, the
last step, the test set opened once a run.

    .venv/bin/python bench/cifar.py                         # all claims, 5 seeds
    .venv/bin/python bench/cifar.py --only quick --seeds 2  # one of: quick airbench resnet20
    .venv/bin/python bench/cifar.py --time                  # seconds too: on a quiet machine
    .venv/bin/python bench/cifar.py --only airbench --epochs 2

`airbench` trains our `net=quick` and a plain writing of the recipe published as airbench94 (Jordan 2024, "94% on
CIFAR-10 in 3.29 seconds on a single GPU") on the same pictures, as often, and answers both with six views.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
EPOCHS = 8.0                        # of both in `airbench`; what was published takes 9.9, with Muon 8
CLAIMS = {
    "quick": ("deepen train cifar, no settings: test accuracy", 0.90, 240, ["cifar"]),
    "resnet20": ("ResNet-20 on CIFAR-10, test accuracy", 0.90, 900,
                 ["classify", "data=cifar", "data.valid=0", "net=resnet20", "epochs=15", "augment=flip alternate; crop 4", "batch=128"]),
    "airbench": ("net=quick on CIFAR-10 with six views, test accuracy", None, 900,
                 ["classify", "data=cifar", "data.valid=0", "net=quick", "tta=flip+shift"]),
}


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def ours(name: str, seed: int, words: list[str]) -> tuple[float, float]:
    """(test accuracy, seconds of training) of one run."""
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / name)
        train = deepen("train", *words, "--seed", str(seed), "--keep", "last", "--out", run)
        accuracy = deepen("validate", run)["metrics"]["test"]["accuracy"]
    print(f"{name} seed {seed}: {accuracy:.4f} in {train['seconds']:.0f} s", file=sys.stderr, flush=True)
    return accuracy, train["seconds"]


# the published recipe, in plain torch: nothing of deepen but the reading of the pictures

class Group(nn.Module):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(n, after, 3, padding="same", bias=False) for n in (before, after))
        self.norms = nn.ModuleList(nn.BatchNorm2d(after, eps=1e-12, momentum=0.4) for _ in range(2))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            nn.init.dirac_(conv.weight.data[:conv.in_channels])
            norm.weight.requires_grad_(False)

    def forward(self, x):
        x = F.gelu(self.norms[0](F.max_pool2d(self.convs[0](x), 2)))
        return F.gelu(self.norms[1](self.convs[1](x)))


class Published(nn.Module):
    def __init__(self, pictures):
        super().__init__()
        self.first = nn.Conv2d(3, 24, 2)
        self.groups = nn.Sequential(Group(24, 64), Group(64, 256), Group(256, 256))
        self.last = nn.Linear(256, 10, bias=False)
        nn.init.zeros_(self.first.bias)
        patches = F.unfold(pictures, 2).transpose(1, 2).reshape(-1, 12)
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        rows = (vectors / (values + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
        self.first.weight.data.copy_(torch.cat([rows, -rows]))
        self.first.weight.requires_grad_(False)

    def forward(self, x):
        return self.last(F.max_pool2d(self.groups(F.gelu(self.first(x))), 3).flatten(1)) / 9


def published(seed: int, epochs: float) -> tuple[float, float]:
    """(test accuracy with six views, seconds of training) of one run of the recipe."""
    from deepen.sources.cifar import cifar
    splits = cifar(valid=0).splits
    torch.manual_seed(seed)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)))
    x, y = splits["train"].inputs / 255, splits["train"].target
    x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
    began = time.perf_counter()
    net = Published(x[:5000]).to(memory_format=torch.channels_last)
    scale = 1024 * (1 + 1 / (1 - 0.85))
    lr, decay = 11.5 / scale, 0.0153 * 1024 / scale
    biases = [w for name, w in net.named_parameters() if "norms" in name and w.requires_grad]
    others = [w for name, w in net.named_parameters() if "norms" not in name and w.requires_grad]
    rule = torch.optim.SGD([{"params": biases, "lr": 64 * lr, "weight_decay": decay / (64 * lr)},
                            {"params": others, "lr": lr, "weight_decay": decay / lr}], momentum=0.85, nesterov=True)
    tops, steps, step = [64 * lr, lr], math.ceil(len(x) // 1024 * epochs), 0
    warm = max(1, int(0.23 * steps))
    slow = {name: value.clone() for name, value in net.state_dict().items()}        # Lookahead
    half = torch.rand(len(x), 1, 1, 1) < 0.5
    grown = F.pad(torch.where(half, x.flip(3), x), [2] * 4, "reflect")
    for epoch in range(math.ceil(epochs)):
        net.first.bias.requires_grad_(epoch < 3)
        order = torch.randperm(len(x))
        for rows in order.split(1024)[:len(x) // 1024]:
            if step == steps:
                break
            right, down = torch.randint(0, 5, (2, len(rows)))
            batch = torch.stack([grown[i, :, d:d + 32, r:r + 32] for i, d, r in zip(rows.tolist(), down.tolist(), right.tolist(), strict=True)])
            batch = (batch.flip(3) if epoch % 2 else batch).contiguous(memory_format=torch.channels_last)
            rise, fall = step / warm, (step - warm) / (steps - warm)
            for group, top in zip(rule.param_groups, tops, strict=True):
                group["lr"] = top * (0.2 + 0.8 * rise if rise < 1 else 1 - 0.93 * fall)
            with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
                loss = F.cross_entropy(net(batch).float(), y[rows], label_smoothing=0.2, reduction="sum")
            rule.zero_grad()
            loss.backward()
            rule.step()
            step += 1
            if step % 5 == 0 or step == steps:
                keep = 1.0 if step == steps else 0.95**5 * (step / steps)**3
                for name, value in net.state_dict().items():
                    if value.is_floating_point():
                        slow[name].lerp_(value, 1 - keep)
                        value.copy_(slow[name])
    seconds = time.perf_counter() - began
    test = (splits["test"].inputs / 255 - mean) / std
    grown = F.pad(test, [1] * 4, "reflect")
    net.eval()
    with torch.no_grad():
        def scores(x):
            return torch.cat([net(part) + net(part.flip(3)) for part in x.split(500)])
        z = scores(test) / 2 + scores(grown[:, :, :-2, :-2]) / 4 + scores(grown[:, :, 2:, 2:]) / 4
    accuracy = (z.argmax(1) == splits["test"].target).double().mean().item()
    print(f"published seed {seed}: {accuracy:.4f} in {seconds:.0f} s", file=sys.stderr, flush=True)
    return accuracy, seconds


def line(claim: str, got: list[float], peer: float, peer_name: str, unit: str) -> None:
    middle, digits = (statistics.mean(got), 5) if unit == "accuracy" else (statistics.median(got), 1)
    print(json.dumps({"claim": claim, "ours": round(middle, digits), "peer": round(peer, digits), "peer_name": peer_name,
                      "ratio": round(middle / peer, 4), "unit": unit, "runs": len(got),
                      "spread": [round(min(got), digits), round(max(got), digits)]}), flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--only", choices=CLAIMS)
    ask.add_argument("--seeds", type=int, default=5)
    ask.add_argument("--epochs", type=float, default=EPOCHS)
    ask.add_argument("--time", action="store_true")
    asked = ask.parse_args()
    for name in [asked.only] if asked.only else CLAIMS:
        claim, goal, limit, words = CLAIMS[name]
        if name == "airbench":
            words = [*words, f"epochs={asked.epochs:g}"]
        runs = [ours(name, seed, words) for seed in range(asked.seeds)]
        accuracies, seconds = zip(*runs, strict=True)
        if name == "airbench":
            claim += f", {asked.epochs:g} epochs"
            beside = [published(seed, asked.epochs)[0] for seed in range(asked.seeds)]
            line(claim, accuracies, statistics.mean(beside), "airbench94's design, as many epochs", "accuracy")
        else:
            line(claim, accuracies, goal, "goal", "accuracy")
        if asked.time:
            line(claim.replace("test accuracy", "seconds of training"), seconds, limit, "limit", "s")


if __name__ == "__main__":
    main()
