"""A project of one's own: it runs, its tests pass, and nothing in it is about our data sets, questions and runs."""

import re
from pathlib import Path

import pytest
from dvc.repo import Repo
from projects import ROOT, run

from stages import new
from stages.documents import read_studies
from stages.params.schema import read_params

OURS = re.compile("Fashion-MNIST|California|[Tt]horacic|worth-of-deep-learning|technique worth")
ALONE = {"PYTHONPATH": "", "DVC_NO_ANALYTICS": "1"}
"""Environment of a command that is to run the project's own code."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "Plant trials"
    new.main([str(folder)])
    return folder


def test_it_has_its_own_name_data_variants_and_study(project: Path) -> None:
    assert (project / "README.md").read_text("utf-8").startswith("# plant-trials\n")
    assert 'name = "plant-trials"' in (project / "pyproject.toml").read_text("utf-8")
    params, studies = read_params(project / "params.yaml"), read_studies(project / "documents/studies.yaml")
    assert sorted(params.datasets) == sorted(path.stem for path in project.glob("stages/datasets/[dp]*.py"))
    assert {member.variant for study in studies.values() for member in study.members} <= params.variants.keys()
    ours = ("benchmarks", "skeleton", "dvc.lock", "reports/one_seed/run.json", "docs/results.md", "docs/results.ko.md")
    assert not [path for path in ours if (project / path).exists()]


def test_every_dependency_of_its_stages_is_there_or_is_made(project: Path) -> None:
    repo = Repo(str(project))
    made = [Path(output.fs_path) for output in repo.index.outs]
    needed = {Path(dependency.fs_path) for dependency in repo.index.deps}
    assert len(needed) > 20
    missing = [path for path in needed if not path.exists()]
    # A folder may hold outputs, and an output may be a folder.
    assert not [
        path for path in missing if not any(path.is_relative_to(each) or each.is_relative_to(path) for each in made)
    ]


def test_what_its_people_read_is_not_about_ours(project: Path) -> None:
    texts = ("README.md", "params.yaml", "pyproject.toml", "uv.lock", "documents/studies.yaml", ".ci/run")
    for path in (*texts, "stages/presentation/words/project.yaml"):
        assert not OURS.search((project / path).read_text("utf-8")), path


def test_no_link_of_its_pages_leads_nowhere(project: Path) -> None:
    for page in project.rglob("*.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_every_test_of_the_engine_is_there() -> None:
    assert {f"tests/{name}.py" for name in new.ENGINE_TESTS} <= set(new.tracked())


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("Plant trials", "expected an empty folder or a new one, got one with .ci"),
        (ROOT / "mine", "expected a folder outside"),
    ],
    ids=["full", "inside"],
)
def test_another_folder_is_refused(folder: Path | str, said: str, project: Path) -> None:
    with pytest.raises(SystemExit) as error:
        new.main([str(project.parent / folder)])
    assert str(error.value).startswith(f"stages.new: {project.parent / folder}: {said}")
    assert not (ROOT / "mine").exists()


@pytest.mark.slow
def test_it_runs_and_its_page_and_its_tests_are_whole(project: Path) -> None:
    for command in ("dvc repro", "pytest -rs", "ruff check", "ruff format --check", "lint-imports"):
        done = run(project, *command.split(), **ALONE)
        assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    page = (project / "reports/index.html").read_text("utf-8")
    assert "<title>plant-trials</title>" in page
    assert "1 question, 4 variants, 20 trainings behind the answers." in page
    assert not re.search('id="(documents|missing)"|published|benchmarks|deterministic', page.partition("<script")[0])
    assert "up to date" in run(project, "dvc", "status", **ALONE).stdout
