"""Diffusion: any size of picture, points and pictures without classes; same seed, same sample; the class asked is made."""
import pytest
import torch
from torch import nn

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.things import Panel
from deepen.core.words import Failure, Problem
from deepen.engine.fit import Flags, lend, quiet
from deepen.engine.place import Place
from deepen.engine.start import open_data, prepare, start
from deepen.engine.validate import with_data
from deepen.nn import diffusion
from deepen.nn.denoiser import Denoiser, Dense, norm, waves
from deepen.systems.diffusion import Diffusion


def pictures(channels, height, width, n=32, classes=("a", "b")):
    """Ramps from dark to bright with a little noise, the second class half as bright: a judge learns them at once."""
    draw = torch.Generator().manual_seed(0)
    x = torch.linspace(0, 200, height)[None, None, :, None] + 40 * torch.rand(n, channels, height, width, generator=draw)
    y = torch.arange(n) % max(1, len(classes))
    x = (x / (1 + y)[:, None, None, None]).to(torch.uint8)
    y = y if classes else None
    return Data({"train": Examples(x, y), "valid": Examples(x[:9], None if y is None else y[:9])},
                Image(channels, height, width), Label(classes) if classes else None)


def made(data, **recipe):
    system = Diffusion(**{"width": 8, "batch": 16, "epochs": 1, "sampling": 4, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.progress = 0.0
    system.build(data)
    return system


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """A short training on stripes, with its data."""
    run = start("diffusion", {**Diffusion.tiny, "epochs": 24}, Flags(keep="last", precision="fp32", eval_every=1000),
                out=tmp_path_factory.mktemp("stripes") / "run")
    return with_data(run)


@pytest.mark.parametrize("way", ["flow", "ddpm", "v"])
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 33, 20), (1, 9, 11), (1, 1, 1), (3, 2, 3), (1, 70, 50)])
def test_any_size_of_picture(size, way):
    system = made(pictures(*size), way=way)
    assert len(list(system.steps())) == 2
    with quiet(system):
        painted = system.sample(5, seed=3)
        assert painted.shape == (5, *size) and painted.dtype == torch.uint8
        p = system.predict(system.example(2))
    assert p.shape == (2, *size) and p.min() >= 0 and p.max() <= 1


def test_one_picture_and_a_batch_of_one():
    system = made(pictures(1, 8, 8, n=1, classes=("only",)), batch=1, epochs=3)
    assert all(told["loss"].isfinite() for told in system.steps())


def test_pictures_without_classes():
    system = made(pictures(1, 8, 8, classes=()))
    list(system.steps())
    with quiet(system):
        told = system.evaluate()
        assert {"frechet_own", "sample_precision", "sample_recall"} == set(told)
        assert torch.equal(system.sample(3, guidance=0.0), system.sample(3, guidance=5.0)), "there is nothing to pull to"
        with pytest.raises(Problem, match="no classes"):
            system.sample(2, class_="a")
        assert "Guidance" not in [panel.title for panel in system.panels()]


def test_by_class_false_learns_without_them():
    system = made(pictures(1, 8, 8), by_class=False)
    list(system.steps())
    with quiet(system):
        assert "as_asked" not in system.evaluate() and "recognised" in system.evaluate()


def test_the_same_seed_makes_the_same_however_many(stripes):
    with quiet(stripes):
        many, few, other = stripes.sample(9, seed=4), stripes.sample(5, seed=4), stripes.sample(5, seed=5)
        assert (many[:5].int() - few.int()).abs().max() <= 1
        assert not torch.equal(few, other)
        noisy = stripes.sample(5, seed=4, eta=1.0)
        assert (noisy[:3].int() - stripes.sample(3, seed=4, eta=1.0).int()).abs().max() <= 1
        assert not torch.equal(noisy, few), "eta mixes noise in"


