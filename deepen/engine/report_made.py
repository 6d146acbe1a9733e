"""The part of a report that shows what a system makes: its samples, what it made at each judgement as a film, what the
figures mean, and the panels that a system tells of itself (`panels()`)."""
import base64
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path

from torch import Tensor

from deepen.core.things import Panel
from deepen.core.words import Problem, say
from deepen.engine import charts
from deepen.engine.fit import quiet
from deepen.engine.made import Number, told
from deepen.engine.plane import plane
from deepen.engine.shown import film, some
from deepen.engine.verdict import Verdict

COUNTS, SECONDS = (100, 64, 36, 16, 9, 4), 8        # samples on the page; about how long they may take to make
TEXTS = 6                       # of them, where they are sentences
SIDE, WIDE = 64, 900            # pixels that a small picture is drawn with; of the widest sheet
EXACT = 150_000                 # bytes up to which a sheet is kept pixel for pixel
FILM = 700_000                  # bytes of a film
ROOM = 2_600_000                # characters of all pictures on a page


def made(system, shown: Path, found: Verdict, number: Number) -> Iterator[tuple[str, str]]:
    """(title, inside) of every section; nothing for systems that neither make nor show anything."""
    room = ROOM
    for title, inside in _sections(system, shown, found, number):
        room -= len(inside)
        if room < 0:
            inside = f"<p>{escape(say('left out, because this page would become too large'))}</p>"
        if inside:
            yield title, inside


def _sections(system, shown: Path, found: Verdict, number: Number) -> Iterator[tuple[str, str]]:
    if hasattr(system, "sample"):
        samples = _samples(system)
        yield say("Samples"), samples
        yield say("What the figures mean"), _figures(found, number)
        if samples or not hasattr(system, "unfolds"):
            yield say("What it made, judgement by judgement"), _training(shown)
    if hasattr(system, "panels"):
        with quiet(system):
            try:
                panels = list(system.panels())
            except Problem as problem:                          # it says itself why it has nothing to show
                yield say("What it shows of itself"), f"<p>{escape(str(problem))}</p>"
                return
        for panel in panels:
            yield panel.title, drawn(panel)


def drawn(panel: Panel) -> str:
    """A panel as HTML: its sentence, and its pictures, film or points."""
    inside = f"<p class=soft>{escape(panel.text)}</p>" if panel.text else ""
    if panel.pictures is not None and len(panel.pictures):
        pictures = panel.pictures.cpu()
        if panel.film:
            frames = [charts.grid(part) for part in pictures.split(panel.across or 1)]
            inside += f"<div class=samples>{charts.film(frames, panel.title, max(60, 5000 // len(frames)), FILM)}</div>"
        elif panel.names:
            inside += _rows(pictures, panel)
        else:
            inside += f"<div class=samples>{_sheet(pictures, panel.across, panel.title)}</div>"
    if panel.points is not None and len(panel.points):
        inside += plane(panel.points, panel.classes, panel.names, panel.title)
    return inside


def _samples(system) -> str:
    """A sheet of what it makes now, as many as there is time for; or texts."""
    with quiet(system):
        pictures = some(system, COUNTS, SECONDS)
    if not isinstance(pictures, Tensor):
        return "".join(f"<pre>{escape(text)}</pre>" for text in pictures[:TEXTS])
    if len(pictures) < COUNTS[-1] and hasattr(system, "panels"):    # the only one there is: its panels show it
        return ""
    return f"<div class=samples>{_sheet(pictures.cpu(), 0, say('Samples'))}</div>"


def _training(shown: Path) -> str:
    """What was painted at the judgements, as a film."""
    steps, sheets = film(shown)
    if len(sheets) < 2:
        return ""
    note = say("{count} judgements, from step {first} to {last}; the seed stays the same, only what was learned changes.",
               count=len(steps), first=f"{steps[0]:,}", last=f"{steps[-1]:,}")
    return (f"<p class=soft>{escape(note)}</p><div class=samples>"
            f"{charts.film(sheets, say('What it made, judgement by judgement'), max(150, 6000 // len(sheets)), FILM)}</div>")


def _figures(found: Verdict, number: Number) -> str:
    """Every figure of a maker, that of real pictures beside it, and what it says."""
    rows = [f"<tr><th scope=row>{escape(say(name))}</th><td class=number>{number(name, found.metrics[name])}</td>"
            f"<td class=number>{number(name, found.real[name]) if name in found.real else '–'}</td><td class=soft>{escape(sentence)}</td></tr>"
            for name, sentence in told(found.metrics, found.real, number, found.examples)]
    head = "".join(f"<th>{escape(one)}</th>" for one in ("", say("painted"), say("real"), ""))
    return f'<div class="scroll"><table class="recipe figures wide"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>' if rows else ""


def _rows(pictures: Tensor, panel: Panel) -> str:
    """A row for each name."""
    across = panel.across or max(1, len(pictures) // len(panel.names))
    rows = []
    for place, part in enumerate(pictures.split(across)):
        name = panel.names[place] if place < len(panel.names) else ""
        rows.append(f"<tr><th scope=row>{escape(name)}</th><td>{_sheet(part, across, f'{panel.title}: {name}')}</td></tr>")
    return f'<div class="scroll samples"><table class="named">{"".join(rows)}</table></div>'


def _sheet(pictures: Tensor, across: int, alt: str) -> str:
    """Pictures in rows of `across` as one <img>, each drawn `SIDE` large where they are small, as far as a row fits on the
    page: exact where that is no large file, else as JPEG and no wider than `2 · WIDE`."""
    from PIL import Image
    sheet = charts.grid(pictures, across=across)
    times = max(1, min(SIDE // max(pictures.shape[2:]), WIDE // sheet.shape[2]))
    array, told = sheet.numpy(), io.BytesIO()
    image = Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0))
    wide = image.width * times
    image.save(told, "PNG", optimize=True)
    form = "png"
    if told.tell() > EXACT:
        image.thumbnail((2 * WIDE, 4 * WIDE))
        told, form = io.BytesIO(), "jpeg"
        image.save(told, "JPEG", quality=82)
    return (f'<img alt="{escape(alt)}" style="width:{wide}px" '
            f'src="data:image/{form};base64,{base64.b64encode(told.getvalue()).decode()}">')
