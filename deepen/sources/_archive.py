"""What is in an archive, without unpacking it; hostile ones are named as such."""
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from deepen.core.words import say
from deepen.sources._finding import Trouble

MOST = 200_000              # members that are looked at
BOMB = 100                  # times what is inside may be larger than the archive, once it is larger than a picture or a book
LARGE = 50 << 20            # bytes from which a compression like that is no longer harmless
TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


@dataclass
class Inside:
    """The members of an archive by name, with their sizes in bytes, and what is wrong with it."""
    sizes: dict[str, int] = field(default_factory=dict)
    leaving: list[str] = field(default_factory=list)        # ../ and absolute names
    links: list[str] = field(default_factory=list)
    packed: int = 0


def is_tar(path: Path) -> bool:
    """By its name: a .gz that holds one file is no archive."""
    return path.name.lower().endswith(TARS)


def inside(path: Path) -> Inside:
    """Look at a ZIP or TAR. `Trouble` when it is damaged, locked, leaves its folder, links out of it, or is a bomb."""
    try:
        with open(path, "rb") as opened:
            start = opened.read(2)
        found = _zip(path) if start == b"PK" or zipfile.is_zipfile(path) else _tar(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, ValueError, NotImplementedError) as error:
        raise Trouble(say("the archive is damaged or cut short ({reason})", reason=str(error).splitlines()[0][:100] if str(error) else type(error).__name__),
                      say("download or copy it again"), path.name) from None
    if found.leaving:
        raise Trouble(say("the archive is hostile: unpacking it would write outside its folder ({names})",
                          names=", ".join(found.leaving[:5])),
                          say("do not unpack it; get the data from somebody you trust"), path.name)
    if found.links:
        raise Trouble(say("the archive holds links out of its folder ({names})", names=", ".join(found.links[:5])),
                      say("do not unpack it; get the data from somebody you trust"), path.name)
    total = sum(found.sizes.values())
    if total > LARGE and total > BOMB * max(1, found.packed):
        raise Trouble(say("the archive is a bomb: {packed} of it grow to {total}", packed=_bytes(found.packed),
                          total=_bytes(total)),
                      say("do not unpack it; get the data from somebody you trust"), path.name)
    return found


def _zip(path: Path) -> Inside:
    found = Inside(packed=path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist()[:MOST]:
            name = korean(member)
            if _leaves(name):
                found.leaving.append(name)
            elif (member.external_attr >> 16) & 0o170000 == 0o120000:
                found.links.append(name)
            elif not member.is_dir() and not _litter(name):
                found.sizes[name] = member.file_size
    return found


def _tar(path: Path) -> Inside:
    found = Inside(packed=path.stat().st_size)
    total = 0
    with tarfile.open(path) as archive:
        for number, member in enumerate(archive):           # reads on as far as the next name
            total += member.size
            if number >= MOST or (total > LARGE and total > BOMB * found.packed):
                found.sizes[member.name] = member.size
                break
            if _leaves(member.name):
                found.leaving.append(member.name)
            elif (member.issym() or member.islnk()) and _leaves(_target(member)):
                found.links.append(f"{member.name} → {member.linkname}")
            elif member.isfile() and not _litter(member.name):
                found.sizes[member.name] = member.size
            elif member.ischr() or member.isblk() or member.isfifo():
                found.links.append(member.name)
    return found


def _target(member: tarfile.TarInfo) -> str:
    if member.linkname.startswith("/") or member.islnk():
        return member.linkname
    return str(PurePosixPath(member.name).parent / member.linkname)


def _leaves(name: str) -> bool:
    """Would this name be written outside the folder? a/../b stays inside, a/../../b does not."""
    name = name.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":":
        return True
    depth = 0
    for part in name.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False


def korean(member: zipfile.ZipInfo) -> str:
    """The name of a member: ZIPs made on Korean Windows hold CP949 without saying so."""
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp949")
    except UnicodeError:
        return member.filename


def texts(path: Path, most: int = 500 << 20) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every .txt in a ZIP that `inside` has found harmless, read in memory, at most `most` bytes of all."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist()[:MOST]:
            if member.is_dir() or _litter(korean(member)) or not member.filename.lower().endswith(".txt"):
                continue
            most -= member.file_size
            if most < 0:
                raise Trouble(say("there is more text in the archive than fits into memory"),
                              say("unpack it and give the folder"), path.name)
            try:
                with archive.open(member) as file:
                    yield korean(member), file.read(member.file_size)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as error:
                raise Trouble(say("the archive is damaged or locked ({reason})", reason=error), say("download or copy it again"),
                              path.name, korean(member)) from None


def _litter(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
