"""What somebody's data is: found by looking at a path, with the reason."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from deepen.core.words import Problem, say
from deepen.sources._finding import Trouble

TABLES = (".csv", ".tsv", ".txt", ".parquet")
Name = Literal["pictures", "table", "voc", "coco", "masks", "captions", "text", "corpus", "games", "packed"]


@dataclass(frozen=True)
class Form:
    """What a path holds. `source` is the source that can read it for training, None where there is none yet."""
    name: Name
    why: str                # how that was decided, in a sentence
    path: Path
    source: str | None
    given: Mapping[str, Any] = field(default_factory=dict)      # settings of the source that were found: {"test": file}
    classless: str | None = None                                # the source for systems that need no classes, where there are none


def recognise(path: Path) -> Form:
    """The form of the data at an existing path; `Trouble` when it is none, `Problem` when it is a run or a model.

    A bounded number of entries and the first bytes of a few files are looked at, however large the data is."""
    from deepen.sources._form_file import of_file
    from deepen.sources._form_folder import of_folder
    path = path.expanduser()
    try:
        if path.is_dir():
            return of_folder(path)
        if not path.exists():
            raise Problem("there is nothing at {path}; check the spelling, or give the full path", path=path)
        if not path.is_file():
            raise Trouble(say("this is a device or a pipe, not a file"),
                          say("save what comes out of it in a file, and give that"),
                          path.name)
        return of_file(path)
    except PermissionError as error:
        raise Trouble(say("it cannot be read ({reason})", reason=error.strerror or error),
                      say("change its rights, or copy it to a folder of your own"), Path(error.filename or path).name) from None
    except OSError as error:
        raise Trouble(say("it cannot be read ({reason})", reason=error.strerror or error),
                      say("check the disk, or copy it again"), path.name) from None
