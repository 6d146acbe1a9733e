"""Tables and the classical learners: the score every network must beat."""
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from deepen.core.kinds import Label, Number, Row
from deepen.core.recipe import Count, Rate, _field
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import metrics
from deepen.nn.estimator import Estimator

Cost = Annotated[float, _field(gt=0, le=1e9, allow_inf_nan=False)]
PAIRS = 50_000          # rows beyond which a support vector machine, which compares them in pairs, takes hours


@dataclass
class Tabular(System):
    """Rows of a table into classes or numbers, with a classical learner."""
    goal = (Row, Label | Number)
    default_data = "iris"
    score = "accuracy"                                  # rmse where the target is a number
    tiny = dict(learner="forest", trees=20)
    transient = ("score",)
    precision = "fp32"

    learner: Literal["bayes", "logistic", "svm", "tree", "forest", "boosting"] = "forest"  # logistic: ridge for numbers
    trees: Count = 100                                  # how many trees a forest or boosting has
    depth: Count | None = None                          # levels of each tree (none: as many as it likes)
    cost: Cost = 1.0                                    # of a mistake, for logistic and svm: more fits closer
    rate: Rate = 0.1                                    # how much each tree of boosting corrects

    def build(self, data):
        classes = len(data.target.names) if isinstance(data.target, Label) else None
        self.score = "rmse" if classes is None else "accuracy"
        seed = int(torch.randint(2**31, ()))
        learner = self.for_numbers(seed) if classes is None else self.for_classes(seed)
        self.model = Estimator(make_pipeline(front(data.inputs), learner), classes)
        self.learned = 0                                                    # rows

    def steps(self):
        if not self.learned:
            x, y = self.data.splits["train"][:]                             # x (N, columns), y (N,)
            if self.learner == "svm" and len(x) > PAIRS:
                raise Problem("svm compares every pair of rows, and {rows} rows would take hours; take a part of them, "
                              "data.part={part:.2g}, or another learner", rows=len(x), part=PAIRS / len(x))
            self.model.fit(x, y)
            self.learned = len(x)
            yield {self.score: self.judged(x, y)[self.score]}               # on what it has seen: compare with valid

    def evaluate(self, split="valid"):
        return self.judged(*self.data.splits[split][:])

    def predict(self, inputs):
        if self.model.classes is None:
            return self.model.predict(inputs)                               # (B,)
        return self.model.predict_proba(inputs)                             # (B, classes)

    def judged(self, x, y):
        p, y = self.predict(x), y.cpu()
        if self.model.classes is None:
            return {"rmse": metrics.rmse(p, y), "mae": metrics.mae(p, y), "r2": metrics.r2(p, y)}
        return {"loss": metrics.nll(p, y), "accuracy": metrics.accuracy(p, y), "f1": metrics.f1(p, y),
                "auc": metrics.auc(p, y), "ece": metrics.ece(p, y)}

    def for_classes(self, seed):
        return {
            "bayes": GaussianNB(),
            "logistic": LogisticRegression(C=self.cost, max_iter=1000),
            # the temperature turns distances from the border into probabilities and leaves the answer as it is
            "svm": CalibratedClassifierCV(SVC(C=self.cost, break_ties=True), method="temperature", ensemble=False),
            "tree": DecisionTreeClassifier(max_depth=self.depth, random_state=seed),
            "forest": RandomForestClassifier(self.trees, max_depth=self.depth, random_state=seed),
            "boosting": HistGradientBoostingClassifier(learning_rate=self.rate, max_iter=self.trees,
                                                       max_depth=self.depth, random_state=seed)}[self.learner]

    def for_numbers(self, seed):
        if self.learner == "bayes":
            raise Problem("naive Bayes tells classes apart, and the target here is a number; choose another learner")
        return {
            "logistic": scaled(Ridge(alpha=1 / self.cost)),
            "svm": scaled(SVR(C=self.cost)),
            "tree": DecisionTreeRegressor(max_depth=self.depth, random_state=seed),
            "forest": RandomForestRegressor(self.trees, max_depth=self.depth, random_state=seed),
            "boosting": HistGradientBoostingRegressor(learning_rate=self.rate, max_iter=self.trees,
                                                      max_depth=self.depth, random_state=seed)}[self.learner]

    @property
    def planned(self):
        return 1

    @property
    def seen(self):
        return self.learned


def front(row: Row):
    """Stored rows -> what every learner can use: medians for missing numbers, one column of 0 and 1 a category."""
    numbers = [i for i, values in enumerate(row.values) if values is None]
    kinds = [i for i, values in enumerate(row.values) if values is not None]
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", max_categories=100, sparse_output=False), kinds))


def scaled(learner):
    """Learns a target of mean 0 and spread 1, answers in the target's own unit."""
    return TransformedTargetRegressor(learner, transformer=StandardScaler())
