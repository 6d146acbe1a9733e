"""A full disk, a failing one or kill -9 costs nothing that stood: a whole checkpoint is always there."""
import errno
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from deepen.core.words import Failure
from deepen.engine import keep, publish


def tree(seed: int, size: int = 1000):
    return {"w": torch.full((size,), float(seed)), "b": torch.full((size,), -float(seed))}, {"seed": seed}


def seed_of(checkpoints: Path) -> int:
    """Which tree the newest checkpoint holds; it is whole, of one piece, and nothing is damaged."""
    _, weights, state, damaged = keep.newest(checkpoints)
    seed = state["seed"]
    assert not damaged and bool((weights["w"] == seed).all()) and bool((weights["b"] == -seed).all())
    return seed


@pytest.fixture
def small_disk(tmp_path):
    """make(kB): a disk of that size."""
    made = []

    def make(size):
        disk = tmp_path / f"disk{size}"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", disk]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("a small disk needs the right to mount")
        made.append(disk)
        return disk
    yield make
    for disk in made:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("asked_first", [True, False])
@pytest.mark.parametrize("number", [1, 2])
def test_a_full_disk_leaves_the_old_checkpoint(small_disk, monkeypatch, asked_first, number):
    usage = shutil.disk_usage
    for size in (700, 800, 1600, 1700, 2500, 2570):     # kB
        disk = small_disk(size)
        keep.save(disk / "000001", *tree(1, 80_000))    # 0.6 MB
        asked = []

        def room(path, asked=asked):                    # the disk fills up after we have looked, or before
            asked.append(path)
            return usage("/" if len(asked) == 1 and not asked_first else path)
        monkeypatch.setattr(publish.shutil, "disk_usage", room)
        with pytest.raises(Failure, match="no space left") as failure:
            keep.save(disk / f"{number:06d}", *tree(2, 250_000))        # 2 MB
        text = str(failure.value)
        needed, free = map(float, re.search(r"([0-9.]+) MB are needed, ([0-9.]+) MB are free", text).groups())
        assert 2.0 <= needed <= 2.2 and abs(free - usage(disk).free / 1e6) <= 0.1 and str(disk) in text
        assert failure.value.code == 1 and isinstance(failure.value.__cause__, OSError)
        assert [path.name for path in disk.iterdir()] == ["000001"]
        assert seed_of(disk) == 1
        monkeypatch.setattr(publish.shutil, "disk_usage", usage)
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        keep.save(disk / f"{number:06d}", *tree(2, 250_000))            # room was made: it goes on
        assert seed_of(disk) == 2


@pytest.mark.parametrize("code, says", [(errno.EIO, "could not be written"), (errno.EDQUOT, "no space left")])
def test_a_failing_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch, code, says):
    keep.save(tmp_path / "000001", *tree(1))
    for turn in range(1, 7):                            # four files, the folder, its parent
        left = iter([*range(1, turn), None, *range(9)])

        def fsync(handle, left=left):
            if next(left) is None:
                raise OSError(code, os.strerror(code))
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(Failure, match=says):
            keep.save(tmp_path / "000001", *tree(2))
        assert seed_of(tmp_path) == (2 if turn == 6 else 1)
        assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("fails", [1, 2])
def test_a_rename_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch, number, fails):
    keep.save(tmp_path / "000001", *tree(1))
    rename, done = Path.rename, []

    def sometimes(path, target):
        done.append(path)
        if len(done) == (fails if number == 1 else 1):
            raise OSError(errno.EIO, "broken")
        return rename(path, target)
    monkeypatch.setattr(Path, "rename", sometimes)
    with pytest.raises(Failure, match="could not be written"):
        keep.save(tmp_path / f"{number:06d}", *tree(2))
    assert [path.name for path in tmp_path.iterdir()] == ["000001"] and seed_of(tmp_path) == 1


def test_nothing_is_begun_without_room(tmp_path, monkeypatch):
    room = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(publish.shutil, "disk_usage", lambda path: room._replace(free=20_000))
    keep.save(tmp_path / "000001", *tree(1, 10))
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("it began"))
    with pytest.raises(Failure, match=r" 0\.0 MB are free"):
        keep.save(tmp_path / "000002", *tree(1, 1000))
    with pytest.raises(Failure, match=r" 0\.0 MB are free"):
        keep.save_model(tmp_path / "run" / "model", tree(1, 5000)[0], {})


class Killed(BaseException):
    pass


@pytest.mark.parametrize("number", [1, 2])
def test_death_at_any_call_leaves_a_whole_checkpoint(tmp_path, monkeypatch, number):
    """Replace a checkpoint, or write the next, and die at the k-th thing done to the disk, for every k."""
    real = {(os, "fsync"): os.fsync, (Path, "rename"): Path.rename, (Path, "mkdir"): Path.mkdir,
            (shutil, "rmtree"): shutil.rmtree}
    seen = []
    for k in range(40):
        shutil.rmtree(tmp_path)
        keep.save(tmp_path / "000001", *tree(1))
        done = []
        for (owner, name), call in real.items():
            def stop(*args, call=call, name=name, done=done, k=k, **options):
                if len(done) == k:
                    raise Killed
                done.append(name)
                return call(*args, **options)
            monkeypatch.setattr(owner, name, stop)
        try:
            keep.save(tmp_path / f"{number:06d}", *tree(2))
            survived = True
        except Killed:
            survived = False
        monkeypatch.undo()
        seen.append(seed_of(tmp_path))
        keep.tidy(tmp_path)
        assert seed_of(tmp_path) == seen[-1]
        assert all(re.fullmatch("[0-9]+", path.name) for path in tmp_path.iterdir())
        if survived:
            break
    assert survived and seen == sorted(seen) and {*seen} == {1, 2} and len(seen) > 8   # the old, then the new


LOOP = """
import sys, time, torch
from pathlib import Path
from deepen.engine import keep
torch.set_num_threads(1)
folder = Path(sys.argv[1])
last = keep.newest(folder)
turn = last[2]["seed"] if last else 0
while True:
    turn += 1
    weights = {"w": torch.full((50_000,), float(turn)), "b": torch.full((9,), -float(turn))}
    keep.save(folder / f"{turn // 3:06d}", weights, {"seed": turn})
    print(turn, flush=True)
    keep.tidy(folder)
"""


def test_kill_nine_never_goes_backwards(tmp_path):
    draw, top = random.Random(5), 0
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", LOOP, tmp_path], stdout=subprocess.PIPE, text=True,
                              cwd=Path(__file__).parents[2]) as run:
            first = int(run.stdout.readline())
            time.sleep(draw.random() * 0.5)
            run.kill()
            told = [first, *map(int, run.stdout.read().split())][-1]
        assert first > top
        top = seed_of(tmp_path)
        assert top in (told, told + 1)                  # what was told is there, or one more
    keep.tidy(tmp_path)
    assert len(list(tmp_path.iterdir())) <= 2


def test_tidy_keeps_the_newest_and_sweeps_after_the_dead(tmp_path):
    for number in (5, 10, 20, 100):
        keep.save(tmp_path / f"{number:06d}", *tree(number))
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    busy = f".000120.{os.getppid()}.tmp"
    for name in (f".000120.{gone.pid}.tmp", busy, f".000100.{gone.pid}.old", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "000020").rename(tmp_path / f".000020.{gone.pid}.old")
    keep.tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"000020", "000100", "notes", busy}
    assert keep.load(tmp_path / "000020")[1] == {"seed": 20}
    keep.tidy(tmp_path, keep=1)
    assert keep.newest(tmp_path)[0] == 100 and not (tmp_path / "000020").exists()
