"""Weights to begin from: which are found, what is refused, what a person is told; published ones by a server of our own."""
import hashlib
import json
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Problem
from deepen.nn.design import network
from deepen.sources import weights
from deepen.sources.weights import begin, begin_from, located, net_of, read_weights

sys.path.insert(0, str(Path(__file__).parent))
from test_download import Server, closed_port

NET = "conv 4 3; norm; relu; globalpool; dense classes"


def data(names=("ant", "bee"), kind=None):
    kind = kind or Image(3, 16, 16)
    x = torch.zeros(4, *kind.shape, dtype=torch.uint8)
    return Data({"train": Examples(x, torch.arange(4) % len(names))}, kind, Label(tuple(names)))


def run_of(folder, net=NET, names=("ant", "bee"), kind=None, system="classify"):
    """A finished run as far as weights go: model/ with its card."""
    kind = kind or Image(3, 16, 16)
    torch.manual_seed(1)
    made = network(net, kind, len(names))
    content = safetensors.torch.save(made.state_dict())
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights.safetensors").write_bytes(content)
    (folder / "model" / "card.json").write_text(json.dumps({
        "system": system, "recipe": {"net": net} if system == "classify" else {}, "inputs": {"channels": kind.channels},
        "target": {"names": names}, "sha256": hashlib.sha256(content).hexdigest()}))
    return made


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEEPEN_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# a run of one's own

@pytest.mark.parametrize("what", ["runs/ants-classify-0007", "ants-classify-0007", "7", "model", "file"])
def test_a_run_is_found_by_folder_name_number_or_file(home, what):
    made = run_of(home / "runs" / "ants-classify-0007")
    what = {"model": "runs/ants-classify-0007/model/weights.safetensors",
            "file": str(home / "runs/ants-classify-0007/model/weights.safetensors")}.get(what, what)
    assert torch.equal(read_weights(what)["conv1.weight"], made.conv1.weight)
    assert net_of(what) == NET
    assert located(what) == str(home / "runs" / "ants-classify-0007")


def test_what_is_not_found_stays_as_it_is_and_is_refused_when_needed(home):
    assert located("runs/x") == "runs/x" and located("") == "" and located("imagenet") == "imagenet"
    with pytest.raises(Problem, match=r"no weights at runs/x"):
        read_weights("runs/x")


