"""The report page, one HTML file that loads nothing: `render(reports, bundle)`.

`html/page.html.j2` is filled in by Jinja2, which escapes; the files of `css/` and `js/` are copied into it, in the order
of `STYLES` and `SCRIPTS`. Charts are drawn in the browser, from data that the page contains once.
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
from stages.comparison.verdicts import Answer
from stages.datasets.spec import spec_of
from stages.presentation.colors import variant_colors
from stages.presentation.formats import cell
from stages.presentation.words import LANGUAGES, Text, read_strings, source_text, text
from stages.reporting.page.answers import Question, questions
from stages.reporting.page.boards import NO_COLOR, leaderboards, published_rows
from stages.reporting.page.cards import make_card
from stages.reporting.page.charts import Plotted, confusions, curves_of, reliabilities
from stages.reporting.page.pictures import galleries, missing_pictures
from stages.reporting.page.plot import blocks, parts_sentence, sentence, tally
from stages.reporting.page.reports import Reports
from stages.reporting.vega import Bundle

FOLDER = Path(__file__).parent
STYLES = ("base", "bar", "answers", "evidence", "tables", "charts", "cards", "small", "print")
SCRIPTS = ("base", "language", "colors", "search", "tables", "cards", "charts", "start")
SCRIPT_WORDS = {
    "page": (
        *("actual", "close_all", "compared", "confidence", "found_questions", "found_variants", "high", "low"),
        *("open_all", "predicted", "predictions", "right", "rows", "share", "test_rows", "title"),
    ),
    "table": ("epoch", "part", "variant"),
    "parts": ("training", "validation"),
}
"""Keys of the words that the script uses, by section."""


@dataclass(frozen=True)
class Document:
    """A source document, and what it treats."""

    name: str
    title: Text
    subject: str
    """In English, in every language of the page; empty if it is unknown."""


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
    }
    environment.globals |= {"text": text}
    return environment.get_template("page.html.j2").render(
        **variables(reports),
        css=Markup(joined("css", STYLES)),  # noqa: S704 (our own)
        js=script(joined("js", SCRIPTS)),
        bundle=bundle,
        bundle_script=script(bundle.script),
        licenses=Markup(bundle.licenses),  # noqa: S704 (`licenses` raises if one ends the comment)
    )


def joined(kind: str, names: Sequence[str]) -> str:
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
    boards = leaderboards(reports, colors, titles, not_measurable)
    plot = blocks(asked)
    missing = [
        *([] if reports.environment else [text("page", "no_environment", path=ENVIRONMENT)]),
        *(each for question in asked for each in question.missing),
        *(each for card in cards for each in card.missing),
        *(each for board in boards for each in board.missing),
        *missing_pictures(reports),
    ]
    deciding = reports.deciding
    return {
        "cards": cards,
        "questions": asked,
        "leaderboards": boards,
        "published": published_rows(reports.tables[PUBLISHED], deciding[PUBLISHED], colors, reports.dataset),
        "documents": documents(reports, asked),
        "counts": counts(reports, asked),
        "plot": plot,
        "techniques": {row.study: row.title for block in plot for row in block.rows},
        "tally": tally(plot),
        "claims": claims(asked),
        "sentences": {each.name: sentence(each) for each in asked},
        "parts_sentences": {each.name: parts_sentence(each) for each in asked},
        "basis": basis(reports),
        "rules": rules(deciding[COMPARISONS]),
        "notes": reports.notes,
        "own_seed": _range(reports.seeds),
        "missing": missing,
        "galleries": galleries(reports),
        "run": run(reports),
        "titles": titles,
        "data": {
            "colors": colors,
            "titles": titles,
            "curves": plotted.curves,
            "confusion": confusions(reports.confusion),
            "reliability": reliabilities(reports.reliability),
            "differences": {each.name: each.points for each in asked},
            "strings": {language: script_words(language) for language in LANGUAGES},
        },
    }


def script_words(language: str) -> dict[str, dict[str, Any]]:
    """Select the words that the script uses."""
    strings = read_strings(language)
    return {section: {key: strings[section][key] for key in keys} for section, keys in SCRIPT_WORDS.items()}


def documents(reports: Reports, asked: Sequence[Question]) -> list[Document]:
    """List the documents that the page names."""
    names = {name for each in asked for name in each.documents} | set(reports.tables[PUBLISHED]["document"])
    names |= {name for each in reports.described.values() for name in each.documents}
    found = []
    for name in sorted(names):
        source = reports.sources.get(name)
        title, subject = (source.title, source.subject) if source else (name, "")
        found.append(Document(name, source_text(name, title), subject))
    return found


def counts(reports: Reports, asked: Sequence[Question]) -> dict[str, int]:
    """Count what was asked and done, by the fields of `page.counts` in the words."""
    results = reports.deciding[PUBLISHED]["result"]
    return {
        "questions": len(asked),
        "variants": len(reports.names),
        "trainings": len(reports.deciding[TRAININGS]),
        "reproduced": int((results == "reproduced").sum()),
        "published": len(results),
    }


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
