"""The report of a data check: one self-contained page of what the data is, what it looks like, and what is wrong in it."""
import base64
import io
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from deepen.core.kinds import open_picture
from deepen.core.words import Problem, say
from deepen.engine import charts
from deepen.engine.doctor.checked import LEVELS, Checked
from deepen.engine.report import section, whole
from deepen.engine.report_data import class_bars, column_table
from deepen.engine.run import write_text

SIDE, EACH, CLASSES = 96, 8, 24         # pixels of a picture, pictures of a class, classes on the contact sheet
SHOWN = 200                             # findings of a level; the count of the others is told
BYTES = 50_000_000                      # of a picture file: a larger one is not opened for the page


def write(found: Checked, root: Path, out: Path, augmented: str = "") -> Path:
    """Write the page about what was found under `root` to the file `out`, in the language spoken; `augmented`: the sheet."""
    path = out if out.suffix.lower() in (".html", ".htm") else out.with_name(f"{out.name}.html")
    if path.resolve().is_relative_to(root.resolve()) and root.is_dir():
        raise Problem("{path} lies inside the checked folder, where nothing is written; give a place elsewhere", path=path)
    if not path.resolve().parent.is_dir():
        raise Problem("there is no folder {path} to write the report into", path=path.resolve().parent)
    write_text(path, page(found, root, augmented))
    return path


def page(found: Checked, root: Path, augmented: str = "") -> str:
    """The page as text. `root`: the checked folder or file, in which the pictures of the contact sheet lie."""
    summary = found.summary
    parts = [_verdict(found), section(say("What it is"), _facts(summary)), section(say("What was noticed"), _findings(found)),
             section(say("What it looks like"), _sheet(summary.get("sheet"), root if root.is_dir() else root.parent)),
             section(say("Augmentation"), augmented), section(say("Classes"), _classes(summary)), section(say("Columns"), _columns(summary)),
             section(say("How it is spread"), _charts(summary))]
    foot = f"deepen check · {time.strftime('%Y-%m-%d %H:%M')} · {found.seconds:.1f} s"
    return whole(Path(found.where).name or found.where, found.why, "".join(parts), foot)


def _verdict(found: Checked) -> str:
    counts = {level: sum(finding.level == level for finding in found.findings) for level in LEVELS}
    text = (say("Training may start.") if found.may_train and not counts["warning"] else
            say("Training may start; the warnings should be looked at first.") if found.may_train else
            say("Training may not start before the errors are mended."))
    names = {"error": say("errors"), "warning": say("warnings"), "note": say("notes")}
    figures = "".join(f"<div class=figure><b>{count:,}</b><span>{escape(names[level])}</span></div>" for level, count in counts.items())
    style = "met" if found.may_train and not counts["warning"] else "" if found.may_train else "unmet"
    return f'<section class="verdict {style}"><strong>{escape(text)}</strong>{figures}</section>'


# what it is

def _facts(summary: Mapping[str, Any]) -> str:
    """Every plain number and word of the summary, the known ones with a name for people."""
    names = {"pictures": say("pictures"), "readable": say("can be read"), "rows": say("rows"), "target_column": say("target"),
             "splits": say("parts"), "sizes": say("sizes"), "modes": say("colours"), "forms": say("forms"), "light": say("mean brightness"),
             "shape": say("shape"), "left_out": say("left out"), "inputs": say("input"), "target": say("kind of target"),
             "copies": say("copies")}
    told = []
    for key, value in summary.items():
        if key in ("classes", "columns", "sheet") or _spread(value) or key.endswith("_counts") or value in (None, [], {}, ""):
            continue
        if key == "sizes" and isinstance(value, Mapping):
            value = " … ".join("×".join(map(str, size)) for size in value.values() if isinstance(size, Sequence))
        told.append((names.get(key, key.replace("_", " ")), _plain(value)))
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in told) + "</dl>" if told else ""


def _plain(value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{say(str(name))} {_plain(one)}" for name, one in list(value.items())[:20])
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(one) for one in value[:20]) + (" …" if len(value) > 20 else "")
    if isinstance(value, bool) or value is None:
        return {True: say("yes"), False: say("no"), None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:200]


# what is wrong

def _findings(found: Checked) -> str:
    names = {"error": say("Error"), "warning": say("Warning"), "note": say("Note")}
    parts = []
    for level in LEVELS:
        these = [finding for finding in found.findings if finding.level == level]
        for one in these[:SHOWN]:
            where = " · ".join(part for part in (one.file, one.place) if part)
            mend = f"<p class=soft>{escape(one.mend)}</p>" if one.mend else ""
            parts.append(f"<li class={level}><b>{escape(names[level])}</b><p>{f'<code>{escape(where)}</code> ' if where else ''}"
                         f"{escape(one.cause)}</p>{mend}</li>")
        if len(these) > SHOWN:
            parts.append(f"<li class={level}><b></b><p class=soft>{escape(say('… and {count} more; --json has all', count=len(these) - SHOWN))}</p></li>")
    return f"<ul class=findings>{''.join(parts)}</ul>" if parts else f"<p>{escape(say('Nothing was found to be wrong.'))}</p>"


