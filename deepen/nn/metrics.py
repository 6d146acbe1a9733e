"""Metrics by the names of the field. Pure functions of tensors: p probabilities (N, C), y classes (N,), values (N,)."""
import torch
from torch import Tensor

# which direction is better: +1 more, -1 less
BETTER = {"loss": -1, "accuracy": 1, "top5": 1, "f1": 1, "auc": 1, "ece": -1, "rmse": -1, "mae": -1, "r2": 1, "mase": -1,
          "nats": -1, "perplexity": -1, "map50": 1, "map": 1, "miou": 1, "pixel_accuracy": 1, "bleu1": 1, "bleu4": 1,
          "cider": 1, "recognised": 1, "modes": 1, "frechet_own": -1, "return": 1, "winrate": 1, "elo": 1,
          "spearman": 1, "analogy": 1}


def nll(p: Tensor, y: Tensor) -> Tensor:
    """Mean negative log of the probability given to the truth, in nats."""
    return -p.gather(1, y[:, None]).clamp_min(1e-12).log().mean()


def accuracy(p: Tensor, y: Tensor) -> Tensor:
    """Share of rows whose most probable class is the truth."""
    return (p.argmax(1) == y).float().mean()


def top5(p: Tensor, y: Tensor) -> Tensor:
    """Share of rows with the truth among the five most probable classes."""
    return (p.topk(min(5, p.shape[1]), 1).indices == y[:, None]).any(1).float().mean()


def confusion(y: Tensor, guess: Tensor, classes: int) -> Tensor:
    """(classes, classes) counts: rows are the truth, columns what was said."""
    return torch.bincount(y.long() * classes + guess.long(), minlength=classes**2).view(classes, classes)


def f1(p: Tensor, y: Tensor) -> Tensor:
    """Macro F1: the mean over classes of the harmonic mean of precision and recall; absent classes are left out."""
    counts = confusion(y, p.argmax(1), p.shape[1]).double()
    hit, said, was = counts.diag(), counts.sum(0), counts.sum(1)
    there = (said + was) > 0
    return (2 * hit / (said + was))[there].mean()


def auc(p: Tensor, y: Tensor) -> Tensor:
    """Area under the ROC curve by ranks (ties half): of class 1 for two classes, else the mean of one against the rest."""
    if p.shape[1] == 2:
        return _auc(p[:, 1], y == 1)
    areas = torch.stack([_auc(p[:, k], y == k) for k in range(p.shape[1])])
    return areas[areas.isfinite()].mean()


def _auc(score: Tensor, positive: Tensor) -> Tensor:
    _, place, count = score.double().unique(return_inverse=True, return_counts=True)
    rank = count.cumsum(0) - (count - 1) / 2                # mean rank of each distinct score, from 1
    n1 = positive.sum().double()
    n0 = len(positive) - n1
    return (rank[place][positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)


def ece(p: Tensor, y: Tensor, bins: int = 15) -> Tensor:
    """Expected calibration error: mean gap between how sure and how right, over equal bins (Guo et al. 2017, eq. 3)."""
    sure, guess = p.max(1)
    right = (guess == y).double()
    place = (sure * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64, device=p.device).index_add_(0, place, right - sure.double())
    return gap.abs().sum() / len(y)


def rmse(guess: Tensor, truth: Tensor) -> Tensor:
    """Root of the mean squared error, in the target's unit."""
    return (guess.double() - truth.double()).square().mean().sqrt()


def mae(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error, in the target's unit."""
    return (guess.double() - truth.double()).abs().mean()


def r2(guess: Tensor, truth: Tensor) -> Tensor:
    """Share of the target's variance that is explained; 0 is the mean's score."""
    truth = truth.double()
    return 1 - (guess.double() - truth).square().sum() / (truth - truth.mean()).square().sum()


def perplexity(nats: Tensor) -> Tensor:
    """e to the mean negative log-likelihood a word."""
    return nats.exp()


def bootstrap(values: Tensor, turns: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of per-example values, by drawing the examples again (percentile bootstrap)."""
    draw = torch.Generator().manual_seed(seed)
    values = values.double().cpu()
    means = torch.stack([values[torch.randint(len(values), (len(values),), generator=draw)].mean() for _ in range(turns)])
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def interval(metric, outputs: Tensor, target: Tensor, turns: int = 200, seed: int = 0) -> tuple[float, float]:
    """95 % interval of any metric(outputs, target), by drawing the examples again."""
    draw = torch.Generator().manual_seed(seed)
    seen = []
    for _ in range(turns):
        rows = torch.randint(len(target), (len(target),), generator=draw)
        seen.append(float(metric(outputs[rows], target[rows])))
    found = torch.tensor(seen, dtype=torch.float64)
    low, high = found[found.isfinite()].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
