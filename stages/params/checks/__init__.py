"""Checks of a recipe before there are data: of its classes and arguments, and of one training step on made-up rows.

Keras itself checks few values, or only when it is too late. Mistakes raise ValueError, which names the place in
`params.yaml` as `-S` takes it, what was expected and what came.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from pydantic import TypeAdapter, ValidationError

from stages.params.checks.estimator import check_estimator as check_estimator
from stages.params.checks.initial_weights import check_initial_weights
from stages.params.checks.outputs import check_outputs
from stages.params.checks.rows import Data, losses_at
from stages.params.checks.session import session
from stages.params.checks.specs import check_spec
from stages.params.checks.step import check_callbacks_run, check_step, prepare
from stages.params.checks.usable import check_usable
from stages.params.messages import plain, shown, unknown
from stages.params.schema import Positive, explain
from stages.training import builder, custom_objects, graphs, schedules
from stages.training.objects import arguments_of
from stages.training.recipe import Recipe, Spec, layers_of, losses_of, takes_indices

MAX_PARAMETERS = 10**8
"""A typing mistake makes more. With their gradients and an optimizer's moments these take 1.6 GB."""

OF_LAYERS = (
    *("layers", "graph", "inputs", "loss", "loss_weights", "metrics"),
    *("class_weight", "custom_objects", "jit_compile"),
)
"""Keys of a recipe on which the outputs and the gradients of a model depend."""

_passed: set[str] = set()
"""Layers, optimizers and callbacks that were run: most variants share them."""

Weights = list[tuple[int, str]]
"""Ranks and dtypes of a model's trainable weights."""

_weights: dict[str, Weights] = {}
"""Those of layers that were run."""

COLUMNS = ("split", "seed", "epoch", "loss", "learning_rate")
"""Columns of every history: no metric can be called so."""


def check_optimizer(spec: Spec, place: str) -> keras.optimizers.Optimizer:
    """Check an optimizer by building it, and return it."""
    spec = _with_float(spec)
    if "decay" in spec:
        # Keras ignores it with a warning, and the rate would stay constant.
        raise ValueError(f"{place}.decay: expected a schedule as the learning_rate, got decay")
    check_usable(keras.optimizers, spec, place)
    check_spec(keras.optimizers, spec, place, builder.NESTED)
    return builder.build_optimizer(spec, place)


def _with_float(spec: Spec) -> Spec:
    """Write learning rates that are integers as floats, which Keras wants; those of a schedule too."""
    found: Spec = {name: _with_float(value) if isinstance(value, dict) else value for name, value in spec.items()}
    rates = [name for name, value in found.items() if name.endswith("learning_rate") and type(value) is int]
    return {**found, **{name: float(found[name]) for name in rates if found[name] > 0}}


def with_learning_rate(spec: Spec, place: str) -> Spec:
    """Write the class's own learning rate where none is given, so that naming it changes no recipe."""
    spec = _with_float(spec)
    rate = check_optimizer(spec, place).get_config().get("learning_rate")  # of another in it, if there is none
    if "learning_rate" in spec or not isinstance(rate, float):
        return spec
    return {"class": spec["class"], **dict(sorted({**arguments_of(spec), "learning_rate": round(rate, 9)}.items()))}


def check_model(
    recipe: Recipe,
    row_shape: tuple[int, ...],
    classes: int,
    has_validation: bool,
    place: str,
    scaling: str = "unit",
) -> None:
    """Build everything that the recipe names and train it for one step, to find its mistakes before anything trains.

    row_shape: of the data, without the batch; classes: how many the data set has, 0 for a quantity; has_validation:
    whether its split has such rows; place: `variants.<name>`; scaling: of the split. No data are needed.
    """
    data = Data(row_shape, classes, has_validation, scaling)
    for layer_place, spec in layers_of(recipe):
        once = {key: value for key, value in spec.items() if key != "repeat"}
        check_usable(keras.layers, once, f"{place}.{layer_place}")
        check_spec(keras.layers, once, f"{place}.{layer_place}", builder.NESTED, given=("name",))
    if "graph" in recipe:
        check_spec(graphs, recipe["graph"], f"{place}.graph", builder.NESTED, given=("inputs",))
    layers = repr([{key: recipe.get(key) for key in OF_LAYERS}, data])
    if _was_run(recipe, layers, _weights.get(layers, [])) and "initial_weights" not in recipe:
        _check_callbacks(recipe, data.has_validation, place)
        return
    with session():
        with keras.StatelessScope(initialize_variables=False):  # shapes alone: no weight takes memory or is drawn
            model = builder.build_model(recipe, data.shape, place)
        _check_shapes(recipe, model, data.classes, place)
        builder.compile_model(model, recipe, place)
        _check_callbacks(recipe, data.has_validation, place)
        _check_run(recipe, model, data, layers, place)
    if "initial_weights" in recipe:
        check_initial_weights(recipe["initial_weights"], model, data.shape, place)


