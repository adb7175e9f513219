"""The complete recipe of a variant: what `params.yaml` declares, and what the top-level overrides make of it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

import numpy as np

from stages.datasets.spec import spec_of
from stages.params.messages import unknown
from stages.params.schema import Params, Variant, check_class_weight
from stages.training.device import CPU
from stages.training.recipe import Recipe, Spec, layers_of

DROPOUT_LAYERS = ("Dropout", "AlphaDropout")


SHARED = ("seed", "seeds", "dataset", "split", "device")
"""Keys that the variant of `initial_weights` has in common with the one that starts from it."""
STEPS = ("decay_steps", "first_decay_steps", "warmup_steps", "boundaries")
"""Arguments of schedules that count steps."""
MAX_ROUNDING = 0.05
"""Share by which whole steps may differ from those of as many epochs, without a word."""
SETS_RATE = ("LearningRateScheduler", "ReduceLROnPlateau")
"""Callbacks that set the learning rate, and so cannot have a schedule beside them."""


def recipes(params: Params) -> Iterator[tuple[str, Recipe]]:
    """Yield the name and the recipe of every variant, in the order of `params.yaml`."""
    for name, variant in params.variants.items():
        yield name, recipe(params, variant, f"variants.{name}")


def recipe(params: Params, variant: Variant, place: str, heirs: tuple[str, ...] = ()) -> Recipe:
    """Apply the overrides that concern the variant, and leave out what it does not have.

    heirs: places of the variants that start from this one's weights.
    Raises: ValueError for names of columns, classes and variants that are not there.
    """
    declared = deepcopy(variant.model_dump(exclude_none=True, exclude={"title", "base"}))
    seeds = {"seed": params.seed, "seeds": params.seeds}
    if variant.estimator is not None:
        kept = ("dataset", "split", "estimator", "cross_validation")
        if isinstance(weights := variant.estimator.get("class_weight"), dict):
            check_class_weight(weights, f"{place}.estimator.class_weight")
            declared["estimator"]["class_weight"] = _by_number(weights, variant, f"{place}.estimator")
        return in_order(cast(Recipe, seeds | {key: declared[key] for key in kept if key in declared}))
    if params.dropout is not None:
        _set_dropout(declared, params.dropout)
    if variant.inputs is not None:
        declared["inputs"] = _positions(params, variant, place)
    if variant.class_weight is not None:
        declared["class_weight"] = _class_weight(variant, place)
    if variant.initial_weights is not None:
        declared["initial_weights"] = _initial(params, variant, place, (*heirs, place))
    for key in ("epochs", "batch_size"):
        if getattr(params, key) is not None:
            declared[key] = getattr(params, key)
    declared["optimizer"] = _optimizer(params, variant)
    declared.setdefault("jit_compile", params.jit_compile)
    if declared.setdefault("device", params.device) == CPU:
        del declared["device"]
    return in_order(cast(Recipe, seeds | {key: value for key, value in declared.items() if value != {}}))


def notes(params: Params) -> Iterator[str]:
    """Say of which variants an override leaves the optimizer as it is, and whose schedules it changes."""
    for name, variant in params.variants.items():
        if variant.optimizer is None:
            continue
        if params.optimizer is not None and _keeps_optimizer(params, variant):
            yield f"variants.{name}: keeps its own optimizer, since one of its callbacks sets the learning rate"
        yield from _changed_steps(params, variant, f"variants.{name}.optimizer.learning_rate")


def _changed_steps(params: Params, variant: Variant, place: str) -> Iterator[str]:
    """Say how the steps of a schedule follow another size of the batches, and where they cannot."""
    declared, made = ((each or {}).get("learning_rate") for each in (variant.optimizer, _optimizer(params, variant)))
    times = _times_as_many_steps(params, variant)
    if times == 1 or not isinstance(declared, dict) or not isinstance(made, dict):
        return
    for argument in STEPS:
        before, after = (np.ravel(each.get(argument) or []) for each in (declared, made))
        is_near = np.allclose(after, before * times, rtol=MAX_ROUNDING)
        if not is_near or (after != before).any():
            same = declared[argument] == made[argument]
            change = f"stays {made[argument]}" if same else f"{declared[argument]} became {made[argument]}"
            result = "as many epochs" if is_near else "not as many epochs, which whole steps cannot give"
            yield f"{place}.{argument}: {change}, as batch_size is {params.batch_size} ({variant.batch_size}): {result}"


def _set_dropout(declared: dict[str, Any], rate: float) -> None:
    """Set the rate of every dropout layer of a variant, those of blocks too, or that of a graph that has one."""
    for _, layer in layers_of(cast(Recipe, declared)):
        if layer["class"] in DROPOUT_LAYERS:
            layer["rate"] = rate
    if declared.get("graph", {}).get("dropout") is not None:
        declared["graph"]["dropout"] = rate


def _optimizer(params: Params, variant: Variant) -> Spec:
    declared: Spec = deepcopy(variant.optimizer or {})
    if params.optimizer is not None and not _keeps_optimizer(params, variant):
        declared = deepcopy(params.optimizer)
    elif isinstance(schedule := declared.get("learning_rate"), dict):
        declared["learning_rate"] = _for_as_many_epochs(schedule, _times_as_many_steps(params, variant))
    if params.learning_rate is not None:
        declared = _with_learning_rate(declared, params.learning_rate)
    return declared


def _keeps_optimizer(params: Params, variant: Variant) -> bool:
    """Whether the override cannot concern the variant: it has a schedule, where a callback sets the rate."""
    sets_rate = any(callback["class"] in SETS_RATE for callback in (variant.callbacks or {}).values())
    override = params.optimizer or {}
    if params.learning_rate is not None:
        override = _with_learning_rate(override, params.learning_rate)
    return sets_rate and isinstance(override.get("learning_rate"), dict)


def _times_as_many_steps(params: Params, variant: Variant) -> float:
    """Give the factor of steps in an epoch that the override of the batch size makes for the variant's own schedule.

    The schedule of an override is meant for the batches as they are.
    """
    is_own = params.optimizer is None or _keeps_optimizer(params, variant)
    return variant.batch_size / params.batch_size if is_own and params.batch_size is not None else 1


def _for_as_many_epochs(schedule: Spec, times: float) -> Spec:
    """Count the steps of a schedule anew, as batches of another size make other steps: `times` as many in an epoch."""

    def counted(steps: Any) -> Any:
        if isinstance(steps, list):
            return [counted(each) for each in steps]
        return max(1, round(steps * times)) if type(steps) is int and steps > 0 else steps

    return {name: counted(value) if name in STEPS else value for name, value in schedule.items()}


def _class_weight(variant: Variant, place: str) -> str | list[float]:
    """Give the weight of each class, 1 where none is given; or `balanced`."""
    classes = spec_of(variant.dataset).classes
    if not classes:
        raise ValueError(f"{place}.class_weight: expected a data set of classes, got {variant.dataset}")
    if isinstance(variant.class_weight, str):
        return variant.class_weight
    given = _by_number(variant.class_weight or {}, variant, place)
    weights = [float(given.get(number, 1)) for number in range(len(classes))]
    if not any(weights):
        raise ValueError(f"{place}.class_weight: expected a weight greater than 0, got {variant.class_weight}")
    return weights


def _by_number(weights: Mapping[str | int, Any], variant: Variant, place: str) -> dict[int, Any]:
    """Give weights of classes, which are named by their names or numbers, by number."""
    classes = spec_of(variant.dataset).classes
    numbers = {name: number for number, name in enumerate(classes)} | {str(each): each for each in range(len(classes))}
    found: dict[int, Any] = {}
    for name, weight in weights.items():
        if str(name) not in numbers:
            raise ValueError(unknown(f"{place}.class_weight", classes, name))
        if numbers[str(name)] in found:
            raise ValueError(f"{place}.class_weight: expected each class once, got {name} by name and by number")
        found[numbers[str(name)]] = weight
    return found


def _initial(params: Params, variant: Variant, place: str, heirs: tuple[str, ...]) -> Recipe:
    """Give the recipe of the variant that is trained before, but for what both share."""
    name = variant.initial_weights
    fitting = [
        other
        for other, each in params.variants.items()
        if f"variants.{other}" not in heirs
        and each.estimator is None
        and (each.dataset, each.split) == (variant.dataset, variant.split)
    ]
    if name not in fitting:
        rows = f"the split {variant.dataset}/{variant.split}, which do not start from this one"
        raise ValueError(f"{unknown(f'{place}.initial_weights', fitting, name)} (Keras variants of {rows})")
    before = recipe(params, params.variants[name], f"variants.{name}", heirs)
    return in_order(cast(Recipe, {"variant": name, **{key: before[key] for key in before if key not in SHARED}}))  # type: ignore[literal-required]


def in_order(recipe: Recipe) -> Recipe:
    """Put the keys of a recipe in one order, so that the order in `params.yaml` re-trains nothing.

    The order of members (layers, metrics, callbacks, inputs, outputs) stays: for most it has a meaning.
    """
    return cast(Recipe, {key: _in_order(recipe[key]) for key in Recipe.__annotations__ if key in recipe})  # type: ignore[literal-required]


def _in_order(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    keys = ["class", *sorted(value.keys() - {"class"}, key=str)] if "class" in value else list(value)
    return {key: _in_order(value[key]) for key in keys}


def _positions(params: Params, variant: Variant, place: str) -> dict[str, list[int]]:
    spec = spec_of(variant.dataset)
    if not spec.features:
        raise ValueError(f"{place}.inputs: expected a data set of columns, got rows of shape {spec.row_shape()}")
    left_out = params.datasets[variant.dataset].splits[variant.split].columns_left_out
    columns = [name for name in spec.feature_names if name not in left_out]
    positions = {}
    for name, words in (variant.inputs or {}).items():
        for word in words:
            if word not in columns:
                raise ValueError(unknown(f"{place}.inputs.{name}", columns, word))
        positions[name] = [columns.index(word) for word in words]
    return positions


def _with_learning_rate(optimizer: Spec, learning_rate: float) -> Spec:
    declared: Any = optimizer.get("learning_rate")
    if isinstance(declared, Mapping) and "initial_learning_rate" in declared:
        return {**optimizer, "learning_rate": {**declared, "initial_learning_rate": learning_rate}}
    return {**optimizer, "learning_rate": learning_rate}
