"""Faster R-CNN: torchvision's names and answers, the losses of the paper, pictures without things."""
import sys
from importlib.util import find_spec

import pytest
import torch
from torch.nn import functional as F

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image
from deepen.nn import boxes, detection
from deepen.systems import faster_rcnn
from deepen.systems.faster_rcnn import Detector, FasterRCNN

STAGES = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))


def published():
    """Names and shapes of torchvision's fasterrcnn_resnet50_fpn (its norms frozen, 91 classes)."""
    found = {}

    def norm(name, channels):
        found.update({f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")})

    def layer(name, *shape):
        found.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})
    found["backbone.body.conv1.weight"] = (64, 3, 7, 7)
    norm("backbone.body.bn1", 64)
    inputs = 64
    for stage, (blocks, width, outputs) in enumerate(STAGES, 1):
        for block in range(blocks):
            at = f"backbone.body.layer{stage}.{block}"
            for k, shape in enumerate(((width, inputs, 1, 1), (width, width, 3, 3), (outputs, width, 1, 1)), 1):
                found[f"{at}.conv{k}.weight"] = shape
                norm(f"{at}.bn{k}", shape[0])
            if block == 0:
                found[f"{at}.downsample.0.weight"] = (outputs, inputs, 1, 1)
                norm(f"{at}.downsample.1", outputs)
            inputs = outputs
        layer(f"backbone.fpn.inner_blocks.{stage - 1}.0", 256, outputs, 1, 1)
        layer(f"backbone.fpn.layer_blocks.{stage - 1}.0", 256, 256, 3, 3)
    layer("rpn.head.conv.0.0", 256, 256, 3, 3)
    layer("rpn.head.cls_logits", 3, 256, 1, 1)
    layer("rpn.head.bbox_pred", 12, 256, 1, 1)
    layer("roi_heads.box_head.fc6", 1024, 256 * 49)
    layer("roi_heads.box_head.fc7", 1024, 1024)
    layer("roi_heads.box_predictor.cls_score", 91, 1024)
    layer("roi_heads.box_predictor.bbox_pred", 364, 1024)
    return found


def test_names_shapes_and_parameters_are_those_of_torchvision():
    with torch.device("meta"):
        net = Detector(Image(3, 480, 640), 90, "resnet50", True, "frozen", 32, 512)
    mine = {name: tuple(value.shape) for name, value in net.state_dict().items() if ".scale." not in name}
    assert mine == published()
    assert sum(weight.numel() for weight in net.parameters()) == 41_755_286


