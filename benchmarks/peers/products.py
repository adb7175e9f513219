"""What a training cannot do without: the matrix products of its Dense layers, by NumPy's OpenBLAS, and nothing else."""

from typing import NamedTuple

import numpy as np

from benchmarks.peers import Clock
from benchmarks.peers.network import network
from stages.splits import Split
from stages.training.recipe import Recipe


class _Layer(NamedTuple):
    kernel: np.ndarray
    gradient_of_kernel: np.ndarray
    x: np.ndarray
    gradient_of_x: np.ndarray
    y: np.ndarray
    gradient_of_y: np.ndarray


def _layers(recipe: Recipe, columns: int, rows: int) -> list[_Layer]:
    """The Dense layers for a batch of so many rows, filled with numbers."""
    generator = np.random.default_rng(0)
    layers = []
    for layer in network(recipe, columns):
        if layer.kind == "Dense":
            units = layer.arguments["units"]
            shapes = [(layer.inputs, units)] * 2 + [(rows, layer.inputs)] * 2 + [(rows, units)] * 2
            layers.append(_Layer(*(generator.standard_normal(shape, dtype=np.float32) for shape in shapes)))
    return layers


def train(recipe: Recipe, split: Split, epochs: int, clock: Clock) -> None:
    """Multiply, batch by batch, what a training does; all layers but the first need the gradient of their input."""
    rows, *shape = split.x["train"].shape
    full, rest = divmod(rows, recipe["batch_size"])
    of_full, of_rest = (_layers(recipe, int(np.prod(shape)), size) for size in (recipe["batch_size"], rest))
    clock.ready(0)
    for _ in range(epochs):
        for layers in [*[of_full] * full, *[of_rest] * bool(rest)]:
            for layer in layers:
                np.matmul(layer.x, layer.kernel, out=layer.y)
            for number, layer in enumerate(layers):
                np.matmul(layer.x.T, layer.gradient_of_y, out=layer.gradient_of_kernel)
                if number:
                    np.matmul(layer.gradient_of_y, layer.kernel.T, out=layer.gradient_of_x)
        clock.epoch(0, 0)
