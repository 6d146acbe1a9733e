"""What this computer is, how fast it multiplies and trains, and what it can train in a minute, an hour, or not at all."""
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

import deepen
from deepen.core.kinds import Image
from deepen.core.words import say
from deepen.engine.place import Place, best_precision, find_device
from deepen.nn import losses, optim
from deepen.nn.design import Design, net_function, network
from deepen.sources._download import cache

GREY, SMALL, COLOUR = Image(1, 28, 28), Image(1, 8, 8), Image(3, 64, 64)
PEAK = {"T4": 65e12, "A100": 312e12, "H100": 990e12}        # operations/s in 16 bits, dense, of NVIDIA's data sheets
GPU_USE = 0.3               # of the peak; airbench on an A100: 0.29 PFLOP in 2.59 s is 0.36, ResNet-18 0.25
GPU_STEP = 2e-3             # seconds a step costs at least: starting the kernels of a small network


@dataclass(frozen=True)
class Machine:
    """One computer: names, sizes, and, where it was measured, operations per second (a multiply-add is two)."""
    system: str
    processor: str
    cores: int
    threads: int
    memory: int                         # bytes
    free_disk: int                      # bytes, where we stand
    device: str
    device_name: str
    device_memory: int                  # bytes; 0 for a CPU
    precision: str
    matrix: dict[str, float]            # format -> operations/s of a 1024³ product
    convolution: dict[str, float]       # format -> operations/s of a 3×3 convolution, 64 -> 64 channels, forward
    pace: dict[str, tuple[float, float]]    # net -> seconds a training step costs beside its pictures, seconds a picture

    def training(self, net: str = "deepconv") -> float:
        """Operations/s that training a net on 28×28 pictures reaches in large batches."""
        return 6 * macs(net, GREY) / self.pace[net][1]


@dataclass(frozen=True)
class Training:
    """One training: what it costs anywhere."""
    name: str
    command: str | None                 # None: not yet
    macs: float                         # multiplications with an addition for one example, forward
    examples: float                     # shown in all, each as often as it is shown
    batch: int
    like: str                           # the measured net whose pace it keeps

    @property
    def operations(self) -> float:
        """Forward, and twice as much backward; a multiply-add is two."""
        return 6 * self.macs * self.examples

    def here(self, machine: Machine) -> float:
        """Seconds on a measured machine (an estimate)."""
        return self.examples / self.batch * machine.pace[self.like][0] + self.operations / machine.training(self.like)

    def on(self, gpu: str) -> float:
        """Seconds on a GPU of PEAK (an estimate)."""
        return self.examples / self.batch * GPU_STEP + self.operations / (PEAK[gpu] * GPU_USE)


def trainings() -> list[Training]:
    """What the textbook's systems cost, from seconds to years. Where we have no network yet, the operations are those of
    its authors: airbench94 0.36 PFLOP in all; ResNet-20 40.8 M, SegNet at 360×480 106.5 G, ResNet-50 4.09 G multiply-adds."""
    return [
        Training(say("8×8 digits"), "deepen train digits", macs("small", SMALL), 1258 * 12, 128, "small"),
        Training(say("MNIST, the default net"), "deepen train mnist epochs=2", macs("small", GREY), 54_000 * 2, 128, "small"),
        Training(say("MNIST, the textbook's net"), "deepen train mnist net=deepconv epochs=5", macs("deepconv", GREY), 54_000 * 5,
                 128, "deepconv"),
        Training(say("1,000 photos of 64×64"), "deepen train ./photos epochs=20", macs("small", COLOUR), 800 * 20, 128, "small"),
        Training(say("CIFAR-10, ResNet-20"), None, 40.8e6, 50_000 * 30, 128, "deepconv"),
        Training(say("CIFAR-10 to 94 %"), None, 0.36e15 / 6 / 500_000, 500_000, 1024, "deepconv"),
        Training(say("street scenes, SegNet"), None, 106.5e9, 367 * 100, 4, "deepconv"),
        Training(say("ImageNet, ResNet-50"), None, 4.089e9, 1.281e6 * 90, 256, "deepconv")]


def macs(net: str, kind: Image) -> int:
    """Multiplications with an addition that a net of ours takes for one picture, ten classes."""
    return Design((net_function(net)(kind, 10),)).table(kind, 10).totals.macs


# looking and measuring

