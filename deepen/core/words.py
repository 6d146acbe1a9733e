"""Every sentence a person reads, in their language.

The English sentence in the code is the key; `deepen/words/ko.json` holds the Korean one. Korean particles that depend on
the sound before them are written after a colon: `{name:이가}`, `{name:은는}`, `{name:을를}`, `{name:과와}`, `{name:으로}`.
"""
import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from importlib import resources
from string import Formatter

LANGUAGES = ("en", "ko")
_language: ContextVar[str] = ContextVar("language", default="en")
PARTICLES = {"이가": ("이", "가"), "은는": ("은", "는"), "을를": ("을", "를"), "과와": ("과", "와"),
             "으로": ("으로", "로"), "이나": ("이나", "나"), "이라": ("이라", "라"), "아야": ("아", "야")}


def speak(language: str) -> None:
    """Choose the language (`en` or `ko`) of every sentence that follows in this context."""
    if language not in LANGUAGES:
        raise Problem("there is no language {language}; choose en or ko", language=language)
    _language.set(language)


def language() -> str:
    """The language spoken now: `en` or `ko`."""
    return _language.get()


def carried(act: Callable) -> Callable:
    """`act` for another thread, which would otherwise speak English: it speaks the language spoken here now."""
    spoken = language()

    def there(*given):
        speak(spoken)
        return act(*given)
    return there


def say(sentence: str, **values) -> str:
    """`sentence` in the language spoken now, with `{name}` filled in from `values`."""
    if _language.get() == "ko":
        sentence = korean().get(sentence, sentence)
    elif any(type(value) is int and value == 1 for value in values.values()):          # a class may be called "1"
        sentence = _singular(sentence, {name for name, value in values.items() if type(value) is int and value == 1})
    return _Sentence().vformat(sentence, (), values)


VERBS = {"are": "is", "have": "has", "were": "was", "do": "does", "cannot": "cannot"} | {verb: f"{verb}s" for verb in (
    "hold", "look", "lie", "need", "repeat", "differ", "stand")}
COUNTED = re.compile(r"(?<!=)\{(?P<of>\w+)\}(?P<whole> of (?:its )?\{\w+\})?(?P<like> (?:different|more|other|whole|new))? (?P<noun>[a-z]{3,}s)"
                     rf"\b(?P<rest>(?: to learn from| of \{{\w+\}})? )?(?P<verb>(?:{'|'.join(VERBS)})\b)?")


def _singular(sentence: str, ones: set[str]) -> str:
    """A sentence in which these values are 1; where one of them is what it tells of, to its end."""
    first = COUNTED.match(sentence)
    if first and first["verb"] and first["of"] in ones:
        sentence = re.sub(r"\b(and|they) (are|stay|count)\b", lambda more: f"{'it' if more[1] == 'they' else more[1]} "
                          + VERBS.get(more[2], f"{more[2]}s"), sentence)
    return COUNTED.sub(lambda found: _one(found) if found["of"] in ones else found[0], sentence)


def _one(found: re.Match) -> str:
    """`{count} pictures have` where the count is 1: `{count} picture has`; of `{count} of {total} pictures have`, the verb."""
    noun, verb = found["noun"], found["verb"]
    if noun.endswith(("ss", "us")) or noun in ("has", "was", "does", "holds", "leaves", "begins", "goes", "means"):     # no nouns
        return found[0]
    if not found["whole"]:
        noun = noun[:-3] + "y" if noun.endswith("ies") else noun[:-2] if noun.endswith(("sses", "biases", "xes", "ches", "shes")) else noun[:-1]
    return "".join([f"{{{found['of']}}}", found["whole"] or "", found["like"] or "", " ", noun, found["rest"] or "", VERBS.get(verb, "")])


UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")


def visible(text: str, lines: bool = False) -> str:
    """`text` with every character escaped that would steer a terminal or hide itself: a file may be named
    ESC [ 2 J. With `lines`, tabs and line ends stay as they are."""
    def escaped(found: re.Match) -> str:
        code = ord(found[0])
        if lines and found[0] in "\t\n":
            return found[0]
        if 0xdc80 <= code <= 0xdcff:                        # a byte of a file name that is no UTF-8
            return f"\\x{code - 0xdc00:02x}"
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return UNSEEN.sub(escaped, text)


class Problem(Exception):
    """Something the person can mend: one sentence of what is wrong, what was given, what to do. Exit code 2."""
    code = 2

    def __init__(self, sentence: str, **values):
        super().__init__(sentence, values)
        self.sentence, self.values = sentence, values

    def __str__(self) -> str:
        return say(self.sentence, **self.values)


class Failure(Problem):
    """The request was right but the work failed (no space, a loss that is not a number). Exit code 1."""
    code = 1


@cache
def korean() -> dict[str, str]:
    """The Korean catalogue: English sentence -> Korean sentence."""
    return json.loads(resources.files("deepen").joinpath("words/ko.json").read_text(encoding="utf-8"))


class _Sentence(Formatter):
    def format_field(self, value, spec):
        if spec in PARTICLES:
            word = format(value)
            return f"{visible(word, lines=True)}{PARTICLES[spec][not _closed(word, spec)]}"
        return visible(super().format_field(value, spec), lines=True)


def _closed(word: str, particle: str) -> bool:
    """Does the word end in a consonant when a Korean reads it aloud? (For 으로 a final ㄹ counts as open.)"""
    letters = [letter for letter in word if letter.isalnum()]
    if not letters or word.rstrip().endswith("%"):          # 퍼센트
        return False
    last = letters[-1].lower()
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return final not in ((0, 8) if particle == "으로" else (0,))
    if last.isdigit():                                       # 영 일 이 삼 사 오 육 칠 팔 구
        return last in ("036" if particle == "으로" else "013678")
    return last in ("bckmnpt" if particle == "으로" else "bcklmnpt")
