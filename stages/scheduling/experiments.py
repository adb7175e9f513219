"""Experiments, prepared and saved by DVC's own code: as `dvc exp run` leaves them, whatever runs their stages.

One experiment runs in the workspace, as that of `dvc exp run -S key=value`. Those of a grid, `-S key=1,2`, run in
folders of their own, as those of `dvc exp run --queue`: clones in `.dvc/tmp/parallel/clones` that share DVC's cache.
"""

import logging
import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dvc.env import DVC_EXP_BASELINE_REV, DVC_EXP_NAME, DVC_ROOT
from dvc.exceptions import InvalidArgumentError
from dvc.logger import set_loggers_level
from dvc.repo import Repo, lock_repo
from dvc.repo.experiments.exceptions import ExperimentExistsError
from dvc.repo.experiments.executor.base import BaseExecutor, ExecutorResult
from dvc.repo.experiments.executor.local import TempDirExecutor
from dvc.repo.experiments.refs import ExpRefInfo
from dvc.repo.experiments.utils import check_ref_format, get_random_exp_name
from dvc.scm import SCM, add_no_submodules
from dvc.stage.utils import _get_stage_files
from dvc.utils.cli_parse import to_path_overrides

from stages.scheduling.workspace import FOLDER

CLONES = FOLDER / "clones"
BEFORE = "refs/parallel/before"
"""A commit of what was in the workspace before the last experiment there; its reflog has those of the ones before."""
Overrides = dict[str, list[str]]
"""By params file, what `-S` sets in it: overrides in Hydra's grammar."""


class CloneExecutor(TempDirExecutor):
    """Removes a clone, and saves what is in it: DVC's own, without a warning of files that Git does not have."""

    WARN_UNTRACKED = False


@dataclass(frozen=True)
class Experiment:
    """An experiment that is ready to run."""

    name: str
    baseline: str
    """The commit that it changes."""
    folder: Path
    """Where its stages run: the user's folder, or that in a clone."""
    repo: Repo
    """The user's repository."""
    before: str
    """A commit of what was in the workspace."""
    clone: BaseExecutor | None = None
    """DVC's executor of an experiment of a grid."""

    @property
    def in_clone(self) -> bool:
        """Whether it leaves the workspace as it is."""
        return self.clone is not None

    @property
    def environment(self) -> dict[str, str]:
        """Variables that DVC sets for the stages of an experiment."""
        return {DVC_EXP_BASELINE_REV: self.baseline, DVC_EXP_NAME: self.name, DVC_ROOT: self.repo.root_dir}

    def save(self, ran: Collection[str], stages: Collection[str]) -> None:
        """Save the folder's files as the experiment, and show it to `dvc exp` of the user's repository.

        ran: stages that were out of date and are not any more; stages: these, and those that were up to date.
        Raises: ValueError if an experiment of that name came up meanwhile, or Git does not write it; DvcException if
        DVC cannot save it.
        """
        experiments = self.repo.experiments
        if self.clone:
            with _refusals_in_one_line():
                result = _commit(self.clone, ran, stages)
                collected = experiments.tempdir_queue.collect_executor(experiments, self.clone, result)
                ref = str(result.ref_info)
                if SCM(self.clone.root_dir).get_ref(ref) not in collected:  # DVC keeps the reason to itself
                    if self.repo.scm.get_ref(ref):
                        raise ExperimentExistsError(self.name)
                    raise ValueError(f"{ref}: expected Git to write it, got nothing; is it locked?")
            return
        queue = experiments.workspace_queue
        with lock_repo(self.repo), _refusals_in_one_line():
            entry = experiments.queue_one(queue, name=self.name)
        executor = queue.init_executor(experiments, entry)
        try:
            _commit(executor, ran, stages)
        finally:
            executor.cleanup()

    def outcome(self, saved: bool) -> str:
        """Say where the results are, or what is left without them."""
        if self.in_clone:
            return f"saved; `dvc exp apply {self.name}` brings it here" if saved else "not saved; what ended is cached"
        if saved:
            return "saved, and in the workspace"
        back = f"`git restore --source={self.before} --worktree . && dvc checkout` goes back (new files stay)"
        return f"not saved; its parameters stay set, what ended is cached; the same command goes on, {back}"


@contextmanager
def prepared(settings: Sequence[str], name: str | None) -> Iterator[list[Experiment]]:
    """Prepare one experiment in the workspace, or those of a grid in clones, which are removed afterwards.

    settings: `-S`, as those of `dvc exp run`; name: its name, or that of the grid; None: names at random. With neither
    there is no experiment. Raises: ValueError or DvcException for settings or a name that DVC refuses; then nothing is
    left of it. One run at a time, for it first removes the clones of a run that was killed.
    """
    shutil.rmtree(CLONES, ignore_errors=True)
    if not (settings or name):
        yield []
        return
    with Repo() as repo:
        grid = requested(repo, settings)
        if len(grid) == 1:
            yield [in_workspace(repo, grid[0], name)]
        else:
            with in_clones(repo, grid, name) as experiments:
                yield experiments


