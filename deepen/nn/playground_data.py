"""Playground's random stream, its points and its features, number for number (D. Smilkov, S. Carter et al., 2016).

Everything random is drawn from one ARC4 stream: the points, their order, then the first weights. So the stream is
named by its seed and how much of it is used: "0.42317@2499" goes on after 2,499 numbers.
"""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, hypot, log, pi, sin, sqrt

import numpy as np

from deepen.core.words import Problem

LABELS = ("orange", "blue", "green", "purple", "yellow", "black")      # of classes 0, 1, …; −1 and +1 first
NUMBERS = ("plane", "cones")                                            # sets whose target is a number
FEATURES: dict[str, Callable] = {                                       # of m: numpy or torch
    "x1": lambda m, a, b: a, "x2": lambda m, a, b: b,
    "x1x1": lambda m, a, b: a * a, "x2x2": lambda m, a, b: b * b, "x1x2": lambda m, a, b: a * b,
    "sinx1": lambda m, a, b: m.sin(a), "sinx2": lambda m, a, b: m.sin(b),
    "cosx1": lambda m, a, b: m.cos(a), "cosx2": lambda m, a, b: m.cos(b),
    "absx1": lambda m, a, b: m.abs(a), "absx2": lambda m, a, b: m.abs(b),
    "radius": lambda m, a, b: m.sqrt(a * a + b * b)}
PLAYGROUND = tuple(FEATURES)[:7]                                        # Playground's own, in its order


class Dice:
    """Numbers in [0, 1) with 52 random bits from ARC4, as seedrandom makes them from a text (D. Bau).

    The text becomes a key: each character is added to ×19 of what its place held, exclusive-or'd with all before; the
    first 256 bytes are thrown away. `used` counts the numbers drawn; a text may end in @N to begin after N of them."""

    def __init__(self, seed: str):
        self.seed, _, skip = seed.rpartition("@")
        if not self.seed or not skip.isdecimal() or int(skip) > 100_000:
            self.seed, skip = seed, "0"
        key: list[int] = []
        smear = 0
        text = self.seed.encode("utf-16-le", "surrogatepass")
        for place, code in enumerate(int.from_bytes(text[i: i + 2], "little") for i in range(0, len(text), 2)):
            if place < 256:
                key.append(0)
            smear ^= key[place % 256] * 19
            key[place % 256] = smear + code & 255
        self.box, self.i, self.j, self.used = list(range(256)), 0, 0, 0
        j, box = 0, self.box
        for i in range(256):
            j = j + (key or [0])[i % max(1, len(key))] + box[i] & 255
            box[i], box[j] = box[j], box[i]
        self.bytes(256)
        for _ in range(int(skip)):
            self.draw()

    def bytes(self, count: int) -> int:
        """The next bytes as one number."""
        box, i, j, number = self.box, self.i, self.j, 0
        for _ in range(count):
            i = i + 1 & 255
            j = j + box[i] & 255
            box[i], box[j] = box[j], box[i]
            number = number << 8 | box[box[i] + box[j] & 255]
        self.i, self.j = i, j
        return number

    def draw(self) -> float:
        """The next number in [0, 1)."""
        self.used += 1
        number, bits, last = self.bytes(6), 48, 0
        while number < 2**52:
            number, bits, last = number + last << 8, bits + 8, self.bytes(1)
        while number >= 2**53:
            number, bits, last = number >> 1, bits - 1, last >> 1
        return float(number + last) / 2**bits

    def uniform(self, low: float, high: float) -> float:
        return self.draw() * (high - low) + low

    def normal(self, mean: float, variance: float) -> float:
        """Marsaglia's polar way; of each pair only the first is used."""
        while True:
            a, b = 2 * self.draw() - 1, 2 * self.draw() - 1
            s = a * a + b * b
            if s <= 1:
                return mean + sqrt(variance) * (sqrt(-2 * log(s) / s) * a)

    @property
    def place(self) -> str:
        return f"{self.seed}@{self.used}"


Point = tuple[float, float, float]              # x1, x2, and a class 0, 1, … or a number


