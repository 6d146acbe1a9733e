"""What the figures of a maker mean, beside those of real pictures: what a perfect maker would get from the same judge."""
from collections.abc import Callable, Mapping

from deepen.core.kinds import Image, Label
from deepen.core.words import say

FEW = 100                       # real pictures below which a distance to them means little
OWN = ("frechet_own", "recognised", "modes", "as_asked", "sample_precision", "sample_recall", "gram", "content")     # in the order told

Number = Callable[[str, float], str]


def real(system, split: str, measured: Mapping[str, float]) -> dict[str, float]:
    """The figures of real pictures, where `measured` are those of painted ones: pictures of the training data, drawn by a
    seed, against those of the split. {} where nothing was painted, or where there is no training data."""
    data = system.data
    if "frechet_own" not in measured or not isinstance(data.inputs, Image) or "train" not in data.splits \
            or not len(data.splits.get(split, ())):
        return {}
    from deepen.nn import codes, judge
    classes = len(data.target.names) if isinstance(data.target, Label) else 0
    images, labels = codes.shown(data, "train", judge.ALBUM)
    found = judge.figures(images, codes.shown(data, "train"), codes.shown(data, split)[0], classes, labels)
    return {name: float(value) for name, value in found.items() if name in measured}


def told(measured: Mapping[str, float], beside: Mapping[str, float], number: Number, examples: int = FEW) -> list[tuple[str, str]]:
    """(figure, what it means in a sentence) of what is known of a maker; `beside`: the same of real pictures, `examples` of
    the split it was judged on. That there are few of these is said once, with the first figure."""
    lines = [(name, _sentence(name, measured, beside, number)) for name in OWN if name in measured]
    if "frechet_own" in measured and examples < FEW:
        name, sentence = lines[0]
        few = say("these figures mean little, for there are only {count} real pictures to compare with", count=examples)
        lines[0] = name, f"{sentence}; {few}"
    return lines


def _sentence(name: str, measured: Mapping[str, float], beside: Mapping[str, float], number: Number) -> str:
    value = number(name, measured[name])
    real_one = number(name, beside[name]) if name in beside else "–"
    match name:
        case "frechet_own" if name in beside:
            return say("distance {value} between its pictures and real ones, as a small network trained here sees them; less is better, "
                       "and real pictures among themselves have {real} (own features: not FID)", value=value, real=real_one)
        case "frechet_own":
            return say("distance {value} between its pictures and real ones, as a small network trained here sees them; less is "
                       "better (own features: not FID)", value=value)
        case "recognised":
            return say("{value} of its pictures clearly look like one of the classes to that network; of real ones {real}",
                       value=value, real=real_one)
        case "modes" if not measured[name]:
            return say("no class appears clearly among its pictures yet")
        case "modes" if name not in beside:
            return say("{value} classes appear among its pictures", value=value)
        case "modes" if measured[name] < beside[name]:
            return say("{value} of {classes} classes appear among its pictures: others are left out", value=value, classes=real_one)
        case "modes":
            return say("{value} of {classes} classes appear among its pictures", value=value, classes=real_one)
        case "as_asked":
            return say("{value} of its pictures show the class that was asked for; of real ones {real}", value=value, real=real_one)
        case "sample_precision":
            return say("{value} of its pictures lie among real ones: how believable they are; of real ones {real}", value=value,
                       real=real_one)
        case "sample_recall":
            return say("{value} of real pictures lie among its own: how varied they are; for real ones {real}", value=value,
                       real=real_one)
        case "gram":
            return say("the texture differs from the style's by {value} (Gram matrices; 0: the same)", value=value)
    return say("what is shown differs from the content picture by {value} (0: the same)", value=value)

