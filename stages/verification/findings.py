"""Compare the outputs of a stage that ran again with those that `dvc.lock` states."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stages.artifacts import MODELS, TRAINED_RECIPE
from stages.artifacts.tables import METRICS
from stages.presentation.kept import ONE_SEED, SEVERAL_SEEDS
from stages.splits import NORMALIZED
from stages.verification.differences import compare_metrics, differences_in, metrics_in
from stages.verification.recorded import Output, Recorded, hash_of

TRAINING = "train"
RECORD = "environment"
"""The stage that records the machine."""


class Outcome(StrEnum):
    """The result of running a stage again."""

    SAME_BYTES = "same bytes"
    SAME_NUMBERS = "same numbers"
    DIFFERS = "differs"
    FAILED = "failed"
    NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class Finding:
    """The outcome for one stage."""

    outcome: Outcome
    detail: str = ""
    is_tolerable: bool = True
    """Whether another environment can explain it."""

    def describe(self, is_elsewhere: bool) -> str:
        """Say it in one line. is_elsewhere: whether this machine is another than the recorded one."""
        said = f"{self.outcome}: {self.detail}" if self.detail else self.outcome.value
        if self.outcome is Outcome.DIFFERS and is_elsewhere:
            said += f" ({'within' if self.is_tolerable else 'beyond'} the tolerance)"
        return said

    def is_explained(self, is_elsewhere: bool, same_bytes: bool) -> bool:
        """Whether nothing is left to explain. same_bytes: accept no other bytes, whatever the machine."""
        return self.outcome is Outcome.SAME_BYTES or (is_elsewhere and self.is_tolerable and not same_bytes)


def group(stage: str) -> str:
    """The key of dvc.yaml that a stage belongs to: `train` for `train@relu_100`."""
    return stage.partition("@")[0]


def compare(stage: str, recorded: Recorded, copy: Path) -> Finding:
    """Compare the outputs that a stage left in the copy with those that dvc.lock states."""
    outputs = recorded.stages[stage]["outs"]
    changed = [output for output in outputs if hash_of(copy / output["path"]) != output["md5"]]
    if not changed:
        return Finding(Outcome.SAME_BYTES)
    if any(recorded.files(output) is None for output in outputs):
        return _compare_without_files(stage, changed, recorded, copy)
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        for output in outputs:
            recorded.lay(output, Path(scratch))
        return _compare_files(stage, changed, Path(scratch), copy)


def _compare_without_files(stage: str, changed: list[Output], recorded: Recorded, copy: Path) -> Finding:
    absent = "the recorded files are not in the cache"
    if group(stage) == TRAINING:
        variant = stage.partition("@")[2]
        known, path = recorded_metrics(variant, recorded, copy)
        if known is not None:
            within, said = compare_metrics(known, metrics_in(copy, variant, copy / NORMALIZED))
            return Finding(Outcome.DIFFERS, f"compared with {path} ({absent}): {said}", within)
    paths = ", ".join(output["path"] for output in changed)
    detail = f"{paths}, compared by the hash in dvc.lock alone ({absent})"
    return Finding(Outcome.DIFFERS, detail, is_tolerable=False)


def _compare_files(stage: str, changed: list[Output], old: Path, new: Path) -> Finding:
    found = [gap for output in changed for gap in differences_in(output["path"], old, new)]
    paths = [output["path"] for output in changed]
    if not found:
        return Finding(Outcome.SAME_NUMBERS, ", ".join(paths))
    worst = max(found, key=lambda gap: (gap.largest / gap.scale, gap.largest))
    by = f"by {worst.largest:.3g}" if math.isfinite(worst.largest) else "which is of another kind or size"
    detail = f"most in {worst.place}, {by}"
    if group(stage) != TRAINING:
        tolerable = group(stage) == RECORD or all(gap.is_tolerable for gap in found)
        return Finding(Outcome.DIFFERS, detail, tolerable)
    variant, normalized = stage.partition("@")[2], new / NORMALIZED
    within, said = compare_metrics(metrics_in(old, variant, normalized), metrics_in(new, variant, normalized))
    # A model of another form is never a matter of rounding; a history may end an epoch earlier.
    has_form = all(math.isfinite(gap.largest) for gap in found if gap.place.startswith(MODELS.as_posix()))
    return Finding(Outcome.DIFFERS, f"{detail}; {said}", within and has_form)


def recorded_metrics(variant: str, recorded: Recorded, copy: Path) -> tuple[dict[str, Any] | None, Path]:
    """Find the variant's metrics as recorded, {part: {metric: value}} or None, and the file that states them.

    That is the `metrics.json` of dvc.lock; without a copy of it, as in a fresh clone, the one that Git has of as many
    seeds. copy: the tree with the variant's new model.
    """
    seeds = TRAINED_RECIPE.read(variant, lambda path: (copy / path).read_bytes())["seeds"]
    measured, path = read_record(METRICS, recorded, ONE_SEED if seeds == 1 else SEVERAL_SEEDS)
    found = (variants[variant] for variants in (measured or {}).values() if variant in variants)
    return next(found, None), path


def read_record(path: Path, recorded: Recorded, kept: Path = ONE_SEED) -> tuple[Any, Path]:
    """Read a recorded JSON report, or the copy in the folder `kept` without it; None without both. And its path."""
    if (content := recorded.read_json(path)) is not None:
        return content, path
    copy = kept / path.name
    if (recorded.root / copy).is_file():
        return json.loads((recorded.root / copy).read_text(encoding="utf-8")), copy
    return None, path
