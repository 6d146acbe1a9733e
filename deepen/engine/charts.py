"""Charts as SVG text: curves, a matrix of confusions, bars, how sure against how right, said against true, small
histograms, pictures. Colours come from the page's style."""
import base64
import io
import math
from collections.abc import Sequence
from html import escape

from torch import Tensor

from deepen.engine.animation import evenly, gif

WIDE, HIGH, LEFT, BOTTOM, TOP = 460, 220, 48, 32, 12


def curves(series: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], x_name: str, title: str, log: bool = False,
           mark: float | None = None) -> str:
    """Lines over steps. `series`: (name, style class, points); `mark`: a dashed line at that step; `log`: a log scale."""
    points = [point for _, _, line in series for point in line if math.isfinite(point[1]) and (point[1] > 0 or not log)]
    if len(points) < 2:
        return ""
    scale = math.log10 if log else float
    x0, x1 = 0.0, max(x for x, _ in points) or 1.0
    y0, y1 = _room([scale(y) for _, y in points])

    def place(x, y):
        return (LEFT + (x - x0) / (x1 - x0) * (WIDE - LEFT - 12),
                TOP + (y1 - scale(y)) / (y1 - y0) * (HIGH - TOP - BOTTOM))
    parts = [f'<svg class="chart" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(title)}">']
    for value in ticks(y0, y1):
        y = TOP + (y1 - value) / (y1 - y0) * (HIGH - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(10**value if log else value)}</text>')
    for value in ticks(x0, x1):
        x, _ = place(value, 1)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HIGH - 12}" text-anchor="middle">{short(value)}</text>')
    parts.append(f'<text class="tick" x="{WIDE - 12}" y="{HIGH - 1}" text-anchor="end">{escape(x_name)}</text>')
    if mark is not None and x0 <= mark <= x1:
        x, _ = place(mark, 1)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HIGH - BOTTOM}"/>')
    for name, style, line in series:
        good = [place(x, y) for x, y in line if math.isfinite(y) and (y > 0 or not log)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in thinned(good, 400))
        parts.append(f'<polyline class="{style}" points="{path}"><title>{escape(name)}</title></polyline>')
        if good and len(good) <= 30:
            parts += [f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in good]
    return "".join(parts) + "</svg>"


