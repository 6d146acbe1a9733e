"""Charts: the geometry is right, nothing escapes into the page, pictures survive."""
import base64
import io
import re
import xml.etree.ElementTree as tree

import pytest
import torch
from PIL import Image

from deepen.engine import charts


def points(svg):
    line = tree.fromstring(svg).find("polyline")
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def test_a_curve_goes_from_left_to_right_and_up_is_more():
    xy = points(charts.curves([("a", "train", [(0, 1.0), (5, 3.0), (10, 2.0)])], "steps", "loss"))
    assert [x for x, _ in xy] == sorted(x for x, _ in xy)
    assert xy[1][1] < xy[2][1] < xy[0][1]           # SVG counts down
    assert xy[0][0] == charts.LEFT and xy[2][0] == charts.WIDE - 12


def test_values_that_are_no_numbers_are_left_out():
    assert len(points(charts.curves([("a", "train", [(0, 1.0), (1, float("nan")), (2, 2.0)])], "s", "t"))) == 2
    assert charts.curves([("a", "train", [(0, 1.0)])], "s", "t") == ""


def test_names_are_escaped():
    svg = charts.curves([("<b>", "train", [(0, 1.0), (1, 2.0)])], "<i>", '"><script>')
    assert "<script>" not in svg and "<i>" not in svg
    assert "<b>" not in charts.matrix(torch.eye(2), ["<b>", "c"], "was", "said")
    assert "<b>" not in charts.bars([("<b>", 0.5, "<b>")])


def test_matrix_counts_stand_where_they_belong():
    html = charts.matrix(torch.tensor([[8, 2], [0, 5]]), ["cat", "dog"], "was", "said")
    cells = re.findall(r'<td class="(right|wrong)" style="--share:([\d.]+)">(\d*)</td>', html)
    assert [(kind, count) for kind, _, count in cells] == [("right", "8"), ("wrong", "2"), ("wrong", ""), ("right", "5")]
    assert float(cells[0][1]) == pytest.approx(0.8) and float(cells[3][1]) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_comes_back_from_its_tag(channels):
    pixels = torch.randint(0, 256, (channels, 6, 9), dtype=torch.uint8)
    tag = charts.picture(pixels, 2, "x")
    inside = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", tag)[1])))
    back = torch.tensor(list(inside.tobytes()), dtype=torch.uint8).view(6, 9, channels).permute(2, 0, 1)
    assert torch.equal(back, pixels) and 'width="18"' in tag


def test_a_grid_holds_every_picture():
    pictures = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 1, 2, 2) + 1
    sheet = charts.grid(pictures)
    assert sheet.shape == (1, 5, 8)
    assert sheet[0, 0, 0] == 1 and sheet[0, 3, 3] == 5 and sheet[0, 2, 0] == 0


def test_a_film_has_its_frames():
    frames = [torch.full((1, 4, 4), value, dtype=torch.uint8) for value in (0, 100, 250)]
    gif = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", charts.film(frames))[1])))
    assert gif.n_frames == 3


def test_ticks_are_round_and_inside():
    assert charts.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(3 <= value <= 97 for value in charts.ticks(3, 97))


def test_thinning_keeps_the_ends():
    line = [(i, i) for i in range(5000)]
    kept = charts.thinned(line, 400)
    assert kept[0] == line[0] and kept[-1] == line[-1] and len(kept) <= 402


def numbers(svg, tag, *names):
    return [tuple(float(one.get(name)) for name in names) for one in tree.fromstring(svg).findall(tag)]


def test_reliability_lies_on_the_line_when_sureness_is_right():
    svg = charts.reliability([(0.1, 0.1, 0.0, 0.2, 10), (0.5, 0.5, 0.4, 0.6, 40), (0.9, 0.3, 0.2, 0.4, 20)], "sure", "right")
    diagonal = next(one for one in tree.fromstring(svg).findall("line") if one.get("class") == "mark")
    (x0, y0), (x1, y1) = ((float(diagonal.get(f"x{i}")), float(diagonal.get(f"y{i}"))) for i in (1, 2))
    dots = numbers(svg, "circle", "cx", "cy")
    assert [pytest.approx(y0 + (x - x0) / (x1 - x0) * (y1 - y0), abs=0.2) == y for x, y in dots] == [True, True, False]
    assert dots[2][1] > dots[1][1], "less right is lower"
    high = [float(one.get("height")) for one in tree.fromstring(svg).findall("rect")]
    assert [one / max(high) for one in high] == [pytest.approx(share, abs=0.01) for share in (0.25, 1, 0.5)]
    assert charts.reliability([], "a", "b") == ""


def test_a_scatter_puts_equal_pairs_on_its_line():
    svg = charts.scatter([(1.0, 1.0), (3.0, 3.0), (2.0, 5.0), (float("nan"), 1.0)], "true", "said")
    dots = numbers(svg, "circle", "cx", "cy")
    line = tree.fromstring(svg).findall("line")[-1]
    x0, y0, x1, y1 = (float(line.get(name)) for name in ("x1", "y1", "x2", "y2"))
    far = [abs(y - (y0 + (x - x0) / (x1 - x0) * (y1 - y0))) for x, y in dots]
    assert len(dots) == 3 and far[0] < 0.3 and far[1] < 0.3 and far[2] > 10
    level = tree.fromstring(charts.scatter([(1.0, 2.0), (3.0, 2.5)], "a", "b", "zero")).findall("line")[-1]
    assert level.get("y1") == level.get("y2")
    assert charts.scatter([(1.0, 1.0)], "a", "b") == ""


def test_a_histogram_is_as_high_as_its_counts():
    for tall in (False, True):
        bars = numbers(charts.histogram([0, 1, 2, 3], [2, 0, 4], tall), "rect", "x", "y", "height")
        assert bars[0][2] == pytest.approx(bars[2][2] / 2) and bars[1][2] == 0 and bars[0][1] + bars[0][2] == pytest.approx(bars[2][1] + bars[2][2])
        assert bars[0][0] < bars[1][0] < bars[2][0]
    assert charts.histogram([0, 1], [1, 2]) == charts.histogram([], []) == charts.histogram([0, 1], [0]) == ""


def test_spans_share_one_scale():
    html = charts.spans([("<a>", 0.4, 0.3, 0.5, "+40 %"), ("b", -0.1, -0.5, 0.0, "-10 %")])
    rects = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', html)]
    lines = [(float(a), float(b)) for a, b in re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"', html)]
    assert rects == [(50, 40), (40, 10)] and lines == [(80, 100), (0, 50)] and "<a>" not in html


def test_a_large_picture_becomes_a_small_file():
    pixels = torch.randint(0, 256, (3, 300, 500), dtype=torch.uint8)
    tag = charts.picture(pixels, most=96)
    inside = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", tag)[1])))
    assert inside.size == (96, 58) and inside.format == "JPEG" and len(tag) < 12_000
