"""Metrics by the names of the field. Pure functions: p probabilities (N, C), y classes (N,), values (N,)."""
from collections.abc import Callable

import torch
from torch import Tensor

# which direction is better: +1 more, -1 less
BETTER = {"loss": -1, "accuracy": 1, "top5": 1, "f1": 1, "auc": 1, "ece": -1,
          "rmse": -1, "mae": -1, "r2": 1, "mase": -1, "nats": -1, "perplexity": -1,
          "map50": 1, "map": 1, "miou": 1, "pixel_accuracy": 1, "class_accuracy": 1, "bleu1": 1, "bleu2": 1, "bleu3": 1, "bleu4": 1, "cider": 1,
          "recognised": 1, "modes": 1, "frechet_own": -1, "fid": -1, "as_asked": 1,
          "sample_precision": 1, "sample_recall": 1, "energy": -1, "probe": 1, "denoised": -1, "gram": -1, "content": -1, "return": 1, "winrate": 1, "elo": 1,
          "spearman": 1, "analogy": 1, "member_accuracy": 1, "member_loss": -1}


# classes

def nll(p: Tensor, y: Tensor) -> Tensor:
    """The metric `loss`: mean negative log of the probability given to the truth, in nats, at most 27.6 a row
    (10⁻¹²)."""
    return -p.gather(1, y[:, None]).clamp_min(1e-12).log().mean()


def accuracy(p: Tensor, y: Tensor) -> Tensor:
    """Share of rows whose most probable class is the truth."""
    return (p.argmax(1) == y).float().mean()


def top5(p: Tensor, y: Tensor) -> Tensor:
    """Share of rows with the truth among the five most probable classes."""
    return (p.topk(min(5, p.shape[1]), 1).indices == y[:, None]).any(1).float().mean()


def f1(p: Tensor, y: Tensor) -> Tensor:
    """Macro F1: the mean over classes of the harmonic mean of precision and recall; classes neither there nor
    said are left out."""
    counts = _exact(confusion(y, p.argmax(1), p.shape[1]))
    hit, both = counts.diag(), counts.sum(0) + counts.sum(1)
    return (2 * hit / both)[both > 0].mean()


def auc(p: Tensor, y: Tensor) -> Tensor:
    """Area under the ROC curve by ranks, ties half (Hanley & McNeil 1982): of class 1 where there are two
    classes, else the mean of each against the rest. A class of no row or of all has no area; nan when none
    has."""
    if p.shape[1] == 2:
        return _area(p[:, 1], y == 1)
    areas = torch.stack([_area(p[:, k], y == k) for k in range(p.shape[1])])
    return areas[areas.isfinite()].mean()


def _area(score: Tensor, positive: Tensor) -> Tensor:
    _, place, count = score.unique(return_inverse=True, return_counts=True)
    rank = _exact(count.cumsum(0)) - _exact(count - 1) / 2          # mean rank of each distinct score, from 1
    n1 = positive.sum().item()
    n0 = len(positive) - n1
    above = rank[place.to(rank.device)][positive.to(rank.device)].sum() - n1 * (n1 + 1) / 2
    return above / (n1 * n0) if n1 * n0 else torch.full_like(above, torch.nan)


def ece(p: Tensor, y: Tensor, bins: int = 15) -> Tensor:
    """Expected calibration error: mean gap between how sure and how right, over equal bins (Guo et al. 2017,
    eq. 3)."""
    sure, guess = p.max(1)
    sure, right = _exact(sure), _exact(guess == y)
    place = (sure * bins).ceil().long().clamp(1, bins) - 1          # bins are open below, closed above
    gap = torch.zeros(bins, dtype=sure.dtype, device=sure.device).index_add_(0, place, right - sure)
    return gap.abs().sum() / len(y)


def confusion(y: Tensor, guess: Tensor, classes: int) -> Tensor:
    """(classes, classes) counts: rows are the truth, columns what was said. A truth outside 0…classes-1 (255:
    ignore) is left out; y and guess have any one shape."""
    y, guess = y.reshape(-1).long(), guess.reshape(-1).long()
    known = (y >= 0) & (y < classes)
    return torch.bincount((y * classes + guess)[known], minlength=classes**2).view(classes, classes)


