"""Where the pictures lie that a list, an XML or a JSON names; and how large they are."""
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from deepen.core.kinds import open_picture
from deepen.core.words import Problem, carried, say
from deepen.sources._finding import Trouble
from deepen.sources._form_file import PICTURES
from deepen.sources._labelled import part_of
from deepen.sources._looked import whole
from deepen.sources._pictures import memory

MOST = 1_000_000        # files of a data set that are listed
TIMES = 8               # memory that a JSON takes when it is read, in sizes of its file
WHOLE = 20_000          # pictures up to which every one is decoded to its end; above, the header is read


class Pictures:
    """Every picture under a root, found by its name: composed or decomposed letters, and links are not followed."""

    def __init__(self, root: Path):
        self.root = root
        self.names: dict[str, list[str]] = defaultdict(list)            # "im0.jpg" -> ["JPEGImages/im0.jpg"]
        self.folded: dict[str, list[str]] = defaultdict(list)           # the same without capitals
        self.files: dict[str, Path] = {}
        for folder, inner, files in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(files):
                if name.lower().endswith(PICTURES) and not name.startswith(".") and len(self.files) < MOST:
                    plain = composed((Path(folder) / name).relative_to(root).as_posix())
                    self.files[plain] = Path(folder) / name
                    for key in {composed(name), composed(Path(name).stem)}:
                        self.names[key].append(plain)
                        self.folded[key.casefold()].append(plain)

    def find(self, name: str, near: str = "") -> str | None:
        """The relative path of the picture called `name`, the first of `all_called`."""
        return next(iter(self.all_called(name, near)), None)

    def all_called(self, name: str, near: str = "") -> list[str]:
        """Every picture that `name` may mean; of several those whose folder is part of `near`. Its folder may have another name
        here, but not that of another split."""
        name = composed(name.replace("\\", "/"))
        if name in self.files:
            return [name]
        found = self.names.get(PurePosixPath(name).name, [])
        fits = sorted([one for one in found if one.endswith("/" + name)] or _of_its_split(name, found))
        return [one for one in fits if PurePosixPath(one).parent.name in near] or fits

    def nearly(self, name: str) -> str | None:
        """The picture whose name differs in capitals only."""
        name = composed(name.replace("\\", "/"))
        return min(_of_its_split(name, self.folded.get(PurePosixPath(name).name.casefold(), [])), default=None)


def _of_its_split(name: str, found: list[str]) -> list[str]:
    """Those that may be the picture called `name`, whose folder has another name here: test/1.jpg is not train/1.jpg."""
    part = part_of(name.rpartition("/")[0])
    return [one for one in found if not part or part_of(one.rpartition("/")[0]) in (None, part)]


def composed(name: str) -> str:
    """macOS writes 나비 in pieces: one name, two spellings."""
    return unicodedata.normalize("NFC", name)


def sheet(path: Path, file: str) -> bytes:
    """The bytes of a list or JSON called `file`; `Trouble` when it cannot be read, or not within this machine's memory."""
    try:
        size = path.stat().st_size
        if TIMES * size > memory():
            raise Trouble(say("to read its {size:.1f} GB needs more memory than this machine has", size=size / 1e9),
                          say("part it into several files, each with its own pictures"), file)
        return whole(path)
    except OSError as error:
        raise Trouble(say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file) from None


def leaves(name: str) -> bool:
    """Does a name in a list point out of the folder?"""
    name = name.replace("\\", "/")
    return name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")


def sizes(pictures: Pictures, names: Iterable[str]) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """(width, height) of each picture as it is shown, and what is wrong with those that cannot be read."""
    wanted = sorted(set(names))

    def look(name: str) -> tuple[int, int] | str:
        try:
            path = pictures.files[name]
            return _header(path) if len(wanted) > WHOLE and path.is_file() else open_picture(whole(path)).size
        except Problem as problem:
            return str(problem).partition("; ")[0]
        except OSError as error:
            return say("it cannot be read ({reason})", reason=error.strerror or error)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        seen = dict(zip(wanted, pool.map(carried(look), wanted), strict=True))
    return ({name: size for name, size in seen.items() if not isinstance(size, str)},
            {name: reason for name, reason in seen.items() if isinstance(reason, str)})


def _header(path: Path) -> tuple[int, int]:
    from PIL import Image
    try:
        with Image.open(path) as picture:
            return picture.size
    except Exception as error:          # a decoder may raise anything on damaged bytes
        raise Problem("the picture is damaged or cut short ({reason}); save it again or remove it", reason=error) from None
