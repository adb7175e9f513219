"""What `params.yaml` may say, what a mistake is told, and what the overrides make of a variant."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import configure
from stages.params import overrides as resolve
from stages.params.schema import Params, Variant, parse_params, read_params

CONTENT = yaml.safe_load((Path(__file__).resolve().parents[1] / "params.yaml").read_text(encoding="utf-8"))
VARIANTS: dict[str, dict[str, Any]] = CONTENT["variants"]
KERAS = {name: block for name, block in VARIANTS.items() if "estimator" not in block}
MISSING = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """`params.yaml` with one value in another place or gone, and of its variants only the one that is concerned."""
    *parents, last = path.replace("[", ".").replace("]", "").split(".")
    name = [*parents, last][1] if path.startswith("variants.") else "softmax"
    content = deepcopy(CONTENT | {"variants": {name: VARIANTS[name]}, "studies": {}, "published": []})
    inner: Any = content
    for key in parents:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return content


def only_line(check: Callable[[Any], Any], given: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        check(given)
    message = str(caught.value)
    assert len(message.splitlines()) == 1, message
    return message


# What the schema finds, without TensorFlow


@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected"),
    [
        ("droput", 0.3, "droput", "no such key"),
        ("seed", MISSING, "seed", "a value"),
        ("seed", -1, "seed", "a number of at least 0"),
        ("seed", 2**31, "seed", "a number less than 2147483648"),
        ("seed", 1.5, "seed", "an integer"),
        ("repeats", 0, "repeats", "a number greater than 0"),
        ("repeats", None, "repeats", "an integer"),
        ("jit_compile", "auto", "jit_compile", "true or false"),
        ("jit_compile", 1, "jit_compile", "true or false"),
        ("dropout", 1.5, "dropout", "a number less than 1"),
        ("dropout", 1.0, "dropout", "a number less than 1"),
        ("dropout", -0.1, "dropout", "a number of at least 0"),
        ("dropout", "0.3", "dropout", "a number"),
        ("dropout", True, "dropout", "a number"),
        ("epochs", -3, "epochs", "a number greater than 0"),
        ("epochs", 0, "epochs", "a number greater than 0"),
        ("epochs", "ten", "epochs", "an integer"),
        ("epochs", 2.5, "epochs", "an integer"),
        ("epochs", True, "epochs", "an integer"),
        ("learning_rate", 0, "learning_rate", "a number greater than 0"),
        ("learning_rate", -0.1, "learning_rate", "a number greater than 0"),
        ("learning_rate", float("inf"), "learning_rate", "a finite number"),
        ("learning_rate", float("nan"), "learning_rate", "a finite number"),
        ("batch_size", 0, "batch_size", "a number greater than 0"),
        ("batch_size", 32.0, "batch_size", "an integer"),
        ("optimizer", 3, "optimizer", "a mapping"),
        ("optimizer", {"Adam": {}, "SGD": {}}, "optimizer", "at most 1 of them"),
        ("variants", {}, "variants", "at least 1 of them"),
        ("datasets.housing.files[0].sha256", "abc", "datasets.housing.files[0].sha256", "text that matches"),
        ("variants.dropout_30.droput", 1, "variants.dropout_30.droput", "no such key"),
        ("variants.dropout_30.epochs", -3, "variants.dropout_30.epochs", "a number greater than 0"),
        ("variants.dropout_30.epochs", 0, "variants.dropout_30.epochs", "a number greater than 0"),
        ("variants.dropout_30.epochs", "ten", "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.epochs", 2.5, "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.epochs", True, "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.batch_size", 0, "variants.dropout_30.batch_size", "a number greater than 0"),
        ("variants.dropout_30.dataset", "mnist", "variants.dropout_30.dataset", "one of fashion_mnist"),
        ("variants.dropout_30.dataset", "housng", "variants.dropout_30.dataset", "one of housing"),
        ("variants.dropout_30.split", "holdot", "variants.dropout_30.split", "one of holdout"),
        ("variants.dropout_30.split", "single", "variants.dropout_30.split", "one of "),
        ("variants.dropout_30.optimizer", "Adam", "variants.dropout_30.optimizer", "a mapping"),
        ("variants.dropout_30.layers", [], "variants.dropout_30.layers", "at least 1 of them"),
        ("variants.dropout_30.layers[0]", "Flatten", "variants.dropout_30.layers[0]", "a mapping"),
        ("variants.sgd_classifier.cross_validation", 1, "variants.sgd_classifier.cross_validation", "a number of at"),
        (
            "variants.wide_and_deep_two_outputs.loss_weights.main",
            -0.9,
            "variants.wide_and_deep_two_outputs.loss_weights.main",
            "a number greater than 0",
        ),
        (
            "variants.wide_and_deep_two_inputs.inputs.wide[0]",
            -1,
            "variants.wide_and_deep_two_inputs.inputs.wide[0]",
            "a number of at least 0",
        ),
        (
            "published",
            [CONTENT["published"][0] | {"variant": "softmx"}],
            "published[0].variant",
            "one of softmax",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_path_what_was_expected_and_what_came(
    path: str, value: Any, place: str, expected: str
) -> None:
    got = {"published": "'softmx'"}.get(path, "nothing" if value is MISSING else repr(value))
    line = only_line(parse_params, changed(path, value))
    assert line.startswith(f"{place}: expected {expected}")
    assert f", got {got}" in line


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize(
    ("block", "expected", "got"),
    [
        ({"graph": {"wide_and_deep": {}}}, "one of layers, graph and estimator", "layers and graph"),
        ({"layers": None}, "one of layers, graph and estimator", "none of them"),
        ({"optimizer": None}, "optimizer beside layers", "a block without"),
        ({"loss": None, "epochs": None}, "loss, epochs beside layers", "a block without"),
        ({"cross_validation": 5}, "no cross_validation beside layers", "cross_validation"),
    ],
)
def test_a_block_is_one_kind_of_model_with_all_that_it_needs(block: dict[str, Any], expected: str, got: str) -> None:
    made = {key: value for key, value in (VARIANTS["softmax"] | block).items() if value is not None}
    line = only_line(parse_params, changed("variants.softmax", made))
    assert line == f"variants.softmax: expected {expected}, got {got}"


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize("key", ["epochs", "batch_size", "optimizer", "loss", "callbacks"])
def test_an_estimator_takes_nothing_that_only_keras_has(key: str) -> None:
    value = {"batch_size": 32, "callbacks": {}}.get(key, VARIANTS["softmax"].get(key))
    line = only_line(parse_params, changed(f"variants.sgd_classifier.{key}", value))
    assert line == f"variants.sgd_classifier: expected no {key} beside estimator, got {key}"


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize(
    ("layer", "expected", "got"),
    [
        ({"Dense": {"units": 3}, "Dropout": {"rate": 0.3}}, "one layer", "['Dense', 'Dropout']"),
        ({}, "one layer", "none"),
        ({"repeat": 2}, "one layer", "none"),
        ({"Dense": None}, "{Dense: {argument: value}}", "None"),
        ({"Dense": 3}, "{Dense: {argument: value}}", "3"),
        ({"Dense": {"units": 3}, "repeat": 0}, "repeat to be an integer from 1 to 1000", "0"),
        ({"Dense": {"units": 3}, "repeat": -1}, "repeat to be an integer from 1 to 1000", "-1"),
        ({"Dense": {"units": 3}, "repeat": 1.5}, "repeat to be an integer from 1 to 1000", "1.5"),
        ({"Dense": {"units": 3}, "repeat": True}, "repeat to be an integer from 1 to 1000", "True"),
    ],
)
def test_an_entry_of_layers_is_one_layer(layer: dict[str, Any], expected: str, got: str) -> None:
    line = only_line(parse_params, changed("variants.dropout_30.layers[1]", layer))
    assert line.startswith(f"variants.dropout_30.layers[1]: expected {expected}")
    assert line.endswith(f", got {got}")


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
@pytest.mark.parametrize("name", ["my-variant", "my.variant", "MyVariant", "my variant", "größe", ""])
def test_a_variants_name_is_one_that_dvc_can_address(name: str) -> None:
    content = CONTENT | {"variants": VARIANTS | {name: VARIANTS["softmax"]}}
    line = only_line(parse_params, content)
    assert line.startswith(f"variants.{name}")
    assert "expected text that matches ^[a-z0-9_]+$" in line
    assert line.endswith(f", got {name!r}")


def test_a_number_that_yaml_reads_as_text_is_told_how_to_write_it() -> None:
    content = changed("learning_rate", yaml.safe_load("1e-3"))
    assert only_line(parse_params, content) == (
        "learning_rate: expected a number, got '1e-3' (YAML reads 1e-3 as text; write 0.001)"
    )


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
@pytest.mark.parametrize(
    ("text", "line_number", "got"),
    [
        ("{seed: 1, repeats: 1, seed: 2}\n", 1, "'seed' stands there twice"),
        ("variants:\n  a: {epochs: 1, epochs: 2}\n", 2, "'epochs' stands there twice"),
        ("seed: 42\nvariants: {a: [1\n", 3, "expected ',' or ']'"),
        ("seed: 42\n\tepochs: 1\n", 2, "cannot start any token"),
    ],
)
def test_broken_yaml_is_told_in_one_line_with_the_line_number(
    tmp_path: Path, text: str, line_number: int, got: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    line = only_line(read_params, path)
    assert line.startswith(f"{path}")
    assert "expected YAML" in line
    assert got in line
    assert f"line {line_number}" in line


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_a_file_that_is_no_mapping_is_refused(content: Any) -> None:
    assert only_line(parse_params, content).endswith(f": expected a mapping, got {content!r}")


def test_yaml_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    content = CONTENT | {"variants": {"softmax": VARIANTS["softmax"]}, "studies": {}, "published": []}
    text = yaml.safe_dump(content, sort_keys=False).replace("  softmax:\n", "  softmax: &base\n")
    text = text.replace("studies: {}\n", "  longer: {<<: *base, epochs: 9}\nstudies: {}\n")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_params(path).variants["longer"].epochs == 9


def test_every_mistake_is_told_at_once() -> None:
    content = changed("dropout", 2) | {"epochs": -1}
    content["variants"]["softmax"]["batch_size"] = 0
    with pytest.raises(ValueError, match="dropout") as caught:
        parse_params(content)
    places = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert places == ["dropout", "epochs", "variants.softmax.batch_size"]


STUDY = {"question": "?", "claim": "!", "documents": ["A"], "baseline": "softmax", "members": [{"variant": "relu_100"}]}


@pytest.mark.bad_input("params.yaml", "studies of what is not there or cannot be compared")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"baseline": "softmx"}, "studies.mine.baseline: expected one of softmax, softmax_adam, got 'softmx'"),
        (
            {"members": [{"variant": "relu_10"}]},
            "studies.mine.members[0].variant: expected one of relu_100, relu_100_sgd, relu_100_adam, got 'relu_10'",
        ),
        (
            {"members": [{"variant": "relu_100", "baseline": "softmx"}]},
            "studies.mine.members[0].baseline: expected one of softmax, softmax_adam, got 'softmx'",
        ),
        (
            {"members": [{"variant": "softmax"}]},
            "studies.mine.members[0].variant: expected another variant than its baseline, got 'softmax'",
        ),
        ({"members": []}, "studies.mine.members: expected at least 1 of them, got []"),
        ({"baseline": None}, "studies.mine.baseline: expected text, got None"),
        (
            {"members": [{"variant": "relu_100", "expected": "best"}]},
            "studies.mine.members[0].expected: expected one of 'better' or 'worse', got 'best'",
        ),
        ({"documents": ["F"]}, "studies.mine.documents[0]: expected one of 'A', 'B', 'C', 'D' or 'E', got 'F'"),
        ({"members": "relu_100"}, "studies.mine.members: expected a list, got 'relu_100'"),
        ({"goal": 1}, "studies.mine.goal: expected no such key, got 1"),
    ],
)
def test_a_wrong_study_is_told_with_its_place(changes: dict[str, Any], expected: str) -> None:
    assert only_line(parse_params, CONTENT | {"studies": {"mine": STUDY | changes}}) == expected


@pytest.mark.bad_input("params.yaml", "studies of what is not there or cannot be compared")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metric": "acuracy"}, "studies.mine.metric: expected one of accuracy, got 'acuracy'"),
        (
            {"members": [{"variant": "relu_100", "metric": "mse"}]},
            "studies.mine.members[0].metric: expected one of accuracy, log_loss, loss_rise, overfitting, "
            "training_accuracy, training_loss, got 'mse'",
        ),
        (
            {"members": [{"variant": "deep_only"}]},
            "studies.mine.members[0].variant: expected one of fashion_mnist, the baseline's data set, got 'housing'",
        ),
    ],
)
def test_a_comparison_that_could_not_be_made_is_told(changes: dict[str, Any], expected: str) -> None:
    assert (
        only_line(configure.check_studies, parse_params(CONTENT | {"studies": {"mine": STUDY | changes}})) == expected
    )


@pytest.mark.bad_input("params.yaml", "published figures that nothing measures")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"part": "test", "metric": "acuracy"}, "metric: expected one of accuracy, got 'acuracy'"),
        (
            {"part": "test", "metric": "mse"},
            "metric: expected one of accuracy, calibration_error, log_loss, macro_f1, got",
        ),
        (
            {"variant": "deep_only", "part": "test", "metric": "accuracy"},
            "metric: expected one of mae, mse, r2, rmse, got",
        ),
        ({"part": "model", "metric": "layers"}, "metric: expected one of epochs, parameters, trainings, got 'layers'"),
        ({"part": "validation", "metric": "acc", "epoch": 1}, "metric: expected one of accuracy, loss, got 'acc'"),
        ({"part": "training", "metric": "accuracy"}, "epoch: expected an epoch beside training, got none"),
        ({"part": "test", "metric": "accuracy", "epoch": 3}, "epoch: expected none beside test, got 3"),
    ],
)
def test_a_published_figure_that_nothing_measures_is_told(changes: dict[str, Any], expected: str) -> None:
    figure = {"document": "A", "variant": "softmax", "value": 0.5, "tolerance": 0.1, **changes}
    line = only_line(configure.check_published, parse_params(CONTENT | {"published": [figure]}))
    assert line.startswith(f"published[0].{expected}")


def test_every_published_figure_is_of_something_measured(params: Params) -> None:
    configure.check_published(params)


def test_every_variant_with_test_rows_is_in_a_study(params: Params) -> None:
    asked = {
        name for study in params.studies.values() for each in study.members for name in (each.variant, each.baseline)
    }
    asked |= {study.baseline for study in params.studies.values()}
    assert params.variants.keys() - asked == {"thoracic_msle_published"}  # it trains on all rows


CLAIMS = """
    activations relu_or_sigmoid optimizers housing_sgd model_size dropout early_stopping batch_normalization
    learning_rate regularizers bottleneck batch_as_large_as_possible batch_not_too_large shortcut exploding
    thoracic_losses
