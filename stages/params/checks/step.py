"""One training step of a recipe on made-up rows: what fails here would fail when the training starts."""

import inspect
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow.python.framework import kernels, op_callbacks

from stages.params.checks.measures import check_measures
from stages.params.checks.rows import Data, as_keras, random_rows, targets
from stages.params.checks.saved import check_saved
from stages.params.messages import plain, sentence
from stages.training import builder, silent, xla
from stages.training.recipe import Recipe

Operation = tuple[str, frozenset[tuple[str, int]]]
"""The type of an operation of TensorFlow, and its attributes that are types of data."""

TYPES = frozenset(DataType.values())

COMPILED = ("core", "activations", "regularization", "normalization", "merging", "reshaping")
"""Packages of Keras's layers that XLA compiles if it has kernels for their operations; a test compiles each."""


def check_step(recipe: Recipe, model: keras.Model, data: Data, place: str) -> None:
    """Train the compiled model for one step as Keras does, and ask XLA whether it compiles that step.

    place: `variants.<name>`. Raises: ValueError.
    """
    batch: Any = (as_keras(random_rows(recipe, data, 2)), targets(recipe, data, model, 2))
    if "class_weight" in recipe:
        batch += (np.ones(2, dtype=np.float32),)
    operations: set[Operation] = set()
    try:
        with _recorded(operations):
            results = model.train_step(tf.nest.map_structure(tf.constant, batch))
    except Exception as error:  # whatever Keras and TensorFlow make of what does not fit
        check_measures(recipe, model, data, place)
        raise ValueError(_explained(error, recipe, model, batch[0], place)) from None
    if any(np.ndim(value) for value in results.values()):
        check_measures(recipe, model, data, place)
    if not np.isfinite(results["loss"]):
        raise ValueError(f"{place}: expected a finite loss for made-up rows, got {float(results['loss'])}")
    for weight in model.trainable_weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight).astype(np.float32)).all():
            expected = f"{weight.path} finite after a step on made-up rows"
            raise ValueError(f"{place}: expected {expected}, got not a number or infinity")
    check_saved(model, batch[0], place)
    simple = all(_is_simple(layer) for layer in model._flatten_layers(include_self=False))
    if recipe["jit_compile"] and not (simple and all(_has_kernel(each) for each in operations)):
        _check_compiled(model, batch, place)


@cache
def prepare() -> None:
    """Let TensorFlow compute as in trainings: some operations cannot be deterministic. Once: it forgets its kernels."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)


def _explained(error: Exception, recipe: Recipe, model: keras.Model, x: Any, place: str) -> str:
    got = plain(error)
    if "layers" not in recipe:
        return f"{place}.graph: expected a graph that trains, got: {got}"
    tensor = x
    for layer in model.layers[1:]:
        takes_training = "training" in inspect.signature(layer.call).parameters
        try:
            tensor = layer(tensor, training=True) if takes_training else layer(tensor)
        except Exception:  # the same again
            return f"{place}.layers: expected layers that fit rows of shape {x.shape[1:]}, got {layer.name}: {got}"
    return f"{place}: expected layers, a loss, metrics and an optimizer that train together, got: {got}"


@contextmanager
def _recorded(operations: set[Operation]) -> Iterator[None]:
    """Record the operations that run. TensorFlow has no public way to do it; it is pinned."""

    def record(operation: str | bytes, inputs: Any, attributes: Any, *_: Any, **__: Any) -> None:
        del inputs
        name = operation.decode() if isinstance(operation, bytes) else operation
        pairs = zip(attributes[::2], attributes[1::2], strict=True) if isinstance(attributes, tuple) else ()
        types = {(key, int(value)) for key, value in pairs if type(value) is int and value in TYPES}
        operations.add((name, frozenset(types)))

    op_callbacks.add_op_callback(record)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(record)


def _is_simple(layer: keras.layers.Layer) -> bool:
    module = type(layer).__module__
    return any(module.startswith(f"keras.src.layers.{package}.") for package in COMPILED)


@cache
def _has_kernel(operation: Operation) -> bool:
    """Whether XLA has a kernel for an operation and its types, or does not meet it."""
    name, types = operation
    if name in ("VarHandleOp", "Placeholder") or name.startswith("_"):  # made before the step; functions
        return True
    return any(
        all(dict(types).get(each.name, allowed[0]) in allowed for each, allowed in constraints)
        for constraints in _kernels(name)
    )


@cache
def _kernels(name: str) -> list[list[tuple[Any, list[int]]]]:
    """Give the constraints of each of XLA's kernels for an operation: types by attribute."""
    _start_xla()
    found = [each for each in kernels.get_registered_kernels_for_op(name).kernel if each.device_type == "XLA_CPU_JIT"]
    return [
        [(each, types) for each in kernel.constraint if (types := list(each.allowed_values.list.type))]
        for kernel in found
    ]


@cache
def _start_xla() -> None:
    """Let XLA register its kernels."""
    function = tf.function(lambda x: x + 1, jit_compile=True, autograph=False)
    function.experimental_get_compiler_ir(tf.constant(0.0))(stage="hlo")


def _check_compiled(model: keras.Model, batch: Any, place: str) -> None:
    """Let XLA convert the step to its own operations, which takes a tenth of the time of compiling it.

    As in a training it is in a loop: what is a constant elsewhere is none there.
    """

    @tf.function(jit_compile=True, autograph=False)
    def step(batch: Any) -> None:
        def train(number: tf.Tensor) -> tuple[tf.Tensor]:
            model.train_step(tf.nest.map_structure(lambda array: tf.gather(array, tf.range(2) + number), batch))
            return (number + 1,)

        tf.while_loop(lambda number: number < 1, train, [0], parallel_iterations=1)

    try:
        with silent(2), xla.tracing():
            step.experimental_get_compiler_ir(tf.nest.map_structure(tf.constant, batch))(stage="hlo")
    except Exception as error:  # whatever XLA does not like
        text = sentence(error)
        scopes = re.findall(r"functional\w*/(\w+?)(?:_\d+)?/", text)
        layers = [layer for layer in model.layers if layer.name in scopes]
        what = f"{layers[0].name} ({type(layers[0]).__name__})" if layers else f"these layers ({plain(error)})"
        raise ValueError(f"{place}.jit_compile: expected false, since XLA cannot compile {what}, got true") from None


def check_callbacks_run(recipe: Recipe, model: keras.Model, data: Data, place: str) -> None:
    """Let the callbacks see an epoch of one step of the compiled model, in a folder that is removed.

    Raises: ValueError.
    """
    names = ["loss", *recipe.get("metrics", {})]
    logs = dict.fromkeys([*names, *(f"val_{name}" for name in names if data.has_validation)], 0.5)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        callbacks = builder.build_callbacks(recipe, place, Path(folder) / "best.weights.h5", Path(folder) / "logs")
        for name, callback in zip(recipe.get("callbacks", {}), callbacks, strict=True):
            model.stop_training = False
            each = keras.callbacks.CallbackList([callback], model=model, epochs=1, steps=1, verbose=0)
            try:
                each.on_train_begin()
                each.on_epoch_begin(0)
                each.on_train_batch_begin(0)
                each.on_train_batch_end(0, dict(logs))
                each.on_test_begin()
                each.on_test_end(dict(logs))
                each.on_epoch_end(0, dict(logs))
                each.on_train_end(dict(logs))
            except Exception as error:  # whatever a callback does not like
                own = f"{place}.callbacks.{name}"
                expected = f"{type(callback).__name__} with arguments that fit the model"
                raise ValueError(f"{own}: expected {expected}, got: {plain(error)}") from None
