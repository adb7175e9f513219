"""From `{"class": "Dense", "units": 100}` to `Dense(units=100)`, for the classes of any module."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from stages.training import custom_objects
from stages.training.recipe import Spec

BASES = {
    "keras.layers": "Layer",
    "keras.initializers": "Initializer",
    "keras.regularizers": "Regularizer",
    "keras.constraints": "Constraint",
    "keras.optimizers": "Optimizer",
    "keras.optimizers.schedules": "LearningRateSchedule",
    "keras.losses": "Loss",
    "keras.metrics": "Metric",
    "keras.callbacks": "Callback",
}
"""The class that all classes of a kind have as their base, by the module of the kind; other modules have none."""

Nested = Mapping[str, ModuleType]
"""Modules of the classes of arguments that are objects themselves, by the argument's name or its last word
(`regularizer` for `kernel_regularizer`)."""


def arguments_of(spec: Spec) -> dict[str, Any]:
    """Give a spec without its class."""
    return {name: value for name, value in spec.items() if name != "class"}


def constructors_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Give what a spec may name as its class, by name: the module's classes, but not their base, or its functions.

    And those of the user's own that are of the same kind; see `stages.training.custom_objects`.
    """
    own = {name: value for name, value in custom_objects.known().items() if _is_of_kind(module, value)}
    return {**_constructors_in(module), **own}


def _is_of_kind(module: ModuleType, value: Any) -> bool:
    if module.__name__ in BASES:
        return inspect.isclass(value) and issubclass(value, getattr(module, BASES[module.__name__]))
    return inspect.isfunction(value) and module.__name__.startswith("stages.")


@cache
def _constructors_in(module: ModuleType) -> dict[str, Callable[..., Any]]:
    base = getattr(module, BASES.get(module.__name__, ""), object)
    package = module.__name__.partition(".")[0]

    def is_constructor(name: str, value: Any) -> bool:
        if inspect.isclass(value):
            ours = value.__module__.partition(".")[0] == package
            return ours and issubclass(value, base) and value is not base and not name.startswith("_")
        return inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")

    return {name: value for name, value in vars(module).items() if is_constructor(name, value)}


def holder_of(argument: str, nested: Nested) -> ModuleType | None:
    """Give the module of the classes of an argument; None if its value is no object."""
    return nested.get(argument) or nested.get(argument.rpartition("_")[2])


def build(module: ModuleType, spec: Spec, place: str, nested: Nested, **given: Any) -> Any:
    """Build an object of one of the module's classes, or call one of its functions.

    place: of the spec in `params.yaml`, for errors; given: arguments that are not for `params.yaml` to say.
    Raises: ValueError that names the place for arguments that the class does not take.
    """
    arguments = {name: _argument(name, value, f"{place}.{name}", nested) for name, value in arguments_of(spec).items()}
    try:
        return constructors_of(module)[spec["class"]](**arguments, **given)
    except Exception as error:  # whatever a class makes of arguments that it does not like
        got = f"{arguments_of(spec)!r:.300}"
        raise ValueError(
            f"{place}: expected arguments that {spec['class']} takes, got {got} ({sentence(error)})"
        ) from None


def _argument(name: str, value: Any, place: str, nested: Nested) -> Any:
    """Build the object that stands as an argument, or each one of a list. Other values stay as they are."""
    holder = holder_of(name, nested)
    if holder is not None and isinstance(value, str) and value in custom_objects.known():
        own = custom_objects.known()[value]
        return own() if inspect.isclass(own) else own
    if holder is not None and isinstance(value, dict):
        return build(holder, value, place, nested)
    if holder is not None and isinstance(value, list):
        return [_argument(name, each, f"{place}[{number}]", nested) for number, each in enumerate(value)]
    if (
        holder is not None and name == "fn" and isinstance(value, str)
    ):  # a function: the only names that Keras does not look up itself
        return getattr(holder, value)
    return value


def sentence(error: BaseException) -> str:
    """Give an error's message in one line, without the colors and the appendices of Keras and TensorFlow."""
    text = re.sub(r"\x1b\[[\d;]*m|\{\{function_node [^}]*\}\} ?|\[Op:\w+\].*", "", " ".join(str(error).split()))
    return text.partition(" Arguments received by ")[0].strip().removesuffix(".") or type(error).__name__
