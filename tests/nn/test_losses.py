import pytest
import torch
from torch import nn

from deepen.nn import losses


def test_cross_entropy_by_hand():
    z = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    y = torch.tensor([1, 0])
    log_p = z.log_softmax(1)
    assert torch.allclose(losses.cross_entropy(z, y), -(log_p[0, 1] + log_p[1, 0]) / 2)
    truth = torch.full((2, 3), 0.3 / 3)
    truth[0, 1] += 0.7
    truth[1, 0] += 0.7
    assert torch.allclose(losses.cross_entropy(z, y, 0.3), -(truth * log_p).sum(1).mean())
    assert torch.allclose(losses.cross_entropy(z, truth), -(truth * log_p).sum(1).mean())


def test_shares_that_are_sure_are_classes():
    z, y = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    for smooth in (0.0, 0.2):
        assert torch.allclose(losses.cross_entropy(z, nn.functional.one_hot(y, 4), smooth), losses.cross_entropy(z, y, smooth))


def test_auxiliary_heads_count_once():
    net, y = nn.Linear(3, 4), torch.tensor([0, 3, 1])
    assert losses.auxiliary(net, y) == 0
    first, second = torch.randn(2, 3, 4)
    net.auxiliary = [(0.3, first), (0.5, second)]
    wanted = 0.3 * losses.cross_entropy(first, y, 0.1) + 0.5 * losses.cross_entropy(second, y, 0.1)
    assert torch.allclose(losses.auxiliary(net, y, 0.1), wanted)
    assert losses.auxiliary(net, y, 0.1) == 0


def test_losses_of_half_precision_are_float32():
    z, y = torch.randn(5, 4).bfloat16(), torch.tensor([0, 3, 1, 1, 2])
    assert losses.cross_entropy(z, y).dtype == losses.mse(z, z).dtype == losses.bce(z, 1.0).dtype == torch.float32


def test_numbers_by_hand():
    guess, truth = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([1, 0, 2])
    assert losses.mse(guess, truth).item() == pytest.approx((0 + 4 + 16) / 3)
    assert losses.mae(guess, truth).item() == pytest.approx((0 + 2 + 4) / 3)
    assert losses.huber(guess, truth).item() == pytest.approx((0 + 1.5 + 3.5) / 3)
    assert losses.huber(guess, truth, 3.0).item() == pytest.approx((0 + 2 + 3 * (4 - 1.5)) / 3)


def test_bce_by_hand():
    z = torch.tensor([0.3, -2.0])
    p = z.sigmoid()
    assert torch.allclose(losses.bce(z, 1.0), -p.log().mean())
    assert torch.allclose(losses.bce(z, 0.0), -(1 - p).log().mean())
    assert torch.allclose(losses.bce(z, torch.tensor([0, 1])), -((1 - p[0]).log() + p[1].log()) / 2)


@pytest.mark.parametrize("loss", [losses.mse, losses.mae, losses.huber, losses.bce])
def test_shapes_that_would_compare_every_pair_are_refused(loss):
    with pytest.raises(ValueError, match="alike"):
        loss(torch.zeros(4, 1), torch.zeros(4))


def test_penalty_is_of_weights_alone_and_has_their_slope():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -2.0], [0.5, 0.0]]))
        net[0].bias.fill_(100)
    total = losses.penalty(net, l1=0.1, l2=0.2)
    assert total.item() == pytest.approx(0.1 * 3.5 + 0.1 * 5.25)
    total.backward()
    assert torch.allclose(net[0].weight.grad, 0.1 * net[0].weight.sign() + 0.2 * net[0].weight)
    assert net[0].bias.grad is None
    with pytest.raises(ValueError, match="weights"):
        losses.penalty(nn.ReLU())
