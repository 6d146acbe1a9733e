"""A world of coloured shapes, drawn as it is asked: one scene gives a picture, its class, boxes, mask and sentences."""
from typing import Annotated, Any, Literal

import torch
from torch import Generator, Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image, Label, Mask, Text
from deepen.core.recipe import Count, Fraction, _field
from deepen.core.sentences import vocabulary
from deepen.core.words import Problem, say
from deepen.sources._pictures import check_memory, memory
from deepen.sources._scenes import COLOURS, KINDS, RELATIONS, SIZES, Scenes, painted, related, scattered, things_of

Side = Annotated[int, _field(ge=16, le=1024)]
MOST = 5                        # things in a scene
KEPT_BACK = 8                   # combinations of colour, shape and relation that only the test has, and only valid
MASKS = ((0, 0, 0), (228, 26, 28), (55, 126, 184), (77, 175, 74), (152, 78, 163), (255, 127, 0), (255, 255, 51))
KOREAN = {"small": "작은", "large": "큰", "red": "빨간", "green": "초록", "blue": "파란", "yellow": "노란", "purple": "보라", "orange": "주황",
          "circle": "원이", "square": "사각형이", "triangle": "삼각형이", "star": "별이", "cross": "십자가", "ring": "고리가",
          "left": "왼쪽에", "right": "오른쪽에", "above": "위에", "below": "아래에"}
ENGLISH = {"left": "left of", "right": "right of", "above": "above", "below": "below"}
PLACE = {"train": 0, "valid": 1, "test": 2}


def shapes(count: Count = 3000,                                             # scenes in all
           size: Side = 64,                                                 # pixels of a side
           task: Literal["boxes", "masks", "captions", "classes"] = "boxes",    # what is asked of a picture
           difficulty: Fraction = 0.3,                                      # 0: plain, nothing overlaps; 1: textures, overlaps, noise
           language: Literal["en", "ko"] = "en",                            # of the captions
           valid: Fraction = 0.1,                                           # share for validation
           test: Fraction = 0.1,                                            # share for the test
           seed: int = 0) -> Data:                                          # seed of the scenes
    """Coloured shapes drawn as they are asked: boxes, masks, captions or classes of a scene.

    Inputs uint8 (N, 3, size, size). boxes and masks: up to five things of six shapes. classes: one thing, and which of the six
    shapes it is. captions: two things and how they lie, told from either side (two true sentences); some combinations of a
    colour, a shape and a relation are kept back for valid and others for the test, so that those sentences are new.
    """
    sizes = {"valid": round(valid * count), "test": round(test * count)}
    sizes = {"train": count - sum(sizes.values())} | {name: many for name, many in sizes.items() if many}
    if sizes["train"] < 1:
        raise Problem("valid={valid} and test={test} leave none of the {size} examples to learn from; give smaller shares",
                      valid=valid, test=test, size=count)
    check_memory(count, Image(3, size, size), memory())
    splits: dict[str, Examples] = {}
    said: tuple[str, ...] = ()
    target: Any
    for name, many in sizes.items():
        dice = Generator().manual_seed(seed * len(PLACE) + PLACE[name])
        splits[name] = _examples(dice, many, size, task, difficulty, language, PLACE[name])
    if task == "captions":
        said = (say("{count} combinations of a colour, a shape and a relation are only in the test, {count} others only in valid: those sentences are new",
                    count=KEPT_BACK),)
        target = Text(vocabulary(sentence for told in splits["train"].target for sentence in told))
    else:
        target = {"boxes": Boxes(KINDS), "masks": Mask(("background", *KINDS), size, size, MASKS), "classes": Label(KINDS)}[task]
    return Data(splits, Image(3, size, size), target, said=said,
                origin=f"shapes(count={count}, size={size}, task={task}, difficulty={difficulty:g}, language={language}, valid={valid:g}, test={test:g}, seed={seed})")


def shape_masks(count: Count = 1500,                # scenes in all
                size: Side = 64,                    # pixels of a side
                difficulty: Fraction = 0.3,         # 0: plain, nothing overlaps; 1: textures, overlaps, noise
                seed: int = 0) -> Data:             # seed of the scenes
    """Coloured shapes with a class for every pixel: `shapes` with task=masks."""
    return shapes(count, size, "masks", difficulty, seed=seed)


