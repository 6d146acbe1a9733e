"""Pictures with captions: what is in them, and what would spoil what is learned."""
from collections import Counter
from typing import Any

from deepen.core.words import say
from deepen.engine.doctor.checked import Checked, Notes, middle, spread
from deepen.sources._captioned import gather, lists, root_of, rows_of
from deepen.sources._finding import Trouble
from deepen.sources._form import Form
from deepen.sources._pictures_at import Pictures, sizes


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what a list of pictures and captions holds and what is wrong in it."""
    notes, file = Notes(found, values.get("on_bad") == "skip"), form.path.name
    root = root_of(form.path)
    try:
        rows = rows_of(form.path, notes)
    except Trouble as trouble:
        notes.problem(trouble)
        return
    pictures = Pictures(root)
    captions, asked = gather(rows, pictures, file, notes)
    known, broken = sizes(pictures, [name for name in captions if captions[name]])
    for name, reason in broken.items():
        notes.add("error", reason, say("save it again or remove it, or leave it out with --on-bad skip"), name)
    spare = len([name for name in pictures.files if name not in asked])
    if spare:
        notes.add("note", say("{count} pictures have no caption, so nothing is learned from them", count=spare))
    if not any(captions.values()):
        notes.add("error", say("no picture has a caption"), say("check that the right list was given"), file)
    splits, _ = lists(root, pictures, {name for name in captions if captions[name]}, notes)
    told = [text for texts in captions.values() for text in texts]
    words = Counter(word for text in told for word in text.lower().split())
    found.summary = {"pictures": len([name for name in captions if captions[name]]), "readable": len(known),
                     "captions": len(told),
                     "captions_per_picture": middle([len(texts) for texts in captions.values() if texts]),
                     "words_per_caption": middle([len(text.split()) for text in told]), "different_words": len(words),
                     "frequent_words": [word for word, _ in words.most_common(10)], "sizes": spread(list(known.values()))}
    if splits:
        found.summary["splits"] = splits
