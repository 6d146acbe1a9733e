"""The command line from outside: what is asked, what is answered, and every way it can go wrong."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import deepen
from deepen.app import commands
from deepen.app.cli import main, read, wished_language
from deepen.core import words
from deepen.core.words import Failure, Problem, speak
from deepen.engine.run import Run

TINY = ["classify", "data=stripes", "net=conv 8 3; norm; relu; globalpool; dense classes", "epochs=2", "batch=64"]


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    speak("en")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A finished run, made once; tests that write take a copy."""
    folder = tmp_path_factory.mktemp("learned") / "run"
    assert main(["train", *TINY, "--out", str(folder), "--quiet", "goal=accuracy:0.01"]) == 0
    return folder


@pytest.fixture
def run(learned, tmp_path):
    import shutil
    shutil.copytree(learned, tmp_path / "runs" / "one-0001")
    return Path("runs/one-0001")


def last_json(capsys):
    told = capsys.readouterr()
    return json.loads(told.out.splitlines()[-1]), told


# reading a command line

def test_options_may_stand_anywhere():
    asked = read(["train", "--seed", "3", "digits", "lr=0.1", "--minutes=2", "--quiet"])
    assert asked.words == ("digits", "lr=0.1")
    assert asked.options == {"seed": "3", "minutes": "2", "quiet": True}


def test_after_two_dashes_everything_is_a_word():
    assert read(["predict", "run", "--", "--odd.png", "-x.png"]).words == ("run", "--odd.png", "-x.png")


@pytest.mark.parametrize("line, sentence", [
    (["trian", "digits"], "there is no command trian; did you mean train?"),
    (["train", "digits", "--sed", "1"], "there is no option --sed; did you mean --seed?"),
    (["train"], "deepen train needs WHAT [key=value …]; for example: deepen train digits"),
    (["resume", "a", "b"], "deepen resume takes RUN, and b is too much"),
    (["train", "digits", "--seed"], "--seed needs a value: N"),
    (["train", "digits", "--quiet=yes"], "--quiet takes no value"),
])
def test_a_wrong_line_is_one_sentence(capsys, line, sentence):
    assert main(line) == 2
    told = capsys.readouterr()
    assert told.err == f"deepen: {sentence}\n" and told.out == ""


def test_language_is_taken_from_the_nearest_wish(monkeypatch):
    assert wished_language(["runs"]) == "en"
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert wished_language(["runs"]) == "ko"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert wished_language(["runs"]) == "en"
    monkeypatch.setenv("DEEPEN_LANG", "ko")
    assert wished_language(["runs"]) == "ko"
    assert wished_language(["runs", "--lang", "en"]) == "en"
    assert wished_language(["runs", "--lang=ko"]) == "ko"


def test_errors_in_korean(monkeypatch, capsys):
    monkeypatch.setattr(words, "korean", lambda: {
        "there is no {what} {name}; did you mean {near}?": "{name:이라}는 {what:이가} 없습니다. 혹시 {near}인가요?", "command": "명령"})
    assert main(["trian", "--lang", "ko"]) == 2
    assert capsys.readouterr().err == "deepen: trian이라는 명령이 없습니다. 혹시 train인가요?\n"


def test_a_language_nobody_speaks(capsys):
    assert main(["runs", "--lang", "fr"]) == 2
    assert "fr" in capsys.readouterr().err


# help

def test_help_names_every_command_with_an_example(capsys):
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for name, command in commands.commands().items():
        assert f"  {name}" in page
        assert main([name, "--help"]) == 0
        told = capsys.readouterr().out
        assert command.about in " ".join(told.split()) and command.examples[0][0] in told
        for option in command.options:
            assert f"--{option.name}" in told


def test_every_command_leads_to_a_function():
    import importlib
    for command in commands.commands().values():
        file, _, function = command.does.partition(".")
        assert callable(getattr(importlib.import_module(f"deepen.app.{file}"), function))


def test_examples_of_the_help_can_be_read():
    import shlex
    for command in commands.commands().values():
        for line, _ in command.examples:
            first, *rest = shlex.split(line)
            assert first == "deepen" and read(rest).command.name == command.name


