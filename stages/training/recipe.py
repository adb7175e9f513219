"""The recipe of a variant: everything that its training depends on, apart from the data and the code.

`stages.configure` writes one per variant to `data/recipes/<variant>.json`, complete and checked. Trainings trust it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

Spec = dict[str, Any]
"""One object: `{"class": "Dense", "units": 100}` stands for `Dense(units=100)`. Arguments may be objects themselves."""


class Recipe(TypedDict, total=False):
    """One variant; a Keras model by its layers or its graph, or a scikit-learn estimator."""

    seed: int
    seeds: int
    """Number of seeds: it is trained with seed, seed + 1, … on every repetition of its split."""
    dataset: str
    split: str
    layers: dict[str, Spec]
    """By name, in their order: layers, and blocks of layers, which have `layers` and no class. `repeat` says how often
    one stands there."""
    graph: Spec
    """A function of `stages.training.graphs`."""
    inputs: dict[str, list[int]]
    """Positions of the columns of each input, if there are several."""
    initial_weights: "Recipe"
    """The recipe of the variant that is trained before, with the same seed, without the keys that both share."""
    variant: str
    """Name of that variant, in its recipe there."""
    optimizer: Spec
    loss: Spec | dict[str, Spec]
    """One for all outputs, or one for each by name; see `losses_of`."""
    loss_weights: dict[str, float]
    class_weight: str | list[float]
    """Weight of the training rows of each class in the loss; `balanced`: as many for each class in all."""
    metrics: dict[str, Spec]
    """By the name that they have in the history."""
    batch_size: int
    epochs: int
    callbacks: dict[str, Spec]
    jit_compile: bool
    device: str
    """`gpu`; a recipe for the processor names none. See `stages.training.device`."""
    estimator: Spec
    """A class of `sklearn.linear_model` or `sklearn.dummy`."""
    cross_validation: int
    """Folds, over all rows that are not for the test."""
    custom_objects: dict[str, str]
    """`file` with classes of the user's own and its `sha256`, if the variant names one; see `custom_objects`."""


def losses_of(recipe: Recipe, outputs: list[str]) -> dict[str, Spec]:
    """Give the loss of each output, by the outputs' names."""
    loss = recipe["loss"]
    return dict.fromkeys(outputs, loss) if "class" in loss else {output: loss[output] for output in outputs}


def is_block(layer: Mapping[str, Any]) -> bool:
    """Whether a member of `layers` is a block of layers."""
    return "class" not in layer


def layers_of(recipe: Recipe) -> Iterator[tuple[str, Spec]]:
    """Yield each layer that the recipe declares, once, with its place below the variant; none for a graph."""
    yield from _layers(recipe.get("layers", {}), "layers")


def _layers(layers: Mapping[str, Any], place: str) -> Iterator[tuple[str, Spec]]:
    for name, layer in layers.items():
        if is_block(layer):
            yield from _layers(layer["layers"], f"{place}.{name}.layers")
        else:
            yield f"{place}.{name}", layer


def takes_indices(loss: Spec) -> bool:
    """Whether the loss compares outputs with the numbers of classes, and not with one-hot rows."""
    return loss["class"].startswith("Sparse") or loss["class"] == "CategoricalGeneralizedCrossEntropy"


def has_logits(loss: Spec) -> bool:
    """Whether the outputs that the loss compares are logits, and not yet probabilities."""
    return bool(loss.get("from_logits", False))
