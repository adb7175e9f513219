"""Weights of classes, initial weights, blocks of layers, logits and a user's own classes, in real trainings."""

import hashlib
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from projects import dvc, initialize, run, wait_until
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight
from small import DENSE, ORDER_SEED, compiled, ignore, part_of, recipe_of, split_of, train_once

from stages.configure import complete_recipes, complete_splits
from stages.params.base import inherit
from stages.params.overrides import notes
from stages.params.own_file import read_own_file
from stages.params.schema import parse_params
from stages.params.yaml_file import read_yaml
from stages.splits import Split
from stages.training import custom_objects, keras_models
from stages.training.data import sample_weight_of
from stages.training.engine import EpochModel, batch_order, fit
from stages.training.recipe import Recipe, Spec

pytestmark = pytest.mark.usefixtures("deterministic")

ROOT = Path(__file__).resolve().parents[1]
BINARY: dict[str, Any] = {"loss": {"class": "BinaryCrossentropy"}, "metrics": {"accuracy": {"class": "BinaryAccuracy"}}}
SIGMOID: dict[str, Spec] = {"output": {"class": "Dense", "units": 1, "activation": "sigmoid"}}
SOFTMAX: dict[str, Spec] = {"output": {"class": "Dense", "units": 3, "activation": "softmax"}}
SPARSE: Spec = {"class": "SparseCategoricalCrossentropy"}


def weights_of(folder: Path) -> list[np.ndarray]:
    model = keras.models.load_model(folder / "model.keras", compile=False)
    return [np.asarray(weight) for weight in model.weights]


def assert_equal(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    assert len(one) == len(other) > 0
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# Weights of classes


@pytest.mark.parametrize(
    ("layers", "options", "weights"),
    [
        (SIGMOID, BINARY, [1.0, 5.5]),
        (SOFTMAX, {"loss": SPARSE, "metrics": {}}, [1.0, 0.25, 2.0]),
    ],
    ids=["two classes", "three classes"],
)
def test_class_weights_are_those_of_keras(
    layers: dict[str, Spec], options: dict[str, Any], weights: list[float]
) -> None:
    recipe = recipe_of(layers, **options, class_weight=weights)
    split = split_of(classes=len(weights))
    model = compiled(recipe, EpochModel)
    x, y = part_of(recipe, split, "train", model)
    weight = sample_weight_of(recipe, split.y["train"])
    model.set_data(x, y, recipe["batch_size"], ORDER_SEED, False, weight)
    fit(model, 1)
    theirs = compiled(recipe, keras.Model)
    order = batch_order(len(x), ORDER_SEED, 0).numpy()
    of_keras = dict(enumerate(weights))
    theirs.fit(x[order], y[order], recipe["batch_size"], class_weight=of_keras, shuffle=False, verbose=0)
    for a, b in zip(model.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)
    unweighted = compiled(recipe, keras.Model)
    unweighted.fit(x[order], y[order], recipe["batch_size"], shuffle=False, verbose=0)
    assert not np.allclose(model.weights[0], unweighted.weights[0], atol=1e-4)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    y = np.array([0, 0, 0, 0, 0, 1, 1, 3], dtype=np.int32)
    expected = compute_class_weight("balanced", classes=np.unique(y), y=y)
    got = sample_weight_of(recipe_of(class_weight="balanced"), y)
    assert got is not None
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected[np.searchsorted(np.unique(y), y)], rtol=1e-6)


def test_class_weights_change_the_training_and_not_what_is_measured(tmp_path: Path) -> None:
    split = split_of(classes=2)
    (tmp_path / "plain").mkdir()
    (tmp_path / "weighted").mkdir()
    fast: dict[str, Any] = {**BINARY, "optimizer": {"class": "Adam", "learning_rate": 0.3}}
    plain = train_once(recipe_of(SIGMOID, **fast), split, tmp_path / "plain")
    weighted = train_once(recipe_of(SIGMOID, **fast, class_weight=[1.0, 50.0]), split, tmp_path / "weighted")
    assert weighted.predictions["test"].mean() > plain.predictions["test"].mean() + 0.1
    model = keras.models.load_model(tmp_path / "weighted/model.keras")
    expected, _ = model.evaluate(split.x["train"], split.y["train"][:, None], verbose=0)
    assert weighted.evaluation["train"]["loss"] == pytest.approx(expected, rel=1e-5)


# Initial weights


BEFORE = recipe_of(epochs=1, optimizer={"class": "SGD", "learning_rate": 0.05})
SHARED = ("seed", "seeds", "dataset", "split")


