"""Records of games of go are played through: what no rule allows is named with its move."""
import os
from pathlib import Path

import pytest

from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def of(path, text):
    (path / "g.sgf").write_bytes(text if isinstance(text, bytes) else text.encode())
    return check(str(path))


@pytest.mark.parametrize("text, moves", [
    ("(;GM[1]SZ[9]RE[B+R];B[ee];W[cc];B[tt];W[])", 4), ("(;SZ[9]PB[白石\\]];B[ee](;W[cc];B[gg])(;W[gg]))", 3),
    ("(;SZ[9]AB[aa][bb]AW[cc];W[dd])", 1), ("(;SZ[9];B[ee])\n(;SZ[9];B[ee];W[cc])", 3), ("(;SZ[9]PB[\xb5]".encode("latin-1") + b";B[ee])", 1),
    ("(;SZ[5];B[ba];W[aa];B[ab];W[ee];B[aa])", 5)])       # the stone at aa is taken, so aa is free again
def test_games_that_can_be_played(tmp_path, text, moves):
    found = of(tmp_path, text)
    assert found.what == "games" and found.may_train and found.summary["moves"] == moves
    assert {finding.level for finding in found.findings} <= {"note"}


@pytest.mark.parametrize("text, cause, place", [
    ("(;SZ[9];B[ee];W[ee])", "played through", "move 2 (ee) is on a point that is taken"), ("(;SZ[9];B[ee];W[zz])", "played through", "move 2 (zz) lies off the board"),
    ("(;SZ[9];B[ab];B[ba];W[aa])", "played through", "move 3 (aa) takes its own last liberty"), ("(;SZ[25];B[yy])", "played through", "the board is 25×25"),
    ("(;SZ[9];B[ee];W[", "cut off", "byte 15"), ("(;SZ[9];B[ee]", "cut off", "byte 13"), ("no game", "no game", ""), ("(;SZ[9];B[e9])", "played through", "is no point")])
def test_games_that_cannot(tmp_path, text, cause, place):
    finding, = of(tmp_path, text).findings
    assert finding.level == "error" and finding.file == "g.sgf" and cause in finding.cause and place in finding.place and finding.mend


def test_a_game_without_moves_is_left_out(tmp_path):
    found = of(tmp_path, "(;SZ[9]RE[W+F])")
    assert found.may_train and found.summary["games"] == 0 and "no moves" in found.findings[0].cause


def test_nasty_games():
    if not (DATA / "nasty" / "sgf").is_dir():
        pytest.skip(f"{DATA} is not here")
    told = {finding.file: finding.level for finding in check(str(DATA / "nasty" / "sgf")).findings}
    assert told == {"truncated.sgf": "error", "occupied_point.sgf": "error", "size_25.sgf": "error", "suicide_ko_pass.sgf": "error", "no_moves.sgf": "warning",
                    "two_games.sgf": "note", "variations.sgf": "note"}
