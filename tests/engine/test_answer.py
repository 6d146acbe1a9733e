"""Answers about files: pictures, tables, and what cannot be read."""
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from deepen.core.data import Data
from deepen.core.kinds import Image, Label, Number, Row
from deepen.core.system import System
from deepen.engine.answer import answers


class Sure(System):
    goal = (Image, Label)

    def __init__(self, inputs, target, answer):
        self.data, self.answer = Data({}, inputs, target), answer

    def predict(self, inputs):
        return self.answer(inputs)


def asking(*about):
    return SimpleNamespace(system=lambda: Sure(*about), path=Path("run"))


def test_pictures_are_answered_in_their_order_and_bad_ones_told(tmp_path):
    from PIL import Image as Pillow
    files = [tmp_path / f"{i}.png" for i in range(3)]
    Pillow.new("L", (4, 4), 255).save(files[0])
    files[1].write_bytes(b"")
    Pillow.new("L", (4, 4), 0).save(files[2])
    light = lambda x: torch.stack([x.float().mean((1, 2, 3)) / 255, 1 - x.float().mean((1, 2, 3)) / 255], 1)   # noqa: E731
    one, two, three = answers(asking(Image(1, 4, 4), Label(("light", "dark")), light), files)
    assert one.told["label"] == "light" and three.told["label"] == "dark" and three.lines[0] == "dark 100.0 %"
    assert two.problem == "the file is empty (0 bytes)" and not two.told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_tables_are_answered_row_by_row(tmp_path, encoding):
    kind = Row(("크기", "색"), (None, ("빨강", "파랑")))
    file = tmp_path / "new.csv"
    file.write_bytes("색,남는 열,크기\n파랑,x,2\n빨강,x,짝\n빨강,x,5\n".encode(encoding))
    told = list(answers(asking(kind, Number("값"), lambda x: x[:, 0] * 10 + x[:, 1]), [file]))
    assert [one.told.get("값") for one in told] == [21.0, None, 50.0]
    assert told[1].where.endswith("new.csv:3") and "짝" in told[1].problem


def test_a_system_that_makes_things_says_so(tmp_path):
    from deepen.core.words import Problem
    run = asking(Image(1, 4, 4), Label(("a", "b")), None)
    painter = run.system()
    painter.example = lambda count: torch.zeros(count, 3)
    run.system = lambda: painter
    with pytest.raises(Problem, match="makes things"):
        list(answers(run, [tmp_path / "x.png"]))


def test_pictures_that_come_back_are_told_by_their_size(tmp_path):
    from PIL import Image as Pillow
    Pillow.new("L", (4, 4), 200).save(tmp_path / "a.png")
    run = asking(Image(1, 4, 4), Label(("a", "b")), lambda x: 1 - x.float() / 255)
    system = run.system()
    system.goal = (Image, Image)
    run.system = lambda: system
    one, bad = answers(run, [tmp_path / "a.png", tmp_path / "none.png"])
    assert one.told == {"width": 4, "height": 4, "channels": 1} and one.lines == ("a picture of 4 × 4 pixels",)
    assert one.photo.pixels.unique().tolist() == [55] and one.photo.drawn().size == (4, 4) and bad.problem
