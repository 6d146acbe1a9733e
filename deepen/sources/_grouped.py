"""Which pictures belong together, by name or as copies of each other; and their splits, which never part them."""
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepen.core.words import Problem, say
from deepen.sources._copies import alike, joined, same
from deepen.sources._pictures import Decoded
from deepen.sources._split import shares, united

LEAST, SERIES = 10, 0.05            # near copies above so many, and above this share of all, are a series


def dealt(split_of: list[str], target: Tensor, found: Decoded, shown: list[str], rules: Tensor | None,
          held: tuple[float, float], folds: int, fold: int, seed: int, said: list[str]) -> dict[str, Tensor]:
    """split -> rows of the pictures that could be read.

    split_of: the split each was given; those of train (over folds also valid) are dealt, the others stay where they are.
    held: shares for valid and test; rules: a group number each. Copies and groups are never parted."""
    fixed = set(split_of) - {"train"}
    good = [row for row in range(len(split_of)) if row not in found.bad]
    own = {"train", "valid"} if folds else {"train"}                        # what may be dealt
    pool = torch.tensor([row for row in good if split_of[row] in own])
    copies = _copies([found.keys[row] for row in pool], found.prints[pool.numpy()], [shown[row] for row in pool], said) \
        if any(held) or folds else []
    together = None
    if copies or rules is not None:
        together = united(len(pool), copies, *([] if rules is None else [rules[pool]]))
    own_rows = shares(target[pool], len(pool), *held, seed, together, None, folds, fold)
    rows = {name: pool[mine] for name, mine in own_rows.items()}
    for name in fixed - (own if folds else set()):
        rows[name] = torch.tensor([row for row in good if split_of[row] == name], dtype=torch.int64)
    _tell_straddling(split_of, found, shown, rules, fixed, said)
    if folds and "valid" in fixed:
        said.append(say("the train and the validation pictures are dealt into {folds} folds together", folds=folds))
    return {name: rows[name] for name in ("train", "valid", "test") if name in rows}


def _copies(keys: list[bytes], prints: np.ndarray, shown: list[str], said: list[str]) -> list[list[int]]:
    """Groups of rows that are the same picture, exactly or nearly. A large group of near ones is no picture saved again but
    a series, of a fixed camera perhaps: it could not be split at all, so it is dealt, and said."""
    near = alike(prints)
    series = [rows for rows in near if len(rows) > max(LEAST, SERIES * len(keys))]
    found = joined(len(keys), ((rows[0], row) for rows in [*same(keys), *(rows for rows in near if rows not in series)]
                               for row in rows[1:]))
    if found:
        said.append(say("{count} pictures are copies of others, or nearly, and stay in one split with them ({names})",
                        count=sum(map(len, found)) - len(found), names=some([shown[row] for row in found[0]], 3)))
    if series:
        said.append(say("{count} pictures look nearly alike ({names}) and are dealt like all others; if they are one series, "
                        "the score will be too good: hold such pictures together with group=…",
                        count=sum(map(len, series)), names=some([shown[row] for row in series[0]], 3)))
    return found


def _tell_straddling(split_of: list[str], found: Decoded, shown: list[str], rules: Tensor | None, fixed: set[str],
                     said: list[str]) -> None:
    """Given splits are kept; what they share is said."""
    if not fixed:
        return
    shared = [rows for rows in same([found.keys[row] or str(row).encode() for row in range(len(split_of))])
              if len({split_of[row] for row in rows}) > 1]
    if shared:
        said.append(say("{count} pictures are in more than one split, so the score will be too good: {names}; remove them "
                        "from one", count=len(shared), names=some([" = ".join(shown[row] for row in rows[:3]) for rows in shared], 3)))
    if rules is None:
        return
    where: dict[int, dict[str, str]] = {}                                   # group -> split -> a name
    for number, split, name in zip(rules.tolist(), split_of, shown, strict=True):
        where.setdefault(number, {}).setdefault(split, name)
    parted = [" | ".join(names.values()) for names in where.values() if len(names) > 1]
    if parted:
        said.append(say("{count} groups are in more than one of the given splits, which are kept as they are (first: {names})",
                        count=len(parted), names=some(parted, 3)))


def grouped(files: list[tuple[str, Path, str]], root: Path, rule: str, said: list[str]) -> Tensor:
    """A group number for every file, by the rule; a file the rule says nothing about is a group of its own."""
    keys = [_key_by(rule)(file, root, name) for _, file, name in files]
    numbers: dict[str, int] = {}
    found = torch.tensor([numbers.setdefault(key or f"\0{row}", len(numbers)) for row, key in enumerate(keys)])
    known = Counter(key for key in keys if key)
    said.append(say("{count} groups by group={rule} are never parted ({names}); the largest has {most} pictures",
                    count=len(known), rule=rule, names=some(list(known), 3), most=max(known.values(), default=0)))
    if len(files) > known.total():
        said.append(say("group={rule} says nothing about {count} pictures; each is a group of its own",
                        rule=rule, count=len(files) - known.total()))
    return found


def _key_by(rule: str):
    if rule == "name":
        return lambda file, root, name: re.split(r"[_\-\s(\[{]", plain(file.stem))[0] or plain(file.stem)
    if rule == "folder":
        return lambda file, root, name: plain("/".join(_inside(file, root, name)))
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise Problem("group={rule} is no regular expression ({reason}); give name, folder, or a pattern with a bracket, "
                      "for example (patient[0-9]+)", rule=rule, reason=error) from None
    if not pattern.groups:
        raise Problem("group={rule} has no bracket around what names the group; write for example (patient[0-9]+)", rule=rule)

    def key(file: Path, root: Path, name: str) -> str | None:
        match = pattern.search(plain(file.relative_to(root).as_posix()))
        return match and match[1]
    return key


def _inside(file: Path, root: Path, name: str) -> tuple[str, ...]:
    """The folders between a class's folder and the file."""
    folders = file.relative_to(root).parts[:-1]
    return folders[1 if not folders or plain(folders[0]) == name else 2:]


def some(names: list[str], count: int) -> str:
    return ", ".join(names[:count]) + (", …" if len(names) > count else "")


def plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)       # macOS stores 나비 as ㄴㅏㅂㅣ: one class, two spellings
