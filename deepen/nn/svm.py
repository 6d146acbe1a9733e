"""Linear learners with an exact answer: a support vector machine, and ridge regression from sums."""
import torch
from torch import Tensor


def svm(x: Tensor, positive: Tensor, weight: float, start: Tensor | None = None) -> Tensor:
    """The plane (d + 1,), its offset last, that parts rows x (n, d) with the widest margin: ½|w|² + weight · Σ max(0, 1 − y f)²
    is least, y being 1 of `positive` (n,) rows and −1 of others (Cortes & Vapnik 1995, squared slack). Convex: `start` only
    saves time."""
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1).double()
    y = torch.where(positive, 1.0, -1.0).double()
    plane = (torch.zeros_like(x[0]) if start is None else start.double().clone()).requires_grad_()
    rule = torch.optim.LBFGS([plane], max_iter=100, tolerance_grad=1e-6, tolerance_change=1e-9, line_search_fn="strong_wolfe")

    def loss():
        rule.zero_grad()
        value = plane[:-1].square().sum() / 2 + weight * (1 - y * (x @ plane)).clamp_min(0).square().sum()
        value.backward()
        return value
    with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        rule.step(loss)
    return plane.detach().float()


class Ridge:
    """Least squares with small weights, row by row: sums are kept, not rows. Answers are y (k,) of x (d,), with an offset."""

    def __init__(self, inputs: int, outputs: int, device=None):
        self.square = torch.zeros(inputs + 1, inputs + 1, dtype=torch.float64, device=device)
        self.product = torch.zeros(inputs + 1, outputs, dtype=torch.float64, device=device)

    def add(self, x: Tensor, y: Tensor) -> None:
        """Take in rows x (n, d) and what they shall give (n, k)."""
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1).double()
        self.square += x.T @ x
        self.product += x.T @ y.double()

    def solve(self, penalty: float) -> Tensor:
        """Weights (k, d + 1), the offset last, that cost Σ|y − Wx|² + penalty · |W|² least; the offset is free."""
        bound = torch.full_like(self.square[0], penalty)
        bound[-1] = 1e-6
        return torch.linalg.solve(self.square + bound.diag(), self.product).T.float()

    def state_dict(self) -> dict[str, Tensor]:
        return {"square": self.square, "product": self.product}

    def load_state_dict(self, state) -> None:
        self.square, self.product = (state[name].to(self.square.device) for name in ("square", "product"))
