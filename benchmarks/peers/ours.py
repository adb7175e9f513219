"""The repository's own training."""

from benchmarks.peers import Clock
from stages.splits import Split
from stages.training import import_tensorflow
from stages.training.recipe import Recipe


def train(
    recipe: Recipe,
    split: Split,
    epochs: int,
    clock: Clock,
    jit_compile: bool | None = None,
    deterministic: bool = True,
) -> None:
    """Train as `stages.training.keras_models.train` does, without validation.

    jit_compile: instead of the recipe's. deterministic: else TensorFlow chooses the operations and the threads, and the
    weights and dropout have no seed; the order of the batches has one either way.
    """
    import_tensorflow()
    import keras

    from benchmarks.peers.timed import Timed, trainable
    from stages.training.builder import build_model, compile_model
    from stages.training.data import inputs_of, targets_of
    from stages.training.engine import EpochModel, fit, make_deterministic

    if deterministic:
        make_deterministic()
        keras.utils.set_random_seed(recipe["seed"])
    model = build_model(recipe, split.x["train"].shape[1:], "recipe", EpochModel)
    compile_model(model, recipe, "recipe")
    x, y = inputs_of(recipe, split.x["train"]), targets_of(recipe, split.y["train"], model)
    compiled = recipe["jit_compile"] if jit_compile is None else jit_compile
    model.set_data(x, y, recipe["batch_size"], recipe["seed"], compiled)
    clock.ready(trainable(model))
    fit(model, epochs, callbacks=[Timed(clock)])
