"""What `params.yaml` may say, how a mistake in it reads, and which recipes follow from it."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from stages import configure
from stages.artifacts import MODELS, RECIPES
from stages.datasets import thoracic
from stages.documents import SOURCES, STUDIES, read_published, read_sources, read_studies
from stages.params import overrides as resolve
from stages.params.base import at_their_source
from stages.params.catalogue import Catalogue, VariantEntry, read_catalogue, write_catalogue
from stages.params.differences import recipe_differences
from stages.params.schema import Params, Variant, parse_params, read_params
from stages.params.yaml_file import read_yaml
from stages.splits import NORMALIZED
from stages.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
CONTENT: dict[str, Any] = read_yaml(ROOT / "params.yaml")
PARAMS = parse_params(CONTENT)


def complete(variant: Variant) -> dict[str, Any]:
    """The block of a variant with what it has from its base, as it could stand in `params.yaml`."""
    block = variant.model_dump(exclude_none=True, exclude={"base"})
    if variant.estimator is not None:
        del block["batch_size"]
    if variant.inputs is not None:
        block["inputs"] = {name: " ".join(columns) for name, columns in variant.inputs.items()}
    return block


VARIANTS = {name: complete(variant) for name, variant in PARAMS.variants.items()}
KERAS = {name: block for name, block in VARIANTS.items() if "estimator" not in block}
MISSING = object()


def only(name: str) -> dict[str, Any]:
    """`params.yaml` with this variant alone."""
    return deepcopy(CONTENT | {"bases": {}, "variants": {name: VARIANTS[name]}})


def changed(path: str, value: Any) -> dict[str, Any]:
    """`params.yaml` with one value in another place or gone, and of its variants only the one that is concerned."""
    *parents, last = path.split(".")
    content = only([*parents, last][1] if path.startswith("variants.") else "relu_100")
    inner: Any = content
    for key in parents:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    return content


def only_line(check: Callable[[Any], Any], given: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        check(given)
    message = str(caught.value)
    assert len(message.splitlines()) == 1, message
    return message


def write_yaml(path: Path, content: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(content, file)


# What the schema finds, without TensorFlow


@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected"),
    [
        ("colour", 3, "colour", "no such key"),
        ("seed", MISSING, "seed", "a value"),
        ("seed", -1, "seed", "a number of at least 0"),
        ("seed", 2**31, "seed", "a number less than 2147483648"),
        ("seed", 1.5, "seed", "an integer"),
        ("seeds", 0, "seeds", "a number greater than 0"),
        ("seeds", None, "seeds", "an integer"),
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
        ("optimizer", {"learning_rate": 0.1}, "optimizer", "{class: <name>, <argument>: <value>, …}"),
        ("optimizer", {"class": 3}, "optimizer", "{class: <name>, <argument>: <value>, …}"),
        ("optimizer", ["Adam"], "optimizer", "a mapping"),
        ("comparison", MISSING, "comparison", "a value"),
        ("comparison", None, "comparison", "a mapping"),
        ("comparison.confidnce", 0.9, "comparison.confidnce", "no such key"),
        ("comparison.confidence", MISSING, "comparison.confidence", "a value"),
        ("comparison.confidence", 95, "comparison.confidence", "a number less than 1"),
        ("comparison.confidence", 1.0, "comparison.confidence", "a number less than 1"),
        ("comparison.confidence", 0.5, "comparison.confidence", "a number greater than 0.5"),
        ("comparison.confidence", "95 %", "comparison.confidence", "a number"),
        ("comparison.looks", MISSING, "comparison.looks", "a value"),
        ("comparison.looks", None, "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "5 five", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "5, 10", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "10 5", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "5 5", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", "1 5", "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", -5, "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", 5.5, "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", [5, 10], "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.looks", True, "comparison.looks", "rising numbers of seeds from 2 on, separated by spaces"),
        ("comparison.worth", 0.01, "comparison.worth", "a mapping"),
        ("comparison.worth.accuracy", 0, "comparison.worth.accuracy", "a number greater than 0"),
        ("comparison.worth.accuracy", -0.01, "comparison.worth.accuracy", "a number greater than 0"),
        ("comparison.worth.accuracy", None, "comparison.worth.accuracy", "a number"),
        ("comparison.worth.accuracy", "0.5 %", "comparison.worth.accuracy", "a number"),
        ("comparison.worth.accuracy", float("inf"), "comparison.worth.accuracy", "a finite number"),
        ("comparison.worth.accuracy", float("nan"), "comparison.worth.accuracy", "a finite number"),
        ("variants", {}, "variants", "at least 1 of them"),
        ("datasets", {}, "datasets", "at least 1 of them"),
        ("datasets.housing.splits", {}, "datasets.housing.splits", "at least 1 of them"),
        ("datasets.housing.files", {}, "datasets.housing.files", "no such key"),
        ("variants.dropout_30.droput", 1, "variants.dropout_30.droput", "no such key"),
        ("variants.dropout_30.droput", None, "variants.dropout_30.droput", "no such key"),
        ("variants.dropout_30.epochs", -3, "variants.dropout_30.epochs", "a number greater than 0"),
        ("variants.dropout_30.epochs", 0, "variants.dropout_30.epochs", "a number greater than 0"),
        ("variants.dropout_30.epochs", "ten", "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.epochs", 2.5, "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.epochs", True, "variants.dropout_30.epochs", "an integer"),
        ("variants.dropout_30.batch_size", 0, "variants.dropout_30.batch_size", "a number greater than 0"),
        ("variants.dropout_30.dataset", "mnist", "variants.dropout_30.dataset", "one of "),
        ("variants.dropout_30.dataset", "housng", "variants.dropout_30.dataset", "one of housing"),
        ("variants.dropout_30.split", "holdot", "variants.dropout_30.split", "one of holdout"),
        ("variants.dropout_30.split", "single", "variants.dropout_30.split", "one of "),
        ("variants.dropout_30.title", 3, "variants.dropout_30.title", "text"),
        ("variants.dropout_30.optimizer", 3, "variants.dropout_30.optimizer", "a mapping"),
        ("variants.dropout_30.layers", {}, "variants.dropout_30.layers", "at least 1 of them"),
        ("variants.dropout_30.layers", [], "variants.dropout_30.layers", "a mapping"),
        ("variants.dropout_30.layers.hidden", 3, "variants.dropout_30.layers.hidden", "a mapping"),
        ("variants.dropout_30.layers.hidden", ["Dense"], "variants.dropout_30.layers.hidden", "a mapping"),
        ("variants.dropout_30.loss", {}, "variants.dropout_30.loss", "at least 1 of them"),
        ("variants.dropout_30.loss", 3, "variants.dropout_30.loss", "a mapping"),
        ("variants.dropout_30.loss", {"main": 3}, "variants.dropout_30.loss.main", "a mapping"),
        ("variants.dropout_30.loss", {"main": {"delta": 1}}, "variants.dropout_30.loss.main", "{class: <name>, "),
        ("variants.dropout_30.metrics", ["accuracy"], "variants.dropout_30.metrics", "a mapping"),
        ("variants.dropout_30.metrics.accuracy", None, "variants.dropout_30.metrics.accuracy", "a mapping"),
        ("variants.dropout_30.callbacks", {"best": 1}, "variants.dropout_30.callbacks.best", "a mapping"),
        ("variants.sgd_classifier.cross_validation", 1, "variants.sgd_classifier.cross_validation", "a number of at"),
        (
            "variants.wide_and_deep_two_outputs.loss_weights.main",
            -0.9,
            "variants.wide_and_deep_two_outputs.loss_weights.main",
            "a number greater than 0",
        ),
        (
            "variants.wide_and_deep_two_inputs.inputs.wide",
            -1,
            "variants.wide_and_deep_two_inputs.inputs.wide",
            "names separated by spaces",
        ),
        (
            "variants.wide_and_deep_two_inputs.inputs.wide",
            ["MedInc"],
            "variants.wide_and_deep_two_inputs.inputs.wide",
            "names separated by spaces",
        ),
        (
            "variants.wide_and_deep_two_inputs.inputs.wide",
            " ",
            "variants.wide_and_deep_two_inputs.inputs.wide",
            "at least 1 of them",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_place_what_was_expected_and_what_came(
    path: str, value: Any, place: str, expected: str
) -> None:
    line = only_line(parse_params, changed(path, value))
    for key in filter(None, place.removeprefix(path).split(".")):
        value = value[key]
    got = "nothing" if value is MISSING else repr(value)
    assert line.startswith(f"{place}: expected {expected}")
    assert line.endswith(f", got {got}")


@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("droput", "dropout"),
        ("batchSize", "batch_size"),
        ("variants.relu_100.optimiser", "optimizer"),
        ("variants.relu_100.batchsize", "batch_size"),
        ("variants.relu_100.nb_epoch", "epochs"),
        ("variants.relu_100.metric", "metrics"),
        ("variants.relu_100.loss_function", "loss"),
    ],
)
def test_another_spelling_of_a_key_is_answered_with_the_right_one(path: str, meant: str) -> None:
    line = only_line(parse_params, changed(path, 3))
    assert line == f"{path}: expected {meant} as the key, got {path.split('.')[-1]!r}"


def test_no_name_is_lost_from_a_place() -> None:
    for name in ("int", "float", "one", "key"):
        content = CONTENT | {"variants": {name: VARIANTS["relu_100"] | {"epochs": 0}}}
        assert only_line(parse_params, content).startswith(f"variants.{name}.epochs: ")


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize(
    ("block", "expected", "got"),
    [
        ({"graph": {"class": "wide_and_deep"}}, "one of layers, graph and estimator", "layers and graph"),
        ({"layers": None}, "one of layers, graph and estimator", "none of them"),
        ({"optimizer": None}, "optimizer beside layers", "a block without"),
        ({"loss": None, "epochs": None}, "loss, epochs beside layers", "a block without"),
        ({"cross_validation": 5}, "no cross_validation beside layers", "cross_validation"),
        ({"inputs": {"wide": "a"}}, "a graph beside inputs", "layers"),
    ],
)
def test_a_block_is_one_kind_of_model_with_all_that_it_needs(block: dict[str, Any], expected: str, got: str) -> None:
    made = {key: value for key, value in (VARIANTS["relu_100"] | block).items() if value is not None}
    line = only_line(parse_params, changed("variants.relu_100", made))
    assert line == f"variants.relu_100: expected {expected}, got {got}"


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize("key", ["epochs", "batch_size", "optimizer", "loss", "callbacks"])
def test_an_estimator_takes_nothing_that_only_keras_has(key: str) -> None:
    value = {"batch_size": 32, "callbacks": {}}.get(key, VARIANTS["relu_100"].get(key))
    line = only_line(parse_params, changed(f"variants.sgd_classifier.{key}", value))
    assert line == f"variants.sgd_classifier: expected no {key} beside estimator, got {key}"


@pytest.mark.bad_input("params.yaml", "blocks that are no model or several")
@pytest.mark.parametrize(
    ("layer", "expected", "got"),
    [
        ({"Dense": {"units": 3}}, "{class: <name>, <argument>: <value>, …}", "{'Dense': {'units': 3}}"),
        ({}, "{class: <name>, <argument>: <value>, …}", "{}"),
        ({"repeat": 2}, "{class: <name>, <argument>: <value>, …}", "{'repeat': 2}"),
        ({"class": None}, "{class: <name>, <argument>: <value>, …}", "{'class': None}"),
        ({"class": ["Dense", "Dropout"]}, "{class: <name>, <argument>: <value>, …}", "{'class': ['Dense', 'Dropout']}"),
        ({"class": "Dense", "units": 3, "repeat": 0}, "repeat to be an integer from 1 to 1000", "0"),
        ({"class": "Dense", "units": 3, "repeat": -1}, "repeat to be an integer from 1 to 1000", "-1"),
        ({"class": "Dense", "units": 3, "repeat": 1001}, "repeat to be an integer from 1 to 1000", "1001"),
        ({"class": "Dense", "units": 3, "repeat": 1.5}, "repeat to be an integer from 1 to 1000", "1.5"),
        ({"class": "Dense", "units": 3, "repeat": True}, "repeat to be an integer from 1 to 1000", "True"),
    ],
)
def test_an_entry_of_layers_is_one_layer(layer: dict[str, Any], expected: str, got: str) -> None:
    line = only_line(parse_params, changed("variants.dropout_30.layers.hidden", layer))
    assert line == f"variants.dropout_30.layers.hidden: expected {expected}, got {got}"


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
@pytest.mark.parametrize("name", ["my-variant", "my.variant", "MyVariant", "my variant", "größe", ""])
@pytest.mark.parametrize(
    "place", ["variants", "variants.relu_100.layers", "variants.relu_100.metrics", "datasets", "bases"]
)
def test_a_name_is_one_that_dvc_can_address(place: str, name: str) -> None:
    content = deepcopy(CONTENT | {"variants": VARIANTS})
    inner: Any = content
    for key in place.split("."):
        inner = inner[key]
    inner[name] = deepcopy(next(iter(inner.values())))
    line = only_line(parse_params, content)
    assert line.startswith(f"{place}.{name}")
    assert "expected text that matches ^[a-z0-9_]+$" in line
    assert line.endswith(f", got {name!r}")


# The file


def test_numbers_and_texts_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: 1e-05\nb: 1e-3\nc: .5\nd: no\ne: on\nf: 1:30\ng: true\nh:\ni: 017\n", encoding="utf-8")
    assert read_yaml(path) == {
        "a": 0.00001, "b": 0.001, "c": 0.5, "d": "no", "e": "on", "f": "1:30", "g": True, "h": None, "i": 17
    }  # fmt: skip


def test_a_word_that_is_true_in_yaml_1_1_alone_is_no_truth_value(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("jit_compile: true", "jit_compile: yes", 1), encoding="utf-8")
    assert only_line(read_params, path) == "jit_compile: expected true or false, got 'yes'"


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
@pytest.mark.parametrize(
    ("text", "line_number", "got"),
    [
        ("{seed: 1, repeats: 1, seed: 2}\n", 1, 'duplicate key "seed"'),
        ("variants:\n  a: {epochs: 1, epochs: 2}\n", 2, 'duplicate key "epochs"'),
        ("variants:\n  a: {epochs: 1}\n  b: {epochs: 1}\n  a: {epochs: 2}\n", 4, 'duplicate key "a"'),
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
    assert line.startswith(f"{path}, line {line_number}: expected YAML, got ")
    assert got in line
    assert len(line) < 500 + len(str(path))


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
def test_a_worth_of_what_is_no_metric_is_told() -> None:
    def check(content: Any) -> Any:
        return configure.check_worth(parse_params(content))

    told = only_line(check, changed("comparison.worth.acuracy", 0.1))
    assert told == "comparison.worth: expected one of accuracy, accuracy_spread, got 'acuracy'"
    check(changed("comparison.worth", {}))


@pytest.mark.parametrize(("given", "looks"), [("5 10 20", (5, 10, 20)), (5, (5,)), (" 2  3 ", (2, 3))])
def test_looks_are_numbers_of_seeds_in_one_text(given: Any, looks: tuple[int, ...]) -> None:
    assert parse_params(changed("comparison.looks", given)).comparison.looks == looks


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_a_file_that_is_no_mapping_is_refused(content: Any) -> None:
    assert only_line(parse_params, content).endswith(f": expected a mapping, got {content!r}")


def test_yaml_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    write_yaml(path, CONTENT | {"variants": {"relu_100": VARIANTS["relu_100"]}})
    text = path.read_text(encoding="utf-8").replace("  relu_100:\n", "  relu_100: &base\n")
    path.write_text(f"{text}  longer: {{<<: *base, epochs: 9}}\n", encoding="utf-8")
    longer, relu_100 = (read_params(path).variants[name] for name in ("longer", "relu_100"))
    assert longer == relu_100.model_copy(update={"epochs": 9})


def test_every_mistake_is_told_at_once() -> None:
    content = changed("dropout", 2) | {"epochs": -1}
    content["variants"]["relu_100"]["batch_size"] = 0
    with pytest.raises(ValueError, match="dropout") as caught:
        parse_params(content)
    places = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert places == ["dropout", "epochs", "variants.relu_100.batch_size"]


@pytest.mark.catalogue
def test_our_file_is_short_and_dvc_writes_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_bytes()
    path.write_bytes(text)
    with modify_yaml(path):
        pass
    assert path.read_bytes() == text
    assert len(text.splitlines()) / len(VARIANTS) < 10
    assert max(map(len, text.decode().splitlines())) <= 80
    assert lists_in(CONTENT) == [[28, 28, 1]]  # in one line, which DVC leaves as it is


def lists_in(tree: Any) -> list[Any]:
    if not isinstance(tree, dict):
        return [tree] if isinstance(tree, list) else []
    return [found for value in tree.values() for found in lists_in(value)]


# What a variant has from its base


LAYERS = {
    "hidden": {"class": "Dense", "units": 100, "activation": "relu", "kernel_regularizer": {"class": "L2", "l2": 0.1}},
    "dropout": {"class": "Dropout", "rate": 0.3},
    "output": {"class": "Dense", "units": 10},
}
BASE: dict[str, Any] = {
    "title": "A base",
    "dataset": "fashion_mnist",
    "split": "holdout",
    "layers": LAYERS,
    "optimizer": {"class": "SGD", "learning_rate": 0.01, "momentum": 0.9},
    "loss": {"class": "SparseCategoricalCrossentropy"},
    "metrics": {"accuracy": {"class": "SparseCategoricalAccuracy"}},
    "callbacks": {"stop": {"class": "EarlyStopping", "monitor": "val_loss", "patience": 2}},
    "epochs": 5,
    "batch_size": 8,
}


def with_base(own: dict[str, Any], base: dict[str, Any] = BASE, section: str = "variants") -> Any:
    """`params.yaml` with a base, a variant or a block of `bases`, and one variant of it."""
    mine = {"dataset": BASE["dataset"], "base": "theirs", **own}
    if section == "bases":
        base = {key: value for key, value in base.items() if key not in ("title", "dataset")}
        return deepcopy(CONTENT | {"bases": {"theirs": base}, "variants": {"mine": mine}})
    return deepcopy(CONTENT | {"variants": {"mine": mine, "theirs": base}})


def inherited(own: dict[str, Any], base: dict[str, Any] = BASE) -> dict[str, Any]:
    """The variant with what it has from the base; the same if that is a variant or a block of `bases`."""
    of_variant, of_block = (
        parse_params(with_base(own, base, section)).variants["mine"].model_dump(exclude_none=True)
        for section in ("variants", "bases")
    )
    assert of_variant == of_block
    return of_variant


def same_but(**changes: Any) -> dict[str, Any]:
    merged = {**BASE, "base": "theirs", **changes}
    return {key: value for key, value in merged.items() if value is not None and key != "title"}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, same_but()),
        # A value stands in place of the base's.
        ({"epochs": 7, "split": "full"}, same_but(epochs=7, split="full")),
        # So does a mapping that names a class, with all its arguments.
        ({"optimizer": {"class": "SGD", "nesterov": True}}, same_but(optimizer={"class": "SGD", "nesterov": True})),
        ({"loss": {"class": "Poisson"}}, same_but(loss={"class": "Poisson"})),
        ({"optimizer": "Adam"}, same_but(optimizer={"class": "Adam"})),
        # One that names none is merged, on every level.
        ({"optimizer": {"learning_rate": 0.1}}, same_but(optimizer=BASE["optimizer"] | {"learning_rate": 0.1})),
        ({"loss": {"from_logits": True}}, same_but(loss=BASE["loss"] | {"from_logits": True})),
        (
            {"layers": {"hidden": {"units": 7}}},
            same_but(layers=LAYERS | {"hidden": LAYERS["hidden"] | {"units": 7}}),
        ),
        (
            {"layers": {"hidden": {"kernel_regularizer": {"l2": 0.5}}}},
            same_but(layers=LAYERS | {"hidden": LAYERS["hidden"] | {"kernel_regularizer": {"class": "L2", "l2": 0.5}}}),
        ),
        (
            {"layers": {"hidden": {"kernel_regularizer": {"class": "L1"}}}},
            same_but(layers=LAYERS | {"hidden": LAYERS["hidden"] | {"kernel_regularizer": {"class": "L1"}}}),
        ),
        (
            {"layers": {"hidden": {"units": 7}, "dropout": {"rate": 0.5}}},
            same_but(
                layers={
                    "hidden": LAYERS["hidden"] | {"units": 7},
                    "dropout": LAYERS["dropout"] | {"rate": 0.5},
                    "output": LAYERS["output"],
                }
            ),
        ),
        (
            {"optimizer": {"learning_rate": {"class": "CosineDecay", "decay_steps": 9}}},
            same_but(optimizer=BASE["optimizer"] | {"learning_rate": {"class": "CosineDecay", "decay_steps": 9}}),
        ),
        (
            {"callbacks": {"stop": {"patience": 3}}},
            same_but(callbacks={"stop": BASE["callbacks"]["stop"] | {"patience": 3}}),
        ),
        # Layers, metrics and callbacks are complete as soon as one of them names a class.
        (
            {"layers": {"flatten": "Flatten", "output": {"class": "Dense", "units": 10}}},
            same_but(layers={"flatten": {"class": "Flatten"}, "output": {"class": "Dense", "units": 10}}),
        ),
        ({"metrics": {"f1": {"class": "F1Score"}}}, same_but(metrics={"f1": {"class": "F1Score"}})),
        ({"metrics": {"f1": "F1Score"}}, same_but(metrics={"f1": {"class": "F1Score"}})),
        ({"callbacks": {"nan": {"class": "TerminateOnNaN"}}}, same_but(callbacks={"nan": {"class": "TerminateOnNaN"}})),
        # An empty value takes away what the base has.
        ({"callbacks": None, "metrics": None}, same_but(callbacks=None, metrics=None)),
        ({"batch_size": None}, same_but(batch_size=32)),
        ({"optimizer": {"momentum": None}}, same_but(optimizer={"class": "SGD", "learning_rate": 0.01})),
        (
            {"layers": {"dropout": None}},
            same_but(layers={name: layer for name, layer in LAYERS.items() if name != "dropout"}),
        ),
    ],
)  # fmt: skip
def test_a_variant_has_from_its_base_what_it_does_not_say_itself(own: dict[str, Any], expected: dict[str, Any]) -> None:
    before = deepcopy(BASE)
    found = inherited(own)
    assert found == expected
    assert list(found["layers"]) == list(expected["layers"])
    assert before == BASE


def test_a_class_alone_in_the_base_takes_arguments_of_its_variants() -> None:
    base = {**BASE, "optimizer": "SGD", "layers": {**LAYERS, "output": "Dense"}}
    found = inherited({"optimizer": {"momentum": 0.5}, "layers": {"output": {"units": 10}}}, base)
    assert found["optimizer"] == {"class": "SGD", "momentum": 0.5}
    assert found["layers"]["output"] == {"class": "Dense", "units": 10}


def test_losses_by_output_are_complete_as_soon_as_one_names_a_class() -> None:
    two = {"main": {"class": "Huber"}, "auxiliary": {"class": "MeanSquaredError"}}
    assert inherited({"loss": two})["loss"] == two
    base = {**BASE, "loss": two}
    assert inherited({"loss": {"class": "Poisson"}}, base)["loss"] == {"class": "Poisson"}
    assert inherited({"loss": {"main": {"class": "Poisson"}}}, base)["loss"] == {"main": {"class": "Poisson"}}
    assert inherited({"loss": {"main": {"delta": 2.0}}}, base)["loss"] == two | {
        "main": {"class": "Huber", "delta": 2.0}
    }


@pytest.mark.parametrize(
    ("kind", "block"),
    [("graph", {"class": "wide_and_deep", "hidden_layers": 1}), ("layers", {"output": {"class": "Dense", "units": 1}})],
)
def test_another_kind_of_model_stands_in_place_of_the_bases(kind: str, block: dict[str, Any]) -> None:
    other = "layers" if kind == "graph" else "graph"
    theirs = {"layers": LAYERS, "graph": {"class": "wide_and_deep", "hidden_layers": 2}}[other]
    base = {key: value for key, value in BASE.items() if key != "layers"} | {other: theirs}
    found = inherited({kind: block}, base)
    assert found[kind] == block
    assert other not in found
    assert found["optimizer"] == BASE["optimizer"]


def test_a_graph_of_ones_own_without_a_class_changes_the_bases() -> None:
    base = {key: value for key, value in BASE.items() if key != "layers"} | {"graph": {"class": "a", "units": 1}}
    assert inherited({"graph": {"units": 2}}, base)["graph"] == {"class": "a", "units": 2}


def test_a_base_may_be_a_variant_of_a_block_of_bases() -> None:
    theirs = {"dataset": "fashion_mnist", "base": "block", "epochs": 7, "optimizer": {"momentum": 0.5}}
    mine = {"dataset": "fashion_mnist", "base": "theirs", "batch_size": 3, "optimizer": {"learning_rate": 0.5}}
    block = {key: value for key, value in BASE.items() if key not in ("title", "dataset")}
    variants = {"mine": mine, "theirs": theirs}
    params = parse_params(deepcopy(CONTENT | {"bases": {"block": block}, "variants": variants}))
    assert params.variants["mine"].model_dump(exclude_none=True) == same_but(
        epochs=7, batch_size=3, optimizer={"class": "SGD", "learning_rate": 0.5, "momentum": 0.5}
    )


@pytest.mark.bad_input("params.yaml", "bases that are none")
@pytest.mark.parametrize(("key", "value"), [("title", "x"), ("dataset", "housing"), ("base", "theirs"), ("droput", 1)])
def test_a_block_of_bases_has_no_key_that_is_a_variants_own(key: str, value: Any) -> None:
    content = only("relu_100") | {"bases": {"theirs": {"epochs": 3}, "mine": {key: value}}}
    assert only_line(parse_params, content) == f"bases.mine.{key}: expected no such key, got {value!r}"


@pytest.mark.bad_input("params.yaml", "bases that are none")
@pytest.mark.parametrize(
    ("base", "got"),
    [
        ("rich_10", "one of rich_100, got 'rich_10'"),
        ("blok", "one of block, of_block, got 'blok'"),
        ("zzz", "one of block, of_block, rich_100, got 'zzz'"),
        ("of_variant", "one of block, of_block, rich_100, got 'of_variant' (it is based on a variant itself)"),
        ("mine", "one of block, of_block, rich_100, got 'mine'"),  # itself
        (3, "text, got 3"),
        (["rich_100"], "text, got ['rich_100']"),
        ({"class": "rich_100"}, "text, got {'class': 'rich_100'}"),
        ("", "one of block, of_block, rich_100, got ''"),
    ],
)
def test_a_base_that_is_none_is_told_in_one_line(base: Any, got: str) -> None:
    variants = {
        "rich_100": VARIANTS["relu_100"],
        "of_block": VARIANTS["relu_100"] | {"base": "block"},
        "of_variant": VARIANTS["relu_100"] | {"base": "rich_100"},
        "mine": VARIANTS["relu_100"] | {"base": base},
    }
    content = CONTENT | {"bases": {"block": {"epochs": 3}}, "variants": variants}
    assert only_line(parse_params, content) == f"variants.mine.base: expected {got}"


@pytest.mark.bad_input("params.yaml", "bases that are none")
def test_a_base_has_a_name_of_its_own() -> None:
    content = CONTENT | {"bases": CONTENT["bases"] | {"softmax": {"epochs": 3}}}
    assert only_line(parse_params, content) == "bases.softmax: expected a name that no variant has, got 'softmax'"


@pytest.mark.bad_input("params.yaml", "bases that are none")
@pytest.mark.parametrize(("bases", "place"), [([], "bases"), (3, "bases"), (None, "bases"), ({"a": 3}, "bases.a")])
def test_bases_that_are_no_mappings_are_told(bases: Any, place: str) -> None:
    got = bases["a"] if isinstance(bases, dict) else bases
    assert only_line(parse_params, only("relu_100") | {"bases": bases}) == f"{place}: expected a mapping, got {got!r}"


def test_a_file_needs_no_bases() -> None:
    content = only("relu_100")
    del content["bases"]
    assert list(parse_params(content).variants) == ["relu_100"]


def refusal(content: Any) -> list[str]:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_params(content)
    return str(caught.value).splitlines()


def test_a_base_that_is_no_mapping_is_told_once() -> None:
    content = CONTENT | {"variants": {"theirs": 3, "mine": VARIANTS["relu_100"] | {"base": "theirs"}}}
    assert refusal(content) == ["variants.theirs: expected a mapping, got 3"]


@pytest.mark.parametrize("section", ["bases", "variants"])
def test_a_mistake_in_a_base_is_told_once_and_where_it_stands(section: str) -> None:
    base = deepcopy(BASE) | {"epochs": 0}
    base["layers"]["hidden"]["repeat"] = 0
    content = with_base({"layers": {"hidden": {"units": 3}}}, base, section)
    content["variants"]["other"] = {"dataset": "fashion_mnist", "base": "theirs", "epochs": -1}
    told = [line.partition(", got")[0] for line in refusal(content)]
    assert f"{section}.theirs.epochs: expected a number greater than 0" in told
    assert f"{section}.theirs.layers.hidden: expected repeat to be an integer from 1 to 1000" in told
    assert "variants.other.epochs: expected a number greater than 0" in told
    assert "variants.mine.epochs: expected a number greater than 0" not in told


def test_a_mistake_is_the_bases_only_if_all_have_it_that_have_the_value_from_there() -> None:
    content = {
        "bases": {"block": {"epochs": 1, "layers": {"a": {"class": "Dense", "units": 1}}}},
        "variants": {
            "one": {"base": "block"},
            "two": {"base": "block", "epochs": 2},
            "of_one": {"base": "one"},
            "other": {"base": "block", "layers": {"b": {"class": "Dense"}}},
        },
    }

    def at_source(*lines: str) -> list[str]:
        return at_their_source([f"variants.{line}: no" for line in lines], content)

    assert at_source("one.epochs", "other.epochs", "of_one.epochs") == ["bases.block.epochs: no"]
    assert at_source("one.epochs", "two.epochs") == ["variants.one.epochs: no", "variants.two.epochs: no"]
    assert at_source("one.layers.a.units", "two.layers.a.units") == ["bases.block.layers.a.units: no"]
    assert at_source("two.layers.a.units") == ["variants.two.layers.a.units: no"]  # two's own way to use it is wrong
    assert at_source("other.layers.b.units") == ["variants.other.layers.b.units: no"]
    assert at_source("of_one.epochs") == ["variants.of_one.epochs: no"]
    assert at_source("of_one") == ["variants.of_one: no"]
    assert at_their_source(["bases.block.epochs: no", "variants.one.epochs: no", "seed: no"], content) == [
        "bases.block.epochs: no",
        "seed: no",
    ]


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
def test_an_alias_inside_of_what_it_stands_for_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    write_yaml(path, CONTENT | {"variants": {"theirs": BASE}})
    more = "  a: &a\n    dataset: fashion_mnist\n    layers: &b {x: *b}\n  c: {base: a, layers: &d {x: *d}}\n"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert "expected no alias inside of what it stands for" in only_line(read_params, path)


# The documents of this repository


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Checks, beside the recipes of this repository, a study or published values of one's own."""

    def check(study: dict[str, Any] | None = None, published: str = "") -> None:
        monkeypatch.chdir(tmp_path)
        STUDIES.parent.mkdir()
        SOURCES.write_text("A: {title: It, subject: Models}\n", encoding="utf-8")
        if study is not None:
            write_yaml(STUDIES, {"mine": study})
        header = "document,variant,part,metric,epoch,value,tolerance\n"
        STUDIES.with_name("published.csv").write_text(header + published, encoding="utf-8")
        configure.check_documents(dict(resolve.recipes(PARAMS)), configure.complete_splits(PARAMS))

    return check


