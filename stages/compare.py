"""Put the variants beside each other and beside the documents' figures: `python -m stages.compare`.

Reads `reports/metrics.json`, the recipes, predictions, targets and histories, and `studies` and `published` in
`params.yaml`. Leaves in `reports/`:

    leaderboard.csv    one row per variant, best first on the test rows of its data set
    comparisons.csv    one row per member of a study: difference to its baseline, 95 % interval, verdict
    answers.csv        one row per study: whether its claim is confirmed, refuted or not decided by these data, or needs
                       several seeds
    summary.json       few enough figures for `dvc metrics` and `dvc exp show`: best, median and worst variant of each
                       data set on test rows; claims and published figures by their result
    published.csv      one row per published figure: published, ours (the mean over seeds, and their standard
                       deviation), difference, tolerance; reproduced, missed or not measured
    charts/            what `dvc plots` shows of them: learning curves by study, differences, and the leaderboards
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import RECIPE
from stages.artifacts.tables import ANSWERS, COLUMNS, COMPARISONS, LEADERBOARD, METRICS, PUBLISHED, write_table
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.studies import Result, answer, compare_members, loss_function, own_figure, result_of
from stages.datasets import module_of
from stages.params.schema import Published, Study, read_params
from stages.presentation import plot_tables as charts
from stages.presentation.colors import variant_colors

SUMMARY = Path("reports/summary.json")
CHARTS = Path("reports/charts")

SPREAD = 3.0
"""Standard deviations over seeds within which a published figure may lie, if that is wider than its tolerance."""
SEEDS_FOR_A_SPREAD = 5
"""From so many on, their standard deviation is known well enough for that."""
LIMITS = ("_low", "_high")  # of the mean over trainings: the leaderboard's are over test rows too

Table = list[dict[str, Any]]


def leaderboard(measured: dict[str, Any], results: dict[str, Result]) -> pd.DataFrame:
    """One row per variant, best first on the test rows of its data set: its size, how long it trained, its figures.

    `test_<metric>_low` and `_high` limit the figure that ranks the data set (95 %, see `stages.comparison.statistics`).
    These and the figure are there, without a value, where no variant of the data set has test rows.
    """
    tables = []
    for dataset, variants in measured.items():
        metric = module_of(dataset).RANKED_BY
        rows = []
        for name, parts in variants.items():
            recipe = results[name].recipe
            row = {"dataset": dataset, "variant": name, "split": recipe["split"], **parts["model"]}
            if "estimator" in recipe:
                row["epochs"] = np.nan  # scikit-learn's have none
            for part in ("validation", "test"):
                figures = {each: value for each, value in parts.get(part, {}).items() if not each.endswith(LIMITS)}
                row |= {f"{part}_{each}": value for each, value in figures.items()}
            if "test" in parts:
                found = own_figure(results[name], metric)
                row |= {f"test_{metric}_low": found.low, f"test_{metric}_high": found.high}
            rows.append(row)
        table, ranked = pd.DataFrame(rows), f"test_{metric}"
        table = table.reindex(columns=list(dict.fromkeys([*table, ranked, f"{ranked}_low", f"{ranked}_high"])))
        tables.append(table.sort_values([ranked, "variant"], ascending=[metric in LESS_IS_BETTER, True]))
    return pd.concat(tables)


def studied(studies: dict[str, Study], results: dict[str, Result]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tabulate the studies' comparisons and their answers."""
    comparisons, answers = [], []
    for name, study in studies.items():
        rows = compare_members(name, study, results, lambda dataset: module_of(dataset).RANKED_BY)
        comparisons += rows
        answers.append(
            {
                "study": name,
                **study.model_dump(include={"question", "claim"}),
                "documents": " ".join(study.documents),
                "answer": answer(rows),
            }
        )
    return pd.DataFrame(comparisons, columns=COLUMNS[COMPARISONS]), pd.DataFrame(answers, columns=COLUMNS[ANSWERS])


