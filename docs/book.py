"""Write docs/book.md and docs/book.ko.md, and the figures that `deepen book` shows, from bench/results/*.jsonl.

    .venv/bin/python docs/book.py
"""
import json
from pathlib import Path

from deepen.core.words import speak
from deepen.engine import book

HERE = Path(__file__).parent
FIGURES = book.HOME / "figures.json"


def figures() -> str:
    """Each claim of bench/results once, with its script, as the package carries them."""
    rows = {}
    for file in sorted((HERE.parent / "bench" / "results").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.setdefault(row["claim"], {key: row[key] for key in ("claim", "ours", "unit", "runs", "spread")}
                            | {"bench": f"bench/{file.stem}.py"})
    return "[" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows.values()) + "]\n"


def pages() -> dict[Path, str]:
    """File -> what belongs in it."""
    told = {}
    for language, name in (("en", "book.md"), ("ko", "book.ko.md")):
        speak(language)
        told[HERE / name] = book.markdown()
    speak("en")
    return told


if __name__ == "__main__":
    FIGURES.write_text(figures(), encoding="utf-8")
    book.measured.cache_clear()
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
        print(file.relative_to(HERE.parent))
