"""The words of an error: what was expected and what came, in one line."""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from stages.training.objects import sentence as sentence

MAX_SHOWN = 300  # characters
MAX_NAMES = 12
SPELLINGS = {
    # Keras 1
    "nb_epoch": "epochs",
    "nb_filter": "filters",
    "output_dim": "units",
    "init": "kernel_initializer",
    "p": "rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample": "strides",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    # Keras 2
    "lr": "learning_rate initial_learning_rate",
    "alpha": "negative_slope",
    "acc": "accuracy",
    "val_acc": "val_accuracy",
    # of losses and metrics
    "mse": "MeanSquaredError mean_squared_error",
    "mae": "MeanAbsoluteError mean_absolute_error",
    "mape": "MeanAbsolutePercentageError mean_absolute_percentage_error",
    "msle": "MeanSquaredLogarithmicError mean_squared_logarithmic_error",
    "rmse": "RootMeanSquaredError",
    "bce": "BinaryCrossentropy binary_crossentropy",
    "kld": "KLDivergence kl_divergence",
    "kl_divergence": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence",
    "cosine_proximity": "CosineSimilarity",
    # of activations
    "none": "linear",
    "None": "linear",
    # of blocks
    "optimiser": "optimizer",
    "loss_function": "loss",
    "metric": "metrics",
    "callback": "callbacks",
    "layer": "layers",
    "batchsize": "batch_size",
    "epoch": "epochs",
    "validation_split": "split",
}
"""Names of older versions of Keras and other words, with today's: the first that is known."""
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 4, 10, 10
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_SHOWN


def shown(value: Any) -> str:
    """Write a value like `repr`, in no more than a few lines however large it is."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = f"{type(value).__name__} of too many digits"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def unknown(path: str, known: Iterable[str], got: Any) -> str:
    """Say that a name is none of the known ones, with the one that is meant or those that are similar."""
    known = sorted(known)
    if isinstance(got, str) and (meant := spelled(got, known)) is not None:
        return f"{path}: expected {meant}, got {shown(got)}"
    close = get_close_matches(got, known, n=3) if isinstance(got, str) else []
    others = f" or another of {len(known)}" if not close and len(known) > MAX_NAMES else ""
    return f"{path}: expected one of {', '.join(close or known[:MAX_NAMES])}{others}, got {shown(got)}"


def spelled(name: str, known: Iterable[str]) -> str | None:
    """Give the known name of which this is another spelling, such as SGD for `sgd`; None if there is none."""
    known = list(known)
    for word in SPELLINGS.get(name, "").split():
        if word in known:
            return word
    letters = name.replace("_", "").lower()  # Keras's `mean_squared_error` is its class MeanSquaredError
    return next((each for each in known if each.replace("_", "").lower() == letters), None)


def plain(error: BaseException) -> str:
    """Give the message of an error of Keras or TensorFlow in one line, and not too much of it."""
    return sentence(error)[:MAX_SHOWN]
