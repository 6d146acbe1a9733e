"""An estimator is kept as bytes that depend on it alone, and only what deepen itself writes is read back."""
import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
import torch
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from deepen.core.words import Problem
from deepen.nn import estimator
from deepen.nn.estimator import Estimator, loads


def data(count=60):
    x = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] + x[:, 1] > 0).long()


def test_probabilities_are_the_estimators():
    x, y = data()
    made = LogisticRegression()
    ours = Estimator(made, 2)
    ours.fit(x, y)
    theirs = LogisticRegression().fit(x.numpy(), y.numpy())
    assert np.allclose(ours.predict_proba(x), theirs.predict_proba(x.numpy()), atol=1e-6)
    assert (ours.predict(x).numpy() == theirs.predict(x.numpy())).all()


def test_before_learning_every_class_is_as_likely():
    assert torch.equal(Estimator(LogisticRegression(), 4).predict_proba(torch.zeros(2, 3)), torch.full((2, 4), 0.25))
    assert torch.equal(Estimator(Ridge(), None).predict(torch.zeros(2, 3)), torch.zeros(2))


def test_a_class_that_was_never_seen_has_no_chance():
    x, y = data()
    ours = Estimator(LogisticRegression(), 3)
    ours.fit(x, y * 2)                                  # classes 0 and 2
    p = ours.predict_proba(x)
    assert p.shape == (60, 3) and (p[:, 1] == 0).all() and torch.allclose(p.sum(1), torch.ones(60))


@pytest.mark.parametrize("make", [lambda: RandomForestClassifier(5, random_state=0), lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0),
                                  lambda: make_pipeline(StandardScaler(), LogisticRegression())])
def test_the_same_model_is_the_same_bytes(make):
    x, y = data()
    first, second = Estimator(make(), 2), Estimator(make(), 2)
    first.fit(x, y)
    second.fit(x, y)
    assert torch.equal(first.state_dict()["skops"], second.state_dict()["skops"])
    back = Estimator(make(), 2)
    back.load_state_dict(first.state_dict())
    assert torch.equal(back.predict_proba(x), first.predict_proba(x))
    assert torch.equal(back.state_dict()["skops"], first.state_dict()["skops"])


def test_unlearned_state_goes_round():
    empty = Estimator(LogisticRegression(), 2)
    assert len(empty.state_dict()["skops"]) == 0
    empty.load_state_dict(empty.state_dict())
    assert empty.kept is None


def test_state_holds_no_pickle():
    x, y = data()
    ours = Estimator(RandomForestClassifier(3), 2)
    ours.fit(x, y)
    with zipfile.ZipFile(io.BytesIO(ours.kept)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert name == "schema.json" or content.startswith(b"\x93NUMPY")
            if name != "schema.json":
                assert np.load(io.BytesIO(content), allow_pickle=False) is not None


def test_other_types_are_refused():
    x, _ = data()
    with pytest.raises(Problem, match=r"sklearn.cluster._kmeans.KMeans"):
        loads(skops.io.dumps(KMeans(2, n_init=1).fit(x.numpy())))
    with pytest.raises(Problem, match="refused"):
        loads(skops.io.dumps(make_pipeline(FunctionTransformer(np.sin), Ridge())))
    with pytest.raises(Problem, match="refused"):
        Estimator(Ridge(), None).load_state_dict(
            {"skops": torch.frombuffer(bytearray(skops.io.dumps(KMeans(2))), dtype=torch.uint8)})


def forged(change):
    """A learner whose schema somebody changed by hand."""
    x, y = data()
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(Ridge().fit(x.numpy(), y.numpy())))) as archive, zipfile.ZipFile(content, "w") as new:
        for name in archive.namelist():
            if name == "schema.json":
                schema = json.loads(archive.read(name))
                change(schema)
                new.writestr(name, json.dumps(schema))
            else:
                new.writestr(name, archive.read(name))
    return content.getvalue()


def test_forged_schemas_are_refused():
    loads(forged(lambda schema: None))                  # nothing changed: read

    def system(schema):
        schema["content"]["content"]["alpha"] = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": "x"}
    with pytest.raises(Problem, match=r"os\.system"):
        loads(forged(system))

    def method(schema):
        schema["content"]["content"]["alpha"]["__loader__"] = "MethodNode"
    with pytest.raises(Problem, match="refused"):
        loads(forged(method))

    def half(schema):
        schema["content"]["content"]["alpha"] = {"__loader__": "OperatorFuncNode"}
    with pytest.raises(Problem, match="refused"):
        loads(forged(half))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", bytes(100)])
def test_damaged_bytes_are_one_sentence(content):
    with pytest.raises(Problem, match="cannot be read"):
        loads(content)


def test_another_version_is_one_sentence():
    def older(schema):
        for part in (schema["content"]["content"]["_sklearn_version"],):
            part["content"] = json.dumps("0.24.0")
    with pytest.raises(Problem, match="written by another scikit-learn"):
        loads(forged(older))


def test_a_file_that_unfolds_too_far_is_refused(monkeypatch):
    monkeypatch.setattr(estimator, "LARGEST", 1000)
    with pytest.raises(Problem, match="unfolds"):
        loads(forged(lambda schema: None))


def test_what_scikit_learn_refuses_is_one_sentence():
    x, _ = data()
    with pytest.raises(Problem, match="cannot learn these rows"):
        Estimator(LogisticRegression(), 2).fit(x, torch.zeros(60).long())
