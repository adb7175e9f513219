"""Run all that is out of date, on all cores: `python -m stages.parallel [target …] [-j N] [--keep-going]`.

    python -m stages.parallel                   # as `dvc repro`
    python -m stages.parallel train compare     # as `dvc repro train compare`
    python -m stages.parallel --cluster tls://head:8786    # on other machines; see docs/scaling.md

`dvc repro` runs one stage after another, and a training takes one thread. Here each stage is a function of bytes: when
all stages that it reads from are done, it runs in a scratch folder, on the code and on the dependencies that dvc.yaml
declares, and what it made goes into DVC's cache, under DVC's own key, and from there into the workspace. The longest
start first. Its output goes to `.dvc/tmp/parallel/<stage>.log`, and is shown if it fails. Stages that are no functions
for DVC either (no dependencies or outputs, `persist`, `always_changed`) run in the workspace.

A run without targets leaves the same files as `dvc repro`, `dvc.lock` included, which is written at the end. After a
failure nothing new starts, unless `--keep-going`; the status is 1. Ctrl-C ends all running stages (a second one, at
once). However a run ends, `dvc repro` and `stages.parallel` continue from there: what is done is in the cache.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dvc.exceptions import DvcException

from stages.cluster.options import add_cluster_options, cluster_executor
from stages.scheduling.executors import Executor, LocalExecutor, default_jobs
from stages.scheduling.graph import named, with_upstream
from stages.scheduling.run import Run, run_all
from stages.scheduling.signals import one_at_a_time, signals
from stages.scheduling.workspace import FOLDER, Workspace

CUT_OFF = (
    "if its writer was killed, it may be cut off: `git checkout dvc.lock`, then again (finished stages are cached)"
)


@contextmanager
def executor_of(options: argparse.Namespace, workspace: Workspace) -> Iterator[Executor]:
    """Give what runs the tasks: the cluster of the options, or the cores of this machine."""
    if options.cluster:
        with cluster_executor(options, workspace) as executor:
            yield executor
    else:
        folder = workspace.folder / "node"
        yield LocalExecutor(options.jobs, folder, workspace.store, workspace.root, workspace.outputs)


def parallel(options: argparse.Namespace) -> int:
    """Run the stages that are out of date and print the result; returns the exit status."""
    started, keep_going = time.monotonic(), options.keep_going
    with ExitStack() as stack:
        got = stack.enter_context(signals())
        workspace = Workspace(Path.cwd(), got)
        wanted = with_upstream(named(options.targets, workspace.graph), workspace.graph)
        executor = stack.enter_context(executor_of(options, workspace))
        run = Run(workspace, wanted, executor)
        if run.waiting:
            where = f"on {options.cluster}" if options.cluster else f"{options.jobs} at a time"
            print(f"at most {len(run.waiting)} stages to run, {where}", flush=True)
        running = run.running
        with suppress(KeyboardInterrupt):  # a signal came while it waited for DVC's lock
            run_all([run], executor, keep_going, got)
    if got:
        names = ", ".join(each.name for each in running) or "nothing"
        print(f"ended by {signal.Signals(got[0]).name} while this ran: {names}; `dvc repro` goes on from here")
        return 128 + got[0]
    if run.failed:
        print("\n".join(run.summary(keep_going)))
        return 1
    if not run.ended + run.cached + run.unchanged:
        print(f"up to date: {len(wanted)} stages")
        return 0
    cached = f", {run.cached} from the cache" if run.cached else ""
    unchanged = f"; {run.unchanged} more turned out to be up to date" if run.unchanged else ""
    print(f"done: {run.ended} stages in {time.monotonic() - started:.0f} s{cached}{unchanged}")
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
    add_cluster_options(parser)
    options = parser.parse_args(arguments)
    if os.name != "posix":
        sys.exit("stages.parallel: expected Linux or macOS; elsewhere `dvc repro` runs one stage after another")
    if options.jobs < 1:
        parser.error(f"--jobs: expected 1 or more, got {options.jobs}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with one_at_a_time(FOLDER):
            sys.exit(parallel(options))
    except (ValueError, DvcException) as error:
        sys.exit(f"{error}; {CUT_OFF}" if "dvc.lock" in str(error) else str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
