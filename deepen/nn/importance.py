"""Which columns an answer hangs on: how much worse it gets when one column is shuffled. Pure torch."""
from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def importance(predict: Callable[[Tensor], Tensor], rows: Tensor, target: Tensor,
               score: Callable[[Tensor, Tensor], Tensor], seed: int = 0, rounds: int = 5, better: int = 1,
               batch: int = 4096) -> Tensor:
    """Permutation importance, float64 (columns, rounds): how much worse `score` gets when one column of `rows` is
    shuffled among the rows, the others left as they are (Breiman 2001, section 10; Fisher et al. 2019).

    `predict(rows (B, columns)) -> answers (B, …)` of any system that takes a Row, as they are stored, NaN where
    missing; call it inside `quiet(system)`. `rows` (N, columns), `target` (N,). `score(answers (N, …), target)` is a
    function of `nn.metrics` (accuracy, rmse, …), `better` its direction: `metrics.BETTER["rmse"]` is -1. So a positive
    number is always "the answers need this column"; about 0, or below it: they do not. The mean over the rounds is the
    importance, their spread how sure it is. Columns that tell the same share it: each alone looks unimportant.

    N·columns·rounds answers are asked for, `batch` rows at a time; give some thousand rows. `seed` alone decides the
    shuffles: the same call is the same tensor. `ValueError` without rows, or where rows and target differ in number."""
    if not len(rows) or len(rows) != len(target):
        raise ValueError(f"{len(rows)} rows and {len(target)} targets: as many of both are wanted, and one at least")

    def measured(rows: Tensor) -> float:
        return float(score(torch.cat([torch.as_tensor(predict(part)) for part in rows.split(batch)]), target))
    draw = torch.Generator().manual_seed(seed)
    whole, worse = measured(rows), torch.zeros(rows.shape[1], rounds, dtype=torch.float64)
    for column in range(rows.shape[1]):
        for turn in range(rounds):
            shuffled = rows.clone()
            shuffled[:, column] = rows[torch.randperm(len(rows), generator=draw).to(rows.device), column]
            worse[column, turn] = better * (whole - measured(shuffled))
    return worse
