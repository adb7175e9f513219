"""From `ClassName: {argument: value}` to `ClassName(argument=value)`, for the classes of any module.

Mistakes raise ValueError, which names the place in `params.yaml`, what was expected and what came.
"""

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stages.params.schema import MOST_SHOWN, explain, shown, unknown

Nested = Mapping[str, ModuleType]
"""Where an argument's value is itself {ClassName: {…}}: the module that holds the class, by the argument's name or its
last word (`regularizer` for `kernel_regularizer`)."""


_KINDS: dict[type, TypeAdapter[Any]] = {bool: TypeAdapter(bool), int: TypeAdapter(float), float: TypeAdapter(float)}


def build(
    module: ModuleType,
    class_name: str,
    arguments: Mapping[str, Any],
    path: str,
    *,
    nested: Nested | None = None,
    checks: Mapping[str, TypeAdapter[Any]] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Build an object of one of the module's classes, or call one of our own functions.

    checks: what the values of arguments must be, by the argument's name or its last word. With any, an argument whose
    default is a number or a truth value takes nothing else; null passes where the default is null.
    given: arguments that are not for `params.yaml` to say.
    """
    path, nested, checks, given = f"{path}.{str(class_name)[:MOST_SHOWN]}", nested or {}, checks or {}, given or {}
    known = [name for name, value in vars(module).items() if _is_constructor(name, value)]
    if class_name not in known:
        raise ValueError(unknown(path, known, class_name))
    constructor = getattr(module, class_name)
    defaults = {name: each.default for name, each in inspect.signature(constructor).parameters.items()}
    accepted = [name for name in _accepted_arguments(constructor) if name not in given]
    built = {}
    for name, value in arguments.items():
        place = f"{path}.{str(name)[:MOST_SHOWN]}"
        if name in given:
            raise ValueError(f"{place}: expected no such key, got {shown(value)}")
        if name not in accepted:
            raise ValueError(unknown(place, accepted, name))
        last_word = name.rpartition("_")[2]
        holder = nested.get(name) or nested.get(last_word)
        if holder is not None and isinstance(value, dict):
            if len(value) != 1 or not isinstance(next(iter(value.values())), dict):
                raise ValueError(f"{place}: expected {{Class: {{argument: value}}}}, got {shown(value)}")
            ((inner, options),) = value.items()
            built[name] = build(holder, inner, options, place, nested=nested, checks=checks)
        else:
            built[name] = value
            check = checks.get(name) or checks.get(last_word)
            if check is None or value is None:
                check = _KINDS.get(type(defaults.get(name)))  # what is a number by default needs one
            if checks and check is not None:
                try:
                    check.validate_python(value, strict=True)
                except ValidationError as error:
                    raise ValueError(explain(error, place)) from None
    try:
        return constructor(**built, **given)
    except Exception as error:  # whatever a class makes of arguments that it does not like
        raise ValueError(
            f"{path}: expected arguments that it takes, got {shown(dict(arguments))} ({sentence(error)})"
        ) from None


def _is_constructor(name: str, value: Any) -> bool:
    package = getattr(value, "__module__", "").split(".")[0]
    ours = package == "stages" and inspect.isfunction(value)
    theirs = package in ("keras", "sklearn") and inspect.isclass(value)
    return (ours or theirs) and not name.startswith("_")


def _accepted_arguments(constructor: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(constructor).parameters.values()
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    takes_more = any(each.kind is each.VAR_KEYWORD for each in parameters)
    of_every_layer = ["name", "trainable", "dtype"] if takes_more else []
    return list(dict.fromkeys([*named, *of_every_layer]))


def sentence(error: Exception) -> str:
    """The error's message in one line."""
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
