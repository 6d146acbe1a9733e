"""The classical learners of tables as scikit-learn has them, from rows as they are stored. Pure functions.

A row is float32 (columns,): a category is its index, what is missing is NaN. What comes before a learner (medians,
scales, columns of 0 and 1) is part of it, so it is kept and exported with it.
"""
from typing import Any, Literal

import torch
from sklearn import ensemble, linear_model, naive_bayes, preprocessing, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from torch import Tensor

from deepen.core.kinds import Row
from deepen.core.words import Problem
from deepen.nn import metrics
from deepen.nn.calibrate import ENOUGH
from deepen.nn.estimator import Estimator

Name = Literal["bayes", "logistic", "svm", "tree", "forest", "boosting"]
Balance = Literal["none", "balanced"]
Pair = tuple[Tensor, Tensor]
QUICK = ("boosting", "forest", "logistic")      # learn some ten thousand rows in seconds
PAIRS = 50_000          # rows; a support vector machine compares them in pairs, and takes hours with more
FEW = 50_000            # rows that the slower two of QUICK learn from at most
TREES, MOST_TREES = 100, 2000
CATEGORIES = 255        # of a column that boosting splits as a set; in others it compares their places


def learn(name: str, row: Row, classes: int | None, train: Pair, valid: Pair | None = None, seed: int = 0,
          trees: int | None = None, depth: int | None = None, cost: float = 1.0, rate: float | None = None,
          balance: Balance = "none", calibrate: bool = False) -> Estimator:
    """A learner that has learned x (N, columns), y (N,): classes, or numbers where `classes` is None.

    What is not given is scikit-learn's default, but: boosting with `valid` and no number of `trees` stops when the
    validation loss has not fallen for 30 trees. `calibrate` fits one temperature (Guo et al. 2017) to the validation
    rows, where there are enough of them: the answers stay, how sure they are is mended. `Problem` for what a learner
    cannot do."""
    made = make(name, row, classes, seed, trees, depth, cost, rate, balance)
    x, y = train
    if name == "svm" and len(x) > PAIRS:
        raise Problem("svm compares every pair of rows, and {rows} rows would take hours; give it a "
                      "part, data.part={part:.2g}, or take another learner", rows=len(x), part=PAIRS / len(x))
    stop = {}
    if name == "boosting" and trees is None and valid is not None and len(valid[0]):
        last = made.made.steps[-1]
        last[1].set_params(early_stopping=True, n_iter_no_change=30, max_iter=MOST_TREES, max_leaf_nodes=63,
                           max_features=0.5, l2_regularization=1.0, learning_rate=0.05 if rate is None else rate)
        vx, vy = valid[0].cpu(), valid[1].cpu()
        known = torch.isin(vy, y.cpu().unique()) if classes else torch.ones(len(vy), dtype=torch.bool)
        stop = {f"{last[0]}__X_val": vx[known].numpy(), f"{last[0]}__y_val": vy[known].numpy()}
    made.fit(x, y, **stop)
    if calibrate and classes is not None and name != "svm" and valid is not None:
        calibrated(made, *valid)
    return made


def beside(row: Row, classes: int | None, train: Pair, valid: Pair, seed: int = 0) -> dict[str, Estimator]:
    """The quick learners with their defaults, the best on `valid` first: what a network has to beat. The same rows and
    seed are the same learners. On a table of 30,000 rows they take some ten seconds."""
    few = torch.randperm(len(train[0]), generator=torch.Generator().manual_seed(seed))[:FEW]
    part = train if len(train[0]) <= FEW else (train[0].cpu()[few], train[1].cpu()[few])
    made = {name: learn(name, row, classes, train if name == "boosting" else part, valid, seed, calibrate=True)
            for name in QUICK}
    score = "rmse" if classes is None else "accuracy"
    worth = {name: metrics.BETTER[score] * float(metrics.judged(answers(one, valid[0]), valid[1].cpu(), classes)[score])
             for name, one in made.items()}
    return {name: made[name] for name in sorted(made, key=lambda name: -worth[name])}


def answers(made: Estimator, x: Tensor) -> Tensor:
    """Probabilities (N, classes), or numbers (N,)."""
    return made.predict(x) if made.classes is None else made.predict_proba(x)


