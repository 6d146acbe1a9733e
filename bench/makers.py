"""What painters paint, judged by a small network that learned the real pictures here: GAN and DCGAN.

    .venv/bin/python bench/makers.py                            # all claims
    .venv/bin/python bench/makers.py --only mnist --seed 0      # a part of them, one seed (a line of its own)

Parts: digits (dcgan on 8×8 digits by class and not), variants (hinge, spectral norm, gan), mnist (dcgan on 28×28), speed.
A seed of one recipe on digits takes about a minute of one thread, one of mnist about five, speed three.
Figures are of the last state (`--keep last`), never of the best look; nothing was chosen on the test split. The peer of
`recognised` is the real test pictures, judged by the same judge: no painter should be expected to beat them. The peer of
`frechet_own` is the distance of the real test pictures to the training pictures: what a perfect painter would get.
"""
import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))

import torch
from torch import nn

from deepen.engine.fit import Flags, judge
from deepen.engine.start import open_data, start
from deepen.engine.validate import with_data
from deepen.nn import judge as judges

SEEDS = (0, 1, 2, 3, 4)
ROUNDS, STEPS = 5, 40                   # of the two loops, in turn


def line(claim: str, ours: list[float], peer: float, name: str, unit: str) -> None:
    mean = statistics.mean(ours)
    print(json.dumps({"claim": claim, "ours": round(mean, 4), "peer": round(peer, 4), "peer_name": name,
                      "ratio": round(mean / peer, 4), "unit": unit, "runs": len(ours),
                      "spread": round(statistics.pstdev(ours), 4)}), flush=True)


def painted(seed: int, system: str, recipe: dict) -> tuple[dict[str, float], float]:
    """(metrics, seconds from the command to the kept model, the judge's training included)."""
    judges._known.clear()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = start(system, recipe, Flags(seed=seed, keep="last"), out=Path(folder) / "run")
        seconds = time.perf_counter() - began
        return judge(with_data(run), "test"), seconds


def judged(which: str, seeds, system: str, recipe: dict, goals: tuple[int, float]) -> None:
    """The lines of one recipe; `goals`: at least so many percent recognised, in at most so many seconds."""
    data, _ = open_data({"source": recipe.get("data", "digits")})
    (x, y), (real, _) = data.split("train")[:], data.split("test")[:]
    runs = [painted(seed, system, recipe) for seed in seeds]
    critic = judges.judge_of(x, y, len(data.target.names))
    features, p = judges.looked(critic, real)
    line(f"{which} recognised (goal: at least {goals[0]})", [100 * told["recognised"] for told, _ in runs],
         100 * judges.recognised(p), "real test pictures", "%")
    line(f"{which} modes", [told["modes"] for told, _ in runs], len(data.target.names), "classes there are", "classes")
    line(f"{which} frechet_own", [told["frechet_own"] for told, _ in runs],
         judges.frechet_own(features, judges.looked(critic, x)[0]), "real test against real train", "distance")
    if "as_asked" in runs[0][0]:
        line(f"{which} as_asked", [100 * told["as_asked"] for told, _ in runs],
             100 * (p.argmax(1) == data.split("test")[:][1]).float().mean().item(), "real test pictures", "%")
    line(f"{which} seconds (goal: at most {goals[1]:g})", [seconds for _, seconds in runs], goals[1], "the goal", "s")


def digits(seeds) -> None:
    for by_class in (True, False):
        judged(f"dcgan digits by_class={str(by_class).lower()}", seeds, "dcgan", {"by_class": by_class}, (80, 60))


def variants(seeds) -> None:
    for recipe in ({"objective": "hinge"}, {"spectral": True}, {"objective": "hinge", "spectral": True}):
        which = " ".join(f"{key}={str(value).lower()}" for key, value in recipe.items())
        judged(f"dcgan digits {which}", seeds, "dcgan", recipe, (80, 60))
    judged("gan digits", seeds, "gan", {}, (50, 120))


def mnist(seeds) -> None:
    judged("dcgan mnist", seeds, "dcgan", {"data": "mnist"}, (90, 480 if torch.get_num_threads() > 1 else 960))


