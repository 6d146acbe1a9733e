"""Numbers as lines of text: grids, tables, bars, blocks side by side, for worked examples on a terminal."""
from collections.abc import Sequence

from torch import Tensor


def numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})".replace("-", "−")


def grid(values: Tensor) -> list[str]:
    """A matrix as lines of equal width."""
    told = [[f"{value:.4g}".replace("-", "−") for value in row] for row in values.tolist()]
    width = max(len(cell) for row in told for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in told]


def beside(*blocks: list[str]) -> list[str]:
    """Blocks of lines side by side, each in the middle of the height."""
    height = max(map(len, blocks))
    padded = [[""] * ((height - len(block)) // 2) + block + [""] * (height - len(block) - (height - len(block)) // 2) for block in blocks]
    return ["    ".join(line + " " * (max(map(cells, block)) - cells(line)) for line, block in zip(row, padded, strict=True)).rstrip()
            for row in zip(*padded, strict=True)]


def columns(heading: list[str], rows: list[list[str]]) -> list[str]:
    """A table: the first column to the left, numbers to the right, words and bars to the left."""
    table = [heading, *rows]
    wide = [max(cells(row[place]) for row in table) for place in range(len(heading))]
    right = [place > 0 and all(row[place][:1].isdigit() or row[place][:1] in "−(-" for row in rows) for place in range(len(heading))]
    return ["   ".join(" " * (width - cells(cell)) + cell if to_right else cell + " " * (width - cells(cell))
                       for cell, width, to_right in zip(row, wide, right, strict=True)).rstrip() for row in table]


def bar(share: float, width: int = 20) -> str:
    return "█" * round(max(0.0, min(1.0, share)) * width)


def cells(text: str) -> int:
    """Columns of a terminal that a text takes (a Korean syllable takes two)."""
    from unicodedata import combining, east_asian_width
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)
