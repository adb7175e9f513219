"""The folder `documents/`: what it holds, and which line names a mistake in it."""

from pathlib import Path
from typing import Any

import pytest

from stages.documents import (
    DESCRIBED,
    PUBLISHED_VALUES,
    SOURCES,
    STUDIES,
    Described,
    PublishedValue,
    Source,
    Study,
    read_described,
    read_published,
    read_sources,
    read_studies,
)
from stages.documents.checks import check_described, check_published, check_studies
from stages.params.schema import Params

ROOT = Path(__file__).resolve().parents[1]
HEADER = "document,variant,part,metric,epoch,value,tolerance\n"
DATASETS = {"plain": "images", "new": "images", "other": "images", "houses": "houses"}
METRICS = {"images": ("accuracy", "log_loss"), "houses": ("mse",)}
DOCUMENTS = {letter: Source(title="It", subject="Models") for letter in "AB"}


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_repositorys_own_documents_are_read() -> None:
    sources = read_sources(ROOT / SOURCES)
    assert list(sources) == ["A", "B", "C", "D", "E"]
    studies = read_studies(ROOT / STUDIES)
    assert {letter for study in studies.values() for letter in study.documents} == sources.keys()
    published = read_published(ROOT / PUBLISHED_VALUES)
    assert len(published) >= 56
    assert published[3] == PublishedValue(
        document="B", variant="softmax", part="training", metric="loss", epoch=5, value=0.4356, tolerance=0.03
    )


def test_without_files_there_are_no_documents(tmp_path: Path) -> None:
    assert read_sources(tmp_path / "none") == {}
    assert read_studies(tmp_path / "none") == {}
    assert read_published(tmp_path / "none") == []


def test_empty_files_are_as_good_as_none(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    assert (read_sources(path), read_studies(path), read_published(path)) == ({}, {}, [])
    assert read_published(written(tmp_path, HEADER)) == []


def test_a_study_of_ones_own_needs_no_document(tmp_path: Path) -> None:
    text = "mine: {question: Q?, claim: C, baseline: plain, beside: [{variant: new, note: longer}]}"
    study = read_studies(written(tmp_path, text))["mine"]
    assert (study.documents, study.parts) == ([], [])
    assert (study.members[0].note, study.members[0].clean) == ("longer", True)


def test_the_members_of_a_study_are_those_of_its_parts_and_those_beside_them(tmp_path: Path) -> None:
    text = """
mine:
  question: Q?
  claim: C
  baseline: plain
  but: one epoch
  parts:
    - claim: D
      members: [{variant: a, expected: better}, {variant: b, expected: same}]
    - members: [{variant: c, expected: worse}]
  beside: [{variant: d, clean: false}]
"""
    study = read_studies(written(tmp_path, text))["mine"]
    assert [member.variant for member in study.members] == ["a", "b", "c", "d"]
    assert [part.claim for part in study.parts] == ["D", None]
    assert study.but == "one epoch"


@pytest.mark.bad_input("documents", "studies: YAML that is none, values and keys that are none")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("it: {question: Q", r", line \d+: expected YAML, got .+"),
        ("it: {}\nit: {}", r", line 2: expected YAML, got .*duplicate key.*"),
        (b"\xff", r": expected YAML in UTF-8, got: .+"),
        ("[]", r": expected a mapping, got \[\]"),
        ("it: {question: !!int x}", r", line 1: expected YAML, got .+"),
        (
            "It: {question: Q?, claim: C, baseline: b, beside: [{variant: a}]}",
            r", It: expected text that matches .*, got 'It'",
        ),
        ("it: 3", r", it: expected a mapping, got 3"),
        ("it: {question: Q?, claim: C, baseline: b}", r", it: expected members in parts or beside, got none"),
        ("it: {question: Q?, claim: C, baseline: b, parts: [{}]}", r", it\.parts\[0\]\.members: expected a value, .*"),
        (
            "it: {question: Q?, claim: C, baseline: b, parts: [{members: [{variant: a}]}]}",
            r", it\.parts\[0\]\.members\[0\]\.expected: expected a value, got nothing",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, parts: [{claim: ' ', members: [{variant: a, expected: same}]}]}",
            r", it\.parts\[0\]\.claim: expected text that matches .*, got ' '",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, beside: [{variant: a, clean: 0}]}",
            r", it\.beside\[0\]\.clean: expected true or false, got 0",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, members: [{variant: a}], beside: [{variant: a}]}",
            r", it\.members: expected no such key, got .*",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, beside: [{variant: a, expected: beter}]}",
            r", it\.beside\[0\]\.expected: expected one of 'better', 'worse' or 'same', got 'beter'",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, beside: [{variant: a, expectd: better}]}",
            r", it\.beside\[0\]\.expectd: expected no such key, got 'better'",
        ),
        (
            "it: {question: Q?, claim: C, baseline: b, parts: [{members: []}]}",
            r", it\.parts\[0\]\.members: expected at least 1 .*",
        ),
        (
            "it: {question: Q?, claim: C, documents: [A B], baseline: b, beside: [{variant: a}]}",
            r", it\.documents\[0\]: expected text that matches .*, got 'A B'",
        ),
        (
            'it: {question: "\\ud800", claim: C, baseline: b, beside: [{variant: a}]}',
            r", it\.question: expected .*unicode.*",
        ),
    ],
)
def test_a_mistake_in_the_studies_is_named_in_a_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=rf"^{path}{message}$") as raised:
        read_studies(path)
    assert "\n" not in str(raised.value)


