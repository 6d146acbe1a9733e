"""The six classical learners against scikit-learn called directly: three data sets, five seeds, the same rows.

    python bench/tabular.py [--quick]

One JSON line a claim: accuracy on the held-out 20 % (the mean over the seeds, in points), then the time to train.
The peer gets the same rows, the same seed, and what its documentation tells everybody to do: StandardScaler before
learners that measure distances, max_iter=1000 for logistic regression.
"""
import json
import statistics
import sys
import time

import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.sources import samples
from deepen.systems.tabular import Tabular

PEERS = {
    "bayes": lambda seed: GaussianNB(),
    "logistic": lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "svm": lambda seed: make_pipeline(StandardScaler(), SVC()),
    "tree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "forest": lambda seed: RandomForestClassifier(n_jobs=-1, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed)}


def ours(data, learner: str, seed: int) -> tuple[float, float]:
    """(accuracy on test, seconds of learning)."""
    system = Tabular(learner=learner)
    torch.manual_seed(seed)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    began = time.perf_counter()
    for _ in system.steps():
        continue
    seconds = time.perf_counter() - began
    return float(judge(system, "test")["accuracy"]), seconds


def theirs(data, learner: str, seed: int) -> tuple[float, float]:
    (x, y), (tx, ty) = ([part.numpy() for part in data.splits[name][:]] for name in ("train", "test"))
    torch.manual_seed(seed)
    made = PEERS[learner](int(torch.randint(2**31, ())))
    began = time.perf_counter()
    made.fit(x, y)
    return made.score(tx, ty), time.perf_counter() - began


def line(claim: str, a: list[float], b: list[float], unit: str) -> None:
    mine, other = statistics.mean(a), statistics.mean(b)
    print(json.dumps({"claim": claim, "ours": round(mine, 4), "peer": round(other, 4), "peer_name": "scikit-learn",
                      "ratio": round(mine / other, 4), "unit": unit, "runs": len(a),
                      "spread": round(statistics.pstdev(a), 4)}), flush=True)


def main() -> None:
    seeds = range(1 if "--quick" in sys.argv else 5)
    ours(samples.iris(), "forest", 0)                       # the first fit pays for loading
    for source in ("iris", "wine", "cancer"):
        for learner in PEERS:
            pairs = []
            for seed in seeds:
                data = getattr(samples, source)(valid=0, seed=seed)
                pairs.append((ours(data, learner, seed), theirs(data, learner, seed)))
            line(f"tabular {learner} {source} accuracy", *([100 * pair[i][0] for pair in pairs] for i in (0, 1)), "%")
            line(f"tabular {learner} {source} training", *([pair[i][1] for pair in pairs] for i in (0, 1)), "s")


if __name__ == "__main__":
    main()
