"""The one guard before every route and socket: who asks, from which page, by which name of this machine.

An ASGI wrapper, so that no route, present or future, HTTP or WebSocket, can be reached around it. It asks for
1. a Host header that names this server (a page elsewhere that rebinds its name to this address gets nothing);
2. a token (in the address once, in a cookie from then on), compared in constant time;
3. for everything that is not a plain read: an Origin that is exactly this server (scheme, host and port);
4. for students of a class: a path that is theirs. What is not named in STUDENT is the owner's alone. Who has no key yet
   reaches the DOOR of a class, where the room's code is asked for; a page of the students' sends them there.
"""
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal
from urllib.parse import parse_qs

LARGEST = 10 << 20                  # bytes a request may have
READS = ("GET", "HEAD")
STUDENT = ("/", "/static/", "/font", "/words/", "/playground", "/try", "/learn", "/pad", "/ws", "/api/hello",
           "/api/playground/", "/api/try/", "/api/learn/", "/api/room/mine", "/join", "/api/room/join")
DOOR = ("/join", "/api/room/join", "/static/", "/font", "/words/")     # where one without a token asks for one; its files
SENT = ("/", "/playground", "/try", "/learn", "/pad")           # pages that send such a one to the door
HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
                                 b"form-action 'self'; frame-ancestors 'self'"),
    (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"), (b"cross-origin-resource-policy", b"same-origin"))


@dataclass(frozen=True)
class Person:
    """Who a token belongs to."""
    id: str
    role: Literal["owner", "student"]
    name: str = ""


@dataclass
class Keys:
    """Tokens and their people. The owner's token is made with the server and told once, on its terminal."""
    owner: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self):
        self.people[self.owner] = Person("owner", "owner")

    def add(self, name: str) -> tuple[str, Person]:
        """(token, person) of a new student."""
        token, person = secrets.token_urlsafe(18), Person(secrets.token_hex(4), "student", name)
        self.people[token] = person
        return token, person

    def remove(self, id: str) -> None:
        """A student's token opens nothing any more."""
        self.people = {token: person for token, person in self.people.items() if person.id != id or person.role == "owner"}

    def rename(self, id: str, name: str) -> None:
        self.people = {token: Person(id, "student", name) if person.id == id and person.role == "student" else person
                       for token, person in self.people.items()}

    def who(self, token: str) -> Person | None:
        found = None
        for known, person in self.people.items():           # every one is compared: time tells nothing
            if hmac.compare_digest(known.encode(), token.encode()):
                found = person
        return found


@dataclass
class Guard:
    """`app` behind the guard. `names` are the host names (without port) this server answers to; `lesson` opens the door
    for a class."""
    app: Any
    keys: Keys
    port: int
    names: frozenset[str]
    lesson: bool = False

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, person, fresh = self.judge(scope, headers)
        if status == 401 and self.lesson and scope["type"] == "http" and scope["method"] in READS and scope["path"] in SENT:
            return await _to_the_door(send)
        if status:
            return await _refuse(scope, receive, send, status)
        scope.setdefault("state", {})["person"] = person
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)

        async def told(message):
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                known = {name for name, _ in given}             # a page with a rule of its own keeps it
                message = {**message, "headers": [*given, *(one for one in HEADERS if one[0] not in known)]}
                if fresh:
                    message["headers"].append((b"set-cookie", set_cookie(self.port, fresh).encode()))
            await send(message)
        await self.app(scope, _bounded(receive), told)

    def judge(self, scope, headers: dict[bytes, str]) -> tuple[int, Person | None, str]:
        """(status to refuse with or 0, who it is, a token to put into a cookie or "")."""
        host = headers.get(b"host", "")
        if host not in self.hosts():
            return 421, None, ""
        if (scope["type"] == "websocket" or scope["method"] not in READS) and headers.get(b"origin") != f"http://{host}":
            return 403, None, ""
        if int(headers.get(b"content-length") or 0) > LARGEST:
            return 413, None, ""
        path, given = scope["path"], parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        person = self.keys.who(given) if given else None
        fresh = given if person else ""
        if person is None:
            person = self.keys.who(self._kept(headers))
        if person is None:
            return (0, None, "") if self.lesson and among(path, DOOR) else (401, None, "")
        if person.role == "student" and not among(path, STUDENT):
            return 403, None, ""
        return 0, person, fresh

    def hosts(self) -> Iterable[str]:
        return {f"{name}:{self.port}" for name in self.names} | (set(self.names) if self.port == 80 else set())

    def _kept(self, headers: dict[bytes, str]) -> str:
        try:
            jar = SimpleCookie(headers.get(b"cookie", ""))
        except CookieError:
            return ""
        name = cookie(self.port)
        return jar[name].value if name in jar else ""


def among(path: str, paths: Iterable[str]) -> bool:
    """Is `path` one of `paths`, or below one of them?"""
    return any(path == one or (len(one) > 1 and path.startswith(one if one.endswith("/") else f"{one}/")) for one in paths)


def cookie(port: int) -> str:
    """The name of the cookie: two Studios on one machine keep apart."""
    return f"deepen-{port}"


def set_cookie(port: int, token: str) -> str:
    """The header by which a browser keeps `token`; no script of a page can read it."""
    return f"{cookie(port)}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=86400"


class TooLarge(Exception):
    """A body that grows beyond LARGEST while it comes."""


def _bounded(receive):
    seen = 0

    async def bounded():
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST:
            raise TooLarge
        return message
    return bounded


async def _to_the_door(send) -> None:
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/join"), (b"content-length", b"0"), *HEADERS]})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope, receive, send, status: int) -> None:
    if scope["type"] == "websocket":
        await receive()                                     # websocket.connect
        return await send({"type": "websocket.close", "code": 4403})
    words = {401: b"Open the address that `deepen studio` printed: it holds the key.\n", 403: b"Not from here.\n",
             413: b"Too large.\n", 421: b"This server does not go by that name.\n"}[status]
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode()), *HEADERS]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else words})
