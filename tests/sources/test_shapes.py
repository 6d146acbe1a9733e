import time

import pytest
import torch

from deepen.core.kinds import Boxes, Label, Mask, Text
from deepen.core.words import Problem
from deepen.engine import find
from deepen.sources._scenes import COLOURS, KINDS, PAPER
from deepen.sources.shapes import shape_captions, shape_masks, shapes

TASKS = {"boxes": Boxes, "masks": Mask, "captions": Text, "classes": Label}
INVERSE = {"left": "right", "right": "left", "above": "below", "below": "above"}


def told(sentence):
    """a small red circle left of a large blue square -> (small, red, circle), left, (large, blue, square)"""
    words = [word for word in sentence.split() if word not in ("a", "of")]
    return tuple(words[:3]), words[3], tuple(words[4:])


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_kind_and_is_seeded(task):
    data, again, other = shapes(40, 32, task), shapes(40, 32, task), shapes(40, 32, task, seed=1)
    assert isinstance(data.target, TASKS[task]) and {name: len(split) for name, split in data.splits.items()} == {"train": 32, "valid": 4, "test": 4}
    for split in data.splits.values():
        assert split.inputs.shape[1:] == data.inputs.shape == (3, 32, 32) and split.inputs.dtype == torch.uint8
    first, same = data.split("train"), again.split("train")
    assert torch.equal(first.inputs, same.inputs) and not torch.equal(first.inputs, other.split("train").inputs)
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) if task != "captions" else a == b for a, b in zip(first.target, same.target, strict=True))


