"""R-CNN: its stages in order, what each leaves behind, and hard negatives that are hard."""
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image
from deepen.core.words import Problem
from deepen.nn import boxes
from deepen.nn.looker import DONE, DRAWING, MARGINS, REGIONS, TUNING, warped
from deepen.systems.rcnn import RCNN


def world(count=10, size=48, seed=0):
    """Red and blue squares on grey; every third picture is empty."""
    draw = torch.Generator().manual_seed(seed)
    x, y = torch.randint(100, 106, (count, 3, size, size), generator=draw, dtype=torch.uint8), []
    for i in range(count):
        rows = []
        for k in range(i % 3):
            left, top = (4 + 22 * k, int(torch.randint(2, size - 20, (1,), generator=draw)))
            x[i, :, top:top + 16, left:left + 14] = torch.tensor([230, 20, 20] if k else [20, 20, 230], dtype=torch.uint8)[:, None, None]
            rows.append([left, top, left + 14, top + 16, k, 0])
        y.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 6))
    return Data({"train": Examples(x, y), "valid": Examples(x, y)}, Image(3, size, size), Boxes(("blue", "red")))


def made(data=None, **recipe):
    torch.manual_seed(0)
    system = RCNN(**{"net": "glance width=0.25", "side": 16, "around": 2, "epochs": 20, "batch": 5, "crops": 32, "regions": 40, **recipe})
    system.data = data or world()
    system.build(system.data)
    return system


def test_the_stages_come_in_the_papers_order_and_as_planned():
    system, seen = made(), []
    for told in system.steps():
        seen.append(("regions", "loss", "hard", "close")[[name in told for name in ("regions", "loss", "hard", "close")].index(True)])
    assert len(seen) == system.planned == 2 + 40 + 10 + 10
    assert seen == ["regions"] * 2 + ["loss"] * 40 + ["hard"] * 10 + ["close"] * 10
    assert system.model.stage == DONE
    assert system.evaluate()["map50"] > 0.9


def test_each_stage_leaves_what_the_next_one_needs():
    system = made()
    steps = system.steps()
    first = next(steps)
    assert first["recall"] == 1 and 0 < first["regions"] <= 40
    filled = (system.found.amax(2) > 0).any(1)
    assert filled[[1, 2, 4, 5, 7]].all() and (system.found[8:] == 0).all() and system.model.stage == REGIONS
    next(steps)
    assert system.model.stage == TUNING and system.at == 0
    for _ in range(40):
        next(steps)
    assert (system.model.planes == 0).all()
    next(steps)
    assert system.model.stage == MARGINS and system.model.planes.abs().sum() == 0     # the first picture has no thing
    for _ in range(9):
        next(steps)
    assert system.model.stage == DRAWING and (system.model.planes[:, :-1].norm(dim=1) > 0).all()
    assert (system.model.draw == 0).all()
    assert len(list(steps)) == 10 and system.model.stage == DONE and system.model.draw.abs().sum() > 0


def test_negatives_that_stay_are_hard_and_things_are_never_among_them():
    system = made()
    for told in system.steps():
        if system.model.stage == DRAWING and "hard" in told:
            break
    for k, rows in system.hard.items():
        margin = system.model.margins(rows[:, :-1])[:, int(k)]
        things = rows[:, -1] > 0.5
        assert things.sum() == sum(int((t[:, 4] == int(k)).sum()) for t in system.data.splits["train"].target)
        assert (margin[~things] > -1.2).all() and margin[things].mean() > 0.2 > margin[~things].mean()


