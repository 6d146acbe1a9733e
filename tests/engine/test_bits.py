"""Number formats: measured without a trace, told in plan and report; packed networks as files."""
import json

import pytest
import torch

from deepen.core.words import Failure
from deepen.engine import bits, export
from deepen.engine.keep import Damaged
from deepen.engine.plan import plan
from deepen.engine.report import number
from deepen.engine.report_bits import bits_of
from deepen.engine.start import prepare, start
from deepen.engine.validate import with_data
from deepen.nn import binary

SIGNS = "binary dense 40; norm; sign; binary dense classes; norm"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return start("classify", {"data": "stripes", "net": SIGNS, "epochs": 3, "batch": 32}, out=tmp_path_factory.mktemp("bits") / "run")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return start("classify", {"data": "stripes", "net": "conv 8 3; norm; relu; globalpool; dense classes", "epochs": 1},
                 out=tmp_path_factory.mktemp("real") / "run")


def test_costs_are_measured_and_nothing_changes(run):
    system = with_data(run)
    before = {name: tensor.clone() for name, tensor in system.network().state_dict().items()}
    net, data, training = system.network(), system.data, system.network().training
    found, batch, count = bits.costs(system, system.data)
    assert [one.name for one in found] == ["fp32", "bf16", "fp16", "1 bit"]
    assert 1 <= batch <= count <= len(data.splits["valid"])
    full, half, stored, one = found
    weights = 64 * 40 + 40 * 2
    assert full.bytes - half.bytes == full.bytes - stored.bytes == 2 * weights
    assert one.bytes == binary.packed(net).bytes < full.bytes / 5
    assert full.same == one.same == 1 and one.score == full.score and all(format.milliseconds > 0 for format in found)
    assert system.network() is net and system.data is data and net.training is training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_binary_layers_learn_with_what_suits_them_unless_asked():
    system = prepare("classify", {"data": "stripes", "net": SIGNS}).system
    assert (system.optimizer, system.lr, system.batch) == ("adam", 0.02, 256) and system.epochs > 100
    asked = prepare("classify", {"data": "stripes", "net": "binary width=0.1", "lr": 0.5, "epochs": 2}).system
    assert (asked.optimizer, asked.lr, asked.epochs) == ("adam", 0.5, 2)


def test_stored_rounds_weights_only_while_it_lasts(real):
    system = with_data(real)
    net = system.network()
    weight, bias = net.conv1.weight.detach().clone(), net.conv1.bias.detach().clone()
    with bits.stored(system, "fp16"):
        assert torch.equal(net.conv1.weight, weight.half().float()) and not torch.equal(net.conv1.weight, weight)
        assert torch.equal(net.conv1.bias, bias) and not torch.is_autocast_enabled("cpu")
    with pytest.raises(ZeroDivisionError), bits.stored(system, "bf16"):
        assert torch.equal(net.conv1.weight, weight.bfloat16().float()) and torch.is_autocast_enabled("cpu")
        raise ZeroDivisionError
    assert torch.equal(net.conv1.weight, weight) and not torch.is_autocast_enabled("cpu")


def test_the_report_has_a_line_for_each_format(run, real):
    told = bits_of(with_data(run), number)
    assert all(f"<code>{name}</code>" in told for name in ("fp32", "bf16", "fp16", "1 bit")) and "100.00%" in told
    told = bits_of(with_data(real), number)
    assert "<code>bf16</code>" in told and "1 bit" not in told


def test_no_network_no_section(tmp_path):
    system = with_data(start("tabular", {"data": "iris", "learner": "tree"}, out=tmp_path / "run"))
    assert bits_of(system, number) == ""


def test_plan_tells_bytes_and_time():
    sketch = plan("classify", {"net": SIGNS, "batch": 8}, "1x8x8", "2", timed=True)
    by_name = {one.name: one for one in sketch.formats}
    assert set(by_name) == {"fp32", "bf16", "fp16", "1 bit"} and 1 <= sketch.timed <= 8
    assert by_name["fp32"].milliseconds > 0 and by_name["bf16"].milliseconds > 0 and by_name["fp16"].milliseconds is None
    assert by_name["fp32"].bytes - by_name["fp16"].bytes == 2 * (64 * 40 + 40 * 2)
    assert plan("classify", {"net": SIGNS}, "1x8x8", "2").formats == []


def test_export_writes_the_packed_network_and_it_answers_alone(run, tmp_path):
    made = export.export(run, tmp_path)
    assert made["files"][-1] == str(tmp_path / "model.bits") and made["bits"]["bytes"] == (tmp_path / "model.bits").stat().st_size
    net, system = bits.load(tmp_path / "model.bits"), with_data(run)
    x, _ = system.data.splits["valid"][:]
    assert made["bits"]["compared"] == len(x)
    assert torch.equal(net(x), system.network().eval()(x))
    json.dumps(made)


def test_a_packed_network_that_answers_differently_is_not_written(run, tmp_path, monkeypatch):
    honest = binary.packed
    def wrong(net):
        small = honest(net)
        small[1].least += 9
        return small
    monkeypatch.setattr(binary, "packed", wrong)
    system = with_data(run)
    with pytest.raises(Failure, match="other scores"):
        bits.save(system, system.data.splits["valid"][:][0], tmp_path / "model.bits", {})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_told(run, tmp_path):
    with pytest.raises(Damaged, match="missing"):
        bits.load(tmp_path / "model.bits")
    (tmp_path / "model.bits").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(Damaged, match="cannot be understood"):
        bits.load(tmp_path / "model.bits")


def test_networks_of_real_weights_have_no_packed_file(real, tmp_path):
    assert "bits" not in export.export(real, tmp_path) and not (tmp_path / "model.bits").exists()
