"""The report page, one HTML file that loads nothing: `render(reports, bundle)`.

`html/page.html.j2` is filled in by Jinja2, which escapes; the files of `css/` and `js/` are copied into it, in the
order of `STYLES` and `SCRIPTS`. Charts are drawn in the browser, from data that the page contains once. The insides of
the cards and of the galleries, the pixels of images and Vega's script are packed, and unpacked when they are needed.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stages.artifacts.tables import COMPARISONS, ENVIRONMENT, PUBLISHED, TRAININGS
from stages.comparison.verdicts import Answer, Verdict
from stages.datasets.spec import spec_of
from stages.presentation.colors import variant_colors
from stages.presentation.effect_plot import blocks, claim_word, tally
from stages.presentation.formats import cell
from stages.presentation.words import LANGUAGES, Text, joined, read_strings, text
from stages.reporting.page.answers import Question, questions
from stages.reporting.page.boards import Board, documents, leaderboards, published_rows
from stages.reporting.page.cards import Card, make_card
from stages.reporting.page.changes import before, changed, with_curves_before
from stages.reporting.page.charts import Plotted, axes, confusions, curves_of, reliabilities
from stages.reporting.page.compared import comparison_data, sample_of
from stages.reporting.page.explore import board, data_sets, explored
from stages.reporting.page.galleries import galleries
from stages.reporting.page.images import missing_images, sheets
from stages.reporting.page.packed import packed
from stages.reporting.page.reports import Reports
from stages.reporting.page.search import search_index
from stages.reporting.page.sentences import parts_sentence, sentence
from stages.reporting.vega import Bundle

FOLDER = Path(__file__).parent
STYLES = ("base", "bar", "changed", "answers", "evidence", "tables", "charts", "explore", "cards", "small", "print")
SCRIPTS = (
    *("base", "elements", "language", "colors", "search", "tables", "cards", "charts_curves", "charts_others"),
    *("charts", "charts_tools", "graphs", "images", "explore", "compare", "folds", "start"),
)
NO_COLOR = "#808080"
"""Color of a variant that is not in the catalogue."""
SCRIPT_WORDS = {
    "page": (
        *("actual", "close_all", "compared", "confidence", "copied", "open_all", "predicted"),
        *("predictions", "right", "share", "test_rows", "title"),
        *("compare_chosen", "compare_this", "in_best", "off_scale", "rows", "the_best"),
        *("found", "nothing_found", "places", "questions", "variants"),
        *("against", "better_in", "both", "cell", "chance_of_rows", "chance_of_seeds", "closer", "confusions"),
        *("confusions_key", "confusions_of", "curves", "curves_legend", "difference_of", "differences", "disagree_in"),
        *("disagreements", "facts", "image_of", "images_of", "interval", "layer", "multiply_adds"),
        *("not_comparable", "of_class", "of_study", "one_seed_only", "other_disagreements", "part", "place"),
        *("recall", "recipes_differ", "right_alone", "same_recipe", "save_as", "seeds_compared", "show_all", "verdict"),
        *("choose_second", "of_seed", "whole", "zoom_in"),
    ),
    "effects": ("points",),
    "metrics": ("near_zero_weights",),
    "table": ("epoch", "epochs", "parameters", "part", "range", "variant"),
    "parts": ("test", "training", "validation"),
    "verdicts": tuple(Verdict),
}
"""Keys of the words that the script uses, by section."""


@dataclass(frozen=True)
class DataFile:
    """A file of a data set as published."""

    dataset: Text
    name: str
    bytes: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Data, recipes, machine, versions and seeds of the run."""

    files: list[DataFile]
    recipes: int
    recipes_hash: str
    """SHA-256 over all recipes with their names."""
    seeds: list[int]
    machine: dict[str, str]
    """Values by their key in the words; empty if the machine is not known."""
    versions: Mapping[str, str]


