"""The Playground's socket: orders of one browser to its session, frames back; the newest only, never a queue."""
import asyncio
import base64
import contextlib
import json
import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from deepen.app.studio.desk import desk_of
from deepen.app.studio.server import Studio
from deepen.app.studio.sessions import Seat, Sessions
from deepen.app.studio.wire import unpacked
from deepen.core.words import Problem, say

ORDERS = {"open", "play", "pause", "step", "rewind", "edit", "change", "look", "set", "ack", "show", "back", "export", "rival"}
MESSAGES, LONGEST = 60, 512 << 10   # a second (with a second's worth in hand), and letters of one: 5,000 points of one's own fit


def routes(studio: Studio) -> list[BaseRoute]:
    sessions = studio.parts["sessions"] = Sessions(lesson=studio.lesson)
    studio.at_end.append(sessions.end)
    desk = desk_of(studio, "try")

    async def socket(web: WebSocket) -> None:
        name = web.query_params.get("session", "")
        if not re.fullmatch(r"[\w-]{8,40}", name):
            await web.close(4400)
            return
        await web.accept()
        try:
            seat = sessions.seat(web.state.person.id, name)
        except Problem as problem:
            await web.send_text(json.dumps({"t": "refused", "problem": str(problem), "do": "open"}))
            await web.close(4429)
            return
        await Watch(web, seat, sessions, studio).serve()

    async def table(request: Request) -> Response:
        """A CSV of somebody's own: {columns: [{name, numbers, classes}], rows: [[…]]}, to choose two columns and a target."""
        raw = await request.body()
        if len(raw) > 2 << 20:
            raise Problem("the table has more than {most} MB; take a part of it", most=2)
        return JSONResponse(await desk.ask("table.read_table", raw=base64.b64encode(raw).decode()))
    return [WebSocketRoute("/ws", socket), Route("/api/playground/table", table, methods=["POST"])]


class Watch:
    """One socket on one seat. A second one on the same seat takes over (a page that was loaded again)."""

    def __init__(self, web: WebSocket, seat: Seat, sessions: Sessions, studio: Studio):
        self.web, self.seat, self.sessions, self.studio = web, seat, sessions, studio
        self.frame: bytes | None = None
        self.told: list[bytes] = []
        self.ready = asyncio.Event()
        self.hand, self.at = float(MESSAGES), time.monotonic()

    def tell(self, kind: int, payload: bytes) -> None:
        if kind:
            self.frame = payload                        # the one before, unsent, is nobody's loss
        else:
            self.told.append(payload)
        self.ready.set()

    async def serve(self) -> None:
        seat = self.seat
        seat.tell, seat.left = self.tell, 0.0
        sender = asyncio.create_task(self._send())
        try:
            if seat.opened is not None:                 # back again: what stands, and the whole curve
                curve = unpacked(seat.kept["curve"]).tolist() if seat.kept.get("curve") else seat.opened["curve"]
                self.tell(0, json.dumps({**seat.opened, "curve": curve, "back": True,
                                         "playing": bool(seat.kept.get("playing"))}).encode())
                await self.sessions.order(seat, "show")
                if seat.kept.get("playing"):
                    await self.sessions.order(seat, "play")
            else:
                self.tell(0, json.dumps({"t": "empty"}).encode())
            while True:
                await self._obey(await self.web.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError):
            return                                      # the browser went; the session stays
        finally:
            sender.cancel()
            if seat.tell == self.tell:
                seat.tell, seat.left = None, time.monotonic()

    async def _obey(self, text: str) -> None:
        now = time.monotonic()
        self.hand, self.at = min(2.0 * MESSAGES, self.hand + (now - self.at) * MESSAGES), now
        order: Any = None
        with contextlib.suppress(ValueError):
            order = json.loads(text) if len(text) <= LONGEST else None
        if not isinstance(order, dict) or order.get("do") not in ORDERS:
            return self._refuse(say("that was no order of the Playground"))
        if self.seat.number not in self.sessions.numbers:
            raise WebSocketDisconnect(4403)             # the session was taken away
        do = order.pop("do")
        if do != "ack":
            self.hand -= 1
            if self.hand < 0:
                return self._refuse(say("too many orders at once; slow down"))
        for name in ("s", "language", "state", "changes"):
            order.pop(name, None)                       # the server's own
        if self.studio.parts.get("room") is not None and self.studio.parts["room"].paused and do in ("play", "step") and self.seat.owner != "owner":
            return self._refuse(say("the teacher has paused the room"))
        if do == "set" and isinstance(order.get("speed"), (int, float)):
            self.seat.speed = float(order["speed"])
        if do in ("play", "pause"):
            self.seat.kept["playing"] = do == "play"
        await self.sessions.order(self.seat, do, **order)

    def _refuse(self, problem: str) -> None:
        self.tell(0, json.dumps({"t": "refused", "problem": problem}).encode())

    async def _send(self) -> None:
        while True:
            await self.ready.wait()
            self.ready.clear()
            told, self.told = self.told, []
            frame, self.frame = self.frame, None
            try:
                async with asyncio.timeout(20):
                    for one in told:
                        await self.web.send_text(one.decode())
                    if frame is not None:
                        await self.web.send_bytes(frame)
            except (TimeoutError, RuntimeError, WebSocketDisconnect):
                with contextlib.suppress(RuntimeError):
                    await self.web.close(1011)
                return
