"""The parts of a report about boxes, masks and sentences: tables of the classes, curves, and the worst pictures first."""
from collections.abc import Sequence
from html import escape

import torch

from deepen.core.things import VOID, Boxes, Mask
from deepen.core.words import say
from deepen.engine import charts, drawn
from deepen.engine.photo import SURE, parted
from deepen.engine.scenes import Seen, curve, slips
from deepen.engine.worst import Worst

MOST, BYTES = 12, 26_000        # worst pictures on a page, and bytes of each
CLASSES, LINES = 24, 8          # classes of a matrix, of a chart of curves
SIDE = {"boxes": 400, "masks": 320, "texts": 240}


def scene_errors(found: Seen, mistakes: Sequence) -> str:
    """The tables and curves of a split, and its worst pictures."""
    kind = found.kind
    about = _of_boxes(found) if isinstance(kind, Boxes) else _of_masks(found) if isinstance(kind, Mask) else _of_texts(found)
    shown = [one for one in mistakes if isinstance(one, Worst)][:MOST]
    if not shown:
        return about + f"<p>{escape(say('Not one mistake on this split.'))}</p>"
    notes = {"boxes": say("Left the truth, right the answer: boxes that are at least {sure} sure.", sure=f"{SURE:.0%}"),
             "masks": say("The truth, the answer, where the answer is wrong (orange; hatched: not counted) and the borders: of the truth blue, of the answer orange, of both white."),
             "texts": say("The paler a word, the less sure it was.") if shown[0].words else ""}
    crowded = isinstance(kind, Boxes) and any(len(one.truth) > drawn.CROWD for one in shown)
    legend = drawn.key(kind, _present(shown)) if isinstance(kind, Mask) else drawn.key(kind) if crowded and len(kind.names) <= CLASSES else ""
    return (f"{about}<h3>{escape(say('The worst pictures first'))}</h3><p class=soft>{escape(notes[kind.unit])}</p>{legend}"
            f"<div class=scenes>{''.join(map(bad_scene, shown))}</div>")


def bad_scene(one: Worst) -> str:
    """One picture with its truth and its answer."""
    kind, image = one.kind, drawn.opened(one.picture)
    image, times = drawn.sized(image, 200, SIDE[kind.unit])
    if isinstance(kind, Boxes):
        image = drawn.beside([drawn.boxes(image, one.truth, kind.names, None, times), drawn.boxes(image, one.answer, kind.names, SURE, times)])
    elif isinstance(kind, Mask):
        truth, said = one.truth.numpy(), one.answer.numpy()
        image = drawn.beside([drawn.overlay(image, truth, kind), drawn.overlay(image, said, kind), drawn.errors(image, said, truth),
                              drawn.borders(image, said, truth)])
    was = "".join(f"<br>{escape(other)}" for other in one.truth[:5]) if kind.unit == "texts" else f" {escape(one.was)}"
    said_ = _words(one.words) if one.words else f"<b>{escape(one.said)}</b>"
    alt = say("was {was} · said {said}", was=one.was, said=one.said)
    return (f'<figure class={kind.unit}><img alt="{escape(alt)}" width={image.width} height={image.height} src="{drawn.address(image, BYTES)}">'
            f"<figcaption><span class=soft>{escape(say('was'))}</span>{was}<br><span class=soft>{escape(say('said'))}</span> {said_}"
            f"<br><span class=soft>{one.score * 100:.0f} % · {escape(one.where)}</span></figcaption></figure>")


def sheet(kind, pictures: torch.Tensor, truths: Sequence, most: int = 12) -> str:
    """Pictures as the network sees them, with their truths drawn on them or written below."""
    made = []
    for pixels, truth in list(zip(pictures, truths, strict=True))[:most]:
        image, times = drawn.sized(drawn.opened(pixels), 160, 224)
        if isinstance(kind, Boxes):
            image = drawn.boxes(image, truth.cpu(), kind.names, None, times)
        elif isinstance(kind, Mask):
            image = drawn.overlay(image, truth.cpu().numpy(), kind)
        below = f"<figcaption>{escape(kind.show(truth))}</figcaption>" if kind.unit == "texts" else ""
        made.append(f'<figure><img alt="{escape(kind.show(truth))}" src="{drawn.address(image, 9_000)}">{below}</figure>')
    legend = drawn.key(kind) if isinstance(kind, Mask) else ""
    return f"{legend}<div class=truths>{''.join(made)}</div>"


def _words(words: Sequence[tuple[str, float]]) -> str:
    """The words of a sentence, the surer the stronger; the number stands in the tooltip."""
    return "<b class=words>" + "".join(
        f'{" " * (not tied)}<span style="--sure:{max(0.0, min(1.0, sure)):.2f}" title="{sure:.0%}">{escape(word)}</span>'
        for word, sure, tied in parted(words)) + "</b>"


