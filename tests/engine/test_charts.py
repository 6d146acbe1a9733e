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
    assert charts._ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(3 <= value <= 97 for value in charts._ticks(3, 97))


def test_thinning_keeps_the_ends():
    line = [(i, i) for i in range(5000)]
    kept = charts.thinned(line, 400)
    assert kept[0] == line[0] and kept[-1] == line[-1] and len(kept) <= 402
