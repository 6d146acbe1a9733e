"""A user's folder has the same names, bytes, times and rights before and after anything deepen does."""
import hashlib
import json
import os
import random
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.app.cli import main
from deepen.core.words import speak
from deepen.engine.run import Run

QUICK = ["--device", "cpu", "--quiet"]


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield
    speak("en")


def fingerprint(folder: Path) -> dict[str, tuple]:
    """What there is to change: every name with its kind, rights, time, and content or goal."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        told = path.lstat()
        inside = (os.readlink(path) if stat.S_ISLNK(told.st_mode) else
                  hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(told.st_mode) else "")
        found[str(path)] = (stat.S_IFMT(told.st_mode), stat.S_IMODE(told.st_mode), told.st_mtime_ns, told.st_size * bool(inside), inside)
    return found


def photos(root: Path) -> Path:
    """Pictures that a class can be told from by brightness, with what real folders hold beside them."""
    draw = np.random.default_rng(3)
    for name, light in (("개미", 60), ("bees", 190)):
        (root / name).mkdir(parents=True)
        for i in range(16):
            blocks = draw.integers(light - 50, light + 50, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(blocks).resize((24, 24), 0).save(root / name / f"사진 {i}.png")
    (root / "bees" / "Thumbs.db").write_bytes(b"litter")
    (root / ".hidden").write_bytes(b"hidden")
    (root / "notes.txt").write_text("notes")
    os.symlink("..", root / "bees" / "up")
    os.chmod(root / "bees" / "사진 1.png", 0o400)
    return root


def table(folder: Path) -> Path:
    draw = random.Random(4)
    folder.mkdir(parents=True)
    rows = ["나이,키,지역,합격"]
    for _ in range(120):
        age, place = draw.randint(18, 60), draw.choice(["서울", "부산"])
        rows.append(f"{age},{draw.uniform(150, 190):.1f},{place},{'예' if age + 9 * draw.random() > 40 else '아니오'}")
    (folder / "표.csv").write_bytes(("\r\n".join(rows) + "\r\n").encode("cp949"))
    (folder / "to ask.csv").write_text("\n".join(["나이,키,지역", *(row.rpartition(",")[0] for row in rows[1:9])]) + "\n")
    return folder / "표.csv"


def everything(what: Path, ask: Path, recipe: list[str], given: Path) -> None:
    """Each command in turn; the folder is compared after every one, so that a failure names the guilty one."""
    before = fingerprint(given)
    commands = [["check", str(what)], ["check", str(what), "--json"], ["train", str(what), *recipe, *QUICK, "--out", "run"],
                ["validate", "run"], ["validate", "run", "--data", str(what)], ["predict", "run", str(ask)],
                ["report", "run"], ["export", "run"], ["check", str(what)]]
    for command in commands:
        assert main(command) == 0, command
        after = fingerprint(given)
        assert after == before, (command, set(after.items()) ^ set(before.items()))
    assert Run.open("run").finished()


def test_a_folder_of_pictures(tmp_path, capsys):
    root = photos(tmp_path / "given" / "사진첩")
    everything(root, root / "bees" / "사진 3.png", ["data.size=16", "net=flatten; dense classes", "epochs=2", "batch=8"], tmp_path / "given")


def test_a_table(tmp_path, capsys):
    path = table(tmp_path / "given" / "표들")
    everything(path, path.parent / "to ask.csv", ["learner=logistic"], tmp_path / "given")


@pytest.mark.parametrize("form", ["pictures", "table"])
def test_a_folder_nobody_may_write(tmp_path, capsys, form):
    given = tmp_path / "given"
    what = photos(given / "photos") if form == "pictures" else table(given / "tables")
    for path in sorted(given.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    given.chmod(0o555)
    try:
        if os.access(given, os.W_OK):
            pytest.skip("this user (root?) may write everywhere")
        before = fingerprint(given)
        assert main(["check", str(what), "--json"]) == 0
        recipe = ["data.size=16", "net=flatten; dense classes", "epochs=1"] if form == "pictures" else ["learner=logistic"]
        assert main(["train", str(what), *recipe, *QUICK, "--out", "run"]) == 0
        assert json.loads(Path("run/model/card.json").read_text())
        assert fingerprint(given) == before
    finally:
        for path in [given, *given.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


def test_the_fingerprint_sees_every_change(tmp_path):
    root = photos(tmp_path / "photos")
    before = fingerprint(root)
    assert fingerprint(root) == before
    file = root / "bees" / "사진 2.png"
    os.utime(file, ns=(1, 1))
    assert fingerprint(root) != before
    now = fingerprint(root)
    (root / "bees" / "new").write_bytes(b"")
    (root / "bees" / "new").unlink()
    assert fingerprint(root) != now, "what was made and removed again leaves its trace in the folder's time"
