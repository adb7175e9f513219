"""Say what would decide the open questions, and train until they are decided: `python -m stages.plan [study …]`.

It reads the tables in `reports/several_seeds/` and prints each open part of a claim, with the number of seeds that
would decide it and the minutes that they take. With `--until-decided` it trains all variants of the studies with 5
seeds, those of open comparisons with more (`comparison.looks` in `params.yaml`), and keeps the answers there:

    python -m stages.plan --until-decided --minutes 60

Of named studies it trains the variants of these alone, with as many seeds at least as their answers that are kept:

    python -m stages.plan best_rates --until-decided

These answers replace those of the same studies, and the others stay, with the seeds that they are of. So do the rows of
a variant, unless it has more seeds now. Its trainings with the seeds that are kept must have the values that are kept.

It can be ended at any time, and goes on from there: what is trained is in `.dvc/tmp/seeds/`, and is not trained again
as long as its recipe, the data, the code and the libraries are the same. The workspace stays as it is. `dvc repro`
comes first: it leaves the recipes and the normalized data. The looks share the chance of an error, so the more of them
are planned, the wider are the intervals of each.
"""

import argparse
import json
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import isinf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from stages.artifacts import RECIPE, SUMMARY
from stages.artifacts.tables import (
    COMPARISONS,
    METRICS,
    PARTS,
    TRAININGS,
)
from stages.compare import tabulate, write_tables
from stages.comparison.cost import seconds_of_a_seed
from stages.comparison.criteria import Criteria, read_looks
from stages.comparison.trained import TrainedVariant, joined, read_trained
from stages.comparison.verdicts import Answer, Verdict
from stages.documents import Study, read_studies
from stages.evaluate import measure
from stages.params.messages import unknown
from stages.presentation.kept import SEVERAL_SEEDS, beside_others, kept, read_cells
from stages.scheduling.executors import add_jobs_option
from stages.scheduling.graph import estimate
from stages.scheduling.seeds import Block, blocks, train
from stages.training.recipe import Recipe

HOPE = 2
"""A comparison that is expected to need more than so many times the seeds of the last look is not trained for."""


