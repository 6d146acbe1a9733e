"""Style and style_fast: what they promise beyond the contract."""
import numpy as np
import pytest
import torch
from PIL import Image

from deepen.core.words import Problem
from deepen.engine.answer import answers
from deepen.engine.export import export
from deepen.engine.fit import Flags, judge, lend
from deepen.engine.place import Place
from deepen.engine.start import prepare, revive, start
from deepen.nn import canvas as canvases
from deepen.nn import style as styles

SMALL = {"data.size": 64, "turns": 20, "scales": 1}


def built(what="style", **settings):
    plan = prepare(what, {**(SMALL if what == "style" else {}), **settings})
    torch.manual_seed(0)
    lend(plan.system, plan.data, Place("cpu", "fp32"))
    plan.system.build(plan.data)
    return plan.system


def learned(system, most=1000):
    for step, _ in enumerate(system.steps(), 1):
        if step >= most:
            break
    return system


def save(path, size, seed=0):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(path)
    return str(path)


def test_other_data_says_nothing_about_one_picture():
    with pytest.raises(Problem, match="leave --data out"):
        built().evaluate("test")


@pytest.mark.parametrize("rule, turns", [("lbfgs", 30), ("adam", 30)])
def test_both_rules_bring_the_gram_matrices_near(rule, turns):
    system = built(rule=rule, turns=turns, lr=0.03)
    loss = next(iter(system.steps()))["loss"]
    last = learned(system)
    assert float(last.parts["style"]) < 0.5 * float(loss)
    assert judge(last)["gram"] < 0.1


def test_the_same_picture_twice_stays_as_it_is(tmp_path):
    file = save(tmp_path / "a.png", (64, 48))
    system = built(**{"data.content": file, "data.style": file, "smooth": 0})
    learned(system)
    found = judge(system)
    assert found["gram"] < 1e-6 and found["content"] < 1e-3
    assert (system.sample(1)[0].int() - system.pictures()[0][0].mul(255).int()).abs().max() <= 2


def test_only_the_canvas_learns():
    system = built()
    learned(system, 1)
    trained = {id(w) for rule in system.rules for group in rule.param_groups for w in group["params"]}
    assert trained == {id(canvas.picture) for canvas in system.canvases}
    assert all(w.grad is None for w in system.look(0).eyes.parameters())
    assert not {"looks", "parts"} & set(system.state_dict())


def test_sizes_go_from_coarse_to_fine_and_odd_ones_fit():
    system = built(**{"data.size": 131, "scales": 3})
    assert system.sizes == [(44, 66), (87, 131)]                           # a third halving would leave fewer than 32 pixels
    assert system.planned == 2 * 2
    learned(system)
    assert system.stage == 2 and system.sample(1).shape == (1, 3, 87, 131)


def test_noise_is_another_beginning():
    system = built(begin="noise", turns=10)
    before = system.canvases[0].picture.clone()
    system.start(system.canvases[0])
    assert not torch.equal(before, system.canvases[0].picture)
    assert judge(system)["content"] > 0.5                                   # nothing is to be seen yet
    assert judge(system)["gram"] == pytest.approx(1, abs=0.3)


def test_the_photo_s_colours_can_be_kept():
    system = learned(built(colours="content", turns=10))
    made, photo = system.network()(), system.pictures()[0]
    inside = ((made > 0) & (made < 1)).all(1, keepdim=True).expand_as(made)
    assert torch.allclose((made - canvases.luma(made))[inside], (photo - canvases.luma(photo))[inside], atol=1e-4)
    how = built(colours="matched").pictures()
    assert torch.allclose(how[0].mean((2, 3)), how[1].mean((2, 3)), atol=0.02)


@pytest.mark.parametrize("weights, words", [("patches", "windows of 5×5"), ("random", "nobody trained")])
def test_it_says_whose_eyes_looked(weights, words):
    system = learned(built(weights=weights, turns=10))
    panels = list(system.panels())
    assert words in " ".join(system.said) and words in panels[0].text
    assert panels[0].pictures.shape == (3, 3, 43, 64) and panels[1].film


