"""The classical learners as functions: class weights, one temperature, early stop, categories as they are."""
import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deepen.core.kinds import Row
from deepen.core.words import Problem
from deepen.nn import metrics
from deepen.nn.classical import answers, beside, learn, make
from deepen.nn.estimator import Estimator

NUMBERS = Row(("a", "b", "c"), (None, None, None))
MIXED = Row(("a", "b", "c"), (None, ("p", "q", "r", "s"), None))


def rows(count=1500, seed=0, rare=0.0):
    """Two classes from two numbers and noise; `rare` moves the border so that class 1 is rare."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, generator=draw)
    y = (x[:, 0] - x[:, 1] + torch.randn(count, generator=draw) > rare).long()
    return x, y


def mixed(count=1500, seed=0):
    """The category alone decides, in an order that is none; cells are missing."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, generator=draw)
    x[:, 1] = torch.randint(0, 4, (count,), generator=draw).float()
    y = ((x[:, 1] == 0) | (x[:, 1] == 2)).long()
    x[torch.rand(count, 3, generator=draw) < 0.05] = float("nan")
    return x, y


def parts(pair, *sizes):
    return list(zip(pair[0].split(sizes), pair[1].split(sizes)))


@pytest.mark.parametrize("name", ["bayes", "logistic", "svm", "tree", "forest", "boosting"])
def test_balanced_finds_more_of_the_rare(name):
    train, test = parts(rows(1200, rare=2.2), 600, 600)
    found = []
    for balance in ("none", "balanced"):
        p = answers(learn(name, NUMBERS, 2, train, seed=1, depth=3, trees=20, balance=balance), test[0])
        found.append(float((p.argmax(1)[test[1] == 1] == 1).float().mean()))
    assert found[1] > found[0] + (0.05 if name != "svm" else 0.02), found


def test_balance_of_numbers_is_refused():
    with pytest.raises(Problem, match="balance weighs classes"):
        make("forest", NUMBERS, None, balance="balanced")


def test_class_weights_are_scikit_learns():
    x, y = rows(500, rare=2)
    ours = answers(learn("logistic", NUMBERS, 2, (x, y), balance="balanced"), x)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)).fit(x.numpy(), y.numpy())
    assert np.allclose(ours, theirs.predict_proba(x.numpy()), atol=1e-5)


@pytest.mark.parametrize("name", ["bayes", "tree", "forest"])
def test_a_temperature_mends_what_boasts_and_leaves_the_answer(name):
    train, valid, test = parts(rows(2500), 500, 1000, 1000)
    if name == "bayes":                                             # the same column three times: it counts it thrice
        row = Row(tuple("abcdefghi"), (None,) * 9)
        train, valid, test = (((x.repeat(1, 3)), y) for x, y in (train, valid, test))
    else:
        row = NUMBERS
    plain = answers(learn(name, row, 2, train, valid), test[0])
    mended = answers(learn(name, row, 2, train, valid, calibrate=True), test[0])
    assert metrics.nll(mended, test[1]) < metrics.nll(plain, test[1]) - 0.01
    assert metrics.ece(mended, test[1]) < metrics.ece(plain, test[1])
    assert (mended.argmax(1) == plain.argmax(1)).float().mean() > 0.999          # ties may fall either way


def test_few_validation_rows_are_not_trusted():
    train, valid = parts(rows(700), 600, 100)
    plain, mended = (answers(learn("tree", NUMBERS, 2, train, valid, calibrate=how), valid[0]) for how in (False, True))
    assert torch.equal(plain, mended)


def test_a_calibrated_learner_is_kept_and_read_back():
    train, valid = parts(mixed(1000), 600, 400)
    for name in ("forest", "boosting"):
        made = learn(name, MIXED, 2, train, valid, calibrate=True)
        again = Estimator(None, 2)
        again.load_state_dict(made.state_dict())
        assert torch.equal(answers(again, valid[0]), answers(made, valid[0]))


@pytest.mark.parametrize("classes", [2, None])
def test_boosting_takes_categories_as_they_are(classes):
    (x, y), (tx, _) = parts(mixed(1200), 600, 600)
    y = y if classes else y.float()
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    theirs = kind(categorical_features=[1], random_state=3).fit(x.numpy(), y.numpy())
    told = theirs.predict_proba(tx.numpy()) if classes else theirs.predict(tx.numpy())
    assert np.allclose(answers(learn("boosting", MIXED, classes, (x, y), seed=3), tx), told, atol=1e-6)


def test_boosting_stops_when_validation_does_not_gain():
    train, valid = parts(rows(1200), 800, 400)
    made = learn("boosting", NUMBERS, 2, train, valid).made[-1]
    assert 30 < made.n_iter_ < 200
    losses = -made.validation_score_
    assert losses.argmin() == len(losses) - 1 - 30                  # thirty more that did not help
    assert learn("boosting", NUMBERS, 2, train, valid, trees=7).made[-1].n_iter_ == 7
    assert learn("boosting", NUMBERS, 2, train).made[-1].n_iter_ == 100


def test_a_category_of_too_many_values_and_one_never_seen():
    names = tuple(str(i) for i in range(400))
    x = torch.stack([torch.arange(800.0) % 400, torch.arange(800.0) % 3], 1)
    y = (x[:, 1] == 1).long()
    made = learn("boosting", Row(("wide", "few"), (names, ("p", "q", "r", "never"))), 2, (x, y))
    p = answers(made, torch.tensor([[3.0, 1.0], [3.0, 3.0], [float("nan"), float("nan")]]))
    assert p.isfinite().all() and p[0, 1] > 0.9


def test_beside_is_the_best_first_and_the_same_again():
    train, valid = parts(rows(900), 600, 300)
    first, again = (beside(NUMBERS, 2, train, valid) for _ in range(2))
    scores = [float(metrics.accuracy(answers(made, valid[0]), valid[1])) for made in first.values()]
    assert set(first) == {"boosting", "forest", "logistic"} and scores == sorted(scores, reverse=True)
    assert list(first) == list(again)
    for name in first:
        assert torch.equal(answers(first[name], valid[0]), answers(again[name], valid[0]))


def test_beside_of_numbers():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(900, 3, generator=draw)
    y = 3 * x[:, 0] - x[:, 1] + 100
    first = beside(NUMBERS, None, (x[:600], y[:600]), (x[600:], y[600:]))
    assert next(iter(first)) == "logistic"                          # of a straight line, the straight line is best
