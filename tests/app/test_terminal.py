"""What stands on a terminal: numbers, pictures, curves."""
import io
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from deepen.app import terminal
from deepen.app.live import Watch, curve
from deepen.core.events import Event
from deepen.engine.validate import Mistake


def screen(width=80, colours="truecolor"):
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=colours, highlight=False, markup=False)


@pytest.mark.parametrize("value, told", [(0.031250, "0.03125"), (1797, "1,797"), (48465.3, "48,465"), (None, "–"),
                                         (float("nan"), "–"), (1.2e-07, "1.2e-07")])
def test_number(value, told):
    assert terminal.number(value) == told


def test_units():
    assert terminal.metric("accuracy", 0.97917) == "97.92 %" and terminal.metric("rmse", 0.0816) == "0.0816"
    assert [terminal.span(s) for s in (0.84, 12.3, 187, 8100)] == ["0.8 s", "12 s", "3:07", "2:15:00"]
    assert terminal.size(302_208) == "302 kB" and terminal.large(4_089_284_608) == "4.09 G" and terminal.large(512) == "512"
    assert terminal.speed("images_per_second", 12345.6) == "12,346 images/s"


def test_a_picture_is_two_pixels_a_character():
    pixels = torch.tensor([[[0, 255], [255, 0], [9, 9], [9, 9]]], dtype=torch.uint8)         # (1, 4, 2)
    rows = terminal.picture(pixels, 2, True)
    assert [row.plain for row in rows] == ["▀▀", "▀▀"]
    colours = [(span.style.color.name, span.style.bgcolor.name) for span in rows[0].spans]
    assert colours == [("rgb(0,0,0)", "rgb(255,255,255)"), ("rgb(255,255,255)", "rgb(0,0,0)")]


def test_a_picture_without_colours_is_shades():
    pixels = torch.tensor([[[0, 255], [0, 255]]], dtype=torch.uint8)
    assert [row.plain for row in terminal.picture(pixels, 2, False)] == [" █"]


def test_pictures_are_shrunk_and_grown_to_their_tile():
    assert {row.cell_len for row in terminal.picture(torch.zeros(3, 64, 64, dtype=torch.uint8), 18, True)} == {18}
    grown = terminal.picture(torch.zeros(1, 8, 8, dtype=torch.uint8), 17, True)
    assert (len(grown), grown[0].cell_len) == (8, 16)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("side", [8, 28, 64])
def test_mistakes_fit_the_screen(width, side):
    console = screen(width)
    found = [Mistake(i, "a long class name", "another long class name", 0.61, torch.zeros(1, side, side, dtype=torch.uint8), "x")
             for i in range(6)]
    terminal.mistakes(console, found)
    lines = [line for line in Console().render_str(console.file.getvalue()).plain.splitlines()]
    assert console.file.getvalue().count("61 %") == 6
    from rich.text import Text
    assert max(Text.from_ansi(line).cell_len for line in lines) <= width


def test_commands_are_never_broken():
    console = screen(60)
    line = "deepen train digits " + "net=" + "conv-16-3;" * 12
    terminal.commands(console, "next", [(line, "a reason")])
    from rich.text import Text
    assert any(Text.from_ansi(one).plain.strip() == line for one in console.file.getvalue().splitlines())


def test_the_curve_falls_with_the_loss():
    assert curve([(0.25, 4.0), (0.5, 2.0), (0.75, 1.0), (1.0, 0.0)], 8) == "██▅▅▃▃▁▁"
    assert curve([(0.5, 100.0), (0.75, 10.0), (1.0, 1.0)], 4) == "██▅▁", "by the logarithm"
    assert curve([(0.5, 1.0)], 8) == "▁▁▁▁" and curve([], 8) == ""


def test_the_watch_shows_progress_on_a_terminal_and_lines_elsewhere():
    plan = SimpleNamespace(data=SimpleNamespace(inputs=SimpleNamespace(unit="images"), splits={"valid": [1]}, world=None),
                           system=SimpleNamespace(recipe=lambda: {}))
    for console in (screen(80), Console(file=io.StringIO(), width=200)):
        watch = Watch(console)
        watch.plan = plan
        watch(Event("started", 0, dict(planned=100, device="cpu", precision="fp32", seed=0, resumed=False, score="accuracy",
                                       parameters=1234)))
        for step in (25, 50):
            watch(Event("stepped", step, dict(progress=step / 100, seconds=step / 10, seen=step * 128, steps_per_second=10.0,
                                              loss=1 / step)))
        watch(Event("evaluated", 50, dict(split="valid", best=True, accuracy=0.5)))
        watch(Event("stepped", 75, dict(progress=0.75, seconds=7.5, seen=9600, steps_per_second=10.0, loss=0.1)))
        watch.close()
        told = console.file.getvalue()
        assert "1,234 parameters" in told and "50.00 %" in told and "1,280 images/s" in told
        assert ("2.5 s left" in told) == console.is_terminal


def test_a_class_that_would_steer_the_terminal_is_made_visible():
    bad, console = "a\x1b[31m\x9b2J", Console(file=io.StringIO(), width=80)
    terminal.mistakes(console, [Mistake(0, bad, bad, 0.9, torch.zeros(3), bad, bad)])
    terminal.facts(console, [("x", bad)])
    terminal.tell(console, bad)
    terminal.commands(console, "next", [(f"deepen {bad}", "")])
    told = console.file.getvalue()
    assert "\x1b" not in told and "\x9b" not in told and told.count("a\\x1b[31m\\x9b2J") == 7
