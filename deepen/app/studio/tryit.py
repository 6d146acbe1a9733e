"""Try it: a picture, a drawing or a row, and what a trained model says; and the game of telling made pictures from real ones."""
import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.runs import _body, _number, _run
from deepen.app.studio.server import Studio
from deepen.core.words import Problem
from deepen.engine.run import runs

BYTES = 8 << 20                     # of a picture


def routes(studio: Studio) -> list[BaseRoute]:
    desk = desk_of(studio, "try")

    async def models(request: Request) -> Response:
        """Runs that have a model, newest first."""
        return JSONResponse([run.name for run in reversed(runs(studio.runs)) if (run.path / "model").exists()])

    async def card(request: Request) -> Response:
        return JSONResponse(await desk.ask("try.card", run=str(_run(studio, request).path)))

    async def picture(request: Request) -> Response:
        """The body is a picture file; ?drawn=1 of a pad, ?centred=0 as it stands, ?maps=0 the answer alone."""
        run, raw = _run(studio, request), await request.body()
        if len(raw) > BYTES:
            raise Problem("the picture has more than {most} MB; make it smaller", most=BYTES >> 20)
        on = {name: request.query_params.get(name, usual) == "1" for name, usual in (("drawn", "0"), ("centred", "1"), ("maps", "1"))}
        return JSONResponse(await desk.ask("try.picture", run=str(run.path), raw=base64.b64encode(raw).decode(), **on))

    async def example(request: Request) -> Response:
        run, number = _run(studio, request), _number(request, "number")
        return JSONResponse(await desk.ask("try.example", run=str(run.path), number=number))

    async def row(request: Request) -> Response:
        run, asked = _run(studio, request), await _body(request)
        values: Any = asked.get("values")
        if not isinstance(values, list) or len(values) > 10_000:
            raise Problem("a row is a list of values")
        return JSONResponse(await desk.ask("try.row", run=str(run.path), values=values))

    async def weights(request: Request) -> Response:
        return JSONResponse(await desk.ask("try.weights"))

    async def pairs(request: Request) -> Response:
        return JSONResponse(await desk.ask("try.pairs", run=str(_run(studio, request).path), seed=_number(request, "seed")))
    return [Route("/api/try/models", models), Route("/api/try/weights", weights), Route("/api/try/{name}/card", card),
            Route("/api/try/{name}/picture", picture, methods=["POST"]), Route("/api/try/{name}/row", row, methods=["POST"]),
            Route("/api/try/{name}/pairs", pairs), Route("/api/try/{name}/example", example)]