def test_the_augment_line_alone_decides_how_regions_are_changed():
    def seen(**recipe):
        system = made(**recipe)
        next(steps := system.steps())
        next(steps)                                             # all regions are found
        shown = []
        system.model.forward = lambda crops: shown.append(crops) or torch.zeros(len(crops), 3)
        torch.manual_seed(1)
        x, truth = system.data.splits["train"][torch.arange(5)]
        return system.drawn_by_lot(x, truth, system.found[:5])[1], shown[0]
    kind, plain = seen(augment="")
    same, mixed = seen()
    turned = (plain != mixed).flatten(1).any(1)
    assert torch.equal(kind, same) and 0 < turned.sum() < len(turned)
    assert torch.equal(torch.where(turned[:, None, None, None], plain.flip(3), plain), mixed)
    with pytest.raises(Problem, match="mixup mixes classes"):
        made(augment="mixup 0.2")


def test_a_plan_counts_every_region_of_a_picture():
    from deepen.engine.plan import plan
    small, large = (plan("rcnn", {"data.count": "30", "regions": str(count)}).macs for count in (10, 40))
    assert large == 4 * small > 0


def test_warping_reads_the_region_and_a_little_round_it():
    x = torch.zeros(1, 3, 40, 40, dtype=torch.uint8)
    x[:, :, 10:30, 12:22] = 200
    box, first = torch.tensor([[12.0, 10, 22, 30]]), torch.zeros(1, dtype=torch.long)
    inside = warped(x, box, first, 12, 0)
    assert inside.shape == (1, 3, 12, 12) and inside.dtype == torch.uint8 and (inside[..., 1:-1, 1:-1] == 200).all()
    wide = warped(x, box, first, 12, 3)[0, 0]
    assert (wide[4:8, 4:8] == 200).all() and (wide[:2] == 0).all() and (wide[:, :2] == 0).all()
    assert 30 < (wide > 100).sum() < 43                                     # 6 × 6 of the 12 × 12


def test_boxes_are_drawn_in():
    """Told that things lie right of their regions by a tenth, the regression learns to move right by a tenth."""
    system = made()
    seen, b = torch.randn(200, system.model.seen), torch.tensor([[10.0, 10, 20, 20]]).expand(200, 4)
    right = b + torch.tensor([1.0, 0, 1, 0])
    for ridge in system.drawn:
        ridge.add(seen, boxes.encode(right, b))
    system.model.draw.copy_(torch.stack([one.solve(1000.0) for one in system.drawn]))
    system.model.stage.fill_(DONE)
    where, sure = system.model.told(seen[:5], b[:5])
    assert torch.allclose(where, right[:5, None].expand(5, 2, 4), atol=0.05) and sure.shape == (5, 2)
    assert (sure == 0.5).all()                                              # planes of 0: on the edge


def test_what_is_exported_finishes_to_the_same():
    system = made()
    list(system.steps())
    system.model.eval()
    x = system.data.splits["valid"].inputs[2:3]
    module, given, names = system.exported(x)
    with torch.no_grad():
        where, sure = module(*given.values())
    finished = boxes.suppress(boxes.clip(where, 48, 48), sure, system.least, system.overlap, system.most)
    assert names == ["boxes", "scores"] and torch.allclose(finished, system.predict(x)[0], atol=1e-4)


def test_pictures_without_things_teach_background():
    x = torch.randint(0, 256, (4, 3, 48, 48), dtype=torch.uint8)
    empty = Data({"train": Examples(x, [torch.zeros(0, 6)] * 4), "valid": Examples(x, [torch.zeros(0, 6)] * 4)},
                 Image(3, 48, 48), Boxes(("thing",)))
    system = made(empty, epochs=2)
    list(system.steps())
    assert system.model.stage == DONE
    assert all(rows.shape[1] == 6 for rows in system.predict(x))


def test_a_rim_that_leaves_nothing_is_told():
    with pytest.raises(Problem, match="around=8 leaves nothing of regions of side=16"):
        made(around=8)


def test_what_is_remembered_has_an_end(monkeypatch):
    monkeypatch.setattr("deepen.systems.rcnn.REMEMBERED", 2)
    system = made()
    x = system.data.splits["valid"].inputs
    found = [system.proposed(one) for one in x[:4]]
    assert len(system.looked) == 2 and torch.equal(system.proposed(x[0]), found[0])
