"""Text that is a program: lines of a word, its numbers and its options, each line a call of a function.

`conv 32 3 stride=2` calls `conv(here, channels=32, window=3, stride=2)`. The function's signature is the
grammar: what may stand without a name, what is an option, what must be there; its annotations (`Size`,
`Share`, …) read and bound the text. Designs and augmentations are both written in it.
"""
import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, get_args

from deepen.core.words import Problem

LINES, LARGEST, WIDEST = 1_000, 10**6, 1_000            # more is refused


def split(text: str | Iterable[str]) -> tuple[str, ...]:
    """A text or a list of lines -> lines; a newline or `;` ends one; blanks and `# comments` are left out."""
    joined = text if isinstance(text, str) else "\n".join(text)
    bare = (line.partition("#")[0] for line in joined.splitlines())
    lines = tuple(" ".join(part.split()) for line in bare for part in line.split(";") if part.strip())
    if len(lines) > LINES:
        raise Problem("there are {given} lines, at most {most} are read", given=len(lines), most=LINES)
    return lines


def call(line: str, words: Mapping[str, Callable]) -> tuple[str, Callable, dict[str, Any]]:
    """A line -> (word, its function, its arguments without the first one). `Problem` if it is wrong."""
    tokens = line.split()
    length = 2 if " ".join(tokens[:2]) in words else 1
    word = " ".join(tokens[:length])
    if word not in words:
        raise Problem("there is no word {word}; did you mean {near}?", word=word, near=nearest(word, words))
    parameters = {p.name: p for p in list(inspect.signature(words[word]).parameters.values())[1:]}
    unnamed = [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    values: dict[str, Any] = {}
    for token in tokens[length:]:
        name, named, text = token.rpartition("=")
        if not named:
            if not unnamed:
                raise Problem("{word} does not want so many numbers, {text} is one too many",
                              word=word, text=text)
            name = unnamed.pop(0)
        elif name not in parameters:
            if not parameters:
                raise Problem("{word} has no options, {name} was given", word=word, name=name)
            raise Problem("{word} has no option {name}; did you mean {near}?",
                          word=word, name=name, near=nearest(name, parameters))
        if name in values:
            raise Problem("{name} is given twice to {word}", name=name, word=word)
        values[name] = reader(parameters[name].annotation)(text)
    for p in parameters.values():
        if p.default is p.empty and p.name not in values:
            raise Problem("{word} wants a number for {name}", word=word, name=p.name)
    return word, words[word], values


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`."""
    return get_close_matches(word, list(known), 1, 0.0)[0]


def reader(annotation) -> Callable[[str], Any]:
    """The function that reads a value: the note inside `Annotated[…]`, also under `… | None`."""
    parts = (annotation, *get_args(annotation))
    return next(part.__metadata__[0] for part in parts if hasattr(part, "__metadata__"))


def whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()):
            raise Problem("{text} is not a whole number", text=text)
        if len(text) > 12 or not least <= int(text) <= most:
            raise Problem("{text} is outside {least} to {most}", text=text, least=least, most=most)
        return int(text)
    return read


def real(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise Problem("{text} is not a number", text=text) from None
        if not least <= value <= most:                                      # also refuses nan
            raise Problem("{text} is outside {least} to {most}", text=text, least=least, most=most)
        return value
    return read


def share(text: str) -> float:
    value = real(0, 1)(text)
    if value == 1:
        raise Problem("{text} would leave nothing; it must be below 1", text=text)
    return value


def flag(text: str) -> bool:
    if text not in ("yes", "no"):
        raise Problem("{text} is neither yes nor no", text=text)
    return text == "yes"


def border(text: str) -> int | None:
    return None if text == "same" else whole(0, WIDEST)(text)


Size = Annotated[int, whole(1, LARGEST)]
Window = Annotated[int, whole(1, WIDEST)]
Count = Annotated[int, whole(0, WIDEST)]
Share = Annotated[float, share]                         # 0 to below 1: a probability of leaving out
Amount = Annotated[float, real(-1e6, 1e6)]
Flag = Annotated[bool, flag]                            # yes or no
Pad = Annotated[int | None, border]                     # a number, or same
