import hashlib
import io
import json
import math
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import ROOT, dvc, initialize, run

from stages import verify
from stages.artifacts.tables import ENVIRONMENT, METRICS
from stages.params.overrides import recipes
from stages.params.schema import read_params
from stages.training.recipe import Recipe
from stages.verification.differences import arrays, compare_metrics, difference, differences_in
from stages.verification.recorded import Recorded, hash_of, read_lock

RECORD = {"libraries": {"keras": "1"}}

# A pipeline as ours is, small. The variables say in what "this machine" differs from the one that was recorded.
MAKE = """
import json, os, sys
from pathlib import Path
import numpy as np

nudge = float(os.environ.get("NUDGE", 0))
data = Path("data")

def write(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

if sys.argv[1] == "first":
    base = json.loads(Path("params.yaml").read_text())["base"]
    kept = Path(os.environ["DVC_ROOT"], ".dvc", "tmp", "kept")
    if kept.exists():
        base = float(kept.read_text())
    content = {"name": "first", "values": [base, base + nudge]}
    write("data/first.json", json.dumps(content, indent=int(os.environ.get("INDENT", 1))))
if sys.argv[1] == "second":
    values = json.loads((data / "first.json").read_text())["values"]
    if "SPOIL" in os.environ:
        (data / "first.json").write_text("spoiled")
    write("data/second/table.csv", f"name,value\\none,{values[0]}\\ntwo,{values[1] + nudge}\\n")
    np.save(data / "second" / "array.npy", np.arange(3.0))
if sys.argv[1] == "arrays":
    folder = data / "normalized" / "housing"
    write(folder / "splits.json", json.dumps({"single": {"arrays": "single", "parts": {"test": [0, 4]}}}))
    write(folder / "single" / "scaling.json", "{}")
    for name in ("x", "y", "rows"):
        np.save(folder / "single" / f"{name}.npy", np.arange(4, dtype=np.float32))
if sys.argv[1] == "train":
    folder = data / "models" / "it"
    write(folder / "recipe.json", json.dumps({"dataset": "housing", "split": "single", "seeds": 1}))
    summary = {"parameters": 3, "layers": [{"name": "it"}], "epochs": [1], "evaluations": [{}], "diverged": [None]}
    write(folder / "summary.json", json.dumps(summary))
    predicted = np.load(data / "normalized/housing/single/y.npy") + 0.1 + nudge
    if "EXTRA" in os.environ:
        write(folder / "extra.txt", "more")
    np.savez(folder / "predictions.npz", test=predicted.astype(np.float32).reshape(1, 4, 1))
    write(folder / "history.csv", "seed,epoch,loss\\n42,1,0.5\\n")
"""
PIPELINE = """
stages:
  first:
    cmd: python make.py first
    deps: [make.py]
    params: [base]
    outs: [data/first.json]
  second:
    cmd: python make.py second
    deps: [make.py, data/first.json]
    outs: [data/second]
  normalize:
    foreach: [housing]
    do:
      cmd: python make.py arrays
      deps: [make.py]
      outs:
        - data/normalized/${item}
  train:
    foreach: [it]
    do:
      cmd: python make.py train
      deps: [make.py, data/normalized/housing]
      outs:
        - data/models/${item}
  environment:
    cmd: python make.py environment
    deps: [data/models]
    outs:
      - <ENVIRONMENT>
  evaluate:
    cmd: python make.py evaluate
    deps: [data/models]
    outs:
      - <TABLES>
""".replace("<ENVIRONMENT>", ENVIRONMENT.as_posix()).replace("<TABLES>", METRICS.parent.as_posix())
MEASURED = {"housing": {"it": {"test": {"mse": 0.01, "mae": 0.1, "rmse": 0.1}, "model": {"parameters": 3}}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small project of DVC and Git that was run and committed, with the copies of its reports that Git has."""
    folder = tmp_path_factory.mktemp("made") / "project"
    folder.mkdir()
    initialize(folder)
    (folder / ".gitignore").write_text(f"/data/\n/{ENVIRONMENT}\n/{METRICS.parent}/\n")
    program = MAKE
    for stage, path, content in (
        ("environment", ENVIRONMENT, RECORD),
        ("evaluate", METRICS, MEASURED),
    ):
        text = json.dumps(content)
        program += f'if sys.argv[1] == "{stage}":\n    write("{path}", {text!r})\n'
        kept = folder / "reports/one_seed" / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text)
    (folder / "make.py").write_text(program)
    (folder / "params.yaml").write_text('{"base": 0.5}\n')
    (folder / "dvc.yaml").write_text(PIPELINE)
    dvc(folder, "repro", "-q")
    run(folder, "git", "add", "-A")
    assert run(folder, "git", "commit", "-qm", "all").returncode == 0
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(verify, "environment", lambda: RECORD)
    return folder


def verified(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        verify.main(list(arguments))
    if isinstance(stopped.value.code, str):
        raise ValueError(stopped.value.code)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file, but for what DVC keeps for itself."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".dvc/tmp" not in path.as_posix())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_stages_that_repeat_give_the_same_bytes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = hashes(project)
    assert verified("--all") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(line.endswith("same bytes") for line in lines)
    assert lines[-1].startswith("5 stages in")
    assert hashes(project) == before


def test_what_a_stage_kept_of_former_runs_is_not_used(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".dvc/tmp/kept").write_text("0.75")
    assert verified("first") == 0
    assert "same bytes" in capsys.readouterr().out


def test_other_bytes_of_the_same_numbers_are_told_and_not_explained(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDENT", "2")
    assert verified("first") == 1
    assert "same numbers: data/first.json" in capsys.readouterr().out


def test_a_difference_is_told_with_its_size_and_its_place(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUDGE", "0.25")
    before = hashes(project)
    assert verified("first", "second") == 1
    text = capsys.readouterr().out
    assert "differs: most in data/first.json values.1, by 0.25" in text
    # `second` ran on the recorded values, not on those that `first` has just made.
    assert "differs: most in data/second/table.csv value, by 0.25" in text
    assert "not explained: first, second" in text
    assert hashes(project) == before


@pytest.mark.parametrize(("nudge", "status", "said"), [("0.000001", 0, "within"), ("0.001", 1, "beyond")])
def test_another_environment_explains_what_is_within_the_tolerance(
    nudge: str,
    status: int,
    said: str,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUDGE", nudge)
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("first") == status
    text = capsys.readouterr().out
    assert "libraries.keras: recorded 1, here 2" in text
    assert f"({said} the tolerance)" in text


@pytest.mark.parametrize(("nudge", "status"), [("0.001", 0), ("0.01", 1)])
def test_a_training_is_explained_by_its_metrics(
    nudge: str,
    status: int,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error of 0.1 becomes 0.101 (its square 2 % larger) or 0.11 (21 %)."""
    monkeypatch.setenv("NUDGE", nudge)
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("train@it") == status
    assert "test mse 0.01, here" in capsys.readouterr().out


def test_a_model_of_another_form_is_never_explained(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRA", "1")
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("train@it") == 1
    assert "extra.txt (in one of them only)" in capsys.readouterr().out


def test_asked_for_the_same_bytes_no_environment_explains_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("first", "--same-bytes") == 0
    monkeypatch.setenv("NUDGE", "0.000001")
    assert verified("first", "--same-bytes") == 1


@pytest.mark.slow
def test_a_stage_that_writes_to_its_input_is_told_and_does_not_reach_the_cache(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".dvc" / "config.local").write_text("[cache]\n    type = symlink\n")
    dvc(project, "checkout", "-q", "--relink")
    assert (project / "data" / "first.json").is_symlink()
    monkeypatch.setenv("SPOIL", "yes")
    before = hashes(project)
    assert verified("second") == 1
    assert "failed: data/first.json: expected a dependency to stay as it is" in capsys.readouterr().out
    assert hashes(project) == before


@pytest.mark.slow
def test_a_cache_that_is_damaged_is_told(project: Path) -> None:
    recorded = hash_of(project / "data" / "first.json")
    damaged = project / ".dvc" / "cache" / "files" / "md5" / recorded[:2] / recorded[2:]
    damaged.chmod(0o644)
    damaged.write_text("{}")
    with pytest.raises(ValueError, match=rf"{damaged}: expected MD5 {recorded}, got"):
        verified("second")


def without_cache(project: Path) -> None:
    """Leave what a fresh clone has."""
    for folder in (".dvc/cache", "data", METRICS.parent):
        shutil.rmtree(project / folder)
    (project / ENVIRONMENT).unlink()


@pytest.mark.slow
def test_a_fresh_clone_makes_the_inputs_itself_and_compares_hashes(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_cache(project)
    assert verified("second") == 0
    assert "2 same bytes" in capsys.readouterr().out
    monkeypatch.setenv("NUDGE", "1")
    assert verified("first") == 1
    assert "compared by the hash in dvc.lock" in capsys.readouterr().out


def test_a_fresh_clone_compares_a_training_with_the_reports_that_git_has(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_cache(project)
    monkeypatch.setenv("NUDGE", "0.001")
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("train@it") == 0
    text = capsys.readouterr().out
    assert "This machine is not that of reports/one_seed/environment.json:\n  libraries.keras: " in text
    assert (
        "compared with reports/one_seed/metrics.json (the recorded files are not in the cache): "
        "test mse 0.01, here 0.0102"
    ) in text


def test_a_clone_without_kept_reports_explains_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_cache(project)
    shutil.rmtree(project / "reports/one_seed")
    monkeypatch.setenv("NUDGE", "0.001")
    monkeypatch.setattr(verify, "environment", lambda: {"libraries": {"keras": "2"}})
    assert verified("train@it") == 1
    text = capsys.readouterr().out
    assert f"{ENVIRONMENT}: expected the one that dvc.lock states, got none" in text
    assert "data/models/it, compared by the hash in dvc.lock alone (the recorded files are not in the cache)" in text


def test_what_needs_trainings_that_are_not_there_is_not_verified(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_cache(project)
    assert verified("evaluate") == 1
    text = capsys.readouterr().out
    assert "evaluate: not verified: neither cache nor workspace holds data/models/it" in text
    assert "`dvc repro` or `dvc pull`" in text


@pytest.mark.slow
def test_a_stage_that_fails_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUDGE", "much")
    assert verified("first") == 1
    out = capsys.readouterr().out
    assert "failed: ValueError: could not convert string to float: 'much' (exited with 1)" in out


def test_an_unknown_stage_is_refused(project: Path) -> None:
    with pytest.raises(ValueError, match=r"dvc.yaml: expected one of .*first.*, got 'frist'"):
        verified("frist")


def test_a_stage_that_never_ran_is_refused(project: Path) -> None:
    with (project / "dvc.yaml").open("a") as pipeline:
        pipeline.write("  third:\n    cmd: python make.py third\n    outs: [data/third.json]\n")
    with pytest.raises(ValueError, match=r"dvc.lock: expected an entry of third, got none; run `dvc repro third`"):
        verified("third")


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("make.py", "\n\n", "\n# changed\n", "first: .*make.py is modified"),
        pytest.param("params.yaml", "0.5", "0.7", "first: .*base in params.yaml is modified", marks=pytest.mark.slow),
        pytest.param("dvc.yaml", "make.py first", "make.py  first", "first: .*changed command", marks=pytest.mark.slow),
    ],
)
def test_a_workspace_that_is_not_that_of_the_lock_is_refused(
    path: str, old: str, new: str, said: str, project: Path
) -> None:
    """The change concerns `first`, on which `second` depends."""
    text = (project / path).read_text()
    (project / path).write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=said) as refused:
        verified("second")
    assert "dvc status" in str(refused.value)


def test_a_folder_without_a_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"dvc.lock: expected the lock file"):
        verified()


@pytest.mark.slow
def test_a_stage_that_is_gone_from_the_pipeline_is_forgotten(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text[: text.index("  second:")] + text[text.index("  normalize:") :])
    with pytest.raises(ValueError, match="got 'second'"):
        verified("second")


# The quick few.


@pytest.fixture(scope="module")
def ours() -> Recorded:
    return Recorded(ROOT, ROOT / ".dvc" / "cache", read_lock(ROOT / "dvc.lock"))


@pytest.fixture(scope="module")
def our_recipes() -> dict[str, Recipe]:
    return dict(recipes(read_params(ROOT / "params.yaml")))


@pytest.mark.catalogue
def test_the_quick_few_have_every_trait_that_a_variant_has(ours: Recorded, our_recipes: dict[str, Recipe]) -> None:
    stages = verify.representative(ours, our_recipes)
    assert len(stages) == len(set(stages)) < 25
    trained = [stage for stage in ours.stages if stage.startswith("train@")]
    possible = [our_recipes[stage.partition("@")[2]] for stage in trained]
    chosen = [our_recipes[stage.partition("@")[2]] for stage in stages if stage in trained]
    wanted = {trait for each in possible if "cross_validation" not in each for trait in verify.traits(each)}
    assert {"Dropout", "BatchNormalization", "inputs", "fashion_mnist", "housing", "thoracic"} <= wanted
    assert {trait for each in chosen for trait in verify.traits(each)} == wanted


@pytest.mark.catalogue
def test_the_quick_few_are_no_long_trainings(ours: Recorded, our_recipes: dict[str, Recipe]) -> None:
    chosen = [
        stage.partition("@")[2] for stage in verify.representative(ours, our_recipes) if stage.startswith("train@")
    ]
    assert all("cross_validation" not in our_recipes[variant] for variant in chosen)
    on_images = [our_recipes[variant] for variant in chosen if our_recipes[variant]["dataset"] == "fashion_mnist"]
    assert sum(recipe["epochs"] for recipe in on_images) < 40


def test_layers_that_compute_in_another_way_and_estimators_are_traits() -> None:
    recipe = {"dataset": "housing", "layers": {"hidden": {"class": "Dense"}, "rest": {"class": "Dropout"}}}
    assert verify.traits(recipe) == {"housing", "Dropout"}
    assert verify.traits({"dataset": "housing", "estimator": {"class": "Lasso"}}) == {"estimator Lasso"}


@pytest.mark.catalogue
def test_an_order_to_run_in_puts_writers_first(ours: Recorded) -> None:
    everything = list(ours.stages)
    runnable, lacking = verify.plan(ours, everything)
    assert lacking == {}
    assert sorted(runnable) == sorted(everything)
    place = {stage: number for number, stage in enumerate(runnable)}
    assert place["normalize@housing"] < place["train@deep_only"] < place["evaluate"] < place["compare"] < place["plot"]
    assert place["configure"] < place["train@relu_100"]


# Numbers in files.


def keras_file(value: float, date: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.weights.h5", h5_file(value))
        archive.writestr("metadata.json", json.dumps({"date_saved": date}))
    return stream.getvalue()


def h5_file(value: float) -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["layers/hidden/vars/0"] = np.array([1.0, value], dtype=np.float32)
    return stream.getvalue()


def png_file(level: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.full((4, 4), level, dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def npz_file(value: float) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, test=np.array([value]))
    return stream.getvalue()


def npy_file(value: float) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([value]))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "largest"),
    [
        ("a.json", b'{"a": [1, 2]}', b'{"a": [1, 2.5]}', "a.json a.1", 0.5),
        ("a.csv", b"name,x\none,1\n", b"name,x\none,3\n", "a.csv x", 2),
        ("a.csv", b"name,x\none,1\n", b"name,x\ntwo,1\n", "a.csv name", math.inf),
        ("a.csv", b"x\n1\n", b"x\n\n", "a.csv x", math.inf),
        ("a.npy", npy_file(1), npy_file(1.25), "a.npy", 0.25),
        ("a.npz", npz_file(1), npz_file(1.25), "a.npz test", 0.25),
        ("a.h5", h5_file(2), h5_file(3), "a.h5 layers/hidden/vars/0", 1),
        ("a.keras", keras_file(2, "1"), keras_file(4, "1"), "a.keras model.weights.h5 layers/hidden/vars/0", 2),
        ("a.keras", keras_file(2, "1"), keras_file(2, "2"), "a.keras metadata.json date_saved", math.inf),
        ("a.png", png_file(10), png_file(13), "a.png pixels", 3),
        ("a.txt", b"12:00", b"12:01", "a.txt bytes", 1),
        ("a.json", b"[1]", b"[1, 2]", "a.json 1", math.inf),
        ("a.json", b"[1, null]", b"[1, 0]", "a.json 1", math.inf),
    ],
)  # fmt: skip
def test_the_place_and_the_size_of_a_difference(
    name: str, old: bytes, new: bytes, place: str, largest: float, tmp_path: Path
) -> None:
    for tree, content in (("old", old), ("new", new)):
        (tmp_path / tree).mkdir()
        (tmp_path / tree / name).write_bytes(content)
    (found,) = differences_in(name, tmp_path / "old", tmp_path / "new")
    assert (found.place, found.largest) == (place, largest)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.json", b'{"a": 1, "b": null}', b'{"b": null, "a": 1.0}'),
        ("a.csv", b"x,y\n1,\n", b"x,y\n1.0,\n"),
        ("a.npy", npy_file(math.nan), npy_file(math.nan) + b" "),
    ],
)
def test_equal_numbers_in_other_bytes_are_no_difference(name: str, old: bytes, new: bytes, tmp_path: Path) -> None:
    for tree, content in (("old", old), ("new", new)):
        (tmp_path / tree / "out").mkdir(parents=True)
        (tmp_path / tree / "out" / name).write_bytes(content)
    assert differences_in("out", tmp_path / "old", tmp_path / "new") == []


