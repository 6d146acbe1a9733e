"""What mistakes share: a planted cause is found, noise is left in peace."""
import math

import pytest
import torch
from PIL import Image as Pillow
from torch.nn.functional import one_hot

from deepen.core.data import Examples
from deepen.core.kinds import Image, Label, Number, Row
from deepen.engine.chance import binomial, fisher, rank_sum, ranks, wilson
from deepen.engine.shared import LEVEL, shared

NAMES = Label(("a", "b", "c"))
ROW = Row(("age", "hours", "place", "flag"), (None, None, ("x", "y", "z"), ("u", "v")))


def table(seed, count=600):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 4, generator=draw) * 10 + 40
    x[:, 2], x[:, 3] = torch.randint(3, (count,), generator=draw), torch.randint(2, (count,), generator=draw)
    x[torch.rand(count, 4, generator=draw) < 0.03] = math.nan
    y = torch.randint(3, (count,), generator=draw)
    return x, y, draw


def told(y, wrong, draw):
    """Answers with mistakes at `wrong`, which class is said instead by chance."""
    other = (y + torch.randint(1, 3, y.shape, generator=draw)) % 3
    return one_hot(torch.where(wrong, other, y), 3).float()


def test_noise_is_left_in_peace():
    """Mistakes by chance alone: in at least 95 of 100 tables nothing is said."""
    silent = 0
    for seed in range(100):
        x, y, draw = table(seed)
        wrong = torch.rand(len(y), generator=draw) < 0.15
        silent += not shared(NAMES, ROW, Examples(x, y), told(y, wrong, draw), y)
    assert silent >= 95


def test_errors_of_numbers_that_are_noise_are_left_in_peace():
    silent = 0
    for seed in range(100):
        x, _, draw = table(seed, 400)
        y = torch.randn(400, generator=draw)
        silent += not shared(Number("y"), ROW, Examples(x, y), y + torch.randn(400, generator=draw), y)
    assert silent >= 95


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_range_is_found_with_its_counts(seed):
    x, y, draw = table(seed)
    late = x[:, 1] > 50
    wrong = torch.rand(len(y), generator=draw) < torch.where(late, 0.5, 0.08)
    causes = shared(NAMES, ROW, Examples(x, y), told(y, wrong, draw), y)
    assert causes[0].name.startswith("hours > ") and causes[0].chance < LEVEL
    cut = float(causes[0].name.split()[-1])
    inside = x[:, 1].double() > cut
    assert 44 < cut < 55
    assert abs(causes[0].count - int(inside.sum())) <= 1 and abs(causes[0].wrong - int((wrong & inside).sum())) <= 1
    assert f"{int(causes[0].wrong)} of {causes[0].count} are wrong" in causes[0].sentence


def test_a_word_missing_cells_and_rare_words_are_found():
    x, y, draw = table(3)
    wrong = torch.rand(len(y), generator=draw) < torch.where(x[:, 2] == 1, 0.45, 0.05)
    assert [cause.name for cause in shared(NAMES, ROW, Examples(x, y), told(y, wrong, draw), y)] == ["place = y"]
    x[:60, 0] = math.nan
    wrong = torch.rand(len(y), generator=draw) < torch.where(x[:, 0].isnan(), 0.5, 0.05)
    assert shared(NAMES, ROW, Examples(x, y), told(y, wrong, draw), y)[0].name == "age is missing"
    words = Row(("word",), (tuple(f"w{i}" for i in range(40)),))
    code = torch.where(torch.arange(600) < 60, torch.arange(600) % 39 + 1, 0).float()[:, None]
    wrong = torch.rand(600, generator=draw) < torch.where(code[:, 0] > 0, 0.6, 0.05)
    assert shared(NAMES, words, Examples(code, y), told(y, wrong, draw), y)[0].name == "a rare word in word"


def test_one_cause_in_two_columns_is_told_once():
    x, y, draw = table(5)
    x[:, 0] = x[:, 1] + torch.randn(len(y), generator=draw)
    wrong = torch.rand(len(y), generator=draw) < torch.where(x[:, 1] > 50, 0.6, 0.05)
    assert len(shared(NAMES, ROW, Examples(x, y), told(y, wrong, draw), y)) == 1


