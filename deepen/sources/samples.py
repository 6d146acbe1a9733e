"""Four small tables that come with scikit-learn: they need no download."""
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Row
from deepen.core.recipe import Fraction
from deepen.core.words import Problem, say
from deepen.sources._split import split


def iris(valid: Fraction = 0.1,             # share of the rows held out for validation
         test: Fraction = 0.2,              # share held out for the test
         seed: int = 0) -> Data:            # of the shares
    """150 iris flowers: four lengths and widths in cm, three species (R. A. Fisher, 1936)."""
    table = _numbers("iris.csv", skip=1)                                                # (150, 4 + 1)
    names = ("sepal length", "sepal width", "petal length", "petal width")
    return _data("iris", table[:, :4], table[:, 4], names, Label(("setosa", "versicolor", "virginica")), valid, test, seed)


def wine(valid: Fraction = 0.1,             # share of the rows held out for validation
         test: Fraction = 0.2,              # share held out for the test
         seed: int = 0) -> Data:            # of the shares
    """178 wines of three growers, told apart by 13 chemical measurements (M. Forina et al., UCI, 1991)."""
    table = _numbers("wine_data.csv", skip=1)                                           # (178, 13 + 1)
    names = ("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "phenols", "flavanoids",
             "nonflavanoid phenols", "proanthocyanins", "colour intensity", "hue", "OD280/OD315", "proline")
    return _data("wine", table[:, :13], table[:, 13], names, Label(("grower 0", "grower 1", "grower 2")), valid, test, seed)


def cancer(valid: Fraction = 0.1,           # share of the rows held out for validation
           test: Fraction = 0.2,            # share held out for the test
           seed: int = 0) -> Data:          # of the shares
    """569 breast tumours, malignant or benign, by 30 measurements of their cells (W. Wolberg et al., UCI, 1995)."""
    table = _numbers("breast_cancer.csv", skip=1)                                       # (569, 30 + 1)
    measured = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points",
                "symmetry", "fractal dimension")
    names = tuple(f"{how} {what}" for how in ("mean", "error of", "worst") for what in measured)
    return _data("cancer", table[:, :30], table[:, 30], names, Label(("malignant", "benign")), valid, test, seed)


def diabetes(valid: Fraction = 0.1,         # share of the rows held out for validation
             test: Fraction = 0.2,          # share held out for the test
             seed: int = 0) -> Data:        # of the shares
    """442 patients: ten measurements, and how far their diabetes had gone a year later (B. Efron et al., 2004)."""
    inputs = _numbers("diabetes_data_raw.csv.gz", " ")                                  # (442, 10)
    target = _numbers("diabetes_target.csv.gz", " ")                                    # (442,) 25…346
    names = ("age", "sex", "body mass index", "blood pressure", "total cholesterol", "LDL", "HDL",
             "cholesterol/HDL", "log triglycerides", "blood sugar")
    return _data("diabetes", inputs, target, names, Number("progression"), valid, test, seed)


def _data(name: str, inputs: np.ndarray, target: np.ndarray, names: tuple[str, ...], kind: Label | Number,
          valid: float, test: float, seed: int) -> Data:
    answers = torch.from_numpy(target.astype(np.int64 if isinstance(kind, Label) else np.float32))
    examples = Examples(torch.from_numpy(inputs.astype(np.float32)), answers)
    said = (say("{name} has no official test split: {test:.0%} of it was held out by seed {seed}", name=name, test=test,
                seed=seed),) if test > 0 else ()
    return Data(split(examples, valid, test, seed), Row(names, (None,) * len(names)), kind,
                origin=f"{name}(valid={valid:g}, test={test:g}, seed={seed})", said=said)


def _numbers(file: str, delimiter: str = ",", skip: int = 0) -> np.ndarray:
    home = find_spec("sklearn")         # found, not imported: importing it takes longer than everything else here
    if home is None:
        raise Problem("{file} comes with scikit-learn, which is not installed; run: pip install scikit-learn", file=file)
    path = Path(str(home.origin)).parent.joinpath("datasets", "data", file)
    if not path.exists():
        raise Problem("this scikit-learn does not carry {path}; install scikit-learn 1.3 or newer", path=path)
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if file.endswith(".gz") else raw).decode("ascii")
    return np.loadtxt(text.splitlines(), delimiter=delimiter, skiprows=skip)
