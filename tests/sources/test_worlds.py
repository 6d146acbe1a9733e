"""CartPole is gymnasium's CartPole; any environment's failure is one sentence."""
import pytest
import torch

from deepen.core.words import Failure, Problem
from deepen.sources.worlds import CartPole, Gym, cartpole, gym

gymnasium = pytest.importorskip("gymnasium")


def test_cartpole_is_gymnasiums_step_by_step():
    ours = CartPole(8, seed=0)
    theirs = [gymnasium.make("CartPole-v1") for _ in range(8)]
    for i, env in enumerate(theirs):
        env.reset(seed=i)
        env.unwrapped.state = ours.state[:, i].numpy().copy()
    choose = torch.Generator().manual_seed(1)
    ended = 0
    for _ in range(300):
        actions = torch.randint(2, (8,), generator=choose)
        obs, reward, over, cut, final = ours.step(actions)
        for i, env in enumerate(theirs):
            after, r, terminated, truncated, _ = env.step(int(actions[i]))
            assert torch.equal(final[i], torch.from_numpy(after)), (final[i], after)
            assert (float(reward[i]), bool(over[i]), bool(cut[i])) == (r, terminated, truncated)
            if terminated or truncated:
                ended += 1
                env.reset()
                env.unwrapped.state = ours.state[:, i].numpy().copy()
                assert obs[i].abs().max() <= 0.05 and not torch.equal(obs[i], final[i])
            else:
                assert torch.equal(obs[i], final[i])
    assert ended > 50


def lean(obs):
    """A rule that keeps the pole up: push to where it falls."""
    return (obs[:, 2] + 0.5 * obs[:, 3] + 0.05 * obs[:, 0] + 0.1 * obs[:, 1] > 0).long()


def test_time_is_up_after_the_limit_and_that_is_not_over():
    world = CartPole(4, seed=3, limit=30)
    obs = world.obs
    for move in range(1, 61):
        obs, _, over, cut, final = world.step(lean(obs))
        assert not over.any()
        assert cut.all() == (move % 30 == 0) and cut.any() == cut.all()
    assert (world.moves == 0).all() and not torch.equal(obs, final)


def test_limit_is_500_like_gymnasium():
    world, env = cartpole().world(1, 5), gymnasium.make("CartPole-v1")
    env.reset(seed=0)
    env.unwrapped.state = world.state[:, 0].numpy().copy()
    obs, moves, cut, truncated = world.obs, 0, torch.zeros(1, dtype=torch.bool), False
    while not cut.any():
        actions = lean(obs)
        obs, _, over, cut, final = world.step(actions)
        after, _, terminated, truncated, _ = env.step(int(actions[0]))
        moves += 1
        assert not over.any() and not terminated
    assert moves == 500 and truncated
    assert torch.allclose(final[0], torch.from_numpy(after), atol=0.01)     # a balanced pole magnifies the last bit


def test_a_rewound_world_repeats_itself():
    world = CartPole(5, seed=7)
    for i in range(40):
        world.step(torch.arange(5) % 2 if i % 3 else torch.ones(5, dtype=torch.int64))
    saved = {name: value.clone() for name, value in world.state_dict().items()}
    first = [world.step(torch.ones(5, dtype=torch.int64))[0] for _ in range(40)]
    other = CartPole(5, seed=1)
    other.load_state_dict(saved)
    second = [other.step(torch.ones(5, dtype=torch.int64))[0] for _ in range(40)]
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_same_seed_same_worlds_other_seed_other_worlds():
    assert torch.equal(CartPole(3, 5).obs, CartPole(3, 9).reset(5))
    assert not torch.equal(CartPole(3, 5).obs, CartPole(3, 6).obs)


def test_show_draws_the_cart_where_it_is():
    left, right = (CartPole(1, 0).show(torch.tensor([x, 0, lean, 0])) for x, lean in ((-2.0, -0.15), (2.0, 0.15)))
    assert left.splitlines()[-1].index("█") < 10 and "\\" in left
    assert right.splitlines()[-1].index("█") > 50 and "/" in right


def test_gym_source_plays_gymnasium():
    data = gym("CartPole-v1")
    assert data.inputs.shape == (4,) and data.target.names == ("0", "1")
    world = data.world(3, 0)
    ended = 0
    for _ in range(60):
        obs, reward, over, cut, final = world.step(torch.zeros(3, dtype=torch.int64))
        assert obs.shape == final.shape == (3, 4) and reward.shape == over.shape == cut.shape == (3,)
        ended += int(over.sum())
        assert ((obs != final).any(1) == over).all()
    assert ended > 5
    assert torch.equal(world.reset(4), data.world(3, 4).obs)


def test_an_unknown_environment_is_a_problem():
    with pytest.raises(Problem, match="NoSuchThing"):
        gym("NoSuchThing-v0")
    with pytest.raises(Problem, match="numbered actions"):
        gym("Pendulum-v1")                      # its actions are real numbers


class Bad(gymnasium.Env):
    """An environment that breaks at its third step, by raising or by returning NaN."""
    observation_space = gymnasium.spaces.Box(-1, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, how="raise"):
        self.how, self.count = how, 0

    def reset(self, *, seed=None, options=None):
        return self.observation_space.low * 0, {}

    def step(self, action):
        self.count += 1
        if self.count == 3 and self.how == "raise":
            raise RuntimeError("the motor is gone")
        value = float("nan") if self.count == 3 else 0.0
        return self.observation_space.low * 0 + value, 0.0, False, False, {}


@pytest.mark.parametrize("how, said", [("raise", "the motor is gone"), ("nan", "no finite number")])
def test_a_breaking_environment_is_a_failure_in_one_sentence(how, said):
    name = f"Bad{how}-v0"
    if name not in gymnasium.registry:
        gymnasium.register(name, entry_point=lambda: Bad(how), disable_env_checker=True)
    world = Gym(name, 1, 0)
    with pytest.raises(Failure, match=said):
        for _ in range(3):
            world.step(torch.zeros(1, dtype=torch.int64))


def test_gymnasium_missing(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(Problem, match="not installed"):
        gym()
