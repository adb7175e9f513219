"""Checks of a recipe by building its model, and what only they can add to it: the optimizers' own learning rates."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, cast

from stages.datasets.spec import spec_of
from stages.params.checked import NOTHING_CHECKED, Checked
from stages.params.own_file import read_own_file
from stages.params.schema import Params
from stages.training import custom_objects, import_tensorflow
from stages.training.recipe import Recipe

Splits = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Options by data set and split."""
NOT_CHECKED = ("seeds", "epochs", "batch_size")
"""Keys of a recipe whose ranges are all that is checked of them."""


class Completion(ExitStack):
    """Checks and completes recipes. Until it is left, names of one's own classes are known.

    TensorFlow is imported as soon as there is something that no run has checked before.
    """

    def __init__(self, params: Params, splits: Splits, checked: Checked) -> None:
        """Read one's own file of classes. Raises: ValueError if it cannot be used."""
        super().__init__()
        self._splits, self._own = splits, read_own_file(params.custom_objects, checked)
        self._checked = checked if self._own.is_alone else NOTHING_CHECKED
        self._is_prepared = False

    def _prepare(self) -> None:
        if not self._is_prepared:
            import_tensorflow()
            self.enter_context(custom_objects.scope(self._own.source))
            self._is_prepared = True

    def check_optimizer(self, spec: dict[str, Any], place: str) -> None:
        """Check an optimizer of which no recipe needs to have any. Raises: ValueError."""

        def check() -> None:
            self._prepare()
            from stages.params import checks

            checks.check_optimizer(spec, place)

        self._checked.once({"optimizer": spec, "custom_objects": self._own.sha256}, check)

    def __call__(self, made: Recipe, place: str) -> Recipe:
        """Give a recipe checked and complete. place: `variants.<name>`. Raises: ValueError."""
        if self._own.is_used_by(made):
            made["custom_objects"] = {"file": self._own.file, "sha256": self._own.sha256}
        options, spec = self._splits[made["dataset"]][made["split"]], spec_of(made["dataset"])
        checked = cast(Recipe, {key: value for key, value in made.items() if key not in NOT_CHECKED})

        def complete() -> Recipe:
            self._prepare()
            return completed(checked, place, options)

        about = {"options": options, "row_shape": spec.row_shape(), "class_counts": spec.class_counts}
        return made | self._checked.once({"recipe": checked, **about}, complete)


def completed(made: Recipe, place: str, options: Mapping[str, Any]) -> Recipe:
    """Check a recipe, and write the optimizers' own learning rates into it. options: of its split."""
    from stages.params import checks

    spec = spec_of(made["dataset"])
    if "estimator" in made:
        checks.check_estimator(made, len(spec.classes), place)
        return made
    made["optimizer"] = checks.with_learning_rate(made["optimizer"], f"{place}.optimizer")
    before = made.get("initial_weights")
    while before is not None:
        own_place = f"variants.{before['variant']}.optimizer"
        before["optimizer"] = checks.with_learning_rate(before["optimizer"], own_place)
        before = before.get("initial_weights")
    shape = spec.row_shape(options.get("columns_left_out", ()))
    checks.check_model(made, shape, len(spec.classes), "validation" in options, place, options["scaling"])
    return made
