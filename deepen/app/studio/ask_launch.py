"""Is a recipe sound? Asked at the desk before a process is started for it."""
from deepen.core.recipe import checked
from deepen.engine import find
from deepen.engine.start import DEALT, SHORT, makes_pictures, source_asked


def prepared(what: str, settings: dict[str, str]) -> bool:
    """`Problem` when a setting is wrong; no data is loaded."""
    settings = {SHORT.get(key, key): value for key, value in settings.items()}
    own = {key: value for key, value in settings.items() if not key.startswith("data.") and key not in ("data", "goal")}
    if what in find.systems():
        checked(find.system(what), own)
    maker = what in find.systems() and makes_pictures(find.system(what))
    asked = source_asked(settings.get("data", what), maker) if what not in find.systems() or "data" in settings else {}
    if asked:
        checked(find.source(asked["source"]), {key.removeprefix("data."): value for key, value in settings.items() if
                                               key.startswith("data.") and key[5:] not in DEALT}, prefix="data.")
    return True
