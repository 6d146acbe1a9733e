"""Text, plain or with labels: what is in it, and what would spoil what is learned."""
import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepen.core.words import say
from deepen.engine.doctor.checked import Checked, Notes, middle
from deepen.sources import _archive, _peek
from deepen.sources._finding import Level, Trouble
from deepen.sources._form import Form
from deepen.sources._form_file import PICTURES
from deepen.sources._pictures_at import composed
from deepen.sources._plain_text import FEW, HIDDEN, contents, read

PARTS = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test",
         "testing": "test"}
UNEVEN = 20
OFTEN = 0.05        # share of the test that may stand in train by chance
SHORT = 12          # characters from which a line that comes again is worth a word


@dataclass(frozen=True)
class Said:
    """One text with its label."""
    part: str
    label: str
    text: str
    file: str
    line: int = 0

    @property
    def place(self) -> str:
        return say("line {line}", line=self.line) if self.line else ""

    @property
    def where(self) -> str:
        return f"{self.file}, {self.place}" if self.line else self.file


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what text holds and what is wrong in it."""
    notes = Notes(found, values.get("on_bad") == "skip")
    try:
        files = list(_files(form.path, form.name == "text", notes))
    except Trouble as trouble:
        notes.problem(trouble)
        return
    encodings: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for file, raw in files:
        try:
            texts[file], encoding = read(raw, file, notes.add)
            encodings[encoding] += 1
        except Trouble as trouble:
            notes.add("error", trouble.finding.cause, trouble.finding.mend, file, trouble.finding.place)
    if form.name == "corpus":
        found.summary = _corpus(texts, notes)
    elif form.path.suffix.lower() == ".zip" or not any(_columns(text) for text in list(texts.values())[:10]):
        found.summary = _labelled([one for file, text in texts.items() if (one := _of_folder(file, text, notes))], notes)
    else:
        found.summary = _labelled([one for file, text in texts.items() for one in _of_list(file, text, notes)], notes)
    found.summary = {"files": len(files), "encodings": dict(encodings), **found.summary}


def _files(path: Path, labelled: bool, notes: Notes) -> Iterator[tuple[str, bytes]]:
    """(name below the root, bytes) of every text."""
    if path.is_file() and path.suffix.lower() == ".zip":
        _archive.inside(path)
        yield from _archive.texts(path)
        return
    endings = (".txt", ".csv", ".tsv", ".tab", ".gz") if labelled else (".txt", ".gz")
    paths = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.name.lower().endswith(endings)
                                                and one.is_file() and not one.name.startswith("."))
    lone = [one for one in paths if path.is_dir() and one.parent == path and one.stem.lower().startswith(("readme", "licen"))]
    for one in paths:
        if one in lone:
            continue
        file = composed(one.name if path.is_file() else one.relative_to(path).as_posix())
        try:
            yield file, contents(one, file)
        except Trouble as trouble:
            notes.problem(trouble)
        except OSError as error:
            notes.add("error", say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file)


def _corpus(texts: dict[str, str], notes: Notes) -> dict[str, Any]:
    words: Counter[str] = Counter()
    letters: set[str] = set()
    counts: dict[str, int] = {}
    lines = longest = 0
    for file, text in texts.items():
        these = HIDDEN.sub("", text).split()
        counts[file] = len(these)
        words.update(these)
        letters |= set(text)
        split = text.rstrip("\n").split("\n")
        lines += len(split)
        longest = max(longest, max(map(len, split)))
        if not these:
            notes.add("error", say("there are blanks only, no words"), say("check that the right file was given"), file)
        elif len(these) < FEW and len(text) < 10 * FEW:
            level: Level = "error" if len(texts) == 1 else "warning"
            notes.add(level, say("there are only {count} words, too few to learn from", count=len(these)), say("add text"), file)
    _same(texts, notes)
    _leaks({part: set(line for line in text.split("\n") if len(line) >= SHORT) for part,
            text in _by_part(texts).items()}, "lines", notes)
    told: dict[str, Any] = {"characters": sum(map(len, texts.values())), "words": words.total(), "different_words": len(words),
                            "different_characters": len(letters), "lines": lines, "longest_line": longest,
                            "frequent_words": [word[:30] for word, _ in words.most_common(10)]}
    if len(counts) > 1:
        told["words_by_file"] = counts
    return told


def _by_part(texts: dict[str, str]) -> dict[str, str]:
    """Texts whose names say train, valid or test."""
    return {part: text for file, text in texts.items() if (part := _part(file))}


def _part(file: str) -> str:
    parts = [PARTS[word] for word in Path(file.lower()).name.replace("-", ".").replace("_", ".").split(".") if word in PARTS]
    above = [PARTS[folder] for folder in file.lower().split("/")[:-1] if folder in PARTS]
    return (parts or above or [""])[0]


def _same(texts: dict[str, str], notes: Notes) -> None:
    first: dict[bytes, str] = {}
    for file, text in texts.items():
        key = hashlib.sha256("\n".join(line.strip() for line in text.strip().split("\n")).encode("utf-8", "replace")).digest()
        if text.strip() and first.setdefault(key, file) != file:
            notes.add("warning", say("it holds the same text as another file"), say("keep one of them"), file, first[key])


def _leaks(parts: dict[str, set[str]], what: str, notes: Notes) -> None:
    """What is learned from and tested on alike."""
    for part, texts in parts.items():
        both = len(texts & parts.get("train", set())) if part != "train" else 0
        if both:
            share = both / len(texts)
            cause = (say("{count} of {all} lines of {part} stand in train as well", count=both, all=len(texts),
                         part=part) if what == "lines" else
                     say("{count} of {all} texts of {part} stand in train as well", count=both, all=len(texts), part=part))
            notes.add("warning" if share > OFTEN else "note", cause,
                      say("remove them from one of the two, or the test is too easy"))


def _columns(text: str) -> _peek.Columns | None:
    found = _peek.columns(text[:_peek.HEAD], PICTURES)
    return found if found and found.text is not None and found.label is not None else None


def _of_folder(file: str, text: str, notes: Notes) -> Said | None:
    parts = file.split("/")
    if len(parts) < 2:
        notes.add("note", say("the text lies in no class folder and is not used"), "", file)
        return None
    return Said(next((PARTS[folder.lower()] for folder in parts[:-1] if folder.lower() in PARTS), "train"), parts[-2], text, file)


def _of_list(file: str, text: str, notes: Notes) -> Iterator[Said]:
    """Rows of a CSV or TSV: the column of texts, the column of labels."""
    columns = _columns(text)
    if columns is None or columns.text is None or columns.label is None:
        notes.add("note", say("no column of sentences with a column of labels was found in it; it is not used"), "", file)
        return
    from deepen.sources._sheet import sniff
    mark = "\t" if "\t" in text.partition("\n")[0] else sniff(text[:_peek.HEAD])
    even = mark == "\t" and len({line.count("\t") for line in text.split("\n") if line.strip()}) == 1
    old = csv.field_size_limit(1 << 28)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=csv.QUOTE_NONE if even else csv.QUOTE_MINIMAL)
    part, width, began = _part(file) or Path(file).stem, 0, 1
    try:
        for number, cells in enumerate(reader):
            line, began = began, reader.line_num + 1
            width = width or len(cells)
            if not any(cell.strip() for cell in cells) or (number == 0 and columns.names):
                continue
            if len(cells) != width:
                notes.add("error", say("the line has another number of cells than the first"),
                          say("put a text with the delimiter in it into quotes"), file,
                          say("line {line}: {count}, not {width}", line=line, count=len(cells), width=width))
                continue
            label = cells[columns.label].strip()
            if not label:
                notes.add("error", say("the text has no label"), say("write one, or remove the line"), file,
                          say("line {line}", line=line))
                continue
            yield Said(part, label, cells[columns.text], file, line)
    except csv.Error as error:
        notes.add("error", say("the list cannot be read ({reason})", reason=error), say("close every quote \""), file,
                  say("line {line}", line=began))
    finally:
        csv.field_size_limit(old)


def _labelled(said: list[Said], notes: Notes) -> dict[str, Any]:
    good = []
    for one in said:
        if one.text.strip() and HIDDEN.sub("", one.text).strip():
            good.append(one)
        else:
            notes.add("warning", say("the text is empty"), say("write one, or remove it; it is left out"), one.file, one.place)
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, Said] = {}
    conflicts: dict[str, tuple[Said, Said]] = {}
    texts: dict[str, set[str]] = defaultdict(set)
    copies = 0
    for one in good:
        parts[one.part][one.label] += 1
        key = " ".join(one.text.split())
        copies += key in texts[one.part]
        texts[one.part].add(key)
        if first.setdefault(key, one).label != one.label:
            conflicts.setdefault(key, (first[key], one))
    classes = parts.get("train") or next(iter(parts.values()), Counter())
    if len(classes) < 2:
        notes.add("error", say("there is one class only: {name}", name=next(iter(classes), "–")),
                  say("add texts of another class"))
    elif max(classes.values()) > UNEVEN * min(classes.values()):
        most, least = classes.most_common()[0], classes.most_common()[-1]
        notes.add("note", say("the classes are uneven: {most} has {many}, {least} has {few}", most=most[0],
                              many=most[1], least=least[0], few=least[1]),
                  say("judge by f1, not by accuracy"))
    if conflicts:
        shown = "; ".join(f"“{key[:30]}” {', '.join(f'{one.label}: {one.where}' for one in told)}" for key,
                          told in list(conflicts.items())[:3])
        notes.add("warning", say("{count} texts stand there with different labels: {shown}", count=len(conflicts), shown=shown),
                  say("one label is wrong, or the text alone does not tell"))
    if copies:
        notes.add("note", say("{count} texts repeat an earlier one", count=copies), say("keep one of each, or they count double"))
    _leaks(dict(texts), "texts", notes)
    words = Counter(" ".join(one.text for one in good if one.part == "train" or "train" not in parts).split())
    return {"texts": len(good), "splits": {part: counts.total() for part, counts in parts.items()},
            "classes": dict(sorted(classes.items())),
            "characters_per_text": middle([len(one.text) for one in good]),
            "words_per_text": middle([len(one.text.split()) for one in good]),
            "different_words": len(words), "frequent_words": [word[:30] for word, _ in words.most_common(10)]}
