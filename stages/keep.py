"""Keep the tables of a run in Git: `python -m stages.keep [revision]`, by default those of the workspace.

    python -m stages.keep

The tables of a run with one seed are kept in `reports/one_seed/`, with its recipes, learning curves and predictions of
test rows: `stages.compare` tells what an experiment changed since. Those of runs with several seeds, whose answers
count, are in `reports/several_seeds/`: `python -m stages.plan --until-decided` writes them there itself, and those of
an experiment with as many seeds for each variant are kept by its name:

    dvc exp run -S seeds=5 -n five-seeds
    git reset --hard && dvc checkout --force      # back to one seed
    python -m stages.keep five-seeds

Those of the sweeps, which have seeds of their own, are kept in `reports/sweeps/<sweep>/`.

Afterwards `dvc repro` and `python -m stages.readme` show them: the READMEs are made from both folders, and the page and
the picture of all answers show several seeds beside a run with one, which decides no claim.

Tests check that both runs ask the same questions, and that the trainings that both have are the same
(`stages.presentation.kept`). They do not see what a change of `stages/comparison` makes of the same trainings.
"""

import argparse
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from stages.artifacts.tables import BEST, BEST_OF_K, ENVIRONMENT, MEMBERS, METRICS, SWEEP_TABLES, TRAININGS
from stages.comparison.kept_run import files_of_run
from stages.presentation.kept import KEPT, KEPT_SWEEPS, ONE_SEED, folder_of, kept
from stages.presentation.plot_tables import curve_metrics, mean_and_range
from stages.revisions import WORKSPACE, State, state_of

FILES = (METRICS, *KEPT, ENVIRONMENT)


def read_run(state: State) -> dict[str, bytes]:
    """Make the files of a run with one seed that are not tables; see `stages.comparison.kept_run`."""
    with TemporaryDirectory() as scratch:
        trained = [state.trained(name, Path(scratch)) for name in state.variants()]
        return files_of_run(trained, pd.concat([curves(each.name, each.history) for each in trained]))


def curves(variant: str, history: pd.DataFrame) -> pd.DataFrame:
    """Columns variant, epoch and those of a history that have learning curves, the means over its trainings."""
    metrics = curve_metrics(history)
    columns = [column for metric in metrics for column in (metric, f"val_{metric}") if column in history]
    means = {column: mean_and_range(history, column)["mean"] for column in columns}
    return pd.DataFrame(means).rename_axis("epoch").reset_index().assign(variant=variant)


def main(arguments: list[str] | None = None) -> None:
    """Copy the tables of the revision on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.keep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("revision", nargs="?", default=WORKSPACE, help="a commit, a branch or an experiment")
    name = parser.parse_args(arguments).revision
    try:
        revision = state_of(name)
        contents = {path: revision.read(path) for path in FILES}
        of_sweeps = [Path(name, table) for name in revision.sweeps() for table in (MEMBERS, BEST, BEST_OF_K)]
        swept = {path: revision.read(SWEEP_TABLES / path) for path in of_sweeps}
        trainings = pd.read_csv(io.BytesIO(contents[TRAININGS]))
        folder = folder_of(trainings)
        run = read_run(revision) if folder == ONE_SEED else {}
    except ValueError as error:
        sys.exit(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        kept(path, folder).write_bytes(content)
    for file, content in run.items():
        (folder / file).write_bytes(content)
    for path, content in swept.items():
        (KEPT_SWEEPS / path).parent.mkdir(parents=True, exist_ok=True)
        (KEPT_SWEEPS / path).write_bytes(content)
    print(f"{len(trainings)} trainings of {trainings['variant'].nunique()} variants kept in {folder}")


if __name__ == "__main__":
    main()
