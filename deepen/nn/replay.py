"""Replay: the last moves of a player, to learn from in any order (L.-J. Lin, 1992; V. Mnih et al., 2015)."""
from collections.abc import Mapping

import torch
from torch import Tensor

SAVED = 256 * 2**20         # bytes; a larger memory is not written into checkpoints


class Replay:
    """A ring of `capacity` moves, each a set of named tensors, on one device.

    `columns`: name -> (shape of one value, dtype), e.g. `{"before": ((4,), torch.float32)}`; pictures stay uint8.
    """

    def __init__(self, capacity: int, columns: Mapping[str, tuple[tuple[int, ...], torch.dtype]], device="cpu"):
        self.capacity, self.added = capacity, 0
        self.columns = {name: torch.zeros(capacity, *shape, dtype=dtype, device=device)
                        for name, (shape, dtype) in columns.items()}

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    @property
    def saved(self) -> bool:
        """Is it small enough to be part of a checkpoint?"""
        return sum(column.nbytes for column in self.columns.values()) <= SAVED

    def add(self, **moves: Tensor) -> None:
        """Add n moves (n, …) at once; they take the places of the oldest."""
        if moves.keys() != self.columns.keys():
            raise ValueError(f"a move here is {', '.join(self.columns)}; given: {', '.join(moves)}")
        n, at = len(next(iter(moves.values()))), self.added % self.capacity
        if n > self.capacity:
            raise ValueError(f"{n} moves at once do not fit into a memory of {self.capacity}")
        head = min(n, self.capacity - at)
        for name, value in moves.items():
            self.columns[name][at: at + head] = value[:head]
            self.columns[name][: n - head] = value[head:]
        self.added += n

    def sample(self, batch: int) -> dict[str, Tensor]:
        """`batch` moves drawn evenly with replacement, from the global random generator of the device."""
        device = next(iter(self.columns.values())).device
        rows = torch.randint(len(self), (batch,), device=device)
        return {name: column[rows] for name, column in self.columns.items()}

    def ahead(self, batch: int, moves: int, worlds: int, discount: float) -> dict[str, Tensor]:
        """`batch` stretches of up to `moves` moves of one world, for multi-step learning (R. Sutton, 1988).

        Wants columns before, action, reward, after, over, cut, always added for `worlds` worlds at once (of which the
        capacity is a multiple). Gives before (B, …), action (B,), reward (B,) = Σ γᵏ rₖ until the stretch or its episode
        ends after m moves, after (B, …), and factor (B,): γᵐ, what the value of `after` counts, 0 where the task was
        over. An episode that was only cut still counts what would have come."""
        columns, device = self.columns, self.columns["reward"].device
        age = torch.randint((moves - 1) * worlds, len(self), (batch,), device=device)
        first = self.added - 1 - age
        rows = (first[:, None] + worlds * torch.arange(moves, device=device)) % self.capacity       # (B, moves)
        goes_on = ~(columns["over"][rows] | columns["cut"][rows])
        part = torch.ones_like(goes_on)
        part[:, 1:] = goes_on[:, :-1].cumprod(1)                                 # is move k still of the stretch?
        m = part.sum(1)
        last = rows.gather(1, m[:, None] - 1)[:, 0]
        worth = discount ** torch.arange(moves, device=device)
        return {"before": columns["before"][rows[:, 0]], "action": columns["action"][rows[:, 0]],
                "reward": (columns["reward"][rows] * part * worth).sum(1), "after": columns["after"][last],
                "factor": discount ** m * ~columns["over"][last]}

    def state_dict(self) -> dict:
        """What it holds, or, when that is over 256 MB, an empty memory."""
        if not self.saved:
            return {"added": 0, "columns": {}}
        return {"added": self.added, "columns": {name: column[: len(self)] for name, column in self.columns.items()}}

    def load_state_dict(self, saved: Mapping) -> None:
        self.added = saved["added"]
        for name, column in saved["columns"].items():
            self.columns[name][: len(column)] = column
