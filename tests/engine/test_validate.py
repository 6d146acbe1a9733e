"""Validate: mistakes, the weakest class, intervals, other data."""
import math
from types import SimpleNamespace

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label, Number, Row, Vector, to_card
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.engine import goals
from deepen.engine import mistakes as m
from deepen.engine import validate as v
from deepen.engine.translate import columns, translated
from deepen.nn import metrics

NAMES = Label(("a", "b", "c"))


class Fixed(System):
    """Answers that stand in the input: its values are the answer."""
    goal = (Vector, Label | Number)

    def __init__(self, data):
        self.data = data

    def predict(self, inputs):
        return inputs

    def evaluate(self, split="valid"):
        p, y = self.data.splits[split][torch.arange(len(self.data.splits[split]))]
        return {"accuracy": metrics.accuracy(p, y), "f1": metrics.f1(p, y), "loss": metrics.nll(p, y)}


def classes(p, y, names=None):
    return Fixed(Data({"valid": Examples(torch.tensor(p), torch.tensor(y), names)}, Vector(3), NAMES))


def test_mistakes_come_most_confident_first():
    system = classes([[.9, .1, .0], [.2, .7, .1], [.05, .9, .05], [.0, .4, .6]], [0, 0, 2, 0], ["w", "x", "y", "z"])
    found = m.mistakes(system, "valid", 2)
    assert [(one.row, one.was, one.said, one.where) for one in found] == [(2, "c", "b", "y"), (1, "a", "b", "x")]
    assert found[0].sure == pytest.approx(0.9) and torch.equal(found[0].input, torch.tensor([.05, .9, .05]))
    assert found[0].shown == "0.05 0.9 0.05"


def test_no_mistakes_where_all_is_right():
    assert m.mistakes(classes([[1., 0., 0.]], [0])) == []


def test_largest_errors_of_numbers():
    system = Fixed(Data({"valid": Examples(torch.tensor([[1.], [2.], [3.]]), torch.tensor([1.5, 9., 3.]))}, Vector(1), Number()))
    assert [(one.row, one.was, one.said, one.sure) for one in m.mistakes(system, "valid", 2)] == [
        (1, "9", "2", None), (0, "1.5", "1", None)]
    assert m.weakest(system, "valid") is None


def test_weakest_class_is_the_one_found_least():
    system = classes([[1., 0, 0], [1., 0, 0], [0, 1., 0], [0, 1., 0], [1., 0, 0]], [0, 0, 1, 0, 1])
    assert m.weakest(system, "valid") == ("b", 0.5, 2), "c has no example and does not count"


def test_other_kinds_have_no_mistakes():
    system = Fixed(Data({"valid": Examples(torch.zeros(2, 1))}, Vector(1)))
    assert m.mistakes(system) == [] and m.weakest(system) is None and m.found_wrong(system, "valid", 3) == ([], None)


def test_a_system_that_answers_with_something_else_has_no_mistakes():
    system = classes([[.2, .7, .1]], [0])
    system.goal = (Vector, Image)
    assert m.mistakes(system) == [] and not m.answerable(system)


def test_interval_of_an_accuracy_is_that_of_a_binomial():
    random = torch.Generator().manual_seed(1)
    right = torch.rand(2000, generator=random) < 0.8
    p = torch.where(right[:, None], torch.tensor([0.9, 0.1]), torch.tensor([0.1, 0.9]))
    y = torch.zeros(2000, dtype=torch.int64)
    share = right.float().mean().item()
    low, high = goals.intervals(Label(("x", "y")), p, y, {"accuracy": share})["accuracy"]
    width = 1.96 * math.sqrt(share * (1 - share) / 2000)
    assert low == pytest.approx(share - width, abs=0.006) and high == pytest.approx(share + width, abs=0.006)


def test_a_metric_of_another_meaning_gets_no_interval():
    p, y = torch.tensor([[.9, .1], [.2, .8]]), torch.tensor([0, 1])
    assert set(goals.intervals(Label(("x", "y")), p, y, {"accuracy": 1.0, "loss": 7.0})) == {"accuracy"}


