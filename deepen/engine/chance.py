"""How likely by chance: exact tests on counts, ranks of numbers, the interval of a share. No assumption but independence."""
import math

import torch
from torch import Tensor


def fisher(hit: int, part: int, hits: int, total: int) -> float:
    """Two-sided exact chance that a part of `part` out of `total` holds `hit` of the `hits` marked ones."""
    low, high = max(0, part + hits - total), min(part, hits)
    k = torch.arange(low, high + 1, dtype=torch.float64)
    p = (_choose(hits, k) + _choose(total - hits, part - k) - _choose(total, torch.tensor(float(part), dtype=torch.float64))).exp()
    return min(1.0, float(p[p <= p[hit - low] * (1 + 1e-7)].sum()))


def binomial(hit: int, count: int, share: float) -> float:
    """Two-sided exact chance of `hit` out of `count` when each is one with chance `share`."""
    if not 0 < share < 1:
        return 1.0
    k = torch.arange(count + 1, dtype=torch.float64)
    p = (_choose(count, k) + k * math.log(share) + (count - k) * math.log1p(-share)).exp()
    return min(1.0, float(p[p <= p[hit] * (1 + 1e-7)].sum()))


def ranks(values: Tensor) -> Tensor:
    """Ranks from 1 of (N,); equal values share the mean of theirs."""
    _, place, count = values.unique(return_inverse=True, return_counts=True)
    return (count.cumsum(0).double() - (count - 1).double() / 2)[place]


def rank_sum(rank: Tensor, part: Tensor) -> float:
    """Two-sided chance that a part's ranks differ so much from the others' (normal approximation, ties by the ranks'
    own variance)."""
    n, m = int(part.sum()), int((~part).sum())
    if not n or not m:
        return 1.0
    spread = math.sqrt(float(rank.var(correction=1)) * n * m / (n + m))
    far = abs(float(rank[part].sum()) - n * float(rank.mean()))
    return math.erfc(far / spread / math.sqrt(2)) if spread else 1.0


def wilson(found: int, count: int) -> tuple[float, float]:
    """95 % interval of a share from few examples (Wilson 1927, score interval)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, found / count
    middle, width = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (middle - width) / (1 + z * z / count)), min(1.0, (middle + width) / (1 + z * z / count))


def _choose(n, k: Tensor) -> Tensor:
    n = torch.as_tensor(n, dtype=torch.float64)
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