def then(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe of a variant that starts from the recipe's weights."""
    before = {"variant": "before", **{key: value for key, value in recipe.items() if key not in SHARED}}
    return recipe_of(**{"initial_weights": before, "epochs": 1, **changes})


def trained_on_from(weights: list[np.ndarray], recipe: Recipe, split: Split, seed: int) -> list[np.ndarray]:
    """Weights after a training by the engine that starts from these."""
    keras.utils.clear_session()
    model = compiled(recipe, EpochModel, seed)
    for variable, value in zip(model.weights, weights, strict=True):
        variable.assign(value)
    model.set_data(*part_of(recipe, split, "train", model), recipe["batch_size"], seed, False)
    fit(model, recipe["epochs"])
    return [np.asarray(weight) for weight in model.weights]


def test_a_variant_starts_from_the_weights_that_another_ends_with(tmp_path: Path) -> None:
    split = split_of()
    for name in ("before", "after", "again"):
        (tmp_path / name).mkdir()
    train_once(BEFORE, split, tmp_path / "before")
    recipe = then(BEFORE)
    after = train_once(recipe, split, tmp_path / "after")
    expected = trained_on_from(weights_of(tmp_path / "before"), recipe, split, seed=3)
    assert_equal(weights_of(tmp_path / "after"), expected)
    assert [row["epoch"] for row in after.history] == [1]
    assert [each["epochs"] for each in after.initial] == [1]
    # And a third goes on from there.
    again = train_once(then(recipe), split, tmp_path / "again")
    assert_equal(weights_of(tmp_path / "again"), trained_on_from(expected, recipe, split, seed=3))
    assert [each["epochs"] for each in again.initial] == [1, 1]


def test_layers_of_other_names_start_as_they_would_alone(tmp_path: Path) -> None:
    head = {"hidden": {**DENSE["hidden"], "trainable": False}, "head": DENSE["output"]}
    for name in ("before", "after", "alone"):
        (tmp_path / name).mkdir()
    train_once(BEFORE, split_of(), tmp_path / "before")
    frozen: dict[str, Any] = {"layers": head, "optimizer": {"class": "SGD", "learning_rate": 1e-30}}
    train_once(then(BEFORE, **frozen), split_of(), tmp_path / "after")
    train_once(recipe_of(**frozen, epochs=1), split_of(), tmp_path / "alone")
    after = weights_of(tmp_path / "after")
    assert_equal(after[:2], weights_of(tmp_path / "before")[:2])  # hidden, frozen
    for mine, theirs in zip(after[2:], weights_of(tmp_path / "alone")[2:], strict=True):  # head
        np.testing.assert_allclose(mine, theirs, atol=1e-20)


def test_each_seed_has_a_start_of_its_own(tmp_path: Path) -> None:
    split, recipe = split_of(), then(BEFORE)
    alone = []
    for seed in (3, 4):
        (tmp_path / str(seed)).mkdir()
        alone.append(train_once(recipe, split, tmp_path / str(seed), seed))
    both = list(keras_models.train({**recipe, "seeds": 2}, [split], "it", tmp_path, ignore))
    for one, other in zip(alone, both, strict=True):
        np.testing.assert_array_equal(one.predictions["test"], other.predictions["test"])
    assert not np.array_equal(both[0].predictions["test"], both[1].predictions["test"])


# Blocks of layers


def test_a_block_stands_for_its_layers_as_often_as_it_says(tmp_path: Path) -> None:
    hidden: Spec = {"class": "Dense", "units": 5}
    block = {"repeat": 2, "layers": {"hidden": hidden, "more": {"class": "ReLU", "repeat": 2}}}
    written = {
        "block_1_hidden": hidden,
        "block_1_more_1": {"class": "ReLU"},
        "block_1_more_2": {"class": "ReLU"},
        "block_2_hidden": hidden,
        "block_2_more_1": {"class": "ReLU"},
        "block_2_more_2": {"class": "ReLU"},
    }
    for name, layers in {"block": {"block": block}, "written": written}.items():
        (tmp_path / name).mkdir()
        train_once(recipe_of({**layers, "output": DENSE["output"]}), split_of(), tmp_path / name)
    names = [
        [layer.name for layer in keras.models.load_model(tmp_path / name / "model.keras").layers]
        for name in ("block", "written")
    ]
    assert names == [["x", *written, "output"]] * 2
    assert_equal(weights_of(tmp_path / "block"), weights_of(tmp_path / "written"))


def test_a_graph_has_dropout_after_each_hidden_layer_if_it_asks_for_it() -> None:
    graph = {"class": "wide_and_deep", "hidden_layers": 2, "units": 3, "activation": "relu"}
    layers = [type(layer).__name__ for layer in compiled(recipe_of(graph=graph), keras.Model).layers]
    assert "Dropout" not in layers
    model = compiled(recipe_of(graph={**graph, "dropout": 0.4}), keras.Model)
    found = [type(layer).__name__ for layer in model.layers]
    assert found[1:5] == ["Dense", "Dropout", "Dense", "Dropout"]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.4, 0.4]


