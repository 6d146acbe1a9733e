"""TensorFlow Playground's checklist, item by item, in a real browser; numbers are compared with nn.playground's own Session."""
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from deepen.nn.playground import Session, Spec, points_of
from deepen.nn.playground_export import again

pytestmark = pytest.mark.slow
RATES = ["0.00001", "0.0001", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10"]
PENALTIES = ["0", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10"]
HIDDEN = ["showTestData", "discretize", "playButton", "stepButton", "resetButton", "learningRate", "activation", "regularization",
          "regularizationRate", "problem", "dataset", "percTrainData", "noise", "batchSize", "numHiddenLayers"]
KEYS = {"activation", "regularization", "batchSize", "dataset", "regDataset", "learningRate", "regularizationRate", "noise", "networkShape",
        "seed", "showTestData", "discretize", "percTrainData", "x", "y", "xTimesY", "xSquared", "ySquared", "cosX", "sinX", "cosY", "sinY",
        "collectStats", "problem", "initZero", "hideText"}          # and tutorial, where one is asked for
SOCKETS = """
const Real = WebSocket
window.sockets = []; window.cut = false
window.WebSocket = new Proxy(Real, { construct (made, given) {
  if (window.cut) { const none = { readyState: 3, send () {}, close () {} }; setTimeout(() => none.onclose?.(), 5); return none }
  const one = new made(...given); window.sockets.push(one); return one } })
"""


def decoded(message):
    """A frame: epoch, revision, flags, weights, losses and accuracies, side of its field."""
    sections, flags, number, epoch, _, revision = struct.unpack_from("<2xBBIIHH", message)
    told, at = {"flags": flags, "number": number, "epoch": epoch, "revision": revision}, 16
    for _ in range(sections):
        kind, _, count, length = struct.unpack_from("<BBHI", message, at)
        payload = message[at + 8: at + 8 + length]
        if kind == 3:
            told["weights"] = np.frombuffer(payload, "<f4")
        elif kind == 4:
            told["train"], told["test"], told["right"], told["test_right"], _, _, told["test_error"] = np.frombuffer(payload, "<f4").tolist()
        elif kind in (1, 5):
            told["side"] = struct.unpack_from("<H", payload)[0]
            told["classes"] = count if kind == 5 else 0
        at += 8 + length
    return told


class Play:
    """A Playground page and what its socket heard."""

    def __init__(self, page, base):
        self.page, self.base, self.told, self.frames = page, base, [], []
        page.on("websocket", lambda socket: socket.on("framereceived", self.hear))

    def hear(self, payload):
        if isinstance(payload, bytes):
            self.frames.append(decoded(payload))
        else:
            self.told.append(json.loads(payload))

    def until(self, met, seconds=15):
        end = time.monotonic() + seconds
        while not (found := met()):
            assert time.monotonic() < end, (self.told[-1:], self.frames[-1:])
            self.page.wait_for_timeout(15)
        return found

    def open(self, link=""):
        """The page of a link, loaded anew, its first frame painted."""
        if "/playground" in self.page.url:
            self.page.evaluate("sessionStorage.clear()")
        self.page.goto("about:blank")
        self.told.clear()
        self.frames.clear()
        self.page.goto(f"{self.base}/playground{'#' + link if link else ''}")
        self.until(lambda: self.opened and self.frames and self.frames[-1]["revision"] == self.opened["revision"])
        self.page.locator(".scores b", has_text=re.compile(r"^\d")).first.wait_for()
        return self

    @property
    def opened(self):
        """What was opened last, with what was changed since."""
        now = None
        for one in self.told:
            now = one if one["t"] == "opened" else {**now, **one, "t": "opened"} if one["t"] == "asked" and now else now
        return now

    @property
    def spec(self):
        return Spec.from_dict(self.opened["spec"])

    @property
    def frame(self):
        return self.frames[-1]

    def anew(self, act):
        """Do what must begin a new net; its spec, its first frame having come."""
        before = len([one for one in self.told if one["t"] == "opened"])
        act()
        self.until(lambda: len([one for one in self.told if one["t"] == "opened"]) > before and self.frame["revision"] == self.opened["revision"])
        return self.spec

    def still(self, act):
        """Do what must not begin a new net."""
        revision, epoch = self.opened["revision"], self.frame["epoch"]
        act()
        self.page.wait_for_timeout(350 if os.getloadavg()[0] < 2 else 1500)         # a busy machine tells later
        assert self.opened["revision"] == revision and self.frame["epoch"] >= epoch

    def step(self, times=1):
        for _ in range(times):
            epoch = self.frame["epoch"]
            self.button("Step").click()
            self.until(lambda: self.frame["epoch"] == epoch + 1 == int(self.shown()[0].replace(",", "")))       # noqa: B023

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def pick(self, label, value):
        self.page.get_by_label(label, exact=True).first.select_option(value)

    def more(self):
        self.page.get_by_label("more", exact=True).check()

    def shown(self):
        """(epoch, test loss, training loss) as they are read on the page."""
        return (self.page.locator(".epoch b").inner_text(), *self.page.locator(".scores b").all_inner_texts()[:2])

    def map(self):
        return self.page.evaluate("document.querySelector('.output canvas').toDataURL()")

    def hash(self):
        return dict(part.split("=") for part in self.page.evaluate("location.hash.slice(1)").split("&"))


@pytest.fixture
def play(chromium, window):
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(SOCKETS)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((window.base, "data:", "blob:", "about:")) else wrong.append(asked.url))
    page.goto(f"{window.base}/runs?token={window.url.split('token=')[1]}")      # the key becomes a cookie
    page.wait_for_selector("header nav")
    yield Play(page, window.base)
    context.close()
    assert wrong == []


def same_points(told, spec):
    ours = points_of(spec)
    for name, values in (("x", ours.x), ("t", ours.t), ("test_x", ours.test_x), ("test_t", ours.test_t)):
        assert np.allclose(np.array(told["points"][name]), values, atol=1e-4), name


def test_the_first_page_is_playgrounds_own(play):               # items 1, 3, 13, 16, 17, 21, 22, 26-29, 31, 34, 36-38, 43, 44, 60, 96
    play.open()
    assert play.spec == Spec(seed=play.spec.seed) and re.fullmatch(r"0\.\d{5}", play.spec.seed)
    assert play.opened["widths"] == [2, 4, 2, 1] and play.opened["parameters"] == 25
    assert len(play.opened["points"]["x"]) == len(play.opened["points"]["test_x"]) == 250
    same_points(play.opened, play.spec)
    assert np.allclose(play.frame["weights"], Session(play.spec).weights.astype("f4"))
    page, texts = play.page, lambda label: play.page.get_by_label(label, exact=True).first.locator("option").all_inner_texts()
    assert texts("Learning rate") == [f"{float(rate):g}" if float(rate) > 1e-4 else rate for rate in RATES]
    assert texts("Regularisation rate") == PENALTIES and texts("Regularisation") == ["None", "L1", "L2"]
    assert texts("Activation")[:4] == ["ReLU", "Tanh", "Sigmoid", "Linear"] and texts("Problem type") == ["Classification", "Regression"]
    epoch, test, train = play.shown()
    assert epoch == "000,000" and (test, train) == (f"{play.frame['test']:.3f}", f"{play.frame['train']:.3f}")
    assert page.locator(".feature .label").all_inner_texts() == ["X₁", "X₂", "X₁²", "X₂²", "X₁X₂", "sin(X₁)", "sin(X₂)"]
    assert [one.get_attribute("aria-pressed") for one in page.locator(".feature button").all()] == ["true"] * 2 + ["false"] * 5
    assert page.locator(".sets button").count() == 4
    assert all(page.locator(f"button[aria-label='{name}']").get_attribute("title") for name in ("Play", "Step", "Rewind", "Circle", "Spiral"))
    columns = [page.locator(f"section[aria-label='{name}']").bounding_box()["x"] for name in ("Data", "Network", "Output")]
    assert columns == sorted(columns) and page.locator(".controls").first.bounding_box()["y"] < page.locator(".playground").bounding_box()["y"]


def test_data_sets(play):                                       # items 1-8, 13, 38
    play.open()
    for title, name in (("Exclusive or", "xor"), ("Gaussian", "gauss"), ("Spiral", "spiral"), ("Circle", "circle")):
        spec = play.anew(play.page.get_by_role("radio", name=title).click)
        assert spec.data == name and spec.seed == play.spec.seed
        same_points(play.opened, spec)
        assert play.page.get_by_role("radio", name=title).get_attribute("aria-checked") == "true"
    play.still(play.page.get_by_role("radio", name="Circle").click)             # the chosen one: nothing happens
    spec = play.anew(lambda: play.pick("Problem type", "regression"))
    assert spec.data == "plane" and len(play.opened["points"]["x"]) == 600 and play.opened["classes"] == 0
    same_points(play.opened, spec)
    assert [one.get_attribute("title") for one in play.page.locator(".sets button").all()] == ["Plane", "Multi gaussian"]
    assert play.anew(play.page.get_by_role("radio", name="Multi gaussian").click).data == "cones"
    same_points(play.opened, play.spec)
    assert play.anew(lambda: play.pick("Problem type", "classification")).data == "circle"
    play.more()
    for title, name in (("Moons", "moons"), ("Checkerboard", "checker"), ("Rings", "rings"), ("Blobs", "blobs"), ("Four points", "four")):
        assert play.anew(play.page.get_by_role("radio", name=title).click).data == name
        same_points(play.opened, play.spec)


def test_the_sliders_of_data_begin_anew(play):                  # items 9-11, 31, 39
    play.open()
    for label, key, least, most, by in (("Noise", "noise", 0, 50, 5), ("Ratio of training to test data", "share", 10, 90, 10), ("Batch size", "batch", 1, 30, 1)):
        slider = play.page.get_by_label(label, exact=True)
        assert [int(slider.get_attribute(name)) for name in ("min", "max", "step")] == [least, most, by]
        play.step()
        seed, before = play.spec.seed, getattr(play.spec, key)
        play.anew(lambda slider=slider: slider.press("ArrowRight"))
        scale = 1 if key == "batch" else 100
        assert getattr(play.spec, key) * scale == pytest.approx(before * scale + by) and play.spec.seed == seed and play.frame["epoch"] == 0
        same_points(play.opened, play.spec)
    play.anew(lambda: play.page.get_by_label("Noise", exact=True).press("End"))
    assert play.spec.noise == 0.5


def test_regenerate_keeps_the_net(play):                        # item 12
    play.open()
    play.step(3)
    weights, seed, epoch = play.frame["weights"], play.spec.seed, play.frame["epoch"]
    play.anew(play.button("Regenerate").click)
    assert play.spec.seed != seed and np.allclose(play.frame["weights"], weights, rtol=1e-6) and play.frame["epoch"] == epoch == 3
    same_points(play.opened, play.spec)


def test_features(play):                                        # items 16, 19, 20, 21
    play.open()
    play.step()
    squared = play.page.get_by_role("button", name=re.compile("^feature X₁²"))
    assert play.anew(squared.click).features == ("x1", "x2", "x1x1") and play.frame["epoch"] == 0 and play.opened["widths"][0] == 3
    assert play.anew(play.page.get_by_role("button", name=re.compile("^feature sin.X₂.")).click).features[-1] == "sinx2"
    assert play.anew(play.page.get_by_role("button", name=re.compile("^feature X₁,")).click).features == ("x2", "x1x1", "sinx2")
    assert 0.39 < float(play.page.locator(".node.off button").first.evaluate("one => getComputedStyle(one).opacity")) <= 0.5
    play.open("xSquared=true&xSquared_hide=true&sinX_hide=true&seed=0.3")
    assert play.page.locator(".feature .label").all_inner_texts() == ["X₁", "X₂", "X₂²", "X₁X₂", "sin(X₂)"] and play.spec.features == ("x1", "x2")


def test_layers_and_neurons(play):                              # items 22-26, 28
    play.open()
    for layers in ((4, 2, 2), (4, 2, 2, 2), (4, 2, 2, 2, 2), (4, 2, 2, 2, 2, 2)):
        assert play.anew(play.button("add a layer").click).layers == layers
    assert play.button("add a layer").is_disabled()
    for _ in range(6):
        play.anew(play.button("remove a layer").click)
    assert play.spec.layers == () and play.opened["widths"] == [2, 1]
    play.step()
    play.anew(play.button("add a layer").click)
    play.anew(play.button("one neuron less in layer 1").click)
    assert play.spec.layers == (1,) and play.button("one neuron less in layer 1").is_disabled() and "1 neuron" in play.page.locator(".head").inner_text()
    for _ in range(7):
        play.anew(play.button("one neuron more in layer 1").click)
    assert play.spec.layers == (8,) and play.button("one neuron more in layer 1").is_disabled() and "8 neurons" in play.page.locator(".head").inner_text()
    play.open("networkShape=12,3,3,3,3,3,3&seed=0.1")           # a link may have more
    assert play.spec.layers == (12, 3, 3, 3, 3, 3, 3) and play.page.locator(".node button[data-l='1']").count() == 12
    play.open("initZero=true&seed=0.1")
    assert not play.frame["weights"].any()


def test_what_begins_anew_and_what_does_not(play):              # items 27, 34, 36, 37, 39, 51, 52, 61-90
    play.open("seed=0.42&showTestData=false")
    for label, value, key, told in (("Activation", "relu", "activation", ("relu",)), ("Activation", "sigmoid", "activation", ("sigmoid",)),
                                    ("Activation", "linear", "activation", ("linear",)), ("Activation", "tanh", "activation", ("tanh",)),
                                    ("Regularisation", "l1", "penalty", "l1"), ("Regularisation", "l2", "penalty", "l2"),
                                    ("Regularisation rate", "0.01", "penalty_rate", 0.01)):
        play.step()
        spec = play.anew(lambda label=label, value=value: play.pick(label, value))
        assert getattr(spec, key) == told and play.frame["epoch"] == 0, label
    assert play.hash()["regularization"] == "L2" and play.hash()["regularizationRate"] == "0.01"
    play.step(3)
    first, spec = play.map(), play.spec
    play.still(lambda: play.pick("Learning rate", "0.1"))
    assert play.hash()["learningRate"] == "0.1" and play.spec.lr == 0.1
    play.step(2)
    beside = Session(spec)
    beside.epochs(3)
    beside.change(lr=0.1)
    beside.epochs(2)
    assert (play.frame["train"], play.frame["test"]) == pytest.approx(beside.losses(), abs=1e-6)
    points = play.page.evaluate("document.querySelectorAll('.output canvas')[2].toDataURL()")
    play.still(play.page.get_by_label("Show test data").check)
    assert play.page.evaluate("document.querySelectorAll('.output canvas')[2].toDataURL()") != points and play.hash()["showTestData"] == "true"
    play.still(play.page.get_by_label("Discretise output").check)
    assert play.hash()["discretize"] == "true" and play.frame["epoch"] == 5
    colours = play.page.evaluate("""() => { const c = document.querySelector('.output canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data
        const seen = new Set(); for (let i = 0; i < d.length; i += 4) seen.add(d.slice(i, i + 3).join()); return [...seen] }""")
    assert set(colours) <= {"245,147,34", "8,119,189"} and play.map() != first


def test_play_pause_step_rewind(play):                          # items 30, 32, 33, 40-45
    play.open("seed=0.7")
    weights, session = play.frame["weights"], Session(play.spec)
    for n in (1, 2, 3):
        play.step()
        session.epochs(1)
        assert play.shown() == (f"000,00{n}", f"{session.losses()[1]:.3f}", f"{session.losses()[0]:.3f}")
    play.button("Play").click()
    began, first = time.monotonic(), play.frame["epoch"]
    play.until(lambda: play.frame["epoch"] > first + 100)
    assert 30 < (play.frame["epoch"] - first) / (time.monotonic() - began) < 120        # 60 a second
    play.button("Pause").click()
    play.until(lambda: play.frame["flags"] & 1)
    epoch = play.frame["epoch"]
    play.page.wait_for_timeout(300)
    assert play.frame["epoch"] == epoch and play.shown()[0] == f"{epoch:06d}"[:3] + "," + f"{epoch:06d}"[3:]
    session.epochs(epoch - 3)
    assert (play.frame["train"], play.frame["test"]) == pytest.approx(session.losses(), abs=1e-6)
    drawn = play.page.evaluate("document.querySelector('.chart canvas').toDataURL()")
    play.button("Rewind").click()
    play.until(lambda: play.frame["epoch"] == 0)
    assert np.array_equal(play.frame["weights"], weights) and play.button("Play").is_visible()
    play.until(lambda: play.page.evaluate("document.querySelector('.chart canvas').toDataURL()") != drawn)


def test_the_link_of_tensorflows_playground(play):              # items 61-90; the first 100 epochs
    link = ("https://playground.tensorflow.org/#activation=relu&regularization=L1&batchSize=7&dataset=spiral&regDataset=reg-gauss&learningRate=0.03"
            "&regularizationRate=0.001&noise=15&networkShape=6,4&seed=0.31415&showTestData=true&discretize=false&percTrainData=70&x=true&y=true"
            "&xTimesY=true&xSquared=false&ySquared=false&cosX=false&sinX=true&cosY=false&sinY=false&collectStats=false&problem=classification"
            "&initZero=false&hideText=false")
    play.open()
    play.anew(lambda: play.page.evaluate("""link => { const data = new DataTransfer(); data.setData('text', link)
        dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })) }""", link))
    spec = Spec.from_link(link)
    assert play.spec == spec and spec.layers == (6, 4) and spec.noise == 0.15 and spec.penalty == "l1" and play.page.get_by_label("Show test data").is_checked()
    same_points(play.opened, spec)
    assert set(play.hash()) >= KEYS and play.hash()["regDataset"] == "reg-gauss"
    play.more()
    play.page.get_by_label("Stop at epoch").fill("100")
    play.page.get_by_label("Stop at epoch").press("Tab")
    play.button("Play").click()
    play.until(lambda: any(one["t"] == "stopped" for one in play.told))
    play.until(lambda: play.frame["epoch"] == 100)
    ours = Session(spec).curve(100)
    mine = {frame["epoch"]: (frame["train"], frame["test"]) for frame in play.frames if frame["epoch"]}
    assert len(mine) > 30
    for epoch, losses in mine.items():
        assert losses == pytest.approx(tuple(ours[epoch - 1]), abs=1e-5), epoch
    link = play.page.evaluate("location.hash.slice(1)")
    play.open(link)                                             # what was written is read
    assert play.spec == spec
    assert play.anew(lambda: play.page.evaluate("location.hash = 'dataset=gauss&seed=0.1'")).data == "gauss"


def test_keys_of_a_link_hide_controls(play):                    # items 88, 91, 92
    play.open("&".join(f"{key}_hide=true" for key in HIDDEN) + "&hideText=true")
    assert [key for key in HIDDEN if play.page.locator(f"[data-part='{key}']:visible").count()] == []
    assert all(play.page.locator(f"[data-part='{key}']").count() for key in HIDDEN) and not play.page.locator("header.bar").is_visible()
    play.open("noise_hide=yes&playButton_hide=false&dataset=nothing&learningRate=fast")        # only "true" hides; the unknown is passed over
    assert play.page.locator("[data-part='noise']").is_visible() and play.button("Play").is_visible() and play.spec.data == "circle" and play.spec.lr == 0.03
    assert play.page.locator("header.bar").is_visible()
    play.more()
    play.page.get_by_text("Hide controls").click()
    play.still(play.page.locator("details").get_by_label("batch size").uncheck)                # the builder of such links
    play.page.locator("[data-part='batchSize']").wait_for(state="hidden")
    assert play.hash()["batchSize_hide"] == "true"


def test_colours(play):                                         # items 47-49
    play.open()
    told = play.page.evaluate("import('/static/lib/paint.js').then(({ colour }) => [-1, 0, 1, -5, 5].map(colour).concat([...new Set(Array.from({ length: 256 }, (_, i) => colour((i - 128) / 127.5)))].length))")
    assert told == ["rgb(245 147 34)", "rgb(232 234 235)", "rgb(8 119 189)", "rgb(245 147 34)", "rgb(8 119 189)", 31]
    assert play.frame["side"] == 100 and play.page.evaluate("document.querySelector('.node button[data-l] canvas').width") >= 10
    assert len(set(play.page.evaluate("[...document.querySelectorAll('.node button[data-l] canvas')].map(c => c.toDataURL())"))) == 6


def middle(play, number):
    """Where the middle of a link is on the page."""
    return play.page.evaluate("""n => { const path = document.querySelectorAll('.reach')[n], at = path.getPointAtLength(path.getTotalLength() / 2)
        const here = at.matrixTransform(path.getScreenCTM()); return [here.x, here.y] }""", number)


def test_hover_and_edit(play):                                  # items 50, 53-56
    play.open("seed=0.2&networkShape=3")
    whole = play.map()
    play.page.locator(".node button[data-l='1'][data-i='1']").hover()
    play.until(lambda: play.map() != whole)
    play.page.mouse.move(5, 500)
    play.until(lambda: play.map() == whole)
    play.page.locator(".feature button").first.hover()
    play.until(lambda: play.map() != whole)
    play.page.mouse.move(5, 500)
    card, weight = play.page.locator(".hover"), play.frame["weights"][0]
    play.page.mouse.move(*middle(play, 0))
    assert card.inner_text().startswith("Weight: ") and float(card.inner_text().split()[1].replace("−", "-")) == pytest.approx(weight, abs=0.006)
    play.button("Play").click()
    play.page.mouse.move(*middle(play, 0))
    before = card.inner_text()
    play.until(lambda: card.inner_text() != before)             # alive while it learns
    play.button("Pause").click()
    play.page.mouse.move(*middle(play, 5))
    play.page.mouse.click(*middle(play, 5))
    card.locator("input").fill("3")
    play.until(lambda: play.frame["weights"][5] == 3)
    assert float(play.page.locator(".link").nth(5).evaluate("one => one.style.strokeWidth")) == pytest.approx(1 + 9 * 3 / 5, abs=0.01)
    card.locator("input").fill("-9")
    play.until(lambda: play.frame["weights"][5] == -9)
    play.page.wait_for_timeout(60)
    assert play.page.locator(".link").nth(5).evaluate("one => [one.style.strokeWidth, one.style.strokeDasharray]") == ["10", "5, 4"]
    card.locator("input").press("Enter")
    assert card.is_hidden()
    square = play.page.locator(".bias").first
    square.hover()
    assert card.inner_text().startswith("Bias: ")
    square.click()
    card.locator("input").fill("-2")
    play.until(lambda: play.frame["weights"][6] == -2)
    assert square.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(245, 147, 34)"
    card.locator("input").press("Escape")


def test_an_edit_shows_at_once(play):                           # goal 3: p95 ≤ 100 ms, here with room for a busy machine
    play.open("seed=0.2")
    play.page.mouse.click(*middle(play, 0))
    waits = play.page.evaluate("""async () => {
        const box = document.querySelector('.hover input'), canvas = document.querySelector('.output canvas'), pen = canvas.getContext('2d')
        const seen = () => pen.getImageData(0, 0, canvas.width, canvas.height).data.reduce((a, b, i) => (a * 31 + b * (i + 1)) % 1000003, 7), waits = []
        for (let i = 0; i < 40; i++) {
          const before = seen(), began = performance.now()
          box.value = (i % 2 ? 2 : -2) + i / 50
          box.dispatchEvent(new Event('input'))
          while (seen() === before && performance.now() - began < 3000) await new Promise(requestAnimationFrame)
          waits.push(performance.now() - began)
          await new Promise(done => setTimeout(done, 30))
        }
        return waits }""")
    assert np.percentile(waits, 95) <= 200, sorted(waits)


def test_a_lesson_by_keyboard_alone(play):                      # item 99 and what a teacher would do
    play.open("seed=0.5")
    page = play.page

    def to(label):
        for _ in range(90):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent") == label:
                return
        raise AssertionError(f"{label} cannot be reached by Tab")
    page.locator("#main").focus()
    to("Exclusive or")
    assert play.anew(lambda: page.keyboard.press("Enter")).data == "xor"
    page.locator("#main").focus()
    to("add a layer")
    assert play.anew(lambda: page.keyboard.press("Enter")).layers == (4, 2, 2)
    page.locator("#main").focus()
    page.keyboard.press(" ")
    play.until(lambda: play.frame["epoch"] > 10)
    page.keyboard.press(" ")
    play.until(lambda: play.frame["flags"] & 1)
    page.wait_for_timeout(100)
    epoch = play.frame["epoch"]
    page.keyboard.press("ArrowRight")
    play.until(lambda: play.frame["epoch"] == epoch + 1)
    to("neuron 1 of layer 1; enter explains it, w lists its weights")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.i") == "1"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[document.activeElement.dataset.l, document.activeElement.dataset.i]") == ["2", "1"]
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("^Neuron 2 of layer 2")).wait_for()
    page.locator(".node button[data-l='2'][data-i='1']").focus()
    page.keyboard.press("w")
    page.get_by_role("heading", name="What goes into neuron 2 of layer 2").wait_for()
    assert page.locator("dialog input").count() == 5
    page.keyboard.press("Tab")
    page.locator("dialog input").first.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("1.5")
    page.keyboard.press("Tab")
    play.until(lambda: 1.5 in play.frame["weights"])
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    to("what the network says over the plane; arrow keys move a probe, enter explains the point")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert re.match(r"x 1\.0, y 1\.0 → −?\d\.\d\d", page.locator(".output .read").inner_text())
    page.locator("#main").focus()
    page.keyboard.press("r")
    play.until(lambda: play.frame["epoch"] == 0)


