"""The data section of a report: pictures as the network sees them, class counts, columns with small histograms."""
from html import escape
from typing import Any

import torch
from torch import Tensor

from deepen.core.kinds import Boxes, Image, Label, Mask, Number, Row, Text
from deepen.core.words import say
from deepen.engine import charts
from deepen.engine.report_scenes import sheet
from deepen.engine.scenes import learned_from

CLASSES, EACH = 12, 6           # of a contact sheet
SHOWN = 40                      # columns of a table
BINS = 16


def data(system) -> str:
    """What was learned from: sizes, what was guessed or left out, what it looks like."""
    given = system.data
    sizes = "".join(f"<dt>{escape(say(name))}</dt><dd>{len(split):,}</dd>" for name, split in given.splits.items())
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in given.said)
    parts = [f"<p class=origin>{escape(given.origin)}</p><dl>{sizes}</dl>", f"<ul class=soft>{told}</ul>" if told else ""]
    train = given.splits.get("train", ())
    if given.world is None and len(train):
        parts.append(_classes(given, train))
        if isinstance(given.inputs, Image):
            parts.append(_sheet(given, train))
        if isinstance(given.inputs, Row):
            parts.append(_columns(given, train))
    return "".join(parts)


def _classes(given, train) -> str:
    if isinstance(given.target, (Boxes, Mask)):
        title = say("Things a class, to learn from") if isinstance(given.target, Boxes) else say("Pixels a class, to learn from")
        return class_bars(learned_from(given), title)
    target = getattr(train, "target", None)
    if not isinstance(given.target, Label) or not isinstance(target, Tensor):
        return ""
    counts = target.cpu().bincount(minlength=len(given.target.names))
    return class_bars(dict(zip(given.target.names, counts.tolist(), strict=True)), say("Examples a class, to learn from"))


def class_bars(counts: dict[str, int], title: str, most: int = 30) -> str:
    """Counts of classes as bars; beyond `most` the largest of them and how many more there are."""
    if not counts:
        return ""
    rows = list(counts.items()) if len(counts) <= most else sorted(counts.items(), key=lambda one: -one[1])[:most]
    top, all_ = max(max(counts.values()), 1), max(1, sum(counts.values()))
    bars = charts.bars([(name[:60], count / top, f"{count:,} · {100 * count / all_:.0f} %") for name, count in rows])
    more = len(counts) - len(rows)
    return ((f"<h3>{escape(title)}</h3>" if title else "") + bars
            + (f"<p class=soft>{escape(say('… and {count} more classes', count=more))}</p>" if more else ""))


def _sheet(given, train) -> str:
    """Up to six pictures of each of up to twelve classes, as the network sees them."""
    title = f"<h3>{escape(say('As the network sees them'))}</h3>"
    seen = getattr(given.inputs, "seen", lambda value: value)
    if isinstance(given.target, (Boxes, Mask, Text)):
        pictures, truths = train[torch.arange(min(12, len(train)), device=getattr(getattr(train, "inputs", None), "device", "cpu"))]
        return title + sheet(given.target, torch.stack([seen(one) for one in pictures.cpu()]), truths)
    target = getattr(train, "target", None)
    if not isinstance(given.target, Label) or not isinstance(target, Tensor):
        pictures = _pictures(train, torch.arange(min(24, len(train))))
        return f"{title}<div class=sheet><div>{''.join(charts.picture(seen(one), most=96) for one in pictures)}</div></div>"
    rows = []
    for code, name in list(enumerate(given.target.names))[:CLASSES]:
        mine = (target.cpu() == code).nonzero()[:, 0]
        picked = mine[torch.linspace(0, len(mine) - 1, min(EACH, len(mine))).long()] if len(mine) else mine
        if len(picked):
            shown = "".join(charts.picture(seen(one), 1, name, 96) for one in _pictures(train, picked))
            rows.append(f"<figure><div>{shown}</div><figcaption>{escape(name)}</figcaption></figure>")
    more = len(given.target.names) - CLASSES
    rest = f"<p class=soft>{escape(say('… and {count} more classes', count=more))}</p>" if more > 0 else ""
    return f"{title}<div class=sheet>{''.join(rows)}</div>{rest}"


def _pictures(train, rows: Tensor) -> Tensor:
    where = getattr(getattr(train, "inputs", None), "device", "cpu")
    return train[rows.to(where)][0].cpu()


def _columns(given, train) -> str:
    """Each column: numbers or words, how many cells are missing, its range or commonest words, a small histogram."""
    x = (train.inputs if hasattr(train, "inputs") else train[torch.arange(len(train))][0]).cpu()
    told = [column(name, x[:, place], words) for place, (name, words) in
            enumerate(list(zip(given.inputs.names, given.inputs.values, strict=True))[:SHOWN])]
    target = getattr(train, "target", None)
    if isinstance(given.target, Number) and isinstance(target, Tensor):
        told.insert(0, {**column(given.target.name or say("target"), target.cpu().float(), None), "target": True})
    return f"<h3>{escape(say('Columns'))}</h3>{column_table(told, len(given.inputs.names) - SHOWN)}"


def column(name: str, values: Tensor, words) -> dict[str, Any]:
    """What a column (N,) holds, in plain values."""
    missing = values.isnan()
    known = values[~missing]
    told: dict[str, Any] = {"name": name, "missing": int(missing.sum()), "kind": "numbers" if words is None else "words"}
    if not len(known):
        return told
    if words is not None:
        counts = known.long().bincount(minlength=len(words))
        top = counts.argsort(descending=True, stable=True)
        return {**told, "distinct": int((counts > 0).sum()),
                "top": [(words[code], int(counts[code]) / len(values)) for code in top[:4].tolist() if counts[code]],
                "counts": [int(counts[code]) for code in top[:BINS].tolist()]}
    low, high = float(known.min()), float(known.max())
    counts, edges = torch.histogram(known.double(), BINS, range=(low, high if high > low else low + 1))
    return {**told, "least": low, "median": float(known.median()), "most": high, "counts": counts.tolist(), "edges": edges.tolist()}


def column_table(told: list[dict[str, Any]], more: int = 0) -> str:
    """Columns as a table; `more` were left out."""
    rows = []
    for one in told:
        if one["kind"] == "words":
            what = ", ".join(word[:24] if share is None else f"{word[:24]} {100 * share:.0f} %" for word, share in one.get("top", []))
            left = one.get("distinct", 0) - len(one.get("top", []))
            what += f" … (+{left})" if left > 0 else ""
        else:
            what = " … ".join(_number(one[key]) for key in ("least", "median", "most")) if "least" in one else ""
        counts = one.get("counts") or []
        drawn = charts.histogram(one.get("edges") or list(range(len(counts) + 1)), counts)
        missing = f"{one['missing']:,}" if one["missing"] else ""
        kind = say("words") if one["kind"] == "words" else say("numbers")
        rows.append(f"<tr><th scope=row>{escape(str(one['name'])[:60])}{' ◂' if one.get('target') else ''}</th><td class=soft>{escape(kind)}</td>"
                    f"<td class=number>{missing}</td><td>{drawn}</td><td>{escape(what)}</td></tr>")
    head = "".join(f"<th>{escape(one)}</th>" for one in
                   (say("column"), say("kind"), say("missing"), "", say("least … median … most, or the commonest")))
    rest = f"<p class=soft>{escape(say('… and {count} more columns', count=more))}</p>" if more > 0 else ""
    return f'<div class="scroll"><table class=columns><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{rest}'


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
