"""Autoencoder: the error is summed over pixels, it learns to fill in what is blanked, any pictures go through."""
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure, Problem
from deepen.engine.fit import judge, lend, quiet
from deepen.engine.place import Place
from deepen.sources.toys import stripes
from deepen.systems.autoencoder import Autoencoder


def data_of(channels=1, height=8, width=8, n=40, classes=True):
    x = torch.randint(0, 256, (n, channels, height, width), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    y = torch.arange(n) % 2 if classes else None
    return Data({"train": Examples(x, y), "valid": Examples(x[:9], None if y is None else y[:9])},
                Image(channels, height, width), Label(("a", "b")) if classes else None)


def made(data, **recipe):
    system = Autoencoder(**{"widths": "16,8", "code": 4, "batch": 10, "epochs": 2, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def learned(data, **recipe):
    system = made(data, **recipe)
    for i, _ in enumerate(system.steps()):
        system.progress = (i + 1) / system.planned
    return system


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 3), (3, 8, 8), (1, 28, 28), (3, 5, 9)])
@pytest.mark.parametrize("classes", [True, False])
def test_any_pictures_go_through(size, classes):
    system = learned(data_of(*size, classes=classes))
    found = judge(system)
    assert set(found) == ({"loss", "probe"} if classes else {"loss"}) and found["loss"] >= 0
    with quiet(system):
        shown = [system.sample(5, seed=3), system.walk(7, seed=3), system.painted(system.centre()[None])]
        assert [part.shape[1:] for part in shown] == [torch.Size(size)] * 3 and all(one.dtype == torch.uint8 for one in shown)
        assert system.axes(2).shape == (2, 4)
        answer = system.predict(system.data.split("valid")[:][0])
        assert answer.shape == (9, *size) and answer.min() >= 0 and answer.max() <= 1
        assert list(system.panels())
        assert len(system.beside()) == 1


@pytest.mark.parametrize("batch", [1, 10])
def test_one_picture_is_enough_to_learn_from(batch):
    whole = data_of(n=1)
    system = learned(Data({"train": whole.splits["train"]}, whole.inputs, whole.target), batch=batch, epochs=30)
    with quiet(system):
        assert list(system.panels()) and system.sample(3).shape == (3, 1, 8, 8)


def test_the_error_is_summed_over_pixels_and_averaged_over_pictures():
    system = made(data_of())
    x = system.data.split("valid")[:][0]
    with quiet(system):
        wanted = (system.predict(x) - x.float() / 255).square().flatten(1).sum(1).mean().item()
    assert judge(system)["loss"] == pytest.approx(wanted, rel=1e-5)


def test_the_same_seed_gives_the_same_sample_on_any_count():
    system = learned(data_of())
    with quiet(system):
        few, many = system.sample(4, seed=2).int(), system.sample(8, seed=2).int()
        assert (many[:4] - few).abs().max() <= 1
        assert not torch.equal(few, system.sample(4, seed=3).int())


def test_it_learns_to_fill_in_what_is_blanked():
    """Half of the pixels of striped pictures are missing: what comes back is much nearer to the truth than what went in,
    and nearer than what a network makes of it that never saw holes."""
    data = stripes()
    told = {"widths": "64,32", "code": 8, "epochs": 40, "batch": 32, "lr": 0.003}
    cleaner, plain = learned(data, noise=0.5, **told), learned(data, **told)
    plain.noise = 0.5
    x = data.split("valid")[:][0]
    holes = (cleaner.blanked(x, torch.Generator().manual_seed(0)).float() - x).div(255).square().flatten(1).sum(1).mean()
    found, other = judge(cleaner)["denoised"], judge(plain)["denoised"]
    assert found < 0.75 * holes and found < 0.9 * other
    assert "denoised" not in judge(learned(data, **{**told, "epochs": 1}))
    with quiet(cleaner):
        assert list(cleaner.panels())[-1].pictures.shape[0] == 36


def test_blanking_takes_the_share_asked_for_from_all_channels_at_once():
    system = made(data_of(3, 20, 20), noise=0.3)
    x = torch.full((50, 3, 20, 20), 200, dtype=torch.uint8)
    seen = system.blanked(x, torch.Generator().manual_seed(0))
    assert (seen == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(seen[:, 0], seen[:, 2]) and set(seen.unique().tolist()) == {0, 200}


def test_a_linear_one_cannot_beat_principal_components():
    """A code of 4 without bends, however long it learns, stays above PCA-4's error on what it learned from."""
    data = stripes()
    plain = made(data, code=4)
    with quiet(plain):
        [found] = plain.beside("train").values()
    assert judge(learned(data, widths="64,32", code=4, epochs=100, batch=32, lr=0.003), "train")["loss"] < found["loss"]


def test_too_many_numbers_and_wrong_widths_are_refused():
    with pytest.raises(Problem, match=r"data\.size=64"):
        made(data_of(3, 200, 200, n=2))
    with pytest.raises(Problem, match="500,250"):
        made(data_of(), widths="many")


def test_a_loss_that_is_no_number_stops_it():
    system = made(data_of())
    next(iter(system.model.parameters())).data.fill_(float("nan"))
    with pytest.raises(Failure, match="loss"):
        next(system.steps())


def test_small_pictures_get_fewer_numbers():
    assert Autoencoder.suits(data_of(), {})["code"] == 10 and Autoencoder.suits(data_of(1, 28, 28), {}) == {}
