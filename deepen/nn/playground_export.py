"""What stands on the screen as text: a `deepen` command, TOML, and a Python script that runs alone.

Each does the same experiment again, to the same loss: same points, same first weights, same order, so many epochs.
What a person changed by hand on the way (`Session.changes`) goes into TOML and the script; a command has no words for it.
"""
import tomllib
from collections.abc import Iterable, Mapping
from pprint import pformat
from typing import Any

from deepen.core.recipe import toml
from deepen.core.words import Problem
from deepen.nn.playground import Session, Spec, points_of

OF_DATA = {"data": "set", "count": "count", "noise": "noise", "share": "share", "classes": "classes", "seed": "seed"}


def command(spec: Spec, epochs: int, changes: Iterable[tuple] = ()) -> str:
    """A line for a shell: `deepen train playground data.set=… layers=… --keep last`; its loss on valid is the test
    loss. `Problem` where something was changed by hand."""
    if list(changes):
        raise Problem("what was changed by hand while it learned has no place in a command; take the script or TOML")
    usual, words = Spec(), ["deepen train playground"]
    for name, value in vars(spec).items():
        if name == "points":
            if value:
                words.append("data.rows=" + ",".join(":".join(map(repr, row)) for row in value))
        elif name not in ("view", "start") and (value != getattr(usual, name) or name in ("data", "seed")):
            key = f"data.{OF_DATA[name]}" if name in OF_DATA else name
            words.append(f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
    words += [f"start={spec.start or points_of(spec).place}", f"epochs={epochs}", "--keep last"]
    return " ".join(words)


def to_toml(spec: Spec, epochs: int, changes: Iterable[tuple] = ()) -> str:
    """TOML that `from_toml` reads: the epochs, the Spec where it differs from the default, the changes by hand."""
    told = [["" if part is None else part for part in change] for change in changes]
    table: dict[str, Any] = {"epochs": epochs, **({"changes": told} if told else {}), "spec": spec.to_dict(short=True)}
    return "# deepen: an experiment of the Playground\n" + toml(table)


def from_toml(text: str) -> tuple[Spec, int, list[tuple]]:
    """(Spec, epochs, changes) from what `to_toml` wrote or a person did. `Problem` for what is not possible."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Problem("this is no TOML that can be read: {reason}", reason=error) from None
    if not isinstance(table.get("spec", {}), Mapping) or set(table) - {"epochs", "changes", "spec"}:
        raise Problem("a Playground in TOML has epochs, changes and [spec]; {given} was given", given=", ".join(table))
    epochs, changes = table.get("epochs", 0), table.get("changes", [])
    if not isinstance(epochs, int) or not 0 <= epochs <= 10**9 or not isinstance(changes, list):
        raise Problem("epochs={epochs} is not possible; give a whole number", epochs=epochs)
    return Spec.from_dict(table.get("spec", {})), epochs, [
        tuple(None if part == "" else part for part in change) if isinstance(change, list) else () for change in changes]


def script(spec: Spec, epochs: int, changes: Iterable[tuple] = ()) -> str:
    """A Python program that needs deepen alone; it prints epoch, train loss and test loss."""
    told = {"spec": pformat(spec.to_dict(short=True), width=100, sort_dicts=False),
            "changes": pformat(list(changes), width=100)}
    return f'''"""An experiment of the Playground, as it stood on the screen: run me with python."""
from deepen.nn.playground import Session, Spec

spec = Spec.from_dict({told["spec"]})
changes = {told["changes"]}      # by hand: (after so many batches, what, where, value)

session = Session(spec)
session.replay(changes, epochs={epochs})
train, test = session.losses()
print(f"epoch {{session.epoch}}: train loss {{train:.10f}}, test loss {{test:.10f}}")
'''


def again(text: str) -> Session:
    """The session that TOML tells of, learned to where it stood."""
    spec, epochs, changes = from_toml(text)
    session = Session(spec)
    session.replay(changes, epochs)
    return session
