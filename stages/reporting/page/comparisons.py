"""The rows of a study's tables on the report page: one comparison each, and what it says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.studies import BESIDE
from stages.comparison.verdicts import Verdict
from stages.presentation.effects import IN_POINTS, NO_QUALITY, scale
from stages.presentation.formats import signed
from stages.presentation.metrics import label
from stages.presentation.words import LANGUAGES, Text, joined, note_text, read_strings, text
from stages.reporting.page.charts import numbers
from stages.training.recipe import Recipe

TOLD = (Verdict.BETTER, Verdict.WORSE, Verdict.SAME)
"""Verdicts that tell something."""

Point = dict[str, Any]
"""Data of a point with its interval in a chart: variant, metric, difference, low, high, and baseline or label.

That of a comparison beside the claim is `beside`."""


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """A comparison. Texts that do not apply are empty."""

    part: int
    """Number of the part of the claim, from 1, or BESIDE."""
    variant: str
    baseline: str
    metric: Text
    direction: Text
    differs_in: Text | None
    """In what the recipes differ."""
    clean: bool
    """Whether the pair differs in nothing but what the claim is about."""
    note: Text | str
    difference: Text | str
    interval: Text | str
    seeds: list[Text]
    """In how many seeds the variant was better, and in how many it or its baseline diverged."""
    verdict: str
    because: list[Text]
    """What explains the verdict: the claim, what is worth having, the seeds that would decide, another verdict."""
    agrees: bool | None
    """Whether the verdict is that of the claim, or the opposite; None if it is neither."""
    point: Point | None


def comparison_row(row: pd.Series, dataset: str, own_seed: str, recipes: tuple[Recipe, Recipe]) -> ComparisonRow:
    """Make a row of a study's table.

    row: of comparisons.csv, see `with_one_seed`; own_seed: the seed of its `verdict_one_seed`; recipes: of the baseline
    and of the variant.
    """
    metric = row["metric"]
    measured, limited = bool(pd.notna(row["difference"])), bool(np.isfinite(row["low"]))
    ends = {end: effect(row[end], metric, unit=False) for end in ("low", "high")}
    return ComparisonRow(
        part=int(row["part"]),
        variant=row["variant"],
        baseline=row["baseline"],
        metric=label(metric, dataset),
        direction=text("page", "less_is_better" if metric in LESS_IS_BETTER else "more_is_better"),
        differs_in=differs_in(row["differs_in"], *recipes) if pd.notna(row["differs_in"]) else None,
        clean=bool(row["clean"]),
        note=note_text(row["note"]) if pd.notna(row["note"]) else "",
        difference=effect(row["difference"], metric) if measured else "",
        interval=text("table", "range", **ends) if limited else "",
        seeds=seeds_of(row),
        verdict=row["verdict"],
        because=because(row, own_seed),
        agrees=agrees(row),
        point=point_of(row) if measured else None,
    )


def effect(value: float, metric: str, unit: bool = True) -> Text | str:
    """Format a difference, that of shares in percentage points."""
    if metric not in IN_POINTS:
        return signed(value)
    points = f"{scale(metric) * value:+.2f}".replace("-", "−")
    points = points.lstrip("+−") if points.strip("+−") == "0.00" else points
    return text("effects", "points", count=points) if unit else points


def point_of(row: pd.Series) -> Point:
    """Make the data of a comparison's point."""
    place = position(scale(row["metric"]) * row[["difference", "low", "high"]].astype(float))
    names = {key: row[key] for key in ("variant", "baseline", "metric")}
    return {**names, **place, "beside": bool(row["part"] == BESIDE)}


def position(values: Iterable[float]) -> dict[str, float | None]:
    """Make the place of a point and of its interval."""
    return dict(zip(("difference", "low", "high"), numbers(values), strict=True))


def seeds_of(row: pd.Series) -> list[Text]:
    """Count the seeds with which the variant was better, and those with which it or its baseline diverged."""
    seeds, splits = int(row["seeds"]), int(row["splits"])
    texts = []
    if seeds > 1:
        texts.append(agreement(row["metric"], int(row["better_in"]), int(row["worse_in"]), seeds))
    if splits > 1:
        texts.append(text("page", "on_splits", splits=splits))
    diverged = {"diverged_in": int(row["diverged"]), "baseline_diverged_in": int(row["baseline_diverged"])}
    texts += [text("page", key, count=count, seeds=seeds) for key, count in diverged.items() if count]
    if any(diverged.values()) and pd.notna(row["difference"]):
        texts.append(text("page", "means_of_ended"))
    return texts


