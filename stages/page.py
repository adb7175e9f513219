"""Make the report page: `python -m stages.page`.

Reads the tables, the learning curves and the figures under `reports/`, the recipes, what the trainings say of their
models, `params.yaml`, and of `benchmarks/results.json` what determinism costs. Leaves `reports/index.html`: one file
that opens from disk and loads nothing. What is not there is named on the page.
"""

import json
from pathlib import Path

import pandas as pd

from benchmarks.report import determinism_costs
from stages.artifacts import HISTORY, RECIPE, SUMMARY
from stages.artifacts.tables import ANSWERS, CLASSES, COLUMNS, COMPARISONS, CONFUSION, LEADERBOARD, PUBLISHED, TRAININGS
from stages.environment import ENVIRONMENT
from stages.params.schema import read_params
from stages.presentation.determinism import BENCHMARKS
from stages.presentation.kept import KEPT, Tables, joined, kept
from stages.presentation.words import Text, text
from stages.reporting.page import render
from stages.reporting.page.reports import Reports
from stages.reporting.vega import bundle

FIGURES = Path("reports/figures")
"""As `stages.plot` leaves them."""
DRAWN_AS_CHARTS = ("curves", "confusion", "studies")
"""The folders of figures whose pictures the page draws itself."""
PAGE = Path("reports/index.html")


def table(path: Path) -> pd.DataFrame:
    """Read a table; where it is not there, one without rows."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS[path])


def several_seeds(one: Tables) -> tuple[Tables | None, list[Text]]:
    """The tables of a kept run with several seeds where they belong to this run of one, and what to say of them."""
    if len(one[TRAININGS]["seed"].unique()) > 1:
        return None, []
    if not all(kept(path).exists() for path in KEPT):
        return None, [text("page", "no_repeats")]
    several, own = joined({path: pd.read_csv(kept(path)) for path in KEPT}, one)
    if len(own) == len(one[ANSWERS]):
        return None, [text("page", "stale_repeats")]
    return several, [text("page", "own_studies", studies=", ".join(own))] if own else []


def read_reports() -> Reports:
    """Open everything that is there."""
    benchmarks = json.loads(BENCHMARKS.read_text(encoding="utf-8")) if BENCHMARKS.exists() else {}
    costs = determinism_costs(benchmarks.get("determinism", {}))
    params = read_params()
    one = {path: table(path) for path in (LEADERBOARD, COMPARISONS, ANSWERS, PUBLISHED, TRAININGS)}
    several, remarks = several_seeds(one)
    pictures: dict[str, dict[str, bytes]] = {}
    for path in sorted(FIGURES.glob("*/*.png")):
        if path.parent.name not in DRAWN_AS_CHARTS:
            pictures.setdefault(path.parent.name, {})[path.stem] = path.read_bytes()
    return Reports(
        params=params,
        recipes={name: RECIPE.path(name).read_bytes() for name in RECIPE.variants()},
        summaries=SUMMARY.read_all(),
        histories=HISTORY.read_all(),
        tables=one,
        several=several,
        remarks=remarks,
        confusion=table(CONFUSION),
        classes=table(CLASSES),
        environment=json.loads(ENVIRONMENT.read_text(encoding="utf-8")) if ENVIRONMENT.exists() else {},
        costs=[cost for cost in costs if cost["variant"] in params.variants],
        pictures=pictures,
    )


def main() -> None:
    """Write the page."""
    reports = read_reports()
    PAGE.write_text(render(reports, bundle()), encoding="utf-8", newline="\n")
    print(f"{len(reports.names())} variants, {PAGE.stat().st_size / 1e6:.1f} MB: {PAGE}")


if __name__ == "__main__":
    main()