STUDY = {"question": "?", "claim": "!", "documents": ["A"], "baseline": "softmax", "beside": [{"variant": "relu_100"}]}


@pytest.mark.bad_input("documents", "studies of what is not there or cannot be compared")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"baseline": "softmx"}, "baseline: expected one of softmax, softmax_adam, got 'softmx'"),
        (
            {"beside": [{"variant": "relu_10"}]},
            "beside[0].variant: expected one of relu_100, relu_100_sgd, relu_100_adam, got 'relu_10'",
        ),
        (
            {"beside": [{"variant": "relu_100", "baseline": "softmx"}]},
            "beside[0].baseline: expected one of softmax, softmax_adam, got 'softmx'",
        ),
        ({"baseline": None}, "baseline: expected text, got None"),
        ({"beside": "relu_100"}, "beside: expected a list, got 'relu_100'"),
        ({"members": [{"variant": "relu_100"}]}, "members: expected no such key, got [{'variant': 'relu_100'}]"),
        ({"metric": "acuracy"}, "metric: expected one of accuracy, accuracy_spread, got 'acuracy'"),
        (
            {"beside": [{"variant": "relu_100", "metric": "mse"}]},
            "beside[0].metric: expected one of accuracy, accuracy_spread, log_loss, loss_rise, near_zero_weights, "
            "overfitting, training_accuracy, training_loss, got 'mse'",
        ),
    ],
)
def test_a_study_that_could_not_be_made_is_told(
    documents: Callable[..., None], changes: dict[str, Any], expected: str
) -> None:
    assert only_line(documents, STUDY | changes) == f"{STUDIES}, mine.{expected}"


