"""The structure of `params.yaml`: keys, types and ranges.

Keras's and scikit-learn's own classes and arguments are checked in `stages.params.checks`.
"""

import math
from collections.abc import Iterable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    PrivateAttr,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from stages.params.base import COLLECTIONS, KINDS, at_their_source, inherit
from stages.params.messages import MAX_SHOWN, shown, spelled, unknown
from stages.params.yaml_file import read_yaml

PARAMS = Path("params.yaml")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Count = Annotated[int, Field(gt=0, lt=2**31)]  # what NumPy and TensorFlow can count by
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Device = Literal["cpu", "gpu"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]

MAX_LAYERS = 1000
"""The greatest `repeat` of a layer: Keras builds ten of them in a tenth of a second."""
MAX_REPEATS = 1000


def mistake(expected: str, got: str) -> PydanticCustomError:
    """Make the error of a validator: what was expected, and what came instead of the input itself."""
    return PydanticCustomError("mistake", "expected {expected}, got {got}", {"expected": expected, "got": got})


def _named(value: Any) -> Any:
    return {"class": value} if isinstance(value, str) else value


def _has_class(spec: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(spec.get("class"), str):
        raise mistake("{class: <name>, <argument>: <value>, …}", shown(spec))
    return spec


Spec = Annotated[dict[str, Any], BeforeValidator(_named), AfterValidator(_has_class)]
"""An object, {class: Name, argument: value, …}; its class alone if it takes no arguments."""


def _repeats(layer: dict[str, Any]) -> dict[str, Any]:
    if not (type(times := layer.get("repeat", 1)) is int and 0 < times <= MAX_LAYERS):
        raise mistake(f"repeat to be an integer from 1 to {MAX_LAYERS}", shown(times))
    return layer


def _kind_of_layer(layer: Any) -> str:
    if isinstance(layer, Block):
        return "block-of-layers"
    return "block-of-layers" if isinstance(layer, dict) and "class" not in layer and "layers" in layer else "one-layer"


Layer = Annotated[
    Annotated[Spec, AfterValidator(_repeats), Tag("one-layer")] | Annotated["Block", Tag("block-of-layers")],
    Discriminator(_kind_of_layer),
]
"""A layer or a block of layers, and perhaps how often it stands there: `repeat`."""


def _count(layers: Mapping[str, Any]) -> int:
    return sum(
        layer.repeat * _count(layer.layers) if isinstance(layer, Block) else layer.get("repeat", 1)
        for layer in layers.values()
    )


def _are_few(layers: dict[str, Any]) -> dict[str, Any]:
    if (count := _count(layers)) > MAX_LAYERS:
        raise mistake(f"at most {MAX_LAYERS} layers", f"{count:,}")
    return layers


Layers = Annotated[dict[Name, Layer], Field(min_length=1), AfterValidator(_are_few)]


def _kind_of_loss(loss: Any) -> str:
    return "losses-by-output" if isinstance(loss, dict) and "class" not in loss else "one-loss"


Loss = Annotated[
    Annotated[Spec, Tag("one-loss")] | Annotated[dict[Name, Spec], Field(min_length=1), Tag("losses-by-output")],
    Discriminator(_kind_of_loss),
]
"""One object, or an object for each output by name."""


def _is_class_weight(weights: Any) -> Any:
    is_mapping = isinstance(weights, dict) and weights != {}
    if weights != "balanced" and not is_mapping:
        raise mistake("balanced, or {<class>: <weight>, …}", shown(weights))
    for name, weight in weights.items() if is_mapping else ():
        if type(name) not in (str, int) or type(weight) not in (int, float) or not 0 <= weight < math.inf:
            raise mistake("a class and a weight of at least 0", shown({name: weight}))
    return weights


def check_class_weight(weights: Any, place: str) -> None:
    """Check weights of classes. Raises: ValueError that names the place."""
    try:
        _is_class_weight(weights)
    except PydanticCustomError as error:
        raise ValueError(f"{place}: {error.message()}") from None


ClassWeight = Annotated[Any, PlainValidator(_is_class_weight)]
"""Weights by the name or the number of a class; or the word `balanced`."""


def _words(text: Any) -> Any:
    return tuple(text.split()) if isinstance(text, str) else text


def _are_different(words: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [word for word in words if words.count(word) > 1]:
        raise mistake("each name once", f"{twice[0]} {words.count(twice[0])} times")
    return words


Words = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_are_different)]
"""Names in one text, separated by spaces: lists are rewritten whole by `dvc exp run -S`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Block(_Strict):
    """Layers that stand one after another, `repeat` times: `{repeat: 3, layers: {conv: {…}, norm: {…}}}`."""

    repeat: Annotated[int, Field(gt=0, le=MAX_LAYERS)] = 1
    layers: Layers


def _is_size(size: Any) -> Any:
    is_share = type(size) is float and 0 < size < 1
    if not (is_share or (type(size) is int and size > 0)):
        raise mistake("a share between 0 and 1 or a number of rows", shown(size))
    return size


Size = Annotated[int | float, PlainValidator(_is_size)]
"""A share of the rows that are left, or a number of rows."""


class Part(_Strict):
    """How the rows of a part are drawn, and how many; see `stages.normalization.rows`."""

    rows: Literal["random", "stratified", "group", "time", "first", "last"]
    size: Size
    column: str | None = None


class Split(_Strict):
    """A way to divide and to scale the rows of a data set."""

    train: Part | None = None
    validation: Part | None = None
    test: Part | None = None
    random_state: Annotated[int, Field(ge=0, lt=2**32 - MAX_REPEATS)] | None = None
    repeats: Annotated[int, Field(gt=0, le=MAX_REPEATS)] | None = None
    """Repetitions, drawn with random_state, random_state + 1, …"""
    columns_left_out: Words = ()
    scaling: Literal["unit", "standard", "none"]


class Dataset(_Strict):
    """A data set's splits, by name; all else is in its module."""

    splits: Annotated[dict[Name, Split], Field(min_length=1)]


