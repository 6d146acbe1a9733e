"""The Studio's server: every route in one table, behind one guard, until somebody says stop."""
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import sys
import time
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from deepen.app.studio.guard import Guard, Keys, TooLarge
from deepen.core.words import LANGUAGES, Problem, say, speak
from deepen.sources._download import cache

GRACE = 3                           # seconds a request has left when the server is told to stop
DAY = 86_400


@dataclass
class Studio:
    """What the routes share."""
    runs: Path                                              # the folder of runs
    language: str = "en"                                    # what it was started in; a browser may choose another
    lesson: bool = False                                    # a class?
    keys: Keys = field(default_factory=Keys)
    port: int = 0
    address: str = ""                                       # how other machines reach it, of a class
    parts: dict[str, Any] = field(default_factory=dict)     # what a file of routes keeps: parts["sessions"], …
    at_end: list[Any] = field(default_factory=list)         # async functions called when the server stops


def table(studio: Studio) -> list[BaseRoute]:
    """Every route there is. A file of routes is a function of the studio."""
    from deepen.app.studio import designer, launch, learn, make, playground, room, runs, shell, tryit
    return [route for part in (shell, playground, designer, runs, launch, tryit, make, learn, room) for route in part.routes(studio)]


def build(studio: Studio, names: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})) -> Guard:
    """The application behind its guard."""
    @contextlib.asynccontextmanager
    async def life(app):
        yield
        for end in reversed(studio.at_end):
            await end()
    app = Starlette(routes=table(studio), lifespan=life, middleware=[Middleware(GZipMiddleware, minimum_size=600)],
                    exception_handlers={Problem: _problem, TooLarge: _too_large, HTTPException: _plain, Exception: _bug})
    return Guard(Spoken(app, studio), studio.keys, studio.port, names, studio.lesson)


class Spoken:
    """Every sentence of a request is spoken in the language of the page that asks (header `x-language`, or ?lang=)."""

    def __init__(self, app, studio: Studio):
        self.app, self.studio = app, studio

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] in ("http", "websocket"):
            asked = dict(scope["headers"]).get(b"x-language", b"").decode("latin-1")
            for part in scope.get("query_string", b"").decode("latin-1").split("&"):
                asked = part.removeprefix("lang=") if part.startswith("lang=") else asked
            speak(asked if asked in LANGUAGES else self.studio.language)
        await self.app(scope, receive, send)


async def _problem(request: Request, problem: Exception) -> Response:
    return JSONResponse({"problem": str(problem)}, 400)


async def _too_large(request: Request, problem: Exception) -> Response:
    return JSONResponse({"problem": say("that is too large to send; 10 MB is the most")}, 413)


async def _plain(request: Request, problem: Exception) -> Response:
    status = getattr(problem, "status_code", 500)
    return JSONResponse({"problem": say("there is nothing at {path}", path=request.url.path)}, status)


async def _bug(request: Request, problem: Exception) -> Response:
    return JSONResponse({"problem": say("this is a bug in deepen; its terminal says more")}, 500)


def serve(host: str, port: int, lesson: bool, browser: bool, runs: str, language: str, screen, as_json: bool) -> int:
    """Serve until Ctrl-C or SIGTERM; the address with its key is printed first."""
    door = _listen(host, port)
    port = door.getsockname()[1]
    names, address = {"127.0.0.1", "localhost", "[::1]"}, "127.0.0.1"
    if lesson:
        address = _own_address() if host in ("0.0.0.0", "::") else host
        names |= {address, socket.gethostname().lower()}
    where = Path(runs).resolve()
    studio = Studio(where, language, lesson, Keys(_key(port, where)), port, f"http://{address}:{port}")
    app = build(studio, frozenset(names))
    url = f"http://127.0.0.1:{port}/?token={studio.keys.owner}"
    print(url, flush=True)                                  # first, for people and for programs
    if as_json:
        print(json.dumps({"url": url, "port": port}), flush=True)
    if lesson:
        from deepen.app.studio.room import invite
        invite(studio, screen)
    screen.print(say("Ctrl-C ends it"), style="dim")
    config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False,
                            ws_max_size=512 << 10, timeout_graceful_shutdown=GRACE, server_header=False, access_log=False)
    server = uvicorn.Server(config)
    if browser:
        webbrowser.open(url.replace("/?", "/class?") if lesson else url)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[door])
    sys.stderr.flush()
    return 0


def _key(port: int, runs: Path) -> str:
    """The owner's key: the one of the last Studio on this port and these runs, if it is younger than a day, so that a
    page that is open finds its way back after a restart. Its file is the owner's alone."""
    path = cache() / "studio" / f"{port}-{hashlib.blake2b(str(runs).encode(), digest_size=8).hexdigest()}.key"
    try:
        known = path.stat()
        if time.time() - known.st_mtime < DAY and known.st_mode & 0o077 == 0 and known.st_uid == os.getuid():
            return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        path.unlink(missing_ok=True)                        # none, or none that can be read: a new one
    key, beside = secrets.token_urlsafe(24), path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key)
        beside.replace(path)
    except OSError:
        return key                                          # it cannot be kept: it is good for this time
    return key


def _listen(host: str, port: int) -> socket.socket:
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(kind, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise Problem("port {port} of {host} cannot be had ({reason}); choose another with --port, or --port 0 for any that is free",
                      port=port, host=host, reason=error.strerror or error) from None
    door.listen(256)
    return door


def _own_address() -> str:
    """The address by which this machine is reached in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))                 # a documentation address: connecting UDP only picks the route
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