def test_more_than_go_at_once_are_made_alike(stripes, monkeypatch):
    with quiet(stripes):
        whole = stripes.sample(6, seed=2)
        monkeypatch.setattr("deepen.systems.diffusion.AT_ONCE", 4)
        assert (stripes.sample(6, seed=2).int() - whole.int()).abs().max() <= 1


@pytest.mark.parametrize("settings", [{}, {"guidance": 2.0}, {"eta": 1.0, "steps": 50}, {"by": "ddim"}, {"by": "heun"}])
def test_the_class_asked_is_the_class_made(stripes, settings):
    """Stripes are horizontal or vertical: the wider spread of brightness is across them."""
    with quiet(stripes):
        for name, across, along in (("horizontal", 3, 2), ("1", 2, 3)):
            x = stripes.sample(30, seed=7, class_=name, **settings).float()
            right = (x.mean(across).std(2) > x.mean(along).std(2)).float().mean()
            assert right > 0.95, name
        with pytest.raises(Problem, match="did you mean vertical"):
            stripes.sample(2, class_="vertica")


def test_guidance_0_is_without_a_class_and_1_as_learned(stripes):
    with quiet(stripes):
        free = [stripes.sample(6, seed=1, class_=name, guidance=0.0) for name in ("horizontal", "vertical")]
        assert torch.equal(*free)
        x, t, y = torch.randn(4, 1, 8, 8), torch.full((4,), 0.5), torch.zeros(4, dtype=torch.long)
        told, none = stripes.network()(x, t, y), stripes.network()(x, t, y + 2)
        for guidance, wanted in ((1.0, told), (0.0, none), (3.0, none + 3 * (told - none))):
            x0 = diffusion.parted("flow", wanted, x, 0.5, 0.5)[0].clamp(-1, 1)
            torch.testing.assert_close(stripes.apart(y, guidance, x, 500)[0], x0, atol=1e-5, rtol=0)


def test_a_film_begins_with_noise_and_ends_with_the_sample(stripes):
    with quiet(stripes):
        frames = list(stripes.unfolds(4, seed=3, steps=10))
        assert len(frames) == 11 and all(frame.shape == (4, 1, 8, 8) for frame in frames)
        assert torch.equal(frames[-1], stripes.sample(4, seed=3, steps=10))
        assert len(list(stripes.unfolds(1, steps=130))) <= 60


def test_a_walk_goes_from_one_sample_to_another(stripes):
    with quiet(stripes):
        way = stripes.walk(7, seed=3, class_="vertical")
        ends = stripes.sample(2, seed=3, class_="vertical")
        assert way.shape == (7, 1, 8, 8)
        assert (way[[0, -1]].int() - ends.int()).abs().max() <= 2
        jumps = (way[1:].float() - way[:-1].float()).abs().mean((1, 2, 3))
        assert jumps.max() < (way[0].float() - way[-1].float()).abs().mean()


def test_panels_are_what_a_report_can_draw(stripes):
    with quiet(stripes):
        panels = {panel.title: panel for panel in stripes.panels()}
    assert set(panels) == {"A drop of ink", "The way back", "Guidance", "How many steps"}
    assert all(isinstance(panel, Panel) and panel.pictures.dtype == torch.uint8 for panel in panels.values())
    ink = panels["A drop of ink"]
    assert ink.across == 9 and len(ink.pictures) == 27
    train = stripes.data.split("train")[torch.arange(1)][0][0]
    assert torch.equal(ink.pictures[0], train), "at t = 0 it is the picture itself"
    assert panels["Guidance"].names == ("0", "1", "3", "7") and len(panels["Guidance"].pictures) == 4 * panels["Guidance"].across
    film = panels["The way back"]
    assert film.film and film.across == 8 and len(film.pictures) % 8 == 0


