"""How well a split is answered where the answers are boxes, masks or sentences: a score an example, figures a class.

Everything here goes by the kind of the target, never by the system.

boxes       score: F1 of the boxes at least half sure against the truths, matched at IoU 0.5 (COCO's matching)
masks       score: mean IoU over the classes of the picture, in truth or answer; void is not counted
sentences   score: the highest F1 of words against the true sentences
"""
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepen.core.sentences import plain
from deepen.core.things import Boxes, Mask, Text
from deepen.core.words import Problem
from deepen.engine.fit import quiet
from deepen.engine.photo import KINDS, SURE
from deepen.nn import boxes as nearby
from deepen.nn import captions, detection, metrics

OVERLAP = 0.5                   # a box is found from so much IoU
TURNS, CELLS = 400, 100_000_000     # bootstrap draws, fewer where so many numbers would be drawn again
EACH = 20_000_000               # numbers of the matrices that are kept one a picture
LOOKED = 500                    # pictures whose masks are counted to tell what was learned from


@dataclass(frozen=True)
class Marks:
    """The answers of one class over a split, as COCO judges them at IoU 0.5."""
    scores: Tensor          # (n,), how sure
    right: Tensor           # (n,): 1 right, 0 wrong, -1 not counted
    picture: Tensor         # (n,): whose
    wanted: Tensor          # (N,): how many there are to find in each picture


@dataclass(frozen=True)
class Seen:
    """What was found about a split. `classes`: a line of figures each, for tables and programs."""
    kind: Any
    scores: Tensor                                  # (N,): 1 is perfect
    classes: tuple[dict[str, Any], ...] = ()
    answers: Sequence[Any] = ()                     # of masks none: they are many, and made again where they are shown
    truths: Sequence[Any] = ()
    marks: tuple[Marks, ...] = ()                   # boxes: one a class
    counts: Tensor | None = None                    # masks: (K, K) pixels, rows the truth
    each: Tensor | None = None                      # masks: (N, K, K), where that is not too much; sentences: (N, 11), what
                                                    # BLEU adds up and CIDEr


def sees(system) -> bool:
    """Does the system answer with boxes, masks or sentences, as its data asks?"""
    target = system.data.target
    return isinstance(target, KINDS) and isinstance(target, system.goal[1])


def seen(system, split: str) -> Seen:
    """A whole split answered and compared."""
    if not len(system.data.split(split)):
        raise Problem("the {split} split is empty: there is nothing to judge", split=split)
    kind = system.data.target
    with quiet(system):
        if isinstance(kind, Mask):
            return _masks(kind, ((ids(system.predict(x)), y) for x, y in system.data.batches(split)))
        answers: list[Any] = []
        truths: list[Any] = []
        for x, y in system.data.batches(split):
            answers += [one.detach().float().cpu() if isinstance(one, Tensor) else one for one in system.predict(x)]
            truths += [one.cpu() if isinstance(one, Tensor) else one for one in y]
    return _boxes(kind, answers, truths) if isinstance(kind, Boxes) else _texts(kind, answers, truths)


# boxes

def _boxes(kind: Boxes, answers: list[Tensor], truths: list[Tensor]) -> Seen:
    marks, scores = _marked(answers, truths, len(kind.names)), []
    for answer, truth in zip(answers, truths, strict=True):
        sure = answer[answer[:, 5] >= SURE]
        hits = [_hits(sure, truth, place)[1] for place in sure[:, 4].unique().tolist()]
        right, wrong = (sum(int((one == value).sum()) for one in hits) for value in (1, 0))
        asked = int((truth[:, 5] == 0).sum())
        scores.append(2 * right / (right + wrong + asked) if right + wrong + asked else 1.0)
    rows = []
    for place, name in enumerate(kind.names):
        one = marks[place]
        sure, count = one.scores >= SURE, int(one.wanted.sum())
        found, false = (int(((one.right == value) & sure).sum()) for value in (1, 0))
        rows.append({"name": name, "count": count, "found": found, "false": false, "recall": found / count if count else None,
                     "map50": precision(one) if count else None})
    return Seen(kind, torch.tensor(scores), tuple(rows), answers, truths, marks)


def _hits(answer: Tensor, truth: Tensor, place: float) -> tuple[np.ndarray, np.ndarray]:
    """(scores, 1 right / 0 wrong / -1 not counted) of one picture's answers of class `place`, the surest first."""
    a, t = (rows[rows[:, 4] == place].double().numpy() for rows in (answer, truth))
    a = a[np.argsort(-a[:, 5], kind="mergesort")][:detection.MOST]
    return a[:, 5], detection._coco_picture(a, t, (OVERLAP,))[:, 0]


