"""Ensembles: what one good net reaches on MNIST, what five reach together, what a vote is worth, what stacking saves.
Seeds 0, 1, 2, … fixed beforehand; the state after the last step; nothing is chosen by the test set.

    .venv/bin/python bench/ensemble.py                              # all claims: about an hour on 2 cores
    .venv/bin/python bench/ensemble.py --only mnist --seeds 0,1     # a piece; runs stand in --folder
    .venv/bin/python bench/ensemble.py --only gain|stack
    .venv/bin/python bench/ensemble.py --train-only --only mnist --seeds 2      # let it learn, judge later

A run that was interrupted goes on where it was; one that is finished is only judged. Nets and augmentation were chosen
on 5,000 training pictures held out (data.valid=0.08333); the claims learn from all 60,000.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
MNIST = ["classify", "data=mnist", "data.valid=0", "net=small width=2", "epochs=11", "average=ema",
         "augment=rotate 12; scale 0.88 1.12; shift 2; elastic 0.9 4"]
GAIN = ["ensemble", "data=mnist", "net=deepconv drop=0", "members=5", "epochs=2.5", "smooth=0", "augment="]
SINGLE, SHIFTED, VOTED, TOP = 0.997, 0.9975, 0.998, 0.9979          # goals; the top of the textbook's table
MEMBERS, TURNS = 16, 60                                             # of the stacked nets; steps a measurement


def learned(words: list[str], seed: int, folder: Path) -> Path:
    """The folder of a finished run of these words: made, gone on with, or already there."""
    from deepen.engine.run import Run
    run = folder / str(seed)
    command = ["train", *words, "--seed", str(seed), "--keep", "last", "--eval-every", "1000000", "--out", str(run)]
    if (run / "run.toml").is_file():
        if Run(run).finished():
            return run
        command = ["resume", str(run)]
    if subprocess.run([sys.executable, "-m", "deepen", *command, "--quiet"], stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return run


def seconds(run: Path) -> float:
    from deepen.engine.run import Run
    return next(event.facts["learning_seconds"] for event in reversed(Run(run).events()) if event.event == "finished")


def answers(run: Path, tta: str):
    """Probabilities (N, 10) of a run on the test pictures, and the truth (N,)."""
    import torch

    from deepen.engine.fit import quiet
    from deepen.engine.run import Run
    from deepen.engine.start import open_data, revive
    data, _ = open_data({"source": "mnist", "valid": 0})
    system = revive(Run(run), data)
    system.tta = tta
    with quiet(system):
        return torch.cat([system.predict(x) for x, _ in data.batches("test")]), data.splits["test"].target


def tell(claim: str, values: list[float], goal: float, name: str = "goal", unit: str = "accuracy") -> None:
    mean = statistics.mean(values)
    print(json.dumps({"claim": claim, "ours": round(mean, 5), "peer": goal, "peer_name": name,
                      "ratio": round(mean / goal, 5), "unit": unit, "runs": len(values),
                      "spread": [round(min(values), 5), round(max(values), 5)]}), flush=True)


def mnist(seeds: list[int], folder: Path, train_only: bool) -> None:
    """Each net alone, and all of them together: the mean of their probabilities, as `ensemble` votes."""
    from deepen.nn import metrics
    runs = [learned(MNIST, seed, folder / "mnist") for seed in seeds]
    if train_only:
        return
    for tta, goal, said in (("none", SINGLE, ""), ("shift", SHIFTED, ", seen three times (tta=shift)")):
        told = [answers(run, tta) for run in runs]
        alone = [float(metrics.accuracy(p, y)) for p, y in told]
        for seed, one in zip(seeds, alone, strict=True):
            print(f"mnist seed {seed}{said}: {one:.4f}", file=sys.stderr)
        tell(f"one net on MNIST, test accuracy{said}", alone, goal)
        vote = sum(p for p, _ in told) / len(told)
        tell(f"the vote of {len(runs)} nets on MNIST, test accuracy{said}", [float(metrics.accuracy(vote, told[0][1]))],
             VOTED if tta == "shift" else TOP, "goal" if tta == "shift" else "the top of the textbook's table")
    times = [seconds(run) for run in runs]
    tell("one net on MNIST, seconds of training", times, 300, "limit", "s")
    tell(f"{len(runs)} nets on MNIST, seconds of training together", [sum(times)], 1200, "limit", "s")


def gain(seeds: list[int], folder: Path, train_only: bool) -> None:
    """Five of the textbook's nets: the vote beside its members, all calibrated alike on the validation pictures."""
    better, less = [], []
    for seed in seeds:
        run = learned(GAIN, seed, folder / "gain")
        if train_only:
            continue
        told = subprocess.run([sys.executable, "-m", "deepen", "validate", str(run), "--json"], capture_output=True,
                              text=True, check=True)
        found = json.loads(told.stdout.splitlines()[-1])["metrics"]["test"]
        print(f"gain seed {seed}: {found}", file=sys.stderr)
        better.append(100 * (found["accuracy"] - found["member_accuracy"]))
        less.append(100 * (1 - found["loss"] / found["member_loss"]))
    if better:
        tell("a vote of five of the textbook's nets over its members' mean, MNIST", better, 0.10, "goal", "points of accuracy")
        tell("a vote of five of the textbook's nets, loss below its members' mean, MNIST", less, 15, "goal", "% of the loss")


def stack() -> None:
    """Sixteen small MLPs in one pass and one after another: processor time a step, in turns."""
    import torch
    torch.set_num_threads(1)
    from deepen.engine.fit import lend
    from deepen.engine.place import Place
    from deepen.engine.start import prepare
    for optimizer, precision in (("adam", "fp32"), ("adam", "bf16"), ("muon", "bf16")):
        ratios = []
        for seed in range(5):
            learning, times = [], ([], [])
            for stacked in (True, False):
                plan = prepare("ensemble", {"members": MEMBERS, "net": "dense 32; relu; dense classes", "batch": 32,
                                            "epochs": 1000, "calibrate": False, "optimizer": optimizer, "augment": ""})
                torch.manual_seed(seed)
                lend(plan.system, plan.data.sealed(), Place("cpu", precision))
                plan.system.build(plan.data)
                if not stacked:
                    nets = plan.system.model.members
                    plan.system.stack = None
                    from deepen.nn import optim
                    plan.system.rules = [optim.make(optimizer, net, 1.0) for net in nets]
                learning.append(plan.system.steps())
            with Place("cpu", precision).autocast():
                for _ in range(TURNS):
                    for which, steps in enumerate(learning):
                        began = time.process_time()
                        next(steps)
                        times[which].append(time.process_time() - began)
            ratios.append(statistics.median(times[1][10:]) / statistics.median(times[0][10:]))
        tell(f"{MEMBERS} MLPs 64-32-10 learn stacked, {optimizer} in {precision}, one thread", ratios, 4, "one after another", "times as fast")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=["mnist", "gain", "stack"])
    asked.add_argument("--seeds", default="0,1,2,3,4")
    asked.add_argument("--folder", type=Path, default=Path("runs/ensemble"))
    asked.add_argument("--train-only", action="store_true")
    asked = asked.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    if asked.only in (None, "stack") and not asked.train_only:
        stack()
    if asked.only in (None, "gain"):
        gain(seeds, asked.folder, asked.train_only)
    if asked.only in (None, "mnist"):
        mnist(seeds, asked.folder, asked.train_only)


if __name__ == "__main__":
    main()
