import io
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages.recipes.schema import parse_params
from stages.reporting import keep, readme

ROOT = Path(__file__).parents[1]


def committed(path: Path) -> str:
    """The file as the last commit has it: on another processor, a new run's reports may differ in the last digits."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode:
        pytest.skip(f"{path} is not in the last commit: {shown.stderr}")
    return shown.stdout


def test_the_tables_are_those_of_the_reports() -> None:
    text = committed(readme.README)
    tables = {path: pd.read_csv(io.StringIO(committed(path))) for path in readme.TABLES}
    params = parse_params(yaml.safe_load(committed(Path("params.yaml"))))
    assert readme.updated(text, tables, params) == text, "stale: run `python -m stages.reporting.readme` and commit"


def test_what_the_repository_keeps_is_of_this_commit() -> None:
    several, one = (pd.read_csv(io.StringIO(committed(path))) for path in (keep.kept(keep.TRAININGS), keep.TRAININGS))
    assert keep.stale(several, one) == [], "run `dvc exp run -S repeats=5` and `python -m stages.reporting.keep`"


def test_every_missed_figure_has_its_reason() -> None:
    text = committed(readme.README)
    block = re.search(r"<!-- published -->\n(.*?)<!-- /published -->", text, re.DOTALL)
    assert block is not None
    missed = re.findall(r"^\| `(\w+)` \|", block[1], re.MULTILINE)
    reasons = text[block.end() :].split("\n## ", 1)[0]
    assert [name for name in missed if f"`{name}`" not in reasons] == []


def test_a_missing_mark_is_told() -> None:
    with pytest.raises(ValueError, match="results"):
        readme.filled("no marks", {"results": "table"})