def test_help_and_lists_are_quick_and_bring_no_torch():
    told = subprocess.run([sys.executable, "-c", "import sys; from deepen.app.cli import main; main(['--help']); "
                           "main(['systems']); main(['sources']); main(['runs']); print('torch' in sys.modules)"],
                          capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "False"
    best = 9.0
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "deepen", "--help"], capture_output=True, check=True)
        best = min(best, time.monotonic() - began)
    assert best < 1.5, "0.2 s on an idle machine; this leaves room for a busy one"


def test_training_does_not_wait_for_a_compiler_it_does_not_use():
    told = subprocess.run([sys.executable, "-c", "import sys; from deepen.app.cli import main\n"
                           f"main(['train', *{TINY!r}, '--out', 'r', '--quiet', '--device', 'cpu']); print('torch._dynamo' in sys.modules)"],
                          capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "False"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"deepen {deepen.__version__}\n"


# training

def test_train_tells_the_verdict_the_mistakes_and_what_is_next(capsys):
    assert main(["train", *TINY, "goal=accuracy:0.01", "--eval-every", "5"]) == 0
    told = capsys.readouterr().out
    run = Run.open("1")
    assert run.name == "stripes-classify-0001" and run.metrics["accuracy"] > 0.25
    assert f"accuracy ≥ 1.00 %: met with {100 * run.metrics['accuracy']:.2f} % (95 %: " in " ".join(told.split())
    assert f"deepen validate {run.path}" in told and "step" in told


def test_train_ends_with_one_line_of_json_and_speaks_on_standard_error(capsys):
    assert main(["train", *TINY, "--json", "--out", "here", "goal=accuracy:1", "--seed", "4"]) == 0
    told, said = last_json(capsys)
    assert len(said.out.splitlines()) == 1 and "stripes" in said.err
    assert told["run"] == "here" and told["system"] == "classify" and told["data"].startswith("stripes(")
    assert told["steps"] > 0 and told["seconds"] > 0 and told["speed"]["images_per_second"] > 0
    assert 0 <= told["metrics"]["valid"]["accuracy"] <= 1 and told["metrics"]["test"] == {}
    score = told["metrics"]["valid"]["accuracy"]
    assert told["goal"]["text"] == "accuracy ≥ 1" and told["goal"]["met"] == (score == 1)
    assert told["goal"]["value"] == score and told["goal"]["interval"][0] <= score <= told["goal"]["interval"][1]
    assert Run.open("here").asked()["flags"]["seed"] == 4


@pytest.mark.parametrize("line, part", [
    (["digitz"], "did you mean digits?"),
    (["classify", "data=stripez"], "did you mean stripes?"),
    (["stripes", "epohcs=3"], "there is no setting epohcs; did you mean epochs?"),
    (["stripes", "data.sed=3"], "there is no setting data.sed; did you mean data.seed?"),
    (["stripes", "net=conv 8 3; rellu"], "rellu"),
    (["stripes", "epochs=many"], "epochs=many is not possible: a number is wanted"),
    (["stripes", "epochs"], "epochs is not key=value"),
    (["digits", "data.size=0"], "it must be at least 1"),
    (["digits", "data.size=1000000000"], "it must be at most 4096"),
    (["./nothing-here"], "there is nothing at ./nothing-here"),
    (["stripes", "--seed", "x"], "--seed=x is not possible"),
    (["stripes", "--keep", "bets"], "did you mean best?"),
    (["stripes", "--device", "tpu"], "there is no device tpu here"),
    (["stripes", "goal=acuracy:0.9"], "there is no metric acuracy; did you mean accuracy?"),
    (["stripes", "goal=accuracy<=0.9"], "points the wrong way"),
])
def test_a_wrong_request_is_one_sentence_and_leaves_nothing(capsys, line, part):
    assert main(["train", *line]) == 2
    told = capsys.readouterr().err
    assert part in told and len(told.splitlines()) == 1
    assert not list(Path().glob("runs/*"))


def test_an_empty_folder_and_a_class_with_one_picture(capsys, tmp_path):
    (tmp_path / "photos").mkdir()
    assert main(["train", "./photos"]) == 2
    assert "is empty" in capsys.readouterr().err
    from PIL import Image
    for name, count in (("cat", 1), ("dog", 9)):
        (tmp_path / "photos" / name).mkdir()
        for i in range(count):
            Image.new("RGB", (9, 9), (i * 20, 9, 9)).save(tmp_path / "photos" / name / f"{i}.png")
    assert main(["train", "./photos"]) == 2
    assert "class cat has only one picture" in capsys.readouterr().err


def test_a_loss_that_is_no_number_fails_with_advice(capsys):
    assert main(["train", "stripes", "net=flatten; dense 64; relu; dense classes", "optimizer=momentum", "lr=1000", "epochs=400",
                 "decay=1e9", "--quiet"]) == 1
    told = capsys.readouterr().err
    assert "smaller learning rate" in told and "Traceback" not in told


def test_a_folder_in_use_is_not_overwritten(capsys, run):
    assert main(["train", *TINY, "--out", str(run)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_ctrl_c_saves_and_says_how_to_go_on(capsys, monkeypatch):
    from deepen.engine import fit
    real = fit.judge

    def interrupted(system, split="valid"):
        import signal
        os.kill(os.getpid(), signal.SIGINT)
        return real(system, split)
    monkeypatch.setattr(fit, "judge", interrupted)
    assert main(["train", *TINY, "--out", "r", "--eval-every", "3"]) == 1
    told = capsys.readouterr()
    assert "deepen resume r" in told.out and "Traceback" not in told.err
    monkeypatch.setattr(fit, "judge", real)
    assert main(["resume", "r"]) == 0
    told = capsys.readouterr().out
    assert "resumed at step" in told and Run.open("r").finished()
    assert main(["resume", "r", "--json"]) == 0
    assert "nothing is left to do" in capsys.readouterr().err


def test_no_space_left_is_one_sentence(capsys, monkeypatch):
    from deepen.engine import keep

    def full(*_):
        raise Failure("there is no space left in {folder}", folder="/disk")
    monkeypatch.setattr(keep, "save", full)
    assert main(["train", *TINY, "--quiet"]) == 1
    assert capsys.readouterr().err == "deepen: there is no space left in /disk\n"


def test_a_closed_pipe_is_no_traceback(run):
    told = subprocess.run(f"{sys.executable} -m deepen systems | true", shell=True, capture_output=True, text=True)
    assert told.stderr == ""
    told = subprocess.run([sys.executable, "-c", "import sys, os; os.close(1); sys.stdout = os.fdopen(os.dup(2), 'w')\n"
                           "from deepen.app import lists, cli\n"
                           "def gone(asked): raise BrokenPipeError\n"
                           "lists.runs = gone\nsys.exit(cli.main(['runs']))"], capture_output=True, text=True)
    assert told.returncode == 1 and told.stderr == ""


def test_our_own_bug_is_told_as_ours(capsys, monkeypatch):
    from deepen.app import lists
    monkeypatch.setattr(lists, "runs", lambda asked: 1 // 0)
    assert main(["runs"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("deepen: this is a bug in deepen") and "ZeroDivisionError" in told


def test_a_bug_in_a_file_of_ones_own_is_told_with_its_place(capsys):
    assert main(["copy", "classify", "mine.py"]) == 0
    text = Path("mine.py").read_text()
    line = next(i for i, one in enumerate(text.splitlines(), 1) if "for x, y in self.stream" in one)
    Path("mine.py").write_text(text.replace("for x, y in self.stream:", "for x, y in self.stream + 1:"))
    assert main(["train", "./mine.py", *TINY[1:]]) == 2
    told = capsys.readouterr().err
    assert f"mine.py, line {line}: TypeError" in told and "Traceback" not in told
    Path("bad.py").write_text("def x(:\n")
    assert main(["train", "./bad.py"]) == 2
    assert "bad.py, line 1: SyntaxError" in capsys.readouterr().err


def test_a_copied_system_learns(capsys):
    assert main(["copy", "classify"]) == 0
    assert "deepen train ./classify.py" in capsys.readouterr().out
    assert main(["train", "./classify.py", *TINY[1:], "--quiet"]) == 0
    assert main(["copy", "classify"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["copy", "clasify"]) == 2
    assert "did you mean classify?" in capsys.readouterr().err


# using a run

def test_validate_counts_the_openings(capsys, run):
    for count in (1, 2):
        assert main(["validate", str(run), "--json"]) == 0
        told, _ = last_json(capsys)
        assert told["opened"] == count
    low, high = told["intervals"]["accuracy"]
    assert low <= told["metrics"]["test"]["accuracy"] <= high and low < high
    assert told["judged"]["split"] == "test" and told["metrics"]["valid"]
    lines = [json.loads(line) for line in (run / "validations.jsonl").read_text().splitlines()]
    assert [line["split"] for line in lines] == ["test", "test"] and lines[0]["metrics"] == told["metrics"]["test"]
    assert main(["validate", str(run), "--split", "valid", "--json"]) == 0
    assert last_json(capsys)[0]["opened"] == 2, "another split leaves the seal alone"


def test_validate_says_what_is_wrong(capsys, run):
    assert main(["validate", str(run), "--data", "digits", "--split", "test"]) == 2
    assert main(["validate", str(run), "--split", "tset"]) == 2
    assert "there is no split tset" in capsys.readouterr().err
    assert main(["validate", "nothing"]) == 2
    assert main(["validate", str(run), "--data", "digits"]) == 2
    assert "the model knows none of this data's classes" in capsys.readouterr().err


def test_predict_answers_and_lists_what_it_cannot_read(capsys, run, tmp_path):
    from PIL import Image
    Image.new("L", (20, 30), 200).save("good.png")
    Path("bad.png").write_bytes(b"no picture")
    assert main(["predict", str(run), "good.png", "bad.png", "missing.png", "--json"]) == 1
    told = capsys.readouterr()
    good, bad, missing = map(json.loads, told.out.splitlines())
    assert good["file"] == "good.png" and 0 < good["confidence"] <= 1 and good["label"] == good["top"][0]["label"]
    assert "not a picture" in bad["error"] and "missing.png" in missing["error"]
    assert main(["predict", str(run), "good.png"]) == 0
    assert "good.png" in capsys.readouterr().out


def test_runs_lists_states_and_scores(capsys, run):
    Path("runs/broken-0002").mkdir()
    (Path("runs/broken-0002") / "run.toml").write_text('[asked]\nsystem = "classify"\n[data]\nsource = "digits"\n')
    assert main(["runs", "--json"]) == 0
    told, said = last_json(capsys)
    by_name = {one["name"]: one for one in told["runs"]}
    assert by_name["one-0001"]["state"] == "finished" and by_name["one-0001"]["value"] == Run.open(run).metrics["accuracy"]
    assert by_name["broken-0002"]["state"] == "stopped" and "one-0001" in said.err


def test_systems_and_sources_explain_themselves(capsys):
    assert main(["systems", "--json"]) == 0
    told, _ = last_json(capsys)
    mine = next(one for one in told["systems"] if one["name"] == "classify")
    assert mine["default_data"] == "digits" and mine["score"] == "accuracy"
    assert next(one for one in mine["settings"] if one["name"] == "lr")["live"]
    assert main(["sources", "digits"]) == 0
    assert "data.size" in capsys.readouterr().out
    assert main(["systems", "clasify"]) == 2
    assert "did you mean classify?" in capsys.readouterr().err


def test_plan_counts(capsys):
    assert main(["plan", "classify", "net=conv 8 5 pad=0; relu; flatten; dense classes", "--input", "1x28x28", "--classes", "7",
                 "--json"]) == 0
    told, _ = last_json(capsys)
    assert told["parameters"] == 8 * 26 + (8 * 24 * 24 + 1) * 7
    assert told["macs"] == 8 * 25 * 24 * 24 + 8 * 24 * 24 * 7
    assert main(["plan", "classify", "--input", "wide", "--classes", "7"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_orders_reach_the_run_that_learns(capsys, run):
    assert main(["stop", str(run)]) == 2
    assert "is not learning now" in capsys.readouterr().err
    held = subprocess.Popen([sys.executable, "-c", "import sys, time\nfrom deepen.engine.run import Run\n"
                             f"with Run({str(run)!r}).locked():\n    print('held', flush=True)\n    time.sleep(60)"],
                            stdout=subprocess.PIPE, text=True)
    try:
        assert held.stdout.readline() == "held\n"
        assert main(["set", str(run), "lr=0.5"]) == 0 and main(["pause", str(run)]) == 0
        assert [(one["do"], one.get("key"), one.get("value")) for one in Run(run).orders()] == [
            ("set", "lr", "0.5"), ("pause", None, None)]
        assert main(["resume", str(run)]) == 2 or Run(run).finished()
    finally:
        held.kill()
        held.wait()


def test_problems_keep_their_codes():
    assert Problem("x").code == 2 and Failure("x").code == 1