def agreement(metric: str, better: int, worse: int, seeds: int) -> Text:
    """Tell in how many of the seeds the variant was better or worse."""
    good, bad = ("more", "less") if metric in NO_QUALITY else ("better", "worse")
    if better and worse:
        return text("effects", f"{good}_and_{bad}", better=better, worse=worse, seeds=seeds)
    return text("effects", bad if worse else good, count=max(better, worse), seeds=seeds)


def because(row: pd.Series, own_seed: str) -> list[Text]:
    """Explain a verdict. The seeds that would decide a comparison of the claim are told of its part."""
    verdict, expected, one_seed = row["verdict"], row["expected"], row["verdict_one_seed"]
    texts = []
    if pd.notna(expected):
        agreed = agrees(row)
        key = "claimed" if agreed is None else "as_claimed" if agreed else "opposite"
        texts.append(text("page", key, verdict=text("verdicts", expected)))
    if verdict == Verdict.SAME and pd.notna(row["worth"]):
        texts.append(text("page", "less_than", worth=worth(row["worth"], row["metric"])))
    if row["shared_verdict"] == Verdict.OPEN != verdict and row["part"] != BESIDE:
        texts.append(text("page", "open_in_its_claim"))
    if verdict == Verdict.OPEN and row["part"] == BESIDE and np.isfinite(row["seeds_needed"]):
        texts.append(text("page", "seeds_needed", count=int(row["seeds_needed"])))
    if one_seed != verdict and one_seed in TOLD:
        texts.append(text("page", "one_seed", seed=own_seed, verdict=text("verdicts", one_seed)))
    return texts


def worth(least: float, metric: str) -> Text | str:
    """Format the least difference that is worth having."""
    shown = f"{scale(metric) * least:g}"
    return text("effects", "points", count=shown) if metric in IN_POINTS else shown


def agrees(row: pd.Series) -> bool | None:
    """Tell whether a verdict is the claim's, or the opposite; None if it is neither."""
    if row["verdict"] == row["expected"]:
        return True
    opposite = pd.notna(row["expected"]) and row["verdict"] in (Verdict.BETTER, Verdict.WORSE)
    return False if opposite else None


def differs_in(keys: str, old: Recipe, new: Recipe) -> Text:
    """Say in what two recipes differ, each thing once. keys: those of comparisons.csv."""
    paths = [key.split(".") for key in keys.split("; ")]
    if ["estimator"] in paths:  # a network beside an estimator differs in everything that only one of them has
        paths = [["estimator"]]
    found: dict[str, Text] = {}
    for path in paths:
        what = _named(path, old, new)
        said = _with_values(what, *(_value(path, recipe) for recipe in (old, new)))
        found[what["en"]] = what if found.get(what["en"], said) != said else said
    return joined(list(found.values()), ", ")


def _named(path: Sequence[str], old: Recipe, new: Recipe) -> Text:
    """Name a key of a recipe; one without words of its own has those of a key above it."""
    if path[0] == "layers" and len(path) == 2:
        return text("differs", "a_layer", layer=_value(path, old) or _value(path, new) or path[1])
    names = ["layer", *path[2:]] if path[0] == "layers" and len(path) > 2 else [*path]
    known = read_strings("en")["differs"]
    while len(names) > 1 and ".".join(names) not in known:
        names.pop()
    name = ".".join(names)
    return text("differs", name) if name in known else dict.fromkeys(LANGUAGES, ".".join(path))


def _value(path: Sequence[str], recipe: Recipe) -> str | None:
    """A key's value in a recipe, or its class; None without one that is short."""
    found: Any = recipe
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    found = found.get("class") if isinstance(found, Mapping) else found
    return f"{found:g}" if isinstance(found, float) else str(found) if isinstance(found, str | int) else None


def _with_values(what: Text, old: str | None, new: str | None) -> Text:
    return text("differs", "from_to", what=what, old=old, new=new) if old and new and old != new else what
