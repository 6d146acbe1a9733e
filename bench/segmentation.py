"""A class for every pixel: FCN, SegNet and U-Net on CamVid (11 classes, 180×240, void not counted) and on shapes; one pass
against pixel by pixel. Seeds 0, 1, … fixed beforehand, last step, the test set opened once a run.

    .venv/bin/python bench/segmentation.py                                # all, one seed each
    .venv/bin/python bench/segmentation.py --only camvid-unet --seeds 3
    .venv/bin/python bench/segmentation.py --only camvid-fcn --minutes 10   # the whole schedule in so many minutes
    .venv/bin/python bench/segmentation.py --only camvid-unet --kept FOLDER   # runs that finished there count
    .venv/bin/python bench/segmentation.py --only pass
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

import torch

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[1] / "../shared/data")) / "segmentation-camvid"
CAMVID = ["data=masks", f"data.path={DATA}", "data.size=180x240", "epochs=60",
          "augment=flip; scale 0.8 1.5; bright 0.3; contrast 0.3; saturation 0.3"]       # the test's streets have another light
CLAIMS = {                      # (what is told, goal, minutes at most, words)
    **{f"camvid-{name}": (f"{name} on CamVid, 11 classes, 180×240, test mIoU", goal, 20, [name, *CAMVID])
       for name, goal in (("fcn", 0.50), ("segnet", 0.50), ("unet", 0.55))},
    **{f"shapes-{name}": (f"{name} on shapes, test mIoU", 0.95, 5, [name, "data=shape_masks"]) for name in ("fcn", "segnet", "unet")},
    "camvid-fcn8": ("fcn with the paper's finest skips (8) on CamVid, test mIoU", 0.50, 20, ["fcn", *CAMVID, "skips=8"]),
}


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def claim(name: str, seeds: int, minutes: float | None, kept: str | None) -> None:
    text, goal, limit, words = CLAIMS[name]
    found, accuracies, seconds = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            run = str(Path(kept or folder) / f"{name}-{seed}")
            flags = ["--minutes", str(minutes)] if minutes else []
            finished = (Path(run) / "events.jsonl").exists() and json.loads((Path(run) / "events.jsonl").read_text().splitlines()[-1])
            train = finished if finished and finished["event"] == "finished" else deepen(
                "train", *words, "--seed", str(seed), "--keep", "last", "--out", run, *flags)
            test = deepen("validate", run)["metrics"]["test"]
            found.append(test["miou"])
            accuracies.append(test["pixel_accuracy"])
            seconds.append(train["seconds"])
            print(f"{name} seed {seed}: mIoU {found[-1]:.4f}, pixels {accuracies[-1]:.4f}, in {seconds[-1]:.0f} s", file=sys.stderr, flush=True)
    tell(text, statistics.mean(found), goal, "goal", "mIoU", found)
    tell(text.replace("mIoU", "pixel accuracy"), statistics.mean(accuracies), None, "", "accuracy", accuracies)
    tell(text.replace("test mIoU", "seconds of training"), statistics.median(seconds), 60 * limit, "limit", "s", seconds)


def tell(text: str, ours: float, peer: float | None, name: str, unit: str, spread: list[float]) -> None:
    print(json.dumps({"claim": text, "ours": round(ours, 4), "peer": peer, "peer_name": name, "ratio": round(ours / peer, 4) if peer else None,
                      "unit": unit, "runs": len(spread), "spread": [round(min(spread), 4), round(max(spread), 4)]}, ensure_ascii=False), flush=True)


def one_pass(height: int = 180, width: int = 240) -> None:
    """The same FCN-32s, untrained: all pixels in one pass, against a window round each pixel, 16 windows at a time; the
    window is as large as what one answer sees before padding, 224×224, the size the classifier was made for."""
    from deepen.nn.pixels import AnySize
    from deepen.systems.fcn import Net
    net = AnySize(Net(3, 11, 16, 32, 0.0), 3, 32).eval().to(memory_format=torch.channels_last)
    picture, windows = torch.randint(0, 256, (1, 3, height, width), dtype=torch.uint8), torch.randint(0, 256, (16, 3, 224, 224), dtype=torch.uint8)
    with torch.no_grad():
        whole, each = seconds(lambda: net(picture)), seconds(lambda: net(windows)) / 16
    ratios = [each * height * width / whole]
    print(f"one pass {whole * 1e3:.1f} ms, a window {each * 1e3:.1f} ms", file=sys.stderr)
    tell("fcn, all pixels of 180×240 in one pass against a window round each pixel, times as fast", ratios[0], 200, "goal", "×", ratios)


def seconds(act, turns: int = 5) -> float:
    act()
    took = []
    for _ in range(turns):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=[*CLAIMS, "pass"], default=[*CLAIMS, "pass"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--kept", help="folder where runs stay; one that finished there is not learned again")
    asked = parser.parse_args()
    for name in asked.only:
        one_pass() if name == "pass" else claim(name, asked.seeds, asked.minutes, asked.kept)


if __name__ == "__main__":
    main()