def test_a_confused_pair_is_named():
    x, y, _ = table(1)
    said = y.clone()
    said[(y == 1).nonzero()[:12, 0]] = 0
    said[(y == 2).nonzero()[:2, 0]] = 1
    causes = shared(NAMES, ROW, Examples(x, y), one_hot(said, 3).float(), y)
    assert causes[0].sentence == "b said to be a: 12 of 14 mistakes"
    assert not any(cause.name == "class b" for cause in causes[1:]), "the class is told with the pair"


def test_fewer_than_five_mistakes_say_nothing():
    x, y, _ = table(2)
    said = y.clone()
    said[(x[:, 1] > 55).nonzero()[:4, 0]] += 1
    assert shared(NAMES, ROW, Examples(x, y), one_hot(said % 3, 3).float(), y) == []


def test_dark_pictures_are_found():
    draw = torch.Generator().manual_seed(0)
    light = torch.randint(20, 220, (300, 1, 1, 1), generator=draw)
    x = (light + torch.randint(0, 30, (300, 3, 8, 8), generator=draw)).to(torch.uint8)
    y = torch.randint(3, (300,), generator=draw)
    wrong = torch.rand(300, generator=draw) < torch.where(light[:, 0, 0, 0] < 60, 0.6, 0.05)
    causes = shared(NAMES, Image(3, 8, 8), Examples(x, y), told(y, wrong, draw), y)
    assert causes[0].name.startswith("dark pictures (brightness up to ")


def test_small_files_are_found_by_their_headers(tmp_path):
    draw = torch.Generator().manual_seed(0)
    names, y = [], torch.randint(3, (120,), generator=draw)
    for i in range(120):
        Pillow.new("L", (20, 20) if i < 30 else (90, 80)).save(tmp_path / f"{i}.png")
        names.append(f"{i}.png")
    wrong = torch.rand(120, generator=draw) < torch.where(torch.arange(120) < 30, 0.6, 0.05)
    x = torch.zeros(120, 1, 8, 8, dtype=torch.uint8)
    causes = shared(NAMES, Image(1, 8, 8), Examples(x, y, names), told(y, wrong, draw), y, tmp_path)
    assert causes[0].name == "small pictures (shorter side up to 20 pixels)"
    (tmp_path / "0.png").write_bytes(b"no picture")
    assert shared(NAMES, Image(1, 8, 8), Examples(x, y, names), told(y, wrong, draw), y, tmp_path)


def test_large_errors_and_a_lean_are_found():
    x, _, draw = table(0, 500)
    y = torch.randn(500, generator=draw)
    error = torch.randn(500, generator=draw) * torch.where(x[:, 2] == 2, 4.0, 1.0)
    causes = shared(Number("price"), ROW, Examples(x, y), y + error, y)
    assert causes[0].name == "place = z" and causes[0].wrong > 2 * causes[0].elsewhere
    causes = shared(Number("price"), ROW, Examples(x, y), y - 1 + torch.randn(500, generator=draw), y)
    assert "too little" in causes[-1].sentence and causes[-1].wrong == pytest.approx(1, abs=0.2)
    flat = shared(Number("price"), ROW, Examples(x, y), torch.zeros(500), y)
    low, high = flat[0].name.startswith("price ≤ "), flat[0].name.startswith("price > ")
    assert (low and "mostly too much" in flat[0].sentence) or (high and "mostly too little" in flat[0].sentence)


def test_the_tests_are_those_of_the_books():
    stats = pytest.importorskip("scipy.stats")
    assert fisher(7, 20, 12, 153) == pytest.approx(stats.fisher_exact([[7, 13], [5, 128]])[1])
    assert binomial(9, 12, 0.4) == pytest.approx(stats.binomtest(9, 12, 0.4).pvalue)
    draw = torch.Generator().manual_seed(0)
    values, part = torch.randn(80, generator=draw).round(decimals=1), torch.arange(80) < 30
    known = stats.mannwhitneyu(values[part], values[~part], method="asymptotic", use_continuity=False).pvalue
    assert rank_sum(ranks(values), part) == pytest.approx(known, rel=0.02)
    assert wilson(4, 17) == pytest.approx(stats.binomtest(4, 17).proportion_ci(method="wilson"), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0) and binomial(1, 2, 1.0) == 1.0 and rank_sum(torch.ones(3), torch.zeros(3, dtype=torch.bool)) == 1.0
