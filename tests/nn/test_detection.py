"""Average precision: cases worked out by hand, and the scorer of COCO itself where it is installed."""
import contextlib
import io

import numpy as np
import pytest
import torch

from deepen.nn import detection


def rows(*given):
    return torch.tensor(given, dtype=torch.float32).reshape(-1, 6)


def square(at, side=10.0):
    return [at, 0.0, at + side, side]


def test_all_right_is_one_and_nothing_is_nothing():
    truth = [rows([*square(0), 0, 0], [*square(50), 1, 0]), rows([*square(20), 0, 0])]
    answers = [t.clone() for t in truth]
    for answer in answers:
        answer[:, 5] = 0.9
    assert detection.judged(answers, truth, 3) == {"map50": 1.0, "map": 1.0}        # the third class is not there
    empty = [rows(), rows()]
    assert detection.judged(empty, truth, 3) == {"map50": 0.0, "map": 0.0}
    assert np.isnan(detection.judged(answers, empty, 3)["map50"])
    assert detection.counted(truth, 3).tolist() == [2, 1, 0]


def test_a_curve_worked_out_by_hand():
    """Right, wrong, right, and one of three never found: precision 1 up to recall 1/3, 2/3 up to recall 2/3, then 0."""
    truth = [rows([*square(0), 0, 0], [*square(100), 0, 0], [*square(200), 0, 0])]
    answers = [rows([*square(0), 0, 0.9], [*square(400), 0, 0.8], [*square(100), 0, 0.7])]
    coco = detection.coco(answers, truth, 1)
    assert coco[0] == pytest.approx([(34 * 1 + 33 * 2 / 3) / 101] * 10)
    assert detection.voc(answers, truth, 1)[0] == pytest.approx(1 / 3 + 2 / 9)
    assert detection.voc(answers, truth, 1, points=11)[0] == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)


def test_each_truth_is_found_once():
    truth = [rows([*square(0), 0, 0])]
    answers = [rows([*square(0), 0, 0.8], [*square(1), 0, 0.9])]
    assert detection.voc(answers, truth, 1)[0] == 1.0                       # the second answer comes after all is found
    assert detection.coco(answers, truth, 1, [0.95])[0, 0] == pytest.approx(0.5)
    assert detection.judged(answers, truth, 1)["map50"] == pytest.approx(1.0)


def test_voc_holds_an_answer_to_the_truth_it_overlaps_most_and_coco_lets_it_take_another():
    truth = [rows([*square(0), 0, 0], [*square(3), 0, 0])]
    answers = [rows([*square(0), 0, 0.9], [*square(1), 0, 0.8], [*square(3), 0, 0.7])]
    assert detection.voc(answers, truth, 1)[0] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert detection.coco(answers, truth, 1, [0.5])[0, 0] == pytest.approx(1.0)


def test_what_is_not_counted_is_neither_right_nor_wrong():
    truth = [rows([*square(0), 0, 0], [*square(100, 100), 0, 1])]
    answers = [rows([*square(110, 99), 0, 0.9], [120, 20, 140, 40, 0, 0.8], [*square(0), 0, 0.7])]
    assert detection.coco(answers, truth, 1, [0.5])[0, 0] == 1.0            # a crowd covers both
    assert detection.voc(answers, truth, 1)[0] == pytest.approx(0.5)        # the small one is no difficult object: wrong
    assert detection.voc([answers[0][[0, 2]]], truth, 1)[0] == 1.0
    only = [rows([*square(0), 0, 1])]
    assert np.isnan(detection.voc(answers, only, 1)[0]) and np.isnan(detection.coco(answers, only, 1)[0, 0])


