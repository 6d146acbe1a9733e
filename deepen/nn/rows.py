"""Rows of a table for a network: numbers in pieces or waves, categories as vectors, members that share weights.

Rows come as they are stored: float32 (B, columns), a category is its index, what is missing is NaN. Everything learned
from the training rows (medians, quantiles, edges) is a buffer, so training, export and server scale alike.
"""
import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Numbers = Literal["pieces", "periodic", "plain"]
EDGES = 1_000_000       # rows that quantiles are taken of at most


class Scaled(nn.Module):
    """The first layer of numbers (B, C) with NaN -> numbers of mean 0 and spread 1 (B, C), what is missing as the
    median, and flags (B, C) of what was missing.

    A column that missed nothing in the training rows has no flag: nobody could have learned what it means. `learn`
    takes them from training rows; a constant column stays 0."""
    median: Tensor
    mean: Tensor
    spread: Tensor
    gaps: Tensor

    def __init__(self, columns: int):
        super().__init__()
        self.register_buffer("median", torch.zeros(columns))
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("spread", torch.ones(columns))
        self.register_buffer("gaps", torch.zeros(columns))          # 1: something was missing

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        missing = x.isnan()
        whole = torch.where(missing, self.median, x)
        return (whole - self.mean) / self.spread, missing.to(x.dtype) * self.gaps

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Medians, means and spreads of training rows (N, C)."""
        missing = x.isnan()
        self.gaps.copy_(missing.any(0))
        self.median.copy_(x.nanmedian(0).values.nan_to_num(0.0))
        whole = torch.where(missing, self.median, x).double()
        mean = whole.mean(0)
        spread = (whole - mean).square().mean(0).sqrt()
        constant = spread < 1e-6 * mean.abs().clamp_min(1e-30)      # rounding is no spread
        self.mean.copy_(torch.where(constant, whole[0], mean))
        self.spread.copy_(torch.where(constant, 1.0, spread))


class Pieces(nn.Module):
    """Piecewise-linear encoding: scaled numbers (B, C) -> (B, C, T), how far each has come through each of T pieces.

    Gorishniy et al. 2022 (arXiv 2203.05556), equation 1: e_t = (x − b_{t−1}) / (b_t − b_{t−1}), 1 in the pieces below
    and 0 in those above; the edges b are quantiles of the training rows (section 3.2.1). Where many rows have one
    value, quantiles coincide: the edges saved go to the quantiles of the other rows. A column of few values has fewer
    pieces, and the rest stay 0. Beyond the outer edges the line goes on for one more piece, no further.
    """
    start: Tensor
    slope: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, columns: int, pieces: int):
        super().__init__()
        self.pieces = pieces
        for name in ("start", "slope", "low", "high"):
            self.register_buffer(name, torch.zeros(columns, pieces))

    def forward(self, x: Tensor) -> Tensor:
        e = (x[..., None] - self.start) * self.slope                # (B, C, T)
        return torch.minimum(torch.maximum(e, self.low), self.high)

    def even(self, e: Tensor) -> Tensor:
        """Pieces (B, C, T) -> (B, C): numbers spread evenly over -√3 … √3 (mean 0, spread 1), each piece as long as
        another. What is crowded is drawn apart, and long tails are short."""
        count = (self.slope > 0).sum(1).clamp_min(1)
        return (2 * e.sum(-1) / count - 1) * math.sqrt(3)

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Edges at the quantiles of whole numbers (N, C)."""
        for buffer in self.buffers():
            buffer.zero_()
        for c, column in enumerate(x.double().unbind(1)):
            edges = edges_of(column[:: -(-len(column) // EDGES)], self.pieces + 1)
            count = len(edges) - 1
            if count < 1:
                continue                                            # a constant says nothing
            self.start[c, :count] = edges[:-1].float()
            self.slope[c, :count] = (1 / edges.diff()).float()
            self.high[c, :count] = 1.0
            self.low[c, 0], self.high[c, count - 1] = -1.0, 2.0


def edges_of(x: Tensor, most: int) -> Tensor:
    """At most `most` different values, in order: quantiles of x (N,), then of what lies at none of them, and so on."""
    edges = x.new_empty(0)
    while len(edges) < most and len(x):
        shares = torch.linspace(0, 1, most - len(edges), dtype=x.dtype, device=x.device)
        new = x.sort().values[(shares * (len(x) - 1)).round().long()].unique()
        edges = torch.cat([edges, new])
        x = x[~torch.isin(x, new)]
    return edges.sort().values


class Rows(nn.Module):
    """Stored rows (B, columns) -> features (B, size): the first layers of a network for tables.

    numbers: "plain" of mean 0 and spread 1 · "pieces" a line plus a piecewise-linear function of each number, `embed`
    values each; the pieces begin at 0 (Gorishniy et al. 2022, section 3.2) · "periodic" evenly spread by quantiles,
    then sines and cosines of learned frequencies that begin as N(0, `waves`²), then a dense layer and ReLU a column
    (section 3.3, PLR). Categories: a vector of `embed` values each, one more for what is missing or was never seen;
    they begin at 0, so an unseen one says nothing.
    `parts`: how many features each column has, in order."""
    where_numbers: Tensor
    where_words: Tensor
    offsets: Tensor
    counts: Tensor

    def __init__(self, values: tuple, numbers: Numbers = "periodic", embed: int = 16, pieces: int = 32,
                 waves: float = 1.0):
        super().__init__()
        self.kind = numbers
        plain = [i for i, names in enumerate(values) if names is None]
        words = [i for i, names in enumerate(values) if names is not None]
        counts = [len(values[i]) for i in words]
        offsets = [sum(counts[:i]) + i for i in range(len(counts))]
        for name, held in (("where_numbers", plain), ("where_words", words), ("offsets", offsets), ("counts", counts)):
            self.register_buffer(name, torch.tensor(held, dtype=torch.long), persistent=False)
        self.scaled = Scaled(len(plain))
        size = 1 if numbers == "plain" else embed
        if numbers != "plain":
            self.bias = nn.Parameter(torch.zeros(len(plain), embed))
            self.pieces = Pieces(len(plain), pieces)
        if numbers == "pieces":
            self.line = nn.Parameter(torch.empty(len(plain), embed).uniform_(-1, 1))
            self.weight = nn.Parameter(torch.zeros(len(plain), pieces, embed))
        elif numbers == "periodic":
            self.frequency = nn.Parameter(torch.randn(len(plain), pieces) * waves)
            self.weight = nn.Parameter(torch.empty(len(plain), 2 * pieces, embed).uniform_(-1, 1) / math.sqrt(2 * pieces))
        self.vectors = nn.Embedding(sum(counts) + len(counts), embed)
        nn.init.zeros_(self.vectors.weight)
        self.parts = [size] * len(plain) + [1] * len(plain) + [embed] * len(words)
        self.size = sum(self.parts)

    def forward(self, x: Tensor) -> Tensor:
        scaled, missing = self.scaled(x[:, self.where_numbers])                 # (B, C) each
        features = [self.embedded(scaled).flatten(1), missing]
        if len(self.counts):
            code = x[:, self.where_words]
            known = (code >= 0) & (code < self.counts)                          # NaN is not
            place = torch.where(known, code.nan_to_num(0.0).long(), self.counts) + self.offsets
            features.append(self.vectors(place).flatten(1))
        return torch.cat(features, 1)

    def embedded(self, x: Tensor) -> Tensor:
        """Scaled numbers (B, C) -> (B, C, embed)."""
        if self.kind == "plain":
            return x[..., None]
        e = self.pieces(x)                                                      # (B, C, T)
        x = self.pieces.even(e)[..., None]
        if self.kind == "pieces":
            return torch.einsum("bct,ctd->bcd", e, self.weight) + x * self.line + self.bias
        v = 2 * math.pi * self.frequency * x
        return F.relu(torch.einsum("bcf,cfd->bcd", torch.cat([v.sin(), v.cos()], -1), self.weight) + self.bias)

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Scales and edges from training rows (N, columns)."""
        numbers = x[:, self.where_numbers]
        self.scaled.learn(numbers)
        if self.kind != "plain":
            self.pieces.learn(self.scaled(numbers)[0])


class Shared(nn.Linear):
    """A dense layer of k members that share its weights: (B, k, inputs) -> (B, k, outputs).

    y_i = s_i ∘ (W (r_i ∘ x_i)) + b_i; r, s and b are each member's own (BatchEnsemble, Wen et al. 2020; TabM, Gorishniy
    et al. 2024, arXiv 2410.24210, section 3.2). They begin at 1 (and b alike), so members differ only where the first
    layer sets them apart: `parts` gives its features column by column, each column scaled by one random number a member.
    """

    def __init__(self, inputs: int, outputs: int, members: int, parts: list[int] | None = None):
        super().__init__(inputs, outputs)
        self.r = nn.Parameter(torch.ones(members, inputs))
        self.s = nn.Parameter(torch.ones(members, outputs))
        self.bias = nn.Parameter(self.bias.detach().expand(members, -1).clone())
        if parts is not None and members > 1:
            one_each = torch.randn(members, len(parts))
            self.r = nn.Parameter(one_each.repeat_interleave(torch.tensor(parts), 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x * self.r, self.weight) * self.s + self.bias


class Heads(nn.Module):
    """A dense layer for each member, nothing shared: (B, k, inputs) -> (B, k, outputs)."""

    def __init__(self, inputs: int, outputs: int, members: int):
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bki,kio->bko", x, self.weight) + self.bias


class TabM(nn.Module):
    """Stored rows (B, columns) -> what each member says, (B, k, outputs): `blocks` times dense, ReLU, dropout, then a
    head a member. With one member it is a plain multilayer perceptron.

    `centre` and `spread` bring a standardised target back into its unit; `temperature` divides the logs of the mean
    probabilities. All three are buffers: what is judged is what is exported."""
    centre: Tensor
    spread: Tensor
    temperature: Tensor

    def __init__(self, rows: Rows, outputs: int, blocks: int, width: int, members: int, dropout: float = 0.0):
        super().__init__()
        self.rows, self.members = rows, members
        sizes = [rows.size] + [width] * blocks
        self.layers = nn.ModuleList(Shared(sizes[i], sizes[i + 1], members, rows.parts if i == 0 else None)
                                    for i in range(blocks))
        self.dropout = nn.Dropout(dropout)
        self.head = Heads(sizes[-1], outputs, members)
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        h = self.rows(x)[:, None].expand(-1, self.members, -1)                  # (B, k, size)
        for layer in self.layers:
            h = self.dropout(F.relu(layer(h)))
        return self.head(h)

    def number(self, z: Tensor) -> Tensor:
        """(B, k, 1) -> (B,), the mean of the members in the target's unit."""
        return z.float().mean(1)[:, 0] * self.spread + self.centre

    def logs(self, z: Tensor) -> Tensor:
        """(B, k, C) -> (B, C), the logs of the members' mean probabilities."""
        return z.float().log_softmax(-1).logsumexp(1) - math.log(self.members)

    def probabilities(self, z: Tensor) -> Tensor:
        """(B, k, C) -> (B, C), the members' mean probabilities, as sure as they should be."""
        return (self.logs(z) / self.temperature).softmax(1)
