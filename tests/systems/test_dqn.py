"""DQN against known answers: value iteration, ends that are ends and ends that are not, and a pole that stays up."""
import pytest
import torch

from deepen.core.data import Data
from deepen.core.kinds import Label, Vector
from deepen.core.words import Problem
from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.nn.replay import Replay
from deepen.sources.worlds import cartpole, gym
from deepen.systems.dqn import DQN


class Chain:
    """States 0, 1, 2 as one-hot vectors; action 0 stays and earns 0.2 × state, action 1 goes on; from 2 it ends, earning
    1. Time is up after `limit` moves."""
    rewinds = True

    def __init__(self, n, seed, limit):
        self.n, self.limit = n, limit
        self.draw = torch.Generator()
        self.reset(seed)

    def to(self, device):
        return self

    def reset(self, seed):
        self.draw.manual_seed(seed)
        self.state, self.moves = torch.randint(3, (self.n,), generator=self.draw), torch.zeros(self.n, dtype=torch.int64)
        return self.obs

    @property
    def obs(self):
        return torch.eye(3)[self.state]

    def step(self, actions):
        over = (self.state == 2) & (actions == 1)
        reward = torch.where(actions == 0, 0.2 * self.state, over.float())
        self.state, self.moves = (self.state + actions).clamp(max=2), self.moves + 1
        cut = self.moves >= self.limit
        final, ended = self.obs, over | cut
        self.state = torch.where(ended, torch.randint(3, (self.n,), generator=self.draw), self.state)
        self.moves = self.moves * ~ended
        return self.obs, reward, over, cut, final

    def state_dict(self):
        return {"state": self.state, "moves": self.moves, "draw": self.draw.get_state()}

    def load_state_dict(self, saved):
        self.state, self.moves = saved["state"], saved["moves"]
        self.draw.set_state(saved["draw"])


def chain(limit):
    return Data({}, Vector(3), Label(("stay", "go")), lambda n, seed: Chain(n, seed, limit))


def value_iteration(discount):
    q = torch.zeros(3, 2)
    for _ in range(1000):
        v = q.amax(1)
        q = torch.stack((0.2 * torch.arange(3) + discount * v,
                         torch.stack((discount * v[1], discount * v[2], torch.tensor(1.0)))), 1)
    return q


