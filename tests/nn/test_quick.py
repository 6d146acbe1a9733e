"""The quick net: its whitening whitens, its form, its memory of what it has seen, its state; it learns."""
import pytest
import torch
from torch.nn import functional as F

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Problem
from deepen.engine.export import export
from deepen.engine.fit import lend
from deepen.engine.place import Place
from deepen.engine.start import prepare, start
from deepen.nn import optim
from deepen.nn.design import network
from deepen.nn.nets.quick import BIAS_EPOCHS, EPS, _whitening
from deepen.systems.classify import Classify


def blurred(count, channels, side, seed=0):
    """Pictures in which neighbours are alike, as in photos: uint8 (count, channels, side, side)."""
    noise = torch.rand(count, channels, side + 2, side + 2, generator=torch.Generator().manual_seed(seed))
    smooth = F.avg_pool2d(noise, 3, 1) + 0.3 * noise.mean(1, keepdim=True)[:, :, 1:-1, 1:-1]
    return (255 * smooth / smooth.max()).to(torch.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_have_covariance_one(channels):
    x = blurred(400, channels, 12).float() / 4                              # far above eps in every direction
    x = x - x.mean((0, 2, 3), keepdim=True)
    kernels = _whitening(x)
    assert kernels.shape == (8 * channels, channels, 2, 2)
    half = len(kernels) // 2
    assert torch.equal(kernels[half:], -kernels[:half])                     # both signs
    y = F.conv2d(x, kernels[:half]).permute(0, 2, 3, 1).reshape(-1, half).double()
    second = y.T @ y / len(y)
    assert (second - torch.eye(half)).abs().max() < 1e-2
    raw = F.unfold(x, 2).permute(0, 2, 1).reshape(-1, half).double()
    assert (raw.T @ raw / len(raw) - torch.eye(half)).abs().max() > 0.1     # it was not so before


def test_a_direction_without_variance_is_not_blown_up():
    flat = torch.full((10, 3, 8, 8), 0.5)
    assert _whitening(flat).abs().max() <= EPS**-0.5 + 1e-3


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 28), (3, 32, 32), (3, 48, 40), (3, 64, 64), (1, 8, 8)])
def test_sizes(shape):
    net = network("quick width=0.25", Image(*shape), 7).eval()
    net.begin(Examples(torch.randint(0, 256, (20, *shape), dtype=torch.uint8)))
    answers = net(torch.randint(0, 256, (2, *shape), dtype=torch.uint8))
    assert answers.shape == (2, 7) and answers.isfinite().all()


def test_deeper_begins_with_shortcuts():
    net = network("quick width=0.25 depth=3", Image(3, 32, 32), 10)
    plain = network("quick width=0.25", Image(3, 32, 32), 10)
    more = sum(w.numel() for w in net.parameters()) - sum(w.numel() for w in plain.parameters())
    assert more == sum(9 * n * n + 2 * n for n in (16, 64, 64))


def test_too_small_is_said():
    with pytest.raises(Problem, match="at least 8 pixels"):
        network("quick", Image(3, 6, 6), 10)


def test_parameters_and_what_does_not_learn():
    net = network("quick", Image(3, 32, 32), 10)
    inside = sum(9 * a * b for a, b in [(24, 64), (64, 64), (64, 256), (256, 256), (256, 256), (256, 256)])
    norms = 2 * 2 * (64 + 256 + 256)                                        # a scale that stands still, and a bias
    assert sum(w.numel() for w in net.parameters()) == 24 * 3 * 4 + 24 + inside + norms + 256 * 10
    frozen = {name for name, w in net.named_parameters() if not w.requires_grad}
    assert frozen == {"whiten.weight", *(f"groups.{i}.norm{j}.weight" for i in range(3) for j in (1, 2))}
    assert sum(w.numel() for w in network("quick width=0.5", Image(3, 32, 32), 10).parameters()) < 2e6 / 3.9


def test_convolutions_begin_by_handing_on():
    net = network("quick width=0.25", Image(3, 32, 32), 10)
    x = torch.randn(1, net.groups[1].conv1.in_channels, 9, 9)
    assert torch.allclose(net.groups[1].conv1(x)[:, :x.shape[1]], x)