def miou(counts: Tensor) -> Tensor:
    """Mean over classes of intersection / union, from a confusion matrix; classes neither there nor said are
    left out."""
    counts = _exact(counts)
    union = counts.sum(0) + counts.sum(1) - counts.diag()
    return (counts.diag() / union)[union > 0].mean()


def pixel_accuracy(counts: Tensor) -> Tensor:
    """Share of pixels given their true class, from a confusion matrix."""
    counts = _exact(counts)
    return counts.diag().sum() / counts.sum()


def class_accuracy(counts: Tensor) -> Tensor:
    """Mean over classes of the share of their pixels given them, from a confusion matrix; classes that are not there are
    left out."""
    counts = _exact(counts)
    return (counts.diag() / counts.sum(1))[counts.sum(1) > 0].mean()


# numbers and words

def rmse(guess: Tensor, truth: Tensor) -> Tensor:
    """Root of the mean squared error, in the target's unit."""
    return _errors(guess, truth).square().mean().sqrt()


def mae(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error, in the target's unit."""
    return _errors(guess, truth).abs().mean()


def r2(guess: Tensor, truth: Tensor) -> Tensor:
    """Share of the target's variance that is explained: 1 is perfect, 0 is as good as saying the mean."""
    far = _exact(truth) - _exact(truth).mean()
    return 1 - _errors(guess, truth).square().sum() / far.square().sum()


def mase(guess: Tensor, truth: Tensor, history: Tensor, season: int = 1) -> Tensor:
    """Mean absolute error over that of "as it was a season ago" on the series learned from, `history` (T,);
    below 1 is better than that (Hyndman & Koehler 2006, section 3)."""
    return mae(guess, truth) / _errors(history[season:], history[:-season]).abs().mean()


def perplexity(nats: Tensor) -> Tensor:
    """e to the mean negative log-likelihood a word."""
    return nats.exp()


def judged(answers: Tensor, y: Tensor, classes: int | None) -> dict[str, Tensor]:
    """The usual metrics of a table's answers: probabilities (N, C) of classes (N,), or numbers (N,) where `classes`
    is None."""
    if classes is None:
        return {"rmse": rmse(answers, y), "mae": mae(answers, y), "r2": r2(answers, y)}
    return {"loss": nll(answers, y), "accuracy": accuracy(answers, y), "f1": f1(answers, y),
            "auc": auc(answers, y), "ece": ece(answers, y)}


# how sure

def bootstrap(values: Tensor, turns: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of per-example values (N,), by drawing the examples again (Efron 1979)."""
    values = _exact(values)
    return interval(lambda drawn, _: drawn.mean(), values, values, turns, seed)


def interval(metric: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, target: Tensor, turns: int = 200,
             seed: int = 0) -> tuple[float, float]:
    """95 % interval of any metric(outputs, target), by drawing the examples again. Draws in which the metric
    is not defined do not count; (nan, nan) when there is no other."""
    draw, seen = torch.Generator().manual_seed(seed), []
    for _ in range(turns):
        rows = torch.randint(len(target), (len(target),), generator=draw)
        seen.append(float(metric(outputs[rows.to(outputs.device)], target[rows.to(target.device)])))
    found = torch.tensor(seen, dtype=torch.float64)
    found = found[found.isfinite()]
    if not len(found):
        return torch.nan, torch.nan
    low, high = found.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def _exact(x: Tensor) -> Tensor:
    """In float64; on the CPU where the device has none."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def _errors(guess: Tensor, truth: Tensor) -> Tensor:
    if guess.shape != truth.shape:          # (N, 1) against (N,) would compare every pair
        raise ValueError(f"guess is {tuple(guess.shape)}, truth is {tuple(truth.shape)}: they must be alike")
    return _exact(guess) - _exact(truth)
