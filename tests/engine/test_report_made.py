"""What a maker shows in its report: samples, the film of training, what its figures mean, its own panels."""
import time
from types import SimpleNamespace

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.things import Panel
from deepen.core.words import Problem
from deepen.engine import report_made
from deepen.engine.made import real, told
from deepen.engine.report import number
from deepen.engine.report_made import drawn, made
from deepen.engine.shown import Album, film, some
from deepen.engine.verdict import Verdict
from deepen.nn import judge


class Maker:
    """Paints grey, as long as it is told to."""
    device = torch.device("cpu")

    def __init__(self, seconds=0.0, panels=()):
        self.seconds, self.asked, self.told = seconds, [], panels

    def networks(self):
        return []

    def sample(self, count, seed=0):
        time.sleep(self.seconds * count)
        self.asked.append(count)
        return torch.full((count, 1, 4, 5), 10 * len(self.asked), dtype=torch.uint8)

    def panels(self):
        yield from self.told


def sections(system, folder, found=None):
    return dict(made(system, folder, found or Verdict("valid", 0, "loss", {}), number))


def test_the_page_has_samples_the_film_and_every_panel(tmp_path):
    panels = [Panel("rows", "look <here>", torch.zeros(6, 3, 4, 4, dtype=torch.uint8), across=3, names=("<a>", "b")),
              Panel("film", "it moves", torch.arange(4).mul(60).to(torch.uint8)[:, None, None, None].expand(4, 1, 4, 4), film=True),
              Panel("plane", "", points=torch.randn(9, 2), classes=torch.arange(9) % 3, names=("x", "y", "z")),
              Panel("sheet", "", torch.zeros(7, 1, 300, 300, dtype=torch.uint8), across=7)]
    system, album = Maker(panels=panels), Album(tmp_path)
    for step in (3, 6, 9):
        album.paint(system, step, 1.0)
    found = sections(system, tmp_path)
    assert list(found) == ["Samples", "What it made, judgement by judgement", "rows", "film", "plane", "sheet"]
    assert "3 judgements, from step 3 to 9" in found["What it made, judgement by judgement"] and "image/gif" in found["film"]
    assert found["rows"].count("<img") == 2 and "&lt;a&gt;" in found["rows"] and "look &lt;here&gt;" in found["rows"]
    assert found["plane"].count('class="spots"') == 3 and "width:2106px" in found["sheet"]
    assert "width:708px" in found["Samples"], "a hundred pictures, ten in a row, enlarged"


def test_a_page_stays_small(tmp_path, monkeypatch):
    noise = torch.randint(0, 256, (40, 3, 64, 64), dtype=torch.uint8)
    inside = drawn(Panel("noise", "", noise, film=True))
    assert len(inside) < report_made.FILM * 4 / 3 + 500
    monkeypatch.setattr(report_made, "ROOM", len(inside) + 40_000)
    found = sections(Maker(panels=[Panel("one", "", noise, film=True), Panel("two", "", noise, film=True)]), tmp_path)
    assert "<img" in found["one"] and "too large" in found["two"] and "<img" not in found["two"]


def test_a_panel_that_cannot_be_says_why(tmp_path):
    class Shy(Maker):
        def panels(self):
            yield Panel("first", "", torch.zeros(1, 1, 2, 2, dtype=torch.uint8))
            raise Problem("there is no data")
    assert "there is no data" in sections(Shy(), tmp_path)["What it shows of itself"]


def test_who_makes_nothing_has_no_section(tmp_path):
    assert sections(SimpleNamespace(), tmp_path) == {}


def test_texts_are_shown_as_texts(tmp_path):
    class Teller(Maker):
        def sample(self, count, seed=0):
            return [f"<{i}>" for i in range(count)]
    album = Album(tmp_path)
    album.paint(Teller(), 7, 1.0)
    assert (tmp_path / "samples-0000007.txt").read_text().startswith("<0>\n\n<1>") and film(tmp_path) == ([], [])
    found = sections(Teller(), tmp_path)
    assert list(found) == ["Samples"] and found["Samples"].count("<pre>&lt;") == report_made.TEXTS


# the share of the time

def test_slow_makers_paint_fewer_and_skip_judgements_but_never_the_last(tmp_path):
    fast, slow = Maker(), Maker(0.04)
    album = Album(tmp_path / "fast")
    for step in range(5):
        album.paint(fast, step, 0.1)
    assert fast.asked == [4, 36, 36, 36, 36, 36] and album.count == 36
    album = Album(tmp_path / "slow")
    for step in range(12):
        album.paint(slow, step, 0.1 * step)
    assert album.count == 4 and len(slow.asked) < 10 and album.spent < 1.4, "some judgements went by"
    before = len(slow.asked)
    album.paint(slow, 12, 1.2, last=True)
    album.paint(slow, 12, 1.2, last=True)
    assert len(slow.asked) == before + 1 and (tmp_path / "slow" / "samples-0000012.png").is_file()


