"""How sure an answer is, mended: one temperature for all of them."""
import math

import torch
from torch import Tensor
from torch.nn import functional as F

ENOUGH = 200            # rows; fewer say too little of how sure one may be
RANGE = 10.0            # temperatures are 1/10 … 10


@torch.no_grad()
def temperature(z: Tensor, y: Tensor, turns: int = 60) -> float:
    """The T > 0 whose softmax(z/T) tells y with the least loss: z (N, C) logits or logs of probabilities, y (N,).

    Guo et al. 2017, section 4.2. The loss is convex in 1/T, so its slope Σ(z·p − z_y) is halved to 0 exactly; the
    order of the classes does not change. Above 1: it was surer than right."""
    z, y = z.cpu().double(), y.cpu()
    z = z - z.logsumexp(1, keepdim=True)
    z = z.clamp_min(-700.0)                             # the log of no probability at all
    truth = z.gather(1, y[:, None])[:, 0]
    low, high = -math.log(RANGE), math.log(RANGE)       # of log 1/T
    for _ in range(turns):
        middle = (low + high) / 2
        p = F.softmax(z * math.exp(middle), 1)
        if float(((p * z).sum(1) - truth).sum()) < 0:   # a larger 1/T would tell it better
            low = middle
        else:
            high = middle
    return math.exp(-(low + high) / 2)
