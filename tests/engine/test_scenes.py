"""How well boxes, masks and sentences are answered: known answers, and the same numbers as the metrics of nn."""
import math

import numpy as np
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image, Label, Mask, Text
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.engine import goals, scenes
from deepen.engine.until import Goal
from deepen.engine.verdict import verdict, weakest_sentence
from deepen.engine.worst import worst_on
from deepen.nn import detection, metrics

KIND = Boxes(("cat", "dog"))


class Fixed(System):
    """Answers by the first pixel of a picture: the number of the answer."""
    goal = (Image, Boxes | Mask | Text)
    score = "map50"

    def __init__(self, kind, target, answers):
        pictures = torch.zeros(len(target), 3, 8, 8, dtype=torch.uint8)
        pictures[:, 0, 0, 0] = torch.arange(len(target))
        self.data, self.answers = Data({"valid": Examples(pictures, target), "train": Examples(pictures, target)}, Image(3, 8, 8), kind), answers

    def predict(self, inputs):
        told = [self.answers[i] for i in inputs[:, 0, 0, 0].tolist()]
        return torch.stack(told) if isinstance(self.data.target, Mask) else told


def rows(*given):
    return torch.tensor(given, dtype=torch.float32).reshape(-1, 6)


def found():
    truth = [rows([0, 0, 4, 4, 0, 0], [4, 4, 8, 8, 1, 0]), rows([0, 0, 8, 8, 0, 0], [1, 1, 3, 3, 1, 1]), rows()]
    said = [rows([0, 0, 4, 4, 0, .9], [4, 4, 8, 8, 0, .8]), rows([1, 1, 3, 3, 1, .9], [0, 0, 8, 7, 0, .7], [0, 0, 8, 8, 0, .4]), rows()]
    return truth, said


def test_boxes_are_scored_by_f1_and_uncounted_truths_cost_nothing():
    truth, said = found()
    seen = scenes.seen(Fixed(KIND, truth, said), "valid")
    assert seen.scores.tolist() == pytest.approx([0.5, 1.0, 1.0]), "one of two right; a difficult one does not count; nothing is right"
    cat, dog = seen.classes
    assert (cat["count"], cat["found"], cat["false"], cat["recall"]) == (2, 2, 1, 1.0), "the one at 0.4 is not sure enough"
    assert (dog["count"], dog["found"], dog["false"], dog["recall"]) == (1, 0, 0, 0.0)
    assert scenes.weakest(seen) == ("dog", 0.0, 1)
    assert scenes.slips(seen) == {"place": 0, "class": 1, "twice": 0, "nothing": 0}


def test_precision_is_cocos():
    draw = torch.Generator().manual_seed(0)
    truth, said = [], []
    for _ in range(30):
        corner = torch.rand(6, 2, generator=draw) * 50
        box = torch.cat([corner, corner + 5 + 20 * torch.rand(6, 2, generator=draw)], 1)
        kind = torch.randint(0, 2, (6, 1), generator=draw).float()
        truth.append(torch.cat([box, kind, (torch.rand(6, 1, generator=draw) < 0.1).float()], 1)[:4])
        near = box + 3 * torch.randn(6, 4, generator=draw)
        said.append(torch.cat([near, kind, torch.rand(6, 1, generator=draw)], 1))
    seen = scenes.seen(Fixed(KIND, truth, said), "valid")
    wanted = detection.coco(said, truth, 2, (0.5,))[:, 0]
    assert [one["map50"] for one in seen.classes] == pytest.approx(wanted.tolist(), abs=1e-6)
    assert scenes.measured(seen)["map50"] == pytest.approx(detection.judged(said, truth, 2)["map50"], abs=1e-6)
    assert scenes.measured(seen, "map")["map"] == pytest.approx(detection.judged(said, truth, 2)["map"])
    twice = torch.full((1, 30), 2.0)
    assert [float(scenes.precision(one, twice)) for one in seen.marks] == pytest.approx(wanted.tolist(), abs=1e-6), \
        "every picture drawn twice changes nothing"
    low, high = scenes.intervals(seen, ["map50", "map"])["map50"]
    assert low < wanted.mean() < high < low + 0.3
    drawn = torch.zeros(1, 30).index_fill_(1, torch.arange(10), 1.0)
    half = detection.coco(said[:10], truth[:10], 2, (0.5,))[:, 0]
    assert [float(scenes.precision(one, drawn)) for one in seen.marks] == pytest.approx(half.tolist(), abs=1e-6)


def masked(answers, truths, names=("sky", "road", "car")):
    kind = Mask(names, 8, 8)
    return Fixed(kind, torch.stack(truths), answers)


