import time
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from deepen.core.kinds import Image, Number, Vector
from deepen.core.words import Problem, korean, speak
from deepen.nn.design import Design, network
from deepen.nn.design_words import WORDS

GREY, COLOUR = Image(1, 28, 28), Image(3, 32, 32)


@dataclass(frozen=True)
class Words:
    """A stand-in for a kind of text: `shape` steps of word numbers."""
    shape: tuple = (12,)
    vocabulary: tuple = tuple("abcdefg")


@dataclass(frozen=True)
class Sequence:
    shape: tuple = (12, 5)


def inputs(kind, count=4):
    if isinstance(kind, Words):
        return torch.randint(len(kind.vocabulary), (count, *kind.shape))
    if isinstance(kind, Image):
        return torch.randint(256, (count, *kind.shape), dtype=torch.uint8)
    return torch.randn(count, *kind.shape)


TEXTBOOK = """
conv 16 3; relu; conv 16 3; relu; pool 2
conv 32 3; relu; conv 32 3 pad=2; relu; pool 2
conv 64 3; relu; conv 64 3; relu; pool 2
dense 50; relu; dropout 0.5; dense 10; dropout 0.5
"""


def test_the_textbooks_network():
    table = Design(TEXTBOOK).table(GREY, 10)
    assert table.totals.parameters == 123_552
    # by hand: filters x window x channels in x positions, then the dense layers
    assert table.totals.macs == (16 * 9 * 1 * 784 + 16 * 9 * 16 * 784 + 32 * 9 * 16 * 196 + 32 * 9 * 32 * 256
                                 + 64 * 9 * 32 * 64 + 64 * 9 * 64 * 64 + 1024 * 50 + 50 * 10)
    conv4 = next(row for row in table if "pad=2" in row.text)
    assert conv4.shape == (32, 16, 16) and conv4.name == "conv4" and conv4.line == 8
    assert table[-1].shape == (10,)
    assert sum(p.numel() for p in Design(TEXTBOOK).build(GREY, 10).parameters()) == 123_552


def test_receptive_field_grows_as_the_textbook_says():
    fields = [row.field for row in Design("conv 4 3; conv 4 3; pool 2; conv 4 3 stride=2; conv 4 3; dense 2").table(COLOUR)]
    assert fields == [3, 5, 6, 10, 18, 32]
    assert Design("conv 4 7; conv 4 7; conv 4 7").table(Image(1, 9, 9))[-1].field == 9       # never beyond the picture


