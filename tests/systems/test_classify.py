"""Classify: the textbook's own weights give the textbook's answers; weights can be begun from."""
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.engine.fit import Flags, fit
from deepen.engine.start import prepare, start
from deepen.nn import metrics, optim
from deepen.nn.design import network
from deepen.sources.weights import begin_from, read_weights
from deepen.systems.classify import Classify

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
BOOK = DATA / "deepconvnet-book" / "weights.npz"


@pytest.mark.skipif(not BOOK.is_file(), reason="the textbook's weights are not here (DEEPEN_DATA)")
def test_the_textbooks_weights_give_the_textbooks_logits(monkeypatch):
    monkeypatch.setenv("DEEPEN_DATA", str(DATA))
    book = np.load(BOOK, allow_pickle=False)
    net = network("deepconv", Image(1, 28, 28), 10).eval()
    names = [f"conv{i}" for i in range(1, 7)] + ["dense1", "dense2"]
    weights = {}
    for i, name in enumerate(names, 1):
        # the book halves at its two dropouts when it answers; here a dropout does nothing then: the halves go into the weights
        given = torch.from_numpy(book[f"W{i}"])                     # the book's dense weights are (in, out)
        weights[f"{name}.weight"] = (given.T if name.startswith("dense") else given) * (0.25 if name == "dense2" else 1)
        weights[f"{name}.bias"] = torch.from_numpy(book[f"b{i}"]).flatten() * (0.5 if name == "dense2" else 1)
    assert begin_from(net, {**net.state_dict(), **weights}) == []
    test = prepare("classify", {"data": "mnist", "data.valid": 0}).data.splits["test"]
    with torch.no_grad():
        logits = torch.cat([net(x) for x in test.inputs.split(1000)])
    assert (logits - torch.from_numpy(book["logits"])).abs().max() < 1e-4
    assert int((logits.argmax(1) == test.target).sum()) == 9935


def tiny(folder, **more):
    return start("classify", {"data": "stripes", "net": "conv 4 3; norm; relu; globalpool; dense classes", "epochs": 1, **more},
                 out=folder)


def test_begins_from_a_run_and_from_a_file(tmp_path):
    first = tiny(tmp_path / "first")
    file = tmp_path / "w.safetensors"
    safetensors.torch.save_file(read_weights(first.path), file)
    for weights in (first.path, file):
        plan = prepare("classify", {"data": "stripes", "net": "conv 4 3; norm; relu; globalpool; dense classes",
                                    "weights": str(weights)})
        plan.system.build(plan.data)
        assert torch.equal(plan.system.model.conv1.weight, first.system().model.conv1.weight)
    (tmp_path / "first").rename(tmp_path / "gone")          # a model that began from weights stands alone
    second = tiny(tmp_path / "second", weights=str(file))
    file.unlink()
    assert second.predict(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape == (2, 2)


def test_a_last_layer_for_other_classes_begins_fresh():
    ten, two = (network("conv 4 3; relu; globalpool; dense classes", Image(1, 8, 8), n) for n in (10, 2))
    before = two.dense1.weight.clone()
    assert begin_from(two, ten.state_dict()) == ["dense1.weight", "dense1.bias"]
    assert torch.equal(two.conv1.weight, ten.conv1.weight) and torch.equal(two.dense1.weight, before)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    net = network("conv 4 3; relu; globalpool; dense classes", Image(1, 8, 8), 2)
    with pytest.raises(Problem, match=r"conv1.weight is \(8, 1, 3, 3\).*\(4, 1, 3, 3\)"):
        begin_from(net, network("conv 8 3; relu; globalpool; dense classes", Image(1, 8, 8), 2).state_dict())
    with pytest.raises(Problem, match="have no"):
        begin_from(net, {})
    (tmp_path / "x.safetensors").write_bytes(b"\x80\x02no")
    with pytest.raises(Problem, match="cannot be read"):
        read_weights(tmp_path / "x.safetensors")
    with pytest.raises(Problem, match="no weights at"):
        read_weights(tmp_path / "y.pt")


def test_a_changed_model_file_is_refused(tmp_path):
    run = tiny(tmp_path / "run")
    file = run.path / "model" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Problem, match="SHA-256"):
        read_weights(run.path)


@pytest.mark.parametrize(("optimizer", "least"), [("muon", .7), ("adam", .7), ("momentum", .6), ("lbfgs", .6), ("rmsprop", .6)])
def test_learns_with_each_optimizer_at_its_usual_rate(optimizer, least, tmp_path):
    run = start("classify", {"data": "stripes", "optimizer": optimizer, "epochs": 8, "batch": 32,
                             "net": "conv 8 3; norm; relu; globalpool; dense classes"}, out=tmp_path / "run")
    assert run.metrics["accuracy"] >= least


def test_a_net_with_norms_bears_more_of_muon():
    normed = network("conv 4 3; norm; relu; dense classes", Image(1, 8, 8), 2)
    plain = network("conv 4 3; relu; dense classes", Image(1, 8, 8), 2)
    assert optim.usual_rate("muon", normed) > optim.usual_rate("muon", plain)
    assert optim.usual_rate("adam", normed) == optim.usual_rate("adam", plain)


def test_metrics_agree_with_a_count_by_hand(tmp_path):
    run = tiny(tmp_path / "run")
    valid = prepare("classify", {"data": "stripes"}).data.splits["valid"]
    p = run.predict(valid.inputs)
    right = sum(int(row.argmax()) == int(label) for row, label in zip(p, valid.target))
    assert run.metrics["accuracy"] == pytest.approx(right / len(valid), abs=1.5 / len(valid))       # bf16 judged, fp32 here
    assert float(metrics.accuracy(p, valid.target)) == pytest.approx(right / len(valid))
    assert optim.schedule("triangle", 1.0, 0.25) == 0


def test_a_resumed_run_needs_no_longer_what_it_began_from(tmp_path):
    recipe = dict(data="stripes", net="conv 4 3; norm; relu; globalpool; dense classes", epochs=1, batch=32)
    first = start("classify", recipe, out=tmp_path / "first")
    second = start("classify", recipe | {"weights": str(first.path), "epochs": 2}, out=tmp_path / "second")
    shutil.rmtree(first.path)
    seen = []

    def build(self, data):
        seen.append((self.resumed, self.begins(data)))
        return plain(self, data)
    plain, Classify.build = Classify.build, build
    try:
        with second.locked():
            before = second.newest()
        plan = prepare("classify", recipe | {"weights": str(first.path), "epochs": 2})
        with second.locked():
            past = fit(plan.system, plan.data, second, Flags(precision="fp32"), None, before)
        assert past.step == plan.system.planned
        assert seen == [(True, False)]
        with pytest.raises(Problem, match="no weights at"):
            start("classify", recipe | {"weights": str(first.path)}, out=tmp_path / "third")
    finally:
        Classify.build = plain