@pytest.mark.bad_input("documents", "published values that nothing measures")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("softmax,test,acuracy,", "metric: expected one of accuracy, got 'acuracy'"),
        ("softmax,test,mse,", "metric: expected one of accuracy, calibration_error, log_loss, macro_f1, got 'mse'"),
        ("deep_only,test,accuracy,", "metric: expected one of mae, mse, r2, rmse, got 'accuracy'"),
        ("softmax,model,layers,", "metric: expected one of epochs, multiply_adds, parameters, trainings, got 'layers'"),
        ("softmax,validation,acc,1", "metric: expected accuracy, got 'acc'"),
        ("softmax,training,accuracy,", "epoch: expected an epoch beside training, got none"),
        ("softmax,test,accuracy,3", "epoch: expected none beside test, got 3"),
        ("softmx,test,accuracy,", "variant: expected one of softmax, softmax_adam, got 'softmx'"),
        (
            "softmax,cross_validation,accuracy,",
            "part: expected a part with values of the saved model softmax, got 'cross_validation'",
        ),
        (
            "thoracic_msle_published,test,accuracy,",
            "part: expected a part with values of the saved model thoracic_msle_published, got 'test'",
        ),
        (
            "thoracic_msle_published,validation,loss,1",
            "part: expected a part with values of thoracic_msle_published in epoch 1, got 'validation'",
        ),
        (
            "sgd_classifier,training,loss,1",
            "part: expected a part with values of sgd_classifier in epoch 1, got 'training'",
        ),
    ],
)
def test_a_published_value_that_nothing_measures_is_told(
    documents: Callable[..., None], value: str, expected: str
) -> None:
    line = only_line(lambda published: documents(published=published), f"A,{value},0.5,0.1\n")
    assert line == f"{STUDIES.with_name('published.csv')}, line 2, {expected}"


