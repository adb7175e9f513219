"""The report page: one HTML file that loads nothing, as a function of what the other stages left.

`page.html.j2` is filled in by Jinja2, which escapes; `page.css` and `page.js` go into it as they are. The charts are
drawn in the browser, from data that the page holds once.
"""

import hashlib
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stages.artifacts.tables import LEADERBOARD, PUBLISHED, TRAININGS
from stages.presentation.colors import variant_colors
from stages.presentation.formats import cell
from stages.presentation.kept import Tables
from stages.presentation.words import LANGUAGES, Text, read_strings, text
from stages.reporting.page.answers import studies
from stages.reporting.page.boards import leaderboards, published
from stages.reporting.page.cards import card
from stages.reporting.page.charts import confusions, curves_of
from stages.reporting.page.pictures import galleries, missing_pictures
from stages.reporting.page.reports import Context, Reports
from stages.reporting.vega import Bundle

FOLDER = Path(__file__).parent
SCRIPT_WORDS = {
    "page": (
        *(
            "actual",
            "close_all",
            "compared",
            "found_questions",
            "found_variants",
            "high",
            "low",
            "open_all",
        ),
        *("predicted", "rows", "share", "test_rows", "title"),
    ),
    "table": ("epoch", "part", "variant"),
    "parts": ("training", "validation"),
}
"""What the script says itself."""


def render(reports: Reports, bundle: Bundle) -> str:
    """Make the page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    environment.filters |= {"shown": shown, "attribute": attribute, "cell": cell, "breakable": breakable}
    environment.globals |= {"text": text}
    return environment.get_template("page.html.j2").render(
        **context(reports),
        css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        js=script((FOLDER / "page.js").read_text(encoding="utf-8")),
        bundle=bundle,
        bundle_script=script(bundle.script),
        licences=Markup(bundle.licences),  # noqa: S704 (it has seen to it that no comment ends in them)
    )


def shown(content: Text | str) -> Markup:
    """A text as an element that the page puts into the chosen language; anything else as it is."""
    if isinstance(content, str):
        return escape(content)
    if len(set(content.values())) == 1:
        return escape(content["en"])
    return Markup('<span data-ko="{ko}">{en}</span>').format_map(content)


def attribute(content: Text, name: str) -> Markup:
    """A text as an attribute in the chosen language."""
    return Markup('{name}="{en}" data-ko-{name}="{ko}"').format(name=name, **content)


def breakable(name: str) -> Markup:
    """A name that may be continued in the next line after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def script(content: str) -> Markup:
    """A script as the content of its element. Raises: ValueError if it would end the element."""
    if "</script" in content.lower() or "<!--" in content:
        raise ValueError("expected a script without </script and <!--, got one with them")
    return Markup(content)  # noqa: S704 (our own, and a package's)


def context(reports: Reports) -> Context:
    """Everything that the template shows."""
    names = reports.names()
    colors = dict.fromkeys(names, "#808080") | variant_colors(reports.params)
    curves = {name: curves_of(reports.histories[name]) for name in names if name in reports.histories}
    deciding = reports.several or reports.tables
    asked = studies(reports, deciding, curves)
    cards = [card(reports, name, curves, asked, colors[name]) for name in names]
    unmeasurable = [each["name"] for each in cards if each["unmeasurable"]]
    boards = leaderboards(reports.tables[LEADERBOARD], colors, unmeasurable)
    missing = [
        *([] if reports.environment else [text("page", "no_environment")]),
        *(remark for each in asked for remark in each["missing"]),
        *(remark for each in cards for remark in each["missing"]),
        *(remark for each in boards for remark in each["missing"]),
        *missing_pictures(reports, names),
    ]
    return {
        "cards": cards,
        "studies": asked,
        "leaderboards": boards,
        "published": published(reports.tables[PUBLISHED], deciding[PUBLISHED], colors, reports.dataset),
        "documents": documents(reports, asked),
        "splits_of": {board["dataset"]: list(dict.fromkeys(row["split"] for row in board["rows"])) for board in boards},
        "counts": counts(names, asked, deciding),
        "basis": basis(reports, deciding),
        "remarks": reports.remarks,
        "own_seed": reports.params.seed,
        "missing": missing,
        "galleries": galleries(reports),
        "run": run(reports),
        "data": {
            "colors": colors,
            "curves": curves,
            "confusion": confusions(reports.confusion),
            "differences": {each["name"]: each["differences"] for each in asked},
            "strings": {
                language: {
                    section: {key: read_strings(language)[section][key] for key in keys}
                    for section, keys in SCRIPT_WORDS.items()
                }
                for language in LANGUAGES
            },
        },
    }


def documents(reports: Reports, asked: list[Context]) -> list[Context]:
    """The documents that are named on the page, and what each is about."""
    named = {name for study in asked for name in study["documents"]} | set(reports.tables[PUBLISHED]["document"])
    return [{"name": name, "about": text("documents", name)} for name in sorted(named)]


def counts(names: list[str], asked: list[Context], deciding: Tables) -> list[Context]:
    """The figures at the top of the page."""
    answers, results = pd.Series([study["answer"] for study in asked]), deciding[PUBLISHED]["result"]
    return [
        {"count": len(names), "label": text("page", "count_variants")},
        {"count": len(deciding[TRAININGS]), "label": text("page", "count_trainings")},
        {"count": int((answers == "confirmed").sum()), "label": text("page", "count_claims", all=len(answers))},
        {"count": int((answers == "refuted").sum()), "label": text("page", "count_refuted")},
        {
            "count": int((results == "reproduced").sum()),
            "label": text("page", "count_reproduced", all=len(results)),
        },
    ]


def basis(reports: Reports, deciding: Tables) -> Text:
    """Say whose answers these are."""
    seeds = sorted(deciding[TRAININGS]["seed"].unique())
    said = {"own": reports.params.seed}
    if len(seeds) > 1:
        said |= {"seeds": len(seeds), "first": seeds[0], "last": seeds[-1]}
        return text("page", "basis_several" if reports.several else "basis_own_several", **said)
    return text("page", "basis_one", **said)


def run(reports: Reports) -> Context:
    """What was run, and on what: data and recipes by hash, versions, machine, seeds."""
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
    params = reports.params
    return {
        "files": [
            {"dataset": text("datasets", dataset), "name": file.name, "bytes": f"{file.bytes:,}", "sha256": file.sha256}
            for dataset, declared in params.datasets.items()
            for file in declared.files
        ],
        "recipes": {"count": len(reports.recipes), "sha256": recipes.hexdigest()},
        "seeds": list(range(params.seed, params.seed + params.repeats)),
        "machine": {key: value for key, value in machine.items() if value},
        "versions": {"python": environment["python"], **environment["libraries"]} if environment else {},
    }
