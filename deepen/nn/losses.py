"""Losses: scalars to go down, in float32. Logits z (B, C); targets are class indices (B,) or shares."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cross_entropy(z: Tensor, y: Tensor, smooth: float = 0.0) -> Tensor:
    """Mean cross-entropy in nats against class indices (B,) or shares of classes (B, C); `smooth` spreads
    that share of the truth over all classes (Szegedy et al. 2016, section 7)."""
    return F.cross_entropy(z.float(), y.float() if y.shape == z.shape else y, label_smoothing=smooth)


def auxiliary(net: nn.Module, y: Tensor, smooth: float = 0.0) -> Tensor | float:
    """What the auxiliary heads of a net add to the loss of its last forward: Σ share · cross-entropy, 0 where
    there are none. It takes their scores from `net.auxiliary`, so they count once (GoogLeNet, section 5)."""
    total: Tensor | float = 0.0
    heads = getattr(net, "auxiliary", [])
    while heads:
        share, z = heads.pop()
        total = total + share * cross_entropy(z, y, smooth)
    return total


def mse(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(guess.float(), _alike(truth, guess))


def mae(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error."""
    return F.l1_loss(guess.float(), _alike(truth, guess))


def huber(guess: Tensor, truth: Tensor, delta: float = 1.0) -> Tensor:
    """Half the square up to `delta`, a line of slope `delta` beyond (Huber 1964)."""
    return F.huber_loss(guess.float(), _alike(truth, guess), delta=delta)


def bce(z: Tensor, truth: float | Tensor) -> Tensor:
    """Binary cross-entropy of logits against 0…1, one number for all or one each, in nats."""
    truth = truth if isinstance(truth, Tensor) else torch.full_like(z, truth)
    return F.binary_cross_entropy_with_logits(z.float(), _alike(truth, z))


def penalty(net: nn.Module, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """l1·Σ|w| + l2/2·Σw² over the weights of two or more dimensions: not biases, not norms."""
    weights = [w for w in net.parameters() if w.ndim > 1]
    if not weights:
        raise ValueError("a penalty needs a network with weights")
    total = torch.zeros((), device=weights[0].device)
    for w in weights:
        total = total + l1 * w.abs().sum() + l2 / 2 * w.square().sum()
    return total


def _alike(truth: Tensor, guess: Tensor) -> Tensor:
    if truth.shape != guess.shape:          # (B, 1) against (B,) would compare every pair
        raise ValueError(f"guess is {tuple(guess.shape)}, truth is {tuple(truth.shape)}: they must be alike")
    return truth.float()
