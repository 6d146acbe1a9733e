"""The machine: measured rates are true, estimates follow from them, checks see what is missing."""
import time

import pytest
import torch

from deepen.engine import machine

QUIET = machine.Machine("Linux", "CPU", 2, 2, 24 * 10**9, 10**11, "cpu", "CPU", 0, "bf16", {}, {},
                        {"small": (0.0, 1 / 8780), "deepconv": (0.0, 1 / 8270)})


def test_best_time_is_the_fastest():
    pauses = iter([0.0, 0.03, 0.01, 0.03, 0.03, 0.03, 0.03, 0.03])      # the first call warms up
    assert machine.best_time(lambda: time.sleep(next(pauses)), torch.device("cpu"), 0.0) == pytest.approx(0.01, abs=0.008)


def test_rates_are_positive_and_a_larger_product_takes_longer():
    cpu = torch.device("cpu")
    small = 2 * 64**3 / machine.matrix_rate(cpu, "fp32", 0.02, 64)
    large = 2 * 512**3 / machine.matrix_rate(cpu, "fp32", 0.02, 512)
    assert 0 < small < large
    assert machine.convolution_rate(cpu, "fp32", 0.02, 8) > 1e6


def test_a_step_costs_something_and_each_picture_too():
    step, picture = machine.training_pace("small", 0.05)
    assert step >= 0 and 0 < picture < 1


def test_macs_are_those_of_the_nets():
    assert machine.macs("deepconv", machine.GREY) == 8_770_000 or abs(machine.macs("deepconv", machine.GREY) / 8.77e6 - 1) < 0.01
    assert machine.macs("small", machine.SMALL) < machine.macs("small", machine.GREY) < machine.macs("small", machine.COLOUR)


def test_estimates_follow_from_the_measured_pace():
    """8,270 images/s on the textbook's network: 270,000 images take 33 s; a net with twice the work twice as long."""
    book = next(one for one in machine.trainings() if "deepconv" in (one.command or ""))
    assert book.here(QUIET) == pytest.approx(54_000 * 5 / 8270, rel=0.01)
    assert QUIET.training() == pytest.approx(6 * 8.77e6 * 8270, rel=0.01)
    twice = machine.Training("", None, 2 * book.macs, book.examples, book.batch, "deepconv")
    assert twice.here(QUIET) == pytest.approx(2 * book.here(QUIET))
    slow = machine.Machine(*[getattr(QUIET, name) for name in QUIET.__dataclass_fields__][:-1],
                           {**QUIET.pace, "deepconv": (0.1, 1 / 8270)})
    assert book.here(slow) - book.here(QUIET) == pytest.approx(0.1 * book.examples / book.batch)


def test_work_agrees_with_what_authors_measured():
    told = {one.name: one for one in machine.trainings()}
    assert told["CIFAR-10 to 94 %"].operations == pytest.approx(0.36e15)
    assert told["CIFAR-10 to 94 %"].on("A100") == pytest.approx(3.83, rel=0.6)             # airbench94's own time
    imagenet = told["ImageNet, ResNet-50"]
    assert imagenet.operations == pytest.approx(6 * 4.089e9 * 1.281e6 * 90)
    assert imagenet.on("H100") < imagenet.on("A100") < imagenet.on("T4") < imagenet.here(QUIET)


def test_looking_without_measuring():
    found = machine.look(None)
    assert found.cores >= 1 and found.memory > 10**8 and found.free_disk > 0 and found.pace == {} == found.matrix


def test_checks_see_what_is_wrong(tmp_path, monkeypatch):
    good = {one.name: one for one in machine.checks(str(tmp_path / "runs"))}
    assert good["torch"].fine and good["runs"].fine and good["Korean font"].fine
    file = tmp_path / "file"
    file.write_text("x")
    assert not machine._writable("runs", file).fine
    assert not machine._writable("runs", file / "inside").fine
    missing = machine._package("no-such-package-here", "")
    assert not missing.fine and "pip install no-such-package-here" in missing.told
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert machine.korean_font() is None
