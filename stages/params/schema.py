"""What may stand in `params.yaml`: structure, types and ranges.

Keras's and scikit-learn's own classes and arguments are checked where they are built (`stages.training.builder`).
"""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Count = Annotated[int, Field(gt=0, lt=2**31)]  # what NumPy and TensorFlow can count by
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Spec = Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=1)]
"""One object: {ClassName: {argument: value}}."""


MOST_SHOWN = 300  # characters
MOST_NAMES = 12  # shown of those that a name might have been
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 4, 10, 10
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MOST_SHOWN

MOST_LAYERS = 1000
"""How often one line of `layers` may stand for a layer: Keras builds ten of them in a tenth of a second."""


def _one_layer(layer: dict[str, Any]) -> dict[str, Any]:
    classes = [key for key in layer if key != "repeat"]
    if len(classes) != 1:
        raise ValueError(f"one layer, {{Class: {{argument: value}}}}|{classes or 'none'}")
    if not isinstance(layer[classes[0]], dict):
        raise ValueError(f"{{{classes[0]}: {{argument: value}}}}|{shown(layer[classes[0]])}")
    if not (type(times := layer.get("repeat", 1)) is int and 0 < times <= MOST_LAYERS):
        raise ValueError(f"repeat to be an integer from 1 to {MOST_LAYERS}|{shown(times)}")
    return layer


Layer = Annotated[dict[str, Any], AfterValidator(_one_layer)]
"""One layer, {ClassName: {argument: value}}, and perhaps how often it stands there: `repeat`."""
OptimizerOverride = Annotated[Spec, BeforeValidator(lambda value: {value: {}} if isinstance(value, str) else value)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RawFile(_Strict):
    """One raw file: its checksum, its size in bytes, and where it can be had, in the order to try."""

    name: FileName
    sha256: Sha256
    bytes: Count
    urls: Annotated[list[Url], Field(min_length=1)]


class Dataset(_Strict):
    """A data set: its raw files, the mirror's folder that holds them, and its splits (read by its own module)."""

    mirror: FileName
    files: Annotated[list[RawFile], Field(min_length=1)]
    splits: Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]


class Variant(_Strict):
    """One block of `variants`: a Keras model by its layers or its graph, or a scikit-learn estimator."""

    dataset: Name
    split: Name
    layers: Annotated[list[Layer], Field(min_length=1)] | None = None
    graph: Spec | None = None
    estimator: Spec | None = None
    inputs: dict[Name, Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]] | None = None
    optimizer: Spec | None = None
    loss: str | None = None
    loss_weights: dict[Name, Positive] | None = None
    metrics: list[str] = []
    batch_size: Count = 32  # Keras's own default
    epochs: Count | None = None
    callbacks: dict[str, dict[str, Any]] = {}
    jit_compile: bool | None = None
    cross_validation: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Variant":
        kinds = [kind for kind in ("layers", "graph", "estimator") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"one of layers, graph and estimator|{' and '.join(kinds) or 'none of them'}")
        of_all = {"dataset", "split", "layers", "graph", "estimator"}
        of_keras = Variant.model_fields.keys() - {"cross_validation"}
        allowed = of_all | {"cross_validation"} if self.estimator is not None else of_keras
        foreign = self.model_fields_set - allowed
        if foreign:
            raise ValueError(f"no {', '.join(sorted(foreign))} beside {kinds[0]}|{', '.join(sorted(foreign))}")
        missing = [
            key for key in ("optimizer", "loss", "epochs") if self.estimator is None and getattr(self, key) is None
        ]
        if missing:
            raise ValueError(f"{', '.join(missing)} beside {kinds[0]}|a block without")
        return self


Document = Literal["A", "B", "C", "D", "E"]


class Published(_Strict):
    """A figure that a source document prints, and how far ours may lie from it."""

    document: Document
    variant: Name
    part: Literal["training", "validation", "test", "cross_validation", "model"]
    metric: Name
    epoch: Count | None = None
    value: Annotated[float, Field(allow_inf_nan=False)]
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Member(_Strict):
    """A variant in a study: what it is compared by and with, unless as the study says, and what the claim expects."""

    variant: Name
    expected: Literal["better", "worse"] | None = None
    baseline: Name | None = None
    metric: Name | None = None


class Study(_Strict):
    """A claim of the source documents, and the comparisons that answer it."""

    question: str
    claim: str
    documents: Annotated[list[Document], Field(min_length=1)]
    baseline: Name
    metric: Name | None = None
    members: Annotated[list[Member], Field(min_length=1)]