def test_points_drawn_by_hand(play):                            # items 15, 104
    play.open()
    page = play.page
    play.button("Your own points …").click()
    canvas = page.locator("canvas.drawn")
    box = canvas.bounding_box()
    for kind, places in (("1", [(0.2, 0.2), (0.3, 0.3)]), ("2", [(0.7, 0.7), (0.8, 0.6)])):
        page.get_by_role("button", name=f"class {kind}", exact=True).click()
        for x, y in places:
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    canvas.focus()
    page.keyboard.press("3")
    for key in ("ArrowUp", "Enter", "ArrowRight", "Enter", "ArrowRight", "Enter", "Delete"):
        page.keyboard.press(key)
    page.get_by_text("6 points").wait_for()
    spec = play.anew(play.button("Use these points").click)
    assert spec.data == "own" and len(spec.points) == 6 and spec.classes == 3 and {point[2] for point in spec.points} == {0, 1, 2}
    assert spec.points[0][:2] == pytest.approx((-3.6, 3.6), abs=0.15) and spec.points[4][:2] == (0, 0.4)
    assert play.frame["classes"] == 3
    play.step()
    link = page.evaluate("location.hash.slice(1)")
    play.open(link)
    assert play.spec == spec                                    # the address shares them


def test_points_of_a_table(play):
    play.open()
    rows = "\n".join(f"{100 + 3 * i},{i % 7},{'yes' if i % 7 > 3 else 'no'}" for i in range(60))
    play.button("Your own points …").click()
    play.page.get_by_role("tab", name="Table").click()
    play.page.get_by_label("a table as text").fill("weight,size,bought\n" + rows)
    play.page.get_by_label("a table as text").press("Tab")
    play.page.get_by_text("60 rows").wait_for(timeout=60_000)
    spec = play.anew(play.button("Use these points").click)
    assert len(spec.points) == 60 and spec.classes == 2 and min(point[0] for point in spec.points) == -5 and max(point[0] for point in spec.points) == 5


