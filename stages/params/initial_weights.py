"""Check of `initial_weights`: layers of the same name in both models, with weights of the same shapes."""

import keras

from stages.training import builder
from stages.training.recipe import Recipe

Shapes = dict[str, list[tuple[int, ...]]]


def check_initial_weights(recipe: Recipe, row_shape: tuple[int, ...], place: str) -> None:
    """Check that the variant that is trained before has weights for this one. Raises: ValueError.

    row_shape: of the data, without the batch; place: `variants.<name>`.
    """
    if "initial_weights" not in recipe:
        return
    theirs, ours = (_shapes(each, row_shape, place) for each in (recipe["initial_weights"], recipe))
    shared = [name for name in ours if name in theirs]
    if not shared:
        expected = f"a variant with a layer called {', '.join(ours) or 'as one here'}"
        raise ValueError(f"{place}.initial_weights: expected {expected}, got one with {', '.join(theirs) or 'none'}")
    for name in shared:
        if ours[name] != theirs[name]:
            expected = f"{name} with weights of shapes {theirs[name]}, or under another name"
            raise ValueError(f"{place}.initial_weights: expected {expected}, got {ours[name]}")


def _shapes(recipe: Recipe, row_shape: tuple[int, ...], place: str) -> Shapes:
    """Shapes of the weights of each layer that has some."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = builder.build_model(recipe, row_shape, place)
    finally:
        keras.utils.clear_session()
    return {layer.name: [tuple(each.shape) for each in layer.weights] for layer in model.layers if layer.weights}
