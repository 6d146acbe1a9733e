"""Playground sessions: who has which, on which worker; and what is kept so that neither a worker nor a socket is missed."""
import asyncio
import contextlib
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deepen.core.words import Problem, language

MOST, EACH = 120, 2                 # sessions in all, and of one person
FORGET = 600                        # seconds a session nobody watches is kept; in a class, the whole lesson
HIDDEN = 30                         # seconds it learns on unseen


@dataclass
class Seat:
    """One session: its place on a worker, its last state, and the socket that watches it, if any."""
    number: int
    owner: str
    worker: int
    kept: dict[str, Any] = field(default_factory=dict)          # {state, curve (packed), epoch, playing, changes}
    spec: dict[str, Any] | None = None
    opened: dict[str, Any] | None = None
    tell: Callable[[int, bytes], None] | None = None            # (kind, payload) -> to the browser
    left: float = 0.0                                           # when the last socket went
    speed: float = 60.0


class Sessions:
    """The seats and the workers under them."""

    def __init__(self, workers: int | None = None, lesson: bool = False):
        self.count, self.lesson = workers or min(2, os.cpu_count() or 1), lesson
        self.processes: list[asyncio.subprocess.Process | None] = [None] * self.count
        self.readers: list[asyncio.Task | None] = [None] * self.count
        self.starting = [asyncio.Lock() for _ in range(self.count)]
        self.seats: dict[tuple[str, str], Seat] = {}
        self.numbers: dict[int, Seat] = {}
        self.next, self.ended = 1, False
        self.care: asyncio.Task | None = None

    def seat(self, owner: str, name: str) -> Seat:
        """The session of a person by its name, a new one where there is none."""
        found = self.seats.get((owner, name))
        if found is None:
            self._make_room(owner)
            worker = min(range(self.count), key=lambda one: sum(seat.worker == one for seat in self.seats.values()))
            found = self.seats[owner, name] = Seat(self.next, owner, worker)
            self.numbers[self.next] = found
            self.next += 1
        return found

    def _make_room(self, owner: str) -> None:
        mine = [(key, seat) for key, seat in self.seats.items() if seat.owner == owner]
        gone = sorted((item for item in mine if item[1].tell is None), key=lambda item: item[1].left)
        while len(mine) >= EACH * (8 if owner == "owner" else 1) and gone:
            key, seat = gone.pop(0)
            mine = [item for item in mine if item[0] != key]
            self.drop(key, seat)
        if len(mine) >= EACH * (8 if owner == "owner" else 1):
            raise Problem("you have {count} Playgrounds open already; close one", count=len(mine))
        if len(self.seats) >= MOST:
            raise Problem("this Studio holds {count} Playgrounds, and all are taken", count=MOST)

    def drop(self, key, seat: Seat) -> None:
        self.seats.pop(key, None)
        self.numbers.pop(seat.number, None)
        process = self.processes[seat.worker]
        if process is not None and process.returncode is None and process.stdin is not None:
            process.stdin.write(json.dumps({"s": seat.number, "do": "close"}).encode() + b"\n")

    async def order(self, seat: Seat, do: str, **values: Any) -> None:
        """Tell the worker of a seat; a worker that is not there is started, and its sessions put back."""
        if do == "open":
            seat.spec, seat.kept = values.get("spec"), {}
        await self._write(seat, {"s": seat.number, "do": do, "language": language(), **values})

    async def _write(self, seat: Seat, order: dict[str, Any]) -> None:
        process = await self._worker(seat.worker)
        assert process.stdin is not None
        process.stdin.write((json.dumps(order) + "\n").encode())
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()

    async def _worker(self, which: int) -> asyncio.subprocess.Process:
        """The process of a place; one that is not there is started, and gets the sessions of the one before it, as last kept."""
        async with self.starting[which]:
            process = before = self.processes[which]
            if process is None or process.returncode is not None:
                process = self.processes[which] = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "deepen.app.studio.worker", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
                self.readers[which] = asyncio.create_task(self._read(which, process))
                if before is not None:
                    self._put_back(which, process)
                if self.care is None:
                    self.care = asyncio.create_task(self._care())
        return process

    async def _read(self, which: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                length, number, kind = struct.unpack("<IIB", await process.stdout.readexactly(9))
                payload = await process.stdout.readexactly(length)
                seat = self.numbers.get(number)
                if seat is not None:
                    self._heard(seat, kind, payload)
        except asyncio.IncompleteReadError:
            await process.wait()
            if not self.ended:
                await self._worker(which)

    def _heard(self, seat: Seat, kind: int, payload: bytes) -> None:
        if kind == 0:
            told = json.loads(payload)
            if told["t"] == "kept":
                seat.kept = {name: told[name] for name in ("state", "curve", "epoch", "base", "playing", "changes")}
                return
            if told["t"] in ("opened", "asked"):
                seat.opened, seat.spec = {**(seat.opened or {}), **told, "t": "opened"}, told["began"]
        if seat.tell is not None:
            seat.tell(kind, payload)

    def _put_back(self, which: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        for seat in [seat for seat in self.seats.values() if seat.worker == which and seat.spec is not None]:
            orders: list[dict[str, Any]] = [
                {"do": "open", "spec": seat.spec, **{name: seat.kept[name] for name in ("state", "curve", "changes", "base") if name in seat.kept}},
                {"do": "set", "speed": seat.speed}]
            if seat.kept.get("playing") and seat.tell is not None:
                orders.append({"do": "play"})
            for order in orders:
                process.stdin.write((json.dumps({"s": seat.number, **order}) + "\n").encode())

    async def _care(self) -> None:
        """What nobody watches stops after a while, and is forgotten after a longer one."""
        while not self.ended:
            await asyncio.sleep(5)
            now = time.monotonic()
            for key, seat in list(self.seats.items()):
                if seat.tell is None and seat.left and now - seat.left > HIDDEN and seat.kept.get("playing"):
                    await self.order(seat, "pause")
                    seat.kept["playing"] = False
                if seat.tell is None and seat.left and now - seat.left > FORGET and not self.lesson:
                    self.drop(key, seat)

    async def end(self) -> None:
        self.ended = True
        if self.care is not None:
            self.care.cancel()
        for process in self.processes:
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        for reader in self.readers:
            if reader is not None:
                reader.cancel()
