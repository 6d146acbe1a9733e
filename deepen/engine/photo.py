"""A picture of somebody's and what a trained system says about it, in the picture's own pixels."""
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepen.core.picture import open_picture, place, size_of
from deepen.core.sentences import TIE
from deepen.core.things import VOID, Boxes, Mask, Text
from deepen.core.words import say
from deepen.engine import drawn

KINDS = (Boxes, Mask, Text)
SURE = 0.5          # boxes less sure than this are not told or drawn, where nobody asks for them
LARGEST = 1600      # pixels of a side that a drawn copy has at most


@dataclass(frozen=True)
class Photo:
    """What is said about one picture. `answer`: boxes float32 (n, 6), best first; a mask uint8 (height, width); a sentence."""
    kind: Any
    raw: bytes = field(repr=False)
    size: tuple[int, int]                           # (width, height) as an eye sees it
    answer: Any
    sure: float = SURE
    words: Sequence[tuple[str, float]] = ()         # of a sentence, each with how sure

    def seen(self, most: int = LARGEST):
        """The picture, RGB, at most `most` pixels a side; a tiny one is made larger, so that names on it can be read."""
        from deepen.core.kinds import Image
        opened = open_picture(self.raw, most)
        return drawn.sized(Image(3, 1, 1).flat(opened), min(320, most), most)[0]

    def drawn(self, most: int = LARGEST):
        """The picture with its answer on it, or below it, as a Pillow picture."""
        image = self.seen(most)
        if isinstance(self.kind, Boxes):
            made = drawn.boxes(image, self.boxes, self.kind.names, self.sure, image.width / self.size[0])
            there = self.boxes[:, 4].unique().long().tolist()
            return drawn.keyed(made, self.kind, there) if len(self.boxes) > drawn.CROWD else made
        if isinstance(self.kind, Mask):
            there = [one for one in np.unique(self.answer).tolist() if one < len(self.kind.names)]
            return drawn.keyed(drawn.overlay(image, self.answer, self.kind), self.kind, there)
        return drawn.captioned(image, self.answer)

    @property
    def boxes(self) -> Tensor:
        """The boxes that are sure enough."""
        return self.answer[self.answer[:, 5] >= self.sure]

    def told(self) -> dict[str, Any]:
        """For programs."""
        wide, high = self.size
        if isinstance(self.kind, Boxes):
            return {"width": wide, "height": high, "boxes": [
                {"label": self.kind.names[int(row[4])], "confidence": round(row[5], 6), "box": [round(side, 2) for side in row[:4]]}
                for row in self.boxes.tolist()]}
        if isinstance(self.kind, Mask):
            return {"width": wide, "height": high, "shares": {name: round(share, 6) for name, share in self.shares()}}
        sure = {"words": [[word, round(one, 6)] for word, one, _ in parted(self.words)]} if self.words else {}
        return {"text": self.answer, **sure}

    def shares(self) -> list[tuple[str, float]]:
        """Classes of a mask with their share of the counted pixels, the largest first."""
        counts = np.bincount(self.answer[self.answer != VOID].ravel(), minlength=len(self.kind.names))
        return sorted(((name, float(count / max(1, counts.sum()))) for name, count in zip(self.kind.names, counts, strict=False) if count),
                      key=lambda one: -one[1])

    def lines(self) -> tuple[str, ...]:
        """For people: a sentence, then more of it."""
        if isinstance(self.kind, Boxes):
            if not len(self.boxes):
                return (say("nothing found"),)
            return (self.kind.show(self.boxes), "   ".join(f"{self.kind.names[int(row[4])]} {row[5] * 100:.0f} %" for row in self.boxes[:6].tolist()))
        if isinstance(self.kind, Mask):
            best, *others = [f"{name} {share * 100:.0f} %" for name, share in self.shares() if share >= 0.005] or [say("nothing")]
            return (best, "   ".join(others[:8]))
        return (self.answer, f"{math.prod(one for _, one in self.words) * 100:.0f} %" if self.words else "")

    def __repr__(self) -> str:
        return f"{self.size[0]}×{self.size[1]}: {self.lines()[0]}"

    def _repr_png_(self) -> bytes:
        """The drawn picture, in a notebook."""
        return drawn.encoded(self.drawn(800))


def photo(system, raw: bytes, answer, words: Sequence[tuple[str, float]] = (), sure: float = SURE) -> Photo:
    """An answer about the picture `raw` as its system saw it, put back into the picture's own pixels."""
    inputs, size, kind = system.data.inputs, size_of(raw), system.data.target
    net = (inputs.width, inputs.height)
    if isinstance(kind, Boxes):
        answer = own_boxes(answer.detach().float().cpu(), size, net, inputs.fit)
    elif isinstance(kind, Mask):
        answer = own_mask(torch.as_tensor(answer).cpu().numpy(), size, net, inputs.fit)
    return Photo(kind, raw, size, answer, sure, words)


def parted(words: Sequence[tuple[str, float]]) -> list[tuple[str, float, bool]]:
    """(piece as it is read, how sure, does it stand without a blank before it?) of the pieces of a sentence."""
    return [(word.removeprefix(TIE) or word, sure, len(word) > 1 and word.startswith(TIE)) for word, sure in words]


def own_boxes(rows: Tensor, given: tuple[int, int], size: tuple[int, int], fit: str) -> Tensor:
    """Boxes of a picture of `size` (width, height), fitted from one of `given`, in pixels of that one; cut at its edges,
    and left out where nothing is left."""
    across, down, right, below = place(given, size, fit)
    rows = rows.clone()
    rows[:, [0, 2]] = ((rows[:, [0, 2]] - right) / across).clamp(0, given[0])
    rows[:, [1, 3]] = ((rows[:, [1, 3]] - below) / down).clamp(0, given[1])
    return rows[((rows[:, 2:4] - rows[:, :2]) > 0).all(1)]


def own_mask(mask: np.ndarray, given: tuple[int, int], size: tuple[int, int], fit: str) -> np.ndarray:
    """A mask (H, W) of a fitted picture as one of the picture itself, by the nearest pixel; what the system did not see is void."""
    from PIL import Image
    across, down, right, below = place(given, size, fit)
    made = Image.fromarray(np.ascontiguousarray(mask, dtype=np.uint8)).transform(
        given, Image.Transform.AFFINE, (across, 0, right, 0, down, below), Image.Resampling.NEAREST, fillcolor=VOID)
    return np.asarray(made)
