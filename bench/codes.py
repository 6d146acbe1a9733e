"""Codes: autoencoder, VAE and deep belief network on MNIST and on the 8×8 digits; principal components beside them; training
throughput beside the plain loop. Seeds fixed beforehand, last step, the test split opened once a run.

    .venv/bin/python bench/codes.py                                     # all, seed 0: about 40 minutes on two cores
    .venv/bin/python bench/codes.py --only mnist-autoencoder --seed 1   # 10 minutes: error and seconds
    .venv/bin/python bench/codes.py --only mnist-vae                    # 11 minutes: nats of all 10,000 test pictures, and seconds
    .venv/bin/python bench/codes.py --only mnist-features               # 9 minutes: one linear probe on rbm, autoencoder, PCA, pixels
    .venv/bin/python bench/codes.py --only pca                          # seconds
    .venv/bin/python bench/codes.py --only throughput-autoencoder throughput-vae    # 4 minutes
    .venv/bin/python bench/codes.py --only digits                       # no network, 3 minutes
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
MINUTES = 9.5                   # of training, reading the data and all else left out; the goal says ten
ROUNDS = 3
MNIST = ["data=mnist", "data.valid=0"]


def train(*words: str, seed: int, out: Path, minutes: float | None = None) -> dict:
    flags = ["--seed", str(seed), "--keep", "last", "--out", str(out), *(["--minutes", str(minutes)] if minutes else [])]
    told = subprocess.run([sys.executable, "-m", "deepen", "train", *words, *flags, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def opened(out: Path):
    """The trained system of a run with all its data."""
    from deepen.engine.run import Run
    from deepen.engine.validate import with_data
    return with_data(Run(out))


def tell(claim: str, ours: float, peer: float | None, name: str, unit: str, spread: list[float] | None = None, runs: int = 1) -> None:
    spread = spread or [ours, ours]
    print(json.dumps({"claim": claim, "ours": round(ours, 4), "peer": None if peer is None else round(peer, 4), "peer_name": name,
                      "ratio": round(ours / peer, 4) if peer else None, "unit": unit, "runs": runs,
                      "spread": [round(min(spread), 4), round(max(spread), 4)]}, ensure_ascii=False), flush=True)


def pca(seed: int) -> None:
    from deepen.nn import codes
    from deepen.sources.mnist import mnist
    data = mnist(valid=0)
    plain = codes.Plain(codes.unit(data.split("train").inputs), 30)
    tell("PCA with 30 numbers on MNIST, squared error of a test picture (the metric's check)", plain.error(codes.unit(data.split("test").inputs)),
         13.87, "Hinton & Salakhutdinov 2006", "squared error")


def autoencoder(seed: int, words: list[str], where: str, goal: float | None, minutes: float | None) -> None:
    from deepen.engine.fit import judge, quiet
    with tempfile.TemporaryDirectory() as folder:
        told = train("autoencoder", *words, seed=seed, out=Path(folder) / "run", minutes=minutes)
        system = opened(Path(folder) / "run")
        found = judge(system, "test")
        with quiet(system):
            [(name, plain)] = system.beside("test").items()
        size = system.code
    if goal:
        tell(f"autoencoder with {size} numbers on {where}, squared error of a test picture, seed {seed}", found["loss"], goal, "goal", "squared error")
    tell(f"autoencoder with {size} numbers on {where}, beside PCA, seed {seed}", found["loss"], plain["loss"], name, "squared error")
    tell(f"autoencoder on {where}, seconds of training, seed {seed}", told["seconds"], 600, "limit", "s")


def vae(seed: int, words: list[str], where: str, goal: float | None, minutes: float | None) -> None:
    """−log p of every test picture by 500 codes each, and the bound that is learned."""
    import torch

    from deepen.engine.fit import judge, quiet
    with tempfile.TemporaryDirectory() as folder:
        told = train("vae", *words, seed=seed, out=Path(folder) / "run", minutes=minutes)
        system = opened(Path(folder) / "run")
        found = judge(system, "test")
        with quiet(system):
            draw, tight = torch.Generator().manual_seed(0), []
            for x, _ in system.data.batches("test"):
                tight.append(system.bound(x, 500, draw)[0])
        nats = -torch.cat(tight)
    tell(f"vae on {where}, −log p of a test picture, 500 codes each, seed {seed}", nats.mean().item(), goal, "goal" if goal else "", "nats")
    error = nats.std().item() / len(nats) ** 0.5
    tell(f"vae on {where}, −ELBO of a test picture, seed {seed}", found["loss"], None, f"standard error of nats {error:.2f}", "nats")
    for name in ("recognised", "frechet_own"):
        tell(f"vae on {where}, {name}, seed {seed}", found[name], None, "", name)
    tell(f"vae on {where}, seconds of training, seed {seed}", told["seconds"], 600, "limit", "s")


def features(seed: int, words: list[str], where: str, minutes: float | None, size: int, layers: str) -> None:
    """One linear classifier on as many numbers each; it learns at most 10,000 training pictures."""
    from deepen.engine.fit import quiet
    from deepen.nn import codes
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        train("rbm", *words, f"layers={layers}", seed=seed, out=out / "rbm", minutes=minutes)
        train("autoencoder", *words, f"widths={layers.rpartition(',')[0]}", f"code={size}", seed=seed, out=out / "autoencoder", minutes=minutes)
        rbm, other = opened(out / "rbm"), opened(out / "autoencoder")
        with quiet(rbm), quiet(other):
            found["rbm"] = codes.probed(rbm.data, "test", rbm.features)["probe"]
            found["autoencoder"] = codes.probed(other.data, "test", other.codes)["probe"]
            [plain] = rbm.beside("test").values()
            found["PCA"], found["pixels"] = plain["probe"], codes.probed(rbm.data, "test", codes.unit)["probe"]
    for name in ("autoencoder", "PCA", "pixels"):
        tell(f"rbm, {layers} bits on {where}: classes that a linear probe reads, beside {name} ({size} numbers), seed {seed}".replace(
            f"pixels ({size} numbers)", "the pixels"), found["rbm"], found[name], name, "accuracy")


def plain_loop(name: str, part: int) -> float:
    """Training as one first writes it: a Dataset that turns one picture after another into floats, a DataLoader, Adam, fp32,
    loss.item() each step. Pictures a second."""
    import torch
    from torch import nn
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, Dataset

    from deepen.sources.mnist import mnist
    images = mnist(valid=0).split("train").inputs[:part].numpy()

    class Pictures(Dataset):
        def __len__(self):
            return len(images)

        def __getitem__(self, i):
            return torch.from_numpy(images[i]).float().div(255).flatten()

    def dense(*sizes):
        layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.GELU("tanh"))]
        return nn.Sequential(*layers[:-1])
    torch.manual_seed(0)
    wide = name == "autoencoder"
    encoder = dense(784, 1000, 500, 250, 30) if wide else dense(784, 500, 500, 100)
    decoder = nn.Sequential(*dense(30, 250, 500, 1000, 784), nn.Sigmoid()) if wide else dense(50, 500, 500, 784)
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    loader = DataLoader(Pictures(), batch_size=256, shuffle=True)
    began, total = time.perf_counter(), 0.0
    for x in loader:
        if wide:
            loss = (decoder(encoder(x)) - x).pow(2).sum(1).mean()
        else:
            x = torch.bernoulli(x)
            mean, logvar = encoder(x).chunk(2, 1)
            out = decoder(mean + (0.5 * logvar).exp() * torch.randn_like(mean))
            loss = (F.binary_cross_entropy_with_logits(out, x, reduction="none").sum(1)
                    - 0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).sum(1)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item()
    return len(images) / (time.perf_counter() - began)


def throughput(name: str, seed: int, part: int = 24_000) -> None:
    """The same net and batch, in turns; each takes its own process, so that neither warms the other."""
    ours, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            told = train(name, *MNIST, f"data.part={part / 60_000}", "epochs=1", "batch=256", seed=seed, out=Path(folder) / str(turn))
            ours.append(told["speed"]["images_per_second"])
            out = subprocess.run([sys.executable, __file__, "--plain", name, "--part", str(part)], capture_output=True, text=True, check=True)
            peers.append(float(out.stdout))
            print(f"{name}: ours {ours[-1]:,.0f}, the plain loop {peers[-1]:,.0f} pictures/s", file=sys.stderr, flush=True)
    ratios = [one / other for one, other in zip(ours, peers, strict=True)]
    tell(f"{name}, training throughput on MNIST, batch 256", statistics.median(ours), statistics.median(peers), "plain PyTorch loop (goal: 1.5×)",
         "images/s", ratios, ROUNDS)


CLAIMS = {
    "pca": pca,
    "mnist-autoencoder": lambda seed: autoencoder(seed, [*MNIST, "epochs=1000"], "MNIST", 3.5, MINUTES),
    "mnist-vae": lambda seed: vae(seed, [*MNIST, "epochs=1000"], "MNIST", 92, MINUTES),
    "mnist-features": lambda seed: features(seed, MNIST, "MNIST", 4, 250, "500,250"),
    "throughput-autoencoder": lambda seed: throughput("autoencoder", seed),
    "throughput-vae": lambda seed: throughput("vae", seed),
    "digits-autoencoder": lambda seed: autoencoder(seed, ["data=digits"], "the 8×8 digits", None, None),
    "digits-vae": lambda seed: vae(seed, ["data=digits"], "the 8×8 digits", None, None),
    "digits-features": lambda seed: features(seed, ["data=digits"], "the 8×8 digits", None, 50, "100,50"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*CLAIMS, "digits"], default=list(CLAIMS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", help=argparse.SUPPRESS)
    parser.add_argument("--part", type=int, default=24_000, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.plain:
        print(plain_loop(asked.plain, asked.part))
        return
    for name in CLAIMS:
        if name in asked.only or ("digits" in asked.only and name.startswith("digits")):
            CLAIMS[name](asked.seed)


if __name__ == "__main__":
    main()
