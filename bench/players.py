"""DQN on CartPole-v1: return of 100 greedy episodes nobody has seen, and the time to get there, for five seeds.

    python bench/players.py [--quick]

The model is the best by `return` on the validation worlds, ten looks a run; the figure told is of other worlds (the test
seeds). The peer is what is published: CleanRL's dqn.py after 500,000 moves, 488.7 ± 16.1 (docs.cleanrl.dev); SB3-zoo's
tuned DQN after 50,000 moves, 500. A second line compares our worlds with gymnasium's, stepped one after another.
"""
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from deepen.engine.fit import Flags, judge
from deepen.engine.start import start
from deepen.engine.validate import with_data
from deepen.sources.worlds import cartpole, gym

SEEDS = (0, 1, 2, 3, 4)


def learned(seed: int) -> tuple[float, float]:
    """(return on the test worlds, seconds from the command to the kept model)."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = start("dqn", flags=Flags(seed=seed), out=Path(folder) / "run")
        seconds = time.perf_counter() - began
        return judge(with_data(run), "test")["return"], seconds


def frames(data, n: int, steps: int) -> float:
    """Moves a second of n worlds stepped together by chance."""
    world, draw = data.world(n, 0), torch.Generator().manual_seed(0)
    actions = torch.randint(2, (steps, n), generator=draw)
    began = time.perf_counter()
    for action in actions:
        world.step(action)
    return n * steps / (time.perf_counter() - began)


def line(claim: str, ours: list[float], peer: float, name: str, unit: str) -> None:
    mean = statistics.mean(ours)
    print(json.dumps({"claim": claim, "ours": round(mean, 2), "peer": round(peer, 2), "peer_name": name,
                      "ratio": round(mean / peer, 4), "unit": unit, "runs": len(ours),
                      "spread": round(statistics.pstdev(ours), 2), "least": round(min(ours), 2),
                      "most": round(max(ours), 2)}), flush=True)


def main() -> None:
    runs = [learned(seed) for seed in SEEDS[: 1 if "--quick" in sys.argv else None]]
    line("dqn cartpole return after 40,000 moves", [score for score, _ in runs], 488.7, "CleanRL dqn.py, 500,000 moves (published)",
         "points")
    line("dqn cartpole seconds (goal: at most 90)", [seconds for _, seconds in runs], 90, "the goal", "s")
    line("cartpole moves a second, 16 worlds", [frames(cartpole(), 16, 2000) for _ in range(3)], frames(gym(), 16, 200),
         "gymnasium, one after another", "moves/s")
    line("cartpole moves a second, 4096 worlds", [frames(cartpole(), 4096, 200) for _ in range(3)], frames(gym(), 16, 200),
         "gymnasium, one after another", "moves/s")


if __name__ == "__main__":
    main()
