"""The pack: everything that people give by mistake, and a few things they give on purpose. Nothing of it is kept; each
case is made from a seed when it is asked for."""
from dataclasses import replace

from bad_case import Case
from bad_files import files
from bad_forms import forms
from bad_pictures import pictures
from bad_tables import tables


def all_cases() -> list[Case]:
    groups = {"pictures": pictures(), "tables": tables(), "forms": forms(), "files": files()}
    cases = [replace(case, name=f"{group}: {case.name}") for group, made in groups.items() for case in made]
    assert len({case.name for case in cases}) == len(cases), "every case has a name of its own"
    return cases