@pytest.mark.parametrize("text, size", [
    ("conv 8 3", 3), ("conv 8 3 stride=2", 3), ("conv 8 5 pad=1", 5), ("conv 8 4 stride=2", 4), ("conv 8 1 stride=3", 1),
    ("conv 8 11 stride=4", 11), ("residual 8 stride=2", 7), ("residual 8", 5), ("inception 2 2 2 2 2 2", 5),
    ("conv 4 3 stride=2; meanpool 3 stride=2; conv 4 3", 15), ("conv 4 3; globalpool; dense 3", 33),
])
def test_receptive_field_is_where_the_gradient_is(text, size):
    kind = Image(2, 33, 33)
    net = Design(text).build(kind, init=None).eval()
    row = Design(text).table(kind)[-1]
    x = torch.rand(1, *kind.shape, requires_grad=True)
    for p in net.parameters():
        p.data = p.abs() + 0.1                              # nothing cancels
    y = net(x)
    (y[0, :, y.shape[2] // 2, y.shape[3] // 2] if y.ndim == 4 else y[0]).sum().backward()
    touched = x.grad.abs().sum((0, 1)) > 0
    side = int(touched.any(0).nonzero().max() - touched.any(0).nonzero().min() + 1)
    assert side == row.field == size


DESIGNS = [
    (TEXTBOOK, GREY, 10),
    ("conv 6 5; tanh; meanpool 2; conv 16 5 pad=0; sigmoid; pool 3 stride=2 pad=1; flatten; dense 20; dense", GREY, 7),
    ("conv 8 3 stride=2 groups=1 bias=no; norm; leakyrelu 0.1; residual 8; residual 16 stride=2; globalpool; dense classes",
     COLOUR, 10),
    ("conv 32 1; inception 8 4 12 2 6 5; layernorm; gelu; globalmaxmean; dropconnect 0.5; dense 20; relu; dense", COLOUR, 3),
    ("conv 12 4 stride=2 pad=1; conv 12 3 groups=4; conv 12 6 stride=3; linear; softmax", COLOUR, None),
    ("dense 20; norm; relu; dropout 0.2; dense 10; layernorm; sigmoid; dense 2; softmax", Vector(5), 2),
    ("binary conv 8 3; norm; sign; pool 2; binary conv 8 5 pad=1 stride=2; norm; sign; binary dense 16; norm; sign; "
     "binary dense 4; norm", GREY, 4),
    ("embed 6; lstm 8; gru 9; rnn 5; layernorm; dropout 0.1; last; dense", Words(), 4),
    ("embed 6 words=50; globalmaxmean; dense 3", Words((9,), ("a", "b")), 3),
    ("lstm 4; dense 7", Sequence(), 7),
    ("dropconnect 0.3 masks=2; dense 11 bias=no; globalpool", Sequence(), None),
    ("residual 8 stride=2", Image(3, 7, 9), None),
]


@pytest.mark.parametrize("text, kind, classes", DESIGNS)
def test_the_table_is_the_network(text, kind, classes):
    design = Design(text)
    table = design.table(kind, classes)
    net = design.build(kind, classes, fast=False)
    assert table.totals.parameters == sum(p.numel() for p in net.parameters())
    modules = dict(net.named_children())
    seen = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda _, __, out, name=name: seen.update({name: tuple(out.shape)}))
    macs = count_macs(net, lambda: net(inputs(kind)))
    for row in table:
        assert seen[row.name] == (4, *row.shape), row
        assert row.parameters == sum(p.numel() for p in modules[row.name].parameters()), row
        assert all(type(value) is int for value in (row.line, row.parameters, row.macs, row.field))
    assert table.totals.macs * 4 == macs
    assert [row.text for row in table] == list(design.lines)


def count_macs(net, run):
    """An independent count: every product that torch's convolutions, dense and recurrent layers make in one run."""
    count = 0

    def hook(module, inputs, output):
        nonlocal count
        if isinstance(module, nn.Conv2d):
            count += output.numel() * module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
        elif isinstance(module, nn.Linear):
            count += output.numel() * module.in_features
        elif isinstance(module, nn.RNNBase):
            gates = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1}[module.mode]
            count += output[0].numel() * gates * (module.input_size + module.hidden_size)
    handles = [module.register_forward_hook(hook) for module in net.modules()]
    run()
    for handle in handles:
        handle.remove()
    return count


def test_every_word_is_in_a_tested_design():
    used = " ; ".join(text for text, _, _ in DESIGNS)
    assert [word for word in WORDS if f"{word} " not in used.replace(";", " ;") + " "] == []


