"""A class without a network: the door, names, rights, what goes out to all, and what comes back, each within its bounds."""
import asyncio
import base64
import io
import json

import pytest
from PIL import Image

from deepen.app.studio.roster import CURVE, EACH, MOST, cleaned, digest
from deepen.app.studio.server import Studio, build
from deepen.core.words import Problem

PORT = 8571
HERE = f"127.0.0.1:{PORT}"


class Browser:
    """Somebody at the door: asks, and keeps the cookie."""

    def __init__(self, app, address="10.0.0.1", cookie=""):
        self.app, self.address, self.cookie = app, address, cookie

    def ask(self, method, path, body=None, query=""):
        """(status, what was answered)."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        headers = {"host": HERE, "origin": f"http://{HERE}", "cookie": self.cookie}
        told, sent = [], iter([{"type": "http.request", "body": raw}])

        async def send(message):
            told.append(message)

        async def receive():
            return next(sent, None) or await asyncio.Event().wait()        # the line stays open
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "scheme": "http",
                 "headers": [(name.encode(), value.encode()) for name, value in headers.items()], "http_version": "1.1", "root_path": "",
                 "client": (self.address, 5), "server": ("127.0.0.1", PORT)}
        asyncio.run(self.app(scope, receive, send))
        for name, value in told[0]["headers"]:
            if name == b"set-cookie":
                self.cookie = value.decode().split(";")[0]
        text = b"".join(message.get("body", b"") for message in told[1:])
        return told[0]["status"], json.loads(text) if text[:1] in (b"{", b"[") else text.decode(errors="replace")

    def join(self, code, name):
        return self.ask("POST", "/api/room/join", {"code": code, "name": name})


@pytest.fixture
def studio(tmp_path):
    return Studio(tmp_path, lesson=True, port=PORT, address=f"http://{HERE}")


@pytest.fixture
def app(studio):
    return build(studio)


@pytest.fixture
def room(studio, app):
    return studio.parts["room"]


@pytest.fixture
def teacher(studio, app):
    return Browser(app, "127.0.0.1", f"deepen-{PORT}={studio.keys.owner}")


def student(app, room, name="민지", address="10.0.0.1"):
    one = Browser(app, address)
    status, told = one.join(room.code, name)
    assert status == 200, told
    return one


def net(**more):
    return {"epoch": 10, "loss": 0.2, "test": 0.3, "accuracy": 0.9, "weights": 21, "playing": True,
            "field": base64.b64encode(bytes(range(256)) * 2 + bytes(64)).decode(), "link": "#dataset=xor", **more}


def test_the_code_opens_the_door_and_a_wrong_one_does_not(app, room):
    assert len(room.code) == 4 and room.code.isupper()
    one = Browser(app)
    wrong = "AAAA" if room.code != "AAAA" else "BBBB"
    status, told = one.join(wrong, "민지")
    assert status == 400 and "code" in told["problem"] and not one.cookie and not room.students
    assert one.join(room.code.lower() + " ", "민지") == (200, {"name": "민지"})
    assert one.cookie and one.ask("GET", "/api/room/mine")[1]["name"] == "민지"


def test_guessing_is_slow_for_one_address_and_for_all(app, room):
    wrong = "AAAA" if room.code != "AAAA" else "BBBB"
    one = Browser(app, "10.0.0.7")
    for _ in range(EACH):
        assert "not the code" in one.join(wrong, "x")[1]["problem"]
    assert "wait a minute" in one.join(room.code, "x")[1]["problem"]          # the right one, too: guessing tells nothing
    assert Browser(app, "10.0.0.8").join(room.code, "y")[0] == 200             # another address is not locked out
    for i in range(200):
        Browser(app, f"10.0.1.{i}").join(wrong, "x")
    assert "wait a minute" in Browser(app, "10.0.2.1").join(room.code, "z")[1]["problem"]
    assert len(room.tries.wrong) <= 60


@pytest.mark.parametrize("given, shown", [("  민지 ", "민지"), ("a\x1b[2Jb", "a[2Jb"), ("a\u202eb\u200b", "ab"), ("두  \n 줄", "두 줄"), ("Zoe\u0308\u0301\u0301\u0301", "Zo\xeb\u0301")])
def test_names_are_cleaned(given, shown):
    assert cleaned(given) == shown


@pytest.mark.parametrize("name", ["", "   ", "x" * 21, "\u200b", "!!!", None, 7, ["a"]])
def test_no_such_names(app, room, name):
    status, told = Browser(app).join(room.code, name)
    assert status == 400 and "name" in told["problem"] and not room.students


def test_two_of_one_name_and_one_who_comes_in_again(app, room):
    first, second = student(app, room, "Mina"), student(app, room, "mina", "10.0.0.2")
    assert first.ask("GET", "/api/room/mine")[1]["name"] == "Mina"
    assert second.ask("GET", "/api/room/mine")[1]["name"] == "mina 2"
    assert first.join(room.code, "Minsu") == (200, {"name": "Minsu"}) and len(room.students) == 2
    assert first.ask("GET", "/api/hello")[1]["name"] == "Minsu"
    longest = [student(app, room, "가" * 20) for _ in range(2)]
    assert len(longest[1].ask("GET", "/api/room/mine")[1]["name"]) <= 20


def test_a_teacher_does_not_become_a_student_by_mistake(app, room, teacher):
    before = teacher.cookie
    status, told = teacher.join(room.code, "me")
    assert status == 400 and "teacher" in told["problem"] and teacher.cookie == before and not room.students


def test_a_student_reaches_nothing_of_the_teachers(app, room):
    one = student(app, room)
    for path in ("/api/room", "/api/room/qr.svg", "/api/room/models", "/class", "/runs", "/designer", "/api/runs"):
        assert one.ask("GET", path)[0] == 403, path
    for path in ("push", "pause", "lock", "reset", "remove", "door", "model", "hands", "challenge", "question"):
        assert one.ask("POST", f"/api/room/{path}", {"on": True, "link": "#a=1"})[0] == 403, path
    assert one.ask("POST", "/api/train", {"what": "digits"})[0] == 403
    assert not room.paused and room.pushed["number"] == 0


def test_nobody_without_a_key_gets_further_than_the_door(app, room):
    stranger = Browser(app)
    for path in ("/api/room", "/api/room/mine", "/api/hello", "/api/try/models", "/class", "/runs", "/joining", "/api/room/joined"):
        assert stranger.ask("GET", path)[0] == 401, path
    assert stranger.ask("GET", "/join")[0] == stranger.ask("GET", "/static/main.js")[0] == stranger.ask("GET", "/words/ko.json")[0] == 200
    assert stranger.ask("GET", "/playground")[0] == stranger.ask("GET", "/")[0] == 303
    assert stranger.ask("POST", "/api/room/mine", {})[0] == 401


def test_a_students_sessions_are_their_own(studio, app, room):
    """A seat belongs to the person of the cookie and a name: the same name in another's browser is another seat."""
    student(app, room, "a"), student(app, room, "b")
    first, second = room.students
    sessions = studio.parts["sessions"]
    mine, theirs = sessions.seat(first, "playground-1"), sessions.seat(second, "playground-1")
    assert mine.number != theirs.number and mine.owner == first


