"""What every system promises: it learns, resumes exactly, judges without a trace, predicts, and survives its run folder.

Each system runs offline on its `tiny` recipe. A new system is tested here by existing.
"""
import math
import re
import time
import tomllib
from pathlib import Path

import pytest
import safetensors
import torch

from deepen.core.recipe import checked, toml
from deepen.core.words import speak
from deepen.engine import find, keep
from deepen.engine.export import export
from deepen.engine.fit import Flags, fit, judge
from deepen.engine.place import Place
from deepen.engine.report import report
from deepen.engine.run import Run
from deepen.engine.start import made, prepare, revive
from deepen.engine.until import better

SYSTEMS = sorted(find.systems())


def tiny(name):
    return prepare(name, dict(find.system(name).tiny))


def run_for(plan, folder):
    run = Run.new(plan.system_name, out=folder)
    run.write({"asked": {"what": plan.system_name, "system": plan.system_name}, "recipe": plan.system.recipe(),
               "data": {**plan.data_asked, "origin": plan.data.origin}, "flags": {}, "made": made()})
    return run


def learn(name, folder, precision="fp32", stop_at=None, before=None, **flags):
    """Let a system learn its tiny recipe into a folder; `stop_at`: a person says stop at that step."""
    plan = tiny(name)
    run = Run(folder) if before is not None else run_for(plan, folder)
    steps = plan.system.steps

    def some():
        for metrics in steps():
            yield metrics
            count[0] += 1
            if stop_at is not None and count[0] >= stop_at:
                return
    count = [0]
    plan.system.steps = some
    plan.system.transient = (*plan.system.transient, "steps")
    told, began = [], time.process_time()
    past = fit(plan.system, plan.data, run, Flags(precision=precision, **flags), told.append, before)
    past.processor = time.process_time() - began
    return plan.system, run, past, told


def same(a, b, where=""):
    """Two states are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{where}[{i}]")
    elif isinstance(a, float) and math.isnan(a):
        assert math.isnan(b), where
    else:
        assert a == b, f"{where}: {a} != {b}"


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Each system's tiny recipe, learned once and shared by the tests that only look."""
    kept = {}

    def once(name):
        if name not in kept:
            kept[name] = learn(name, tmp_path_factory.mktemp(name) / "run")
        return kept[name]
    return once


@pytest.mark.parametrize("name", SYSTEMS)
def test_says_what_it_is(name):
    kind = find.system(name)
    assert len(kind.goal) == 2
    assert kind.default_data in find.sources()
    assert len(checked(kind, {})) == 0
    entry = find.systems()[name]
    assert entry.about.endswith(".")
    assert len(entry.settings) <= 16
    assert all(setting.help for setting in entry.settings), "each field has a same-line comment"


@pytest.mark.parametrize("name", SYSTEMS)
def test_learns(name, learned, tmp_path):
    system, _run, past, told = learned(name)
    fresh = tiny(name)
    torch.manual_seed(0)
    from deepen.engine.fit import lend
    lend(fresh.system, fresh.data, Place("cpu", "fp32"))
    fresh.system.build(fresh.data)
    before = judge(fresh.system)[system.score]
    after = past.valid[system.score]
    assert better(system.score, after, before), f"{before} -> {after}"
    assert abs(after - before) > 0.1 * max(abs(before), 1e-3), f"hardly learned: {before} -> {after}"
    assert past.processor < 16, "a tiny recipe learns in 8 seconds on two cores"
    assert told[-1].event == "finished"


@pytest.mark.parametrize("name", SYSTEMS)
def test_resumes_exactly(name, tmp_path):
    if not find.system(name).exact_resume:
        pytest.skip(f"{name} says that its world cannot be rewound")
    straight, *_ = learn(name, tmp_path / "straight", stop_at=6)
    _, run, *_ = learn(name, tmp_path / "halves", stop_at=3)
    halves, *_ = learn(name, tmp_path / "halves", stop_at=3, before=run.newest())
    same(straight.state_dict(), halves.state_dict())


@pytest.mark.parametrize("name", SYSTEMS)
def test_judging_leaves_no_trace(name, tmp_path):
    rare, *_ = learn(name, tmp_path / "rare", stop_at=6, eval_every=100)
    often, *_ = learn(name, tmp_path / "often", stop_at=6, eval_every=1)
    same(rare.state_dict(), often.state_dict())


@pytest.mark.parametrize("name", SYSTEMS)
def test_learning_keeps_the_recipe(name, learned):
    system, *_ = learned(name)
    assert system.recipe() == tiny(name).system.recipe()


@pytest.mark.parametrize("name", SYSTEMS)
def test_recipe_round_trips_through_toml(name):
    plan = tiny(name)
    told = tomllib.loads(toml({"recipe": plan.system.recipe()}))["recipe"]
    assert type(plan.system)(**checked(type(plan.system), told)) == plan.system


@pytest.mark.parametrize("name", SYSTEMS)
def test_revived_model_answers_the_same(name, learned):
    system, run, past, _ = learned(name)
    plan = tiny(name)
    revived = revive(run, plan.data)
    first, second = judge(revived), judge(revive(run, plan.data))
    assert first == second
    score = system.score
    assert first[score] == pytest.approx(past.valid[score], rel=0.02, abs=0.02)


@pytest.mark.parametrize("name", SYSTEMS)
def test_model_folder_holds_no_pickle_and_moves(name, learned, tmp_path):
    _, run, *_ = learned(name)
    weights, card = keep.load_model(run.path / "model")
    assert card["system"] == name and weights
    for file in run.path.rglob("*"):
        if file.parent.name == "shown":                 # pictures of what it made
            assert file.read_bytes().startswith(b"\x89PNG")
        elif file.is_file() and file.name != ".lock":
            assert file.suffix in (".safetensors", ".json", ".jsonl", ".toml"), file
            if file.suffix == ".safetensors":
                with safetensors.safe_open(file, "pt") as tensors:
                    assert list(tensors.keys()) is not None
            else:
                file.read_bytes().decode("utf-8")
    run.path.rename(tmp_path / "moved")
    assert revive(Run(tmp_path / "moved")).network() is not None
    (tmp_path / "moved").rename(run.path)


@pytest.mark.parametrize("name", SYSTEMS)
def test_state_that_cannot_be_saved_is_refused(name, tmp_path):
    plan = tiny(name)
    from deepen.engine.fit import lend
    lend(plan.system, plan.data, Place("cpu", "fp32"))
    plan.system.build(plan.data)
    plan.system.something = object()
    with pytest.raises(TypeError, match="something"):
        plan.system.state_dict()


@pytest.mark.parametrize("name", SYSTEMS)
def test_exports_what_it_learned(name, learned, tmp_path):
    _, run, *_ = learned(name)
    made = export(run, tmp_path / "out")
    assert made["parity"] <= 1e-4 and made["compared"] > 0
    assert all(Path(file).stat().st_size > 0 for file in made["files"])


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_reports_in_one_file(name, language, learned):
    _, run, *_ = learned(name)
    speak(language)
    try:
        text = report(run, revive(run, tiny(name).data)).read_text(encoding="utf-8")
    finally:
        speak("en")
    assert len(text) < 3_000_000
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(["']?http""", text), "no request leaves the page"
    assert run.name in text and f'lang="{language}"' in text
    assert ("보고서" in text) == (language == "ko")
