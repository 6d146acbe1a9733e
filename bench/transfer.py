"""Transfer: ants and bees (245 photos to learn from) from scratch, and from a net of our own that learned CIFAR-10 first
(`deepen train cifar`). Seeds 0…4 fixed beforehand, the same net and epochs, last step; judged on the 153 photos of `val`,
on which the size of the photos and the two rates were chosen too, by a dozen runs of one seed.

    .venv/bin/python bench/transfer.py                      # the first net (about 10 minutes of one core), then all
    .venv/bin/python bench/transfer.py --weights RUN        # with a first net that is there
    .venv/bin/python bench/transfer.py --only scratch none  # some of: scratch none start gradual body
    .venv/bin/python bench/transfer.py --out FOLDER         # keep the runs; their reports show the margin
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

DATA = Path(os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data")))
SEEDS = 5
COMMON = {"data": str(DATA / "hymenoptera"), "data.size": 48, "epochs": 8, "batch": 32, "augment": "flip; crop 4", "smooth": 0.1}
SCRATCH, TAUGHT = 0.2, 0.05                 # a fresh net bears a higher rate
WAYS = {"scratch": {}, "none": {}, "start": {"freeze": "start"}, "gradual": {"freeze": "gradual", "layer_decay": 0.7},
        "body": {"freeze": "body"}}
NAMED = {"scratch": "from scratch", "none": "all layers learn", "start": "the head alone for a fifth, then all",
         "gradual": "block by block, layer_decay 0.7", "body": "the head alone"}


def first_net(folder: Path) -> str:
    from deepen.engine.fit import Flags
    from deepen.engine.start import start
    run = start("cifar", {}, Flags(keep="last"), out=folder / "first")
    print(f"the first net on CIFAR-10: {run.metrics['accuracy']:.4f}", file=sys.stderr, flush=True)
    return str(run.path)


def learned(way: str, seed: int, weights: str, net: str, folder: Path) -> tuple[float, float]:
    """(accuracy on val, seconds) of one run."""
    from deepen.engine.fit import Flags
    from deepen.engine.start import start
    asked = {**COMMON, "net": net, "lr": SCRATCH if way == "scratch" else TAUGHT, **WAYS[way], **({} if way == "scratch" else {"weights": weights})}
    run = start("classify", asked, Flags(seed=seed, keep="last"), root=folder)
    return run.metrics["accuracy"], (run.finished() or {})["seconds"]


def main() -> None:
    from deepen.sources.weights import net_of
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights")
    parser.add_argument("--out")
    parser.add_argument("--only", nargs="*", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(asked.out or name), {}
        weights = asked.weights or first_net(folder)
        for way in asked.only:
            found[way] = []
            for seed in range(SEEDS):
                found[way].append(learned(way, seed, weights, str(net_of(weights)), folder))
                print(f"{way} seed {seed}: {found[way][-1][0]:.4f} in {found[way][-1][1]:.1f} s", file=sys.stderr, flush=True)
    peer = statistics.mean(one for one, _ in found["scratch"]) if "scratch" in found else None
    for way, runs in found.items():
        accuracies = [one for one, _ in runs]
        ours = statistics.mean(accuracies)
        print(json.dumps({
            "claim": f"ants and bees, {'' if way == 'scratch' else 'from our own CIFAR-10 net, '}{NAMED[way]}: accuracy", "ours": round(ours, 4),
            "peer": round(peer, 4) if peer else None, "peer_name": "the same net from scratch", "ratio": round(ours / peer, 3) if peer else None,
            "unit": "accuracy", "runs": SEEDS, "spread": [round(min(accuracies), 4), round(max(accuracies), 4)]}))


if __name__ == "__main__":
    main()
