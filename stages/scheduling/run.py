"""Run what is out of date in workspaces: the stages that wait, run, failed and ended."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path

from dvc.exceptions import DvcException
from tqdm import tqdm

from stages.scheduling.executors import Executor
from stages.scheduling.graph import estimate, with_downstream
from stages.scheduling.node import run_commands
from stages.scheduling.processes import Processes
from stages.scheduling.task import Result, Task
from stages.scheduling.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 0.2
ANSWER = "@answer"
"""Its log: no stage can be called so."""


Members = Callable[[Workspace, str], list[Task]]
"""Gives the tasks that a stage's command would run itself, such as the trainings of a sweep: they run before it."""


@dataclass
class Running:
    """A stage that runs, or a member of one. task: None in the workspace."""

    name: str
    future: "Future[Result]"
    task: Task | None
    started: float
    is_member: bool = False

    @property
    def seconds(self) -> float:
        """Seconds since it started; at its end, those that it ran: on a cluster it waits first."""
        ran = self.future.result().seconds if self.future.done() else 0
        return ran or time.monotonic() - self.started


class Run:
    """Brings stages of a workspace up to date."""

    def __init__(
        self,
        workspace: Workspace,
        wanted: Collection[str],
        executor: Executor,
        title: str = "",
        members: Members = lambda *_: [],
        is_experiment: bool = False,
    ) -> None:
        """Find out which of the wanted stages are out of date.

        title: stands before the stages' names; is_experiment: whether to run the command that `meta.answer` of dvc.yaml
        names, as soon as it can be.
        """
        self.workspace, self.wanted, self.executor, self._title = workspace, set(wanted), executor, title
        self._folder = Path.cwd()  # the user's
        graph = workspace.graph
        with workspace.locked():
            self._stale = workspace.out_of_date(wanted)  # those downstream of them are asked when they are ready
        waiting = with_downstream(self._stale, graph) & set(wanted)
        self.waiting = [stage for stage in graph if stage in waiting]
        self.running: list[Running] = []
        self.failed: dict[str, str] = {}
        self.done: list[str] = []
        """Stages that ran or were restored from the cache."""
        self.ended = self.unchanged = self.cached = 0
        self._ready: set[str] = set()
        self._members_of = members
        self._members: dict[str, list[Task]] = {}
        """Members that wait, by stage."""
        self._is_experiment = is_experiment
        self._answer: Future[Result] | None = None
        self._is_answered = self._is_prepared = False
        self._seconds = self._estimated = 0.0
        self._estimates = {stage: estimate(stage, workspace.root) for stage in self.waiting}
        self._sorter = TopologicalSorter({stage: graph[stage] & waiting for stage in self.waiting})
        self._sorter.prepare()
        self._here = Processes()  # of stages that run in the workspace
        self._is_closed = False

    def start(self, free: int) -> None:
        """Start stages that are ready, at most as many as are free, and pass over those that are up to date.

        Under DVC's lock.
        """
        if self._is_experiment and not self._answer and (command := self._answer_command()):
            self._answer = self.executor.here.submit(self._run_answer, command)
        started = len(self.running)
        while True:
            self._ready.update(self._sorter.get_ready())
            if unsure := self._ready - self._stale:
                self._stale |= self.workspace.out_of_date(unsure)
                for stage in unsure - self._stale:
                    self.unchanged += 1
                    self._take(stage)
                    self._sorter.done(stage)
            elif self._ready and len(self.running) - started < free:
                stage = min((stage for stage in self.waiting if stage in self._ready), key=self._priority)
                self._take(stage)
                self._start(stage)
            elif any(self._members.values()) and len(self.running) - started < free:
                self._start_member(next(stage for stage, tasks in self._members.items() if tasks))
            else:
                if self.waiting and not self._is_prepared and len(self.running) - started < free:
                    self._is_prepared = True
                    self.executor.prepare(self.workspace.preload(self.waiting))
                return

    def _start(self, stage: str) -> None:
        log = self.workspace.log(stage)
        log.unlink(missing_ok=True)
        self._estimates[stage] = estimate(stage, self.workspace.root)  # it has a recipe by now
        task, future = None, Future[Result]()
        try:
            task = self.workspace.task(stage)
            record = task and self.workspace.recorded(stage, task.key)
            if record:
                self.workspace.take_in(stage, record)
                self.cached += 1
                self._finish(stage)
                self._say(f"{stage}: from the cache")
                return
            if task and not self.workspace.stays(stage):
                future = self.executor.submit(task, log, -self._priority(stage)[1])
            elif self.workspace.is_command(stage):
                if members := self._members_of(self.workspace, stage):
                    self._members[stage] = members
                    return
                future, task = self._start_here(stage), None
            else:
                self.workspace.reproduce(stage)
                future.set_result(Result())
        except (DvcException, ValueError, OSError) as error:
            future.set_result(Result(failure=reason_of(error)))
        self.running.append(Running(stage, future, task, time.monotonic()))

    def _start_member(self, stage: str) -> None:
        task = self._members[stage].pop(0)
        log = self.workspace.log(f"{stage}, {task.key[:16]}")
        self.running.append(Running(stage, self.executor.submit(task, log), task, time.monotonic(), is_member=True))

    def _note_member(self, running: Running, result: Result) -> None:
        """Start the command of a stage after the last of its members, unless one has failed."""
        stage = running.name
        if result.failure:
            self.failed.setdefault(stage, f"{running.task and running.task.name}: {result.failure}")
            self._say("\n    ".join([f"{stage}: failed", *result.said]))
        if self._members.get(stage) != [] or any(each.name == stage for each in self.running):
            return
        del self._members[stage]
        if stage not in self.failed:
            self.running.append(Running(stage, self._start_here(stage), None, time.monotonic()))

    def _start_here(self, stage: str) -> "Future[Result]":
        try:
            self.workspace.begin(stage)
        except (DvcException, OSError) as error:
            failed = Future[Result]()
            failed.set_result(Result(failure=reason_of(error)))
            return failed
        return self.executor.here.submit(self._run_here, stage, self.workspace.log(stage))

    def _run_here(self, stage: str, log: Path) -> Result:
        commands, folder = self.workspace.commands(stage)
        variables = self.workspace.variables(stage)
        return run_commands(commands, folder, variables, log, (), self._here, lambda: not self._is_closed)

    def _answer_command(self) -> str:
        """The command that says what has changed; "" before the last stage that names one has ended."""
        lost = with_downstream(set(self.failed), self.workspace.graph)
        running = [stage for stage in self.waiting if stage not in lost] + [each.name for each in self.running]
        if any(map(self.workspace.answer, running)):
            return ""
        return next(filter(None, map(self.workspace.answer, self.done)), "")

    def _run_answer(self, command: str) -> Result:
        log = self.workspace.log(ANSWER)
        log.unlink(missing_ok=True)
        return run_commands([command], self.workspace.root, {}, log, (), self._here, lambda: not self._is_closed)

    def _take(self, stage: str) -> None:
        self._ready.remove(stage)
        self.waiting.remove(stage)

    def _priority(self, stage: str) -> tuple[bool, float]:
        """First the stages that trainings wait for, then the longest, so that none of them runs alone at the end."""
        return stage.startswith("train@"), -self._estimates[stage]

    def note_ended(self) -> None:
        """Take in and print what has ended. Under DVC's lock."""
        for running in [each for each in self.running if each.future.done()]:
            self.running.remove(running)
            (self._note_member if running.is_member else self._note)(running, running.future.result())
        if self._answer and self._answer.done() and not self._is_answered:
            self._is_answered = True
            said = self.workspace.log(ANSWER).read_text(encoding="utf-8", errors="replace").rstrip("\n")
            failure = self._answer.result().failure
            tqdm.write(f"{self._title}{said}" + (f"\n    failed: {failure}" if failure else ""))
            sys.stdout.flush()

    def _note(self, running: Running, result: Result) -> None:
        stage, task = running.name, running.task
        self.ended += 1
        if result.seconds:  # else the remote had it
            self._seconds += result.seconds
            self._estimated += self._estimates[stage]
        if not result.failure:
            try:
                if task:
                    self.workspace.take_in(stage, {**task.record, "outs": list(result.outs)})
                elif self.workspace.is_command(stage):
                    self.workspace.save(stage)
            except (DvcException, OSError) as error:
                result = replace(result, failure=reason_of(error))
        if result.failure:
            self.failed[stage] = result.failure
            log = os.path.relpath(self.workspace.log(stage), self._folder)
            said = f"failed after {running.seconds:.0f} s, see {log}"
            self._say("\n    ".join([f"{stage}: {said}", *result.said]))
        else:
            self._finish(stage)
            self._say(f"{stage}: {running.seconds:.0f} s")

    def _finish(self, stage: str) -> None:
        self.done.append(stage)
        self._sorter.done(stage)

    def close(self, hurry: Callable[[], bool]) -> None:
        """End what runs in the workspace, and write dvc.lock."""
        self._is_closed = True
        tasks = {each.future for each in self.running if each.task}
        while not all(future.done() for future in self.futures if future not in tasks):
            if hurry():
                self._here.kill()
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self._here.close()
        with self.workspace.locked(tries=10):
            self.workspace.write(last=True)

    def outlook(self) -> str:
        """The running stages and the time left: by the estimates, corrected by their error so far."""
        rest = [max(self._estimates[each.name] - each.seconds, 0) for each in self.running]
        waiting = sum(self._estimates[stage] for stage in self.waiting)
        slots = max(min(self.executor.slots, len(self.running) + len(self.waiting)), 1)
        left = max((sum(rest) + waiting) / slots, *rest, 0) * (self._seconds or 1) / (self._estimated or 1)
        time_left = f"about {left / 60:.0f} min left" if left >= 90 else "about a minute left"
        left_of = {stage: f" ({len(tasks)} members wait)" for stage, tasks in self._members.items() if tasks}
        names = dict.fromkeys(each.name + left_of.get(each.name, "") for each in self.running)
        return f"{', '.join(names)}; {time_left}"

    @property
    def is_complete(self) -> bool:
        """Whether all wanted stages are up to date."""
        return not (self.waiting or self.running or self.failed or self._members)

    @property
    def futures(self) -> list["Future[Result]"]:
        """Of all that runs."""
        answer = [self._answer] if self._answer and not self._is_answered else []
        return [each.future for each in self.running] + answer

    @property
    def total(self) -> int:
        """Number of stages that ended, run or wait."""
        running = {*self._members, *(each.name for each in self.running)}
        return self.ended + self.cached + len(running) + len(self.waiting)

    def _say(self, text: str) -> None:
        first, *said = text.split("\n")
        first = f"[{self.ended + self.cached}/{self.total}] {self._title}{first}"
        if not sys.stderr.isatty() and self.running:
            first += f"; running: {self.outlook()}"
        tqdm.write("\n".join([first, *said]))
        sys.stdout.flush()

    def summary(self, keep_going: bool) -> list[str]:
        """Lines about the stages that failed, and about those that did not run because of them."""
        lines = [f"{self._title}{stage} failed: {reason}" for stage, reason in self.failed.items()]
        dependent = with_downstream(set(self.failed), self.workspace.graph)
        skipped = [stage for stage in self.waiting if stage in dependent]
        other = [stage for stage in self.waiting if stage not in dependent]
        if skipped:
            lines.append(f"not run, since they depend on it: {self._titled(skipped)}")
        if other and not keep_going:
            lines.append(f"not started (`--keep-going` does): {self._titled(other)}")
        return lines

    def running_names(self) -> str:
        """The stages that run, with the run's title; empty if none does."""
        return self._titled(each.name for each in self.running)

    def _titled(self, stages: Iterable[str]) -> str:
        return ", ".join(f"{self._title}{stage}" for stage in dict.fromkeys(stages))