def look(seconds: float | None = 0.3, told: Callable[[str], None] = lambda line: None) -> Machine:
    """What this computer is; measured for about ten times `seconds`, or not at all (None). `told` hears what is going on."""
    device = find_device("auto")
    formats = [] if seconds is None else ["fp32"] + ["bf16"] * (best_precision(device) == "bf16") + ["fp16"] * (device.type == "cuda")
    matrix, convolution = {}, {}
    for name in formats:
        told(say("measuring: {what} in {format}", what=say("matrix product"), format=name))
        matrix[name] = matrix_rate(device, name, seconds or 0)
        told(say("measuring: {what} in {format}", what=say("convolution"), format=name))
        convolution[name] = convolution_rate(device, name, seconds or 0)
    pace = {}
    for net in ("small", "deepconv") if seconds is not None else ():
        told(say("measuring: training of the network {net}", net=net))
        pace[net] = training_pace(net, seconds or 0)
    return Machine(
        f"{platform.system()} {platform.release()}", processor(), cores(), torch.get_num_threads(), memory(),
        shutil.disk_usage(".").free, device.type, torch.cuda.get_device_name() if device.type == "cuda" else processor(),
        torch.cuda.get_device_properties(0).total_memory if device.type == "cuda" else 0, best_precision(device),
        matrix, convolution, pace)


def matrix_rate(device: torch.device, precision: str, seconds: float, size: int = 1024) -> float:
    """Operations per second of a size³ matrix product."""
    a = torch.randn(size, size, device=device, dtype=_dtype(precision))
    with torch.no_grad():
        return 2 * size**3 / best_time(lambda: a @ a, device, seconds)


def convolution_rate(device: torch.device, precision: str, seconds: float, channels: int = 64) -> float:
    """Operations per second of a 3×3 convolution on 64 pictures of 28×28."""
    x = torch.randn(64, channels, 28, 28, device=device, dtype=_dtype(precision)).contiguous(memory_format=torch.channels_last)
    w = torch.randn(channels, channels, 3, 3, device=device, dtype=_dtype(precision)).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        return 2 * 64 * 28 * 28 * channels * channels * 9 / best_time(
            lambda: torch.nn.functional.conv2d(x, w, padding=1), device, seconds)


def training_pace(net: str, seconds: float) -> tuple[float, float]:
    """(seconds a training step costs beside its pictures, seconds each 28×28 picture costs), from a step with few pictures
    and a step with many; optimizer and precision are those that `deepen train` takes by itself."""
    few, many = 4, 256
    place = Place()
    model = place.place(network(net, GREY, 10))
    rule = optim.make("muon", model, 0.02)
    times = {}
    for count in (few, many):
        x = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, device=place.device)
        y = torch.randint(0, 10, (count,), device=place.device)

        def step(x=x, y=y):
            with place.autocast():
                place.descend(lambda: losses.cross_entropy(model(x), y), rule)
        times[count] = best_time(step, place.device, seconds * (1 + 2 * (count == many)))
    picture = max(times[many] - times[few], times[many] * 0.5) / (many - few)
    return max(0.0, times[few] - few * picture), picture


def best_time(work: Callable, device: torch.device, seconds: float) -> float:
    """The fastest of the times that `work` took in about so many `seconds`, at least five: others only make it slower."""
    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()
    work()
    wait()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - began < seconds:
        started = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - started)
    return min(times)


def busy() -> float | None:
    """How many programs want a core now, for each there is; None where the system does not tell."""
    return os.getloadavg()[0] / cores() if hasattr(os, "getloadavg") else None


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _dtype(precision: str) -> torch.dtype:
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def processor() -> str:
    """The processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory() -> int:
    """Bytes of main memory (of the container, where that is less); 0 where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="utf-8").strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total


# is everything in order?

@dataclass(frozen=True)
class Check:
    """One thing that should be in order: `fine`, or the sentence that says what to do."""
    name: str
    told: str
    fine: bool
    needed: bool = True                 # False: something works less well without it


def checks(root: str = "runs") -> list[Check]:
    """Versions, fonts, and places that must be writable."""
    found = [Check("deepen", deepen.__version__, True), Check("Python", platform.python_version(), True),
             Check("torch", torch.__version__, True)]
    found += [_package(name, why) for name, why in (
        ("numpy", ""), ("scikit-learn", ""), ("skops", ""), ("onnxruntime", say("without it `deepen export` cannot prove its file")),
        ("matplotlib", say("without it a report has no curves")))]
    found += [_package("gymnasium", say("only for games of others: pip install 'deepen[rl]'"), needed=False)]
    font = korean_font()
    found.append(Check(say("Korean font"), font.name if font else say("not found: pip install koreanize-matplotlib"), font is not None, False))
    found += [_writable(say("runs"), Path(root)), _writable(say("downloads"), cache())]
    return found


def korean_font() -> Path | None:
    """The font for Korean letters in figures, without importing what carries it."""
    home = find_spec("koreanize_matplotlib")
    places = list(home.submodule_search_locations or ()) if home else []
    font = Path(places[0], "fonts", "NanumGothic.ttf") if places else None
    return font if font is not None and font.is_file() else None


def _package(name: str, why: str, needed: bool = True) -> Check:
    try:
        return Check(name, version(name), True, needed)
    except PackageNotFoundError:
        return Check(name, why or say("not installed: pip install {name}", name=name), False, needed)


def _writable(name: str, folder: Path) -> Check:
    """May we write there, or make it?"""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    good = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Check(name, str(folder) if good else say("{path} cannot be written; choose another place", path=folder), good)