def test_the_same_classes_take_the_last_layer_too(home):
    made = run_of(home / "a")
    net = network(NET, Image(3, 16, 16), 2)
    assert begin(net, "a", NET, data()) == ["begins with the weights of a, the last layer too"]
    assert all(torch.equal(v, made.state_dict()[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("names", [("cat", "dog"), ("bee", "ant"), ("ant", "bee", "cat")])
def test_other_classes_begin_the_head_fresh_and_it_is_said(home, names):
    made = run_of(home / "a")
    net = network(NET, Image(3, 16, 16), len(names))
    before = net.dense1.weight.clone()
    assert begin(net, "a", NET, data(names)) == ["begins with the weights of a; the classes are others, so dense1 begins fresh"]
    assert torch.equal(net.dense1.weight, before) and torch.equal(net.conv1.weight, made.conv1.weight)


def test_another_net_is_refused_in_one_sentence(home):
    run_of(home / "a")
    wide = NET.replace("conv 4", "conv 8")
    with pytest.raises(Problem, match=r"a was trained with net=conv 4 3.*but net=conv 8 3.*leave net out"):
        begin(network(wide, Image(3, 16, 16), 2), "a", wide, data())


def test_the_same_text_with_another_shape_names_the_layer(home):
    run_of(home / "a", "conv 4 3; relu; dense 5; relu; dense classes")
    net = network("conv 4 3; relu; dense 5; relu; dense classes", Image(3, 8, 8), 2)
    before = net.conv1.weight.clone()
    with pytest.raises(Problem, match=r"dense1.weight is \(5, 1024\) in the weights and \(5, 256\) in this network"):
        begin(net, "a", "conv 4 3; relu; dense 5; relu; dense classes", data(kind=Image(3, 8, 8)))
    assert torch.equal(net.conv1.weight, before), "all or nothing is copied"


def test_grey_and_colour_are_told_apart(home):
    run_of(home / "a", kind=Image(1, 16, 16))
    with pytest.raises(Problem, match=r"pictures of 1 channel, these have 3; add data.colour=grey"):
        begin(network(NET, Image(3, 16, 16), 2), "a", NET, data())


def test_a_run_without_a_net_is_refused(home):
    run_of(home / "gan", system="dcgan")
    with pytest.raises(Problem, match=r"is a run of dcgan, which has no net"):
        net_of("gan")


def test_a_file_tells_no_net(home):
    safetensors.torch.save_file({"x": torch.zeros(1)}, home / "x.safetensors")
    assert net_of("x.safetensors") is None


# published weights

def published(net, kind, classes=10):
    """Weights as the hub keeps them: without our scaling, VGG's dense layers in timm's form."""
    torch.manual_seed(2)
    made = {name: tensor for name, tensor in network(net, kind, classes).state_dict().items() if not name.startswith("scale.")}
    if net.startswith("vgg"):
        theirs = {old: new for new, old in weights.RENAMED.items()}
        made = {next((name.replace(old, new) for old, new in theirs.items() if name.startswith(old)), name): tensor
                for name, tensor in made.items()}
        made["pre_logits.fc1.weight"] = made["pre_logits.fc1.weight"].unflatten(1, (-1, 7, 7))
        made["pre_logits.fc2.weight"] = made["pre_logits.fc2.weight"][..., None, None]
    return safetensors.torch.save(made)


@pytest.fixture
def hub(monkeypatch):
    made = Server()
    monkeypatch.setattr(weights, "HUB", made.address + "timm")
    yield made
    made.close()


PHOTOS = Image(3, 72, 72)


def offer(hub, net, content, known=True, monkeypatch=None):
    hub.bodies[f"/timm/{net}.tv_in1k/resolve/main/model.safetensors"] = content
    sha256 = hashlib.sha256(content).hexdigest()
    hub.bodies[f"/timm/{net}.tv_in1k/raw/main/model.safetensors"] = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode())
    monkeypatch.setitem(weights.PUBLISHED, net, sha256 if known else "")
    return sha256


def test_published_weights_are_downloaded_once_and_fit(hub, home, monkeypatch):
    content = published("resnet18", PHOTOS)
    offer(hub, "resnet18", content, monkeypatch=monkeypatch)
    net = network("resnet18", PHOTOS, 2)
    for _ in range(2):
        said = begin(net, "imagenet", "resnet18", data(kind=PHOTOS))
    assert said == ["begins with the weights of imagenet; the classes are others, so fc begins fresh"]
    assert [path for path, _ in hub.asked] == ["/timm/resnet18.tv_in1k/resolve/main/model.safetensors"]
    theirs = safetensors.torch.load(content)
    assert torch.equal(net.layer4[1].bn2.running_var, theirs["layer4.1.bn2.running_var"])
    assert torch.allclose(net.scale.mean.flatten(), torch.tensor([0.485, 0.456, 0.406]))
    assert (home / "cache/weights/resnet18/model.safetensors").read_bytes() == content


def test_a_half_download_goes_on(hub, home, monkeypatch):
    content = published("resnet18", PHOTOS)
    offer(hub, "resnet18", content, monkeypatch=monkeypatch)
    (home / "cache/weights/resnet18").mkdir(parents=True)
    (home / "cache/weights/resnet18/model.safetensors.part").write_bytes(content[:9_000_000])
    assert "fc.weight" in read_weights("imagenet", "resnet18")
    assert hub.asked == [("/timm/resnet18.tv_in1k/resolve/main/model.safetensors", "bytes=9000000-")]


def test_a_wrong_file_is_refused_and_removed(hub, home, monkeypatch):
    offer(hub, "resnet18", published("resnet18", PHOTOS), monkeypatch=monkeypatch)
    hub.bodies["/timm/resnet18.tv_in1k/resolve/main/model.safetensors"] = b"not what it should be"
    with pytest.raises(Problem, match=r"what came has a wrong SHA-256"):
        read_weights("imagenet", "resnet18")
    assert [path.name for path in (home / "cache/weights/resnet18").iterdir()] == [".lock"]


def test_offline_it_says_where_to_put_the_file(home, monkeypatch):
    monkeypatch.setattr(weights, "HUB", closed_port() + "timm")
    for net in ("resnet18", "resnet34"):                                # of known and of unknown SHA-256
        with pytest.raises(Problem) as caught:
            read_weights("imagenet", net)
        text = str(caught.value)
        assert "model.safetensors could not be downloaded" in text and f"timm/{net}.tv_in1k" in text
        assert f"put the files into one of these folders, where they were looked for: {home / 'cache' / 'weights' / net}" in text


def test_a_hash_that_is_not_known_is_asked_for_once_and_kept(hub, home, monkeypatch):
    sha256 = offer(hub, "resnet34", published("resnet34", PHOTOS), known=False, monkeypatch=monkeypatch)
    read_weights("imagenet", "resnet34")
    assert (home / "cache/weights/resnet34/sha256").read_text() == sha256
    hub.asked.clear()
    read_weights("imagenet", "resnet34")
    assert hub.asked == []
    file = home / "cache/weights/resnet34/model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(Problem, match=r"is not the file it should be .* remove it"):
        read_weights("imagenet", "resnet34")


def test_a_hub_that_states_no_hash_is_refused(hub, monkeypatch):
    offer(hub, "resnet34", b"x", known=False, monkeypatch=monkeypatch)
    hub.bodies["/timm/resnet34.tv_in1k/raw/main/model.safetensors"] = b"<html>sign in</html>"
    with pytest.raises(Problem, match=r"does not state a SHA-256"):
        read_weights("imagenet", "resnet34")


def test_a_file_put_there_by_hand_needs_no_network(home, monkeypatch):
    monkeypatch.setattr(weights, "HUB", closed_port() + "timm")
    content = published("resnet34", PHOTOS)
    (home / "cache/weights/resnet34").mkdir(parents=True)
    (home / "cache/weights/resnet34/model.safetensors").write_bytes(content)
    assert "fc.weight" in read_weights("imagenet", "resnet34")
    assert (home / "cache/weights/resnet34/sha256").read_text() == hashlib.sha256(content).hexdigest()


def test_vggs_dense_layers_are_renamed(hub, monkeypatch):
    """A small stand-in of timm's form, as the true ones take half a gigabyte."""
    w = {"features.0.weight": torch.ones(1), "pre_logits.fc1.weight": torch.arange(2 * 3 * 7 * 7.0).view(2, 3, 7, 7),
         "pre_logits.fc1.bias": torch.zeros(2), "pre_logits.fc2.weight": torch.ones(2, 2, 1, 1), "head.fc.weight": torch.ones(5, 2)}
    offer(hub, "vgg16", safetensors.torch.save(w), monkeypatch=monkeypatch)
    told = read_weights("imagenet", "vgg16")
    assert set(told) == {"features.0.weight", "classifier.0.weight", "classifier.0.bias", "classifier.3.weight", "classifier.6.weight"}
    assert told["classifier.0.weight"].shape == (2, 147) and told["classifier.3.weight"].shape == (2, 2)
    features = torch.rand(1, 3, 7, 7)
    assert torch.allclose(features.flatten(1) @ told["classifier.0.weight"].T,
                          torch.nn.functional.conv2d(features, w["pre_logits.fc1.weight"]).flatten(1), rtol=1e-5)


@pytest.mark.parametrize(("net", "kind", "told"), [
    ("alexnet", PHOTOS, "no published weights of alexnet in safetensors .* resnet18.* becomes a file for weights= by: python -c"),
    ("resnet18", Image(1, 72, 72), "in colour, these have 1 channel; add data.colour=rgb"),
    ("resnet18", Image(3, 64, 64), "more than 64 pixels a side, these have 64; add data.size=128")])
def test_what_published_weights_cannot_do(net, kind, told):
    with pytest.raises(Problem, match=told):
        begin(torch.nn.Linear(1, 1), "imagenet", net, data(kind=kind))


def test_imagenet_wants_a_net():
    with pytest.raises(Problem, match=r"weights=imagenet needs a net, for example net=resnet18; there are: resnet18, resnet34"):
        net_of("imagenet")


# by address

def test_an_address_with_its_hash(hub, home):
    content = safetensors.torch.save({"x": torch.arange(3.0)})
    hub.bodies["/some/x.safetensors"] = content
    address = f"{hub.address}some/x.safetensors#sha256={hashlib.sha256(content).hexdigest()}"
    assert read_weights(address)["x"].tolist() == [0, 1, 2] and located(address) == address
    read_weights(address)
    assert len(hub.asked) == 1 and hub.asked[0][0] == "/some/x.safetensors"


@pytest.mark.parametrize("address", ["https://a.b/x.safetensors", "https://a.b/x.pth#sha256=" + 64 * "0", "ftp://a.b/x.safetensors#sha256=" + 64 * "0",
                                     "https://a.b/x.safetensors#sha256=12"])
def test_an_address_without_its_hash_is_refused(address):
    with pytest.raises(Problem, match=r"ends in .safetensors#sha256="):
        read_weights(address)


def test_begin_from_copies_all_or_nothing():
    net = network(NET, Image(3, 8, 8), 2)
    given = {**network(NET, Image(3, 8, 8), 2).state_dict()}
    del given["norm1.running_mean"]
    before = net.conv1.weight.clone()
    with pytest.raises(Problem, match=r"no norm1.running_mean"):
        begin_from(net, given)
    assert torch.equal(net.conv1.weight, before)


@pytest.mark.parametrize("net", ["", "conv", "resnet20"])
def test_who_asks_for_weights_that_nobody_published_is_told(net):
    with pytest.raises(Problem, match="no published weights"):
        read_weights("imagenet", net)


def test_detectors_and_tellers_keep_the_whole_path_of_a_run(home):
    """A relative one would not be found when the run is resumed from another folder."""
    from deepen.systems.caption import Caption
    from deepen.systems.faster_rcnn import FasterRCNN
    run_of(home / "mine")
    for system in (Caption, FasterRCNN):
        assert system(weights="mine").weights == str((home / "mine").resolve()) and system().weights == ""
