"""Worlds: where a player learns by acting. n of them are stepped together; they start again by themselves.

    world = data.world(n, seed)                 n worlds; `world.obs` (n, …) is what they show now
    obs = world.reset(seed)                     all from their start
    obs, reward, over, cut, final = world.step(actions)      tensors over n

`over`: the task ended (nothing more can be earned). `cut`: only the time was up. A world that is over or cut starts
again: `obs` is then the first picture of the new episode, `final` the last one of the old (elsewhere they are equal).
"""
import math

import torch
from torch import Tensor

from deepen.core.data import Data
from deepen.core.kinds import Label, Vector
from deepen.core.recipe import Count
from deepen.core.words import Failure, Problem


def cartpole(limit: Count = 500) -> Data:       # moves after which the time is up
    """A pole on a cart, to be kept upright by pushing left or right; one point a move, 500 at most.

    A. G. Barto, R. S. Sutton, C. W. Anderson: Neuronlike adaptive elements that can solve difficult learning control
    problems (1983), with the equations, limits and 500 moves of gymnasium's CartPole-v1; n of them in one tensor.
    """
    names = ("cart position", "cart velocity", "pole angle", "pole velocity")
    return Data({}, Vector(4, names), Label(("left", "right")), lambda n, seed: CartPole(n, seed, limit),
                origin=f"cartpole(limit={limit})")


def gym(name: str = "CartPole-v1") -> Data:     # the environment's name in gymnasium
    """Any gymnasium environment that shows a vector and has numbered actions; needs `pip install 'deepen[rl]'`."""
    first = _environment(name)
    shown, actions = first.observation_space, first.action_space
    first.close()
    if type(shown).__name__ != "Box" or len(shown.shape) != 1 or type(actions).__name__ != "Discrete":
        raise Problem("{name} shows {shown} and takes {actions}; deepen plays environments that show a vector and have "
                      "numbered actions", name=name, shown=shown, actions=actions)
    names = tuple(str(int(actions.start) + i) for i in range(int(actions.n)))
    return Data({}, Vector(int(shown.shape[0])), Label(names),
                lambda n, seed: Gym(name, n, seed), origin=f"gym(name={name})")


class CartPole:
    """n carts with a pole each: state float64 (4, n), as x, x', θ, θ' (metres, seconds, radians)."""
    rewinds = True                              # its state can be saved and put back exactly
    GRAVITY, CART, POLE, HALF, FORCE, STEP = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02     # kg, half the pole's length in m, N, s
    EDGE, LEAN = 2.4, math.radians(12)          # where it is over

    def __init__(self, n: int, seed: int, limit: int = 500, device: str | torch.device = "cpu"):
        self.n, self.limit, self.device = n, limit, torch.device(device)
        self.random = torch.Generator(self.device)
        self.reset(seed)

    def to(self, device) -> "CartPole":
        """The same worlds, from their start, on a device."""
        return CartPole(self.n, self.random.initial_seed(), self.limit, device)

    def reset(self, seed: int) -> Tensor:
        self.random.manual_seed(seed)
        self.state = self._fresh()
        self.moves = torch.zeros(self.n, dtype=torch.int64, device=self.device)
        return self.obs

    @property
    def obs(self) -> Tensor:
        """float32 (n, 4)"""
        return self.state.float().T.contiguous()

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """actions (n,): 0 pushes left, 1 pushes right. Euler's method on the equations of motion."""
        _, v, angle, turn = self.state
        mass, moment = self.CART + self.POLE, self.POLE * self.HALF
        cos, sin = angle.cos(), angle.sin()
        push = (self.FORCE * (2 * actions - 1) + moment * turn.square() * sin) / mass
        turning = (self.GRAVITY * sin - cos * push) / (self.HALF * (4 / 3 - self.POLE * cos.square() / mass))
        speeding = push - moment * turning * cos / mass
        self.state = self.state + self.STEP * torch.stack((v, speeding, turn, turning))
        self.moves = self.moves + 1
        over = (self.state[0].abs() > self.EDGE) | (self.state[2].abs() > self.LEAN)
        cut = self.moves >= self.limit
        final, ended = self.obs, over | cut
        self.state = torch.where(ended, self._fresh(), self.state)
        self.moves = self.moves * ~ended
        return self.obs, torch.ones(self.n, device=self.device), over, cut, final

    def _fresh(self) -> Tensor:
        return torch.rand(4, self.n, dtype=torch.float64, device=self.device, generator=self.random) * 0.1 - 0.05

    def state_dict(self) -> dict:
        return {"state": self.state, "moves": self.moves, "random": self.random.get_state()}

    def load_state_dict(self, saved: dict) -> None:
        self.state, self.moves = saved["state"].to(self.device), saved["moves"].to(self.device)
        self.random.set_state(saved["random"].cpu())

    def draw(self, seen: Tensor, wide: int = 240, high: int = 80) -> Tensor:
        """One world's obs (4,) as a picture: uint8 (1, high, wide)."""
        y, x = torch.meshgrid(torch.arange(high).float(), torch.arange(wide).float(), indexing="ij")
        foot, ground = (float(seen[0]) / self.EDGE + 1) / 2 * (wide - 1), high - 16.0
        along = ((x - foot) * math.sin(float(seen[2])) - (y - ground) * math.cos(float(seen[2]))).clamp(0, 48)
        pole = torch.hypot(x - foot - along * math.sin(float(seen[2])), y - ground + along * math.cos(float(seen[2]))) < 2
        cart = ((x - foot).abs() < 16) & ((y - ground - 4).abs() < 4)
        shade = torch.full((high, wide), 250.0).masked_fill((y - ground - 9).abs() < 0.6, 150)
        return shade.masked_fill(cart, 60).masked_fill(pole, 120).to(torch.uint8)[None]

    def show(self, seen: Tensor) -> str:
        """One world's obs (4,) as a small picture of characters."""
        wide, high = 61, 5
        x, angle = float(seen[0]), float(seen[2])
        rows = [[" "] * wide for _ in range(high)]
        foot = (x / self.EDGE + 1) / 2 * (wide - 1)
        for i in range(high):                   # the lean is drawn three times as strong, or nobody would see it
            at = round(foot + 2 * (i + 0.5) * math.sin(3 * angle))
            if 0 <= at < wide:
                rows[high - 1 - i][at] = "/" if angle > 0.03 else "\\" if angle < -0.03 else "|"
        ground = ["─"] * wide
        for at in range(max(0, round(foot) - 2), min(wide, round(foot) + 3)):
            ground[at] = "█"
        return "\n".join("".join(row) for row in [*rows, ground])


