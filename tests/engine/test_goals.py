"""Goals: which can be asked, whether they are met, and how sure that is."""
import pytest
import torch

from deepen.core.data import Data
from deepen.core.kinds import Image, Label, Number, Row, Vector
from deepen.core.words import Problem
from deepen.engine import find
from deepen.engine.goals import Reached, formulas, must_fit, reached, read, sentence, written
from deepen.engine.until import Goal
from deepen.nn import metrics

AB = Label(("a", "b"))


def number(name, value):
    return f"{value:.3f}"


def answers(share, count=400, seed=0):
    """Answers of which about `share` are right: p (N, 2), y (N,)."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (count,), generator=draw)
    right = torch.rand(count, generator=draw) < share
    return torch.nn.functional.one_hot(torch.where(right, y, 1 - y), 2).float() * 0.8 + 0.1, y


def test_the_interval_covers_the_truth_about_19_times_of_20():
    """Samples whose true accuracy is known: the 95 % interval of each holds it, or it does not."""
    goal, held = Goal("accuracy", 0.8), 0
    for seed in range(200):
        p, y = answers(0.8, 150, seed)
        low, high = reached(goal, {}, AB, p, y).interval
        held += low <= 0.8 <= high
    assert 178 <= held <= 199


def test_a_metric_that_the_system_does_not_measure_is_computed():
    p, y = answers(0.9)
    found = reached(Goal("auc", 0.8), {"accuracy": 0.9}, AB, p, y)
    assert found.value == pytest.approx(float(metrics.auc(p, y))) and found.met and found.interval[0] < found.value < found.interval[1]
    x = torch.linspace(0, 1, 50)
    assert reached(Goal("r2", 0.99), {"rmse": 0.1}, Number(), x + 0.001, x).met


def test_met_but_not_surely_is_said():
    p, y = answers(0.9)
    share = float(metrics.accuracy(p, y))
    close = reached(Goal("accuracy", share - 0.005), {"accuracy": share}, AB, p, y)
    assert close.met and close.close and "the interval reaches below it" in sentence(close, number)
    sure = reached(Goal("accuracy", share - 0.2), {"accuracy": share}, AB, p, y)
    assert sure.met and not sure.close and "reaches" not in sentence(sure, number)
    missed = reached(Goal("accuracy", share + 0.005), {"accuracy": share}, AB, p, y)
    assert not missed.met and missed.close and "could decide otherwise" in sentence(missed, number)
    hopeless = reached(Goal("accuracy", 0.999), {"accuracy": share}, AB, p, y)
    assert hopeless.met is False and not hopeless.close
    below = reached(Goal("loss", float(metrics.nll(p, y)) + 0.001), {}, AB, p, y)
    assert below.met and "the interval reaches above it" in sentence(below, number)


def test_a_metric_of_another_meaning_keeps_the_systems_value_without_interval():
    p, y = answers(0.9)
    found = reached(Goal("accuracy", 0.5), {"accuracy": 0.3}, AB, p, y)
    assert found.value == 0.3 and found.met is False and found.interval is None


def test_what_is_not_measured_is_neither_met_nor_missed():
    found = reached(Goal("return", 100), {"loss": 1.0})
    assert found.met is None and "was not measured" in sentence(found, number)
    assert reached(None, {}) is None
    assert reached(Goal("accuracy", 0.5), {"accuracy": float("nan")}).met is None


def test_json_comes_back():
    found = Reached(Goal("f1", 0.9), 0.91, True, (0.85, 0.95))
    assert read(found.plain()) == found and found.plain()["close"] is True
    assert read({"text": None, "met": None}) is None
    assert written(Goal("rmse", 2.0), number) == "rmse ≤ 2.000"


@pytest.mark.parametrize("metric, system, data", [
    ("rmse", "classify", Data({}, Image(1, 8, 8), AB)),
    ("r2", "tabular", Data({}, Row(("x",), (None,)), AB)),
    ("accuracy", "tabular", Data({}, Row(("x",), (None,)), Number())),
    ("auc", "tabular", Data({}, Row(("x",), (None,)), Number())),
    ("winrate", "classify", Data({}, Image(1, 8, 8), AB)),
    ("accuracy", "dqn", Data({}, Vector(4), AB, world=lambda n, seed: None)),
    ("bleu4", "dcgan", Data({}, Image(1, 8, 8), AB))])
def test_goals_that_can_never_be_judged_are_refused(metric, system, data):
    with pytest.raises(Problem, match=f"^{metric} cannot be measured here") as told:
        must_fit(Goal(metric, 0.5), find.system(system), data)
    possible = str(told.value).partition("a goal can be set on ")[2].split(", ")
    assert possible and metric not in possible
    for name in possible:
        must_fit(Goal(name, 0.5), find.system(system), data)


@pytest.mark.parametrize("metric, system, data", [
    ("auc", "classify", Data({}, Image(1, 8, 8), AB)), ("ece", "tabular", Data({}, Row(("x",), (None,)), AB)),
    ("mae", "tabular", Data({}, Row(("x",), (None,)), Number())), ("recognised", "dcgan", Data({}, Image(1, 8, 8), AB)),
    ("return", "dqn", Data({}, Vector(4), AB, world=lambda n, seed: None))])
def test_goals_that_can_be_judged_are_taken(metric, system, data):
    must_fit(Goal(metric, 0.5), find.system(system), data)              # a Problem would fail the test …
    must_fit(None, find.system(system), data)
    impossible = "rmse" if metric != "mae" else "accuracy"
    with pytest.raises(Problem):                                        # … and it is not deaf to this system and data
        must_fit(Goal(impossible, 0.5), find.system(system), data)


def test_every_formula_is_a_metric():
    for kind in (AB, Number()):
        assert formulas(kind) and set(formulas(kind)) <= set(metrics.BETTER)
    assert formulas(Image(1, 2, 2)) == {}


def test_a_wrong_goal_is_refused_before_training(tmp_path):
    from deepen.engine.start import start
    with pytest.raises(Problem, match="rmse cannot be measured here"):
        start("iris", {"goal": "rmse:1"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