@pytest.mark.catalogue
def test_our_documents_name_what_is_there_and_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (len(read_studies()) > 0, len(read_published()) > 0, len(read_sources()) > 0) == (True, True, True)
    configure.check_documents(dict(resolve.recipes(PARAMS)), configure.complete_splits(PARAMS))


@pytest.mark.catalogue
def test_every_variant_with_test_rows_is_in_a_study() -> None:
    studies = read_studies(ROOT / STUDIES).values()
    asked = {name for study in studies for each in study.members for name in (each.variant, each.baseline)}
    asked |= {study.baseline for study in studies}
    assert PARAMS.variants.keys() - asked == {"thoracic_msle_published"}  # it trains on all rows


CLAIMS = """
    activations relu_or_sigmoid optimizers housing_sgd model_size dropout early_stopping batch_normalization
    learning_rate regularizers bottleneck batch_as_large_as_possible batch_not_too_large shortcut exploding
    thoracic_losses
"""


@pytest.mark.catalogue
def test_every_claim_of_the_documents_is_a_study_that_can_fail() -> None:
    studies = read_studies(ROOT / STUDIES)
    for name in CLAIMS.split():
        assert any(each.expected for each in studies[name].members)


# What only Keras or scikit-learn know


def completed(content: Any) -> dict[str, Recipe]:
    params = parse_params(content)
    return configure.complete_recipes(params, configure.complete_splits(params))


