"""Every route and socket refuses the anonymous, a foreign or prefixed Origin and a wrong Host: walked over the route table."""
import asyncio
import re

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from deepen.app.studio.guard import DOOR, LARGEST, SENT, STUDENT, Guard, Keys, among
from deepen.app.studio.server import Studio, build, table

PORT = 8571
HERE = f"127.0.0.1:{PORT}"


@pytest.fixture
def studio(tmp_path):
    return Studio(tmp_path, port=PORT)


def addresses(studio):
    """(sort, method, path) of everything the table holds; what stands in braces becomes a word."""
    for route in table(studio):
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        if isinstance(route, WebSocketRoute):
            yield "websocket", "GET", path
        elif isinstance(route, Mount):
            yield "http", "GET", f"{path}/x"
        else:
            assert isinstance(route, Route)
            yield from (("http", method, path) for method in sorted(route.methods))


def ask(app, sort, method, path, headers, query=b"", body=b""):
    """What an ASGI application answers: (status, or 4403 of a refused socket, or 101; headers)."""
    told = []

    async def send(message):
        told.append(message)
    sent = iter([{"type": "websocket.connect"}] if sort == "websocket" else [{"type": "http.request", "body": body}])

    async def receive():
        return next(sent, {"type": "websocket.disconnect", "code": 1001} if sort == "websocket" else {"type": "http.disconnect"})
    scope = {"type": sort, "method": method, "path": path, "raw_path": path.encode(), "query_string": query, "scheme": "http",
             "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()], "http_version": "1.1",
             "root_path": "", "client": ("127.0.0.1", 5), "server": ("127.0.0.1", PORT), "subprotocols": []}
    asyncio.run(app(scope, receive, send))
    first = told[0] if told else {}
    status = {"websocket.accept": 101, "websocket.close": first.get("code")}.get(first.get("type"), first.get("status"))
    return status, {name.decode(): value.decode() for name, value in first.get("headers", [])}


async def reached(scope, receive, send):
    """An application that says it was reached."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.accept"})
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def guarded(studio, **more):
    return Guard(reached, studio.keys, PORT, frozenset({"127.0.0.1", "localhost"}), **more)


def good(studio, **more):
    return {"host": HERE, "origin": f"http://{HERE}", "cookie": f"deepen-{PORT}={studio.keys.owner}", **more}


def test_every_route_lets_its_owner_in_and_nobody_else(studio):
    app, seen = guarded(studio), 0
    for sort, method, path in addresses(studio):
        def status(headers, sort=sort, method=method, path=path):
            return ask(app, sort, method, path, headers)[0]
        no = {4403} if sort == "websocket" else {401, 403, 421}
        assert status(good(studio)) in (101, 299), path
        assert status({key: value for key, value in good(studio).items() if key != "cookie"}) in no, path
        assert status(good(studio, cookie=f"deepen-{PORT}={studio.keys.owner[:-1]}x")) in no, path
        assert status(good(studio, cookie=f"deepen-{PORT + 1}={studio.keys.owner}")) in no, path
        for host in ("evil.example", "evil.example:8571", "127.0.0.1", f"127.0.0.1:{PORT + 1}", "127.0.0.1.evil.example:8571", ""):
            assert status(good(studio, host=host, origin=f"http://{host}")) in no, (path, host)
        if sort == "websocket" or method not in ("GET", "HEAD"):
            for origin in ("http://evil.example", f"http://{HERE}.evil.example", f"https://{HERE}", "null", "",
                           f"http://127.0.0.1:{PORT}0", "http://127.0.0.1", f"http://localhost:{PORT}"):
                assert status(good(studio, origin=origin)) in no, (path, origin)
            without = {key: value for key, value in good(studio).items() if key != "origin"}
            assert status(without) in no, path
        seen += 1
    assert seen > 10


def test_a_student_reaches_what_is_a_students(studio):
    token, _ = studio.keys.add("민지")
    app, mine = guarded(studio, lesson=True), {"cookie": f"deepen-{PORT}={token}"}
    for sort, method, path in addresses(studio):
        status = ask(app, sort, method, path, good(studio, **mine))[0]
        theirs = any(path == one or (len(one) > 1 and path.startswith(one.rstrip("/") + "/")) for one in STUDENT)
        assert (status in (101, 299)) == theirs, (path, status)
    assert ask(app, "http", "GET", "/api/runs", good(studio, **mine))[0] == 403


def test_the_door_is_open_for_a_class_only(studio):
    nobody = {"host": HERE, "origin": f"http://{HERE}"}
    assert ask(guarded(studio), "http", "GET", "/join", nobody)[0] == 401
    assert ask(guarded(studio, lesson=True), "http", "GET", "/join", nobody)[0] == 299
    assert ask(guarded(studio, lesson=True), "http", "POST", "/api/room/join", {**nobody, "origin": "http://evil.example"})[0] == 403


def test_behind_the_door_of_a_class_nothing_is_open_and_a_page_sends_one_to_the_door(studio):
    nobody = {"host": HERE, "origin": f"http://{HERE}"}
    for sort, method, path in addresses(studio):
        status, headers = ask(guarded(studio, lesson=True), sort, method, path, nobody)
        if among(path, DOOR):
            assert status == 299, path
        elif path in SENT:
            assert (status, headers["location"]) == (303, "/join"), path
        else:
            assert status in (401, 4403), (path, status)
        assert sort == "websocket" or ask(guarded(studio, lesson=True), sort, method, path, {**nobody, "host": "evil.example:8571"})[0] == 421


def test_a_student_who_is_taken_out_or_renamed(studio):
    token, person = studio.keys.add("민지")
    studio.keys.rename(person.id, "Minji")
    assert studio.keys.who(token).name == "Minji" and studio.keys.who(token).id == person.id
    studio.keys.remove(person.id)
    studio.keys.remove("owner")
    assert studio.keys.who(token) is None and studio.keys.who(studio.keys.owner).role == "owner"


def test_the_token_of_the_address_becomes_a_cookie_that_scripts_cannot_read(studio):
    app = build(studio)
    status, headers = ask(app, "http", "GET", "/", {"host": HERE}, f"token={studio.keys.owner}".encode())
    assert status == 200 and "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
    assert headers["content-security-policy"].startswith("default-src 'self'") and headers["x-content-type-options"] == "nosniff"
    assert ask(app, "http", "GET", "/", {"host": HERE}, b"token=wrong")[0] == 401


def test_what_is_too_large_is_refused_before_it_is_read(studio):
    assert ask(guarded(studio), "http", "POST", "/api/x", good(studio, **{"content-length": str(LARGEST + 1)}))[0] == 413


def test_keys_are_long_and_their_own():
    first, second = Keys(), Keys()
    assert first.owner != second.owner and len(first.owner) >= 32
    assert first.who(first.owner).role == "owner" and first.who(second.owner) is None and first.who("") is None
