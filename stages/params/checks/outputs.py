"""Checks of what a model gives, by its numbers for made-up rows: names tell nothing of one's own layers and graphs."""

import keras
import numpy as np

from stages.params.checks.rows import Data, as_keras, as_tuple, losses_at, random_rows, targets
from stages.params.checks.specs import accepted_arguments
from stages.params.messages import plain
from stages.training import builder
from stages.training.objects import constructors_of
from stages.training.recipe import Recipe, Spec, has_logits

TOLERANCE = 0.02
"""Of probabilities, and of their sum: float16 and bfloat16 round so."""

SMALL = 4
"""Number of rows that are not a thousand times as large."""

WITH_THRESHOLDS = ("threshold", "thresholds")
"""Arguments of metrics that are probabilities if they are not given."""

OF_THE_GREATEST = ("F1Score", "FBetaScore")
"""Metrics that take the greatest of several units if they have no threshold."""


def check_outputs(recipe: Recipe, model: keras.Model, data: Data, place: str) -> None:
    """Check that the outputs are what the losses and the metrics take them for: probabilities, logits or counts.

    place: `variants.<name>`. Raises: ValueError.
    """
    losses = losses_at(recipe, model.output_names, place)
    _check_losses_of_rows(recipe, model, data, place)
    for values in _predictions(recipe, model, data, place):
        for (loss_place, loss), output in zip(losses, values, strict=True):
            kind = "layers" if "layers" in recipe else "graph"
            _check_output(loss, output, data.classes, f"{place}.{kind}", loss_place)
    for name, metric in recipe.get("metrics", {}).items():
        own = f"{place}.metrics.{name}"
        for (_, loss), output in zip(losses, model.outputs, strict=True):
            _check_metric(metric, loss, own)
            if metric["class"] in OF_THE_GREATEST and output.shape[-1] == 1 and metric.get("threshold") is None:
                raise ValueError(f"{own}.threshold: expected a threshold beside one unit, such as 0.5, got none")


def _predictions(recipe: Recipe, model: keras.Model, data: Data, place: str) -> list[list[np.ndarray]]:
    """Outputs in training and in inference, for rows like the data's and for ones a thousand times as large.

    The weights of the last layer are changed a little: none of them is zero, whatever it is at first.
    """
    last = next((layer for layer in reversed(model.layers) if layer.trainable_variables), None)
    generator = np.random.default_rng(1)
    for variable in last.trainable_variables if last is not None else ():
        variable.assign_add(generator.normal(scale=0.1, size=variable.shape).astype(np.float32))
    small = random_rows(recipe, data, SMALL)
    large = tuple(np.concatenate([each, each * 1000, each * -1000]) for each in small)
    found = []
    for training, tries in {False: (large, small), True: (small,)}.items():
        for rows in tries:
            try:
                outputs = model(as_keras(rows), training=training)
            except Exception as error:  # an embedding has no place for large numbers; a step tells what else is wrong
                if rows is large and data.scaling == "none":
                    kind = "layers" if "layers" in recipe else "graph"
                    expected = "layers that take numbers of any size beside scaling: none"
                    raise ValueError(f"{place}.{kind}: expected {expected}, got: {plain(error)}") from None
                continue
            several = outputs if isinstance(outputs, list) else [outputs]
            found.append([np.asarray(each, dtype=np.float64) for each in several])
            break
    return found


def _check_losses_of_rows(recipe: Recipe, model: keras.Model, data: Data, place: str) -> None:
    """Check that each loss is one of each row, whose mean over any rows the evaluation takes."""
    losses, compared = losses_at(recipe, model.output_names, place), as_tuple(targets(recipe, data, model, 3))
    for (own, spec), target, output in zip(losses, compared, model.outputs, strict=True):
        loss = builder.build_loss(spec, own)
        loss.reduction = "none"
        try:
            shape = loss(target, np.full((3, output.shape[-1]), 0.5, dtype=np.float32)).shape
        except Exception:  # noqa: S112 (a step tells what is wrong)
            continue
        if tuple(shape) != (3,):
            raise ValueError(
                f"{own}: expected a loss of each row, got {spec['class']} of shape {tuple(shape)} for 3 rows"
            )


def _check_output(loss: Spec, output: np.ndarray, classes: int, place: str, loss_place: str) -> None:
    """Check the output for some rows, float64 (rows, units). Of classes it is probabilities, whatever the loss."""
    kind = loss["class"]
    lowest, highest = np.nanmin(output, initial=np.inf), np.nanmax(output, initial=-np.inf)
    if kind == "Poisson" and lowest < 0:
        raise ValueError(f"{place}: expected outputs of at least 0 beside Poisson, got {lowest:.3g}")
    if not classes or lowest > highest:  # nothing but not a number: a training tells
        return
    sums = output.sum(axis=-1)
    are_shares = are_probabilities = lowest >= -TOLERANCE and highest <= 1 + TOLERANCE
    if output.shape[-1] > 1:
        are_probabilities = are_probabilities and bool(np.nanmax(np.abs(sums - 1), initial=0) <= TOLERANCE)
    if has_logits(loss):
        if (are_probabilities and output.shape[-1] > 1) or (are_shares and len(output) > SMALL):
            raise ValueError(f"{loss_place}.from_logits: expected false beside outputs from 0 to 1, got true")
        return
    if not are_probabilities:
        function, got = "a sigmoid", f"{lowest:.3g} to {highest:.3g}"
        if output.shape[-1] > 1:
            function, got = "a softmax", f"{got}, with a sum of {sums[np.nanargmax(np.abs(sums - 1))]:.3g}"
        logits = ", or from_logits: true" if kind.lower().endswith("crossentropy") else ""
        expected = f"outputs that are probabilities beside {kind}, as of {function}{logits}"
        raise ValueError(f"{place}: expected {expected}, got {got}")
    if output.shape[-1] == 1 and lowest == highest and lowest in (0, 1):
        got = f"{lowest:.0f} for all, as of a softmax of one unit"
        raise ValueError(f"{place}: expected an output that depends on the row, as of a sigmoid, got {got}")


def _check_metric(metric: Spec, loss: Spec, place: str) -> None:
    """Check that a metric takes the outputs for logits if the loss does, and else for probabilities."""
    arguments = accepted_arguments(constructors_of(keras.metrics)[metric["class"]])
    if "from_logits" in arguments:
        if has_logits(metric) != has_logits(loss):
            expected, got = (str(has_logits(each)).lower() for each in (loss, metric))
            raise ValueError(f"{place}.from_logits: expected {expected} as in the loss, got {got}")
    elif has_logits(loss):
        for name in WITH_THRESHOLDS:
            needs_one = name in arguments and metric["class"] not in OF_THE_GREATEST
            if needs_one and metric.get(name) is None:
                expected = "a threshold of logits beside from_logits: true, such as 0.0"
                raise ValueError(f"{place}.{name}: expected {expected}, got none")
        if "num_thresholds" in arguments:
            raise ValueError(f"{place}: expected a metric of logits beside from_logits: true, got {metric['class']}")