def test_beyond_playground(play):                               # items 102, 103, 105, 106, 110
    play.open("seed=0.6")
    play.more()
    assert re.fullmatch(r"\d+ %", play.page.locator(".scores b").nth(2).inner_text())
    assert play.anew(lambda: play.pick("Optimizer", "adam")).optimizer == "adam"
    assert play.anew(lambda: play.pick("Loss", "logistic")).loss == "logistic"
    assert play.anew(lambda: play.pick("Activation of layer 2", "relu")).activation == ("tanh", "relu")
    assert play.anew(lambda: play.pick("Dropout of layer 1", "0.2")).drop == (0.2, 0)
    assert play.anew(play.button("add a layer").click).activation == ("tanh", "relu", "relu")
    play.anew(play.page.get_by_role("radio", name="Rings").click)
    spec = play.anew(lambda: play.pick("Classes", "4"))
    assert spec.classes == 4 and spec.loss == "softmax" and play.opened["widths"][-1] == 4 and play.frame["classes"] == 4
    play.step()
    play.pick("Beside it", "tree")
    told = play.until(lambda: next((one for one in play.told if one["t"] == "rival"), None), 40)
    assert told["kind"] == "tree" and told["test"] > 0.6 and play.page.locator(".output .map").nth(1).is_visible()
    assert play.page.get_by_text("of the test right").is_visible()


