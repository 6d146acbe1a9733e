"""Specs: plain data, links read as Playground reads them, limits."""
import json
import tomllib

import pytest

from deepen.core.recipe import toml
from deepen.core.words import Problem
from deepen.nn.playground import Spec, preset

KEYS = ("activation regularization batchSize dataset regDataset learningRate regularizationRate noise networkShape seed showTestData "
        "discretize percTrainData x y xTimesY xSquared ySquared cosX sinX cosY sinY collectStats tutorial problem initZero hideText")


def test_an_empty_link_is_playgrounds_first_page():
    assert Spec.from_link("") == Spec.from_link("https://playground.tensorflow.org/") == Spec.from_link("#") == Spec()
    assert Spec() == Spec(data="circle", noise=0, share=0.5, features=("x1", "x2"), layers=(4, 2), activation=("tanh",),
                          loss="squared", optimizer="sgd", lr=0.03, batch=10, penalty="none", penalty_rate=0)


@pytest.mark.parametrize("link, wanted", [
    ("activation=relu", {"activation": ("relu",)}), ("activation=gelu", {}), ("activation=", {}),
    ("regularization=L1&regularizationRate=0.003", {"penalty": "l1", "penalty_rate": 0.003}), ("regularization=l1", {}),
    ("batchSize=30", {"batch": 30}), ("batchSize=ten", {}), ("dataset=spiral", {"data": "spiral"}), ("dataset=moons", {}),
    ("problem=regression", {"data": "plane"}), ("problem=regression&regDataset=reg-gauss", {"data": "cones"}),
    ("regDataset=reg-gauss", {"view": {"regDataset": "reg-gauss"}}),
    ("problem=regression&dataset=xor", {"data": "plane", "view": {"dataset": "xor"}}),
    ("learningRate=1e-3", {"lr": 0.001}), ("noise=25", {"noise": 0.25}), ("noise=70", {"noise": 0.7}),
    ("noise=81", {"noise": 0.5}), ("noise=-5", {"noise": 0.0}), ("networkShape=", {"layers": ()}),
    ("networkShape=8,8,8,8,8,8,8", {"layers": (8,) * 7}), ("networkShape=3,x", {}), ("seed=0.12345", {"seed": "0.12345"}),
    ("percTrainData=70", {"share": 0.7}), ("x=false&sinX=true", {"features": ("x2", "sinx1")}),
    ("x=false&y=false", {"features": ()}), ("xSquared=yes", {"features": ("x1", "x2", "x1x1")}),
    ("ySquared=true&ySquared_hide=true&x_hide=true", {"features": ("x2",), "view": {"ySquared_hide": "true", "x_hide": "true"}}),
    ("playButton_hide=true&stepButton_hide=1", {"view": {"playButton_hide": "true", "stepButton_hide": "false"}}),
    ("initZero=true", {"init": "zero"}), ("initZero=false", {}), ("showTestData=true&discretize=false", {"view": {"showTestData": "true"}}),
    ("tutorial=first&hideText=true&collectStats=false", {"view": {"tutorial": "first", "hideText": "true"}}),
    ("cosX=true", {"view": {"cosX": "true"}}), ("what=1&=2&&x", {}), ("deepen.what=1", {}),
    ("deepen.optimizer=adam&deepen.activation=relu,tanh", {"optimizer": "adam", "activation": ("relu", "tanh")})])
def test_links_are_read_as_playground_reads_them(link, wanted):
    spec = Spec.from_link("https://playground.tensorflow.org/#" + link)
    assert spec == Spec(**wanted)
    assert Spec.from_link(spec.to_link()) == spec


@pytest.mark.parametrize("spec", [
    Spec(), preset("spiral"), preset("better"), Spec(data="rings", classes=5, loss="softmax", drop=(0.1, 0.0)),
    Spec(data="own", points=((1.5, -2, 1), (0.1, 0, 0)), shuffle=True, start="mine@7"), Spec(layers=(), init="zero"),
    Spec(data="cones", noise=0.15, share=0.9), Spec(data="own", classes=0, points=((0, 0, 0.5), (1, 1, -1e-7)))])
def test_specs_survive_links_json_and_toml(spec):
    link = spec.to_link()
    written = [pair.split("=")[0] for pair in link.partition("#")[2].split("&")]
    assert written[:26] == [key for key in KEYS.split() if key != "tutorial"], "all keys, in Playground's order"
    assert Spec.from_link(link) == spec
    for short in (True, False):
        assert Spec.from_dict(json.loads(json.dumps(spec.to_dict(short)))) == spec
        assert Spec.from_dict(tomllib.loads(toml(spec.to_dict(short)))) == spec


def test_links_are_short():
    rows = tuple((round(i * 0.0317 - 3, 2), round(3 - i * 0.0291, 2), i % 2) for i in range(200))
    assert len(Spec().to_link()) < 600 and len(Spec(data="own", points=rows).to_link()) < 8000
    with pytest.raises(Problem, match="too long"):
        Spec.from_link("x" * 400_000)


@pytest.mark.parametrize("wrong, words", [
    ({"layers": [65]}, "at most 64"), ({"layers": [1] * 13}, "13 hidden layers"), ({"layers": [0]}, "at least 1"),
    ({"layers": 10**9}, "not possible"), ({"batch": 513}, "at most 512"), ({"lr": float("nan")}, "not possible"), ({"lr": -1}, "at least 0"),
    ({"share": 1.0}, "at most 0.99"), ({"noise": 2}, "at most 1"), ({"count": 5001}, "at most 5000"), ({"classes": 7}, "at most 6"),
    ({"classes": 1}, "2 to 6"), ({"classes": 0}, "2 to 6"), ({"activation": ["tanh", "relu", "relu"]}, "3 values for 2"),
    ({"drop": [0.95]}, "at most 0.9"), ({"features": ["x1", "x1"]}, "each feature once"), ({"features": ["x3"]}, "choose from"),
    ({"data": "moon"}, "did you mean moons"), ({"data": "plane", "loss": "softmax"}, "take loss=squared"), ({"seed": "a b"}, "a b was given"),
    ({"learning": 1}, "there is no setting learning"), ({"points": [[1, 2]]}, "not possible"), ({"start": "x" * 65}, "1 to 64"),
    ({"view": {"x": "y" * 300}}, "more than a Playground")])
def test_what_is_not_possible_is_said(wrong, words):
    with pytest.raises(Problem, match=words):
        Spec.from_dict(wrong)
