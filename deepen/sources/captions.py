"""Pictures with sentences: a list of pictures and captions, or JSON as COCO writes it."""
from pathlib import Path
from typing import Literal

from deepen.core.data import Data
from deepen.core.kinds import Text
from deepen.core.recipe import Count, Fraction
from deepen.core.sentences import vocabulary
from deepen.core.words import Problem, say
from deepen.sources import _captioned
from deepen.sources._captioned import LONG, gather, root_of, rows_of
from deepen.sources._decoded import opened
from deepen.sources._finding import Trouble
from deepen.sources._form import recognise
from deepen.sources._form_file import of_json
from deepen.sources._labelled import SPLITS, all_train, examples, held, part_of, usual
from deepen.sources._pictures import Sides, kind_of, memory, tell_bad, tell_deep
from deepen.sources._pictures_at import Pictures
from deepen.sources._told import Told, settle

LONGEST = 128                   # pixels of the longer side when no size is asked


def captions(path: str,                                         # list of pictures and captions (CSV, TSV, JSON), or its folder
             size: Sides | None = None,                         # pixels of a side, or height x width: 96x128 (none: by the pictures)
             colour: Literal["rgb", "grey", "hsv"] = "rgb",     # red green blue, one channel, or hue saturation value
             fit: Literal["stretch", "crop", "pad-white", "pad-noise",
                          "pad-edge"] = "pad-edge",             # how a picture becomes one of another shape
             least: Count = 3,                                  # words seen fewer times are unknown
             valid: Fraction = 0.1,                             # share held out for validation, where no list is for it
             test: Fraction = 0.1,                              # share held out for the test, where no list is for it
             group: str | None = None,                          # never parted: name, folder, or a pattern: (p[0-9]+)_
             on_bad: Literal["stop", "skip"] = "stop",          # what to do with what cannot be learned from
             seed: int = 0) -> Data:                            # seed of the shares
    """Pictures with one or several sentences each.

    Inputs uint8 (N, 3 or 1, height, width); a target is a tuple of sentences. The words of the kind `Text` are from the pictures
    to learn from. train.txt, val.txt and test.txt beside the list name the pictures of each split; of JSON, the files' names do.
    """
    given = recognise(Path(path))
    if given.name != "captions":
        raise Problem("{path} is not in the form that {source} reads: {why}", path=path, source="captions", why=given.why)
    root, told, said = root_of(given.path), Told(), list[str]()
    pictures = Pictures(root)
    sentences, split = _read(given.path, pictures, told, said)
    counts, owner = _captioned.lists(root, pictures, set(sentences), told)
    settle(told, on_bad, given.path, said)
    if counts:
        listed = {name: SPLITS[part] for name, part in owner.items()}
        split = listed if "train" in counts else dict.fromkeys(sentences, "train") | listed
        if left := len(set(sentences) - set(split)):
            said.append(say("{count} pictures are in no list (train.txt …) and are not used", count=left))
    names = sorted(name for name in sentences if name in split)
    if not names:
        raise Problem("no picture of {path} is left to learn from", path=given.path)
    split_of, files = all_train([split[name] for name in names], said), [pictures.files[name] for name in names]
    wanted = held(split_of, valid, test, split_of.count("train"), seed)
    kind = kind_of(size if size is not None else usual(files, LONGEST), colour, fit)
    found = opened(files, kind, memory(), said)
    tell_bad(found, names, on_bad, said)
    tell_deep(found, said)
    target = [tuple(dict.fromkeys(_cut(text) for text in sentences[name])) for name in names]
    splits = examples(found, target, split_of, names, root, files, group, wanted, seed, said)
    every = [text for one in splits["train"].target for text in one]
    words = vocabulary(every, least)
    if not words:
        raise Problem("no word is met {least} times in {path}; give a smaller least", least=least, path=given.path)
    rare = len(vocabulary(every)) - len(words)
    if rare:
        said.append(say("{count} words are met fewer than {least} times and are unknown; {kept} are learned", count=rare, least=least, kept=len(words)))
    more = f", group={group!r}" if group else ""
    return Data(splits, found.kind, Text(words), said=tuple(said),
                origin=f"captions(path={str(path)!r}, size={kind.height}x{kind.width}, colour={colour}, fit={fit}, least={least}, "
                       f"valid={valid:g}, test={test:g}{more}, on_bad={on_bad}, seed={seed})")


def _read(path: Path, pictures: Pictures, told: Told, said: list[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """(picture -> sentences, picture -> split). JSON files beside this one that are its other splits are read too."""
    sentences: dict[str, list[str]] = {}
    split: dict[str, str] = {}
    for file in [path, *_others(path)]:
        if file != path:
            said.append(say("{file} is read too: it is another part of the same set", file=file.name))
        try:
            mine, _ = gather(rows_of(file, told), pictures, file.name, told)
        except Trouble as trouble:
            told.problem(trouble)
            continue
        for name, texts in mine.items():
            part = part_of(file.stem) or "train"
            if texts and split.setdefault(name, part) == part:              # of two parts the first
                sentences.setdefault(name, []).extend(texts)
    return sentences, split


def _others(path: Path) -> list[Path]:
    """captions_val2017.json beside captions_train2017.json."""
    mine = part_of(path.stem)
    if path.suffix.lower() != ".json" or not mine:
        return []
    words = [word for word, part in SPLITS.items() if part == mine and word in path.name]
    alike = {part: path.with_name(path.name.replace(word, other)) for word in words for other, part in SPLITS.items()
             if part != mine and path.with_name(path.name.replace(word, other)).is_file()}
    return [alike[part] for part in ("train", "valid", "test") if part in alike and of_json(alike[part]).name == "captions"]


def _cut(text: str) -> str:
    return text if len(text) <= LONG else text[:LONG].rpartition(" ")[0] or text[:LONG]
