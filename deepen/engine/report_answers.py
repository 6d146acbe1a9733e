"""The parts of a report that come from answers: where it errs, how sure it may be, and which columns it goes by."""
import time
from html import escape

import torch
from torch import Tensor

from deepen.core.kinds import Label, Number, Row
from deepen.core.words import say
from deepen.engine import charts
from deepen.engine.chance import wilson
from deepen.engine.fit import quiet
from deepen.engine.goals import formulas
from deepen.engine.mistakes import Mistake
from deepen.engine.report_scenes import bad_scene
from deepen.engine.worst import Worst
from deepen.nn import metrics
from deepen.nn.importance import importance

MOST_CLASSES = 24       # a larger matrix is told as its largest confusions
MOST_COLUMNS = 15       # the most important ones
DOTS = 1200             # of a scatter
ROWS, SECONDS, ROUNDS, LEAST_ROUNDS = 2000, 3.0, 5, 4       # of permutation importance: at most, and no fewer rounds


def errors(kind, found, number) -> str:
    """The matrix or the bars, and the worst mistakes with their pictures."""
    parts = []
    if isinstance(kind, Label):
        counts = metrics.confusion(found.target, found.answers.argmax(1), len(kind.names))
        if len(kind.names) <= MOST_CLASSES:
            parts.append(charts.matrix(counts, kind.names, say("was"), say("said")))
        else:
            off = counts - torch.diag(counts.diag())
            top = off.flatten().topk(min(10, off.numel()))
            rows = [(f"{kind.names[i // len(kind.names)]} → {kind.names[i % len(kind.names)]}", n / max(1, int(top.values[0])), str(n))
                    for n, i in zip(top.values.tolist(), top.indices.tolist(), strict=True) if n]
            parts.append(charts.bars(rows))
    if found.mistakes:
        shown = found.mistakes if found.mistakes[0].input.ndim == 3 else found.mistakes[:6]
        title = say("The worst mistakes, the most certain first") if isinstance(kind, Label) else say("The largest errors")
        parts.append(f"<h3>{escape(title)}</h3><div class=mistakes>{''.join(map(mistake, shown))}</div>")
    elif isinstance(kind, Label):
        parts.append(f"<p>{escape(say('Not one mistake on this split.'))}</p>")
    return "".join(parts)


def mistake(wrong: Mistake) -> str:
    """One mistake: its picture or its values, what it was, what was said."""
    if isinstance(wrong, Worst):
        return bad_scene(wrong)
    shown = charts.picture(wrong.input, 1, wrong.was) if wrong.input.ndim == 3 else f"<p class=values>{escape(wrong.shown)}</p>"
    sure = f" · {wrong.sure:.0%}" if wrong.sure is not None else ""
    wide = "" if wrong.input.ndim == 3 else " class=wide"
    return (f"<figure{wide}>{shown}<figcaption>{escape(say('was'))} {escape(wrong.was)} · {escape(say('said'))} <b>{escape(wrong.said)}</b>{sure}"
            f"<br><span class=soft>{escape(wrong.where)}</span></figcaption></figure>")