def matrix(counts: Tensor, names: Sequence[str], was: str, said: str) -> str:
    """A table of (classes, classes) counts: rows the truth, columns what was said; darker is more of the row."""
    share = counts.double() / counts.sum(1, keepdim=True).clamp(min=1)
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j in range(len(names)):
            part, count = float(share[i, j]), int(counts[i, j])
            kind = "right" if i == j else "wrong"
            cells.append(f'<td class="{kind}" style="--share:{(part if i == j else math.sqrt(part)):.3f}">{count or ""}</td>')
        rows.append(f"<tr><th scope=row>{escape(name)}</th>{''.join(cells)}</tr>")
    return (f'<div class="scroll"><table class="matrix"><caption>{escape(was)} ↓ · {escape(said)} →</caption>'
            f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>")


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars: (name, share 0…1, what is written behind it)."""
    return '<table class="bars">' + "".join(
        f'<tr><th scope=row>{escape(name)}</th><td><span style="--share:{max(0.0, min(1.0, share)):.4f}"></span></td>'
        f"<td>{escape(text)}</td></tr>" for name, share, text in rows) + "</table>"


def spans(rows: Sequence[tuple[str, float, float, float, str]]) -> str:
    """Horizontal bars with a whisker: (name, value, low, high, what is written behind it), on one scale from 0 (or the
    lowest) to the highest."""
    low = min([0.0, *(one[2] for one in rows)])
    high = max([one[3] for one in rows] + [low + 1e-12])

    def at(value):
        return 100 * (value - low) / (high - low)
    body = "".join(
        f'<tr><th scope=row>{escape(name)}</th><td><svg class="span" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{min(at(0), at(value)):.2f}" width="{abs(at(value) - at(0)):.2f}" y="1" height="8"/>'
        f'<line x1="{at(least):.2f}" x2="{at(most):.2f}" y1="5" y2="5"/></svg></td><td>{escape(text)}</td></tr>'
        for name, value, least, most, text in rows)
    return f'<table class="bars spans">{body}</table>'


def reliability(points: Sequence[tuple[float, float, float, float, int]], x_name: str, y_name: str) -> str:
    """How right against how sure, both 0…1. `points`: (sure, right, low, high, count), one a bin; the dashed line is a
    system that is right as often as it says."""
    if not points:
        return ""
    side, most = 310, max(count for *_, count in points)
    parts, place = _percents(side, side, 78, 26, 24, x_name, y_name, " square")
    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    parts.append(f'<line class="mark" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>')
    line = " ".join("{:.1f},{:.1f}".format(*place(sure, right)) for sure, right, *_ in points)
    parts.append(f'<polyline class="train" points="{line}"/>')
    for sure, right, least, high, count in points:
        x, y = place(sure, right)
        parts.append(f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{place(0, least)[1]:.1f}" y2="{place(0, high)[1]:.1f}"/>'
                     f'<circle class="train" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{right * 100:.0f} % / {sure * 100:.0f} % · {count:,}</title></circle>'
                     f'<rect class="count" x="{x - 6:.1f}" width="12" y="{side - 24 - 26 * count / most:.1f}" height="{26 * count / most:.1f}"/>')
    return "".join(parts) + "</svg>"


def precision_recall(lines: Sequence[tuple[str, tuple[int, int, int], Sequence[tuple[float, float]]]], x_name: str, y_name: str) -> str:
    """Curves of (recall, precision), both 0…1: (name, colour, points), told apart by colour, dashes and a name at the end."""
    if not lines:
        return ""
    side, high, foot, head, edge = 420, 300, 36, 24, 90
    parts, place = _percents(side, high, foot, head, edge, x_name, y_name)
    taken: list[float] = []
    for at, (name, ink, points) in enumerate(lines):
        spots = [place(x, y) for x, y in thinned([(0.0, points[0][1]), *points], 120)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        dashes = ("", "7 3", "2 3", "9 3 2 3")[at % 4]
        end = min((y for y in range(head, high - foot, 13) if all(abs(y - other) >= 13 for other in taken)),
                  key=lambda y: abs(y - spots[-1][1]), default=spots[-1][1])
        taken.append(end)
        parts.append(f'<polyline points="{path}" stroke="rgb{ink}" stroke-dasharray="{dashes}"><title>{escape(name)}</title></polyline>'
                     f'<line stroke="rgb{ink}" stroke-width="2" stroke-dasharray="{dashes}" x1="{side - edge + 4}" x2="{side - edge + 22}" y1="{end:.1f}" y2="{end:.1f}"/>'
                     f'<text class="tick" x="{side - edge + 26}" y="{end + 4:.1f}">{escape(name[:11])}</text>')
    return "".join(parts) + "</svg>"


def _percents(wide: int, high: int, foot: int, head: int, edge: int, x_name: str, y_name: str, style: str = ""):
    """(parts of an SVG: a grid of percents and the names of its axes; where a share of both lies on it)."""
    low = 46

    def place(x, y):
        return low + x * (wide - low - edge), head + (1 - y) * (high - head - foot)
    parts = [f'<svg class="chart{style}" viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(y_name)}">'
             f'<text class="tick" x="{wide - edge}" y="{high - 6}" text-anchor="end">{escape(x_name)} →</text>'
             f'<text class="tick" x="4" y="12">↑ {escape(y_name)}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = place(share, share)
        parts.append(f'<line class="grid" x1="{low}" x2="{wide - edge}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{low - 6}" y="{y + 4:.1f}" text-anchor="end">{share * 100:.0f} %</text>'
                     f'<text class="tick" x="{x:.1f}" y="{high - foot + 16}" text-anchor="middle">{share * 100:.0f} %</text>')
    return parts, place


def scatter(points: Sequence[tuple[float, float]], x_name: str, y_name: str, line: str = "equal") -> str:
    """Dots of (x, y). `line`: a dashed one where both are `equal`, or at y = `zero`."""
    good = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(good) < 2:
        return ""
    wide, high, left, foot, head = 320, 300, 58, 40, 26
    x0, x1 = _room([x for x, _ in good])
    y0, y1 = _room([y for _, y in good] + ([0.0] if line == "zero" else []))
    if line == "equal":
        x0, x1 = y0, y1 = min(x0, y0), max(x1, y1)

    def place(x, y):
        return left + (x - x0) / (x1 - x0) * (wide - left - 10), head + (y1 - y) / (y1 - y0) * (high - head - foot)
    parts = [f'<svg class="chart square" viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(y_name)}">']
    for value in ticks(y0, y1):
        y = place(x0, value)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{wide - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for value in ticks(x0, x1, 4):
        parts.append(f'<text class="tick" x="{place(value, y0)[0]:.1f}" y="{high - foot + 16}" text-anchor="middle">{short(value)}</text>')
    ends = ((x0, x0), (x1, x1)) if line == "equal" else ((x0, 0.0), (x1, 0.0))
    (ax, ay), (bx, by) = place(*ends[0]), place(*ends[1])
    parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in (place(*one) for one in good)]
    parts.append(f'<line class="mark" x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}"/>'
                 f'<text class="tick" x="{wide - 10}" y="{high - 6}" text-anchor="end">{escape(x_name)} →</text>'
                 f'<text class="tick" x="4" y="12">↑ {escape(y_name)}</text>')
    return "".join(parts) + "</svg>"


def histogram(edges: Sequence[float], counts: Sequence[float], tall: bool = False) -> str:
    """Counts between edges (one more than counts). `tall`: with the numbers at its ends; else small, for a table."""
    if not counts or len(edges) != len(counts) + 1 or max(counts) <= 0:
        return ""
    wide, high, foot = (300, 110, 18) if tall else (110, 26, 0)
    each, most = wide / len(counts), max(counts)
    body = "".join(f'<rect x="{place * each:.2f}" width="{max(each - (1.5 if tall else .6), .6):.2f}" '
                   f'y="{(high - foot) * (1 - count / most):.2f}" height="{(high - foot) * count / most:.2f}">'
                   f"<title>{short(edges[place])} … {short(edges[place + 1])}: {count:,.0f}</title></rect>"
                   for place, count in enumerate(counts))
    ends = (f'<text class="tick" x="0" y="{high - 4}">{short(edges[0])}</text>'
            f'<text class="tick" x="{wide}" y="{high - 4}" text-anchor="end">{short(edges[-1])}</text>') if tall else ""
    return f'<svg class="chart histogram{" tall" if tall else ""}" viewBox="0 0 {wide} {high}" role="img">{body}{ends}</svg>'


def picture(pixels: Tensor, scale: int = 1, alt: str = "", most: int = 256) -> str:
    """uint8 (C, H, W) as an <img> with the picture inside, at most `most` pixels a side: small ones exact, as PNG, large
    ones as JPEG."""
    from PIL import Image
    array = pixels.cpu().numpy()
    image = Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0))
    if max(image.size) > most:
        image.thumbnail((most, most))
    exact, buffer = max(image.size) <= 64, io.BytesIO()
    image.save(buffer, "PNG" if exact else "JPEG", quality=85)
    return (f'<img alt="{escape(alt)}" width="{image.width * scale}" height="{image.height * scale}" '
            f'src="data:image/{"png" if exact else "jpeg"};base64,{base64.b64encode(buffer.getvalue()).decode()}">')


def grid(pictures: Tensor, gap: int = 1, across: int = 0) -> Tensor:
    """uint8 (N, C, H, W) -> one picture (C, H', W'), in rows of `across` (0: as square as can be)."""
    n, c, h, w = pictures.shape
    columns = min(n, across or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    sheet = pictures.new_zeros((c, rows * (h + gap) - gap, columns * (w + gap) - gap))
    for i, one in enumerate(pictures):
        y, x = divmod(i, columns)
        sheet[:, y * (h + gap): y * (h + gap) + h, x * (w + gap): x * (w + gap) + w] = one
    return sheet


def film(frames: Sequence[Tensor], alt: str = "", milliseconds: int = 60, most: int = 1_500_000) -> str:
    """uint8 frames (C, H, W) as one animated <img> (GIF) of at most `most` bytes, and of 200 frames; it keeps the size of a
    frame, small ones are drawn larger."""
    kept = evenly(frames, 200)
    told = gif(kept, milliseconds * len(frames) // len(kept), most)
    high, wide = kept[0].shape[1:]
    times = max(1, 360 // max(high, wide))
    return (f'<img class="film" alt="{escape(alt)}" style="width:{wide * times}px" src="data:image/gif;base64,'
            f'{base64.b64encode(told).decode()}">')


def thinned(points: list, most: int) -> list:
    """At most about `most` of the points, the ends kept."""
    if len(points) <= most:
        return points
    step = len(points) / most
    return [points[int(i * step)] for i in range(most)] + [points[-1]]


def _room(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers between low and high."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step) + 1)]


def short(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
