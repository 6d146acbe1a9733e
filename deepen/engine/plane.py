"""Points in a plane as SVG: classes told apart by colour and by shape, each named at its middle and below."""
from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from deepen.engine import charts
from deepen.engine.drawn import colour

WIDE, HIGH, LEFT, FOOT, EDGE = 620, 460, 44, 28, 14
POINTS, NAMED = 3000, 24        # that are drawn; classes that are named
SHAPES = ("m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0", "m-{r} -{r}h{d}v{d}h-{d}z", "m0 -{r}l{r} {d}h-{d}z",
          "m0 -{r}l{r} {r}l-{r} {r}l-{r} -{r}z", "m-{r} -{r}h{d}l-{r} {d}z")      # circle, square, triangle, diamond, triangle down


def plane(points: Tensor, classes: Tensor | None, names: Sequence[str], title: str) -> str:
    """(N, 2) points, coloured by `classes` (N,) with `names`. Both axes have one scale, for distances are what is looked at.
    Points that are no numbers are left out."""
    good = points.float().isfinite().all(1)
    points, classes = points.detach().float()[good].cpu(), None if classes is None else classes[good].cpu().long()
    if len(points) > POINTS:
        rows = torch.linspace(0, len(points) - 1, POINTS).long()
        points, classes = points[rows], None if classes is None else classes[rows]
    if len(points) < 2:
        return ""
    low, high = points.amin(0), points.amax(0)
    scale = float(min((WIDE - LEFT - EDGE - 16) / max(float(high[0] - low[0]), 1e-9), (HIGH - FOOT - EDGE - 16) / max(float(high[1] - low[1]), 1e-9)))
    middle = (low + high) / 2
    centre = torch.tensor([(LEFT + WIDE - EDGE) / 2, (EDGE + HIGH - FOOT) / 2])
    spots = (points - middle) * torch.tensor([scale, -scale]) + centre
    parts = [f'<svg class="chart plane" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(title)}">', *_axes(middle, centre, scale)]
    radius = max(2.4, min(4.5, 70 / len(spots) ** 0.5))
    kinds = [0] if classes is None else sorted(set(classes.tolist()))
    marks = []
    for kind in kinds:
        inside = spots if classes is None else spots[classes == kind]
        name = names[kind] if kind < len(names) else str(kind)
        parts.append(f'<path class="spots" d="{"".join(_mark(x, y, kind, radius) for x, y in inside.tolist())}" fill="{_ink(kind)}">'
                     f"<title>{escape(name)}</title></path>")
        if classes is not None and len(kinds) <= NAMED:
            x, y = inside.median(0).values.tolist()
            marks.append(f'<text class="named" x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{escape(name[:16])}</text>')
    key = "".join(f'<span><svg width="14" height="14" aria-hidden="true"><path d="{_mark(7, 7, kind, 5)}" fill="{_ink(kind)}"/></svg>'
                  f"{escape(names[kind] if kind < len(names) else str(kind))}</span>" for kind in kinds)
    return "".join(parts + marks) + "</svg>" + (f"<p class=key>{key}</p>" if classes is not None else "")


def _axes(middle: Tensor, centre: Tensor, scale: float) -> list[str]:
    """Lines at round numbers, both ways at the same distance."""
    parts = []
    for axis, (start, end) in enumerate(((LEFT, WIDE - EDGE), (EDGE, HIGH - FOOT))):
        reach = (end - start) / 2 / scale
        for value in charts.ticks(float(middle[axis]) - reach, float(middle[axis]) + reach, 6 if axis == 0 else 5):
            at = float(centre[axis]) + (value - float(middle[axis])) * scale * (1 if axis == 0 else -1)
            if axis == 0:
                parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{EDGE}" y2="{HIGH - FOOT}"/>'
                             f'<text class="tick" x="{at:.1f}" y="{HIGH - 9}" text-anchor="middle">{charts.short(value)}</text>')
            else:
                parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - EDGE}" y1="{at:.1f}" y2="{at:.1f}"/>'
                             f'<text class="tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{charts.short(value)}</text>')
    return parts


def _mark(x: float, y: float, kind: int, radius: float) -> str:
    r = radius * (1.0, 0.9, 1.1, 1.2, 1.1)[kind % len(SHAPES)]
    return f"M{x:.1f} {y:.1f}" + SHAPES[kind % len(SHAPES)].format(r=f"{r:.1f}", d=f"{2 * r:.1f}")


def _ink(kind: int) -> str:
    return "rgb({},{},{})".format(*colour(kind))
