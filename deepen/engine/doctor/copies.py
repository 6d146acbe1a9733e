"""The same picture more than once: in two classes one label is wrong, in two splits the test is too easy."""
from collections.abc import Sequence
from typing import Any, NamedTuple

from deepen.core.words import say
from deepen.sources._copies import alike, same
from deepen.sources._finding import Finding
from deepen.sources._looked import Looked

NAMED = 100             # groups of copies told one by one; the rest is counted
FILM = 0.2              # share of pictures nearly like another from which on that is the nature of the data,
MANY = 100              # where they are so many,
CHAIN = 20              # … or so many of them are in one group


class Picture(NamedTuple):
    """A picture of a folder: where it belongs, what it is called (NFC), its row in what was looked at."""
    split: str
    label: str
    name: str
    row: int


def of_copies(pictures: Sequence[Picture], looked: Looked) -> tuple[list[Finding], dict[str, Any]]:
    """Findings about copies among pictures that can be read, and how many there are."""
    keys = looked.pixels()
    exact = same([keys[picture.row] for picture in pictures])
    prints = looked.rows["print"][[picture.row for picture in pictures]]
    number = {row: group for group, rows in enumerate(exact) for row in rows}
    near = [rows for rows in alike(prints) if len({number.get(row, -1 - row) for row in rows}) > 1]
    found = _told(_pictures(exact, pictures), _EXACT())
    count = sum(map(len, near))
    told = {"exact": sum(len(rows) - 1 for rows in exact), "near": count - len(near)}
    if count > max(MANY, FILM * len(pictures)) or any(len(rows) > CHAIN for rows in near):
        found.append(_film(_pictures(near, pictures), len(pictures)))
    else:
        found += _told(_pictures(near, pictures), _NEAR())
    return found, told


def _pictures(groups: list[list[int]], pictures: Sequence[Picture]) -> list[list[Picture]]:
    return [[pictures[row] for row in rows] for rows in groups]


class _Words(NamedTuple):
    classes: str
    splits: str
    inside: str
    more: str


def _EXACT() -> _Words:
    return _Words(say("the same picture is in more than one class"), say("the same picture is in train and in another split"),
                  say("the same picture more than once in a class"), say("the same picture in more than one class or split"))


def _NEAR() -> _Words:
    return _Words(say("nearly the same picture is in more than one class"),
                  say("nearly the same picture is in train and in another split"),
                  say("nearly the same picture more than once in a class (another size, brightness or compression)"),
                  say("nearly the same picture in more than one class or split"))


def _told(groups: list[list[Picture]], words: _Words) -> list[Finding]:
    found: list[Finding] = []
    inside, more = [], 0
    for group in groups:
        labels, splits = {picture.label for picture in group}, {picture.split for picture in group}
        if len(labels) == len(splits) == 1:
            inside.append(group)
        elif len(found) == NAMED:
            more += 1
        elif len(labels) > 1:
            cause = say("{what}: {names}", what=words.classes, names=names_of(_apart(group, "label")))
            found.append(Finding("warning", cause, say("look which label is right and keep that one"), group[0].name,
                                 say("classes {names}", names=", ".join(sorted(labels)[:4]))))
        else:
            cause = say("{what}: {names}", what=words.splits, names=names_of(_apart(group, "split")))
            found.append(Finding("warning", cause, say("remove it from one, or the test is too easy"), group[0].name,
                                 say("splits {names}", names=", ".join(sorted(splits)))))
    if more:
        found.append(Finding("warning", say("{what}: {count} more groups", what=words.more, count=more),
                             say("look which label is right and keep that one")))
    if inside:
        spare = sum(len(group) - 1 for group in inside)
        shown = ", ".join(" = ".join(picture.name for picture in group[:2]) for group in inside[:5]) + (", …" if len(inside) > 5 else "")
        found.append(Finding("note", say("{what}: {count} to spare ({names})", what=words.inside, count=spare, names=shown),
                             say("they stay in one split; each counts as often as it is there")))
    return found


def _film(groups: list[list[Picture]], total: int) -> Finding:
    """Frames of a film and drawings of the same thing are alike by nature: said once."""
    most = max(groups, key=len)
    count = sum(map(len, groups))
    parted = sum(len({picture.split for picture in group}) > 1 for group in groups)
    cause = say("{count} of {total} pictures are nearly like others, in {groups} groups of up to {most}: frames of a film, "
                "or drawings of the same thing ({names})", count=count, total=total, groups=len(groups), most=len(most),
                names=names_of(most))
    if parted:
        return Finding("warning", cause, say("{count} of these groups are in more than one split, so the test is too easy; keep "
                                             "each film in one split", count=parted), most[0].name)
    return Finding("note", cause, say("what is alike stays in one split; so look at the number of groups, not of pictures"), most[0].name)


def _apart(group: list[Picture], by: str) -> list[Picture]:
    """One picture of each class (or split) first, so that the names shown tell what differs."""
    firsts = list({getattr(picture, by): picture for picture in reversed(group)}.values())[::-1]
    return firsts + [picture for picture in group if picture not in firsts]


def names_of(pictures: Sequence[Picture], most: int = 5) -> str:
    """The first names of some pictures, for a sentence."""
    return ", ".join(picture.name for picture in pictures[:most]) + (", …" if len(pictures) > most else "")
