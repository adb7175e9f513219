"""A recipe for PyTorch and JAX: a row of simple layers, and Keras's initial weights."""

from typing import Any, NamedTuple

import numpy as np

from stages.training.recipe import Recipe, Spec


class Layer(NamedTuple):
    """One simple layer."""

    kind: str
    """Dense, Dropout, BatchNormalization, Activation, or Concatenate (with the network's input, which comes first)."""
    arguments: dict[str, Any]
    inputs: int
    """Numbers that go in per row."""


def network(recipe: Recipe, columns: int) -> list[Layer]:
    """Layers of a recipe for rows of so many numbers, without the last softmax, which belongs to the loss.

    ValueError for what no peer knows.
    """
    if recipe.get("inputs") or recipe.get("loss_weights"):
        raise ValueError("expected a recipe of one input and one output")
    written = _from_graph(recipe["graph"]) if "graph" in recipe else _from_layers(recipe["layers"])
    layers = []
    width = columns
    for kind, arguments in written:
        if kind == "Flatten":
            continue
        if kind not in ("Dense", "Dropout", "BatchNormalization", "Activation", "Concatenate"):
            raise ValueError(f"layers: expected a kind of layer that the peers know, got {kind!r}")
        known = {"Dense": {"units", "kernel_initializer"}, "Dropout": {"rate"}, "Activation": {"activation"}}
        unknown = arguments.keys() - known.get(kind, set())
        if unknown:
            raise ValueError(f"layers.{kind}: expected arguments that the peers know, got {', '.join(sorted(unknown))}")
        layers.append(Layer(kind, arguments, width))
        width = {"Dense": arguments.get("units"), "Concatenate": columns + width}.get(kind, width) or width
    loss = recipe["loss"].get("class")
    if has_classes(recipe):
        if layers[-1] != Layer("Activation", {"activation": "softmax"}, width):
            raise ValueError(f"layers: expected a softmax at the end for {loss}, got {layers[-1].kind}")
        layers.pop()
    elif loss != "MeanSquaredError":
        raise ValueError(f"loss: expected one that the peers know, got {loss!r}")
    return layers


def has_classes(recipe: Recipe) -> bool:
    """Whether the recipe's loss is the cross-entropy of several classes."""
    return str(recipe["loss"].get("class")).endswith("CategoricalCrossentropy")


def _from_layers(layers: dict[str, Spec]) -> list[tuple[str, dict[str, Any]]]:
    written = []
    for layer in layers.values():
        arguments = {name: value for name, value in layer.items() if name not in ("class", "repeat")}
        for _ in range(layer.get("repeat", 1)):
            written.extend(_without_activation(layer["class"], arguments))
    return written


def _from_graph(graph: Spec) -> list[tuple[str, dict[str, Any]]]:
    if graph["class"] != "wide_and_deep" or graph.keys() != {"class", "hidden_layers", "units", "activation"}:
        raise ValueError(f"graph: expected wide_and_deep with one output, got {', '.join(map(str, graph.items()))}")
    hidden = _without_activation("Dense", {"units": graph["units"], "activation": graph["activation"]})
    return [*hidden * graph["hidden_layers"], ("Concatenate", {}), ("Dense", {"units": 1})]


def _without_activation(kind: str, arguments: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if kind == "Activation" or "activation" not in arguments:
        return [(kind, arguments)]
    rest = {name: value for name, value in arguments.items() if name != "activation"}
    return [(kind, rest), ("Activation", {"activation": arguments["activation"]})]


def initial_kernel(layer: Layer, generator: np.random.Generator) -> np.ndarray:
    """float32 (inputs, units), drawn as Keras draws the kernel of a dense layer."""
    inputs, units = layer.inputs, layer.arguments["units"]
    initializer = layer.arguments.get("kernel_initializer", "glorot_uniform")
    if initializer == "glorot_uniform":
        limit = np.sqrt(6 / (inputs + units))
        drawn = generator.uniform(-limit, limit, (inputs, units))
    elif initializer == "lecun_normal":  # truncated at two standard deviations, and widened again
        drawn = generator.standard_normal((inputs, units))
        while (outside := np.abs(drawn) > 2).any():
            drawn[outside] = generator.standard_normal(int(outside.sum()))
        drawn *= np.sqrt(1 / inputs) / 0.87962566103423978
    else:
        raise ValueError(f"kernel_initializer: expected one that the peers know, got {initializer!r}")
    return drawn.astype(np.float32)


OPTIMIZERS = {
    "SGD": {"learning_rate": 0.01},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
}
"""Keras's defaults of the arguments that the peers know."""


def optimizer(recipe: Recipe) -> tuple[str, dict[str, float]]:
    """Name of a recipe's optimizer, and all arguments. ValueError for what no peer knows."""
    arguments = dict(recipe["optimizer"])
    name = arguments.pop("class")
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer: expected one among {', '.join(OPTIMIZERS)}, got {name!r}")
    unknown = arguments.keys() - OPTIMIZERS[name].keys()
    if unknown or not all(isinstance(value, float) for value in arguments.values()):
        raise ValueError(f"optimizer: expected numbers for {', '.join(OPTIMIZERS[name])}, got {arguments}")
    return name, OPTIMIZERS[name] | arguments
