"""What the documents compare, computed as Keras does but without it: activations, initialisers, schedules.

Names and defaults are Keras's; `tests/test_figures.py` compares the values with Keras's own.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from threadpoolctl import threadpool_limits

from stages.presentation.colors import PALETTE
from stages.reporting.figures import grid_lines, logarithmic_y, panels
from stages.reporting.figures.strands import draw_strands

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
"""Of SELU (Klambauer et al. 2017, "Self-Normalizing Neural Networks")."""
NORMAL_CUT_OFF = 0.87962566103423978
"""Standard deviation of a normal distribution of 1 that is cut off at two of them."""

Activation = Callable[[np.ndarray], np.ndarray]
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.3 * x),  # of the layer; the function's own slope is 0.2
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
}

Initializer = Callable[[np.random.Generator, int, int], np.ndarray]


def _uniform(generator: np.random.Generator, fan_in: int, fan_out: int, variance: float) -> np.ndarray:
    limit = (3 * variance) ** 0.5
    return generator.uniform(-limit, limit, (fan_in, fan_out))


def _normal(generator: np.random.Generator, fan_in: int, fan_out: int, variance: float) -> np.ndarray:
    values = generator.standard_normal((fan_in, fan_out))
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(int(outside.sum()))
    return values * variance**0.5 / NORMAL_CUT_OFF


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": lambda generator, n, m: _uniform(generator, n, m, 2 / (n + m)),
    "he_normal": lambda generator, n, m: _normal(generator, n, m, 2 / n),
    "lecun_normal": lambda generator, n, m: _normal(generator, n, m, 1 / n),
}
"""Float64 (fan_in, fan_out) from a generator, fan_in and fan_out."""
PAIRS = [
    *(("sigmoid", "glorot_uniform"), ("tanh", "glorot_uniform"), ("relu", "glorot_uniform")),
    *(("relu", "he_normal"), ("leaky_relu", "he_normal"), ("elu", "he_normal"), ("selu", "lecun_normal")),
]
"""Activations with the initialiser that the documents give them, and ReLU with Keras's default too."""

DASHES = ("-", "--", ":")
"""Of the activations of one initialiser."""
LOST = 0.01
"""Standard deviation of outputs below which a signal has vanished; that of the inputs is 1."""


def exponential_decay(
    step: np.ndarray, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False
) -> np.ndarray:
    """Of Keras's `ExponentialDecay` in each step."""
    power = step / decay_steps
    return initial_learning_rate * decay_rate ** (np.floor(power) if staircase else power)


def inverse_time_decay(
    step: np.ndarray, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False
) -> np.ndarray:
    """Of Keras's `InverseTimeDecay` in each step."""
    times = step / decay_steps
    return initial_learning_rate / (1 + decay_rate * (np.floor(times) if staircase else times))


