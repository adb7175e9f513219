"""Keras's `fit` on arrays, as the source documents write it.

No seed is set: once one is, `fit` on arrays repeats the first epoch's batches for ever (Keras 3.15), and a net with
batch normalisation learns those batches by heart.
"""

import numpy as np

from benchmarks.peers import Clock
from benchmarks.peers.timed import Timed, trainable
from stages.datasets import Split
from stages.recipes.resolve import Recipe
from stages.training.builder import build_model, compile_model
from stages.training.data import inputs_of, targets_of


def train(recipe: Recipe, split: Split, epochs: int, clock: Clock) -> None:
    """Train with nothing else set."""
    model = build_model(recipe, split.x["train"].shape[1:], "recipe")
    compile_model(model, recipe, "recipe")
    x, y = inputs_of(recipe, np.array(split.x["train"])), targets_of(recipe, np.array(split.y["train"]), model)
    clock.ready(trainable(model))
    model.fit(x, y, batch_size=recipe["batch_size"], epochs=epochs, verbose=0, callbacks=[Timed(clock)])