# Logits


@pytest.mark.parametrize(
    ("units", "classes", "loss", "to_probabilities"),
    [
        (1, 2, {"class": "BinaryCrossentropy", "from_logits": True}, keras.activations.sigmoid),
        (3, 3, {**SPARSE, "from_logits": True}, keras.activations.softmax),
    ],
    ids=["binary", "categorical"],
)
def test_logits_are_predicted_as_probabilities(
    units: int, classes: int, loss: Spec, to_probabilities: Any, tmp_path: Path
) -> None:
    split = split_of(classes=classes)
    layers = {"hidden": DENSE["hidden"], "output": {"class": "Dense", "units": units}}
    trained = train_once(recipe_of(layers, loss=loss, metrics={}), split, tmp_path)
    model = keras.models.load_model(tmp_path / "model.keras")
    logits = np.asarray(model(split.x["test"]))
    np.testing.assert_allclose(trained.predictions["test"], to_probabilities(logits), rtol=1e-5, atol=1e-6)
    y = split.y["validation"]
    predicted = np.asarray(model(split.x["validation"]))
    right = (predicted[:, 0] > 0) == y if units == 1 else predicted.argmax(axis=1) == y
    assert trained.evaluation["validation"]["accuracy"] == pytest.approx(right.mean())
    expected = model.evaluate(split.x["validation"], y[:, None], verbose=0)
    assert trained.evaluation["validation"]["loss"] == pytest.approx(expected, rel=1e-5)


# Classes of the user's own


FILE = ROOT / "custom_objects.py"


@pytest.fixture
def own() -> dict[str, str]:
    """The file that comes with the repository, as in a recipe."""
    return {"file": str(FILE), "sha256": custom_objects.read_source(str(FILE))[1]}


def test_layers_schedules_and_graphs_of_ones_own_train_and_are_saved(own: dict[str, str], tmp_path: Path) -> None:
    schedule = {"class": "WarmUp", "learning_rate": 0.1, "warmup_steps": 4}
    layers = {"hidden": {"class": "Maxout", "units": 5, "pieces": 3}, "output": DENSE["output"]}
    graph = {"class": "residual", "blocks": 2, "units": 4, "outputs": 1, "activation": "linear"}
    optimizer = {"class": "SGD", "learning_rate": schedule}
    models: dict[str, Any] = {"layers": {"layers": layers}, "graph": {"graph": graph}}
    for name, model_of in models.items():
        (tmp_path / name).mkdir()
        recipe = recipe_of(**model_of, optimizer=optimizer, custom_objects=own)
        trained = train_once(recipe, split_of(), tmp_path / name)
        assert [row["learning_rate"] for row in trained.history] == pytest.approx([0.025, 0.075])
        with custom_objects.scope(FILE.read_text(encoding="utf-8")):
            model = keras.models.load_model(tmp_path / name / "model.keras")
        np.testing.assert_allclose(np.asarray(model(split_of().x["test"])), trained.predictions["test"], rtol=1e-5)
    assert trained.summary["layers"][-2]["class"] == "Add"
    assert custom_objects.known() == {}


def test_only_variants_that_name_something_of_the_file_hang_on_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.read_text(encoding="utf-8") + "\n\ndef twice(x):\n    return 2 * x\n", encoding="utf-8")
    file = read_own_file(str(path))
    assert file.names == {"Maxout", "WarmUp", "residual", "twice"}
    assert not file.is_used_by(recipe_of())
    assert file.is_used_by(recipe_of({"hidden": {"class": "Dense", "units": 3, "activation": "twice"}}))
    assert file.is_used_by(recipe_of(graph={"class": "residual"}))
    assert file.is_used_by(then(recipe_of({"hidden": {"class": "Maxout"}})))