def render(reports: Reports, bundle: Bundle) -> str:
    """Make the page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    environment.filters |= {
        "shown": shown,
        "attribute": attribute,
        "cell": cell,
        "breakable": breakable,
        "titled": titled,
        "packed": packed,
    }
    environment.globals |= {
        "text": text,
        "sentence": sentence,
        "parts_sentence": parts_sentence,
        "claim_word": claim_word,
    }
    return environment.get_template("page.html.j2").render(
        **variables(reports),
        css=Markup(inlined("css", STYLES)),  # noqa: S704 (our own)
        js=script(inlined("js", SCRIPTS)),
        bundle=bundle,
        licenses=Markup(bundle.licenses),  # noqa: S704 (`licenses` raises if one ends the comment)
    )


def inlined(kind: str, names: Sequence[str]) -> str:
    """Read the files of a kind, `css` or `js`, one after the other."""
    return "\n".join((FOLDER / kind / f"{name}.{kind}").read_text(encoding="utf-8") for name in names)


def shown(content: Text | str) -> Markup:
    """Make the element of a text, which the script translates; a string is only escaped."""
    if isinstance(content, str):
        return escape(content)
    if len(set(content.values())) == 1:
        return escape(content["en"])
    return Markup('<span data-ko="{ko}">{en}</span>').format_map(content)


def attribute(content: Text, name: str) -> Markup:
    """Make an attribute of a text, which the script translates."""
    return Markup('{name}="{en}" data-ko-{name}="{ko}"').format(name=name, **content)


def breakable(name: str) -> Markup:
    """Let a name be broken after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def titled(title: Text | str) -> Markup:
    """Make the element of a variant's title, which may be its name."""
    if isinstance(title, str):
        return breakable(title)
    return breakable(title["en"]) if len(set(title.values())) == 1 else shown(title)


def script(content: str) -> Markup:
    """Make the content of a script element. Raises: ValueError if it would end the element."""
    if "</script" in content.lower() or "<!--" in content:
        raise ValueError("expected a script without </script and <!--, got one with them")
    return Markup(content)  # noqa: S704 (our own, and a package's)


def variables(reports: Reports) -> dict[str, Any]:
    """Make the variables of the template."""
    names = reports.names
    titles = {name: reports.title(name) for name in names}
    colors = dict.fromkeys(names, NO_COLOR) | variant_colors(reports.catalogue, reports.studies)
    plotted = Plotted({name: curves_of(history) for name, history in reports.histories.items()}, titles)
    asked = questions(reports, plotted)
    cards = [make_card(reports, name, plotted, asked, colors[name]) for name in names]
    not_measurable = [card.name for card in cards if card.not_measurable]
    boards = leaderboards(reports, asked, titles, not_measurable)
    plot = blocks([each.effect for each in asked])
    techniques = {row.study: row.title for block in plot for row in block.rows}
    shown_documents, shown_galleries = documents(reports, asked), galleries(reports, titles)
    samples = {name: sample for name in reports.images if (sample := sample_of(reports, name))}
    with_before = with_curves_before(plotted, reports)
    deciding = reports.deciding
    return {
        "cards": cards,
        "questions": asked,
        "leaderboards": boards,
        "published": published_rows(reports.tables[PUBLISHED], deciding[PUBLISHED], reports.dataset),
        "documents": shown_documents,
        "counts": counts(reports, asked),
        "plot": plot,
        "changed": changed(reports, with_before, asked),
        "tally": tally(plot),
        "claims": claims(asked),
        "basis": basis(reports),
        "rules": rules(deciding[COMPARISONS]),
        "notes": reports.notes,
        "curves_seed": text("page", "curves_seed", own=_range(reports.seeds)) if reports.several else None,
        "own_seed": _range(reports.seeds),
        "missing": missing(reports, asked, cards, boards),
        "galleries": shown_galleries,
        "sheets": sheets(reports.pictured.images),
        "explored": explored(reports, titles),
        "compared": comparison_data(reports),
        "samples": {name: content for name, (_, content) in samples.items()},
        "run": run(reports),
        "titles": titles,
        "data": {
            "colors": colors | {before(each.variant): NO_COLOR for each in reports.changes.variants},
            "titles": with_before.titles,
            "curves": with_before.curves,
            "confusion": confusions(reports.confusion),
            "reliability": reliabilities(reports.reliability),
            "differences": {each.name: each.points for each in asked},
            "search": search_index(reports, asked, techniques, boards, shown_galleries, shown_documents),
            "axes": axes(reports, plotted),
            "board": board(reports),
            "sets": data_sets(reports),
            "samples": {name: header for name, (header, _) in samples.items()},
            "seed": reports.seeds[0] if len(set(reports.seeds)) == 1 else None,
            "strings": {language: script_words(language) for language in LANGUAGES},
        },
    }


