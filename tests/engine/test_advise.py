"""Advice from curves, and command lines that ask for a run again."""
import shlex
from types import SimpleNamespace

import pytest

from deepen.app.cli import read
from deepen.core.events import Event
from deepen.core.recipe import pairs
from deepen.engine.advise import advise, again


def run_with(scores, losses=(1.0, 0.5), recipe=None, steps=100):
    events = [Event("started", 0, {"score": "accuracy"})]
    events += [Event("stepped", i, {"loss": loss, "seen": 10_000}) for i, loss in enumerate(losses)]
    events += [Event("evaluated", (i + 1) * steps // len(scores), {"accuracy": score, "loss": 1 - score})
               for i, score in enumerate(scores)]
    events += [Event("finished", steps, {"reason": "planned"})]
    asked = {"asked": {"what": "digits", "system": "classify"}, "recipe": {"lr": 0.02, **(recipe or {})},
             "data": {"source": "digits"}, "flags": {}, "made": {"examples": {"train": 1000, "valid": 100}}}
    return SimpleNamespace(asked=lambda: asked, events=lambda: events)


@pytest.mark.parametrize("run, change", [
    (run_with([.2, .4, .5, .6, .7, .8]), "epochs=20"),
    (run_with([.2, .4, .5, .6, .7, .8], recipe={"epochs": 0.2}), "epochs=0.4"),
    (run_with([.5, .9, .8, .7, .6, .5], recipe={"augment": ""}), "augment=shift 1; rotate 10"),
    (run_with([.5, .9, .8, .7, .6, .5]), "decay=0.01"),
    (run_with([.9, .9, .9, .9, .9, .9]), "lr=0.007"),
    (run_with([.2, .1, .1, .1], losses=(1.0, 0.5, 9.0)), "lr=0.002"),
])
def test_one_change_that_fits_the_curve(run, change):
    command, why = advise(run)
    told = set(shlex.split(command)[3:]) - {"lr=0.02",  "augment=", "epochs=0.2"}
    assert command.startswith("deepen train digits ") and told == {change} and why


def test_where_the_system_chose_the_rate_another_seed_is_tried():
    assert advise(run_with([.9, .9, .9, .9, .9, .9], recipe={"lr": None}))[0] == "deepen train digits --seed 1"


def test_a_loss_that_is_not_judged_is_no_measure():
    run = run_with([.2, .1, .1, .1], losses=(1.0, 0.5, 9.0))
    told = [Event(event.event, event.step, {key: value for key, value in event.facts.items()
                                            if key != "loss" or event.event == "stepped"}) for event in run.events()]
    assert "lr=0.002" not in advise(SimpleNamespace(asked=run.asked, events=lambda: told))[0].split()


def test_one_example_more_or_less_is_noise():
    assert "lr=" in advise(run_with([.5, .98, .97, .97, .97, .97]))[0]


def test_nothing_is_said_of_a_run_too_short():
    assert advise(run_with([.5])) is None


def test_again_names_only_what_is_not_usual():
    asked = {"asked": {"what": "classify", "system": "classify", "goal": "accuracy ≥ 0.9"},
             "recipe": {"net": "conv 8 3; relu", "batch": 128, "lr": 0.1},
             "data": {"source": "stripes", "origin": "…"}, "flags": {"seed": 3, "device": "auto"}}
    command = again(asked)
    told = read(shlex.split(command)[1:])
    assert told.words[0] == "classify" and told.options == {"seed": "3"}
    assert pairs(told.words[1:]) == {"net": "conv 8 3; relu", "lr": "0.1", "data": "stripes", "goal": "accuracy:0.9"}


def test_again_keeps_a_path_that_was_the_request(tmp_path):
    asked = {"asked": {"what": str(tmp_path), "system": "classify"}, "recipe": {},
             "data": {"source": "folder", "path": str(tmp_path), "size": 32}, "flags": {}}
    assert shlex.split(again(asked)) == ["deepen", "train", str(tmp_path), "data.size=32"]
