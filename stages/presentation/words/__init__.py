"""What people read, in each language, from `<language>.yaml`: the README's tables and the report page."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "ko")
NAMES = ("datasets", "documents", "titles", "leaderboards", "metrics", "figures")
"""Sections by names that people may add to."""

Strings = Mapping[str, Any]
"""{section: {key: text}}; texts may hold fields of `str.format`. One that counts may have forms: {one: …, other: …}."""
Text = Mapping[str, str]
"""The same text in each language: {language: text}."""


@cache
def read_strings(language: str) -> Strings:
    """Read the strings of a language."""
    path = Path(__file__).with_name(f"{language}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def text(*path: str, **fields: Any) -> Text:
    """One text in each language, by its keys. Fields that are texts themselves are filled in by language.

    Of a text with forms it is that for the field `count`.

    Raises: KeyError for a key that is not there, but in the sections whose keys are names of the project's user: there
    such a name stands for itself.
    """
    return {
        language: form(_found(language, path), fields.get("count")).format(**in_language(fields, language))
        for language in LANGUAGES
    }


def form(found: str | Mapping[str, str], count: Any) -> str:
    """The form of a text for a count: `one` for exactly one where the language has it, else `other`."""
    if isinstance(found, str):
        return found
    return found["one"] if count == 1 and "one" in found else found["other"]


def _found(language: str, path: tuple[str, ...]) -> Any:
    strings: Any = read_strings(language)
    for key in path:
        if key not in strings:
            if path[0] in NAMES:
                return path[-1]
            raise KeyError(f"{language}.yaml: expected {'.'.join(path)}, got nothing of that name")
        strings = strings[key]
    return strings


def in_language(fields: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Choose the language of the values that are texts."""
    return {name: value[language] if isinstance(value, Mapping) else value for name, value in fields.items()}


def joined(texts: list[Text], separator: str = "; ") -> Text:
    """One text of several."""
    return {language: separator.join(each[language] for each in texts) for language in LANGUAGES}


def study_text(name: str, key: str, english: str) -> Text:
    """The question or the claim of a study, which is English in `params.yaml`, and English where none is translated."""
    return {
        language: english if language == "en" else read_strings(language)["studies"].get(name, {}).get(key, english)
        for language in LANGUAGES
    }
