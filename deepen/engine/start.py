"""From what a person asked to a run that learns; from a run to a system that predicts."""
import math
import os
import platform
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

import deepen
from deepen.core.data import VALUES, Data
from deepen.core.events import Event
from deepen.core.kinds import Image
from deepen.core.recipe import Count, Field, Fraction, checked, convert, fields_of, unknown
from deepen.core.system import System
from deepen.core.words import Failure, Problem, say
from deepen.engine import find, goals, keep
from deepen.engine.fit import Flags, fit, lend, quiet
from deepen.engine.place import Place
from deepen.engine.report_augment import doubt
from deepen.engine.run import Run, data_of
from deepen.engine.until import Goal
from deepen.sources._download import remembered
from deepen.sources._form import recognise

DEALT: dict[str, Any] = {"part": Fraction, "folds": Count, "fold": Count}             # what any data can do
SHORT = {"target": "data.target", "part": "data.part", "on_bad": "data.on_bad"}       # short for


@dataclass
class Plan:
    """What will be done: a system with its recipe, on data."""
    system: System
    system_name: str
    data: Data
    data_asked: dict[str, Any]          # {"source": name, …} as run.toml keeps it
    goal: Goal | None


def prepare(what: str, settings: Mapping[str, Any] | None = None, load: bool = True) -> Plan:
    """Decide system and data from `what` (a system, a source or a path) and `key=value` settings; load the data."""
    settings = {SHORT.get(key, key): value for key, value in (settings or {}).items()}
    system_name, asked = _what(what)
    if "data" in settings:
        asked = source_asked(str(settings.pop("data")), system_name is not None and makes_pictures(find.system(system_name)))
    goal = Goal.read(str(settings.pop("goal"))) if "goal" in settings else None
    asked |= {key.removeprefix("data."): settings.pop(key) for key in list(settings) if key.startswith("data.")}
    if system_name is not None:                             # a wrong key should not wait for the data
        kind = find.system(system_name)
        recipe = checked(kind, settings)
        asked = {"source": kind.default_data, **asked}
    data, asked = open_data(asked)
    if system_name is None:
        system_name = find.system_for(data, asked["source"])
        kind = find.system(system_name)
        recipe = checked(kind, settings)
    _must_fit(kind, system_name, data)
    goals.must_fit(goal, kind, data)
    chosen = {key: value for key, value in kind.suits(data, recipe).items() if key not in recipe}
    if chosen:
        words = " ".join(shlex.quote(f"{key}={value}") for key, value in chosen.items())
        data = replace(data, said=(*data.said, say("for this data, unless you ask otherwise: {words}", words=words)))
    return Plan(kind(**chosen | recipe), system_name, data, asked, goal)


def open_data(asked: Mapping[str, Any]) -> tuple[Data, dict[str, Any]]:
    """The data of `{"source": name, …}`, and the same with every value in its type; `kept`: the $DEEPEN_DATA it was found in."""
    name = asked["source"]
    function = find.source(name)
    values = {key: value for key, value in asked.items() if key not in ("source", "kept")}
    known, dealt = fields_of(function), dict[str, Any]()            # where its source does not do it itself
    for key, sort in DEALT.items():
        if key not in known and key in values:
            dealt[key] = convert(Field(key, sort, None, False), values.pop(key), f"data.{key}")
    if "path" in values:
        values["path"] = str(Path(values["path"]).resolve())
    values = {key: str(value.expanduser().resolve()) if isinstance(value, Path) else value     # also when resumed elsewhere
              for key, value in checked(function, values, prefix="data.").items()}
    with remembered(asked.get("kept")) as kept:
        data = function(**values)
    if "folds" in dealt:
        data = data.fold(dealt.setdefault("fold", 1), dealt["folds"])
    if "part" in dealt:
        data = data.part(dealt["part"])
    return data, {"source": name, **values, **dealt, **({"kept": kept[0]} if kept else {})}