def test_the_preset_that_solves_the_spiral(play):
    play.open("seed=0.9001")
    play.more()
    play.anew(lambda: play.pick("Preset", "spiral"))
    assert play.spec.data == "spiral" and play.spec.features == ("x1", "x2") and play.spec.layers == (8, 8) and set(play.spec.activation) == {"tanh"}
    began = time.monotonic()
    play.button("Play").click()
    play.until(lambda: play.frame["epoch"] and play.frame["flags"] & 1, 60)         # it stops by itself
    assert play.frame["test_error"] <= 0.01
    assert time.monotonic() - began < 20                        # bench/playground.py has the goal: 5 s, on a quiet machine
    play.anew(lambda: play.pick("Preset", "playground"))
    assert play.spec.bias and play.spec.optimizer == "sgd" and play.spec.penalty == "none"


def test_the_formula_says_the_real_numbers(play):               # item 110
    play.open("seed=0.8")
    play.step(4)
    play.page.locator(".node button[data-l='1'][data-i='2']").click()
    play.page.locator(".sum .result").wait_for()
    session = Session(play.spec)
    session.epochs(4)
    weights, biases = session.layer(session.weights, 1)
    place = np.array(play.opened["points"]["x"][0])
    said = float(play.page.locator(".sum .result").inner_text().replace("−", "-"))
    assert said == pytest.approx(np.tanh(weights[2] @ place + biases[2]), abs=6e-4)
    play.page.locator(".sum").get_by_role("button", name="output").click()
    said = float(play.page.locator(".sum .result").inner_text().replace("−", "-"))
    assert said == pytest.approx(float(session.answers(place[None])[0, 0]), abs=6e-4)


