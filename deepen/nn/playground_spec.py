"""Spec: everything that decides a Playground experiment, as plain data; and as a link that Playground itself opens."""
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from deepen.core.recipe import Rate, _field, checked
from deepen.core.words import Problem
from deepen.nn.playground_data import FEATURES, NUMBERS, PLAYGROUND, SETS

ADDRESS = "https://playground.tensorflow.org/"
Set = Literal["circle", "xor", "gauss", "spiral", "plane", "cones", "moons", "checker", "rings", "blobs", "four", "own"]
Feature = Literal["x1", "x2", "x1x1", "x2x2", "x1x2", "sinx1", "sinx2", "cosx1", "cosx2", "absx1", "absx2", "radius"]
Activation = Literal["linear", "relu", "tanh", "sigmoid", "leaky", "elu", "gelu", "softplus", "sine", "step"]
Loss = Literal["squared", "logistic", "softmax"]
Optimizer = Literal["sgd", "momentum", "adam"]
Penalty = Literal["none", "l1", "l2"]
Init = Literal["playground", "zero", "xavier", "he"]
Points = Annotated[int, _field(ge=0, le=5000)]
Width = Annotated[int, _field(ge=1, le=64)]
Batch = Annotated[int, _field(ge=1, le=512)]
Noise = Annotated[float, _field(ge=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, _field(ge=0.01, le=0.99, allow_inf_nan=False)]
Drop = Annotated[float, _field(ge=0, le=0.9, allow_inf_nan=False)]
Classes = Annotated[int, _field(ge=0, le=6)]
SEED = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True)
class Spec:
    """An experiment. As it stands it is Playground's first page: its data, net, order of random numbers and rules."""
    data: Set = "circle"                            # the points; own: those in `points`
    count: Points = 0                               # points in all (0: 500, 1200 where the target is a number)
    noise: Noise = 0.0                              # Playground's slider / 100
    share: Share = 0.5                              # of the points is learned from, the others test
    classes: Classes = 2                            # of rings, blobs and own (0: own numbers)
    seed: str = "0.5"                               # of the points
    points: tuple[tuple[float, float, float], ...] = ()     # own: x1, x2 and a class 0, 1, … or a number
    features: tuple[Feature, ...] = ("x1", "x2")    # what goes in
    layers: tuple[Width, ...] = (4, 2)              # neurons of each hidden layer
    activation: tuple[Activation, ...] = ("tanh",)  # of the hidden layers: one for all, or one each
    bias: bool = True                               # no: tanh nets become odd, f(−x) = −f(x), as the spiral is
    drop: tuple[Drop, ...] = (0.0,)                 # share of silent neurons: one for all hidden layers, or one each
    init: Init = "playground"                       # first weights: U(−½, ½) and biases 0.1; 0; by the layers' widths
    start: str = ""                                 # seed of the first weights ("": the points' stream goes on)
    loss: Loss = "squared"                          # squared: ½(out − t)², t ±1 or a number; logistic; softmax
    optimizer: Optimizer = "sgd"                    # momentum 0.9; adam 0.9, 0.999
    lr: Rate = 0.03                                 # learning rate
    batch: Batch = 10                               # points a step
    penalty: Penalty = "none"                       # on weights, as a second step; l1 kills a weight that crosses 0
    penalty_rate: Rate = 0.0                        # its λ
    shuffle: bool = False                           # a new order each epoch
    carry: bool = True                              # points after the last full batch wait for the next epoch's first
    view: dict[str, str] = field(default_factory=dict)      # keys of a link that change no number: what is shown, hidden

    def __post_init__(self):
        for name, value in checked(Spec, vars(self)).items():
            object.__setattr__(self, name, value)
        if len(self.layers) > 12:
            raise Problem("{count} hidden layers are too many; at most {limit} are possible",
                          count=len(self.layers), limit=12)
        for name, given in (("activation", self.activation), ("drop", self.drop)):
            if len(given) not in (1, len(self.layers)):
                raise Problem("{name} has {count} values for {layers} hidden layers; give one, or one for each",
                              name=name, count=len(given), layers=len(self.layers))
        if len(self.points) > 5000 or len(set(self.features)) < len(self.features):
            raise Problem("a Playground holds at most 5,000 points, and each feature once")
        if self.classes == 1 or (not self.classes and self.data != "own"):
            raise Problem("{count} classes are not possible; give 2 to 6", count=self.classes)
        if self.numbers and self.loss != "squared":
            raise Problem("the target is a number, and {loss} is a loss for classes; take loss=squared", loss=self.loss)
        if not SEED.fullmatch(self.seed) or not SEED.fullmatch(self.start or "0"):
            raise Problem("a seed has 1 to 64 letters, digits or . + - @; {seed} was given",
                          seed=f"{self.seed} {self.start}".strip())
        if len(self.view) > 60 or any(len(key) + len(value) > 200 for key, value in self.view.items()):
            raise Problem("the link holds more than a Playground can show")

    @property
    def numbers(self) -> bool:
        """Is the target a number?"""
        return self.data in NUMBERS or (self.data == "own" and self.classes == 0)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Spec":
        """From plain values (JSON, TOML) or text; `Problem` for an unknown key and for what is not possible."""
        return cls(**checked(cls, values))

    def to_dict(self, short: bool = False) -> dict[str, Any]:
        """As plain values; `short`: only what differs from the default."""
        usual = Spec()
        return {name: _plain(value) for name, value in vars(self).items() if not short or value != getattr(usual, name)}

    @classmethod
    def from_link(cls, text: str) -> "Spec":
        """From a pasted link (or what follows its #), read as Playground reads it: what it does not know is ignored,
        numbers that are none too. Keys `deepen.…` hold what Playground has no word for."""
        if len(text) > 300_000:
            raise Problem("the link is too long to be one of a Playground")
        pairs = (part.split("=") for part in text.strip().rpartition("#")[2].split("&"))
        given = {key: rest[0] for key, *rest in pairs if rest}
        spec = cls(**_read(given))
        ours = {key.removeprefix("deepen."): value for key, value in given.items() if key.startswith("deepen.")}
        names = {f.name for f in fields(cls)} - {"view"}
        more: dict[str, Any] = {key: value for key, value in ours.items() if key in names}
        if "points" in more:
            more["points"] = [tuple(row.split(",")) for row in more["points"].split(";") if row]
        return replace(spec, **checked(cls, more))

    def to_link(self) -> str:
        """A link that Playground opens, with what it has no word for in keys that it passes over."""
        keys = _written(self)
        plain = Spec(**_read(keys))
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name != "view" and value != getattr(plain, f.name):
                rows = value if f.name == "points" else [value if isinstance(value, tuple) else (value,)]
                keys[f"deepen.{f.name}"] = ";".join(",".join(map(_text, row)) for row in rows)
        return ADDRESS + "#" + "&".join(f"{key}={value}" for key, value in keys.items())