def test_a_description_of_a_variant_that_is_not_there_is_named() -> None:
    described = {"nwe": Described(documents=["F"], ours="all"), "new": Described(documents=["A"])}
    with pytest.raises(ValueError, match=r"variants\.yaml") as raised:
        check_described(described, DATASETS, DOCUMENTS)
    assert str(raised.value).splitlines() == [
        f"{DESCRIBED}, nwe: expected one of new, got 'nwe'",
        f"{DESCRIBED}, nwe.documents[0]: expected one of A, B, got 'F'",
    ]


def test_the_repositorys_own_descriptions_are_of_its_variants(params: Params) -> None:
    described = read_described(ROOT / DESCRIBED)
    check_described(described, params.variants, read_sources(ROOT / SOURCES))
    assert sum(each.ours is not None for each in described.values()) > 25


def test_a_source_needs_a_title(tmp_path: Path) -> None:
    path = written(tmp_path, "F: {subject: Models}")
    with pytest.raises(ValueError, match=rf"^{path}, F\.title: expected a value, got nothing$"):
        read_sources(path)


def test_a_source_has_no_language(tmp_path: Path) -> None:
    path = written(tmp_path, "F: {title: It, subject: Models, language: en}")
    with pytest.raises(ValueError, match=rf"^{path}, F\.language: expected no such key, got 'en'$"):
        read_sources(path)


def test_numbers_are_read_as_params_yaml_has_them(tmp_path: Path) -> None:
    # One reader of YAML 1.2 for all files: with another, an error in a number had no line.
    path = written(tmp_path, "a: {title: It, subject: 1e-05}\nb: {title: It, subject: !!float x}")
    with pytest.raises(ValueError, match=rf"^{path}, line 2: expected YAML, got 'x' \(.+\)$"):
        read_sources(path)


@pytest.mark.bad_input("documents", "published values: another header, too many or too few cells, no numbers")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", ": expected comma-separated values in UTF-8, got: .+"),
        ('"a', ": expected comma-separated values in UTF-8, got: .+"),
        ("document,variant\n", ", line 1: expected document,.*,tolerance, got 'document,variant'"),
        (HEADER + "A,new,test,accuracy,,0.5\n", ", line 2: expected 7 columns, got 6"),
        (HEADER + "\nA,new,test,accuracy,,0.5,0.1\n", ", line 2: expected 7 columns, got 0"),
        (HEADER + "A,new,test,accuracy,,,0.1\n", ", line 2, value: expected a value, got nothing"),
        (HEADER + "A,new,test,accuracy,,half,0.1\n", ", line 2, value: expected a number, got 'half'"),
        (HEADER + "A,new,test,accuracy,,1_0,0.1\n", ", line 2, value: expected a number, got '1_0'"),
        (HEADER + "A,new,test,accuracy,,nan,0.1\n", ", line 2, value: expected a finite number, got nan"),
        (HEADER + "A,new,test,accuracy,1.5,0.5,0.1\n", ", line 2, epoch: expected an integer, got '1.5'"),
        (HEADER + "A,new,test,accuracy,0,0.5,0.1\n", ", line 2, epoch: expected a number greater than 0, got 0"),
        (HEADER + "A,new,test,accuracy,,0.5,-1\n", ", line 2, tolerance: expected a number of at least 0.*, got -1.0"),
        (HEADER + "A,new,tset,accuracy,,0.5,0.1\n", ", line 2, part: expected one of .*, got 'tset'"),
    ],
)
def test_a_mistake_in_the_published_values_is_named_in_a_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=rf"^{path}{message}$"):
        read_published(path)