def torchvision_model():
    """torchvision beside a CPU torch: its operators are only named, so what needs them is not called."""
    lib = torch.library.Library("torchvision", "DEF")
    for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "qroi_align", "deform_conv2d"):
        lib.define(f"{name}(Tensor a) -> Tensor")
        if name not in ("qroi_align",):
            lib.define(f"_{name}_backward(Tensor a) -> Tensor")
    lib.define("nms(Tensor a, Tensor b, float c) -> Tensor")
    lib.define("qnms(Tensor a) -> Tensor")
    lib.define("_cuda_version() -> int")
    from torchvision.models.detection import faster_rcnn as theirs
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d
    body = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d)
    return theirs.FasterRCNN(body, 91, box_detections_per_img=50).eval(), lib


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
@pytest.mark.skipif("torchvision" in sys.modules, reason="torchvision is loaded already")
def test_it_answers_as_torchvision_with_the_same_weights():
    torch.manual_seed(0)
    theirs, _ = torchvision_model()
    for name, value in theirs.named_buffers():                              # norms that do something
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    for head in (theirs.rpn.head.bbox_pred, theirs.rpn.head.cls_logits):
        torch.nn.init.normal_(head.weight, std=0.05)
    mine = Detector(Image(3, 256, 320), 90, "resnet50", True, "frozen", 32, 512).eval()
    faster_rcnn.begin(mine, dict(theirs.state_dict()))
    x = torch.randint(0, 256, (1, 3, 256, 320), dtype=torch.uint8)
    normal = (x / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        maps, wanted = mine.backbone(x), list(theirs.backbone(normal).values())
        assert all(torch.allclose(a, b, atol=1e-3, rtol=1e-3) for a, b in zip(maps, wanted, strict=True))
        logits, deltas, anchors = mine.look(maps)
        z, d = theirs.rpn.head(wanted)
        from torchvision.models.detection.image_list import ImageList
        from torchvision.models.detection.rpn import concat_box_prediction_layers
        grid = theirs.rpn.anchor_generator(ImageList(normal, [(256, 320)]), wanted)[0]
        z, d = concat_box_prediction_layers(z, d)
        assert torch.equal(torch.cat(anchors), grid)
        assert torch.allclose(torch.cat(logits, 1)[0], z[:, 0], atol=1e-3, rtol=1e-3)
        where = boxes.decode(torch.cat(deltas, 1)[0], grid)
        assert torch.allclose(where, theirs.rpn.box_coder.decode(d, [grid])[:, 0], atol=0.05, rtol=1e-3)
        some = boxes.clip(where[::997], 256, 320)
        some = some[boxes.area(some) > 4]
        z, d = mine.second(maps, some, torch.zeros(len(some), dtype=torch.long))
        level = torch.floor(4 + torch.log2(boxes.area(some).sqrt() / 224) + 1e-6).clamp(2, 5).long() - 2
        seen = boxes.roi_align(wanted[:4], some, torch.zeros_like(level), [1 / 4, 1 / 8, 1 / 16, 1 / 32], level=level)
        wanted_z, wanted_d = theirs.roi_heads.box_predictor(theirs.roi_heads.box_head(seen))
        assert torch.allclose(z, wanted_z, atol=1e-3) and torch.allclose(d.flatten(1), wanted_d, atol=1e-3)


def world(count=6, size=64, seed=0):
    """Bright squares on grey, some pictures with none."""
    draw = torch.Generator().manual_seed(seed)
    x, y = torch.randint(90, 110, (count, 3, size, size), generator=draw, dtype=torch.uint8), []
    for i in range(count):
        rows = []
        for _ in range(i % 3):
            left, top = torch.randint(0, size - 20, (2,), generator=draw).tolist()
            x[i, :, top:top + 18, left:left + 16] = 250
            rows.append([left, top, left + 16, top + 18, 1, 0])
        y.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 6))
    return Data({"train": Examples(x, y), "valid": Examples(x, y)}, Image(3, size, size), Boxes(("dark", "bright")))


def made(data=None, **recipe):
    torch.manual_seed(0)
    system = FasterRCNN(**{"net": "resnet18 width=8", "epochs": 1, "batch": 3, **recipe})
    system.data = data or world()
    system.build(system.data)
    return system


@pytest.mark.parametrize("recipe", [{}, {"fpn": False}, {"norm": "group"}, {"norm": "frozen"}, {"average": "swa"}, {"average": "none"}])
def test_every_way_makes_steps_and_answers(recipe):
    system = made(**recipe)
    for told in system.steps():
        assert set(told) == {"loss", "there", "shift", "what", "where"}
        assert all(torch.isfinite(value) for value in told.values())
    for net in system.networks():
        net.eval()
    system.least = 0.0
    with torch.no_grad():
        answers = system.predict(system.data.splits["valid"].inputs)
    assert len(answers) == 6 and all(rows.shape[1] == 6 and len(rows) <= 100 for rows in answers)
    rows = torch.cat(answers)
    assert len(rows) and (rows[:, :4] >= 0).all() and (rows[:, 2:4] <= 64).all() and set(rows[:, 4].tolist()) <= {0.0, 1.0}
    assert all((rows[1:, 5] <= rows[:-1, 5]).all() for rows in answers), "best first"
    assert set(system.evaluate()) == {"map50", "map"}


def test_pictures_without_things_are_learned_as_background():
    x = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    empty = Data({"train": Examples(x, [torch.zeros(0, 6)] * 4)}, Image(3, 64, 64), Boxes(("thing",)))
    told = next(made(empty, batch=4).steps())
    assert [float(told[name].detach()) > 0 for name in ("there", "shift", "where")] == [True, False, False]


def test_the_first_stage_asks_as_the_paper_does():
    """One thing, nine anchors: one fits, one is between and not asked, seven are background."""
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], *([[50.0 + k, 50, 60 + k, 60] for k in range(7)])])
    truth = torch.tensor([[0.0, 0, 10, 10, 0, 0]])
    z, d = torch.randn(1, 9), torch.randn(1, 9, 4) * 3
    there, shift = faster_rcnn.first_stage(z, d, anchors, [truth])
    asked = torch.tensor([0, *range(2, 9)])
    assert torch.allclose(there, F.binary_cross_entropy_with_logits(z[0, asked], (asked == 0).float()))
    far = d[0, 0].abs()                                                     # the anchor is the truth: wanted is 0
    assert torch.allclose(shift, torch.where(far < 1 / 9, far ** 2 * 4.5, far - 1 / 18).sum() / 8)


