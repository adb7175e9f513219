"""The table of what was tried: from marked tests to a page."""

import inspect
import subprocess
import sys
from pathlib import Path

import conftest
import pytest
import trust

MARKED = """
import pytest

@pytest.mark.bad_input("download", "cut short")
@pytest.mark.parametrize("way", ["a", "b"])
def test_cut(way):
    pass

@pytest.mark.bad_input("download", "cut short")
def test_many(record_property):
    record_property("times", 1998)

@pytest.mark.fault("train", "killed")
def test_lost():
    assert False

@pytest.mark.fault("train", "no memory")
def test_left_out():
    pytest.skip("not here")

def test_not_marked():
    pass
"""


@pytest.mark.parametrize("processes", ["0", "1"], ids=["without workers", "in a worker"])
def test_marked_tests_are_counted_and_those_that_fail_or_were_left_out_are_named(
    tmp_path: Path, processes: str
) -> None:
    hook = inspect.getsource(conftest.pytest_runtest_setup)
    (tmp_path / "conftest.py").write_text(f"import pytest\nTRIES = {conftest.TRIES}\n{hook}", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(MARKED, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n bad_input(a, b): _\n fault(a, b): _\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-n", processes, "--junitxml=record.xml"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    page = trust.page(trust.tried((tmp_path / "record.xml").read_text(encoding="utf-8")))
    assert [line for line in page.splitlines() if line.startswith("|")] == [
        *trust.HEADER,
        "| download | cut short | 2,000 | 2,000 | nothing |",
        "| all | kinds: 1 | 2,000 | 2,000 | nothing |",
        *trust.HEADER,
        "| train | killed | 1 | 0 | failed: `test_lost` |",
        "| train | no memory | 0 | 0 | skipped: `test_left_out` |",
        "| all | kinds: 2 | 1 | 0 | tests that failed or were skipped: 2 |",
    ]


def test_the_page_has_a_line_for_everything_that_is_tried_and_nothing_was_lost(pytestconfig: pytest.Config) -> None:
    page = trust.PAGE.read_text(encoding="utf-8")
    rows = set()
    for name, (title, _) in trust.SECTIONS.items():
        lines = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0].splitlines()
        for line in lines:
            if line.startswith("|") and line not in trust.HEADER:
                where, what, *_, lost = line.strip("| ").split(" | ")
                rows.add((name, where, what))
                assert lost == "nothing"
    assert pytestconfig.stash[conftest.TRIED] <= rows, "stale: see tests/trust.py"
