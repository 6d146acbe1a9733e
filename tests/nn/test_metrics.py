import math

import numpy as np
import pytest
import sklearn.metrics as theirs
import torch

from deepen.nn import metrics


def answers(n=400, classes=6, seed=0):
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (n,), generator=draw)
    z = torch.randn(n, classes, generator=draw) + 1.5 * torch.nn.functional.one_hot(y, classes)
    return z.softmax(1), y


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_against_scikit_learn(classes):
    p, y = answers(classes=classes)
    exact = p.double().numpy() / p.double().numpy().sum(1, keepdims=True)
    said, everyone = p.argmax(1).numpy(), list(range(classes))
    assert metrics.accuracy(p, y).item() == pytest.approx(theirs.accuracy_score(y, said))
    assert metrics.f1(p, y).item() == pytest.approx(theirs.f1_score(y, said, average="macro"))
    assert metrics.nll(p, y).item() == pytest.approx(theirs.log_loss(y, exact, labels=everyone), rel=1e-5)
    expected = theirs.roc_auc_score(y, exact[:, 1]) if classes == 2 else theirs.roc_auc_score(y, exact, multi_class="ovr")
    assert metrics.auc(p, y).item() == pytest.approx(expected)
    counts = metrics.confusion(y, p.argmax(1), classes)
    assert np.array_equal(counts.numpy(), theirs.confusion_matrix(y, said))
    assert metrics.miou(counts).item() == pytest.approx(theirs.jaccard_score(y, said, average="macro"))
    assert metrics.pixel_accuracy(counts).item() == pytest.approx(theirs.accuracy_score(y, said))
    if classes > 5:
        assert metrics.top5(p, y).item() == pytest.approx(theirs.top_k_accuracy_score(y, exact, k=5, labels=everyone))


def test_classes_that_are_absent():
    p, y = answers(classes=8)
    p, y = p[y < 5], y[y < 5]
    p[:, 7] = 0
    assert metrics.f1(p, y).item() == pytest.approx(theirs.f1_score(y, p.argmax(1), average="macro"))
    assert metrics.miou(metrics.confusion(y, p.argmax(1), 8)).item() == pytest.approx(
        theirs.jaccard_score(y, p.argmax(1), average="macro", labels=sorted(set(y.tolist()) | set(p.argmax(1).tolist()))))
    ours = [theirs.roc_auc_score(y == k, p[:, k]) for k in range(5)]
    assert metrics.auc(p, y).item() == pytest.approx(np.mean(ours))
    assert math.isnan(metrics.auc(p[:, :2], torch.zeros(len(p), dtype=torch.long)).item())


def test_auc_counts_ties_half():
    p1 = torch.tensor([0.5, 0.5, 0.5, 0.9])
    assert metrics.auc(torch.stack([1 - p1, p1], 1), torch.tensor([0, 1, 0, 1])).item() == pytest.approx(0.75)
    assert metrics.auc(torch.full((6, 2), 0.5), torch.tensor([0, 1, 0, 1, 1, 1])).item() == 0.5


def test_top5_and_loss_by_hand():
    p = torch.eye(7)[:2] * 0.4 + 0.1 * torch.arange(7) / 7
    assert metrics.top5(p, torch.tensor([1, 1])).item() == 0.5
    assert metrics.top5(torch.eye(3), torch.tensor([0, 1, 1])).item() == 1
    assert metrics.nll(torch.tensor([[1.0, 0.0]]), torch.tensor([1])).item() == pytest.approx(-math.log(1e-12))


def test_ece_by_hand():
    # three at 0.8 of which two are right, one at 0.55 and wrong: 0.75·|0.8 − 2/3| + 0.25·0.55
    p = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.45, 0.55]])
    assert metrics.ece(p, torch.tensor([0, 0, 1, 0])).item() == pytest.approx(0.75 * (0.8 - 2 / 3) + 0.25 * 0.55, abs=1e-6)
    sure = torch.eye(4)
    assert metrics.ece(sure, torch.arange(4)).item() == 0
    assert metrics.ece(sure, torch.tensor([1, 2, 3, 0])).item() == 1


def test_ece_against_a_loop():
    p, y = answers(2000)
    right = (p.max(1).values * 20).long() % 2 == 0                  # too sure here, not sure enough there
    y = torch.where(right, p.argmax(1), (p.argmax(1) + 1) % 6)
    sure, said, total = p.max(1).values.double().numpy(), p.argmax(1).numpy(), 0.0
    for k in range(15):
        inside = (sure > k / 15) & (sure <= (k + 1) / 15)
        if inside.any():
            total += inside.mean() * abs((said == y.numpy())[inside].mean() - sure[inside].mean())
    assert metrics.ece(p, y).item() == pytest.approx(total)


