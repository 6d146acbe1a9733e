"""Run: the folder with everything about one experiment. The folder is the protocol: views only read it."""
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from deepen.core import events
from deepen.core.events import Event
from deepen.core.kinds import from_card, to_card
from deepen.core.recipe import toml
from deepen.core.words import Failure, Problem


class Run:
    """One run folder."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._told: TextIO | None = None    # events.jsonl, open while this process writes the run
        self._system = None         # the trained system, once somebody asks it

    @classmethod
    def new(cls, what: str, out: str | Path | None = None, root: str | Path = "runs") -> "Run":
        """A fresh folder: `out` itself, or the next number `runs/what-0007`."""
        if out is not None:
            path = Path(out)
            if path.exists() and any(path.iterdir()):
                raise Problem("the folder {path} is not empty; choose another --out, or go on with: deepen resume {path}",
                              path=path)
            _make(path)
            return cls(path)
        _make(Path(root))
        name = re.sub(r"[^\w.-]+", "-", what).strip("-.") or "run"
        numbers = [int(match[1]) for folder in Path(root).iterdir() if (match := re.fullmatch(r".*-(\d{4,})", folder.name))]
        number = max(numbers, default=0) + 1
        while True:                 # another process may take the number first
            path = Path(root) / f"{name}-{number:04d}"
            try:
                path.mkdir()
                return cls(path)
            except FileExistsError:
                number += 1

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """A run that exists: its folder, or its name or number under runs/."""
        tried = [Path(path), Path("runs") / str(path)]
        tried += sorted(Path("runs").glob(f"*-{int(str(path)):04d}")) if str(path).isdigit() else []
        for folder in tried:
            if (folder / "run.toml").is_file():
                return cls(folder)
        if Path(path).is_dir():
            raise Problem("{path} is not a run folder: it has no run.toml", path=path)
        raise Problem("there is no run {path}; `deepen runs` lists them", path=path)

    @property
    def name(self) -> str:
        return self.path.name

    # what was asked and made
    def write(self, asked: dict[str, dict[str, Any]]) -> None:
        """Write run.toml: one table a topic."""
        write_text(self.path / "run.toml", toml(asked))

    def asked(self) -> dict[str, dict[str, Any]]:
        """What run.toml says."""
        import tomllib
        try:
            return tomllib.loads((self.path / "run.toml").read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise Problem("{path} cannot be read: {reason}", path=self.path / "run.toml", reason=error) from None

    # events go up
    def tell(self, event: Event) -> None:
        """Append one event."""
        if self._told is None:
            cut_torn_line(self.path / "events.jsonl")
            self._told = (self.path / "events.jsonl").open("a", encoding="utf-8")
        try:
            self._told.write(event.line() + "\n")
            self._told.flush()
        except OSError as error:
            raise Failure("{path} cannot be written: {reason}", path=self.path / "events.jsonl", reason=error) from None

    def events(self) -> list[Event]:
        """All events so far; a torn last line is left out."""
        try:
            text = (self.path / "events.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [events.read(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def finished(self) -> dict[str, Any] | None:
        """The facts of the last event if it says the run came to its planned end, else None."""
        told = self.events()
        facts = next((event.facts for event in reversed(told) if event.event in ("finished", "started", "failed")), {})
        return facts if facts.get("reason") in ("planned", "minutes", "patience") else None

    # commands come in
    def order(self, do: str, **values) -> None:
        """Ask the process that writes this run to stop, pause, go, save or set."""
        last = max((order["id"] for order in self.orders()), default=0)
        with (self.path / "commands.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"id": last + 1, "do": do, **values}) + "\n")

    def orders(self, after: int = 0) -> list[dict[str, Any]]:
        """Commands with an id beyond `after`, in order."""
        try:
            text = (self.path / "commands.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        orders = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]
        return [order for order in orders if isinstance(order.get("id"), int) and order["id"] > after]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run while it is written; a second writer is refused."""
        with (self.path / ".lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise Problem("{run} is being written by another process ({pid}); stop that one first, or wait",
                              run=self.name, pid=file.read().strip() or "?") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                if self._told is not None:
                    self._told.close()
                    self._told = None

    def busy(self) -> bool:
        """Is some process writing this run now?"""
        try:
            with (self.path / ".lock").open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    # tensors
    def checkpoint(self, step: int) -> Path:
        return self.path / "checkpoints" / f"{step:09d}"

    def newest(self):
        """The newest checkpoint that can be read, as `keep.newest` gives it, or None."""
        from deepen.engine import keep  # here, not above: it brings torch, and lists of runs need none
        return keep.newest(self.path / "checkpoints")

    def write_model(self, weights: dict, system, metrics: dict[str, float], step: int) -> None:
        """Write model/: the weights and a card that is enough to use them."""
        from deepen.engine import keep
        keep.save_model(self.path / "model", weights, {
            "deepen": 1, "system": self.asked()["asked"]["system"], "recipe": system.recipe(),
            "inputs": to_card(system.data.inputs), "target": to_card(system.data.target),
            "data": system.data.origin, "metrics": metrics, "step": step})

    def system(self):
        """The trained system, ready to predict (loaded once)."""
        if self._system is None:
            from deepen.engine.start import revive
            self._system = revive(self)
        return self._system

    def card(self) -> dict[str, Any]:
        """The card of the trained model."""
        from deepen.engine import keep
        from deepen.engine.publish import standing
        if not (standing(self.path / "model") / "card.json").is_file():
            raise Problem("{run} has no model yet; let it learn first: deepen resume {path}", run=self.name, path=self.path)
        return keep.load_model(self.path / "model")[1]

    # what one does with a trained model
    @property
    def metrics(self) -> dict[str, float]:
        """Validation metrics of the model that was kept."""
        return self.card()["metrics"]

    def predict(self, inputs):
        """Answers for a batch of inputs (tensor or array as the data stores them), a picture file, or a list of them."""
        from deepen.engine.start import predict
        return predict(self.system(), inputs)

    def worst(self, count: int = 9, split: str = "valid"):
        """The `count` worst mistakes on a split, most confident first; of boxes, masks and sentences the worst pictures."""
        from deepen.engine.mistakes import mistakes
        from deepen.engine.report import Gallery
        from deepen.engine.scenes import sees
        from deepen.engine.validate import with_data
        from deepen.engine.worst import worst_on
        system = with_data(self)
        return Gallery((worst_on if sees(system) else mistakes)(system, split, count))

    def _repr_html_(self) -> str:
        """The report, as a frame in a notebook."""
        from html import escape

        from deepen.engine.report import page
        from deepen.engine.validate import with_data
        return (f'<iframe srcdoc="{escape(page(self, with_data(self)))}" style="width:100%;height:40rem;border:0">'
                "</iframe>")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def data_of(card: dict[str, Any]):
    """The kinds a card names, as data without examples."""
    from deepen.core.data import Data
    return Data({}, from_card(card["inputs"]), from_card(card["target"]), None, card["data"])


def runs(root: str | Path = "runs") -> list[Run]:
    """Every run under a folder, oldest first."""
    folder = Path(root)
    found = [Run(path) for path in folder.iterdir() if (path / "run.toml").is_file()] if folder.is_dir() else []
    return sorted(found, key=lambda run: (run.path / "run.toml").stat().st_mtime)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it is either the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failure("{path} cannot be written: {reason}", path=path, reason=error) from None


def cut_torn_line(path: Path) -> None:
    """Cut a last line that a killed process left half-written."""
    if path.is_file():
        with path.open("rb+") as file:
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem("the folder {path} cannot be made: {reason}", path=path, reason=error) from None
