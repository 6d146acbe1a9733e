"""Kinds of what is asked about a picture: boxes round things, a class for every pixel, a sentence."""
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

from deepen.core.words import Problem, say

if TYPE_CHECKING:               # the Studio's web process reads kinds without torch
    from torch import Tensor

VOID = 255          # in a mask: a pixel that belongs to no class and is not counted


@dataclass(frozen=True)
class Boxes:
    """Things in a picture: float32 (n, 6): left, top, right, bottom in pixels of the picture as the net sees it, class,
    and a sixth: of a truth 1 where it is not counted (VOC's difficult, COCO's crowd), else 0; of an answer how sure, 0…1.
    The targets of a batch are a list; a picture without things has (0, 6)."""
    names: tuple[str, ...]
    unit: ClassVar[str] = "boxes"

    @property
    def shape(self) -> tuple[int]:
        return (6,)

    def check(self, value) -> None:
        if value.ndim != 2 or value.shape[1] != 6:
            raise Problem("boxes are rows of six numbers, these are {given}", given=tuple(value.shape))

    def show(self, value) -> str:
        counts = [(name, int((value[:, 4] == i).sum())) for i, name in enumerate(self.names)]
        return ", ".join(f"{name} {count}" for name, count in counts if count) or say("nothing")


@dataclass(frozen=True)
class Mask:
    """A class for every pixel: uint8 (height, width); 255 (`VOID`) is not counted. `colours` are those of its classes."""
    names: tuple[str, ...]
    height: int
    width: int
    colours: tuple[tuple[int, int, int], ...] = ()
    unit: ClassVar[str] = "masks"

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def check(self, value) -> None:
        if tuple(value.shape[-2:]) != self.shape:
            raise Problem("this mask is {given}, the picture {wanted} (height, width)", given=tuple(value.shape[-2:]), wanted=self.shape)

    def show(self, value) -> str:
        counted = value[value != VOID]
        shares = [(name, float((counted == i).float().mean()) if counted.numel() else 0.0) for i, name in enumerate(self.names)]
        return ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= 0.005) or say("nothing")


@dataclass(frozen=True)
class Text:
    """Sentences. `words` is the vocabulary that a model of this data uses, most frequent first. The targets of a batch are
    a list; one example has a tuple of true sentences, one or several."""
    words: tuple[str, ...] = ()
    unit: ClassVar[str] = "texts"
    shape: ClassVar[tuple] = ()

    def read(self, raw: bytes) -> str:
        return unicodedata.normalize("NFC", raw.decode("utf-8").strip())

    def check(self, value) -> None:
        if not isinstance(value, str):
            raise Problem("{value} is not a text", value=value)

    def show(self, value) -> str:
        return value if isinstance(value, str) else value[0] if len(value) else ""


@dataclass(frozen=True)
class Panel:
    """What a system shows of itself in its report, by `panels()`: a title, a sentence that says what to look at, and either
    `pictures` uint8 (N, C, H, W) in rows of `across` (0: as square as can be), or a `film` of `across` at once; or
    `points` (N, 2) in a plane, coloured by `classes` (N,). `names`: of the rows of pictures, or of the classes."""
    title: str
    text: str
    pictures: Optional["Tensor"] = None
    across: int = 0
    film: bool = False
    points: Optional["Tensor"] = None
    classes: Optional["Tensor"] = None
    names: tuple[str, ...] = ()