def _marked(answers: list[Tensor], truths: list[Tensor], classes: int) -> tuple[Marks, ...]:
    found: list[list[tuple]] = [[] for _ in range(classes)]
    wanted = torch.zeros(classes, len(answers))
    for picture, (answer, truth) in enumerate(zip(answers, truths, strict=True)):
        wanted[:, picture] = truth[truth[:, 5] == 0, 4].long().bincount(minlength=classes)[:classes].float()
        for place in answer[:, 4].unique().long().tolist():
            scores, right = _hits(answer, truth, place)
            found[place].append((scores, right, np.full(len(scores), picture)))
    made = []
    for place, pieces in enumerate(found):
        columns = [torch.as_tensor(np.concatenate([one[part] for one in pieces]) if pieces else np.zeros(0)) for part in range(3)]
        order = columns[0].argsort(descending=True, stable=True)
        made.append(Marks(columns[0][order].float(), columns[1][order].long(), columns[2][order].long(), wanted[place]))
    return tuple(made)


def precision(one: Marks, weight: Tensor | None = None) -> Any:
    """COCO's average precision at IoU 0.5 of a class: 101 points of recall. `weight` (T, N): T draws of the pictures."""
    counts = torch.ones(1, len(one.wanted)) if weight is None else weight
    recall, best = _curve(one, counts.double())
    at = torch.searchsorted(recall, torch.from_numpy(np.linspace(0, 1, 101)).expand(len(recall), -1).contiguous())
    best = torch.cat([best, best.new_zeros(len(best), 1)], 1)
    told = best.gather(1, at.clamp(max=best.shape[1] - 1)).mean(1)
    told = torch.where(counts @ one.wanted > 0, told, torch.nan)
    return float(told[0]) if weight is None else told


def _curve(one: Marks, weight: Tensor) -> tuple[Tensor, Tensor]:
    """(recall, the best precision from there on), each (T, n), from the surest answer on."""
    each = weight[:, one.picture] * (one.right >= 0)
    hit = (each * (one.right == 1)).cumsum(1)
    share = hit / each.cumsum(1).clamp(min=1e-9)
    recall = hit / (weight @ one.wanted.double())[:, None].clamp(min=1e-9)
    return recall.contiguous(), share.flip(1).cummax(1).values.flip(1)


def curve(one: Marks) -> list[tuple[float, float]]:
    """(recall, precision) points of a class, for a chart."""
    recall, best = _curve(one, torch.ones(1, len(one.wanted), dtype=torch.float64))
    return list(zip(recall[0].tolist(), best[0].tolist(), strict=True))


def slips(found: Seen) -> dict[str, int]:
    """Why boxes at least half sure are wrong: the place is off, the class is another, a second time, nothing is there."""
    told = {"place": 0, "class": 0, "twice": 0, "nothing": 0}
    for answer, truth in zip(found.answers, found.truths, strict=True):
        sure = answer[answer[:, 5] >= SURE]
        for place in sure[:, 4].unique().tolist():
            mine = sure[sure[:, 4] == place]
            mine = mine[mine[:, 5].argsort(descending=True, stable=True)][:detection.MOST]
            wrong = mine[torch.as_tensor(_hits(sure, truth, place)[1] == 0)]
            overlap = nearby.iou(wrong[:, :4], truth[:, :4]) if len(truth) else wrong.new_zeros(len(wrong), 1)
            same = (truth[:, 4] == place) if len(truth) else torch.zeros(1, dtype=torch.bool)
            own, other = ((overlap * one).max(1).values for one in (same, ~same))
            for near, far in zip(own.tolist(), other.tolist(), strict=True):
                told["twice" if near >= OVERLAP else "class" if far >= OVERLAP else "place" if near >= 0.1 else "nothing"] += 1
    return told


# masks

def ids(answer) -> Tensor:
    return torch.as_tensor(answer).detach().cpu().long()


def _masks(kind: Mask, pairs: Iterable[tuple[Tensor, Tensor]]) -> Seen:
    names, pictures = len(kind.names), 0
    counts, there = torch.zeros(names, names, dtype=torch.long), torch.zeros(names, dtype=torch.long)
    scores, each = [], list[Tensor]()
    for said, truth in pairs:
        truth, place = truth.cpu().long(), torch.arange(len(said))[:, None, None]
        known = (truth < names) & (said < names)
        told = ((place * names + truth) * names + said)[known].bincount(minlength=len(said) * names**2).view(-1, names, names)
        counts, there, pictures = counts + told.sum(0), there + (told.sum(2) > 0).sum(0), pictures + len(said)
        scores.append(torch.stack([metrics.miou(one).float() for one in told]))
        if pictures * names**2 <= EACH:
            each.append(told)
    kept = torch.cat(each) if pictures * names**2 <= EACH else None
    union = counts.sum(0) + counts.sum(1) - counts.diag()
    rows = [{"name": name, "pictures": int(there[place]), "share": float(counts[place].sum() / counts.sum().clamp(min=1)),
             "iou": _share(counts[place, place], union[place]), "recall": _share(counts[place, place], counts[place].sum())}
            for place, name in enumerate(kind.names)]
    return Seen(kind, torch.cat(scores).nan_to_num(1.0), tuple(rows), counts=counts, each=kept)


def _share(part: Tensor, whole: Tensor) -> float | None:
    return float(part / whole) if whole else None


# sentences

