"""What the search of the report page finds: questions, variants by their recipes, and places such as a metric's column.

The script searches it; nothing of it depends on what the page shows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from stages.presentation.effect_plot import claim_word, what_it_does
from stages.presentation.words import LANGUAGES, Text, joined, read_strings, text
from stages.reporting.page.answers import Question
from stages.reporting.page.boards import Board, Document
from stages.reporting.page.galleries import Gallery
from stages.reporting.page.reports import Reports

LEFT_OUT = {"class", "custom_objects", "seed", "seeds", "variant"}
"""Keys of a recipe that are no terms."""
SECTIONS = {
    "answers": ("first_screen",),
    "evidence": ("rules", "interval", "verdict", "seeds_compared"),
    "leaderboards": ("columns", "save_csv"),
    "documents": (),
    "variants": ("recipe", "layers", "curves", "confusion", "metrics"),
    "run": ("seeds", "machine", "versions", "processor", "operating_system", "data", "sha256"),
}
"""Keys of the words that tell what a section of the page has, by its place."""


def search_index(
    reports: Reports,
    asked: Sequence[Question],
    techniques: Mapping[str, Text],
    boards: Sequence[Board],
    galleries: Sequence[Gallery],
    documents: Sequence[Document],
) -> dict[str, Any]:
    """Make what the script searches.

    techniques: what a study tries, by its name. Returns, with variants by their position in `variants`:

        variants    their names
        terms       variants by a term of their recipes, such as "Dropout(rate=0.3)"
        questions   [{place, titles, words, note, variants}]
        places      [{place, titles, words, note}]
        synonyms    lists of words that stand for one another

    place: the fragment of the address; titles: texts in each language, the first of which is shown; words: further
    words, in all languages; note: a text beside the title.
    """
    positions = {name: position for position, name in enumerate(reports.names)}
    terms: dict[str, list[int]] = {}
    for name, position in positions.items():
        for term in dict.fromkeys([*_built(reports, name), *terms_of(reports.recipe(name))]):
            terms.setdefault(term, []).append(position)
    return {
        "variants": reports.names,
        "terms": terms,
        "questions": [
            {
                "place": f"study-{quote(each.name)}",
                "titles": [each.question, *filter(None, [techniques.get(each.name)])],
                "words": _words(said_of(each)),
                "note": each.answer.shown,
                "variants": [positions[name] for name in each.members if name in positions],
            }
            for each in asked
        ],
        "places": [*sections(), *columns(boards), *of_galleries(galleries), *sources(documents)],
        "synonyms": synonyms(),
    }


def said_of(question: Question) -> Iterator[Text]:
    """Yield the claims of a question, the answer, the metric that answers it, and what to know of the answer."""
    yield question.claim
    yield from (part.claim for part in question.parts if part.claim)
    yield question.answer.shown
    if question.effect:
        yield claim_word(question.effect)
        yield text("does", what_it_does(question.effect))
        yield text("metrics", question.effect.metric)
        yield from filter(None, [question.effect.caveat])


def terms_of(value: Any, owner: str = "") -> Iterator[str]:
    """Yield the classes of a recipe, and arguments as in a call: "SGD(momentum=0.9)", "epochs=5".

    value: a recipe, or a part of it; owner: the class that it is an argument of.
    """
    if isinstance(value, list):
        yield from chain.from_iterable(terms_of(each, owner) for each in value)
    if not isinstance(value, Mapping):
        return
    if "class" in value:
        owner = str(value["class"])
        yield owner
    for key, inner in value.items():
        if key in LEFT_OUT:
            continue
        argument = inner.get("class") if isinstance(inner, Mapping) and "class" in value else inner
        if argument is not None and not isinstance(argument, Mapping | list):
            yield f"{owner}({key}={argument})" if owner else f"{key}={argument}"
        yield from terms_of(inner, owner)


def _built(reports: Reports, name: str) -> Iterator[str]:
    """Yield the data set of a variant, and the classes of its layers, those that a graph has made too."""
    if dataset := reports.dataset(name):
        yield from text("datasets", dataset).values()
    yield from (layer["class"] for layer in reports.summaries.get(name, {}).get("layers", []))


def sections() -> list[dict[str, Any]]:
    """List the sections of the page."""
    strings = [read_strings(language)["page"] for language in LANGUAGES]
    return [
        _place(place, text("page", place), " ".join(each[key] for each in strings for key in keys))
        for place, keys in SECTIONS.items()
    ]


def columns(boards: Sequence[Board]) -> Iterator[dict[str, Any]]:
    """Yield the leaderboards, and the columns by which each may be sorted."""
    note = text("page", "leaderboards")
    for board in boards:
        place = f"leaderboard-{quote(board.dataset)}"
        yield _place(place, board.title, board.dataset, note)
        for each in board.columns:
            title = joined([each.heading, text("datasets", board.dataset)], ": ")
            yield _place(f"{place}?sort={'' if each.ascending else '-'}{quote(each.key)}", title, each.key, note)


def of_galleries(galleries: Sequence[Gallery]) -> Iterator[dict[str, Any]]:
    """Yield the galleries."""
    for each in galleries:
        yield _place(f"gallery-{quote(each.name)}", each.title, _words(each.captions))


def sources(documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
    """Yield the source documents."""
    for each in documents:
        title = {language: f"{each.name}: {title}" for language, title in each.title.items()}
        yield _place(f"document-{quote(each.name)}", title, each.subject, text("page", "documents"))


def synonyms() -> list[list[str]]:
    """List the words that stand for one another, those of all languages together."""
    of_languages = [read_strings(language)["synonyms"] for language in LANGUAGES]
    return [", ".join(each[key] for each in of_languages).lower().split(", ") for key in of_languages[0]]


def _place(place: str, title: Text, words: str, note: Text | None = None) -> dict[str, Any]:
    return {"place": place, "titles": [title], "words": words} | ({"note": note} if note else {})


def _words(texts: Iterable[Text]) -> str:
    return " ".join(dict.fromkeys(said for each in texts for said in each.values()))
