"""Checks of a recipe's classes and arguments: by name, by value, and by building the model without data.

Keras itself checks few values, or only when it is too late. Mistakes raise ValueError, which names the place in
`params.yaml` as `-S` takes it, what was expected and what came.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from pydantic import TypeAdapter, ValidationError

from stages.params.checks.specs import check_spec
from stages.params.messages import MAX_SHOWN, sentence, shown, unknown
from stages.params.schema import Positive, explain
from stages.training import builder, graphs, schedules
from stages.training.data import targets_of
from stages.training.objects import arguments_of, build
from stages.training.recipe import Recipe, Spec, layers_of, losses_of

MAX_PARAMETERS = 10**8
"""A typing mistake makes more. With their gradients and an optimizer's moments these take 1.6 GB."""

COLUMNS = ("split", "seed", "epoch", "loss", "learning_rate")
"""Columns of every history: no metric can be called so."""


def check_optimizer(spec: Spec, place: str) -> keras.optimizers.Optimizer:
    """Check an optimizer by building it, and return it."""
    if "decay" in spec:
        # Keras ignores it with a warning, and the rate would stay constant.
        raise ValueError(f"{place}.decay: expected a schedule as the learning_rate, got decay")
    check_spec(keras.optimizers, spec, place, builder.NESTED)
    built = builder.build_optimizer(spec, place)
    try:
        has_rate = "learning_rate" in built.get_config()
    except NotImplementedError:  # LearningRateSchedule, the base of the schedules
        raise ValueError(f"{place}.learning_rate.class: expected a schedule, got {shown(spec)}") from None
    if type(built) is keras.optimizers.Optimizer or not has_rate:  # the base, a container
        expected = "an optimizer with a rule and a learning rate of its own"
        raise ValueError(f"{place}.class: expected {expected}, got {spec['class']}")
    return built


def with_learning_rate(spec: Spec, place: str) -> Spec:
    """Write the class's own learning rate where none is given, so that naming it changes no recipe."""
    rate = check_optimizer(spec, place).get_config()["learning_rate"]
    if "learning_rate" in spec or not isinstance(rate, float):
        return spec
    return {"class": spec["class"], **dict(sorted({**arguments_of(spec), "learning_rate": round(rate, 9)}.items()))}


def check_model(recipe: Recipe, row_shape: tuple[int, ...], classes: int, has_validation: bool, place: str) -> None:
    """Build everything that the recipe names, without data, to find its mistakes before anything trains.

    row_shape: of the data, without the batch; classes: how many the data set has, 0 for a quantity; has_validation:
    whether its split has such rows; place: `variants.<name>`.
    """
    for layer_place, spec in layers_of(recipe):
        once = {key: value for key, value in spec.items() if key != "repeat"}
        check_spec(keras.layers, once, f"{place}.{layer_place}", builder.NESTED, given=("name",))
    if "graph" in recipe:
        check_spec(graphs, recipe["graph"], f"{place}.graph", builder.NESTED, given=("inputs",))
    try:
        with keras.StatelessScope(initialize_variables=False):  # shapes alone: no weight takes memory or is drawn
            model = builder.build_model(recipe, row_shape, place)
    finally:
        keras.utils.clear_session()  # or the next scope to end would draw them
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer) and not layer._outbound_nodes:
            raise ValueError(
                f"{place}.inputs.{layer.name}: expected an input that the graph uses, got one that it ignores"
            )
    if len(model.output_names) > 1 and model.output_names[0] != "main":
        expected = "several outputs whose layers are called as the outputs, main first"
        raise ValueError(f"{place}.graph: expected {expected}, got {', '.join(model.output_names)}")
    if model.count_params() > MAX_PARAMETERS:
        got = f"{model.count_params():,}"
        raise ValueError(f"{place}: expected a model of at most {MAX_PARAMETERS:,} parameters, got {got}")
    _check_losses_and_metrics(recipe, model, place)
    _check_outputs(recipe, model, classes, place)
    _check_measures(recipe, model, classes, place)
    builder.compile_model(model, recipe, place)
    _check_callbacks(recipe, has_validation, place)


