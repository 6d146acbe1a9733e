"""Classify from weights: the net comes with them, what begins fresh is said, the freezing goes on exactly after a stop."""
import shutil

import pytest
import torch

from deepen.core.words import Problem
from deepen.engine.fit import Flags, fit
from deepen.engine.report import page
from deepen.engine.report_transfer import _margin
from deepen.engine.run import Run
from deepen.engine.start import prepare, revive, start

NET = "conv 4 3; norm; relu; conv 6 3; norm; relu; globalpool; dense 5; relu; dense classes"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run on digits: ten classes, grey, 8×8 like stripes."""
    return start("classify", {"data": "digits", "net": NET, "epochs": 1}, out=tmp_path_factory.mktemp("first") / "run")


def settings(first, **more):
    return {"data": "stripes", "weights": str(first.path), "epochs": 2, "batch": 32, **more}


def test_the_net_comes_with_the_weights_and_the_fresh_head_is_said(first, tmp_path):
    told = []
    run = start("classify", settings(first), out=tmp_path / "run", tell=told.append)
    assert run.asked()["recipe"]["net"] == NET
    said = [event.facts["why"] for event in told if event.event == "warned"]
    assert said == [f"begins with the weights of {first.path}; the classes are others, so dense2 begins fresh"]
    gone = tmp_path / "gone"
    shutil.copytree(run.path, gone)
    assert revive(Run(gone)).predict(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape == (2, 2)


def test_a_trained_one_needs_its_beginning_no_more(first, tmp_path):
    weights = tmp_path / "first"
    shutil.copytree(first.path, weights)
    run = start("classify", settings(Run(weights)), out=tmp_path / "run")
    shutil.rmtree(weights)
    assert revive(run, prepare("stripes", {}).data).model.conv1.weight.shape == (4, 1, 3, 3)
    assert "What the weights brought" in page(run, revive(run, prepare("stripes", {}).data))


def test_another_net_is_refused_before_anything_is_learned(first, tmp_path):
    with pytest.raises(Problem, match=r"was trained with net=.*leave net out"):
        start("classify", settings(first, net="conv 8 3; globalpool; dense classes"), out=tmp_path / "run")
    with pytest.raises(Problem, match=r"freeze=body keeps what was learned before, but there are no weights"):
        start("classify", {"data": "stripes", "freeze": "body"}, out=tmp_path / "run")


def learn(first, folder, freeze, stop_at=None, before=None):
    plan = prepare("classify", settings(first, freeze=freeze, layer_decay=0.5, optimizer="adamw", decay=0.1))
    if before is None:
        run = Run.new("x", out=folder)
        run.write({"asked": {"what": "classify", "system": "classify"}, "recipe": plan.system.recipe(), "data": {}, "flags": {}, "made": {}})
    run, steps, count = Run(folder), plan.system.steps, 0

    def some():
        nonlocal count
        for metrics in steps():
            yield metrics
            count += 1
            if count == stop_at:
                return
    plan.system.steps = some
    plan.system.transient = (*plan.system.transient, "steps")
    fit(plan.system, plan.data, run, Flags(precision="fp32"), None, before)
    return plan.system, run


@pytest.mark.parametrize("freeze", ["start", "gradual", "body"])
def test_a_stop_in_the_middle_of_thawing_changes_nothing(first, tmp_path, freeze):
    straight, _ = learn(first, tmp_path / "straight", freeze)
    planned = straight.planned
    for stop in (1, planned // 3):
        folder = tmp_path / f"halves{stop}"
        _, run = learn(first, folder, freeze, stop_at=stop)
        halves, _ = learn(first, folder, freeze, before=run.newest())
        for (name, a), b in zip(straight.model.state_dict().items(), halves.model.state_dict().values()):
            assert torch.equal(a, b), (stop, name)


def test_the_body_stays_bit_for_bit(first, tmp_path):
    run = start("classify", settings(first, freeze="body"), out=tmp_path / "run")
    theirs = first.system().model.state_dict()
    for name, value in run.system().model.state_dict().items():
        assert torch.equal(value, theirs[name]) == (not name.startswith("dense2")), name


def test_the_report_shows_the_margin_over_a_beginning_from_scratch(first, tmp_path):
    runs = [start("classify", settings(first, freeze="body"), Flags(seed=seed), root=tmp_path) for seed in (0, 1)]
    alone = page(runs[0], revive(runs[0], prepare("stripes", {}).data))
    assert "train the same without them" in alone and "deepen train classify" in alone and "weights=" not in alone.split("both:")[1].split("</pre>")[0]
    for seed in (0, 1):
        start("classify", {"data": "stripes", "net": NET, "epochs": 2, "batch": 32, "lr": 0.05}, Flags(seed=seed), root=tmp_path)
    start("classify", {"data": "stripes", "net": NET, "epochs": 1, "batch": 32}, root=tmp_path)         # another: not counted
    both = page(runs[0], revive(runs[0], prepare("stripes", {}).data))
    assert "from scratch, lr=0.05" in both and both.count("(2 runs)") == 2 and "± " in both


def test_two_runs_each_are_judged_by_student():
    """Means 0.92 and 0.88, each of two runs 0.02 apart: 4 points are less than 12.71 · √(0.0001 + 0.0001) = 18."""
    told = _margin([0.93, 0.91], [0.89, 0.87], "accuracy", lambda name, value: f"{value:.3f}")
    assert "+0.040 ± 0.180" in told and "luck" in told
    sure = _margin([0.93, 0.91] * 5, [0.89, 0.87] * 5, "accuracy", lambda name, value: f"{value:.3f}")
    assert "luck" not in sure