def test_confusion_of_masks_leaves_the_ignored_out():
    y = torch.tensor([[[0, 1], [255, 1]]], dtype=torch.uint8)
    guess = torch.tensor([[[0, 0], [1, 1]]])
    counts = metrics.confusion(y, guess, 2)
    assert counts.tolist() == [[1, 0], [1, 1]]
    assert metrics.miou(counts).item() == 0.5 and metrics.pixel_accuracy(counts).item() == pytest.approx(2 / 3)


def test_numbers_against_scikit_learn():
    draw = torch.Generator().manual_seed(0)
    truth = torch.randn(300, generator=draw) * 5 + 1000
    guess = truth + torch.randn(300, generator=draw)
    assert metrics.rmse(guess, truth).item() == pytest.approx(theirs.root_mean_squared_error(truth.double(), guess.double()))
    assert metrics.mae(guess, truth).item() == pytest.approx(theirs.mean_absolute_error(truth.double(), guess.double()))
    assert metrics.r2(guess, truth).item() == pytest.approx(theirs.r2_score(truth.double(), guess.double()))
    assert metrics.r2(truth.mean().expand(300), truth).item() == pytest.approx(0, abs=1e-6)
    for metric in (metrics.rmse, metrics.mae, metrics.r2):
        with pytest.raises(ValueError, match="alike"):
            metric(guess[:, None], truth)


def test_mase_and_perplexity_by_hand():
    history = torch.tensor([1.0, 3.0, 2.0, 6.0])                        # steps of 2, 1, 4; of two: 1, 3
    guess, truth = torch.tensor([5.0, 5.0]), torch.tensor([7.0, 8.0])
    assert metrics.mase(guess, truth, history).item() == pytest.approx(2.5 / (7 / 3))
    assert metrics.mase(guess, truth, history, season=2).item() == pytest.approx(2.5 / 2)
    assert metrics.perplexity(torch.tensor(math.log(50.0))).item() == pytest.approx(50)


def test_every_name_of_the_design_has_a_direction():
    less = {"loss", "ece", "rmse", "mae", "mase", "nats", "perplexity", "frechet_own", "member_loss",
            "fid", "energy", "denoised", "gram", "content"}
    names = ("loss accuracy top5 f1 auc ece rmse mae r2 mase nats perplexity map50 map miou pixel_accuracy class_accuracy bleu1 bleu2 bleu3 bleu4 "
             "cider recognised modes frechet_own fid as_asked sample_precision sample_recall energy probe denoised gram content return winrate elo spearman analogy member_accuracy member_loss")
    assert " ".join(metrics.BETTER) == names
    assert {name for name, way in metrics.BETTER.items() if way == -1} == less
    assert set(metrics.BETTER.values()) == {1, -1}


def test_bootstrap_of_a_mean_is_the_normal_interval():
    values = torch.randn(500, generator=torch.Generator().manual_seed(0)) * 2 + 10
    low, high = metrics.bootstrap(values)
    half = 1.96 * values.std().item() / math.sqrt(500)
    assert low == pytest.approx(values.mean().item() - half, abs=0.03)
    assert high == pytest.approx(values.mean().item() + half, abs=0.03)
    assert metrics.bootstrap(values) == (low, high) != metrics.bootstrap(values, seed=1)
    assert metrics.bootstrap(torch.ones(20)) == (1.0, 1.0)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        draw = torch.Generator().manual_seed(seed)
        y = (torch.rand(200, generator=draw) < 0.7).long()
        low, high = metrics.interval(metrics.accuracy, torch.eye(2)[torch.ones(200, dtype=torch.long)], y, turns=200, seed=seed)
        hits += low <= 0.7 <= high
    assert 88 <= hits <= 100


def test_interval_leaves_the_random_state_alone_and_undefined_draws_out():
    before = torch.get_rng_state()
    p, _ = answers(5, classes=2)
    low, high = metrics.interval(metrics.auc, p, torch.tensor([1, 0, 0, 0, 0]))     # many draws have no class 1
    assert 0 <= low <= high <= 1
    assert all(map(math.isnan, metrics.interval(metrics.auc, p, torch.zeros(5, dtype=torch.long))))
    assert torch.equal(before, torch.get_rng_state())
