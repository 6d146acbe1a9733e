"""What people see on a terminal: numbers, tables, pictures in half blocks."""
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from deepen.core.words import say, visible

SHARES = {"accuracy", "member_accuracy", "top5", "f1", "auc", "ece", "map50", "map", "miou", "pixel_accuracy", "class_accuracy", "recognised", "as_asked", "sample_precision", "sample_recall", "winrate",
          "analogy", "r2", "bleu1", "bleu4"} - {"r2"}         # metrics between 0 and 1 that people read in percent
SHADES = " ░▒▓█"
MOST_CLASSES = 24                           # lines of a table of classes
WIDEST = 18                                 # columns of a drawn picture


def screen(errors: bool = False) -> Console:
    """Where people read: standard output, or standard error while a program reads the output."""
    stream = sys.stderr if errors else sys.stdout
    terminal = stream.isatty()
    return Console(file=stream, highlight=False, markup=False, emoji=False,
                   width=None if terminal else 100_000, soft_wrap=not terminal)


def number(value: float | None) -> str:
    """A number as people write it: 1,797 · 0.0312 · 1.2e-07."""
    if value is None or value != value:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def metric(name: str, value: float | None) -> str:
    """A metric's value with its unit: `97.92 %`, `0.0816`."""
    if value is None or value != value:
        return "–"
    return f"{value * 100:.2f} %" if name in SHARES else number(value)


def span(seconds: float) -> str:
    """A time as people say it: 0.8 s, 12 s, 3:07, 2:15:00."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def size(count: float) -> str:
    """Bytes as people say them."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count, units = count / 1000, units[1:]
    return f"{count:.0f} {units[0]}" if count >= 100 or units[0] == "B" else f"{count:.1f} {units[0]}"


def large(count: float) -> str:
    """A large count in three digits: 34.2 k, 1.82 M, 4.09 G."""
    units = ["", " k", " M", " G", " T"]
    while count >= 1000 and len(units) > 1:
        count, units = count / 1000, units[1:]
    return f"{count:.3g}{units[0]}" if units[0] else f"{count:,.0f}"


def speed(unit: str, value: float) -> str:
    """`12,300 images/s`, for `images` or `images_per_second`."""
    words = {"images": say("{n} images/s", n="{n}"), "rows": say("{n} rows/s", n="{n}"),
             "words": say("{n} words/s", n="{n}"), "steps": say("{n} steps/s", n="{n}"),
             "frames": say("{n} frames/s", n="{n}")}
    unit = unit.removesuffix("_per_second")
    return words.get(unit, "{n} " + unit + "/s").replace("{n}", f"{value:,.0f}" if value >= 10 else f"{value:.2g}")


def here(path: Path) -> str:
    """A path as short as it can be typed from here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def facts(console: Console, pairs: Iterable[tuple[str, str | Text]], names: Iterable[str] = ()) -> None:
    """Lines of `name  value`, the names in a dim column that has room for all of `names`."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=2 + max(map(_cells, names), default=0))
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(f"  {name}", visible(value, lines=True) if isinstance(value, str) else value)
    console.print(table)


def flow(console: Console, parts: Sequence[Text], indent: int) -> Text:
    """Parts side by side, on new lines where the next does not fit: a value is never parted from its name."""
    told, room = Text(), console.width - indent
    for part in parts:
        used = told.plain.rpartition("\n")[2]
        if used:
            told.append("\n" if _cells(used) + 3 + part.cell_len > room else "   ")
        told.append_text(part)
    return told


def metrics(values: Mapping[str, float], first: str | None) -> list[Text]:
    """`accuracy 97.92 %` for each, the score first and strong."""
    ordered = sorted(values.items(), key=lambda one: one[0] != first)
    return [Text.assemble((say(name), "dim"), " ", (metric(first if name == "baseline" and first else name, value), "bold" if name == first else ""))
            for name, value in ordered]


def tell(console: Console, sentence: str | Text, indent: int = 2, style: str = "") -> None:
    """A sentence whose further lines begin where its first one does."""
    console.print(Padding(sentence if isinstance(sentence, Text) else Text(visible(sentence, lines=True), style=style), (0, 0, 0, indent), expand=False))


def commands(console: Console, heading: str, lines: Sequence[tuple[str, str]]) -> None:
    """Commands to copy: never broken over lines; what each is for stands beside it, or below where it is narrow."""
    console.print(f"\n  {heading}", style="bold")
    wide = max(len(line) for line, _ in lines)
    beside = wide < 64 and wide + 6 + max(_cells(why) for _, why in lines) <= console.width
    for line, why in lines:
        text = Text.assemble("    ", (visible(line), "cyan"))
        if beside and why:
            text.append(" " * (wide - len(line) + 2))
            text.append(why, style="dim")
        console.print(text, soft_wrap=True)
        if why and not beside:
            tell(console, why, 8, "dim")


def _cells(text: str) -> int:
    return Text(text).cell_len


# pictures

