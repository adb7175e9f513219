"""Run all that is out of date, on all cores: `python -m stages.parallel [target …] [-j N] [--keep-going]`.

    python -m stages.parallel                   # as `dvc repro`
    python -m stages.parallel train compare     # as `dvc repro train compare`
    python -m stages.parallel --cluster tls://head:8786    # on other machines; see docs/scaling.md
    python -m stages.parallel -S dropout=0.3 -n thirty      # as `dvc exp run -S dropout=0.3 -n thirty`
    python -m stages.parallel -S dropout=0.1,0.2 -n more    # a grid: the experiments more-1 and more-2

`dvc repro` runs one stage after another, and a training takes one thread. Here each stage is a function of bytes: when
all stages that it reads from are done, it runs in a scratch folder, on the code and on the dependencies that dvc.yaml
declares, and what it made goes into DVC's cache, under DVC's own key, and from there into the workspace. The longest
start first. Its output goes to `.dvc/tmp/parallel/<stage>.log`, and is shown if it fails. Stages that are no functions
for DVC either (no dependencies or outputs, `persist`, `always_changed`) run in the workspace.

A run without targets leaves the same files as `dvc repro`, `dvc.lock` included, which is written at the end. After a
failure nothing new starts, unless `--keep-going`; the status is 1. Ctrl-C ends all running stages (a second one, at
once). However a run ends, `dvc repro` and `stages.parallel` continue from there: what is done is in the cache.

Experiments are saved as `dvc exp run` saves them, for `dvc exp show`, `apply`, `push` and so on. Those of a grid run
together, in folders of their own; a stage that several have in common runs once.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dvc.exceptions import DvcException

from stages.cluster.options import add_cluster_options, cluster_executor
from stages.params.messages import plain
from stages.scheduling.executors import Executor, LocalExecutor, add_jobs_option
from stages.scheduling.experiments import Experiment, prepared
from stages.scheduling.graph import named, with_upstream
from stages.scheduling.node import Code
from stages.scheduling.run import Run, names_of_running, run_all
from stages.scheduling.signals import one_at_a_time, signals
from stages.scheduling.task import Task
from stages.scheduling.workspace import FOLDER, Workspace, check_root

CUT_OFF = (
    "if its writer was killed, it may be cut off: `git checkout dvc.lock`, then again (finished stages are cached)"
)


@contextmanager
def executor_of(options: argparse.Namespace, workspace: Workspace, codes: Mapping[str, Code]) -> Iterator[Executor]:
    """Give what runs the tasks: the cluster of the options, or the cores of this machine."""
    if options.cluster:
        with cluster_executor(options, workspace, codes) as executor:
            yield executor
    else:
        yield LocalExecutor(options.jobs, FOLDER.resolve() / "node", workspace.store, codes)


def parallel(options: argparse.Namespace, experiments: Sequence[Experiment] = ()) -> int:
    """Run the stages that are out of date and print the result; returns the exit status.

    experiments: where to run them and to save what comes of it; none: in the workspace.
    """
    started, keep_going = time.monotonic(), options.keep_going
    with ExitStack() as stack:
        got = stack.enter_context(signals())
        workspaces = [_workspace(each, got) for each in experiments] or [Workspace(Path.cwd(), got)]
        codes = {str(each.root): Code(each.root, each.outputs) for each in workspaces}
        executor = stack.enter_context(executor_of(options, workspaces[0], codes))
        if experiments:  # meanwhile it is found out what else is out of date
            executor.prepare(workspaces[0].preload(list(workspaces[0].graph)[:1]))
        titles = [f"{each.name}: " if each.in_clone else "" for each in experiments] or [""]
        runs = [
            Run(
                each,
                with_upstream(named(options.targets, each.graph), each.graph),
                executor,
                title,
                members_to_run,
                is_experiment=bool(experiments),
            )
            for each, title in zip(workspaces, titles, strict=True)
        ]
        if any(run.waiting for run in runs):
            where = f"on {options.cluster}" if options.cluster else f"{options.jobs} at a time"
            print(f"at most {sum(len(run.waiting) for run in runs)} stages to run, {where}", flush=True)
        with suppress(KeyboardInterrupt):  # a signal came while it waited for DVC's lock
            run_all(runs, executor, keep_going, got)
    if got:
        what = names_of_running(runs) or "nothing"
        again = _again(options.name, runs) if experiments else "`dvc repro`"
        print(f"ended by {signal.Signals(got[0]).name} while this ran: {what}; {again} goes on from here")
        status = 128 + got[0]
    else:
        status = _say_how_it_ended(runs, keep_going, started)
    for workspace in workspaces:
        workspace.close()
    return _save(experiments, runs) or status


def _again(name: str | None, runs: Sequence[Run]) -> str:
    """Say which command goes on with experiments: those that are complete are saved, and have the name."""
    return "the same command with another -n" if name and any(run.is_complete for run in runs) else "the same command"


def _say_how_it_ended(runs: list[Run], keep_going: bool, started: float) -> int:
    """Print how a run ended by itself; returns the exit status."""
    ended, cached, unchanged = (
        sum(counts) for counts in zip(*((run.ended, run.cached, run.unchanged) for run in runs), strict=True)
    )
    if any(run.failed for run in runs):
        print("\n".join(line for run in runs for line in run.summary(keep_going)))
        return 1
    if not ended + cached + unchanged:
        print(f"up to date: {sum(len(run.wanted) for run in runs)} stages")
        return 0
    from_cache = f", {cached} from the cache" if cached else ""
    more = f"; {unchanged} more turned out to be up to date" if unchanged else ""
    print(f"done: {ended} stages in {time.monotonic() - started:.0f} s{from_cache}{more}")
    return 0


def members_to_run(workspace: Workspace, stage: str) -> list[Task]:
    """Give the members of a sweep that are not trained yet; none of another stage."""
    if not stage.startswith("sweep@"):
        return []
    from stages.sweeps.members import missing  # it imports all that compares

    return missing(workspace, stage.partition("@")[2])


def _workspace(experiment: Experiment, got: list[int]) -> Workspace:
    logs = FOLDER / experiment.name if experiment.in_clone else None
    return Workspace(experiment.folder, got, logs, experiment.environment)


def _save(experiments: Sequence[Experiment], runs: list[Run]) -> int:
    """Save the experiments whose stages are all up to date; say what came of each; 1 if one cannot be saved."""
    status = 0
    for experiment, run in zip(experiments, runs, strict=False):
        said = experiment.outcome(run.is_complete)
        if run.is_complete:
            try:
                experiment.save(run.done, run.wanted)
            except (ValueError, DvcException) as error:
                said, status = f"not saved: {error}", 1
            except Exception as error:  # of Git's libraries, which have many: the others are saved nevertheless
                said, status = f"not saved: {type(error).__name__}: {plain(error)}; what ended is cached", 1
        print(f"experiment {experiment.name}: {said}", flush=True)
    return status


def main(arguments: list[str] | None = None) -> None:
    """Run the targets on the command line in the workspace that this is run in."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.parallel", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="target", help="a stage or a group of dvc.yaml; default: all")
    add_jobs_option(parser, "stages")
    parser.add_argument(
        "-k", "--keep-going", action="store_true", help="run the stages that do not depend on a failed one"
    )
    parser.add_argument(
        "-S",
        "--set-param",
        action="append",
        default=[],
        metavar="[file:]key=value",
        help="run an experiment, or a grid",
    )
    parser.add_argument("-n", "--name", help="of the experiment; default: one at random")
    add_cluster_options(parser)
    options = parser.parse_args(arguments)
    if os.name != "posix":
        sys.exit("stages.parallel: expected Linux or macOS; elsewhere `dvc repro` runs one stage after another")
    if options.jobs < 1:
        parser.error(f"--jobs: expected 1 or more, got {options.jobs}")
    try:
        check_root(Path.cwd())
        FOLDER.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(FOLDER), prepared(options.set_param, options.name) as experiments:
            sys.exit(parallel(options, experiments))
    except (ValueError, DvcException) as error:
        sys.exit(f"{error}; {CUT_OFF}" if "dvc.lock" in str(error) else str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
