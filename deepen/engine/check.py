"""Look at somebody's data before anything learns from it: what it is, what is wrong where, whether training may start."""
import os
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from deepen.core.recipe import checked, fields_of
from deepen.core.words import Problem, say
from deepen.engine import find
from deepen.engine.doctor.checked import LEVELS, Checked, finding_of, summary_of
from deepen.engine.start import SHORT, open_data, source_asked
from deepen.sources._finding import Finding, Trouble
from deepen.sources._form import Form, recognise

# a form of data -> the file in engine/doctor that examines it; any other form is read by its source
DOCTORS = {"pictures": "pictures", "table": "tables", "voc": "boxes", "coco": "boxes", "masks": "masks",
           "captions": "captions", "text": "text", "corpus": "text", "games": "games"}
ANYWHERE = ("on_bad",)          # settings that every doctor understands


def check(what: str, settings: Mapping[str, Any] | None = None) -> Checked:
    """Check a path or a source; `settings` are the source's (`target=price`, `data.target=price`, `on_bad=skip`).

    What is wrong with the data is a finding; `Problem` is raised only when `what` or a setting is no data at all."""
    began = time.monotonic()
    settings = {SHORT.get(key, key).removeprefix("data."): value for key, value in (settings or {}).items()}
    path = Path(what).expanduser()
    if what in find.sources() or not os.path.exists(path):
        found = _source(source_asked(what), settings)
    else:
        try:
            form = recognise(path)
        except Trouble as trouble:                          # a model, an archive, a film: told as a finding
            found = Checked("nothing", say("it is no data that deepen learns from"), str(path), findings=[trouble.finding])
        else:
            found = _examined(form, settings)
            found.where = str(path)
    found.findings.sort(key=lambda finding: LEVELS.index(finding.level))
    found.seconds = time.monotonic() - began
    return found


def _examined(form: Form, settings: dict[str, Any]) -> Checked:
    if form.name not in DOCTORS:
        asked = {"path": str(form.path), **form.given}
        return _source({"source": form.source, **asked}, settings, Checked(form.name, form.why, str(form.path), form.source))
    found = Checked(form.name, form.why, str(form.path), form.source)
    examine = import_module(f"deepen.engine.doctor.{DOCTORS[form.name]}").examine
    examine(form, _values(form, settings), found)
    return found


def _values(form: Form, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the source that reads this form, all of them; without a source, those that were given."""
    if form.source is None:
        for key in settings:
            if key not in ANYWHERE:
                raise Problem("there is no setting {key} for data of the form {form}; only on_bad=skip", key=key, form=form.name)
        return {**form.given, **settings}
    return checked(find.source(form.source), {"path": str(form.path), **form.given, **settings}, prefix="data.")


def _source(asked: Mapping[str, Any], settings: dict[str, Any], found: Checked | None = None) -> Checked:
    """Read by the source itself; what it says and what stops it are the findings."""
    name = str(asked["source"])
    found = found or Checked(name, say("{name} is a source of deepen", name=name), name, name)
    if "on_bad" in settings and "on_bad" not in fields_of(find.source(name)):
        settings = {key: value for key, value in settings.items() if key != "on_bad"}
        found.findings.append(Finding("note", say("{name} has no files of yours that could be left out, so on_bad changes nothing", name=name)))
    values = checked(find.source(name), {**{key: value for key, value in asked.items() if key != "source"}, **settings}, prefix="data.")
    try:
        data, _ = open_data({"source": name, **values})
    except Problem as problem:
        found.findings.append(finding_of(problem, name))
        return found
    found.summary = summary_of(data)
    found.findings += [Finding("note", sentence) for sentence in data.said]
    return found