def sureness(kind, found) -> tuple[str, str]:
    """(title, inside) of how sure against how right, for classes; of said against true, for numbers."""
    answers, target = found.answers, found.target
    if isinstance(kind, Label):
        if len(target) < 30:
            return "", ""
        drawn = charts.reliability(bins(answers, target), say("how sure it says it is"), say("how often it is right"))
        sure, right = float(answers.max(1).values.mean()), float(metrics.accuracy(answers, target))
        gap = found.metrics.get("ece", float(metrics.ece(answers, target)))
        told = (say("It says {sure} on average and is right in {right}: it is too sure of itself.", sure=_percent(sure), right=_percent(right))
                if sure > right + max(0.02, gap / 2) else
                say("It says {sure} on average and is right in {right}: it may trust itself more.", sure=_percent(sure), right=_percent(right))
                if sure < right - max(0.02, gap / 2) else
                say("It says {sure} on average and is right in {right}: what it says can be believed.", sure=_percent(sure), right=_percent(right)))
        note = say("On the dashed line it is right as often as it says. Lines: 95 %. Below: how many answers are so sure. The mean gap (ece) is {gap}.",
                   gap=_percent(gap))
        return say("How sure it is"), f'<div class=beside>{drawn}<div><p>{escape(told)}</p><p class=soft>{escape(note)}</p></div></div>'
    if not isinstance(kind, Number) or len(target) < 10:
        return "", ""
    rows = torch.randperm(len(target), generator=torch.Generator().manual_seed(0))[:DOTS]
    true, guess = target[rows].double(), answers[rows].double()
    name = kind.name or say("value")
    first = charts.scatter(list(zip(true.tolist(), guess.tolist(), strict=True)), say("{name}, true", name=name), say("said"))
    second = charts.scatter(list(zip(guess.tolist(), (guess - true).tolist(), strict=True)), say("{name}, said", name=name),
                            say("said − true"), "zero")
    error = (answers - target).abs().double()
    middle, most = error.quantile(torch.tensor([0.5, 0.9], dtype=torch.float64)).tolist()
    line = say("Half of the answers are off by less than {middle}, nine in ten by less than {most}. On the dashed line nothing is off.",
               middle=kind.show(middle), most=kind.show(most))
    return say("Said against true"), f"<div class=two>{first}{second}</div><p>{escape(line)}</p>"


def bins(answers: Tensor, target: Tensor, count: int = 10) -> list[tuple[float, float, float, float, int]]:
    """(mean sureness, share right, its 95 % interval, how many) of each bin of sureness that has any."""
    sure, said = answers.double().max(1)
    right, made = said == target, []
    place = (sure * count).ceil().long().clamp(1, count) - 1
    for one in place.unique().tolist():
        inside = place == one
        many, hits = int(inside.sum()), int((right & inside).sum())
        low, high = wilson(hits, many)
        made.append((float(sure[inside].mean()), hits / many, low, high, many))
    return made


def columns(system, split: str) -> str:
    """Which columns the answers hang on: the score lost when a column is shuffled, with a bar and its range."""
    row, kind = system.data.inputs, system.data.target
    score = formulas(kind).get(system.score)
    if not isinstance(row, Row) or score is None or len(system.data.splits.get(split, ())) < 20:
        return ""
    examples = system.data.split(split)
    rows = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))[:ROWS]
    x, y = examples[rows]
    with quiet(system):
        system.predict(x[:64])                                  # the first call of all is slow
        began = time.monotonic()
        system.predict(x)
        each = time.monotonic() - began
        fits = SECONDS / max(1e-6, each * len(row.names))       # rounds that fit into the time
        rounds = max(LEAST_ROUNDS, min(ROUNDS, int(fits)))
        if fits < rounds:
            few = max(200, int(len(x) * fits / rounds))
            x, y = x[:few], y[:few]
        lost = importance(system.predict, x, y.cpu(), lambda p, t: score(torch.as_tensor(p).float().cpu(), t), 0, rounds,
                          metrics.BETTER[system.score])
    order = lost.mean(1).argsort(descending=True)[:MOST_COLUMNS].tolist()
    share = isinstance(kind, Label)
    told = [(row.names[i], float(lost[i].mean()), float(lost[i].min()), float(lost[i].max()),
             f"{100 * float(lost[i].mean()):+.1f} %" if share else _change(float(lost[i].mean()))) for i in order]
    note = (say("How much {score} gets worse when one column is shuffled, on {count} rows; the line spans {rounds} shuffles. Columns that "
                "tell the same share their weight.", score=system.score, count=f"{len(x):,}", rounds=rounds))
    more = len(row.names) - len(order)
    rest = f"<p class=soft>{escape(say('{count} more columns matter less.', count=more))}</p>" if more > 0 else ""
    return f"<p class=soft>{escape(note)}</p>{charts.spans(told)}{rest}"


def _change(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
