"""Checks of one object of a recipe: its class, the names of its arguments and their values.

Mistakes raise ValueError, which names the place in `params.yaml` as `-S` takes it, what was expected and what came.
"""

import inspect
import re
from collections.abc import Callable, Collection
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, Literal

import keras
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from stages.params.checks.usable import UNUSABLE, check_usable
from stages.params.messages import MAX_SHOWN, shown, spelled, unknown
from stages.params.schema import Count, Positive, Rate, explain, mistake
from stages.training import custom_objects
from stages.training.objects import Nested, arguments_of, constructors_of, holder_of
from stages.training.recipe import Spec

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, lt=2**31)]
Mode = Literal["auto", "min", "max"]


def _is_numeric(value: Any) -> Any:
    of_list = value if isinstance(value, list) else [value]
    if isinstance(value, str | bool | dict) or any(isinstance(each, str | dict) for each in of_list):
        raise mistake("a number", shown(value))
    return value


def _is_frequency(value: Any) -> Any:
    if not (value == "epoch" or (type(value) is int and value > 0)):
        raise mistake("epoch or a number of batches", shown(value))
    return value


def _is_no_class(value: Any) -> Any:
    if value is not None and not (type(value) is int and value < 0):
        raise mistake("nothing, since the loss of an evaluation is a mean over all rows", shown(value))
    return value


Numeric = Annotated[Any, AfterValidator(_is_numeric)]
"""A number, numbers or nothing: Keras knows which of them an argument takes."""

VALUES: dict[str, dict[str, Any]] = {
    "Layer": {"units": Count, "dropout": Rate, "recurrent_dropout": Rate, "seed": Whole},
    "Initializer": {"seed": Whole},
    "Dropout": {"rate": Rate},
    "AlphaDropout": {"rate": Rate},
    "GaussianDropout": {"rate": Rate},
    "ActivityRegularization": {"l1": NotNegative, "l2": NotNegative},
    "BatchNormalization": {"momentum": Share, "epsilon": Positive},
    "GroupNormalization": {"epsilon": Positive},
    "LayerNormalization": {"epsilon": Positive},
    "RMSNormalization": {"epsilon": Positive},
    "LeakyReLU": {"negative_slope": NotNegative},
    "Regularizer": {"l1": NotNegative, "l2": NotNegative, "factor": NotNegative},
    "MaxNorm": {"max_value": Positive},
    "MinMaxNorm": {"min_value": NotNegative, "max_value": Positive, "rate": Share},
    "Optimizer": {
        "learning_rate": Positive,
        "momentum": Share,
        "rho": Rate,
        "beta_1": Rate,
        "beta_2": Rate,
        "epsilon": Positive,
        "weight_decay": NotNegative,
        "clipnorm": Positive,
        "clipvalue": Positive,
        "global_clipnorm": Positive,
        "ema_momentum": Share,
        "ema_overwrite_frequency": Count,
        "loss_scale_factor": Positive,
        "gradient_accumulation_steps": Annotated[int, Field(ge=2, lt=2**31)],
        "warmup_steps": Whole,
    },
    "Loss": {
        "reduction": Literal["sum", "sum_over_batch_size", "mean", "mean_with_sample_weight"],
        "ignore_class": Annotated[Any, AfterValidator(_is_no_class)],
    },
    "LossScaleOptimizer": {"initial_scale": Positive, "dynamic_growth_steps": Count},
    "LearningRateSchedule": {
        "initial_learning_rate": Positive,
        "decay_steps": Count,
        "first_decay_steps": Count,
        "decay_rate": Positive,
        "end_learning_rate": NotNegative,
        "warmup_steps": Whole,
        "warmup_target": Positive,
        "boundaries": list[NotNegative],
        "values": list[NotNegative],
    },
    "CosineDecay": {"initial_learning_rate": NotNegative},  # 0 before a warm-up
    "EarlyStopping": {
        "patience": Whole,
        "min_delta": NotNegative,
        "start_from_epoch": Whole,
        "mode": Mode,
        "monitor": str,
    },
    "ModelCheckpoint": {"save_freq": Annotated[Any, AfterValidator(_is_frequency)], "mode": Mode, "monitor": str},
    "ReduceLROnPlateau": {
        "factor": Annotated[float, Field(gt=0, lt=1)],
        "patience": Whole,
        "cooldown": Whole,
        "min_delta": NotNegative,
        "min_lr": NotNegative,
        "mode": Mode,
        "monitor": str,
    },
    "LearningRateScheduler": {"schedule": dict},
    "TensorBoard": {"profile_batch": Any},
    "wide_and_deep": {"units": Count, "hidden_layers": Count},
}
"""Types and ranges of arguments, by the class that has them or whose subclasses do, and by function.

Only what Keras does not check itself, or when it is too late.
"""

NOT_ADAPTED = {"Normalization": ("mean", "variance")}
"""Arguments that layers else learn of the data by `adapt`, which nobody calls; others than these fail without them."""

OF_THE_DATA = ("input_shape", "batch_input_shape", "input_dim")
"""Arguments of layers in Keras 1 and 2."""

NAMES_OF_FUNCTIONS = {"activation": keras.activations, "fn": keras.metrics}
"""Modules of the functions that arguments may name, by the last word of the argument."""

NAMED = (keras.initializers, keras.regularizers, keras.constraints)
"""Modules whose classes stand as arguments under their names alone."""