def test_recall_is_compared_with_the_very_numbers_of_coco():
    """Seven of numpy's hundredths lie a last bit beside torch's, 0.57 among them: a recall of just so much gains or loses a point."""
    for k in range(1, 100):
        one = scenes.Marks(torch.linspace(1, 0.5, k), torch.ones(k, dtype=torch.long), torch.arange(k), torch.ones(100))
        reached = np.searchsorted(np.arange(1, k + 1) / 100, np.linspace(0, 1, 101), side="left") < k
        assert scenes.precision(one) == pytest.approx(reached.mean(), abs=1e-9), k


def test_masks_are_scored_by_the_classes_of_their_picture():
    truth = torch.zeros(8, 8, dtype=torch.uint8)
    truth[4:] = 1
    truth[0] = 255
    wrong = truth.clone()
    wrong[4] = 0
    wrong[0] = 2
    system = masked([wrong, truth.clone().clamp(max=1)], [truth, truth])
    seen = scenes.seen(system, "valid")
    sky, road = 24 / 32, 24 / 32
    assert seen.scores.tolist() == pytest.approx([(sky + road) / 2, 1.0]), "void is not counted, car is in neither"
    assert seen.counts.sum() == 2 * 56 and torch.equal(seen.each.sum(0), seen.counts)
    one = {row["name"]: row for row in seen.classes}
    assert one["sky"]["iou"] == pytest.approx(48 / 56) and one["road"]["recall"] == pytest.approx(56 / 64)
    assert one["car"]["iou"] is None and one["sky"]["share"] == pytest.approx(48 / 112) and one["road"]["pictures"] == 2
    assert scenes.weakest(seen)[0] == "sky" and "IoU" in weakest_sentence(scenes.weakest(seen), "masks")
    assert scenes.measured(seen)["miou"] == pytest.approx(float(metrics.miou(seen.counts)))
    between = scenes.intervals(seen, ["miou", "pixel_accuracy"])
    assert between["pixel_accuracy"] == pytest.approx((48 / 56, 1.0))
    worst, = worst_on(system, "valid", 5)
    assert worst.row == 0 and worst.score == pytest.approx(0.75) and torch.equal(worst.answer, wrong) and worst.input.shape[0] == 3


def test_sentences_share_words_with_the_nearest_truth():
    assert scenes.alike("a red circle", ("a blue square", "a red circle.")) == 1
    assert scenes.alike("빨간 원이 있다", ("파란 원이 있다",)) == pytest.approx(2 / 3)
    assert scenes.alike("", ("a",)) == 0 and scenes.alike("a a a", ("a b c",)) == pytest.approx(1 / 3), "a word counts as often as it is there"
    seen = scenes.seen(Fixed(Text(), [("a b",), ("c d", "e f")], ["a x", "e f"]), "valid")
    assert seen.scores.tolist() == pytest.approx([0.5, 1.0]) and scenes.weakest(seen) is None


def test_a_verdict_tells_goal_interval_and_classes():
    truth, said = found()
    system = Fixed(KIND, truth, said)
    told = verdict(system, "valid", Goal.read("map50:0.9"), {"map50": scenes.measured(scenes.seen(system, "valid"))["map50"]})
    assert told.goal.met is False and told.goal.interval is not None and told.unit == "boxes"
    plain = told.plain()
    assert [one["name"] for one in plain["classes"]] == ["cat", "dog"] and plain["learned"] == {"cat": 2, "dog": 1}
    assert [one.row for one in told.mistakes] == [0] and told.mistakes[0].was == "cat 1, dog 1" and told.mistakes[0].said == "cat 2"
    other = verdict(system, "valid", Goal.read("map:0.1"), {"map50": 0.5})
    assert other.goal.value == pytest.approx(detection.judged(said, truth, 2)["map"]) and "map50" not in other.intervals, \
        "0.5 is not what these answers give, so it means something else"


@pytest.mark.parametrize("kind, target, goal", [(KIND, [rows()], "map:0.5"), (Mask(("a", "b"), 8, 8), torch.zeros(1, 8, 8), "pixel_accuracy:0.9")])
def test_goals_of_these_kinds_are_known_before_anything_is_learned(kind, target, goal, monkeypatch):
    monkeypatch.setattr(goals, "_spoken", lambda kind: {"loss"})
    system = Fixed(kind, target, [])
    goals.must_fit(Goal.read(goal), type(system), system.data)                  # raises nothing, though its file does not name it
    with pytest.raises(Problem, match="cannot be measured here") as refused:
        goals.must_fit(Goal.read("accuracy:0.5"), type(system), system.data)
    assert goal.partition(":")[0] in str(refused.value)


