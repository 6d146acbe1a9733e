"""Make: what a run's system paints: samples, sliders through its latent space, how a picture comes to be, and the contest
of the two networks of a GAN, one turn at a time."""
import ast
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.runs import _body, _run
from deepen.app.studio.server import Studio
from deepen.core.words import Problem
from deepen.engine import find
from deepen.engine.run import Run, runs

SHOWS = ("sample", "unfolds", "walk", "painted", "panels")      # what the page has a tab for
PLACES, NUMBERS = 64, 8                                                # of one request: places, numbers of each
TURNS = 50                                                             # of a contest in one request
RATE = 1.0                                                             # the highest learning rate that may be asked


def routes(studio: Studio) -> list[BaseRoute]:
    desk = desk_of(studio, "make")

    async def makers(request: Request) -> Response:
        """Runs whose system has `sample`, newest first."""
        found = [(run, does(run)) for run in reversed(runs(studio.runs))]
        return JSONResponse([{"name": run.name, "system": Path(system(run)).stem, "data": run.asked()["data"].get("source", ""), "does": known,
                              "ready": (run.path / "model").exists(), "busy": run.busy()} for run, known in found if "sample" in known])

    async def card(request: Request) -> Response:
        return JSONResponse(await desk.ask("make.card", run=str(_run(studio, request).path)))

    def pictures(do: str):
        async def answer(request: Request) -> Response:
            """{count, seed, settings: {name: value}}."""
            run, asked = _run(studio, request), await _body(request)
            return JSONResponse(await desk.ask(do, run=str(run.path), count=whole(asked, "count", 1), seed=whole(asked, "seed", 0),
                                               settings=settings(asked)))
        return answer

    async def painted(request: Request) -> Response:
        """{at: [[standard deviations along each axis]], settings}."""
        run, asked = _run(studio, request), await _body(request)
        return JSONResponse(await desk.ask("make.painted", run=str(run.path), at=places(asked.get("at")),
                                           settings=settings(asked)))

    async def panels(request: Request) -> Response:
        return JSONResponse(await desk.ask("make.panels", run=str(_run(studio, request).path)))

    async def contest(request: Request) -> Response:
        """{do: begin, fresh, seed}, {do: turn, who: look|paint|both, times, rates: {look, paint}}, or {do: see}; each with {slopes}."""
        run, asked = _run(studio, request), await _body(request)
        if asked.get("do") == "begin":
            told = await desk.ask("contest.begin", run=str(run.path), fresh=asked.get("fresh") is True, seed=whole(asked, "seed", 0),
                                  slopes=asked.get("slopes") is True)
        elif asked.get("do") == "turn" and asked.get("who") in ("look", "paint", "both"):
            told = await desk.ask("contest.turn", run=str(run.path), who=asked["who"], times=min(TURNS, max(1, whole(asked, "times", 1))),
                                  rates=rates(asked), slopes=asked.get("slopes") is True)
        elif asked.get("do") == "see":
            told = await desk.ask("contest.see", run=str(run.path), slopes=asked.get("slopes") is True)
        else:
            raise Problem("a contest can be told: {names}", names="begin, turn, see")
        return JSONResponse(told)
    return [Route("/api/make/runs", makers), Route("/api/make/{name}/card", card), Route("/api/make/{name}/panels", panels),
            Route("/api/make/{name}/painted", painted, methods=["POST"]), Route("/api/make/{name}/contest", contest, methods=["POST"]),
            *(Route(f"/api/make/{{name}}/{do}", pictures(f"make.{do}"), methods=["POST"]) for do in ("sample", "walk", "unfolds"))]


# what a system can do, read from its file: the server never imports torch

def system(run: Run) -> str:
    """The name of a run's system, or the file it came from."""
    return str(run.asked()["asked"]["system"]).partition(":")[0]


def does(run: Run) -> list[str]:
    """Which of `SHOWS` the system of a run has as methods."""
    name = system(run)
    file = run.path / "mine.py" if name.endswith(".py") else find.systems()[name].file if name in find.systems() else None
    if file is None or not file.is_file():
        return []
    known = _methods(file, file.stat().st_mtime)
    return [one for one in SHOWS if one in known]


@lru_cache(maxsize=64)
def _methods(file: Path, written: float) -> frozenset[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return frozenset()                          # somebody else's file that is none: it has nothing to show
    return frozenset(part.name for node in tree.body if isinstance(node, ast.ClassDef) for part in node.body
                     if isinstance(part, ast.FunctionDef))


# what comes from a browser

def whole(asked: dict[str, Any], name: str, usual: int) -> int:
    value = asked.get(name, usual)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Problem("{name}={text} is no whole number", name=name, text=str(value)[:40])
    return value


def settings(asked: dict[str, Any]) -> dict[str, Any]:
    told = asked.get("settings", {})
    if not isinstance(told, dict) or len(told) > 16 or not all(
            isinstance(value, (str, int, float, bool)) and len(str(value)) <= 200 for value in told.values()):
        raise Problem("settings are pairs of words, {most} at most", most=16)
    return told


def places(at: Any) -> list[list[float]]:
    if not isinstance(at, list) or not 1 <= len(at) <= PLACES or not all(
            isinstance(one, list) and len(one) <= NUMBERS and all(isinstance(x, (int, float)) for x in one) for one in at):
        raise Problem("places are lists of at most {numbers} numbers, {places} at most", numbers=NUMBERS, places=PLACES)
    return [[float(x) for x in one] for one in at]


def rates(asked: dict[str, Any]) -> dict[str, float]:
    told = asked.get("rates", {})
    if not isinstance(told, dict) or not set(told) <= {"look", "paint"} or not all(
            isinstance(value, (int, float)) and 0 <= value <= RATE for value in told.values()):
        raise Problem("a learning rate lies between 0 and {most}", most=RATE)
    return {name: float(value) for name, value in told.items()}
