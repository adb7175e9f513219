"""Every public class of Keras is taken by `configure`, or refused with a reason."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import pytest
from keras_classes import (
    MODULES,
    alternatives,
    as_spec,
    classes_of,
    default_arguments,
    keras_trains,
    recipes_with,
    refusal,
    spec_of,
)

from stages.params import checks
from stages.params.checks import step
from stages.params.checks.specs import accepted_arguments
from stages.params.checks.usable import UNUSABLE
from stages.training import builder
from stages.training.objects import build
from stages.training.recipe import Recipe, Spec

pytestmark = pytest.mark.usefixtures("deterministic")

ALL = [(module, name) for module in MODULES for name in classes_of(module)]
NEVER_FITS = "Accuracy"
"""A metric of classes that are equal: outputs are probabilities."""
USABLE = [
    (module, name) for module, name in ALL if name not in UNUSABLE.get(module.__name__, {}) and name != NEVER_FITS
]
NOT_SAVED_WITH_A_POLICY = ("ELU", "Identity")
"""Layers without a configuration of their own: Keras 3.15 cannot save their dtype if it is an object."""
POLICY: Spec = {"class": "DTypePolicy", "name": "float32"}
NOT_OURS = {("reduction", "none"), ("monitor", "accuracy")}
"""Documented values that fit no small recipe here: a loss of several numbers, and a metric that is not there."""
each_class = pytest.mark.parametrize(
    ("module", "name"), USABLE, ids=[f"{module.__name__}.{name}" for module, name in USABLE]
)


def refusals(module: ModuleType, spec: Spec) -> list[str]:
    """What `configure` says of each recipe; empty if it takes one of them."""
    found = []
    for recipe, shape, classes in recipes_with(module, spec):
        line = refusal(recipe, shape, classes)
        if line is None:
            return []
        found.append(line)
    return found


@each_class
def test_a_class_of_keras_is_taken(module: ModuleType, name: str) -> None:
    assert refusals(module, spec_of(name, classes_of(module)[name])) == []


@pytest.mark.bad_input("params.yaml", "classes of Keras that a recipe has no use for")
@pytest.mark.parametrize(
    ("module_name", "name"), [(module, name) for module, names in UNUSABLE.items() for name in names]
)
def test_a_class_that_a_recipe_has_no_use_for_is_refused_with_a_reason(module_name: str, name: str) -> None:
    module = next(each for each in MODULES if each.__name__ == module_name)
    found = set(refusals(module, {"class": name}))
    (line,) = {re.sub(r"^variants\.it\.[\w.]+: ", "", each) for each in found}
    assert line == f"expected {UNUSABLE[module_name][name]}, got {name}"


@pytest.mark.slow
@each_class
def test_every_argument_may_be_written_with_its_default(module: ModuleType, name: str) -> None:
    constructor = classes_of(module)[name]
    given = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs")).get(name, {})
    written = {key: value for key, value in default_arguments(constructor).items() if key not in given}
    assert refusals(module, {**written, **spec_of(name, constructor)}) == []


@pytest.mark.slow
@each_class
def test_an_object_is_taken_with_its_own_config(module: ModuleType, name: str) -> None:
    constructor = classes_of(module)[name]
    spec = spec_of(name, constructor)
    given: dict[str, Any] = builder.files_of_callbacks(Path("best.weights.h5"), Path("logs")).get(name, {})
    made = build(module, spec, "it", builder.NESTED, **given)
    if not hasattr(made, "get_config"):
        pytest.skip("it has no configuration")
    config = as_spec({"class_name": name, "config": made.get_config()})
    accepted = {"class", *accepted_arguments(constructor)} - ({"name"} if module is not keras.dtype_policies else set())
    if module is keras.layers and name in NOT_SAVED_WITH_A_POLICY:
        assert "that Keras can save and load, got: Object" in " ".join(refusals(module, {**spec, "dtype": POLICY}))
        accepted.remove("dtype")
    assert refusals(module, {key: value for key, value in config.items() if key in accepted}) == []


@pytest.mark.slow
@each_class
def test_what_keras_can_do_with_the_values_of_its_documentation_is_taken(module: ModuleType, name: str) -> None:
    constructor = classes_of(module)[name]
    for argument, value in alternatives(constructor):
        if (argument, value) in NOT_OURS:
            continue
        spec = {**spec_of(name, constructor), argument: value}
        assert not (found := refusals(module, spec)) or not keras_trains(module, spec), (argument, value, found)


@pytest.mark.slow
@each_class
def test_what_is_taken_to_be_compiled_is_converted_by_xla(
    module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recipe, shape, classes in recipes_with(module, spec_of(name, classes_of(module)[name])):
        compiled: Recipe = {**recipe, "jit_compile": True}
        monkeypatch.setattr(checks, "_passed", set())
        taken = refusal(compiled, shape, classes)
        if taken is None:
            with monkeypatch.context() as asked:
                asked.setattr(checks, "_passed", set())
                asked.setattr(step, "COMPILED", ())  # XLA is asked of all of them
                assert refusal(compiled, shape, classes) is None
            break