def test_snapshots(play):                                       # items 107, 109
    play.open("seed=0.9")
    play.step(3)
    weights = play.frame["weights"]
    play.button("Snapshot").click()
    assert "epoch 3" in play.page.locator(".snapshots figcaption").inner_text()
    play.page.locator(".snapshots").get_by_label("in the chart").check()
    play.step(4)
    play.anew(play.button("add a layer").click)
    play.anew(play.button("back to snapshot 1").click)
    assert np.allclose(play.frame["weights"], weights, rtol=1e-6) and play.spec.layers == (4, 2) and play.frame["epoch"] == 3
    play.step()
    session = Session(play.spec)
    session.weights = weights.astype("f8")
    session.epochs(1)
    assert play.frame["train"] == pytest.approx(session.losses()[0], abs=1e-5)


def last_number(text):
    return float(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)[-1])


@pytest.mark.timeout(400)
def test_what_is_exported_does_the_same_again(play, tmp_path):  # item 108, goal 15
    play.open("seed=0.21&dataset=xor&noise=10&networkShape=5,3")
    play.step(12)
    test = play.frame["test"]

    def taken():
        before = len([one for one in play.told if one["t"] == "export"])
        play.button("Share, export").click()
        play.page.get_by_role("heading", name="Take it away").wait_for()
        told = play.until(lambda: [one for one in play.told if one["t"] == "export"][before:])[0]
        shown = play.page.locator("dialog pre").all_inner_texts()
        assert shown[0].startswith(f"{play.base}/playground#") and shown[1].startswith("https://playground.tensorflow.org/#") and shown[2] == told["command"]
        play.page.locator("dialog").get_by_role("button", name="Close").click()
        return told
    told = taken()
    assert len(told["link"]) < 2000 and "[spec]" in told["toml"] and tomllib.loads(told["toml"])["epochs"] == 12
    assert again(told["toml"]).losses()[1] == pytest.approx(test, abs=1e-5)
    script = tmp_path / "again.py"
    script.write_text(told["python"], encoding="utf-8")
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]).stdout
    assert "epoch 12" in said and last_number(said) == pytest.approx(test, abs=1e-5)
    words = told["command"].split()
    assert words[0] == "deepen"
    subprocess.run([sys.executable, "-m", *words, "--out", str(tmp_path / "run"), "--quiet"], check=True, cwd=tmp_path, capture_output=True,
                   env={**os.environ, "OMP_NUM_THREADS": "1"})
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    judged = [event for event in events if event["event"] == "evaluated"][-1]
    assert loss_in(judged) == pytest.approx(test, abs=1e-5), judged
    play.pick("Learning rate", "0.1")                           # changed by hand: the script and TOML tell it, a command cannot
    play.step(3)
    play.page.mouse.click(*middle(play, 0))
    play.page.locator(".hover input").fill("1.25")
    play.until(lambda: play.frame["weights"][0] == 1.25)
    play.page.locator(".hover input").press("Enter")
    play.step(2)
    told, test = taken(), play.frame["test"]
    assert told["command"].startswith("#") and again(told["toml"]).losses()[1] == pytest.approx(test, abs=1e-5)
    script.write_text(told["python"], encoding="utf-8")
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]).stdout
    assert last_number(said) == pytest.approx(test, abs=1e-5)


