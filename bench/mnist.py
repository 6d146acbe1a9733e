"""Accuracy and time: the textbook's network, the default net, and digits from a cold start. Seeds 0, 1, 2, … fixed
beforehand, last step, the test set opened once a run.

    .venv/bin/python bench/mnist.py                # all claims
    .venv/bin/python bench/mnist.py deepconv       # one of: deepconv fast accurate digits
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
CLAIMS = {
    "deepconv": ("the textbook's network on MNIST, test accuracy", 5, 0.9938, 45,
                 ["classify", "data=mnist", "data.valid=0", "net=deepconv drop=0", "epochs=2.5"]),
    "fast": ("the default net on MNIST, test accuracy, in 5 s of training", 10, 0.9938, 5, ["mnist", "data.valid=0", "epochs=0.7", "augment="]),
    "accurate": ("the default net on MNIST, test accuracy, in 15 s of training", 5, 0.995, 15, ["mnist", "data.valid=0", "epochs=1.5"]),
}


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def claim(name: str) -> None:
    text, seeds, goal, limit, words = CLAIMS[name]
    accuracies, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            run = str(Path(folder) / str(seed))
            train = deepen("train", *words, "--seed", str(seed), "--keep", "last", "--out", run)
            test = deepen("validate", run)
            accuracies.append(test["metrics"]["test"]["accuracy"])
            seconds.append(train["seconds"])
            print(f"{name} seed {seed}: {accuracies[-1]:.4f} in {seconds[-1]:.1f} s", file=sys.stderr)
    mean = statistics.mean(accuracies)
    print(json.dumps({"claim": text, "ours": round(mean, 5), "peer": goal, "peer_name": "goal", "ratio": round(mean / goal, 5),
                      "unit": "accuracy", "runs": seeds, "spread": [min(accuracies), max(accuracies)]}))
    print(json.dumps({"claim": text.replace("test accuracy", "seconds of training"), "ours": round(statistics.median(seconds), 2),
                      "peer": limit, "peer_name": "limit", "ratio": round(statistics.median(seconds) / limit, 3), "unit": "s",
                      "runs": seeds, "spread": [round(min(seconds), 2), round(max(seconds), 2)]}))


def digits() -> None:
    """Cold start to verdict: the whole command, and the validation accuracy."""
    walls, accuracies = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(5):
            began = time.perf_counter()
            told = deepen("train", "digits", "--seed", str(seed), "--out", str(Path(folder) / str(seed)))
            walls.append(time.perf_counter() - began)
            accuracies.append(told["metrics"]["valid"]["accuracy"])
    print(json.dumps({"claim": "deepen train digits, cold start to verdict", "ours": round(statistics.median(walls), 2), "peer": 8,
                      "peer_name": "limit", "ratio": round(statistics.median(walls) / 8, 3), "unit": "s", "runs": 5,
                      "spread": [round(min(walls), 2), round(max(walls), 2)]}))
    print(json.dumps({"claim": "deepen train digits, validation accuracy", "ours": round(statistics.mean(accuracies), 5), "peer": 0.985,
                      "peer_name": "goal", "ratio": round(statistics.mean(accuracies) / 0.985, 4), "unit": "accuracy", "runs": 5,
                      "spread": [min(accuracies), max(accuracies)]}))


if __name__ == "__main__":
    for name in sys.argv[1:] or [*CLAIMS, "digits"]:
        digits() if name == "digits" else claim(name)
