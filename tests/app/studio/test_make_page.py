"""What the page Make asks: samples, sliders, how pictures come to be, panels, and the contest turn by turn. No network."""
import asyncio
import base64
import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from deepen.app.studio import ask_contest, ask_make, make
from deepen.app.studio.server import Studio, build
from deepen.core.words import Problem
from deepen.engine.run import Run
from deepen.engine.start import start

BLENDER = Path(__file__).parent / "blender.py"
PORT = 8572


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{name: path} of small runs: a GAN of digits, the blender, and one that makes nothing."""
    root = tmp_path_factory.mktemp("makers")
    asked = {"dcgan": ("dcgan", {"epochs": "2", "width": "8", "data": "digits"}), "blender": (f"{BLENDER}:Blender", {}),
             "plain": ("classify", {"data": "stripes", "epochs": "1"})}
    return {name: str(start(what, settings, out=root / name).path) for name, (what, settings) in asked.items()}


def opened(address):
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def call(app, studio, method, path, body=None):
    """(status, what was answered) of the whole application, guard and all."""
    told = []

    async def send(message):
        told.append(message)
    sent = iter([{"type": "http.request", "body": b"" if body is None else json.dumps(body).encode()}])

    async def receive():
        return next(sent, {"type": "http.disconnect"})
    headers = {"host": f"127.0.0.1:{PORT}", "origin": f"http://127.0.0.1:{PORT}", "cookie": f"deepen-{PORT}={studio.keys.owner}"}
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
             "headers": [(name.encode(), value.encode()) for name, value in headers.items()], "http_version": "1.1",
             "root_path": "", "client": ("127.0.0.1", 5), "server": ("127.0.0.1", PORT)}

    async def asked():
        await app(scope, receive, send)
        if "make" in studio.parts:
            await studio.parts["make"].end()
    asyncio.run(asked())
    return told[0]["status"], json.loads(b"".join(part.get("body", b"") for part in told[1:]))


# the routes, without the desk

def test_makers_are_found_without_torch(runs, tmp_path):
    studio = Studio(Path(runs["dcgan"]).parent, port=PORT)
    status, told = call(build(studio), studio, "GET", "/api/make/runs")
    found = {one["name"]: one for one in told}
    assert status == 200 and set(found) == {"dcgan", "blender"}, "what makes no pictures is not listed"
    assert found["dcgan"]["does"] == ["sample", "walk", "painted", "panels"] and found["dcgan"]["ready"] and not found["dcgan"]["busy"]
    assert "unfolds" in found["blender"]["does"] and "unfolds" not in found["dcgan"]["does"]
    assert studio.parts["make"].process is None, "the desk was not even begun"


def test_a_broken_file_of_somebody_else_makes_nothing(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def (", encoding="utf-8")
    assert make._methods(file, 1.0) == frozenset()


@pytest.mark.parametrize(("path", "body"), [
    ("sample", {"count": -1}), ("sample", {"count": True}), ("sample", {"seed": 1.5}), ("sample", {"seed": 2**31}), ("sample", {"settings": []}),
    ("sample", {"settings": {"a": [1]}}), ("sample", {"settings": {"a": "x" * 201}}), ("sample", {"settings": {str(i): 1 for i in range(17)}}),
    ("painted", {}), ("painted", {"at": []}), ("painted", {"at": [[0] * 9]}), ("painted", {"at": [["x"]]}), ("painted", {"at": [[0]] * 65}),
    ("contest", {"do": "dance"}), ("contest", {"do": "turn", "who": "both", "rates": {"look": 5}}),
    ("contest", {"do": "turn", "who": "nobody"}), ("contest", {"do": "turn", "who": "look", "rates": {"third": 0.1}})])
def test_what_a_browser_may_not_ask_is_a_sentence(runs, path, body):
    studio = Studio(Path(runs["dcgan"]).parent, port=PORT)
    status, told = call(build(studio), studio, "POST", f"/api/make/dcgan/{path}", body)
    assert status == 400 and told["problem"] and studio.parts["make"].process is None


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_sample_through_the_whole_server(runs):
    studio = Studio(Path(runs["dcgan"]).parent, port=PORT)
    status, told = call(build(studio), studio, "POST", "/api/make/dcgan/sample", {"count": 2, "seed": 3, "settings": {"class": "7"}})
    assert status == 200 and told == ask_make.sample(runs["dcgan"], 2, 3, {"class": "7"})
    status, told = call(build(studio), studio, "POST", "/api/make/dcgan/sample", {"count": 65})
    assert status == 400 and "65" in told["problem"]
    status, told = call(build(studio), studio, "GET", "/api/make/nothing/card")
    assert status == 400 and "nothing" in told["problem"]


# samples and their form

def test_the_form_is_drawn_from_the_signature(runs):
    card = ask_make.card(runs["blender"])
    assert card["does"] == ["sample", "unfolds", "walk", "panels", "painted"] and card["axes"] == 8 and card["data"]
    form = {one["name"]: one for one in card["options"]["sample"]}
    assert list(form) == ["class", "steps", "warm", "sort", "bright", "pull"]
    assert form["class"]["schema"]["enum"] == ["", *card["classes"]] and form["class"]["help"] == "the class that is asked for"
    assert form["steps"]["schema"]["anyOf"][0]["maximum"] == 250 and form["steps"]["default"] is None
    assert (form["warm"]["schema"]["minimum"], form["warm"]["schema"]["maximum"], form["warm"]["default"]) == (0, 1, 1)
    assert form["sort"]["schema"]["enum"] == ["smooth", "sharp"] and form["bright"]["schema"]["type"] == "boolean"
    assert [one["name"] for one in card["options"]["unfolds"]] == ["class", "steps"]
    assert card["options"]["unfolds"][1]["help"] == "how often it is stirred", "described where `sample` has it"
    assert card["options"]["walk"] == card["options"]["painted"] == []
    with pytest.raises(Problem, match="makes no pictures"):
        ask_make.card(runs["plain"])


def test_samples_are_those_of_the_system(runs):
    system = ask_make.opened(runs["dcgan"]).system
    told = ask_make.sample(runs["dcgan"], 5, 7, {})["pictures"]
    with torch.no_grad():
        system.generator.eval()
        wanted = system.sample(5, 7)
    assert [list(opened(one).tobytes()) for one in told] == wanted.flatten(1).tolist() and opened(told[0]).size == (8, 8)
    assert told[:3] == ask_make.sample(runs["dcgan"], 3, 7, {})["pictures"] != ask_make.sample(runs["dcgan"], 3, 8, {})["pictures"]


def test_settings_are_checked_by_their_types(runs):
    plain, sharp = (ask_make.sample(runs["blender"], 2, 0, {"sort": sort})["pictures"] for sort in ("smooth", "sharp"))
    assert set(opened(sharp[0]).tobytes()) <= {0, 255} != set(opened(plain[0]).tobytes())
    assert ask_make.sample(runs["blender"], 2, 0, {"warm": "0"})["pictures"][0] == ask_make.sample(runs["blender"], 2, 1, {"warm": 0})["pictures"][1]
    for wrong, sentence in (({"wram": 1}, "did you mean warm"), ({"warm": 2}, "at most 1"), ({"steps": 251}, "250"), ({"sort": "odd"}, "choose from"),
                            ({"class": "zebra"}, "zebra"), ({"seed": 5}, "seed"), ({"self": 1}, "self")):
        with pytest.raises(Problem, match=sentence):
            ask_make.sample(runs["blender"], 1, 0, wrong)
    for count in (0, 65):
        with pytest.raises(Problem, match="outside 1…64"):
            ask_make.sample(runs["blender"], count, 0, {})


# the latent space

def test_sliders_paint_the_centre_and_go_along_the_axes(runs):
    system = ask_make.opened(runs["blender"]).system
    told = ask_make.painted(runs["blender"], [[], [0] * 8, [2], [0, -1.5], [99]], {})["pictures"]
    pixels = [list(opened(one).tobytes()) for one in told]
    assert pixels[0] == pixels[1] == system.painted(system.centre()[None])[0].flatten().tolist()
    assert pixels[2] == system.painted(2 * system.axes(1))[0].flatten().tolist() != pixels[0]
    assert pixels[3] == system.painted(-1.5 * system.axes(2)[1:])[0].flatten().tolist()
    assert pixels[4] == system.painted(4 * system.axes(1))[0].flatten().tolist(), "no further than four deviations"
    for wrong in ([[0] * 9], [[float("nan")]]):
        with pytest.raises(Problem, match="8 numbers"):
            ask_make.painted(runs["blender"], wrong, {})


def test_the_class_of_the_centre_can_be_chosen(runs):
    card = ask_make.card(runs["dcgan"])
    assert card["options"]["painted"][0]["schema"]["enum"] == ["", *"0123456789"]
    one, seven = (ask_make.painted(runs["dcgan"], [[0]], {"class": name})["pictures"][0] for name in "17")
    assert one != seven == ask_make.painted(runs["dcgan"], [[0]], {"class": "7"})["pictures"][0]


def test_a_walk_begins_and_ends_at_samples(runs):
    frames = ask_make.walk(runs["blender"], 9, 4, {})["frames"]
    ends = ask_make.sample(runs["blender"], 2, 4, {})["pictures"]
    assert len(frames) == 9 and [frames[0], frames[-1]] == ends and len(set(frames)) == 9
    with pytest.raises(Problem, match="outside 1…60"):
        ask_make.walk(runs["blender"], 61, 0, {})


# how it comes to be

@pytest.mark.parametrize(("steps", "least"), [(3, 4), (59, 60), (60, 30), (250, 30)])
def test_the_first_and_the_last_frame_are_always_there(runs, steps, least):
    told = ask_make.unfolds(runs["blender"], 4, 1, {"steps": steps})
    assert least <= len(told["frames"]) == len(told["steps"]) <= 60 and told["steps"][0] == 0 and told["steps"][-1] == steps
    assert told["steps"] == sorted(set(told["steps"]))
    last, wanted = opened(told["frames"][-1]), opened(ask_make.sample(runs["blender"], 1, 1, {})["pictures"][0])
    assert last.crop((0, 0, *wanted.size)).tobytes() == wanted.tobytes(), "the end is the sample"
    assert told["frames"][0] != told["frames"][-1]


def test_what_cannot_unfold_says_so(runs):
    with pytest.raises(Problem, match="cannot do that"):
        ask_make.unfolds(runs["dcgan"], 4, 1, {})
    with pytest.raises(Problem, match="outside 1…16"):
        ask_make.unfolds(runs["blender"], 17, 1, {})


def test_panels_come_as_pictures_rows_films_and_points(runs):
    sheet, rows, film, plane = ask_make.panels(runs["blender"])
    side = ask_make.card(runs["blender"])["shape"][1]
    assert opened(sheet["picture"]).size == (4 * (side + 1) - 1, 3 * (side + 1) - 1) and sheet["title"] == "Blends"
    assert len(rows["rows"]) == 3 and rows["names"] == ["one", "two", "three"] and opened(rows["rows"][0]).size == (4 * (side + 1) - 1, side)
    assert len(film["frames"]) == 6 and opened(film["frames"][0]).width == 2 * side + 1
    assert len(plane["points"]) == len(plane["classes"]) == 40


# the contest

def test_a_turn_changes_one_side_alone(runs):
    told = ask_contest.begin(runs["dcgan"], True, 0)
    contest = ask_contest._contests[runs["dcgan"]]

    def weights(net):
        return torch.cat([w.detach().flatten().clone() for w in net.parameters()])
    painter, critic = weights(contest.system.generator), weights(contest.system.discriminator)
    assert told["turns"] == {"look": 0, "paint": 0} and told["step"] == 0 and len(told["real"]) == len(told["painted"]) == 10
    looked = ask_contest.turn(runs["dcgan"], "look", 1, {})
    assert torch.equal(weights(contest.system.generator), painter) and not torch.equal(weights(contest.system.discriminator), critic)
    assert [one["picture"] for one in looked["painted"]] == [one["picture"] for one in told["painted"]], "the same noise, the same painter"
    assert [one["believed"] for one in looked["painted"]] != [one["believed"] for one in told["painted"]]
    critic = weights(contest.system.discriminator)
    painted = ask_contest.turn(runs["dcgan"], "paint", 1, {})
    assert torch.equal(weights(contest.system.discriminator), critic) and not torch.equal(weights(contest.system.generator), painter)
    assert painted["turns"] == {"look": 1, "paint": 1} and [one[0] for one in painted["losses"]["paint"]] == [2]
    assert [one["name"] for one in painted["real"]] == list("0123456789")


def test_looking_changes_nothing_and_the_same_turns_give_the_same_game(runs):
    def play(look):
        ask_contest.begin(runs["dcgan"], True, 5)
        for _ in range(3):
            told = ask_contest.turn(runs["dcgan"], "both", 2, {})
            if look:
                torch.rand(3)
                ask_contest.see(runs["dcgan"], slopes=True)
        return told
    assert play(False) == play(True)


def test_the_discriminator_learns_to_tell_and_sends_a_direction_back(runs):
    ask_contest.begin(runs["dcgan"], True, 1)
    told = ask_contest.turn(runs["dcgan"], "look", 30, {}, slopes=True)
    assert told["believed"]["real"] > 0.7 > 0.3 > told["believed"]["painted"] and len(told["losses"]["look"]) == 30
    assert told["losses"]["look"][-1][1] < told["losses"]["look"][0][1]
    one = told["painted"][0]
    assert opened(one["slope"]).mode == "RGBA" and opened(one["slope"]).size == (8, 8) and one["push"] > 0
    contest = ask_contest._contests[runs["dcgan"]]
    with ask_contest._as_played(contest.system):
        painted = contest.system.generator(contest.noise)
        before, push = ask_contest._pushed(contest.system, painted, contest.y)
        after, against = (contest.system.real(painted + way * push / push.norm(), contest.y) for way in (0.2, -0.2))
    loss = [float(torch.nn.functional.softplus(-logits).mean()) for logits in (after, before, against)]
    assert loss == sorted(loss) and loss[0] < loss[2], "pictures that go that way are believed more, and less the other way"


def test_who_wins_is_said_in_words(runs):
    ask_contest.begin(runs["dcgan"], True, 1)
    told = ask_contest.turn(runs["dcgan"], "look", 50, {"look": 0.01})
    told = ask_contest.turn(runs["dcgan"], "look", 50, {"look": 0.01})
    assert any(one["bad"] and "discriminator wins" in one["text"] for one in told["said"]) and told["rates"]["look"] == 0.01
    contest = ask_contest._contests[runs["dcgan"]]
    contest.turns["paint"] = 100
    said = ask_contest._sentences(contest, {"real": 0.6, "painted": 0.3}, 0.05)
    assert len(said) == 1 and "Mode collapse" in said[0]["text"] and "5%" in said[0]["text"]
    assert ask_contest._sentences(contest, {"real": 0.6, "painted": 0.3}, 0.9) == []


def test_a_game_that_blows_up_ends_with_a_sentence(runs):
    ask_contest.begin(runs["dcgan"], True, 1)
    contest = ask_contest._contests[runs["dcgan"]]
    with torch.no_grad():
        next(contest.system.discriminator.parameters()).fill_(float("nan"))
    told = ask_contest.turn(runs["dcgan"], "both", 5, {})
    assert told["ended"] and told["said"] == [{"text": told["ended"], "bad": True}] and told["turns"] == {"look": 0, "paint": 0}
    json.dumps(told, allow_nan=False)
    assert ask_contest.turn(runs["dcgan"], "both", 5, {})["turns"] == {"look": 0, "paint": 0}


def test_the_trained_ones_go_on_from_their_checkpoint(runs):
    told = ask_contest.begin(runs["dcgan"], False, 0)
    step, weights, *_ = Run(runs["dcgan"]).newest()
    contest = ask_contest._contests[runs["dcgan"]]
    name, saved = next(iter(weights["generator"].items()))
    assert told["step"] == step > 0 and torch.equal(contest.system.generator.state_dict()[name], saved)
    assert told["rates"] == {"look": contest.system.lr, "paint": contest.system.lr}, "at the rate it began with"
    with pytest.raises(Problem, match="no contest"):
        ask_contest.begin(runs["blender"], True, 0)


def test_few_contests_are_kept(runs, tmp_path):
    ask_contest._contests.clear()
    for i in range(6):
        link = tmp_path / f"run{i}"
        link.symlink_to(runs["dcgan"])
        ask_contest.begin(str(link), True, i)
    assert len(ask_contest._contests) == 4
    with pytest.raises(Problem, match="begin again"):
        ask_contest.turn(str(tmp_path / "run0"), "look", 1, {})
    ask_contest._contests.clear()