def test_without_difficulty_boxes_hold_one_plain_colour_each():
    data = shapes(60, 64, "boxes", 0)
    colours = {tuple(colour) for colour in COLOURS.values()}
    examples = data.split("train")
    assert {len(boxes) for boxes in examples.target} == {1, 2, 3, 4, 5}
    for picture, boxes in zip(examples.inputs, examples.target, strict=True):
        assert boxes.dtype == torch.float32 and boxes.shape[1] == 6 and (boxes[:, 5] == 0).all()
        outside = torch.ones(64, 64, dtype=torch.bool)
        for left, top, right, bottom, kind in boxes[:, :5].long().tolist():
            inside = picture[:, top:bottom, left:right]
            drawn = (inside != PAPER).any(0)
            assert drawn.any(0).all() and drawn.any(1).all() and 0 <= kind < len(KINDS)            # no empty row or column: it is tight
            outside[top:bottom, left:right] = False
            assert drawn[drawn.shape[0] // 2, drawn.shape[1] // 2] != (KINDS[kind] == "ring")
        assert (picture[:, outside] == PAPER).all()
        assert {tuple(pixel) for pixel in picture.flatten(1).T.tolist()} <= colours | {(PAPER,) * 3}


def test_masks_are_the_boxes_scenes_pixel_for_pixel():
    masks, boxes = shapes(60, 64, "masks", 0), shapes(60, 64, "boxes", 0)
    assert torch.equal(masks.split("train").inputs, boxes.split("train").inputs)
    assert masks.target.names == ("background", *KINDS) and len(masks.target.colours) == 7
    for picture, mask, things in zip(masks.split("train").inputs, masks.split("train").target, boxes.split("train").target, strict=True):
        assert torch.equal(mask == 0, (picture == PAPER).all(0))
        assert set(mask.unique().tolist()) == {0, *(things[:, 4] + 1).int().tolist()}


def test_things_stay_visible_at_the_highest_difficulty():
    masks, boxes = shapes(300, 64, "masks", 1), shapes(300, 64, "boxes", 1)
    seen = [{int(kind) + 1 for kind in things[:, 4]} <= set(mask.unique().tolist())
            for mask, things in zip(masks.split("train").target, boxes.split("train").target, strict=True)]
    assert sum(seen) >= 0.99 * len(seen)
    plain, hard = (shapes(40, 64, "boxes", d).split("train").inputs.float() for d in (0, 1))
    assert hard.std() > 0 and (hard.diff(dim=3).abs().mean() > 4 * plain.diff(dim=3).abs().mean())


def test_sentences_say_what_is_in_the_picture():
    examples = shapes(200, 64, "captions", 0).split("train")
    for picture, sentences in zip(examples.inputs, examples.target, strict=True):
        (first, relation, second), (third, inverse, fourth) = map(told, sentences)
        assert (first, second, inverse) == (fourth, third, INVERSE[relation])
        if first[1] == second[1]:
            continue
        places = []
        for _, colour, _ in (first, second):
            where = (picture == torch.tensor(COLOURS[colour], dtype=torch.uint8)[:, None, None]).all(0).nonzero().float()
            assert len(where), sentences
            places.append((where.min(0).values + where.max(0).values) / 2)
        down, across = (places[1] - places[0]).tolist()
        assert {"left": across, "right": -across, "above": down, "below": -down}[relation] > 0
        assert (abs(across) > abs(down)) == (relation in ("left", "right"))


def test_valid_and_test_sentences_are_of_combinations_train_never_has():
    data = shape_captions(4000, 24)
    seen = {name: [{(thing[1:], how) for sentence in sentences for thing, how, _ in [told(sentence)]} for sentences in split.target]
            for name, split in data.splits.items()}
    known = set().union(*seen["train"])
    new = {name: set().union(*seen[name]) - known for name in ("valid", "test")}
    assert len(new["valid"]) == len(new["test"]) == 8 and not new["valid"] & new["test"]
    for name in ("valid", "test"):
        assert all(scene & new[name] for scene in seen[name])
        assert not any(scene & new["test" if name == "valid" else "valid"] for scene in seen[name])
    things = {thing for thing, _ in known}
    assert len(things) == 36 and all(sum((thing, how) in known for how in INVERSE) >= 3 for thing in things)
    words = {word for sentences in data.split("test").target for sentence in sentences for word in sentence.split()}
    assert words <= set(data.target.words)                                  # new sentences of known words


def test_korean_sentences_have_the_right_particles():
    data = shapes(300, 24, "captions", 0, "ko")
    sentences = {sentence for told in data.split("train").target for sentence in told}
    assert all(sentence.endswith(" 있다") for sentence in sentences)
    subjects = {sentence.split()[-2] for sentence in sentences}
    assert subjects == {"원이", "사각형이", "삼각형이", "별이", "십자가", "고리가"}
    assert {"원", "사각형", "십자", "고리", "‿이", "‿가", "왼쪽에"} <= set(data.target.words) and "원이" not in data.target.words


def test_one_thing_for_classes():
    data = shapes(120, 32, "classes")
    assert data.target.names == KINDS and set(data.split("train").target.tolist()) == set(range(6))


def test_impossible_shares_are_refused():
    with pytest.raises(Problem, match="leave none of the 2 examples"):
        shapes(2, valid=0.5, test=0.5)


def test_thin_sources_stand_beside_it():
    assert {"shapes", "shape_masks", "shape_captions"} <= set(find.sources())
    assert isinstance(shape_masks(20, 16).target, Mask) and isinstance(shape_captions(20, 16).target, Text)
    for task, kind in TASKS.items():                                        # what a picture is asked decides who learns it
        assert kind.__name__ in find.systems()[find.system_for(shapes(20, 16, task), "shapes")].facts["goal"]
    assert find.system_for(shapes(20, 16, "captions"), "shapes") == "caption"


def test_it_is_drawn_quickly():
    shapes(50)
    began = time.process_time()
    shapes(1000, 64, "masks", 0.5)
    assert time.process_time() - began < 2                      # about 0.4 s on a quiet core


def test_more_scenes_than_the_memory_holds_are_refused():
    with pytest.raises(Problem, match="give a smaller size"):
        shapes(count=10**8, size=1024)
