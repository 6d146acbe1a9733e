"""Charts as SVG text: curves, a matrix of confusions, bars, pictures in a line. Colours come from the page's style."""
import base64
import io
import math
from collections.abc import Sequence
from html import escape

from torch import Tensor

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
    for value in _ticks(y0, y1):
        y = TOP + (y1 - value) / (y1 - y0) * (HIGH - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(10**value if log else value)}</text>')
    for value in _ticks(x0, x1):
        x, _ = place(value, 1)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HIGH - 12}" text-anchor="middle">{_short(value)}</text>')
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


def picture(pixels: Tensor, scale: int = 1, alt: str = "") -> str:
    """uint8 (C, H, W) as an <img> with the PNG inside."""
    from PIL import Image
    array = pixels.cpu().numpy()
    image = Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0))
    if max(image.size) > 256:
        image.thumbnail((256, 256))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return (f'<img alt="{escape(alt)}" width="{image.width * scale}" height="{image.height * scale}" '
            f'src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">')


def grid(pictures: Tensor, gap: int = 1) -> Tensor:
    """uint8 (N, C, H, W) -> one picture (C, H', W'), as square as can be."""
    n, c, h, w = pictures.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = pictures.new_zeros((c, rows * (h + gap) - gap, columns * (w + gap) - gap))
    for i, one in enumerate(pictures):
        y, x = divmod(i, columns)
        sheet[:, y * (h + gap): y * (h + gap) + h, x * (w + gap): x * (w + gap) + w] = one
    return sheet


def film(frames: Sequence[Tensor], alt: str = "", milliseconds: int = 60) -> str:
    """uint8 frames (C, H, W) as one animated <img> (GIF), at most 200 of them."""
    from PIL import Image
    kept = list(frames)[:: max(1, len(frames) // 200)]
    images = []
    for frame in kept:
        array = frame.cpu().numpy()
        images.append(Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)).convert("P"))
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
    return (f'<img class="film" alt="{escape(alt)}" src="data:image/gif;base64,'
            f'{base64.b64encode(buffer.getvalue()).decode()}">')


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


def _ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers between low and high."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step) + 1)]


def _short(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
