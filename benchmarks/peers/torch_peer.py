"""The recipe in PyTorch, as its users write it: a module, an optimizer of `torch.optim`, a loop over batches.

The rows stay in memory and each batch is an `index_select` with the epoch's permutation, which is faster than a
`DataLoader` would be. Nothing waits for a number until the epoch ends.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers import Clock
from benchmarks.peers.network import Layer, has_classes, initial_kernel, network, optimizer
from stages.splits import Split
from stages.training.recipe import Recipe

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "selu": nn.SELU, "softmax": nn.Softmax}


class _WithInput(nn.Module):
    """Layers of which the first `before` make what the rest takes beside the network's input."""

    def __init__(self, modules: list[nn.Module], before: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(*modules[:before])
        self.joined = nn.Sequential(*modules[before:])

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(torch.cat([x, self.deep(x)], dim=1))


def _module(layer: Layer, generator: np.random.Generator) -> nn.Module:
    if layer.kind == "Dense":
        dense = nn.Linear(layer.inputs, layer.arguments["units"])
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(initial_kernel(layer, generator).T))
            dense.bias.zero_()
        return dense
    if layer.kind == "Dropout":
        return nn.Dropout(layer.arguments["rate"])
    if layer.kind == "BatchNormalization":
        return nn.BatchNorm1d(layer.inputs, eps=1e-3, momentum=0.01)  # Keras's own
    return _ACTIVATIONS[layer.arguments["activation"]]()


def _model(layers: list[Layer], generator: np.random.Generator) -> nn.Module:
    kinds = [layer.kind for layer in layers]
    modules = [_module(layer, generator) for layer in layers if layer.kind != "Concatenate"]
    return _WithInput(modules, kinds.index("Concatenate")) if "Concatenate" in kinds else nn.Sequential(*modules)


def _optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    name, values = optimizer(recipe)
    rate = values["learning_rate"]
    if name == "SGD":
        return torch.optim.SGD(model.parameters(), lr=rate)
    if name == "RMSprop":
        return torch.optim.RMSprop(model.parameters(), lr=rate, alpha=values["rho"], eps=values["epsilon"])
    betas = (values["beta_1"], values["beta_2"])
    return torch.optim.Adam(model.parameters(), lr=rate, betas=betas, eps=values["epsilon"])


def train(recipe: Recipe, split: Split, epochs: int, clock: Clock) -> None:
    """Train on the processor, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe["seed"])
    x = torch.from_numpy(np.array(split.x["train"]).reshape(len(split.x["train"]), -1))
    y = torch.from_numpy(np.array(split.y["train"]))
    classes = has_classes(recipe)
    y = y.long() if classes else y.float().reshape(-1, 1)
    model = _model(network(recipe, x.shape[1]), np.random.default_rng(recipe["seed"]))
    model.train()
    updates = _optimizer(recipe, model)
    rows, batch_size = len(x), recipe["batch_size"]
    clock.ready(sum(parameter.numel() for parameter in model.parameters()))
    for _ in range(epochs):
        order = torch.randperm(rows)
        loss_sum, metric_sum = torch.zeros(()), torch.zeros(())
        for start in range(0, rows, batch_size):
            batch = order[start : start + batch_size]
            inputs, targets = x.index_select(0, batch), y.index_select(0, batch)
            outputs = model(inputs)
            loss = functional.cross_entropy(outputs, targets) if classes else functional.mse_loss(outputs, targets)
            updates.zero_grad()
            loss.backward()
            updates.step()
            with torch.no_grad():
                loss_sum += loss * len(batch)
                if classes:
                    metric_sum += (outputs.argmax(1) == targets).sum()
                else:
                    metric_sum += (outputs - targets).abs().sum()
        clock.epoch(loss_sum.item() / rows, metric_sum.item() / rows)
