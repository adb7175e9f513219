"""The words of every language: each is complete, and says the same."""

import string
from collections.abc import Iterator
from typing import Any

import pytest

from stages.documents import Study, read_described, read_sources, read_studies
from stages.params.schema import read_params
from stages.presentation import determinism
from stages.presentation.words import (
    LANGUAGES,
    part_text,
    read_strings,
    study_text,
    technique_text,
    text,
    title_text,
)
from stages.presentation.words.korean import Field


def leaves(strings: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text by its keys; of one with forms all in one."""
    if isinstance(strings, str):
        yield path, strings
    elif "other" in strings:
        yield path, " ".join(strings.values())
    else:
        for key, inner in strings.items():
            yield from leaves(inner, f"{path}.{key}")


def fields(content: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(content) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_there_in_every_language_with_the_same_fields(language: str) -> None:
    translated = (".studies.", ".documents.", ".variants.", ".notes.")  # their English is in documents/ and params.yaml
    here = {path: said for path, said in leaves(read_strings(language)) if not path.startswith(translated)}
    english = dict(leaves(read_strings("en")))
    assert here.keys() == english.keys()
    assert [path for path, said in here.items() if fields(said) != fields(english[path])] == []
    assert [path for path, said in here.items() if not said.strip()] == []


def to_translate(study: Study) -> dict[str, Any]:
    """The texts of a study that need a translation, without those that it does not have."""
    parts = {number: part.claim for number, part in enumerate(study.parts, start=1) if part.claim}
    texts = {"question": study.question, "claim": study.claim, "but": study.but, "parts": parts}
    return {key: said for key, said in texts.items() if said}


@pytest.mark.catalogue
@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_text_of_the_documents_and_every_title_is_translated(language: str) -> None:
    translated, studies, variants = read_strings(language), read_studies(), read_params().variants
    assert translated["studies"].keys() == studies.keys()
    for name, study in studies.items():
        said, needed = translated["studies"][name], to_translate(study)
        assert said.keys() == needed.keys(), name
        assert said.get("parts", {}).keys() == needed.get("parts", {}).keys(), name
    assert translated["documents"].keys() == read_sources().keys()
    assert translated["variants"].keys() == {name for name, variant in variants.items() if variant.title}


@pytest.mark.catalogue
def test_every_study_has_words_for_what_its_first_comparison_tries() -> None:
    assert read_strings("en")["techniques"].keys() == {*read_studies(), determinism.NAME}
    question = {"en": "Is it?", "ko": "그렇습니까?"}
    assert technique_text("dropout", question) == {"en": "Dropout", "ko": "드롭아웃"}
    assert technique_text("nobodys", question) == question


@pytest.mark.catalogue
@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_note_on_a_comparison_or_a_variant_is_translated(language: str) -> None:
    notes = {member.note for study in read_studies().values() for member in study.members if member.note}
    notes |= {described.ours for described in read_described().values() if described.ours}
    assert read_strings(language)["notes"].keys() == notes


@pytest.mark.catalogue
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_variants_of_a_data_set_have_one_title(language: str) -> None:
    variants = read_params().variants
    titles = [(each.dataset, title_text(name, each.title)[language]) for name, each in variants.items()]
    assert len(set(titles)) == len(titles)


def test_a_text_without_a_translation_is_english_and_a_variant_without_a_title_has_its_name() -> None:
    assert study_text("nobodys", "but", "only here")["ko"] == "only here"
    assert part_text("dropout", 99, "a part more")["ko"] == "a part more"
    assert part_text("dropout", 2, "It overfits less") == {"en": "It overfits less", "ko": "과대적합이 덜합니다"}
    assert title_text("mine", "Mine")["ko"] == "Mine"
    assert title_text("mine", None) == dict.fromkeys(LANGUAGES, "mine")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        *(("42", "42로 42를 42가"), ("43", "43으로 43을 43이"), ("1", "1로 1을 1이"), ("100", "100으로 100을 100이")),
        *(("정확도", "정확도로 정확도를 정확도가"), ("훈련 손실", "훈련 손실로 훈련 손실을 훈련 손실이")),
        *(
            ("Adam", "Adam으로 Adam을 Adam이"),
            ("MSE", "MSE로 MSE를 MSE가"),
            ("시드 9개(약)", "시드 9개(약)으로 시드 9개(약)을 시드 9개(약)이"),
        ),
    ],
)
def test_a_korean_particle_fits_the_word_before_it(word: str, said: str) -> None:
    field = Field(word)
    assert f"{field:으로/로} {field:을/를} {field:이/가}" == said
    assert f"{Field(1000):,} {Field(0.25):.1f}" == "1,000 0.2"


def test_a_text_that_nobody_wrote_is_told() -> None:
    with pytest.raises(KeyError, match=r"page\.nothing"):
        text("page", "nothing")
    assert text("metrics", "my_own_metric")["ko"] == "my_own_metric"


@pytest.mark.parametrize(
    ("count", "english", "korean"),
    [(1, "1 epoch", "에포크 1회"), (2, "2 epochs", "에포크 2회"), (7.4, "7.4 epochs", "에포크 7.4회")],
)
def test_a_text_that_counts_has_the_form_for_its_count(count: float, english: str, korean: str) -> None:
    assert text("page", "epochs_of", count=count) == {"en": english, "ko": korean}
