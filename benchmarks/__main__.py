"""Measure, and write `results.json` and `RESULTS.md`: `bash benchmarks/run`, which see for the environments.

The cost of determinism, which the README and the report page show, also goes to
`reports/several_seeds/determinism.csv`.

Progress goes to the standard error. A full run takes about three hours on two cores with nothing else running; the
longest are g, whose peers are slow, and h, which runs all stages of two commits.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import measurements, report
from benchmarks.processes import ROOT, Heartbeat, pin, workspace
from stages.presentation.determinism import COSTS

RESULTS = ROOT / "benchmarks/results.json"
PAGE = ROOT / "benchmarks/RESULTS.md"

SECTIONS = {
    "a": ("epochs", measurements.epochs),
    "b": ("documents", measurements.documents),
    "c": ("overhead", measurements.overhead),
    "d": ("growth", measurements.growth),
    "e": ("determinism", measurements.determinism),
    "f": ("stages", measurements.stages),
    "g": ("schedulers", measurements.schedulers),
    "h": ("questions", measurements.questions),
}


def write_pages(results: dict[str, Any], folder: Path) -> None:
    """Write the page of the results and the table of the cost of determinism: to the folder, or to their places."""
    (folder / PAGE.name).write_text(report.render(results), encoding="utf-8", newline="\n")
    costs = ROOT / COSTS if folder == RESULTS.parent else folder / COSTS.name
    costs.write_text(report.determinism_table(results), encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> None:
    """Measure the chosen sections and write the results."""
    parser = argparse.ArgumentParser(prog="bash benchmarks/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes, to try it out: prints the page only")
    letters = ", ".join(f"{letter}: {name}" for letter, (name, _) in SECTIONS.items())
    parser.add_argument("--only", metavar="a,b", help=f"{letters}; keeps the rest")
    parser.add_argument("--output", type=Path, help="folder to write to (default: benchmarks)")
    parser.add_argument("--render", action="store_true", help="measure nothing: make the page from the results again")
    options = parser.parse_args(arguments)
    folder = options.output or RESULTS.parent
    numbers = folder / RESULTS.name
    if options.render:
        write_pages(json.loads(numbers.read_text(encoding="utf-8")), folder)
        return
    chosen = options.only.split(",") if options.only else list(SECTIONS)
    if unknown := set(chosen) - SECTIONS.keys():
        parser.error(f"--only: expected some of {', '.join(SECTIONS)}, got {', '.join(sorted(unknown))}")
    say = Heartbeat()
    keeps = options.only and numbers.exists() and not (options.quick and not options.output)
    results = json.loads(numbers.read_text(encoding="utf-8")) if keeps else {}
    results |= {"date": datetime.now(UTC).date().isoformat(), "quick": options.quick, "machine": measurements.machine()}
    results["machine"]["pinned"] = pin() is not None
    printed = options.quick and not options.output
    with workspace(say) as (scratch, peaks):
        for letter in chosen:
            start = say.minutes()
            name, measure = SECTIONS[letter]
            results[name] = measure(scratch, say, options.quick)
            if name == "growth":
                results[name]["memory"] |= {stage: round(peak, 1) for stage, peak in peaks.items()}
                results[name]["memory"] |= measurements.reports(scratch, say)
            results.setdefault("dates", {})[letter] = results["date"]
            results.setdefault("minutes", {})[letter] = round(say.minutes() - start, 1)
            if not printed:  # after each section, so that little is lost
                folder.mkdir(parents=True, exist_ok=True)
                numbers.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8", newline="\n")
                write_pages(results, folder)
    if printed:
        print(report.render(results))
    else:
        say(f"wrote {numbers.name}, {PAGE.name} and {COSTS.name}")


if __name__ == "__main__":
    main()