def requested(repo: Repo, settings: Sequence[str]) -> list[Overrides]:
    """Give the overrides of one experiment, or of each in a grid. settings: `-S`, as those of `dvc exp run`.

    Raises: ValueError for what is not in Hydra's grammar; DvcException for a sweep that DVC refuses.
    """
    from dvc.utils.hydra import get_hydra_sweeps, to_hydra_overrides  # for experiments alone
    from hydra.errors import HydraException

    overrides = to_path_overrides(settings)
    if repo.config["hydra"].get("enabled", False):
        overrides.setdefault("params.yaml", [])
    try:
        parsed = [each for path in overrides for each in to_hydra_overrides(overrides[path])]
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"-S: expected key=value in Hydra's grammar, got {' '.join(settings)}: {reason}") from None
    if any(each.is_sweep_override() for each in parsed):
        return get_hydra_sweeps(overrides)
    return [overrides]


def in_workspace(repo: Repo, overrides: Overrides, name: str | None) -> Experiment:
    """Prepare one experiment in the workspace: its params files have the new values, also afterwards.

    Raises: ValueError for a key that is not there (then all files are as before), or a name that is taken.
    """
    baseline = repo.experiments.scm.get_rev()
    with lock_repo(repo), _refusals_in_one_line():
        if name:
            _check_name(repo, ExpRefInfo(baseline, name))
        before = _git("stash", "create") or "HEAD"
        if before != "HEAD":
            _git("update-ref", "--create-reflog", BEFORE, before)
        files = {path: Path(path).read_bytes() for path in overrides if Path(path).exists()}
        queue = repo.experiments.workspace_queue
        if overrides:
            try:
                queue._update_params(overrides)
            except BaseException:
                for path, content in files.items():
                    Path(path).write_bytes(content)
                raise
            finally:
                _git("reset", "--quiet", "--", *overrides)  # DVC stages them
        queue._stash_commit_deps()  # changed data of `.dvc` files
        _check_out(repo)
    return Experiment(name or get_random_exp_name(repo.scm, baseline), baseline, Path.cwd(), repo, before[:10])


@contextmanager
def in_clones(repo: Repo, grid: Sequence[Overrides], name: str | None) -> Iterator[list[Experiment]]:
    """Prepare the experiments of a grid, `<name>-1` and so on, in clones that are removed afterwards.

    What is changed in the workspace and not committed is part of each; the workspace stays as it is.
    Raises: ValueError for a key that is not there, or a name that is taken.
    """
    experiments = repo.experiments
    queue = experiments.tempdir_queue
    untracked = {path for overrides in grid for path in overrides} & set(experiments.scm.untracked_files())
    found = []
    with ExitStack() as stack:
        for number, overrides in enumerate(grid, start=1):
            with lock_repo(repo), _refusals_in_one_line(), _added(sorted(untracked)):
                entry = experiments.queue_one(queue, params=overrides, name=f"{name}-{number}" if name else None)
            executor = queue.init_executor(experiments, entry, CloneExecutor, wdir=str(CLONES.resolve()))
            stack.callback(executor.cleanup, experiments.celery_queue.get_infofile_path(entry.stash_rev))
            executor._update_config({"cache": {"type": "reflink,hardlink,symlink,copy"}})  # nobody edits there
            with Repo(os.path.join(executor.root_dir, executor.dvc_dir)) as clone:
                executor._repro_args(clone)  # removes the file of the arguments of a `dvc repro`
                _check_out(clone)
            folder = Path(executor.root_dir, executor.wdir or ".")
            found.append(Experiment(executor.name, executor.baseline_rev, folder, repo, "HEAD", executor))
        yield found


def _commit(executor: BaseExecutor, ran: Collection[str], stages: Collection[str]) -> ExecutorResult:
    """Commit what DVC commits after it has run the stages in the folder of its executor."""
    info = executor.info
    with chdir(Path(info.root_dir, info.wdir or ".")), Repo(os.path.join(info.root_dir, info.dvc_dir)) as repo:
        executor._repro_args(repo)  # removes the file of the arguments of a `dvc repro`, so that it is not committed
        found = {stage.addressing: stage for stage in repo.index.stages}
        files = {path for name in stages for path in _get_stage_files(found[name])}
        repo.scm_context.add(sorted(path for path in files if os.path.lexists(path)))
        if paths := executor._get_top_level_paths(repo):
            add_no_submodules(repo.scm, paths)
        digest = executor.hash_exp(found[name] for name in ran)
        _, ref, force = executor._repro_commit(repo, info, digest, False)
        return ExecutorResult(digest, ref, force)


def _check_out(repo: Repo) -> None:
    """Lay out what dvc.lock names, as far as it is in the cache."""
    with set_loggers_level(logging.ERROR):  # without a warning for each output that is not
        repo.checkout(force=True, allow_missing=True)


def _check_name(repo: Repo, ref: ExpRefInfo) -> None:
    check_ref_format(repo.scm, ref)
    if repo.scm.get_ref(str(ref)):
        raise ExperimentExistsError(ref.name)


@contextmanager
def _refusals_in_one_line() -> Iterator[None]:
    """Raise DVC's refusals of an override or a name as ValueErrors with the reason."""
    try:
        yield
    except ExperimentExistsError as error:
        raise ValueError(
            f"-n: expected a new name, got {error.name}, an experiment that is there; `dvc exp remove {error.name}`"
        ) from None
    except InvalidArgumentError as error:
        raise ValueError(" ".join(f"{error}: {error.__cause__ or ''}".strip(": ").split())) from None


@contextmanager
def _added(untracked: Sequence[str]) -> Iterator[None]:
    """Let Git have these files meanwhile: what it does not have is part of no experiment."""
    if untracked:
        _git("add", "--", *untracked)
    try:
        yield
    finally:
        if untracked:
            _git("reset", "--quiet", "--", *untracked)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