def _texts(kind: Text, answers: list[str], truths: list[tuple[str, ...]]) -> Seen:
    told, said = [[plain(one) for one in these] for these in truths], [plain(one) for one in answers]
    each = [[*captions.counted(one, these), cider] for one, these, cider in zip(said, told, captions.ciders(said, told), strict=True)]
    return Seen(kind, torch.tensor([alike(answer, truth) for answer, truth in zip(answers, truths, strict=True)]), (), answers, truths,
                each=torch.tensor(each, dtype=torch.float64))


def alike(answer: str, truths: Sequence[str]) -> float:
    """The highest F1 of the words of a sentence against true ones."""
    own, best = Counter(plain(answer)), 0.0
    for truth in truths:
        other = Counter(plain(truth))
        size = own.total() + other.total()
        best = max(best, 2 * (own & other).total() / size if size else 1.0)
    return best


# over the classes

def measured(found: Seen, goal: str = "") -> dict[str, float]:
    """The metrics that follow from what was kept; `map`, which takes ten times as long, where it is the goal."""
    if isinstance(found.kind, Mask) and found.counts is not None:
        return _of_pixels(found.counts)
    if goal == "map" and isinstance(found.kind, Boxes):
        return detection.judged(found.answers, found.truths, len(found.kind.names))
    if isinstance(found.kind, Text) and found.each is not None:
        return _of_sentences(found.each.sum(0), len(found.each))
    known = [one["map50"] for one in found.classes if one.get("map50") is not None]
    return {"map50": sum(known) / len(known)} if known else {}


def _of_pixels(counts: Tensor) -> dict[str, float]:
    return {"miou": float(metrics.miou(counts)), "pixel_accuracy": float(metrics.pixel_accuracy(counts))}


def _of_sentences(sums: Tensor, pictures: int) -> dict[str, float]:
    *counts, cider = sums.tolist()
    both = captions.bleu_of(counts)
    return {"bleu1": both[0], "bleu4": both[3], "cider": cider / pictures}


def intervals(found: Seen, names: Iterable[str]) -> dict[str, tuple[float, float]]:
    """95 % intervals by drawing the pictures again (Efron 1979), of those metrics that `measured` knows."""
    pictures, draw = len(found.scores), torch.Generator().manual_seed(0)
    known = measured(found)
    wanted = [name for name in names if name in known]
    size = found.each.numel() // 100 if found.each is not None else sum(len(one.scores) for one in found.marks)
    turns = max(40, min(TURNS, CELLS // max(1, size)))
    if not wanted or pictures < 2 or (found.each is None and not found.marks):
        return {}
    drawn_ = torch.randint(pictures, (turns, pictures), generator=draw)
    weight = torch.zeros(turns, pictures).scatter_add_(1, drawn_, torch.ones(turns, pictures))
    told: dict[str, Tensor] = {}
    if found.each is not None:
        sums = weight.double() @ found.each.flatten(1).double()
        each = [_of_sentences(one, pictures) if isinstance(found.kind, Text) else _of_pixels(one.view(found.each.shape[1:])) for one in sums]
        told = {name: torch.tensor([one[name] for one in each]) for name in wanted}
    else:
        told = {"map50": torch.stack([precision(one, weight) for one in found.marks if one.wanted.sum()]).nanmean(0)}
    ends = torch.tensor([0.025, 0.975], dtype=torch.float64)
    return {name: tuple(told[name].double().nanquantile(ends).tolist()) for name in wanted}     # type: ignore[misc]


def weakest(found: Seen) -> tuple[str, float, int] | None:
    """The class found least: (name, share of its things found, how many), or (name, IoU, pictures it is in)."""
    score, count = ("iou", "pictures") if isinstance(found.kind, Mask) else ("recall", "count")
    known = [(one[score], one["name"], one[count]) for one in found.classes if one[score] is not None and one[count]]
    if not known:
        return None
    share, name, many = min(known)
    return name, share, many


def learned_from(data) -> dict[str, int]:
    """How many things (or pixels, in the first 500 pictures) of each class train has; {} of sentences."""
    train, kind = data.splits.get("train", ()), data.target
    if not isinstance(kind, (Boxes, Mask)) or not len(train):
        return {}
    if isinstance(kind, Boxes):
        numbers = (one[one[:, 5] == 0, 4].cpu() for one in _targets(data, len(train)))
    else:
        numbers = (one.cpu().flatten() for one in _targets(data, LOOKED))
    counts = sum((one[one < len(kind.names)].long().bincount(minlength=len(kind.names)) for one in numbers), torch.zeros(len(kind.names)))
    return dict(zip(kind.names, counts.long().tolist(), strict=True))


def _targets(data, most: int) -> Iterable[Tensor]:
    """The targets of the first `most` examples of train; the pictures are not decoded where the targets are at hand."""
    target = getattr(data.splits["train"], "target", None)
    if target is not None:
        yield from target[:most]
        return
    for done, (_, y) in enumerate(data.batches("train", 32)):
        yield from y
        if (done + 1) * 32 >= most:
            return


def same(found: Mapping[str, float], told: Mapping[str, float], examples: int) -> set[str]:
    """Names of metrics that mean the same in both: a system may measure another thing by a name."""
    return {name for name in found if name in told and math.isclose(found[name], told[name], rel_tol=0.02, abs_tol=2.5 / max(100, examples))}
