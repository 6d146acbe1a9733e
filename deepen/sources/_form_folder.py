"""What a folder is: by what lies directly in it and in the folders below, of which a bounded number are looked at."""
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from deepen.core.words import Problem, say
from deepen.sources import _archive, _peek
from deepen.sources._alike import target_missing_from
from deepen.sources._finding import Trouble
from deepen.sources._form import Form, Name
from deepen.sources._form_file import MODELS, PICTURES, of_file, of_json, picture_columns

MOST = 2000             # entries of a folder that are looked at
LITTER = ("thumbs.db", "desktop.ini", "__macosx")
MASKS = ("masks", "mask", "labels", "annotations", "segmentationclass", "pedmasks", "gt", "groundtruth", "annot", "trainannot")
IMAGES = ("images", "image", "imgs", "jpegimages", "img", "pictures", "photos")
SPLITS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")
PAPERS = ("readme", "license", "licence", "notice", "changes", "citation", "classes", "sha256sums", "manifest")


@dataclass
class Seen:
    """A folder's entries, of which at most MOST were looked at."""
    path: Path
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def ending(self, *endings: str) -> list[str]:
        return [name for name in self.files if name.lower().endswith(endings)]

    def called(self, *names: str) -> list[str]:
        return [name for name in self.folders if name.lower() in names]


def look(path: Path) -> Seen:
    """Hidden files and what Windows and macOS leave behind are passed over."""
    seen = Seen(path)
    with os.scandir(path) as entries:
        for entry in islice(entries, MOST):
            if not entry.name.startswith(".") and entry.name.lower() not in LITTER:
                (seen.folders if _is_folder(entry) else seen.files).append(entry.name)
    seen.folders.sort()
    seen.files.sort()
    return seen


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:             # links in a ring: told by whoever reads the file
        return False


