"""A trained variant as comparisons need it, and its scores."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY
from stages.comparison.scores import (
    EVALUATION_SCORES,
    HISTORY_SCORES,
    ROW_SCORES,
    SPREAD_SCORES,
    TRAINING_SCORES,
    metrics_for,
)
from stages.datasets.spec import spec_of
from stages.splits import NORMALIZED, Split, load_splits, split_of_each
from stages.training import Evaluation
from stages.training.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrainedVariant:
    """A variant's recipe, the targets of its split, and the predictions and history of its trainings."""

    name: str
    recipe: Recipe
    splits: list[Split]
    """The split and its repetitions."""
    predictions: Mapping[str, np.ndarray]
    """float32 (trainings, rows, outputs) by part; the seeds of a split follow each other."""
    history: "pd.DataFrame"
    evaluations: Sequence[Evaluation]
    """Of each training; see `stages.training.evaluation`."""
    diverged: Sequence[Mapping[str, Any] | None]
    """Of each training, epoch and reason if it diverged."""

    @cached_property
    def trainings(self) -> list[tuple[Any, ...]]:
        """The split, if there are several, and the seed of each training."""
        return list(self.history[self._keys].drop_duplicates().itertuples(index=False, name=None))

    @cached_property
    def all_seeds(self) -> frozenset[int]:
        """Seeds that it was trained with, on each split."""
        return frozenset(training[-1] for training in self.trainings)

    @property
    def seeds(self) -> int:
        """Number of these seeds."""
        return len(self.all_seeds)

    @cached_property
    def _scores(self) -> dict[str, np.ndarray]:
        """Scores that are one number for each training: they are small, and several comparisons need them."""
        return {}

    @property
    def _keys(self) -> list[str]:
        return [column for column in ("split", "seed") if column in self.history]

    def with_seeds(self, seeds: Collection[int]) -> "TrainedVariant":
        """Keep the trainings with these seeds."""
        if self.all_seeds <= {*seeds}:
            return self
        kept = [number for number, training in enumerate(self.trainings) if training[-1] in seeds]
        return replace(
            self,
            predictions={part: values[kept] for part, values in self.predictions.items()},
            history=self.history[self.history["seed"].isin(seeds)],
            evaluations=[self.evaluations[number] for number in kept],
            diverged=[self.diverged[number] for number in kept],
        )

    def diverged_seeds(self) -> set[int]:
        """Seeds of the trainings that diverged, on any split."""
        return {training[-1] for training, each in zip(self.trainings, self.diverged, strict=True) if each}

    def scores(self, metric: str) -> np.ndarray:
        """Score each training: float64 (trainings, test rows), or (trainings, 1) for a metric that has no rows.

        A training that diverged has NaN. Raises: ValueError for a metric that does not fit the data set, or was not
        measured.
        """
        known = metrics_for(len(spec_of(self.recipe["dataset"]).classes))
        if metric not in known:
            raise ValueError(f"{self.name}: expected a metric among {', '.join(known)}, got {metric!r}")
        if metric in ROW_SCORES:
            return self._predicted(metric)
        if metric not in self._scores:
            self._scores[metric] = self._of_trainings(metric)
        return self._scores[metric]

    def _of_trainings(self, metric: str) -> np.ndarray:
        if metric in SPREAD_SCORES:
            by_split = self.scores(SPREAD_SCORES[metric]).mean(axis=1).reshape(len(self.splits), -1)
            return distances_from_median(by_split).reshape(-1, 1)
        if metric in EVALUATION_SCORES:
            return np.array([[self._evaluated(metric, number)] for number in range(len(self.trainings))])
        if metric in HISTORY_SCORES:
            try:
                epochs = self.history.groupby(self._keys, sort=False)
                found = np.array([[HISTORY_SCORES[metric](rows)] for _, rows in epochs], dtype=np.float64)
            except KeyError as error:
                got = ", ".join(map(str, self.history))
                raise ValueError(f"{self.name}: expected a history with {error}, got {got}") from None
            found[[bool(each) for each in self.diverged]] = np.nan
            return found
        return self._predicted(metric)

    def _evaluated(self, metric: str, number: int) -> float:
        if self.diverged[number]:
            return float("nan")
        try:
            return EVALUATION_SCORES[metric](self.evaluations[number])
        except KeyError as error:
            raise ValueError(f"{self.name}: expected an evaluation of {error} for {metric}, got none") from None

    def _predicted(self, metric: str) -> np.ndarray:
        if "test" not in self.predictions:
            raise ValueError(f"{self.name}: expected predictions of test rows for {metric}, got a split without")
        targets = [split.y["test"] for split in split_of_each(self.splits, len(self.trainings))]
        found = []
        for y, predicted, diverged in zip(targets, self.predictions["test"], self.diverged, strict=True):
            if diverged:
                found.append(np.full(len(y) if metric in ROW_SCORES else 1, np.nan))
            elif metric in ROW_SCORES:
                found.append(ROW_SCORES[metric](y, predicted))
            else:
                found.append(np.array([TRAINING_SCORES[metric](y, predicted)]))
        return np.stack(found)