def test_a_run_of_one_s_own_can_be_the_eyes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start("classify", {"data": "shapes", "data.task": "classes", "data.count": 60, "data.size": 32, "epochs": 1, "batch": 16,
                       "net": "conv 8 3; relu; pool 2; conv 8 3; relu; globalpool; dense classes"}, Flags(), out=tmp_path / "eyes")
    system = built(weights=str(tmp_path / "eyes"), turns=10)
    assert system.look(0).eyes.layers == ("conv1_1", "conv2_1") and str(tmp_path / "eyes") in system.said[0]
    before = judge(system)["gram"]
    assert judge(learned(system))["gram"] < before
    with pytest.raises(Problem, match="no weights at"):
        built(weights="nowhere").look(0)


def test_grey_eyes_are_refused(tmp_path):
    start("classify", {"data": "digits", "epochs": 0.1}, Flags(), out=tmp_path / "eyes")
    with pytest.raises(Problem, match="did not learn from pictures in colour"):
        built(weights=str(tmp_path / "eyes")).look(0)


def test_the_film_tells_how_it_came_to_be(tmp_path):
    run = start("style", {**SMALL, "turns": 40}, Flags(keep="last"), out=tmp_path / "run")
    system = run.system()                                                   # without the data
    frames = list(system.unfolds(1))
    assert 3 <= len(frames) <= 60 and frames[0].shape == (1, 3, 43, 64)
    assert (frames[-1].int() - system.sample(1).int()).abs().float().mean() < 3
    assert (frames[0].int() - frames[-1].int()).abs().float().mean() > 3
    made = export(run, tmp_path / "out")
    assert made["parity"] <= 1e-6


def test_the_fast_one_paints_any_size_and_begins_as_a_window():
    system = built("style_fast", **{"data.size": 32, "data.count": 40, "width": 4, "blocks": 1})
    x = torch.randint(8, 248, (2, 3, 37, 51), dtype=torch.uint8)
    assert torch.allclose(system.predict(x), x / 255, atol=1e-5)
    learned(system, 3)
    made = system.predict(x)
    assert made.shape == x.shape and not torch.allclose(made, x / 255, atol=1e-3)
    assert made.min() >= 0 and made.max() <= 1


def test_the_fast_one_answers_about_a_photo_in_its_own_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = start("style_fast", {"data.size": 32, "data.count": 40, "width": 4, "blocks": 1, "epochs": 1}, Flags(keep="last"), out=tmp_path / "run")
    big, tiny = save(tmp_path / "a.png", (90, 61)), save(tmp_path / "b.png", (90, 2))
    one, two = answers(run, [tmp_path / "a.png", tmp_path / "b.png"])
    assert big and tiny and one.photo.drawn().size == (90, 61) and one.told["width"] == 90
    assert "at least 8 pixels" in two.problem
    made = export(run, tmp_path / "out")
    import onnxruntime
    session = onnxruntime.InferenceSession(made["files"][0], providers=["CPUExecutionProvider"])
    x = torch.randint(0, 256, (3, 3, 45, 38), dtype=torch.uint8)
    with torch.no_grad():
        wanted = revive(run).predict(x)
    assert np.abs(session.run(None, {"inputs": x.numpy()})[0] - wanted.numpy()).max() < 1e-4


def test_a_batch_weighs_as_its_pictures_do():
    system = built("style_fast", **{"data.size": 32, "data.count": 40, "width": 4, "blocks": 1})
    x = system.data.split("train")[torch.arange(3)][0]
    look = system.looked()
    each = [system.loss(system.predict(one), one, look)[None] for one in x.split(1)]
    style = [styles.apart(styles.gram(look.eyes(one / 255)[0][0]), look.grams[0]) for one in x.split(1)]
    whole = styles.apart(styles.gram(look.eyes(x / 255)[0][0]), look.grams[0]) / 3
    assert torch.allclose(torch.stack(style).mean(), whole, rtol=1e-4)
    assert torch.cat(each).isfinite().all()
