"""DQN: a player learns what each move is worth by playing (Mnih et al., Nature 2015)."""
import copy
import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional as F

from deepen.core.kinds import Label, Vector
from deepen.core.recipe import Amount, Count, Fraction, Live, Rate
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import optim
from deepen.nn.design import network
from deepen.nn.replay import Replay

SEEDS = {"train": 0, "valid": 10_000, "test": 20_000}      # each split is judged in worlds of its own
LONGEST = 50_000                                           # moves of a judged episode: some worlds never end


@dataclass
class DQN(System):
    """Learns to act in a world by playing, from what each move turned out to be worth."""
    goal = (Vector, Label)
    default_data = "cartpole"
    score = "return"
    precision = "fp32"                      # values differ by less than bf16 can tell, and the net is small
    tiny = dict(net="dense 64; layernorm; relu; dense classes", moves=3200, worlds=8, updates=1, warmup=32,
                episodes=20)

    net: str = "dense 256; layernorm; relu; dense 128; layernorm; relu; dense classes"  # a name, or lines
    moves: Count = 40_000                   # moves it learns from, over all worlds
    worlds: Count = 16                      # worlds stepped together
    lr: Annotated[Rate, Live] = 0.001       # learning rate at the start; falls to 0 over the run
    discount: Fraction = 0.995              # what a point one move later is worth now (γ)
    ahead: Count = 16                       # moves of real reward before a value is guessed; 1: the paper
    batch: Count = 128                      # remembered moves an update
    updates: Count = 4                      # updates after each step of all worlds
    memory: Count = 5_000                   # moves remembered; few, as `ahead` wants moves of today's player
    warmup: Count = 1_000                   # moves before it begins to learn
    copy: Count = 64                        # updates after which the target network becomes a copy
    explore: Fraction = 0.3                 # share of the run over which chance moves grow rare
    chance: Annotated[Fraction, Live] = 0.02  # share of chance moves from then on (ε)
    double: bool = True                     # choose by the network, value by its target (van Hasselt 2016)
    clip: Amount = 10.0                     # longest gradient
    episodes: Count = 100                   # episodes played when it is judged

    def build(self, data):
        actions = len(data.target.names)
        net = network(self.net, data.inputs, actions)
        self.target = copy.deepcopy(net).requires_grad_(False).to(self.device)
        self.model = self.place(net)
        self.rule = optim.make("adam", self.model, self.lr)
        self.made = self.learned = 0                                        # moves and updates so far
        seen = (data.inputs.shape, torch.float32)
        if self.memory < self.ahead * self.worlds:
            raise Problem("a memory of {memory} moves is too small for ahead={ahead} in {worlds} worlds; "
                          "give it at least {least}", memory=self.memory, ahead=self.ahead,
                          worlds=self.worlds,
                          least=self.ahead * self.worlds)
        self.memories = Replay(self.memory // self.worlds * self.worlds, {
            "before": seen, "action": ((), torch.int64), "reward": ((), torch.float32), "after": seen,
            "over": ((), torch.bool), "cut": ((), torch.bool)}, self.device)
        seed = (torch.initial_seed() + 1) * 1_000_003 % 2**62
        self.world = None if data.world is None else data.world(self.worlds, seed).to(self.device)
        self.exact_resume = self.memories.saved and getattr(self.world, "rewinds", True)

    def steps(self):
        """One yield: a move in every world and `updates` updates."""
        if self.world is None:
            raise Problem("dqn learns by playing, and this data has no world to play in; try data=cartpole")
        while self.made < self.moves:
            seen = self.world.obs                                           # (W, …)
            action = self.explored(seen)
            _, reward, over, cut, after = self.world.step(action)
            self.memories.add(before=seen, action=action, reward=reward, after=after, over=over, cut=cut)
            self.made += self.worlds
            loss = None
            if self.made >= self.warmup and len(self.memories) >= self.ahead * self.worlds:
                optim.set_rate(self.rule, self.lr * (1 - self.progress))
                drawn = self.memories.ahead(self.batch * self.updates, self.ahead, self.worlds, self.discount)
                for part in zip(*(column.split(self.batch) for column in drawn.values()), strict=True):
                    loss = self.descend(self.surprise(*part), self.rule, clip=self.clip)
                    self.learned += 1
                    if self.learned % self.copy == 0:
                        self.target.load_state_dict(self.model.state_dict())
            yield {"reward": reward.mean()} | ({} if loss is None else {"loss": loss})

    def surprise(self, before, action, reward, after, factor):
        """Huber loss of Q(s, a) against y = r + γr' + … + γᵐ Q⁻(s⁽ᵐ⁾, a*); factor: γᵐ, or 0 at the end."""
        with torch.no_grad():
            values = self.target(after)                                     # (B, actions)
            best = (self.model(after) if self.double else values).argmax(1, keepdim=True)
            y = reward + factor * values.gather(1, best)[:, 0]
        return F.smooth_l1_loss(self.model(before).gather(1, action[:, None])[:, 0], y)

    def explored(self, seen):
        """The best moves (W,), some of them replaced by chance: ε falls from 1 to `chance`."""
        with torch.no_grad():
            values = self.model(seen)
        chance = max(self.chance, 1 - (1 - self.chance) * self.progress / max(self.explore, 1e-9))
        any_move = torch.randint(values.shape[1], (len(seen),), device=self.device)
        return torch.where(torch.rand(len(seen), device=self.device) < chance, any_move, values.argmax(1))

    def play(self, world, seed: int):
        """Greedily till each world has ended once; yields (seen, actions, rewards), 0 after the end."""
        seen = world.reset(seed)
        going = torch.ones(len(seen), dtype=torch.bool, device=self.device)
        for _ in range(LONGEST):
            if not going.any():
                return
            action = self.predict(seen).argmax(1)
            after, reward, over, cut, _ = world.step(action)
            yield seen, action, reward * going
            seen, going = after, going & ~(over | cut)

    def evaluate(self, split="valid"):
        world = self.data.world(self.episodes, SEEDS[split]).to(self.device)
        return {"return": sum(reward for _, _, reward in self.play(world, SEEDS[split])).mean()}

    def film(self, seed: int):
        """One greedy episode as frames, uint8 (1, H, W); none where the world cannot be drawn."""
        world = self.data.world(1, seed).to(self.device)
        drawn = hasattr(world, "draw")
        return [world.draw(seen[0]) for seen, _, _ in self.play(world, seed)] if drawn else []

    def predict(self, inputs):
        return self.network()(inputs).float()                               # (B, actions): worth of each move

    def example(self, count: int):
        """What `predict` takes: things a world might show."""
        return torch.randn(count, *self.data.inputs.shape, generator=torch.Generator().manual_seed(0))

    @property
    def planned(self):
        return math.ceil(self.moves / self.worlds)

    @property
    def seen(self):
        return self.made