def test_what_the_teacher_pushes_pauses_and_locks_reaches_everyone(app, room, teacher):
    one, two = student(app, room, "a"), student(app, room, "b")
    assert teacher.ask("POST", "/api/room/push", {"link": "https://playground.tensorflow.org/#activation=relu&seed=0.5"})[0] == 200
    assert teacher.ask("POST", "/api/room/pause", {"on": True})[0] == teacher.ask("POST", "/api/room/reset", {})[0] == 200
    assert teacher.ask("POST", "/api/room/lock", {"names": ["noise", "playButton"]})[0] == 200
    for each in (one, two):
        told = each.ask("GET", "/api/room/mine")[1]
        assert told["pushed"] == {"number": 1, "link": "#activation=relu&seed=0.5"} and told["paused"]
        assert told["locked"] == ["playButton", "noise"]
    teacher.ask("POST", "/api/room/pause", {"on": False})
    assert not one.ask("GET", "/api/room/mine")[1]["paused"]


@pytest.mark.parametrize("order, body", [("push", {"link": "nothing"}), ("push", {"link": "#a=" + "x" * 9000}), ("push", {"link": "#a=1 b"}), ("push", {}),
                                         ("lock", {"names": ["everything"]}), ("lock", {"names": "noise"}), ("remove", {"id": "x"}), ("model", {"run": "../etc"}),
                                         ("challenge", {"loss": -1, "minutes": 5}), ("question", {"text": "?", "choices": ["one"]}), ("fly", {})])
def test_wrong_orders_get_a_sentence(app, room, teacher, order, body):
    status, told = teacher.ask("POST", f"/api/room/{order}", body)
    assert status == 400 and len(told["problem"]) > 10
    assert room.pushed["number"] == 0 and room.locked == [] and not room.challenge and not room.question