def distances_from_median(scores: np.ndarray) -> np.ndarray:
    """How far each score is from the median over seeds. scores: float (splits, seeds), NaN where one diverged.

    The median lies amid its own sample: n / (n - 1) makes up for most of that (5 normal scores: 0.83 without, 1.04 with
    it).
    """
    count = np.sum(np.isfinite(scores), axis=1, keepdims=True)
    return np.abs(scores - np.nanmedian(scores, axis=1, keepdims=True)) * count / np.maximum(count - 1, 1)


def joined(blocks: Sequence[TrainedVariant]) -> TrainedVariant:
    """Join the trainings of a variant with different seeds into one: all seeds of the first split come first."""
    import pandas as pd  # here, since configure asks this module for a name alone

    first = blocks[0]
    trainings = [training for block in blocks for training in block.trainings]
    order = sorted(range(len(trainings)), key=lambda number: trainings[number])
    evaluations = [each for block in blocks for each in block.evaluations]
    diverged = [each for block in blocks for each in block.diverged]
    history = pd.concat([block.history for block in blocks])
    return replace(
        first,
        predictions={
            part: np.concatenate([block.predictions[part] for block in blocks])[order] for part in first.predictions
        },
        history=history.sort_values([*first._keys, "epoch"], kind="stable"),
        evaluations=[evaluations[number] for number in order],
        diverged=[diverged[number] for number in order],
    )


def read_trained(
    variant: str, read_bytes: Callable[[Path], bytes] = Path.read_bytes, normalized: Path = NORMALIZED
) -> TrainedVariant:
    """Read a trained variant. read_bytes: see `Artifact.read`; normalized: the folder of its split's targets."""
    recipe, summary = RECIPE.read(variant, read_bytes), SUMMARY.read(variant, read_bytes)
    return TrainedVariant(
        name=variant,
        recipe=recipe,
        splits=load_splits(recipe["dataset"], recipe["split"], normalized, inputs=False),
        predictions=PREDICTIONS.read(variant, read_bytes),
        history=HISTORY.read(variant, read_bytes),
        evaluations=summary["evaluations"],
        diverged=summary["diverged"],
    )


def loss_function(recipe: Mapping[str, Any]) -> str:
    """Canonical name of the loss, the same where its values mean the same; empty for an estimator.

    Sparse cross-entropy and that of one-hot targets are one, and so are those of logits and of probabilities. Arguments
    follow in brackets; where outputs have different losses, all of them are named.
    """
    loss = recipe.get("loss")
    if not loss:
        return ""
    if "class" in loss:
        return _canonical(loss)
    names = {output: _canonical(each) for output, each in loss.items()}
    if len(set(names.values())) == 1:
        return next(iter(names.values()))
    return ", ".join(f"{output} {name}" for output, name in names.items())


def _canonical(loss: Mapping[str, Any]) -> str:
    own = {name: value for name, value in sorted(loss.items()) if name not in ("class", "from_logits")}
    arguments = ", ".join(f"{name}={value}" for name, value in own.items())
    name = str(loss["class"]).removeprefix("Sparse")
    return f"{name}({arguments})" if arguments else name