DENSE = {"class": "Dense", "units": 3}


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected", "got"),
    [
        ("layers.hidden", {"class": "Dens", "units": 3}, "layers.hidden.class", "one of Dense", "'Dens'"),
        ("layers.hidden", "Dens", "layers.hidden.class", "one of Dense", "'Dens'"),
        ("layers.hidden", "BatchNormalisation", "layers.hidden.class", "one of BatchNormalization", "'Batch"),
        ("layers.hidden", {"class": "Dense", "unit": 3}, "layers.hidden.unit", "one of units", "'unit'"),
        ("layers.hidden", {"class": "LeakyReLU", "alpha": 0.3}, "layers.hidden.alpha", "negative_slope", "'alpha'"),
        ("layers.hidden", DENSE | {"name": "mine"}, "layers.hidden.name", "no such key", "'mine'"),
        ("layers.hidden.units", "ten", "layers.hidden.units", "an integer", "'ten'"),
        ("layers.hidden.units", 0, "layers.hidden.units", "a number greater than 0", "0"),
        ("layers.hidden.units", True, "layers.hidden.units", "an integer", "True"),
        ("layers.hidden.use_bias", "no", "layers.hidden.use_bias", "true or false", "'no'"),
        ("layers.hidden.activation", "rel", "layers.hidden.activation", "one of relu, relu6, elu", "'rel'"),
        (
            "layers.hidden",
            {"class": "Activation", "activation": "rel"},
            "layers.hidden.activation",
            "one of relu",
            "'rel'",
        ),
        (
            "layers.hidden.kernel_initializer",
            "he_norml",
            "layers.hidden.kernel_initializer",
            "one of he_normal",
            "'he_norml'",
        ),
        ("layers.dropout.rate", 1.5, "layers.dropout.rate", "a number less than 1", "1.5"),
        ("layers.dropout.rate", -0.1, "layers.dropout.rate", "a number of at least 0", "-0.1"),
        ("layers.dropout.rate", "0.5", "layers.dropout.rate", "a number", "'0.5'"),
        (
            "layers.hidden.kernel_regularizer",
            {"class": "L3"},
            "layers.hidden.kernel_regularizer.class",
            "one of ",
            "'L3'",
        ),
        ("layers.hidden.kernel_regularizer", "L3", "layers.hidden.kernel_regularizer", "one of L1", "'L3'"),
        (
            "layers.hidden.kernel_regularizer",
            {"l2": 0.1},
            "layers.hidden.kernel_regularizer",
            "{class: <name>, <argument>: <value>, …}",
            "{'l2': 0.1}",
        ),
        (
            "layers.hidden.kernel_regularizer",
            {"class": "L2", "l2": -1},
            "layers.hidden.kernel_regularizer.l2",
            "a number of at least 0",
            "-1",
        ),
        (
            "layers.hidden.kernel_constraint",
            {"class": "MaxNorm", "max_value": 0},
            "layers.hidden.kernel_constraint.max_value",
            "a number greater than 0",
            "0",
        ),
        ("layers.hidden.units", 10**9, "", "a model of at most 100,000,000 parameters", "795,000,000,010"),
        ("layers.hidden.units", 2**31, "layers.hidden.units", "a number less than 2147483648", "2147483648"),
        ("layers.output.units", 9, "layers", "an output of 10 for each row", "shape (9,)"),
        ("layers.flatten", {"class": "Dense", "units": 9}, "layers", "an output of 10 for each row", "shape (28, 10)"),
        (
            "layers.hidden",
            {"class": "Conv2D", "filters": 3, "kernel_size": 3},
            "layers.hidden",
            "a layer that fits rows of shape (784,)",
            "",
        ),
        ("layers.hidden_1", DENSE | {"repeat": 2}, "layers", "an output of 10", "shape (3,)"),
        ("optimizer.class", "Adm", "optimizer.class", "one of Adam", "'Adm'"),
        ("optimizer", {"class": "Adam", "lr": 0.1}, "optimizer.lr", "learning_rate", "'lr'"),
        ("optimizer.learning_rate", -0.1, "optimizer.learning_rate", "a number greater than 0", "-0.1"),
        ("optimizer.learning_rate", "1e-3", "optimizer.learning_rate", "a number", "'1e-3'"),
        ("optimizer", {"class": "SGD", "decay": 0.1}, "optimizer.decay", "a schedule as the learning_rate", "decay"),
        ("optimizer", {"class": "SGD", "momentum": 1.5}, "optimizer.momentum", "a number of at most 1", "1.5"),
        ("optimizer", {"class": "SGD", "clipnorm": 0}, "optimizer.clipnorm", "a number greater than 0", "0"),
        (
            "optimizer.learning_rate",
            {"class": "ExponentalDecay"},
            "optimizer.learning_rate.class",
            "one of ExponentialDecay",
            "'ExponentalDecay'",
        ),
        (
            "optimizer.learning_rate",
            {"class": "CosineDecayRestarts", "first_decay_steps": 0},
            "optimizer.learning_rate.first_decay_steps",
            "a number greater than 0",
            "0",
        ),
        ("loss", "categorical_crosentropy", "loss.class", "one of ", "'categorical_crosentropy'"),
        ("loss", "mean_squared_error", "loss.class", "MeanSquaredError", "'mean_squared_error'"),
        ("loss", "BinaryCrossentropy", "loss.class", "a loss of them, such as Sparse", "BinaryCrossentropy"),
        ("loss.from_logits", "no", "loss.from_logits", "true or false", "'no'"),
        ("loss.logits", True, "loss.logits", "one of from_logits", "'logits'"),
        ("loss", {"main": "MeanSquaredError"}, "loss", "one loss", "{'main': {'class': 'MeanSquaredError'}}"),
        ("metrics.other", "Acuracy", "metrics.other.class", "one of Accuracy", "'Acuracy'"),
        ("metrics.accuracy.name", "it", "metrics.accuracy.name", "no such key", "'it'"),
        ("metrics.accuracy.dtyp", "it", "metrics.accuracy.dtyp", "one of dtype", "'dtyp'"),
        ("loss_weights", {"main": 1.0}, "loss_weights", "several outputs", "{'main': 1.0}"),
        ("callbacks", {"stop": "EarlyStoping"}, "callbacks.stop.class", "one of EarlyStopping", "'EarlyStoping'"),
        (
            "callbacks",
            {"stop": {"class": "EarlyStopping", "monitor": "val_mse"}},
            "callbacks.stop.monitor",
            "one of",
            "'val_mse'",
        ),
        (
            "callbacks",
            {"stop": {"class": "EarlyStopping", "patience": -1}},
            "callbacks.stop.patience",
            "a number of at least 0",
            "-1",
        ),
        (
            "callbacks",
            {"best": {"class": "ModelCheckpoint", "filepath": "x"}},
            "callbacks.best.filepath",
            "no such key",
            "'x'",
        ),
        (
            "callbacks",
            {"logs": {"class": "TensorBoard", "log_dir": "x"}},
            "callbacks.logs.log_dir",
            "no such key",
            "'x'",
        ),
        (
            "callbacks",
            {"backup": {"class": "BackupAndRestore", "backup_dir": ".."}},
            "callbacks.backup.backup_dir",
            "no such key",
            "'..'",
        ),
        (
            "callbacks",
            {"plateau": {"class": "ReduceLROnPlateau", "factor": 1.0}},
            "callbacks.plateau.factor",
            "a number less than 1",
            "1.0",
        ),
        (
            "callbacks",
            {"rate": {"class": "LearningRateScheduler", "schedule": {"class": "stp"}}},
            "callbacks.rate.schedule.class",
            "one of step",
            "'stp'",
        ),
        (
            "callbacks",
            {"rate": {"class": "LearningRateScheduler", "schedule": {"class": "step", "epoch_-1": 0.5}}},
            "callbacks.rate.schedule.epoch_-1",
            "epoch_<number>, counted from 0",
            "'epoch_-1'",
        ),
        (
            "callbacks",
            {"rate": {"class": "LearningRateScheduler", "schedule": {"class": "step", "epoch_5": -1}}},
            "callbacks.rate.schedule.epoch_5",
            "a number greater than 0",
            "-1",
        ),
        (
            "callbacks",
            {"rate": {"class": "LearningRateScheduler", "schedule": {"class": "step", 5: 0.5}}},
            "callbacks.rate.schedule.5",
            "text as a key",
            "5",
        ),
    ],
)
def test_what_keras_would_not_take_is_told_before_anything_trains(
    path: str, value: Any, place: str, expected: str, got: str
) -> None:
    line = only_line(completed, changed(f"variants.dropout_30.{path}", value))
    assert line.startswith(f"variants.dropout_30.{place}".rstrip(".") + f": expected {expected}")
    assert f", got {got}" in line or ", got: " in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("value", "place", "expected", "got"),
    [
        ("Adm", "optimizer.class", "one of Adam", "'Adm'"),
        ({"class": "SGD", "learning_rate": -1}, "optimizer.learning_rate", "a number greater than 0", "-1"),
        ({"class": "SGD", "lr": 1}, "optimizer.lr", "learning_rate", "'lr'"),
    ],
)
def test_what_keras_would_not_take_as_every_variants_optimizer_is_told_once(
    value: Any, place: str, expected: str, got: str
) -> None:
    line = only_line(completed, CONTENT | {"optimizer": value})
    assert line.startswith(f"{place}: expected {expected}")
    assert line.endswith(f", got {got}")


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "expected", "got"),
    [
        ("thoracic_bce.loss", "foo", "thoracic_bce.loss.class", "one of ", "'foo'"),
        (
            "thoracic_bce.loss",
            "SparseCategoricalCrossentropy",
            "thoracic_bce.layers",
            "an output of 2",
            "shape (1,)",
        ),
        (
            "deep_only.loss",
            "CategoricalCrossentropy",
            "deep_only.loss.class",
            "the loss of a quantity",
            "CategoricalCrossentropy",
        ),
        *(
            ("deep_only.loss", loss, "deep_only.loss.class", "the loss of a quantity", loss)
            for loss in ("BinaryCrossentropy", "CategoricalHinge", "CategoricalGeneralizedCrossEntropy")
        ),
        *(
            ("thoracic_bce.loss", loss, "thoracic_bce.layers", "an output of 2", "shape (1,)")
            for loss in ("CategoricalHinge", "CategoricalGeneralizedCrossEntropy")
        ),
        ("deep_only.layers.output.units", 2, "deep_only.layers", "an output of 1", "shape (2,)"),
        (
            "wide_and_deep_two_outputs.loss_weights",
            {"main": 1.0},
            "wide_and_deep_two_outputs.loss_weights",
            "one weight for each of main, auxiliary",
            "{'main': 1.0}",
        ),
        (
            "wide_and_deep_two_outputs.loss",
            {"main": {"class": "MeanSquaredError"}},
            "wide_and_deep_two_outputs.loss",
            "one loss, or one for each of main, auxiliary",
            "{'main': {'class': 'MeanSquaredError'}}",
        ),
        (
            "wide_and_deep_two_outputs.loss",
            {"main": {"class": "MeanSquaredError"}, "auxiliary": {"class": "MeanSquaredErro"}},
            "wide_and_deep_two_outputs.loss.auxiliary.class",
            "one of MeanSquaredError",
            "'MeanSquaredErro'",
        ),
        (
            "wide_and_deep_two_outputs.loss",
            {"main": {"class": "MeanSquaredError"}, "auxiliary": {"class": "BinaryCrossentropy"}},
            "wide_and_deep_two_outputs.loss.auxiliary.class",
            "the loss of a quantity",
            "BinaryCrossentropy",
        ),
        (
            "wide_and_deep_two_inputs.inputs.deep",
            "MedInc Longitud",
            "wide_and_deep_two_inputs.inputs.deep",
            "one of Longitude",
            "'Longitud'",
        ),
        ("wide_and_deep.graph.class", "wide", "wide_and_deep.graph.class", "one of ", "'wide'"),
        ("wide_and_deep.graph.units", 0, "wide_and_deep.graph.units", "a number greater than 0", "0"),
        ("wide_and_deep.graph.hidden_layers", 0, "wide_and_deep.graph.hidden_layers", "a number greater", "0"),
        ("wide_and_deep.graph.inputs", 3, "wide_and_deep.graph.inputs", "no such key", "3"),
        (
            "sgd_classifier.estimator.class",
            "SGDClasifier",
            "sgd_classifier.estimator.class",
            "one of SGDClassifier",
            "'SGDClasifier'",
        ),
        (
            "sgd_classifier.estimator.max_iters",
            5,
            "sgd_classifier.estimator.max_iters",
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
    assert line.endswith(f", got {got}")


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
def test_inputs_need_a_data_set_of_columns() -> None:
    graph = {"class": "wide_and_deep", "hidden_layers": 1, "units": 3, "activation": "relu"}
    block = VARIANTS["relu_100"] | {"graph": graph, "inputs": {"wide": "MedInc"}}
    del block["layers"]
    line = only_line(completed, changed("variants.relu_100", block))
    assert line == "variants.relu_100.inputs: expected a data set of columns, got rows of shape (28, 28)"


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        ("dropout_30.layers.hidden", "Dense", "layers.hidden", ["missing", "'units'"]),
        ("dropout_30.layers.hidden", "Permute", "layers.hidden", ["missing", "'dims'"]),
        ("dropout_30.optimizer", {"class": "SGD", "clipnorm": 1.0, "clipvalue": 1.0}, "optimizer", ["Only one", "1.0"]),
        (
            "sgd_classifier.estimator.max_iter",
            0,
            "estimator",
            ["must be an int in the range [1, inf)", "0"],
        ),
        (
            "thoracic_majority.estimator.strategy",
            "most",
            "estimator",
            ["'most_frequent'", "'most'"],
        ),
    ],
)
def test_what_a_library_refuses_in_its_own_words_gets_its_place(
    path: str, value: Any, place: str, words: list[str]
) -> None:
    line = only_line(completed, changed(f"variants.{path}", value))
    assert line.startswith(f"variants.{path.partition('.')[0]}.{place}: expected ")
    assert "got" in line.lower()
    for word in words:
        assert word in line


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dropout_30.layers.hidden", "Layer"),
        ("dropout_30.layers.hidden", {"class": "BatchNormalization", "axis": 5}),
        ("dropout_30.layers.hidden", {"class": "Dense", 3: 4}),
        ("dropout_30.layers.hidden", {"class": "PReLU", "shared_axes": [9]}),
        ("dropout_30.layers", {"a": DENSE | {"repeat": 2}, "a_1": DENSE, "flatten": "Flatten"}),
        ("dropout_30.callbacks", {"stop": {"class": "EarlyStopping", "monitor": None}}),
        ("dropout_30.callbacks", {"rate": {"class": "LearningRateScheduler", "schedule": "step"}}),
        ("dropout_30.optimizer.weight_decay", "much"),
        ("dropout_30.optimizer", {"class": "Optimizer", "learning_rate": 0.1}),
        ("dropout_30.optimizer.learning_rate", {"class": "LearningRateSchedule"}),
        ("dropout_30.optimizer", {"class": "MultiOptimizer", "optimizers_and_layers": []}),
        ("deep_only.inputs", {"wide": "MedInc", "deep": "HouseAge"}),
        ("sgd_classifier.estimator.loss", "hinge"),
        ("sgd_classifier.estimator", "LinearRegression"),
        ("housing_linear.estimator", "LogisticRegression"),
        ("exponential_decay.callbacks", {"plateau": {"class": "ReduceLROnPlateau", "monitor": "val_loss"}}),
        (
            "exponential_decay.callbacks",
            {"rate": {"class": "LearningRateScheduler", "schedule": {"class": "step", "epoch_1": 0.5}}},
        ),
        (
            "thoracic_msle_published.callbacks",
            {"best": {"class": "ModelCheckpoint", "monitor": "val_loss", "save_best_only": True}},
        ),
    ],
)
def test_what_could_not_train_or_be_evaluated_is_told_with_its_variant(path: str, value: Any) -> None:
    assert only_line(completed, changed(f"variants.{path}", value)).startswith(f"variants.{path.partition('.')[0]}")


@pytest.mark.usefixtures("deterministic")
def test_a_learning_rate_override_beside_a_broken_schedule_is_told_with_its_place() -> None:
    broken = {"class": "Adam", "learning_rate": {"class": "ExponentialDecay", "initial_learning_rate": None}}
    line = only_line(completed, changed("variants.relu_100.optimizer", broken) | {"learning_rate": 0.1})
    assert line.startswith("variants.relu_100.optimizer.learning_rate: expected arguments that ExponentialDecay takes")


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("section", ["bases", "variants"])
def test_what_keras_refuses_of_a_base_is_told_once(section: str) -> None:
    base = VARIANTS["relu_100"] | {"optimizer": {"class": "Adm"}}
    content = with_base({"epochs": 3}, base, section)
    content["variants"]["other"] = {"dataset": "fashion_mnist", "base": "theirs", "batch_size": 3}
    line = only_line(completed, content)
    assert line.startswith(f"{section}.theirs.optimizer.class: expected one of Adam")


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("section", ["bases", "variants"])
def test_what_a_variant_makes_wrong_of_its_base_is_told_of_the_variant(section: str) -> None:
    base = VARIANTS["thoracic_bce"]
    content = with_base({"loss": "SparseCategoricalCrossentropy"}, base, section)
    content["variants"]["other"] = {"base": "theirs", "epochs": 3}
    for block in (content["variants"]["mine"], content["variants"]["other"]):
        block["dataset"] = "thoracic"
    assert only_line(completed, content).startswith("variants.mine.layers: expected an output of 2 for each row")


