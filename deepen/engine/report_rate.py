"""The page of a learning-rate test: the curve, what it says, and the command that follows."""
import math
import time
from html import escape
from pathlib import Path

from deepen.core.words import Problem, say
from deepen.engine.charts import BOTTOM, HIGH, LEFT, TOP, WIDE
from deepen.engine.rate import Found
from deepen.engine.report import section, whole
from deepen.engine.run import write_text


def write(found: Found, what: str, command: str, out: Path) -> Path:
    """Write the page to the file `out`, in the language spoken."""
    path = out if out.suffix.lower() in (".html", ".htm") else out.with_name(f"{out.name}.html")
    if not path.resolve().parent.is_dir():
        raise Problem("there is no folder {path} to write the report into", path=path.resolve().parent)
    write_text(path, page(found, what, command))
    return path


def page(found: Found, what: str, command: str) -> str:
    """The page as text."""
    figures = "".join(f"<div class=figure><b>{rate:.2g}</b><span>{escape(name)}</span></div>" for rate, name in (
        (found.suggested, say("suggested: a tenth of the lowest's")), (found.lowest, say("the loss is lowest")),
        (found.steepest, say("the loss falls fastest"))))
    first = (f'<section class="verdict met"><strong>{escape(say("The learning rate to try first"))}</strong>{figures}'
             f"</section>")
    told = say("{count} steps; from each to the next the rate rises by the same factor. The dots are losses as they came, the "
               "line is the mean of neighbours, the dashed line the suggested rate.", count=len(found.rates))
    seen = f"<p class=soft>{escape(told)}</p>{chart(found)}"
    return whole(what, say("learning-rate test"), first + section(say("Loss over the learning rate"), seen)
                 + section(say("Next"), f"<pre>{escape(command)}</pre>"),
                 f"deepen plan --find-lr · {time.strftime('%Y-%m-%d %H:%M')}")


def chart(found: Found) -> str:
    """Losses over the logarithm of the rate, as SVG."""
    x0, x1 = math.log10(found.rates[0]), math.log10(found.rates[-1])
    most = found.losses[0] + 0.25 * (found.losses[0] - min(found.smooth))           # an explosion fills no page
    y0, y1 = min(*found.losses, *found.smooth), max(most, max(found.smooth[:10]))

    def place(rate: float, loss: float) -> tuple[float, float]:
        return (LEFT + (math.log10(rate) - x0) / (x1 - x0) * (WIDE - LEFT - 12),
                TOP + (y1 - min(loss, y1)) / max(y1 - y0, 1e-12) * (HIGH - TOP - BOTTOM))
    parts = [f'<svg class="chart" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(say("loss over the learning rate"))}">']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = TOP + share * (HIGH - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{y1 - share * (y1 - y0):.3g}</text>')
    for power in range(math.ceil(x0 - 1e-9), math.floor(x1 + 1e-9) + 1):
        x, _ = place(10.0**power, y0)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HIGH - 12}" text-anchor="middle">{10.0**power:g}</text>')
    x, _ = place(found.suggested, y0)
    parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HIGH - BOTTOM}"/>')
    parts += ['<circle class="train" cx="{:.1f}" cy="{:.1f}" r="1.6"/>'.format(*place(rate, loss))
              for rate, loss in zip(found.rates, found.losses, strict=True) if loss <= y1]
    line = " ".join("{:.1f},{:.1f}".format(*place(rate, loss)) for rate, loss in zip(found.rates, found.smooth, strict=True)
                    if loss <= y1)
    return "".join(parts) + f'<polyline class="train" points="{line}"/></svg>'
