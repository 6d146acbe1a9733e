"""What badly answered scenes share (boxes, masks, sentences): their scores are compared by ranks, as `shared` does errors."""
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from deepen.core.sentences import plain
from deepen.core.things import Boxes, Mask
from deepen.core.words import say
from deepen.engine.scenes import Seen
from deepen.engine.shared import LEAST, Cause, Part, bordered, large_errors, parts_of

PICTURES = 1000         # looked at again for light, detail and size
NAMES = 200             # classes, or most frequent words, that may be what is hard


def shared_scenes(found: Seen, inputs, examples, root: Path | None = None) -> list[Cause]:
    """What goes with low scores on a split, the surest first, at most three; [] when nothing is sound.

    `inputs`: the kind of the pictures; `root`: the folder that the names of the examples are in."""
    if len(found.scores) < 30:
        return []
    rows = torch.randperm(len(found.scores), generator=torch.Generator().manual_seed(0))[:PICTURES].sort().values
    kind, name = found.kind, say("shared words (F1)")
    if isinstance(kind, Boxes):
        name, parts = say("F1 of the boxes"), _boxes(kind.names, [found.truths[row] for row in rows.tolist()])
    elif isinstance(kind, Mask):
        name, parts = "IoU", _masks(kind.names, found.each[rows].sum(2)) if found.each is not None else []
    else:
        parts = _sentences([[plain(one) for one in found.truths[row]] for row in rows.tolist()])
    return large_errors(1 - found.scores[rows], [*parts_of(inputs, examples, rows, root), *parts], lambda part, near, far, _: say(
        "{what}: {score} {near} on average ({count} pictures), elsewhere {far}", what=part.name, score=name,
        near=f"{100 * (1 - near):.0f} %", count=f"{int(part.rows.sum()):,}", far=f"{100 * (1 - far):.0f} %"))


def _boxes(names: Sequence[str], truths: list[Tensor]) -> list[Part]:
    counted = [one[one[:, 5] == 0] for one in truths]
    side = [(one[:, 2:4] - one[:, :2]).prod(1).sqrt().median() if len(one) else torch.tensor(torch.nan) for one in counted]
    there = torch.stack([one[:, 4].long().bincount(minlength=len(names)) > 0 for one in counted])
    return [*_with(names, there),
            *bordered("count", "", torch.tensor([float(len(one)) for one in counted]),
                      lambda cut: say("crowded pictures (over {cut} things)", cut=cut),
                      lambda cut: say("pictures of few things (up to {cut})", cut=cut)),
            *bordered("side", "", torch.stack(side),
                      lambda cut: say("pictures of large things (over {cut} pixels a side, as the network sees them)", cut=cut),
                      lambda cut: say("pictures of small things (up to {cut} pixels a side, as the network sees them)", cut=cut))]


def _masks(names: Sequence[str], pixels: Tensor) -> list[Part]:
    """From how many pixels of each class a picture has (N, K)."""
    there, share = pixels > 0, pixels / pixels.sum(1, keepdim=True).clamp(min=1)
    return [*_with(names, there),
            *bordered("classes", "", there.sum(1).float(),
                      lambda cut: say("pictures of many classes (over {cut})", cut=cut),
                      lambda cut: say("pictures of few classes (up to {cut})", cut=cut)),
            *bordered("share", "", 100 * share.masked_fill(~there, 1).amin(1),
                      lambda cut: say("pictures without a small class (each over {cut} % of the pixels)", cut=cut),
                      lambda cut: say("pictures with a small class (up to {cut} % of the pixels)", cut=cut))]


def _sentences(truths: list[list[list[str]]]) -> list[Part]:
    """From the words of every true sentence of each picture."""
    words = [{word for one in these for word in one} for these in truths]
    known = [word for word, count in Counter(word for these in words for word in these).most_common(NAMES) if count >= LEAST]
    length = torch.tensor([sum(map(len, these)) / max(1, len(these)) for these in truths])
    return [*(Part("word", say("sentences with “{word}”", word=word), _mask(word in these for these in words)) for word in known),
            *bordered("length", "", length, lambda cut: say("long sentences (over {cut} words)", cut=cut),
                      lambda cut: say("short sentences (up to {cut} words)", cut=cut))]


def _with(names: Sequence[str], there: Tensor) -> list[Part]:
    """Pictures in which each class is, from (N, K)."""
    return [Part("class", say("pictures with {name}", name=name), there[:, place]) for place, name in enumerate(names[:NAMES])]


def _mask(given: Iterable[bool]) -> Tensor:
    return torch.tensor(list(given), dtype=torch.bool)
