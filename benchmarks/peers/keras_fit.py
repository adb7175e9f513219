"""Keras's `fit` on arrays, as the source documents write it.

As a peer of others it has no seed: once one is set, `fit` on arrays repeats the first epoch's batches for ever (Keras
3.15), and a network with batch normalization learns those batches by heart.
"""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.peers import Clock
from benchmarks.peers.timed import Timed, trainable
from stages.splits import Split
from stages.training.builder import build_model, compile_model
from stages.training.data import inputs_of, targets_of
from stages.training.recipe import Recipe


def train(recipe: Recipe, split: Split, epochs: int, clock: Clock, deterministic: bool = False) -> None:
    """Train with nothing else set, or with what document E sets for deterministic runs."""
    if deterministic:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(recipe["seed"])
    model = build_model(recipe, split.x["train"].shape[1:], "recipe")
    compile_model(model, recipe, "recipe")
    x, y = inputs_of(recipe, np.array(split.x["train"])), targets_of(recipe, np.array(split.y["train"]), model)
    clock.ready(trainable(model))
    model.fit(x, y, batch_size=recipe["batch_size"], epochs=epochs, verbose=0, callbacks=[Timed(clock)])
