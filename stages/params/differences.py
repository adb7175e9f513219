"""Differences between two recipes, for comparisons, the page and `stages.diff`."""

from collections.abc import Mapping
from typing import Any

from stages.training.recipe import Recipe

NOT_COMPARED = ("seed", "seeds")


def recipe_differences(a: Recipe, b: Recipe) -> dict[str, tuple[Any, Any]]:
    """Give the values that differ, by their place: {"layers.hidden.units": (100, 64)}; None where there is none.

    A mapping that one of the recipes does not have is one difference: {"layers.dropout": (None, {"class": …})}. Objects
    of another class are one difference at `<place>.class`, beside those of their arguments. The order of layers that
    both have counts as a difference at `layers`.
    """
    one, other = ({key: value for key, value in recipe.items() if key not in NOT_COMPARED} for recipe in (a, b))
    found = _between(one, other)
    layers = [[name for name in x.get("layers", {}) if name in y.get("layers", {})] for x, y in ((a, b), (b, a))]
    if layers[0] != layers[1]:
        found["layers"] = (" ".join(layers[0]), " ".join(layers[1]))
    return found


def _between(a: Mapping[str, Any], b: Mapping[str, Any], place: str = "") -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for key in dict.fromkeys([*a, *b]):
        one, other = a.get(key), b.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found |= _between(one, other, f"{place}{key}.")
        elif one != other:
            found[f"{place}{key}"] = (one, other)
    return found
