"""The deep network for tables: it learns what its parts promise, and says what trees do beside it."""
import os
from pathlib import Path

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Row
from deepen.core.words import Problem
from deepen.engine import find
from deepen.engine.export import export
from deepen.engine.fit import Flags, judge, lend
from deepen.engine.place import Place
from deepen.nn import metrics
from deepen.sources import samples
from deepen.systems.mlp import Mlp

SHARED = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
NAN = float("nan")


def built(data, seed=0, **recipe):
    system = Mlp(**recipe)
    torch.manual_seed(seed)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def learned(data, seed=0, **recipe):
    system = built(data, seed, **recipe)
    for step, _ in enumerate(system.steps(), 1):
        system.progress = step / system.planned
    return system


def mixed(count=1200, seed=0, number=False):
    """A category in no order, a number with a step in it, gaps in both."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.stack([torch.randint(0, 4, (count,), generator=draw).float(), torch.rand(count, generator=draw) * 1e5,
                     torch.randn(count, generator=draw)], 1)
    y = ((x[:, 0] == 1) | (x[:, 0] == 3)) ^ (x[:, 1] > 37_000)
    x[torch.rand(count, 3, generator=draw) < 0.03] = NAN
    target, kind = (y.float() * 1000 + 5000 + torch.rand(count, generator=draw), Number("pay")) if number else (y.long(), Label(("no", "yes")))
    cut = count * 2 // 3, count * 5 // 6
    return Data({name: Examples(x[a:b], target[a:b]) for name, a, b in
                 (("train", 0, cut[0]), ("valid", *cut), ("test", cut[1], count))},
                Row(("sort", "pay", "noise"), (("a", "b", "c", "d"), None, None)), kind)


@pytest.mark.parametrize("numbers", ["periodic", "pieces"])
def test_classes_with_words_and_gaps(numbers):
    found = judge(learned(mixed(), numbers=numbers, width=32, members=4, epochs=25), "test")
    assert found["accuracy"] > 0.88, found
    assert found["baseline"] > 0.88


def test_numbers_in_their_own_unit():
    system = learned(mixed(number=True), width=32, members=4, epochs=25)
    found = judge(system, "test")
    assert system.score == "rmse" and found["rmse"] < 250 and found["r2"] > 0.75
    assert 4500 < float(system.predict(system.data.splits["test"].inputs).detach().mean()) < 6500


def test_the_optimizers_both_learn():
    found = judge(learned(samples.cancer(), optimizer="adamw", epochs=20, members=4, width=32), "test")
    assert found["accuracy"] > 0.93


def test_each_member_learns_alone():
    """The loss is the mean of the members' own losses, not the loss of their mean."""
    data = samples.wine()
    x, y = data.splits["train"][:]
    for system in (built(data), built(samples.diabetes())):
        if system.classes is None:
            x, y = system.data.splits["train"][:]
        net = system.model.eval()
        z = net(x)
        own = [torch.nn.functional.cross_entropy(z[:, i], y) if system.classes else
               (z[:, i, 0] - (y - net.centre) / net.spread).square().mean() for i in range(8)]
        assert torch.allclose(system.loss(x, y), torch.stack(own).mean(), atol=1e-5)


def test_balanced_weighs_the_rare():
    data = mixed(600)
    rare = torch.cat([(data.splits["train"].target == 0).nonzero()[:, 0], (data.splits["train"].target == 1).nonzero()[:20, 0]])
    data = Data({**data.splits, "train": data.splits["train"].part(rare)}, data.inputs, data.target)
    system = built(data, balance="balanced")
    counts = data.splits["train"].target.bincount()
    assert torch.allclose(system.weight * counts, torch.full((2,), len(rare) / 2))
    found = [learned(data, balance=how, members=2, width=16, epochs=10).predict(data.splits["test"].inputs)[:, 1].mean()
             for how in ("none", "balanced")]
    assert found[1] > found[0] + 0.05
    with pytest.raises(Problem, match="balance weighs classes"):
        built(mixed(number=True), balance="balanced")


def test_the_temperature_is_the_validation_rows_best():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(900, 5, generator=draw)
    y = (x[:, 0] + 2 * torch.randn(900, generator=draw) > 0).long()                # noise that can be learned by heart
    parts = {"train": Examples(x[:300], y[:300]), "valid": Examples(x[300:600], y[300:600]), "test": Examples(x[600:], y[600:])}
    data = Data(parts, Row(tuple("abcde"), (None,) * 5), Label(("no", "yes")))
    system = learned(data, epochs=30, dropout=0.0, members=2)
    t = float(system.model.temperature)
    assert t > 1.5
    mended = judge(system, "test")
    system.model.temperature.fill_(1.0)
    plain = judge(system, "test")
    assert mended["loss"] < plain["loss"] - 0.1 and mended["ece"] < plain["ece"] and mended["accuracy"] == plain["accuracy"]
    assert float(learned(data, epochs=1, calibrate=False).model.temperature) == 1
    few = Data({**parts, "valid": Examples(x[300:400], y[300:400])}, data.inputs, data.target)
    assert float(learned(few, epochs=1).model.temperature) == 1                     # a hundred rows are not enough


