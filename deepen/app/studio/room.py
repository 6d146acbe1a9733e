"""A class: a room with a code, its students with rights on their own work, and what their teacher sees and says.

Everything is in memory and gone with the server. What a student's browser tells of its Playground (a digest) is bounded and
checked; the teacher's browser shows it as text and as small pictures made here or there, never as a file of a student's.
"""
import asyncio
import base64
import contextlib
import io
import json
import time
from typing import Any

import segno
from rich.text import Text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.classroom import ORDERS, Room, takers
from deepen.app.studio.desk import desk_of
from deepen.app.studio.guard import set_cookie
from deepen.app.studio.roster import Student, digest
from deepen.app.studio.server import Studio
from deepen.core.words import Problem, say

DOOR_BYTES, DIGEST_BYTES, ORDER_BYTES, DRAWING_BYTES = 1 << 10, 12 << 10, 12 << 10, 100_000
SIDE = 1024                         # pixels a drawing may be wide and high


def routes(studio: Studio) -> list[BaseRoute]:
    room = studio.parts["room"] = Room(studio)
    studio.at_end.append(room.end)
    desk = desk_of(studio, "try")

    async def join(request: Request) -> Response:
        """{code, name} -> {name}, and a cookie."""
        asked = await _asked(request, DOOR_BYTES)
        person = request.state.person
        if person is not None and person.role == "owner":
            raise Problem("you are the teacher in this browser; join in another one, or in a private window")
        token, student = room.join(str(asked.get("code", "")), asked.get("name"), request.client.host if request.client else "",
                                   person.id if person else "")
        return JSONResponse({"name": student.name}, headers={"set-cookie": set_cookie(studio.port, token)} if token else {})

    async def mine(request: Request) -> Response:
        """What the room says to a student; a POST brings the digest of the student's own net first. ?drawing=1 of a pad:
        then somebody is there to answer it."""
        student = _student(room, request)
        if request.method == "POST":
            student.bucket.take()
            told = digest(await _asked(request, DIGEST_BYTES), len(room.question.get("choices", ())))
            if told.get("epoch") is not None:
                told["weights"] = room.weights(student.id) or told.get("weights", 0)
            student.heard(told, room.challenge)
            room.changed(student)
        student.seen = time.monotonic()
        if request.query_params.get("drawing") == "1":
            answerer()
        return JSONResponse(room.mine(student))

    def answerer() -> str:
        """The run whose model answers drawings: the teacher's, else the newest there is."""
        if not room.model:
            room.model, room.side = next(iter(takers(studio).items()), ("", 0))
        return room.model

    async def drawing(request: Request) -> Response:
        """A PNG of a phone -> {answers, seen}. A newer drawing of the same phone takes the place of one that waits."""
        student = _student(room, request)
        student.bucket.take()
        raw = await _read(request, DRAWING_BYTES)
        if raw[:8] != b"\x89PNG\r\n\x1a\n" or not all(0 < int.from_bytes(raw[at:at + 4], "big") <= SIDE for at in (16, 20)):
            raise Problem("a drawing is a PNG of {side}×{side} pixels at most", side=SIDE)
        run = answerer()
        if not run:
            raise Problem("no trained model here takes pictures; the teacher trains one first: deepen train mnist")
        student.seen, student.drawn = time.monotonic(), student.drawn + 1
        number = student.drawn
        async with student.turn:
            if number != student.drawn:
                return JSONResponse({"late": True})
            told = await desk.ask("try.picture", run=str(studio.runs / run), raw=base64.b64encode(raw).decode(), drawn=True, maps=False)
        student.drawing = {"seen": told["seen"], "answers": told["answers"][:3], "run": run}
        room.changed(student)
        return JSONResponse({"answers": told["answers"][:10], "seen": told["seen"], "run": run})

    async def board(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        return JSONResponse(room.board(int(since) if since.isdigit() and len(since) < 16 else 0))

    async def models(request: Request) -> Response:
        return JSONResponse({"models": list(takers(studio)), "model": answerer()})

    async def square(request: Request) -> Response:
        """The QR of the door; ?to=pad of the drawing pad."""
        told = io.BytesIO()
        _square(room.address("pad" if request.query_params.get("to") == "pad" else "")).save(
            told, kind="svg", xmldecl=False, omitsize=True, dark="#000", light="#fff", border=3)
        return Response(told.getvalue(), media_type="image/svg+xml", headers={"cache-control": "no-store"})

    async def order(request: Request) -> Response:
        asked = await _asked(request, ORDER_BYTES)
        name = request.path_params["order"]
        if name not in ORDERS:
            raise Problem("a teacher can: {names}", names=", ".join(ORDERS))
        done = ORDERS[name](room, asked)
        if asyncio.iscoroutine(done):
            await done
        room.version += 1
        return JSONResponse(room.board(room.version))
    return [Route("/api/room/join", join, methods=["POST"]), Route("/api/room/mine", mine, methods=["GET", "POST"]),
            Route("/api/room/mine/drawing", drawing, methods=["POST"]), Route("/api/room", board),
            Route("/api/room/models", models), Route("/api/room/qr.svg", square), Route("/api/room/{order}", order, methods=["POST"])]


def _student(room: Room, request: Request) -> Student:
    found = room.students.get(request.state.person.id)
    if found is None:
        raise Problem("you are not in the room as a student")
    return found


async def _read(request: Request, most: int) -> bytes:
    """The body, which may have `most` bytes; one that has more is not read to its end."""
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > most:
            raise Problem("that is too large to send; {most} kB is the most", most=max(1, most // 1000))
    return raw


async def _asked(request: Request, most: int) -> dict[str, Any]:
    asked = None
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(await _read(request, most))
    if not isinstance(asked, dict):
        raise Problem("the request is not a JSON object")
    return asked


def _square(text: str) -> segno.QRCode:
    return segno.make(text, error="m", micro=False)


def invite(studio: Studio, screen) -> None:
    """What a class needs to come in, on the terminal: the address, the code and the square to scan; and the teacher's own."""
    room = studio.parts["room"]
    screen.print(say("Students open {address} and type the code {code}, or scan this:", address=f"{studio.address}/join", code=room.code))
    rows = [[bool(cell) for cell in row] for row in _square(room.address()).matrix_iter(border=2)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    lines = ["".join(" ▀▄█"[(not above) + 2 * (not below)] for above, below in zip(*rows[i:i + 2], strict=True)) for i in range(0, len(rows), 2)]
    if (screen.encoding or "").lower().startswith("utf"):
        screen.print(Text("\n".join(lines), style="bright_white on black", no_wrap=True))
    screen.print(say("Teacher: {address}", address=f"http://127.0.0.1:{studio.port}/class?token={studio.keys.owner}"))
