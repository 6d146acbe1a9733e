"""Diffusion on MNIST beside our DCGAN, few steps of the way back beside many, points, and pictures a second beside a plain loop.

    python bench/diffusion.py [--only mnist|steps|gan|points|throughput] [--seed N] [--runs FOLDER]

`mnist` trains once (kept in FOLDER, so that `steps` and `gan` find it again) and opens the test split once. Figures are of
the last state and of 2,000 samples each, by the judge of nn/judge, which learned the training pictures; `gan` is given as
many minutes as the diffusion took. On one thread: mnist 15 to 20 minutes, gan as long, steps 7, points 1, throughput 1.
"""
import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))

import torch
from torch import nn

from deepen.engine.fit import Flags, lend, quiet
from deepen.engine.place import Place
from deepen.engine.run import Run
from deepen.engine.start import open_data, prepare, start
from deepen.engine.validate import with_data
from deepen.nn import diffusion, judge

SAMPLES = 2000


def line(claim: str, ours: float, peer: float, name: str, unit: str, spread: list[float] | None = None, runs: int = 1) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 4), "peer": round(peer, 4), "peer_name": name,
                      "ratio": round(ours / peer, 4), "unit": unit, "runs": runs,
                      "spread": [round(one, 4) for one in spread or [ours, ours]]}), flush=True)


def trained(name: str, seed: int, folder: Path, minutes: float | None = None) -> tuple[Run, float]:
    """(a run of the default recipe on MNIST, its seconds), made where it is not there yet."""
    path = folder / f"{name}-{seed}"
    if not (path / "model").exists():
        settings = {"data": "mnist"} | ({"epochs": 1000} if minutes else {})
        start(name, settings, Flags(seed=seed, keep="last", minutes=minutes, eval_every=10**6), out=path)
    run = Run(path)
    return run, next(event.facts["seconds"] for event in run.events() if event.event == "finished")


def figures(system, seed: int, **how) -> dict[str, float]:
    """What 2,000 samples are worth beside the test pictures."""
    with quiet(system):
        painted = system.sample(SAMPLES, seed=seed + 1, **how)
    train, test = system.data.split("train")[:], system.data.split("test")[:]
    return judge.figures(painted, train, test[0], 10, torch.arange(SAMPLES) % 10)


def mnist(seed: int, folder: Path) -> None:
    run, seconds = trained("diffusion", seed, folder)
    system = with_data(run)
    told = figures(system, seed)
    images, labels = system.data.split("train")[:]
    critic = judge.judge_of(images, labels, 10)
    test, truth = system.data.split("test")[:]
    features, p = judge.looked(critic, test)
    line("diffusion on MNIST, samples that the judge takes for the class asked", told["as_asked"], 0.97, "goal", "share")
    line("diffusion on MNIST, the judge on real test pictures", (p.argmax(1) == truth).float().mean().item(), 0.97, "goal", "share")
    line("diffusion on MNIST, recognised", told["recognised"], judge.recognised(p), "real test pictures", "share")
    line("diffusion on MNIST, frechet_own", told["frechet_own"],
         judge.frechet_own(judge.looked(critic, images[:SAMPLES])[0], features), "2,000 real training pictures", "distance")
    line("diffusion on MNIST, seconds of training", seconds, 1200, "limit of one thread", "s")


def steps(seed: int, folder: Path) -> None:
    system = with_data(trained("diffusion", seed, folder)[0])
    many = figures(system, seed, steps=200, by="ddim")["frechet_own"]
    for by, counts in (("ddim", (5, 10, 20, 50)), ("adams", (5, 10, 20))):
        for count in counts:
            few = figures(system, seed, steps=count, by=by)["frechet_own"]
            line(f"diffusion on MNIST, frechet_own of {count} steps of {by}", few, many, "200 steps of ddim", "distance")


def gan(seed: int, folder: Path) -> None:
    run, seconds = trained("diffusion", seed, folder)
    ours = figures(with_data(run), seed)
    peer = figures(with_data(trained("dcgan", seed, folder, seconds / 60)[0]), seed)
    for name in ("frechet_own", "as_asked", "sample_precision", "sample_recall"):
        line(f"diffusion on MNIST beside dcgan of the same minutes, {name}", ours[name], peer[name], "our dcgan",
             "distance" if name == "frechet_own" else "share")