# what it looks like

def _sheet(sheet, root: Path) -> str:
    """Small pictures of each class; one that cannot be read is left out, its finding stands above."""
    if not isinstance(sheet, Mapping):
        return ""
    rows = []
    for name, files in list(sheet.items())[:CLASSES]:
        shown = "".join(_thumbnail(root / str(file), str(file)) for file in list(files)[:EACH])
        if shown:
            rows.append(f"<figure><div>{shown}</div><figcaption>{escape(str(name))}</figcaption></figure>")
    more = len(sheet) - CLASSES
    rest = f"<p class=soft>{escape(say('… and {count} more classes', count=more))}</p>" if more > 0 else ""
    return f'<div class="sheet own">{"".join(rows)}</div>{rest}' if rows else ""


def _thumbnail(file: Path, name: str) -> str:
    from PIL import ImageOps
    try:
        if file.stat().st_size > BYTES:
            return ""
        picture = open_picture(file.read_bytes(), 2 * SIDE)
        clear = "A" in picture.getbands() or "transparency" in picture.info
        small = ImageOps.contain(picture if picture.mode in ("L", "RGB") else picture.convert("RGBA" if clear else "RGB"), (2 * SIDE, 2 * SIDE))
        buffer = io.BytesIO()
        small.save(buffer, "PNG" if clear else "JPEG", quality=80)
    except (Problem, OSError, ValueError):          # the finding about it is on the page
        return ""
    return (f'<img alt="{escape(name)}" title="{escape(name)}" loading="lazy" '
            f'src="data:image/{"png" if clear else "jpeg"};base64,{base64.b64encode(buffer.getvalue()).decode()}">')


def _classes(summary: Mapping[str, Any]) -> str:
    classes = summary.get("classes")
    if not isinstance(classes, Mapping) or not all(isinstance(count, int) for count in classes.values()):
        return ""
    return class_bars({str(name): count for name, count in classes.items()}, "")


def _columns(summary: Mapping[str, Any]) -> str:
    """The columns of a table, as the doctor told them: plain keys, any of which may be missing."""
    told, rows = summary.get("columns"), max(1, summary.get("rows") or 1)
    if not isinstance(told, Sequence) or not told or not all(isinstance(one, Mapping) and "name" in one for one in told):
        return ""
    made = []
    for one in told[:100]:
        spread = one.get("histogram") if _spread(one.get("histogram")) else one if _spread(one) else {}
        made.append({"missing": 0, "kind": "numbers", **one, "top": _top(one, rows), "edges": spread.get("edges"),
                     "counts": spread.get("counts") or [round(share * rows) for _, share in _top(one, rows) if share is not None],
                     "target": one["name"] == summary.get("target_column")})
    return column_table(made, len(told) - 100)


def _top(column: Mapping[str, Any], rows: int) -> list[tuple[str, float | None]]:
    """The commonest words with their shares, if these were told."""
    values = column.get("top") or column.get("values") or column.get("counts") or ()
    if isinstance(values, Mapping):
        return [(str(word), count / rows) for word, count in list(values.items())[:5] if isinstance(count, (int, float))]
    if values and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in values):
        return [(str(word), count / rows if isinstance(count, int) else float(count)) for word, count in values[:5]]
    return [(str(word), None) for word in values[:5] if isinstance(word, str)]


# how it is spread

def _charts(summary: Mapping[str, Any]) -> str:
    """A chart for every {"edges", "counts"} and every `…_counts` of the summary."""
    names = {"side": say("longer side, pixels"), "light": say("brightness, 0 is black, 255 white"), "sizes": say("sizes"),
             "brightness": say("brightness, 0 is black, 255 white"), "lengths": say("length"), "boxes": say("boxes")}
    parts = []
    for key, value in summary.items():
        title = names.get(key.removesuffix("_counts"), key.removesuffix("_counts").replace("_", " "))
        drawn = ""
        if _spread(value):
            drawn = charts.histogram(value["edges"], value["counts"], tall=True)
        elif key.endswith("_counts") and isinstance(value, Mapping) and value and all(isinstance(one, int) for one in value.values()):
            top = max(1, *value.values())
            drawn = charts.bars([(str(name)[:40], count / top, f"{count:,}") for name, count in list(value.items())[:20]])
        elif key.endswith("_counts") and isinstance(value, list) and value and all(isinstance(one, int) for one in value):
            end = 256 if key == "light_counts" else len(value)
            drawn = charts.histogram([end * place / len(value) for place in range(len(value) + 1)], value, tall=True)
        if drawn:
            parts.append(f"<div><h3>{escape(title)}</h3>{drawn}</div>")
    return f"<div class=charts>{''.join(parts)}</div>" if parts else ""


def _spread(value) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("edges"), list) and isinstance(value.get("counts"), list) \
        and len(value["edges"]) == len(value["counts"]) + 1
