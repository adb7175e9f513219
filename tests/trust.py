"""Write docs/trust.md from the record of a test run: which bad input and which faults were tried, and what was lost.

    pytest -m "bad_input or fault" --junitxml=.pytest_cache/tests.xml
    python -m tests.trust .pytest_cache/tests.xml

A test says what it tries by a marker with two texts, `@pytest.mark.bad_input("download", "HTTP status 404 or 500")` or
`@pytest.mark.fault("train", "killed (SIGKILL)")`: where, and what. It counts once for each of its parameters; one that
tries more says how often: `record_property("times", 30)`. A test that fails is named in the table, and so is one that
was skipped. `conftest.py` puts the markers into the record.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from stages.presentation import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trust.md"
SECTIONS = {
    "bad_input": (
        "Bad input",
        "Each is taken for what it says, or ends in a message that names the place, what was expected and what came; "
        "no file is left half-written, and no good one is replaced.",
    ),
    "fault": (
        "Faults",
        "After each, `dvc repro`, or the one command that the message names, finishes, redoes only what was lost, "
        "and ends with the same `dvc.lock`.",
    ),
}
"""The markers, and the title and the promise of their tables."""
COLUMNS = ("where", "what", "tried", "held", "lost")
NUMBERS = (2, 3)
HEADER = markdown.table(COLUMNS, [], NUMBERS).splitlines()


class Tried(NamedTuple):
    """What one test tried, how often, and how it ended: "passed", "failed" or "skipped"."""

    marker: str
    where: str
    what: str
    times: int
    test: str
    outcome: str


def tried(record: str) -> list[Tried]:
    """Every marked test in a record of pytest's `--junitxml`."""
    found = []
    for case in ElementTree.fromstring(record).iter("testcase"):  # noqa: S314 (pytest wrote it)
        properties = [(each.get("name", ""), each.get("value", "")) for each in case.iter("property")]
        times = int(dict(properties).get("times", 1))
        failed = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if failed else "skipped" if case.find("skipped") is not None else "passed"
        for marker, value in properties:
            if marker in SECTIONS:
                where, _, what = value.partition(": ")
                found.append(Tried(marker, where, what, times, case.get("name", ""), outcome))
    return found


def table(tests: Iterable[Tried]) -> str:
    """One line for each place and kind, in the order of their names, and one for all."""
    kinds = defaultdict(list)
    for each in tests:
        kinds[each.where, each.what].append(each)
    rows = [row(where, what, kinds[where, what]) for where, what in sorted(kinds)]
    everything = [each for kind in kinds.values() for each in kind]
    wrong = sum(each.outcome != "passed" for each in everything)
    lost = f"tests that failed or were skipped: {wrong}" if wrong else "nothing"
    return markdown.table(COLUMNS, [*rows, row("all", f"kinds: {len(kinds)}", everything, lost)], NUMBERS)


def row(where: str, what: str, tests: list[Tried], lost: str | None = None) -> list[str]:
    """A row of a table. lost: by default the tests that did not pass."""
    times = sum(each.times for each in tests if each.outcome != "skipped")
    held = sum(each.times for each in tests if each.outcome == "passed")
    wrong = [f"{each.outcome}: `{each.test}`" for each in tests if each.outcome != "passed"]
    return [where, what, f"{times:,}", f"{held:,}", lost or "<br>".join(wrong) or "nothing"]


def page(tests: list[Tried]) -> str:
    """The page of all tables."""
    lines = [
        "# What was tried to break it",
        "",
        "After this page you can say which bad input and which faults the pipeline holds against, and how often that "
        "was tried.",
        "",
        "Written by `python -m tests.trust` from the record of a test run, short and long tests; see "
        "[CONTRIBUTING.md](../CONTRIBUTING.md#trust).",
    ]
    for marker, (title, promise) in SECTIONS.items():
        lines += ["", f"## {title}", "", promise, "", table(each for each in tests if each.marker == marker)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the page from the records of one or more test runs."""
    parser = argparse.ArgumentParser(description="Write docs/trust.md from the record of a test run.")
    parser.add_argument("records", nargs="+", type=Path, metavar="record", help="what `--junitxml` wrote")
    records = parser.parse_args(arguments).records
    PAGE.parent.mkdir(exist_ok=True)
    tests = [each for record in records for each in tried(record.read_text(encoding="utf-8"))]
    PAGE.write_text(page(tests), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
