"""Rank the variants, answer the studies and check the published values: `python -m stages.compare`.

    python -m stages.compare    # as `dvc repro compare` does

Reads `reports/tables/evaluation/metrics.json`, the recipes, predictions, targets and histories, the catalogue, and the
studies and published values of `documents/`. Writes to `reports/tables/comparison/`:

    leaderboard.csv  one row per variant, best first on the test rows of its data set
    comparisons.csv  one row per member of a study: the difference to its baseline, its 95 % interval, the verdict, and
                     the keys in which the two recipes differ
    parts.csv        one row per part of a claim: its answer
    answers.csv      one row per study: whether its claim holds (yes, in part, no, no difference, cannot be known), or
                     is open: then the seeds that would decide it, and the minutes
    published.csv    one row per published value: published, ours (the mean over seeds, and their standard deviation),
                     difference, tolerance; reproduced, missed or not measured
    changes.json     what changed since the run that is kept in `reports/one_seed/`: the keys of each recipe, the metric
                     that ranks before and after with the verdict on the difference, and the learning curves before

and, for `dvc plots`, `reports/plot_tables/`: learning curves by study, differences, the leaderboards, and their scores
beside the cost of the trainings.
`reports/summary.json` is for `dvc metrics` and `dvc exp show`: best and median variant of each data set on test rows;
claims and published values by result; of each variant that changed the metric that ranks.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from itertools import chain
from math import isnan, nan
from pathlib import Path
from typing import Any

import pandas as pd

from stages.artifacts import RECIPE
from stages.artifacts.tables import (
    ANSWERS,
    CHANGES,
    COLUMNS,
    COMPARISONS,
    LEADERBOARD,
    METRICS,
    PARTS,
    PLOT_TABLES,
    PUBLISHED,
    RUN_SUMMARY,
    TRAININGS,
    write_table,
)
from stages.comparison.changes import Changes, find_changes
from stages.comparison.cost import minutes, seconds_of_a_seed
from stages.comparison.criteria import Criteria, read_criteria
from stages.comparison.kept_run import read_kept_run
from stages.comparison.leaderboard import rank, summarize
from stages.comparison.published import reproduce
from stages.comparison.studies import answer_parts, answer_study, compare_members, seeds_that_decide
from stages.comparison.trained import TrainedVariant, loss_function, read_trained
from stages.comparison.verdicts import Answer, Reproduction, Verdict
from stages.datasets.spec import spec_of
from stages.documents import Study, read_published, read_studies
from stages.params.catalogue import read_catalogue
from stages.presentation import plot_tables
from stages.presentation.colors import variant_colors
from stages.presentation.kept import ONE_SEED, stale_trainings


def answer_all(
    studies: Mapping[str, Study],
    trained: Mapping[str, TrainedVariant],
    criteria: Criteria,
    seconds: Mapping[str, float],
) -> dict[Path, pd.DataFrame]:
    """Tabulate the comparisons, the answers to the parts of the claims, and those of all studies.

    seconds: those of one more seed by variant; see `stages.comparison.cost`.
    """
    comparisons, parts, answers = [], [], []
    for name, study in studies.items():
        compared = compare_members(name, study, trained, lambda dataset: spec_of(dataset).ranked_by, criteria)
        answered = answer_parts(name, study, compared)
        comparisons += [
            asdict(each)
            | {"minutes": minutes([(each, each.seeds_needed)], seconds) if each.verdict == Verdict.OPEN else nan}
            for each in compared
        ]
        deciding = {
            part.part: seeds_that_decide([each for each in compared if each.part == part.part])
            for part in answered
            if part.answer == Answer.OPEN
        }
        parts += [asdict(part) | {"minutes": minutes(deciding.get(part.part, []), seconds)} for part in answered]
        answer = answer_study(part.answer for part in answered)
        needed = [part.seeds_needed for part in answered if not isnan(part.seeds_needed)]
        answers.append(
            {
                "study": name,
                "question": study.question,
                "claim": study.claim,
                "answer": answer,
                "documents": " ".join(study.documents),
                "yes": sum(part.answer == Answer.YES for part in answered),
                "parts": len(answered),
                "seeds_needed": max(needed, default=nan),
                "minutes": minutes(chain.from_iterable(deciding.values()), seconds),
                "but": study.but,
            }
        )
    tables = {COMPARISONS: comparisons, PARTS: parts, ANSWERS: answers}
    return {path: pd.DataFrame(rows, columns=COLUMNS[path]) for path, rows in tables.items()}


def write_plot_tables(
    leaderboard: pd.DataFrame,
    comparisons: pd.DataFrame,
    studies: Mapping[str, Study],
    trained: Mapping[str, TrainedVariant],
    changes: Changes,
) -> None:
    """Write the tables that `dvc plots` draws."""
    catalogue = read_catalogue()
    colors, titles = variant_colors(catalogue, studies), {name: catalogue.title(name) for name in catalogue.variants}
    datasets = {name: each.recipe["dataset"] for name, each in trained.items()}
    losses = {name: f"{datasets[name]}, {loss_function(each.recipe)}" for name, each in trained.items()}
    histories = {name: each.history for name, each in trained.items()}
    PLOT_TABLES.mkdir(parents=True, exist_ok=True)
    for metric, axes in (("accuracy", datasets), ("loss", losses)):
        curves = plot_tables.learning_curves(studies, histories, axes, colors, titles, metric)
        write_table(curves, PLOT_TABLES / f"{metric}.csv")
    differences = plot_tables.differences(comparisons, studies, datasets, titles)
    write_table(differences, PLOT_TABLES / "differences.csv")
    ranked_by = {dataset: spec_of(dataset).ranked_by for dataset in leaderboard["dataset"].unique()}
    ranked = plot_tables.ranking(leaderboard, ranked_by, colors, titles)
    metrics = {name: ranked_by[dataset] for name, dataset in datasets.items()}
    recipes = {name: each.recipe for name, each in trained.items()}
    write_table(plot_tables.with_changes(ranked, metrics, recipes, changes), PLOT_TABLES / "ranking.csv")
    write_table(plot_tables.cost(leaderboard, ranked_by, titles), PLOT_TABLES / "cost.csv")


def tabulate(
    measured: Mapping[str, Any], trained: Mapping[str, TrainedVariant], studies: Mapping[str, Study], criteria: Criteria
) -> dict[Path, pd.DataFrame]:
    """Tabulate the leaderboard, the answers and the published values of these variants.

    measured: as `stages.evaluate` writes it.
    """
    error = 1 - criteria.confidence
    histories = {name: each.history for name, each in trained.items()}
    values = [value for value in read_published() if value.variant in trained]
    reproduced = reproduce(values, measured, histories, error)
    published = pd.DataFrame(map(asdict, reproduced), columns=COLUMNS[PUBLISHED]).astype({"epoch": "Int64"})
    answered = answer_all(studies, trained, criteria, seconds_of_a_seed(measured, trained))
    return {LEADERBOARD: rank(measured, trained, error), **answered, PUBLISHED: published}


def write_tables(tables: Mapping[Path, pd.DataFrame], place: Callable[[Path], Path] = lambda path: path) -> None:
    """Write what `tabulate` gives. place: where a table goes, by its path in the workspace's run."""
    for path, table in tables.items():
        place(path).parent.mkdir(parents=True, exist_ok=True)
        if path == PUBLISHED:  # with all digits of what the documents print
            table.to_csv(place(path), index=False, lineterminator="\n")
        else:
            write_table(table, place(path), digits=6)


