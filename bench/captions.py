"""Sentences for pictures: NIC on shapes (exact sentences of combinations never learned) and on 1,000 photos of Flickr8k, beside the best
sentence that fits all and the sentence of the most similar picture. Seeds 0, 1, … fixed beforehand, last step, the test set
opened once a run.

    .venv/bin/python bench/captions.py                                # all, one seed each
    .venv/bin/python bench/captions.py --only shapes --seeds 3
    .venv/bin/python bench/captions.py --only photos --minutes 10
    .venv/bin/python bench/captions.py --only drawing                 # how fast scenes are drawn, how much faster pictures open again
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

from deepen.core.sentences import plain
from deepen.nn.captions import bleu, cider
from deepen.sources.captions import captions
from deepen.sources.folder import folder
from deepen.sources.shapes import shapes

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[1] / "../shared/data"))
PHOTOS = DATA / "captions-flickr8k-1000"
LEARN = ["caption", f"data={PHOTOS}", "data.size=48x64", "net=small width=2", "augment=flip; shift 4; bright 0.2; contrast 0.2", "drop=0.5", "width=256",
         "optimizer=adamw", "lr=0.002", "epochs=40"]
METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "cider")


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def learned(words: list[str], seeds: int, minutes: float | None) -> tuple[list[dict], list[float]]:
    """The test's metrics and the seconds of each seed."""
    found, seconds = [], []
    with tempfile.TemporaryDirectory() as place:
        for seed in range(seeds):
            run = str(Path(place) / str(seed))
            flags = ["--minutes", str(minutes)] if minutes else []
            seconds.append(deepen("train", *words, "--seed", str(seed), "--keep", "last", "--out", run, *flags)["seconds"])
            found.append(deepen("validate", run)["metrics"]["test"])
            print(f"{' '.join(words[:2])} seed {seed}: {found[-1]}, in {seconds[-1]:.0f} s", file=sys.stderr, flush=True)
    return found, seconds


def tell(text: str, ours: list[float], peer: float, name: str, unit: str) -> None:
    mean = statistics.mean(ours)
    print(json.dumps({"claim": text, "ours": round(mean, 4), "peer": round(peer, 4), "peer_name": name, "ratio": round(mean / peer, 3) if peer else None,
                      "unit": unit, "runs": len(ours), "spread": [round(min(ours), 4), round(max(ours), 4)]}, ensure_ascii=False), flush=True)


def of_shapes(seeds: int, minutes: float | None, language: str = "en") -> None:
    found, seconds = learned(["caption", f"data.language={language}"], seeds, minutes)
    where = {"en": "English", "ko": "Korean"}[language]
    tell(f"caption on shapes, {where}: exact sentences of combinations never learned", [one["accuracy"] for one in found], 0.95, "goal", "accuracy")
    tell(f"caption on shapes, {where}: BLEU-4 of combinations never learned", [one["bleu4"] for one in found], 0.97, "goal", "bleu4")
    tell(f"caption on shapes, {where}: seconds of training", seconds, 300, "limit", "s")


def of_photos(seeds: int, minutes: float | None) -> None:
    found, seconds = learned(LEARN, seeds, minutes)
    beside = {"best constant sentence": constant(), "sentence of the nearest picture": nearest()}
    for metric in METRICS:
        for name, theirs in beside.items():
            tell(f"caption on 1,000 photos of Flickr8k (800 to learn from), test {metric}", [one[metric] for one in found], theirs[metric], name, metric)
    tell("caption on 1,000 photos of Flickr8k: seconds of training", seconds, 600, "limit", "s")


def scores(answers: list[str], truths: list[tuple[str, ...]]) -> dict[str, float]:
    said, true = [plain(one) for one in answers], [[plain(one) for one in told] for told in truths]
    return dict(zip(METRICS, [*bleu(said, true), cider(said, true)], strict=True))


def constant() -> dict[str, float]:
    """For each metric the training sentence that does best on the test itself, said of every picture (of the 400 with the best words)."""
    data = captions(str(PHOTOS), size=8)
    truths = [[plain(one) for one in told] for told in data.splits["test"].target]
    count = len(truths)
    sentences = sorted({" ".join(plain(one)) for told in data.splits["train"].target for one in told})
    by_words = sorted(sentences, key=lambda one: -bleu([one.split()] * count, truths, 1)[0])
    best = {"bleu1": bleu([by_words[0].split()] * count, truths)[0]}
    for n in (2, 3, 4):
        best[f"bleu{n}"] = max(bleu([one.split()] * count, truths)[n - 1] for one in by_words[:400])
    best["cider"] = max(cider([one.split()] * count, truths) for one in by_words[:400])
    return best


def nearest() -> dict[str, float]:
    """The first sentence of the training picture with the most similar pixels (12 × 16, each picture's mean and spread taken out)."""
    data = captions(str(PHOTOS), size="12x16")
    train, test = (data.splits[name].inputs.float().flatten(1) for name in ("train", "test"))
    train, test = ((one - one.mean(1, keepdim=True)) / one.std(1, keepdim=True) for one in (train, test))
    rows = torch.cdist(test, train).argmin(1).tolist()
    return scores([data.splits["train"].target[row][0] for row in rows], data.splits["test"].target)


def drawing() -> None:
    """Scenes a second on one core; the second opening of a folder against its first."""
    torch.set_num_threads(1)
    for task in ("boxes", "masks", "captions"):
        shapes(200, 64, task)                                               # type: ignore[arg-type]
        rates = []
        for seed in range(5):
            began = time.process_time()
            shapes(2000, 64, task, seed=seed)                               # type: ignore[arg-type]
            rates.append(2000 / (time.process_time() - began))
        tell(f"scenes of 64 × 64 drawn a second on one core: {task}", rates, 2000, "goal", "scenes/s")
    with tempfile.TemporaryDirectory() as place:
        os.environ["DEEPEN_CACHE"] = place
        from PIL import Image
        files = sorted((DATA / "hymenoptera").rglob("*.jpg"))
        for i in range(2000):
            name = Path(place) / "photos" / "ab"[i % 2] / f"{i}.jpg"
            name.parent.mkdir(parents=True, exist_ok=True)
            Image.open(files[i % len(files)]).convert("RGB").rotate(i // len(files) * 13).save(name)
        time.sleep(3)                                                       # a file so new could change unnoticed
        times = []
        for _ in range(4):
            began = time.perf_counter()
            folder(str(Path(place) / "photos"), size=64)
            times.append(time.perf_counter() - began)
        tell("a folder of 2,000 photos opens again: times faster", [times[0] / one for one in times[1:]], 5, "goal", "×")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("shapes", "korean", "photos", "drawing"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    asked = parser.parse_args()
    if asked.only in (None, "drawing"):
        drawing()
    if asked.only in (None, "shapes"):
        of_shapes(asked.seeds, asked.minutes)
    if asked.only in (None, "korean"):
        of_shapes(asked.seeds, asked.minutes, "ko")
    if asked.only in (None, "photos") and PHOTOS.is_dir():
        of_photos(asked.seeds, asked.minutes)
