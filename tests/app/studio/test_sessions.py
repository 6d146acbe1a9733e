"""Playground sessions on their workers: learning, frames, a killed worker, limits, and the end."""
import asyncio
import json
import struct
import time

import numpy as np
import pytest

from deepen.app.studio import frame
from deepen.app.studio.sessions import EACH, Sessions
from deepen.app.studio.wire import unpacked
from deepen.core.words import Problem


class Browser:
    """What a browser hears."""

    def __init__(self):
        self.told, self.frames = [], []

    def tell(self, kind, payload):
        self.frames.append(read(payload)) if kind else self.told.append(json.loads(payload))

    async def until(self, met, seconds=20):
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, (self.told[-3:], self.frames[-1:])
            await asyncio.sleep(0.02)

    def heard(self, what):
        return next((one for one in reversed(self.told) if one["t"] == what), None)


def read(message):
    """A frame taken apart by its description, section by section."""
    version, _, sections, flags, number, epoch, _, revision = struct.unpack_from("<BBBBIIHH", message)
    told, at = {"flags": flags, "number": number, "epoch": epoch, "revision": revision}, 16
    assert version == 1
    for _ in range(sections):
        kind, _, count, length = struct.unpack_from("<BBHI", message, at)
        told[kind] = (count, message[at + 8: at + 8 + length])
        at += 8 + length
    assert at == len(message)
    return told


def weights(told):
    return np.frombuffer(told[frame.WEIGHTS][1], "<f4")


def run(act):
    """`act(sessions)` in a loop of its own; the workers are gone afterwards."""
    async def all_of_it():
        sessions = Sessions(workers=1)
        try:
            await act(sessions)
        finally:
            processes = [one for one in sessions.processes if one is not None]
            await sessions.end()
            assert all(one.returncode is not None for one in processes)
    asyncio.run(all_of_it())


async def learning(sessions, browser, **spec):
    seat = sessions.seat("owner", "a-session")
    seat.tell = browser.tell
    await sessions.order(seat, "open", spec={"seed": "0.5", **spec})
    await browser.until(lambda: browser.heard("opened") and browser.frames)
    return seat


def test_a_session_learns_and_draws_until_it_is_paused():
    async def act(sessions):
        browser = Browser()
        seat = await learning(sessions, browser)
        first = browser.frames[-1]
        opened = browser.heard("opened")
        assert opened["widths"] == [2, 4, 2, 1] and opened["parameters"] == 25 == len(weights(first))
        side, most = struct.unpack_from("<H2xff", first[frame.FIELD][1])[0::2]
        assert side == 100 and most == 1 and len(first[frame.FIELD][1]) == 12 + side * side
        assert first["epoch"] == 0 and first["flags"] & frame.PAUSED
        await sessions.order(seat, "play")
        for _ in range(400):                                    # a browser that says what it has seen
            await asyncio.sleep(0.01)
            await sessions.order(seat, "ack", n=browser.frames[-1]["number"])
            if browser.frames[-1]["epoch"] >= 30:
                break
        await sessions.order(seat, "pause")
        await browser.until(lambda: browser.frames[-1]["flags"] & frame.PAUSED)
        epoch = browser.frames[-1]["epoch"]
        await asyncio.sleep(0.2)
        assert browser.frames[-1]["epoch"] == epoch >= 30
        before, after = (np.frombuffer(one[frame.SCALARS][1], "<f4")[0] for one in (first, browser.frames[-1]))
        assert after < before
    run(act)


def test_nothing_is_drawn_for_who_does_not_look():
    async def act(sessions):
        browser = Browser()
        seat = await learning(sessions, browser)
        await sessions.order(seat, "play")
        await asyncio.sleep(1)
        assert len(browser.frames) <= 3                         # two on the way, and the first
        await sessions.order(seat, "ack", n=browser.frames[-1]["number"])
        await browser.until(lambda: browser.frames[-1]["epoch"] > 20)
    run(act)


