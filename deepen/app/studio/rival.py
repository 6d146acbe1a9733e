"""A classical learner on the points of a Playground: what an SVM or a tree says over the plane, to see beside the net."""
import base64
from typing import Any

import numpy as np

from deepen.core.words import Problem
from deepen.nn.playground_data import Points

SIDE = 100
KINDS = ("svm", "tree", "forest", "neighbours", "line")


def field(kind: str, data: Points) -> dict[str, Any]:
    """{kind, side, field (bytes in base64, as in frames), train, test}: accuracy of classes, mean ½(out − t)² of numbers."""
    if kind not in KINDS:
        raise Problem("there is no learner {learner}; choose one of {names}", learner=str(kind)[:20], names=", ".join(KINDS))
    learner = _make(kind, bool(data.classes)).fit(data.x, data.t)
    line = np.linspace(-6, 6, SIDE)
    x1, x2 = np.meshgrid(line, line[::-1])
    said = learner.predict(np.stack([x1.ravel(), x2.ravel()], 1))
    told = said.astype(np.uint8) if data.classes > 2 else np.clip((2 * said - 1 if data.classes else said) * 127.5 + 128, 0, 255).astype(np.uint8)

    def judged(x, t):
        return float((learner.predict(x) == t).mean()) if data.classes else float(0.5 * ((learner.predict(x) - t) ** 2).mean())
    return {"kind": kind, "side": SIDE, "field": base64.b64encode(told.tobytes()).decode(), "classes": data.classes,
            "train": judged(data.x, data.t), "test": judged(data.test_x, data.test_t)}


def _make(kind: str, classes: bool):
    from sklearn import ensemble, linear_model, neighbors, svm, tree
    makers = {"svm": (svm.SVC, svm.SVR, {}), "tree": (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor, {"random_state": 0}),
              "forest": (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor, {"n_estimators": 50, "random_state": 0}),
              "neighbours": (neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor, {}),
              "line": (linear_model.LogisticRegression, linear_model.LinearRegression, {})}
    classifier, regressor, more = makers[kind]
    return (classifier if classes else regressor)(**more)
