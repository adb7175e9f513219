"""The recipe of a variant: everything that its training depends on, apart from the data and the code.

`stages.configure` writes one per variant to `data/recipes/<variant>.json`, complete and checked. Trainings trust it.
"""

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
    """By name, in their order. `repeat` says how often a layer stands there."""
    graph: Spec
    """A function of `stages.training.graphs`."""
    inputs: dict[str, list[int]]
    """Positions of the columns of each input, if there are several."""
    optimizer: Spec
    loss: Spec | dict[str, Spec]
    """One for all outputs, or one for each by name; see `losses_of`."""
    loss_weights: dict[str, float]
    metrics: dict[str, Spec]
    """By the name that they have in the history."""
    batch_size: int
    epochs: int
    callbacks: dict[str, Spec]
    jit_compile: bool
    estimator: Spec
    """A class of `sklearn.linear_model` or `sklearn.dummy`."""
    cross_validation: int
    """Folds, over all rows that are not for the test."""


def losses_of(recipe: Recipe, outputs: list[str]) -> dict[str, Spec]:
    """Give the loss of each output, by the outputs' names."""
    loss = recipe["loss"]
    return dict.fromkeys(outputs, loss) if "class" in loss else {output: loss[output] for output in outputs}