def test_a_killed_worker_is_replaced_with_the_same_weights_and_curve():
    async def act(sessions):
        browser = Browser()
        seat = await learning(sessions, browser)
        await sessions.order(seat, "set", speed=0)
        await sessions.order(seat, "play")
        await asyncio.sleep(0.7)
        await sessions.order(seat, "pause")
        await sessions.order(seat, "ack", n=browser.frames[-1]["number"])
        await browser.until(lambda: browser.frames[-1]["flags"] & frame.PAUSED and seat.kept.get("epoch") == browser.frames[-1]["epoch"])
        kept, curve, told, last = weights(browser.frames[-1]), unpacked(seat.kept["curve"]).tolist(), len(browser.told), len(browser.frames)
        sessions.processes[0].kill()
        began = time.monotonic()
        await browser.until(lambda: len(browser.told) > told and browser.told[-1]["t"] == "opened")
        await browser.until(lambda: len(browser.frames) > last)
        assert time.monotonic() - began < 10
        assert np.array_equal(weights(browser.frames[-1]), kept) and browser.heard("opened")["curve"] == curve and len(curve) > 1
    run(act)


def test_rewind_comes_back_to_the_first_weights_and_an_edit_shows():
    async def act(sessions):
        browser = Browser()
        seat = await learning(sessions, browser)
        first = weights(browser.frames[-1])
        await sessions.order(seat, "step")
        await browser.until(lambda: browser.frames[-1]["epoch"] == 1)
        assert not np.array_equal(weights(browser.frames[-1]), first)
        await sessions.order(seat, "ack", n=9999)
        await sessions.order(seat, "rewind")
        await browser.until(lambda: browser.frames[-1]["epoch"] == 0)
        assert np.array_equal(weights(browser.frames[-1]), first)
        await sessions.order(seat, "edit", place=3, value=2.5)
        await browser.until(lambda: weights(browser.frames[-1])[3] == 2.5)
        await sessions.order(seat, "edit", place=99, value=1)
        await browser.until(lambda: browser.heard("refused"))
        assert "25 weights" in browser.heard("refused")["problem"]
    run(act)


def test_what_breaks_says_so_and_goes_back():
    async def act(sessions):
        browser = Browser()
        seat = await learning(sessions, browser, data="plane", activation=["relu"], layers=[8, 8], lr=10.0)
        await sessions.order(seat, "ack", n=9999)
        await sessions.order(seat, "set", speed=0)
        await sessions.order(seat, "play")
        await browser.until(lambda: browser.heard("broken") or (browser.frames and np.isfinite(weights(browser.frames[-1])).all()
                                                              and browser.frames[-1]["epoch"] > 2000))
        assert np.isfinite(weights(browser.frames[-1])).all()
    run(act)


@pytest.mark.parametrize("spec", [{"layers": [10**9]}, {"layers": [64] * 13}, {"data": "nothing"}, {"lr": -1}, {"points": [[0, 0, 0]] * 6000},
                                  {"features": []}, {"no_such": 1}, {"batch": 0}])
def test_an_impossible_net_is_a_sentence(spec):
    async def act(sessions):
        browser = Browser()
        seat = sessions.seat("owner", "a-session")
        seat.tell = browser.tell
        await sessions.order(seat, "open", spec={})
        await browser.until(lambda: browser.heard("opened"))
        began = time.monotonic()
        await sessions.order(seat, "open", spec=spec)
        await browser.until(lambda: browser.heard("refused") or len([one for one in browser.told if one["t"] == "opened"]) > 1)
        if spec != {"features": []}:
            assert browser.heard("refused") and time.monotonic() - began < 1
            assert "Traceback" not in browser.heard("refused")["problem"]
    run(act)


def test_a_student_has_two_playgrounds_at_most():
    sessions = Sessions(workers=1)
    for n in range(EACH):
        sessions.seat("someone", f"session-{n}").tell = print
    with pytest.raises(Problem, match="open already"):
        sessions.seat("someone", "one-more")
    assert sessions.seat("another", "session-0").number == EACH + 1
