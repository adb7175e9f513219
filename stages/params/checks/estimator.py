"""Checks of a recipe of a scikit-learn estimator, before there are data."""

import inspect
import tempfile
import warnings
from pathlib import Path

import numpy as np
import sklearn.dummy
import sklearn.linear_model
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier

from stages.datasets.spec import spec_of
from stages.params.checks.specs import check_spec
from stages.params.messages import plain, unknown
from stages.training import estimators
from stages.training.objects import arguments_of
from stages.training.recipe import Recipe

ROWS, COLUMNS = 60, 8
"""Of the made-up data."""

MAX_ITER = 10
"""Of the trial: a recipe may ask for any number."""


def check_estimator(recipe: Recipe, classes: int, place: str) -> None:
    """Fit the estimator on made-up rows, save and load it, to find mistakes before anything trains.

    classes: 0 for a quantity; place: `variants.<name>`. Raises: ValueError.
    """
    spec = recipe["estimator"]
    own = f"{place}.estimator"
    module = estimators.module_of(spec["class"])
    if not hasattr(module, spec["class"]):
        raise ValueError(unknown(f"{own}.class", _fitting(classes), spec["class"]))
    check_spec(module, spec, own, {})
    estimator = estimators.build_estimator(recipe, recipe["seed"], place)
    arguments = arguments_of(spec)
    try:
        estimator._validate_params()  # what `fit` checks first
    except ValueError as error:
        raise ValueError(f"{own}: expected arguments that it takes, got {arguments} ({plain(error)})") from None
    if is_classifier(estimator) != (classes > 0):
        raise ValueError(f"{own}.class: expected a {'classifier' if classes else 'regressor'}, got {spec['class']}")
    if "cross_validation" in recipe and not classes:
        raise ValueError(f"{place}.cross_validation: expected a classifier beside it, got {spec['class']}")
    folds, counts = recipe.get("cross_validation", 0), spec_of(recipe["dataset"]).class_counts
    if counts and folds > min(counts):
        expected = f"at most {min(counts)} folds, as many as the data set has rows of its rarest class"
        raise ValueError(f"{place}.cross_validation: expected {expected}, got {folds}")
    if classes and not hasattr(estimator, "predict_proba"):
        raise ValueError(f"{own}: expected a classifier that gives probabilities, got {arguments}")
    _check_fitted(estimator, classes, own)


def _fitting(classes: int) -> list[str]:
    """Name the classes that a variant may name."""
    kind = ClassifierMixin if classes else RegressorMixin
    return [
        name
        for module in (sklearn.dummy, sklearn.linear_model)
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, kind) and not name.startswith("Multi")
        if not classes or hasattr(each, "predict_proba")
    ]


def _check_fitted(estimator: BaseEstimator, classes: int, place: str) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    y = np.arange(ROWS, dtype=np.int32) % classes if classes else x.sum(axis=1)
    if isinstance(estimator.get_params().get("max_iter"), int):
        estimator.set_params(max_iter=min(estimator.max_iter, MAX_ITER))
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = estimators.predict(estimator.fit(x, y), x)
            estimators.save_estimator(estimator, Path(folder))
            loaded = estimators.predict(estimators.load_estimator(Path(folder)), x)
    except Exception as error:  # whatever a class makes of its arguments or of what was saved
        expected = "an estimator that can be fitted, saved and loaded"
        raise ValueError(f"{place}: expected {expected}, got {type(estimator).__name__} ({plain(error)})") from None
    if predicted.shape != (ROWS, classes if classes > 2 else 1) or not np.array_equal(predicted, loaded):
        expected = "an estimator that predicts the same when it is loaded"
        raise ValueError(f"{place}: expected {expected}, got {type(estimator).__name__}")
