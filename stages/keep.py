"""Keep what a run with several seeds found: `python -m stages.keep [revision]`, by default the workspace.

`dvc repro` trains one seed, which decides no claim, and five take five times as long. So the tables of such a run stay
in `reports/repeats/`, and the READMEs and the page show them:

    dvc exp run -S repeats=5 -n five-seeds        # an hour and more
    git checkout . && dvc checkout --force        # back to one seed
    python -m stages.keep five-seeds
    dvc repro page
    python -m stages.readme

They are those of this commit as long as both runs ask the same, and the trainings that both have are the same: tests
look at that (`stages.presentation.kept`). What a change of `stages/comparison` makes of the same trainings they do not
see.
"""

import argparse
import io
import sys

import pandas as pd

from stages.artifacts.tables import TRAININGS
from stages.diff import WORKSPACE, Revision
from stages.presentation.kept import KEPT, REPEATS, kept


def main(arguments: list[str] | None = None) -> None:
    """Copy the tables of the revision on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.keep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("revision", nargs="?", default=WORKSPACE, help="of a run with several seeds")
    name = parser.parse_args(arguments).revision
    try:
        revision = Revision(name)
        contents = {path: revision.read(path) for path in KEPT}
        trainings = pd.read_csv(io.BytesIO(contents[TRAININGS]))
        if (trainings["seed"] == trainings["seed"][0]).all():
            raise ValueError(f"{name}: expected a run with several seeds, got seed {trainings['seed'][0]} alone")
    except ValueError as error:
        sys.exit(str(error))
    REPEATS.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        kept(path).write_bytes(content)
    print(f"{len(trainings)} trainings of {trainings['variant'].nunique()} variants kept in {REPEATS}")


if __name__ == "__main__":
    main()
