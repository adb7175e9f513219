"""Run all that is out of date, on all cores: `python -m stages.parallel [target …] [-j N] [--keep-going]`.

    python -m stages.parallel                   # as `dvc repro`
    python -m stages.parallel train compare     # as `dvc repro train compare`

`dvc repro` runs one stage after another, and a training takes one thread. Here each stage has a process of its own,
`dvc repro --single-item <stage>`, which starts when all stages that it reads from are done, the longest first. Its
output goes to `.dvc/tmp/parallel/<stage>.log`, and is shown if it fails.

A run without targets leaves the same files as `dvc repro`, `dvc.lock` included: DVC adds entries to it as stages end,
and at the end they are put into the order of a serial run. (New entries of a run that was ended stay before those of
the next, as with DVC itself.) After a failure nothing new starts, unless `--keep-going`; the status is 1. Ctrl-C ends
all running stages (a second one, at once); `dvc repro` and `stages.parallel` continue from there.
"""

import argparse
import json
import os
import signal
import sys
import time
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path

from dvc.exceptions import DvcException
from tqdm import tqdm

from stages.scheduling.children import LOGS, Child, default_jobs, end, entries, one_at_a_time, put_in_order, signals
from stages.scheduling.graph import Graph, estimate, named, out_of_date, with_downstream, with_upstream

LOCK = Path("dvc.lock")
ORDER = LOGS / "order.json"
"""The entries of dvc.lock before the run. A run that was killed before it put them in order leaves this file."""
CUT_OFF = (
    "if its writer was killed, it may be cut off: `git checkout dvc.lock`, then again (finished stages are cached)"
)
SECONDS_BETWEEN_LOOKS = 0.05


class Run:
    """The stages that wait, run, failed and ended."""

    def __init__(self, graph: Graph, stale: set[str], wanted: set[str], jobs: int) -> None:
        self._graph = graph
        self._jobs = jobs
        self._stale = stale & wanted  # known to change; stages downstream of them are asked for when they are ready
        waiting = with_downstream(self._stale, graph) & wanted
        self.waiting = [stage for stage in graph if stage in waiting]
        self.running: list[Child] = []
        self.failed: dict[str, str] = {}
        self._ready: set[str] = set()
        self.ended = self.unchanged = 0
        self._seconds = self._estimated = 0.0
        self._estimates = {stage: estimate(stage) for stage in self.waiting}
        self._sorter = TopologicalSorter({stage: graph[stage] & waiting for stage in self.waiting})
        self._sorter.prepare()
        form = "{n_fmt}/{total_fmt} |{bar:20}| {elapsed}{postfix}"
        self._bar = tqdm(bar_format=form, total=len(waiting), disable=not sys.stderr.isatty())

    def run(self, keep_going: bool, got: list[int]) -> None:
        """Run all, until a stage fails (the others end by themselves) or a signal comes (they are ended)."""
        try:
            while not got:
                if keep_going or not self.failed:
                    self._start(got)
                if not self.running:
                    break
                if not self._bar.disable:
                    self._bar.total = self._total()
                    self._bar.set_postfix_str(self._outlook())
                time.sleep(SECONDS_BETWEEN_LOOKS)
                for child in [child for child in self.running if child.process.poll() is not None]:
                    self._note(child)
        finally:
            self._bar.close()
            if self.running:
                print(f"ending {', '.join(child.stage for child in self.running)} …", flush=True)
                end(self.running, got)

    def _start(self, got: list[int]) -> None:
        """Start the stages that are ready, and skip those that turn out to be up to date."""
        while True:
            self._ready.update(self._sorter.get_ready())
            first = sorted((stage for stage in self.waiting if stage in self._stale & self._ready), key=self._priority)
            for stage in first[: self._jobs - len(self.running)]:
                self._take(stage)
                self.running.append(Child(stage))
            unsure = self._ready - self._stale
            if len(self.running) >= self._jobs or not unsure:
                return
            self._stale |= out_of_date(unsure, got)[1]
            for stage in unsure - self._stale:
                self.unchanged += 1
                self._take(stage)
                self._sorter.done(stage)

    def _take(self, stage: str) -> None:
        self._ready.remove(stage)
        self.waiting.remove(stage)

    def _priority(self, stage: str) -> tuple[bool, float]:
        """First the stages that trainings wait for, then the longest, so that none of them runs alone at the end."""
        return stage.startswith("train@"), -self._estimates[stage]

    def _total(self) -> int:
        return self.ended + len(self.running) + len(self.waiting)

    def _note(self, child: Child) -> None:
        """Record and print how a stage ended."""
        self.running.remove(child)
        self.ended += 1
        self._seconds += child.seconds()
        self._estimated += self._estimates[child.stage]
        self._estimates |= {stage: estimate(stage) for stage in self.waiting}  # there may be more recipes than before
        said, last = f"{child.seconds():.0f} s", list[str]()
        if child.process.returncode == 0:
            self._sorter.done(child.stage)
        else:
            self.failed[child.stage], last = child.failure()
            said = f"failed after {said}, see {child.log}"
        said = f"[{self.ended}/{self._total()}] {child.stage}: {said}"
        if self._bar.disable and self.running:
            said += f"; running: {self._outlook()}"
        tqdm.write("\n    ".join([said, *last]))
        sys.stdout.flush()
        self._bar.update()

    def _outlook(self) -> str:
        """The running stages and the time left: by the estimates, corrected by their error so far."""
        rest = [max(self._estimates[child.stage] - child.seconds(), 0) for child in self.running]
        waiting = sum(self._estimates[stage] for stage in self.waiting)
        left = max((sum(rest) + waiting) / self._jobs, *rest, 0) * (self._seconds or 1) / (self._estimated or 1)
        time_left = f"about {left / 60:.0f} min left" if left >= 90 else "about a minute left"
        return f"{', '.join(child.stage for child in self.running)}; {time_left}"

    def summary(self, keep_going: bool) -> list[str]:
        """Lines about the stages that failed, and about those that did not run because of them."""
        lines = [f"{stage} failed: {reason}" for stage, reason in self.failed.items()]
        dependent = with_downstream(set(self.failed), self._graph)
        skipped = [stage for stage in self.waiting if stage in dependent]
        other = [stage for stage in self.waiting if stage not in dependent]
        if skipped:
            lines.append(f"not run, since they depend on it: {', '.join(skipped)}")
        if other and not keep_going:
            lines.append(f"not started (`--keep-going` does): {', '.join(other)}")
        return lines


