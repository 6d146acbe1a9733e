"""A scikit-learn estimator as a thing deepen can train, judge and keep: tensors in, tensors out, no pickle."""
import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import skops.io
import torch
from torch import Tensor

from deepen.core.words import Problem

# all a file may hold: whatever else it names is refused before anything is made of it
_ALLOWED = {
    "builtins": ("bool", "dict", "float", "int", "list", "slice", "str", "tuple"),
    "functools": ("partial",),
    "numpy": ("bool", "dtype", "float32", "float64", "int32", "int64", "ndarray", "uint8", "uint32", "uint64"),
    "numpy.random._generator": ("Generator",),
    "numpy.random.mtrand": ("RandomState",),
    "sklearn._loss._loss": ("CyHalfBinomialLoss", "CyHalfMultinomialLoss", "CyHalfSquaredError"),
    "sklearn._loss.link": ("IdentityLink", "Interval", "LogitLink", "MultinomialLogit"),
    "sklearn._loss.loss": ("HalfBinomialLoss", "HalfMultinomialLoss", "HalfSquaredError"),
    "sklearn.calibration": ("CalibratedClassifierCV", "_CalibratedClassifier", "_TemperatureScaling"),
    "sklearn.compose._column_transformer": ("ColumnTransformer",),
    "sklearn.compose._target": ("TransformedTargetRegressor",),
    "sklearn.ensemble._forest": ("RandomForestClassifier", "RandomForestRegressor"),
    "sklearn.ensemble._hist_gradient_boosting.binning": ("_BinMapper",),
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
        "HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.frozen._frozen": ("FrozenEstimator",),
    "sklearn.impute._base": ("SimpleImputer",),
    "sklearn.linear_model._logistic": ("LogisticRegression",),
    "sklearn.linear_model._ridge": ("Ridge",),
    "sklearn.naive_bayes": ("GaussianNB", "MultinomialNB"),
    "sklearn.pipeline": ("Pipeline",),
    "sklearn.preprocessing._data": ("StandardScaler",),
    "sklearn.preprocessing._discretization": ("KBinsDiscretizer",),
    "sklearn.preprocessing._encoders": ("OneHotEncoder", "OrdinalEncoder"),
    "sklearn.preprocessing._function_transformer": ("FunctionTransformer",),
    "sklearn.preprocessing._label": ("LabelEncoder",),
    "sklearn.svm._classes": ("SVC", "SVR"),
    "sklearn.tree._classes": ("DecisionTreeClassifier", "DecisionTreeRegressor"),
    "sklearn.tree._tree": ("Tree",),
    "sklearn.utils.validation": ("check_array",),
}
TYPES = frozenset(f"{module}.{name}" for module, names in _ALLOWED.items() for name in names)
LOADERS = frozenset(f"{name}Node" for name in (
    "Cached", "DType", "Dict", "Function", "Json", "List", "Loss", "NdArray", "Object", "Partial", "RandomGenerator",
    "RandomState", "Slice", "Tree", "Tuple", "Type"))
FUNCTIONS = frozenset(("sklearn.utils.validation.check_array",))        # boosting calls it before it sorts categories
LARGEST = 4 << 30       # bytes a file may unfold to


