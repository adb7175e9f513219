"""What people read, in each language, from `<language>.yaml`: the README's tables and the report page."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "ko")

Strings = Mapping[str, Any]
"""{section: {key: text}}; texts may hold fields of `str.format`."""
Text = Mapping[str, str]
"""The same text in each language: {language: text}."""


@cache
def read_strings(language: str) -> Strings:
    """Read the strings of a language."""
    path = Path(__file__).with_name(f"{language}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def text(section: str, key: str, /, **fields: Any) -> Text:
    """One text in each language. Fields that are texts themselves are filled in by language.

    A key that the section does not hold stands for itself: names of a variant's own metrics have no other.
    """
    return {
        language: str(read_strings(language)[section].get(key, key)).format(**in_language(fields, language))
        for language in LANGUAGES
    }


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
