"""Votes: several classifiers as one network that answers with the mean of their probabilities."""
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from deepen.nn.layers import Scale

DENSE = (Scale, nn.Flatten, nn.Linear, nn.Dropout, nn.Identity, nn.ReLU, nn.LeakyReLU, nn.Sigmoid,
         nn.Tanh, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus)


class Vote(nn.Module):
    """The soft vote of `members` (each (B, …) -> logits (B, classes)): in proportion to (mean of the members' p)^(1/T).

    The mean is of probabilities, not of logits, which members scale differently. By Jensen's inequality its loss is
    never above the mean of the members' losses (T = 1). `temperature` T mends how sure the vote is; `alone` is one
    for the members' own answers, only to compare with."""
    temperature: Tensor
    alone: Tensor

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("alone", torch.ones(()))

    def each(self, x: Tensor) -> Tensor:
        """What each member says: probabilities (members, B, classes)."""
        return torch.stack([member(x).float().softmax(1) for member in self.members])

    def forward(self, x: Tensor) -> Tensor:
        return cooled(self.each(x).mean(0), self.temperature)               # (B, classes)


def cooled(p: Tensor, temperature: Tensor | float) -> Tensor:
    """Probabilities (…, classes), less sure where the temperature is above 1: in proportion to p to the 1/T."""
    return (p.clamp_min(1e-30).log() / temperature).softmax(-1)


def alike(nets: Sequence[nn.Module]) -> bool:
    """Can these be stacked: one architecture, of dense layers alone? (Norms keep statistics of their own, and
    convolutions with weights of their own for each member are slower side by side on a CPU.)"""
    leaves = [[layer for layer in net.modules() if not list(layer.children())] for net in nets]
    return all(type(layer) in DENSE for layer in leaves[0]) and all(str(net) == str(nets[0]) for net in nets)


class Stack:
    """Alike networks that learn in one pass, each from its own batch: x (members, B, …) -> logits (members, B,
    classes), by vmap.

    From here on the weights of the networks are parts of tensors (members, …), and the gradients of those are handed
    out to the networks' own weights: an optimizer, a state dict and an export know nothing of it."""

    def __init__(self, nets: Sequence[nn.Module]):
        self.nets, self.weights = list(nets), dict[str, Tensor]()
        self.buffers = {name: [net.get_buffer(name) for net in nets] for name, _ in nets[0].named_buffers()}
        for name, _ in nets[0].named_parameters():
            parts = [net.get_parameter(name) for net in nets]
            whole = torch.stack([part.detach() for part in parts])
            for part, own in zip(parts, whole, strict=True):
                part.data = own
            self.weights[name] = whole.requires_grad_()
            whole.register_post_accumulate_grad_hook(partial(hand_out, parts))

    def __call__(self, x: Tensor) -> Tensor:
        buffers = {name: torch.stack(parts) for name, parts in self.buffers.items()}

        def one(own: dict, kept: dict, batch: Tensor) -> Tensor:
            return functional_call(self.nets[0], (own, kept), (batch,))
        return vmap(one, randomness="different")(self.weights, buffers, x)


def hand_out(parts: list[nn.Parameter], whole: Tensor) -> None:
    """The gradient of stacked weights (members, …) to the weights of each member."""
    assert whole.grad is not None
    for part, gradient in zip(parts, whole.grad, strict=True):
        part.grad = gradient
    whole.grad = None
