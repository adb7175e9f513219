"""Differences between two recipes, for comparisons, the page and `stages.diff`."""

from collections.abc import Iterator, Mapping
from typing import Any

from stages.training.recipe import Recipe

NOT_COMPARED = ("seed", "seeds")


def recipe_differences(a: Recipe, b: Recipe) -> dict[str, tuple[Any, Any]]:
    """Give the values that differ, by their place: {"layers.hidden.units": (100, 64)}; None where there is none.

    Objects of another class are one difference at `<place>.class`, beside those of their arguments. The order of
    layers that both have counts as a difference at `layers`.
    """
    one, other = dict(_flat(a)), dict(_flat(b))
    places = dict.fromkeys([*one, *other])
    found = {place: (one.get(place), other.get(place)) for place in places if one.get(place) != other.get(place)}
    layers = [[name for name in x.get("layers", {}) if name in y.get("layers", {})] for x, y in ((a, b), (b, a))]
    if layers[0] != layers[1]:
        found["layers"] = (" ".join(layers[0]), " ".join(layers[1]))
    return found


def _flat(content: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if place or key not in NOT_COMPARED:
            if isinstance(value, Mapping):
                yield from _flat(value, f"{place}{key}.")
            else:
                yield f"{place}{key}", value
