"""check names the file, the place, the cause and the cure, and says whether training may start."""
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.app.check import check as door
from deepen.app.commands import Asked, Command
from deepen.core.words import Problem
from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def picture(path, seed=0, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        picture(tmp_path / "ants" / f"{i}.png", i)
        picture(tmp_path / "bees" / f"{i}.png", 100 + i)
    return tmp_path


def of(found, level):
    return [finding for finding in found.findings if finding.level == level]


def test_good_pictures(folder):
    found = check(str(folder))
    assert found.may_train and not of(found, "warning") and found.what == "pictures"
    assert found.summary["classes"] == {"ants": 12, "bees": 12}
    assert found.summary["pictures"] == found.summary["readable"] == 24
    assert found.summary["sizes"]["median"] == (10, 12)


def test_a_picture_cut_in_half_is_found_by_name(folder):
    whole = picture(folder / "ants" / "cut.png", 50, (60, 60))
    whole.write_bytes(whole.read_bytes()[:3000])
    (folder / "bees" / "empty.jpg").write_bytes(b"")
    found = check(str(folder))
    assert not found.may_train
    assert {(finding.file, finding.place) for finding in of(found, "error")} == {("ants/cut.png", "class ants"), ("bees/empty.jpg", "class bees")}
    assert all(finding.cause and "--on-bad skip" in finding.mend for finding in of(found, "error"))
    skipped = check(str(folder), {"data.on_bad": "skip"})
    assert skipped.may_train and len(of(skipped, "warning")) == 2


def test_empty_small_and_single_classes(folder):
    (folder / "wasps").mkdir()
    picture(folder / "flies" / "1.png", 70)
    found = check(str(folder))
    assert any(finding.place == "class wasps" and "no pictures" in finding.cause for finding in of(found, "warning"))
    assert any(finding.place == "class flies" and "only 1" in finding.cause for finding in of(found, "warning"))
    assert any("flies has only one picture" in finding.cause for finding in of(found, "error"))
    shutil.rmtree(folder / "flies")
    shutil.rmtree(folder / "bees")
    assert any("only one class, ants" in finding.cause for finding in of(check(str(folder)), "error"))


def test_the_same_picture_twice(folder):
    shutil.copy(folder / "ants" / "0.png", folder / "bees" / "copy.png")
    shutil.copy(folder / "ants" / "1.png", folder / "ants" / "copy.png")
    found = check(str(folder))
    assert ["ants/0.png, bees/copy.png" in finding.cause for finding in of(found, "warning")] == [True]
    assert any("1 pictures are copies" in finding.cause for finding in of(found, "note"))


def test_the_same_picture_in_train_and_test(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("splits")
    shutil.copytree(folder, root / "train")
    shutil.copytree(folder, root / "test")
    assert sum("another split" in finding.cause for finding in of(check(str(root)), "warning")) == 24


def table(tmp_path, text):
    file = tmp_path / "t.csv"
    file.write_text(text)
    return file


def test_a_good_table(tmp_path):
    found = check(str(table(tmp_path, "x,colour,y\n" + "".join(f"{i * 7 % 30},{'rb'[i % 2]},{i // 2 % 2}\n" for i in range(60)))))
    assert found.may_train and found.what == "table"
    assert found.summary["rows"] == 60 and found.summary["target_column"] == "y"
    assert found.summary["columns"][0] == {"name": "x", "missing": 0, "distinct": 30, "kind": "numbers", "least": 0.0, "median": 14.5, "most": 29.0}
    assert found.summary["columns"][1]["values"] == ["b", "r"]
    assert found.summary["splits"] == {"train": 42, "valid": 6, "test": 12}


def test_columns_that_mislead(tmp_path):
    text = "id,same,holes,copy,x,y\n" + "".join(
        f"{i},7,{i if i % 4 == 0 else ''},{'ab'[i % 2]},{i * 37 % 11},{i % 2}\n" for i in range(60))
    found = check(str(table(tmp_path, text)))
    told = {finding.place: finding.cause for finding in of(found, "warning")}
    assert "counts the rows" in told["column id"] and "same value" in told["column same"]
    assert "75%" in told["column holes"] and "target alone" in told["column copy"] and "column x" not in told
    assert found.may_train


def test_rows_that_repeat(tmp_path):
    text = "x,y\n" + "".join(f"{i % 50},{i % 2}\n" for i in range(60))
    assert any("10 rows repeat" in finding.cause for finding in of(check(str(table(tmp_path, text))), "note"))


@pytest.mark.parametrize("text, settings, place, cause", [
    ("a,b,y\n1,2,0\n1,2\n" + "3,4,1\n" * 9, {}, "line 3", "line 3 has 2"),
    ("a,b,y\n" + "3,4,1\n" * 9, {}, "column y", "one value only"),
    ("a,b,y\n" + "3,4,1\n" * 9, {"target": "cost"}, "", "no column cost"),
    ("", {}, "", "empty"),
    ("a,b,y\n" + "3,4,1\n1,2,0\n" * 9, {"test": "nope.csv"}, "", "no such file"),
])
def test_errors_of_tables(tmp_path, text, settings, place, cause):
    found = check(str(table(tmp_path, text)), settings)
    error, = of(found, "error")
    assert not found.may_train and error.place == place and cause in error.cause and error.mend


def test_sources_and_what_is_no_data(tmp_path):
    found = check("iris")
    assert found.may_train and found.summary["classes"] == {"setosa": 35, "versicolor": 35, "virginica": 35}
    with pytest.raises(Problem, match="nothing at"):
        check(str(tmp_path / "nowhere"))
    with pytest.raises(Problem, match=r"no setting data.sed; did you mean data.seed"):
        check("iris", {"sed": "1"})
    table(tmp_path, "a,y\n1,0\n")
    error, = of(check(str(tmp_path)), "error")
    assert "t.csv" in error.mend


def test_the_door(tmp_path, capsys, folder):
    command = Command("check", "check.check", "DATA", "", ())
    assert door(Asked(command, (str(folder),), {})) == 0
    told = capsys.readouterr().out
    assert "ants 12" in told and "deepen train" in told
    (folder / "bees" / "empty.jpg").write_bytes(b"")
    assert door(Asked(command, (str(folder),), {"json": True})) == 2
    out, err = capsys.readouterr()
    summary = json.loads(out.splitlines()[-1])
    assert summary["may_train"] is False and summary["findings"][0]["file"] == "bees/empty.jpg"
    assert "bees/empty.jpg" in err
    assert door(Asked(command, (str(folder),), {"on-bad": "skip"})) == 0


def test_nasty_pictures_are_named():
    root = DATA / "nasty" / "image-folder"
    if not root.is_dir():
        pytest.skip(f"{root} is not here")
    found = check(str(root))
    bad = {finding.file for finding in of(found, "error") if finding.file}
    assert bad == {f"ants/{name}" for name in ("html_named.jpg", "text_named.png", "truncated_half.jpg", "truncated_half.png",
                                               "zero_byte.jpg", "zero_byte.png")} | {"bees/bad_crc.png"}
    assert any(finding.place == "class empty_class" for finding in of(found, "warning"))
    assert any("나비" in finding.cause for finding in of(found, "error"))
    assert any("dup_of_bees_ok_0.jpg" in finding.cause for finding in of(found, "warning"))
