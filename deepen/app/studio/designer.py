"""Designer: lines of a design in, their table out."""
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.runs import _body
from deepen.app.studio.server import Studio
from deepen.core.words import Problem

LETTERS = 20_000                    # a design is text; a thousand lines are enough


def routes(studio: Studio) -> list[BaseRoute]:
    desk = desk_of(studio, "designer")

    async def source(request: Request) -> Response:
        """{shape, classes, examples, sample, nets, words} of the pictures a design is for."""
        name = request.path_params["name"][:40]
        return JSONResponse({**await desk.ask("designer.source", name=name), "nets": await desk.ask("designer.nets", name=name),
                             "words": await desk.ask("designer.words")})

    async def table(request: Request) -> Response:
        lines, asked = _lines(await _body(request))
        return JSONResponse(await desk.ask("designer.table", lines=lines, name=str(asked.get("source"))[:40],
                                           batch=min(4096, max(1, int(asked.get("batch") or 128)))))

    async def flow(request: Request) -> Response:
        lines, asked = _lines(await _body(request))
        return JSONResponse(await desk.ask("designer.flow", lines=lines, name=str(asked.get("source"))[:40],
                                           index=abs(int(asked.get("index") or 0))))
    return [Route("/api/designer/source/{name}", source), Route("/api/designer/table", table, methods=["POST"]),
            Route("/api/designer/flow", flow, methods=["POST"])]


def _lines(asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    lines = asked.get("lines")
    if not isinstance(lines, str) or len(lines) > LETTERS:
        raise Problem("a design is a text of at most {most} letters", most=LETTERS)
    return lines, asked
