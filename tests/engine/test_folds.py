"""Cross-validation: every example is validated once, no run sees its own fold, the test stays sealed."""
import math

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Vector
from deepen.core.words import Problem
from deepen.engine.folds import folds, together
from deepen.engine.start import open_data


def small(size=31):
    return Data({"train": Examples(torch.arange(size), torch.arange(size) % 3),
                 "valid": Examples(torch.arange(size, size + 9), torch.arange(9) % 3),
                 "test": Examples(torch.arange(100, 105), torch.zeros(5, dtype=torch.int64))},
                Vector(1), Label(("a", "b", "c")), origin="toy()")


@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_every_example_is_held_out_once(count):
    held = []
    for fold in range(1, count + 1):
        data = small().fold(fold, count)
        train, valid = (data.split(name).inputs.tolist() for name in ("train", "valid"))
        assert sorted(train + valid) == list(range(40))
        assert data.split("test").inputs.tolist() == [100, 101, 102, 103, 104]
        assert f"fold={fold}/{count}" in data.origin
        held += valid
    assert sorted(held) == list(range(40))


def test_folds_hold_the_classes_in_proportion():
    target = small().fold(2, 4).split("valid").target
    assert target.bincount().max() - target.bincount().min() <= 1


def test_a_fold_that_is_not_there():
    with pytest.raises(Problem, match="outside 1…5"):
        small().fold(6, 5)
    with pytest.raises(Problem, match="cannot be dealt into 99"):
        small().fold(1, 99)


def test_together_is_mean_and_spread():
    mean, spread = together([1.0, 2.0, 6.0])
    assert mean == 3 and math.isclose(spread, math.sqrt(7))


def test_any_source_can_be_dealt(tmp_path):
    first, asked = open_data({"source": "iris", "folds": "5", "fold": "2"})
    again, _ = open_data(asked)
    assert asked["folds"] == 5 and asked["fold"] == 2
    assert torch.equal(first.split("valid").inputs, again.split("valid").inputs)


def test_runs_of_a_cross_validation(tmp_path):
    found = folds("iris", {"learner": "logistic"}, 3, root=str(tmp_path))
    assert len(found.runs) == 3
    assert [run.asked()["data"]["fold"] for run in found.runs] == [1, 2, 3]
    scores = [run.metrics["accuracy"] for run in found.runs]
    assert found.metrics["accuracy"] == together(scores) and min(scores) > 0.85
    with pytest.raises(Problem, match="--folds=1"):
        folds("iris", {}, 1, root=str(tmp_path))
