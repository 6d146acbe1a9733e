"""A class for every pixel: the loss and the metrics count what is known, windows and padding keep places."""
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Mask
from deepen.core.things import VOID
from deepen.nn import metrics, pixels


def test_the_loss_counts_known_pixels_alone():
    z, y = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5), dtype=torch.uint8)
    y[0, :2] = VOID
    p = z.log_softmax(1)
    by_hand = [-p[b, int(y[b, i, j]), i, j] for b in range(2) for i in range(4) for j in range(5) if y[b, i, j] != VOID]
    assert torch.allclose(pixels.loss(z, y), torch.stack(by_hand).mean(), atol=1e-6)
    weight = torch.tensor([1.0, 2.0, 0.5])
    share = [weight[int(y[b, i, j])] for b in range(2) for i in range(4) for j in range(5) if y[b, i, j] != VOID]
    wanted = sum(w * one for w, one in zip(share, by_hand)) / sum(share)
    assert torch.allclose(pixels.loss(z, y, weight), wanted, atol=1e-6)
    assert torch.allclose(pixels.loss(z, y, weight), F.cross_entropy(z, y.long(), weight, ignore_index=VOID), atol=1e-6)
    nothing = pixels.loss(z.requires_grad_(), torch.full_like(y, VOID))
    nothing.backward()
    assert nothing == 0 and z.grad.abs().max() == 0
    assert pixels.loss(z.bfloat16(), y).dtype == torch.float32


def masked(*masks, classes=3):
    y = torch.tensor(masks, dtype=torch.uint8)
    return Data({"train": Examples(torch.zeros(len(y), 3, *y.shape[1:], dtype=torch.uint8), y)}, Image(3, *y.shape[1:]),
                Mask(tuple("abc")[:classes], *y.shape[1:]))


def test_class_weights_by_median_frequency():
    data = masked([[0, 0, 0, 0], [0, 0, 1, 1]], [[0, 0, 0, VOID], [0, 0, 0, 0]])
    frequency = torch.tensor([13 / 15, 2 / 8])                                  # 1 is in the first picture alone
    wanted = [*(frequency.mean() / frequency).tolist(), 1.0]                     # the median of two lies between; 2 is never shown
    assert pixels.class_weights(data, 3).tolist() == pytest.approx(wanted)
    assert pixels.class_weights(data, 3, 0.5).tolist() == pytest.approx([math.sqrt(one) for one in wanted])
    assert pixels.class_weights(data, 3, 0).tolist() == [1, 1, 1] == pixels.class_weights(data.bare(), 3).tolist()


def test_one_confusion_matrix_for_all_metrics():
    said = torch.tensor([[[0, 0, 1], [1, 1, 0]], [[0, 1, 1], [2, 2, 2]]])
    truth = torch.tensor([[[0, 0, 0], [1, 1, VOID]], [[0, 1, 1], [VOID, VOID, VOID]]])
    z = F.one_hot(said, 3).permute(0, 3, 1, 2).float() * 50
    found = pixels.judged(lambda x: z[x[:, 0, 0, 0].long()], [(torch.tensor([[[[0]]]]), truth[:1].to(torch.uint8)),
                                                              (torch.tensor([[[[1]]]]), truth[1:].to(torch.uint8))], 3)
    # of 4 zeros 3 are found, one is called 1; all 4 ones are found: IoU 3/4 and 4/5, over both pictures at once
    assert found["miou"] == pytest.approx((3 / 4 + 4 / 5) / 2) and found["pixel_accuracy"] == pytest.approx(7 / 8)
    assert found["class_accuracy"] == pytest.approx((3 / 4 + 1) / 2) and found["loss"] == pytest.approx(50 / 8)


def test_class_accuracy_leaves_out_what_is_not_there():
    counts = torch.tensor([[8, 2, 0], [0, 0, 0], [5, 0, 5]])
    assert metrics.class_accuracy(counts) == pytest.approx((0.8 + 0.5) / 2)


def test_windows_are_the_same_place_of_picture_and_mask():
    place = torch.arange(180 * 240).view(180, 240)
    x, y = place[None, None].repeat(2, 3, 1, 1), place[None].repeat(2, 1, 1)
    starts = set()
    for _ in range(30):
        small, mask = pixels.windows(x, y, 0.5)
        assert small.shape == (2, 3, 96, 128) and torch.equal(small[:, 0], mask)
        starts.add(int(mask[0, 0, 0]))
    assert len(starts) > 20
    assert pixels.windows(x, y, 0.1)[1].shape == (2, 64, 64)
    assert pixels.windows(x, y, 1.0)[0].shape == x.shape and pixels.windows(x[..., :20, :20], y[..., :20, :20], 0.5)[1].shape == (2, 20, 20)


def test_any_size_is_filled_up_and_cut_back():
    seen = []

    class Net(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x * 2
    net = pixels.AnySize(Net(), 3, 32)
    x = torch.randint(0, 256, (2, 3, 50, 64), dtype=torch.uint8)
    assert torch.allclose(net(x), x / 255 * 2) and seen[0].shape == (2, 3, 64, 64)
    assert torch.equal(seen[0][:, :, 50:], seen[0][:, :, 49:50].expand(-1, -1, 14, -1))         # the edge, repeated
    net.learn(Examples(x))
    assert net(x).mean().abs() < 1e-5 and net(x).std() == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("times", [2, 4, 8, 32])
def test_a_transposed_convolution_begins_as_bilinear_interpolation(times):
    x = torch.randn(2, 3, 6, 5)
    got = pixels.bilinear(3, 3, times)(x)
    wanted = F.interpolate(x, scale_factor=times, mode="bilinear", align_corners=False)
    edge = times // 2                                               # where interpolation repeats the border, the other has zeros
    assert got.shape == wanted.shape
    assert torch.allclose(got[..., edge:-edge, edge:-edge], wanted[..., edge:-edge, edge:-edge], atol=1e-5)
