"""What the mistakes share: plain features of the examples that go with being wrong, and only what is sound.

Each feature is cut into parts (a column above a border, one of its words, dark pictures, one class). A part is told when
more of it is wrong than elsewhere by a two-sided exact test (Fisher 1935), corrected for every part that was looked at
(Bonferroni), so that a table of noise says something in at most one of twenty cases. Errors of numbers are compared by
ranks (Wilcoxon 1945). A cause that another one explains is not told again.
"""
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deepen.core.kinds import Image, Label, Number, Row
from deepen.core.words import say
from deepen.engine.chance import binomial, fisher, rank_sum, ranks

LEAST = 5               # mistakes; with fewer nothing is said
LEVEL = 0.05            # chance of saying anything about noise: half for parts, half for confused pairs
TIMES = 1.5             # a part must be wrong so many times as often as the rest; errors of numbers 1.25 times as large
MOST = 3                # sentences
ROWS = 20_000           # examples looked at
VALUES = 20_000_000     # of pictures at once
CUTS = (0.1, 0.25, 0.5, 0.75, 0.9)
RARE = 0.01             # a word in fewer rows than this share is rare


@dataclass(frozen=True)
class Part:
    """Some of the examples, by what they have in common: `rows` is a mask (N,)."""
    feature: str
    name: str               # "hours-per-week > 50"
    rows: Tensor


@dataclass(frozen=True)
class Cause:
    """A part in which more goes wrong: `wrong` of `count` there (or their mean error), `elsewhere` of the others, and how
    likely so large a difference is by chance, corrected."""
    name: str
    wrong: float
    count: int
    elsewhere: float
    others: int
    chance: float
    sentence: str


def shared(kind, inputs, examples, answers: Tensor, target: Tensor, root: Path | None = None) -> list[Cause]:
    """What the mistakes on a split have in common, the surest first, at most three; [] when nothing is sound.

    `kind`, `inputs`: the kinds of target and input; `answers` (N, classes) or (N,) and `target` (N,); `root`: the folder
    that the names of the examples are in, to know the pictures' own sizes."""
    rows = torch.arange(len(target))
    if len(rows) > ROWS:
        rows = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:ROWS].sort().values
        answers, target = answers[rows], target[rows]
    if isinstance(kind, Number):
        if len(target) < 30:
            return []
        error = (answers - target).float()
        features = [*parts_of(inputs, examples, rows, root), *bordered("", _target_name(kind), target.float())]
        found = large_errors(error, features, lambda part, near, far, way: say(
            "{what}: off by {near} on average ({count} rows{way}), elsewhere by {far}", what=part.name, near=kind.show(near),
            count=f"{int(part.rows.sum()):,}", way=way, far=kind.show(far)))
        return ([*found[: MOST - 1], leaning] if (leaning := _lean(kind, error)) else found)[:MOST]
    if not isinstance(kind, Label):
        return []
    said = answers.argmax(1)
    wrong = said != target
    if int(wrong.sum()) < LEAST:
        return []
    features = [*parts_of(inputs, examples, rows, root), *_classes(kind, target)]
    pair = _pair(kind, target, said)
    found = _gathered(wrong, features, {pair.name} if pair else set())
    return sorted([*([pair] if pair else []), *found], key=lambda cause: cause.chance)[:MOST]


# parts of the examples

def parts_of(inputs, examples, rows: Tensor, root: Path | None) -> list[Part]:
    """Parts of examples by what goes in: columns of a table, light and sharpness of pictures, the sizes of their files."""
    if isinstance(inputs, Row):
        return _columns(inputs, _taken(examples, rows).float())
    if isinstance(inputs, Image):
        return [*_pictures(inputs, examples, rows), *_files(examples, rows, root)]
    return []


def _taken(examples, rows: Tensor) -> Tensor:
    where = getattr(getattr(examples, "inputs", None), "device", "cpu")
    return examples[rows.to(where)][0].cpu()


def _columns(row: Row, x: Tensor) -> list[Part]:
    """Parts of a table's rows: ranges and words of each column, missing cells, rare words."""
    parts: list[Part] = []
    for place, (name, words) in enumerate(zip(row.names, row.values, strict=True)):
        column = x[:, place]
        missing = column.isnan()
        if missing.any():
            parts.append(Part(f"{name}?", say("{name} is missing", name=name), missing))
        if words is None:
            parts += bordered(name, name, column)
            continue
        count = column[~missing].long().bincount(minlength=len(words))
        least = max(LEAST, RARE * len(x))
        parts += [Part(name, f"{name} = {word[:40]}", column == code) for code, word in enumerate(words)
                  if least <= count[code] < len(x)]
        rare = torch.tensor([code for code in range(len(words)) if 0 < count[code] < least])
        if len(rare) > 1:
            parts.append(Part(name, say("a rare word in {name}", name=name), torch.isin(column, rare.float())))
    return parts


