"""What a Studio bears: one session at full speed, a class of 30 and of 100 on the same lesson, 30 that are all different.

    .venv/bin/python bench/studio/sessions.py [seconds of each, 8]

Every client is a WebSocket as a browser has it, which says of each frame that it was seen. CPU (of one core) and memory are
those of the Studio and its workers, from /proc; the clients run in a process of their own and need a core too. Each asks
for 66 epochs a second, to see whether 60 come. One JSON line a claim.
"""
import asyncio
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websockets

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
LESSON = {"data": "circle", "layers": [4, 2]}
TICKS = os.sysconf("SC_CLK_TCK")


class Client:
    """One tab: how many frames it saw, and which epoch."""

    def __init__(self, base: str, key: str, number: int, spec: dict, speed: float = 60):
        self.address, self.port, self.key = f"ws{base[4:]}/ws?session=bench-{os.getpid()}-{number:04d}", base.rsplit(":", 1)[1], key
        self.base, self.spec, self.speed = base, spec, speed
        self.frames = self.epoch = 0

    async def live(self, opened: asyncio.Event) -> None:
        head = {"Cookie": f"deepen-{self.port}={self.key}"}
        async with websockets.connect(self.address, origin=self.base, additional_headers=head, max_size=None, compression=None) as socket:
            async for message in socket:
                if isinstance(message, str):
                    told = json.loads(message)
                    if told["t"] == "empty":
                        await socket.send(json.dumps({"do": "open", "spec": self.spec}))
                    elif told["t"] == "refused":
                        raise RuntimeError(told["problem"])
                    elif told["t"] == "opened":
                        await socket.send(json.dumps({"do": "set", "speed": self.speed}))
                        await socket.send(json.dumps({"do": "play"}))
                        opened.set()
                else:
                    number, self.epoch = struct.unpack_from("<II", message, 4)
                    self.frames += 1
                    await socket.send(f'{{"do": "ack", "n": {number}}}')


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *(int(one) for one in children.read_text().split())]


def cost(pid: int) -> tuple[float, float]:
    """Seconds of CPU so far and megabytes resident, of a process and its children."""
    seconds = memory = 0.0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return seconds, memory


async def measured(base: str, pid: int, clients: list[Client], seconds: float) -> dict:
    """Frames and epochs a second of each client, CPU and memory, after all have begun."""
    begun = [asyncio.Event() for _ in clients]
    tasks = [asyncio.create_task(client.live(event)) for client, event in zip(clients, begun)]
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in begun)), 60)
    await asyncio.sleep(2)
    broken = [task.exception() for task in tasks if task.done()]
    if broken:
        raise RuntimeError(broken)
    start, before, (cpu, _) = time.monotonic(), [(client.frames, client.epoch) for client in clients], cost(pid)
    await asyncio.sleep(seconds)
    took, (after, memory) = time.monotonic() - start, cost(pid)
    frames = [(client.frames - f) / took for client, (f, _) in zip(clients, before)]
    epochs = [(client.epoch - e) / took for client, (_, e) in zip(clients, before)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"frames": frames, "epochs": epochs, "cpu": (after - cpu) / took, "memory": memory}


def say(claim: str, ours: float, goal: float, unit: str, spread: list[float], **more) -> None:
    print(json.dumps({"claim": claim, "ours": round(ours, 3), "peer": goal, "peer_name": "goal", "ratio": round(ours / goal, 3), "unit": unit,
                      "runs": 1, "spread": [round(min(spread), 3), round(max(spread), 3)], **more}), flush=True)


def chromium() -> str:
    """Where the browser is."""
    names = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    return next((path for name in names if (path := shutil.which(name))), None) or sys.exit("there is no chromium here")


def studio(*words: str) -> tuple[subprocess.Popen, str, str]:
    """A Studio in a folder of its own: (process, base address, key)."""
    process = subprocess.Popen([sys.executable, "-m", "deepen", "studio", "--port", "0", "--no-browser", *words], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, cwd=tempfile.mkdtemp(), env={**os.environ, "OMP_NUM_THREADS": "1"})
    base, _, key = process.stdout.readline().strip().partition("/?token=")
    return process, base, key


def students(base: str, key: str, count: int) -> list[str]:
    """The keys of so many students who joined the class."""
    port, keys = base.rsplit(":", 1)[1], []
    head = {"Origin": base, "Cookie": f"deepen-{port}={key}"}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/api/room", headers=head)) as answer:
        code = json.load(answer)["code"]
    for n in range(count):
        body = json.dumps({"code": code, "name": f"student {n}"}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{base}/api/room/join", body, {"Origin": base, "Content-Type": "application/json"})) as answer:
            keys.append(answer.headers["set-cookie"].split(";")[0].partition("=")[2])
    return keys


def different(n: int) -> dict:
    """A net unlike the others."""
    return {"data": ("circle", "xor", "gauss", "spiral", "moons")[n % 5], "layers": [2 + (n + k) % 7 for k in range(1 + n % 4)], "seed": f"0.{n + 1}",
            "optimizer": ("sgd", "momentum", "adam")[n % 3], "activation": [("tanh", "relu", "sigmoid")[n % 3]], "batch": 1 + n}


def main() -> None:
    cases = [("one session at full speed", [{**LESSON, "seed": "0.5"}], 0, [("epochs", "epochs a second", 10000)]),
             ("30 browsers, one lesson", [{**LESSON, "seed": f"0.{n}"} for n in range(30)], 66, [("frames", "frames a second each", 30), ("epochs", "epochs a second each", 60), ("cpu", "CPU", 1)]),
             ("100 browsers, one lesson", [{**LESSON, "seed": f"0.{n}"} for n in range(100)], 66, [("frames", "frames a second each", 15), ("epochs", "epochs a second each", 15), ("cpu", "CPU", 1.5), ("memory", "memory", 1000)]),
             ("30 browsers, all different", [different(n) for n in range(30)], 66, [("epochs", "epochs a second each", 10), ("frames", "frames a second each", 8)])]
    for name, specs, speed, claims in cases:
        process, base, key = studio(*(["--class", "--host", "127.0.0.1"] if len(specs) > 1 else []))
        try:
            keys = students(base, key, len(specs)) if len(specs) > 1 else [key]
            clients = [Client(base, one, n, spec, speed) for n, (one, spec) in enumerate(zip(keys, specs))]
            told = asyncio.run(measured(base, process.pid, clients, SECONDS))
        finally:
            process.terminate()
            process.wait(10)
        for what, words, goal in claims:
            if what in ("cpu", "memory"):
                say(f"{name}: {words}", told[what], goal, "cores" if what == "cpu" else "MB", [told[what]])
            else:
                say(f"{name}: {words}", statistics.median(told[what]), goal, f"{what}/s", told[what])
        if len(specs) > 1:
            slowest = min(told["epochs"]) / statistics.median(told["epochs"])
            say(f"{name}: the slowest beside the median", slowest, 0.7, "share", [slowest])


if __name__ == "__main__":
    main()