PRESETS: dict[str, dict[str, Any]] = {
    "playground": {},
    "better": {"shuffle": True, "carry": False, "optimizer": "adam", "loss": "logistic", "lr": 0.01, "init": "xavier"},
    "spiral": {"data": "spiral", "layers": (8, 8), "bias": False, "loss": "logistic", "optimizer": "adam", "lr": 0.01,
               "penalty": "l2", "penalty_rate": 0.0003, "shuffle": True, "carry": False}}


def preset(name: str, **changes) -> Spec:
    """A Spec by name: playground, better (the same data, learned as one would today) or spiral."""
    if name not in PRESETS:
        raise Problem("there is no preset {name}; there are: {names}", name=name, names=", ".join(PRESETS))
    return Spec(**{**PRESETS[name], **changes})


def _plain(value):
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return dict(value) if isinstance(value, dict) else value


def _text(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


# Playground's 27 keys

FEATURE_KEYS = {"x": "x1", "y": "x2", "xTimesY": "x1x2", "xSquared": "x1x1", "ySquared": "x2x2", "cosX": None,
                "sinX": "sinx1", "cosY": None, "sinY": "sinx2"}
WORDS = {"activation": {name: name for name in ("relu", "tanh", "sigmoid", "linear")},
         "regularization": {"none": "none", "L1": "l1", "L2": "l2"},
         "dataset": {name: name for name in ("circle", "xor", "gauss", "spiral")},
         "regDataset": {"reg-plane": "plane", "reg-gauss": "cones"},
         "problem": {"classification": "classification", "regression": "regression"}}
NUMBER_KEYS = (("learningRate", "lr", 1), ("regularizationRate", "penalty_rate", 1), ("batchSize", "batch", 1),
               ("percTrainData", "share", 100), ("noise", "noise", 100))
SHOWN = ("showTestData", "discretize", "collectStats", "tutorial", "hideText", "cosX", "cosY")


def _read(given: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a Spec that Playground's keys ask for."""
    has = {key: value for key, value in given.items() if value.strip()}
    word = {key: known[has[key]] for key, known in WORDS.items() if has.get(key) in known}
    found: dict[str, Any] = {"view": {key: has[key] for key in SHOWN if has.get(key, "false") != "false"}}
    hidden = {key: value == "true" for key, value in given.items() if key.endswith("_hide")}
    found["view"] |= {key: _text(value) for key, value in hidden.items()}
    asked, other = ("regDataset", "dataset") if word.get("problem") == "regression" else ("dataset", "regDataset")
    found["data"] = word.get(asked, "plane" if asked == "regDataset" else "circle")
    if word.get(other, "circle") not in ("circle", "plane"):
        found["view"][other] = has[other]
    if "activation" in word:
        found["activation"] = (word["activation"],)
    if "regularization" in word:
        found["penalty"] = word["regularization"]
    for key, name, scale in NUMBER_KEYS:
        number = _number(has.get(key, ""))
        if number is not None:
            found[name] = number / scale
    if "noise" in found:
        found["noise"] = 0.5 if found["noise"] > 0.8 else max(0.0, found["noise"])
    if not found.get("batch", 1.0).is_integer():
        del found["batch"]
    if "networkShape" in given:
        shape = [_number(part) for part in given["networkShape"].split(",")] if "networkShape" in has else []
        if None not in shape:
            found["layers"] = tuple(int(number) for number in shape)
    if "seed" in has:
        found["seed"] = has["seed"]
    on = {name for key, name in FEATURE_KEYS.items() if not hidden.get(f"{key}_hide")
          and has.get(key, _text(name in ("x1", "x2"))) != "false"}
    found["features"] = tuple(name for name in PLAYGROUND if name in on)
    if has.get("initZero", "false") != "false":
        found["init"] = "zero"
    return found


def _number(text: str) -> Any:
    """The number that a text is, or None."""
    return float(text) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text) else None


def _written(spec: Spec) -> dict[str, str]:
    """Playground's keys for what it can express of a Spec, in its order."""
    words = {key: {ours: theirs for theirs, ours in known.items()} for key, known in WORDS.items()}
    view = {"showTestData": "false", "discretize": "false", "collectStats": "false", "hideText": "false", **spec.view}
    keys = {"activation": words["activation"].get(spec.activation[0], "tanh"),
            "regularization": words["regularization"][spec.penalty], "batchSize": _text(spec.batch),
            "dataset": words["dataset"].get(spec.data, view.pop("dataset", "circle")),
            "regDataset": words["regDataset"].get(spec.data, view.pop("regDataset", "reg-plane")),
            "learningRate": _text(spec.lr), "regularizationRate": _text(spec.penalty_rate),
            "noise": _text(round(spec.noise * 100, 10)), "networkShape": ",".join(map(str, spec.layers)),
            "seed": spec.seed,
            "showTestData": view.pop("showTestData"), "discretize": view.pop("discretize"),
            "percTrainData": _text(round(spec.share * 100, 10))}
    for key, name in FEATURE_KEYS.items():
        keys[key] = _text(name in spec.features) if name else view.pop(key, "false")
    keys |= {key: view.pop(key) for key in ("collectStats", "tutorial") if key in view}
    keys |= {"problem": "regression" if spec.numbers else "classification", "initZero": _text(spec.init == "zero")}
    return keys | {key: value for key, value in view.items() if key not in keys}


assert {*SETS, "own"} == set(Set.__args__) and set(FEATURES) == set(Feature.__args__)     # type: ignore[attr-defined]