"""


def test_every_claim_of_the_documents_is_a_study_that_can_fail(params: Params) -> None:
    for name in CLAIMS.split():
        assert any(each.expected for each in params.studies[name].members)


# What only Keras or scikit-learn know


def completed(content: Any) -> Any:
    return configure.complete(parse_params(content))


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected", "got"),
    [
        ("optimizer", "Adm", "optimizer.Adm", "one of Adam", "'Adm'"),
        ("optimizer", {"SGD": {"learning_rate": -1}}, "optimizer.SGD.learning_rate", "a number greater than 0", "-1"),
        ("layers[1]", {"Dens": {"units": 3}}, "layers[1].Dens", "one of Dense", "'Dens'"),
        ("layers[1]", {"BatchNormalisation": {}}, "layers[1].BatchNormalisation", "one of BatchNormalization", ""),
        ("layers[1]", {"Dense": {"unit": 3}}, "layers[1].Dense.unit", "one of units", "'unit'"),
        ("layers[1]", {"LeakyReLU": {"alpha": 0.3}}, "layers[1].LeakyReLU.alpha", "one of ", "'alpha'"),
        ("layers[1]", {"Dense": {"units": "ten"}}, "layers[1].Dense.units", "an integer", "'ten'"),
        ("layers[1]", {"Dense": {"units": 0}}, "layers[1].Dense.units", "a number greater than 0", "0"),
        ("layers[1]", {"Dense": {"units": True}}, "layers[1].Dense.units", "an integer", "True"),
        ("layers[1]", {"Dense": {"units": 3, "use_bias": "no"}}, "layers[1].Dense.use_bias", "true or false", "'no'"),
        ("layers[2]", {"Dropout": {"rate": 1.5}}, "layers[2].Dropout.rate", "a number less than 1", "1.5"),
        ("layers[2]", {"Dropout": {"rate": -0.1}}, "layers[2].Dropout.rate", "a number of at least 0", "-0.1"),
        ("layers[2]", {"Dropout": {"rate": "0.5"}}, "layers[2].Dropout.rate", "a number", "'0.5'"),
        (
            "layers[1]",
            {"Dense": {"units": 3, "kernel_regularizer": {"L3": {}}}},
            "layers[1].Dense.kernel_regularizer.L3",
            "one of ",
            "'L3'",
        ),
        (
            "layers[1]",
            {"Dense": {"units": 3, "kernel_regularizer": {"L2": {"l2": -1}}}},
            "layers[1].Dense.kernel_regularizer.L2.l2",
            "a number of at least 0",
            "-1",
        ),
        (
            "layers[1]",
            {"Dense": {"units": 3, "kernel_constraint": {"MaxNorm": {"max_value": 0}}}},
            "layers[1].Dense.kernel_constraint.MaxNorm.max_value",
            "a number greater than 0",
            "0",
        ),
        ("layers[1]", {"Dense": {"units": 10**9}}, "", "a model of at most 100,000,000 parameters", "795,000,000,010"),
        (
            "layers[1]",
            {"Dense": {"units": 2**31}},
            "layers[1].Dense.units",
            "a number less than 2147483648",
            "2147483648",
        ),
        (
            "callbacks",
            {"BackupAndRestore": {"backup_dir": ".."}},
            "callbacks.BackupAndRestore.backup_dir",
            "no such",
            "",
        ),
        ("layers[3]", {"Dense": {"units": 9}}, "layers", "an output of 10 for each row", "shape (9,)"),
        ("layers[0]", {"Dense": {"units": 9}}, "layers", "an output of 10 for each row", "shape (28, 10)"),
        ("layers[1]", {"Conv2D": {"filters": 3, "kernel_size": 3}}, "layers[1].Conv2D", "a layer that fits", ""),
        ("optimizer", {"Adm": {}}, "optimizer.Adm", "one of Adam", "'Adm'"),
        ("optimizer", {"Adam": {"lr": 0.1}}, "optimizer.Adam.lr", "one of ", "'lr'"),
        ("optimizer", {"SGD": {"learning_rate": -0.1}}, "optimizer.SGD.learning_rate", "a number greater", "-0.1"),
        ("optimizer", {"SGD": {"learning_rate": "1e-3"}}, "optimizer.SGD.learning_rate", "a number", "'1e-3' (YAML"),
        ("optimizer", {"SGD": {"decay": 0.1}}, "optimizer.SGD.decay", "a schedule as the learning_rate", "decay"),
        ("optimizer", {"SGD": {"momentum": 1.5}}, "optimizer.SGD.momentum", "a number of at most 1", "1.5"),
        ("optimizer", {"SGD": {"clipnorm": 0}}, "optimizer.SGD.clipnorm", "a number greater than 0", "0"),
        (
            "optimizer",
            {"Adam": {"learning_rate": {"ExponentalDecay": {}}}},
            "optimizer.Adam.learning_rate.ExponentalDecay",
            "one of ExponentialDecay",
            "'ExponentalDecay'",
        ),
        (
            "optimizer",
            {"Adam": {"learning_rate": {"CosineDecayRestarts": {"first_decay_steps": 0}}}},
            "optimizer.Adam.learning_rate.CosineDecayRestarts.first_decay_steps",
            "a number greater than 0",
            "0",
        ),
        ("loss", "categorical_crosentropy", "loss", "a name that Keras knows", "'categorical_crosentropy'"),
        ("loss", "mean_squared_error", "loss", "a categorical cross-entropy for 10 classes", "'mean_squared_error'"),
        ("metrics", ["accuracy", "acuracy"], "metrics[1]", "a name that Keras knows", "'acuracy'"),
        ("loss_weights", {"main": 1.0}, "loss_weights", "several outputs", "{'main': 1.0}"),
        ("inputs", {"wide": [0]}, "inputs", "a data set of columns", "rows of shape (28, 28)"),
        ("callbacks", {"EarlyStoping": {}}, "callbacks.EarlyStoping", "one of EarlyStopping", "'EarlyStoping'"),
        ("callbacks", {"EarlyStopping": {"monitor": "val_mse"}}, "callbacks.EarlyStopping.monitor", "one of", "'val_"),
        ("callbacks", {"EarlyStopping": {"patience": -1}}, "callbacks.EarlyStopping.patience", "a number of", "-1"),
        ("callbacks", {"ModelCheckpoint": {"filepath": "x"}}, "callbacks.ModelCheckpoint.filepath", "no such", "'x'"),
        ("callbacks", {"TensorBoard": {"log_dir": "x"}}, "callbacks.TensorBoard.log_dir", "no such key", "'x'"),
        ("callbacks", {"ReduceLROnPlateau": {"factor": 1.0}}, "callbacks.ReduceLROnPlateau.factor", "a number", "1.0"),
        (
            "callbacks",
            {"LearningRateScheduler": {"schedule": {"stp": {}}}},
            "callbacks.LearningRateScheduler.schedule.stp",
            "one of step",
            "'stp'",
        ),
        (
            "callbacks",
            {"LearningRateScheduler": {"schedule": {"step": {"epochs": [5, -1], "factor": 0.5}}}},
            "callbacks.LearningRateScheduler.schedule.step.epochs[1]",
            "a number of at least 0",
            "-1",
        ),
    ],
)
def test_what_keras_would_not_take_is_told_before_anything_trains(
    path: str, value: Any, place: str, expected: str, got: str
) -> None:
    at_top = path == "optimizer" and value in ("Adm", {"SGD": {"learning_rate": -1}})
    prefix = "" if at_top else "variants.dropout_30."
    line = only_line(completed, changed(prefix + path, value))
    assert line.startswith(f"{(prefix + place).rstrip('.')}: expected {expected}")
    assert f", got {got}" in line or ", got: " in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected", "got"),
    [
        ("thoracic_bce.loss", "foo", "thoracic_bce.loss", "a name that Keras knows", "'foo'"),
        ("thoracic_bce.loss", "sparse_categorical_crossentropy", "thoracic_bce.layers", "an output of 2", "shape (1,)"),
        ("deep_only.loss", "categorical_crossentropy", "deep_only.loss", "the loss of a quantity", "'categorical_"),
        ("deep_only.layers[2]", {"Dense": {"units": 2}}, "deep_only.layers", "an output of 1", "shape (2,)"),
        (
            "wide_and_deep_two_outputs.loss_weights",
            {"main": 1.0},
            "wide_and_deep_two_outputs.loss_weights",
            "one weight for each of main, auxiliary",
            "{'main': 1.0}",
        ),
        (
            "wide_and_deep_two_inputs.inputs.deep",
            [5, 8],
            "wide_and_deep_two_inputs.inputs.deep",
            "columns from 0 to 7",
            "8",
        ),
        ("wide_and_deep.graph", {"wide": {}}, "wide_and_deep.graph.wide", "one of wide_and_deep", "'wide'"),
        (
            "wide_and_deep.graph.wide_and_deep.hidden_units",
            [30, 0],
            "wide_and_deep.graph.wide_and_deep.hidden_units[1]",
            "a number greater than 0",
            "0",
        ),
        (
            "sgd_classifier.estimator",
            {"SGDClasifier": {}},
            "sgd_classifier.estimator.SGDClasifier",
            "one of SGDClassifier",
            "'SGDClasifier'",
        ),
        (
            "sgd_classifier.estimator",
            {"SGDClassifier": {"max_iters": 5}},
            "sgd_classifier.estimator.SGDClassifier.max_iters",
            "one of max_iter",
            "'max_iters'",
        ),
    ],
)
def test_what_does_not_fit_the_data_set_or_the_estimator_is_told(
    path: str, value: Any, place: str, expected: str, got: str
) -> None:
    line = only_line(completed, changed(f"variants.{path}", value))
    assert line.startswith(f"variants.{place}: expected {expected}")
    assert f", got {got}" in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        (
            "dropout_30.layers[1]",
            {"Dense": {"units": 3, "activation": "rel"}},
            "layers[1].Dense",
            ["activation", "rel"],
        ),
        ("dropout_30.layers[1]", {"Activation": {"activation": "rel"}}, "layers[1].Activation", ["activation", "rel"]),
        (
            "dropout_30.layers[1]",
            {"Dense": {"units": 3, "kernel_initializer": "he_norml"}},
            "layers[1].Dense",
            ["initializer", "he_norml"],
        ),
        ("dropout_30.layers[1]", {"Dense": {}}, "layers[1].Dense", ["missing", "'units'"]),
        ("dropout_30.layers[1]", {"Concatenate": {}}, "layers[1].Concatenate", ["a list", "(None, 784)"]),
        ("dropout_30.optimizer", {"SGD": {"clipnorm": 1.0, "clipvalue": 1.0}}, "optimizer.SGD", ["Only one of", "1.0"]),
        (
            "sgd_classifier.estimator",
            {"SGDClassifier": {"max_iter": 0}},
            "estimator.SGDClassifier",
            ["must be an int in the range [1, inf)", "0"],
        ),
        (
            "thoracic_majority.estimator",
            {"DummyClassifier": {"strategy": "most"}},
            "estimator.DummyClassifier",
            ["'most_frequent'", "'most'"],
        ),
    ],
)
def test_what_a_library_refuses_in_its_own_words_gets_its_place(
    path: str, value: Any, place: str, words: list[str]
) -> None:
    line = only_line(completed, changed(f"variants.{path}", value))
    assert line.startswith(f"variants.{path.partition('.')[0]}.{place}")
    assert "got" in line.lower()
    for word in words:
        assert word in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dropout_30.layers[1]", {"Layer": {}}),
        ("dropout_30.layers[1]", {"BatchNormalization": {"axis": 5}}),
        ("dropout_30.layers[1]", {"Dense": {3: 4}}),
        ("dropout_30.layers[1]", {"PReLU": {"shared_axes": [9]}}),
        ("dropout_30.layers", [{"Flatten": {"name": "a"}}, {"Dense": {"units": 10, "name": "a"}}]),
        ("dropout_30.callbacks", {"EarlyStopping": {"monitor": None}}),
        ("dropout_30.callbacks", {"LearningRateScheduler": {"schedule": "step"}}),
        ("dropout_30.optimizer", {"Adam": {"weight_decay": "much"}}),
        ("dropout_30.optimizer", {"Optimizer": {"learning_rate": 0.1}}),
        ("dropout_30.optimizer", {"MultiOptimizer": {"optimizers_and_layers": []}}),
        ("deep_only.inputs", {"wide": [0], "deep": [1]}),
        ("wide_and_deep.graph", {"wide_and_deep": {"hidden_units": [3], "activation": "relu", "inputs": 3}}),
        ("sgd_classifier.estimator", {"SGDClassifier": {"loss": "hinge"}}),
        ("sgd_classifier.estimator", {"LinearRegression": {}}),
        ("housing_linear.estimator", {"LogisticRegression": {}}),
        ("exponential_decay.callbacks", {"ReduceLROnPlateau": {"monitor": "val_loss"}}),
        (
            "exponential_decay.callbacks",
            {"LearningRateScheduler": {"schedule": {"step": {"epochs": [1], "factor": 0.5}}}},
        ),
        ("thoracic_msle_published.callbacks", {"ModelCheckpoint": {"monitor": "val_loss", "save_best_only": True}}),
    ],
)
def test_what_could_not_train_or_be_evaluated_is_told_with_its_variant(path: str, value: Any) -> None:
    assert only_line(completed, changed(f"variants.{path}", value)).startswith(f"variants.{path.partition('.')[0]}")


@pytest.mark.usefixtures("deterministic")
def test_a_learning_rate_override_beside_a_broken_schedule_is_told_with_its_place() -> None:
    content = changed("variants.softmax.optimizer", {"Adam": {"learning_rate": {"ExponentialDecay": None}}})
    line = only_line(completed, content | {"learning_rate": 0.1})
    assert line.startswith("variants.softmax.optimizer.Adam.learning_rate: expected {Class: {argument: value}}")


@pytest.mark.usefixtures("deterministic")
def test_a_mistake_leaves_the_recipes_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = changed("epochs", None)
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    configure.main([])
    written = Path("data/recipes/softmax.json").read_bytes()
    content["variants"]["softmax"]["layers"][1] = {"Dense": {"units": 11}}
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(
        SystemExit, match=r"^variants\.softmax\.layers: expected an output of 10 .*, got shape \(11,\)$"
    ):
        configure.main([])
    assert Path("data/recipes/softmax.json").read_bytes() == written


@pytest.mark.usefixtures("deterministic")
def test_a_check_writes_and_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(changed("epochs", None)), encoding="utf-8")
    Path("data/models/gone").mkdir(parents=True)
    configure.main(["--check"])
    assert [path.as_posix() for path in Path().rglob("*")] == ["params.yaml", "data", "data/models", "data/models/gone"]
    configure.main([])
    assert sorted(path.as_posix() for path in Path("data").rglob("*.json")) == ["data/recipes/softmax.json"]
    assert Path("data/checked").is_file()
    checked = Path("data/checked").read_bytes()
    Path("params.yaml").write_text(yaml.safe_dump(changed("epochs", 3)), encoding="utf-8")
    configure.main([])
    assert Path("data/checked").read_bytes() == checked  # or every change would download and train anew


def test_what_variants_left_that_are_gone_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("kept", "gone"):
        Path("data/models", name).mkdir(parents=True)
        Path("reports/history").mkdir(parents=True, exist_ok=True)
        Path("reports/history", f"{name}.csv").touch()
    configure.remove_leftovers({"kept"})
    assert [path.name for path in Path("data/models").iterdir()] == ["kept"]
    assert [path.name for path in Path("reports/history").iterdir()] == ["kept.csv"]


# What the overrides make of a variant


def made(**overrides: Any) -> dict[str, Any]:
    return dict(resolve.recipes(parse_params(CONTENT | overrides)))


def dropout_rates(block: dict[str, Any]) -> set[float]:
    return {
        arguments["rate"]
        for layer in block.get("layers", [])
        for class_name, arguments in layer.items()
        if class_name in ("Dropout", "AlphaDropout")
    }


def initial_rate(block: dict[str, Any]) -> float:
    ((_, arguments),) = block["optimizer"].items()
    rate = arguments["learning_rate"]
    return next(iter(rate.values()))["initial_learning_rate"] if isinstance(rate, dict) else rate


# Each override: a value, the variants that it changes, read from the text of params.yaml, and the recipe's key.
OVERRIDES: dict[str, tuple[Any, set[str], str]] = {
    "dropout": (0.3, {name for name in KERAS if dropout_rates(KERAS[name]) - {0.3}}, "layers"),
    "epochs": (20, {name for name in KERAS if KERAS[name]["epochs"] != 20}, "epochs"),
    "learning_rate": (0.01, {name for name in KERAS if initial_rate(KERAS[name]) != 0.01}, "optimizer"),
    "batch_size": (32, {name for name in KERAS if KERAS[name].get("batch_size", 32) != 32}, "batch_size"),
    "optimizer": (
        {"SGD": {"learning_rate": 0.01}},
        {name for name in KERAS if KERAS[name]["optimizer"] != {"SGD": {"learning_rate": 0.01}}},
        "optimizer",
    ),
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_changes_exactly_the_recipes_that_it_concerns_and_nothing_else_in_them(override: str) -> None:
    value, concerned, key = OVERRIDES[override]
    before, after = made(), made(**{override: value})
    assert {name for name in before if after[name] != before[name]} == concerned
    assert 0 < len(concerned) < len(KERAS)
    for name in concerned:
        assert {each for each in before[name] if after[name][each] != before[name][each]} == {key}
        assert list(after[name]) == list(before[name])


def test_a_dropout_override_sets_the_rate_of_every_dropout_layer_and_leaves_the_other_layers() -> None:
    before, after = made(), made(dropout=0.3)
    for name in (name for name in KERAS if dropout_rates(KERAS[name])):
        assert list(before[name]["layers"]) == list(after[name]["layers"])
        for key, arguments in after[name]["layers"].items():
            is_dropout = key.endswith(("_Dropout", "_AlphaDropout"))
            assert arguments == (
                before[name]["layers"][key] | {"rate": 0.3} if is_dropout else before[name]["layers"][key]
            )


@pytest.mark.parametrize("override", OVERRIDES)
def test_null_changes_nothing(override: str) -> None:
    assert made(**{override: None}) == made()


@pytest.mark.parametrize(
    ("override", "declared"),
    [
        ("dropout", lambda block: next(iter(dropout_rates(block)), None)),
        ("epochs", lambda block: block["epochs"]),
        ("learning_rate", initial_rate),
        ("batch_size", lambda block: block.get("batch_size", 32)),
        ("optimizer", lambda block: block["optimizer"]),
    ],
)
def test_overriding_with_what_a_variant_declares_changes_nothing(
    params: Params, override: str, declared: Callable[[dict[str, Any]], Any]
) -> None:
    for name, block in KERAS.items():
        overridden = params.model_copy(update={override: declared(block)})
        assert resolve.recipe(overridden, params.variants[name]) == resolve.recipe(params, params.variants[name])


def test_a_learning_rate_override_sets_a_schedules_initial_rate_and_keeps_the_schedule() -> None:
    scheduled = {
        name for name in KERAS if isinstance(next(iter(KERAS[name]["optimizer"].values()))["learning_rate"], dict)
    }
    after = made(learning_rate=0.5)
    assert len(scheduled) >= 5
    for name in scheduled:
        expected = deepcopy(KERAS[name]["optimizer"])
        ((_, arguments),) = expected.items()
        ((_, schedule),) = arguments["learning_rate"].items()
        schedule["initial_learning_rate"] = 0.5
        assert after[name]["optimizer"] == expected


def test_a_learning_rate_override_applies_to_an_optimizer_override_too() -> None:
    after = made(learning_rate=0.5, optimizer={"SGD": {"momentum": 0.9}})
    assert all(after[name]["optimizer"] == {"SGD": {"momentum": 0.9, "learning_rate": 0.5}} for name in KERAS)


def test_no_override_of_keras_touches_an_estimator() -> None:
    before = made()
    after = made(dropout=0.1, epochs=1, learning_rate=0.5, batch_size=7, optimizer="SGD")
    estimators = VARIANTS.keys() - KERAS.keys()
    assert len(estimators) == 5
    assert all(after[name] == before[name] for name in estimators)


def test_the_seed_and_the_repeats_are_part_of_every_recipe() -> None:
    after = made(seed=7, repeats=3)
    assert all((recipe["seed"], recipe["repeats"]) == (7, 3) for recipe in after.values())


def test_whether_to_compile_is_part_of_every_recipe_of_keras() -> None:
    for choice in (True, False):
        after = made(jit_compile=choice)
        assert {name for name, recipe in after.items() if "jit_compile" in recipe} == KERAS.keys()
        assert all(after[name]["jit_compile"] is choice for name in KERAS)


def test_a_variant_may_say_that_it_is_not_compiled(params: Params) -> None:
    block = Variant.model_validate(VARIANTS["softmax"] | {"jit_compile": False})
    assert resolve.recipe(params.model_copy(update={"jit_compile": True}), block)["jit_compile"] is False


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("Adam", {"Adam": {"learning_rate": 0.001}}),
        ({"SGD": {"momentum": 0.9}}, {"SGD": {"learning_rate": 0.01, "momentum": 0.9}}),
    ],
)
def test_an_optimizers_own_learning_rate_is_written_into_the_recipe(named: Any, written: Any) -> None:
    recipe = completed(changed("optimizer", named))["softmax"]
    assert recipe["optimizer"] == written
    assert list(recipe["optimizer"].values()) == list(written.values())


def test_a_recipe_survives_json_with_its_order() -> None:
    for recipe in made().values():
        assert json.dumps(json.loads(json.dumps(recipe))) == json.dumps(recipe)


def test_a_recipe_without_overrides_says_what_the_block_says() -> None:
    for name, recipe in made().items():
        kept = {key: value for key, value in VARIANTS[name].items() if key != "layers"}
        assert kept.items() <= recipe.items()
        assert recipe.keys() - kept.keys() <= {"seed", "repeats", "jit_compile", "layers", "batch_size"}


def variant(layers: list[dict[str, Any]]) -> Variant:
    return Variant.model_validate(VARIANTS["softmax"] | {"layers": layers})


def test_the_order_of_the_layers_is_part_of_the_recipe(params: Params) -> None:
    layers: list[dict[str, Any]] = [{"Dropout": {"rate": 0.5}}, {"BatchNormalization": {}}]
    one = resolve.recipe(params, variant(layers))["layers"]
    other = resolve.recipe(params, variant(layers[::-1]))["layers"]
    assert list(one) == ["0_Dropout", "1_BatchNormalization"]
    assert one != other


def test_a_repeated_layer_is_numbered_with_the_places_that_it_takes(params: Params) -> None:
    layers: list[dict[str, Any]] = [
        {"Flatten": {}},
        {"Dense": {"units": 3}, "repeat": 2},
        {"Dense": {"units": 4}, "repeat": 1},
        {"ReLU": {}},
    ]
    numbered = resolve.recipe(params, variant(layers))["layers"]
    assert list(numbered) == ["0_Flatten", "1-2_Dense", "3_Dense", "4_ReLU"]
    assert "repeat" not in json.dumps(numbered)
    assert list(made()["selu_100_layers"]["layers"]) == ["0_Flatten", "1_Dense", "2-100_Dense", "101_Dense"]


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("thoracic.splits.clean.stratfy", True, "only the options"),
        ("thoracic.splits.clean.columns_left_out", ["patiennt"], "a list of names"),
        ("thoracic.splits.clean.columns_left_out", None, "a list of names"),
        ("thoracic.splits.clean.stratify", "yes", "true or false"),
        ("fashion_mnist.splits.holdout.scaling", "unti", "one of unit"),
        ("fashion_mnist.splits.holdout.validation_size", 2.0, "a share between 0 and 1"),
        ("housing.splits.single.random_state", None, "an integer"),
    ],
)
def test_a_mistake_in_a_split_is_told_before_anything_is_removed(place: str, value: Any, expected: str) -> None:
    line = only_line(completed, changed(f"datasets.{place}", value))
    assert line.startswith(f"datasets.{place}: expected {expected}")
    assert "got" in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"optimizer": {"Adam": {"amsgrad": "no"}}}, "optimizer.Adam.amsgrad"),
        ({"optimizer": {"Adam": {"beta_1": None}}}, "optimizer.Adam.beta_1"),
        ({"callbacks": {"EarlyStopping": {"patience": None}}}, "callbacks.EarlyStopping.patience"),
        ({"callbacks": {"ReduceLROnPlateau": {"min_lr": "x"}}}, "callbacks.ReduceLROnPlateau.min_lr"),
    ],
)
def test_what_is_a_number_or_a_truth_value_by_default_takes_nothing_else(block: dict[str, Any], place: str) -> None:
    ((key, value),) = block.items()
    line = only_line(completed, changed(f"variants.softmax.{key}", value))
    assert line.startswith(f"variants.softmax.{place}: expected ")