def start(what: str, settings: Mapping[str, Any] | None = None, flags: Flags | None = None, out: str | Path | None = None,
          tell: Callable[[Event], None] | None = None, root: str | Path = "runs",
          planned: Callable[[Plan, Run], None] | None = None) -> Run:
    """Train: prepare, make a run folder, let it learn. `planned` is told the plan before the first step."""
    flags = flags or Flags()
    plan = prepare(what, settings)
    named = Path(plan.data_asked["path"]).stem if plan.data_asked.get("path") else plan.data_asked["source"]
    run = Run.new(f"{named}-{Path(plan.system_name).stem}", out, root)
    asked = {"what": what, "system": plan.system_name, "goal": str(plan.goal) if plan.goal else None}
    if plan.system_name.partition(":")[0].endswith(".py"):
        file = Path(plan.system_name.partition(":")[0])
        (run.path / "mine.py").write_bytes(file.read_bytes())
        asked["sha256"] = find.fingerprint(file)
    run.write({"asked": asked, "recipe": plan.system.recipe(), "data": {**plan.data_asked, "origin": plan.data.origin},
               "flags": asdict(flags), "made": {**made(), "examples": {name: len(split) for name, split in plan.data.splits.items()}}})
    if planned:
        planned(plan, run)
    try:
        mirrored = "; flip" if "flip" in getattr(plan.system, "tta", "") else ""            # it judges mirror images, too
        if why := doubt(plan.data, getattr(plan.system, "augment", "") + mirrored):
            for listener in (run.tell, *([tell] if tell else [])):
                listener(Event("warned", facts={"why": why}))
        _learn(run, plan.system, plan.data, flags, tell, None)
    except Problem:
        if not any(event.event == "started" for event in run.events()):     # a wrong setting: nothing to keep
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def resume(run: Run, tell: Callable[[Event], None] | None = None, planned: Callable[[Plan, Run], None] | None = None) -> Run:
    """Go on with a run from its newest good checkpoint; from its seed when there is none."""
    asked = run.asked()
    kind = find.system(asked["asked"]["system"])
    data, data_asked = open_data({key: value for key, value in asked["data"].items() if key != "origin"})
    flags = Flags(**{key: value for key, value in asked["flags"].items() if key in {f.name for f in fields(Flags)}})
    system = kind(**checked(kind, asked["recipe"]))
    goal = asked["asked"].get("goal")
    if planned:
        planned(Plan(system, asked["asked"]["system"], data, data_asked, Goal.read(goal) if goal else None), run)
    with run.locked():
        before = run.newest()
    _learn(run, system, data, flags, tell, before)
    return run


def _learn(run, system, data, flags, tell, before) -> None:
    with run.locked():
        try:
            fit(system, data, run, flags, tell, before)
        except Problem as problem:
            event = Event("failed", facts={"why": str(problem)})
            _tell_if_possible(run, event)
            raise
        except torch.OutOfMemoryError:
            raise Failure("there is not enough memory on {device}; try a smaller batch", device=flags.device) from None


def _tell_if_possible(run, event) -> None:
    try:
        run.tell(event)
    except Failure:
        return          # the disk that is full is what the person hears about already


def revive(run: Run, data: Data | None = None) -> System:
    """The trained system of a run, ready to predict; with `data` also ready to be judged."""
    weights, card = keep.load_model(run.path / "model") if run.card() else ({}, {})
    name = card["system"]
    if name.partition(":")[0].endswith(".py"):
        name = _trusted(run, name)
    kind = find.system(name)
    system = kind(**checked(kind, card["recipe"]))
    place = Place("cpu" if not torch.cuda.is_available() else "auto", "fp32")
    lend(system, (data or data_of(card)).to(place.device), place)
    system.progress = 1.0
    system.build(system.data)
    system.network().load_state_dict(weights)
    return system