def cosine_decay_restarts(
    step: np.ndarray,
    initial_learning_rate: float,
    first_decay_steps: int,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> np.ndarray:
    """Of Keras's `CosineDecayRestarts` in each step."""
    done = step / first_decay_steps
    if t_mul == 1:
        restarts = np.floor(done)
        part = done - restarts
    else:
        restarts = np.floor(np.log(1 - done * (1 - t_mul)) / np.log(t_mul))
        part = (done - (1 - t_mul**restarts) / (1 - t_mul)) / t_mul**restarts
    decayed = 0.5 * m_mul**restarts * (1 + np.cos(np.pi * part))
    return initial_learning_rate * ((1 - alpha) * decayed + alpha)


SCHEDULES: dict[str, Callable[..., np.ndarray]] = {
    "ExponentialDecay": exponential_decay,
    "InverseTimeDecay": inverse_time_decay,
    "CosineDecayRestarts": cosine_decay_restarts,
}


def scheduled_rate(optimizer: dict[str, dict[str, Any]], steps: int) -> np.ndarray | None:
    """Learning rate in each of so many steps, float64 (steps,); None where no schedule of `SCHEDULES` gives it.

    optimizer: {Class: {learning_rate: {Schedule: {argument: value}}}}.
    """
    (arguments,) = optimizer.values()
    rate = arguments.get("learning_rate")
    if not isinstance(rate, dict):
        return None
    ((schedule, options),) = rate.items()
    return SCHEDULES[schedule](np.arange(steps), **options) if schedule in SCHEDULES else None


def activations() -> Figure:
    """Draw the activation functions and their derivatives."""
    figure, grid = panels(1, 2, (3.2, 2.8), right=1.7, top=0.35)
    x = np.linspace(-4, 4, 801)
    outputs = {name: function(x) for name, function in ACTIVATIONS.items()}
    # Differences of neighbours: a kink stays one.
    slopes = {name: np.diff(y) / np.diff(x) for name, y in outputs.items()}
    colors = dict(zip(ACTIVATIONS, PALETTE, strict=False))
    for axes, inputs, curves in zip(grid[0], (x, (x[1:] + x[:-1]) / 2), (outputs, slopes), strict=True):
        points = {name: np.stack((inputs, y), axis=1) for name, y in curves.items()}
        draw_strands(axes, points, {name: {"color": color} for name, color in colors.items()})
    handles = [
        Line2D([], [], color=color, label=f"{name} (slope 0.3)" if name == "leaky_relu" else name)
        for name, color in colors.items()
    ]
    for axes, title in zip(grid[0], ("activation", "its derivative"), strict=True):
        axes.set_title(title)
        axes.set_xlabel("input of the activation")
        grid_lines(axes)
    grid[0, 0].set_ylim(-2, 4)
    grid[0, 0].set_ylabel("output")
    grid[0, 1].set_ylabel("output per input")
    grid[0, 1].legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def initializers(seed: int, layers: int = 100, units: int = 100) -> Figure:
    """Draw what initialisers give, and what becomes of random rows in many layers of it before any training.

    An initialiser has one color in all three panels; in the last, activations differ in their dashes.
    """
    figure, grid = panels(1, 3, (2.5, 2.5), right=2.75, top=0.35, gap=(0.95, 0))
    weights, spread, signal = grid[0]
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((100, units))
    kernels = {name: [each(generator, units, units) for _ in range(layers)] for name, each in INITIALIZERS.items()}
    fans = [30, 100, 300, 784, 2000]
    colors = dict(zip(INITIALIZERS, PALETTE, strict=False))
    for name, initializer in INITIALIZERS.items():
        values = initializer(generator, 300, 100).ravel()
        weights.hist(values, bins=60, range=(-0.2, 0.2), histtype="step", color=colors[name], label=name)
        spreads = [initializer(generator, fan, 100).std() for fan in fans]
        spread.plot(fans, spreads, color=colors[name], marker="o", markersize=3)
    weights.set_title("weights, 300 inputs to 100 units")
    weights.set_xlabel("weight")
    weights.set_ylabel("weights in the bin")
    weights.set_ylim(top=1.35 * weights.get_ylim()[1])
    weights.legend(frameon=False, fontsize=8, loc="upper left")
    spread.set_title("spread by inputs, 100 units")
    spread.set_xscale("log")
    logarithmic_y(spread)
    spread.set_xlabel("inputs of a unit (fan-in)")
    spread.set_ylabel("standard deviation of the weights")
    drawn: Counter[str] = Counter()
    for activation, name in PAIRS:
        with threadpool_limits(1):  # products this small are slower in several
            spreads = signal_spread(ACTIVATIONS[activation], rows, kernels[name])
        style: Any = {"color": colors[name], "linestyle": DASHES[drawn[name]]}
        signal.plot(range(1, layers + 1), spreads, label=f"{activation}, {name}: {spreads[-1]:.2g}", **style)
        drawn[name] += 1
    signal.set_title(f"signal through {layers} layers of {units}")
    signal.set_yscale("log")
    signal.set_ylim(LOST, None)  # what vanishes would squeeze all others; the legend says how far it goes
    signal.set_xlim(1, layers)
    signal.set_xlabel("layer")
    signal.set_ylabel("standard deviation of the outputs")
    signal.legend(
        frameon=False,
        fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        handlelength=3,
        title=f"activation, initialiser: in layer {layers}",
        title_fontsize=8,
    )
    for axes in grid[0]:
        grid_lines(axes)
    return figure


def signal_spread(activation: Activation, x: np.ndarray, kernels: Iterable[np.ndarray]) -> list[float]:
    """Standard deviation of the outputs of each layer, x, float (rows, units), being the input of the first."""
    spread = []
    for kernel in kernels:
        x = activation(x @ kernel)
        spread.append(float(x.std()))
    return spread
