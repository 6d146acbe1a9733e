"""Records of games of go: what is in them, and which cannot be learned from."""
from collections import Counter
from typing import Any

from deepen.core.words import say
from deepen.engine.doctor.checked import Checked, Notes, middle
from deepen.sources._finding import Trouble
from deepen.sources._form import Form
from deepen.sources._pictures_at import composed
from deepen.sources._sgf import games


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what records of games hold; every game is played through."""
    notes, root = Notes(found, values.get("on_bad") == "skip"), form.path
    paths = [root] if root.is_file() else sorted(path for path in root.rglob("*.sgf") if not path.name.startswith("."))
    good = []
    for path in paths:
        file = path.name if root.is_file() else composed(path.relative_to(root).as_posix())
        try:
            these = games(path.read_bytes(), file)
        except Trouble as trouble:
            notes.problem(trouble)
            continue
        except OSError as error:
            notes.add("error", say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file)
            continue
        if len(these) > 1:
            notes.add("note", say("the file holds {count} games: all are read", count=len(these)), "", file)
        if branches := sum(game.variations for game in these):
            notes.add("note", say("the game has variations ({count}): the main line is read", count=branches), "", file)
        for game in these:
            if game.problem:
                notes.add("error", say("the game cannot be played through"),
                          say("remove it, or leave it out with --on-bad skip"), file, game.problem)
            elif not game.moves:
                notes.add("warning", say("the game has no moves"), say("remove it; it is left out"), file)
            else:
                good.append(game)
    found.summary = {"files": len(paths), "games": len(good), "moves": sum(len(game.moves) for game in good),
                     "moves_per_game": middle([len(game.moves) for game in good]),
                     "boards": dict(Counter(f"{game.size}×{game.size}" for game in good)),
                     "results": dict(Counter(game.result[:1] or "?" for game in good))}