def shape_captions(count: Count = 20_000,               # scenes in all
                   size: Side = 48,                     # pixels of a side
                   difficulty: Fraction = 0.1,          # 0: plain, nothing overlaps; 1: textures, overlaps, noise
                   language: Literal["en", "ko"] = "en",    # of the sentences
                   seed: int = 0) -> Data:              # seed of the scenes
    """Two coloured shapes and a sentence of how they lie: `shapes` with task=captions."""
    return shapes(count, size, "captions", difficulty, language, seed=seed)


def _examples(dice: Generator, count: int, size: int, task: str, difficulty: float, language: str, part: int) -> Examples:
    if task == "captions":
        scenes, relation = related(dice, count, lambda these, how: _part(these, how) == part, difficulty)
        told: list = _sentences(scenes, relation, language)
        return Examples(painted(scenes, size, difficulty, dice)[0], told)
    if task == "classes":
        scenes = things_of(dice, count, 1)
        inset = scenes.radius
        scenes.x, scenes.y = (inset + (1 - 2 * inset) * torch.rand(inset.shape, generator=dice) for _ in range(2))
        return Examples(painted(scenes, size, difficulty, dice)[0], scenes.kind[:, 0])
    scenes = scattered(dice, count, MOST, difficulty)
    pictures, owner, boxes = painted(scenes, size, difficulty, dice)
    if task == "masks":
        classes = torch.cat([torch.zeros(count, 1, dtype=torch.int64), 1 + scenes.kind], 1)    # (N, 1 + K): of each owner
        return Examples(pictures, classes.gather(1, owner.view(count, -1).long()).to(torch.uint8).view(owner.shape))
    rows = torch.cat([boxes, scenes.kind[..., None].float(), torch.zeros_like(boxes[..., :1])], 2)     # (N, K, 6)
    return Examples(pictures, [row[there] for row, there in zip(rows, scenes.there, strict=True)])


def _part(scenes: Scenes, relation: Tensor) -> Tensor:
    """(N,) which split may show a scene: 0 train, 1 valid, 2 test, -1 none (it would mix what two keep back)."""
    kept = _kept_back()                                                     # (colours, kinds, relations): 0, 1 or 2
    other = relation ^ 1                                                    # left of the one is right of the other
    first = kept[scenes.colour[:, 0], scenes.kind[:, 0], relation]
    second = kept[scenes.colour[:, 1], scenes.kind[:, 1], other]
    return torch.where((first > 0) & (second > 0) & (first != second), -1, torch.maximum(first, second))


def _kept_back() -> Tensor:
    """The same for every seed: of a coloured shape at most one relation, so each is seen in the three others."""
    dice = Generator().manual_seed(7)
    kept = torch.zeros(len(COLOURS) * len(KINDS), len(RELATIONS), dtype=torch.int64)
    pairs = torch.randperm(len(kept), generator=dice)[:2 * KEPT_BACK]
    kept[pairs, torch.randint(len(RELATIONS), (2 * KEPT_BACK,), generator=dice)] = 1 + torch.arange(2 * KEPT_BACK) % 2
    return kept.view(len(COLOURS), len(KINDS), len(RELATIONS))


def _sentences(scenes: Scenes, relation: Tensor, language: str) -> list[tuple[str, ...]]:
    """What is true of each scene: seen from its first thing, and from its second."""
    told: list[tuple[str, ...]] = []
    sizes, colours = list(SIZES), list(COLOURS)
    for large, colour, kind, how in zip(scenes.large.tolist(), scenes.colour.tolist(), scenes.kind.tolist(), relation.tolist(), strict=True):
        first, second = ((sizes[large[k]], colours[colour[k]], KINDS[kind[k]]) for k in range(2))
        told.append((_sentence(first, RELATIONS[how], second, language), _sentence(second, RELATIONS[how ^ 1], first, language)))
    return told


def _sentence(thing: tuple[str, str, str], relation: str, other: tuple[str, str, str], language: str) -> str:
    if language == "en":
        return f"a {' '.join(thing)} {ENGLISH[relation]} a {' '.join(other)}"
    beside = " ".join(KOREAN[word] for word in other)[:-1]                  # without 이 or 가
    return f"{beside} {KOREAN[relation]} {' '.join(KOREAN[word] for word in thing)} 있다"
