"""The words of the README's tables and of the report page in each language.

`<language>.yaml` has those of any project, and `project.yaml` those of this one, which come first.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stages.presentation.words.korean import Field

LANGUAGES = ("en", "ko")
NAMES = ("datasets", "titles", "leaderboards", "metrics", "figures")
"""Sections whose keys are names that users may add to."""

Strings = Mapping[str, Any]
"""{section: {key: text}}; texts may have fields of `str.format`, and those with a count forms: {one: …, other: …}."""
Text = Mapping[str, str]
"""The same text in each language: {language: text}."""


@cache
def read_strings(language: str) -> Strings:
    """Read the strings of a language: the project's before those of any project."""
    own: Strings = _read("project").get(language) or {}
    common = _read(language)
    return {section: {**(common.get(section) or {}), **(own.get(section) or {})} for section in {**common, **own}}


@cache
def _read(name: str) -> Strings:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # that in C, where it is, takes a tenth of the time
    return loader(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")).get_single_data() or {}


def text(*path: str, **fields: Any) -> Text:
    """Look up a text in each language by its keys, and fill in its fields. Fields may be texts themselves.

    A text with forms takes the form for the field `count`. In the sections `NAMES` a missing key stands for itself.

    Raises: KeyError for a missing key in any other section.
    """
    return {
        language: form(_found(language, path), fields.get("count")).format(**in_language(fields, language))
        for language in LANGUAGES
    }


def form(found: str | Mapping[str, str], count: Any) -> str:
    """Choose the form of a text for a count: `one` for exactly one where the language has it, else `other`."""
    if isinstance(found, str):
        return found
    return found["one"] if count == 1 and "one" in found else found["other"]


def _found(language: str, path: tuple[str, ...]) -> Any:
    strings: Any = read_strings(language)
    for key in path:
        if key not in strings:
            if path[0] in NAMES:
                return path[-1]
            raise KeyError(f"{language}.yaml: expected {'.'.join(path)}, got no such key")
        strings = strings[key]
    return strings


def in_language(fields: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Choose the language of the fields that are texts. Those of Korean take particles."""
    found = {name: value[language] if isinstance(value, Mapping) else value for name, value in fields.items()}
    return {name: Field(value) for name, value in found.items()} if language == "ko" else found


def joined(texts: Sequence[Text], separator: str = "; ") -> Text:
    """Join texts to one."""
    return {language: separator.join(each[language] for each in texts) for language in LANGUAGES}


def study_text(study: str, key: str, english: str) -> Text:
    """The question, the claim or the caveat (`but`) of a study: English as in `documents/`, else its translation."""
    return _translated(english, "studies", study, key)


def part_text(study: str, part: int, english: str) -> Text:
    """The claim of a study's part, by its number from 1: English as in `documents/`, else its translation."""
    return _translated(english, "studies", study, "parts", part)


def title_text(variant: str, english: str | None) -> Text:
    """The title of a variant: English as `params.yaml` has it, else its translation; its name if it has no title."""
    return _translated(english, "variants", variant) if english else dict.fromkeys(LANGUAGES, variant)


def note_text(english: str) -> Text:
    """A note on a comparison or on a variant: English as `documents/` has it, else its translation."""
    return _translated(english, "notes", english)


def source_text(letter: str, english: str) -> Text:
    """The title of a source document: English as `documents/` has it, in other languages if it is translated."""
    return _translated(english, "documents", letter)


def technique_text(study: str, otherwise: Text) -> Text:
    """What a study's first comparison tries, in a few words: "Dropout"; without such words otherwise."""
    known = all(study in read_strings(language).get("techniques", {}) for language in LANGUAGES)
    return text("techniques", study) if known else otherwise


def _translated(english: str, section: str, *path: str | int) -> Text:
    texts = {}
    for language in LANGUAGES:
        found: Any = {} if language == "en" else read_strings(language).get(section, {})
        for key in path:
            found = found.get(key, {})
        texts[language] = found or english
    return texts
