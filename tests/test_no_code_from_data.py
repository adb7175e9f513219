"""Files and names are data: nothing that stands in one is ever run, and no name leads out of its folder."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from dvc.utils.serialize import parse_yaml
from ruamel.yaml.constructor import RoundTripConstructor, SafeConstructor

from stages import artifacts, predict
from stages.documents import read_sources, read_studies
from stages.params.schema import read_params
from stages.splits import load_split
from stages.training import estimators, import_tensorflow
from stages.verification import differences
from stages.verification.recorded import read_lock

ROOT = Path(__file__).parents[1]


class Payload:
    """An object that makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("pwned",)


def pickled() -> np.ndarray:
    return np.array([Payload()], dtype=object)


def load_rows(folder: Path) -> Any:
    (folder / "thoracic" / "clean").mkdir(parents=True)
    index = {"clean": {"arrays": "clean", "parts": {"train": [0, 1]}}}
    (folder / "thoracic" / "splits.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "thoracic" / "clean" / "scaling.json").write_text("{}", encoding="utf-8")
    for name in ("x", "y", "rows"):
        np.save(folder / "thoracic" / "clean" / f"{name}.npy", pickled(), allow_pickle=True)
    return load_split("thoracic", "clean", folder)


def load_predictions(folder: Path) -> Any:
    np.savez(folder / "predictions.npz", test=pickled())
    return artifacts.PREDICTIONS.read("it", lambda _: (folder / "predictions.npz").read_bytes())


def load_estimator(folder: Path) -> Any:
    np.savez(folder / "estimator.npz", coef_=pickled())
    description = {"class_name": "LinearRegression", "arguments": {}}
    (folder / "estimator.json").write_text(json.dumps(description), encoding="utf-8")
    return estimators.load_estimator(folder)


def compare_arrays(folder: Path) -> Any:
    np.savez(folder / "a.npz", test=pickled())
    return differences.arrays("a.npz", (folder / "a.npz").read_bytes())


@pytest.mark.bad_input(".npy and .npz", "a pickle that would run a command")
@pytest.mark.parametrize("load", [load_rows, load_predictions, load_estimator, compare_arrays])
def test_no_pickle_is_loaded(load: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"allow_pickle|Python objects"):
        load(tmp_path)
    assert not Path("pwned").exists()


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """File and node of all code of the stages."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "stages").rglob("*.py"))}
    return [(path.relative_to(ROOT).as_posix(), node) for path, tree in trees.items() for node in ast.walk(tree)]


@cache
def calls() -> list[tuple[str, str, dict[str, str]]]:
    """File, function and keyword arguments of every call in the stages."""
    return [
        (path, ast.unparse(node.func), {each.arg or "**": ast.unparse(each.value) for each in node.keywords})
        for path, node in nodes()
        if isinstance(node, ast.Call)
    ]


RUNS = r"(pickle|joblib|marshal|shelve|dill)\.|(eval|exec|compile|__import__|os\.system|os\.popen)$|yaml\.\w*load"
LOADERS = r"(\w+\.)*(YAML|parse_yaml|load_yaml)$"
"""ruamel.yaml's class, and DVC's functions around it."""


def test_nothing_in_the_stages_turns_data_into_code() -> None:
    running = {(path, function) for path, function, _ in calls() if re.match(RUNS, function)}
    # A user's own file, if its hash is the recipe's; see the tests of custom_objects.
    own = {("stages/training/custom_objects.py", function) for function in ("compile", "exec")}
    assert own < running
    own.add(("stages/reporting/drawings.py", "pickle.dumps"))  # which loads nothing
    assert {function for _, function in running - own} == {"yaml.safe_load"}
    assert not [path for path, _, keywords in calls() if keywords.get("allow_pickle", "False") != "False"]
    assert not [path for path, _, keywords in calls() if keywords.get("safe_mode", "True") != "True"]


def test_yaml_is_read_by_safe_loaders_alone() -> None:
    found = [(function, keywords.get("typ")) for _, function, keywords in calls() if re.match(LOADERS, function)]
    # DVC's function reads safely unless it is told otherwise; "rt" keeps comments, and makes no other objects.
    assert set(found) <= {("YAML", "'safe'"), ("parse_yaml", None), ("parse_yaml", "'rt'")}
    assert ("YAML", "'safe'") in found
    assert inspect.signature(parse_yaml).parameters["typ"].default == "safe"
    assert issubclass(RoundTripConstructor, SafeConstructor)
    ours = {
        node.name: [ast.unparse(base) for base in node.bases] for _, node in nodes() if isinstance(node, ast.ClassDef)
    }
    for _, node in nodes():
        if isinstance(node, ast.Attribute) and node.attr in ("Constructor", "Loader"):
            assert isinstance(node.ctx, ast.Store)
        if isinstance(node, ast.Assign) and re.search(r"\.(Constructor|Loader)$", ast.unparse(node.targets[0])):
            assert ours[ast.unparse(node.value)] == ["SafeConstructor"]


@pytest.mark.bad_input("params.yaml and documents", "a tag that would run a command")
@pytest.mark.parametrize(
    ("read", "path"),
    [
        (read_params, "params.yaml"),
        (read_sources, "documents/sources.yaml"),
        (read_studies, "documents/studies.yaml"),
        (lambda: read_lock(Path("dvc.lock")), "dvc.lock"),
    ],
    ids=["params.yaml", "sources.yaml", "studies.yaml", "dvc.lock"],
)
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir"])
def test_no_tag_of_a_yaml_file_runs_anything(
    read: Callable[[], Any], path: str, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(f"seed: {tag} [pwned]\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(path)):
        read()
    assert not Path("pwned").exists()


def test_a_shell_gets_the_commands_of_stages_alone_in_one_place() -> None:
    assert not [path for path, _, keywords in calls() if "shell" in keywords]
    assert {path for path, function, _ in calls() if function == "_make_cmd"} == {"stages/scheduling/processes.py"}


@pytest.mark.usefixtures("deterministic")
@pytest.mark.bad_input("model.keras", "code in a Lambda layer, a damaged file")
def test_a_model_that_holds_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_tensorflow()
    import keras

    monkeypatch.chdir(tmp_path)
    layers = [keras.Input((2,)), keras.layers.Lambda(lambda x: (__import__("os").mkdir("pwned"), x)[1])]
    model = keras.Sequential(layers)
    Path("pwned").rmdir()  # made when the layer was built
    model.save("model.keras")
    Path("recipe.json").write_text('{"jit_compile": false}', encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"model\.keras: expected a whole model without code of its own, got: .*Lambda"
    ):
        predict.predict_rows(tmp_path, np.zeros((1, 2), np.float32))
    assert not Path("pwned").exists()


@pytest.mark.usefixtures("deterministic")
@pytest.mark.bad_input("model.keras", "code in a Lambda layer, a damaged file")
@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"<html>"])
def test_a_damaged_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.keras").write_bytes(content)
    (tmp_path / "recipe.json").write_text('{"jit_compile": false}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"model\.keras: expected a whole model without code of its own, got: "):
        predict.predict_rows(tmp_path, np.zeros((1, 2), np.float32))


# Names, with the real DVC

HOSTILE = [
    *(
        "a; touch pwned",
        "a && touch pwned",
        "a | touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "a\ntouch pwned",
        "a b",
    ),
    *(
        "a'; touch pwned; '",
        '"; touch pwned; "',
        "> pwned",
        "& touch pwned",
        "-h",
        "~",
        "*",
        "# a",
        "größe",
        "A",
        "a.b",
    ),
    "a/b",
]
LEAVING = ["../x", "a/../../y", "../../../z"]
"""Variants called so; DVC itself refuses data sets called so, whose outputs would be one folder."""
REFUSED_BY_DVC = ["../../precious", "..", "", "a@b"]
"""What DVC's own checks of the outputs' places and the stages' names leave no stage for."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository as Git holds it, without data, cache and history."""
    listed = subprocess.run(
        ["git", "ls-files", "stages", "dvc.yaml", "sweeps.yaml", "custom_objects.py", "documents", ".dvc"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a Git checkout")
    clone = tmp_path / "clone"
    for name in listed.stdout.splitlines():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, clone / name)
    (clone / "precious").mkdir()
    (clone / "precious" / "file").touch()
    subprocess.run(["git", "init", "-q"], cwd=clone, check=True)
    return clone


def run(clone: Path, variants: list[str], datasets: list[str], *command: str) -> str:
    """Run a command where the parameters have these variants and data sets; what it printed."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["variants"] = dict.fromkeys(variants, params["variants"]["thoracic_logistic"])
    params["datasets"] |= dict.fromkeys(datasets, params["datasets"]["thoracic"])
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return run_as_it_is(clone, *command)


def run_as_it_is(clone: Path, *command: str) -> str:
    """Run a command in the clone; what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def untouched(clone: Path) -> bool:
    return (clone / "precious" / "file").exists() and not list(clone.parent.rglob("pwned"))


@pytest.mark.bad_input("params.yaml", "names that would be commands or paths, to the real DVC")
@pytest.mark.parametrize(
    "command",
    [
        ("dvc", "repro"),
        pytest.param(("dvc", "repro", "--ignore-errors"), marks=pytest.mark.slow),
        pytest.param(("dvc", "repro", "--keep-going"), marks=pytest.mark.slow),
        pytest.param((sys.executable, "-m", "stages.parallel", "-k"), marks=pytest.mark.slow),
    ],
    ids=lambda command: " ".join(command[-2:]),
)
def test_no_name_reaches_the_shell_or_leaves_its_folder(
    clone: Path, command: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    tried = 2 * len(HOSTILE) + len(LEAVING)
    record_property("times", tried)
    said = run(clone, HOSTILE + LEAVING, HOSTILE, *command)
    assert untouched(clone)
    assert not list(clone.glob("data/*"))
    if command[0] != "dvc":  # it shows the end of what a stage said
        said = (clone / ".dvc/tmp/parallel/configure.log").read_text(encoding="utf-8")
    assert "variants.a; touch pwned" in said
    assert "datasets.a; touch pwned" in said
    mistakes = {line for line in said.splitlines() if "expected text that matches ^[a-z0-9_]+$" in line}
    assert len(mistakes) >= tried
    assert all(line.startswith(("variants.", "datasets.")) for line in mistakes)  # one line each, of any name


@pytest.mark.slow
@pytest.mark.bad_input("sweeps.yaml", "names that would be commands or paths, to the real DVC")
def test_no_name_of_a_sweep_reaches_the_shell(clone: Path, record_property: Callable[[str, object], None]) -> None:
    names = HOSTILE + LEAVING
    record_property("times", len(names))
    declared = {"dataset": "thoracic", "variant": "thoracic_logistic", "grid": {"estimator.C": [1, 2]}}
    (clone / "sweeps.yaml").write_text(yaml.safe_dump({"sweeps": dict.fromkeys(names, declared)}), encoding="utf-8")
    shutil.copyfile(ROOT / "params.yaml", clone / "params.yaml")
    said = run_as_it_is(clone, "dvc", "repro")
    assert untouched(clone)
    assert not list(clone.glob("data/*"))
    assert "sweeps.yaml, a; touch pwned" in said
    mistakes = [line for line in said.splitlines() if "expected text that matches ^[a-z0-9_]+$" in line]
    assert len(mistakes) >= len(names)
    assert all(line.startswith("sweeps.yaml, ") for line in mistakes)


@pytest.mark.slow
@pytest.mark.bad_input("params.yaml", "names that would be commands or paths, to the real DVC")
@pytest.mark.parametrize("name", REFUSED_BY_DVC)
def test_a_name_for_which_dvc_has_no_stage_does_no_harm(clone: Path, name: str) -> None:
    assert "ERROR" in run(clone, [name], [name], "dvc", "repro")
    assert untouched(clone)