def test_the_bias_of_the_whitening_learns_for_three_epochs():
    train = Examples(blurred(8, 3, 16))
    net = network("quick width=0.125", Image(3, 16, 16), 2)
    net.begin(train)
    learned = []
    for _ in range(2 * BIAS_EPOCHS + 2):                                    # half an epoch each
        net.zero_grad(set_to_none=True)
        net(train.inputs[:4]).sum().backward()
        learned.append(net.whiten.bias.grad is not None)
        assert net.whiten.weight.grad is None
        net.eval()(train.inputs)                                            # answering does not count
        net.train()
    assert learned == [True] * 2 * BIAS_EPOCHS + [False] * 2


def test_state_goes_round():
    train = Examples(blurred(30, 3, 32))
    first, second = (network("quick width=0.25", Image(3, 32, 32), 10) for _ in range(2))
    first.begin(train)
    first(train.inputs[:8])
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(train.inputs), second.eval()(train.inputs))
    assert second.whiten.left == BIAS_EPOCHS * 30 - 8


def test_learns_resumes_and_exports(tmp_path):
    run = start("classify", {"data": "digits", "net": "quick width=0.25", "epochs": 4, "batch": 64}, out=tmp_path / "run")
    assert run.metrics["accuracy"] > 0.9
    made = export(run, tmp_path / "out")
    assert made["parity"] <= 1e-4 and made["compared"] > 0


def test_what_suits_it_where_nothing_else_was_asked():
    asked = prepare("digits", {"net": "quick"}).system
    assert (asked.smooth, asked.augment, asked.batch) == (0.2, "shift 1", 256)              # grey: no mirror image
    assert prepare("digits", {"net": "quick", "smooth": 0.0, "epochs": 3}).system.smooth == 0.0
    plain = prepare("digits").system
    assert (plain.net, plain.smooth, plain.augment, plain.epochs, plain.batch) == ("small", 0.1, "shift 1", None, 128)


@pytest.mark.parametrize(("side", "count", "names", "given", "net", "augment"), [
    (32, 10_000, ("cat", "dog"), {}, "quick width=0.5", "flip alternate; crop 2"),
    (32, 10_000, ("6", "9"), {}, "quick width=0.5", "shift 1"),                             # signs are not mirrored
    (32, 9_999, ("cat", "dog"), {}, None, None), (64, 10_000, ("cat", "dog"), {}, None, None),
    (32, 10_000, ("cat", "dog"), {"weights": "runs/1"}, None, None), (32, 10_000, ("cat", "dog"), {"net": "small"}, None, None),
    (64, 500, ("cat", "dog"), {"net": "quick width=2"}, "quick width=2", "flip alternate; crop 2"),
])
def test_when_it_is_chosen(side, count, names, given, net, augment):
    train = Examples(torch.zeros(count, 1), torch.zeros(count))
    chosen = Classify.suits(Data({"train": train}, Image(3, side, side), Label(names)), given)
    assert (chosen.get("net"), chosen.get("augment")) == (net, augment)
    if net and count >= 10_000:
        assert chosen["epochs"] == pytest.approx(14.5)                                      # 1450 / √10,000


def test_it_bears_a_rate_of_its_own():
    assert optim.usual_rate("muon", network("quick", Image(3, 32, 32), 10)) == 0.2
    assert optim.usual_rate("adam", network("quick", Image(3, 32, 32), 10)) == 0.003


def test_resumes_exactly_with_alternating_flips():
    """Six steps are three, a save, a load and three more: the bias, the flips and the order go on where they were."""
    def fresh():
        torch.manual_seed(5)
        plan = prepare("digits", {"net": "quick width=0.125", "augment": "flip alternate; crop 1", "epochs": 2, "batch": 300})
        lend(plan.system, plan.data, Place("cpu", "fp32"))
        plan.system.build(plan.data)
        return plan.system

    def learn(system, steps):
        torch.manual_seed(7)
        for _ in zip(range(steps), system.steps(), strict=False):
            torch.manual_seed(system.stream.consumed)
    straight, first, second = fresh(), fresh(), fresh()
    learn(straight, 6)
    learn(first, 3)
    state = first.state_dict()
    assert state["model"]["whiten._extra_state"] < BIAS_EPOCHS * len(first.data.splits["train"])
    second.load_state_dict(state)
    torch.manual_seed(second.stream.consumed)
    for _ in zip(range(3), second.steps(), strict=False):
        torch.manual_seed(second.stream.consumed)
    for (name, one), two in zip(straight.model.state_dict().items(), second.model.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
