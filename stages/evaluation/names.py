"""Names of the metrics that a variant is measured by, for those who ask before anything is measured."""

from collections.abc import Collection

from stages.comparison.scores import TRAINING_SCORES
from stages.comparison.trained import loss_function
from stages.training.recipe import Recipe

CLASSIFICATION = ("accuracy", "log_loss", "macro_f1", "calibration_error")
"""Metrics of every classifier; of two classes it has `TRAINING_SCORES` too."""
REGRESSION = ("mse", "rmse", "mae", "r2")


def measured_names(
    part: str, epoch: int | None, recipe: Recipe, classes: int, parts_of_split: Collection[str]
) -> list[str]:
    """Name the metrics of a part: those of the history for an epoch, else those of the saved model.

    part: "training", "validation", "test", "cross_validation" or "model"; classes: 0 for a quantity; parts_of_split:
    "train", "validation", "test", as far as the variant's split has them.
    Returns: no name for a part that the split or the recipe lacks, nor for the epochs of an estimator, which has none.
    """
    if part in ("validation", "test") and part not in parts_of_split:
        return []
    if epoch is not None and "estimator" in recipe:
        return []
    has_auxiliary = bool(recipe.get("graph", {}).get("auxiliary_output"))
    if epoch is not None:
        names = ["loss", *recipe.get("metrics", {})]
        return names + [f"{output}_{name}" for output in ("main", "auxiliary") for name in names if has_auxiliary]
    if part == "model":
        return ["parameters", "epochs", "trainings", "multiply_adds"]
    if part == "cross_validation":
        return ["accuracy"] if "cross_validation" in recipe else []
    if classes:
        return [*CLASSIFICATION, *(TRAINING_SCORES if classes == 2 else ())]
    return [*REGRESSION, *(auxiliary_names(recipe) if has_auxiliary else ())]


def auxiliary_names(recipe: Recipe) -> list[str]:
    """Name what a second output adds: its squared error and, if that is the loss, the weighted sum of both."""
    return ["auxiliary_mse", *(["loss"] if loss_function(recipe) == "MeanSquaredError" else [])]