def circle(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for i in range(count):
        r = dice.uniform(0, 2.5) if i < ceil(count / 2) else dice.uniform(3.5, 5)
        angle = dice.uniform(0, 2 * pi)
        x, y = r * sin(angle), r * cos(angle)
        moved = [x + dice.uniform(-5, 5) * noise, y + dice.uniform(-5, 5) * noise]
        yield x, y, sqrt(moved[0] * moved[0] + moved[1] * moved[1]) < 2.5


def xor(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for _ in range(count):
        x, y = (value + (0.3 if value > 0 else -0.3) for value in (dice.uniform(-5, 5), dice.uniform(-5, 5)))
        yield x, y, (x + dice.uniform(-5, 5) * noise) * (y + dice.uniform(-5, 5) * noise) >= 0


def gauss(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for i in range(count):
        blue = i < ceil(count / 2)
        x, y = (dice.normal(2 if blue else -2, 0.5 + 7 * noise) for _ in range(2))
        yield x, y, blue


def spiral(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for blue, n in ((1, ceil(count / 2)), (0, count // 2)):
        for i in range(n):
            r, t = i / n * 5, 1.75 * i / n * 2 * pi + (0 if blue else pi)
            yield r * sin(t) + dice.uniform(-1, 1) * noise, r * cos(t) + dice.uniform(-1, 1) * noise, blue


def plane(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for _ in range(count):
        x, y = dice.uniform(-6, 6), dice.uniform(-6, 6)
        yield x, y, (x + dice.uniform(-6, 6) * noise + y + dice.uniform(-6, 6) * noise) / 10


def cones(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    tops = ((-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1), (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1))
    for _ in range(count):
        x, y = dice.uniform(-6, 6), dice.uniform(-6, 6)
        a, b = x + dice.uniform(-6, 6) * noise, y + dice.uniform(-6, 6) * noise
        yield x, y, max((sign * max(0.0, 1 - hypot(a - u, b - v) / 2) for u, v, sign in tops), key=abs)


def moons(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for i in range(count):
        blue, t = i % 2, dice.uniform(0, pi)
        x, y = (1.5 + 3 * cos(t), -0.75 - 3 * sin(t)) if blue else (3 * cos(t) - 1.5, 3 * sin(t) + 0.75)
        yield x + dice.uniform(-2, 2) * noise, y + dice.uniform(-2, 2) * noise, blue


def checker(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for _ in range(count):
        x, y = dice.uniform(-6, 6), dice.uniform(-6, 6)
        a, b = x + dice.uniform(-3, 3) * noise, y + dice.uniform(-3, 3) * noise
        yield x, y, (floor(a / 3) + floor(b / 3)) % 2


def rings(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for i in range(count):
        kind = i % classes
        r, t = 5.5 * (kind + dice.uniform(0.1, 0.9)) / classes, dice.uniform(0, 2 * pi)
        yield r * sin(t) + dice.uniform(-2, 2) * noise, r * cos(t) + dice.uniform(-2, 2) * noise, kind


def blobs(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    for i in range(count):
        kind = i % classes
        t = 2 * pi * kind / classes
        yield dice.normal(3.5 * sin(t), 0.4 + 7 * noise), dice.normal(3.5 * cos(t), 0.4 + 7 * noise), kind


def four(dice: Dice, count: int, noise: float, classes: int) -> Iterator[Point]:
    """The textbook's four points, each as often as asked: no line parts (0, 3), (3, 0) from (1, 2), (2, 1)."""
    for i in range(count):
        yield (*((0.0, 3.0), (3.0, 0.0), (1.0, 2.0), (2.0, 1.0))[i % 4], i % 4 > 1)


SETS: dict[str, Callable[[Dice, int, float, int], Iterator[Point]]] = {
    f.__name__: f for f in (circle, xor, gauss, spiral, plane, cones, moons, checker, rings, blobs, four)}


@dataclass(frozen=True)
class Points:
    """What is learned from and what is tested on: x (N, 2) float64, and t (N,) float64, classes 0, 1, … or numbers."""
    x: np.ndarray
    t: np.ndarray
    test_x: np.ndarray
    test_t: np.ndarray
    classes: int                    # 2 … 6; 0: the target is a number
    place: str                      # where the random stream stands after them


def points(name: str, count: int = 0, noise: float = 0.0, share: float = 0.5, seed: str = "0.5", classes: int = 2,
           rows: Sequence[Point] = ()) -> Points:
    """The points of a set, shuffled and parted, the first `share` to learn from. count 0: 500, of numbers 1200.

    noise: Playground's slider / 100. `own` takes its points from `rows`, of `classes` classes (0: numbers)."""
    dice = Dice(seed)
    if name == "own":
        drawn = [(float(x), float(y), float(t)) for x, y, t in rows]
        if len(drawn) < 2:
            raise Problem("{count} points of your own are too few; give two or more", count=len(drawn))
        if classes and not all(t.is_integer() and 0 <= t < classes for _, _, t in drawn):
            raise Problem("the classes of your own points are not all whole numbers from 0 to {last}", last=classes - 1)
    else:
        classes = 0 if name in NUMBERS else classes if name in ("rings", "blobs") else 2
        drawn = list(SETS[name](dice, count or (500 if classes else 1200), noise, classes))
    for left in range(len(drawn), 0, -1):                               # Fisher and Yates
        at = int(dice.draw() * left)
        drawn[left - 1], drawn[at] = drawn[at], drawn[left - 1]
    table = np.array(drawn, dtype=np.float64)                           # (N, 3)
    if not np.isfinite(table).all() or np.abs(table).max() > 1e6:
        raise Problem("some of your own points are no numbers, or beyond a million")
    cut = min(len(table) - 1, max(1, floor(len(table) * share + 1e-9)))
    x, t = np.ascontiguousarray(table[:, :2]), table[:, 2].copy()
    return Points(x[:cut], t[:cut], x[cut:], t[cut:], classes, dice.place)


def featured(names: Sequence[str], x: np.ndarray) -> np.ndarray:
    """(N, 2) -> the features' values (features, N)."""
    return np.ascontiguousarray([FEATURES[name](np, x[:, 0], x[:, 1]) for name in names], dtype=np.float64)