def laid(folder: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    write_yaml(folder / "params.yaml", content | {"custom_objects": str(ROOT / "custom_objects.py")})


@pytest.mark.usefixtures("deterministic")
def test_a_mistake_leaves_the_recipes_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = changed("epochs", None)
    laid(tmp_path, content, monkeypatch)
    configure.main([])
    written = Path("data/recipes/relu_100.json").read_bytes()
    content["variants"]["relu_100"]["layers"]["output"]["units"] = 11
    laid(tmp_path, content, monkeypatch)
    with pytest.raises(
        SystemExit, match=r"^variants\.relu_100\.layers: expected an output of 10 .*, got shape \(11,\)$"
    ):
        configure.main([])
    assert Path("data/recipes/relu_100.json").read_bytes() == written


@pytest.mark.usefixtures("deterministic")
def test_a_check_writes_and_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    laid(tmp_path, changed("epochs", None), monkeypatch)
    Path("data/models/gone").mkdir(parents=True)
    configure.main(["--check"])
    assert capsys.readouterr().out == "params.yaml, sweeps.yaml, documents: no mistake, variants: 1\n"
    assert [path.as_posix() for path in Path().rglob("*")] == ["params.yaml", "data", "data/models", "data/models/gone"]
    configure.main([])
    assert not Path("data/models/gone").exists()
    datasets = [f"data/splits/{dataset}.json" for dataset in sorted(CONTENT["datasets"])]
    written = sorted(path.as_posix() for path in Path("data").rglob("*.json"))
    assert written == ["data/catalogue.json", "data/criteria.json", "data/recipes/relu_100.json", *datasets]
    assert json.loads(Path("data/criteria.json").read_text(encoding="utf-8"))["looks"] == [*PARAMS.comparison.looks]
    unchanged = [*datasets, "data/catalogue.json", "data/checked", "data/criteria.json"]
    before = {name: Path(name).read_bytes() for name in unchanged}
    laid(tmp_path, changed("epochs", 3), monkeypatch)
    configure.main([])
    assert json.loads(Path("data/recipes/relu_100.json").read_text(encoding="utf-8"))["epochs"] == 3
    assert {
        name: Path(name).read_bytes() for name in unchanged
    } == before  # or all would be downloaded and trained anew


def test_files_of_variants_and_data_sets_that_are_gone_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    RECIPES.mkdir(parents=True)
    for name in ("kept", "gone"):
        (MODELS / name).mkdir(parents=True)
        (MODELS / name / "history.csv").touch()
        (RECIPES / f"{name}.json").touch()
        (NORMALIZED / name).mkdir(parents=True)
    left = [RECIPES / "gone.json", MODELS / "gone", NORMALIZED / "gone"]
    assert configure.remove_leftovers({"kept"}, {"kept"}) == left
    assert [path.name for path in MODELS.iterdir()] == ["kept"]
    assert [path.name for path in NORMALIZED.iterdir()] == ["kept"]
    assert [path.name for path in RECIPES.iterdir()] == ["kept.json"]


@pytest.mark.usefixtures("deterministic")
def test_the_order_of_keys_in_a_block_changes_no_byte_of_its_recipe() -> None:
    def reversed_keys(value: Any, keep: bool = False) -> Any:
        if not isinstance(value, dict):
            return value
        members = list(value.items()) if keep else list(value.items())[::-1]
        return {key: reversed_keys(each, keep=key in ("layers", "metrics", "callbacks")) for key, each in members}

    for name in ("exponential_decay", "l2_l1_max_norm", "wide_and_deep_sgd", "sgd_classifier"):
        content = only(name)
        turned = content | {"variants": reversed_keys(content["variants"])}
        assert list(turned["variants"][name]) != list(content["variants"][name])
        assert json.dumps(completed(turned)) == json.dumps(completed(content))


@pytest.mark.bad_input("params.yaml", "bases that are none")
@pytest.mark.parametrize(
    ("own", "base"),
    [
        ({"layers": {"output": {"class": "Dense", "units": 1}}}, "wide_and_deep_two_outputs"),
        ({"graph": VARIANTS["wide_and_deep"]["graph"]}, "deep_only"),
        ({"estimator": {"class": "LinearRegression"}}, "wide_and_deep_two_outputs"),
        ({"layers": {"output": {"class": "Dense", "units": 1}}}, "housing_linear"),
    ],
)
def test_a_variant_of_another_kind_has_no_key_from_its_base_that_it_cannot_have(own: Any, base: str) -> None:
    block = {key: value for key, value in VARIANTS[base].items() if key not in ("title", "dataset")}
    if base == "housing_linear":
        block["cross_validation"] = 3
        own = {**{key: VARIANTS["deep_only"][key] for key in ("optimizer", "loss", "epochs")}, **own}
    content = CONTENT | {
        "bases": {"theirs": block},
        "variants": {"mine": {"dataset": "housing", "base": "theirs", **own}},
    }
    found = parse_params(content).variants["mine"].model_dump(exclude_none=True)
    assert found["split"] == block["split"]
    assert found.keys() & {"layers", "graph", "estimator"} == own.keys() & {"layers", "graph", "estimator"}


@pytest.mark.bad_input("params.yaml", "models that do not fit the data")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("variant", "key", "value", "line"),
    [
        (
            "wide_and_deep_two_inputs",
            "inputs",
            {"wide": "MedInc", "deep": "AveOccup", "third": "Latitude"},
            "variants.it.inputs.third: expected an input that the graph uses, got one that it ignores",
        ),
        (
            "wide_and_deep_two_inputs",
            "inputs",
            {"wide": "MedInc MedInc", "deep": "AveOccup"},
            "variants.it.inputs.wide: expected each name once, got MedInc 2 times",
        ),
        (
            "housing_linear",
            "cross_validation",
            3,
            "variants.it.cross_validation: expected a classifier beside it, got LinearRegression",
        ),
    ],
)
def test_what_would_be_ignored_or_measured_wrongly_is_refused(variant: str, key: str, value: Any, line: str) -> None:
    content = CONTENT | {"bases": {}, "variants": {"it": VARIANTS[variant] | {key: value}}}
    assert only_line(completed, content) == line


@pytest.mark.bad_input("params.yaml", "bases that are none")
@pytest.mark.parametrize(
    ("variants", "places"),
    [
        ({"a": {"base": "a"}}, ["variants.a.base"]),
        ({"a": {"base": "b"}, "b": {"base": "a"}}, ["variants.a.base", "variants.b.base"]),
        (
            {"a": {"base": "b", "epochs": 0}, "b": {"base": "c"}, "c": {"base": "a"}},
            [f"variants.{x}.base" for x in "abc"],
        ),
        ({"a": {"base": ["b"]}}, ["variants.a.base"]),
        ({"a": {"base": "relu_10"}}, ["variants.a.base"]),
    ],
)
def test_bases_that_lead_nowhere_are_told_alone(variants: dict[str, Any], places: list[str]) -> None:
    blocks = {name: {"dataset": "housing", **block} for name, block in variants.items()}
    lines = refusal(CONTENT | {"variants": VARIANTS | blocks})
    assert [line.partition(":")[0] for line in lines] == places


@pytest.mark.bad_input("params.yaml", "unknown or missing keys, values of a wrong type or out of range")
def test_a_variant_names_its_data_set_itself() -> None:
    content = CONTENT | {"variants": VARIANTS | {"mine": {"base": "deep_only"}}}
    assert refusal(content) == ["variants.mine.dataset: expected a value, got nothing"]


