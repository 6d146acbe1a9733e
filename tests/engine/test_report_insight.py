"""The part of the report that looks into a network: everything that is promised is there, small, and true of the net."""
import re
from dataclasses import replace

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.engine import report_insight
from deepen.engine.fit import lend
from deepen.engine.place import Place
from deepen.engine.report_insight import SHOWN, chosen, insights, overlaid
from deepen.engine.verdict import verdict
from deepen.nn.design import Design
from deepen.nn.insight import receptive_fields
from deepen.systems.classify import Classify

LINES = "conv 8 3; norm; relu; pool 2; conv 16 3; norm; relu; conv 16 3; relu; globalpool; dense classes"


def judged(net=LINES, kind=None, classes=2, learned=False):
    """A system on dark and bright pictures, and its verdict."""
    kind, chance = kind or Image(3, 20, 24), torch.Generator().manual_seed(0)
    x = torch.randint(0, 100, (90, *kind.shape), dtype=torch.uint8, generator=chance)
    y = torch.arange(90) % classes
    x[y == 1] += 120
    data = Data({"train": Examples(x[:60], y[:60]), "valid": Examples(x[60:], y[60:])}, kind, Label(tuple("abcdefgh"[:classes])))
    system = Classify(net=net, epochs=6, batch=20, augment="")
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    system.progress = 0.3                                   # where the rate is high
    for _ in system.steps() if learned else ():
        continue
    return system, verdict(system, "valid", None, {}, beside={})


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    """On a busy machine the dear parts are left out; here they are wanted."""
    for name in ("COVERED", "EXCITED"):
        monkeypatch.setattr(report_insight, name, 1000.0)


def titles(page):
    return re.findall("<h3>(.*?)</h3>", page)


def test_all_parts_of_a_network_for_pictures():
    system, found = judged()
    before = {name: value.clone() for name, value in system.model.state_dict().items()}
    page = insights(system, found)
    assert titles(page) == ["What it looks for first", "Where it looked when it was wrong", "What excites it, layer by layer",
                            "How far its layers see", "Where the time goes"]
    assert len(page) < 300_000 and page.count("<figure>") == 3 + 3 and page.count("Grad-CAM</span>") == 3 and page.count("covered</span>") == 3
    assert all(torch.equal(value, before[name]) for name, value in system.model.state_dict().items()), "looking changes nothing"
    fields = {row.name: row.field for row in Design((LINES,)).table(Image(3, 20, 24), 2)}
    drawn = dict(re.findall(r"</i>(\w+): (\d+) × \d+</span>", page))
    assert drawn and all(int(field) == fields[name] for name, field in drawn.items() if name != "relu1"), "the pool goes before it"
    assert re.search(r"conv1</th><td><div><span style=\"--share:[\d.]+\"></span><span class=back", page)


def test_without_mistakes_the_least_sure_are_shown():
    system, found = judged(learned=True)
    assert not found.mistakes
    assert "Where it looked when it was least sure" in titles(insights(system, found))


@pytest.mark.parametrize(("net", "kind", "missing"), [
    ("dense 8; relu; dense classes", Image(1, 8, 8), {"What it looks for first", "What excites it, layer by layer", "How far its layers see"}),
    ("resnet20", Image(1, 16, 16), set()), ("googlenet aux=0.3", Image(3, 32, 32), set())])
def test_other_networks(net, kind, missing):
    told = titles(insights(*judged(net, kind)))
    assert missing.isdisjoint(told) and len(told) == 5 - len(missing)


def test_what_is_no_network_for_pictures_is_left_out():
    system, found = judged()
    assert insights(system, replace(found, answers=None)) == ""
    system.data = replace(system.data, inputs=None)
    assert insights(system, found) == ""


def test_the_layers_chosen_see_further_and_further():
    system, _ = judged("conv 4 3; relu; conv 4 3; relu; conv 4 3; relu; conv 4 3; relu; conv 4 3; relu; globalpool; dense classes")
    net = system.model.eval()
    fields = receptive_fields(net, (3, 20, 24))
    names = chosen(net, torch.zeros(1, 3, 20, 24, dtype=torch.uint8), fields, 3)
    assert names == ["relu1", "relu3", "relu5"] and [fields[name] for name in names] == [3, 7, 11]


def test_a_picture_is_coloured_where_it_is_hot():
    heat = torch.zeros(8, 8)
    heat[2, 5] = 1.0
    drawn = overlaid(torch.full((1, 8, 8), 200, dtype=torch.uint8), heat)
    assert drawn.shape == (3, SHOWN, SHOWN) and drawn.dtype == torch.uint8
    hot, cold = drawn[:, 14 * 2 + 7, 14 * 5 + 7].tolist(), drawn[:, 100, 5].tolist()
    assert hot[0] > hot[2] + 80 and cold[0] == cold[1] == cold[2]
    assert torch.equal(overlaid(torch.full((1, 8, 8), 200, dtype=torch.uint8), None), torch.full((3, SHOWN, SHOWN), 200, dtype=torch.uint8))
