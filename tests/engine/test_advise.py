"""Advice from curves, and command lines that ask for a run again."""
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepen.app.cli import read
from deepen.core.events import Event
from deepen.core.recipe import checked, convert, fields_of, pairs
from deepen.engine import find
from deepen.engine.advise import advise, again
from deepen.engine.fit import Flags
from deepen.engine.until import Goal


def run_with(scores, losses=(1.0, 0.5), recipe=None, steps=100):
    events = [Event("started", 0, {"score": "accuracy"})]
    events += [Event("stepped", i, {"loss": loss, "seen": 10_000}) for i, loss in enumerate(losses)]
    events += [Event("evaluated", (i + 1) * steps // len(scores), {"accuracy": score, "loss": 1 - score})
               for i, score in enumerate(scores)]
    events += [Event("finished", steps, {"reason": "planned"})]
    asked = {"asked": {"what": "digits", "system": "classify"}, "recipe": {"lr": 0.02, **(recipe or {})},
             "data": {"source": "digits"}, "flags": {}, "made": {"examples": {"train": 1000, "valid": 100}}}
    return SimpleNamespace(asked=lambda: asked, events=lambda: events, path=Path("nowhere"))


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
    assert "lr=0.002" not in advise(SimpleNamespace(asked=run.asked, events=lambda: told, path=run.path))[0].split()


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


# every command can be pasted

def parses(command):
    """The command is one deepen takes, and its settings fit the system it names."""
    asked = read(shlex.split(command)[1:])
    assert asked.command.name == "train"
    what, settings = asked.words[0], pairs(asked.words[1:])
    goal = settings.pop("goal", None)
    if goal:
        Goal.read(goal)
    system = what if what in find.systems() else TABLE_SYSTEM if what.endswith(".csv") else "classify"
    data = settings.pop("data", what)
    source = find.source("table" if data.endswith(".csv") else "folder" if "/" in data else "digits")
    checked(source, {"path": "x", **{key[5:]: value for key, value in settings.items() if key.startswith("data.")}}
            if "path" in fields_of(source) else {}, "data.")
    checked(find.system(system), {key: value for key, value in settings.items() if not key.startswith("data.")})
    flags = fields_of(Flags)
    for name, value in asked.options.items():
        convert(flags[name.replace("-", "_")], value, name)
    return settings


TABLE_SYSTEM = "tabular"            # what a path of a table is trained with
WEAK = {"learned": {"yes": 100, "no": 900}, "weakest": ["yes", 0.2, 40], "metrics": {"accuracy": 0.9, "f1": 0.6},
        "goal": {"text": "f1 ≥ 0.8", "met": False}, "score": "accuracy"}


def table_run(recipe, own=0.9, valid=0.88, system="tabular", scores=(), goal=None):
    events = [Event("started", 0, {"score": "accuracy"}), Event("stepped", 1, {"accuracy": own, "seen": 800})]
    events += [Event("evaluated", i + 1, {"accuracy": one, "loss": 1 - one}) for i, one in enumerate(scores)]
    events += [Event("finished", 1, {"reason": "planned", "valid": {"accuracy": valid}})]
    asked = {"asked": {"what": "./my table.csv", "system": system, **({"goal": goal} if goal else {})}, "recipe": recipe,
             "data": {"source": "table", "path": "/somewhere/my table.csv", "target": "income level", "origin": "…"},
             "flags": {"seed": 1}, "made": {"examples": {"train": 800, "valid": 100}}}
    return SimpleNamespace(asked=lambda: asked, events=lambda: events, path=Path("nowhere"))


@pytest.mark.parametrize("run, found, change", [
    (table_run({"learner": "forest"}), {}, {"learner": None}),
    (table_run({"learner": "boosting"}, own=1.0, valid=0.8), {}, {"depth": "4"}),
    (table_run({"learner": "boosting", "trees": 50}), {}, {"trees": None}),
    (table_run({"learner": "boosting"}), {}, {}),
    (table_run({"learner": "logistic"}, goal="f1 ≥ 0.8"), WEAK, {"balance": "balanced"}),
    (table_run({"learner": "boosting", "balance": "balanced"}), WEAK, {"balance": None}),
    (run_with([.2, .4, .5, .6, .7, .8]), {}, {"epochs": "20"}),
    (run_with([.5, .9, .8, .7, .6, .5], recipe={"augment": ""}), {}, {"augment": "shift 1; rotate 10"}),
    (run_with([.5, .9, .8, .7, .6, .5], recipe={"augment": "flip", "decay": 0.1, "epochs": 9}), {}, {"epochs": "3"}),
    (run_with([.2, .1, .1, .1], losses=(1.0, 0.5, 9.0)), {}, {"lr": "0.002"}),
    (run_with([.2, .1, .1, .1], losses=(1.0, 0.5, 9.0), recipe={"lr": None}), {}, {"lr": "0.001"}),
    (run_with([.2, .2, .2, .2, .2], losses=(2.3, 2.3, 2.3, 2.3)), {}, {"lr": "0.06"}),
    (run_with([.2, .2, .2, .2, .2], losses=(2.3, 2.3, 2.3, 2.3), recipe={"lr": None, "epochs": 2}), {}, {"epochs": "6"}),
    (run_with([.9, .9, .9, .9, .9, .9]), {}, {"lr": "0.007"}),
])
def test_every_branch_gives_a_command_that_parses(run, found, change):
    command, why = advise(run, found)
    settings = parses(command)
    assert why and {key: settings.get(key) for key in change} == change


def test_pictures_of_ones_own_are_changed_more_before_the_rate_is():
    run = run_with([.9, .9, .9, .9, .9, .9])
    asked = {**run.asked(), "asked": {"what": "./photos", "system": "classify"}, "data": {"source": "folder", "path": "/p/photos"}}
    command, _ = advise(SimpleNamespace(asked=lambda: asked, events=run.events, path=run.path))
    assert parses(command)["augment"] == "flip; shift 4; bright 0.2"


def test_a_boosting_that_is_done_leads_to_a_deep_network_on_the_same_table():
    command, why = advise(table_run({"learner": "boosting"}, goal="accuracy ≥ 0.9"), {})
    told = read(shlex.split(command)[1:])
    assert told.words[0] == "mlp" and told.options == {"seed": "1"} and "beat" in why
    assert pairs(told.words[1:]) == {"data": "/somewhere/my table.csv", "data.target": "income level", "goal": "accuracy:0.9"}


def test_a_deep_network_that_is_beaten_hears_of_it():
    run = table_run({}, system="mlp", scores=[.8] * 6)
    command, why = advise(run, {"metrics": {"accuracy": 0.8}, "beside": {"forest": {"accuracy": 0.7}, "boosting": {"accuracy": 0.85}}})
    assert command.startswith("deepen train tabular ") and why.startswith("boosting did better")
    parses(command)
    command, _ = advise(run, {"metrics": {"accuracy": 0.8}, "beside": {"boosting": {"accuracy": 0.7}}})
    assert not command.startswith("deepen train tabular ")


def test_balance_is_not_tried_where_classes_are_even_or_the_class_is_found_well():
    run = table_run({"learner": "boosting"})
    for found in ({**WEAK, "learned": {"yes": 400, "no": 600}},
                  {**WEAK, "goal": {"text": None, "met": None}, "weakest": ["yes", 0.85, 40]}):
        assert "balance" not in advise(run, found)[0]