def _check_shapes(recipe: Recipe, model: keras.Model, classes: int, place: str) -> None:
    for layer in model.layers:
        if 0 in keras.tree.flatten(getattr(layer.output, "shape", ())):
            got = f"{layer.name} with shape {layer.output.shape}"
            raise ValueError(f"{place}.layers: expected layers whose outputs have values, got {got}")
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
    _check_losses_and_metrics(recipe, model, classes, place)
    _check_forms_of_outputs(recipe, model, classes, place)
    for name, metric in recipe.get("metrics", {}).items():
        losses = losses_of(recipe, model.output_names)
        _check_form_of_targets(metric["class"], losses, classes, f"{place}.metrics.{name}.class")


def _of_run(recipe: Recipe, weights: Weights) -> tuple[str, str]:
    """Describe an optimizer and callbacks, as far as a run tells more of them than checks of their values."""
    optimizer = repr([_without_numbers(recipe["optimizer"]), weights, recipe["jit_compile"]])
    seen_by = {name: _without_numbers(spec) for name, spec in recipe.get("callbacks", {}).items()}
    return optimizer, repr([seen_by, optimizer if seen_by else None])


def _was_run(recipe: Recipe, layers: str, weights: Weights) -> bool:
    return _passed >= {layers, *_of_run(recipe, weights)}


def _check_run(recipe: Recipe, model: keras.Model, data: Data, layers: str, place: str) -> None:
    """Run the compiled model on made-up rows, unless one of the same layers, optimizer and callbacks was run before."""
    weights = sorted({(len(weight.shape), str(weight.dtype)) for weight in model.trainable_weights})
    if _was_run(recipe, layers, weights):
        return
    optimizer, callbacks = _of_run(recipe, weights)
    prepare()
    try:
        with keras.StatelessScope():
            pass  # at its end the weights are drawn
    except Exception as error:  # whatever an initializer makes of its arguments
        kind = "layers" if "layers" in recipe else "graph"
        raise ValueError(f"{place}.{kind}: expected weights that can be drawn, got: {plain(error)}") from None
    if _passed >= {optimizer, callbacks}:
        model.optimizer = keras.optimizers.SGD()  # takes half of the time
    if layers not in _passed:
        check_outputs(recipe, model, data, place)
    check_step(recipe, model, data, place)
    if callbacks not in _passed:
        check_callbacks_run(recipe, model, data, place)
    _passed.update({optimizer, callbacks, layers})
    _weights[layers] = weights


def _without_numbers(value: Any) -> Any:
    """Leave out the numbers of Keras's own classes: checks of their ranges are enough. One's own may need any."""
    if isinstance(value, dict) and value.get("class") not in custom_objects.known():
        return {key: _without_numbers(each) for key, each in value.items()}
    return "a number" if type(value) in (int, float) else value


def _check_losses_and_metrics(recipe: Recipe, model: keras.Model, classes: int, place: str) -> None:
    outputs = model.output_names
    several = len(outputs) > 1
    if "class" not in recipe["loss"] and set(recipe["loss"]) != set(outputs):
        expected = f"one loss, or one for each of {', '.join(outputs)}" if several else "one loss"
        raise ValueError(f"{place}.loss: expected {expected}, got {shown(recipe['loss'])}")
    for own, loss in losses_at(recipe, outputs, place):
        check_usable(keras.losses, loss, own)
        check_spec(keras.losses, loss, own, builder.NESTED)
    for name, metric in recipe.get("metrics", {}).items():
        if name in COLUMNS or name.startswith("val_"):
            expected = f"a name that no history has for itself ({', '.join(COLUMNS)}, val_…)"
            raise ValueError(f"{place}.metrics.{name}: expected {expected}, got {name!r}")
        if metric["class"] in ("acc", "accuracy"):
            fits = _accuracy(losses_of(recipe, outputs), classes)
            raise ValueError(f"{place}.metrics.{name}.class: expected {fits}, got {metric['class']!r}")
        check_usable(keras.metrics, metric, f"{place}.metrics.{name}")
        check_spec(keras.metrics, metric, f"{place}.metrics.{name}", builder.NESTED, given=("name",))
    weights = recipe.get("loss_weights")
    if weights is not None and (not several or set(weights) != set(outputs)):
        expected = f"one weight for each of {', '.join(outputs)}" if several else "several outputs"
        raise ValueError(f"{place}.loss_weights: expected {expected}, got {weights}")