@pytest.mark.bad_input("params.yaml", "metrics and losses that do not fit")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("variant", "metric", "line"),
    [
        ("relu_100", {"class": "CategoricalAccuracy"}, "class: expected SparseCategoricalAccuracy beside Sparse"),
        ("large", {"class": "SparseCategoricalAccuracy"}, "class: expected CategoricalAccuracy beside Categorical"),
        ("thoracic_bce", {"class": "F1Score", "threshold": 0.5}, " expected a metric of one number, got an array"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(variant: str, metric: dict[str, Any], line: str) -> None:
    content = CONTENT | {"bases": {}, "variants": {"it": VARIANTS[variant] | {"metrics": {"m": metric}}}}
    told = only_line(completed, content)
    assert told.startswith("variants.it.metrics.m")
    assert line in told


# What the overrides make of a variant


def made(**overrides: Any) -> dict[str, Recipe]:
    return dict(resolve.recipes(parse_params(CONTENT | overrides)))


def dropout_rates(block: dict[str, Any]) -> set[float]:
    layers = block.get("layers", {}).values()
    return {layer["rate"] for layer in layers if layer["class"] in ("Dropout", "AlphaDropout")}


def initial_rate(block: dict[str, Any]) -> float:
    rate = block["optimizer"]["learning_rate"]
    return rate["initial_learning_rate"] if isinstance(rate, dict) else rate


SGD = {"class": "SGD", "learning_rate": 0.01}
# Each override: a value, the variants that it changes, and the recipe's key.
OVERRIDES: dict[str, tuple[Any, set[str], str]] = {
    "dropout": (0.3, {name for name in KERAS if dropout_rates(KERAS[name]) - {0.3}}, "layers"),
    "epochs": (20, {name for name in KERAS if KERAS[name]["epochs"] != 20}, "epochs"),
    "learning_rate": (0.01, {name for name in KERAS if initial_rate(KERAS[name]) != 0.01}, "optimizer"),
    "batch_size": (32, {name for name in KERAS if KERAS[name]["batch_size"] != 32}, "batch_size"),
    "optimizer": (SGD, {name for name in KERAS if KERAS[name]["optimizer"] != SGD}, "optimizer"),
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_changes_exactly_the_recipes_that_it_concerns_and_nothing_else_in_them(override: str) -> None:
    value, concerned, key = OVERRIDES[override]
    before: dict[str, Any] = made()
    after: dict[str, Any] = made(**{override: value})
    assert {name for name in before if after[name] != before[name]} == concerned
    assert 0 < len(concerned) < len(KERAS)
    for name in concerned:
        has_steps = override == "batch_size" and "decay_steps" in str(before[name]["optimizer"])
        keys = {key, "optimizer"} if has_steps else {key}
        assert {each for each in before[name] if after[name][each] != before[name][each]} == keys
        assert list(after[name]) == list(before[name])


def test_a_dropout_override_sets_the_rate_of_every_dropout_layer_and_leaves_the_other_layers() -> None:
    before, after = made(), made(dropout=0.3)
    concerned = [name for name in KERAS if dropout_rates(KERAS[name])]
    assert len(concerned) >= 5
    for name in concerned:
        assert list(before[name]["layers"]) == list(after[name]["layers"])
        for key, layer in after[name]["layers"].items():
            is_dropout = layer["class"] in ("Dropout", "AlphaDropout")
            own = before[name]["layers"][key]
            assert layer == (own | {"rate": 0.3} if is_dropout else own)


@pytest.mark.parametrize("override", OVERRIDES)
def test_null_changes_nothing(override: str) -> None:
    assert made(**{override: None}) == made()


@pytest.mark.parametrize(
    ("override", "declared"),
    [
        ("dropout", lambda block: next(iter(dropout_rates(block)), None)),
        ("epochs", lambda block: block["epochs"]),
        ("learning_rate", initial_rate),
        ("batch_size", lambda block: block["batch_size"]),
        ("optimizer", lambda block: block["optimizer"]),
    ],
)
def test_overriding_with_what_a_variant_declares_changes_nothing(
    override: str, declared: Callable[[dict[str, Any]], Any]
) -> None:
    for name, block in KERAS.items():
        overridden = PARAMS.model_copy(update={override: declared(block)})
        assert recipe_of(name, overridden) == recipe_of(name)


def recipe_of(name: str, params: Params = PARAMS) -> Recipe:
    return resolve.recipe(params, params.variants[name], f"variants.{name}")


def test_a_learning_rate_override_sets_a_schedules_initial_rate_and_keeps_the_schedule() -> None:
    scheduled = [name for name in KERAS if isinstance(KERAS[name]["optimizer"]["learning_rate"], dict)]
    after = made(learning_rate=0.5)
    assert len(scheduled) >= 5
    for name in scheduled:
        expected = deepcopy(KERAS[name]["optimizer"])
        expected["learning_rate"]["initial_learning_rate"] = 0.5
        assert after[name]["optimizer"] == expected


def test_a_learning_rate_override_applies_to_an_optimizer_override_too() -> None:
    after = made(learning_rate=0.5, optimizer={"class": "SGD", "momentum": 0.9})
    assert all(after[name]["optimizer"] == {"class": "SGD", "momentum": 0.9, "learning_rate": 0.5} for name in KERAS)


def test_no_override_of_keras_touches_an_estimator() -> None:
    before = made()
    after = made(dropout=0.1, epochs=1, learning_rate=0.5, batch_size=7, optimizer="SGD")
    estimators = VARIANTS.keys() - KERAS.keys()
    assert len(estimators) == 5
    assert all(after[name] == before[name] for name in estimators)


def test_the_seed_and_the_seeds_are_part_of_every_recipe() -> None:
    after = made(seed=7, seeds=3)
    assert all((recipe["seed"], recipe["seeds"]) == (7, 3) for recipe in after.values())


def test_whether_to_compile_is_part_of_every_recipe_of_keras() -> None:
    for choice in (True, False):
        after = made(jit_compile=choice)
        assert {name for name, recipe in after.items() if "jit_compile" in recipe} == KERAS.keys()
        assert all(after[name]["jit_compile"] is choice for name in KERAS)


def test_a_variant_may_say_that_it_is_not_compiled() -> None:
    block = Variant.model_validate(VARIANTS["relu_100"] | {"jit_compile": False})
    compiled = PARAMS.model_copy(update={"jit_compile": True})
    assert resolve.recipe(compiled, block, "variants.it")["jit_compile"] is False


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("Adam", {"class": "Adam", "learning_rate": 0.001}),
        ({"class": "Adam"}, {"class": "Adam", "learning_rate": 0.001}),
        ({"class": "SGD", "momentum": 0.9}, {"class": "SGD", "learning_rate": 0.01, "momentum": 0.9}),
    ],
)
def test_an_optimizers_own_learning_rate_is_written_into_the_recipe(named: Any, written: Any) -> None:
    for path in ("optimizer", "variants.relu_100.optimizer"):
        optimizer = completed(changed(path, named))["relu_100"]["optimizer"]
        assert list(optimizer.items()) == list(written.items())


def test_a_class_alone_is_written_as_an_object() -> None:
    block = {**VARIANTS["relu_100"], "optimizer": "Adam", "loss": "SparseCategoricalCrossentropy"}
    block |= {"callbacks": {"nan": "TerminateOnNaN"}, "metrics": {"accuracy": "SparseCategoricalAccuracy"}}
    block["layers"] = {"flatten": "Flatten", **{key: block["layers"][key] for key in ("hidden", "output")}}
    params = parse_params(changed("variants.relu_100", block))
    assert recipe_of("relu_100", params) == recipe_of("relu_100") | {
        "optimizer": {"class": "Adam"},
        "callbacks": {"nan": {"class": "TerminateOnNaN"}},
    }


def test_columns_are_named_and_stand_in_the_recipe_by_their_position_among_those_that_stay() -> None:
    recipe = recipe_of("wide_and_deep_two_inputs")
    assert recipe["inputs"] == {"wide": [0, 1, 2, 3, 4], "deep": [5, 6, 7]}
    content = only("wide_and_deep_two_inputs")
    content["datasets"]["housing"]["splits"]["single"]["columns_left_out"] = "MedInc AveOccup"
    content["variants"]["wide_and_deep_two_inputs"]["inputs"] = {"wide": "Longitude", "deep": "HouseAge Latitude"}
    recipe = recipe_of("wide_and_deep_two_inputs", parse_params(content))
    assert recipe["inputs"] == {"wide": [5], "deep": [0, 4]}
    content["variants"]["wide_and_deep_two_inputs"]["inputs"]["deep"] = "HouseAge AveOccup"
    with pytest.raises(ValueError, match=r"two_inputs\.inputs\.deep: expected one of .*, got 'AveOccup'$"):
        recipe_of("wide_and_deep_two_inputs", parse_params(content))


def test_a_recipe_survives_json_with_its_order() -> None:
    for recipe in made().values():
        assert json.dumps(json.loads(json.dumps(recipe))) == json.dumps(recipe)


def test_the_keys_of_a_recipe_have_one_order_since_it_is_part_of_its_bytes() -> None:
    for recipe in [*made().values(), *made(optimizer="Adam", epochs=3, batch_size=2, jit_compile=False).values()]:
        assert list(recipe) == [key for key in Recipe.__annotations__ if key in recipe]


def test_a_recipe_without_overrides_says_what_the_block_says() -> None:
    for name, recipe in made().items():
        excluded = {"title", "base", "inputs", *(["batch_size"] if name not in KERAS else [])}
        block = PARAMS.variants[name].model_dump(exclude_none=True, exclude=excluded)
        assert block.items() <= recipe.items()
        assert recipe.keys() - block.keys() <= {"seed", "seeds", "jit_compile", "inputs"}


def variant(layers: dict[str, Any]) -> Variant:
    return Variant.model_validate(VARIANTS["relu_100"] | {"layers": layers})


def test_the_order_of_the_layers_is_part_of_the_recipe() -> None:
    layers: dict[str, Any] = {"drop": {"class": "Dropout", "rate": 0.5}, "normal": {"class": "BatchNormalization"}}
    one = resolve.recipe(PARAMS, variant(layers), "variants.it")
    other = resolve.recipe(PARAMS, variant(dict(reversed(layers.items()))), "variants.it")
    assert list(one["layers"]) == ["drop", "normal"]
    assert json.dumps(one) != json.dumps(other)
    assert recipe_differences(one, other) == {"layers": ("drop normal", "normal drop")}


@pytest.mark.usefixtures("deterministic")
def test_a_repeated_layer_is_numbered_from_1() -> None:
    from stages.training import builder

    layers = {"flat": "Flatten", "a": DENSE | {"repeat": 2}, "b": DENSE | {"repeat": 1}, "c": {"class": "ReLU"}}
    recipe = resolve.recipe(PARAMS, variant(layers), "variants.it")
    model = builder.build_model(recipe, (28, 28), "variants.it")
    assert [layer.name for layer in model.layers] == ["x", "flat", "a_1", "a_2", "b", "c"]
    assert {name: layer.get("repeat") for name, layer in made()["selu_100_layers"]["layers"].items()} == {
        "flatten": None, "first": None, "hidden": 99, "output": None
    }  # fmt: skip


# What `dvc exp run -S` makes of a recipe


# Each override with what it changes in the recipes of its variant, or of all that have it from a base.
EXPERIMENTS: list[tuple[str, dict[str, Any]]] = [
    # What a variant says itself, and what it has from its base.
    ("variants.large.layers.hidden_1.units=300", {"layers.hidden_1.units": (256, 300)}),
    ("++variants.relu_100_adam.layers.hidden.units=300", {"layers.hidden.units": (100, 300)}),
    ("++variants.relu_100_adam.layers.hidden.activation=null", {"layers.hidden.activation": ("relu", None)}),
    ("++variants.selu_100_layers.layers.hidden.repeat=10", {"layers.hidden.repeat": (99, 10)}),
    (
        "++variants.cosine_restarts.layers.hidden.kernel_regularizer.l2=0.1",
        {"layers.hidden.kernel_regularizer.l2": (0.01, 0.1)},
    ),
    (
        "variants.l2_elu.layers.hidden_1.kernel_regularizer.l2=0.1",
        {"layers.hidden_1.kernel_regularizer.l2": (0.01, 0.1)},
    ),
    ("variants.relu_100_sgd.optimizer.class=Nadam", {"optimizer.class": ("SGD", "Nadam")}),
    ("++variants.relu_100_adam.optimizer.class=Nadam", {"optimizer.class": ("Adam", "Nadam")}),
    ("++variants.relu_100_adam.optimizer=Nadam", {"optimizer.class": ("Adam", "Nadam")}),
    ("++variants.relu_100_sgd.optimizer={class: SGD, momentum: 0.9}", {"optimizer.momentum": (None, 0.9)}),
    ("variants.relu_100_sgd.optimizer.learning_rate=0.1", {"optimizer.learning_rate": (0.01, 0.1)}),
    ("variants.relu_100_sgd.optimizer.learning_rate=0.00001", {"optimizer.learning_rate": (0.01, 1e-05)}),
    ("++variants.dropout_30_best.optimizer.learning_rate=0.1", {"optimizer.learning_rate": (0.001, 0.1)}),
    (
        "variants.exponential_decay.optimizer.learning_rate.decay_rate=0.9",
        {"optimizer.learning_rate.decay_rate": (0.5, 0.9)},
    ),
    (
        "variants.exponential_decay.optimizer.learning_rate.class=InverseTimeDecay",
        {"optimizer.learning_rate.class": ("ExponentialDecay", "InverseTimeDecay")},
    ),
    ("++variants.relu_100_adam.loss.ignore_class=-1", {"loss.ignore_class": (None, -1)}),
    ("variants.thoracic_mse.loss.class=Poisson", {"loss.class": ("MeanSquaredError", "Poisson")}),
    ("++variants.thoracic_mse.metrics.accuracy.threshold=0.4", {"metrics.accuracy.threshold": (None, 0.4)}),
    (
        "variants.dropout_30_early_stop.callbacks.early_stopping.patience=3",
        {"callbacks.early_stopping.patience": (2, 3)},
    ),
    (
        "variants.step_schedule.callbacks.schedule.schedule.epoch_5=0.1",
        {"callbacks.schedule.schedule.epoch_5": (0.5, 0.1)},
    ),
    (
        "~variants.dropout_30_best.callbacks",
        {"callbacks": ({"best": VARIANTS["dropout_30_best"]["callbacks"]["best"]}, None)},
    ),
    ("++variants.wide_and_deep_two_outputs.graph.units=40", {"graph.units": (30, 40)}),
    ("variants.wide_and_deep_two_outputs.loss_weights.main=0.8", {"loss_weights.main": (0.9, 0.8)}),
    ("variants.wide_and_deep_two_inputs.inputs.deep=Latitude Longitude", {"inputs.deep": ([5, 6, 7], [6, 7])}),
    ("variants.thoracic_logistic.estimator.max_iter=500", {"estimator.max_iter": (1000, 500)}),
    ("++variants.thoracic_logistic.estimator.C=0.5", {"estimator.C": (None, 0.5)}),
    ("++variants.thoracic_mse.split=published", {"split": ("clean", "published")}),
    ("++variants.relu_100_adam.jit_compile=false", {"jit_compile": (True, False)}),
    # All that have it from a base.
    ("bases.dense_30_30.batch_size=10", {"batch_size": (30, 10)}),
    ("bases.regularized_64_dropout.layers.dropout.rate=0.4", {"layers.dropout.rate": (0.5, 0.4)}),
]  # fmt: skip


def concerned_by(override: str) -> set[str]:
    section, name, *_ = override.lstrip("+~").split(".")
    return {name} if section == "variants" else {each for each in VARIANTS if PARAMS.variants[each].base == name}


def sets_of_experiments() -> list[dict[str, dict[str, Any]]]:
    """The overrides in sets in which none concerns a variant of another: DVC parses the file for half a second."""
    sets: list[dict[str, dict[str, Any]]] = []
    for override, changes in EXPERIMENTS:
        others = (each for each in sets if all(concerned_by(override).isdisjoint(concerned_by(one)) for one in each))
        into = next(others, None)
        if into is None:
            sets.append(into := {})
        into[override] = changes
    return sets


@pytest.mark.catalogue
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("overrides", sets_of_experiments(), ids=len)
def test_an_override_of_an_experiment_changes_the_recipe_of_its_variant(
    overrides: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    apply_overrides(path, list(overrides))
    params = read_params(path)
    expected = {name: changes for override, changes in overrides.items() for name in concerned_by(override)}
    before, after = made(), dict(resolve.recipes(params))
    assert {each for each in after if before[each] != after[each]} == expected.keys()
    assert all(map(concerned_by, overrides))
    restricted = params.model_copy(update={"variants": {each: params.variants[each] for each in expected}})
    completed = configure.complete_recipes(restricted, configure.complete_splits(restricted))
    assert {each: recipe_differences(before[each], completed[each]) for each in expected} == expected


# Differences and the catalogue


def test_recipes_differ_by_their_values_and_not_by_their_seeds() -> None:
    one = recipe_of("relu_100")
    assert recipe_differences(one, one) == {}
    assert recipe_differences(one, {**one, "seed": 7, "seeds": 3}) == {}
    assert recipe_differences(one, {**one, "epochs": 7, "split": "full"}) == {
        "split": ("holdout", "full"), "epochs": (5, 7)
    }  # fmt: skip


def test_a_difference_has_the_place_that_an_override_takes() -> None:
    one, other = recipe_of("relu_100"), recipe_of("dropout_30")
    assert recipe_differences(one, other) == {
        "layers.dropout": (None, {"class": "Dropout", "rate": 0.3}),
        "optimizer.class": ("RMSprop", "Adam"),
        "epochs": (5, 20),
    }
    assert recipe_differences(other, one) == {place: (b, a) for place, (a, b) in recipe_differences(one, other).items()}


def test_an_object_in_place_of_a_number_is_one_difference() -> None:
    schedule = recipe_of("exponential_decay")["optimizer"]["learning_rate"]
    assert recipe_differences(recipe_of("constant_rate"), recipe_of("exponential_decay")) == {
        "optimizer.learning_rate": (0.001, schedule)
    }


def test_the_seed_of_an_argument_is_compared() -> None:
    one = recipe_of("dropout_30")
    other = deepcopy(one)
    other["layers"]["dropout"]["seed"] = 3
    assert recipe_differences(one, other) == {"layers.dropout.seed": (None, 3)}


def test_the_catalogue_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    catalogue = configure.catalogue_of(PARAMS)
    write_catalogue(catalogue, path)
    assert read_catalogue(path) == catalogue
    assert list(read_catalogue(path).variants) == list(VARIANTS)
    assert catalogue.datasets["thoracic"] == ("clean", "published")
    assert catalogue.variants["dropout_30_best"] == VariantEntry(
        "fashion_mnist", "holdout", "Dropout 0.3, best epoch", PARAMS.variants["dropout_30_best"].base
    )
    assert catalogue.title("thoracic_logistic") == "Logistic regression"
    assert catalogue.title("gone") == "gone"
    named = Catalogue({"a": VariantEntry("d", "s", "größer", None)}, {"d": ("s",)})
    write_catalogue(named, path)
    assert read_catalogue(path) == named
    assert "größer" in path.read_text(encoding="utf-8")


def test_a_catalogue_that_is_not_there_names_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.json: expected the file that `dvc repro configure` leaves, got none"):
        read_catalogue(tmp_path / "none.json")


def test_a_title_is_the_variants_own() -> None:
    catalogue = configure.catalogue_of(parse_params(with_base({})))
    assert (catalogue.title("theirs"), catalogue.title("mine")) == ("A base", "mine")


# The splits


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("thoracic.splits.clean.stratfy", True, "no such key"),
        ("thoracic.splits.clean.columns_left_out", "patiennt", "names of columns among patient, DGN, "),
        ("thoracic.splits.clean.columns_left_out", ["patient"], "names separated by spaces"),
        ("thoracic.splits.clean.columns_left_out", None, "names separated by spaces"),
        ("thoracic.splits.clean.test.rows", "stratifed", "one of 'random', 'stratified', "),
        ("thoracic.splits.clean.test.rows", None, "one of 'random', 'stratified', "),
        ("thoracic.splits.clean.test", 0.2, "a mapping"),
        ("thoracic.splits.clean.test.column", "AGE", "no column beside rows: stratified"),
        ("thoracic.splits.clean.repeats", 0, "a number greater than 0"),
        ("thoracic.splits.clean.repeats", 1001, "a number of at most 1000"),
        ("thoracic.splits.clean.repeats", "3", "an integer"),
        ("fashion_mnist.splits.holdout.scaling", "unti", "one of 'unit', 'standard' or 'none'"),
        ("fashion_mnist.splits.holdout.repeats", 3, "test.rows among random, stratified, group"),
        ("fashion_mnist.splits.holdout.validation.size", 2.0, "a share between 0 and 1 or a number of rows, got 2.0"),
        ("fashion_mnist.splits.holdout.validation.size", 0, "a share between 0 and 1 or a number of rows, got 0"),
        ("fashion_mnist.splits.holdout.validation.size", "all", "a share between 0 and 1 or a number of rows"),
        ("fashion_mnist.splits.holdout.validation.size", True, "a share between 0 and 1 or a number of rows"),
        ("fashion_mnist.splits.holdout.validation.size", MISSING, "a value"),
        ("fashion_mnist.splits.holdout.validation.size", 60_000, "a share between 0 and 1 or a number of rows from 1"),
        ("housing.splits.single.random_state", None, "an integer beside test.rows: random"),
        ("housing.splits.single.random_state", 2**32, "a number less than"),
        ("housing.splits.single.test.rows", "stratified", "a data set of classes beside stratified"),
        ("housing.splits.single.scaling", "unit", "standard or none for columns"),
        ("housing.splits.single.validation.column", "Latitude", "no column beside rows: last"),
        ("thoracic.splits.published.random_state", 42, "none, since no part is drawn at random"),
    ],
)
def test_a_mistake_in_a_split_is_told_before_anything_is_removed(place: str, value: Any, expected: str) -> None:
    def check(content: Any) -> Any:
        return configure.complete_splits(parse_params(content))

    line = only_line(check, changed(f"datasets.{place}", value))
    assert re.match(rf"datasets\.{place}: expected {re.escape(expected)}", line), line
    assert ", got " in line


