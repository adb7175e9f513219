"""What the top-level overrides make of a variant: its complete recipe."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from stages.params.schema import Params, Variant

Recipe = dict[str, Any]
"""A variant with everything that its training depends on, apart from the data; see `data/recipes/`."""

_DROPOUT_LAYERS = ("Dropout", "AlphaDropout")


def recipes(params: Params) -> Iterator[tuple[str, Recipe]]:
    """Yield the name and the recipe of every variant, in the order of `params.yaml`."""
    for name, variant in params.variants.items():
        yield name, recipe(params, variant)


def recipe(params: Params, variant: Variant) -> Recipe:
    """Apply the overrides that concern the variant, and leave out what it does not have."""
    declared = deepcopy(variant.model_dump(exclude_none=True))
    seeds = {"seed": params.seed, "repeats": params.repeats}
    if variant.estimator is not None:
        kept = ("dataset", "split", "estimator", "cross_validation")
        return seeds | {key: declared[key] for key in kept if key in declared}
    if variant.layers is not None:
        declared["layers"] = _numbered(declared["layers"])
        if params.dropout is not None:
            for key, arguments in declared["layers"].items():
                if key.partition("_")[2] in _DROPOUT_LAYERS:
                    arguments["rate"] = params.dropout
    for key in ("epochs", "batch_size"):
        if getattr(params, key) is not None:
            declared[key] = getattr(params, key)
    if params.optimizer is not None:
        declared["optimizer"] = params.optimizer
    if params.learning_rate is not None:
        declared["optimizer"] = _with_learning_rate(declared["optimizer"], params.learning_rate)
    declared.setdefault("jit_compile", params.jit_compile)
    return seeds | {key: value for key, value in declared.items() if value not in ([], {})}


def _numbered(layers: list[dict[str, Any]]) -> dict[str, Any]:
    # DVC compares and prints mappings key by key and lists as a whole: `layers.2_Dropout.rate 0.5 0.3` reads well.
    # The number keeps the order a part of what is compared.
    numbered = {}
    position = 0
    for layer in layers:
        ((class_name, arguments),) = ((key, value) for key, value in layer.items() if key != "repeat")
        times = layer.get("repeat", 1)
        positions = f"{position}" if times == 1 else f"{position}-{position + times - 1}"
        numbered[f"{positions}_{class_name}"] = arguments
        position += times
    return numbered


def _with_learning_rate(optimizer: dict[str, Any], learning_rate: float) -> dict[str, Any]:
    ((class_name, arguments),) = deepcopy(optimizer).items()
    declared = arguments.get("learning_rate")
    if isinstance(declared, dict):
        for options in declared.values():
            if not isinstance(options, dict):
                return optimizer  # no schedule at all; the builder says so
            if "initial_learning_rate" in options:
                options["initial_learning_rate"] = learning_rate
                return {class_name: arguments}
    return {class_name: arguments | {"learning_rate": learning_rate}}
