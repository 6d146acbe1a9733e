"""Style transfer without weights from a hub: how near the style comes, what is left of the content, how long it takes.

    python bench/style.py [--only style|fast|speed|throughput] [--seed 0] [--quick]

style: 4 paintings × 1 photo at 256 pixels, the recipe as it is (about 1 minute each on two cores); without $DEEPEN_DATA the
default pair. fast: style_fast learns one painting on the photos of hymenoptera (about 8 minutes) and paints a photo that it
never saw; its Gram loss beside that of `style` on the same pair, both seen by the same eyes. speed: seconds a picture of
256 pixels on all threads and on one. throughput: steps of style_fast a second beside a plain loop. Figures are of the last
state (`--keep last`); `content` and the number of levels were chosen by looking at
the first pair (Tübingen, Starry Night), nothing on the other three paintings.
"""
import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image
from deepen.engine.answer import answers
from deepen.engine.fit import Flags, judge, lend
from deepen.engine.place import Place
from deepen.engine.start import prepare, start
from deepen.engine.validate import with_data
from deepen.nn import style as styles
from deepen.nn.nets.painter import Painter
from deepen.sources.paintings import pair

IMAGES = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[1] / "../shared/data")).resolve() / "style-images"
PHOTOS = IMAGES.parent / "hymenoptera"
PHOTO = IMAGES / "content_tubingen.jpg"
TURNS = 21


def line(claim: str, ours: float, peer: float, name: str, unit: str, runs: int = 1, spread: float = 0.0) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 6), "peer": round(peer, 6), "peer_name": name,
                      "ratio": round(ours / peer, 4), "unit": unit, "runs": runs, "spread": round(spread, 6)}), flush=True)


def told(name: str) -> str:
    return name.removeprefix("style_").rpartition("_")[0].replace("_", " ")


def style(seed: int, quick: bool, out: Path) -> None:
    pairs = {told(file.stem): {"data.content": str(PHOTO), "data.style": str(file)} for file in sorted(IMAGES.glob("style_*.jpg"))}
    for name, files in list((pairs or {"strokes (drawn)": {}}).items())[: 1 if quick else None]:
        began = time.perf_counter()
        run = start("style", dict(files), Flags(seed=seed, keep="last"), out=out / f"style-{name.replace(' ', '-')}-{seed}")
        seconds = time.perf_counter() - began
        found = judge(with_data(run))
        line(f"style {name} 256 px seconds (goal: at most 60)", seconds, 60, "the goal", "s")
        line(f"style {name} gram loss as a share of that of noise (goal: at most 0.001)", found["gram"], 1e-3, "the goal", "share")
        line(f"style {name} correlation with the content (goal: at least 0.8)", 1 - found["content"], 0.8, "the goal", "correlation")


def fast(seed: int, quick: bool, out: Path) -> None:
    painting = next(iter(sorted(IMAGES.glob("style_van*.jpg"))), None)
    files = {"data.path": str(PHOTOS), "data.on_bad": "skip", "data.style": str(painting)} if painting else {}
    began = time.perf_counter()
    run = start("style_fast", {**files, **({"epochs": 0.5} if quick else {})}, Flags(seed=seed, keep="last"), out=out / f"fast-{seed}")
    line("style_fast learning one style, seconds", time.perf_counter() - began, 600, "ten minutes", "s")
    data = pair(PHOTO, painting, 256) if painting else pair(size=256)
    what, how = (data.split(name)[:][0].float() / 255 for name in ("train", "style"))
    look = styles.Look(styles.Patches([what, how]), how, what)
    with torch.no_grad():
        painted = run.system().predict(data.split("train")[:][0])
    slow = start("style", {"data.content": str(PHOTO), "data.style": str(painting)} if painting else {}, Flags(seed=seed, keep="last"),
                 out=out / f"beside-{seed}").system().network()().detach()

    def far(picture):
        seen = look.eyes(picture)[0]
        return float(torch.stack([styles.apart(styles.gram(f), a) for f, a in zip(seen, look.grams, strict=True)]).sum() / look.noise)
    line("style_fast gram loss of a new photo at 256 px, a share of that of noise", far(painted), far(slow), "style on the same pair", "share")
    line("style_fast gram loss of a new photo beside the photo itself", far(painted), far(what), "the photo as it is", "share")
    if painting:
        (one,) = answers(run, [PHOTO])
        line("style_fast paints a photo at its own size, longer side", one.photo.drawn().width, 640, "the photo", "pixels")


def speed() -> None:
    threads = torch.get_num_threads()
    net = Painter(Image(3, 256, 256), 24, 5).eval().to(memory_format=torch.channels_last)
    x = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8)
    for count in sorted({threads, 1}, reverse=True):
        torch.set_num_threads(count)
        times = []
        with torch.no_grad():
            for _ in range(TURNS):
                began = time.perf_counter()
                net(x)
                times.append(time.perf_counter() - began)
        line(f"style_fast paints 256×256 in float32 on {count} threads, median seconds (goal: at most 0.2)", statistics.median(times), 0.2,
             "the goal", "s", TURNS, statistics.pstdev(times[1:]))
    torch.set_num_threads(threads)


class Photos(Dataset):
    """Pictures one by one, each made a float tensor when it is asked for, as most loops have it."""

    def __init__(self, pictures):
        self.pictures = [one.permute(1, 2, 0).numpy() for one in pictures]

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return torch.from_numpy(self.pictures[row]).permute(2, 0, 1).contiguous().float() / 255


def throughput(seconds: float = 30) -> None:
    """The same net, eyes, losses and batch; the plain loop: a DataLoader, NCHW, float32, Adam unfused, loss.item()."""
    plan = prepare("style_fast", {"data.count": 80})
    system, place = plan.system, Place("cpu", "auto")
    torch.manual_seed(0)
    lend(system, plan.data, place)
    system.build(plan.data)
    look = system.looked()

    def ours():
        with place.autocast():
            yield from system.steps()

    def plain():
        net = Painter(plan.data.inputs, system.width, system.blocks)
        adam = torch.optim.Adam(net.parameters(), system.lr)
        while True:
            for x in DataLoader(Photos(plan.data.split("train").inputs), batch_size=system.batch, shuffle=True, drop_last=True):
                adam.zero_grad()
                painted, (_, truths) = net(x), look.eyes(x)
                seen, shapes = look.eyes(painted)
                style = sum(((styles.gram(f) - a) ** 2).mean() for f, a in zip(seen, look.grams, strict=True))
                content = sum(((f - p) ** 2).mean() for f, p in zip(shapes, truths, strict=True))
                loss = style + 0.1 * content
                loss.backward()
                adam.step()
                loss.item()
                yield

    def rate(loop) -> float:
        steps = loop()
        for _ in range(2):
            next(steps)
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            next(steps, None)
            count += 1
        return count / (time.perf_counter() - began)
    system.stream = Data({"train": Examples(plan.data.split("train").inputs)}, plan.data.inputs).stream("train", system.batch, 10_000)
    mine, theirs = rate(ours), rate(plain)
    line(f"style_fast steps a second of {system.batch} pictures ({place.precision}; goal: at least 1.5 times)", mine, theirs, "plain loop, float32", "steps/s")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=("style", "fast", "speed", "throughput"))
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder)
        if given.only in (None, "style"):
            style(given.seed, given.quick, out)
        if given.only in (None, "fast"):
            fast(given.seed, given.quick, out)
        if given.only in (None, "speed"):
            speed()
        if given.only in (None, "throughput"):
            throughput(5 if given.quick else 30)


if __name__ == "__main__":
    main()
