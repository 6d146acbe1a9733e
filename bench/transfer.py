"""Transfer: ants and bees (244 photos to learn from) from scratch, and from a net of our own that learned CIFAR-10 first.
Seeds 0…4 fixed beforehand, the same net, epochs and rate, last step; judged on the 153 photos of `val`, on which nothing
was chosen.

    .venv/bin/python bench/transfer.py                      # the first net (about 5 minutes of one core), then all
    .venv/bin/python bench/transfer.py --weights RUN        # with a first net that is there
    .venv/bin/python bench/transfer.py --only scratch none  # some of: scratch none start gradual body
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data")))
NET = ("conv 32 3 bias=no; norm; relu; pool 2; conv 64 3 bias=no; norm; relu; pool 2; residual 128; pool 2; residual 128; "
       "globalmaxmean; dense classes")
SEEDS = 5
COMMON = [f"net={NET}", "data.size=64", "epochs=20", "batch=32", "augment=flip; shift 4", "lr=0.03"]
WAYS = {"scratch": [], "none": [], "start": ["freeze=start"], "gradual": ["freeze=gradual", "layer_decay=0.7"], "body": ["freeze=body"]}
NAMED = {"scratch": "from scratch", "none": "all layers learn", "start": "the head alone for a fifth, then all",
         "gradual": "block by block, layer_decay 0.7", "body": "the head alone"}


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json", "--quiet"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def first_net(folder: Path) -> str:
    told = deepen("train", "classify", f"data={DATA / 'cifar10'}", f"net={NET}", "epochs=6", "augment=flip; crop 4", "--keep", "last",
                  "--out", str(folder / "first"))
    print(f"the first net on CIFAR-10: {told['metrics']['valid']['accuracy']:.4f} in {told['seconds']:.0f} s", file=sys.stderr)
    return told["run"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights")
    parser.add_argument("--only", nargs="*", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), {}
        weights = asked.weights or first_net(folder)
        for way in asked.only:
            found[way] = []
            for seed in range(SEEDS):
                told = deepen("train", "classify", f"data={DATA / 'hymenoptera'}", *COMMON, *WAYS[way],
                              *([] if way == "scratch" else [f"weights={weights}"]),
                              "--seed", str(seed), "--keep", "last", "--out", str(folder / f"{way}-{seed}"))
                found[way].append((told["metrics"]["valid"]["accuracy"], told["seconds"]))
                print(f"{way} seed {seed}: {found[way][-1][0]:.4f} in {told['seconds']:.1f} s", file=sys.stderr)
    peer = statistics.mean(one for one, _ in found["scratch"]) if "scratch" in found else None
    for way, runs in found.items():
        accuracies = [one for one, _ in runs]
        ours = statistics.mean(accuracies)
        print(json.dumps({
            "claim": f"ants and bees, {'' if way == 'scratch' else 'from our own CIFAR-10 net, '}{NAMED[way]}: accuracy", "ours": round(ours, 4),
            "peer": round(peer, 4) if peer else None, "peer_name": "the same net from scratch", "ratio": round(ours / peer, 3) if peer else None,
            "unit": "accuracy", "runs": SEEDS, "spread": round(statistics.stdev(accuracies), 4),
            "seconds": round(statistics.median(seconds for _, seconds in runs), 1)}))


if __name__ == "__main__":
    main()