def test_a_file_that_is_in_one_folder_only_is_a_difference(tmp_path: Path) -> None:
    for tree in ("old", "new"):
        (tmp_path / tree / "out").mkdir(parents=True)
    (tmp_path / "new" / "out" / "more.json").write_text("1")
    (found,) = differences_in("out", tmp_path / "old", tmp_path / "new")
    assert "more.json" in found.place
    assert not found.is_tolerable


@pytest.mark.parametrize(
    ("name", "old", "new", "tolerable"),
    [
        ("a.npy", [1.0, 1000.0], [1.0, 1000.001], True),
        ("a.npy", [1.0, 1000.0], [1.0, 1000.01], False),
        ("a.npy", [0.001], [0.0010015], True),  # the sixth digit of a table
        ("a.npy", [0.001], [0.001005], False),
        ("a.npy", [math.nan], [0.0], False),
        ("a.npy", [math.inf], [1.0], False),
        ("a.png pixels", [10.0, 10.0, 10.0], [10.0, 10.0, 12.0], True),
        ("a.png pixels", [10.0, 10.0, 10.0], [10.0, 12.0, 12.0], False),
    ],
)
def test_what_another_environment_may_explain(name: str, old: list[float], new: list[float], tolerable: bool) -> None:
    found = difference(name, np.array(old), np.array(new))
    assert found is not None
    assert found.is_tolerable == tolerable


