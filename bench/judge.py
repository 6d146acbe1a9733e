"""The offline judge of made pictures: how long it learns, what it knows, and whether its distance orders known damage.

    python bench/judge.py [--only mnist|cifar|digits]          about 2 minutes, on one thread

The judge of each data set learns its training pictures and is asked about the test pictures, opened once; `turns` is the
judge of pictures without classes. Distances are from the clean to the damaged test pictures, for noise, blur and covered
squares, each at five levels (Heusel et al. 2017, figure 3): ours is the share of neighbouring levels in order, and
`levels` are the distances. Seconds are of the processor, one thread.
"""
import argparse
import json
import time

import torch
from torch.nn import functional as F

from deepen.nn import judge
from deepen.sources.cifar import cifar
from deepen.sources.digits import digits
from deepen.sources.mnist import mnist

SETS = {"digits": (digits, 97), "mnist": (mnist, 99), "cifar": (cifar, 70)}         # and the accuracy that is the goal, %
SECONDS = 20
LEVELS = range(5)


def noise(x, level):
    far = 24 * level * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + far).clamp(0, 255).to(torch.uint8)


def blur(x, level):
    return F.avg_pool2d(x.float(), 2 * level + 1, 1, level, count_include_pad=False).round().to(torch.uint8)


def cover(x, level):
    side = round(x.shape[2] * level / 8)
    covered = x.clone()
    covered[:, :, (x.shape[2] - side) // 2:][:, :, :side, (x.shape[3] - side) // 2:][..., :side] = 128
    return covered


def line(claim: str, ours: float, peer: float, name: str, unit: str, **more) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 4), "peer": peer, "peer_name": name, "ratio": round(ours / peer, 4),
                      "unit": unit, "runs": 1, "spread": 0.0, **more}), flush=True)


def in_order(critic, x) -> dict[str, list[float]]:
    """The distances of each kind of damage, level by level."""
    clean = judge.looked(critic, x)[0]
    return {damage.__name__: [judge.frechet_own(judge.looked(critic, damage(x, level))[0], clean) for level in LEVELS]
            for damage in (noise, blur, cover)}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=SETS)
    only = asked.parse_args().only
    torch.set_num_threads(1)
    for name in [only] if only else SETS:
        source, goal = SETS[name]
        data = source()
        (x, y), (real, truth) = data.split("train")[:], data.split("test")[:]
        for task, labels in (("classes", y), ("turns", None)):
            began = time.process_time()
            critic = judge.judge_of(x, labels, len(data.target.names))
            seconds = time.process_time() - began
            line(f"judge {name} {task} seconds (goal: at most {SECONDS})", seconds, SECONDS, "the goal", "s")
            if labels is not None:
                right = (judge.looked(critic, real)[1].argmax(1) == truth).double().mean().item()
                line(f"judge {name} accuracy (goal: at least {goal})", 100 * right, goal, "the goal", "%")
            for damage, far in in_order(critic, real[:2000]).items():
                up = sum(far[i] < far[i + 1] for i in range(len(far) - 1)) / (len(far) - 1)
                line(f"judge {name} {task} frechet_own orders {damage}", up, 1.0, "every level further than the one before",
                     "share of levels", levels=[round(one, 4) for one in far])


if __name__ == "__main__":
    main()