def _check_losses_and_metrics(recipe: Recipe, model: keras.Model, place: str) -> None:
    outputs = model.output_names
    several = len(outputs) > 1
    if "class" not in recipe["loss"] and set(recipe["loss"]) != set(outputs):
        expected = f"one loss, or one for each of {', '.join(outputs)}" if several else "one loss"
        raise ValueError(f"{place}.loss: expected {expected}, got {shown(recipe['loss'])}")
    for output, loss in losses_of(recipe, outputs).items():
        own = f"{place}.loss" if "class" in recipe["loss"] else f"{place}.loss.{output}"
        check_spec(keras.losses, loss, own, builder.NESTED)
    for name, metric in recipe.get("metrics", {}).items():
        if name in COLUMNS or name.startswith("val_"):
            expected = f"a name that no history has for itself ({', '.join(COLUMNS)}, val_…)"
            raise ValueError(f"{place}.metrics.{name}: expected {expected}, got {name!r}")
        check_spec(keras.metrics, metric, f"{place}.metrics.{name}", builder.NESTED, given=("name",))
    weights = recipe.get("loss_weights")
    if weights is not None and (not several or set(weights) != set(outputs)):
        expected = f"one weight for each of {', '.join(outputs)}" if several else "several outputs"
        raise ValueError(f"{place}.loss_weights: expected {expected}, got {weights}")


def _check_form_of_targets(metric: str, losses: Mapping[str, Spec], place: str) -> None:
    """Check that a metric of classes takes the targets that the loss has: numbers of classes, or one-hot rows."""
    sparse = all(loss["class"].startswith("Sparse") for loss in losses.values())
    plain = metric.removeprefix("Sparse")
    if plain in ("CategoricalAccuracy", "CategoricalCrossentropy", "TopKCategoricalAccuracy"):
        fits = f"Sparse{plain}" if sparse else plain
        if metric != fits:
            loss = next(iter(losses.values()))["class"]
            raise ValueError(f"{place}: expected {fits} beside {loss}, got {metric}")


def _check_outputs(recipe: Recipe, model: keras.Model, classes: int, place: str) -> None:
    for (name, loss), output in zip(losses_of(recipe, model.output_names).items(), model.outputs, strict=True):
        own = f"{place}.loss.class" if "class" in recipe["loss"] else f"{place}.loss.{name}.class"
        categorical = re.fullmatch("(Sparse)?Categorical.*Crossentropy", loss["class"]) is not None
        if classes > 2 and not categorical:
            got = loss["class"]
            raise ValueError(f"{own}: expected a categorical cross-entropy for {classes} classes, got {got}")
        if classes == 0 and re.search("Categorical|Cross[eE]ntropy", loss["class"]):
            raise ValueError(f"{own}: expected the loss of a quantity, got {loss['class']}")
        if not categorical and loss["class"].startswith("Categorical"):
            raise ValueError(f"{own}: expected a cross-entropy or a loss of one output, got {loss['class']}")
        units = classes if categorical else 1
        if output.shape != (None, units):
            kind = "layers" if "layers" in recipe else "graph"
            expected = f"an output of {units} for each row"
            raise ValueError(f"{place}.{kind}: expected {expected}, got shape {output.shape[1:]}")


def _check_measures(recipe: Recipe, model: keras.Model, classes: int, place: str) -> None:
    """Compare predictions of two rows with targets: the losses and the metrics must take them, and give one number."""
    outputs = model.output_names
    y = np.arange(2, dtype=np.int32 if classes else np.float32)
    targets = targets_of(recipe, y, model)
    each_target = targets if isinstance(targets, tuple) else (targets,)
    for (name, loss), target, output in zip(
        losses_of(recipe, outputs).items(), each_target, model.outputs, strict=True
    ):
        predictions = np.full((2, *output.shape[1:]), 0.5, dtype=np.float32)
        loss_place = f"{place}.loss" if "class" in recipe["loss"] else f"{place}.loss.{name}"
        _measure(build(keras.losses, loss, loss_place, builder.NESTED), target, predictions, loss_place)
        for metric_name, spec in recipe.get("metrics", {}).items():
            own = f"{place}.metrics.{metric_name}"
            _check_form_of_targets(spec["class"], losses_of(recipe, outputs), f"{own}.class")
            value = _measure(build(keras.metrics, spec, own, builder.NESTED), target, predictions, own)
            if np.ndim(value) != 0:
                got = f"an array of shape {np.shape(value)} from {shown(spec)}"
                raise ValueError(f"{own}: expected a metric of one number, got {got}")