def names_of_running(runs: Iterable[Run]) -> str:
    """Name the stages that run; empty if none does."""
    return ", ".join(filter(None, (run.running_names() for run in runs)))


def reason_of(error: BaseException) -> str:
    """Say what an error says, and what has caused it: DVC's own do not."""
    cause = error
    while (before := cause.__cause__ or cause.__context__) is not None:
        cause = before
    said = " ".join(str(error).split())
    return said if str(cause) in str(error) else f"{said}: {' '.join(str(cause).split())}"


def run_all(runs: Sequence[Run], executor: Executor, keep_going: bool, got: list[int]) -> None:
    """Run all, until a stage fails (the others end by themselves) or a signal comes (they are ended).

    got: the signals so far.
    """
    form = "{n_fmt}/{total_fmt} |{bar:20}| {elapsed}{postfix}"
    bar = tqdm(bar_format=form, total=sum(run.total for run in runs), disable=not sys.stderr.isatty())
    slots = -1
    try:
        while not got:
            is_new = slots != executor.slots or any(future.done() for run in runs for future in run.futures)
            slots = executor.slots
            for run in runs if is_new else ():
                with run.workspace.locked():
                    run.note_ended()
                    if keep_going or not any(run.failed for run in runs):
                        taken = {each.future for other in runs for each in other.running}  # runs may share some
                        run.start(executor.slots - len(taken))
            running = [future for run in runs for future in run.futures]
            if not running:
                break
            bar.n, bar.total = sum(run.ended + run.cached for run in runs), sum(run.total for run in runs)
            bar.set_postfix_str("; ".join(run.outlook() for run in runs if run.running))
            wait(running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
    finally:
        bar.close()
        if names := names_of_running(runs):
            print(f"ending {names} …", flush=True)
        executor.close(hurry=lambda: len(got) > 1)
        for run in runs:
            run.close(hurry=lambda: len(got) > 1)
