"""A command, TOML and a script that do again what stood on the screen."""
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from deepen.app.cli import main
from deepen.core.words import Problem
from deepen.nn.playground import Session, Spec, preset
from deepen.nn.playground_export import again, command, from_toml, script, to_toml

SPECS = [Spec(data="gauss", noise=0.2, seed="0.42317", lr=0.1),
         preset("spiral", activation=("tanh", "relu"), drop=(0.0, 0.1), share=0.7),
         Spec(data="own", points=tuple((i % 7 - 3, i / 5 - 4, i % 3) for i in range(40)), classes=3, loss="softmax", layers=()),
         Spec(data="cones", count=200, features=("x1", "x2", "sinx1"), penalty="l1", penalty_rate=0.001, start="mine")]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.data)
def test_the_command_reproduces_the_screen(spec, tmp_path, capsys):
    session = Session(spec)
    session.epochs(40)
    words = shlex.split(command(spec, 40))
    assert words[:3] == ["deepen", "train", "playground"] and not re.search(r"[*?;&|<>$'\"]", command(spec, 40)), "needs no quotes"
    assert main([*words[1:], "--json", "--quiet", "--out", str(tmp_path / "run")]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["metrics"]["valid"]["loss"] == pytest.approx(session.losses()[1], abs=1e-9)


def by_hand(spec):
    session = Session(spec)
    session.epochs(7), session.edit(1, 0.25), session.step(3), session.change(lr=0.05), session.epochs(12)
    session.weights = session.weights * 0.9
    session.epochs(5)
    return session


@pytest.mark.parametrize("make", [lambda spec: by_hand(spec), lambda spec: (s := Session(spec), s.epochs(30))[0]], ids=["hand", "plain"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.data)
def test_toml_reproduces_the_screen(spec, make):
    session = make(spec)
    text = to_toml(spec, session.epoch, session.changes)
    assert from_toml(text) == (spec, session.epoch, session.changes)
    assert np.array_equal(again(text).weights, session.weights)


def test_the_script_runs_alone_and_reproduces_the_screen(tmp_path):
    session = by_hand(SPECS[1])
    file = tmp_path / "mine.py"
    file.write_text(script(session.spec, session.epoch, session.changes), encoding="utf-8")
    told = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=120).stdout
    epoch, train, test = re.fullmatch(r"epoch (\d+): train loss ([\d.]+), test loss ([\d.]+)\n", told).groups()
    assert int(epoch) == session.epoch and (float(train), float(test)) == pytest.approx(session.losses(), abs=1e-9)
    for spec in SPECS:
        compile(script(spec, 3), "script", "exec")


def test_a_command_has_no_words_for_changes_by_hand():
    session = by_hand(SPECS[0])
    with pytest.raises(Problem, match="by hand"):
        command(session.spec, session.epoch, session.changes)


@pytest.mark.parametrize("text, words", [("[spec", "no TOML"), ("[spec]\nlayer = [1]", "did you mean layers"), ("epochs = -1", "whole number"),
                                         ("epoch = 3", "epoch was given"), ("epochs = 1\nchanges = [[1]]", "no change"), ("spec = 1", "given")])
def test_wrong_toml_is_said(text, words):
    with pytest.raises(Problem, match=words):
        again(text)