def missing(reports: Reports, asked: Sequence[Question], cards: Sequence[Card], boards: Sequence[Board]) -> list[Text]:
    """List what the page lacks."""
    return [
        *([] if reports.environment else [text("page", "no_environment", path=ENVIRONMENT)]),
        *(each for question in asked for each in question.missing),
        *(each for card in cards for each in card.missing),
        *(each for board in boards for each in board.missing),
        *missing_images(reports),
    ]


def script_words(language: str) -> dict[str, dict[str, Any]]:
    """Select the words that the script uses."""
    strings = read_strings(language)
    return {section: {key: strings[section][key] for key in keys} for section, keys in SCRIPT_WORDS.items()}


def counts(reports: Reports, asked: Sequence[Question]) -> Text:
    """Count what was asked and done; of published values only if there are any."""
    results = reports.deciding[PUBLISHED]["result"]
    found = [
        text("page", "questions_of", count=len(asked)),
        text("page", "variants_of", count=len(reports.names)),
        text("page", "trainings_of", count=len(reports.deciding[TRAININGS])),
    ]
    if len(results):
        found.append(text("page", "published_of", count=len(results), reproduced=_reproduced(results)))
    said = joined(found, ", ")
    if len(results) and reports.several:
        own = _reproduced(reports.tables[PUBLISHED]["result"])
        said = joined([said, text("page", "by_means", own=_range(reports.seeds), reproduced=own)], "")
    return {language: f"{each}." for language, each in said.items()}


def _reproduced(results: pd.Series) -> int:
    return int((results == "reproduced").sum())


def claims(asked: Sequence[Question]) -> dict[str, int]:
    """Count the questions by answer, in the order of `Answer`."""
    found = Counter(each.answer.answer for each in asked)
    return {str(answer): found[answer] for answer in Answer if found[answer]}


def basis(reports: Reports) -> Text:
    """Tell which seeds the answers are from."""
    seeds = sorted(reports.deciding[TRAININGS]["seed"].unique())
    compared = reports.deciding[COMPARISONS]
    own = _range(reports.seeds)
    if len(seeds) < 2:
        return text("page", "basis_one" if seeds else "basis_none", own=own)
    key = "basis_several" if reports.several else "basis_own_several"
    counts = sorted({int(count) for count in compared["seeds"] if count > 1}) or [len(seeds)]
    of_comparisons = text("table", "range", low=counts[0], high=counts[-1]) if len(counts) > 1 else str(counts[0])
    return text("page", key, own=own, seeds=of_comparisons, first=seeds[0], last=seeds[-1])


def rules(compared: pd.DataFrame) -> list[Text]:
    """Tell how a difference is judged and a claim answered. compared: the comparisons that do."""
    looks = compared["looks"].max()
    return [text("page", key) for key in ("verdicts", "answered")] + (
        [text("page", "looks", count=int(looks))] if looks > 1 else []
    )


def _range(seeds: Sequence[int]) -> str:
    return "–".join(map(str, dict.fromkeys([*seeds[:1], *seeds[-1:]])))


def run(reports: Reports) -> RunFacts:
    """Collect the data, the recipes and the machine of the run."""
    recipes = hashlib.sha256()
    for name, content in sorted(reports.recipes.items()):
        recipes.update(f"{name}\n".encode() + content)
    environment = reports.environment
    processor = environment.get("processor", {})
    machine = {
        "processor": processor.get("name"),
        "instructions": " ".join(processor.get("instructions", [])),
        "operating_system": environment.get("operating_system"),
        "c_library": environment.get("c_library"),
        "training_threads": environment.get("training_threads"),
        "linear_algebra": ", ".join(environment.get("linear_algebra", {})),
    }
    return RunFacts(
        files=[
            DataFile(text("datasets", dataset), file.name, f"{file.bytes:,}", file.sha256)
            for dataset in reports.catalogue.datasets
            for file in spec_of(dataset).files
        ],
        recipes=len(reports.recipes),
        recipes_hash=recipes.hexdigest(),
        seeds=reports.seeds,
        machine={key: value for key, value in machine.items() if value},
        versions={"python": environment["python"], **environment["libraries"]} if environment else {},
    )
