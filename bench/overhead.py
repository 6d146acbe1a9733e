"""What the one loop costs: `fit` against a bare loop, on the textbook's network and on a system that does nothing.

    .venv/bin/python bench/overhead.py
"""
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import deepen  # noqa: F401  (before torch: it tells glibc to keep its pages)

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))

import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Vector
from deepen.core.system import System
from deepen.engine.fit import Flags, fit
from deepen.engine.run import Run
from deepen.engine.start import prepare

STEPS, ROUNDS = 300, 7


@dataclass
class Empty(System):
    """Does nothing, often."""
    goal = (Vector, Label)
    score = "accuracy"
    precision = "fp32"
    count: int = 200_000

    def build(self, data):
        self.model = torch.nn.Linear(1, 1)

    @property
    def planned(self):
        return self.count

    def steps(self):
        news = {"loss": 0.0}
        for _ in range(self.count):
            yield news


def empty() -> float:
    """Microseconds a step of a system that does nothing."""
    data = Data({"train": Examples(torch.zeros(1, 1), torch.zeros(1, dtype=torch.long))}, Vector(1), Label(("a", "b")))
    with tempfile.TemporaryDirectory() as folder:
        run = Run.new("empty", out=Path(folder) / "run")
        run.write({"asked": {"system": "empty"}})
        system = Empty()
        began = time.perf_counter()
        fit(system, data, run, Flags())
        return (time.perf_counter() - began) / system.count * 1e6


def net(bare: bool) -> float:
    """Seconds for STEPS steps of the textbook's network at batch 100, by fit or by a bare loop with the same settings."""
    plan = prepare("classify", {"data": "mnist", "data.valid": 0, "net": "deepconv", "epochs": STEPS * 100 / 60_000,
                                "batch": 100, "optimizer": "adam", "lr": 0.001, "schedule": "constant", "augment": "",
                                "smooth": 0})
    with tempfile.TemporaryDirectory() as folder:
        run = Run.new("net", out=Path(folder) / "run")
        run.write({"asked": {"system": "classify"}})
        clock = {}
        if not bare:
            def tell(event):
                clock.setdefault(event.event, time.perf_counter())
            fit(plan.system, plan.data, run, Flags(keep="last"), tell)
            return clock["saved"] - clock["started"]          # up to the last step; saving is judged apart
        from deepen.engine.fit import lend
        from deepen.engine.place import Place
        place = Place()
        torch.manual_seed(0)
        lend(plan.system, plan.data, place)
        plan.system.build(plan.data)
        model, adam = plan.system.model, plan.system.rule
        began = time.perf_counter()
        with place.autocast():
            for x, y in plan.system.stream:
                adam.zero_grad(set_to_none=True)
                loss = torch.nn.functional.cross_entropy(model(x), y)
                loss.backward()
                adam.step()
        return time.perf_counter() - began


def main():
    empty_us = [empty() for _ in range(3)]
    print(json.dumps({"claim": "fit on an empty system", "ours": round(min(empty_us), 2), "peer": 15, "peer_name": "limit",
                      "ratio": round(min(empty_us) / 15, 3), "unit": "microseconds a step", "runs": 3,
                      "spread": [round(min(empty_us), 2), round(max(empty_us), 2)]}))
    net(True)
    pairs = [(net(False), net(True)) for _ in range(ROUNDS)]
    ratios = [ours / bare for ours, bare in pairs]
    print(f"fit {min(a for a, _ in pairs) / STEPS * 1e3:.2f} ms, bare {min(b for _, b in pairs) / STEPS * 1e3:.2f} ms a step",
          file=sys.stderr)
    print(json.dumps({"claim": "fit over a bare loop, textbook network, batch 100", "ours": round(min(a for a, _ in pairs) / STEPS * 1e3, 3),
                      "peer": round(min(b for _, b in pairs) / STEPS * 1e3, 3), "peer_name": "bare loop, same settings",
                      "ratio": round(statistics.median(ratios), 4), "unit": "ms a step (ratio: median of pairs)", "runs": ROUNDS,
                      "spread": [round(min(ratios), 4), round(max(ratios), 4)]}))


if __name__ == "__main__":
    main()