@pytest.mark.parametrize(
    ("change", "within", "said"),
    [
        ({"accuracy": 0.87}, True, "test accuracy 0.88, here 0.87"),
        ({"accuracy": 0.85}, False, "test accuracy 0.88, here 0.85"),
        ({"log_loss": 0.34}, True, "test log_loss 0.33, here 0.34"),
        ({"log_loss": 0.36}, False, "test log_loss 0.33, here 0.36"),
        ({"log_loss": math.nan}, False, "test log_loss 0.33, here nan"),
        ({"roc_auc": 0.5}, True, ""),
    ],
)
def test_a_training_agrees_by_accuracy_and_losses(change: dict[str, float], within: bool, said: str) -> None:
    metrics = {"accuracy": 0.88, "log_loss": 0.33, "roc_auc": 0.7}
    old = {"model": {"parameters": 10, "epochs": 5.0}, "test": metrics}
    got = compare_metrics(old, old | {"test": metrics | change})
    assert got[0] == within
    assert said in got[1]


def test_another_number_of_parameters_is_beyond_any_tolerance() -> None:
    old = {"model": {"parameters": 10}, "test": {"accuracy": 0.8}}
    assert not compare_metrics(old, old | {"model": {"parameters": 11}})[0]


def test_a_table_is_read_by_column() -> None:
    table = arrays("a.csv", pd.DataFrame({"x": [1, 2]}).to_csv(index=False).encode())
    assert list(table) == ["x"]


def test_a_hash_is_that_of_a_files_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    assert hash_of(tmp_path / "file") == hashlib.md5(b"bytes", usedforsecurity=False).hexdigest()
    assert hash_of(tmp_path).endswith(".dir")