class Base(_Strict):
    """One block of `bases`: keys that variants have in common; see `stages.params.base`."""

    split: Name | None = None
    layers: Layers | None = None
    graph: Spec | None = None
    estimator: Spec | None = None
    inputs: dict[Name, Annotated[Words, Field(min_length=1)]] | None = None
    """Names of the columns of each input."""
    initial_weights: Name | None = None
    """The variant that is trained before; layers of the same name start with its weights."""
    optimizer: Spec | None = None
    loss: Loss | None = None
    loss_weights: dict[Name, Positive] | None = None
    class_weight: ClassWeight | None = None
    """Weight of the training rows of each class, by its name or number, 1 for the others; or `balanced`."""
    metrics: dict[Name, Spec] | None = None
    batch_size: Count = 32  # Keras's own default
    epochs: Count | None = None
    callbacks: dict[Name, Spec] | None = None
    jit_compile: bool | None = None
    device: Device | None = None
    cross_validation: Annotated[int, Field(ge=2)] | None = None


class Variant(Base):
    """One block of `variants`, with what it has from its base: a Keras model or a scikit-learn estimator."""

    title: str | None = None
    """The name that readers see."""
    base: str | None = None
    """The block of `bases`, or the variant, from which it has what it does not declare itself."""
    dataset: Name
    split: Name

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Variant":
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise mistake("one of layers, graph and estimator", " and ".join(kinds) or "none of them")
        of_all = {"title", "base", "dataset", "split", "layers", "graph", "estimator"}
        of_keras = Variant.model_fields.keys() - {"cross_validation"}
        allowed = of_all | {"cross_validation"} if self.estimator is not None else of_keras
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        if foreign := ", ".join(sorted(given - allowed)):
            raise mistake(f"no {foreign} beside {kinds[0]}", foreign)
        needed = () if self.estimator is not None else ("optimizer", "loss", "epochs")
        if missing := ", ".join(key for key in needed if getattr(self, key) is None):
            raise mistake(f"{missing} beside {kinds[0]}", "a block without")
        if self.inputs is not None and self.graph is None:
            raise mistake("a graph beside inputs", kinds[0])
        return self


def _numbers(text: Any) -> Any:
    words = str(text).split() if isinstance(text, str | int) and not isinstance(text, bool) else []
    numbers = tuple(int(word) for word in words if word.isdecimal())
    if not numbers or len(numbers) < len(words) or sorted({*numbers}) != list(numbers) or numbers[0] < 2:
        raise mistake("rising numbers of seeds from 2 on, separated by spaces", shown(text))
    return numbers


class Comparison(_Strict):
    """By what differences are judged; see `stages.comparison`."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Of the intervals."""
    looks: Annotated[tuple[int, ...], BeforeValidator(_numbers)]
    """Numbers of seeds after which `stages.plan --until-decided` looks whether a comparison is decided."""
    worth: dict[Name, Positive]
    """The least difference that is worth having, by metric, in its unit."""


