"""The Playground's engine: speed beside eager torch and plain numpy, the spiral, compile time, thirty different nets.

    OMP_NUM_THREADS=1 python bench/playground.py [--quick]

One JSON line a claim. Epochs are of 250 points in batches of 10; seconds are of one core (processor time); medians of alternating runs.
The spiral preset was chosen on seeds 100 to 119; seeds 0 to 19 are reported.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn

from deepen.nn.playground import Session, Spec, preset, run_all

QUICK = "--quick" in sys.argv
ALL = ("x1", "x2", "x1x1", "x2x2", "x1x2", "sinx1", "sinx2")


def say(claim, ours, peer, peer_name, unit, runs, spread, digits=1):
    print(json.dumps({"claim": claim, "ours": round(ours, digits), "peer": round(peer, digits), "peer_name": peer_name,
                      "ratio": round(ours / peer, 3), "unit": unit, "runs": runs, "spread": [round(s, digits) for s in spread]}), flush=True)


def speed_of(learn, epochs: int) -> float:
    began = time.process_time()
    learn(epochs)
    return epochs / (time.process_time() - began)


def eager(spec: Spec):
    """The same net and rule in eager torch, as one would write it."""
    session = Session(spec)
    x = torch.from_numpy(session._x.T.copy()).float()
    t = torch.from_numpy(session._t.T.copy()).float()
    layers = [module for a, b in zip(session.widths, session.widths[1:]) for module in (nn.Linear(int(a), int(b)), nn.Tanh())]
    net = nn.Sequential(*layers)
    rule = torch.optim.SGD(net.parameters(), spec.lr)

    def learn(epochs):
        for _ in range(epochs):
            for start in range(0, len(x) // spec.batch * spec.batch, spec.batch):
                rule.zero_grad()
                (0.5 * (net(x[start: start + spec.batch]) - t[start: start + spec.batch]).square().mean()).backward()
                rule.step()
    return learn


def speeds():
    for name, spec, epochs in (("2-4-2-1", Spec(), 4000), ("7-8×6-1, Playground's largest", Spec(features=ALL, layers=(8,) * 6), 500)):
        session, other = Session(spec), eager(spec)
        session.epochs(10), other(1)
        mine, theirs = [], []
        for _ in range(3 if QUICK else 7):
            mine.append(speed_of(session.epochs, epochs))
            theirs.append(speed_of(other, 20))
        say(f"epochs a second, {name}", statistics.median(mine), statistics.median(theirs), "eager torch", "epochs/s", len(mine),
            [min(mine), max(mine)])
        frames = [speed_of(lambda n, s=session: [s.fields(100) for _ in range(n)], 20) for _ in range(5)]
        say(f"fields of all neurons, 100×100, {name}", statistics.median(frames), 30, "goal", "frames/s", 5, [min(frames), max(frames)])


def thirty():
    """Thirty different nets, one after another, an epoch each with its losses: what a class costs."""
    sessions = [Session(Spec(data=("circle", "xor", "gauss", "spiral", "moons")[i % 5], layers=tuple(2 + (i + k) % 7 for k in range(1 + i % 4)),
                             seed=str(i), optimizer=("sgd", "momentum", "adam")[i % 3])) for i in range(30)]
    run_all(sessions, 5)
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(30):
            run_all(sessions, 1)
            for session in sessions:
                session.losses()
        rounds.append(30 / (time.process_time() - began))
    say("thirty different nets, epochs a second each, with losses", statistics.median(rounds), 60, "goal", "epochs/s", 5,
        [min(rounds), max(rounds)])


def spiral():
    """Test loss (½ of the squared error) at most 0.01 within 5 s of one core: on how many of 20 seeds, and when."""
    seconds, epochs = [], []
    for seed in range(20):
        session, began, error = Session(preset("spiral", seed=f"0.{seed:05d}")), time.process_time(), 1.0
        while error > 0.01 and time.process_time() - began < 5 and session.epochs(50):
            error = session.scores("test")["error"]
        if error <= 0.01:
            seconds.append(time.process_time() - began)
            epochs.append(session.epoch)
    say("spiral, x1 and x2 only, 2×8 tanh: seeds of 20 with test loss ≤ 0.01 in 5 s", len(seconds), 18, "goal", "seeds", 20,
        [len(seconds), len(seconds)])
    say("spiral: seconds to it, the median seed and the slowest", statistics.median(seconds), 5, "limit", "s", len(seconds),
        [min(seconds), max(seconds)], 3)
    say("spiral: epochs to it", statistics.median(epochs), 10_000, "scale", "epochs", len(epochs), [min(epochs), max(epochs)])


def compiling():
    """Seconds of processor time of the first import of the engine without a cache, and with one."""
    code = ("import time; from numba import njit; njit(lambda x: x + 1.0)(1.0); began = time.process_time();"
            "from deepen.nn.playground import Session, Spec; Session(Spec()).epochs(1); print(time.process_time() - began)")
    firsts, laters = [], []
    for _ in range(1 if QUICK else 3):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "deepen"
            shutil.copytree(Path(__file__).parents[1] / "deepen", home, ignore=shutil.ignore_patterns("__pycache__"))
            for kept in (firsts, laters):
                told = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True,
                                      env={**os.environ, "PYTHONPATH": folder})
                kept.append(float(told.stdout))
    say("first import: compiling (numba warm)", statistics.median(firsts), 3, "goal", "s", len(firsts), [min(firsts), max(firsts)], 2)
    say("later imports: from the cache", statistics.median(laters), 3, "goal", "s", len(laters), [min(laters), max(laters)], 2)


def main():
    torch.set_num_threads(1)
    speeds()
    thirty()
    spiral()
    compiling()


if __name__ == "__main__":
    main()
