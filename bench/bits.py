"""Fewer bits: what bf16, stored fp16 and one bit cost and bring. Seeds 0, 1, 2, … fixed beforehand, last step; the test set
is opened once a run. The speed claims want a quiet machine.

    .venv/bin/python bench/bits.py                     # all claims
    .venv/bin/python bench/bits.py --only half         # one of: binary half speed; --seeds N
    .venv/bin/python bench/bits.py --folder kept       # runs stay there; those that are finished are not done again
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
RECIPE = ["classify", "data=mnist", "data.valid=0", "net=deepconv drop=0", "epochs=2.5"]
SIZES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096))        # rows, units, inputs


def deepen(*words) -> dict:
    told = subprocess.run([sys.executable, "-m", "deepen", *words, "--json"], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.splitlines()[-1])


def learned(folder: Path, *words) -> tuple[float, float]:
    """(seconds of training, accuracy on the test set); what a finished run told stands beside it."""
    told = folder.with_suffix(".json")
    if not told.exists():
        shutil.rmtree(folder, ignore_errors=True)
        seconds = deepen("train", *words, "--keep", "last", "--out", str(folder))["seconds"]
        told.write_text(json.dumps([seconds, deepen("validate", str(folder))["metrics"]["test"]["accuracy"]]))
    return tuple(json.loads(told.read_text()))


def tell(claim: str, ours: list[float], peer: float, peer_name: str, unit: str, best=statistics.mean) -> None:
    value = best(ours)
    print(json.dumps({"claim": claim, "ours": round(value, 6), "peer": round(peer, 6), "peer_name": peer_name,
                      "ratio": round(value / peer, 4), "unit": unit, "runs": len(ours),
                      "spread": [round(min(ours), 6), round(max(ours), 6)]}), flush=True)


def binary(seeds: int, folder: Path) -> None:
    """The net of signs learns MNIST; its packed form must answer the same for all 10,000 test pictures."""
    import torch

    from deepen.engine.validate import with_data
    from deepen.nn import binary
    accuracies, seconds, same, smaller = [], [], [], []
    for seed in range(seeds):
        path = folder / f"binary-{seed}"
        spent, accuracy = learned(path, "classify", "data=mnist", "data.valid=0", "net=binary", "--seed", str(seed))
        accuracies.append(accuracy)
        seconds.append(spent)
        system = with_data(opened(path))
        net, x = system.network().eval(), system.data.splits["test"][:][0]
        small = binary.packed(net)
        with torch.no_grad():
            same.append(float((net(x) == small(x)).all(1).double().mean()))
        smaller.append(sum(p.nbytes for p in net.parameters()) / small.bytes)
        print(f"binary seed {seed}: {accuracy:.4f} in {spent:.0f} s", file=sys.stderr, flush=True)
    tell("net=binary on MNIST (3×1024 signs, one bit a weight), test accuracy", accuracies, 0.986, "goal", "accuracy")
    tell("net=binary on MNIST, seconds of training", seconds, 300, "limit", "s", statistics.median)
    tell("net=binary packed: share of test pictures with scores equal to the bit", same, 1.0, "±1 float network", "share")
    tell("net=binary packed: times smaller than in fp32, all numbers counted", smaller, 32, "one bit for 32", "times")


def opened(path: Path):
    from deepen.engine.run import Run
    return Run.open(str(path))


def half(seeds: int, folder: Path) -> None:
    """The textbook's network learns in fp32 and in bf16 from the same seeds; then its weights are stored in fp16."""
    import torch

    from deepen.engine.bits import stored
    from deepen.engine.fit import quiet
    from deepen.engine.validate import with_data
    gaps, accuracies, same = [], {"fp32": [], "bf16": []}, []
    for seed in range(seeds):
        for precision, found in accuracies.items():
            path = folder / f"half-{seed}-{precision}"
            found.append(learned(path, *RECIPE, "--precision", precision, "--seed", str(seed))[1])
        gaps.append(accuracies["bf16"][-1] - accuracies["fp32"][-1])
        system = with_data(opened(path))
        batches = [x for x, _ in system.data.batches("test")]
        with quiet(system):
            full = torch.cat([system.predict(x) for x in batches]).argmax(1)
            with stored(system, "fp16"):
                short = torch.cat([system.predict(x) for x in batches]).argmax(1)
        same.append(float((full == short).double().mean()))
        print(f"half seed {seed}: fp32 {accuracies['fp32'][-1]:.4f} bf16 {accuracies['bf16'][-1]:.4f} "
              f"fp16 the same {same[-1]:.5f}", file=sys.stderr, flush=True)
    peer = statistics.mean(accuracies["fp32"])
    tell("deepconv on MNIST learned in bf16, test accuracy", accuracies["bf16"], peer, "the same seeds in fp32", "accuracy")
    print(json.dumps({"claim": "deepconv on MNIST, bf16 minus fp32, test accuracy", "ours": round(statistics.mean(gaps), 6),
                      "peer": -0.0005, "peer_name": "limit", "ratio": None, "unit": "accuracy", "runs": seeds,
                      "spread": [round(min(gaps), 6), round(max(gaps), 6)]}), flush=True)
    tell("deepconv, weights stored in fp16: share of test pictures named the same", same, 0.9999, "goal", "share")


