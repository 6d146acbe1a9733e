"""What the desk answers: tables of designs, a model's answers and where it looked, mistakes, commands of the lessons."""
import base64
import io
import re
import time
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from deepen.app.studio import ask_designer, ask_launch, ask_learn, ask_runs, ask_table, ask_try, learn
from deepen.app.studio.launch import asked
from deepen.core.words import Problem
from deepen.engine.start import start
from deepen.nn.design import Design


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return {"digits": str(start("digits", {"epochs": "3"}, root=root).path), "iris": str(start("iris", {"learner": "logistic"}, root=root).path),
            "dcgan": str(start("dcgan", {"epochs": "0.2"}, root=root).path)}


# the Designer

def test_the_table_of_a_design_is_the_designs_own():
    lines = "conv 16 3\nrelu\npool 2\ndense classes"
    told = ask_designer.table(lines, "digits")
    data = ask_designer._data("digits")
    rows = Design((lines,)).table(data.inputs, 10)
    assert [row["shape"] for row in told["rows"]] == [list(row.shape) for row in rows] == [[16, 8, 8], [16, 8, 8], [16, 4, 4], [10]]
    assert told["parameters"] == 16 * 9 + 16 + 256 * 10 + 10 == rows.totals.parameters
    assert told["macs"] == 144 * 64 + 2560 and told["problem"] is None


def test_a_wrong_line_leaves_the_rows_before_it_and_a_way_out():
    told = ask_designer.table("conv 16 3\nrelu\npool 20\ndense classes", "digits")
    assert len(told["rows"]) == 2 and told["line"] == 3 and "20" in told["problem"]
    told = ask_designer.table("conv 16 3\nrelu", "digits")
    assert told["mend"].splitlines()[-1] == "dense classes"
    assert ask_designer.table(told["mend"], "digits")["problem"] is None


def test_a_layer_of_a_billion_is_refused_at_once():
    ask_designer.table("dense classes", "digits")
    began = time.perf_counter()
    told = ask_designer.table("dense 1000000000\ndense classes", "digits")
    assert told["problem"] and time.perf_counter() - began < 0.05


def test_what_flows_through_a_design():
    told = ask_designer.flow("conv 4 3\nrelu\ndense classes", "digits")
    assert [layer["line"] for layer in told["layers"]] == [1, 2, 3]
    assert len(told["layers"][0]["maps"]) == 4 and len(told["layers"][2]["values"]) == 10
    assert 0 < told["microseconds"] < 1e5
    with pytest.raises(Problem, match="too large"):
        ask_designer.flow("conv 2000 3\nconv 2000 3\ndense classes", "digits")
    with pytest.raises(Problem, match="no pictures called"):
        ask_designer.table("dense classes", "/etc")


def test_every_net_that_is_lines_has_a_table():
    nets = ask_designer.nets("digits")
    assert {"small", "deepconv"} <= set(nets) and "lenet" not in nets          # 8×8 is too small for its windows
    assert all(ask_designer.table(lines, "digits")["problem"] is None for lines in nets.values())
    assert {word["word"] for word in ask_designer.words()} >= {"conv", "dense", "pool"}


# Try it

def drawn(line, side=280, width=26):
    made = Image.new("L", (side, side))
    ImageDraw.Draw(made).line(line, fill=255, width=width)
    told = io.BytesIO()
    made.save(told, "PNG")
    return base64.b64encode(told.getvalue()).decode()


def test_a_drawn_one_is_a_one_and_every_layer_is_shown(runs):
    told = ask_try.picture(runs["digits"], drawn([(140, 30), (140, 250)], width=50), drawn=True)
    assert abs(sum(one["share"] for one in told["answers"]) - 1) < 1e-3
    shares = [one["share"] for one in told["answers"]]
    assert shares == sorted(shares, reverse=True) and told["answers"][0]["name"] in "12345678"
    assert told["layers"] and all(told[name].startswith("data:image/png") for name in ("saliency", "cam", "occlusion"))
    assert len(told["numbers"]) == 8


