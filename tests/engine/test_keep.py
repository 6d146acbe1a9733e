"""Checkpoints and models come back bit for bit, training goes on exactly, and any damage is found."""
import hashlib
import json
import os
import random
import shutil
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save
from torch import nn

from deepen.core.system import load_optimizer
from deepen.core.words import Problem
from deepen.engine import keep
from deepen.engine.keep import Damaged

TYPES = (torch.bool, torch.uint8, torch.int16, torch.int64, torch.bfloat16, torch.float16, torch.float32,
         torch.float64, torch.complex64)


def same(a, b) -> bool:
    """Equal to the bit, also in types, the order of keys, nan and the sign of zero."""
    if isinstance(a, torch.Tensor):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and bits(a) == bits(b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def bits(tensor) -> bytes:
    flat = tensor.detach().reshape(-1).clone(memory_format=torch.contiguous_format)
    return flat.view(torch.uint8).numpy().tobytes()


def tree(seed: int = 0, size: int = 300):
    """(weights, state) of a small run."""
    draw = torch.Generator().manual_seed(seed)
    weights = {"0.weight": torch.randn(size, 7, generator=draw), "0.bias": torch.randn(7, generator=draw)}
    moments = {0: {"step": torch.tensor(3.0), "exp_avg": weights["0.weight"] * 0.1}}
    groups = [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}]
    return {"model": weights}, {"seed": seed, "optimizer": {"state": moments, "param_groups": groups}}


@st.composite
def tensors(draw):
    kind = draw(st.sampled_from(TYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    made = torch.randint(0, 2**31, shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 999))))
    made = made % 2 == 0 if kind == torch.bool else made.to(kind)
    layout = draw(st.sampled_from(("plain", "turned", "strided", "channels_last")))
    if layout == "turned":
        return made.T if made.ndim == 2 else made
    if layout == "strided":
        return made[..., ::2] if made.ndim else made
    return made.contiguous(memory_format=torch.channels_last) if layout[0] == "c" and made.ndim == 4 else made


words = st.text(st.characters(exclude_categories=()), max_size=6)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | tensors(),
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(words | st.integers(-3, 12), inner, max_size=4), max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(weights=trees, state=trees)
def test_any_tree_comes_back_bit_for_bit(weights, state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keep") / "000001"
    assert keep.save(folder, weights, state) == folder
    again = keep.load(folder)
    assert same(again, (weights, state)), (again, weights, state)
    keep.save_model(folder.with_name("model"), weights, {"labels": ["고양이"]})
    assert same(keep.load_model(folder.with_name("model"))[0], weights)


def test_every_type_keeps_its_extreme_values(tmp_path):
    state = {str(kind): torch.tensor([torch.finfo(kind).max, torch.finfo(kind).tiny, -0.0, float("nan"),
                                      float("-inf")], dtype=kind)
             for kind in (torch.bfloat16, torch.float16, torch.float32, torch.float64)}
    state |= {"i": torch.tensor([2**63 - 1, -2**63]), "b": torch.tensor(True), "n": 2**70, "f": float("inf"),
              "g": torch.Generator().manual_seed(3).get_state(), 7: "seven", "7": 7, "in": {-1: (None, [])}}
    folder = keep.save(tmp_path / "000001", {}, state)
    assert same(keep.load(folder), ({}, state))
    json.loads((folder / "state.json").read_text(), parse_constant=pytest.fail)     # JSON has no nan


def test_names_are_readable_and_never_clash(tmp_path):
    weights = {"model": {"0.weight": torch.ones(2)}, "nets": [{"w": torch.ones(1)}],
               "__metadata__": torch.ones(3), "a": {"b.c": torch.zeros(1)}, "a.b": {"c": torch.ones(1)}}
    folder = keep.save(tmp_path / "000001", weights, torch.arange(3))
    assert {"model.0.weight", "nets.0.w", "a.b.c"} <= set(load_file(folder / "weights.safetensors"))
    assert same(keep.load(folder), (weights, torch.arange(3)))


def test_shared_memory_is_stored_once_and_comes_back_shared(tmp_path):
    big = torch.randn(1000, 100)                                        # 400 kB
    net = nn.Sequential(nn.Linear(100, 1000, bias=False), nn.Linear(1000, 100, bias=False))
    tied = {"embed": big, "head": big, "view": big.detach(), "part": big[:10], "again": [big]}
    folder = keep.save(tmp_path / "000001", {"tied": tied, "net": net.state_dict()}, {"also": big})
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert 1.2e6 < size < 1.22e6                # big, net (800 kB) and ten rows: not five times big
    weights, state = keep.load(folder)
    assert same((weights["tied"], state["also"]), (tied, big))
    tied = weights["tied"]["embed"], weights["tied"]["head"], weights["tied"]["again"][0], state["also"]
    assert len({tensor.data_ptr() for tensor in tied}) == 1


def test_loaded_tensors_own_their_memory(tmp_path):
    weights, state = tree()
    folder = keep.save(tmp_path / "000001", weights, state)
    again, _ = keep.load(folder)
    shutil.rmtree(folder)
    again["model"]["0.weight"].mul_(2)
    assert torch.equal(again["model"]["0.weight"], weights["model"]["0.weight"] * 2)
    many = [torch.ones(size) for size in range(1, 3000, 97)]
    again, _ = keep.load(keep.save(tmp_path / "000002", many, None))
    assert {tensor.data_ptr() % 64 for tensor in again} == {0}          # as torch lays out its own


@pytest.mark.parametrize("bad", [{"x": object()}, {1.5: 1}, {True: 1}, {"x": {1, 2}},
                                 [torch.eye(2).to_sparse()], torch.zeros(1, dtype=torch.complex128)])
def test_what_is_not_a_tree_is_refused_before_anything_is_written(tmp_path, bad):
    with pytest.raises(TypeError, match="cannot be saved"):
        keep.save(tmp_path / "000001", {}, bad)
    assert not list(tmp_path.iterdir())


# training goes on exactly

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3))
        self.code, self.back = nn.Linear(8, 6, bias=False), nn.Linear(6, 8, bias=False)
        self.head, self.tied = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.tied.weight = self.head.weight

    def forward(self, x):                                               # (B, 3, H, W) -> (B, 8)
        h = self.body(x).mean((2, 3))
        return self.tied(torch.relu(self.head(h + self.back(self.code(h)))))


