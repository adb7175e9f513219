"""Keras models: from a recipe, its data and a seed to a saved model and what that model predicts."""

import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from stages.splits import Split, forget, give_back_freed_memory
from stages.training import Diverged, Observer, Predictions, Trained, custom_objects, predicted_parts, trainings_of, xla
from stages.training.builder import build_callbacks, build_model, compile_model
from stages.training.data import inputs_of, probabilities_of, sample_weight_of, targets_of
from stages.training.engine import EpochModel, fit
from stages.training.evaluation import ROWS_AT_ONCE, Evaluator
from stages.training.history import History
from stages.training.objects import sentence
from stages.training.recipe import Recipe
from stages.training.saving import save_model


def train(recipe: Recipe, splits: Sequence[Split], name: str, folder: Path, observe: Observer) -> Iterator[Trained]:
    """Train a Keras model on each split with each seed; save the first in the folder, load it back and predict with it.

    The model is that of the last epoch, unless a callback restores or keeps the best one by the validation rows. Test
    rows are only predicted. Without a validation part, the training rows are predicted.

    A training whose loss or predictions are not finite has diverged: no model is made of it, not even of an epoch
    before. The model in the folder is that of the first training that did not diverge, or of the last.
    """
    path = f"variants.{name}"
    fitter = _Fitter(recipe, path)
    in_folder = False
    saved: Any = None
    trainings = list(trainings_of(recipe, splits))
    with custom_objects.scope(custom_objects.source_of(recipe)), tempfile.TemporaryDirectory() as scratch:
        for number, (training, split, seed) in enumerate(trainings):
            history = History(seed, training, recipe["epochs"], observe)
            logs = logs_of(name) / re.sub(r"\W+", "_", training) if len(trainings) > 1 else logs_of(name)
            model = fitter.fit(split, history, Path(scratch) / f"best_{number}.weights.h5", logs)
            diverged, predictions, evaluation = history.diverged, no_predictions(model, split), {}
            if not in_folder and (diverged is None or number == len(trainings) - 1):
                whole = keras.Model(model.input, model.output, name=name)  # without the engine: plain Keras opens it
                compile_model(whole, recipe, path, model.optimizer)
                save_model(whole, folder / "model.keras")
                whole.save_weights(folder / "model.weights.h5")
                saved = keras.models.load_model(folder / "model.keras")
                predict, evaluator = predictor(saved, recipe), Evaluator(saved, recipe, path)
            elif diverged is None:
                whole.save_weights(Path(scratch) / "model.weights.h5")
                saved.load_weights(Path(scratch) / "model.weights.h5")
            if diverged is None:
                predictions = predict_parts(predict, split)
                diverged = _not_finite(predictions, len(history.rows))
            if diverged is None:
                in_folder, evaluation = True, evaluator.evaluate(split)
            forget(split.x["train"])
            yield Trained(predictions, history.rows, summarize(model), evaluation, diverged, fitter.before())


def logs_of(name: str) -> Path:
    """Folder of what the variant's callbacks log: `logs/<variant>`, of an experiment `logs/<experiment>/<variant>`.

    It is in the repository from which DVC was started, also if the experiment runs in a copy.
    """
    return Path(os.environ.get("DVC_ROOT", "."), "logs", os.environ.get("DVC_EXP_NAME", ""), name)


class _Fitter:
    """Fits the models of a recipe. What is compiled for the first serves all; each starts as it would alone.

    The variant of `initial_weights` is trained before, on the same rows with the same seed, so that each seed has a
    start of its own. Layers that have the same name in both then start with its weights.
    """

    def __init__(self, recipe: Recipe, place: str) -> None:
        self.recipe, self._place = recipe, place
        self._model: Any = None
        self._epochs = 0
        self._before = _Fitter(recipe["initial_weights"], place) if "initial_weights" in recipe else None

    def fit(self, split: Split, history: History, best: Path, logs: Path) -> EpochModel:
        """Train on a split from the seed of the history.

        best: a file for the weights of the best epoch, if a callback keeps them; logs: a folder for what callbacks log.
        """
        weights = self._initial_weights(split, history, best, logs)
        keras.utils.clear_session()  # numbers the names of the layers anew
        keras.utils.set_random_seed(history.seed)
        shape = split.x["train"].shape[1:]
        built = build_model(self.recipe, shape, self._place, keras.Model if self._model else EpochModel)
        compile_model(built, self.recipe, self._place)
        for layer in built.layers:
            if layer.weights and layer.name in weights:
                layer.set_weights(weights[layer.name])
        if self._model is None:
            self._model = built
        else:
            self._model.restart(built)
        self._run(split, history, best, logs)
        return self._model

    def before(self) -> list[dict[str, Any]]:
        """Give the layers and the epochs of the trainings that ran before the last one."""
        if self._before is None:
            return []
        layers = summarize(self._before._model)["layers"]
        return [{"layers": layers, "epochs": self._before._epochs}, *self._before.before()]

    def _initial_weights(self, split: Split, history: History, best: Path, logs: Path) -> dict[str, list[np.ndarray]]:
        if self._before is None:
            return {}
        training, epochs = f"{history.training}, initial weights", self._before.recipe["epochs"]
        before = History(history.seed, training, epochs, history.observe)
        model = self._before.fit(split, before, best.with_name(f"initial_{best.name}"), logs / "initial_weights")
        return {layer.name: layer.get_weights() for layer in model.layers}

    def _run(self, split: Split, history: History, best: Path, logs: Path) -> None:
        recipe, model = self.recipe, self._model
        own = build_callbacks(recipe, self._place, best, logs)
        rows, jit_compile = _part(recipe, split, "train", model), recipe["jit_compile"]
        weight = sample_weight_of(recipe, split.y["train"])
        model.set_data(*rows, recipe["batch_size"], history.seed, jit_compile, weight)
        validation = _part(recipe, split, "validation", model) if "validation" in split.x else None
        try:
            fit(model, recipe["epochs"], validation, [history, *own, _SpareMemory(split.x["train"])])
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            if "XLA" not in str(error):
                raise
            reason = sentence(error).split("<stack traces unavailable>")[-1].partition(" [[")[0].strip()[:300]
            hint = f"{self._place}.jit_compile: expected layers that XLA can compile, or false"
            raise ValueError(f"{hint}, got: {reason}") from None
        if best.exists():
            model.load_weights(best)
        self._epochs = len(history.rows)