def check_spec(module: ModuleType, spec: Spec, place: str, nested: Nested, given: Collection[str] = ()) -> None:
    """Check the class and the arguments of an object, and of the objects in it.

    given: arguments that are not for `params.yaml` to say.
    """
    known = constructors_of(module)
    if spec["class"] not in known:
        _check_no_call(module, spec["class"], place)
        raise ValueError(unknown(f"{place}.class", _usable_in(module, place), spec["class"]))
    constructor = known[spec["class"]]
    for name in NOT_ADAPTED.get(spec["class"], ()):
        if spec.get(name) is None:
            raise ValueError(f"{place}.{name}: expected a number, since the layer is not adapted to the data, got none")
    accepted = [name for name in accepted_arguments(constructor) if name not in given]
    for name, value in arguments_of(spec).items():
        argument = f"{place}.{repr(str(name))[1:-1][:MAX_SHOWN]}"
        if not isinstance(name, str):
            raise ValueError(f"{argument}: expected text as a key, got {shown(name)}")
        if name in given:
            raise ValueError(f"{argument}: expected no such key, got {shown(value)}")
        if name in OF_THE_DATA and name not in accepted:
            raise ValueError(f"{argument}: expected no such key, since the data give the shape, got {shown(value)}")
        if name not in accepted and not _takes_any(constructor):
            raise ValueError(unknown(argument, accepted, name))
        holder = holder_of(name, nested)
        is_name = isinstance(value, str) and _declared(constructor, name) is None
        is_object = isinstance(value, dict | list) or is_name
        if holder is not None and (is_object or _class_named(holder, value, argument)):
            _check_objects(holder, name, value, argument, nested)
        elif nested:  # scikit-learn checks its values itself
            check_value(constructor, name, value, argument)


def _check_objects(holder: ModuleType, name: str, value: Any, place: str, nested: Nested) -> None:
    """Check an object that stands as an argument, each of a list, or the name of one; one's own have any name."""
    if isinstance(value, str) and value in custom_objects.known():
        return
    if isinstance(value, list):
        for number, each in enumerate(value):
            _check_objects(holder, name, each, f"{place}[{number}]", nested)
        return
    _check_no_call(holder, value, place)
    functions = NAMES_OF_FUNCTIONS.get(name.rpartition("_")[2])
    if isinstance(value, str) and (functions is not None or holder in NAMED):
        names = _names_in(functions if functions is not None else holder)
        if value not in names:
            raise ValueError(unknown(place, names, value))
    elif not (isinstance(value, str) and holder is keras.dtype_policies):
        if not (isinstance(value, dict) and isinstance(value.get("class"), str)):
            named = _class_named(holder, value, place) or "<name>"
            raise ValueError(f"{place}: expected {{class: {named}, <argument>: <value>, …}}, got {shown(value)}")
        if holder is keras.dtype_policies:
            check_usable(holder, value, place)
        check_spec(holder, value, place, nested)


def _check_no_call(module: ModuleType, value: Any, place: str) -> None:
    """Check that an object is not written as in Python, such as Dropout(0.5)."""
    called = re.fullmatch(r"(?:\w+\.)*(\w+) *\(.*\)", value) if isinstance(value, str) else None
    named = _class_named(module, called[1], place) if called else None
    if named is not None:
        raise ValueError(f"{place}: expected {{class: {named}, <argument>: <value>, …}}, got {shown(value)}")


def _class_named(module: ModuleType, value: Any, place: str) -> str | None:
    return spelled(value, _usable_in(module, place)) if isinstance(value, str) else None


def _usable_in(module: ModuleType, place: str) -> list[str]:
    """Name the classes that may stand at a place, without aliases: cells are for RNN alone."""
    known = constructors_of(module).items()
    without_aliases = [name for name, each in known if inspect.isfunction(each) or not name[0].islower()]
    unusable = () if re.search(r"\.cells?\b", place) else UNUSABLE.get(module.__name__, ())
    return [name for name in without_aliases if name not in unusable]


@cache
def _names_in(module: ModuleType) -> list[str]:
    """Name what Keras itself looks up. Not by its `get`: that makes an initializer, which moves the random state."""
    if module is keras.metrics:
        return [name for name, value in vars(module).items() if inspect.isfunction(value) and "_" in name]
    return list(import_module(module.__name__.replace("keras.", "keras.src.")).ALL_OBJECTS_DICT)


def check_value(constructor: Callable[..., Any], name: str, value: Any, place: str) -> None:
    """Check the value of an argument by `VALUES`, or else that it is a number where the default is one."""
    default = _defaults(constructor).get(name)
    kind = _declared(constructor, name) or _kind_of(default)
    if value is None and default is None:
        return
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(explain(error, place)) from None


def _declared(constructor: Callable[..., Any], name: str) -> Any:
    kinds = inspect.getmro(constructor) if inspect.isclass(constructor) else (constructor,)
    return next((VALUES[kind.__name__][name] for kind in kinds if name in VALUES.get(kind.__name__, ())), None)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _defaults(constructor: Callable[..., Any]) -> dict[str, Any]:
    return {name: each.default for name, each in inspect.signature(constructor).parameters.items()}


def _kind_of(default: Any) -> Any:
    return bool if isinstance(default, bool) else Numeric if isinstance(default, int | float) else Any


@cache
def accepted_arguments(constructor: Callable[..., Any]) -> tuple[str, ...]:
    """Name the arguments that a constructor takes, those of its base too if it passes on more than it names."""
    names, passes_on = _named(constructor)
    for base in inspect.getmro(constructor)[1:-1] if inspect.isclass(constructor) else ():
        if passes_on and "__init__" in vars(base):
            more, passes_on = _named(vars(base)["__init__"])
            names += more
    return tuple(dict.fromkeys(names))


def _named(function: Callable[..., Any]) -> tuple[list[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    return [name for name in named if name != "self"], any(each.kind is each.VAR_KEYWORD for each in parameters)


def _takes_any(constructor: Callable[..., Any]) -> bool:
    """Whether it is a function of ours with arguments of any name, such as `schedules.step`."""
    return inspect.isfunction(constructor) and _named(constructor)[1]
