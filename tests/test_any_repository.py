"""`python -m stages.parallel` beside `dvc repro` in repositories of any kind."""

import os
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from graphs import RandomProject
from projects import changed_stages, copied, dvc, environment, initialize, parallel

pytestmark = pytest.mark.posix

NOT_COMPARED = (".git", ".dvc", "site")


def files(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """The bytes of each file in the workspace, and whether it may be executed."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: (path.read_bytes(), os.access(path, os.X_OK))
        for name, path in names.items()
        if not name.startswith(NOT_COMPARED)
    }


def ran(folder: Path) -> list[str]:
    """The stages whose commands ran since the last call, sorted."""
    path = folder.with_suffix(".ran")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(lines)


def repro(folder: Path) -> None:
    """Run `dvc repro` in this process, which saves the start of another one."""
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        for name, value in environment(RAN=str(folder.with_suffix(".ran"))).items():
            patch.setenv(name, value)
        with Repo() as repo:
            repo.reproduce()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))])
def test_a_random_project_is_left_as_dvc_repro_leaves_it(seed: int, tmp_path: Path) -> None:
    project = RandomProject(seed)
    serial = project.make(tmp_path / "serial")
    ours = copied(serial, tmp_path / "ours")
    for turn in range(3):
        what = project.change() if turn else "from nothing"
        project.write(serial)
        project.write(ours)
        repro(serial)
        assert parallel(ours, "-j", "2", RAN=str(ours.with_suffix(".ran"))).returncode == 0
        assert ran(ours) == ran(serial), what
        assert files(ours) == files(serial), what
        assert changed_stages(ours) == changed_stages(serial), what


@pytest.mark.bad_input("dvc.yaml", "an output outside the repository")
@pytest.mark.parametrize("place", ["{outside}/far", "s3://bucket/far"], ids=["a folder", "a cloud"])
def test_an_output_that_only_dvc_can_make_is_refused(place: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "project", place.format(outside=tmp_path)
    folder.mkdir()
    initialize(folder)
    stage = {"cmd": f"echo far > {out}", "outs": [{out: {"cache": False}}]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"far": stage}}), encoding="utf-8")
    ended = parallel(folder)
    assert ended.returncode == 1
    assert f"expected outputs in the repository, got {out}; `dvc repro` runs it\n" in ended.stdout
    assert not (tmp_path / "far").exists()


def test_an_import_is_left_to_dvc(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("1", encoding="utf-8")
    serial = tmp_path / "serial"
    serial.mkdir()
    initialize(serial)
    dvc(serial, "import-url", "-q", str(tmp_path / "outside"), "inside")
    stage = {"cmd": "cp inside copy", "deps": ["inside"], "outs": ["copy"]}
    (serial / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"copy": stage}}), encoding="utf-8")
    ours = copied(serial, tmp_path / "ours")
    for text in ("1", "changed"):
        (tmp_path / "outside").write_text(text, encoding="utf-8")
        repro(serial)
        assert parallel(ours).returncode == 0
        assert files(ours) == files(serial)
        assert (ours / "copy").read_text(encoding="utf-8") == (serial / "copy").read_text(encoding="utf-8")