def test_pausing_stops_the_nets_that_learn_and_only_those(studio, app, room):
    orders = []

    class Seats:
        def __init__(self, *seats):
            self.seats, self.numbers = {(seat.owner, "x"): seat for seat in seats}, {seat.number: seat for seat in seats}

        async def order(self, seat, do, **more):
            orders.append((seat.number, do))
    from deepen.app.studio.sessions import Seat
    learning, standing, teachers = (Seat(i, owner, 0, {"playing": playing}, opened={"parameters": 7 + i}, tell=print) for i, (owner, playing) in enumerate((("a", True), ("b", False), ("owner", True))))
    studio.parts["sessions"] = Seats(learning, standing, teachers)
    asyncio.run(room.pause(True))
    assert orders == [(0, "pause")] and learning.kept["playing"] is False and room.paused
    asyncio.run(room.pause(True))
    asyncio.run(room.pause(False))
    assert orders == [(0, "pause"), (0, "play")] and learning.kept["playing"] is True and teachers.kept["playing"] is True
    asyncio.run(room.reset())
    assert sorted(orders[2:]) == [(0, "rewind"), (1, "rewind")] and learning.kept["playing"] is False
    assert room.weights("b") == 8 and room.weights("nobody") == 0


def test_the_board_shows_a_digest_and_then_only_what_changed(app, room, teacher):
    one = student(app, room)
    for epoch in range(1, 4):
        assert one.ask("POST", "/api/room/mine", net(epoch=epoch, test=1 / epoch, hand=True))[0] == 200
    board = teacher.ask("GET", "/api/room")[1]
    told = board["students"][0]
    assert (told["name"], told["state"], told["hand"], told["epoch"], told["accuracy"]) == ("민지", "learning", True, 3, 0.9)
    assert told["curve"] == [1.0, 0.5, 0.3333] and len(base64.b64decode(told["field"])) == 576
    again = teacher.ask("GET", "/api/room", query=f"since={board['version']}")[1]["students"][0]
    assert again["name"] == "민지" and "field" not in again
    assert teacher.ask("POST", "/api/room/hands", {})[1]["students"][0]["hand"] is False


@pytest.mark.parametrize("more", [{"field": base64.b64encode(bytes(577)).decode()}, {"field": "%%%"}, {"field": "A" * 9000}, {"link": "#" + "x" * 9000}, {"link": "#a b"}, {"epoch": -1},
                                  {"epoch": True}, {"test": "0.1"}, {"loss": 1e300}, {"playing": 1}, {"weights": 1.5}, {"surprise": 1}, {"answer": 0}, {"classes": 99}])
def test_a_digest_is_bounded(more):
    with pytest.raises(Problem):
        digest(net(**more), 0)


def test_a_digest_that_is_no_number_or_too_large_or_too_deep(app, room):
    one = student(app, room)
    for body in (b'{"test": NaN}', b'{"test": Infinity}', b"[" * 9000, b'{"link": "' + b"x" * 20_000 + b'"}', b"\xff\xfe", b"7"):
        assert one.ask("POST", "/api/room/mine", body)[0] == 400, body[:20]
    assert room.students[next(iter(room.students))].digest == {}


def test_messages_of_one_student_have_a_pace(app, room):
    one, two = student(app, room, "a"), student(app, room, "b")
    answers = [one.ask("POST", "/api/room/mine", {"hand": True})[0] for _ in range(40)]
    assert answers[:8] == [200] * 8 and 400 in answers[8:]
    assert two.ask("POST", "/api/room/mine", {"hand": True})[0] == 200


def test_the_curve_is_bounded_and_begins_anew_with_another_start(app, room):
    student(app, room)
    one = next(iter(room.students.values()))
    for epoch in range(100):
        one.heard(digest(net(epoch=epoch, test=1.0), 0), {})
    assert len(one.curve) == CURVE
    one.heard(digest(net(epoch=0, test=0.5), 0), {})
    assert one.curve == [0.5]


def test_one_who_is_taken_out_has_no_key_and_no_session(studio, app, room, teacher):
    one = student(app, room)
    id = next(iter(room.students))
    seat = studio.parts["sessions"].seat(id, "playground-1")
    assert teacher.ask("POST", "/api/room/remove", {"id": id})[1]["students"] == []
    assert one.ask("GET", "/api/room/mine")[0] == 401 and seat.number not in studio.parts["sessions"].numbers


def test_a_closed_door_and_a_new_code(app, room, teacher):
    old = room.code
    teacher.ask("POST", "/api/room/door", {"open": False})
    assert "closed" in Browser(app).join(old, "late")[1]["problem"]
    codes = set()
    for _ in range(5):
        teacher.ask("POST", "/api/room/door", {"open": False})
        codes.add(teacher.ask("POST", "/api/room/door", {"open": True})[1]["code"])
    assert len(codes) > 1 and Browser(app).join(room.code, "late")[0] == 200


def test_the_room_is_full_at_some_point(app, room):
    for i in range(MOST):
        student(app, room, f"n{i}", f"10.1.0.{i}")
    assert "all here" in Browser(app).join(room.code, "one more")[1]["problem"]