def test_another_metric_is_refused_with_the_ones_there_are(monkeypatch):
    system = Fixed(KIND, found()[0], [])
    monkeypatch.setattr(goals, "_spoken", lambda kind: {"map50"})
    with pytest.raises(Problem, match="judged on boxes; a goal can be set on map50, map"):
        goals.must_fit(Goal.read("accuracy:0.9"), type(system), system.data)


def test_an_empty_split_and_other_kinds():
    system = Fixed(KIND, [], [])
    with pytest.raises(Problem, match="empty"):
        scenes.seen(system, "valid")
    system.data = Data({}, Image(3, 8, 8), Label(("a", "b")))
    assert not scenes.sees(system)


def test_nothing_to_find_anywhere():
    system = Fixed(KIND, [rows(), rows()], [rows(), rows([0, 0, 4, 4, 0, .9])])
    seen = scenes.seen(system, "valid")
    assert seen.scores.tolist() == [1.0, 0.0] and scenes.weakest(seen) is None and scenes.measured(seen) == {}
    told = verdict(system, "valid", None, {"map50": math.nan})
    assert told.intervals == {} and told.mistakes[0].was == "nothing"
    assert np.isnan(told.metrics["map50"])


def test_other_data_is_put_into_the_classes_of_the_model():
    from deepen.engine.translate import translated
    pictures = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    has, wants = Boxes(("cow", "dog", "cat")), KIND
    target = [rows([0, 0, 4, 4, 0, 0], [1, 1, 2, 2, 2, 1]), rows([0, 0, 1, 1, 1, 0])]
    made, said = translated(Examples(pictures, target, ["x", "y"]), Data({}, Image(3, 8, 8), has), Image(3, 8, 8), wants)
    assert [one.tolist() for one in made.target] == [[[1, 1, 2, 2, 0, 1]], [[0, 0, 1, 1, 1, 0]]] and "cow" in said[0] and made.names == ["x", "y"]
    mask = torch.tensor([[[0, 1], [2, 255]]], dtype=torch.uint8)
    made, said = translated(Examples(pictures[:1], mask), Data({}, Image(3, 8, 8), Mask(("b", "c", "a"), 2, 2)), Image(3, 8, 8), Mask(("a", "b"), 2, 2))
    assert made.target.tolist() == [[[1, 255], [0, 255]]] and "c" in said[0]
    with pytest.raises(Problem, match="knows none"):
        translated(Examples(pictures[:1], mask), Data({}, Image(3, 8, 8), Mask(("x",), 2, 2)), Image(3, 8, 8), Mask(("a",), 2, 2))


def test_bleu_is_the_captions_own_and_has_an_interval():
    from deepen.core.sentences import plain
    from deepen.nn import captions
    truths = [("a red circle above a blue star.", "a blue star below a red circle")] * 5 + [("a small ring left of a cross",)] * 5
    said = ["a red circle above a blue star", "a red star below a blue circle"] * 5
    seen = scenes.seen(Fixed(Text(), truths, said), "valid")
    wanted = captions.bleu([plain(one) for one in said], [[plain(one) for one in these] for these in truths])
    cider = captions.cider([plain(one) for one in said], [[plain(one) for one in these] for these in truths])
    assert scenes.measured(seen) == pytest.approx({"bleu1": wanted[0], "bleu4": wanted[3], "cider": cider})
    between = scenes.intervals(seen, ["bleu1", "cider", "other"])
    assert between["bleu1"][0] < wanted[0] < between["bleu1"][1] and between["cider"][0] < cider < between["cider"][1] and len(between) == 2


def test_pieces_of_a_word_are_told_without_their_tie():
    from deepen.engine.photo import parted
    from deepen.engine.report_scenes import _words
    assert parted([("원", .9), ("\u203f이", .5), ("\u203f", .1)]) == [("원", .9, False), ("이", .5, True), ("\u203f", .1, False)]
    assert "</span><span" in _words([("원", .9), ("\u203f이", .5)]) and "</span> <span" in _words([("원", .9), ("있다", .5)])


def test_hundreds_of_classes_keep_their_names_in_other_data():
    from deepen.engine.translate import translated
    names = tuple(f"c{i:03}" for i in range(300))
    here, there = Boxes(names), Boxes((*names[::-1], "new"))
    rows_ = torch.tensor([[0.0, 0, 9, 9, there.names.index(name), 0] for name in ("c255", "c000", "c299", "new")])
    examples, said = translated(Examples(torch.zeros(1, 3, 16, 16, dtype=torch.uint8), [rows_]), Data({}, Image(3, 16, 16), there), Image(3, 16, 16), here)
    assert examples.target[0][:, 4].tolist() == [255, 0, 299] and "new" in said[0]