def _pictures(inputs: Image, examples, rows: Tensor) -> list[Part]:
    bright, contrast, sharp = [], [], []
    for some in rows.split(max(1, VALUES // math.prod(inputs.shape))):
        x = _taken(examples, some).float()                                      # (B, C, H, W)
        grey = x.mean(1)
        bright.append(grey.mean((1, 2)))
        contrast.append(grey.std((1, 2)))
        sharp.append((grey[:, 1:] - grey[:, :-1]).abs().mean((1, 2)) / contrast[-1].clamp(min=1))
    return [*bordered("brightness", "", torch.cat(bright),
                  lambda cut: say("bright pictures (brightness over {cut})", cut=cut),
                  lambda cut: say("dark pictures (brightness up to {cut})", cut=cut)),
            *bordered("contrast", "", torch.cat(contrast),
                  lambda cut: say("pictures of much contrast (over {cut})", cut=cut),
                  lambda cut: say("pictures of little contrast (up to {cut})", cut=cut)),
            *bordered("detail", "", torch.cat(sharp),
                  lambda cut: say("pictures of much detail (over {cut})", cut=cut),
                  lambda cut: say("blurred or plain pictures (detail up to {cut})", cut=cut))]


def _files(examples, rows: Tensor, root: Path | None) -> list[Part]:
    """Size and shape of the pictures as they lie in their folder, read from the headers."""
    names = getattr(examples, "names", None)
    if root is None or not names or len(rows) > 5000:
        return []
    from PIL import Image as Pillow
    sizes = torch.full((len(rows), 2), math.nan)
    for place, row in enumerate(rows.tolist()):
        try:
            with Pillow.open(root / names[row]) as picture:
                sizes[place] = torch.tensor(picture.size, dtype=torch.float32)
        except (OSError, ValueError, Pillow.DecompressionBombError):
            continue                        # its size stays unknown: NaN is in no part
    aspect = (sizes[:, 0] / sizes[:, 1]).log()
    return [*bordered("size", "", sizes.amin(1), lambda cut: say("large pictures (shorter side over {cut} pixels)", cut=cut),
                  lambda cut: say("small pictures (shorter side up to {cut} pixels)", cut=cut)),
            Part("aspect", say("pictures taller than wide"), aspect < -0.05),
            Part("aspect", say("very wide pictures (twice as wide as tall)"), aspect > math.log(2))]


def _classes(kind: Label, target: Tensor) -> list[Part]:
    if len(kind.names) > 200:
        return []
    return [Part("class", say("class {name}", name=name), target == code) for code, name in enumerate(kind.names)]


def _target_name(kind: Number) -> str:
    return kind.name or say("the true value")


def bordered(feature: str, name: str, values: Tensor, above: Callable[[str], str] | None = None,
         below: Callable[[str], str] | None = None) -> list[Part]:
    """Both sides of a few borders of numbers (N,); what is missing is on no side."""
    known = values[~values.isnan()]
    if len(known) < 2 * LEAST:
        return []
    borders = known.double().quantile(torch.tensor(CUTS, dtype=torch.float64), interpolation="lower").unique().tolist()
    parts = []
    for border in borders:
        cut = f"{border:,.0f}" if abs(border) >= 10_000 else f"{border:.4g}"
        over, under = values.double() > border, values.double() <= border
        if over.any() and under.any():
            parts += [Part(feature or "target", above(cut) if above else f"{name} > {cut}", over),
                      Part(feature or "target", below(cut) if below else f"{name} ≤ {cut}", under)]
    return parts


# which parts go wrong

def _gathered(wrong: Tensor, parts: Sequence[Part], told: set[str]) -> list[Cause]:
    """Parts with more mistakes than elsewhere. Each further one must hold outside those already told."""
    total, all_wrong = len(wrong), int(wrong.sum())
    looked = 2 * _different(parts)
    candidates: list[tuple[float, Part]] = []
    for part in parts:
        count, bad = int(part.rows.sum()), int((wrong & part.rows).sum())
        if bad < LEAST or count == total or part.name in told or bad / count < TIMES * (all_wrong - bad) / (total - count):
            continue
        chance = min(1.0, fisher(bad, count, all_wrong, total) * looked)
        if chance < LEVEL:
            candidates.append((chance, part))
    candidates.sort(key=lambda one: one[0])
    found: list[Cause] = []
    left, features = torch.ones(total, dtype=torch.bool), set[str]()
    for chance, part in candidates:
        inside = part.rows & left
        bad, count = int((wrong & inside).sum()), int(inside.sum())
        still = count > 0 and fisher(bad, count, int((wrong & left).sum()), int(left.sum())) < LEVEL
        if part.feature in features or (found and (bad < LEAST or not still)):
            continue
        found.append(_cause(part, wrong, chance))
        features.add(part.feature)
        left &= ~part.rows
        if len(found) == MOST:
            break
    return found


def _cause(part: Part, wrong: Tensor, chance: float) -> Cause:
    count, bad = int(part.rows.sum()), int((wrong & part.rows).sum())
    others, elsewhere = len(wrong) - count, int((wrong & ~part.rows).sum())
    return Cause(part.name, bad, count, elsewhere, others, chance, say(
        "{what}: {wrong} of {count} are wrong ({share}), elsewhere {elsewhere} of {others} ({rest})", what=part.name,
        wrong=f"{bad:,}", count=f"{count:,}", share=_share(bad, count), elsewhere=f"{elsewhere:,}", others=f"{others:,}",
        rest=_share(elsewhere, others)))


def _pair(kind: Label, target: Tensor, said: Tensor) -> Cause | None:
    """One class said for another more often than mistakes fall on pairs by the sizes of the classes alone."""
    wrong = said != target
    mistakes, classes = int(wrong.sum()), len(kind.names)
    if mistakes < LEAST or classes < 2:
        return None
    place = (target * classes + said)[wrong].bincount(minlength=classes**2)
    top = int(place.argmax())
    true, other = divmod(top, classes)
    count, size = int(place[top]), int((target == true).sum())
    chance = min(1.0, binomial(count, mistakes, size / len(target) / (classes - 1)) * 2 * classes * (classes - 1))
    if count < LEAST or count < 0.25 * mistakes or chance >= LEVEL:
        return None
    return Cause(say("class {name}", name=kind.names[true]), count, mistakes, mistakes - count, mistakes, chance, say(
        "{was} said to be {said}: {count} of {all} mistakes", was=kind.names[true], said=kind.names[other],
        count=f"{count:,}", all=f"{mistakes:,}"))


def large_errors(error: Tensor, parts: Sequence[Part], told: Callable[[Part, float, float, str], str]) -> list[Cause]:
    """Parts with larger errors (N,), the surest first; `told(part, mean error in it, mean elsewhere, lean)` is the sentence."""
    size, total = error.abs(), len(error)
    rank = ranks(size)
    looked = 2 * _different(parts)
    candidates = []
    for part in parts:
        count = int(part.rows.sum())
        if min(count, total - count) < 2 * LEAST or size[part.rows].mean() < 1.25 * size[~part.rows].mean():
            continue
        chance = min(1.0, rank_sum(rank, part.rows) * looked)
        if chance < LEVEL:
            candidates.append((chance, part))
    candidates.sort(key=lambda one: (one[0], -float(size[one[1].rows].mean())))
    found: list[Cause] = []
    left, features = torch.ones(total, dtype=torch.bool), set[str]()
    for chance, part in candidates:
        inside = (part.rows & left)[left]
        if part.feature in features or min(int(inside.sum()), int((~inside).sum())) < 2 * LEAST:
            continue
        if found and not (rank_sum(ranks(size[left]), inside) < LEVEL and size[left][inside].mean() > size[left][~inside].mean()):
            continue
        near, far = float(size[part.rows].mean()), float(size[~part.rows].mean())
        lean = float(error[part.rows].mean())
        way = (say(", mostly too little") if lean < -0.5 * near else say(", mostly too much") if lean > 0.5 * near else "")
        found.append(Cause(part.name, near, int(part.rows.sum()), far, total - int(part.rows.sum()), chance, told(part, near, far, way)))
        features.add(part.feature)
        left &= ~part.rows
        if len(found) == MOST:
            break
    return found


def _lean(kind: Number, error: Tensor) -> Cause | None:
    """Do the answers lie too high or too low on the whole? Its mean must be sure and a tenth of the usual error."""
    mean, usual = float(error.double().mean()), float(error.abs().double().mean())
    spread = float(error.double().std()) / math.sqrt(len(error))
    chance = math.erfc(abs(mean) / spread / math.sqrt(2)) if spread else float(mean == 0)
    if chance >= LEVEL / 2 or abs(mean) < 0.1 * usual:
        return None
    high = int((error > 0).sum())
    told = (say("on the whole it says too much, by {mean} on average ({high} of {all} answers are too high)", mean=kind.show(mean),
                high=f"{high:,}", all=f"{len(error):,}") if mean > 0 else
            say("on the whole it says too little, by {mean} on average ({low} of {all} answers are too low)",
                mean=kind.show(-mean), low=f"{int((error < 0).sum()):,}", all=f"{len(error):,}"))
    return Cause(say("all answers"), abs(mean), len(error), 0.0, 0, chance, told)


def _different(parts: Sequence[Part]) -> int:
    """How many different cuts were looked at: the two sides of one border are one."""
    return len({bytes((part.rows ^ part.rows[0]).byte().numpy()) for part in parts})


def _share(part: int, count: int) -> str:
    return f"{100 * part / count:.0f} %" if count else "–"
