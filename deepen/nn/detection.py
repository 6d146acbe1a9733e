"""How good boxes are: average precision as COCO and Pascal VOC count it.

Answers and truths are lists, one a picture, of rows (n, 6): left, top, right, bottom, class, and sixth how sure (of an answer)
or 1 where it is not counted (of a truth: VOC's difficult, COCO's crowd).
"""
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

OVERLAPS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))       # COCO's: 0.50 … 0.95
MOST = 100                                                          # answers of a class and picture that count


def measured(predict: Callable, batches: Iterable, classes: int) -> dict[str, float]:
    """`judged` of what `predict` answers to the pictures of batches (pictures, truths)."""
    answers, truths = list[Tensor](), list[Tensor]()
    for x, truth in batches:
        answers += predict(x)
        truths += truth
    return judged(answers, truths, classes)


def judged(answers: Sequence[Tensor], truths: Sequence[Tensor], classes: int) -> dict[str, float]:
    """`map50` and `map`: mean over classes of COCO's average precision at IoU 0.5 and over 0.50:0.95; nan where there is
    nothing to find."""
    each = coco(answers, truths, classes)
    there = ~np.isnan(each[:, 0])
    return {"map50": float(each[there, 0].mean()) if there.any() else float("nan"),
            "map": float(each[there].mean()) if there.any() else float("nan")}


def coco(answers: Sequence[Tensor], truths: Sequence[Tensor], classes: int, overlaps: Sequence[float] = OVERLAPS) -> np.ndarray:
    """COCO's average precision of every class at every overlap: (classes, overlaps); nan of a class that is not there.

    101 points of recall; the best 100 answers of a class in a picture. An answer takes the best free truth, else it may fall
    on one that is not counted (by its own share of area), and then it is not counted either."""
    result = np.full((classes, len(overlaps)), np.nan)
    for kind in range(classes):
        scores, hits, wanted = _looked_up(answers, truths, kind, lambda a, t: _coco_picture(a, t, overlaps))
        for k in range(len(overlaps) if wanted else 0):
            recall, precision = _curve(scores, hits[:, k], wanted)
            at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
            result[kind, k] = np.append(precision, 0.0)[np.minimum(at, len(precision))].mean()
    return result


def voc(answers: Sequence[Tensor], truths: Sequence[Tensor], classes: int, overlap: float = 0.5, points: int = 0) -> np.ndarray:
    """Pascal VOC's average precision of every class: (classes,); nan of a class that is not there.

    points=0: the area under the curve (2010 and later); 11: the mean of the best precision at recall 0, 0.1 … 1 (2007). An
    answer is measured by the truth it overlaps most, and is wrong where a better one took that (Everingham et al. 2010)."""
    result = np.full(classes, np.nan)
    for kind in range(classes):
        scores, hits, wanted = _looked_up(answers, truths, kind, lambda a, t: _voc_picture(a, t, overlap))
        if not wanted:
            continue
        recall, precision = _curve(scores, hits[:, 0], wanted)
        if points:
            at = np.searchsorted(recall, np.linspace(0, 1, points) - 1e-12, side="left")
            result[kind] = np.append(precision, 0.0)[np.minimum(at, len(precision))].mean()
        else:
            result[kind] = (np.diff(recall, prepend=0.0) * precision).sum()
    return result


def _looked_up(answers, truths, kind, judge):
    """(scores (n,), hits (n, k): 1 right, 0 wrong, −1 not counted, how many there are to find) of one class."""
    scores, hits, wanted = [np.zeros(0)], [], 0
    for answer, truth in zip(answers, truths, strict=True):
        a, t = (rows[rows[:, 4] == kind].detach().cpu().double().numpy() for rows in (answer, truth))
        wanted += int((t[:, 5] == 0).sum())
        if len(a):
            a = a[np.argsort(-a[:, 5], kind="mergesort")]
            told = judge(a, t)
            scores.append(a[:len(told), 5])
            hits.append(told)
    return np.concatenate(scores), np.concatenate(hits) if hits else np.zeros((0, len(OVERLAPS))), wanted


def _overlaps(a: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IoU, and share of an answer's own area that a truth covers: both (answers, truths)."""
    low, high = np.maximum(a[:, None, :2], t[None, :, :2]), np.minimum(a[:, None, 2:4], t[None, :, 2:4])
    both = (high - low).clip(0).prod(2)
    mine, other = (a[:, 2:4] - a[:, :2]).prod(1)[:, None], (t[:, 2:4] - t[:, :2]).prod(1)
    return both / np.maximum(mine + other - both, 1e-12), both / np.maximum(mine, 1e-12)


def _coco_picture(a: np.ndarray, t: np.ndarray, overlaps: Sequence[float]) -> np.ndarray:
    a = a[:MOST]
    least = np.minimum(np.array(overlaps), 1 - 1e-10)[:, None]              # (k, 1)
    counted = t[:, 5] == 0
    near, inside = _overlaps(a, t)
    free = np.repeat(counted[None], len(least), 0)                          # (k, truths)
    told, every = np.zeros((len(a), len(least)), np.int8), np.arange(len(least))
    for row in range(len(a)):
        if counted.any():
            fit = np.where(free & (near[row] >= least), near[row], -1.0)    # the last of equals, as pycocotools
            best = fit.shape[1] - 1 - fit[:, ::-1].argmax(1)
            hit = fit[every, best] >= 0
            told[row], free[every[hit], best[hit]] = hit, False
        if not counted.all():
            lost = (inside[row, ~counted] >= least).any(1)
            told[row] = np.where((told[row] == 0) & lost, -1, told[row])
    return told


def _voc_picture(a: np.ndarray, t: np.ndarray, overlap: float) -> np.ndarray:
    told, taken = np.zeros((len(a), 1), np.int8), np.zeros(len(t), bool)
    near, _ = _overlaps(a, t)
    for row in range(len(a) if len(t) else 0):
        best = near[row].argmax()
        if near[row, best] > overlap:
            told[row] = -1 if t[best, 5] else 0 if taken[best] else 1
            taken[best] |= told[row, 0] == 1
    return told


def _curve(scores: np.ndarray, hits: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Recall, rising, and the best precision from there on, over the counted answers from the surest."""
    hits = hits[np.argsort(-scores, kind="mergesort")]
    hits = hits[hits >= 0]
    right = np.cumsum(hits, dtype=float)
    precision = right / np.arange(1, len(hits) + 1)
    return right / wanted, np.maximum.accumulate(precision[::-1])[::-1]


def counted(truths: Sequence[Tensor], classes: int) -> Tensor:
    """How many things of each class there are to find: (classes,)."""
    rows = torch.cat([truth[truth[:, 5] == 0, 4] for truth in truths]) if len(truths) else torch.zeros(0)
    return torch.bincount(rows.long(), minlength=classes)
