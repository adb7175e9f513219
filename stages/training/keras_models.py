"""Keras models: from a recipe, its data and a seed to a saved model and what that model predicts."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.datasets import Split
from stages.recipes.resolve import Recipe
from stages.training import Predictions, Trained, predicted_parts
from stages.training.builder import build_callbacks, build_model, compile_model
from stages.training.data import inputs_of, targets_of
from stages.training.engine import EpochModel, fit
from stages.training.progress import History, Progress
from stages.training.saving import save_model


def train(recipe: Recipe, split: Split, seed: int, name: str, title: str, folder: Path) -> Trained:
    """Train a Keras model, save it in the folder, load it back and predict with it.

    The model is that of the last epoch, unless a callback restores or keeps the best one by the validation rows. Test
    rows are only predicted. Without a validation part, the training rows are predicted.

    Raises: ValueError if the loss is not finite, unless the recipe's TerminateOnNaN deals with it.
    """
    keras.utils.clear_session()  # numbers the names of the layers anew
    keras.utils.set_random_seed(seed)
    path = f"variants.{name}"
    model = build_model(recipe, split.x["train"].shape[1:], path, EpochModel)
    compile_model(model, recipe, path)
    history = History(seed, stops_on_nan="TerminateOnNaN" in recipe.get("callbacks", {}))
    with tempfile.TemporaryDirectory() as scratch:
        best = Path(scratch) / "best.weights.h5"
        callbacks = build_callbacks(recipe, path, checkpoint=best, logs=Path("logs") / name)
        model.set_data(*_part(recipe, split, "train", model), recipe["batch_size"], seed, recipe["jit_compile"])
        validation = _part(recipe, split, "validation", model) if "validation" in split.x else None
        fit(model, recipe["epochs"], validation, [history, *callbacks, Progress(title, recipe["epochs"])])
        if best.exists():
            model.load_weights(best)
    whole = keras.Model(model.input, model.output, name=name)  # without the engine: plain Keras opens it
    compile_model(whole, recipe, path, model.optimizer)
    save_model(whole, folder / "model.keras")
    whole.save_weights(folder / "model.weights.h5")
    table = history.table()
    return Trained(predict_parts(folder, recipe, split), table, {**summarise(whole), "jit_compiled": model.is_jit_compiled, "epochs": len(table)})


def _part(recipe: Recipe, split: Split, part: str, model: keras.Model) -> tuple[Any, Any]:
    return inputs_of(recipe, split.x[part]), targets_of(recipe, split.y[part], model)


def predict_parts(folder: Path, recipe: Recipe, split: Split) -> Predictions:
    """Predict the parts of the split that are predicted, with the saved model.

    Raises: ValueError if a prediction is not finite.
    """
    model = keras.models.load_model(folder / "model.keras")
    predictions = {}
    for part in predicted_parts(split):
        for output, values in predict(model, recipe, split.x[part]).items():
            if not np.isfinite(values).all():
                raise ValueError(
                    f"predictions of {part} rows: expected finite numbers, got {values[~np.isfinite(values)][0]}"
                )
            predictions[part if output == "main" else f"{part}_{output}"] = values
    return predictions


def predict(model: keras.Model, recipe: Recipe, x: np.ndarray) -> Predictions:
    """Predict normalized rows in one batch.

    x: float32 (n, ...). Returns: float32 (n, outputs) by output; a single one is called `main`.
    """
    outputs = model(inputs_of(recipe, x), training=False)
    names = model.output_names if isinstance(outputs, list) else ["main"]
    values = outputs if isinstance(outputs, list) else [outputs]
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(names, values, strict=True)}


def summarise(model: keras.Model) -> dict[str, Any]:
    """Layers with shapes and parameter counts, as `model.summary()` shows them."""
    return {
        "parameters": model.count_params(),
        "trainable_parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "layers": [
            {
                "name": layer.name,
                "class": type(layer).__name__,
                "output_shape": list(layer.output.shape),
                "parameters": layer.count_params(),
            }
            for layer in model.layers
        ],
    }
