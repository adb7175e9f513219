"""Broken `params.yaml` by the hundred: `configure` takes it, or says what is wrong in lines that name the place."""

import inspect
import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import pytest
import sklearn.linear_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages import configure
from stages.params.schema import parse_params, read_params
from stages.params.yaml_file import read_yaml
from stages.training import graphs, schedules

PATH = Path(__file__).parents[1] / "params.yaml"
TEXT = PATH.read_text(encoding="utf-8")
CONTENT: dict[str, Any] = read_yaml(PATH)
# All kinds of blocks: layers, whatever stands for an object, callbacks, a graph with inputs, estimators; with a base.
VARIANTS = ["dropout_30_early_stop", "exponential_decay", "step_schedule", "l2_l1_max_norm_dropout", "thoracic_msle"]
VARIANTS += [
    "relu_100_adam",
    "wide_and_deep_two_outputs",
    "wide_and_deep_two_inputs",
    "sgd_classifier",
    "housing_linear",
]
MODULES = {
    "layers": keras.layers,
    "optimizer": keras.optimizers,
    "learning_rate": keras.optimizers.schedules,
    "loss": keras.losses,
    "metrics": keras.metrics,
    "kernel_regularizer": keras.regularizers,
    "kernel_constraint": keras.constraints,
    "kernel_initializer": keras.initializers,
    "callbacks": keras.callbacks,
    "schedule": schedules,
    "graph": graphs,
    "estimator": sklearn.linear_model,
}
"""Where the classes of an object are from, by the key that it or the mapping around it has."""
QUICK, LONG = 100, 1000
TIMES = pytest.mark.parametrize("times", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
Record = Callable[[str, object], None]

COMMANDS = ["a; touch pwned", "$(touch pwned)", "`touch pwned`", "a b", "-h", "a\nb", "${seed}"]
PATHS = ["../x", "/etc/passwd", ".", "..", "C:\\x", "~"]
ODD = ["", "\0", "größe", "\u202e", "\ud800", "x" * 5000, "1e-3", "nan", "None", "lambda x: x", "__class__"]
KNOWN = [
    "relu",
    "val_loss",
    "Dense",
    "Adam",
    "softmax",
    "fashion_mnist",
    "holdout",
    "accuracy",
    "name",
    "dtype",
    "repeat",
    "class",
    "base",
    "relu_100",
    "MedInc HouseAge",
    "epoch_5",
    "stratified",
]
TEXTS = st.sampled_from(COMMANDS + PATHS + ODD + KNOWN) | st.text(max_size=20)
EXTREMES = [0, -1, 1, 2**31, 2**32, 2**63, 2**64, 10**30, 10**400, 1e308, -0.0, 5e-324]
NUMBERS = st.sampled_from(EXTREMES) | st.integers() | st.floats()
CLASSES = st.sampled_from(sorted(name for module in MODULES.values() for name in vars(module) if name[0].isupper()))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | st.dates() | st.just(b"\xff") | CLASSES
KEYS = TEXTS | CLASSES | st.integers() | st.none() | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the tree, from its root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def only(variant: str) -> dict[str, Any]:
    """`params.yaml` with this variant, its base and its split alone."""
    block = deepcopy(CONTENT["variants"][variant])
    bases = {name: deepcopy(base) for name, base in CONTENT["bases"].items() if name == block.get("base")}
    splits = CONTENT["datasets"][block["dataset"]]["splits"]
    used = {each["split"]: splits[each["split"]] for each in (block, *bases.values()) if "split" in each}
    return CONTENT | {"datasets": {block["dataset"]: {"splits": used}}, "bases": bases, "variants": {variant: block}}


@st.composite
def broken(draw: st.DrawFn, tree: dict[str, Any], within: tuple[str, ...] = ()) -> dict[str, Any]:
    """The tree with up to three things within a place of it changed, taken away, put in or called otherwise."""
    made: Any = deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        inner, last = made, None
        candidates = [place for place in places(made) if place and place[: len(within)] == within]
        if not candidates:
            break
        *parents, last = draw(st.sampled_from(candidates))
        for key in parents:
            inner = inner[key]
        way = draw(st.sampled_from(["change", "take away", "put in", "call otherwise"]))
        if way == "change":
            inner[last] = draw(VALUES)
        elif way == "take away":
            del inner[last]
        elif isinstance(inner, list):
            inner.insert(last, draw(VALUES))
        else:
            inner[draw(KEYS)] = draw(VALUES) if way == "put in" else inner.pop(last)
    return made


@st.composite
def misused(draw: st.DrawFn) -> dict[str, Any]:
    """A variant that names any class or function of a library where one may stand, with any of its arguments."""
    content = only(draw(st.sampled_from(VARIANTS)))
    blocks = content["bases"] | content["variants"]
    objects = [(each, *place) for each, block in blocks.items() for place in objects_in(block)]
    place = draw(st.sampled_from(objects))
    *parents, last = place
    inner = blocks
    for key in parents:
        inner = inner[key]
    module = next(MODULES[key] for key in reversed(place) if key in MODULES)
    class_name = draw(st.sampled_from(names_in(module)))
    arguments = st.sampled_from([*arguments_of(module, class_name), "name", "dtype", "class"])
    inner[last] = {"class": class_name, **draw(st.dictionaries(arguments, VALUES, max_size=3))}
    return content


def objects_in(block: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The places of the objects in a block: of what names a class."""
    found = []
    for place in places(block):
        inner: Any = block
        for key in place:
            inner = inner[key]
        if place and isinstance(inner, dict) and "class" in inner:
            found.append(place)
    return found


def names_in(module: ModuleType) -> list[str]:
    return sorted(name for name in vars(module) if not name.startswith("_"))


def arguments_of(module: ModuleType, name: str) -> list[str]:
    try:
        return list(inspect.signature(getattr(module, name)).parameters)
    except (TypeError, ValueError):
        return []


def tried(times: int, contents: st.SearchStrategy[Any], check: Callable[[Any], object]) -> int:
    """Check so many contents: each is taken, or refused with a ValueError that says what was expected and what came."""
    count = 0

    @settings(
        max_examples=times, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(contents)
    def run(content: Any) -> None:
        nonlocal count
        count += 1
        message = refusal(check, content)
        if message is not None:
            assert re.search(r"expected|Expected", message), message
            assert re.search(r"got|Received", message), message
            assert len(message) < 100_000, message[:1000]  # however large what came is

    run()
    return count


def refusal(check: Callable[[Any], object], content: Any) -> str | None:
    try:
        check(content)
    except ValueError as error:
        return str(error)
    return None


def complete(content: Any) -> None:
    params = parse_params(content)
    configure.complete_recipes(params, configure.complete_splits(params))


@TIMES
@pytest.mark.bad_input("params.yaml", "values, keys and blocks changed at random")
def test_whatever_stands_there_is_taken_or_told_by_the_schema(times: int, record_property: Record) -> None:
    names = ("softmax", "sigmoid_100", "relu_100", "wide_and_deep", "wide_and_deep_two_outputs", "sgd_classifier")
    some = CONTENT | {"variants": {name: CONTENT["variants"][name] for name in names}}
    parse_params(some)
    record_property("times", tried(times, broken(some), parse_params))


@TIMES
@pytest.mark.usefixtures("deterministic")
@pytest.mark.bad_input("params.yaml", "a variant's values, keys and blocks changed at random")
def test_whatever_stands_in_a_variant_is_taken_or_told_before_it_trains(
    times: int, record_property: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places_of = [(name, section) for name in VARIANTS for section in ("variants", "bases") if only(name)[section]]
    contents = st.sampled_from(places_of).flatmap(lambda place: broken(only(place[0]), (place[1],)))
    record_property("times", tried(times, contents, complete))
    assert os.listdir() == []


@TIMES
@pytest.mark.usefixtures("deterministic")
@pytest.mark.filterwarnings("ignore::FutureWarning")  # scikit-learn's, of classes that it will drop
@pytest.mark.bad_input("params.yaml", "any class of Keras and scikit-learn with any of its arguments, at random")
def test_whatever_class_with_whatever_arguments_is_taken_or_told_before_it_trains(
    times: int, record_property: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record_property("times", tried(times, misused(), complete))
    assert os.listdir() == []


@TIMES
@pytest.mark.bad_input("params.yaml", "a data set's values and keys changed at random")
def test_whatever_stands_in_a_data_set_is_taken_or_told_before_anything_is_downloaded(
    times: int, record_property: Record
) -> None:
    def check(content: Any) -> None:
        configure.complete_splits(parse_params(content))

    tree = CONTENT | {"variants": {name: CONTENT["variants"][name] for name in ("thoracic_msle", "housing_linear")}}
    tree["datasets"] = {name: CONTENT["datasets"][name] for name in ("thoracic", "housing")}
    record_property("times", tried(times, broken(tree, ("datasets",)), check))


@TIMES
@pytest.mark.bad_input("params.yaml", "text cut off, put in or changed at random")
def test_whatever_text_is_taken_or_told_with_its_line(times: int, record_property: Record, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = TEXT[: TEXT.index("  relu_100_sgd:")]
    path.write_text(text, encoding="utf-8")
    read_params(path)
    odd = st.sampled_from(
        ["&a ", "*a", "!!python/object:os.system ", "? ", "- ", "[", "{", "<<: ", "%", "\t", "\0", "|", "'"]
    )
    at = st.integers(0, len(text))

    def check(edits: list[tuple[int, int, str]]) -> None:
        made = text
        for start, length, put_in in edits:
            made = made[:start] + put_in + made[start + length :]
        path.write_text(made, encoding="utf-8", errors="surrogatepass")
        read_params(path)

    edits = st.lists(st.tuples(at, st.sampled_from([0, 1, 5, 10**6]), odd | TEXTS), min_size=1, max_size=3)
    record_property("times", tried(times, edits, check))


@pytest.mark.bad_input("params.yaml", "YAML that is none: keys, dates, numbers, tags, depth, aliases")
@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("? [a]\n: b\n", "('a',): expected text as a key, got ('a',)"),
        ("{{a: b}: c}\n", "line 1: expected YAML, got found unhashable key"),
        ("seed: " + "9" * 5000, "line 1: expected YAML, got '999"),
        ("a: 1\nseed: 2020-13-45\n", "line 2: expected YAML, got '2020-13-45' (month must be in 1..12)"),
        ("seed: !!timestamp foo\n", 'line 1: expected YAML, got failed to construct timestamp from "foo"'),
        ("seed: !!int abc\n", "line 1: expected YAML, got 'abc'"),
        ("seed: !!bool abc\n", "line 1: expected YAML, got 'abc'"),
        ("seed: !!python/object/apply:os.mkdir [pwned]\n", "could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("[" * 20_000, "maximum recursion depth"),
        ("[" * 10**6 + "]" * 10**6, "maximum recursion depth"),
        ("seed: &a {b: *a}\n", "seed: expected an integer, got {'b': {"),
        ("a: &a [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1 or ''}, *a{n - 1 or ''}]\n" for n in range(1, 40)), "a39:"),
        ("seed: 0x" + "f" * 5000, "seed: expected a number less than 2147483648, got int of too many digits"),
        ("a: {" + "b: 1, " * 5000 + "c: 2}\n", "line 1: expected YAML, got found duplicate key"),
        ("a: \0", "expected YAML in UTF-8, got: unacceptable character #x0000"),
        ("", ": expected a mapping, got None"),
    ],
    ids=lambda value: value[:20],
)
def test_yaml_that_is_none_is_told_in_short_lines(
    text: str, got: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    message = refusal(read_params, tmp_path / "params.yaml")
    assert message is not None
    assert got in message
    assert max(map(len, message.splitlines())) < 2000
    assert os.listdir() == ["params.yaml"]


def test_a_name_that_is_like_none_is_told_with_a_dozen_of_the_known_ones() -> None:
    mine = CONTENT["variants"]["relu_100"] | {"base": "zzz"}
    message = refusal(parse_params, CONTENT | {"variants": CONTENT["variants"] | {"mine": mine}})
    assert message is not None
    assert f" or another of {len(CONTENT['bases']) + len(CONTENT['variants'])}, got 'zzz'" in message
    assert len(message) < 400