def test_a_drawing_is_put_into_the_middle_as_handwriting_is():
    ground = Image.new("L", (280, 280))
    ground.paste(255, (10, 20, 40, 120))                        # 30 × 100, far from the middle
    made = ask_try.centre(ground, ask_try.HANDWRITING)
    box = made.getbbox()
    assert box[3] - box[1] == 200 and abs((box[1] + box[3]) / 2 - 140) <= 1 and abs((box[0] + box[2]) / 2 - 140) <= 1
    with pytest.raises(Problem, match="nothing drawn"):
        ask_try.centre(Image.new("L", (10, 10)), 1)


def test_looking_does_not_change_the_model(runs):
    system = ask_try.system_of(runs["digits"])
    before = {name: value.clone() for name, value in system.network().state_dict().items()}
    ask_try.picture(runs["digits"], drawn([(100, 30), (180, 250)]), drawn=True)
    assert all(torch.equal(value, before[name]) for name, value in system.network().state_dict().items())


def test_a_row_is_answered_and_what_is_missing_may_be(runs):
    card = ask_try.card(runs["iris"])
    assert card["takes"] == "row" and len(card["columns"]) == 4 and len(card["classes"]) == 3
    told = ask_try.row(runs["iris"], [5.1, "3.5", 1.4, 0.2])
    assert told["answers"][0]["name"] == card["classes"][0] and told["answers"][0]["share"] > 0.9
    assert len(ask_try.row(runs["iris"], [None, None, "", 0.2])["answers"]) == 3
    with pytest.raises(Problem, match="not a number"):
        ask_try.row(runs["iris"], ["long", 1, 1, 1])
    with pytest.raises(Problem, match="takes 4"):
        ask_try.row(runs["iris"], [1, 2])
    with pytest.raises(Problem, match="does not take pictures"):
        ask_try.picture(runs["iris"], drawn([(0, 0), (9, 9)]))


def test_what_is_no_picture_is_a_sentence(runs):
    with pytest.raises(Problem, match="not a picture"):
        ask_try.picture(runs["digits"], base64.b64encode(b"<html>nothing</html>").decode())


def test_real_and_made_pictures_are_mixed(runs):
    cards = ask_try.pairs(runs["dcgan"], seed=1)
    assert len(cards) == 12 and {card["real"] for card in cards} == {True, False}
    assert cards == ask_try.pairs(runs["dcgan"], seed=1) != ask_try.pairs(runs["dcgan"], seed=2)
    with pytest.raises(Problem, match="makes no pictures"):
        ask_try.pairs(runs["iris"], seed=1)


def test_the_sums_by_hand_are_a_softmax_layer_that_learned():
    told = ask_try.weights()
    assert len(told["w"]) == 10 and len(told["w"][0]) == 16 and told["accuracy"] > 0.7


# Runs

def test_the_matrix_and_the_pictures_of_a_cell(runs):
    told = ask_runs.errors(runs["digits"])
    assert sum(map(sum, told["matrix"])) == told["examples"] > 100
    was = max(range(10), key=lambda k: told["matrix"][k][k])
    cell = ask_runs.errors(runs["digits"], was, was)["mistakes"]
    assert len(cell) == min(24, told["matrix"][was][was]) and all(one["was"] == one["said"] == str(was) for one in cell)
    assert ask_runs.words(runs["digits"])["reading"]
    with pytest.raises(Problem, match="no right and wrong"):
        ask_runs.errors(runs["dcgan"])


# what may be asked

@pytest.mark.parametrize(("what", "settings"), [
    ("/etc/passwd", {}), ("folder.py", {}), ("digits", {"weights": "/tmp/x"}), ("classify", {"data": "./photos"}), ("classify", {"net": "mine.py:Net"}),
    ("table", {"path": "/etc/passwd"}), ("digits", {"data.path": "/"}), ("digits", {"LR": "1"}), ("digits", {"net": "x" * 5000}), ("digits", ["a"]), (None, {})])
def test_no_file_and_no_code_is_trained_from_a_browser(what, settings):
    with pytest.raises(Problem):
        asked({"what": what, "settings": settings})