def picture(pixels, width: int, colours: bool) -> list[Text]:
    """A picture, uint8 (C, H, W), as rows of half blocks at most `width` characters wide, two pixels high each.

    Without colours five shades stand for the brightness of two pixels together."""
    import torch
    from torch.nn.functional import interpolate
    channels, height, across = pixels.shape
    scale = width / across if across > width else max(1, width // across)
    wide, high = max(1, round(across * scale)), max(2, 2 * round(height * scale / 2))
    image = interpolate(pixels[None].float(), (high, wide), mode="area" if scale < 1 else "nearest")[0].clamp(0, 255)       # (C, high, wide)
    if not colours:
        grey = image.mean(0).reshape(high // 2, 2, wide).mean(1)                                 # (high / 2, wide)
        return [Text("".join(SHADES[min(4, int(value / 51.2))] for value in row)) for row in grey.tolist()]
    image = image.expand(3, -1, -1) if channels == 1 else image[:3]
    rows = image.round().to(torch.uint8).permute(1, 2, 0).tolist()                               # (high, wide, 3)
    return [Text.assemble(*(("▀", _style(top, bottom)) for top, bottom in zip(upper, lower, strict=True)))
            for upper, lower in zip(rows[::2], rows[1::2], strict=True)]


def _style(top: list[int], bottom: list[int]) -> Style:
    return Style(color=f"rgb({top[0]},{top[1]},{top[2]})", bgcolor=f"rgb({bottom[0]},{bottom[1]},{bottom[2]})")


def mistakes(console: Console, found: Sequence) -> None:
    """Mistakes side by side, pictures where the inputs are pictures and a terminal looks, else one line each."""
    draws = console.is_terminal and all(getattr(one.input, "ndim", 0) == 3 and not hasattr(one, "score") for one in found)
    if not draws:
        for one in found:
            console.print(visible(f"    {caption(one)}   {one.where}"))
            if one.shown:
                console.print(Text(visible(f"      {one.shown}"), style="dim"), no_wrap=True, overflow="ellipsis", soft_wrap=False)
        return
    colours = console.color_system in ("truecolor", "256") and not console.no_color
    each, tile = _tiles(console.width - 4, len(found), max(one.input.shape[2] for one in found))
    for start in range(0, len(found), each):
        group = found[start: start + each]
        drawn = [picture(one.input, tile, colours) for one in group]
        captions = [_fold(one, tile) for one in group]
        for blocks, style in ((drawn, ""), (captions, "")):
            for row in range(max(map(len, blocks))):
                line = Text("    ")
                for block in blocks:
                    cell = block[row] if row < len(block) else Text()
                    line.append_text(cell)
                    line.append(" " * (tile + 2 - cell.cell_len))
                line.rstrip() if style else None
                console.print(line, no_wrap=True, overflow="crop")


def classes(console: Console, seen) -> None:
    """The figures of each class of boxes or masks; of sentences one line."""
    from deepen.engine.report_scenes import figures, texts_sentence
    head, rows = figures(seen)
    console.print()
    if not head:
        tell(console, texts_sentence(seen))
        return
    table = Table(box=None, padding=(0, 1 if console.width < 72 else 2), header_style="dim", show_edge=False)
    for place, name in enumerate(head):
        table.add_column(f"  {name}" if not place else name, justify="right" if place else "left", no_wrap=True)
    for name, *cells in rows[:MOST_CLASSES]:
        table.add_row(f"  {visible(name)}", *cells)
    console.print(table)
    if len(rows) > MOST_CLASSES:
        tell(console, say("… and {count} more classes", count=len(rows) - MOST_CLASSES), style="dim")


def _tiles(room: int, count: int, wide: int) -> tuple[int, int]:
    """(pictures a line, columns a picture): all on one line unless that leaves too little of them."""
    wanted = min(wide, WIDEST)
    for each in (count, -(-count // 2), 1):
        tile = min(WIDEST, (room + 2) // each - 2)
        if tile >= min(wanted, max(9, 0.6 * wanted)):
            return each, tile
    return 1, max(1, min(WIDEST, room))


def caption(one) -> str:
    """`was 3 · said 5 · 61 %`, or without the share for numbers."""
    told = say("was {was} · said {said}", was=one.was, said=one.said)
    if (score := getattr(one, "score", None)) is not None:          # a picture of boxes, a mask, a sentence: how well
        return f"{score * 100:3.0f} %  {told}"
    return told if one.sure is None else f"{told} · {one.sure:.0%}".replace("%", " %")


def _fold(one, width: int) -> list[Text]:
    """The caption in lines no wider than a tile."""
    lines = [say("was {was}", was=one.was), say("said {said}", said=one.said)]
    if one.sure is not None:
        sure = f"{one.sure * 100:.0f} %"
        if _cells(lines[1]) + len(sure) + 3 <= width:
            lines[1] += f" · {sure}"
        else:
            lines.append(sure)
    styled = [Text(visible(line), style=style) for line, style in zip(lines, ("", "bold", "dim"), strict=False)]
    for line in styled:
        line.truncate(width, overflow="ellipsis")
    return styled
