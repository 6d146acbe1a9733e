"""The state of a class, and what its teacher can do to it."""
import contextlib
import hmac
import json
import time
from typing import Any

from deepen.app.studio.roster import MOST, Student, Tries, cleaned
from deepen.app.studio.roster import code as fresh_code
from deepen.app.studio.server import Studio
from deepen.core.words import Problem
from deepen.engine.publish import standing
from deepen.engine.run import runs

LINK = 8 << 10                      # letters of a link
JUDGED = {"accuracy", "rmse"}       # a model that has one of these answers a question about a picture
CONTROLS = ("showTestData", "discretize", "playButton", "stepButton", "resetButton", "learningRate", "activation",
            "regularization", "regularizationRate", "problem", "dataset", "percTrainData", "noise", "batchSize",
            "numHiddenLayers")            # what can be locked, by the names that `…_hide` of a link has


class Room:
    """The state of a class."""

    def __init__(self, studio: Studio):
        self.studio, self.students = studio, dict[str, Student]()
        self.code, self.open, self.tries = fresh_code(), True, Tries()
        self.paused, self.locked, self.resets = False, list[str](), 0
        self.pushed: dict[str, Any] = {"number": 0, "link": ""}
        self.model, self.side = "", 0                           # whose model answers drawings, and the side of its pictures
        self.challenge, self.question = dict[str, Any](), dict[str, Any]()
        self.stopped: list[Any] = []                            # seats that learned when the room was paused
        self.version, self.name = 0, fresh_code(8)              # of the room; a browser tells two classes apart by it

    def join(self, given: str, wanted: Any, address: str, known: str = "") -> tuple[str, Student]:
        """(a token, the student) who knows the code; the token is "" for one who is in the room already."""
        self.tries.ask(address)
        if not self.open:
            raise Problem("the door of this room is closed; ask your teacher")
        if not hmac.compare_digest(given.strip().upper().encode(), self.code.encode()):
            self.tries.failed(address)
            raise Problem("that is not the code of this room; it stands on the wall, four letters")
        name = cleaned(wanted)
        taken = {one.name.casefold() for one in self.students.values() if one.id != known}
        name = next(one for one in (name, *(f"{name[:17]} {n}" for n in range(2, MOST + 2))) if one.casefold() not in taken)
        if known in self.students:
            self.studio.keys.rename(known, name)
            self.students[known].name = name
            return "", self.changed(self.students[known])
        if len(self.students) >= MOST:
            raise Problem("this room holds {count} people, and they are all here", count=MOST)
        token, person = self.studio.keys.add(name)
        self.students[person.id] = Student(person.id, name)
        return token, self.changed(self.students[person.id])

    def changed(self, student: Student) -> Student:
        self.version += 1
        student.version = self.version
        return student

    def seats(self, id: str = "") -> list[Any]:
        """The Playground sessions of a student, the last one opened first; of every student without an `id`."""
        seats = reversed(self.studio.parts["sessions"].seats.values())
        return [seat for seat in seats if (seat.owner == id if id else seat.owner != "owner")]

    def weights(self, id: str) -> int:
        """How many weights the net of a student has, as its worker told: a challenge counts them."""
        return next((int(seat.opened["parameters"]) for seat in self.seats(id) if seat.opened and seat.tell is not None), 0)

    async def reset(self) -> None:
        """Every student's net goes back to its first weights, and stands."""
        self.stopped, self.resets = [], self.resets + 1
        for seat in self.seats():
            if seat.opened is not None:
                seat.kept["playing"] = False
                await self.studio.parts["sessions"].order(seat, "rewind")

    async def pause(self, on: bool) -> None:
        """Every student's net stands still; those that learned go on when the room does."""
        sessions = self.studio.parts["sessions"]
        if on and not self.paused:
            self.paused = True
            self.stopped = [seat for seat in self.seats() if seat.kept.get("playing")]
            for seat in self.stopped:
                seat.kept["playing"] = False
                await sessions.order(seat, "pause")
        elif self.paused and not on:
            self.paused, stopped, self.stopped = False, self.stopped, []
            for seat in stopped:
                if seat.number in sessions.numbers and seat.tell is not None:
                    seat.kept["playing"] = True
                    await sessions.order(seat, "play")

    def remove(self, id: str) -> None:
        """A student leaves: key, sessions and everything known."""
        if self.students.pop(id, None) is None:
            raise Problem("there is nobody of that number in the room")
        self.studio.keys.remove(id)
        sessions = self.studio.parts["sessions"]
        for key, seat in [item for item in sessions.seats.items() if item[0][0] == id]:
            sessions.drop(key, seat)

    def address(self, to: str = "") -> str:
        """Where a phone goes: the door with the code behind #, which no server's log sees."""
        return f"{self.studio.address or f'http://127.0.0.1:{self.studio.port}'}/join{f'?to={to}' if to else ''}#{self.code}"

    def mine(self, student: Student) -> dict[str, Any]:
        """What a student's page asks for each second."""
        challenge = {**self._challenge(), "done": student.best is not None} if self.challenge else None
        return {"room": self.name, "name": student.name, "paused": self.paused, "pushed": self.pushed, "resets": self.resets,
                "locked": self.locked, "hand": student.hand, "side": self.side, "challenge": challenge,
                "question": (self.question and {**self.question, "answer": student.answer}) or None}

    def board(self, since: int) -> dict[str, Any]:
        """What the teacher's page asks for: everyone; pictures and curves of those alone that changed after `since`."""
        return {"version": self.version, "name": self.name, "code": self.code, "open": self.open, "join": self.address(),
                "paused": self.paused, "locked": self.locked, "pushed": self.pushed, "model": self.model, "most": MOST,
                "controls": CONTROLS, "challenge": self._challenge() if self.challenge else None,
                "question": self._question() if self.question else None,
                "students": [one.told(since) for one in self.students.values()]}

    def _challenge(self) -> dict[str, Any]:
        """The goal, the seconds left and the list: fewest weights first, then who was first."""
        begun = self.challenge["begun"]
        best = sorted((one.best[0], one.best[1] - begun, one.name) for one in self.students.values() if one.best)
        return {"loss": self.challenge["loss"], "number": self.challenge["number"], "hidden": self.challenge["hidden"],
                "left": max(0, round(begun + self.challenge["seconds"] - time.monotonic())),
                "list": [{"weights": weights, "seconds": round(seconds), "name": "" if self.challenge["hidden"] else name}
                         for weights, seconds, name in best[:20]]}

    def _question(self) -> dict[str, Any]:
        answers = [one.answer for one in self.students.values()]
        return {**self.question, "counts": [answers.count(i) for i in range(len(self.question["choices"]))]}

    async def end(self) -> None:
        self.students.clear()
        self.studio.keys.people = {self.studio.keys.owner: self.studio.keys.people[self.studio.keys.owner]}