def learner(name: str, fused: bool, layout):
    torch.manual_seed(1)
    nets = [Net().to(memory_format=layout) for _ in range(2)]
    weights = [p for net in nets for p in net.parameters()]
    if name == "lbfgs":
        return nets, torch.optim.LBFGS(weights, lr=0.1, max_iter=4, history_size=3)
    more = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {"weight_decay": 0.01}
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[name]
    return nets, make(weights, lr=0.01, fused=fused, **more)


def learn(nets, optimizer, turns, layout):
    for turn in turns:
        x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(turn)).to(memory_format=layout)

        def closure(x=x):
            optimizer.zero_grad(set_to_none=True)
            loss = sum(net(x).square().mean() + net(x).sin().mean() for net in nets)
            loss.backward()
            return loss
        optimizer.step(closure)


LAYOUTS = torch.contiguous_format, torch.channels_last
WAYS = [(name, fused, layout)
        for name in ("adam", "adamw", "sgd") for fused in (False, True) for layout in LAYOUTS]


# torch's L-BFGS cannot flatten channels_last gradients at all
@pytest.mark.parametrize("name, fused, layout", [*WAYS, ("lbfgs", False, torch.contiguous_format)])
def test_three_steps_saved_and_three_more_equal_six(tmp_path, name, fused, layout):
    straight = learner(name, fused, layout)
    learn(*straight, range(6), layout)
    nets, optimizer = learner(name, fused, layout)
    learn(nets, optimizer, range(3), layout)
    keep.save(tmp_path / "000003", [net.state_dict() for net in nets], {"optimizer": optimizer.state_dict()})
    torch.manual_seed(99)
    fresh, again = learner(name, fused, layout)
    learn(fresh, again, [7], layout)            # what is loaded must replace all of it
    weights, state = keep.load(tmp_path / "000003")
    for net, saved in zip(fresh, weights, strict=True):
        net.load_state_dict(saved)
    load_optimizer(again, state["optimizer"])
    assert fresh[0].head.weight is fresh[0].tied.weight
    learn(fresh, again, range(3, 6), layout)
    assert same([dict(net.state_dict()) for net in fresh], [dict(net.state_dict()) for net in straight[0]])
    assert same(again.state_dict()["state"], straight[1].state_dict()["state"])


# damage

def hurt(folder: Path, name: str, how: str, draw: random.Random) -> None:
    file = folder / name
    content = bytearray(file.read_bytes())
    if how == "flip":
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif how == "cut":
        del content[draw.randrange(len(content)):]
    elif how == "longer":
        content += b" "
    elif how == "zeros":
        at = draw.randrange(len(content) - 20)
        content[at: at + 20] = bytes(20)
    elif how == "swap":
        other = folder / draw.choice([other for other in (*keep.FILES, "manifest.json") if other != name])
        content, theirs = other.read_bytes(), content
        other.unlink()
        other.write_bytes(theirs)
    elif how == "older":
        content = (folder.parent / "000001" / name).read_bytes()
    elif how == "gone":
        content = b""
    file.unlink()                               # make a new one: ext4 syncs a file that is overwritten
    if how != "gone":
        file.write_bytes(content)


