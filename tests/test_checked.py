"""What `stages.configure` keeps of its checks between runs: it changes neither a result nor a message."""

import json
import shutil
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn

import pytest
from projects import run

from stages import configure
from stages.memo import Memo
from stages.params import checked as checked_before
from stages.params import checks
from stages.params.checked import NOTHING_CHECKED, Checked
from stages.params.own_file import read_own_file
from stages.params.schema import parse_params
from stages.params.yaml_file import read_yaml
from stages.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
CONTENT: dict[str, Any] = read_yaml(ROOT / "tests/small_project/params.yaml")


def never() -> NoReturn:
    raise AssertionError("expected what was kept, got a call")


def test_the_same_inputs_are_not_looked_at_again(tmp_path: Path) -> None:
    store = Checked(Memo(tmp_path / "checks"))
    assert store.once({"recipe": [1]}, lambda: {"b": 1, "a": [2.5, None]}) == {"b": 1, "a": [2.5, None]}
    assert json.dumps(store.once({"recipe": [1]}, never)) == '{"b": 1, "a": [2.5, null]}'
    assert store.once({"recipe": [2]}, lambda: 2) == 2
    assert Checked().once({"recipe": [1]}, lambda: 3) == 3


@pytest.mark.parametrize("what", ["code", "libraries", "python", "machine"])
def test_what_was_found_elsewhere_is_found_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    store = Checked(Memo(tmp_path))
    store.once({}, lambda: 1)
    before = checked_before.environment()
    assert before[what]
    monkeypatch.setattr(checked_before, "environment", lambda: before | {what: "another"})
    assert store.once({}, lambda: 2) == 2


def test_the_code_is_all_of_ours_and_the_libraries_have_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checked_before.environment()
    assert all(any(name.startswith(f"{each}-3.") for name in before["libraries"].split()) for each in ("keras", "dvc"))
    (tmp_path / "params").mkdir()
    (tmp_path / "params/checks.py").write_text("one")
    monkeypatch.setattr("stages.__path__", [str(tmp_path)])
    codes = [checked_before.environment.__wrapped__()["code"]]
    (tmp_path / "params/checks.py").write_text("two")
    codes.append(checked_before.environment.__wrapped__()["code"])
    assert len({*codes, before["code"]}) == 3


def test_a_mistake_is_not_kept(tmp_path: Path) -> None:
    store = Checked(Memo(tmp_path))
    for _ in range(2):
        with pytest.raises(ValueError, match="expected a rate"):
            store.once({}, lambda: (_ for _ in ()).throw(ValueError("expected a rate")))
    assert not [*tmp_path.iterdir()]


def test_what_cannot_be_kept_is_found_each_time(tmp_path: Path) -> None:
    (tmp_path / "checks").write_text("a file in place of the folder")
    store = Checked(Memo(tmp_path / "checks"))
    assert [store.once({}, lambda: 1), store.once({}, lambda: 2)] == [1, 2]


def completed(content: Any, store: Checked) -> dict[str, Recipe]:
    params = parse_params(deepcopy(content))
    return configure.complete_recipes(params, configure.complete_splits(params, store), store)


@pytest.mark.usefixtures("deterministic")
def test_a_recipe_is_checked_when_it_changes_and_comes_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    store, content = Checked(Memo(tmp_path)), deepcopy(CONTENT)
    names = [*content["variants"]]
    assert completed(content, store) == completed(content, NOTHING_CHECKED)
    checked: list[str] = []
    check = checks.check_model

    def noted(*arguments: Any) -> None:
        checked.append(arguments[4])
        check(*arguments)

    monkeypatch.setattr(checks, "check_model", noted)
    again = completed(content, store)
    assert json.dumps(again) == json.dumps(completed(content, NOTHING_CHECKED))
    del checked[:]
    first = next(name for name in names if "layers" in content["variants"][name])
    content["epochs"], content["seeds"] = 3, 2  # of which their ranges are all that is checked
    assert completed(content, store)[first] == again[first] | {"epochs": 3, "seeds": 2}
    assert checked == []
    layer = next(name for name, spec in content["variants"][first]["layers"].items() if "units" in spec)
    content["variants"][first]["layers"][layer]["activation"] = "relv"
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"^variants\.{first}\.layers\.{layer}\.activation: expected .*'relv'$"):
            completed(content, store)


@pytest.mark.slow
def test_a_second_check_imports_neither_tensorflow_nor_scikit_learn_nor_pandas(tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "tests/small_project", tmp_path / "project")
    shutil.copy(ROOT / "custom_objects.py", project)
    (project / ".dvc").mkdir()
    code = (
        "import sys; from stages.configure import main; main(['--check'])\n"
        "print(sorted({'tensorflow', 'sklearn', 'pandas'} & sys.modules.keys()))"
    )
    said = [run(project, sys.executable, "-c", code).stdout.splitlines() for _ in range(2)]
    assert "tensorflow" in said[0][1]
    assert said[1] == [said[0][0], "[]"]


@pytest.mark.usefixtures("deterministic")
def test_what_a_file_of_ones_own_imports_from_elsewhere_is_imported_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("beside_it.py").write_text("import keras\nclass Own(keras.layers.Layer): pass\n", encoding="utf-8")
    Path("own.py").write_text("from beside_it import Own\nclass Mine(Own): pass\n", encoding="utf-8")
    store = Checked(Memo(tmp_path / "memo"))
    assert not read_own_file("own.py", store).is_alone
    Path("beside_it.py").unlink()
    monkeypatch.delitem(sys.modules, "beside_it")
    with pytest.raises(ValueError, match=r"^own\.py, line 1: expected Python that can be imported, got Module"):
        read_own_file("own.py", store)
    Path("own.py").write_text("import keras\nclass Own(keras.layers.Layer): pass\n", encoding="utf-8")
    assert read_own_file("own.py", store).is_alone
