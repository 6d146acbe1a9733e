"""What augmentation brings: test accuracy with each word alone, and with crop + flip, against none, on 5,000 pictures of
CIFAR-10, the same seeds for both, last step, the test set opened once a run; and how many pictures a second it changes.

    .venv/bin/python bench/augment.py                         # everything
    .venv/bin/python bench/augment.py --only none flip        # some words; --kept FILE adds them up over several calls
    .venv/bin/python bench/augment.py --seeds 3
    .venv/bin/python bench/augment.py --only speed
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

from deepen.engine.fit import Flags, fit, judge
from deepen.engine.run import Run
from deepen.engine.start import made, open_data, revive
from deepen.nn.augment import Augment
from deepen.systems.classify import Classify

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[1] / "../shared/data")) / "cifar10"
WORDS = {"none": "", "flip": "flip", "crop": "crop 4", "rotate": "rotate 10", "scale": "scale 0.8 1.2", "bright": "bright 0.2",
         "cutout": "cutout 8", "mixup": "mixup 0.2", "cutmix": "cutmix 1.0", "crop + flip": "crop 4; flip"}
RECIPE = {"net": "small", "epochs": 10}
WISHED = {"crop + flip": 0.03}                      # of the others no loss is wished
STUDENT = {2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015, 7: 1.943, 8: 1.895, 9: 1.860, 10: 1.833}      # t at 95 %, by runs


def accuracy(data, asked, word: str, seed: int) -> float:
    """Train with one line of augmentation, then open the test set."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        system = Classify(**RECIPE, augment=WORDS[word])
        run.write({"asked": {"what": "classify", "system": "classify"}, "recipe": system.recipe(),
                   "data": {**asked, "origin": data.origin}, "flags": {}, "made": made()})
        began = time.perf_counter()
        fit(system, data, run, Flags(seed=seed, keep="last", device="cpu"))
        found = judge(revive(run, data), "test")["accuracy"]
        print(f"{word} seed {seed}: {found:.4f} in {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
        return found


def gain(word: str, with_it: list[float], without: list[float]) -> dict:
    """The mean of the paired differences, and what it is at least, 95 % sure."""
    gains = [a - b for a, b in zip(with_it, without, strict=True)]
    mean, wished = statistics.mean(gains), WISHED.get(word, 0.0)
    low = mean - STUDENT[len(gains)] * statistics.stdev(gains) / len(gains) ** 0.5
    return {"claim": f"gain of “{WORDS[word]}” over none, 5,000 CIFAR-10 pictures", "ours": round(mean, 4), "peer": wished,
            "peer_name": "goal", "ratio": round(mean / wished, 3) if wished else None, "unit": "accuracy", "runs": len(gains),
            "spread": [round(min(gains), 4), round(max(gains), 4)], "at_least": round(low, 4)}


def speed(lines: str = "flip; crop 4", batch: int = 256) -> dict:
    """Pictures of 3×32×32 bytes a second through the lines; the median of 30 turns."""
    x, change, took = torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8), Augment(lines), []
    for _ in range(30):
        began = time.perf_counter()
        change(x)
        took.append(time.perf_counter() - began)
    rate = batch / statistics.median(took)
    return {"claim": f"“{lines}” on 32×32 pictures in colour, {torch.get_num_threads()} threads", "ours": round(rate), "peer": 20_000,
            "peer_name": "goal", "ratio": round(rate / 20_000, 2), "unit": "pictures/s", "runs": 30,
            "spread": [round(batch / max(took)), round(batch / min(took))]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=[*WORDS, "speed"], default=[*WORDS, "speed"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kept", type=Path, help="a JSON file in which accuracies are kept from call to call")
    asked = parser.parse_args()
    if not 2 <= asked.seeds <= max(STUDENT):
        raise SystemExit(f"--seeds is 2 to {max(STUDENT)}: one run has no spread")
    kept = json.loads(asked.kept.read_text()) if asked.kept and asked.kept.exists() else {}
    words = [word for word in asked.only if word != "speed"]
    if words:
        torch.manual_seed(0)
        data, data_asked = open_data({"source": "cifar", "path": str(DATA), "valid": "0", "part": "0.1"})
        for seed in range(asked.seeds):
            for word in words:
                if str(seed) not in kept.setdefault(word, {}):
                    kept[word][str(seed)] = accuracy(data, data_asked, word, seed)
                    if asked.kept:
                        asked.kept.write_text(json.dumps(kept))
    seeds = [str(seed) for seed in range(asked.seeds)]
    for word, found in kept.items():
        if word != "none" and all(seed in found and seed in kept.get("none", {}) for seed in seeds):
            print(json.dumps(gain(word, [found[seed] for seed in seeds], [kept["none"][seed] for seed in seeds]), ensure_ascii=False))
    if "speed" in asked.only:
        for lines in ("flip; crop 4", "flip; crop 4; cutout 8", "flip; rotate 10; scale 0.9 1.1; bright 0.2"):
            print(json.dumps(speed(lines), ensure_ascii=False))


if __name__ == "__main__":
    main()