def loss_in(event):
    """The loss on valid of an `evaluated` event."""
    metrics = event.get("metrics", event)
    return next(value["loss"] if isinstance(value, dict) else value for name, value in metrics.items() if name in ("valid", "loss"))


def test_numbers_that_break_are_caught(play):                   # item 46
    play.open("seed=0.4&problem=regression&activation=relu&learningRate=10&networkShape=8,8&regularization=none")
    play.button("Play").click()
    play.page.get_by_role("alert").get_by_text("The steps became too big").wait_for(timeout=20_000)
    assert np.isfinite(play.frame["weights"]).all() and play.button("Play").is_visible()
    play.button("Back to the last good weights").click()
    play.page.get_by_role("alert").wait_for(state="detached")
    play.until(lambda: np.isfinite(play.frame["weights"]).all() and np.isfinite(play.frame["train"]))


def test_a_stop_rule(play):                                     # item 46
    play.open("seed=0.5&dataset=gauss")
    play.more()
    play.page.get_by_label("Stop at test loss").fill("0.05")
    play.page.get_by_label("Stop at test loss").press("Tab")
    play.button("Play").click()
    play.page.get_by_text("Reached: test loss").wait_for(timeout=20_000)
    assert play.button("Play").is_visible() and play.until(lambda: play.frame["test"] <= 0.05) and play.frame["epoch"] < 500


