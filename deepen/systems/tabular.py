"""Tables and the classical learners: the score every network must beat."""
from dataclasses import dataclass
from typing import Annotated

import torch

from deepen.core.kinds import Label, Number, Row
from deepen.core.recipe import Count, Rate, _field
from deepen.core.system import System
from deepen.nn import classical, metrics

Cost = Annotated[float, _field(gt=0, le=1e9, allow_inf_nan=False)]


@dataclass
class Tabular(System):
    """Rows of a table into classes or numbers, with a classical learner."""
    goal = (Row, Label | Number)
    default_data = "iris"
    score = "accuracy"                                  # rmse where the target is a number
    tiny = dict(learner="forest", trees=20)
    transient = ("score",)
    precision = "fp32"

    learner: classical.Name = "boosting"          # how it learns
    trees: Count | None = None                   # of a forest (none: 100) or boosting (none: while it gains)
    depth: Count | None = None                    # levels of each tree (none: as many as it likes)
    cost: Cost = 1.0                              # of a mistake; for logistic (numbers: ridge), svm
    rate: Rate | None = None                      # what a tree of boosting corrects (none: 0.05 or 0.1)
    balance: classical.Balance = "none"           # balanced: a rare class weighs as much as a common one
    calibrate: bool = True                        # mend how sure it is, on 200 or more validation rows

    def build(self, data):
        self.classes = len(data.target.names) if isinstance(data.target, Label) else None
        self.score = "rmse" if self.classes is None else "accuracy"
        self.seed = int(torch.randint(2**31, ()))
        self.model = classical.make(self.learner, data.inputs, self.classes, self.seed, *self.settings())
        self.learned = 0                                                    # rows

    def settings(self):
        return self.trees, self.depth, self.cost, self.rate, self.balance

    def steps(self):
        if not self.learned:
            train, valid = (self.rows(split) for split in ("train", "valid"))
            self.model = classical.learn(self.learner, self.data.inputs, self.classes, train, valid,
                                         self.seed, *self.settings(), self.calibrate)
            self.learned = len(train[0])
            yield {self.score: self.judged(*train)[self.score]}             # on rows it has seen

    def rows(self, split):
        """x (N, columns) and y (N,), or None where there are none."""
        return self.data.splits[split][:] if len(self.data.splits.get(split, ())) else None

    def evaluate(self, split="valid"):
        return self.judged(*self.data.splits[split][:])

    def predict(self, inputs):
        return classical.answers(self.model, inputs)                        # (B, classes) or (B,)

    def judged(self, x, y):
        return metrics.judged(self.predict(x), y.cpu(), self.classes)

    planned = property(lambda self: 1)                                      # one yield
    seen = property(lambda self: self.learned)
