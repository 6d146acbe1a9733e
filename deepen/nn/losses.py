"""Losses: scalars to go down. Logits z (B, C); targets are class indices (B,) or shares of classes (B, C)."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cross_entropy(z: Tensor, y: Tensor, smooth: float = 0.0) -> Tensor:
    """Mean cross-entropy in nats, in float32; `smooth` spreads that share of the truth over all classes."""
    return F.cross_entropy(z.float(), y, label_smoothing=smooth)


def mse(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(guess.float(), truth.float())


def huber(guess: Tensor, truth: Tensor, delta: float = 1.0) -> Tensor:
    """Squared near 0, linear beyond `delta` (Huber 1964)."""
    return F.huber_loss(guess.float(), truth.float(), delta=delta)


def binary(z: Tensor, truth: float | Tensor) -> Tensor:
    """Binary cross-entropy of logits against 0, 1, or one number for all."""
    truth = truth if isinstance(truth, Tensor) else torch.full_like(z, truth, dtype=torch.float32)
    return F.binary_cross_entropy_with_logits(z.float(), truth)


def penalty(net: nn.Module, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """l1·Σ|w| + l2/2·Σw² over weights of two or more dimensions (not biases, not norms)."""
    weights = [w for w in net.parameters() if w.ndim > 1]
    total = torch.zeros((), device=weights[0].device)
    for w in weights:
        total = total + l1 * w.abs().sum() + l2 / 2 * w.square().sum()
    return total
