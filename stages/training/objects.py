"""From `{"class": "Dense", "units": 100}` to `Dense(units=100)`, for the classes of any module."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from stages.training.recipe import Spec

Nested = Mapping[str, ModuleType]
"""Modules of the classes of arguments that are objects themselves, by the argument's name or its last word
(`regularizer` for `kernel_regularizer`)."""


def arguments_of(spec: Spec) -> dict[str, Any]:
    """Give a spec without its class."""
    return {name: value for name, value in spec.items() if name != "class"}


def holder_of(argument: str, nested: Nested) -> ModuleType | None:
    """Give the module of the classes of an argument; None if its value is no object."""
    return nested.get(argument) or nested.get(argument.rpartition("_")[2])


def build(module: ModuleType, spec: Spec, place: str, nested: Nested, **given: Any) -> Any:
    """Build an object of one of the module's classes, or call one of its functions.

    place: of the spec in `params.yaml`, for errors; given: arguments that are not for `params.yaml` to say.
    Raises: ValueError that names the place for arguments that the class does not take.
    """
    arguments = {}
    for name, value in arguments_of(spec).items():
        holder = holder_of(name, nested)
        is_object = holder is not None and isinstance(value, dict)
        arguments[name] = build(holder, value, f"{place}.{name}", nested) if is_object and holder else value
    try:
        return getattr(module, spec["class"])(**arguments, **given)
    except Exception as error:  # whatever a class makes of arguments that it does not like
        got = f"{arguments_of(spec)!r:.300}"
        raise ValueError(
            f"{place}: expected arguments that {spec['class']} takes, got {got} ({sentence(error)})"
        ) from None


def sentence(error: BaseException) -> str:
    """Give an error's message in one line."""
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
