"""Real tables: our boosting and our deep network beside scikit-learn's HistGradientBoosting on the same rows.

    python bench/tables.py [--quick]

Census 1994 (Adult, its official test file): accuracy. Houses of California (20,640 rows; median_house_value / 100,000),
five folds fixed by seed 0: root mean squared error. Each figure is that of the last step; the recipes are the defaults,
which were chosen on folds of the training rows; a tenth of the training rows is held out for validation (early stop,
temperature), and the peer has that tenth to learn from as well, for it holds out a share of its own where it wants one.
The peer is what a user would write: HistGradientBoosting*(categorical_features=…) on the same columns.
"""
import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label
from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.nn import metrics
from deepen.sources._split import split
from deepen.sources.table import table
from deepen.systems.mlp import Mlp
from deepen.systems.tabular import Tabular

SHARED = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parent / "../../shared/data")) / "tabular"
FOLDS = 5
SYSTEMS = {"tabular": lambda: Tabular(), "mlp": lambda: Mlp()}


def census() -> list[Data]:
    return [table(SHARED / "adult/adult-train.csv", test=SHARED / "adult/adult-test.csv")]


def houses() -> list[Data]:
    whole = table(SHARED / "california-housing/housing.csv", target="median_house_value", test=0, valid=0)
    x, y = whole.splits["train"][:]
    y, order, folds = y / 100_000, torch.randperm(len(x), generator=torch.Generator().manual_seed(0)), []
    for test in order.chunk(FOLDS):
        rest = order[~torch.isin(order, test)]
        parts = split(Examples(x[rest], y[rest]), 0.1, 0, 0)
        folds.append(Data({**parts, "test": Examples(x[test], y[test])}, whole.inputs, whole.target))
    return folds


def ours(name: str, data: Data, seed: int) -> tuple[float, float]:
    """(score on test, seconds of learning), of the last step."""
    system = SYSTEMS[name]()
    torch.manual_seed(seed)
    lend(system, data.sealed(), Place("cpu", "fp32"))
    began = time.perf_counter()
    system.build(data)
    for step, _ in enumerate(system.steps(), 1):
        system.progress = step / system.planned
    seconds = time.perf_counter() - began
    system.data = data
    system.beside = lambda split: {}                        # the peer is here
    return judge(system, "test")[system.score], seconds


def theirs(data: Data, seed: int) -> tuple[float, float]:
    words = [i for i, values in enumerate(data.inputs.values) if values is not None]
    x, y = (torch.cat([data.splits[name][:][i] for name in ("train", "valid")]) for i in (0, 1))
    tx, ty = data.splits["test"][:]
    kind = HistGradientBoostingClassifier if isinstance(data.target, Label) else HistGradientBoostingRegressor
    began = time.perf_counter()
    made = kind(categorical_features=words, random_state=seed).fit(x.numpy(), y.numpy())
    seconds = time.perf_counter() - began
    if isinstance(data.target, Label):
        return made.score(tx.numpy(), ty.numpy()), seconds
    return float(metrics.rmse(torch.from_numpy(made.predict(tx.numpy())).float(), ty)), seconds


def line(claim: str, mine: list[float], other: list[float], unit: str, places: int = 4) -> None:
    a, b = statistics.mean(mine), statistics.mean(other)
    print(json.dumps({"claim": claim, "ours": round(a, places), "peer": round(b, places),
                      "peer_name": "scikit-learn HistGradientBoosting", "ratio": round(a / b, 4), "unit": unit,
                      "runs": len(mine), "spread": round(statistics.pstdev(mine), places)}), flush=True)


def main() -> None:
    quick = "--quick" in sys.argv
    for what, folds, seeds, unit, factor in (
            ("census (Adult), official test file, accuracy", census(), range(1 if quick else 3), "%", 100),
            (f"houses of California, {FOLDS} fixed folds, rmse", houses()[: 1 if quick else FOLDS], range(1), "100,000 $", 1)):
        peers = [theirs(data, seed) for data in folds for seed in seeds]
        for name in SYSTEMS:
            found = [ours(name, data, seed) for data in folds for seed in seeds]
            line(f"{name}: {what}", [factor * score for score, _ in found], [factor * score for score, _ in peers], unit)
            line(f"{name}: {what}: learning", [seconds for _, seconds in found], [seconds for _, seconds in peers], "s", 2)


if __name__ == "__main__":
    main()
