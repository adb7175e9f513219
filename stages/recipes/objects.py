"""From `ClassName: {argument: value}` to `ClassName(argument=value)`, for the classes of any module.

Mistakes raise ValueError, which names the place in `params.yaml`, what was expected and what came.
"""

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from stages.recipes.schema import Count, Positive, Rate, explain, unknown

_Share = Annotated[float, Field(ge=0, le=1)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

# Ranges that Keras itself does not check, or only when it is too late, by the name of the argument.
_RANGES: dict[str, Any] = {
    "units": Count,
    "rate": Rate,
    "learning_rate": Positive,
    "initial_learning_rate": Positive,
    "decay_steps": Count,
    "first_decay_steps": Count,
    "decay_rate": Positive,
    "staircase": bool,
    "momentum": _Share,
    "nesterov": bool,
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
    "use_bias": bool,
    "activation": str,
    "monitor": str,
    "patience": Annotated[int, Field(ge=0)],
    "min_delta": _NotNegative,
    "factor": Annotated[float, Field(gt=0, lt=1)],
    "restore_best_weights": bool,
    "save_best_only": bool,
    "save_weights_only": bool,
    "epochs": list[Annotated[int, Field(ge=0)]],
    "hidden_units": Annotated[list[Count], Field(min_length=1)],
    "auxiliary_output": bool,
}


def build(
    module: ModuleType,
    class_name: str,
    arguments: Mapping[str, Any],
    path: str,
    nested: Mapping[str, ModuleType] | None = None,
) -> Any:
    """Build an object of one of the module's classes, or call one of its functions.

    nested: where an argument's value is itself {ClassName: {…}}, the module that holds the class, by the argument's
    name or its last word (`regularizer` for `kernel_regularizer`).
    """
    path = f"{path}.{class_name}"
    known = [name for name, value in vars(module).items() if _is_constructor(name, value)]
    if class_name not in known:
        raise ValueError(unknown(path, known, class_name))
    constructor = getattr(module, class_name)
    accepted = _accepted_arguments(constructor)
    built = {}
    for name, value in arguments.items():
        if name not in accepted:
            raise ValueError(unknown(f"{path}.{name}", accepted, name))
        holder = (nested or {}).get(name) or (nested or {}).get(name.rpartition("_")[2])
        if holder is not None and isinstance(value, dict):
            if len(value) != 1 or not isinstance(next(iter(value.values())), dict):
                raise ValueError(f"{path}.{name}: expected {{Class: {{argument: value}}}}, got {value!r}")
            ((inner, options),) = value.items()
            built[name] = build(holder, inner, options, f"{path}.{name}", nested)
        else:
            _check_range(name, value, f"{path}.{name}")
            built[name] = value
    try:
        return constructor(**built)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {sentence(error)}; got {dict(arguments)}") from None


def _is_constructor(name: str, value: Any) -> bool:
    ours_or_theirs = getattr(value, "__module__", "").split(".")[0] in ("keras", "sklearn", "stages")
    return ours_or_theirs and not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))


def _accepted_arguments(constructor: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(constructor).parameters.values()
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    takes_more = any(each.kind is each.VAR_KEYWORD for each in parameters)
    return [*named, *(["name", "trainable", "dtype"] if takes_more else [])]  # what every layer of Keras takes


def _check_range(name: str, value: Any, path: str) -> None:
    # None is Keras's own word for "without".
    if name in _RANGES and value is not None:
        try:
            TypeAdapter(_RANGES[name]).validate_python(value, strict=True)
        except ValidationError as error:
            raise ValueError(explain(error, path)) from None


def sentence(error: Exception) -> str:
    """The error's message in one line."""
    return " ".join(str(error).split()).removesuffix(".")