def published_figures(figures: list[Published], measured: dict[str, Any], histories: dict[str, pd.DataFrame]) -> Table:
    """One row per published figure, reproduced where ours lies within its tolerance or within the spread of our seeds.

    Where nothing of that name was measured (an override trains fewer epochs), ours is empty.
    """
    by_variant = {name: parts for variants in measured.values() for name, parts in variants.items()}
    rows = []
    for figure in figures:
        history = histories[figure.variant]
        ours, std = our_figure(figure, by_variant[figure.variant], history)
        seeds = history["seed"].nunique()
        row = {
            **figure.model_dump(include={"document", "variant", "part", "metric", "epoch"}),
            "published": figure.value,
            "seeds": seeds,
            "tolerance": figure.tolerance,
            "result": "not measured",
        }
        if ours is not None:
            difference = ours - figure.value
            row |= {"ours": round(ours, 6), "difference": round(difference, 6)}
            within = figure.tolerance
            if std is not None:
                row["std"] = round(std, 6)
                if seeds >= SEEDS_FOR_A_SPREAD:
                    within = max(within, SPREAD * std)
            row["result"] = "reproduced" if abs(difference) <= within else "missed"
        rows.append(row)
    return rows


def our_figure(
    figure: Published, parts: dict[str, Any], history: pd.DataFrame
) -> tuple[float, float | None] | tuple[None, None]:
    """Find what we measured: in the history for an epoch, else for the saved model.

    Returns: the mean over trainings and, of several seeds that all came so far, their standard deviation; of repeated
    splits none, since theirs is not that of seeds.
    """
    seeds = history["seed"].nunique()
    spreads = seeds > 1 and "split" not in history
    if figure.epoch is None:
        part = parts.get(figure.part, {})
        if figure.metric not in part:
            return None, None
        return float(part[figure.metric]), part.get(f"{figure.metric}_std") if spreads else None
    column = figure.metric if figure.part == "training" else f"val_{figure.metric}"
    epochs = history[history["epoch"] == figure.epoch]
    if column not in epochs or not len(epochs):
        return None, None
    all_came = len(epochs) == seeds
    return float(epochs[column].mean()), float(epochs[column].std()) if spreads and all_came else None


def summary(table: pd.DataFrame, answers: pd.DataFrame, published: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Count and pick what says in a glance what a run gave, {heading: {name: figure}}; from the other tables."""
    picked: dict[str, dict[str, float]] = {}
    for dataset, rows in table.groupby("dataset"):
        metric = module_of(str(dataset)).RANKED_BY
        figures = rows[f"test_{metric}"].dropna()
        if figures.empty:
            continue
        best, worst = ("min", "max") if metric in LESS_IS_BETTER else ("max", "min")
        of_variants = {"best": figures.agg(best), "median": figures.median(), "worst": figures.agg(worst)}
        picked[f"{dataset}_{metric}"] = {name: round(float(value), 6) for name, value in of_variants.items()}
    for heading, results in (("claims", answers["answer"]), ("published", published["result"])):
        picked[heading] = {str(name).replace(" ", "_"): int(count) for name, count in results.value_counts().items()}
    return picked


def main() -> None:
    """Write all tables."""
    params = read_params()
    measured = json.loads(METRICS.read_text(encoding="utf-8"))
    results = {name: result_of(name) for name in RECIPE.variants()}
    table = leaderboard(measured, results)
    comparisons, answers = studied(params.studies, results)
    histories = {name: each.history for name, each in results.items()}
    rows = published_figures(params.published, measured, histories)
    published = pd.DataFrame(rows, columns=COLUMNS[PUBLISHED]).astype({"epoch": "Int64"})
    for path, content in ((LEADERBOARD, table), (COMPARISONS, comparisons), (ANSWERS, answers)):
        write_table(content, path, digits=6)
    published.to_csv(PUBLISHED, index=False, lineterminator="\n")
    figures = summary(table, answers, published)
    SUMMARY.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    CHARTS.mkdir(parents=True, exist_ok=True)
    colors = variant_colors(params)
    datasets = {name: each.recipe["dataset"] for name, each in results.items()}
    losses = {name: loss_function(each.recipe) for name, each in results.items()}
    axes = {"accuracy": datasets, "loss": {name: f"{datasets[name]}, {loss}" for name, loss in losses.items()}}
    for metric, axis in axes.items():
        curves = charts.learning_curves(params.studies, histories, axis, colors, metric)
        write_table(curves, CHARTS / f"{metric}.csv")
    write_table(charts.differences(comparisons, params.studies, datasets), CHARTS / "differences.csv")
    ranked_by = {dataset: module_of(dataset).RANKED_BY for dataset in measured}
    write_table(charts.ranking(table, ranked_by, colors), CHARTS / "ranking.csv")
    for found, count in answers["answer"].value_counts().items():
        print(f"claims, {found}: {count}")
    reproduced = (published["result"] == "reproduced").sum()
    print(f"{len(table)} variants; {reproduced} of {len(rows)} published figures reproduced")


if __name__ == "__main__":
    main()
