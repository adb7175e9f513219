"""The complete recipe of a variant: what `params.yaml` declares, and what the top-level overrides make of it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from stages.datasets.spec import spec_of
from stages.params.messages import unknown
from stages.params.schema import Params, Variant
from stages.training.recipe import Recipe, Spec

DROPOUT_LAYERS = ("Dropout", "AlphaDropout")


def recipes(params: Params) -> Iterator[tuple[str, Recipe]]:
    """Yield the name and the recipe of every variant, in the order of `params.yaml`."""
    for name, variant in params.variants.items():
        yield name, recipe(params, variant, f"variants.{name}")


def recipe(params: Params, variant: Variant, place: str) -> Recipe:
    """Apply the overrides that concern the variant, and leave out what it does not have.

    Raises: ValueError for an input of columns that the split does not have.
    """
    declared = deepcopy(variant.model_dump(exclude_none=True, exclude={"title", "base"}))
    seeds = {"seed": params.seed, "seeds": params.seeds}
    if variant.estimator is not None:
        kept = ("dataset", "split", "estimator", "cross_validation")
        return in_order(cast(Recipe, seeds | {key: declared[key] for key in kept if key in declared}))
    if variant.layers is not None and params.dropout is not None:
        for layer in declared["layers"].values():
            if layer["class"] in DROPOUT_LAYERS:
                layer["rate"] = params.dropout
    if variant.inputs is not None:
        declared["inputs"] = _positions(params, variant, place)
    for key in ("epochs", "batch_size"):
        if getattr(params, key) is not None:
            declared[key] = getattr(params, key)
    if params.optimizer is not None:
        declared["optimizer"] = deepcopy(params.optimizer)
    if params.learning_rate is not None:
        declared["optimizer"] = _with_learning_rate(declared["optimizer"], params.learning_rate)
    declared.setdefault("jit_compile", params.jit_compile)
    return in_order(cast(Recipe, seeds | {key: value for key, value in declared.items() if value != {}}))


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