@pytest.mark.parametrize("text, reason", [
    ("conv 4; conw 16 3; dense", "line 2 (conw 16 3): there is no word conw; did you mean conv?"),
    ("conv 4 3 strid=2", "line 1 (conv 4 3 strid=2): conv has no option strid; did you mean stride?"),
    ("conv", "line 1 (conv): conv wants a number for channels"),
    ("conv 0; dense", "line 1 (conv 0): 0 is outside 1 to 1000000"),
    ("dense 1000001", "line 1 (dense 1000001): 1000001 is outside"),
    ("pool 2; pool 2; pool 2; pool 2; pool 2; dense",
     "line 5 (pool 2): a window of 2 does not fit into 1×1, so nothing is left of the picture"),
    ("conv 8 29 pad=0; dense", "line 1 (conv 8 29 pad=0): a window of 29 does not fit into 28×28"),
    ("dense 1000000; dense 1000000; dense", "line 2 (dense 1000000): the network has 1000786000000 weights"),
    ("conv 1000000; conv 1000000 3 stride=5; dense", "line 2 (conv 1000000 3 stride=5): the network has"),
    ("conv 1000000; conv 1000000 9 pad=30", "values an example, at most 1000000000 are built"),
    ("pool 2 pad=2", "line 1 (pool 2 pad=2): a pad of 2 is more than half the window of 2"),
    ("conv 3 3 groups=3", "3 groups do not divide both 1 channel in and 3 out"),
    ("conv 3 4", "an even window of 4 has no middle"),
    ("lstm 8", "it wants a sequence (steps, values), but here the shape is (1, 28, 28)"),
    ("dense 8; conv 3", "line 2 (conv 3): it wants a picture (channels, height, width), but here the shape is (8,)"),
    ("embed 8", "embed wants the numbers of words (steps,), but here the shape is (1, 28, 28)"),
    ("dropconnect 0.5; relu; dense", "line 2 (relu): the line above is dropconnect, so this one must be dense"),
    ("dense; dropconnect", "line 2 (dropconnect): after dropconnect there must be a dense layer"),
    ("dropout 1.5", "1.5 is outside 0 to 1"),
    ("dense 11", "line 1 (dense 11): the design ends with 11 numbers, but there are 10 classes; end it with: dense classes"),
    ("  # nothing", "the design has no lines"),
])
def test_wrong_designs_say_where_and_why(text, reason):
    for ask in (Design(text).table, Design(text).build):
        start = time.perf_counter()
        with pytest.raises(Problem) as caught:
            ask(GREY, 10)
        assert reason in str(caught.value)
        assert time.perf_counter() - start < 1              # refused before anything is allocated


def test_the_reason_inside_a_problem_speaks_korean_too(monkeypatch):
    monkeypatch.setitem(korean(), "line {line} ({text}): {reason}", "{line}번째 줄({text}): {reason}")
    monkeypatch.setitem(korean(), "{word} wants a number for {name}", "{word}에는 {name} 값이 필요합니다")
    with pytest.raises(Problem) as caught:
        Design("conv").table(GREY)
    speak("ko")
    try:
        assert str(caught.value) == "1번째 줄(conv): conv에는 channels 값이 필요합니다"
    finally:
        speak("en")


def test_what_the_data_does_not_say():
    with pytest.raises(Problem, match="this data has no classes"):
        Design("dense classes").table(GREY)
    with pytest.raises(Problem, match="this data has no classes"):
        Design("dense").table(GREY)
    with pytest.raises(Problem, match="how many words there are; write: embed 8 words=10000"):
        Design("embed 8").table(Vector(3))
    with pytest.raises(Problem, match="norm wants a picture or a row"):
        Design("lstm 8; norm").table(Sequence())
    with pytest.raises(Problem, match="cannot begin with Number"):
        Design("dense 3").table(Number())


def test_classes_is_a_number():
    assert Design("conv classes 1; globalpool").table(COLOUR, 5)[0].shape == (5, 32, 32)
    assert Design("dense classes").table(Vector(3), 5)[0].text == "dense classes"


def test_names_of_the_state_are_stable():
    design = Design("conv 4 3; norm; relu; pool 2; binary conv 4 3; dense 5; relu; dense")
    net = design.build(GREY, 3)
    names = ["scale.mean", "scale.std", "conv1.weight", "conv1.bias", "norm1.weight", "norm1.bias", "norm1.running_mean",
             "norm1.running_var", "norm1.num_batches_tracked", "binary_conv1.weight", "dense1.weight", "dense1.bias",
             "dense2.weight", "dense2.bias"]
    assert list(net.state_dict()) == names
    plain = design.build(GREY, 3, fast=False)
    plain.load_state_dict(net.state_dict())                 # fast or not: one state
    x = inputs(GREY)
    assert torch.equal(net.eval()(x), plain.eval()(x))
    dropped = Design("dropconnect; dense 5; dense").build(Vector(2), 3)
    assert list(dropped.state_dict())[2:] == ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]


