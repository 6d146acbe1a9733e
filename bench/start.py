"""How long a person waits before anything happens, and how much memory a training takes.

    .venv/bin/python bench/start.py
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


def wall(*words) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "deepen", *words], capture_output=True, check=True)
    return time.perf_counter() - began


def peak() -> float:
    """Peak resident megabytes of one MNIST training by the default recipe."""
    with tempfile.TemporaryDirectory() as folder:
        code = ("import resource, sys; from deepen.app.cli import main\n"
                "assert main(sys.argv[1:]) == 0\n"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")
        told = subprocess.run([sys.executable, "-c", code, "train", "mnist", "--quiet", "--out", str(Path(folder) / "run")],
                              capture_output=True, text=True, check=True)
        return float(told.stdout.splitlines()[-1])


def main():
    wall("--help")
    for words, limit in ((["--help"], 0.3), (["train", "--help"], 0.3), (["systems"], 0.5)):
        walls = [wall(*words) for _ in range(7)]
        print(json.dumps({"claim": f"deepen {' '.join(words)}", "ours": round(statistics.median(walls), 3), "peer": limit,
                          "peer_name": "limit", "ratio": round(statistics.median(walls) / limit, 3), "unit": "s", "runs": 7,
                          "spread": [round(min(walls), 3), round(max(walls), 3)]}))
    memory = peak()
    print(json.dumps({"claim": "peak memory of MNIST training", "ours": round(memory), "peer": 750, "peer_name": "limit",
                      "ratio": round(memory / 750, 3), "unit": "MB", "runs": 1, "spread": [round(memory), round(memory)]}))


if __name__ == "__main__":
    main()
