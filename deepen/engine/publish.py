"""Folders that stand whole or not at all: written beside, each file synced, then renamed into place.

At every moment (kill -9, a full disk, no current) the new folder or the one before it is there, in its place
or set aside beside it as `.NAME.PROCESS.old`; what is half written is called `.NAME.PROCESS.tmp`.
"""
import errno
import math
import os
import re
import shutil
import time
from pathlib import Path

from deepen.core.words import Failure


def publish(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files beside, in their order, and put them in the folder's place. Returns the folder.

    `Failure` when that cannot be done (with the space needed and free): what stood there still stands."""
    beside, aside = _beside(folder, "tmp"), _beside(folder, "old")
    needed = sum(len(content) + 4096 for content in files.values())     # a file fills whole blocks
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent, folder.name)
        room = shutil.disk_usage(folder.parent)
        if room.total and room.free < needed:               # some network disks say 0 of 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        beside.mkdir()
        for name, content in files.items():
            with open(beside / name, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync(beside)
        if folder.exists():
            folder.rename(aside)
        beside.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)           # what cannot be removed now is swept later
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise _unwritten(folder, needed, error) from error
    shutil.rmtree(aside, ignore_errors=True)
    return folder


def _unwritten(folder: Path, needed: int, error: OSError) -> Failure:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return Failure("{folder} could not be written ({reason}); check that disk and its permissions",
                       folder=folder, reason=error.strerror)
    free = shutil.disk_usage(next(path for path in folder.parents if path.exists())).free
    return Failure("there is no space left in {folder}: {needed} MB are needed, {free} MB are free; "
                   "make room there (or raise your quota) and go on", folder=folder.parent,
                   needed=math.ceil(needed / 1e5) / 10, free=math.floor(free / 1e5) / 10)


def discard(folder: Path) -> None:
    """Remove a folder: out of sight in one step, then file by file."""
    going = _beside(folder, "tmp")
    folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)                # what cannot be removed now is swept later


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}.{os.getpid()}.{kind}")


def _sync(folder: Path) -> None:
    if os.name == "posix":                                  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def standing(folder: Path) -> Path:
    """The folder, or what stood there before where only that is left."""
    return folder if folder.exists() else next(folder.parent.glob(f".{folder.name}.*.old"), folder)


def sweep(parent: Path, only: str | None = None) -> None:
    """Remove what dead processes left half done; put back what they had set aside."""
    for path in list(parent.glob(".*")):
        match = re.fullmatch(r"\.(.+)\.([0-9]{1,9})\.(tmp|old)", path.name)
        if not match or only not in (None, match[1]) or _alive(int(match[2]), path):
            continue
        if match[3] == "old" and not (parent / match[1]).exists():
            path.rename(parent / match[1])
        else:
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int, path: Path) -> bool:
    """Is another process still at it? (One with our own number is a dead namesake: we are between saves.)"""
    if os.name != "posix":                                  # there, asking with signal 0 would end it
        return time.time() - path.stat().st_mtime < 3600
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True                                         # somebody else's
    return process != os.getpid()