def test_a_long_run_may_paint_more(tmp_path):
    slow = Maker(0.04)
    album = Album(tmp_path)
    album.paint(slow, 1, 120.0)                # 5 % of two minutes, and half of that for one sheet
    assert album.count == 36


def test_large_pictures_make_small_sheets():
    class Large(Maker):
        def sample(self, count, seed=0):
            return torch.zeros(count, 3, 400, 400, dtype=torch.uint8)
    assert len(some(Large(), (36, 16, 4, 1), 9.0, 2_000_000)) == 4
    assert len(some(Maker(), (1,), 9.0)) == 1


def test_sheets_of_another_size_are_left_out_of_the_film(tmp_path):
    album = Album(tmp_path)
    album.paint(Maker(), 1, 1.0)
    album.count = 16
    album.paint(Maker(), 2, 1.0)
    album.paint(Maker(), 3, 1.0)
    steps, sheets = film(tmp_path)
    assert steps == [2, 3] and sheets[0].shape == (1, 4 * 5 - 1, 4 * 6 - 1)


class Painter(Maker):
    """Has one picture, whatever the count."""

    def sample(self, count, seed=0):
        return super().sample(1)


def test_the_only_picture_is_asked_for_once_and_left_to_its_panel(tmp_path):
    system, album = Painter(panels=[Panel("painted", "", torch.zeros(3, 1, 4, 4, dtype=torch.uint8))]), Album(tmp_path)
    for step in (1, 2):
        album.paint(system, step, 1.0)
    assert system.asked == [1, 1] and album.count == 1
    assert list(sections(system, tmp_path)) == ["What it made, judgement by judgement", "painted"]
    system.unfolds = lambda count, seed=0: iter(())
    assert list(sections(system, tmp_path)) == ["painted"], "its own film tells more"


# what figures mean

def test_that_there_are_few_real_pictures_is_said_once():
    found = {"frechet_own": 3.5, "recognised": 0.5}
    few = [sentence for _, sentence in told(found, {}, number, 99) if "only 99 real pictures" in sentence]
    assert len(few) == 1 and told(found, {}, number, 99)[0][1] == few[0]
    assert not any("mean little" in sentence for measured, examples in ((found, 100), ({"gram": 0.1}, 1))
                   for _, sentence in told(measured, {}, number, examples))


def test_figures_are_told_beside_those_of_real_pictures():
    lines = dict(told({"frechet_own": 3.5, "recognised": 0.5, "modes": 7.0, "loss": 1.0}, {"frechet_own": 0.4, "recognised": 0.99, "modes": 10.0}, number))
    assert list(lines) == ["frechet_own", "recognised", "modes"]
    assert "3.5" in lines["frechet_own"] and "0.4" in lines["frechet_own"] and "not FID" in lines["frechet_own"]
    assert "50.00 %" in lines["recognised"] and "99.00 %" in lines["recognised"]
    assert lines["modes"].startswith("7 of 10 classes") and "left out" in lines["modes"]
    assert "left out" not in dict(told({"modes": 10.0}, {"modes": 10.0}, number))["modes"]
    assert "–" not in dict(told({"frechet_own": 1.0}, {}, number))["frechet_own"]


@pytest.mark.parametrize("classes", [2, 0])
def test_real_pictures_get_what_a_perfect_maker_would(classes, monkeypatch):
    """Training pictures are judged as if they were painted, by the same judge against the same split."""
    x, y = torch.arange(240 * 4).to(torch.uint8).reshape(240, 1, 2, 2), torch.arange(240) % 2
    data = Data({"train": Examples(x[:160], y[:160] if classes else None), "valid": Examples(x[160:], y[160:] if classes else None)},
                Image(1, 2, 2), Label(("a", "b")) if classes else None)

    def figures(painted, train, shown, kinds, asked):
        assert kinds == classes and torch.equal(shown, x[160:]) and torch.equal(train[0], x[:160]) and (train[1] is None) == (not classes)
        rows = [(x[:160] == one).flatten(1).all(1).nonzero()[0].item() for one in painted]
        assert len(painted) == 160 and len(set(rows)) > 60 and rows != sorted(rows) and (asked is None) == (not classes)
        assert asked is None or torch.equal(asked, y[rows])
        return {"frechet_own": torch.tensor(0.25), "recognised": 1.0, "sample_recall": 0.9}
    monkeypatch.setattr(judge, "figures", figures)
    found = real(SimpleNamespace(data=data), "valid", {"frechet_own": 1.0, "recognised": 0.5, "loss": 2.0})
    assert found == {"frechet_own": 0.25, "recognised": 1.0}
    assert real(SimpleNamespace(data=data), "valid", {"loss": 1.0}) == {} == real(SimpleNamespace(data=data), "test", {"frechet_own": 1.0})