def _present(shown: Sequence[Worst]) -> list[int]:
    """The classes in the masks of these."""
    there = torch.cat([torch.as_tensor(mask).flatten().unique() for one in shown for mask in (one.truth, one.answer)]).unique()
    return [place for place in there.tolist() if place != VOID and place < len(shown[0].kind.names)]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = ()) -> str:
    """Lines of text and figures; `marks` stand before the names."""
    titles = "".join(f"<th scope=col>{escape(one)}</th>" for one in head)
    body = "".join(f"<tr><th scope=row>{mark}{escape(name)}</th>{''.join(f'<td class=number>{escape(cell)}</td>' for cell in cells)}</tr>"
                   for mark, (name, *cells) in zip(marks or [""] * len(rows), rows, strict=True))
    return f'<div class="scroll"><table class="columns figures"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def figures(found: Seen) -> tuple[list[str], list[list[str]]]:
    """(heading, lines) of the classes, the least found first; ([], []) of sentences. Also for a terminal."""
    if isinstance(found.kind, Boxes):
        rows = sorted((one for one in found.classes if one["count"] or one["false"]), key=lambda one: (one["recall"] is None, one["recall"]))
        return [say("class"), say("things"), say("found"), say("false"), say("recall"), "AP50"], [
            [one["name"], f"{one['count']:,}", f"{one['found']:,}", f"{one['false']:,}", _share(one["recall"]), _share(one["map50"])] for one in rows]
    if isinstance(found.kind, Mask):
        rows = sorted((one for one in found.classes if one["iou"] is not None), key=lambda one: one["iou"])
        return [say("class"), "IoU", say("recall"), say("share of pixels"), say("pictures")], [
            [one["name"], _share(one["iou"]), _share(one["recall"]), _share(one["share"]), f"{one['pictures']:,}"] for one in rows]
    return [], []


def _swatches(kind, rows: Sequence[Sequence[str]]) -> list[str]:
    own = getattr(kind, "colours", ())
    return [f'<i class=swatch style="background:rgb{drawn.colour(kind.names.index(row[0]), own)}"></i>' for row in rows]


def _of_boxes(found: Seen) -> str:
    head, rows = figures(found)
    kind, told = found.kind, slips(found)
    lines = [(name, drawn.colour(place), curve(one)) for place, (name, one) in enumerate(zip(kind.names, found.marks, strict=True))
             if one.wanted.sum() and len(one.scores)]
    lines.sort(key=lambda line: kind.names.index(line[0]))
    chart = charts.precision_recall(lines[:LINES], say("recall: how many of the things are found"), say("precision: how many answers are right"))
    names = {"place": say("the place is off"), "class": say("it is another class"), "twice": say("found twice"), "nothing": say("nothing is there")}
    all_ = sum(told.values())
    bars = charts.bars([(names[why], count / max(1, all_), f"{count:,}") for why, count in told.items()])
    why = (f"<h3>{escape(say('Why {count} boxes are false', count=f'{all_:,}'))}</h3>{bars}" if all_ else "")
    note = say("A box is found when an answer at least {sure} sure shares half of their joint area with it (IoU 0.5).", sure=f"{SURE:.0%}")
    more = len(lines) - LINES
    rest = f"<p class=soft>{escape(say('… and {count} more classes', count=more))}</p>" if more > 0 else ""
    title = f"<h3>{escape(say('Precision and recall at IoU 0.5'))}</h3>" if chart else ""
    return (f"<p class=soft>{escape(note)}</p>{table(head, rows, _swatches(kind, rows))}"
            f"<div class=two><div>{title}{chart}{rest}</div><div>{why}</div></div>")


def _of_masks(found: Seen) -> str:
    head, rows = figures(found)
    names, counts = found.kind.names, found.counts
    assert counts is not None
    parts = [f"<p class=soft>{escape(say('IoU: what answer and truth share of their joint area.'))}</p>", table(head, rows, _swatches(found.kind, rows))]
    if len(names) <= CLASSES:
        share = (100 * counts.double() / counts.sum(1, keepdim=True).clamp(min=1)).round().long()
        there = ((counts.sum(0) + counts.sum(1)) > 0).nonzero()[:, 0]
        parts.append(f"<h3>{escape(say('What is taken for what, in percent of the true pixels'))}</h3>")
        parts.append(charts.matrix(share[there][:, there], [names[i] for i in there.tolist()], say("was"), say("said")))
    else:
        off = counts - torch.diag(counts.diag())
        top = off.flatten().topk(10)
        parts.append(charts.bars([(f"{names[i // len(names)]} → {names[i % len(names)]}", n / max(1, int(top.values[0])), f"{n:,}")
                                  for n, i in zip(top.values.tolist(), top.indices.tolist(), strict=True) if n]))
    return "".join(parts)


def _of_texts(found: Seen) -> str:
    edges = [k / 10 for k in range(11)]
    counts = torch.histc(found.scores.float(), 10, 0, 1).tolist()
    return (f"<p>{escape(texts_sentence(found))}</p><h3>{escape(say('How many sentences share how much of their words with the truth'))}</h3>"
            f"{charts.histogram(edges, counts, True)}")


def texts_sentence(found: Seen) -> str:
    """How many sentences are exactly true ones, and how many words are shared."""
    exact = sum(answer in truth for answer, truth in zip(found.answers, found.truths, strict=True))
    return say("{exact} of {count} sentences are word for word a true one; on average {share} of the words are shared (F1).",
               exact=f"{exact:,}", count=f"{len(found.scores):,}", share=f"{100 * float(found.scores.mean()):.0f} %")