def test_pictures_stay_bytes_and_are_scaled_first():
    net = Design("linear").build(GREY)
    x = inputs(GREY)
    assert torch.allclose(net(x), x.float() / 255) and net(x).max() <= 1
    assert torch.equal(Design("linear").build(Vector(3))(torch.tensor([[1.0, 2.0, 300.0]])), torch.tensor([[1.0, 2.0, 300.0]]))


def test_small_known_answers():
    x = torch.tensor([[[[1.0, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]]]])
    assert torch.equal(Design("pool 2").build(Image(1, 4, 4))(x), torch.tensor([[[[4.0, 8], [12, 16]]]]))
    assert torch.equal(Design("meanpool 2").build(Image(1, 4, 4))(x), torch.tensor([[[[2.5, 6.5], [10.5, 14.5]]]]))
    net = Design("conv 1 3 pad=0 bias=no").build(Image(1, 3, 3))
    net.conv1.weight.data = torch.tensor([[[[-1.0, 0, 1]] * 3]])             # an edge from dark to bright
    right = torch.tensor([[[[0.0, 0, 1]] * 3]])
    assert net(right).item() == 3 and net(right.flip(3)).item() == -3
    p = Design("dense; softmax").build(GREY, 10)(inputs(GREY))
    assert torch.allclose(p.sum(1), torch.ones(4)) and (p >= 0).all()
    assert torch.allclose(Design("softmax").build(COLOUR)(inputs(COLOUR)).sum(1), torch.ones(4, 32, 32))
    assert Design("globalmaxmean").build(Image(1, 4, 4))(x).tolist() == [[16, 8.5]]


def test_a_design_learns():
    torch.manual_seed(0)
    net = Design("conv 8 3; norm; relu; pool 2; dense classes").build(Image(1, 8, 8), 2)
    x = torch.randint(0, 128, (64, 1, 8, 8), dtype=torch.uint8)
    y = torch.arange(64) % 2
    x[y == 1, :, :, 4:] += 100
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(20):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (net.eval()(x).argmax(1) == y).float().mean() > 0.95


def test_a_design_is_a_value():
    assert Design("conv 3;relu") == Design(["conv 3", "relu"]) == Design(str(Design("conv 3\nrelu")))
    assert len({Design("relu"), Design("relu # same")}) == 1


def test_the_table_of_a_large_network_is_quick_and_small():
    text = "conv 64 7 stride=2; norm; relu; pool 3 stride=2 pad=1;" + "residual 64;" * 2 + "".join(
        f"residual {c} stride=2; residual {c};" for c in (128, 256, 512)) + "globalpool; dense 1000"
    design = Design(text)
    table = design.table(Image(3, 224, 224), 1000)
    assert table.totals.parameters == 11_689_512 + 64             # ResNet-18 as published, and the bias of the first layer
    assert abs(table.totals.macs / 1.814e9 - 1) < 0.001
    start = time.process_time()
    design.table(Image(3, 224, 224), 1000)
    assert time.process_time() - start < 0.2                      # about 0.01 s; loose, for busy machines


def test_network_by_name_by_lines_by_design():
    assert sum(p.numel() for p in network("deepconv", GREY, 10).parameters()) == 123_552
    assert network("dense classes", GREY, 3)(inputs(GREY)).shape == (4, 3)
    assert network("relu", Vector(2))(torch.tensor([[-1.0, 1.0]])).tolist() == [[0, 1]]
    assert network(Design("dense 4"), GREY)(inputs(GREY)).shape == (4, 4)
    assert network("dense classes", Vector(3), 2, init="zero")(torch.ones(1, 3)).tolist() == [[0, 0]]
    with pytest.raises(Problem, match=r"there is no net deepcon; did you mean deepconv\?"):
        network("deepcon", GREY, 10)
    with pytest.raises(Problem, match=r"the net deepconv has no option widht; did you mean width\?"):
        network("deepconv", GREY, 10, widht=2)
    with pytest.raises(Problem, match="only a net by name has options"):
        network("dense 3", GREY, 3, width=2)
    with pytest.raises(Problem, match="there is no initialisation hee; choose one of he, xavier, normal, zero"):
        network("dense 3", GREY, 3, init="hee")