def test_the_second_stage_learns_from_the_truth_too():
    net = made().model
    proposals = torch.tensor([[[0.0, 0, 8, 8], [40, 40, 60, 60], [1, 1, 2, 2]]])
    truth = [torch.tensor([[0.0, 0, 8, 9, 1, 0], [41, 40, 60, 60, 0, 1]])]
    where, image, kind, wanted = net.choose(proposals, torch.tensor([[True, True, False]]), truth)
    assert kind.tolist() == [2, 2] and image.tolist() == [0, 0]             # the crowd is not background, filling not asked
    back = boxes.decode(wanted, where, faster_rcnn.WEIGHTS)
    assert torch.allclose(back, truth[0][[0, 0], :4], atol=1e-4)


def test_no_slope_reaches_the_proposals():
    """The second stage's loss of a box teaches what is seen, not where the first stage put it (section 3.2)."""
    system = made()
    x, y = system.data.splits["train"][torch.arange(6)]
    parts = system.model(x, y)
    head = system.model.rpn.head.bbox_pred.weight
    assert torch.autograd.grad(parts["what"] + parts["where"], head, allow_unused=True, retain_graph=True)[0] is None
    assert torch.autograd.grad(parts["shift"], head)[0].abs().sum() > 0


def test_what_is_exported_finds_as_much():
    system = made(epochs=60, batch=6, augment="", average="none")
    for step, _ in enumerate(system.steps(), 1):
        system.progress = step / 60
    for net in system.networks():
        net.eval()
    x = system.data.splits["valid"].inputs
    with torch.no_grad():
        module, given, names = system.exported(x)
        raw = module(*given.values())
        answers = system.predict(x)
    assert names == ["boxes", "scores"] and raw[0].shape == (*raw[1].shape, 4)
    finished = [boxes.suppress(where, sure) for where, sure in zip(*raw, strict=True)]
    truth = system.data.splits["valid"].target
    mine, theirs = (detection.judged(told, truth, 2)["map50"] for told in (answers, finished))
    assert mine > 0.8 and abs(mine - theirs) < 0.1


@pytest.mark.parametrize(("size", "fpn", "strides"), [((240, 320), True, [4, 8, 16, 32, 64]), ((100, 330), True, [4, 8, 16, 32, 64]),
                                                     ((130, 90), False, [16]), ((64, 64), True, [2, 4, 8, 16, 32])])
def test_a_place_of_a_map_stands_for_the_same_pixels_whatever_the_sides(size, fpn, strides):
    """240 is no multiple of 32: the coarse map has a row that reaches beyond the picture, and still 32 pixels a row."""
    net = Detector(Image(3, *size), 1, "resnet18 width=8", fpn, "batch", 8, 16).eval()
    with torch.no_grad():
        maps = net.backbone(torch.zeros(1, 3, *size, dtype=torch.uint8))
        anchors = net.look(maps)[2]
    assert net.strides(maps) == strides
    for m, rows, stride in zip(maps, anchors, strides, strict=True):
        middle = ((rows[:, :2] + rows[:, 2:]) / 2).view(*m.shape[2:], -1, 2)[:, :, 0]
        assert middle[-1, -1].tolist() == [stride * (m.shape[3] - 1), stride * (m.shape[2] - 1)]


def test_it_begins_from_a_net_that_only_classifies():
    from deepen.nn.design import network
    kind = Image(3, 64, 64)
    classifier = network("resnet18 width=8", kind, 5)
    net = Detector(kind, 2, "resnet18 width=8", True, "batch", 4, 16)
    head = net.rpn.head.cls_logits.weight.clone()
    faster_rcnn.begin(net, classifier.state_dict())
    mine = net.backbone.body.state_dict()
    assert all(torch.equal(mine[name], value) for name, value in classifier.state_dict().items()
               if not name.startswith(("fc.", "scale.")))
    assert torch.equal(net.rpn.head.cls_logits.weight, head)
