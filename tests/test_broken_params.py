"""Broken `params.yaml` by the hundred: `configure` answers each with its own message, naming the place, or takes it."""

import inspect
import os
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import keras
import pytest
import sklearn.linear_model
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from stages import configure
from stages.recipes.schema import parse_params, read_params
from stages.training import graphs

CONTENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "params.yaml").read_text(encoding="utf-8"))
# One of each kind of block: layers, every kind of argument that is an object, callbacks, graphs, inputs, estimators.
VARIANTS = [
    "dropout_30_early_stop", "exponential_decay", "step_schedule", "l2_l1_max_norm_dropout", "selu_100_layers",
    "thoracic_msle", "wide_and_deep_two_outputs", "sgd_classifier", "thoracic_logistic", "housing_linear",
]  # fmt: skip
PLACE = re.compile(r"^[\w.\[\]]*.*: .*expected .*got", re.DOTALL)
MANY = 5000
FEW = 150

TEXTS = st.sampled_from(
    ["", "a; touch pwned", "$(touch pwned)", "`touch pwned`", "../x", "/etc/passwd", ".", "..", "a b", "-h", "a\nb", "\0",
     "größe", "\u202e", "\ud800", "x" * 5000, "1e-3", "nan", "${seed}", "None", "lambda x: x", "__class__", "relu",
     "val_loss", "Dense", "Adam", "layers", "softmax", "fashion_mnist", "holdout", "accuracy"]
) | st.text(max_size=20)  # fmt: skip
NUMBERS = (
    st.sampled_from([0, -1, 1, 2**31, 2**32, 2**63, 2**64, 10**30, 10**400, 1e308, -0.0, 5e-324])
    | st.integers()
    | st.floats()
)
CLASSES = st.sampled_from(
    [name for module in (keras.layers, keras.optimizers, keras.callbacks, keras.regularizers) for name in vars(module)
     if name[0].isupper()]
)  # fmt: skip
ARGUMENTS = st.sampled_from(
    "units rate axis name dtype filters kernel_size pool_size input_dim output_dim activation kernel_regularizer "
    "kernel_initializer learning_rate momentum monitor patience schedule target_shape n layer function vocabulary "
    "filepath backup_dir mean mode l2 repeat".split()
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | st.dates() | st.just(b"\xff") | CLASSES
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | CLASSES | ARGUMENTS | st.integers() | st.none(), inner, max_size=3)
        | st.builds(lambda name, arguments: {name: arguments}, CLASSES, st.dictionaries(ARGUMENTS, inner, max_size=3))
    ),
    max_leaves=6,
)


def classes_of(module: Any) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(name for name in vars(module) if not name.startswith("_")))


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the tree, from its root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def only(variant: str) -> dict[str, Any]:
    """`params.yaml` with this variant alone, and what names others left out."""
    return CONTENT | {"variants": {variant: CONTENT["variants"][variant]}, "studies": {}, "published": []}


@st.composite
def misused(draw: st.DrawFn) -> dict[str, Any]:
    """A block of well-formed mistakes: any class of Keras or scikit-learn with any arguments, where one may stand."""
    name = draw(st.sampled_from(VARIANTS))
    content = only(name)
    block = content["variants"][name] = deepcopy(content["variants"][name])
    for place in draw(st.sets(st.sampled_from(["layers", "optimizer", "callbacks", "estimator", "graph"]), min_size=1)):
        if place in block or (place == "callbacks" and "estimator" not in block):
            module = {"estimator": sklearn.linear_model, "graph": graphs, "optimizer": keras.optimizers}.get(
                place, keras.callbacks if place == "callbacks" else keras.layers
            )
            class_name = draw(classes_of(module))
            try:
                own = list(inspect.signature(getattr(module, class_name)).parameters)
            except (TypeError, ValueError):
                own = []
            names = st.sampled_from([*own, "name", "dtype"]) | ARGUMENTS if own else ARGUMENTS
            spec = {class_name: draw(st.dictionaries(names, VALUES, max_size=4))}
            if place == "layers":
                block["layers"] = list(block["layers"])
                block["layers"].insert(draw(st.integers(0, len(block["layers"]) - 1)), spec)
            else:
                block[place] = spec
    return content


@st.composite
def broken(draw: st.DrawFn, tree: dict[str, Any], most: int = 3, root: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The tree with one to three things changed, taken away, put in or renamed."""
    made: Any = {"root": deepcopy(tree)}
    for _ in range(draw(st.integers(1, most))):
        candidates = [place for place in places(made) if place and place[: len(root)] == root]
        if not candidates:
            break
        *parents, last = draw(st.sampled_from(candidates))
        inner = made
        for key in parents:
            inner = inner[key]
        way = draw(st.sampled_from(["replace", "remove", "put in", "rename"]))
        if way == "replace" or last == "root":
            inner[last] = draw(VALUES)
        elif way == "remove":
            del inner[last]
        elif isinstance(inner, list):
            inner.insert(last, draw(VALUES))
        elif way == "put in":
            inner[draw(TEXTS | ARGUMENTS | CLASSES | SCALARS.filter(lambda key: key == key))] = draw(VALUES)
        else:
            inner[draw(TEXTS | ARGUMENTS | CLASSES)] = inner.pop(last)
    return made["root"]


def answer(check: Any, content: Any) -> str:
    """Check the content; what was said to it is a message with a place, or nothing."""
    try:
        check(content)
    except ValueError as error:
        for line in str(error).splitlines() or [""]:
            assert len(line) < 2000, line
        assert PLACE.match(str(error)), str(error)
        return "refused"
    return "taken"


QUICK = settings(
    max_examples=FEW, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
LONG = settings(QUICK, max_examples=MANY)


def complete(content: Any) -> None:
    configure.complete(parse_params(content))


def break_one_variant(times: settings) -> int:
    count = 0

    @times
    @given(st.sampled_from(VARIANTS).flatmap(lambda name: broken(only(name))))
    def run(content: Any) -> None:
        nonlocal count
        count += 1
        event(answer(complete, content))

    run()
    return count


@pytest.mark.usefixtures("deterministic")
@pytest.mark.bad_input("params.yaml", "one to three values, keys or blocks changed at random")
def test_fuzz(record_property, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    record_property("times", break_one_variant(QUICK))
    assert os.listdir() == []