@dataclass
class Run:
    """The trainings so far of a run of several seeds, and the tables made of them."""

    recipes: Mapping[str, Recipe]
    studies: Mapping[str, Study]
    criteria: Criteria
    blocks: Mapping[str, Sequence[Block]]
    """Of each variant, that of each look."""

    tables: dict[Path, pd.DataFrame] = field(default_factory=dict)
    measured: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Of one more seed, by variant."""
    least: Mapping[str, int] = field(default_factory=dict)
    """Seeds of a variant before anything is kept, where they are more than those of the first look."""

    def first_blocks(self, name: str) -> list[Block]:
        """Blocks of a variant before anything is kept."""
        seeds_before = (0, *self.criteria.looks[:-1])
        least = max(1, self.least.get(name, 0))
        return [block for block, before in zip(self.blocks[name], seeds_before, strict=True) if before < least]

    def read(self) -> None:
        """Read what is trained, and compare it."""
        trained, trainings, self.measured = {}, [], {}
        for name, recipe in self.recipes.items():
            own = [block for block in self.blocks[name] if block.complete]
            variant, metrics, table = _read(name, recipe, own)
            trained[name] = variant
            trainings.append(table)
            self.measured.setdefault(recipe["dataset"], {})[name] = metrics
        self.seconds = seconds_of_a_seed(self.measured, trained)
        self.tables = tabulate(self.measured, trained, self.studies, self.criteria)
        self.tables[TRAININGS] = pd.concat(trainings)

    def open_variants(self) -> list[str]:
        """Variants of the open comparisons that the looks may decide, those of the cheapest comparison first."""
        found = open_comparisons(self.tables[PARTS], self.tables[COMPARISONS])
        found = found[found["seeds_needed"] <= HOPE * self.criteria.looks[-1]]
        pairs = zip(found["variant"], found["baseline"], strict=True)
        cheapest = sorted(pairs, key=lambda pair: sum(self.seconds[name] for name in pair))
        return list(dict.fromkeys(name for pair in cheapest for name in pair))

    def keep(self, folder: Path = SEVERAL_SEEDS) -> None:
        """Write the tables to a folder."""
        write_tables(self.tables, partial(kept, folder=folder))
        _write_metrics(self.measured, folder)


@dataclass
class RunOfSome(Run):
    """A run of some studies and their variants, beside which those of the others are kept."""

    all_studies: Sequence[str] = ()
    all_variants: Sequence[str] = ()

    def keep(self, folder: Path = SEVERAL_SEEDS) -> None:
        """Write the tables to a folder, beside those of the others. ValueError if they do not belong together."""
        if not kept(TRAININGS, folder).exists():
            super().keep(folder)
            return
        with TemporaryDirectory() as own:
            super().keep(Path(own))
            tables, fresh = beside_others(
                read_cells(folder), read_cells(Path(own)), self.all_studies, self.all_variants
            )
        before = json.loads(kept(METRICS, folder).read_text(encoding="utf-8"))
        measured: dict[str, dict[str, Any]] = {}
        for found, names in ((before, {*self.all_variants} - fresh), (self.measured, fresh)):
            for dataset, variants in found.items():
                measured.setdefault(dataset, {}).update({name: variants[name] for name in variants.keys() & names})
        write_tables(tables, partial(kept, folder=folder))
        _write_metrics(measured, folder)


def _write_metrics(measured: Mapping[str, Any], folder: Path) -> None:
    content = json.dumps(measured, indent=1, sort_keys=True) + "\n"
    kept(METRICS, folder).write_text(content, encoding="utf-8", newline="\n")


def _read(name: str, recipe: Recipe, own: Sequence[Block]) -> tuple[TrainedVariant, dict[str, Any], pd.DataFrame]:
    """Read a variant's trainings of several blocks; its metrics; its rows of the table of trainings."""
    together = joined([read_trained(name, block.read_bytes) for block in own])
    keys = [key for key in ("split", "seed") if key in together.history]
    summary = SUMMARY.read(name, own[0].read_bytes) | {
        "epochs": together.history.groupby(keys, sort=False).size().tolist(),
        "evaluations": together.evaluations,
        "diverged": together.diverged,
    }
    recipe = {**recipe, "seeds": together.seeds}
    metrics, table = measure(name, recipe, together.splits, together.predictions, together.history, summary)
    # Comparisons need the test rows alone; all others would fill the memory.
    test = {part: values for part, values in together.predictions.items() if part == "test"}
    return replace(together, predictions=test), metrics, table


