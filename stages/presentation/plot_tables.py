"""The tables that the charts of `dvc plots` show, long and small: as many rows for five seeds as for one."""

from collections.abc import Mapping

import pandas as pd

from stages.params.schema import Study
from stages.presentation.colors import members_of
from stages.presentation.metrics import label, logarithmic

CURVE_COLUMNS = ["study", "axis", "variant", "color", "part", "epoch", "value", "low", "high"]
DIFFERENCE_COLUMNS = ["study", "quantity", "variant", "baseline", "difference", "low", "high", "verdict", "expected"]
RANKING_COLUMNS = ["dataset", "variant", "color", "part", "value", "low", "high"]


def curve_metrics(history: pd.DataFrame) -> list[str]:
    """Name what a history has learning curves of, the loss first; without the learning rate."""
    columns = [str(column) for column in history]
    metrics = [column for column in columns if f"val_{column}" in columns or column in ("loss", "accuracy")]
    return sorted(metrics, key=lambda metric: metric != "loss")


def over_trainings(history: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of a history by epoch, the index: mean, low (the least) and high (the greatest) over all trainings.

    The mean goes as far as all of them; where some stopped early, the others alone are a selection. It is NaN from
    there on, and so are low and high if there is one training.
    """
    by_epoch = history.groupby("epoch")[column]
    trainings = by_epoch.size()
    mean = by_epoch.mean().where(trainings == trainings.max())
    table = pd.DataFrame({"mean": mean, "low": by_epoch.min(), "high": by_epoch.max()})
    if trainings.max() == 1:
        table[["low", "high"]] = float("nan")
    return table


def learning_curves(
    studies: dict[str, Study],
    histories: dict[str, pd.DataFrame],
    axes: dict[str, str],
    colors: dict[str, str],
    metric: str,
) -> pd.DataFrame:
    """One metric by epoch, for every variant of every study: the rows of a study follow each other.

    histories, axes, colors: by variant. value is the mean over trainings as far as all of them go, and of several low
    and high are the least and the greatest. A study of several axes (data sets, and of the loss also loss functions) is
    one for each: their figures are not to be compared. axis: "logarithmic" or "linear".
    """
    of_variants = {name: _parts(history, metric) for name, history in histories.items()}
    tables = []
    for study in studies.values():
        members = [name for name in members_of(study) if len(of_variants[name])]
        several = len({axes[name] for name in members}) > 1
        for name in members:
            title = f"{study.question} ({axes[name]})" if several else study.question
            tables.append(of_variants[name].assign(study=title, variant=name, color=colors[name]))
    if not tables:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    table = pd.concat(tables)
    far_apart = {
        study: logarithmic(metric, rows[["value", "low", "high"]].to_numpy().ravel())
        for study, rows in table.groupby("study")
    }
    table["axis"] = table["study"].map(far_apart).map({True: "logarithmic", False: "linear"})
    return table.dropna(subset=["value"])[CURVE_COLUMNS].round(6)


def differences(comparisons: pd.DataFrame, studies: Mapping[str, Study], datasets: Mapping[str, str]) -> pd.DataFrame:
    """What the studies compare, in words: the question, and the metric with its unit (`quantity`), an axis for each.

    comparisons: as `stages.compare` writes them; datasets: by variant.
    """
    labels = [
        label(metric, datasets[variant])["en"]
        for metric, variant in zip(comparisons["metric"], comparisons["variant"], strict=True)
    ]
    questions = comparisons["study"].map({name: study.question for name, study in studies.items()})
    return comparisons.assign(study=questions, quantity=labels)[DIFFERENCE_COLUMNS]


def most_confused(counts: pd.DataFrame, pairs: int) -> pd.DataFrame:
    """The pairs of classes that are taken for each other most often; among equals in the order of the classes.

    counts: of one variant, columns actual, predicted, count, in the order of the classes.
    """
    wrong = counts[(counts["actual"] != counts["predicted"]) & (counts["count"] > 0)]
    return wrong.sort_values("count", ascending=False, kind="stable").head(pairs)


def ranking(leaderboard: pd.DataFrame, ranked_by: dict[str, str], colors: dict[str, str]) -> pd.DataFrame:
    """The figure that ranks a data set, on validation rows and, with its interval, on test rows: the leaderboard's.

    ranked_by: metric by data set; colors: by variant. What learned nothing (the majority, the mean) is left out.
    """
    tables = []
    for dataset, metric in ranked_by.items():
        rows = leaderboard[(leaderboard["dataset"] == dataset) & (leaderboard["parameters"] > 0)]
        for part in ("validation", "test"):
            figures = {f"{part}_{metric}": "value", f"{part}_{metric}_low": "low", f"{part}_{metric}_high": "high"}
            table = rows.rename(columns=figures).reindex(columns=["variant", *figures.values()])
            tables.append(table.assign(part=part, dataset=f"{dataset}: {label(metric, dataset)['en']}"))
    table = pd.concat(tables).assign(color=lambda rows: rows["variant"].map(colors))
    return table[RANKING_COLUMNS].dropna(subset=["value"])


def _parts(history: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of (part, epoch, value, low, high), value being the mean as far as it goes; none without the metric."""
    columns = {"training": metric, "validation": f"val_{metric}"}
    tables = [
        over_trainings(history, column).rename(columns={"mean": "value"}).assign(part=part)
        for part, column in columns.items()
        if column in history
    ]
    return pd.concat(tables).reset_index() if tables else pd.DataFrame()