class _SpareMemory(keras.callbacks.Callback):
    """Gives back in the first epoch, when most is held, the training rows and what the compiler has freed."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__()
        self._x = x
        self._compiled = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:  # the training step is compiled
        del logs
        self._spare()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:  # the validation too
        del logs
        self._spare()
        self._compiled = True

    def _spare(self) -> None:
        if not self._compiled:
            forget(self._x)
            give_back_freed_memory()


def _part(recipe: Recipe, split: Split, part: str, model: keras.Model) -> tuple[Any, Any]:
    return inputs_of(recipe, split.x[part]), targets_of(recipe, split.y[part], model)


def predict_parts(predict: Callable[[np.ndarray], Predictions], split: Split) -> Predictions:
    """Predict the parts of the split that are predicted, with what `predictor` gave."""
    return {
        _key(part, output): values
        for part in predicted_parts(split)
        for output, values in predict(split.x[part]).items()
    }


def no_predictions(model: keras.Model, split: Split) -> Predictions:
    """Give the predictions of a training that diverged: not a number, in the shapes of the others."""
    shapes = {name: output.shape[1:] for name, output in zip(_outputs(model), model.outputs, strict=True)}
    return {
        _key(part, output): np.full((len(split.x[part]), *shape), np.nan, dtype=np.float32)
        for part in predicted_parts(split)
        for output, shape in shapes.items()
    }


def _key(part: str, output: str) -> str:
    return part if output == "main" else f"{part}_{output}"


def _outputs(model: keras.Model) -> list[str]:
    """Names of the outputs; a single one is called `main`."""
    return model.output_names if len(model.outputs) > 1 else ["main"]


def _not_finite(predictions: Predictions, epoch: int) -> Diverged | None:
    """Say which predictions are not finite, if any; all are not a number then."""
    found = {key: values[~np.isfinite(values)] for key, values in predictions.items()}
    for key, wrong in found.items():
        if len(wrong):
            for values in predictions.values():
                values.fill(np.nan)
            return Diverged(epoch, f"prediction of {key} rows {wrong[0]}")
    return None


def predictor(model: keras.Model, recipe: Recipe) -> Callable[[np.ndarray], Predictions]:
    """Trace what predicts normalized rows, float32 (n, ...), with n of at least 1, compiled as the recipe says.

    It returns float32 (n, outputs) by output; a single one is called `main`. Logits are turned into probabilities.
    """
    names = _outputs(model)

    def probabilities(x: tf.Tensor) -> list[tf.Tensor]:
        outputs = model(x, training=False)
        several = outputs if isinstance(outputs, list) else [outputs]
        return probabilities_of(recipe, model.output_names, several)

    compiled = xla.function(probabilities, recipe["jit_compile"])

    def predict(x: np.ndarray) -> Predictions:
        batches: list[list[np.ndarray]] = []
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = x[start : start + ROWS_AT_ONCE]
            # All batches of one size: traced once, and the prediction of a row depends on no other row.
            padded = np.pad(rows, [(0, ROWS_AT_ONCE - len(rows)), *[(0, 0)] * (rows.ndim - 1)])
            outputs = compiled(inputs_of(recipe, padded))
            batches.append([np.asarray(values)[: len(rows)].astype(np.float32, copy=False) for values in outputs])
        return {name: np.concatenate(values) for name, values in zip(names, zip(*batches, strict=True), strict=True)}

    return predict


def summarize(model: keras.Model) -> dict[str, Any]:
    """Layers with shapes, parameter counts and the layers that feed each, as `model.summary()` shows them."""
    return {
        "parameters": model.count_params(),
        "trainable_parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "layers": [
            {
                "name": layer.name,
                "class": type(layer).__name__,
                "inputs": _names_of_layers_before(layer),
                "output_shape": list(layer.output.shape),
                "parameters": layer.count_params(),
                "trainable": bool(layer.trainable_weights),
                "multiply_adds": _multiply_adds(layer),
            }
            for layer in model.layers
        ],
    }


def _multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiplications and additions of the layer's kernel for one row: of its matrix product or convolution alone."""
    positions = math.prod(layer.output.shape[1:-1])
    return sum(math.prod(weight.shape) for weight in layer.weights if weight.name == "kernel") * positions


def _names_of_layers_before(layer: keras.layers.Layer) -> list[str]:
    if isinstance(layer, keras.layers.InputLayer):
        return []
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in inputs]
