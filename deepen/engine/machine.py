"""What this computer is, how fast it multiplies, and what it can train in a minute, an hour, or not at all."""
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from deepen.engine.place import best_precision, find_device

# Work of a training, multiply-adds (forward × 3), images or moves × passes: what the textbook's systems cost.
TRAININGS = (
    ("classify digits", "deepen train digits", 1617 * 60 * 0.35e6 * 3),
    ("classify mnist, the textbook's network", "deepen train classify data=mnist net=deepconv", 60_000 * 6 * 8.77e6 * 3),
    ("CIFAR-10 to 90 %", None, 50_000 * 10 * 60e6 * 3),
    ("CIFAR-10 to 94 %", None, 0.18e15),
    ("CamVid segmentation, 60 epochs", None, 367 * 60 * 1.5e9 * 3),
    ("ResNet-50 on ImageNet, 90 epochs", None, 1.28e6 * 90 * 4.089e9 * 3),
)
USE = 0.35      # the share of a measured convolution rate that whole trainings reach (bench/throughput.py)
PEAK = {"NVIDIA T4": 65e12, "NVIDIA A100": 312e12, "NVIDIA H100": 990e12}     # bf16 or fp16 operations/s of the data sheets
GPU_USE = 0.3


@dataclass(frozen=True)
class Machine:
    """One computer as measured: names, sizes, and operations per second (a multiply-add is two)."""
    system: str
    processor: str
    cores: int
    memory_gb: float
    free_disk_gb: float
    device: str
    device_name: str
    precision: str
    matrix_ops: dict[str, float]        # format -> operations/s of a 1024³ product
    convolution_ops: dict[str, float]   # format -> operations/s of a 3×3 convolution, 64 -> 64 channels, forward


def measure(seconds: float = 0.3) -> Machine:
    """Look and measure; takes about eight times `seconds`."""
    device = find_device("auto")
    formats = ["fp32"] + ["bf16"] * (best_precision(device) == "bf16") + ["fp16"] * (device.type == "cuda")
    return Machine(
        f"{platform.system()} {platform.release()}", processor(), os.cpu_count() or 1, memory() / 1e9,
        _free_disk() / 1e9, device.type, torch.cuda.get_device_name() if device.type == "cuda" else processor(),
        best_precision(device), {name: matrix_rate(device, name, seconds) for name in formats},
        {name: convolution_rate(device, name, seconds) for name in formats})


def matrix_rate(device: torch.device, precision: str, seconds: float, size: int = 1024) -> float:
    """Operations per second of a size³ matrix product."""
    a = torch.randn(size, size, device=device, dtype=_dtype(precision))
    return 2 * size**3 * _turns_per_second(lambda: a @ a, device, seconds)


def convolution_rate(device: torch.device, precision: str, seconds: float, channels: int = 64) -> float:
    """Operations per second of a 3×3 convolution on 64 pictures of 28×28."""
    like = {"device": device, "dtype": _dtype(precision)}
    x = torch.randn(64, channels, 28, 28, **like).to(memory_format=torch.channels_last)
    w = torch.randn(channels, channels, 3, 3, **like).to(memory_format=torch.channels_last)
    work = 2 * 64 * 28 * 28 * channels * channels * 9
    return work * _turns_per_second(lambda: torch.nn.functional.conv2d(x, w, padding=1), device, seconds)


def trainings(machine: Machine, price_per_hour: float = 0.0) -> list[dict]:
    """What the textbook's systems would take here and on GPUs: seconds (estimates), and cost at a price per GPU hour."""
    here = machine.convolution_ops[machine.precision if machine.precision in machine.convolution_ops else "fp32"] * USE
    rows = []
    for name, command, macs in TRAININGS:
        gpus = {gpu: 2 * macs / (peak * GPU_USE) for gpu, peak in PEAK.items()}
        rows.append({"training": name, "command": command, "here": 2 * macs / here, "gpus": gpus,
                     "cost": {gpu: seconds / 3600 * price_per_hour for gpu, seconds in gpus.items()}})
    return rows


def processor() -> str:
    """The processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory() -> int:
    """Bytes of main memory (of the container, where that is less)."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="utf-8").strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total


def _free_disk() -> int:
    place = os.statvfs(".")
    return place.f_bavail * place.f_frsize


def _dtype(precision: str) -> torch.dtype:
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def _turns_per_second(work, device: torch.device, seconds: float) -> float:
    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()
    with torch.no_grad():
        work()
        wait()
        began, turns = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            for _ in range(4):
                work()
            wait()
            turns += 4
    return turns / (time.perf_counter() - began)