# What a teacher can do: a function of the room and of what was asked.

def push(room: Room, asked: dict[str, Any]) -> None:
    """{link}: everyone's Playground becomes this one."""
    link = asked.get("link")
    hash = link.strip().rpartition("#")[2] if isinstance(link, str) else ""
    if not hash or len(hash) > LINK or "=" not in hash or any(letter.isspace() for letter in hash):
        raise Problem("that is no link of a Playground: it has its settings after a #")
    room.pushed = {"number": room.pushed["number"] + 1, "link": f"#{hash}"}


def lock(room: Room, asked: dict[str, Any]) -> None:
    """{names}: controls that students' pages take away."""
    names = asked.get("names")
    if not isinstance(names, list) or not all(one in CONTROLS for one in names):
        raise Problem("controls that can be locked: {names}", names=", ".join(CONTROLS))
    room.locked = [one for one in CONTROLS if one in names]


def remove(room: Room, asked: dict[str, Any]) -> None:
    room.remove(str(asked.get("id")))


def door(room: Room, asked: dict[str, Any]) -> None:
    """{open}: nobody more comes in; opened again, the room has another code."""
    if bool(asked.get("open")) and not room.open:
        room.code = fresh_code()
    room.open = bool(asked.get("open"))


def takers(studio: Studio) -> dict[str, int]:
    """Runs whose model says what a picture is, newest first, and the side of its pictures; read from their cards."""
    found = {}
    for run in reversed(runs(studio.runs)):
        card: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            card = json.loads((standing(run.path / "model") / "card.json").read_text(encoding="utf-8"))
        if card.get("inputs", {}).get("kind") == "Image" and JUDGED & set(card.get("metrics", {})):
            found[run.name] = int(card["inputs"].get("height", 0))
    return found


def model(room: Room, asked: dict[str, Any]) -> None:
    """{run}: whose answers the phones get."""
    known = takers(room.studio)
    if asked.get("run") not in known:
        raise Problem("there is no run {path} that takes pictures", path=str(asked.get("run"))[:60])
    room.model, room.side = str(asked["run"]), known[asked["run"]]
    for student in room.students.values():
        student.drawing = None


def hands(room: Room, asked: dict[str, Any]) -> None:
    """Every hand goes down; {id}: that one."""
    for student in room.students.values():
        if student.hand and asked.get("id", student.id) == student.id:
            student.hand = False
            room.changed(student)


def challenge(room: Room, asked: dict[str, Any]) -> None:
    """{loss, minutes, hidden}: reach a test loss with the fewest weights; {} ends it."""
    if not asked:
        room.challenge = {}
        return
    loss, minutes = asked.get("loss"), asked.get("minutes")
    if not (isinstance(loss, (int, float)) and 0 < loss < 10 and isinstance(minutes, (int, float)) and 0 < minutes <= 120):
        raise Problem("a challenge has a loss between 0 and 10 and at most 120 minutes")
    room.challenge = {"loss": float(loss), "seconds": 60 * float(minutes), "begun": time.monotonic(), "hidden": bool(asked.get("hidden")),
                      "number": room.version + 1}
    for student in room.students.values():
        student.best = None


def question(room: Room, asked: dict[str, Any]) -> None:
    """{text, choices}: predict first; {} takes it back."""
    text, choices = asked.get("text"), asked.get("choices")
    if asked and not (isinstance(text, str) and 0 < len(text) <= 300 and isinstance(choices, list) and 2 <= len(choices) <= 6
                      and all(isinstance(one, str) and 0 < len(one) <= 80 for one in choices)):
        raise Problem("a question has a text and two to six answers")
    room.question = {"number": room.version + 1, "text": text, "choices": choices} if asked else {}
    for student in room.students.values():
        student.answer = None


ORDERS: dict[str, Any] = {"push": push, "pause": lambda room, asked: room.pause(bool(asked.get("on"))), "lock": lock, "reset": lambda room, asked: room.reset(),
                          "remove": remove, "door": door, "model": model, "hands": hands, "challenge": challenge, "question": question}