@pytest.mark.bad_input("custom_objects", "no file, no Python, an error in it, a name of Keras's")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"custom_objects: expected a Python file to read, got '.*mine\.py' \(.*No such file"),
        ("x = (", r"mine\.py, line 1: expected Python that can be imported, got SyntaxError: '\(' was never closed"),
        ("import os\n\n1 / 0\n", r"mine\.py, line 3: .* got ZeroDivisionError: division by zero"),
        (
            "import no_such_package\n",
            r"mine\.py, line 1: .* got ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("import sys\nsys.exit(3)\n", r"mine\.py, line 2: .* got SystemExit: 3"),
        ("class Dense:\n    pass\n", r"mine\.py, Dense: expected a name that Keras does not have, got Dense"),
        ("def relu(x):\n    pass\n", r"mine\.py, relu: expected a name that Keras does not have, got relu"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_own_file(str(path))


MINE = """
import keras


class LogitLoss(keras.losses.Loss):
    def __init__(self, from_logits=True, name="logit_loss"):
        super().__init__(name=name)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        return keras.losses.binary_crossentropy(y_true, y_pred, from_logits=self.from_logits)

    def get_config(self):
        return {"from_logits": self.from_logits, "name": self.name}


class Small(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.001 * keras.ops.sum(x * x)

    def get_config(self):
        return {}


class NoConfig(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


def twice(x):
    return 2 * x


def half(shape, dtype=None):
    return 0.5 * keras.ops.ones(shape, dtype=dtype)


def tensor(inputs):
    return keras.layers.Dense(1)(inputs["x"])
"""


@pytest.fixture
def mine(tmp_path: Path) -> dict[str, str]:
    """A file of a loss, functions and classes, as in a recipe."""
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return {"file": str(path), "sha256": custom_objects.read_source(str(path))[1]}


def test_a_loss_of_ones_own_takes_logits_as_keras_does(mine: dict[str, str], tmp_path: Path) -> None:
    layers = {"hidden": DENSE["hidden"], "output": {"class": "Dense", "units": 1}}
    theirs = {"class": "BinaryCrossentropy", "from_logits": True}
    predictions = []
    for name, loss in {"own": {"class": "LogitLoss", "from_logits": True}, "keras": theirs}.items():
        (tmp_path / name).mkdir()
        recipe = recipe_of(layers, loss=loss, metrics={}, custom_objects=mine)
        trained = train_once(recipe, split_of(classes=2), tmp_path / name)
        predictions.append(trained.predictions["test"])
    np.testing.assert_allclose(predictions[0], predictions[1], rtol=1e-5)
    assert np.ptp(predictions[0]) > 0.01


def test_functions_and_classes_of_ones_own_stand_under_their_names(mine: dict[str, str], tmp_path: Path) -> None:
    hidden: Spec = {"class": "Dense", "units": 5, "activation": "twice"}
    named = {**hidden, "kernel_initializer": "half", "kernel_regularizer": "Small"}
    trained = train_once(recipe_of({"it": named, "output": DENSE["output"]}, custom_objects=mine), split_of(), tmp_path)
    with custom_objects.scope(MINE):
        model = keras.models.load_model(tmp_path / "model.keras")
    layer = model.get_layer("it")
    assert (layer.activation(3), type(layer.kernel_regularizer).__name__) == (6, "Small")
    np.testing.assert_allclose(np.asarray(model(split_of().x["test"])), trained.predictions["test"], rtol=1e-5)
    content = deepcopy(CONTENT | {"custom_objects": mine["file"]})
    content["variants"]["deep_only"]["layers"] = {"it": named, "output": DENSE["output"]}
    params = parse_params(content)
    assert complete_recipes(params, complete_splits(params))["deep_only"]["custom_objects"] == mine


@pytest.mark.bad_input("custom_objects", "no file, no Python, an error in it, a name of Keras's")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": None, "graph": {"class": "tensor"}}, r"graph: expected a function that returns a dictionary of .*"),
        (
            {"optimizer": {"class": "SGD", "learning_rate": {"class": "NoConfig"}}},
            r"optimizer: expected an optimizer and a schedule with get_config, which save them, got: .*",
        ),
    ],
)
def test_what_a_file_gives_and_keras_cannot_use_is_told(
    changes: dict[str, Any], message: str, mine: dict[str, str]
) -> None:
    line = mistake_of({"deep_only": changes}, custom_objects=mine["file"])
    assert re.fullmatch(rf"variants\.deep_only\.{message}", line)


def test_predictions_of_any_dtype_are_float32(tmp_path: Path) -> None:
    layers = {"output": {"class": "Dense", "units": 1, "dtype": "bfloat16"}}
    trained = train_once(recipe_of(layers, metrics={}), split_of(), tmp_path)
    assert trained.predictions["test"].dtype == np.float32


