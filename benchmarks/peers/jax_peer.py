"""The recipe in JAX: one compiled call per epoch, a `scan` over the batches that the epoch's permutation gathers.

Parameters are a tree of arrays; the optimizers are written out.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Clock
from benchmarks.peers.network import Layer, has_classes, initial_kernel, network, optimizer
from stages.splits import Split
from stages.training.recipe import Recipe

Tree = Any
_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "selu": jax.nn.selu,
    "softmax": jax.nn.softmax,
}


def _initial(layers: list[Layer], generator: np.random.Generator) -> tuple[Tree, Tree]:
    """Trainable values, and moving means and variances, of each layer."""
    values, moving = [], []
    for layer in layers:
        zeros, ones = jnp.zeros(layer.inputs), jnp.ones(layer.inputs)
        if layer.kind == "Dense":
            bias = jnp.zeros(layer.arguments["units"])
            values.append({"kernel": jnp.asarray(initial_kernel(layer, generator)), "bias": bias})
        else:
            values.append({"gamma": ones, "beta": zeros} if layer.kind == "BatchNormalization" else {})
        moving.append({"mean": zeros, "variance": ones} if layer.kind == "BatchNormalization" else {})
    return values, moving


def _outputs(layers: list[Layer], values: Tree, moving: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
    """The outputs of the network in training, and its moving means and variances afterwards."""
    hidden, moved = x, []
    for index, (layer, value, state) in enumerate(zip(layers, values, moving, strict=True)):
        if layer.kind == "Dense":
            hidden = hidden @ value["kernel"] + value["bias"]
        elif layer.kind == "Dropout":
            kept = 1 - layer.arguments["rate"]
            mask = jax.random.bernoulli(jax.random.fold_in(key, index), kept, hidden.shape)
            hidden = jnp.where(mask, hidden / kept, 0)
        elif layer.kind == "BatchNormalization":
            mean, variance = hidden.mean(0), hidden.var(0)
            hidden = (hidden - mean) * jax.lax.rsqrt(variance + 1e-3) * value["gamma"] + value["beta"]
            state = {
                "mean": 0.99 * state["mean"] + 0.01 * mean,
                "variance": 0.99 * state["variance"] + 0.01 * variance,
            }
        elif layer.kind == "Concatenate":
            hidden = jnp.concatenate([x, hidden], axis=1)
        else:
            hidden = _ACTIVATIONS[layer.arguments["activation"]](hidden)
        moved.append(state)
    return hidden, moved


def _updates(recipe: Recipe) -> tuple[int, Callable[..., tuple[jax.Array, tuple[jax.Array, ...]]]]:
    """How many arrays the optimizer keeps per parameter, and its step: (value, gradient, kept, number) -> both anew."""
    name, given = optimizer(recipe)
    rate, epsilon = given["learning_rate"], given.get("epsilon", 0.0)

    def sgd(value: jax.Array, gradient: jax.Array, kept: Any, number: jax.Array) -> Any:
        del number
        return value - rate * gradient, kept

    def rmsprop(value: jax.Array, gradient: jax.Array, kept: Any, number: jax.Array) -> Any:
        del number
        mean_square = given["rho"] * kept[0] + (1 - given["rho"]) * gradient**2
        return value - rate * gradient / jnp.sqrt(mean_square + epsilon), (mean_square,)

    def adam(value: jax.Array, gradient: jax.Array, kept: Any, number: jax.Array) -> Any:
        mean = given["beta_1"] * kept[0] + (1 - given["beta_1"]) * gradient
        mean_square = given["beta_2"] * kept[1] + (1 - given["beta_2"]) * gradient**2
        scaled = rate * jnp.sqrt(1 - given["beta_2"] ** number) / (1 - given["beta_1"] ** number)
        return value - scaled * mean / (jnp.sqrt(mean_square) + epsilon), (mean, mean_square)

    return {"SGD": (0, sgd), "RMSprop": (1, rmsprop), "Adam": (2, adam)}[name]


def train(recipe: Recipe, split: Split, epochs: int, clock: Clock) -> None:
    """Train on the processor."""
    x = jnp.asarray(np.array(split.x["train"]).reshape(len(split.x["train"]), -1))
    y = jnp.asarray(np.array(split.y["train"]))
    rows, batch_size = len(x), recipe["batch_size"]
    full, rest = divmod(rows, batch_size)
    classes = has_classes(recipe)
    layers = network(recipe, x.shape[1])
    values, moving = _initial(layers, np.random.default_rng(recipe["seed"]))
    kept_arrays, update = _updates(recipe)
    flat = jax.tree.leaves(values)
    kept = [tuple(jnp.zeros_like(value) for _ in range(kept_arrays)) for value in flat]

    def loss_of(values: Tree, moving: Tree, inputs: jax.Array, targets: jax.Array, key: jax.Array) -> Any:
        outputs, moved = _outputs(layers, values, moving, inputs, key)
        if classes:
            loss = -jnp.take_along_axis(jax.nn.log_softmax(outputs), targets[:, None], axis=1).mean()
            metric = (outputs.argmax(1) == targets).sum()
        else:
            loss = ((outputs[:, 0] - targets) ** 2).mean()
            metric = jnp.abs(outputs[:, 0] - targets).sum()
        return loss, (moved, metric)

    def step(carried: Tree, inputs: jax.Array, targets: jax.Array) -> Tree:
        values, moving, kept, number, key, loss_sum, metric_sum = carried
        number = number + 1
        ((loss, (moving, metric)), gradients) = jax.value_and_grad(loss_of, has_aux=True)(
            values, moving, inputs, targets, jax.random.fold_in(key, number)
        )
        leaves, structure = jax.tree.flatten(values)
        new = [
            update(value, gradient, state, number)
            for value, gradient, state in zip(leaves, jax.tree.leaves(gradients), kept, strict=True)
        ]
        values = jax.tree.unflatten(structure, [value for value, _ in new])
        kept = [state for _, state in new]
        return values, moving, kept, number, key, loss_sum + loss * len(inputs), metric_sum + metric

    @jax.jit
    def epoch(carried: Tree, order: jax.Array, x: jax.Array, y: jax.Array) -> Tree:
        batches = order[: full * batch_size].reshape(full, batch_size)
        carried, _ = jax.lax.scan(lambda carried, batch: (step(carried, x[batch], y[batch]), None), carried, batches)
        if rest:
            batch = order[full * batch_size :]
            carried = step(carried, x[batch], y[batch])
        return carried

    number, key = jnp.zeros((), jnp.int32), jax.random.key(recipe["seed"])
    orders = np.random.default_rng(recipe["seed"])
    clock.ready(sum(value.size for value in flat))
    for _ in range(epochs):
        order = orders.permutation(rows).astype(np.int32)
        carried = (values, moving, kept, number, key, jnp.zeros(()), jnp.zeros(()))
        values, moving, kept, number, key, loss_sum, metric_sum = epoch(carried, order, x, y)
        clock.epoch(float(loss_sum) / rows, float(metric_sum) / rows)