class Params(_Strict):
    """The whole of `params.yaml`; the variants with what they have from their bases."""

    seed: Seed
    seeds: Count
    jit_compile: bool
    device: Device = "cpu"
    """Where the nets train; see `stages.training.device`."""
    dropout: Rate | None
    epochs: Count | None
    learning_rate: Positive | None
    batch_size: Count | None
    optimizer: Spec | None
    custom_objects: str
    """A Python file with classes of the user's own; see `stages.training.custom_objects`."""
    comparison: Comparison
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    bases: dict[Name, Base] = {}
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]

    _content: Any = PrivateAttr(default=None)
    """The file, before the variants had anything from their bases."""

    def at_their_source(self, mistakes: Iterable[str]) -> list[str]:
        """Name the places of mistakes in a base there; see `stages.params.base`."""
        return at_their_source(mistakes, self._content)

    def block(self, variant: str) -> dict[str, Any]:
        """Copy the block of a variant as the file has it, without what it has from its base."""
        return deepcopy(dict(self._content["variants"][variant]))

    def with_variants(self, blocks: Mapping[str, Any]) -> "Params":
        """Give the parameters with more blocks of variants, which are checked like the others; see `read_params`."""
        return parse_params({**self._content, "variants": {**self._content["variants"], **blocks}})


_EXPECTED = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "extra_forbidden": "no such key",
    "invalid_key": "text as a key",
    "string_pattern_mismatch": "text that matches {pattern}",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "names separated by spaces",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "literal_error": "one of {expected}",
}
_BRANCHES = frozenset({"one-loss", "losses-by-output", "one-layer", "block-of-layers"})
"""Names of the branches of a union in pydantic's errors; they are no part of a place, and no key can be called so."""


def explain(error: ValidationError, place: str = "") -> str:
    """Write one line per mistake: its place as `-S` takes it, what was expected and what came."""
    return "\n".join(dict.fromkeys(_line(each, place) for each in error.errors()))


def _line(found: Any, place: str) -> str:
    for part in found["loc"]:
        if part == "[key]" or part in _BRANCHES:  # "[key]": pydantic's word for "the key itself"
            continue
        key = repr(str(part))[1:-1][:MAX_SHOWN]  # in one line
        place += f"[{part}]" if isinstance(part, int) else f".{key}" if place else key
    if found["type"] == "missing":
        return f"{place}: expected a value, got nothing"
    if found["type"] == "extra_forbidden" and (meant := _meant(found["loc"])) is not None:
        return f"{place}: expected {meant} as the key, got {shown(found['loc'][-1])}"
    if found["type"] == "mistake":
        return f"{place}: {found['msg']}"
    if found["type"] == "dict_type" and found["loc"] and found["loc"][-1] in COLLECTIONS:
        return f"{place}: expected a mapping, {{<name>: {{class: <name>, …}}, …}}, got {shown(found['input'])}"
    expected = _EXPECTED.get(found["type"], found["msg"]).format(**found.get("ctx", {}))
    return f"{place}: expected {expected}, got {shown(found['input'])}"


def _meant(place: tuple[int | str, ...]) -> str | None:
    """Name the key that is meant by one that is unknown, at the top or in a variant or a base."""
    if not isinstance(key := place[-1], str):
        return None
    blocks: dict[Any, type[BaseModel]] = {"variants": Variant, "bases": Base}
    model = Params if len(place) == 1 else blocks.get(place[0]) if len(place) == 3 else None
    known = [*model.model_fields] if model is not None else []
    return spelled(key, known) or next(iter(get_close_matches(key, known, n=1, cutoff=0.8)), None)


def read_params(path: Path = PARAMS) -> Params:
    """Read and validate the parameters, as YAML 1.2: `1e-05` is a number, as DVC writes it, and `no` is text.

    Raises: ValueError with one line per mistake: its place in the file, what was expected and what came.
    """
    return parse_params(read_yaml(path))


def parse_params(content: Any) -> Params:
    """Validate parameters that are already read; see `read_params`."""
    try:
        merged, mistakes = inherit(content)
        if mistakes:  # a variant without its base would have more of them
            raise ValueError("\n".join(mistakes))
        params = Params.model_validate(merged)
    except ValidationError as error:
        lines = at_their_source([*mistakes, *explain(error).splitlines()], content)
        raise ValueError("\n".join(lines)) from None
    except UnicodeEncodeError as error:  # YAML can spell half a character: "\\ud800"
        raise ValueError(f"params.yaml: expected whole Unicode characters, got {shown(error.object)}") from None
    except RecursionError:
        raise ValueError("params.yaml: expected no alias inside of what it stands for, got one") from None
    for name, variant in params.variants.items():
        if variant.dataset not in params.datasets:
            mistakes.append(unknown(f"variants.{name}.dataset", params.datasets, variant.dataset))
        elif variant.split not in params.datasets[variant.dataset].splits:
            splits = params.datasets[variant.dataset].splits
            mistakes.append(unknown(f"variants.{name}.split", splits, variant.split))
    if mistakes:
        raise ValueError("\n".join(at_their_source(mistakes, content)))
    params._content = content
    return params
