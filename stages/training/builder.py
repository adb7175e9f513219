"""From a recipe to Keras objects.

Nothing is registered here: every class of Keras is usable under its own name. Mistakes raise ValueError, which names
the place in `params.yaml`, what was expected and what came.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import keras
from pydantic import AfterValidator, Field, TypeAdapter

from stages.params import objects
from stages.params.objects import sentence
from stages.params.overrides import Recipe
from stages.params.schema import Count, Positive, Rate, unknown
from stages.training import graphs, schedules

Shape = tuple[int, ...]
MOST_PARAMETERS = 10**8
"""A typing mistake makes more. With their gradients and an optimizer's moments these take 1.6 GB."""

_Share = Annotated[float, Field(ge=0, le=1)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _name_in(module: ModuleType) -> Any:
    def check(name: str) -> str:
        # Not by Keras's own `get`: that makes an initializer, which draws a seed and so moves the random state.
        if not (hasattr(module, name) or hasattr(module, "".join(word.title() for word in name.split("_")))):
            raise ValueError(f"a name that Keras knows|{name!r}")
        return name

    return Annotated[str, AfterValidator(check)]


# Keras itself checks few of these, or only when it is too late; by the name of the argument or its last word.
_CHECKS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(kind)
    for name, kind in {
        "units": Count,
        "rate": Rate,
        "learning_rate": Positive,
        "initial_learning_rate": Positive,
        "decay_steps": Count,
        "first_decay_steps": Count,
        "decay_rate": Positive,
        "momentum": _Share,
        "rho": Rate,
        "beta_1": Rate,
        "beta_2": Rate,
        "epsilon": Positive,
        "clipvalue": Positive,
        "clipnorm": Positive,
        "negative_slope": _NotNegative,
        "l1": _NotNegative,
        "l2": _NotNegative,
        "max_value": Positive,
        "activation": _name_in(keras.activations),
        "initializer": _name_in(keras.initializers),
        "regularizer": _name_in(keras.regularizers),
        "constraint": _name_in(keras.constraints),
        "monitor": str,
        "mode": Literal["auto", "min", "max"],
        "schedule": dict,
        "weight_decay": _NotNegative,
        "gradient_accumulation_steps": Annotated[int, Field(ge=2)],
        "patience": Annotated[int, Field(ge=0)],
        "min_delta": _NotNegative,
        "factor": Annotated[float, Field(gt=0, lt=1)],
        "epochs": list[Annotated[int, Field(ge=0)]],
        "hidden_units": Annotated[list[Count], Field(min_length=1)],
    }.items()
}

_build = partial(
    objects.build,
    nested={
        "regularizer": keras.regularizers,
        "constraint": keras.constraints,
        "initializer": keras.initializers,
        "learning_rate": keras.optimizers.schedules,
        "schedule": schedules,
    },
    checks=_CHECKS,
)


def build_model(
    recipe: Recipe, input_shape: Shape, path: str, model_class: type[keras.Model] = keras.Model
) -> keras.Model:
    """Build the functional model of a recipe, not yet compiled.

    input_shape: the shape of one row of the data, without the batch.
    """
    inputs = _inputs(recipe, input_shape, path)
    if "layers" in recipe:
        if len(inputs) > 1:
            raise ValueError(f"{path}.inputs: expected a graph beside several inputs, got layers")
        (tensor,) = inputs.values()
        for place, layer in _layers(recipe["layers"], f"{path}.layers"):
            try:
                tensor = layer(tensor)
            except Exception as error:  # whatever a layer makes of an input that it does not like
                shape = f"rows of shape {tensor.shape[1:]}"
                raise ValueError(f"{place}: expected a layer that fits {shape}, got: {sentence(error)}") from None
        outputs = {"main": tensor}
    else:
        ((name, arguments),) = recipe["graph"].items()
        outputs = _build(graphs, name, arguments, f"{path}.graph", given={"inputs": inputs})
    try:
        return model_class(inputs=_one_or_all(inputs), outputs=_one_or_all(outputs))
    except ValueError as error:  # two layers of one name
        raise ValueError(f"{path}.layers: expected layers that make a model, got: {sentence(error)}") from None


