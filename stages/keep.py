"""Keep the tables of a run in Git: `python -m stages.keep [revision]`, by default those of the workspace.

The tables of a run with one seed are kept in `reports/one_seed/`, those of a run with several seeds in
`reports/several_seeds/`. The READMEs are made from both, and the page shows the latter beside a run with one seed,
which decides no claim:

    dvc exp run -S seeds=5 -n five-seeds          # an hour and more
    git reset --hard && dvc checkout --force      # back to one seed
    python -m stages.keep five-seeds
    python -m stages.keep
    dvc repro page
    python -m stages.readme

Tests check that both runs ask the same questions, and that the trainings that both have are the same
(`stages.presentation.kept`). They do not see what a change of `stages/comparison` makes of the same trainings.
"""

import argparse
import io
import sys

import pandas as pd

from stages.artifacts.tables import ENVIRONMENT, METRICS, TRAININGS
from stages.diff import WORKSPACE, Revision
from stages.presentation.kept import KEPT, folder_of, kept

FILES = (METRICS, *KEPT, ENVIRONMENT)


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
        revision = Revision(name)
        contents = {path: revision.read(path) for path in FILES}
    except ValueError as error:
        sys.exit(str(error))
    trainings = pd.read_csv(io.BytesIO(contents[TRAININGS]))
    folder = folder_of(trainings)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        kept(path, folder).write_bytes(content)
    print(f"{len(trainings)} trainings of {trainings['variant'].nunique()} variants kept in {folder}")


if __name__ == "__main__":
    main()
