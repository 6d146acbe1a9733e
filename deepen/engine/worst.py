"""The worst answers of a split that are boxes, masks or sentences: truth beside answer, drawn."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepen.core.things import Boxes, Mask
from deepen.core.words import say
from deepen.engine import drawn
from deepen.engine.fit import quiet
from deepen.engine.mistakes import Mistake
from deepen.engine.photo import SURE
from deepen.engine.scenes import Seen, ids, seen


@dataclass(frozen=True)
class Worst(Mistake):
    """An example that was answered badly: `input` is truth and answer side by side."""
    score: float = 0.0
    picture: Any = None                             # uint8 (C, H, W), as an eye wants it
    truth: Any = None
    answer: Any = None
    kind: Any = None
    words: Sequence[tuple[str, float]] | None = None        # of a sentence, each with how sure


def worst_on(system, split: str, count: int = 9) -> list[Worst]:
    """The `count` examples of a split that are answered worst."""
    return worst(system, split, seen(system, split), count)


def worst(system, split: str, found: Seen, count: int) -> list[Worst]:
    """`worst_on`, from what was found already."""
    rows = found.scores.argsort(stable=True)
    rows = rows[found.scores[rows] < 1][:count]
    return shown(system, split, rows, found) if len(rows) else []


def shown(system, split: str, rows: Tensor, found: Seen) -> list[Worst]:
    """The examples at `rows` with truth and answer, drawn."""
    examples, kind = system.data.split(split), found.kind
    x, y = examples[rows.to(getattr(getattr(examples, "inputs", None), "device", "cpu"))]
    answers = list(found.answers[row] for row in rows.tolist()) if len(found.answers) else []
    words: list[Any] = [None] * len(rows)
    with quiet(system):
        if not answers:
            answers = [one for start in range(0, len(x), 4) for one in ids(system.predict(x[start: start + 4])).to(torch.uint8)]
        if hasattr(system, "words"):
            words = list(system.words(x))
    names, eye = getattr(examples, "names", None), getattr(system.data.inputs, "seen", lambda value: value)
    made = []
    for place, row in enumerate(rows.tolist()):
        picture, truth, answer = eye(x[place].cpu()), y[place], answers[place]
        truth = truth.cpu() if isinstance(truth, Tensor) else truth
        said = answer[answer[:, 5] >= SURE] if isinstance(kind, Boxes) else answer
        made.append(Worst(row, kind.show(truth), kind.show(said), None, side_by_side(kind, picture, truth, answer),
                          names[row] if names else say("row {row} of {split}", row=row, split=split), "",
                          float(found.scores[row]), picture, truth, answer, kind, words[place]))
    return made


def side_by_side(kind, picture: Tensor, truth, answer) -> Tensor:
    """Truth and answer drawn on the picture: uint8 (3, H, W'). A sentence leaves it as it is."""
    image, times = drawn.sized(drawn.opened(picture), 200, 400)
    if isinstance(kind, Boxes):
        image = drawn.beside([drawn.boxes(image, truth, kind.names, None, times), drawn.boxes(image, answer, kind.names, SURE, times)])
    elif isinstance(kind, Mask):
        image = drawn.beside([drawn.overlay(image, mask.numpy(), kind) for mask in (truth, answer)])
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()