def test_the_mistakes_of_all_splits_are_told_at_once() -> None:
    content = deepcopy(CONTENT)
    content["datasets"]["thoracic"]["splits"]["clean"]["columns_left_out"] = "DG"
    content["datasets"]["housing"]["splits"]["single"]["scaling"] = "unit"
    with pytest.raises(ValueError, match="DG") as caught:
        configure.complete_splits(parse_params(content))
    places = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert places == ["datasets.housing.splits.single.scaling", "datasets.thoracic.splits.clean.columns_left_out"]


def test_the_options_of_a_split_are_complete_and_name_nothing_that_is_not_there() -> None:
    splits = configure.complete_splits(PARAMS)
    assert splits["thoracic"] == {
        "clean": {
            "validation": {"rows": "stratified", "size": 0.25},
            "test": {"rows": "stratified", "size": 0.2},
            "random_state": 42,
            "repeats": PARAMS.datasets["thoracic"].splits["clean"].repeats,
            "columns_left_out": ["patient"],
            "scaling": "standard",
        },
        "published": {"scaling": "none"},
    }
    assert splits["fashion_mnist"]["full"]["validation"] == {"rows": "random", "size": 5000}


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
def test_a_data_set_without_a_module_is_told() -> None:
    content = CONTENT | {"datasets": CONTENT["datasets"] | {"mnist": CONTENT["datasets"]["housing"]}}
    with pytest.raises(ValueError, match=r"^datasets\.mnist: expected a data set among .*, got 'mnist'$"):
        configure.complete_splits(parse_params(content))


@pytest.mark.bad_input("a data set's module", "fields that contradict each other")
@pytest.mark.parametrize(
    ("metric", "known"),
    [("mse", "accuracy, average_precision, log_loss, roc_auc"), ("overfitting", "acc"), ("acuracy", "accuracy")],
)
def test_a_metric_that_ranks_nothing_is_told(metric: str, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thoracic, "SPEC", replace(thoracic.SPEC, ranked_by=metric))
    line = only_line(configure.complete_splits, PARAMS)
    assert line.startswith(f"stages/datasets/thoracic.py, SPEC.ranked_by: expected one of {known}")
    assert line.endswith(f", got {metric!r}")


@pytest.mark.bad_input("params.yaml", "classes and arguments that the library does not take")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"optimizer": {"class": "Adam", "amsgrad": "no"}}, "optimizer.amsgrad"),
        ({"optimizer": {"class": "Adam", "beta_1": None}}, "optimizer.beta_1"),
        ({"callbacks": {"stop": {"class": "EarlyStopping", "patience": None}}}, "callbacks.stop.patience"),
        ({"callbacks": {"plateau": {"class": "ReduceLROnPlateau", "min_lr": "x"}}}, "callbacks.plateau.min_lr"),
    ],
)
def test_what_is_a_number_or_a_truth_value_by_default_takes_nothing_else(block: dict[str, Any], place: str) -> None:
    ((key, value),) = block.items()
    line = only_line(completed, changed(f"variants.relu_100.{key}", value))
    assert line.startswith(f"variants.relu_100.{place}: expected ")
