"""check says what data is, what is wrong where and how to mend it, and whether training may start."""
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.core.words import Problem
from deepen.engine.check import DOCTORS, check

PROSE = "It was a bright cold day in April, and the clocks were striking.\n" * 9


def picture(path, seed=0, size=(40, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        picture(tmp_path / "photos" / "ants" / f"{i}.png", i)
        picture(tmp_path / "photos" / "bees" / f"{i}.png", 100 + i)
    return tmp_path / "photos"


def of(found, level):
    return [finding for finding in found.findings if finding.level == level]


def test_good_pictures_and_damaged_ones(folder):
    found = check(str(folder))
    assert found.may_train and found.what == "pictures" and found.source == "folder"
    assert found.summary["classes"] == {"ants": 12, "bees": 12} and found.summary["readable"] == 24
    whole = picture(folder / "ants" / "cut.png", 50, (60, 60))
    whole.write_bytes(whole.read_bytes()[:3000])
    (folder / "bees" / "empty.jpg").write_bytes(b"")
    found = check(str(folder))
    assert not found.may_train and {finding.file for finding in of(found, "error")} == {"ants/cut.png", "bees/empty.jpg"}
    assert check(str(folder), {"data.on_bad": "skip"}).may_train


def test_a_table_and_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("x,colour,y\n" + "".join(f"{i * 7 % 30},{'rb'[i % 2]},{i // 2 % 2}\n" for i in range(60)))
    for path in (file, tmp_path):
        found = check(str(path))
        assert found.may_train and (found.what, found.source, found.where) == ("table", "table", str(path))
        assert found.summary["rows"] == 60 and found.summary["target_column"] == "y"
    error, = of(check(str(file), {"target": "cost"}), "error")
    assert "no column cost" in error.cause and error.mend


def test_sources_and_what_is_no_data(tmp_path):
    found = check("iris")
    assert found.may_train and found.summary["classes"] == {"setosa": 35, "versicolor": 35, "virginica": 35}
    with pytest.raises(Problem, match="nothing at"):
        check(str(tmp_path / "nowhere"))
    with pytest.raises(Problem, match=r"no setting data.sed; did you mean data.seed"):
        check("iris", {"sed": "1"})
    for name in ("s.csv", "t.csv"):
        (tmp_path / name).write_text("a,y\n1,0\n2,1\n")
    error, = of(check(str(tmp_path)), "error")
    assert "s.csv, t.csv" in error.cause and "s.csv" in error.mend
    (tmp_path / "net.pkl").write_bytes(b"\x80\x04cos\nsystem\n")
    found = check(str(tmp_path / "net.pkl"))
    assert found.what == "nothing" and not found.may_train and found.findings[0].file == "net.pkl"


def test_every_form_has_its_doctor_or_its_source(tmp_path):
    from typing import get_args

    from deepen.sources._form import Name
    assert set(get_args(Name)) - set(DOCTORS) == {"packed"}
    for file in set(DOCTORS.values()):
        assert (Path(__file__).parents[2] / f"deepen/engine/doctor/{file}.py").is_file()


def test_forms_without_a_system_take_on_bad_only(tmp_path):
    (tmp_path / "a.txt").write_text(PROSE)
    assert check(str(tmp_path / "a.txt"), {"on_bad": "skip"}).may_train
    with pytest.raises(Problem, match=r"no setting target"):
        check(str(tmp_path / "a.txt"), {"target": "x"})


def test_a_source_without_files_says_that_nothing_can_be_left_out():
    found = check("iris", {"on_bad": "skip"})
    assert found.may_train and any("on_bad changes nothing" in finding.cause for finding in found.findings)


def test_every_source_that_is_listed_can_be_asked_for():
    """A public function of sources/ is a source: all it takes has a line of help, so none is there by accident."""
    from deepen.engine import find
    for name, entry in find.sources().items():
        assert entry.about and all(setting.help for setting in entry.settings), name