def test_points_are_made_in_their_units():
    plan = prepare("diffusion", {"data": "gauss", "data.count": 600, "width": 32, "epochs": 100, "batch": 64})
    system = plan.system
    torch.manual_seed(0)
    lend(system, plan.data, Place("cpu", "fp32"))
    system.progress = 0.0
    system.build(plan.data)
    assert system.score == "energy" and isinstance(system.model, Dense)
    planned = system.planned
    for done, _ in enumerate(system.steps(), 1):
        system.progress = done / planned
    with quiet(system):
        points, y = system.predict(system.example(500)), system.example(500)[:, -1]
        assert system.evaluate()["energy"] < 0.05                   # clouds at (2, 2) and (−2, −2)
        for kind, side in ((1, 2.0), (0, -2.0)):                    # blue, orange
            assert points[y == kind].mean(0).tolist() == pytest.approx([side, side], abs=0.3)
            assert points[y == kind].std(0).tolist() == pytest.approx([0.5**0.5] * 2, rel=0.3)
        assert system.sample(2).shape == (2, 3, 96, 96)
        assert all(frame.shape == (2, 3, 96, 96) for frame in system.unfolds(2))
        assert len(system.walk(3)) == 3
        ink, across = system.ink(*plan.data.split("train")[:])
        assert across == len(ink) == 9


def test_points_with_a_number_have_no_classes():
    plan = prepare("diffusion", {"data": "plane", "data.count": 100, "epochs": 2})
    lend(plan.system, plan.data, Place("cpu", "fp32"))
    plan.system.build(plan.data)
    assert plan.system.classes == 0 and len(list(plan.system.steps())) > 0


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(Failure, match="loss became"):
        start("diffusion", {**Diffusion.tiny, "lr": 900}, Flags(precision="fp32"), out=tmp_path / "run")


def test_it_suits_points_and_pictures():
    small, points = open_data({"source": "stripes"})[0], open_data({"source": "spiral"})[0]
    assert "width" not in Diffusion.suits(small, {}) or Diffusion.suits(small, {})["width"] <= 32
    chosen = Diffusion.suits(points, {})
    assert chosen["guidance"] == 1.0
    assert chosen["epochs"] * len(points.splits["train"]) == pytest.approx(2000 * chosen["batch"])


# the nets

@pytest.mark.parametrize(("patch", "depth"), [(1, 2), (2, 2), (4, 3), (2, 1)])
@pytest.mark.parametrize("look", [False, True])
def test_the_net_answers_in_the_shape_it_was_asked(patch, depth, look):
    net = Denoiser(3, 16, 4, patch, depth, look)
    x = torch.randn(2, 3, 13, 22)
    assert net(x, torch.tensor([0.1, 1.0]), torch.tensor([0, 4])).shape == x.shape


def test_at_first_it_foretells_nothing_and_all_of_it_learns():
    net = Denoiser(1, 16, 3, 2, 2, True)
    x, t, y = torch.randn(4, 1, 12, 12), torch.rand(4), torch.tensor([0, 1, 2, 3])
    assert net(x, t, y).abs().max() == 0
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.1)
    net(x, t, y).square().sum().backward()
    assert all(w.grad is not None and w.grad.abs().sum() > 0 for w in net.parameters())


def test_time_class_and_every_pixel_matter():
    torch.manual_seed(0)
    net = Denoiser(1, 16, 3, 2, 2)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.1)
    x, t, y = torch.randn(1, 1, 8, 8), torch.tensor([0.3]), torch.tensor([1])
    here = net(x, t, y)
    assert not torch.allclose(here, net(x, t + 0.1, y)) and not torch.allclose(here, net(x, t, y + 1))
    x.requires_grad_()
    net(x, t, y).square().sum().backward()
    assert (x.grad != 0).all()


def test_waves_tell_close_times_apart():
    at = waves(torch.tensor([0.0, 0.001, 0.5, 1.0]), 32)
    assert at.shape == (4, 32) and torch.cdist(at, at).add(torch.eye(4) * 9).min() > 0.3
    assert at[0].tolist() == [0.0] * 16 + [1.0] * 16


def test_norm_bears_any_width():
    assert norm(48).num_groups == 3 and norm(8).num_groups == 1
    assert norm(20)(torch.randn(1, 20, 1, 1)).isfinite().all()
