"""Finding things: Faster R-CNN on shapes, blood cells and pedestrians from scratch, R-CNN on blood cells, seconds a picture.

    .venv/bin/python bench/detection.py                     # all claims, one seed
    .venv/bin/python bench/detection.py --only cells        # one of: shapes cells people rcnn speed
    .venv/bin/python bench/detection.py --seeds 3 --time    # means of three seeds, and seconds of training

The last step counts, the test set is opened once a run; nothing begins from weights of elsewhere. `speed` times whole
answers, suppression and regions too, on pictures of blood cells, and needs no training: untrained nets do the same work.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[1] / "../shared/data")).resolve()
CELLS = ["data=voc", f"data.path={DATA / 'detection-bccd'}"]
PEOPLE = ["data=coco", f"data.path={DATA / 'detection-pennfudan'}"]
BOTH = "augment=flip; flip updown; bright 0.1; contrast 0.1"
CLAIMS = {          # what, goal, minutes allowed, command
    "shapes": ("faster_rcnn on shapes, test map50", 0.95, 5, ["faster_rcnn"]),
    "cells": ("faster_rcnn on blood cells (BCCD) from scratch, test map50", 0.80, 15,
              ["faster_rcnn", *CELLS, "epochs=40", "batch=4", BOTH]),
    "people": ("faster_rcnn on pedestrians (Penn-Fudan) from scratch, test map50", 0.60, 30,
               ["faster_rcnn", *PEOPLE, "data.valid=0", "data.test=0.3", "epochs=120", "batch=4",
                "augment=flip; scale 0.8 1.25; bright 0.2; contrast 0.2"]),
    "rcnn": ("rcnn on blood cells (BCCD) from scratch, test map50", 0.45, 20, ["rcnn", *CELLS]),
}


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def line(claim: str, ours: list[float], peer: float, name: str, unit: str) -> None:
    mean = statistics.mean(ours)
    print(json.dumps({"claim": claim, "ours": round(mean, 4), "peer": peer, "peer_name": name, "ratio": round(mean / peer, 4),
                      "unit": unit, "runs": len(ours), "spread": [round(min(ours), 4), round(max(ours), 4)]}), flush=True)


def claim(name: str, seeds: int, timed: bool, folder: Path) -> None:
    text, goal, minutes, words = CLAIMS[name]
    scores, seconds = [], []
    for seed in range(seeds):
        run = str(folder / f"{name}-{seed}")
        seconds.append(deepen("train", *words, "--seed", str(seed), "--keep", "last", "--out", run)["seconds"])
        scores.append(deepen("validate", run)["metrics"]["test"]["map50"])
        print(f"{name} seed {seed}: {scores[-1]:.4f} in {seconds[-1]:.0f} s", file=sys.stderr)
    line(text, scores, goal, "goal", "map50")
    if timed:
        line(text.replace("test map50", "minutes of training"), [one / 60 for one in seconds], minutes, "limit", "min")


def speed() -> None:
    """Seconds a picture at 320 pixels, one picture at a time: R-CNN beside Faster R-CNN, and ResNet-18 in full width."""
    import torch

    from deepen.engine.fit import lend, quiet
    from deepen.engine.place import Place
    from deepen.engine.start import prepare
    place, took = Place("auto", "fp32"), {}
    settings = dict(word.split("=", 1) for word in CELLS)
    for name, what, more in (("rcnn", "rcnn", {}), ("faster", "faster_rcnn", {}), ("full", "faster_rcnn", {"net": "resnet18"})):
        plan = prepare(what, {**settings, **more})
        system, pictures = plan.system, plan.data.splits["valid"][torch.arange(13)][0]
        torch.manual_seed(0)
        lend(system, plan.data, place)
        system.build(plan.data)
        if what == "rcnn":
            system.model.stage.fill_(4)                                     # all stages, as after training
            system.model.sizes.copy_(torch.tensor([14.0, 122.0]))
        with quiet(system):
            system.predict(pictures[:1].to(place.device))                   # compiles what is compiled
            turns = []
            for picture in pictures[1:]:
                began = time.perf_counter()
                system.predict(picture[None].to(place.device))
                turns.append(time.perf_counter() - began)
        took[name] = statistics.median(turns)
    line("rcnn, seconds a picture of 240×320 (as many times faster_rcnn's)", [took["rcnn"]], round(took["faster"], 4), "faster_rcnn", "s")
    line("faster_rcnn with resnet18, pictures of 240×320 a second", [1 / took["full"]], 5, "goal", "images/s")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", nargs="*", default=[*CLAIMS, "speed"], choices=[*CLAIMS, "speed"])
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--time", action="store_true")
    asked.add_argument("--folder", type=Path, help="keep the runs here")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            speed() if name == "speed" else claim(name, given.seeds, given.time, given.folder or Path(folder))


if __name__ == "__main__":
    main()