# speed: the same networks and batch, the loop as the PyTorch tutorial on DCGAN writes it

class Pictures(torch.utils.data.Dataset):
    """MNIST as a user would hold it: bytes, scaled and normalised one by one."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        picture = self.images[row].float() / 255
        return (picture - 0.5) / 0.5, int(self.labels[row])


def plain(images, labels, width: int, batch: int, kind) -> float:
    """Images a second of the plain loop over `STEPS` steps."""
    from deepen.systems import dcgan
    paints = dcgan.generator(kind, dcgan.NOISE + 10, width).apply(dcgan.begin)
    looks = dcgan.discriminator(kind, 10, width).apply(dcgan.begin)
    first = torch.optim.Adam(looks.parameters(), lr=0.001, betas=(0.5, 0.999))
    second = torch.optim.Adam(paints.parameters(), lr=0.001, betas=(0.5, 0.999))
    criterion, told, began = nn.BCEWithLogitsLoss(), [], 0.0
    batches = torch.utils.data.DataLoader(Pictures(images, labels), batch, shuffle=True, drop_last=True)
    for step, (real, y) in zip(range(STEPS + 3), batches, strict=False):
        if step == 3:                                               # the first steps make the kernels
            began = time.perf_counter()
        looks.zero_grad()
        out = looks(real).gather(1, y[:, None])[:, 0]
        real_loss = criterion(out, torch.full((batch,), 0.9))
        real_loss.backward()
        noise = torch.cat([torch.randn(batch, dcgan.NOISE), nn.functional.one_hot(y, 10)], 1)
        fake = paints(noise)
        out = looks(fake.detach()).gather(1, y[:, None])[:, 0]
        fake_loss = criterion(out, torch.zeros(batch))
        fake_loss.backward()
        first.step()
        paints.zero_grad()
        out = looks(fake).gather(1, y[:, None])[:, 0]
        loss = criterion(out, torch.ones(batch))
        loss.backward()
        second.step()
        told.append(((real_loss + fake_loss).item(), loss.item()))
    return STEPS * batch / (time.perf_counter() - began)


def ours(width: int, batch: int, precision: str) -> float:
    """Images a second of our fit, the whole of it, over as many steps: streams, schedule, average, warnings, events."""
    seen: list[tuple[float, int]] = []
    def tell(event):
        if event.event == "stepped" and not event.facts["progress"] > 0.999:
            seen.append((time.perf_counter(), event.facts["seen"]))
    with tempfile.TemporaryDirectory() as folder:
        start("dcgan", {"data": "mnist", "data.valid": 0, "width": width, "batch": batch, "epochs": (2 * STEPS * batch) / 60_000},
              Flags(precision=precision, keep="last"), out=Path(folder) / "run", tell=tell)
    (began, first), (ended, last) = seen[1], seen[-1]
    return (last - first) / (ended - began)


def speed(_) -> None:
    data, _ = open_data({"source": "mnist", "valid": 0.0})
    images, labels = data.split("train")[:]
    for width, batch in ((32, 64),):
        rounds = [(plain(images, labels, width, batch, data.inputs), ours(width, batch, "auto"), ours(width, batch, "fp32"))
                  for _ in range(ROUNDS)]
        peer = statistics.median(one[0] for one in rounds)
        for place, name in ((1, "as it comes"), (2, "in fp32")):
            line(f"dcgan training throughput on MNIST, width {width}, batch {batch}, {name} (goal: at least 1.5 times)",
                 [one[place] for one in rounds], peer, "plain PyTorch loop", "images/s")


PARTS = {"digits": digits, "variants": variants, "mnist": mnist, "speed": speed}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--only", choices=PARTS, help="one part")
    reader.add_argument("--seed", type=int, help="one seed instead of five")
    asked = reader.parse_args()
    for name, part in PARTS.items():
        if asked.only in (None, name):
            part(SEEDS if asked.seed is None else (asked.seed,))


if __name__ == "__main__":
    main()