def changes_since_kept(trained: Mapping[str, TrainedVariant], criteria: Criteria) -> Changes:
    """Find what changed since the run that is kept in `reports/one_seed/`."""
    kept = read_kept_run(ONE_SEED)
    changes = find_changes(kept, trained, criteria)
    if not kept.recipes or changes.seeds:
        return changes
    explained = {*changes.added, *changes.removed, *(each.variant for each in changes.variants)}
    stale = stale_trainings(kept.trainings, pd.read_csv(TRAININGS, low_memory=False))
    return replace(changes, other_result=[name for name in stale if name not in explained])


def main(arguments: list[str] | None = None) -> None:
    """Write all tables."""
    argparse.ArgumentParser(
        prog="python -m stages.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    measured = json.loads(METRICS.read_text(encoding="utf-8"))
    studies = read_studies()
    trained = {name: read_trained(name) for name in RECIPE.variants()}
    criteria = read_criteria()
    tables = tabulate(measured, trained, studies, criteria)
    write_tables(tables)
    changes = changes_since_kept(trained, criteria)
    CHANGES.write_text(changes.to_json(), encoding="utf-8", newline="\n")
    leaderboard, answers, published = (tables[path] for path in (LEADERBOARD, ANSWERS, PUBLISHED))
    summary = summarize(leaderboard, answers, published, changes)
    RUN_SUMMARY.write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    write_plot_tables(leaderboard, tables[COMPARISONS], studies, trained, changes)
    for answer, count in answers["answer"].value_counts().items():
        print(f"claims, {answer}: {count}")
    if changes.variants:
        print(f"variants with another recipe than in {ONE_SEED}: {len(changes.variants)}")
    print(f"variants: {len(leaderboard)}")
    if len(published):
        found = int((published["result"] == Reproduction.REPRODUCED).sum())
        print(f"published values reproduced: {found} of {len(published)}")


if __name__ == "__main__":
    main()