def calibrated(made: Estimator, x: Tensor, y: Tensor) -> None:
    """Give a learner of classes one temperature, from at least ENOUGH rows that hold every class it knows."""
    if len(x) >= ENOUGH and set(made.made.classes_) == set(y.tolist()):
        made.replace(CalibratedClassifierCV(FrozenEstimator(made.made), method="temperature").fit(
            x.cpu().numpy(), y.cpu().numpy()))


def make(name: str, row: Row, classes: int | None, seed: int = 0, trees: int | None = None, depth: int | None = None,
         cost: float = 1.0, rate: float | None = None, balance: Balance = "none") -> Estimator:
    """A learner that has not learned yet, with all that comes before it. `Problem` for what it cannot do."""
    words = [i for i, values in enumerate(row.values) if values is not None]
    if classes is None and balance != "none":
        raise Problem("balance weighs classes, but the target is a number; leave it out")
    weight = "balanced" if balance == "balanced" else None
    if name == "boosting":
        sets = [i for i in words if len(row.values[i] or ()) <= CATEGORIES]
        grown: dict[str, Any] = dict(learning_rate=0.1 if rate is None else rate, max_iter=trees or TREES,
                                     max_depth=depth, random_state=seed, categorical_features=sets or None)
        return Estimator(make_pipeline(
            ensemble.HistGradientBoostingRegressor(**grown) if classes is None else
            ensemble.HistGradientBoostingClassifier(class_weight=weight, **grown)), classes)
    last = (for_numbers(name, seed, trees, depth, cost) if classes is None else
            for_classes(name, seed, trees, depth, cost, weight, classes, bool(words)))
    return Estimator(make_pipeline(front(row, name), last), classes)


def for_classes(name: str, seed: int, trees: int | None, depth: int | None, cost: float, weight: str | None,
                classes: int, words: bool):
    limits = dict(max_depth=depth, random_state=seed, class_weight=weight)
    even = weight is not None
    match name:
        case "bayes":
            return (naive_bayes.MultinomialNB(fit_prior=not even) if words else
                    naive_bayes.GaussianNB(priors=[1 / classes] * classes if even else None))
        case "logistic":
            return linear_model.LogisticRegression(C=cost, max_iter=1000, class_weight=weight)
        case "svm":
            # the temperature turns distances from the border into probabilities and leaves the answer alone
            return CalibratedClassifierCV(svm.SVC(C=cost, class_weight=weight), method="temperature", ensemble=False)
        case "tree":
            return tree.DecisionTreeClassifier(**limits)
    return ensemble.RandomForestClassifier(trees or TREES, n_jobs=-1, **limits)


def for_numbers(name: str, seed: int, trees: int | None, depth: int | None, cost: float):
    limits = dict(max_depth=depth, random_state=seed)
    match name:
        case "bayes":
            raise Problem("naive Bayes tells classes apart, but the target is a number; take another learner")
        case "logistic":
            return scaled(linear_model.Ridge(alpha=1 / cost))
        case "svm":
            return scaled(svm.SVR(C=cost))
        case "tree":
            return tree.DecisionTreeRegressor(**limits)
    return ensemble.RandomForestRegressor(trees or TREES, n_jobs=-1, **limits)


def front(row: Row, name: str):
    """Stored rows -> what the learner can use: medians for missing numbers, one column of 0 and 1 a word.
    Learners that measure distances get numbers of one scale; naive Bayes among words, ten words a number."""
    numbers = [i for i, values in enumerate(row.values) if values is None]
    words = [i for i, values in enumerate(row.values) if values is not None]
    scale = "passthrough"
    if name in ("logistic", "svm"):
        scale = preprocessing.StandardScaler()
    elif name == "bayes" and words:
        scale = preprocessing.KBinsDiscretizer(10, encode="onehot-dense", subsample=None,
                                               quantile_method="averaged_inverted_cdf")
    medians = SimpleImputer(strategy="median", keep_empty_features=True)
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore", max_categories=100, sparse_output=False)
    return make_column_transformer((make_pipeline(medians, scale), numbers), (one_hot, words))


def scaled(learner):
    """Learns a target of mean 0 and spread 1, answers in the target's own unit."""
    return TransformedTargetRegressor(learner, transformer=preprocessing.StandardScaler())
