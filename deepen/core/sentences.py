"""Sentences as numbers and back. The vocabulary of a kind `Text` alone decides, so a model's card is enough.

Words, punctuation and the particles of Korean are pieces of their own: 원이 is 원 and ‿이, so that it shares 원 with 원은. A piece
that stands without a blank before it begins with ‿. Joined again the pieces are the sentence, but for letters' case and blanks.
"""
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

TIE = "‿"
END, UNKNOWN, FIRST = 0, 1, 2           # numbers: a sentence's end (and beginning), a word not known, the first word
UNKNOWN_WORD = "…"                      # what an unknown word is shown as
PARTICLES = sorted(re.findall(r"\S+", """이 가 은 는 을 를 의 에 와 과 도 만 로 으로 에서 에게 한테 께서 까지 부터 처럼 보다 마다 조차 라고
    이라고 에는 에도 에서는 에서도 으로는 로는 에게는 에게서 이나 나 이랑 랑 하고 이다 입니다 이며 이고 들 들이 들은 들을 들의"""),
                   key=lambda one: (-len(one), one))
RUNS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|\S")


def pieces(text: str, words: Collection[str] | None = None) -> list[str]:
    """The pieces of a sentence, in order.

    A Korean word is parted from its particle where `words` (a vocabulary) does not know it whole: at the longest particle
    whose stem is known, else at the longest that leaves a stem of two letters. Without `words` it is left whole."""
    found: list[str] = []
    for chunk in unicodedata.normalize("NFC", text).lower().split():
        for place, run in enumerate(RUNS.findall(chunk)):
            stem, particle = run, ""
            if words is not None and "가" <= run[-1] <= "힣" and TIE * bool(place) + run not in words:
                stem, particle = _parted(run, words, TIE * bool(place))
            found.append(TIE * bool(place) + stem)
            if particle:
                found.append(TIE + particle)
    return found


def joined(found: Iterable[str]) -> str:
    """The sentence of its pieces."""
    text = ""
    for piece in found:
        tied = len(piece) > 1 and piece.startswith(TIE)
        text += piece[1:] if tied else " " * bool(text) + piece
    return text


def vocabulary(texts: Iterable[str], least: int = 1) -> tuple[str, ...]:
    """The pieces that occur at least so often, most frequent first.

    A Korean word is parted where its stem is met with another particle, or alone, too: 고양이 stays whole beside 고양이가."""
    count = Counter(piece for text in texts for piece in pieces(text))
    bare = {word.removeprefix(TIE) for word in count}
    endings: dict[str, set[str]] = {}
    for word in bare:
        for particle in _particles(word):
            endings.setdefault(word[:-len(particle)], set()).add(particle)
    stems = {stem for stem, ends in endings.items() if stem in bare or len(ends) > 1}
    total: Counter[str] = Counter()
    for word, often in count.items():
        tie, run = (TIE, word[1:]) if len(word) > 1 and word.startswith(TIE) else ("", word)
        particle = next((one for one in _particles(run) if run[:-len(one)] in stems), "")
        total[tie + run[:len(run) - len(particle)]] += often
        if particle:
            total[TIE + particle] += often
    return tuple(word for word, often in sorted(total.items(), key=lambda one: (-one[1], one[0])) if often >= least)


def encode(text: str, number: dict[str, int]) -> list[int]:
    """Numbers of a sentence's pieces, without its end; `number` is `numbered` of the vocabulary."""
    return [number.get(piece, UNKNOWN) for piece in pieces(text, number)]


def decode(ids: Iterable[int], words: Sequence[str]) -> str:
    """The sentence of numbers, up to its first end."""
    return joined(spoken(ids, words))


def spoken(ids: Iterable[int], words: Sequence[str]) -> list[str]:
    """The pieces of numbers, up to the first end."""
    found = []
    for one in ids:
        if one == END:
            break
        found.append(UNKNOWN_WORD if one == UNKNOWN else words[one - FIRST])
    return found


def numbered(words: Sequence[str]) -> dict[str, int]:
    """The number of each word of a vocabulary."""
    return {word: FIRST + place for place, word in enumerate(words)}


def plain(text: str) -> list[str]:
    """The words that are counted when captions are compared: no punctuation, no case."""
    return [run for run in RUNS.findall(unicodedata.normalize("NFC", text).lower()) if run[0].isalnum()]


def _parted(run: str, words: Collection[str], tie: str) -> tuple[str, str]:
    able = _particles(run)
    known = next((one for one in able if tie + run[:-len(one)] in words), "") or next(
        (one for one in able if TIE + one in words and len(run) - len(one) > 1), "")
    return (run[:-len(known)], known) if known else (run, "")


def _particles(word: str) -> list[str]:
    return [one for one in PARTICLES if word.endswith(one) and len(word) > len(one) and "가" <= word[-len(one) - 1] <= "힣"]
