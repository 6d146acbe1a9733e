"""Runs: every run of the machine, live from its folder. The training process is reached through its commands alone."""
import json
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.server import Studio
from deepen.core import events
from deepen.core.words import Problem, say
from deepen.engine.run import Run, runs

PIECE = 1 << 20                     # bytes of events a request reads at most
DO = ("stop", "pause", "go", "save", "set")
PICTURES = re.compile(r"[\w.-]+\.(png|gif|webp)")
REPORT = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"}


def routes(studio: Studio) -> list[BaseRoute]:
    desk = desk_of(studio)

    async def listed(request: Request) -> Response:
        return JSONResponse([_told(run) for run in reversed(runs(studio.runs))])

    async def one(request: Request) -> Response:
        run = _run(studio, request)
        return JSONResponse({**_told(run), "asked": run.asked(), "shown": _shown(run)})

    async def told(request: Request) -> Response:
        """Events from a byte on: {events, next, busy}; a torn last line waits for its end."""
        run, begin = _run(studio, request), _number(request, "from")
        path = run.path / "events.jsonl"
        text = b""
        if path.is_file():
            with path.open("rb") as file:
                file.seek(begin)
                text = file.read(PIECE)
        text = text[: text.rfind(b"\n") + 1]
        lines = [json.loads(line) for line in text.splitlines()]
        return JSONResponse({"events": lines, "next": begin + len(text), "more": len(text) > PIECE - 4096, "busy": run.busy()})

    async def order(request: Request) -> Response:
        run, asked = _run(studio, request), await _body(request)
        if asked.get("do") not in DO:
            raise Problem("a run can be told: {names}", names=", ".join(DO))
        if not run.busy():
            raise Problem("{run} is not learning now", run=run.name)
        more = {"key": str(asked.get("key"))[:40], "value": str(asked.get("value"))[:100]} if asked["do"] == "set" else {}
        run.order(asked["do"], **more)
        return JSONResponse({"done": True})

    async def errors(request: Request) -> Response:
        run = _run(studio, request)
        return JSONResponse(await desk.ask("runs.errors", run=str(run.path), **_cell(request)))

    async def reading(request: Request) -> Response:
        run = _run(studio, request)
        return JSONResponse(await desk.ask("runs.words", run=str(run.path)))

    async def report(request: Request) -> Response:
        path = _run(studio, request).path / "report.html"
        if not path.is_file():
            raise Problem("this run has no report yet")
        return HTMLResponse(path.read_bytes(), headers=REPORT)

    async def shown(request: Request) -> Response:
        run, name = _run(studio, request), request.path_params["file"]
        path = run.path / "shown" / name
        if not PICTURES.fullmatch(name) or not path.is_file():
            raise Problem("there is no such picture")
        return FileResponse(path)
    return [Route("/api/runs", listed), Route("/api/runs/{name}", one), Route("/api/runs/{name}/events", told),
            Route("/api/runs/{name}/order", order, methods=["POST"]), Route("/api/runs/{name}/errors", errors),
            Route("/api/runs/{name}/reading", reading), Route("/api/runs/{name}/report", report),
            Route("/api/runs/{name}/shown/{file}", shown)]


def _run(studio: Studio, request: Request) -> Run:
    """The run a request names: a folder directly under the runs, by a plain name."""
    name = request.path_params["name"]
    if not re.fullmatch(r"[\w][\w.-]*", name) or not (studio.runs / name / "run.toml").is_file():
        raise Problem("there is no run {path}; `deepen runs` lists them", path=name[:60])
    return Run(studio.runs / name)


def _told(run: Run) -> dict[str, Any]:
    """A run in one line, from the ends of its files."""
    asked, tail = run.asked(), _tail(run.path / "events.jsonl")
    last = {name: next((one for one in reversed(tail) if one.event == name), None) for name in ("stepped", "evaluated", "finished", "failed")}
    busy, end = run.busy(), last["finished"]
    state = "learning" if busy else "failed" if last["failed"] and (not end or last["failed"].t > end.t) else \
        "finished" if end and end.facts.get("reason") != "stop" else "stopped"
    score = next((one.facts.get("score") for one in _head(run.path / "events.jsonl") if one.event == "started"), None)
    metrics = (end.facts.get("valid") if end else None) or (last["evaluated"].facts if last["evaluated"] else {})
    return {"name": run.name, "system": Path(asked["asked"]["system"]).stem, "data": asked["data"].get("source", ""),
            "origin": asked["data"].get("origin", ""), "recipe": asked["recipe"], "seed": asked["flags"].get("seed"),
            "goal": asked["asked"].get("goal"), "state": state, "score": score, "started": asked["made"].get("started"),
            "progress": 1.0 if state == "finished" else last["stepped"].facts.get("progress", 0.0) if last["stepped"] else 0.0,
            "metrics": {key: value for key, value in metrics.items() if isinstance(value, (int, float))},
            "report": (run.path / "report.html").is_file(),
            "why": last["failed"].facts.get("why") if state == "failed" and last["failed"] else None}


def _head(path: Path) -> list[events.Event]:
    return _lines(path, 0, 1 << 13)


def _tail(path: Path) -> list[events.Event]:
    size = path.stat().st_size if path.is_file() else 0
    return _lines(path, max(0, size - (1 << 15)), 1 << 15)


def _lines(path: Path, begin: int, size: int) -> list[events.Event]:
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(begin)
        text = file.read(size)
    lines = text[: text.rfind(b"\n") + 1].decode("utf-8", "replace").splitlines()
    return [events.read(line) for line in (lines[1:] if begin else lines) if line.startswith("{")]


def _shown(run: Run) -> list[str]:
    folder = run.path / "shown"
    return sorted(file.name for file in folder.iterdir() if PICTURES.fullmatch(file.name)) if folder.is_dir() else []


def _cell(request: Request) -> dict[str, Any]:
    """Which cell of the confusion matrix was asked: {was, said}, or nothing for the worst of all."""
    return {name: _number(request, name) for name in ("was", "said") if name in request.query_params}


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not text.isdigit() or len(text) > 15:
        raise Problem("{name}={text} is no whole number", name=name, text=text[:40])
    return int(text)


async def _body(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await request.body())
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Problem(say("the request is not a JSON object"))
    return asked
