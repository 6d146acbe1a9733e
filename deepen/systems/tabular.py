"""Tables and the classical learners: the score every network must beat."""
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from sklearn import ensemble, linear_model, naive_bayes, preprocessing, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from deepen.core.kinds import Label, Number, Row
from deepen.core.recipe import Count, Rate, _field
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import metrics
from deepen.nn.estimator import Estimator

Cost = Annotated[float, _field(gt=0, le=1e9, allow_inf_nan=False)]
PAIRS = 50_000          # rows; a support vector machine compares them in pairs, and takes hours with more


@dataclass
class Tabular(System):
    """Rows of a table into classes or numbers, with a classical learner."""
    goal = (Row, Label | Number)
    default_data = "iris"
    score = "accuracy"                                  # rmse where the target is a number
    tiny = dict(learner="forest", trees=20)
    transient = ("score",)
    precision = "fp32"

    learner: Literal["bayes", "logistic", "svm", "tree", "forest", "boosting"] = "forest"  # how it learns
    trees: Count = 100                                  # how many trees a forest or boosting has
    depth: Count | None = None                          # levels of each tree (none: as many as it likes)
    cost: Cost = 1.0                                    # of a mistake; for logistic (numbers: ridge), svm
    rate: Rate = 0.1                                    # how much each tree of boosting corrects

    def build(self, data):
        classes = len(data.target.names) if isinstance(data.target, Label) else None
        self.score = "rmse" if classes is None else "accuracy"
        seed = int(torch.randint(2**31, ()))
        words = any(data.inputs.values)                                     # are there columns of words?
        learner = self.for_numbers(seed) if classes is None else self.for_classes(seed, words)
        self.model = Estimator(make_pipeline(front(data.inputs, self.learner), learner), classes)
        self.learned = 0                                                    # rows

    def steps(self):
        if not self.learned:
            x, y = self.data.splits["train"][:]                             # x (N, columns), y (N,)
            if self.learner == "svm" and len(x) > PAIRS:
                raise Problem("svm compares every pair of rows, and {rows} rows would take hours; give it a "
                              "part, data.part={part:.2g}, or take another learner",
                              rows=len(x), part=PAIRS / len(x))
            self.model.fit(x, y)
            self.learned = len(x)
            yield {self.score: self.judged(x, y)[self.score]}               # on rows it has seen

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

    def for_classes(self, seed, words):
        limits = dict(max_depth=self.depth, random_state=seed)
        # the temperature turns distances from an svm's border into probabilities and leaves its answer alone
        return {
            "bayes": naive_bayes.MultinomialNB() if words else naive_bayes.GaussianNB(),
            "logistic": linear_model.LogisticRegression(C=self.cost, max_iter=1000),
            "svm": CalibratedClassifierCV(svm.SVC(C=self.cost), method="temperature", ensemble=False),
            "tree": tree.DecisionTreeClassifier(**limits),
            "forest": ensemble.RandomForestClassifier(self.trees, n_jobs=-1, **limits),
            "boosting": ensemble.HistGradientBoostingClassifier(
                learning_rate=self.rate, max_iter=self.trees, **limits)}[self.learner]

    def for_numbers(self, seed):
        if self.learner == "bayes":
            raise Problem("naive Bayes tells classes apart, but the target is a number; take another learner")
        limits = dict(max_depth=self.depth, random_state=seed)
        return {
            "logistic": scaled(linear_model.Ridge(alpha=1 / self.cost)),
            "svm": scaled(svm.SVR(C=self.cost)),
            "tree": tree.DecisionTreeRegressor(**limits),
            "forest": ensemble.RandomForestRegressor(self.trees, n_jobs=-1, **limits),
            "boosting": ensemble.HistGradientBoostingRegressor(
                learning_rate=self.rate, max_iter=self.trees, **limits)}[self.learner]

    planned = property(lambda self: 1)                                      # one yield
    seen = property(lambda self: self.learned)


def front(row: Row, learner: str):
    """Stored rows -> what the learner can use: medians for missing numbers, one column of 0 and 1 a word.
    Learners that measure distances get numbers of one scale; naive Bayes among words, ten words a number."""
    numbers = [i for i, values in enumerate(row.values) if values is None]
    words = [i for i, values in enumerate(row.values) if values is not None]
    scale = "passthrough"
    if learner in ("logistic", "svm"):
        scale = preprocessing.StandardScaler()
    elif learner == "bayes" and words:
        scale = preprocessing.KBinsDiscretizer(10, encode="onehot-dense", subsample=None,
                                               quantile_method="averaged_inverted_cdf")
    medians = SimpleImputer(strategy="median", keep_empty_features=True)
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore", max_categories=100, sparse_output=False)
    return make_column_transformer((make_pipeline(medians, scale), numbers), (one_hot, words))


def scaled(learner):
    """Learns a target of mean 0 and spread 1, answers in the target's own unit."""
    return TransformedTargetRegressor(learner, transformer=preprocessing.StandardScaler())