class Params(_Strict):
    """The whole of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    repeats: Count
    jit_compile: bool
    dropout: Rate | None
    epochs: Count | None
    learning_rate: Positive | None
    batch_size: Count | None
    optimizer: OptimizerOverride | None
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    studies: dict[Name, Study]
    published: list[Published]


_EXPECTED = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "extra_forbidden": "no such key",
    "string_pattern_mismatch": "text that matches {pattern}",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "dict_type": "a mapping",
    "list_type": "a list",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "literal_error": "one of {expected}",
}


def explain(error: ValidationError, path: str = "") -> str:
    """One line per mistake: its path in `params.yaml`, what was expected and what came."""
    return "\n".join(_line(mistake, path) for mistake in error.errors())


def _line(mistake: Any, path: str) -> str:
    for part in mistake["loc"]:
        if part == "[key]":  # pydantic's word for "the key itself"
            continue
        key = str(part)[:MOST_SHOWN]
        path += f"[{part}]" if isinstance(part, int) else f".{key}" if path else key
    if mistake["type"] == "missing":
        return f"{path}: expected a value, got nothing"
    if mistake["type"] == "value_error":
        expected, _, got = str(mistake["ctx"]["error"]).partition("|")
        return f"{path}: expected {expected}, got {got}"
    expected = _EXPECTED.get(mistake["type"], mistake["msg"]).format(**mistake.get("ctx", {}))
    got = mistake["input"]
    hint = " (YAML reads 1e-3 as text; write 0.001)" if isinstance(got, str) and _is_exponential(got) else ""
    return f"{path}: expected {expected}, got {shown(got)}{hint}"


def _is_exponential(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "e" in text.lower()


class _StrictLoader(yaml.SafeLoader):
    """Refuses a mapping that holds a key twice, where YAML would silently keep the last one, and names its lines."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, AttributeError, KeyError) as error:  # `2020-13-45` is no date, `!!int abc` none
            problem = f"{shown(node.value)} ({error})"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[Any] = []  # not all that YAML takes for a key has a hash
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                name = self.construct_object(key, deep=True)
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"{name!r} stands there twice", problem_mark=key.start_mark
                    )
                seen.append(name)
        return super().construct_mapping(node, deep)


def read_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate the parameters.

    Raises: ValueError with one line per mistake: its path in the file, what was expected and what came.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{path}{line}: expected YAML, got {error.problem or error.context}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: expected YAML in UTF-8, got: {' '.join(str(error).split())}") from None
    return parse_params(content)


def parse_params(content: Any) -> Params:
    """Validate parameters that are already read; see `read_params`."""
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise ValueError(explain(error)) from None
    except UnicodeEncodeError as error:  # YAML can spell half a character: "\\ud800"
        raise ValueError(f"params.yaml: expected whole Unicode characters, got {shown(error.object)}") from None
    mistakes = []
    for name, variant in params.variants.items():
        if variant.dataset not in params.datasets:
            mistakes.append(unknown(f"variants.{name}.dataset", params.datasets, variant.dataset))
        elif variant.split not in params.datasets[variant.dataset].splits:
            splits = params.datasets[variant.dataset].splits
            mistakes.append(unknown(f"variants.{name}.split", splits, variant.split))
    for name, study in params.studies.items():
        named = {"baseline": study.baseline}
        for index, member in enumerate(study.members):
            named |= {f"members[{index}].variant": member.variant}
            named |= {f"members[{index}].baseline": member.baseline} if member.baseline else {}
            if member.variant == (member.baseline or study.baseline):
                place = f"studies.{name}.members[{index}].variant"
                mistakes.append(f"{place}: expected another variant than its baseline, got {member.variant!r}")
        for place, variant_name in named.items():
            if variant_name not in params.variants:
                mistakes.append(unknown(f"studies.{name}.{place}", params.variants, variant_name))
    for index, figure in enumerate(params.published):
        if figure.variant not in params.variants:
            mistakes.append(unknown(f"published[{index}].variant", params.variants, figure.variant))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return params


def shown(value: Any) -> str:
    """The value as a message shows it: like `repr`, of no more than a few lines however large it is."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = f"{type(value).__name__} of too many digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def unknown(path: str, known: Iterable[str], got: Any) -> str:
    """Say that a name is none of the known ones, with those that are like it."""
    known = sorted(known)
    close = get_close_matches(got, known, n=3) if isinstance(got, str) else []
    others = f" or another of {len(known)}" if not close and len(known) > MOST_NAMES else ""
    return f"{path}: expected one of {', '.join(close or known[:MOST_NAMES])}{others}, got {shown(got)}"
