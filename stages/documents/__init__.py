"""The source documents as data: what they are, what they claim and which values they print.

The folder `documents/` holds

    sources.yaml   the documents by letter: title, subject
    studies.yaml   claims, and the comparisons that answer them
    variants.yaml  which documents describe a variant, and which of its settings are ours
    published.csv  printed values, and how far ours may lie from them

A missing file counts as an empty one. Nothing in them changes a training.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from stages.params.messages import shown
from stages.params.schema import Count, Name, explain, mistake
from stages.params.yaml_file import read_yaml

SOURCES = Path("documents/sources.yaml")
STUDIES = Path("documents/studies.yaml")
DESCRIBED = Path("documents/variants.yaml")
PUBLISHED_VALUES = Path("documents/published.csv")

Letter = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
"""A document's key in `sources.yaml`."""

NonBlank = Annotated[str, StringConstraints(pattern=r"\S")]

Parsed = TypeVar("Parsed")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Source(_Entry):
    """A source document."""

    title: NonBlank
    subject: NonBlank


class Described(_Entry):
    """The documents that describe a variant, and the settings that are not theirs."""

    documents: Annotated[list[Letter], Field(min_length=1)]
    ours: NonBlank | None = None


class Member(_Entry):
    """A variant in a study, and the verdict that the claim expects of it.

    Without a baseline or a metric of its own it has those of the study.
    """

    variant: Name
    expected: Literal["better", "worse", "same"] | None = None
    baseline: Name | None = None
    metric: Name | None = None
    clean: bool = True
    """Whether the pair differs in nothing but what the claim is about."""
    note: NonBlank | None = None


class ClaimedMember(Member):
    """A member in a part of a claim."""

    expected: Literal["better", "worse", "same"]


class Part(_Entry):
    """A part of a claim, or without a claim of its own all of it: it holds if all of its members are as expected."""

    claim: NonBlank | None = None
    members: Annotated[list[ClaimedMember], Field(min_length=1)]


class Study(_Entry):
    """A claim, and the comparisons that answer it. The first is the one that tables and pictures show."""

    question: NonBlank
    claim: NonBlank
    documents: list[Letter] = []
    baseline: Name
    metric: Name | None = None
    but: NonBlank | None = None
    """What to know of the answer."""
    parts: list[Part] = []
    """Without any, the study claims nothing."""
    beside: list[Member] = []
    """Members that are shown beside the claim."""

    @model_validator(mode="after")
    def _has_members(self) -> "Study":
        if not self.members:
            raise mistake("members in parts or beside", "none")
        return self

    @property
    def members(self) -> list[Member]:
        """All members, in their order."""
        return [*(member for part in self.parts for member in part.members), *self.beside]


class PublishedValue(_Entry):
    """A value that a document prints, and how far ours may lie from it.

    Without an epoch it is that of the saved model; with one, counted from 1, that of the history.
    """

    document: Letter
    variant: Name
    part: Literal["training", "validation", "test", "cross_validation", "model"]
    metric: Name
    epoch: Count | None = None
    value: Annotated[float, Field(allow_inf_nan=False)]
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)]


def read_sources(path: Path = SOURCES) -> dict[str, Source]:
    """Read the documents by letter. Raises: ValueError with one line per mistake."""
    return _validated(TypeAdapter(dict[Letter, Source]), path)


def read_studies(path: Path = STUDIES) -> dict[str, Study]:
    """Read the studies by name, in the order of the file. Raises: ValueError with one line per mistake."""
    return _validated(TypeAdapter(dict[Name, Study]), path)


def read_described(path: Path = DESCRIBED) -> dict[str, Described]:
    """Read what the documents describe, by variant. Raises: ValueError with one line per mistake."""
    return _validated(TypeAdapter(dict[Name, Described]), path)


def read_published(path: Path = PUBLISHED_VALUES) -> list[PublishedValue]:
    """Read the published values; the value at index i stands in line i + 2 of the file.

    Raises: ValueError with one line per mistake.
    """
    columns = list(PublishedValue.model_fields)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = list(csv.reader(file, strict=True)) or [columns]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: expected comma-separated values in UTF-8, got: {error}") from None
    if header != columns:
        raise ValueError(f"{path}, line 1: expected {','.join(columns)}, got {shown(','.join(header))}")
    values, mistakes = [], []
    for line, cells in enumerate(lines, start=2):
        if len(cells) != len(columns):
            mistakes.append(f"{path}, line {line}: expected {len(columns)} columns, got {len(cells)}")
            continue
        row = {name: _parsed(name, cell) for name, cell in zip(columns, cells, strict=True) if cell}
        try:
            values.append(PublishedValue.model_validate(row))
        except ValidationError as error:
            mistakes += [f"{path}, line {line}, {mistake}" for mistake in explain(error).splitlines()]
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return values


def _parsed(column: str, cell: str) -> Any:
    kinds: Mapping[str, type[int] | type[float]] = {"epoch": int, "value": float, "tolerance": float}
    try:
        return kinds[column](cell) if column in kinds and "_" not in cell else cell
    except ValueError:
        return cell  # the validation says what was expected


def _validated(adapter: TypeAdapter[Parsed], path: Path) -> Parsed:
    """Read and validate a file of YAML; a missing file counts as an empty one."""
    content = read_yaml(path) if path.exists() else None
    try:
        return adapter.validate_python({} if content is None else content)
    except ValidationError as error:
        # A mistake in the whole file has no place in it, and begins with the colon.
        mistakes = (mistake if mistake.startswith(": ") else f", {mistake}" for mistake in explain(error).splitlines())
        raise ValueError("\n".join(f"{path}{mistake}" for mistake in mistakes)) from None
    except UnicodeEncodeError as error:  # YAML can spell half a character: "\\ud800"
        raise ValueError(f"{path}: expected whole Unicode characters, got {shown(error.object)}") from None
