import configparser
import subprocess
from pathlib import Path

import pytest

from stages.reporting import plots_page

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_that_git_holds_is_made_of_its_source_and_of_the_locked_package() -> None:
    assert (ROOT / plots_page.PAGE).read_text(encoding="utf-8") == plots_page.page(), (
        "run `python -m stages.reporting.plots_page`"
    )


def test_dvc_is_told_of_a_page_that_is_in_a_fresh_clone() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc" / "config", encoding="utf-8")
    assert Path(".dvc", config["plots"]["html_template"]) == plots_page.PAGE
    known = subprocess.run(
        ["git", "ls-files", "--error-unmatch", plots_page.PAGE], cwd=ROOT, capture_output=True, check=False
    )
    if b"not a git repository" in known.stderr:
        pytest.skip("no Git checkout")
    assert known.returncode == 0


def test_the_page_takes_plots_but_no_scripts_from_dvc() -> None:
    page = plots_page.page()
    assert (page.count("{plot_divs}"), page.count("{refresh_tag}"), page.count("{scripts}")) == (1, 1, 0)
    assert "<script src" not in page
    assert "BSD 3-Clause" in page
    assert len(page.encode()) < 1_500_000