def _accuracy(losses: Mapping[str, Spec], classes: int) -> str:
    """Name the metric that Keras calls accuracy beside a loss."""
    if not classes:
        return "a metric of a quantity, such as MeanAbsoluteError"
    loss = next(iter(losses.values()))
    if takes_indices(loss):
        return "SparseCategoricalAccuracy"
    return "CategoricalAccuracy" if loss["class"].startswith("Categorical") or classes > 2 else "BinaryAccuracy"


def _check_form_of_targets(metric: str, losses: Mapping[str, Spec], classes: int, place: str) -> None:
    """Check that a metric of classes takes the targets that the loss has: numbers of classes, or one-hot rows."""
    fits, dense = metric, metric.removeprefix("Sparse")
    if dense in ("Accuracy", "BinaryAccuracy", "CategoricalAccuracy"):
        fits = _accuracy(losses, classes)
    elif dense in ("CategoricalCrossentropy", "TopKCategoricalAccuracy"):
        fits = f"Sparse{dense}" if all(map(takes_indices, losses.values())) else dense
    if metric != fits:
        loss = next(iter(losses.values()))["class"]
        raise ValueError(f"{place}: expected {fits} beside {loss}, got {metric}")


def _check_forms_of_outputs(recipe: Recipe, model: keras.Model, classes: int, place: str) -> None:
    for (loss_place, loss), output in zip(losses_at(recipe, model.output_names, place), model.outputs, strict=True):
        own = f"{loss_place}.class"
        if classes > 2 and loss["class"] in ("BinaryCrossentropy", "BinaryFocalCrossentropy"):
            fits = "a loss of them, such as SparseCategoricalCrossentropy"
            raise ValueError(f"{own}: expected {fits}, beside {classes} classes, got {loss['class']}")
        if classes == 0 and re.search("Categorical|Cross[eE]ntropy", loss["class"]):
            raise ValueError(f"{own}: expected the loss of a quantity, got {loss['class']}")
        categorical = loss["class"].startswith(("Sparse", "Categorical"))
        units = classes if categorical or classes > 2 else 1
        if output.shape != (None, units):
            kind = "layers" if "layers" in recipe else "graph"
            expected = f"an output of {units} for each row"
            shape = output.shape[1:] if output.shape[0] is None else f"{output.shape} with the batch"
            raise ValueError(f"{place}.{kind}: expected {expected}, got shape {shape}")


def _check_callbacks(recipe: Recipe, has_validation: bool, place: str) -> None:
    files = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs"))
    measured = ["loss", *recipe.get("metrics", {})]
    known = [*measured, *(f"val_{name}" for name in measured)]
    for name, spec in recipe.get("callbacks", {}).items():
        own = f"{place}.callbacks.{name}"
        given = tuple(files.get(spec["class"], {}))
        check_usable(keras.callbacks, spec, own)
        check_spec(keras.callbacks, spec, own, builder.NESTED, given=given)
        if "monitor" in spec and spec["monitor"] not in known:
            raise ValueError(unknown(f"{own}.monitor", known, spec["monitor"]))
        if isinstance(schedule := spec.get("schedule"), dict) and schedule["class"] == schedules.step.__name__:
            _check_factors(arguments_of(schedule), f"{own}.schedule")
    callbacks = builder.build_callbacks(recipe, place, Path("best.weights.h5"), Path("logs"))
    for name, callback in zip(recipe.get("callbacks", {}), callbacks, strict=True):
        own = f"{place}.callbacks.{name}"
        monitors = not isinstance(callback, keras.callbacks.ModelCheckpoint) or callback.save_best_only
        if monitors and not has_validation and getattr(callback, "monitor", "").startswith("val_"):
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