class Gym:
    """n gymnasium environments side by side. They cannot be rewound: after a load they begin new episodes."""
    rewinds = False

    def __init__(self, name: str, n: int, seed: int, device: str | torch.device = "cpu"):
        self.name, self.n, self.device = name, n, torch.device(device)
        self.environments = [_environment(name) for _ in range(n)]
        self.first = int(getattr(self.environments[0].action_space, "start", 0))
        self.obs: Tensor
        self.reset(seed)

    def to(self, device) -> "Gym":
        self.device = torch.device(device)
        self.obs = self.obs.to(self.device)
        return self

    def reset(self, seed: int) -> Tensor:
        self.seed = seed
        self.obs = self._tensor([self._ask(i, "reset", seed=(seed * 1009 + i) % 2**31)[0] for i in range(self.n)])
        return self.obs

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """actions (n,) counted from 0."""
        seen, last, rewards, overs, cuts = [], [], [], [], []
        for i, action in enumerate(actions.tolist()):
            after, reward, over, cut, _ = self._ask(i, "step", action + self.first)
            last.append(after)
            seen.append(self._ask(i, "reset")[0] if over or cut else after)
            rewards.append(float(reward))
            overs.append(bool(over))
            cuts.append(bool(cut))
        reward = torch.tensor(rewards, device=self.device)
        final, self.obs = self._tensor(last), self._tensor(seen)
        if not (reward.isfinite().all() and final.isfinite().all()):
            raise Failure("the environment {name} returned a value that is no finite number; the last good state is kept. "
                          "Mend the environment and go on with: deepen resume", name=self.name)
        return (self.obs, reward, torch.tensor(overs, device=self.device), torch.tensor(cuts, device=self.device), final)

    def state_dict(self) -> dict:
        return {"seed": self.seed}

    def load_state_dict(self, saved: dict) -> None:
        self.reset(saved["seed"] + 1)           # not the same episodes again

    def show(self, seen: Tensor) -> str:
        """One world's obs as numbers."""
        return "  ".join(f"{value:8.3f}" for value in seen.tolist())

    def _ask(self, i: int, what: str, *given, **named):
        try:
            return getattr(self.environments[i], what)(*given, **named)
        except Exception as error:              # an environment is a stranger's code: whatever it raises is its failure
            raise Failure("the environment {name} failed in {what}: {error}", name=self.name, what=what,
                          error=f"{type(error).__name__}: {error}") from error

    def _tensor(self, seen: list) -> Tensor:
        import numpy as np
        return torch.from_numpy(np.stack(seen).astype("float32")).to(self.device)


def _environment(name: str):
    try:
        import gymnasium
    except ImportError:
        raise Problem("gymnasium is not installed; run: pip install 'deepen[rl]'") from None
    try:
        return gymnasium.make(name)
    except (gymnasium.error.Error, ImportError, AttributeError, ValueError, TypeError) as error:
        raise Problem("gymnasium cannot make {name}: {reason}", name=name, reason=str(error).split("\n")[0]) from None
