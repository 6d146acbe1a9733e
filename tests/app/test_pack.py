"""The pack of bad inputs: deepen says what is wrong with each, by name and with a mend, and never learns from it in silence."""
import re
import sys
from pathlib import Path

import pytest

from deepen.core.words import korean, speak

sys.path.insert(0, str(Path(__file__).parent))
from bad_files import MARKER, models
from bad_inputs import all_cases
from pack_judge import TINY, ask, forbidden, pipes_let_go, safe, tried

CASES = all_cases()
SOME = CASES[3::9]
HANGUL = re.compile(r"[가-힣]")


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    monkeypatch.chdir(tmp_path / "given")
    yield
    speak("en")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_pack(case):
    if forbidden(case):
        pytest.skip("root may read everything")
    tried(case)


def test_the_pack_is_large():
    assert len([case for case in CASES if case.level not in ("fine", "loads", "any")]) >= 300
    assert len([case for case in CASES if case.level == "error"]) >= 200


def leftovers(text: str) -> list[str]:
    """English of the catalogue in a Korean text."""
    pieces = {piece for sentence in korean() for piece in re.split(r"\{[^{}]*\}", sentence) if len(piece) > 14 and piece.count(" ") > 2}
    return sorted(piece for piece in pieces if piece in text)


@pytest.mark.parametrize("case", SOME, ids=[case.name for case in SOME])
def test_pack_in_korean(case):
    if forbidden(case):
        pytest.skip("root may read everything")
    path = case.make(Path.cwd())
    with pipes_let_go(Path.cwd()):
        told = ask("check", str(path), *case.words, "--json", "--lang", "ko")
    safe(told)
    assert not leftovers(told.out + told.err)
    for finding in told.findings:
        assert HANGUL.search(finding["cause"] + finding["mend"]), finding
    assert HANGUL.search(told.err)


@pytest.mark.parametrize("command", [["predict", "RUN"], ["validate"], ["resume"], ["train", "digits", "weights="], ["train", "digits", "data="], ["plan", "classify", "net="]],
                         ids=lambda words: " ".join(words))
def test_no_model_file_is_ever_run(command):
    """Whatever a model from elsewhere is given to, its code does not run and one sentence comes."""
    for name, raw in models().items():
        Path(name).write_bytes(raw)
        words = [*command[:-1], f"{command[-1]}{name}"] if command[-1].endswith("=") else [*command, name]
        told = ask(*words, *(TINY if command[0] == "train" else ()))
        assert told.code in (1, 2), (words, told)
        assert "Traceback" not in told.err and len(told.err.strip().splitlines()) == 1, (words, told.err)
        assert not Path(MARKER).exists(), words
