"""`python -m stages.parallel -S …` beside `dvc exp run`, on a small project of Git and DVC."""

import re
import signal
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from projects import copied, dvc, environment, noted, parallel, run, trivial_project, wait_until

from stages.scheduling.experiments import CLONES
from stages.scheduling.task import hash_path

pytestmark = pytest.mark.posix

TELL = """echo '{"seed": ${seed}, "name": "'$DVC_EXP_NAME'"}' > score.json"""
SCORE = {
    "cmd": f"test ${{seed}} != 13 && python make.py score data/last && {TELL}",
    "deps": ["data/last"],
    "params": ["seed", {"other.yaml": ["depth.x"]}],
    "outs": ["data/score"],
    "metrics": [{"score.json": {"cache": False}}],
}
SETTINGS = ["-S", "seed=3", "-S", "other.yaml:depth.x=2", "-S", "+added=[1, 2]"]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project that never ran, in which one line is changed; not to be changed.

    Only the stages `configure` and `score` depend on the seed: all others are the same in all experiments.
    """
    folder = tmp_path_factory.mktemp("experiments") / "new"
    folder.mkdir()
    trivial_project(folder)
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"]["score"] = SCORE
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    (folder / "other.yaml").write_text("depth: {x: 1}\n", encoding="utf-8")
    run(folder, "git", "add", "--all")
    assert run(folder, "git", "commit", "-qm", "first").returncode == 0
    with (folder / "make.py").open("a", encoding="utf-8") as file:
        file.write("# not committed\n")
    return folder


@pytest.fixture
def project(new: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return copied(new, tmp_path / "project")


@pytest.fixture(scope="module")
def theirs(new: Path) -> Path:
    """A project after `dvc exp run`; not to be changed."""
    folder = copied(new, new.with_name("theirs"))
    dvc(folder, "exp", "run", "-q", *SETTINGS, "-n", "one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = run(folder, "git", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def experiments(folder: Path) -> dict[str, str]:
    """The experiments of a project: the tree of files, the parent and the message of each commit, by name."""
    refs = git(folder, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    found = {ref.rpartition("/")[2]: git(folder, "log", "-1", "--format=%T %P %B", ref) for ref in refs}
    found.pop("EXEC_HEAD", None)
    return found


def state(folder: Path) -> str:
    """What Git says of the workspace: the branch, changed and new files, and the changes."""
    return git(folder, "status", "--short", "--branch") + git(folder, "diff", "HEAD")


def test_an_experiment_is_saved_as_dvc_exp_run_saves_it(project: Path, theirs: Path) -> None:
    done = parallel(project, *SETTINGS, "-n", "one", "-j", "2")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "experiment one: saved, and in the workspace"
    assert experiments(project) == experiments(theirs)
    assert state(project) == state(theirs)
    assert "# not committed" in git(project, "show", f"refs/exps/{exp_ref(project, 'one')}:make.py")
    assert sorted(noted(project)) == sorted(noted(theirs))


def exp_ref(folder: Path, name: str) -> str:
    baseline = git(folder, "rev-parse", "HEAD").strip()
    return f"{baseline[:2]}/{baseline[2:]}/{name}"


def test_what_an_experiment_changed_is_said_before_the_stages_that_wait_for_its_trainings(project: Path) -> None:
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"]["train"]["do"]["meta"] = {"answer": "ls data; echo start answer >> log/all"}
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    said = parallel(project, "-S", "seed=3", "-j", "2", MEET="last answer", SLOW="last").stdout.splitlines()
    (answer,) = (at for at, line in enumerate(said) if line.startswith("> ls data;"))
    assert said[answer + 1 : answer + 5] == ["a", "b", "configure", "first"]
    assert "last:" not in "".join(said[:answer])
    assert noted(project).count("start answer") == 1
    (project / "params.yaml").write_text("variants: [a, b]\nseed: 4\n", encoding="utf-8")
    assert parallel(project).returncode == 0
    assert noted(project).count("start answer") == 1  # it was no experiment


def test_an_answer_that_fails_is_told_and_the_experiment_is_saved(project: Path) -> None:
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"]["train"]["do"]["meta"] = {"answer": "printf 'no\\351\\n'; exit 3"}
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    done = parallel(project, "-S", "seed=3", "-n", "one")
    assert done.returncode == 0
    assert "    failed: no\N{REPLACEMENT CHARACTER} (exited with 3)" in done.stdout
    assert done.stdout.splitlines()[-1] == "experiment one: saved, and in the workspace"


def test_an_experiment_without_a_name_has_one(project: Path) -> None:
    done = parallel(project, "-S", "seed=5")
    assert done.returncode == 0
    name = re.search(r"experiment (\S+): saved", done.stdout)
    assert name
    assert experiments(project).keys() == {name[1]}


def test_an_experiment_may_have_a_name_and_no_settings(project: Path) -> None:
    done = parallel(project, "-n", "solo")
    assert done.stdout.splitlines()[-1] == "experiment solo: saved, and in the workspace"
    assert experiments(project).keys() == {"solo"}


@pytest.mark.fault("python -m stages.parallel -S", "a grid is killed (SIGKILL)")
def test_a_run_removes_the_clones_of_one_that_was_killed(project: Path) -> None:
    (project / CLONES / "tmp1").mkdir(parents=True)
    others = project / ".dvc/tmp/exps/standalone/tmp2"  # of `dvc exp run --temp`
    others.mkdir(parents=True)
    assert parallel(project, "first").returncode == 0
    assert not list((project / CLONES).glob("*"))
    assert others.exists()


@pytest.fixture(scope="module")
def grid(new: Path) -> Path:
    """A project after a grid of two experiments; not to be changed."""
    folder = copied(new, new.with_name("grid"))
    done = parallel(folder, "-S", "seed=3,4", "-n", "more", "-j", "2")
    assert done.returncode == 0, done.stdout
    return folder


def test_the_experiments_of_a_grid_are_saved_as_dvc_exp_run_saves_them(grid: Path, new: Path, tmp_path: Path) -> None:
    serial = copied(new, tmp_path / "serial")
    with pytest.MonkeyPatch.context() as patch, chdir(serial), Repo() as repo:
        for name, value in environment().items():
            patch.setenv(name, value)
        for name, seed in (("more-1", 3), ("more-2", 4)):
            repo.experiments.run(params=[f"seed={seed}"], name=name, tmp_dir=True)
    assert experiments(grid).keys() == {"more-1", "more-2"}
    for name, theirs in experiments(serial).items():
        assert experiments(grid)[name] == theirs


def test_a_grid_says_nothing_of_the_files_in_its_clones(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    (project / ".gitignore").write_text("/log/\n", encoding="utf-8")  # DVC makes data/.gitignore, also in a clone
    with caplog.at_level("WARNING", "dvc"):
        assert parallel(project, "-S", "seed=3,4").returncode == 0
    assert caplog.messages == []


def test_a_grid_leaves_the_workspace_as_it_is(grid: Path, new: Path) -> None:
    assert state(grid) == state(new)
    assert not list((grid / CLONES).glob("*"))


def test_what_the_experiments_of_a_grid_share_runs_once(grid: Path) -> None:
    starts = [line for line in noted(grid) if line.startswith("start")]
    assert sorted(starts) == sorted(
        [
            *("start configure", "start score") * 2,
            *("start first", "start a", "start b", "start last"),
        ]
    )


def test_a_grid_takes_what_is_done_from_the_cache_and_leaves_the_cache_whole(new: Path, tmp_path: Path) -> None:
    project = copied(new, tmp_path / "project")
    assert parallel(project, "-j", "2").returncode == 0
    git(project, "add", "--all")
    git(project, "commit", "-qm", "done")
    (project / "log/all").unlink()
    assert parallel(project, "-S", "seed=3,4", "-n", "more").returncode == 0
    assert sorted(line for line in noted(project) if line.startswith("start")) == [
        *("start configure",) * 2,
        *("start score",) * 2,
    ]
    objects = [path for path in (project / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    assert all(hash_path(path).md5 == path.parent.name + path.name for path in objects if path.suffix != ".dir")


def test_dvc_knows_the_experiments(grid: Path, tmp_path: Path) -> None:
    folder = copied(grid, tmp_path / "project")
    with chdir(folder), Repo() as repo:
        shown = repo.experiments.show()[1].experiments
        assert {each.name: each.revs[0].data.metrics["score.json"]["data"] for each in shown} == {
            "more-1": {"seed": 3, "name": "more-1"},
            "more-2": {"seed": 4, "name": "more-2"},
        }
        repo.experiments.apply("more-2")
        assert (folder / "data/score").exists()
        assert "seed: 4" in (folder / "params.yaml").read_text(encoding="utf-8")
        repo.experiments.branch("more-1", "taken")
        assert repo.experiments.remove(["more-1"]) == ["more-1"]
    assert git(folder, "branch", "--list", "taken").strip() == "taken"


def test_a_params_file_that_git_does_not_have_is_part_of_the_experiments_alone(project: Path) -> None:
    git(project, "rm", "-q", "--cached", "other.yaml")
    git(project, "commit", "-qm", "without")
    before = state(project)
    assert "?? other.yaml" in before
    assert parallel(project, "-S", "other.yaml:depth.x=2,3", "-n", "more").returncode == 0
    assert state(project) == before
    assert git(project, "show", f"refs/exps/{exp_ref(project, 'more-2')}:other.yaml").strip() == "depth: {x: 3}"


REFUSED = {
    "a key that is not there": ("nokey=3", "Invalid `--set-param` value: Could not override 'nokey'. To append to"),
    "no key=value": ("seed=[3", "-S: expected key=value in Hydra's grammar, got "),
    "a file that is not there": ("other.yaml:seed=3", "Invalid `--set-param` value: Could not override 'seed'. "),
}


@pytest.mark.bad_input("python -m stages.parallel -S", "what Hydra or DVC refuses")
@pytest.mark.parametrize(("setting", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("more", [[], ["-S", "seed=1,2"]], ids=["alone", "in a grid"])
def test_a_setting_that_is_refused_changes_nothing(setting: str, message: str, more: list[str], project: Path) -> None:
    before = state(project)
    ended = parallel(project, *more, "-S", setting, "-n", "bad")
    assert message in ended.returncode
    assert "\n" not in ended.returncode
    assert state(project) == before
    assert experiments(project) == {}


@pytest.mark.bad_input("python -m stages.parallel -n", "a name that is taken, or is none")
@pytest.mark.parametrize("values", ["3", "3,4"])
def test_a_name_that_is_taken_changes_nothing(values: str, grid: Path, tmp_path: Path) -> None:
    project = copied(grid, tmp_path / "project")
    before, saved = state(project), experiments(project)
    name = "more" if "," in values else "more-1"
    ended = parallel(project, "-S", f"seed={values}", "-n", name)
    assert ended.returncode.startswith("-n: expected a new name, got more-1, an experiment that is there")
    assert parallel(project, "-S", f"seed={values}", "-n", "a/b").returncode.startswith("Invalid exp name")
    assert (state(project), experiments(project)) == (before, saved)


TAKEN = "git update-ref $REF $(git commit-tree HEAD^{tree} -m other)"
REF_LOCKED = "mkdir -p .git/$(dirname $REF) && touch .git/$REF.lock"
LOCKED = f"touch $(dirname $(grep -l 'seed: 3' {CLONES}/*/params.yaml))/.git/index.lock"


@pytest.mark.fault("python -m stages.parallel -S", "its name is taken meanwhile, or Git is locked")
@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (TAKEN, "-n: expected a new name, got more-1"),
        (REF_LOCKED, "refs/exps/.*/more-1: expected Git to write it, got nothing; is it locked"),
        (LOCKED, "FileLocked: .*; what ended is cached"),
    ],
    ids=["taken", "its reference is locked", "its index is locked"],
)
def test_an_experiment_that_cannot_be_saved_is_told_and_the_others_are_saved(
    command: str, reason: str, project: Path
) -> None:
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    meanwhile = f"(cd {project} && REF=refs/exps/{exp_ref(project, 'more-1')} && {command})"
    pipeline["stages"]["score"]["cmd"] = f"{meanwhile} && {SCORE['cmd']}"
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    done = parallel(project, "-S", "seed=3,4", "-n", "more", "-j", "2")
    assert done.returncode == 1
    assert re.match(f"experiment more-1: not saved: {reason}", done.stdout.splitlines()[-2])
    assert done.stdout.splitlines()[-1].startswith("experiment more-2: saved")


@pytest.mark.fault("python -m stages.parallel -S", "a stage of an experiment fails")
def test_after_a_failure_the_way_back_is_told_and_works(project: Path) -> None:
    git(project, "add", "make.py")
    with (project / "raw").open("a", encoding="utf-8") as file:
        file.write("not staged")
    before = state(project)
    failed = parallel(project, "-S", "seed=3", "-n", "one", FAIL="score")
    assert failed.returncode == 1
    last = failed.stdout.splitlines()[-1]
    assert last.startswith("experiment one: not saved; its parameters stay set")
    assert "seed: 3" in (project / "params.yaml").read_text(encoding="utf-8")
    assert experiments(project) == {}
    back = re.search(
        r"`(git restore --source=(\w+) --worktree \.) && dvc checkout` goes back \(new files stay\)$", last
    )
    assert back
    parallel(project, "-S", "seed=3", "-n", "one", FAIL="score")  # has another such commit
    git(project, "reflog", "expire", "--expire-unreachable=now", "HEAD")
    git(project, "gc", "-q", "--prune=now")
    git(project, *back[1].split()[1:])
    assert state(project).replace("?? dvc.lock\n", "") == before  # which is new


@pytest.mark.fault("python -m stages.parallel -S", "a stage of one experiment of a grid fails")
def test_one_experiment_of_a_grid_fails_and_the_others_are_saved(project: Path) -> None:
    failed = parallel(project, "-S", "seed=13,4", "-n", "more", "-k", "-j", "2")
    assert failed.returncode == 1
    assert "more-1: score failed: " in failed.stdout
    assert failed.stdout.splitlines()[-2:] == [
        "experiment more-1: not saved; what ended is cached",
        "experiment more-2: saved; `dvc exp apply more-2` brings it here",
    ]
    assert experiments(project).keys() == {"more-2"}
    assert (project / ".dvc/tmp/parallel/more-1/score.log").exists()


@pytest.mark.slow
@pytest.mark.fault("python -m stages.parallel -S", "Ctrl-C during a grid")
def test_a_grid_that_was_ended_goes_on_from_there(project: Path) -> None:
    before = state(project)
    command = [sys.executable, "-m", "stages.parallel", "-S", "seed=3,4", "-n", "more", "-j", "2"]
    with subprocess.Popen(
        command, cwd=project, env=environment(HANG="last"), stdout=subprocess.PIPE, text=True
    ) as process:
        wait_until((project / "log/last.pid").exists)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert said.count("not saved; what ended is cached") == 2
    running = re.search(r"ended by SIGINT while this ran: (.*more-.: last.*); the same command goes on from here", said)
    assert running
    assert f"ending {running[1]} …" in said
    assert (state(project), experiments(project)) == (before, {})
    assert not list((project / CLONES).glob("*"))
    assert parallel(project, "-S", "seed=3,4", "-n", "more").returncode == 0
    assert noted(project).count("start first") == 1
    assert experiments(project).keys() == {"more-1", "more-2"}
