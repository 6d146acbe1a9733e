"""DCGAN on 8×8 digits: share of samples the judge recognises, classes that appear, time; for five seeds, by class and not.

    python bench/makers.py [--quick]

Figures are of the last state (`--keep last`), never of the best look. The peer of `recognised` is the real test pictures,
judged by the same judge: no painter should be expected to beat them. The peer of `frechet_own` is the distance of the
real test pictures to the training pictures: what a perfect painter would get.
"""
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from deepen.engine.fit import Flags, judge
from deepen.engine.start import start
from deepen.engine.validate import with_data
from deepen.nn import judge as judges
from deepen.sources.digits import digits

SEEDS = (0, 1, 2, 3, 4)


def painted(seed: int, by_class: bool) -> tuple[dict[str, float], float]:
    """(metrics, seconds from the command to the kept model, the judge's training included)."""
    judges._known.clear()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = start("dcgan", {"by_class": by_class}, Flags(seed=seed, keep="last"), out=Path(folder) / "run")
        seconds = time.perf_counter() - began
        return judge(with_data(run), "test"), seconds


def line(claim: str, ours: list[float], peer: float, name: str, unit: str) -> None:
    mean = statistics.mean(ours)
    print(json.dumps({"claim": claim, "ours": round(mean, 4), "peer": round(peer, 4), "peer_name": name,
                      "ratio": round(mean / peer, 4), "unit": unit, "runs": len(ours),
                      "spread": round(statistics.pstdev(ours), 4)}), flush=True)


def main() -> None:
    data = digits()
    (x, y), (real, _) = data.split("train")[:], data.split("test")[:]
    for by_class in (True, False):
        runs = [painted(seed, by_class) for seed in SEEDS[: 1 if "--quick" in sys.argv else None]]
        critic = judges.judge_of(x, y, 10)
        features, p = judges.looked(critic, real)
        which = f"dcgan digits by_class={str(by_class).lower()}"
        line(f"{which} recognised (goal: at least 80)", [100 * told["recognised"] for told, _ in runs],
             100 * judges.recognised(p), "real test pictures", "%")
        line(f"{which} modes", [told["modes"] for told, _ in runs], 10, "classes there are", "classes")
        line(f"{which} frechet_own", [told["frechet_own"] for told, _ in runs],
             judges.frechet_own(features, judges.looked(critic, x)[0]), "real test against real train", "distance")
        line(f"{which} seconds (goal: at most 60)", [seconds for _, seconds in runs], 60, "the goal", "s")


if __name__ == "__main__":
    main()