def open_comparisons(parts: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """Select the open comparisons in open parts of claims.

    Where each is decided and the part is not, they are those that are open where they share the chance of an error,
    with the seeds that the part needs.
    """
    keys = ["study", "part"]
    open_parts = parts.loc[parts["answer"] == Answer.OPEN, [*keys, "seeds_needed"]]
    in_open = comparisons.merge(open_parts, on=keys, suffixes=("", "_of_part"))
    own = in_open["verdict"].isin([Verdict.OPEN, Verdict.NO_INTERVAL])
    some = own.groupby([in_open[key] for key in keys]).transform("any")
    needed = in_open["seeds_needed"].where(own, in_open.pop("seeds_needed_of_part"))
    return in_open.assign(seeds_needed=needed)[own | ~some & (in_open["shared_verdict"] == Verdict.OPEN)]


def members_of(studies: Iterable[Study]) -> set[str]:
    """Name the variants and baselines of all members of the studies."""
    return {
        name
        for study in studies
        for member in study.members
        for name in (member.variant, member.baseline or study.baseline)
    }


def most_seeds(comparisons: pd.DataFrame, studies: Collection[str]) -> dict[str, int]:
    """Find the most seeds that each variant has in the comparisons of the studies."""
    own = comparisons[comparisons["study"].isin(studies)]
    by_variant = pd.concat([own.set_index(column)["seeds"] for column in ("variant", "baseline")])
    return {str(name): int(seeds.max()) for name, seeds in by_variant.groupby(level=0)}


def until_decided(run: Run, jobs: int, minutes: float) -> str:
    """Train the variants, and those of open comparisons with more seeds; keep the tables after each look.

    Returns: why it ended.
    """
    deadline = time.monotonic() + 60 * minutes
    wanted = sorted(run.recipes, key=lambda name: (-estimate(f"train@{name}"), name))  # the longest first
    first = [block for name in wanted for block in run.first_blocks(name)]
    for number in range(len(run.criteria.looks)):
        late = train([run.blocks[name][number] for name in wanted] if number else first, jobs, deadline)
        if missing := {block.variant for block in first if not block.complete}:
            return f"{len(missing)} variants lack their first seeds, so nothing is kept yet; the same command goes on"
        run.read()
        run.keep()
        if late:
            return f"{len(late)} variants are not trained yet; the same command goes on from here"
        wanted = run.open_variants()
        if not wanted:
            return "no part of a claim is open that more seeds are expected to decide"
    return f"the last look, at {run.criteria.looks[-1]} seeds"


def plan(parts: pd.DataFrame, comparisons: pd.DataFrame, names: Collection[str]) -> str:
    """Write what would decide the open parts of the studies, one paragraph each."""
    shown = parts[parts["study"].isin(names) & (parts["answer"] == Answer.OPEN)]
    if shown.empty:
        return "no part of a claim is open"
    lines = []
    for _, part in shown.iterrows():
        lines.append(f"{part['study']}: {part['claim']}: {_needed(part)}")
        rows = comparisons[(comparisons["study"] == part["study"]) & (comparisons["part"] == part["part"])]
        for _, row in rows[rows["verdict"] != rows["expected"]].iterrows():
            place = f"    {row['variant']} - {row['baseline']}, {row['metric']}"
            lines.append(f"{place}: {row['verdict']} with {row['seeds']} seeds: {_needed(row)}")
    return "\n".join(lines)


def _needed(row: pd.Series) -> str:
    if pd.isna(row["seeds_needed"]):
        return "more seeds" if row.get("seeds") == 1 else "not known"
    if isinf(row["seeds_needed"]):
        return "no number of seeds"
    return f"about {row['seeds_needed']:.0f} seeds, {max(row['minutes'], 1):.0f} min more on one core"


def main(arguments: list[str] | None = None) -> None:
    """Plan, or train, the studies on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="*", metavar="study", help="of documents/studies.yaml; default: all")
    parser.add_argument("--until-decided", action="store_true", help="train, and keep the answers")
    parser.add_argument("--minutes", type=float, default=60, help="start no training after so many; default: 60")
    add_jobs_option(parser, "trainings")
    options = parser.parse_args(arguments)
    if options.minutes <= 0 or options.jobs < 1:
        parser.error("--minutes and --jobs: expected more than 0")
    try:
        studies = read_studies()
        for name in options.studies:
            if name not in studies:
                raise ValueError(unknown("study", studies, name))
        named = {name: study for name, study in studies.items() if name in (options.studies or studies)}
        if options.until_decided:
            _until_decided(studies, named, options.jobs, options.minutes)
        tables = [pd.read_csv(kept(path)) for path in (PARTS, COMPARISONS)]
        print(plan(tables[0], tables[1], named))
    except ValueError as error:
        sys.exit(str(error))
    except FileNotFoundError as error:
        sys.exit(f"{error.filename}: expected a file of a finished run, got none; run `dvc repro` first")
    except KeyboardInterrupt:
        sys.exit("ended; the same command goes on from here")


def _until_decided(studies: Mapping[str, Study], named: Mapping[str, Study], jobs: int, minutes: float) -> None:
    recipes = RECIPE.read_all()
    if not recipes:
        raise ValueError("data/recipes: expected the recipes that `dvc repro` leaves, got none")
    criteria, everything = read_looks(), named.keys() == studies.keys()
    members = members_of(named.values())
    if missing := sorted(members - recipes.keys()):
        raise ValueError(f"{RECIPE.path(missing[0])}: expected a recipe, got none; run `dvc repro` first")
    names = [name for name in recipes if everything or name in members]
    of_looks = {name: blocks(name, recipes[name], criteria.looks) for name in names}
    of_run = ({name: recipes[name] for name in names}, named, criteria, of_looks)
    if everything:
        run = Run(*of_run)
    else:
        least = most_seeds(pd.read_csv(path), named) if (path := kept(COMPARISONS)).exists() else {}
        run = RunOfSome(*of_run, least=least, all_studies=[*studies], all_variants=[*recipes])
    print(until_decided(run, jobs, minutes))


if __name__ == "__main__":
    main()