def learned(play, epochs=60):
    play.button("Play").click()
    play.until(lambda: play.frame["epoch"] > epochs)
    play.button("Pause").click()
    play.until(lambda: play.frame["flags"] & 1)
    play.page.wait_for_timeout(150)
    return play.frame


def test_a_page_loaded_again_is_the_same_session(play):
    play.open("seed=0.77&dataset=xor")
    play.pick("Learning rate", "0.1")
    frame, spec, link = learned(play), play.spec, play.page.evaluate("location.hash")
    play.told.clear()
    play.frames.clear()
    play.page.reload()
    play.until(lambda: play.frames)
    assert play.frame["epoch"] == frame["epoch"] and np.array_equal(play.frame["weights"], frame["weights"]) and play.told[0].get("back")
    assert play.spec == spec and spec.lr == 0.1 and play.page.evaluate("location.hash") == link
    assert len(play.opened["curve"]) > 20 and play.opened["curve"][-1][0] == frame["epoch"]
    play.page.wait_for_timeout(200)
    assert play.page.get_by_label("Learning rate").input_value() == "0.1"


def workers(process):
    """The worker processes of a Studio."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, line = (folder / "status").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if re.search(rf"^PPid:\s{process.pid}$", status, re.M) and b"deepen.app.studio.worker" in line:
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc on this machine")
def test_a_killed_worker_is_back_with_the_curve(play, window):  # goal 9
    play.open("seed=0.66")
    frame = learned(play)
    play.page.wait_for_timeout(300)
    seen, killed = len(play.told), workers(window.process)
    assert killed
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    began = time.monotonic()
    play.until(lambda: any(one["t"] == "opened" for one in play.told[seen:]))
    opened = next(one for one in play.told[seen:] if one["t"] == "opened")
    play.until(lambda: play.frame["revision"] == opened["revision"] and play.frame["number"] <= 3)
    assert time.monotonic() - began <= 5                        # 3 s, on a quiet machine
    assert play.frame["epoch"] == frame["epoch"] and np.array_equal(play.frame["weights"], frame["weights"])
    assert [point[0] for point in opened["curve"]][-1] == frame["epoch"] and len(opened["curve"]) > 20
    play.step()


def test_a_network_that_was_cut_comes_back(play):               # goal 9
    play.open("seed=0.55")
    play.button("Play").click()
    play.until(lambda: play.frame["epoch"] > 20)
    play.page.evaluate("window.cut = true; sockets.forEach(one => one.close())")
    play.page.get_by_text("connecting").wait_for()
    epoch, seen = play.frame["epoch"], len(play.told)
    play.page.wait_for_timeout(6000)
    assert play.frame["epoch"] == epoch
    play.page.evaluate("window.cut = false")
    began = time.monotonic()
    play.until(lambda: len(play.told) > seen and play.frame["epoch"] > epoch)
    assert time.monotonic() - began <= 3
    back = play.told[seen]
    assert back["back"] and back["playing"] and play.frame["epoch"] > epoch + 60            # it learned on
    assert play.button("Pause").is_visible() and len(play.until(lambda: [one for one in play.told[seen:] if one["t"] == "curve"])[0]["curve"]) > 100
    epochs = [frame["epoch"] for frame in play.frames]
    assert epochs == sorted(epochs)


def test_a_server_that_knows_nothing_gets_it_back(play):        # goal 9: it was started again
    play.open("seed=0.44&dataset=gauss")
    frame = learned(play)
    play.anew(lambda: play.page.evaluate("sockets.at(-1).onmessage({ data: JSON.stringify({ t: 'empty' }) })"))
    assert play.frame["epoch"] == frame["epoch"] and np.allclose(play.frame["weights"], frame["weights"], rtol=1e-6)
    assert len(play.opened["curve"]) > 20 and play.opened["curve"][-1][0] == frame["epoch"] and play.spec.data == "gauss"
    play.step()


def test_the_graph_follows_the_window(play):                    # item 59
    play.open()
    wide = play.page.locator(".node.end").bounding_box()["x"]
    play.page.set_viewport_size({"width": 900, "height": 800})
    play.until(lambda: play.page.locator(".node.end").bounding_box()["x"] != wide)
    box, graph = play.page.locator(".node.end").bounding_box(), play.page.locator(".graph").bounding_box()
    assert graph["x"] < box["x"] <= graph["x"] + graph["width"] and play.page.locator(".node button[data-l] canvas").first.is_visible()


def test_every_control_is_told_of(play):                        # items 57, 58, 94
    play.open()
    play.page.locator("#main").focus()
    play.page.keyboard.press("e")
    play.page.locator("dialog.guide dt").first.wait_for()
    names = play.page.locator("dialog.guide dt").all_inner_texts()
    assert {"Noise", "Features", "Activation", "Learning rate", "Batch size", "Regularisation", "Loss", "Keys"} <= set(names)
    play.page.keyboard.press("Escape")
    assert play.page.locator(".ramp").inner_text().split() == ["−1", "1"] and "thick ones strong" in play.page.locator(".network").inner_text()


def test_orders_that_are_none_are_sentences(play):
    play.open()
    for order in ('{"do": "open", "spec": {"layers": [1000000000]}}', '{"do": "open", "link": "#networkShape=1000000000"}', '{"do": "edit", "place": 99, "value": 1}',
                  '{"do": "eval"}', "[]", "nonsense", '{"do": "open", "spec": {"data": "../../etc"}}', '{"do": "look", "view": 5}'):
        seen = len(play.told)
        play.page.evaluate("order => sockets.at(-1).send(order)", order)
        told = play.until(lambda seen=seen: [one for one in play.told[seen:] if one["t"] == "refused"])
        assert told[0]["problem"] and "Traceback" not in told[0]["problem"], order
    play.step()
