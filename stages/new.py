"""Start a project of your own: `python -m stages.new <folder>`.

    python -m stages.new ../mine

The folder gets the code of this repository and the tests of the engine, and, instead of what is about our data sets,
questions and runs, a small project that runs in a minute: two data sets, two variants of each, and a study. It is in
`skeleton/`; its table is made up. The folder must be empty or new.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from random import Random

from stages.datasets.spec import names

ROOT = Path(__file__).parents[1]
SKELETON = PurePosixPath("skeleton")
"""Folder of files that a project of one's own has instead of ours, or beside them."""

NAME = "my-project"
"""Stands for the project's name in the files of the skeleton."""
NAMED = ("README.md", "pyproject.toml", "uv.lock", "docs/sharing.md", "stages/presentation/words/project.yaml")
"""Files that name the project."""
OUR_NAME = "worth-of-deep-learning"
OUR_DESCRIPTION = "What each deep-learning technique is worth: a reproducible DVC + Keras comparison"

OURS = (
    *("benchmarks", "documents", "reports", "skeleton", "tests", "dvc.lock", ".ci/pythons"),
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "README.md", "README.ko.md", "SECURITY.md"),
    *(f"docs/{page}.md" for page in ("data", "own_project", "performance", "results", "results.ko", "trust")),
    *(f"stages/datasets/{name}.py" for name in names()),
    *("stages/new.py", "stages/readme.py"),
)
"""Files and folders that are about our data sets, questions and runs."""
ENGINE_TESTS = (
    *("conftest", "graphs", "keras_classes", "projects", "s3_store", "simulated", "small"),
    *("test_any_repository", "test_artifacts", "test_engine", "test_environment", "test_keras_classes", "test_memo"),
    *("test_parallel", "test_parallel_experiments", "test_plots_page", "test_products", "test_random_recipes"),
    *("test_sharing", "test_spellings", "test_statistics", "test_tasks", "test_two_commands"),
)
"""The tests, and what they share, that need none of our data sets and variants."""
LINK = re.compile(r"!?\[([^\]]+)\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


def is_ours(path: PurePosixPath) -> bool:
    """Whether a file stays here."""
    if path in {PurePosixPath(f"tests/{name}.py") for name in ENGINE_TESTS}:
        return False
    return any(path.is_relative_to(ours) for ours in OURS)


def tracked() -> list[str]:
    """Names of the files that Git has; ValueError without Git's folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise ValueError(f"{ROOT}: expected a clone of Git, got: {listed.stderr.strip()}")
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def copy(folder: Path) -> None:
    """Copy what a project of one's own has."""
    paths = [PurePosixPath(path) for path in tracked()]
    sources = {path: ROOT / path for path in paths if not is_ours(path)}
    sources |= {path.relative_to(SKELETON): ROOT / path for path in paths if path.is_relative_to(SKELETON)}
    for name, source in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)


def rename(folder: Path, paths: Iterable[str]) -> None:
    """Give the project its own name, that of the folder, in these files."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or NAME
    for path in (folder / each for each in paths):
        text = path.read_text(encoding="utf-8").replace(OUR_NAME, name).replace(NAME, name)
        path.write_text(text.replace(OUR_DESCRIPTION, f"Experiments of {name}"), encoding="utf-8", newline="\n")


def unlink(folder: Path) -> None:
    """Make plain text of the links to files that the project does not have."""
    for page in folder.rglob("*.md"):

        def kept(link: re.Match[str], beside: Path = page.parent) -> str:
            return link[0] if (beside / link[2]).exists() else link[1]

        page.write_text(LINK.sub(kept, page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def plants() -> str:
    """Make up a table as CSV: the height and the petals of three species, whose classes no line separates."""
    centers = {"aster": [(40, 8), (80, 21)], "lily": [(40, 21), (80, 8)], "poppy": [(60, 14)]}
    soils = {"aster": "clay clay loam sand", "lily": "loam loam clay sand", "poppy": "sand sand clay loam"}
    draw = Random(1)  # noqa: S311
    lines = ["plant,height,petals,soil,species"]
    for number in range(1, 301):
        species = draw.choice(sorted(centers))
        height, petals = draw.choice(centers[species])
        height += sum(draw.randint(-5, 5) for _ in range(3))
        petals += draw.randint(-3, 3)
        soil = draw.choice(soils[species].split())
        cells = ["" if draw.random() < 0.05 else str(height), str(petals), "" if draw.random() < 0.05 else soil]
        lines.append(",".join([str(number), *cells, species]))
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Make the project in the folder on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.new", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="an empty one, or a new one")
    folder: Path = parser.parse_args(arguments).folder
    try:
        if folder.resolve().is_relative_to(ROOT):
            raise ValueError(f"{folder}: expected a folder outside of this repository, got one inside")
        folder.mkdir(parents=True, exist_ok=True)
        if found := sorted(folder.iterdir()):
            raise ValueError(f"{folder}: expected an empty folder or a new one, got one with {found[0].name}")
        copy(folder)
        rename(folder, NAMED)
        unlink(folder)
        table = folder / "local_data" / "plants.csv"
        table.parent.mkdir()
        table.write_text(plants(), encoding="utf-8", newline="\n")
        for command in (["init", "--quiet", "--initial-branch", "main"], ["add", "--all"]):
            subprocess.run(["git", *command], cwd=folder, check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"stages.new: {error}")
    steps = (f"cd {shlex.quote(str(folder))}", "uv run dvc repro", "uv run pytest")
    print(f"{folder}: a project of your own; its README.md says how to go on", *steps, sep="\n  ")


if __name__ == "__main__":
    main()