def least(work, tries: int = 7) -> float:
    """The least time of some tries, after one to warm up."""
    spent = []
    for _ in range(tries + 1):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent[1:])


def beside(works: dict, rounds: int = 5, tries: int = 2) -> dict[str, list[float]]:
    """Least times of several works, measured in turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(least(work, tries))
    return found


def compare(claim: str, found: dict[str, list[float]], ours: str, peer: str, unit: str, scale: float) -> None:
    """One line: our time, theirs, and how many times faster we are, in the median round."""
    ratios = [b / a for a, b in zip(found[ours], found[peer], strict=True)]
    print(json.dumps({"claim": claim, "ours": round(min(found[ours]) * scale, 4), "peer": round(min(found[peer]) * scale, 4),
                      "peer_name": peer, "ratio": round(statistics.median(ratios), 2), "unit": unit, "runs": len(ratios),
                      "spread": [round(min(ratios), 2), round(max(ratios), 2)]}), flush=True)


def speed(seeds: int, folder: Path) -> None:
    import torch
    torch.manual_seed(0)
    before = torch.get_num_threads()
    for threads in dict.fromkeys((1, before)):
        torch.set_num_threads(threads)
        with torch.no_grad():
            for size in SIZES:
                product(threads, *size)
            whole(threads)
            resnet50(threads)
        step(threads)


def product(threads: int, rows: int, units: int, count: int) -> None:
    """±1 products against torch's; the weights are packed beforehand, the inputs each time where it says so."""
    import torch

    from deepen.nn.binary import Bits, pack, to_words
    x, w = (torch.randint(2, size).float() * 2 - 1 for size in ((rows, count), (units, count)))
    layer = Bits(count, units)
    layer.words.copy_(to_words(w > 0))
    a, xh, wh = pack(x), x.bfloat16(), w.bfloat16()
    if not torch.equal(layer(a), x @ w.T):
        raise SystemExit("the packed product is wrong")
    found = beside({"packed": lambda: layer(a), "with packing": lambda: layer(pack(x)), "torch fp32 mm": lambda: x @ w.T,
                    "torch bf16 mm": lambda: xh @ wh.T}, 3 if rows > 2000 else 5)
    where = f"{rows}×{count} by {count}×{units}, {threads} thread{'s' * (threads > 1)}"
    compare(f"packed ±1 product, {where}", found, "packed", "torch fp32 mm", "ms", 1e3)
    compare(f"packed ±1 product with packing the inputs, {where}", found, "with packing", "torch fp32 mm", "ms", 1e3)
    compare(f"packed ±1 product, {where}, beside bf16", found, "packed", "torch bf16 mm", "ms", 1e3)


