"""Learn: the six lessons and every chapter, and the commands in them, which can be run from the page."""
import shlex
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepen.app.studio.desk import desk_of
from deepen.app.studio.launch import asked
from deepen.app.studio.runs import _body
from deepen.app.studio.server import Studio
from deepen.core.recipe import pairs
from deepen.core.words import LANGUAGES, Problem, language
from deepen.engine import book, chapters


def routes(studio: Studio) -> list[BaseRoute]:
    desk = desk_of(studio)

    async def contents(request: Request) -> Response:
        return JSONResponse({"lessons": [_lesson(one) for one in book.course()], "chapters": [_entry(name) for name in chapters.names()]})

    async def chapter(request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse({"html": chapters.page(chapters.chapter(name, language()))})

    async def do(request: Request) -> Response:
        """A command of the lessons or chapters, as it stands there: {text} it printed, or {queued} for a training."""
        line = str((await _body(request)).get("line", ""))
        if line not in lines():
            raise Problem("{line} stands in no lesson and no chapter", line=line[:80])
        words = shlex.split(line)[1:]
        if words[0] == "train" and not words[-1].startswith("--"):
            if request.state.person.role != "owner":
                raise Problem("only the owner of this Studio can start a training; ask your teacher to run it for all")
            what, settings = asked({"what": words[1], "settings": pairs(words[2:])})
            await desk.ask("launch.prepared", what=what, settings=settings)
            return JSONResponse({"queued": await studio.parts["queue"].put(what, settings)})
        if words[0] not in ("book", "plan", "systems", "sources", "machine"):
            raise Problem("this one belongs into a terminal: it needs a run, a file or a folder of yours")
        return JSONResponse({"text": await desk.ask("learn.printed", words=words)})
    return [Route("/api/learn/contents", contents), Route("/api/learn/chapter/{name}", chapter),
            Route("/api/learn/do", do, methods=["POST"])]


def lines() -> set[str]:
    """Every command that stands in a lesson or a chapter."""
    found = {line for lesson in book.course() for step in lesson.steps for line in step.commands}
    for name in chapters.names():
        for spoken in LANGUAGES:
            found |= set(chapters.chapter(name, spoken).commands)
    return found


def _entry(name: str) -> dict[str, str]:
    one = chapters.chapter(name, language())
    return {"name": name, "title": one.title, "summary": one.summary}


def _lesson(one: book.Lesson) -> dict[str, Any]:
    return {"number": one.number, "title": one.title, "chapter": one.chapter, "steps": [
        {"commands": list(step.commands), "predict": step.predict[language()], "observe": step.observe[language()],
         "explain": step.explain[language()]} for step in one.steps]}
