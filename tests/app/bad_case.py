"""One bad input: how it is made, and what must come when somebody gives it to deepen."""
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Case:
    """`level`: "error" (training is refused), "warning", "note", several of them with "|", "loads" (no error; words
    about it are welcome), "fine" (no error and no warning), "any" (nothing can tell: only no traceback)."""
    name: str
    make: Callable[[Path], Path]    # writes into an empty folder -> the path that is given to deepen
    level: str
    file: str = ""                  # what the finding must name: a file, a class, a column
    about: str = ""                 # regular expression in the English finding
    words: tuple[str, ...] = ()     # settings on the command line


def noise(seed: int, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Image.Image:
    """A picture like no other: blocks of colour, so that also what is recompressed stays far from the rest."""
    random_numbers = np.random.default_rng(seed)
    blocks = random_numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks, "RGB").resize(size, Image.Resampling.NEAREST).convert(mode)


def lines_of(seed: int, count: int = 40) -> list[list[str]]:
    """A small honest Korean table: a line of names, then rows. The last column is the target and cannot be guessed
    from one column alone."""
    draw = random.Random(seed)
    rows = [["이름", "나이", "키", "지역", "합격"]]
    for i in range(count):
        age, height = draw.randint(18, 60), round(draw.uniform(150, 190), 1)
        place = draw.choice(["서울", "부산", "대구", "광주"])
        name = draw.choice("김이박최정") + draw.choice("민서지도하") + draw.choice("준윤우원현") + str(i)
        rows.append([name, str(age), str(height), place, "예" if draw.random() < 0.5 else "아니오"])
    return rows


def written(rows: list[list[str]], mark: str = ",") -> str:
    return "".join(mark.join(row) + "\n" for row in rows)


def file_with(name: str, content: bytes | str) -> Callable[[Path], Path]:
    """A maker of one file."""
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path
    return make