def of_folder(path: Path) -> Form:
    """The form of a folder; the first rule that knows it decides."""
    seen = look(path)
    _no_run(seen)
    if not seen.folders and not seen.files:
        raise Trouble(say("the folder is empty"), say("put the data into it, or give another folder"), path.name)
    if len(seen.folders) == 1 and not seen.files and not seen.called(*MASKS) and not look(path / seen.folders[0]).ending(*PICTURES, ".txt"):
        return of_folder(path / seen.folders[0])            # what an unpacked archive looks like
    for rule in RULES:
        if form := rule(seen):
            return form
    kinds = Counter(Path(name).suffix.lower() or say("without ending") for name in seen.files)
    if not kinds:
        below = next((name for name in seen.folders if look(path / name).files or look(path / name).folders), None)
        if below is None:
            raise Trouble(say("there are only empty folders in it"), say("put the data into them"), path.name)
        raise Trouble(say("there is no picture, table or text in it, only folders: {names}", names=", ".join(seen.folders[:5])),
                      say("give the one that holds the data"), path.name)
    raise Trouble(say("nothing in this folder can be learned from ({kinds})",
                      kinds=", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))),
                  say("give a folder of pictures, a table ({tables}) or text (.txt)", tables=".csv .tsv .parquet"), path.name)


def _no_run(seen: Seen) -> None:
    if "run.toml" in seen.files:
        raise Problem("{path} is a run of deepen, not data; look at it with: deepen report {path}, or judge it with: deepen validate {path}",
                      path=seen.path)
    if "card.json" in seen.files:
        raise Problem("{path} is a model of deepen, not data; give the data, or ask its run: deepen validate RUN", path=seen.path)


def _voc(seen: Seen) -> Form | None:
    for name in ("", *seen.called("annotations", "annotation", "xml", "labels", *SPLITS)):
        below = look(seen.path / name) if name else seen
        sheets = below.ending(".xml")[:5]
        if sheets and any(b"<annotation" in _peek.head(below.path / one)[:4000] for one in sheets):
            if not name and seen.path.name.lower() == "annotations":
                return Form("voc", say("the folder holds the XML files of the VOC form, so the pictures are looked for beside it"), seen.path.parent, "voc")
            return Form("voc", say("{folder} holds XML files with objects and their boxes: the VOC form",
                                   folder=name or seen.path.name), seen.path, "voc")
    return None


def _coco(seen: Seen) -> Form | None:
    """Boxes before captions, where a set has both."""
    captions = None
    for folder in (seen, *(look(seen.path / name) for name in seen.called("annotations", "annotation", "labels"))):
        for name in folder.ending(".json")[:20]:
            try:
                form = of_json(folder.path / name)
            except Trouble as trouble:
                if len(seen.called(*IMAGES, "annotations", "annotation", "labels")) == len(seen.folders) > 0:
                    raise trouble                       # beside pictures in no classes: no stray file
                continue
            if form.name == "coco":
                return Form("coco", form.why, seen.path, form.source)
            captions = captions or form
    return captions


def _masks(seen: Seen) -> Form | None:
    masks = [name for name in seen.folders if name.lower() in MASKS or "mask" in name.lower()]
    masks = [name for name in masks if look(seen.path / name).ending(*PICTURES)]
    images = [name for name in seen.called(*IMAGES) if look(seen.path / name).ending(*PICTURES)]
    if masks and images:
        return Form("masks", say("{masks} lies beside {images}: a mask for each picture", masks=masks[0],
                                 images=images[0]), seen.path,
                    "masks", {"images": images[0], "masks": masks[0]})
    for name in sorted(seen.ending(".txt"), key=lambda name: "train" not in name)[:20]:
        lines = [line.split() for line in (_peek.words(_peek.head(seen.path / name)) or "").splitlines()[:20]]
        if len(lines) > 1 and all(len(line) == 2 and line[1].lower().endswith(PICTURES) for line in lines):
            return Form("masks", say("{list} pairs pictures with their masks", list=name), seen.path, "masks")
    stems = {Path(name).stem for name in seen.ending(*PICTURES)}
    pairs = [stem for stem in stems if stem + "_mask" in stems]
    if pairs and 2 * len(pairs) >= 0.8 * len(stems):
        return Form("masks", say("pictures lie beside their masks: {name} and {name}_mask", name=sorted(pairs)[0]),
                    seen.path, "masks")
    return None


def _captions(seen: Seen) -> Form | None:
    if not (seen.ending(*PICTURES) or seen.called(*IMAGES, *SPLITS) or "captions.csv" in seen.files):
        return None
    for name in sorted(seen.ending(".csv", ".tsv", ".txt"), key=lambda name: "caption" not in name.lower())[:10]:
        columns = _peek.columns(_peek.words(_peek.head(seen.path / name)) or "x", PICTURES)
        if columns and columns.picture is not None and columns.text is not None:
            return Form("captions", say("{file} lists pictures with a caption each", file=name), seen.path / name, "captions")
    if "captions.csv" in seen.files:
        return Form("captions", say("{file} lists pictures with a caption each", file="captions.csv"), seen.path / "captions.csv", "captions")
    return None


def _yolo(seen: Seen) -> Form | None:
    """A .txt a picture with a class number and four shares: named, so that nobody takes `images` for a class."""
    for name in seen.called("labels"):
        below = look(seen.path / name)
        below = look(below.path / below.folders[0]) if below.folders and not below.files else below
        for file in below.ending(".txt")[:3]:
            cells = (_peek.words(_peek.head(below.path / file)) or "").split("\n")[0].split()
            if len(cells) >= 5 and all(cell.replace(".", "", 1).replace("-", "", 1).isdigit() for cell in cells):
                raise Trouble(say("the folder holds boxes in the YOLO form (labels/*.txt), which deepen does not read"),
                              say("export them again in the COCO or the VOC form"), seen.path.name)
    return None


def _listed(seen: Seen) -> None:
    """Pictures in one heap and their classes in a list."""
    for name in seen.ending(".csv", ".tsv")[:5]:
        columns = _peek.columns(_peek.words(_peek.head(seen.path / name)) or "x", PICTURES)
        if columns and columns.picture is not None and columns.label is not None:
            raise Trouble(say("this is a list of pictures with their classes"),
                          say("put the pictures into a folder for each class, and give the folder above"), name)


def _idx(seen: Seen) -> Form | None:
    if any("idx3-ubyte" in name for name in seen.files):
        return Form("packed", say("the folder holds files of the IDX form, as MNIST comes in"), seen.path, "mnist")
    return None


def _packed_pictures(seen: Seen) -> Form | None:
    if any(picture_columns(seen.path / name) for name in seen.ending(".parquet")[:3]) or seen.ending("data_batch_1.bin", "test_batch.bin"):
        return Form("packed", say("the folder holds files with pictures and labels packed together, as CIFAR-10 comes in"), seen.path, "cifar")
    return None


def _in_folders(seen: Seen) -> Form | None:
    """Class folders of pictures or of texts, also below train and test. How the classes lie is told by the reader."""
    pictures = texts = heaps = 0
    for name in seen.folders[:50]:
        below = look(seen.path / name)
        heaps += bool(below.ending(*PICTURES) or below.folders)
        pictures += len(below.ending(*PICTURES))
        texts += len(below.ending(".txt"))
        for inner in below.folders[:10]:
            deep = look(below.path / inner)
            pictures += len(deep.ending(*PICTURES))
            texts += len(deep.ending(".txt"))
    if texts > pictures and texts > len(seen.files):
        return Form("text", say("{folder} holds a folder of texts for each class: {names}", folder=seen.path.name,
                                names=", ".join(seen.folders[:5])), seen.path, None)
    if heaps < 2:
        _listed(seen)
    if pictures:
        return Form("pictures", say("{folder} is a folder, so each folder in it should be a class of pictures",
                                    folder=seen.path.name or seen.path), seen.path, "folder",
                    classless="pictures" if heaps < 2 else None)
    if seen.ending(*PICTURES):
        return Form("pictures", say("{folder} holds pictures", folder=seen.path.name), seen.path, "folder", classless="pictures")
    return None


def _games(seen: Seen) -> Form | None:
    if seen.ending(".sgf") or any(look(seen.path / name).ending(".sgf") for name in seen.folders[:10]):
        return Form("games", say("the folder holds records of games of go (SGF)"), seen.path, None)
    return None


def _files(seen: Seen) -> Form | None:
    """Tables and texts that lie in the folder itself: one table, a train and a test table, or text."""
    names = [name for name in seen.ending(".csv", ".tsv", ".txt", ".parquet", ".tab", ".gz", ".data")
             if Path(name).stem.lower() not in PAPERS]
    forms: dict[str, Form] = {}
    failed: Trouble | None = None
    for name in names[:50]:
        try:
            forms[name] = of_file(seen.path / name)
        except Trouble as trouble:
            failed = trouble
    if not forms:
        if failed and len(names) == 1:
            raise failed
        return None
    tables = [name for name, form in forms.items() if form.name == "table"]
    if not tables:
        kind: Name = "text" if any(form.name == "text" for form in forms.values()) else "corpus"
        why = (say("{file} has a column of sentences and a column of labels",
                   file=next(name for name, form in forms.items() if form.name == kind))
               if kind == "text" else say("the folder holds plain text: {names}", names=_some(list(forms))))
        return Form(kind, why, seen.path, None)
    if len(tables) == 1:
        return _with(forms[tables[0]], say("the folder holds one table, {file}", file=tables[0]))
    return _pair(seen, tables, forms) or _several(seen, tables)


def _with(form: Form, why: str) -> Form:
    return Form(form.name, why, form.path, form.source, form.given)


def _pair(seen: Seen, tables: list[str], forms: dict[str, Form]) -> Form | None:
    """train.csv and test.csv, adult-train.csv and adult-test.csv: the same name but for the part."""
    def part(name: str) -> tuple[str, str]:
        stem = Path(name).stem.lower()
        for word, says in (("training", "train"), ("train", "train"), ("testing", "test"), ("test", "test")):
            if word in stem:
                return stem.replace(word, "", 1).strip("-_. "), says
        return stem, ""
    parts = {name: part(name) for name in tables}
    train = [name for name in tables if parts[name][1] == "train"]
    test = [name for name in tables if parts[name][1] == "test"]
    if len(train) == len(test) == 1 and parts[train[0]][0] == parts[test[0]][0]:
        first, second = seen.path / train[0], seen.path / test[0]
        target = target_missing_from(first, second) if forms[train[0]].source == "table" else None
        why = (say("{train} and {test} are two parts of one table; {test} has no {target}, so that is what is learned", train=train[0],
                   test=test[0], target=target) if target else
               say("{train} and {test} are two parts of one table", train=train[0], test=test[0]))
        others = [name for name in tables if name not in (train[0], test[0])]
        if others:
            why += ". " + say("{names} is not looked at", names=_some(others))
        return Form("table", why, first, forms[train[0]].source, {"target": target} if target else {"test": second})
    return None


def _several(seen: Seen, tables: list[str]) -> Form:
    raise Trouble(say("the folder holds several tables: {names}", names=_some(tables)),
                  say("give one of them, for example {path}", path=seen.path / tables[0]), seen.path.name)


def _rest(seen: Seen) -> Form | None:
    """Archives, models, workbooks: told by the first of them."""
    for endings in ((".zip", *_archive.TARS), MODELS, (".xlsx", ".xls", ".ods"),
                    (".json", ".xml", ".pdf", ".mp4", ".docx", ".html")):
        if names := seen.ending(*endings):
            if len(names) == 1:
                return of_file(seen.path / names[0])
            raise Trouble(say("the folder holds {count} files of the kind {kind} and no data: {names}", count=len(names),
                              kind=Path(names[0]).suffix, names=_some(names)),
                          say("look at one of them: deepen check {path}", path=seen.path / names[0]), seen.path.name)
    return None


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


RULES: tuple[Callable[[Seen], Form | None], ...] = (_voc, _coco, _yolo, _masks, _captions, _idx, _packed_pictures,
                                                    _in_folders, _games,
                                                   _files, _rest)