def test_classes_of_other_data_are_matched_by_name():
    other = Data({}, Vector(1), Label(("z", "b", "a")))
    examples = Examples(torch.arange(4.)[:, None], torch.tensor([0, 1, 2, 1]), list("wxyz"))
    made, said = translated(examples, other, Vector(1), NAMES)
    assert made.target.tolist() == [1, 0, 1] and made.names == ["x", "y", "z"] and made.inputs[:, 0].tolist() == [1, 2, 3]
    assert len(said) == 1 and "1 example" in said[0] and "z" in said[0]
    with pytest.raises(Problem, match="knows none"):
        translated(examples, Data({}, Vector(1), Label(("q", "r", "s"))), Vector(1), NAMES)
    with pytest.raises(Problem, match="the model learned"):
        translated(examples, Data({}, Vector(1), Number()), Vector(1), NAMES)


def test_pictures_of_another_size_are_refused():
    other = Data({}, Image(1, 5, 5), NAMES)
    with pytest.raises(Problem, match="picture"):
        translated(Examples(torch.zeros(2, 1, 5, 5, dtype=torch.uint8), torch.tensor([0, 1])), other, Image(1, 8, 8), NAMES)


def test_columns_are_matched_by_name_and_their_words_too():
    has = Row(("colour", "size", "extra"), (("blue", "green"), None, None))
    wants = Row(("size", "colour"), (None, ("red", "blue")))
    nan = float("nan")
    made = columns(torch.tensor([[0., 7., 1.], [1., 8., 1.], [nan, 9., 1.]]), has, wants)
    assert torch.equal(made.nan_to_num(-1), torch.tensor([[7., 1.], [8., -1.], [9., -1.]]))
    with pytest.raises(Problem, match="lacks columns"):
        columns(torch.zeros(1, 3), has, Row(("weight",), (None,)))
    with pytest.raises(Problem, match="column size"):
        columns(torch.zeros(1, 3), has, Row(("size",), (("s", "m"),)))


def test_a_split_that_is_not_there():
    with pytest.raises(Problem):
        m.answers_of(classes([[1., 0., 0.]], [0]), "nowhere")


def test_torn_lines_of_validations_are_left_out(tmp_path):
    run = SimpleNamespace(path=tmp_path)
    assert v.validations(run) == []
    (tmp_path / "validations.jsonl").write_text('{"split": "test", "asked": null}\n{"split": "te')
    assert v.validations(run) == [{"split": "test", "asked": None}]


def test_validate_on_other_data_of_a_real_run(tmp_path):
    from deepen.engine.start import start
    run = start("stripes", {"net": "conv 8 3; norm; relu; globalpool; dense classes", "epochs": 1}, out=tmp_path / "run")
    own = v.validate(run)
    assert own.opened == 1 and own.split == "test" and own.examples > 0 and own.weakest[2] > 0
    assert own.verdict.split == "test" and own.goal == {"text": None, "met": None}
    line = v.validations(run)[0]
    assert line["weakest"] == list(own.weakest) and line["shared"] == [cause.sentence for cause in own.verdict.shared]
    other = v.validate(run, "stripes")
    assert other.opened == 1, "other data leaves the count alone"
    assert other.examples >= own.examples


def test_what_a_maker_makes_is_compared_with_other_pictures(tmp_path):
    from deepen.engine.start import start
    run = start("dcgan", {"data": "stripes", "data.count": 200, "epochs": 1, "batch": 32, "width": 4}, out=tmp_path / "run")
    own, other = v.validate(run), v.validate(run, "stripes")
    assert other.opened == 1 and other.examples == 200 and set(other.metrics) == set(own.metrics)
    assert other.verdict.real["frechet_own"] < 0.1 * other.metrics["frechet_own"], "judged by who knows the pictures it learned from"


def test_of_other_data_only_examples_are_joined(monkeypatch):
    parts = {name: Examples(torch.full((count, 3, 8, side), count, dtype=torch.uint8), None)
             for name, count, side in (("train", 3, 8), ("valid", 2, 8), ("style", 1, 5))}
    monkeypatch.setattr(v, "open_data", lambda asked: (Data(parts, Image(3, 8, 8)), []))
    card = {"inputs": to_card(Image(3, 8, 8)), "target": None}
    other = v._other(card, {"source": "photos"}, "photos")
    assert list(other.splits) == ["test"] and other.splits["test"].inputs[:, 0, 0, 0].tolist() == [3, 3, 3, 2, 2]