def _measure(measure: Callable[..., Any], target: np.ndarray, predictions: np.ndarray, place: str) -> np.ndarray:
    try:
        return np.asarray(measure(target, predictions, sample_weight=None))  # as Keras calls it
    except Exception as error:  # whatever a class makes of shapes that it does not like
        expected = f"one that compares predictions of shape {predictions.shape[1:]} with targets of {target.shape[1:]}"
        raise ValueError(f"{place}: expected {expected} for each row, got: {sentence(error)[:MAX_SHOWN]}") from None


def _check_callbacks(recipe: Recipe, has_validation: bool, place: str) -> None:
    files = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs"))
    measured = ["loss", *recipe.get("metrics", {})]
    monitors = [*measured, *(f"val_{name}" for name in measured)]
    for name, spec in recipe.get("callbacks", {}).items():
        own = f"{place}.callbacks.{name}"
        given = tuple(files.get(spec["class"], {}))
        check_spec(keras.callbacks, spec, own, builder.NESTED, given=given)
        if "monitor" in spec and spec["monitor"] not in monitors:
            raise ValueError(unknown(f"{own}.monitor", monitors, spec["monitor"]))
        if isinstance(schedule := spec.get("schedule"), dict) and schedule["class"] == schedules.step.__name__:
            _check_factors(arguments_of(schedule), f"{own}.schedule")
    callbacks = builder.build_callbacks(recipe, place, Path("best.weights.h5"), Path("logs"))
    for name, callback in zip(recipe.get("callbacks", {}), callbacks, strict=True):
        own = f"{place}.callbacks.{name}"
        if not has_validation and getattr(callback, "monitor", "").startswith("val_"):
            raise ValueError(f"{own}.monitor: expected a split with validation rows, got {recipe['split']!r}")
        sets_rate = isinstance(callback, keras.callbacks.ReduceLROnPlateau | keras.callbacks.LearningRateScheduler)
        optimizer = recipe["optimizer"]
        if sets_rate and isinstance(optimizer.get("learning_rate"), dict):
            expected = f"a number as {optimizer['class']}'s learning_rate"
            raise ValueError(f"{own}: expected {expected}, got a schedule")


def _check_factors(factors: dict[str, Any], place: str) -> None:
    for name, factor in factors.items():
        if not re.fullmatch("epoch_(0|[1-9][0-9]*)", name):
            raise ValueError(f"{place}.{name}: expected epoch_<number>, counted from 0, got {name!r}")
        try:
            TypeAdapter(Positive).validate_python(factor, strict=True)
        except ValidationError as error:
            raise ValueError(explain(error, f"{place}.{name}")) from None


def check_estimator(recipe: Recipe, classes: int, place: str) -> None:
    """Build the estimator without data, to find mistakes before anything trains. classes: 0 for a quantity."""
    from sklearn.base import is_classifier

    from stages.training import estimators

    spec = recipe["estimator"]
    own = f"{place}.estimator"
    check_spec(estimators.module_of(spec["class"]), spec, own, {})
    estimator = estimators.build_estimator(recipe, recipe["seed"], place)
    arguments = arguments_of(spec)
    try:
        estimator._validate_params()  # what `fit` checks first
    except ValueError as error:
        raise ValueError(f"{own}: expected arguments that it takes, got {arguments} ({sentence(error)})") from None
    if is_classifier(estimator) != (classes > 0):
        raise ValueError(f"{own}.class: expected a {'classifier' if classes else 'regressor'}, got {spec['class']}")
    if "cross_validation" in recipe and not classes:
        raise ValueError(f"{place}.cross_validation: expected a classifier beside it, got {spec['class']}")
    if classes and not hasattr(estimator, "predict_proba"):
        raise ValueError(f"{own}: expected a classifier that gives probabilities, got {arguments}")
