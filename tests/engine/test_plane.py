"""Points in a plane: every point where it belongs, classes told apart by more than colour."""
import re
import xml.etree.ElementTree as tree

import torch

from deepen.engine.plane import HIGH, LEFT, POINTS, SHAPES, WIDE, plane


def spots(svg):
    """{class: (its places, its shape)} of the drawn paths."""
    found = {}
    for path in tree.fromstring(svg.partition("<p class=key>")[0]).iter("path"):
        marks = re.findall(r"M([\d.]+) ([\d.]+)(m[^M]+)", path.get("d"))
        found[path.find("title").text] = ([(float(x), float(y)) for x, y, _ in marks], marks[0][2])
    return found


def test_points_keep_their_places_on_one_scale():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [4.0, 1.0]])
    (a, b, c, d), _ = spots(plane(points, torch.zeros(4), ("x",), "t"))["x"]
    assert b[0] - a[0] > 50 and abs((b[0] - a[0]) - (a[1] - c[1])) < 0.3 and abs(a[1] - b[1]) < 0.1 and abs(c[0] - a[0]) < 0.1
    assert all(LEFT <= x <= WIDE and 0 <= y <= HIGH for x, y in (a, b, c, d))


def test_classes_have_a_colour_a_shape_and_a_name():
    classes = torch.arange(40) % 4
    svg = plane(torch.randn(40, 2), classes, ("<zero>", "one", "two", "셋"), "t")
    found = spots(svg)
    assert [len(places) for places, _ in found.values()] == [10] * 4 and list(found) == ["<zero>", "one", "two", "셋"]
    assert len({shape.count("l") * 100 + shape.count("a") * 10 + shape.count("h") for _, shape in found.values()}) == 4 <= len(SHAPES)
    assert len(set(re.findall(r'class="spots" d="[^"]+" fill="([^"]+)"', svg))) == 4
    assert "&lt;zero&gt;" in svg and "<zero>" not in svg and svg.count('class="named"') == 4 and svg.count("<span>") == 4


def test_no_numbers_too_many_and_too_few():
    points = torch.randn(POINTS * 2, 2)
    points[0] = torch.nan
    assert len(spots(plane(points, None, (), "t"))["0"][0]) == POINTS
    assert plane(torch.full((5, 2), torch.nan), None, (), "t") == "" and plane(torch.zeros(1, 2), None, (), "t") == ""
    assert len(spots(plane(torch.ones(3, 2), None, (), "t"))["0"][0]) == 3, "all at one place"
