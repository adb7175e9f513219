"""Make the report page: `python -m stages.page`.

It reads the tables and the figures under `reports/`, the catalogue, the source documents, the tables in
`reports/several_seeds/` and, in `data/models/`, the recipes, the scalings, the summaries and the histories. It writes
`reports/index.html`: one file that opens from disk and loads nothing. The page names what is missing.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from stages.artifacts import HISTORY, MODELS, SUMMARY, TRAINED_RECIPE, Artifact
from stages.artifacts.tables import (
    ANSWERS,
    CLASSES,
    COLUMNS,
    COMPARISONS,
    CONFUSION,
    ENVIRONMENT,
    LEADERBOARD,
    PARTS,
    PUBLISHED,
    RELIABILITY,
    TRAININGS,
)
from stages.documents import read_described, read_sources, read_studies
from stages.memo import of_repository
from stages.params.catalogue import read_catalogue
from stages.presentation.determinism import COSTS, costs_of
from stages.presentation.kept import COMPARED, SEVERAL_SEEDS, Tables, kept, merged
from stages.presentation.words import Text, text
from stages.reporting import FIGURES
from stages.reporting.page import render
from stages.reporting.page.reports import Reports
from stages.reporting.vega import bundle

PAGE = Path("reports/index.html")
SCALING: Artifact[dict[str, Any]] = Artifact(MODELS, "/scaling.json", json.loads)
"""Names of the columns and how a row was scaled, of the split of each variant."""


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; a missing one has no rows."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS[path])


def read_several_seeds(one: Tables) -> tuple[Tables | None, list[Text]]:
    """Read the kept tables of a run with several seeds, if they belong to this run with one; and the notes on them."""
    if len(one[TRAININGS]["seed"].unique()) > 1:
        return None, []
    if not all(kept(path, SEVERAL_SEEDS).exists() for path in COMPARED):
        return None, [text("page", "no_several_seeds")]
    several, own = merged({path: pd.read_csv(kept(path, SEVERAL_SEEDS)) for path in COMPARED}, one)
    if len(own) == len(one[ANSWERS]):
        return None, [text("page", "stale_several_seeds")]
    return several, [text("page", "own_studies", studies=", ".join(own))] if own else []


def read_pictures() -> dict[str, dict[str, bytes]]:
    """Read the figures, by folder and name."""
    pictures: dict[str, dict[str, bytes]] = {}
    for path in sorted(FIGURES.glob("*/*.png")):
        pictures.setdefault(path.parent.name, {})[path.stem] = path.read_bytes()
    return pictures


def read_reports() -> Reports:
    """Read everything that is there."""
    catalogue = read_catalogue()
    one = {path: read_table(path) for path in (LEADERBOARD, COMPARISONS, PARTS, ANSWERS, PUBLISHED, TRAININGS)}
    several, notes = read_several_seeds(one)
    costs = costs_of(pd.read_csv(COSTS)) if COSTS.exists() else []
    return Reports(
        catalogue=catalogue,
        studies=read_studies(),
        sources=read_sources(),
        described=read_described(),
        recipes={name: TRAINED_RECIPE.path(name).read_bytes() for name in TRAINED_RECIPE.variants()},
        columns={name: scaling["features"] for name, scaling in SCALING.read_all().items()},
        summaries=SUMMARY.read_all(),
        histories=HISTORY.read_all(),
        tables=one,
        several=several,
        notes=notes,
        confusion=read_table(CONFUSION),
        classes=read_table(CLASSES),
        reliability=read_table(RELIABILITY),
        environment=json.loads(ENVIRONMENT.read_text(encoding="utf-8")) if ENVIRONMENT.exists() else {},
        costs=[cost for cost in costs if cost.variant in catalogue.variants],
        pictures=read_pictures(),
    )


def main() -> None:
    """Write the page."""
    reports = read_reports()
    PAGE.write_text(render(reports, bundle(of_repository("reports"))), encoding="utf-8", newline="\n")
    print(f"{len(reports.names)} variants, {PAGE.stat().st_size / 1e6:.1f} MB: {PAGE}")


if __name__ == "__main__":
    main()
