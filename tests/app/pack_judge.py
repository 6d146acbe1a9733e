"""What deepen answers to one bad input, and whether that is what must come."""
import contextlib
import io
import json
import os
import re
import threading
import time
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import Path

from bad_case import Case
from bad_files import MARKER

from deepen.app.cli import main

LONGEST = 10.0          # seconds of computing for one look at a bad input; the slowest takes two
TINY = ("--minutes", "0.01", "--quiet", "--device", "cpu")
LOUD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")     # what steers a terminal


@dataclass
class Told:
    """What came back from one command."""
    code: int
    out: str
    err: str
    seconds: float
    warned: list[str]

    @property
    def findings(self) -> list[dict]:
        """What check found; a request that was refused at the door is an error with its sentence."""
        if self.out.strip():
            return json.loads(self.out.splitlines()[-1])["findings"]
        cause, _, mend = self.err.removeprefix("deepen: ").strip().partition("; ")
        return [{"level": "error", "cause": cause, "mend": mend, "file": "", "place": ""}] if cause else []


def ask(*words: str) -> Told:
    """One command line, in this process."""
    out, err, began = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", DeprecationWarning)
        code = main(list(words))
    return Told(code, out.getvalue(), err.getvalue(), time.process_time() - began, [str(one.message) for one in warned])


@contextlib.contextmanager
def pipes_let_go(folder: Path):
    """Whoever waits on a pipe is let go after some seconds, and fails."""
    waited, done = [], threading.Event()

    def let_go():
        while not done.wait(LONGEST / 2):
            for file in [path for path in folder.rglob("*pipe*") if path.is_fifo()]:
                with contextlib.suppress(OSError):              # nobody waits on it
                    os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
                    waited.append(file.name)
    threading.Thread(target=let_go, daemon=True).start()
    try:
        yield
    finally:
        done.set()
    assert not waited, f"it waits for ever on {waited}"


def forbidden(case: Case) -> bool:
    """Cannot be tried by root, who may read everything."""
    return "nobody may" in case.name and os.geteuid() == 0


def named(finding: dict) -> str:
    return unicodedata.normalize("NFC", " ".join(finding[key] for key in ("file", "place", "cause", "mend")))


def names(pattern: str, text: str) -> bool:
    """Is one of the names, separated by bars, in the text?"""
    return any(unicodedata.normalize("NFC", part) in unicodedata.normalize("NFC", text) for part in pattern.split("|"))


def safe(told: Told) -> None:
    """What must never come, whatever is wrong: a traceback, a raw control character, code that runs, a finding that
    does not help."""
    said = told.out + told.err
    assert "Traceback" not in said and "this is a bug" not in said, said[-3000:]
    assert not told.warned, f"a library's warning would be printed: {told.warned}"
    raw = LOUD.search(said)
    assert not raw, f"raw {raw[0]!r} in {said[max(0, raw.start() - 80):][:200]!r}"
    assert told.code in (0, 1, 2)
    assert told.seconds < LONGEST, f"{told.seconds:.1f} s"
    assert not Path(MARKER).exists(), "code in a pickle was run"
    for finding in told.findings:
        if finding["level"] != "note":
            assert finding["mend"] or re.search("; |: it must|did you mean|혹시|세요", finding["cause"]), f"no mend: {finding}"


def right(case: Case, told: Told) -> None:
    """Did come what must come?"""
    findings, wanted = told.findings, set(case.level.split("|"))
    errors = [finding for finding in findings if finding["level"] == "error"]
    assert bool(errors) == (told.code != 0), f"exit code {told.code} with {len(errors)} errors"
    if wanted == {"any"}:
        return
    if wanted & {"loads", "fine"} and not errors:
        warnings = [finding for finding in findings if finding["level"] == "warning"]
        assert "fine" not in wanted or not warnings, warnings
        return
    fitting = [finding for finding in findings if finding["level"] in wanted and names(case.file, named(finding))
               and re.search(case.about, named(finding))]
    assert fitting, f"{case.level} that names {case.file!r} ({case.about!r}) must come, came: {findings or told}"
    assert "error" in wanted or not errors, f"more than {case.level}: {errors}"


def refused(case: Case, checked: Told, learned: Told) -> None:
    """What check calls an error, train refuses in one sentence that names the same; and leaves nothing behind."""
    assert learned.code in (1, 2), f"check refuses and train accepts: {checked.findings}"
    assert learned.err.startswith("deepen: ") and len(learned.err.splitlines()) == 1 and not LOUD.search(learned.err.rstrip("\n")), learned.err
    assert learned.seconds < LONGEST and not Path("run").exists() and not Path(MARKER).exists()
    if case.level == "error":
        assert names(case.file, learned.err), f"train says {learned.err!r}, check {checked.findings}"


def tried(case: Case) -> None:
    """Make the case in the current, empty folder; check it; let train try it when check says no. AssertionError says
    what is not as it must be."""
    path = case.make(Path.cwd())
    with pipes_let_go(Path.cwd()):
        told = ask("check", str(path), *case.words, "--json")
        safe(told)
        right(case, told)
        if told.code:
            refused(case, told, ask("train", str(path), *case.words, *TINY, "--out", "run"))