def test_beside_are_classical_learners_on_the_same_rows():
    data = samples.wine()
    system = built(data)
    valid, test = system.beside("valid"), system.beside("test")
    assert set(valid) == {"boosting", "forest", "logistic"} and list(valid) == list(test)
    first = next(iter(valid))
    assert max(float(one["accuracy"]) for one in valid.values()) == float(valid[first]["accuracy"])
    assert judge(system)["baseline"] == float(valid[first]["accuracy"])
    assert judge(system, "test")["baseline"] == float(test[first]["accuracy"])
    assert judge(built(data, 7), "test")["baseline"] == judge(system, "test")["baseline"]     # no matter the network's seed
    assert "baseline" not in judge(built(Data({"test": data.splits["test"]}, data.inputs, data.target)), "test")


def test_without_validation_rows_it_still_learns():
    data = samples.iris(valid=0)
    system = learned(data, epochs=30)
    assert judge(system, "test")["accuracy"] > 0.85 and "baseline" not in judge(system, "test")


def test_its_scales_come_from_training_rows_alone():
    data = mixed()
    other = Data({**data.splits, "valid": Examples(data.splits["valid"].inputs * 1000, data.splits["valid"].target)}, data.inputs, data.target)
    a, b = (dict(built(one).model.named_buffers()) for one in (data, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_unseen_categories_and_gaps_everywhere_are_answered():
    system = learned(mixed(), epochs=1, members=2, width=16)
    p = system.predict(torch.tensor([[NAN, NAN, NAN], [99.0, 1e12, -1e12], [3.0, 0.0, 0.0]]))
    assert p.isfinite().all() and torch.allclose(p.sum(1), torch.ones(3))


@pytest.mark.parametrize("number", [False, True])
def test_exported_with_gaps_it_answers_the_same(number, tmp_path):
    """Scales, gaps, categories, members, temperature and the target's unit are inside the file."""
    import onnxruntime
    file = tmp_path / "mixed.csv"
    data = mixed(900, number=number)
    lines = [f"{'' if row[0].isnan() else 'abcd'[int(row[0])]},{'' if row[1].isnan() else row[1].item()},{'' if row[2].isnan() else row[2].item()}"
             f",{y.item() * 100 if number else 'ny'[int(y)]}"
             for name in ("train", "valid", "test") for row, y in zip(*data.splits[name][:])]
    file.write_text("sort,pay,noise,target\n" + "\n".join(lines) + "\n")
    from deepen.engine.start import start
    run = start("mlp", {"data": str(file), "epochs": 3, "members": 2, "width": 16}, Flags(), tmp_path / "run")
    done = export(run, tmp_path / "out")
    assert done["parity"] < 1e-4
    x = torch.tensor([[NAN, NAN, NAN], [99.0, 1e6, 0.0], [2.0, 5e4, NAN]])
    session = onnxruntime.InferenceSession(done["files"][0], providers=["CPUExecutionProvider"])
    told = torch.from_numpy(session.run(None, {"inputs": x.numpy()})[0])
    ours = run.predict(x)
    assert torch.allclose(told, ours, rtol=1e-4, atol=1e-4), (told, ours)
    if number:
        assert ours.mean() > 100_000


def test_its_plan_counts_every_member():
    from deepen.engine.plan import plan
    sketch, one = plan("mlp", {"data": "wine"}), plan("mlp", {"data": "wine", "members": 1, "batch": 64})
    assert (sketch.batch, one.batch) == (32, 64)
    assert sketch.parameters == sum(p.numel() for p in built(samples.wine()).model.parameters())
    assert one.parameters < sketch.parameters < 1.5 * one.parameters                # most weights are shared


def test_learners_find_tabular_first():
    for source in ("iris", "wine", "diabetes"):
        assert find.system_for(getattr(samples, source)(), source) == "tabular"


@pytest.mark.slow
def test_census():
    from deepen.sources.table import table
    folder = SHARED / "tabular" / "adult"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    data = table(folder / "adult-train.csv", test=folder / "adult-test.csv")
    assert metrics.BETTER["accuracy"] == 1 and judge(learned(data, epochs=8), "test")["accuracy"] > 0.865