def test_a_backup_is_of_one_training(tmp_path: Path) -> None:
    backup = {"backup": {"class": "BackupAndRestore", "delete_checkpoint": False}}
    recipe = recipe_of(callbacks=backup, seeds=2)
    first, second = keras_models.train(recipe, [split_of()], "it", tmp_path, ignore)
    assert [len(each.history) for each in (first, second)] == [2, 2]
    assert not np.array_equal(first.predictions["test"], second.predictions["test"])


@pytest.mark.bad_input("custom_objects", "no file, no Python, an error in it, a name of Keras's")
def test_code_with_another_hash_than_the_recipes_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    recipe = recipe_of(custom_objects={"file": str(path), "sha256": "0" * 64})
    with pytest.raises(ValueError, match=r"mine\.py: expected the file with SHA-256 0+, got none"):
        train_once(recipe, split_of(), tmp_path)
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.py: expected SHA-256 0+, as in the recipe, got [0-9a-f]+; run `dvc"):
        train_once(recipe, split_of(), tmp_path)
    assert not (tmp_path / "ran").exists()


# What callbacks log


def test_logs_are_kept_by_variant_in_the_repository_from_which_dvc_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = recipe_of(epochs=1, callbacks={"logs": {"class": "TensorBoard"}, "csv": {"class": "CSVLogger"}})
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    (tmp_path / "model").mkdir()
    train_once(logs, split_of(), tmp_path / "model", name="mine")
    monkeypatch.setenv("DVC_EXP_NAME", "heavy-bank")
    list(keras_models.train({**logs, "seeds": 2}, [split_of()], "mine", tmp_path / "model", ignore))
    for folder in ("logs/mine", "logs/heavy-bank/mine/seed_3", "logs/heavy-bank/mine/seed_4"):
        assert list((tmp_path / "repository" / folder / "train").glob("events.out.tfevents.*"))
        assert (tmp_path / "repository" / f"{folder}.csv").read_text(encoding="utf-8").startswith("epoch,loss,")


@pytest.mark.slow
def test_logs_of_a_queued_experiment_outlive_the_copy_that_it_ran_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
from pathlib import Path
from stages.training.keras_models import logs_of

logs = logs_of("mine")
logs.mkdir(parents=True)
(logs / "events").write_text("here")
Path("out").write_text(Path("params.yaml").read_text())
"""
    stages = "stages:\n  it:\n    cmd: python it.py\n    deps: [params.yaml, it.py]\n    outs: [out]\n"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "project"
    folder.mkdir()
    initialize(folder)
    for name, text in {"it.py": code, "dvc.yaml": stages, "params.yaml": "seed: 0\n", ".gitignore": "/logs\n"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "-qm", "all")
    dvc(folder, "exp", "run", "--queue", "-S", "seed=1", "--name", "heavy-bank")
    dvc(folder, "queue", "start")
    try:
        wait_until(lambda: re.search("heavy-bank.*(Success|Failed)", run(folder, "dvc", "queue", "status").stdout))
    finally:
        run(folder, "dvc", "queue", "stop", "--kill")
    assert (folder / "logs/heavy-bank/mine/events").read_text(encoding="utf-8") == "here"
    dvc(folder, "repro")
    assert (folder / "logs/mine/events").is_file()


# What params.yaml says


CONTENT: dict[str, Any] = read_yaml(ROOT / "tests/small_project/params.yaml")


def recipes_of(variants: dict[str, Any], **top: Any) -> dict[str, Recipe]:
    """The recipes of the small project with further variants, or keys of its variants, and other top-level keys."""
    content = deepcopy(CONTENT | top)
    for name, block in variants.items():
        content["variants"][name] = {**content["variants"].get(name, {}), **block}
    params = parse_params(content)
    return complete_recipes(params, complete_splits(params))


def mistake_of(variants: dict[str, Any], **top: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        recipes_of(variants, **top)
    (line,) = str(caught.value).splitlines()
    return line


def test_class_weights_are_named_by_class_or_number_and_are_1_otherwise() -> None:
    for given, expected in (
        ({"died": 5.7}, [1.0, 5.7]),
        ({1: 5.7}, [1.0, 5.7]),
        ({"1": 2, "survived": 0}, [0.0, 2.0]),
        ("balanced", "balanced"),
    ):
        recipe = recipes_of({"thoracic_bce": {"class_weight": given}})["thoracic_bce"]
        assert recipe["class_weight"] == expected


def test_an_estimator_takes_class_weights_by_class_too(tmp_path: Path) -> None:
    given = {"class": "LogisticRegression", "class_weight": {"died": 50}}
    recipe = recipes_of({"thoracic_majority": {"estimator": given}})["thoracic_majority"]
    assert recipe["estimator"]["class_weight"] == {1: 50}
    split = split_of(classes=2)
    weighted = train_once(json.loads(json.dumps(recipe)), split, tmp_path)
    expected = LogisticRegression(class_weight={1: 50}).fit(split.x["train"], split.y["train"])
    np.testing.assert_allclose(
        weighted.predictions["test"][:, 0], expected.predict_proba(split.x["test"])[:, 1], rtol=1e-5
    )
    line = mistake_of({"thoracic_majority": {"estimator": {**given, "class_weight": {"died": -2}}}})
    assert line.endswith("estimator.class_weight: expected a class and a weight of at least 0, got {'died': -2}")
    line = mistake_of({"thoracic_majority": {"estimator": {**given, "class_weight": {"dead": 2}}}})
    assert line == "variants.thoracic_majority.estimator.class_weight: expected one of died, got 'dead'"


@pytest.mark.bad_input("params.yaml", "class weights and initial weights that do not fit")
@pytest.mark.parametrize(
    ("variant", "given", "message"),
    [
        ("thoracic_bce", {"dead": 2}, "class_weight: expected one of .*, got 'dead'"),
        ("thoracic_bce", {2: 2}, "class_weight: expected one of died, survived, got 2"),
        ("thoracic_bce", {"died": -1}, "class_weight: expected a class and a weight of at least 0, got {'died': -1}"),
        ("thoracic_bce", {"died": 0, "survived": 0}, "class_weight: expected a weight greater than 0, got .*"),
        ("thoracic_bce", "auto", r"class_weight: expected balanced, or {<class>: <weight>, …}, got 'auto'"),
        ("deep_only", "balanced", "class_weight: expected a data set of classes, got housing"),
        ("housing_linear", "balanced", ": expected no class_weight beside estimator, got class_weight"),
        ("thoracic_bce", {"died": 5, 1: 3}, "class_weight: expected each class once, got 1 by name and by number"),
    ],
)
def test_a_class_weight_that_does_not_fit_is_told(variant: str, given: Any, message: str) -> None:
    line = mistake_of({variant: {"class_weight": given}})
    place, _, rest = line.partition(f"variants.{variant}")
    assert place == ""
    assert re.fullmatch(message, rest.removeprefix("."))


def test_a_variant_that_starts_from_another_has_its_recipe_and_its_overrides() -> None:
    mine = {"dataset": "thoracic", "base": "thoracic_bce", "initial_weights": "thoracic_mse", "epochs": 1}
    recipes = recipes_of({"mine": mine}, dropout=0.1)
    before = recipes["mine"]["initial_weights"]
    theirs = {key: value for key, value in recipes["thoracic_mse"].items() if key not in SHARED}
    assert before == {"variant": "thoracic_mse", **theirs}
    assert before["layers"]["dropout"]["rate"] == 0.1
    further = {"dataset": "thoracic", "base": "thoracic_bce", "initial_weights": "mine"}
    chain = recipes_of({"mine": mine, "further": further})["further"]["initial_weights"]
    assert [chain["variant"], chain["initial_weights"]["variant"]] == ["mine", "thoracic_mse"]


@pytest.mark.bad_input("params.yaml", "class weights and initial weights that do not fit")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial_weights": "thoracic_msle"}, r"expected one of thoracic_mse, thoracic_bce, got 'thoracic_msle' \(.*"),
        ({"initial_weights": "mine"}, r"expected one of thoracic_bce, thoracic_mse, got 'mine' \(Keras variants of .*"),
        ({"initial_weights": "deep_only"}, r"expected one of .*, got 'deep_only' \(Keras variants of the split .*"),
        ({"initial_weights": "thoracic_majority"}, r"expected one of .*, got 'thoracic_majority' \(Keras .*"),
        (
            {"layers": {"hidden": {"units": 9}}},
            r"expected hidden with weights of shapes \[\(16, 8\), \(8,\)\], or under another name, got \[\(16, 9\), .*",
        ),
        (
            {"layers": {"mine": {"class": "Dense", "units": 1, "activation": "sigmoid"}}},
            "expected a variant with a layer called mine, got one with hidden, output",
        ),
    ],
)
def test_initial_weights_that_do_not_fit_are_told(changes: dict[str, Any], message: str) -> None:
    mine = {"dataset": "thoracic", "base": "thoracic_bce", "initial_weights": "thoracic_bce"}
    line = mistake_of({"mine": {**mine, **changes}})
    assert re.fullmatch(rf"variants\.mine\.initial_weights: {message}", line)


def test_initial_weights_in_a_circle_are_told() -> None:
    circle = {
        name: {"dataset": "thoracic", "base": "thoracic_bce", "initial_weights": other}
        for name, other in (("one", "other"), ("other", "one"))
    }
    with pytest.raises(ValueError, match=r"variants\.other\.initial_weights: expected one of .*, got 'one'"):
        recipes_of(circle)


def test_a_block_takes_overrides_and_is_changed_from_its_base() -> None:
    layers = {
        "block": {
            "repeat": 3,
            "layers": {"hidden": {"class": "Dense", "units": 4}, "dropout": {"class": "Dropout", "rate": 0.5}},
        },
        "output": {"class": "Dense", "units": 1, "activation": "sigmoid"},
    }
    mine = {
        "dataset": "thoracic",
        "base": "blocks",
        "layers": {"block": {"repeat": 2, "layers": {"hidden": {"units": 6}}}},
    }
    recipes = recipes_of(
        {"blocks": {**CONTENT["variants"]["thoracic_bce"], "layers": layers}, "mine": mine}, dropout=0.2
    )
    changed = recipes["mine"]["layers"]["block"]
    assert changed["repeat"] == 2
    assert changed["layers"]["hidden"] == {"class": "Dense", "units": 6}
    assert [recipes[name]["layers"]["block"]["layers"]["dropout"]["rate"] for name in ("blocks", "mine")] == [0.2, 0.2]
    whole = {"dataset": "thoracic", "base": "blocks", "layers": {"block": {"layers": {"only": "ReLU"}}}}
    merged, _ = inherit({"variants": {"blocks": {"dataset": "thoracic", "layers": layers}, "mine": whole}})
    assert merged["variants"]["mine"]["layers"] == {"block": {"layers": {"only": "ReLU"}}}


@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"repeat": 0, "layers": {"a": "ReLU"}}, ".block.repeat: expected a number greater than 0, got 0"),
        ({"repeat": 1001, "layers": {"a": "ReLU"}}, ".block.repeat: expected a number of at most 1000, got 1001"),
        ({"layers": {}}, ".block.layers: expected at least 1 of them, got {}"),
        ({"layers": {"a": "ReLU"}, "unit": 3}, ".block.unit: expected no such key, got 3"),
        ({"layers": {"a": {"units": 3}}}, r".block.layers.a: expected {class: <name>, .*"),
        ({"layers": {"a": "Relu"}}, r".block.layers.a.class: expected ReLU, got 'Relu'"),
        ({"layers": {"a": {"class": "ReLU", "slope": 3}}}, r".block.layers.a.slope: expected one of .*, got 'slope'"),
        ({"repeat": 40, "layers": {"a": {"class": "ReLU", "repeat": 40}}}, ": expected at most 1000 layers, got 1,601"),
    ],
)
def test_a_mistake_in_a_block_is_named_with_its_place(block: dict[str, Any], message: str) -> None:
    output = {"class": "Dense", "units": 1, "activation": "sigmoid"}
    line = mistake_of({"thoracic_bce": {"layers": {"block": block, "output": output}}})
    assert re.fullmatch(rf"variants\.thoracic_bce\.layers{message}", line)


def test_dropout_of_a_graph_follows_the_override_where_the_graph_has_some() -> None:
    graph = CONTENT["variants"]["wide_and_deep"]["graph"]
    recipes = recipes_of(
        {"mine": {"dataset": "housing", "base": "deep_only", "graph": {**graph, "dropout": 0.5}}}, dropout=0.1
    )
    assert recipes["mine"]["graph"]["dropout"] == 0.1
    assert "dropout" not in recipes["wide_and_deep"]["graph"]


def test_a_loss_for_each_output_may_be_the_name_of_a_class() -> None:
    loss = {"main": "MeanSquaredError", "auxiliary": "MeanAbsoluteError"}
    graph = {**CONTENT["variants"]["wide_and_deep"]["graph"], "auxiliary_output": True}
    mine = {"dataset": "housing", "base": "deep_only", "graph": graph, "loss": loss}
    recipe = recipes_of({"mine": mine})["mine"]
    assert recipe["loss"] == {name: {"class": each} for name, each in loss.items()}
    changed, _ = inherit({"variants": {"a": {"loss": {"class": "Huber"}}, "b": {"base": "a", "loss": {"delta": 2}}}})
    assert changed["variants"]["b"]["loss"] == {"class": "Huber", "delta": 2}


DECAY = {"class": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 60, "decay_rate": 0.5}


def test_an_optimizer_with_a_schedule_is_asked_of_every_variant_that_can_have_one() -> None:
    lower = {"class": "ReduceLROnPlateau", "monitor": "val_loss"}
    mine = {"dataset": "housing", "base": "deep_only", "callbacks": {"lower": lower}}
    optimizer = {"class": "SGD", "learning_rate": DECAY}
    content = deepcopy(CONTENT | {"optimizer": optimizer})
    content["variants"]["mine"] = mine
    recipes = recipes_of({"mine": mine}, optimizer=optimizer)
    assert recipes["deep_only"]["optimizer"] == optimizer
    assert recipes["mine"]["optimizer"] == {"class": "Adam", "learning_rate": 0.001}
    (said,) = notes(parse_params(content))
    assert said == "variants.mine: keeps its own optimizer, since one of its callbacks sets the learning rate"
    faster = recipes_of({"mine": mine}, optimizer=optimizer, learning_rate=0.3)
    assert faster["mine"]["optimizer"] == {"class": "Adam", "learning_rate": 0.3}
    assert faster["deep_only"]["optimizer"]["learning_rate"] == {**DECAY, "initial_learning_rate": 0.3}
    plain = recipes_of({"mine": mine}, optimizer={"class": "SGD", "learning_rate": 0.5})
    assert plain["mine"]["optimizer"] == {"class": "SGD", "learning_rate": 0.5}


def test_the_steps_of_a_schedule_follow_another_batch_size() -> None:
    restarts = {"class": "CosineDecayRestarts", "initial_learning_rate": 0.1, "first_decay_steps": 7}
    constant = {"class": "PiecewiseConstantDecay", "boundaries": [3, 60], "values": [0.1, 0.2, 0.3]}
    variants = {
        name: {"dataset": "housing", "base": "deep_only", "optimizer": {"class": "SGD", "learning_rate": schedule}}
        for name, schedule in {"decay": DECAY, "restarts": restarts, "constant": constant}.items()
    }
    recipes = recipes_of(variants, batch_size=8)  # 32 before
    rates = {name: recipes[name]["optimizer"]["learning_rate"] for name in variants}
    assert [rates["decay"]["decay_steps"], rates["restarts"]["first_decay_steps"]] == [240, 28]
    assert rates["constant"]["boundaries"] == [12, 240]
    assert recipes_of(variants, batch_size=512)["restarts"]["optimizer"]["learning_rate"]["first_decay_steps"] == 1
    unchanged = recipes_of(variants, batch_size=32)
    assert unchanged["decay"]["optimizer"]["learning_rate"] == DECAY
    content = deepcopy(CONTENT | {"batch_size": 8})
    content["variants"] |= variants
    said = list(notes(parse_params(content)))
    assert len(said) == 3
    change = "60 became 240, as batch_size is 8 (32): as many epochs"
    assert said[0] == f"variants.decay.optimizer.learning_rate.decay_steps: {change}"
    # The steps of an optimizer that is given beside the batch size are meant for it.
    given = recipes_of(variants, batch_size=8, optimizer={"class": "SGD", "learning_rate": DECAY})
    assert given["decay"]["optimizer"]["learning_rate"] == DECAY
    given_too = content | {"optimizer": {"class": "SGD", "learning_rate": DECAY}}
    assert list(notes(parse_params(given_too))) == []


def test_steps_that_cannot_follow_another_batch_size_are_named() -> None:
    mine = {"optimizer": {"class": "SGD", "learning_rate": {**DECAY, "decay_steps": 1}}, "epochs": 2}
    content = deepcopy(CONTENT | {"batch_size": 64})
    content["variants"]["mine"] = {"dataset": "housing", "base": "deep_only", **mine}
    (said,) = notes(parse_params(content))
    assert said.endswith(
        "decay_steps: stays 1, as batch_size is 64 (32): not as many epochs, which whole steps cannot give"
    )


def test_classes_of_ones_own_stand_in_the_recipes_that_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    layers = {"hidden": {"class": "Maxout", "units": 4}, "output": {"class": "Dense", "units": 1}}
    recipes = recipes_of({"deep_only": {"layers": layers}})
    holders = [name for name, recipe in recipes.items() if "custom_objects" in recipe]
    assert holders == ["deep_only"]
    sha256 = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert recipes["deep_only"]["custom_objects"] == {"file": "custom_objects.py", "sha256": sha256}
    wrong = {**layers, "hidden": {"class": "Maxout", "unit": 4}}
    line = mistake_of({"deep_only": {"layers": wrong}})
    assert re.match(r"variants\.deep_only\.layers\.hidden\.unit: expected one of .*units", line)
    as_graph = mistake_of({"wide_and_deep": {"graph": {"class": "Maxout"}}})
    assert re.match(r"variants\.wide_and_deep\.graph\.class: expected one of residual, wide_and_deep, got", as_graph)
