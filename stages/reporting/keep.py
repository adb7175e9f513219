"""Keep what a run with several seeds found: `python -m stages.reporting.keep [revision]`, by default the workspace.

`dvc repro` trains one seed, which decides no claim, and five take five times as long. So the tables of such a run stay
in `reports/repeats/`, and README.md shows them:

    dvc exp run -S repeats=5 -n five-seeds        # an hour and more
    git checkout . && dvc checkout --force        # back to one seed
    python -m stages.reporting.keep five-seeds
    python -m stages.reporting.readme

They are those of this commit as long as both runs ask the same, and the trainings that both have are the same: tests
look at that (`stale`). What a change of `stages/comparison` makes of the same trainings they do not see.
"""

import argparse
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stages.compare import ANSWERS, COMPARISONS, PUBLISHED
from stages.diff import WORKSPACE, Revision
from stages.evaluate import TRAININGS

REPEATS = Path("reports/repeats")
TOLERANCE = 2e-5
"""Of a figure: at most two in the last of its six digits."""
ASKED = {
    ANSWERS: ["study", "question", "claim", "documents"],
    COMPARISONS: ["study", "variant", "baseline", "metric", "expected"],
    PUBLISHED: ["document", "variant", "part", "metric", "epoch", "published", "tolerance"],
}
"""The columns that say what was asked, not what came of it."""
KEPT = (*ASKED, TRAININGS)

Tables = Mapping[Path, pd.DataFrame]


def kept(path: Path) -> Path:
    """Where the table of a run with several seeds is kept."""
    return REPEATS / path.name


def stale(several: Tables, one: Tables) -> list[str]:
    """One line per table of several seeds that no longer belongs to that of one; both by the path of the latter."""
    lines = []
    for path, columns in ASKED.items():
        before, now = (each[path][columns].astype(object).fillna("") for each in (several, one))
        if not before.equals(now):
            lines.append(f"{kept(path)}: expected what {path} asks, got something else")
    if names := stale_trainings(several[TRAININGS], one[TRAININGS]):
        lines.append(f"{kept(TRAININGS)}: expected the figures of {TRAININGS}, got others of {', '.join(names)}")
    return lines


def stale_trainings(several: pd.DataFrame, one: pd.DataFrame) -> list[str]:
    """Name the variants of which a training of one is not in several with the same figures; see `TRAININGS`."""
    keys = ["variant", "split", "seed"]
    both = one.merge(several, on=keys, how="left", suffixes=("", "_kept"), indicator=True)
    names = set(both.loc[both["_merge"] != "both", "variant"]) | set(several["variant"]) - set(one["variant"])
    for column in one.select_dtypes("number").columns.difference(keys):
        if f"{column}_kept" not in both:
            names |= set(both.loc[both[column].notna(), "variant"])
            continue
        same = np.isclose(both[column], both[f"{column}_kept"], rtol=TOLERANCE, atol=0, equal_nan=True)
        names |= set(both.loc[~same, "variant"])
    return sorted(names)


def main(arguments: list[str] | None = None) -> None:
    """Copy the tables of the revision on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.reporting.keep",
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