def study(**changes: Any) -> Study:
    parts = [{"members": [{"variant": "new", "expected": "better"}]}]
    base = {"question": "?", "claim": "it is", "documents": ["A"], "baseline": "plain", "parts": parts}
    return Study.model_validate(base | changes)


def test_studies_of_what_is_there_are_let_through() -> None:
    asked = study(metric="accuracy", beside=[{"variant": "new"}, {"variant": "new", "baseline": "other"}])
    check_studies({"it": asked, "mine": study(documents=[])}, DATASETS, METRICS.__getitem__, DOCUMENTS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"documents": ["A", "F"]}, "documents[1]: expected one of A, B, got 'F'"),
        ({"baseline": "plane"}, "baseline: expected one of plain, got 'plane'"),
        ({"beside": [{"variant": "nwe"}]}, "beside[0].variant: expected one of new, got 'nwe'"),
        (
            {"parts": [{"members": [{"variant": "new", "expected": "same"}, {"variant": "nwe", "expected": "worse"}]}]},
            "parts[0].members[1].variant: expected one of new, got 'nwe'",
        ),
        (
            {"beside": [{"variant": "new"}, {"variant": "new", "baseline": "plan"}]},
            "beside[1].baseline: expected one of plain, got 'plan'",
        ),
        (
            {"beside": [{"variant": "plain"}]},
            "beside[0].variant: expected another variant than its baseline, got 'plain'",
        ),
        (
            {"beside": [{"variant": "houses"}]},
            "beside[0].variant: expected a variant of images, the baseline's data set, got 'houses'",
        ),
        ({"metric": "mse"}, "metric: expected one of accuracy, log_loss, got 'mse'"),
        (
            {"beside": [{"variant": "new", "metric": "acuracy"}]},
            "beside[0].metric: expected one of accuracy, got 'acuracy'",
        ),
    ],
)
def test_a_study_of_what_is_not_there_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"documents.studies\.yaml") as raised:
        check_studies({"it": study(**changes)}, DATASETS, METRICS.__getitem__, DOCUMENTS)
    assert str(raised.value) == f"{STUDIES}, it.{message}"


def test_a_document_without_sources_is_named() -> None:
    with pytest.raises(ValueError, match=r"it\.documents\[0\]: expected a key of .*sources.yaml, got 'A'$"):
        check_studies({"it": study()}, DATASETS, METRICS.__getitem__, {})


def test_a_published_value_of_a_part_that_the_variant_lacks_is_named() -> None:
    base = {"document": "A", "variant": "new", "metric": "accuracy", "value": 0.5, "tolerance": 0.1}
    values = [
        PublishedValue.model_validate(base | {"part": "test"}),
        PublishedValue.model_validate(base | {"part": "validation", "epoch": 3}),
    ]
    with pytest.raises(ValueError, match=r"documents.published\.csv") as raised:
        check_published(values, DATASETS, lambda _: [], DOCUMENTS)
    assert str(raised.value).splitlines() == [
        f"{PUBLISHED_VALUES}, line 2, part: expected a part with values of the saved model new, got 'test'",
        f"{PUBLISHED_VALUES}, line 3, part: expected a part with values of new in epoch 3, got 'validation'",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"part": "training", "epoch": 3}, None),
        ({"document": "F"}, "document: expected one of A, B, got 'F'"),
        ({"variant": "nwe"}, "variant: expected one of new, got 'nwe'"),
        ({"part": "training"}, "epoch: expected an epoch beside training, got none"),
        ({"part": "model", "epoch": 3}, "epoch: expected none beside model, got 3"),
        ({"metric": "acuracy"}, "metric: expected one of accuracy, got 'acuracy'"),
    ],
)
def test_a_published_value_that_nothing_measures_is_named(changes: dict[str, Any], message: str | None) -> None:
    base = {"document": "A", "variant": "new", "part": "test", "metric": "accuracy", "value": 0.5, "tolerance": 0.1}
    values = [PublishedValue.model_validate(base), PublishedValue.model_validate(base | changes)]
    if message is None:
        check_published(values, DATASETS, lambda value: METRICS[DATASETS[value.variant]], DOCUMENTS)
        return
    with pytest.raises(ValueError, match=r"documents.published\.csv") as raised:
        check_published(values, DATASETS, lambda value: METRICS[DATASETS[value.variant]], DOCUMENTS)
    assert str(raised.value) == f"{PUBLISHED_VALUES}, line 3, {message}"
