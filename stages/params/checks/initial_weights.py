"""Check of `initial_weights`: layers of the same name in both models, with weights of the same shapes."""

import keras

from stages.params.checks.session import session
from stages.training import builder
from stages.training.recipe import Recipe


def check_initial_weights(before: Recipe, model: keras.Model, row_shape: tuple[int, ...], place: str) -> None:
    """Check that the variant that is trained before has weights for a model. Raises: ValueError.

    before: its recipe; row_shape: of the data, without the batch; place: `variants.<name>` of the model.
    """
    with session(), keras.StatelessScope(initialize_variables=False):
        theirs = _shapes(builder.build_model(before, row_shape, place))
    ours = _shapes(model)
    shared = [name for name in ours if name in theirs]
    if not shared:
        expected = f"a variant with a layer called {', '.join(ours) or 'as one here'}"
        raise ValueError(f"{place}.initial_weights: expected {expected}, got one with {', '.join(theirs) or 'none'}")
    for name in shared:
        if ours[name] != theirs[name]:
            expected = f"{name} with weights of shapes {theirs[name]}, or under another name"
            raise ValueError(f"{place}.initial_weights: expected {expected}, got {ours[name]}")


def _shapes(model: keras.Model) -> dict[str, list[tuple[int, ...]]]:
    """Shapes of the weights of each layer that has some."""
    return {layer.name: [tuple(each.shape) for each in layer.weights] for layer in model.layers if layer.weights}
