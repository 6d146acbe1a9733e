import json
import math
import tomllib
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen.core import words
from deepen.core.recipe import (
    Amount,
    Count,
    Fraction,
    Live,
    Rate,
    Size,
    Times,
    Word,
    checked,
    fields_of,
    pairs,
    schema,
    toml,
    unknown,
)
from deepen.core.words import Problem, speak


@dataclass
class Recipe:
    lr: Annotated[Rate, Live] = 0.1
    epochs: Times = 3
    batch: Count = 64
    drop: Fraction = 0.5
    size: Size = 28
    decay: Amount = 0.0
    optimizer: Literal["sgd", "adam", "adamw"] = "adam"
    widths: tuple[int, ...] = (16, 32)
    lines: list[str] = field(default_factory=lambda: ["dense 10"])
    flip: bool = False
    limit: int | None = None
    name: str = "plain"


def source(path: str, size: Size = 28, valid: Fraction = 0.1, seed: int = 0):
    """A function as a source has it."""


def test_text_becomes_the_type_of_its_field():
    made = checked(Recipe, {"lr": "1e-3", "epochs": "0.5", "batch": "32", "optimizer": "sgd", "widths": "8,16,32",
                            "lines": "conv 16 3,relu", "flip": "true", "limit": "none", "name": "x"})
    assert made == {"lr": 0.001, "epochs": 0.5, "batch": 32, "optimizer": "sgd", "widths": (8, 16, 32),
                    "lines": ["conv 16 3", "relu"], "flip": True, "limit": None, "name": "x"}
    assert isinstance(made["batch"], int) and isinstance(made["widths"], tuple)


def test_typed_values_pass_as_they_are():
    assert checked(Recipe, {"widths": [1, 2], "limit": 7, "epochs": 2}) == {"widths": (1, 2), "limit": 7, "epochs": 2}


def test_only_what_is_given_comes_back():
    assert checked(Recipe, {}) == {}


@pytest.mark.parametrize("key, near", [("learning", None), ("bach", "batch"), ("optimiser", "optimizer"),
                                       ("epoch", "epochs")])
def test_an_unknown_key_names_the_nearest(key, near):
    with pytest.raises(Problem) as caught:
        checked(Recipe, {key: "1"})
    assert f"there is no setting {key}" in str(caught.value)
    assert (f"did you mean {near}?" if near else "there are: lr, epochs") in str(caught.value)


def test_the_prefix_is_part_of_the_key():
    with pytest.raises(Problem, match=r"no setting data\.siez; did you mean data\.size"):
        checked(source, {"path": "x", "siez": 3}, "data.")


@pytest.mark.parametrize("key, value, reason", [
    ("lr", "-1", "at least 0"), ("lr", "nan", "finite"), ("lr", "inf", "finite"), ("lr", "fast", "a number"),
    ("epochs", "0", "more than 0"), ("batch", "0", "at least 1"), ("batch", "1.5", "a whole number"),
    ("batch", "2000000", "at most 1000000"), ("drop", "1.1", "at most 1"), ("size", "5000", "at most 4096"),
    ("optimizer", "adan", "did you mean adam? choose from sgd, adam, adamw"), ("flip", "maybe", "true or false"),
    ("widths", "8,x", "a whole number"), ("limit", "x", "a whole number"),
])
def test_a_wrong_value_says_why(key, value, reason):
    with pytest.raises(Problem) as caught:
        checked(Recipe, {key: value})
    assert str(caught.value).startswith(f"{key}={value} is not possible: ")
    assert reason in str(caught.value)


def test_a_missing_required_setting_is_named():
    with pytest.raises(Problem, match=r"source needs data\.path; give it as data\.path=…"):
        checked(source, {"size": "8"}, "data.")


def test_fields_of_a_dataclass_and_of_a_function():
    found = fields_of(Recipe)
    assert list(found)[:3] == ["lr", "epochs", "batch"]
    assert found["lr"].live and not found["batch"].live
    assert found["optimizer"].choices == ("sgd", "adam", "adamw") and found["lr"].choices == ()
    assert found["lines"].default == ["dense 10"] and not found["lines"].required
    assert {name: f.required for name, f in fields_of(source).items()} == {
        "path": True, "size": False, "valid": False, "seed": False}


def test_pairs():
    assert pairs(["lr=0.1", "data.size = 28", "goal=accuracy>=0.99", "name="]) == {
        "lr": "0.1", "data.size": "28", "goal": "accuracy>=0.99", "name": ""}
    for wrong in ("lr", "=1"):
        with pytest.raises(Problem, match="is not key=value"):
            pairs([wrong])


def test_a_word_of_ours_is_translated_with_its_particle(monkeypatch):
    monkeypatch.setattr(words, "korean", lambda: {
        "system": "시스템", "there is no {what} {name}; did you mean {near}?": "{what:이가} 없습니다: {name} ({near}?)"})
    problem = unknown("system", "dcgann", ["dcgan", "wgan"])
    assert str(problem) == "there is no system dcgann; did you mean dcgan?"
    speak("ko")
    try:
        assert str(problem) == "시스템이 없습니다: dcgann (dcgan?)"
    finally:
        speak("en")
    assert Word("net") == "net"


def test_the_schema_draws_a_form():
    made = schema(Recipe)
    assert made["additionalProperties"] is False
    assert made["properties"]["lr"] == {"type": "number", "minimum": 0, "maximum": 1000, "default": 0.1, "live": True}
    assert made["properties"]["optimizer"]["enum"] == ["sgd", "adam", "adamw"]
    assert made["properties"]["batch"]["minimum"] == 1 and "live" not in made["properties"]["batch"]
    assert "default" not in schema(source)["properties"]["path"]
    json.dumps(made)


def test_toml_reads_back_the_same():
    tree = {"lr": 1e-5, "whole": 3, "flag": True, "text": 'a "quote" \\ and\nline\t한글\x7f', "list": [1, 2.5, "x"],
            "nested": [["a"], []], "strange key": 1, "열": "값", "far": math.inf,
            "data": {"size": 28, "inner": {"deep": {"x": 1}, "y": 2}, "empty": {}}, "other": {"z": "w"}}
    assert tomllib.loads(toml(tree)) == tree


def test_toml_leaves_none_out_and_takes_tuples():
    assert tomllib.loads(toml({"a": None, "b": (1, 2), "c": {"d": None}})) == {"b": [1, 2], "c": {}}


KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
PLAIN = (st.booleans() | st.integers(-2**63, 2**63 - 1) | st.floats(allow_nan=False)
         | st.text(st.characters(exclude_categories=("Cs",)), max_size=20))


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.dictionaries(KEYS, PLAIN | st.lists(PLAIN, max_size=3), max_size=4),
                    lambda inner: st.dictionaries(KEYS, PLAIN | inner, max_size=3), max_leaves=8))
def test_any_tree_of_plain_values_survives_toml(tree):
    assert tomllib.loads(toml(tree)) == tree


def test_a_recipe_survives_toml():
    whole = {name: f.default for name, f in fields_of(Recipe).items()}
    read = tomllib.loads(toml({"recipe": whole}))["recipe"]
    assert checked(Recipe, read) == {name: value for name, value in whole.items() if value is not None}
