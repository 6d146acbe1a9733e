"""The people of a class: their names, what their browsers tell, and how often they may."""
import asyncio
import base64
import binascii
import math
import re
import secrets
import time
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from deepen.core.words import UNSEEN, Problem

MOST = 120                          # people of a room
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"    # without I and O, which are read as 1 and 0
NAME = 20                           # characters of a name
FIELD = 24                          # the side of a student's small picture
CURVE = 40                          # losses that are kept of each
AWAY = 10                           # seconds of silence
MINUTE, EACH, ALL = 60, 10, 60      # wrong codes a minute: of one address, of all together
PACE = 5                            # messages of one student a second


def code(letters: int = 4) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(letters))


def cleaned(name: Any) -> str:
    """A name as it is shown: 1 to 20 characters, none that hides itself or piles up; at least one letter or number."""
    text = unicodedata.normalize("NFC", name if isinstance(name, str) else "")
    text = re.sub(r"\s+", " ", UNSEEN.sub("", re.sub(r"[\t\r\n]", " ", text))).strip()
    text = "".join(one for i, one in enumerate(text) if not (unicodedata.combining(one) and unicodedata.combining(text[i - 1])))
    if not 1 <= len(text) <= NAME or not any(one.isalnum() for one in text):
        raise Problem("a name has 1 to {most} characters, and a letter or a number among them", most=NAME)
    return text


class Tries:
    """Who guessed wrong, and when: too many in a minute and nobody of that address (or of none) guesses on."""

    def __init__(self) -> None:
        self.wrong: list[tuple[float, str]] = []

    def ask(self, address: str) -> None:
        now = time.monotonic()
        self.wrong = [one for one in self.wrong if now - one[0] < MINUTE]
        if sum(one[1] == address for one in self.wrong) >= EACH or len(self.wrong) >= ALL:
            raise Problem("too many wrong codes; wait a minute")

    def failed(self, address: str) -> None:
        self.wrong.append((time.monotonic(), address))


@dataclass
class Bucket:
    """PACE a second, with two seconds' worth in hand."""
    left: float = 2.0 * PACE
    at: float = field(default_factory=time.monotonic)

    def take(self) -> None:
        now = time.monotonic()
        self.left, self.at = min(2.0 * PACE, self.left + (now - self.at) * PACE), now
        if self.left < 1:
            raise Problem("that is too often; slow down")
        self.left -= 1


@dataclass
class Student:
    """One of the class, as the teacher sees them."""
    id: str
    name: str
    seen: float = field(default_factory=time.monotonic)
    version: int = 0                                            # of the room, when this last changed
    digest: dict[str, Any] = field(default_factory=dict)
    curve: list[float] = field(default_factory=list)            # test losses
    least: float = math.inf                                     # the best of this link, and when it came
    better: float = field(default_factory=time.monotonic)
    best: tuple[int, float] | None = None                       # (weights, when) of the challenge
    hand: bool = False
    answer: int | None = None
    drawing: dict[str, Any] | None = None
    drawn: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    bucket: Bucket = field(default_factory=Bucket)

    def heard(self, told: dict[str, Any], challenge: dict[str, Any]) -> None:
        """A digest of their browser."""
        now = time.monotonic()
        self.hand = told.pop("hand", self.hand)
        self.answer = told.pop("answer", self.answer)
        if not told:
            return
        epoch, test = told.get("epoch", 0), told.get("test")
        if epoch < self.digest.get("epoch", 0) or told.get("link", "") != self.digest.get("link", ""):
            self.least, self.better = math.inf, now
            self.curve = self.curve if epoch >= self.digest.get("epoch", 0) else []
        if test is not None:
            if test < 0.99 * self.least:
                self.least, self.better = test, now
            if epoch != self.digest.get("epoch") or not self.curve:
                self.curve = [*self.curve, round(test, 4)][-CURVE:]
            weights = told.get("weights") or 0
            if challenge and weights and epoch and test <= challenge["loss"] and now <= challenge["begun"] + challenge["seconds"]:
                self.best = min(self.best or (weights, now), (weights, now))
        self.digest = told

    def told(self, since: int) -> dict[str, Any]:
        now = time.monotonic()
        away = now - self.seen > AWAY
        state = "away" if away else "broken" if self.digest.get("broken") else "learning" if self.digest.get("playing") else \
            "standing" if self.digest else "drawing" if self.drawing else "here"
        short = {"id": self.id, "name": self.name, "state": state, "hand": self.hand, "stuck": round(now - self.better)}
        return short if self.version <= since else {
            **short, "answer": self.answer, "curve": self.curve, "drawing": self.drawing, **{name: self.digest.get(name) for name in (
                "epoch", "loss", "test", "accuracy", "weights", "link", "field", "classes")}}


def digest(asked: dict[str, Any], choices: int) -> dict[str, Any]:
    """What a browser tells of its Playground, each part checked: {epoch, loss, test, accuracy, weights, playing, broken,
    classes, field (24×24 bytes in base64), link}, and beside it {hand, answer}. What is not known is not kept."""
    told: dict[str, Any] = {}
    for name, value in asked.items():
        if value is None:
            continue
        whole = isinstance(value, int) and not isinstance(value, bool)
        if name in ("loss", "test", "accuracy") and (whole or isinstance(value, float)) and math.isfinite(value) and abs(value) < 1e12:
            told[name] = float(value)
        elif (name in ("epoch", "weights") and whole and 0 <= value < 10**12) or (name == "classes" and whole and 0 <= value <= 6) or (
                name == "answer" and whole and 0 <= value < choices) or (name in ("playing", "broken", "hand") and isinstance(value, bool)) or (name == "link" and isinstance(value, str) and len(value) <= 8 << 10 and not re.search(r"\s", value)) or (
                name == "field" and _bytes(value) == FIELD * FIELD):
            told[name] = value
        else:
            raise Problem("{name} of the digest is not what it should be", name=str(name)[:20])
    return told


def _bytes(text: Any) -> int:
    """How many bytes a text in base64 holds; -1 if it is none."""
    if not isinstance(text, str) or len(text) > 4 * FIELD * FIELD:
        return -1
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return -1