def _one_or_all(tensors: graphs.Tensors) -> Any:
    # As in Keras's own examples, a single input or output stands for itself.
    several = list(tensors.values())
    return several if len(several) > 1 else several[0]


def _inputs(recipe: Recipe, shape: Shape, path: str) -> dict[str, keras.KerasTensor]:
    if "inputs" not in recipe:
        return {"x": keras.Input(shape, name="x")}
    if len(shape) != 1:
        raise ValueError(f"{path}.inputs: expected a data set of columns, got rows of shape {shape}")
    for name, columns in recipe["inputs"].items():
        if max(columns) >= shape[0]:
            raise ValueError(f"{path}.inputs.{name}: expected columns from 0 to {shape[0] - 1}, got {max(columns)}")
    return {name: keras.Input((len(columns),), name=name) for name, columns in recipe["inputs"].items()}


def _layers(layers: dict[str, Any], path: str) -> Iterator[tuple[str, keras.layers.Layer]]:
    for index, (key, arguments) in enumerate(layers.items()):
        positions, _, class_name = key.partition("_")
        first, _, last = positions.partition("-")
        for _ in range(int(first), int(last or first) + 1):
            yield f"{path}[{index}].{class_name}", _build(keras.layers, class_name, arguments, f"{path}[{index}]")


def build_optimizer(optimizer: dict[str, Any], path: str) -> keras.optimizers.Optimizer:
    """Build an optimizer from {ClassName: {argument: value}}."""
    ((class_name, arguments),) = optimizer.items()
    if "decay" in arguments:
        # Keras ignores it with a warning, and the rate would stay constant.
        raise ValueError(f"{path}.{class_name}.decay: expected a schedule as the learning_rate, got decay")
    built = _build(keras.optimizers, class_name, arguments, path)
    if type(built) is keras.optimizers.Optimizer or "learning_rate" not in built.get_config():  # the base, a container
        expected = "an optimizer with a rule and a learning rate of its own"
        raise ValueError(f"{path}.{class_name}: expected {expected}, got {class_name}")
    return built


def with_learning_rate(optimizer: dict[str, Any], path: str) -> dict[str, Any]:
    """Write the class's own learning rate where none is given, so that naming it changes no recipe."""
    ((class_name, arguments),) = optimizer.items()
    rate = build_optimizer(optimizer, path).get_config()["learning_rate"]
    if "learning_rate" in arguments or not isinstance(rate, float):
        return optimizer
    return {class_name: {"learning_rate": round(rate, 9), **arguments}}


def compile_model(
    model: keras.Model, recipe: Recipe, path: str, optimizer: keras.optimizers.Optimizer | None = None
) -> None:
    """Compile with the recipe's loss and metrics, the same for each output, and its optimizer, new unless given."""
    _known(keras.losses.get, recipe["loss"], f"{path}.loss")
    metrics = recipe.get("metrics", [])
    for index, metric in enumerate(metrics):
        _known(keras.metrics.get, metric, f"{path}.metrics[{index}]")
    weights = recipe.get("loss_weights")
    outputs = model.output_names
    if weights is not None and (len(outputs) == 1 or set(weights) != set(outputs)):
        expected = f"one weight for each of {', '.join(outputs)}" if len(outputs) > 1 else "several outputs"
        raise ValueError(f"{path}.loss_weights: expected {expected}, got {weights}")
    several = len(outputs) > 1
    model.compile(
        optimizer=optimizer or build_optimizer(recipe["optimizer"], f"{path}.optimizer"),
        loss=[recipe["loss"]] * len(outputs) if several else recipe["loss"],
        loss_weights=weights and [weights[output] for output in outputs],
        metrics=[list(metrics) for _ in outputs] if several else list(metrics),
    )