def predict(system: System, inputs) -> Any:
    """Answers of a trained system for a batch as the data stores it (tensor or array), for files, or for one of these.
    About files, boxes, masks and sentences come as `Photo`s, in the pixels of the files themselves."""
    import numpy as np

    from deepen.engine.photo import KINDS, photo
    kind = system.data.inputs
    if isinstance(inputs, (str, Path)):
        return predict(system, [inputs])[0]
    if isinstance(inputs, (list, tuple)) and inputs and isinstance(inputs[0], (str, Path)):
        raws = [read_bytes(Path(file)) for file in inputs]
        inputs = torch.stack([kind.read(raw) for raw in raws])
        if isinstance(system.data.target, KINDS):
            return [photo(system, raw, *one) for raw, one in zip(raws, with_words(system, inputs), strict=True)]
    batch = torch.as_tensor(np.asarray(inputs)) if not isinstance(inputs, torch.Tensor) else inputs
    single = batch.ndim == len(kind.shape)
    batch = batch[None] if single else batch
    kind.check(batch)
    at_once = max(1, VALUES // max(1, math.prod(kind.shape)))          # large pictures are answered a few at a time
    with quiet(system):
        parts = [system.predict(part.to(system.device)) for part in batch.split(at_once)]
    answers = parts[0] if len(parts) == 1 else [one for part in parts for one in part] if isinstance(parts[0], list) else (
        torch.cat(parts) if isinstance(parts[0], torch.Tensor) else np.concatenate(parts))
    return answers[0] if single else answers


def with_words(system: System, inputs: torch.Tensor) -> list[tuple[Any, Any]]:
    """(answer, its words with how sure) of each of a batch; no words where the system does not tell them."""
    answers = predict(system, inputs)
    if not hasattr(system, "words"):
        return [(one, ()) for one in answers]
    with quiet(system):
        return list(zip(answers, system.words(inputs.to(system.device)), strict=True))


def read_bytes(file: Path) -> bytes:
    """The bytes of a user's file; `Problem` when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Problem("{file} cannot be read: {reason}", file=file, reason=error.strerror or error) from None


def made() -> dict[str, Any]:
    """Versions and machine, written into every run."""
    return {"deepen": deepen.__version__, "torch": torch.__version__, "python": platform.python_version(),
            "git": _commit(), "machine": f"{platform.system()} {platform.machine()}", "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z")}


def _commit() -> str | None:
    try:
        told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=2,
                              cwd=Path(__file__).parent)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None


def _what(what: str) -> tuple[str | None, dict[str, Any]]:
    """(system or None, data asked or {}) from the first word of `deepen train`."""
    if what.partition(":")[0].endswith(".py"):
        path, _, name = what.partition(":")
        return str(Path(path).resolve()) + (f":{name}" if name else ""), {}
    if what in find.systems():
        return what, {}
    return None, source_asked(what)


def source_asked(what: str, classless: bool = False) -> dict[str, Any]:
    """Data asked by name or by path; `classless`: for a system that needs no classes."""
    known = find.sources()
    if what in known:
        return {"source": what}
    path = Path(what).expanduser()
    if os.path.exists(path):                                # False too for a name no disk can hold
        form = recognise(path)
        if form.source is None:
            raise Problem("no system of deepen learns from this data yet ({why}); what is in it and what is wrong is told by: "
                          "deepen check {path}", path=what, why=form.why)
        return {"source": form.classless if classless and form.classless else form.source, "path": str(form.path), **form.given}
    if "/" in what or "\\" in what or what.startswith("."):
        raise Problem("there is nothing at {path}; check the spelling, or give the full path", path=what)
    raise unknown("system or source", what, [*find.systems(), *known])


def makes_pictures(kind: type[System]) -> bool:
    """Is it pictures that a system learns and pictures that it gives? Then it can learn from those without classes."""
    return kind.goal == (Image, Image)


def _must_fit(kind: type[System], name: str, data: Data) -> None:
    wants, gives = kind.goal
    target = type(data.target) if data.target is not None else type(None)
    ok = issubclass(type(data.inputs), wants) and (issubclass(target, gives) or gives is wants or gives is type(None))
    if not ok:
        raise Problem("{system} learns {wants} → {gives}, but this data is {has} → {asks}", system=name,
                      wants=kind_name(wants), gives=kind_name(gives), has=kind_name(type(data.inputs)), asks=kind_name(target))


def kind_name(kind) -> str:
    """`Label`, or `Label | Number` of a system that learns both."""
    return getattr(kind, "__name__", str(kind).replace("deepen.core.kinds.", ""))


def _trusted(run: Run, name: str) -> str:
    """The outside system of a run: only code whose hash the run recorded is run again."""
    copy = run.path / "mine.py"
    if not copy.is_file() or find.fingerprint(copy) != run.asked()["asked"].get("sha256"):
        raise Problem("{run} was trained by {file}, which has changed since; train again, or restore that file",
                      run=run.name, file=name)
    return str(copy.resolve()) + (f":{name.partition(':')[2]}" if ":" in name else "")


def sentence_of(data: Data) -> str:
    """The data in one sentence for people."""
    sizes = {name: len(split) for name, split in data.splits.items()}
    return say("{origin}: {sizes}", origin=data.origin, sizes=", ".join(f"{name} {size:,}" for name, size in sizes.items()))
