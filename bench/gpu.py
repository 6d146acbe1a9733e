"""What one GPU does: CIFAR-10 to 94 and 96 %, ResNet-50's pace in training, the vote on MNIST. Each is one command under
ten minutes; where it is cut, the same command goes on from the last checkpoint, and what was measured is not measured
again. Without a GPU it says so in a line.

    .venv/bin/python bench/gpu.py                   # all: 94 96 resnet50 mnist
    .venv/bin/python bench/gpu.py 94                # one of them
    .venv/bin/python bench/gpu.py 96 --seeds 1 --kept FOLDER

The runs are those of `deepen train … --device cuda --keep last`, seeds 0, 1, 2, …; seconds are those of learning alone,
after a short run that wakes the device and is not counted. The test set is opened once a run.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
PHOTOS = {"data": "cifar", "data.valid": 0, "batch": 1024, "tta": "flip+shift"}
BORDER = "; norm; relu; "                                   # An et al. 2020 (arXiv 2008.10400): windows of 3, 5 and 7
M3 = BORDER.join(f"conv {n} 3 pad=0 bias=no" for n in range(32, 177, 16)) + "; norm; relu; dense classes"
M5 = BORDER.join(f"conv {n} 5 pad=0 bias=no" for n in (32, 64, 96, 128, 160)) + "; norm; relu; dense classes"
M7 = BORDER.join(f"conv {n} 7 pad=0 bias=no" for n in (48, 96, 144, 192)) + "; norm; relu; dense classes"
CLAIMS = {                                                  # text, accuracy, seconds, seeds, system, recipe
    "94": ("CIFAR-10 on a GPU, net=quick", 0.94, 1.5, 5, "classify", {**PHOTOS, "net": "quick", "epochs": 9.9}),
    "96": ("CIFAR-10 on a GPU, net=quick twice as wide and deeper", 0.96, 15, 3, "classify",
           {**PHOTOS, "net": "quick width=2 depth=3", "epochs": 40, "augment": "flip alternate; crop 4; cutout 12"}),
    "mnist": ("MNIST on a GPU, six nets vote", 0.9979, 600, 1, "ensemble",
              {"data": "mnist", "data.valid": 0, "net": f"{M3},{M5},{M7}", "members": 6, "epochs": 40, "batch": 256,
               "augment": "rotate 20; shift 3; scale 0.9 1.1", "average": "ema"}),
}


def line(claim: str, got: list[float], goal: float, name: str, unit: str) -> None:
    middle = statistics.mean(got) if unit == "accuracy" else statistics.median(got)
    print(json.dumps({"claim": claim, "ours": round(middle, 5), "peer": goal, "peer_name": name, "ratio": round(middle / goal, 4),
                      "unit": unit, "runs": len(got), "spread": [round(min(got), 5), round(max(got), 5)],
                      "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"}), flush=True)


def measured(name: str, seed: int, kept: Path, device: str) -> dict:
    """One run: trained, or gone on with, or only read where it was done before."""
    from deepen.engine.fit import Flags
    from deepen.engine.run import Run
    from deepen.engine.start import resume, start
    from deepen.engine.validate import validate
    *_, system, recipe = CLAIMS[name]
    folder, note = kept / f"{name}-{seed}", kept / f"{name}-{seed}.json"
    if note.is_file():
        return json.loads(note.read_text(encoding="utf-8"))
    if not folder.is_dir():
        with tempfile.TemporaryDirectory() as away:
            start(system, {**recipe, "epochs": recipe["epochs"] / 50}, Flags(device=device, seed=seed + 1000), out=Path(away) / "run")
        run = start(system, recipe, Flags(device=device, seed=seed, keep="last"), out=folder)
    else:
        run = Run(folder) if Run(folder).finished() else resume(Run(folder))
    told = {"accuracy": validate(run).metrics["accuracy"], "seconds": run.finished()["learning_seconds"]}
    note.write_text(json.dumps(told), encoding="utf-8")
    print(f"{name} seed {seed}: {told['accuracy']:.4f} in {told['seconds']:.2f} s", file=sys.stderr, flush=True)
    return told


def accuracy(name: str, seeds: int | None, kept: Path, device: str) -> None:
    text, goal, limit, usual, *_ = CLAIMS[name]
    runs = [measured(name, seed, kept, device) for seed in range(seeds or usual)]
    line(f"{text}: test accuracy", [run["accuracy"] for run in runs], goal, "goal", "accuracy")
    line(f"{text}: seconds of learning", [run["seconds"] for run in runs], limit, "limit", "s")


def resnet50(batch: int = 256, steps: int = 60) -> None:
    """Training steps on pictures that lie on the device: bf16, channels_last, momentum, compiled."""
    from deepen.core.kinds import Image
    from deepen.engine.place import Place
    from deepen.nn import losses, optim
    from deepen.nn.design import network
    place = Place("cuda", "bf16")
    torch.backends.cudnn.benchmark = True
    for compiled in (False, True):
        net = place.place(network("resnet50", Image(3, 224, 224), 1000))
        rule = optim.make("momentum", net, 0.1, 1e-4)
        model = torch.compile(net) if compiled else net
        x = torch.randint(0, 256, (batch, 3, 224, 224), dtype=torch.uint8, device="cuda")
        y = torch.randint(0, 1000, (batch,), device="cuda")
        paces = []
        with place.autocast():
            for _ in range(4):                           # the first wakes it
                torch.cuda.synchronize()
                began = time.perf_counter()
                for _step in range(steps):
                    place.descend(lambda: losses.cross_entropy(model(x), y), rule)      # noqa: B023
                torch.cuda.synchronize()
                paces.append(batch * steps / (time.perf_counter() - began))
        how = "bf16, channels_last, compiled" if compiled else "bf16, channels_last"
        line(f"ResNet-50 training on made-up pictures of 224×224, batch {batch}, {how}", paces[1:], 2500, "goal", "images/s")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("what", nargs="*", metavar="CLAIM", help=f"of {' '.join([*CLAIMS, 'resnet50'])}")
    ask.add_argument("--seeds", type=int)
    ask.add_argument("--kept", type=Path, default=Path("runs/gpu"), help="folder of the runs, so that a cut one goes on")
    ask.add_argument("--device", default="cuda", help="cpu only to try the script itself")
    asked = ask.parse_args()
    if unknown := set(asked.what) - {*CLAIMS, "resnet50"}:
        ask.error(f"there is no claim {', '.join(sorted(unknown))}")
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("bench/gpu.py is skipped: there is no GPU here that torch can use, nothing was measured")
        return
    asked.kept.mkdir(parents=True, exist_ok=True)
    for name in asked.what or [*CLAIMS, "resnet50"]:
        resnet50() if name == "resnet50" else accuracy(name, asked.seeds, asked.kept, asked.device)


if __name__ == "__main__":
    main()
