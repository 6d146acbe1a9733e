"""A worker: one process that lets Playground sessions learn and draws what they say. No torch, no network.

In: a line of JSON an order. Out: u32 length, u32 session, u8 kind (0 JSON, 1 frame), payload. Orders of people come before
learning; sessions share the time in turns; a session draws only when the one before the last was seen (two on the way).
"""
import contextlib
import json
import queue
import sys
import threading
import time

from deepen.app.studio.live import Live
from deepen.app.studio.wire import Out
from deepen.core.words import Problem, speak

ALONE, CLASS, CROWD = 1 / 60, 1 / 32, 1 / 18        # seconds between two turns
FEW, SOME = 8, 20                   # sessions that play: up to so many as if alone, in a class; more are a crowd
SHARE = 0.7                         # of a turn is for learning, all sessions together
ON_THE_WAY = 2
ORDERS = ("open", "play", "pause", "step", "rewind", "edit", "change", "look", "set", "ack", "show", "back", "export", "rival", "keep")


def main() -> None:
    """Obey orders and let sessions learn, until the server goes."""
    out = Out(sys.stdout.buffer)
    sys.stdout = sys.stderr
    orders: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            orders.put(line)
        orders.put(None)
    threading.Thread(target=listen, daemon=True).start()
    lives: dict[int, Live] = {}
    due = time.monotonic()
    while True:
        players = [live for live in lives.values() if live.playing]
        wait = None                                             # nobody learns, nothing to draw: until somebody says something
        if players or any(wanted(live) for live in lives.values()):
            wait = max(0.0, due - time.monotonic()) if all(live.speed for live in players) else 0.0
        for line in received(orders, wait):                     # people first
            if line is None:
                return
            obey(json.loads(line), lives, out)
        players = [live for live in lives.values() if live.playing]
        pause = ALONE if len(players) <= FEW else CLASS if len(players) <= SOME else CROWD
        now = time.monotonic()
        if now >= due or not all(live.speed for live in players):
            left = SHARE * pause                                # what those who need little leave is for those who need more
            for number, live in enumerate(sorted(players, key=lambda live: live.need(now))):
                began = time.thread_time()                      # of this thread: what other programs take is nobody's debt
                live.turn(now, left / (len(players) - number))
                if live.due(len(players)):
                    live.keep()
                left -= time.thread_time() - began
            due = max(due + pause, now)
        for live in lives.values():
            now = time.monotonic()
            if wanted(live) and (live.playing or now - live.drawn >= ALONE * 0.9):
                live.draw(now, small=len(players) > FEW)


def received(orders: queue.Queue, wait: float | None) -> list[str | None]:
    """What was ordered by now; if nothing, what is ordered first in so many seconds (None: however long it takes)."""
    told: list[str | None] = []
    with contextlib.suppress(queue.Empty):
        told.append(orders.get(timeout=wait) if wait is None or wait > 0 else orders.get_nowait())
        while len(told) < 500:
            told.append(orders.get_nowait())
    return told


def wanted(live: Live) -> bool:
    """Is there something to draw, and somebody who has seen what went before?"""
    return live.dirty and live.session is not None and live.frames - live.seen < ON_THE_WAY


def obey(order: dict, lives: dict[int, Live], out: Out) -> None:
    """One order: {s: session, do: …}. What is wrong with it is told to who gave it."""
    number, do = order.pop("s"), order.pop("do")
    speak(order.pop("language", "en"))
    if do == "close":
        lives.pop(number, None)
        return
    live = lives.setdefault(number, Live(number, out))
    try:
        if do not in ORDERS:
            raise Problem("there is no order {name}", name=str(do)[:30])
        getattr(live, do)(**order)
    except Problem as problem:
        live.tell("refused", problem=str(problem), do=do)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        live.tell("refused", problem=f"{type(error).__name__}: {str(error)[:200]}", do=do)


if __name__ == "__main__":
    main()