def test_a_wrong_setting_is_a_sentence_before_anything_starts():
    assert ask_launch.prepared("classify", {"data": "digits", "net": "dense classes"}) is True
    with pytest.raises(Problem, match="lr"):
        ask_launch.prepared("classify", {"lrr": "0.1"})


# Learn

def test_commands_of_the_lessons_print_what_they_print():
    assert "deepen book four-points" in learn.lines() and "deepen train /etc" not in learn.lines()
    assert "x₁² + x₂²" in ask_learn.printed(["book", "four-points"])
    with pytest.raises(Problem, match="nothing-like-it"):
        ask_learn.printed(["book", "nothing-like-it"])


# a table for the Playground

def test_a_pasted_table_becomes_columns():
    text = "가로;세로;종류\n1,5;2;고양이\n2,5;3;개\n3;4;개\n4;5;고양이\n"
    told = ask_table.read_table(base64.b64encode(text.encode("cp949")).decode())
    assert [one["name"] for one in told["columns"]] == ["가로", "세로", "종류"]
    assert told["columns"][0]["numbers"] == [1.5, 2.5, 3, 4] and told["columns"][2]["values"] == ["개", "고양이"]
    with pytest.raises(Problem, match="two columns of numbers"):
        ask_table.read_table(base64.b64encode(b"a,b\nx,y\nz,w\n").decode())


# boxes, masks and sentences

@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    made_up = Path(__file__).parents[2] / "engine" / "made_up.py"
    root = tmp_path_factory.mktemp("scenes")
    return {name: str(start(f"{made_up}:{name}", {"data.count": "80"}, out=root / name).path) for name in ("Finder", "Painter", "Teller")}


def square():
    """A blue square on white, 400×200."""
    ground = Image.new("RGB", (400, 200), "white")
    ground.paste((0, 0, 220), (100, 50, 200, 150))
    told = io.BytesIO()
    ground.save(told, "PNG")
    return base64.b64encode(told.getvalue()).decode()


def test_boxes_come_in_shares_of_the_picture(scenes):
    assert ask_try.card(scenes["Finder"]) | {"system": ""} == {"system": "", "asks": "Boxes", "classes": None, "name": None, "takes": "picture",
                                                               "shape": [3, 64, 64], "unit": "boxes"}
    told = ask_try.picture(scenes["Finder"], square())
    first, *others = told["boxes"]
    assert first["name"] == "square" and first["sure"] == pytest.approx(.91) and len(others) == 2 and re.fullmatch("#[0-9a-f]{6}", first["colour"])
    assert first["box"] == pytest.approx([.25, .25, .5, .75], abs=0.02) and told["size"] == [400, 200]
    assert told["picture"].startswith("data:image/") and told["seen"].startswith("data:image/png")


def test_masks_come_as_a_picture_to_lay_over(scenes):
    told = ask_try.picture(scenes["Painter"], square())
    mask = Image.open(io.BytesIO(base64.b64decode(told["mask"].partition(",")[2])))
    assert mask.mode == "RGBA" and mask.size == (400, 200) and mask.getpixel((150, 100)) == (228, 26, 28, 255)
    assert [one["name"] for one in told["classes"]] == ["background", "circle"] and told["classes"][1]["share"] == pytest.approx(.125, abs=.02)


def test_sentences_come_word_by_word_and_examples_with_their_truth(scenes):
    told = ask_try.example(scenes["Teller"], 3)
    assert told["words"][0][1] == pytest.approx(.9) and " ".join(word for word, *_ in told["words"]) == told["text"]
    assert len(told["truth"]) == 2 and told["where"] and told == ask_try.example(scenes["Teller"], 3 + 8), "the data goes round"
    assert ask_try.example(scenes["Finder"], 0)["truth"]


def test_the_page_of_a_run_shows_its_worst_pictures(scenes):
    told = ask_runs.errors(scenes["Painter"])
    assert told["unit"] == "masks" and told["head"][1] == "IoU" and told["mistakes"][0]["score"] <= told["mistakes"][1]["score"]
    assert all(one["picture"].startswith("data:image/") for one in told["mistakes"])
    assert "word for word" in ask_runs.errors(scenes["Teller"])["said"]
