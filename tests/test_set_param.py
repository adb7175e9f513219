"""`dvc exp run -S` on `params.yaml`, with the real DVC: it changes the lines that it is about, and no others."""

import difflib
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from dvc.utils.hydra import apply_overrides
from projects import ROOT, SMALL, dvc, initialize, run
from ruamel.yaml import YAML

from stages.params.schema import read_params
from stages.training.recipe import Spec

PARAMS = ROOT / "params.yaml"
MAX_COLUMNS = 80


def plain(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    old, new = before.splitlines(), after.splitlines()
    went, came = [], []
    for kind, *bounds in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            went += old[bounds[0] : bounds[1]]
            came += new[bounds[2] : bounds[3]]
    return went, came


def paths_of(value: Any, path: str = "") -> dict[str, Any]:
    """The values of nested mappings by their path, as `-S` takes it."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= paths_of(inner, f"{path}.{key}" if path else str(key))
    return found


class Applied:
    """A params.yaml before and after overrides."""

    def __init__(self, source: Path, folder: Path, *overrides: str) -> None:
        path = folder / "params.yaml"
        shutil.copyfile(source, path)
        self.before = paths_of(plain(path))
        text = path.read_text(encoding="utf-8")
        apply_overrides(path, list(overrides))
        self.went, self.came = changed_lines(text, path.read_text(encoding="utf-8"))
        self.after = paths_of(plain(path))
        self.params = read_params(path)

    def values(self) -> dict[str, Any]:
        """The values that are others than before, by their path; ... for one that is gone."""
        every = self.before.keys() | self.after.keys()
        return {
            path: self.after.get(path, ...)
            for path in every
            if self.before.get(path, ...) != self.after.get(path, ...) or (path in self.before) != (path in self.after)
        }


@pytest.fixture(params=[PARAMS, SMALL / "params.yaml"], ids=["ours", "small"])
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_the_file_is_one_that_dvc_writes_as_it_is(file: Path, tmp_path: Path) -> None:
    applied = Applied(file, tmp_path, f"seed={plain(file)['seed']}")
    assert (applied.went, applied.came) == ([], [])


def test_the_file_has_no_lists_over_lines_and_no_long_lines(file: Path) -> None:
    lists = {path: value for path, value in paths_of(plain(file)).items() if isinstance(value, list)}
    # A list in one line stays as it is.
    assert lists == ({"variants.relu_100_flipped.layers.image.target_shape": [28, 28, 1]} if file == PARAMS else {})
    assert [line for line in file.read_text(encoding="utf-8").splitlines() if len(line) > MAX_COLUMNS] == []


def test_a_number_is_read_as_dvc_writes_it(tmp_path: Path) -> None:
    file = SMALL / "params.yaml"
    applied = Applied(file, tmp_path, "learning_rate=0.00001")
    assert [line.split("#")[0].strip() for line in applied.came] == ["learning_rate: 1e-05"]
    assert applied.params.learning_rate == 0.00001
    nested = Applied(file, tmp_path, "optimizer={class: SGD, learning_rate: 0.00001}")
    assert nested.params.optimizer == {"class": "SGD", "learning_rate": 0.00001}


# Each override with the number of lines that go and that come, and the values that change. DVC parses the file for
# half a second: those of a set, which are about lines of their own, are applied together.
SETS: list[dict[str, tuple[int, int, dict[str, Any]]]] = [
    {
        "dropout=0.3": (1, 1, {"dropout": 0.3}),
        "seeds=5": (1, 1, {"seeds": 5}),
        "comparison.confidence=0.9": (1, 1, {"comparison.confidence": 0.9}),
        "comparison.worth.accuracy=0.01": (1, 1, {"comparison.worth.accuracy": 0.01}),
        "optimizer=Nadam": (1, 1, {"optimizer": "Nadam"}),
        "variants.relu_100.layers.hidden.units=64": (1, 1, {"variants.relu_100.layers.hidden.units": 64}),
        "variants.relu_100.optimizer.class=Nadam": (1, 1, {"variants.relu_100.optimizer.class": "Nadam"}),
        "variants.relu_100.epochs=3": (1, 1, {"variants.relu_100.epochs": 3}),
        "++variants.relu_100_adam.epochs=3": (0, 1, {"variants.relu_100_adam.epochs": 3}),
        "++variants.relu_100_sgd.layers.hidden.units=64": (0, 3, {"variants.relu_100_sgd.layers.hidden.units": 64}),
    },
    {
        "learning_rate=0.00001": (1, 1, {"learning_rate": 0.00001}),
        "variants.relu_100.optimizer.learning_rate=0.00001": (
            *(1, 1),
            {"variants.relu_100.optimizer.learning_rate": 0.00001},
        ),
        "variants.relu_100_sgd.optimizer={class: Nadam}": (  # merged with what is there
            *(1, 1),
            {"variants.relu_100_sgd.optimizer.class": "Nadam"},
        ),
        "++variants.relu_100_adam_long.epochs=3": (1, 1, {"variants.relu_100_adam_long.epochs": 3}),
        "~variants.relu_100_nesterov.optimizer.nesterov": (
            *(1, 1),
            {"variants.relu_100_nesterov.optimizer.nesterov": ...},
        ),
    },
]


@pytest.mark.catalogue
@pytest.mark.parametrize("overrides", SETS, ids=["values", "small numbers and objects"])
def test_an_override_changes_the_line_that_it_is_about(
    overrides: dict[str, tuple[int, int, dict[str, Any]]], tmp_path: Path
) -> None:
    applied = Applied(PARAMS, tmp_path, *overrides)
    assert applied.values() == {path: value for *_, values in overrides.values() for path, value in values.items()}
    went, came = (sum(lines) for lines in zip(*((went, came) for went, came, _ in overrides.values()), strict=True))
    assert (len(applied.went), len(applied.came)) == (went, came), (applied.went, applied.came)


@pytest.mark.catalogue
def test_a_variant_is_added_as_a_block_of_its_own(tmp_path: Path) -> None:
    mine = "{dataset: fashion_mnist, base: relu_100, layers: {hidden: {units: 50}}}"
    applied = Applied(PARAMS, tmp_path, f"+variants.mine={mine}")
    assert applied.went == []
    assert applied.came[0] == "  mine:"
    assert set(applied.values()) == {
        "variants.mine.dataset",
        "variants.mine.base",
        "variants.mine.layers.hidden.units",
    }
    variant = applied.params.variants["mine"]
    assert variant.layers is not None
    assert cast(Spec, variant.layers["hidden"])["units"] == 50


@pytest.mark.catalogue
def test_a_variant_is_taken_away_with_its_lines_alone(tmp_path: Path) -> None:
    applied = Applied(PARAMS, tmp_path, "~variants.softmax")
    assert applied.came == []
    assert {path.split(".")[1] for path in applied.values()} == {"softmax"}
    assert "softmax" not in applied.params.variants


@pytest.mark.catalogue
def test_an_experiment_changes_one_line_of_the_file_and_nothing_in_the_workspace(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    initialize(folder)
    shutil.copyfile(PARAMS, folder / "params.yaml")
    stages = "stages:\n  it:\n    cmd: 'true'\n    deps: [params.yaml]\n"
    (folder / "dvc.yaml").write_text(stages, encoding="utf-8")
    run(folder, "git", "add", "--all")
    assert run(folder, "git", "commit", "-qm", "all").returncode == 0
    dvc(folder, "exp", "run", "--queue", "-S", "dropout=0.3", "-S", "learning_rate=0.001,0.00001")
    assert (folder / "params.yaml").read_bytes() == PARAMS.read_bytes()
    rates = set()
    stashed = run(folder, "git", "reflog", "show", "--format=%H", "refs/exps/celery/stash").stdout.split()
    assert len(stashed) == 2
    for commit in stashed:
        text = run(folder, "git", "show", f"{commit}:params.yaml").stdout
        went, came = changed_lines(PARAMS.read_text(encoding="utf-8"), text)
        assert len(went) == len(came) == 2
        (folder / "queued.yaml").write_text(text, encoding="utf-8")
        params = read_params(folder / "queued.yaml")
        assert params.dropout == 0.3
        rates.add(params.learning_rate)
    assert rates == {0.001, 0.00001}