def points(seed: int, folder: Path) -> None:
    """Energy distance of 1,000 made points to 1,000 of the test split, beside 1,000 others of the same spiral."""
    fresh = open_data({"source": "spiral", "count": 4000, "noise": 0.1, "seed": seed + 100})[0].split("test")[:][0]
    out = folder / f"points-{seed}"
    if not (out / "model").exists():
        start("diffusion", {"data": "spiral", "data.count": 4000, "data.noise": 0.1}, Flags(seed=seed, keep="last"), out=out)
    seconds = next(event.facts["seconds"] for event in Run(out).events() if event.event == "finished")
    system = with_data(Run(out))
    real = system.data.split("test")[:][0]
    with quiet(system):
        made = system.predict(system.example(len(real), seed + 1))
    line("diffusion on a spiral, energy distance (goal: at most twice the peer's)", diffusion.energy(made, real).item(),
         diffusion.energy(fresh, real).item(), "a fresh sample of the spiral", "distance")
    line("diffusion on a spiral, seconds of training", seconds, 30, "limit", "s")


def plain(net: nn.Module, data, batches: int, batch: int) -> float:
    """Pictures a second of the loop that everyone writes first: NCHW, fp32, a loader with a transform a picture."""
    from torch.utils.data import DataLoader, Dataset
    images, labels = data.split("train")[torch.arange(batches * batch)]

    class Pictures(Dataset):
        def __len__(self):
            return len(images)

        def __getitem__(self, i):
            return images[i].float() / 127.5 - 1, labels[i]

    net.train()
    adam = torch.optim.AdamW(net.parameters(), 1e-3, fused=False, foreach=False)
    began = time.perf_counter()
    for x0, y in DataLoader(Pictures(), batch_size=batch, shuffle=True):
        t = torch.rand(len(x0))
        eps = torch.randn_like(x0)
        mix = t[:, None, None, None]
        y = torch.where(torch.rand(len(y)) < 0.1, 10, y)
        loss = ((net((1 - mix) * x0 + mix * eps, t, y) - (eps - x0))**2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        loss.item()
    return batches * batch / (time.perf_counter() - began)


def ours(system, batches: int) -> float:
    """Pictures a second of the same net in our loop, average and schedule included."""
    began, place = time.perf_counter(), system.own
    with place.autocast():
        for done, told in enumerate(system.steps(), 1):
            told["loss"].item()
            system.progress = done / 10_000
            if done == batches:
                break
    return batches * system.batch / (time.perf_counter() - began)


def throughput(seed: int, folder: Path, rounds: int = 3, batches: int = 8) -> None:
    """In turn, the best of the rounds of each."""
    torch.manual_seed(seed)
    plan = prepare("diffusion", {"data": "mnist"})
    system = plan.system
    place = Place("cpu", "auto")
    lend(system, plan.data, place)
    system.own = place
    system.transient = (*system.transient, "own")
    system.progress = 0.0
    system.build(plan.data)
    from deepen.nn.denoiser import denoiser
    net = denoiser(plan.data.inputs, system.width, 10, system.look)
    found = [(ours(system, batches), plain(net, plan.data, batches, system.batch)) for _ in range(rounds)]
    mine, other = (max(column) for column in zip(*found, strict=True))
    line(f"diffusion training throughput on MNIST, batch {system.batch}, {torch.get_num_threads()} thread(s)", mine, other,
         "plain PyTorch loop", "images/s", sorted(a / b for a, b in found), rounds)


def main() -> None:
    known = {f.__name__: f for f in (mnist, steps, gan, points, throughput)}
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=known)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--runs", type=Path, default=Path("runs/bench"))
    said = asked.parse_args()
    said.runs.mkdir(parents=True, exist_ok=True)
    for name, claim in known.items():
        if said.only in (None, name):
            claim(said.seed, said.runs)


if __name__ == "__main__":
    main()
