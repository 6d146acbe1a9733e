"""The learning-rate test: reads a curve right, drives any system with a live rate, leaves nothing behind."""
import json
import math

import pytest

from deepen.app.cli import main
from deepen.app.rate import curve
from deepen.core.words import Problem
from deepen.engine.rate import Found, find_rate, read, smoothed
from deepen.engine.report_rate import page
from deepen.engine.start import start

RATES = [1e-5 * 10 ** (step / 16.5) for step in range(100)]                 # 1e-5 … 10
TINY = {"data": "stripes", "net": "conv 8 3; norm; relu; globalpool; dense classes", "batch": 32, "augment": ""}


def valley(rate, least=0.1):
    """A loss that falls towards `least` and then rises faster."""
    far = math.log10(rate / least)
    return 1 + 0.3 * far**2 if far < 0 else 1 + 2 * far**2


def test_reads_the_lowest_and_a_tenth_of_it():
    found = read(RATES, [valley(rate) for rate in RATES])
    assert found.lowest == pytest.approx(0.1, rel=0.25) and found.suggested == pytest.approx(found.lowest / 10, rel=0.05)
    assert len(found.smooth) == 100


def test_finds_where_it_falls_fastest():
    losses = [2 - 1 / (1 + math.exp(-5 * (math.log10(rate) + 3))) + max(0.0, math.log10(rate)) for rate in RATES]
    assert read(RATES, losses).steepest == pytest.approx(1e-3, rel=0.3)


def test_smoothing_keeps_lines_and_takes_noise():
    line = [0.1 * i for i in range(60)]
    assert smoothed(line)[20:40] == pytest.approx(line[20:40])
    noise = smoothed([(-1.0) ** i for i in range(60)])
    assert max(map(abs, noise[10:50])) < 0.05


@pytest.mark.parametrize("optimizer", ["muon", "adam", "momentum"])
def test_a_system_learns_well_at_the_rate_that_is_suggested(optimizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_rate("classify", {**TINY, "optimizer": optimizer})
    assert len(found.rates) == len(found.losses) >= 50 and found.rates[0] == pytest.approx(1e-5)
    assert 1e-4 < found.suggested < 1.1 and found.smooth[0] > min(found.smooth)
    assert list(tmp_path.iterdir()) == []                                   # no run, no file
    run = start("classify", {**TINY, "optimizer": optimizer, "lr": found.suggested, "epochs": 10}, out=tmp_path / "run")
    assert run.metrics["accuracy"] > 0.7


def test_is_the_same_for_the_same_seed_and_stops_when_it_explodes():
    asked = {"data": "stripes", "net": "dense 20; relu; dense classes", "optimizer": "sgd", "batch": 32}
    first, second, other = find_rate("classify", asked), find_rate("classify", asked), find_rate("classify", asked, seed=1)
    assert first == second and first.losses != other.losses
    wild = find_rate("classify", asked, high=1e5)
    assert wild.burst and len(wild.rates) < 100 and all(map(math.isfinite, wild.losses))


def test_drives_other_systems():
    for what in ("mlp", "ensemble"):
        settings = {"ensemble": {**TINY, "members": 2}}.get(what, {"data": "iris"})
        assert find_rate(what, settings, steps=30).losses[0] > 0


@pytest.mark.parametrize(("what", "told"), [("dcgan", "cannot be changed"), ("cartpole", "world")])
def test_refuses_where_it_says_nothing(what, told):
    with pytest.raises(Problem, match=told):
        find_rate(what)


# what people see

def test_the_command_draws_suggests_and_tells_programs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [f"{key}={value}" for key, value in TINY.items()]
    assert main(["plan", "classify", *words, "--find-lr", "--report", "rate.html", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out.splitlines()[-1])
    assert found["lr"] == found["suggested"] and len(found["losses"]) == len(found["rates"])
    assert f"lr={found['lr']:g}"[:6] in told.err and "deepen train classify" in told.err and "⠉" in told.err
    html = (tmp_path / "rate.html").read_text(encoding="utf-8")
    assert "<svg" in html and "http" not in html.replace("http://www.w3.org", "")
    assert [path.name for path in tmp_path.iterdir()] == ["rate.html"]
    assert main(["plan", "classify", "lr=1", "--find-lr"]) == 2
    assert "leave lr=1 out" in capsys.readouterr().err


def test_the_curve_fits_its_width_and_an_explosion_fills_no_screen():
    found = read(RATES, [valley(rate) + (1e6 if rate > 5 else 0) for rate in RATES], True)
    lines = [line.plain for line in curve(found.rates, found.losses, found.suggested, 40)]
    assert len(lines) == 10 and max(map(len, lines)) <= 40 + 11 + 6
    assert any("│" in line for line in lines) and "0.001" in lines[-1]
    assert isinstance(found, Found) and "polyline" in page(found, "classify", "deepen train classify")


@pytest.mark.parametrize(("system", "settings"), [
    ("classify", {**TINY, "optimizer": "adam"}), ("caption", {"data.count": 60, "data.size": 16, "width": 8, "batch": 8, "average": 0,
                                                              "net": "conv 4; relu; globalpool; dense classes"})])
def test_the_rates_told_are_those_that_were_used(system, settings, monkeypatch):
    """Also where the schedule is the system's own: a cosine in its middle would use half of them."""
    used = []
    monkeypatch.setattr("deepen.nn.optim.set_rate", lambda optimizer, rate: used.append(rate))
    found = find_rate(system, settings, steps=12, high=0.1)
    assert used[-12:] == pytest.approx(found.rates)
