"""The report of a run: what stands on the page is what was measured."""
import json
import re

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.events import Event
from deepen.core.kinds import Image, Label, Number, Row
from deepen.engine import report_answers, report_data
from deepen.engine.report import page
from deepen.engine.run import Run
from deepen.engine.start import revive, start
from deepen.engine.validate import validate, with_data
from deepen.engine.verdict import Verdict, beside_sentences, conclude, current, read, weakest_sentence


def number(name, value):
    return f"{value:.3f}"


class Fixed:
    """A system for pages: answers that are given, on data that is given."""
    score = "accuracy"

    def __init__(self, data, answer):
        self.data, self.answer, self.device = data, answer, torch.device("cpu")

    def predict(self, x):
        return self.answer(x)

    def networks(self):
        return []


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run on a small table, judged at its end."""
    run = shallow(tmp_path_factory.mktemp("iris") / "run")
    return run, conclude(run, with_data(run))


def shallow(folder):
    """A tree of one level, which cannot tell three flowers apart."""
    return start("iris", {"learner": "tree", "depth": "1", "goal": "f1>=0.99", "data.valid": "0.3"}, out=folder)


def test_the_verdict_is_kept_and_tells_the_goal_computed_from_answers(learned):
    run, found = learned
    kept = read(run)
    assert kept == json.loads(json.dumps(found.plain()))
    assert kept["goal"]["text"] == "f1 ≥ 0.99" and kept["goal"]["met"] is False
    low, high = kept["goal"]["interval"]
    assert low < kept["goal"]["value"] < high and kept["weakest"][1] == 0 and sum(kept["learned"].values()) == 75
    assert list(kept["intervals"]) == ["accuracy"], "at the end of training only the score gets an interval"


def test_the_page_says_what_the_verdict_says(learned):
    run, found = learned
    text = page(run, with_data(run), found)
    assert "f1 ≥ 99.00 %: not met" in text and 'class="verdict unmet"' in text
    assert f"Weakest class: {found.weakest[0]}: 0 of {found.weakest[2]} are found" in text
    for heading in ("Where it errs", "How sure it is", "What it goes by", "Data", "Recipe", "The next experiment"):
        assert f"{heading}</h" in text
    assert "<pre>deepen train iris data.valid=0.3 goal=f1:0.99</pre>" in text, "boosting, which is the default, without the tree's depth"
    assert text.count("<circle") >= 1 and "petal" in text
    fresh = page(run, with_data(run))
    assert "f1 ≥ 99.00 %: not met" in fresh, "a page without a verdict at hand makes its own"


def test_what_was_told_while_it_learned_stands_below_the_curves(learned):
    run, found = learned
    assert "Told while it learned" not in page(run, with_data(run), found)
    heard = [Event("warned", step, {"why": why}) for step, why in ((0, "eyes of <nobody>"), (550, "mode collapse"), (550, "mode collapse"))]
    told = type("Told", (Run,), {"events": lambda self: [*run.events(), *heard]})(run.path)
    text = page(told, with_data(run), found)
    assert "Told while it learned</h3><ul><li>eyes of &lt;nobody&gt;</li><li>step 550: mode collapse</li></ul>" in text


def test_after_the_test_was_opened_the_page_tells_its_goal(tmp_path):
    run = shallow(tmp_path / "run")
    found = validate(run)
    assert found.goal["text"] == "f1 ≥ 0.99" and found.goal["interval"][0] < found.goal["value"]
    assert set(found.intervals) >= {"accuracy", "f1", "auc"}
    text = page(run, with_data(run))
    assert "test, opened 1 time" in text and f"{found.goal['value'] * 100:.2f} %" in text
    assert Run(run.path).asked()["asked"]["goal"] == "f1 ≥ 0.99"


def test_a_goal_is_not_judged_on_what_was_learned(tmp_path):
    run = start("iris", {"learner": "tree", "goal": "accuracy:0.5", "data.valid": "0"}, out=tmp_path / "run")
    found = conclude(run, with_data(run))
    assert found.split == "train" and found.goal.met is None


def test_what_stands_beside_is_told_plainly():
    beside = {"forest": {"accuracy": 0.7}, "boosting": {"accuracy": 0.87}}
    told = beside_sentences("accuracy", {"accuracy": 0.80}, beside, number, 1000)
    assert told == ["boosting reaches accuracy 0.870; this network does not beat it (0.800) [forest 0.700]"]
    assert "is better with" in beside_sentences("accuracy", {"accuracy": 0.95}, beside, number, 1000)[0]
    assert "may be luck" in beside_sentences("accuracy", {"accuracy": 0.88}, beside, number, 100)[0]
    assert "does not beat it" in beside_sentences("rmse", {"rmse": 2.0}, {"boosting": {"rmse": 1.0}}, number)[0]
    assert beside_sentences("accuracy", {"accuracy": 0.8}, {}, number) == []


def test_a_system_with_a_plain_learner_beside_it_is_asked_once(learned):
    run, _ = learned
    system = with_data(run)
    asked = []
    system.beside = lambda split: asked.append(split) or {"boosting": {"accuracy": torch.tensor(0.9)}}
    found = current(run, system)
    assert asked == ["valid"] and found.beside == {"boosting": {"accuracy": pytest.approx(0.9)}}
    assert current(run, system, {"kept": {"accuracy": 0.5}}).beside == {"kept": {"accuracy": 0.5}} and asked == ["valid"]
    assert "boosting reaches accuracy 90.00 %" in page(run, system, found)


def test_weakest_class_is_honest_about_tiny_counts():
    assert weakest_sentence(("x", 0.5, 2)) == "x: 1 of 2 are found; so few say little (95 %: 9 % … 91 %)"
    assert weakest_sentence(("x", 0.5, 100)) == "x: 50 of 100 are found (50 %; 95 %: 40 % … 60 %)"


def test_bins_of_sureness_hold_every_answer():
    p = torch.rand(500, 4, generator=torch.Generator().manual_seed(0)).softmax(1)
    y = torch.randint(4, (500,), generator=torch.Generator().manual_seed(1))
    made = report_answers.bins(p, y)
    assert sum(one[4] for one in made) == 500
    assert sum(one[1] * one[4] for one in made) == pytest.approx(float((p.argmax(1) == y).sum()))
    assert all(low <= right <= high for _, right, low, high, _ in made)


def sureness(p, y):
    return report_answers.sureness(Label(("a", "b")), Verdict("valid", len(y), "accuracy", {}, answers=p, target=y))[1]


def test_too_sure_is_called_too_sure():
    y = torch.arange(200) % 2
    right = torch.arange(200) % 10 < 6
    said = torch.where(right, y, 1 - y)
    hot = torch.nn.functional.one_hot(said, 2) * 0.98 + 0.01
    assert "too sure of itself" in sureness(hot, y)
    assert "can be believed" in sureness(torch.nn.functional.one_hot(said, 2) * 0.2 + 0.4, y)
    right = torch.arange(200) % 10 < 9
    said = torch.where(right, y, 1 - y)
    assert "may trust itself more" in sureness(torch.nn.functional.one_hot(said, 2) * 0.2 + 0.4, y)


def test_numbers_are_drawn_against_their_truth():
    y = torch.linspace(0, 10, 40)
    title, inside = report_answers.sureness(Number("price"), Verdict("valid", 40, "rmse", {}, answers=y + 0.5, target=y))
    assert title == "Said against true" and inside.count('class="dot"') == 80 and "less than 0.5" in inside


def test_the_column_that_tells_is_the_first():
    x = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    y = (x[:, 1] > 0).long()
    data = Data({"valid": Examples(x, y)}, Row(("noise", "tells", "none"), (None,) * 3), Label(("a", "b")))
    system = Fixed(data, lambda x: torch.nn.functional.one_hot((x[:, 1] > 0).long(), 2).float())
    text = report_answers.columns(system, "valid")
    names = re.findall(r"<th scope=row>(.*?)</th>", text)
    values = [float(value) for value in re.findall(r"<td>([+-][\d.]+) %</td>", text)]
    assert names[0] == "tells" and values[0] > 40 and values[1:] == [0, 0] and "300 rows" in text
    pictures = Data({"valid": Examples(torch.zeros(30, 1, 4, 4), y[:30])}, Image(1, 4, 4), Label(("a", "b")))
    assert report_answers.columns(Fixed(pictures, None), "valid") == ""


def test_columns_and_classes_of_a_table_are_told():
    x = torch.tensor([[1., 0.], [2., 0.], [3., 1.], [float("nan"), 0.]])
    given = Data({"train": Examples(x, torch.tensor([0, 1, 1, 1]))}, Row(("age", "<b>"), (None, ("u", "v"))), Label(("no", "yes")),
                 said=("the <guess>",), origin="o")
    text = report_data.data(Fixed(given, None))
    assert "the &lt;guess&gt;" in text and "<b>" not in text
    assert "1 … 2 … 3" in text and "u 75 %, v 25 %" in text and "3 · 75 %" in text
    told = report_data.column("age", x[:, 0], None)
    assert told["missing"] == 1 and sum(told["counts"]) == 3 and len(told["edges"]) == len(told["counts"]) + 1
    assert report_data.column("empty", torch.tensor([float("nan")]), None)["missing"] == 1


def test_the_contact_sheet_shows_up_to_six_of_up_to_twelve_classes():
    y = torch.arange(150) % 15
    given = Data({"train": Examples(torch.zeros(150, 1, 8, 8, dtype=torch.uint8), y)}, Image(1, 8, 8), Label(tuple(f"c{i}" for i in range(15))))
    text = report_data.data(Fixed(given, None))
    assert text.count("<img") == 72 and "and 3 more classes" in text


def test_a_run_from_pictures_has_a_sheet(tmp_path):
    run = start("stripes", {"net": "conv 8 3; norm; relu; globalpool; dense classes", "epochs": 1}, out=tmp_path / "run")
    from deepen.engine.start import open_data
    system = revive(run, open_data({"source": "stripes"})[0])
    text = page(run, system)
    assert "As the network sees them" in text and text.count("<img") > 6 and "What it goes by" not in text