def learned(data, steps, **recipe):
    """A DQN that has made `steps` steps by hand."""
    system = DQN(**{"net": "dense 32; relu; dense classes", "warmup": 64, "worlds": 8, "batch": 64, "moves": steps * 8,
                    "chance": 1.0, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    for i, _ in enumerate(system.steps(), 1):
        system.progress = i / steps
    return system


@pytest.mark.parametrize("double", [True, False])
def test_q_equals_value_iteration_although_time_is_cut(double):
    system = learned(chain(limit=4), 700, ahead=1, discount=0.9, double=double, lr=0.005, copy=20)
    with torch.no_grad():
        q = system.predict(torch.eye(3))
    assert torch.allclose(q, value_iteration(0.9), atol=0.03), (q, value_iteration(0.9))


class One:
    """One state, one point a move; every move ends the episode: `over`, or only `cut`."""
    rewinds = True

    def __init__(self, n, over):
        self.n, self.end = n, torch.full((n,), over)
        self.obs = torch.ones(n, 1)

    def to(self, device):
        return self

    def reset(self, seed):
        return self.obs

    def step(self, actions):
        return self.obs, torch.ones(self.n), self.end, ~self.end, self.obs

    def state_dict(self):
        return {}

    def load_state_dict(self, saved):
        assert saved == {}


@pytest.mark.parametrize("over, worth", [(True, 1.0), (False, 2.0)])
@pytest.mark.parametrize("ahead", [1, 3])
def test_a_cut_episode_is_worth_what_would_have_come_and_one_that_is_over_is_not(over, worth, ahead):
    data = Data({}, Vector(1), Label(("a", "b")), lambda n, seed: One(n, over))
    system = learned(data, 300, ahead=ahead, discount=0.5, lr=0.01, copy=10)
    with torch.no_grad():
        assert system.predict(torch.ones(1, 1))[0].tolist() == pytest.approx([worth, worth], abs=0.02)


def test_stretches_of_several_moves():
    memory = Replay(8, {"before": ((), torch.float32), "action": ((), torch.int64), "reward": ((), torch.float32),
                        "after": ((), torch.float32), "over": ((), torch.bool), "cut": ((), torch.bool)})
    no = torch.zeros(2, dtype=torch.bool)

    def add(t, over=no, cut=no):            # world 0 shows t, world 1 shows 100 + t; the reward is 10**t
        seen = torch.tensor([t, 100.0 + t])
        memory.add(before=seen, action=torch.zeros(2, dtype=torch.int64), reward=torch.tensor([10.0**t] * 2), after=seen + 1,
                   over=over, cut=cut)
    for t in range(4):
        add(t, over=torch.tensor([t == 1, False]), cut=torch.tensor([False, t == 2]))
    torch.manual_seed(0)
    drawn = memory.ahead(200, moves=3, worlds=2, discount=0.5)
    seen = {before: (reward, after, factor) for before, reward, after, factor in
            zip(*(drawn[name].tolist() for name in ("before", "reward", "after", "factor")), strict=True)}
    assert seen == {0.0: (1 + 5, 2, 0), 1.0: (10, 2, 0),                        # over at move 1: nothing after
                    100.0: (1 + 5 + 25, 103, 0.125), 101.0: (10 + 50, 103, 0.25)}     # cut at move 2: its value counts
    add(4)                                                                      # the ring goes round
    seen = set(memory.ahead(200, 3, 2, 0.5)["before"].tolist())
    assert seen == {1.0, 101.0, 2.0, 102.0}


def test_it_learns_to_keep_the_pole_up():
    data = cartpole()
    net = "dense 64; layernorm; relu; dense 64; layernorm; relu; dense classes"
    system = learned(data, 500, net=net, chance=0.05, updates=2, episodes=20)
    assert judge(system)["return"] > 60                    # chance alone keeps it up for about 22 moves, the start for 10
    assert judge(system, "test")["return"] > 60
    assert system.seen == 500 * 8 and system.planned == 500


def test_playing_gives_nothing_after_the_end():
    system = learned(cartpole(), 9, moves=72)
    world = system.data.world(12, 5)
    with torch.no_grad():
        rewards = torch.stack([reward for _, _, reward in system.play(world, 5)])
    assert ((rewards[1:] <= rewards[:-1]).all() and rewards[0].all() and len(rewards) == rewards.sum(0).max())


def test_without_a_world_it_says_so():
    data = Data({}, Vector(2), Label(("a", "b")))
    with pytest.raises(Problem, match="no world"):
        learned(data, 1)


def test_a_memory_smaller_than_a_stretch_is_refused():
    with pytest.raises(Problem, match="at least 128"):
        learned(cartpole(), 1, memory=100, ahead=16, worlds=8)


def test_it_learns_when_the_memory_is_smaller_than_the_warmup():
    system = learned(cartpole(), 20, memory=32, warmup=64, ahead=2, worlds=8, moves=160)
    assert system.learned == 4 * (20 - 7)


def test_an_episode_without_end_is_judged_after_a_while(monkeypatch):
    from deepen.systems import dqn
    monkeypatch.setattr(dqn, "LONGEST", 7)
    world = One(2, over=False)
    world.end = torch.zeros(2, dtype=torch.bool)
    world.step = lambda actions: (world.obs, torch.ones(2), world.end, world.end, world.obs)
    system = learned(Data({}, Vector(1), Label(("a", "b")), lambda n, seed: world), 1, ahead=1)
    assert len(list(system.play(world, 0))) == 7


def test_a_world_that_cannot_be_rewound_is_resumed_with_new_episodes():
    pytest.importorskip("gymnasium")
    system = learned(gym("CartPole-v1"), 3, worlds=2, moves=6)
    assert system.exact_resume is False
    before = system.world.obs
    system.load_state_dict(system.state_dict())
    assert system.made == 6 and not torch.equal(system.world.obs, before)
    system.moves = 8
    assert len(list(system.steps())) == 1 and DQN.exact_resume is True
