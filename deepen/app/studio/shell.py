"""The pages' shell, their files, their words and their font."""
import json
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deepen.app.studio.server import Studio
from deepen.core.words import korean

WEB = Path(__file__).parent / "web"
PAGES = ("", "playground", "designer", "runs", "try", "make", "class", "learn", "pad", "join")
SAID = re.compile(r"""\bsay\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`$]*`)""")


def routes(studio: Studio) -> list[BaseRoute]:
    async def page(request: Request) -> Response:
        return HTMLResponse(_index(studio.language), headers={"cache-control": "no-cache"})

    async def words(request: Request) -> Response:
        return JSONResponse(spoken(), headers={"cache-control": "no-cache"})

    async def hello(request: Request) -> Response:
        person = request.state.person
        return JSONResponse({"language": studio.language, "role": person.role, "name": person.name, "class": studio.lesson})

    async def font(request: Request) -> Response:
        return FileResponse(_font(), media_type="font/ttf", headers={"cache-control": "max-age=604800"})
    pages: list[BaseRoute] = [Route(f"/{name}", page, methods=["GET"]) for name in PAGES]
    pages += [Route(f"/{name}/{{rest:path}}", page, methods=["GET"]) for name in ("runs", "learn")]
    return [*pages, Route("/words/ko.json", words), Route("/api/hello", hello), Route("/font", font),
            Mount("/static", StaticFiles(directory=WEB))]


def _index(language: str) -> str:
    return (WEB / "index.html").read_text(encoding="utf-8").replace("LANGUAGE", language)


def sentences() -> set[str]:
    """Every English sentence that the pages' scripts say."""
    return {_unquoted(quoted) for file in WEB.rglob("*.js") for quoted in SAID.findall(file.read_text(encoding="utf-8"))}


def _unquoted(quoted: str) -> str:
    inside = quoted[1:-1]
    return str(json.loads('"' + inside.replace("\\'", "'").replace("\n", "\\n").replace('"', '\\"') + '"')) \
        if quoted[0] != '"' else str(json.loads(quoted))


@cache
def spoken() -> dict[str, str]:
    """The part of the Korean catalogue that the pages need."""
    return {sentence: korean()[sentence] for sentence in sorted(sentences()) if sentence in korean()}


@cache
def _font() -> Path:
    """The Hangul font that koreanize-matplotlib carries, for machines without one."""
    from importlib import resources
    return next(Path(str(file)) for file in resources.files("koreanize_matplotlib").joinpath("fonts").iterdir()
                if file.name.endswith("NanumGothic.ttf"))