class Estimator:
    """`made` is any scikit-learn estimator of the types above; `classes` is their number, None where it tells numbers.

    An estimator that has not learned yet answers too: every class is as likely as another, every number is 0."""

    def __init__(self, made, classes: int | None):
        self.made, self.classes, self.learned = made, classes, False
        self._kept: bytes | None = None                     # made once: the same model is the same bytes

    def fit(self, x: Tensor, y: Tensor, **more) -> None:
        """Learn from x (N, columns), NaN where missing, and y (N,). `more` as scikit-learn's own `fit` takes it.
        `Problem` where the estimator refuses."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                 # remarks for those who write Python with scikit-learn
            try:
                self.made.fit(x.cpu().numpy(), y.cpu().numpy(), **more)
            except ValueError as error:                     # too few rows of a class for its inner validation, …
                raise Problem("this learner cannot learn these rows ({reason}); take another learner, or leave out "
                              "classes with few rows", reason=str(error).splitlines()[0]) from None
        self.replace(self.made)

    def replace(self, made) -> None:
        """Answer with another estimator that has learned."""
        self.made, self.learned, self._kept = made, True, None

    @property
    def kept(self) -> bytes | None:
        """A skops file of what was learned; None before."""
        if self.learned and self._kept is None:
            self._kept = _dumps(self.made)
        return self._kept

    def predict_proba(self, x: Tensor) -> Tensor:
        """Probabilities float32 (N, classes); 0 for a class it never saw."""
        classes = self.classes or 0
        if not self.learned:
            return torch.full((len(x), classes), 1 / classes)
        p = torch.zeros(len(x), classes)
        p[:, torch.from_numpy(self.made.classes_.astype(np.int64))] = torch.from_numpy(
            self.made.predict_proba(x.cpu().numpy()).astype(np.float32))
        return p

    def predict(self, x: Tensor) -> Tensor:
        """Class numbers int64 (N,), or numbers float32 (N,)."""
        if self.classes is not None:
            return self.predict_proba(x).argmax(1)
        if not self.learned:
            return torch.zeros(len(x))
        return torch.from_numpy(self.made.predict(x.cpu().numpy()).astype(np.float32))

    def state_dict(self) -> dict[str, Tensor]:
        """{"skops": uint8 (bytes,)}: the learned estimator as a skops file; empty before it learned."""
        return {"skops": torch.frombuffer(bytearray(self.kept or b"\0"), dtype=torch.uint8)[: len(self.kept or b"")]}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Put back what `state_dict` gave. `Problem` where it names a type that is not in TYPES."""
        kept = state["skops"].cpu().numpy().tobytes()
        if kept:
            self.replace(loads(kept))
            self._kept = kept


def loads(content: bytes):
    """A skops file -> its estimator, made of TYPES alone."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                raise Problem("the learner unfolds to more than {limit} GB and is refused", limit=LARGEST >> 30)
            named = set(_types(json.loads(archive.read("schema.json"))))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise Problem("the learner cannot be read ({reason}); train it again", reason=error) from None
    strange = sorted(name for name, loader in named if name not in TYPES or loader not in LOADERS
                     or (loader == "FunctionNode") != (name in FUNCTIONS))
    if strange:
        raise Problem("the learner holds {names}, which no learner of deepen has, and is refused", names=", ".join(strange))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)         # scikit-learn warns of a file of another version
        try:
            return skops.io.loads(content, trusted=sorted({name for name, _ in named}))
        except (ValueError, TypeError, AttributeError, KeyError, ImportError, UserWarning) as error:
            import sklearn
            raise Problem("the learner was written by another scikit-learn than the {version} here ({reason}); train it "
                          "again, or install that one", version=sklearn.__version__,
                          reason=str(error).splitlines()[0][:200]) from None


def _types(node: Any) -> Iterator[tuple[str, str]]:
    """(type, loader) of every object a skops schema names."""
    if isinstance(node, dict):
        if "__loader__" in node or "__class__" in node or "__module__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}", str(node.get("__loader__"))
        for part in node.values():
            yield from _types(part)
    elif isinstance(node, list):
        for part in node:
            yield from _types(part)


def _dumps(made) -> bytes:
    """A skops file that depends on the estimator alone: objects are numbered in order instead of by their addresses,
    and no time is written. Packed, which makes a forest a tenth as large."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(made))) as archive:
        schema = json.loads(archive.read("schema.json"))
        numbers: dict[int, int] = {}

        def number(node):
            if isinstance(node, dict):
                if "__id__" in node:
                    node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
                if isinstance(node.get("file"), str):
                    node["file"] = files.setdefault(node["file"], f"{len(files) + 1}.npy")
                for part in node.values():
                    number(part)
            elif isinstance(node, list):
                for part in node:
                    number(part)
        files: dict[str, str] = {}
        number(schema)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for before, now in files.items():
                new.writestr(zipfile.ZipInfo(now), archive.read(before), zipfile.ZIP_DEFLATED)
            new.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