def world(seed):
    """Truths and answers that are partly right: lists of (n, 6), 20 pictures of 4 classes, some of them crowds."""
    draw = torch.Generator().manual_seed(seed)
    truths, answers = [], []
    for _ in range(20):
        count = int(torch.randint(0, 7, (1,), generator=draw))
        corner = torch.rand(count, 2, generator=draw) * 60
        truth = torch.cat([corner, corner + 8 + torch.rand(count, 2, generator=draw) * 40,
                           torch.randint(0, 4, (count, 1), generator=draw).float(),
                           (torch.rand(count, 1, generator=draw) < 0.2).float()], 1)
        near = truth.repeat(3, 1)
        near[:, :4] += torch.randn(near[:, :4].shape, generator=draw) * 4
        near[:, 2:4] = torch.maximum(near[:, 2:4], near[:, :2] + 1)
        near[:, 4] = torch.where(torch.rand(len(near), generator=draw) < 0.15, 3 - near[:, 4], near[:, 4])
        near[:, 5] = torch.rand(len(near), generator=draw)
        truths.append(truth)
        answers.append(near[near[:, 5].argsort(descending=True)])
    return truths, answers


def scored(truths, answers, COCO, COCOeval):
    def box(row):
        return [float(row[0]), float(row[1]), float(row[2] - row[0]), float(row[3] - row[1])]
    flat = [(i, row) for i, truth in enumerate(truths) for row in truth.double()]
    told = [(i, row) for i, answer in enumerate(answers) for row in answer.double()]
    data = {"info": {}, "images": [{"id": i, "width": 200, "height": 200} for i in range(len(truths))],
            "categories": [{"id": k, "name": str(k)} for k in range(4)],
            "annotations": [{"id": n + 1, "image_id": i, "category_id": int(row[4]), "bbox": box(row), "iscrowd": int(row[5]),
                             "area": box(row)[2] * box(row)[3]} for n, (i, row) in enumerate(flat)]}
    results = [{"image_id": i, "category_id": int(row[4]), "bbox": box(row), "score": float(row[5])} for i, row in told]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = data
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, 2].mean(1).T                 # (classes, overlaps)


@pytest.mark.parametrize("seed", range(4))
def test_like_pycocotools(seed):
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    truths, answers = world(seed)
    theirs = scored(truths, answers, coco.COCO, cocoeval.COCOeval)
    mine = detection.coco(answers, truths, 4)
    assert 0.1 < mine.mean() < 0.9
    assert np.allclose(mine, theirs, atol=1e-9)
    told = detection.judged(answers, truths, 4)
    assert told["map50"] == pytest.approx(theirs[:, 0].mean()) and told["map"] == pytest.approx(theirs.mean())


def slow_voc(truths, answers, kind, points):
    """VOC's devkit, line by line."""
    pairs = sorted(((float(row[5]), i, row) for i, answer in enumerate(answers) for row in answer if row[4] == kind),
                   key=lambda pair: -pair[0])
    wanted = sum(int(((t[:, 4] == kind) & (t[:, 5] == 0)).sum()) for t in truths)
    taken, right, wrong, curve = set(), 0, 0, []
    for _, i, row in pairs:
        best, which = -1.0, None
        for j, t in enumerate(truths[i]):
            if t[4] == kind:
                wide, high = min(row[2], t[2]) - max(row[0], t[0]), min(row[3], t[3]) - max(row[1], t[1])
                both = max(0.0, float(wide)) * max(0.0, float(high))
                union = float((row[2] - row[0]) * (row[3] - row[1]) + (t[2] - t[0]) * (t[3] - t[1])) - both
                if both / union > best:
                    best, which = both / union, j
        if best > 0.5 and truths[i][which, 5]:
            continue
        if best > 0.5 and (i, which) not in taken:
            taken.add((i, which))
            right += 1
        else:
            wrong += 1
        curve.append((right / wanted, right / (right + wrong)))
    if points:
        return sum(max((p for r, p in curve if r >= k / 10 - 1e-12), default=0.0) for k in range(11)) / 11
    area, before = 0.0, 0.0
    for n, (r, _) in enumerate(curve):
        area, before = area + (r - before) * max(p for _, p in curve[n:]), r
    return area


@pytest.mark.parametrize("points", [0, 11])
def test_like_the_devkit_of_voc(points):
    truths, answers = world(5)
    mine = detection.voc(answers, truths, 4, points=points)
    assert mine == pytest.approx([slow_voc(truths, answers, kind, points) for kind in range(4)], abs=1e-9)