def restore_order(stages: list[str]) -> None:
    """Put dvc.lock in order, and forget the order."""
    put_in_order(LOCK, stages)
    ORDER.unlink()


def parallel(targets: list[str], jobs: int, keep_going: bool) -> int:
    """Run the stages that are out of date and print the result; returns the exit status."""
    started = time.monotonic()
    before = json.loads(ORDER.read_text(encoding="utf-8")) if ORDER.exists() else list(entries(LOCK))
    graph, stale = out_of_date()
    wanted = with_upstream(named(targets, graph), graph)
    run = Run(graph, stale, wanted, jobs)
    if not run.waiting:
        if ORDER.exists():  # left by a run that was killed, and that `dvc repro` has finished
            restore_order([*before, *graph])
        print(f"up to date: {len(wanted)} stages")
        return 0
    print(f"at most {len(run.waiting)} stages to run, {jobs} at a time", flush=True)
    new = ORDER.with_suffix(".new")
    new.write_text(json.dumps(before), encoding="utf-8")
    new.replace(ORDER)  # whole or not at all
    with signals() as got:
        try:
            with suppress(KeyboardInterrupt):  # a signal came while it waited for DVC's lock
                run.run(keep_going, got)
        finally:
            restore_order([*before, *graph])
    if got:
        running = ", ".join(child.stage for child in run.running) or "nothing"
        print(f"ended by {signal.Signals(got[0]).name} while this ran: {running}; `dvc repro` goes on from here")
        return 128 + got[0]
    if run.failed:
        print("\n".join(run.summary(keep_going)))
        return 1
    unchanged = f"; {run.unchanged} more turned out to be up to date" if run.unchanged else ""
    print(f"done: {run.ended} stages in {time.monotonic() - started:.0f} s{unchanged}")
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Run the targets on the command line in the workspace that this is run in."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.parallel", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="target", help="a stage or a group of dvc.yaml; default: all")
    parser.add_argument(
        "-j", "--jobs", type=int, default=default_jobs(), help="at once; default: the cores, as far as memory reaches"
    )
    parser.add_argument(
        "-k", "--keep-going", action="store_true", help="run the stages that do not depend on a failed one"
    )
    options = parser.parse_args(arguments)
    if os.name != "posix":
        sys.exit("stages.parallel: expected Linux or macOS; elsewhere `dvc repro` runs one stage after another")
    if options.jobs < 1:
        parser.error(f"--jobs: expected 1 or more, got {options.jobs}")
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        with one_at_a_time():
            sys.exit(parallel(options.targets, options.jobs, options.keep_going))
    except (ValueError, DvcException) as error:
        sys.exit(f"{error}; {CUT_OFF}" if LOCK.name in str(error) else str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
