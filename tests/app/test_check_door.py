"""`deepen check`: what a person and a program read, the exit code, the page; and that no file name steers a terminal."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.app.check import check as door
from deepen.app.cli import main
from deepen.app.commands import Asked, Command
from deepen.core.words import Problem, visible

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
PROSE = "It was a bright cold day in April, and the clocks were striking.\n" * 9
COMMAND = Command("check", "check.check", "DATA", "", ())


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


def ask(*words, **options):
    return door(Asked(COMMAND, tuple(map(str, words)), options))


def test_the_door(capsys, folder):
    assert ask(folder) == 0
    told = capsys.readouterr().out
    assert "ants 12" in told and "deepen train" in told and f"{folder}" in told
    (folder / "bees" / "empty.jpg").write_bytes(b"")
    assert ask(folder, json=True) == 2
    out, err = capsys.readouterr()
    summary = json.loads(out.splitlines()[-1])
    assert summary["may_train"] is False and summary["findings"][0]["file"] == "bees/empty.jpg" and len(out.splitlines()) == 1
    assert "bees/empty.jpg" in err and "deepen train" not in err
    assert ask(folder, **{"on-bad": "skip"}) == 0
    assert "--on-bad skip" in capsys.readouterr().out


def test_what_no_system_learns_is_not_said_to_be_trained(capsys, tmp_path):
    (tmp_path / "a.txt").write_text(PROSE)
    assert ask(tmp_path / "a.txt") == 0
    told = capsys.readouterr().out
    assert "deepen train" not in told and "no system of deepen learns" in told and "words" in told
    assert main(["train", str(tmp_path / "a.txt"), "--lang", "en"]) == 2
    assert "deepen check" in capsys.readouterr().err


def test_a_thousand_equal_cases_are_one_line_and_json_names_all(capsys, tmp_path):
    rows = "\n".join(f"{i}\tthis film number {i} was good indeed\t{i % 2}" for i in range(400))
    (tmp_path / "r.tsv").write_text("id\tdocument\tlabel\n" + rows + "\n" + "90\t\t1\n" * 1000)
    assert ask(tmp_path / "r.tsv", json=True) == 0
    out, err = capsys.readouterr()
    assert len([one for one in json.loads(out)["findings"] if one["level"] == "warning"]) == 1000
    assert "1000 × the text is empty" in err and "line 402" in err and "line 407" not in err and "995 more" in err and len(err.splitlines()) < 40


def test_the_report_is_written_where_asked_and_never_into_the_data(capsys, tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(folder.rglob("*"))
    assert ask(folder, report="look.html", json=True) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["report"].endswith("look.html") and "look.html" in err
    page = (tmp_path / "look.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html") and "ants" in page
    with pytest.raises(Problem):
        ask(folder, report=str(folder / "look.html"))
    assert sorted(folder.rglob("*")) == before


def test_nothing_in_names_or_cells_steers_the_terminal(capsys, tmp_path):
    evil = "cut\x1b[2J\u202egnp\n.png"
    for i in range(3):
        picture(tmp_path / "photos" / "ants" / f"{i}.png", i)
        picture(tmp_path / "photos" / "b\x1b]0;x\x07ees" / f"{i}.png", 9 + i)
    (tmp_path / "photos" / "ants" / evil).write_bytes(b"")
    raw = os.fsencode(tmp_path / "photos" / "ants") + b"/\xff\xfe.jpg"
    Path(os.fsdecode(raw)).write_bytes(b"")
    for options in ({}, {"json": True}):
        assert ask(tmp_path / "photos", **options) == 2
        out, err = capsys.readouterr()
        assert (not any(letter in out + err for letter in "\x1b\x07\u202e") and "\\x1b[2J" in err + out) or options
    files = {one["file"] for one in json.loads(out)["findings"]}
    assert any("\x1b[2J\u202e" in file for file in files) and "\\x1b[2J\\u202egnp\\x0a.png" in err and "\\xff\\xfe.jpg" in err


def test_visible_is_plain_for_plain_text():
    assert visible("한글 é 😀 a\tb") == "한글 é 😀 a\\x09b" and visible("a\tb\nc\x1b", lines=True) == "a\tb\nc\\x1b"
    assert str(Problem("there is nothing at {path}", path="a\x1b[31m")) == "there is nothing at a\\x1b[31m"


def test_runs_and_models_are_told_what_to_ask(tmp_path, capsys):
    (tmp_path / "run.toml").write_text("")
    assert main(["check", str(tmp_path), "--lang", "en"]) == 2
    told = capsys.readouterr().err
    assert "deepen validate" in told and len(told.splitlines()) == 1


def test_every_nasty_file_is_told_without_a_traceback(capsys, tmp_path, monkeypatch):
    root = DATA / "nasty"
    if not root.is_dir():
        pytest.skip(f"{root} is not here")
    monkeypatch.chdir(tmp_path)
    for path in [root / name for name in ("voc", "coco", "masks", "captions", "text", "sgf", "models", "archives")] + [
            path for name in ("coco", "text", "sgf", "models", "archives") for path in sorted((root / name).iterdir())]:
        code = main(["check", str(path), "--json", "--lang", "en"])
        out, err = capsys.readouterr()
        told = json.loads(out.splitlines()[-1])
        assert code == (0 if told["may_train"] else 2) and "Traceback" not in err, path
        assert all(one["cause"] and (one["mend"] or one["level"] == "note") for one in told["findings"]), path
    assert not list(tmp_path.iterdir())