def _known(get: Callable[[str], Any], identifier: str, path: str) -> None:
    try:
        get(identifier)
    except Exception:  # whatever a class makes of being built without arguments
        raise ValueError(f"{path}: expected a name that Keras knows, got {identifier!r}") from None


def check_model(recipe: Recipe, row_shape: Shape, classes: int, has_validation: bool, path: str) -> None:
    """Build everything that the recipe names, without data, to find its mistakes before anything trains.

    classes: how many classes the data set has, 0 for a quantity; has_validation: whether its split has such rows.
    """
    loss = recipe["loss"]
    categorical = loss in (
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
    )
    try:
        with keras.StatelessScope(initialize_variables=False):  # shapes alone: no weight takes memory or is drawn
            model = build_model(recipe, row_shape, path)
    finally:
        keras.utils.clear_session()  # or the next scope to end would draw them
    if model.count_params() > MOST_PARAMETERS:
        got = f"{model.count_params():,}"
        raise ValueError(f"{path}: expected a model of at most {MOST_PARAMETERS:,} parameters, got {got}")
    compile_model(model, recipe, path)
    if classes > 2 and not categorical:
        raise ValueError(f"{path}.loss: expected a categorical cross-entropy for {classes} classes, got {loss!r}")
    if classes == 0 and "crossentropy" in loss:
        raise ValueError(f"{path}.loss: expected the loss of a quantity, got {loss!r}")
    units = classes if categorical else 1
    for output in model.outputs:
        if output.shape != (None, units):
            place = f"{path}.{'layers' if 'layers' in recipe else 'graph'}"
            raise ValueError(f"{place}: expected an output of {units} for each row, got shape {output.shape[1:]}")
    callbacks = build_callbacks(recipe, path, checkpoint=Path("best.weights.h5"), logs=Path("logs"))
    for class_name, callback in zip(recipe.get("callbacks", {}), callbacks, strict=True):
        place = f"{path}.callbacks.{class_name}"
        if not has_validation and getattr(callback, "monitor", "").startswith("val_"):
            raise ValueError(f"{place}.monitor: expected a split with validation rows, got {recipe['split']!r}")
        sets_rate = isinstance(callback, keras.callbacks.ReduceLROnPlateau | keras.callbacks.LearningRateScheduler)
        ((optimizer, arguments),) = recipe["optimizer"].items()
        if sets_rate and isinstance(arguments.get("learning_rate"), dict):
            raise ValueError(f"{place}: expected a number as {optimizer}'s learning_rate, got a schedule")


def build_callbacks(recipe: Recipe, path: str, checkpoint: Path, logs: Path) -> list[keras.callbacks.Callback]:
    """Build the recipe's callbacks, new for every training.

    checkpoint, logs: the file and the folder that they write; it is not for `params.yaml` to say.
    """
    given: dict[str, dict[str, Any]] = {
        "ModelCheckpoint": {"filepath": str(checkpoint), "save_weights_only": True},
        "TensorBoard": {"log_dir": str(logs)},
        "CSVLogger": {"filename": str(logs.with_suffix(".csv"))},
        "BackupAndRestore": {"backup_dir": str(checkpoint.with_name("backup"))},
    }
    measured = ["loss", *recipe.get("metrics", [])]
    monitors = [*measured, *(f"val_{name}" for name in measured)]
    callbacks = []
    for class_name, arguments in recipe.get("callbacks", {}).items():
        if "monitor" in arguments and arguments["monitor"] not in monitors:
            raise ValueError(unknown(f"{path}.callbacks.{class_name}.monitor", monitors, arguments["monitor"]))
        files = given.get(class_name, {})
        callbacks.append(_build(keras.callbacks, class_name, arguments, f"{path}.callbacks", given=files))
    return callbacks