def whole(threads: int) -> None:
    """net=binary answers 1,000 MNIST-sized pictures; the peer is the same ±1 weights in plain float layers."""
    import torch
    from torch import nn

    from deepen.core.kinds import Image
    from deepen.nn import binary
    from deepen.nn.design import network
    from deepen.nn.layers import BinaryDense, sign
    net = network("binary", Image(1, 28, 28), 10).eval()
    small = binary.packed(net)
    plain = nn.Sequential(*net)
    for i, layer in enumerate(plain):
        if isinstance(layer, BinaryDense):
            plain[i] = nn.Linear(layer.in_features, layer.out_features, bias=False)
            plain[i].weight = nn.Parameter(sign(layer.weight.detach()))
    x = torch.randint(256, (1000, 1, 28, 28), dtype=torch.uint8)
    if not torch.equal(small(x), plain(x)):
        raise SystemExit("the packed network is wrong")
    found = beside({"packed": lambda: small(x), "fp32": lambda: plain(x)})
    compare(f"net=binary packed, 1,000 pictures, {threads} thread{'s' * (threads > 1)}", found, "packed", "fp32", "ms", 1e3)
    one = x[:1]
    found = beside({"packed": lambda: small(one), "fp32": lambda: plain(one)}, tries=50)
    compare(f"net=binary packed, one picture, {threads} thread{'s' * (threads > 1)}", found, "packed", "fp32", "ms", 1e3)


def resnet50(threads: int) -> None:
    """Ours, and with what inference allows, against a ResNet-50 written here after torchvision's recipe: NCHW, fp32."""
    import torch

    from deepen.core.kinds import Image
    from deepen.nn import fast
    from deepen.nn.nets.resnet import resnet50
    ours, plain = resnet50(Image(3, 224, 224), 1000).eval(), Plain50().eval()
    x = torch.randint(256, (8, 3, 224, 224), dtype=torch.uint8)
    real = (x.float() / 255 - ours.scale.mean) / ours.scale.std
    rows = x.contiguous(memory_format=torch.channels_last)
    folded, quick = fast.inference(ours, half=False), fast.inference(ours)
    found = beside({"ours": lambda: ours(x), "folded": lambda: folded(rows), "bf16": lambda: quick(rows),
                    "plain eager NCHW fp32": lambda: plain(real)}, 3, 1)
    for name, words in (("ours", "as it is"), ("folded", "folded, channels_last, fp32"), ("bf16", "folded, channels_last, bf16")):
        compare(f"resnet50 inference, 8 pictures, {words}, {threads} thread{'s' * (threads > 1)}", found, name,
                "plain eager NCHW fp32", "ms", 1e3)


def Plain50():
    """An independent ResNet-50 of torch's own layers (He et al. 2015, table 1; stride in the 3×3)."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs, width, stride):
            super().__init__()
            self.a = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
                                   nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
                                   nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width))
            self.b = nn.Sequential() if stride == 1 and inputs == 4 * width else nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

        def forward(self, x):
            return (self.a(x) + self.b(x)).relu_()

    parts = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for width, count, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            parts.append(Block(inputs, width, 1 if number else first))
            inputs = 4 * width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


def step(threads: int) -> None:
    """One training step of the textbook's network, batch 100, in bf16 and in fp32."""
    import torch

    from deepen.core.kinds import Image
    from deepen.engine.place import Place
    from deepen.nn import losses, optim
    from deepen.nn.design import network
    x, y = torch.randint(256, (100, 1, 28, 28), dtype=torch.uint8), torch.randint(10, (100,))
    works = {}
    for precision in ("fp32", "bf16"):
        place = Place("cpu", precision)
        net = place.place(network("deepconv drop=0", Image(1, 28, 28), 10)).train()
        rule = optim.make("adam", net, 0.001)

        def work(place=place, net=net, rule=rule):
            for _ in range(5):
                with place.autocast():
                    place.descend(lambda: losses.cross_entropy(net(x), y), rule)
        works[precision] = work
    compare(f"deepconv, a training step of 100 pictures in bf16, {threads} thread{'s' * (threads > 1)}", beside(works), "bf16", "fp32",
            "ms", 200)


if __name__ == "__main__":
    PARTS = {"binary": binary, "half": half, "speed": speed}
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as there:
        if asked.folder:
            asked.folder.mkdir(parents=True, exist_ok=True)
        for name in [asked.only] if asked.only else PARTS:
            PARTS[name](asked.seeds, asked.folder or Path(there))