def test_a_challenge_is_led_by_the_fewest_weights(app, room, teacher):
    one, two, three = (student(app, room, name) for name in "abc")
    teacher.ask("POST", "/api/room/challenge", {"loss": 0.1, "minutes": 5})
    for who, test, weights in ((one, 0.09, 50), (two, 0.05, 20), (three, 0.2, 5), (one, 0.08, 60)):
        who.ask("POST", "/api/room/mine", net(test=test, weights=weights))
    listed = teacher.ask("GET", "/api/room")[1]["challenge"]["list"]
    assert [(line["name"], line["weights"]) for line in listed] == [("b", 20), ("a", 50)]
    told = three.ask("GET", "/api/room/mine")[1]["challenge"]
    assert told["done"] is False and told["left"] > 290
    teacher.ask("POST", "/api/room/challenge", {"loss": 0.1, "minutes": 5, "hidden": True})
    two.ask("POST", "/api/room/mine", net(test=0.05, weights=20))
    assert [line["name"] for line in teacher.ask("GET", "/api/room")[1]["challenge"]["list"]] == [""]


def test_a_question_is_answered_once_by_each(app, room, teacher):
    one, two = student(app, room, "a"), student(app, room, "b")
    teacher.ask("POST", "/api/room/question", {"text": "What will happen?", "choices": ["it learns", "it does not"]})
    assert one.ask("GET", "/api/room/mine")[1]["question"]["choices"] == ["it learns", "it does not"]
    for who, answer in ((one, 0), (one, 1), (two, 1)):
        assert who.ask("POST", "/api/room/mine", {"answer": answer})[0] == 200
    assert one.ask("POST", "/api/room/mine", {"answer": 2})[0] == 400
    assert teacher.ask("GET", "/api/room")[1]["question"]["counts"] == [0, 2]


def drawn(side=280, kind="PNG"):
    told = io.BytesIO()
    Image.new("L", (side, side), 0).save(told, kind)
    return told.getvalue()


def test_drawings_are_small_pngs_and_need_a_model(app, room):
    one = student(app, room)
    for raw in (b"", b"GIF89a" + bytes(100), drawn(kind="JPEG"), drawn(2000), drawn() + bytes(100_000)):
        assert one.ask("POST", "/api/room/mine/drawing", raw)[0] == 400, raw[:8]
    status, told = one.ask("POST", "/api/room/mine/drawing", drawn())
    assert status == 400 and "deepen train" in told["problem"]


def test_a_drawing_is_answered_and_stands_on_the_board(studio, app, room, teacher):
    class Desk:
        async def ask(self, do, **values):
            assert do == "try.picture" and values["drawn"] is True and values["maps"] is False
            return {"answers": [{"name": "7", "share": 0.9}, {"name": "1", "share": 0.1}], "seen": "data:image/png;base64,AAAA"}
    model = studio.runs / "mnist-classify-0001" / "model"
    model.mkdir(parents=True)
    (model.parent / "run.toml").write_text("")
    (model / "card.json").write_text(json.dumps({"inputs": {"kind": "Image", "height": 28}, "metrics": {"accuracy": 0.99}}))
    studio.parts["try"] = Desk()
    app = build(studio)                                     # the routes take the desk that is there
    room = studio.parts["room"]
    one = student(app, room)
    status, told = one.ask("POST", "/api/room/mine/drawing", drawn())
    assert status == 200 and told["answers"][0] == {"name": "7", "share": 0.9} and told["run"] == "mnist-classify-0001"
    assert one.ask("GET", "/api/room/mine")[1]["side"] == 28
    shown = Browser(app, cookie=teacher.cookie).ask("GET", "/api/room")[1]["students"][0]
    assert shown["drawing"]["answers"][0]["name"] == "7" and shown["state"] == "drawing"


def test_the_square_to_scan_holds_the_way_in(app, room, teacher):
    status, told = teacher.ask("GET", "/api/room/qr.svg")
    assert status == 200 and told.startswith("<svg")
    assert room.address() == f"http://{HERE}/join#{room.code}" and room.address("pad") == f"http://{HERE}/join?to=pad#{room.code}"
    assert teacher.ask("GET", "/api/room/qr.svg", query="to=pad")[1] != told


def test_the_terminal_shows_the_way_in_but_not_before_the_teachers_key(studio, app, room):
    from rich.console import Console

    from deepen.app.studio.room import invite
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    invite(studio, Console(file=file, width=100, highlight=False, markup=False))
    file.seek(0)
    told = file.read()
    assert room.code in told and f"http://{HERE}/join" in told and "█▀" in told and f"/class?token={studio.keys.owner}" in told


def test_nothing_stays_when_the_class_ends(studio, app, room, tmp_path):
    student(app, room)
    asyncio.run(room.end())
    assert not room.students and list(studio.keys.people) == [studio.keys.owner] and list(tmp_path.iterdir()) == []