def test_every_damage_is_found_and_the_one_before_is_used(tmp_path):
    draw = random.Random(0)
    old, new = tree(1, 40), tree(2, 40)
    keep.save(tmp_path / "000001", *old)
    keep.save(tmp_path / "000002", *new)
    whole = {name: (tmp_path / "000002" / name).read_bytes() for name in (*keep.FILES, "manifest.json")}
    ways = {"flip": 150, "cut": 20, "longer": 1, "zeros": 20, "swap": 3, "older": 1, "gone": 1}
    for how, times in ways.items():
        for name in [name for name in whole for _ in range(times)]:
            hurt(tmp_path / "000002", name, how, draw)
            if how == "zeros" and (tmp_path / "000002" / name).read_bytes() == whole[name]:
                continue                        # zeros over zeros
            number, weights, state, damaged = keep.newest(tmp_path)
            assert number == 1 and len(damaged) == 1, (how, name)
            assert same((weights, state), old)
            assert damaged == [f"000002/{name}"] or name == "manifest.json" or how == "swap", (how, damaged)
            shutil.rmtree(tmp_path / "000002")
            (tmp_path / "000002").mkdir()
            for file, content in whole.items():
                (tmp_path / "000002" / file).write_bytes(content)
    assert keep.newest(tmp_path)[0] == 2
    for number in (1, 2):
        hurt(tmp_path / f"{number:06d}", "state.safetensors", "flip", draw)
    with pytest.raises(Damaged, match="every checkpoint"):
        keep.newest(tmp_path)
    assert keep.newest(tmp_path / "nothing here") is None


def test_a_layout_of_the_future_is_not_guessed_at(tmp_path):
    manifest = keep.save(tmp_path / "000001", *tree()) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"layout": 1', '"layout": 2'))
    with pytest.raises(Damaged, match="layout 2"):
        keep.load(tmp_path / "000001")


# the model to use

def test_a_model_moves_and_its_card_is_plain(tmp_path):
    weights, _ = tree()
    card = {"labels": ["고양이", "개"], "auc": float("nan"), "size": [28, 28]}
    keep.save_model(tmp_path / "run" / "model", weights, card)
    (tmp_path / "run" / "model").rename(tmp_path / "elsewhere")
    again, read = keep.load_model(tmp_path / "elsewhere")
    written = (tmp_path / "elsewhere" / "weights.safetensors").read_bytes()
    assert same(again, weights)
    assert read == {**card, "auc": None, "sha256": hashlib.sha256(written).hexdigest()}
    assert "고양이" in (tmp_path / "elsewhere" / "card.json").read_text(encoding="utf-8")
    draw = random.Random(0)
    for _ in range(30):
        hurt(tmp_path / "elsewhere", "weights.safetensors", "flip", draw)
        with pytest.raises(Damaged, match="weights"):
            keep._load_model(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "weights.safetensors").write_bytes(written)
    assert same(keep.load_model(tmp_path / "elsewhere")[0], weights)


def test_a_model_is_read_while_it_is_replaced(tmp_path):
    keep.save_model(tmp_path / "model", tree(0, 20)[0], {"seed": 0})
    stop, met = threading.Event(), []

    def read():
        while not stop.is_set():
            weights, card = keep.load_model(tmp_path / "model")
            assert same(weights, tree(card["seed"], 20)[0])
            met.append(card["seed"])
    reader = threading.Thread(target=lambda: met.append(failure(read)))
    reader.start()
    for seed in range(60):
        keep.save_model(tmp_path / "model", tree(seed, 20)[0], {"seed": seed})
    stop.set()
    reader.join()
    assert met[-1] is None and len(set(met)) > 5


def failure(work):
    try:
        work()
    except Exception as error:
        return error


def test_a_hostile_model_is_refused(tmp_path):
    def model(content, **card):
        shutil.rmtree(tmp_path / "model", ignore_errors=True)
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "weights.safetensors").write_bytes(content)
        (tmp_path / "model" / "card.json").write_text(
            json.dumps({"sha256": hashlib.sha256(content).hexdigest(), **card}))
        return tmp_path / "model"
    one = {"w": torch.ones(1)}
    assert keep._load_model(model(save(one, {"tree": '{"tensor": "weights/w"}'})))[0] == 1
    for text in ('{"tensor": "weights/x"}', '{"tensor": 3}', '{"run": "x"}', "[" * 100_000, "{}", "nonsense",
                 '{"tensor": "weights/w", "float": "1"}', '{"float": "x"}', '{"dict": [1]}', '{"pairs": 3}'):
        with pytest.raises(Damaged):
            keep._load_model(model(save(one, {"tree": text})))
    for content in (save(one), b"", b"\xff" * 8, (2**62).to_bytes(8, "little") + b"{}", b"\x80\x04K\x01.",
                    save(one, {"tree": "{}"})[:-1]):
        with pytest.raises(Damaged):
            keep._load_model(model(content))
    with pytest.raises(Damaged, match="SHA-256"):
        keep._load_model(model(save(one), sha256="0" * 64))
    with pytest.raises(Damaged, match="more than 16 MB"):
        keep._load_model(model(save(one), pad="x" * keep.CARD_LIMIT))
    folder = model(save(one))
    for text in ("[]", "{}", "3", "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass").decode("latin1")):
        (folder / "card.json").write_text(text)
        with pytest.raises(Damaged, match=r"card\.json|weights"):
            keep._load_model(folder)
    (folder / "card.json").unlink()
    os.mkfifo(folder / "card.json")             # reading it would wait for ever
    with pytest.raises(Damaged, match=r"card\.json"):
        keep._load_model(folder)
    with pytest.raises(Problem, match="labels"):
        keep.save_model(tmp_path / "big", {}, {"labels": ["x" * keep.CARD_LIMIT]})
