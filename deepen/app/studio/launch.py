"""Training from the Studio: one run at a time, in a process of its own; everything it needs is data, checked first."""
import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.runs import _body
from deepen.app.studio.server import Studio
from deepen.core.words import Problem
from deepen.engine import find

FILES = ("weights", "data.path", "path")        # settings that name files: not from a browser
MOST = 40                                       # settings of one request


def routes(studio: Studio) -> list[BaseRoute]:
    desk, queue = desk_of(studio), Queue(studio)
    studio.parts["queue"] = queue
    studio.at_end.append(queue.end)

    async def train(request: Request) -> Response:
        """{what, settings: {key: text}} -> {run}: begins when the one before it has ended."""
        what, settings = asked(await _body(request))
        await desk.ask("launch.prepared", what=what, settings=settings)        # a wrong word is a sentence at once
        return JSONResponse(await queue.put(what, settings))

    async def waiting(request: Request) -> Response:
        return JSONResponse(queue.told())
    return [Route("/api/train", train, methods=["POST"]), Route("/api/queue", waiting)]


def asked(body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """(what, settings) of a request: names of deepen alone; no path, no file of code."""
    what, settings = body.get("what"), body.get("settings", {})
    if what not in find.systems() and what not in find.sources():
        raise Problem("the Studio trains deepen's own systems on its own sources; {what} is neither", what=str(what)[:60])
    if not isinstance(settings, dict) or len(settings) > MOST:
        raise Problem("settings are pairs of words, {most} at most", most=MOST)
    told = {}
    for key, value in settings.items():
        text = str(value)
        if key in FILES or (key == "data" and text not in find.sources()) or (key == "net" and re.search(r"\.py\b", text)):
            raise Problem("{key} names a file; that can be asked on the command line only", key=key)
        if not re.fullmatch(r"[a-z][a-z_.]*", key) or len(text) > 4000 or "\0" in text:
            raise Problem("{key} is no setting", key=str(key)[:40])
        told[key] = text
    return what, told


class Queue:
    """Runs that were asked for: one learns, three may wait."""
    LONGEST = 4

    def __init__(self, studio: Studio):
        self.studio = studio
        self.process: asyncio.subprocess.Process | None = None
        self.line: list[tuple[str, dict[str, str]]] = []
        self.worker: asyncio.Task | None = None
        self.last = ""                          # why the last one went wrong, if it did

    async def put(self, what: str, settings: dict[str, str]) -> dict[str, Any]:
        if len(self.line) >= self.LONGEST:
            raise Problem("{count} runs are waiting already; stop one first", count=len(self.line))
        self.line.append((what, settings))
        if self.worker is None or self.worker.done():
            self.worker = asyncio.create_task(self._work())
        return {"waiting": len(self.line) - 1}

    def told(self) -> dict[str, Any]:
        return {"line": [{"what": what, "settings": settings} for what, settings in self.line], "problem": self.last}

    async def _work(self) -> None:
        while self.line:
            what, settings = self.line[0]
            words = [sys.executable, "-m", "deepen", "train", what, *(f"{key}={value}" for key, value in settings.items()), "--quiet",
                     "--out", str(self._folder(what))]
            process = self.process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, env={**os.environ, "DEEPEN_LANG": self.studio.language})
            _, told = await process.communicate()
            self.last = told.decode("utf-8", "replace").strip()[-500:] if process.returncode else ""
            self.line.pop(0)

    def _folder(self, what: str) -> Path:
        """The next free number among the runs that are shown."""
        numbers = [int(one.name[-4:]) for one in self.studio.runs.glob("*-[0-9][0-9][0-9][0-9]")]
        return self.studio.runs / f"{what}-studio-{max(numbers, default=0) + 1:04d}"

    async def end(self) -> None:
        """The run that learns is asked to stop: it saves, and `deepen resume` goes on with it."""
        self.line.clear()
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 2)
            except TimeoutError:
                self.process.kill()
        if self.worker is not None:
            self.worker.cancel()
