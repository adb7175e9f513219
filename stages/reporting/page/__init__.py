"""The report page: one HTML file that loads nothing, as a function of what the other stages left.

`page.html.j2` is filled in by Jinja2, which escapes; `page.css` and `page.js` go into it as they are. The charts are
drawn in the browser, from data that the page holds once.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stages.compare import ANSWERS, COMPARISONS, LEADERBOARD, PUBLISHED
from stages.comparison.scores import LESS_IS_BETTER
from stages.datasets import module_of
from stages.evaluate import TRAININGS
from stages.recipes.schema import Params
from stages.reporting.colours import variant_colours
from stages.reporting.repeats import Tables
from stages.reporting.strings import LANGUAGES, Text, joined, read_strings, study_text, text
from stages.reporting.tables import cell, signed, with_intervals
from stages.reporting.vega import Bundle

FOLDER = Path(__file__).parent
FIGURE_KEYS = ["document", "variant", "part", "metric", "epoch"]
DRAWN_AS_CHARTS = ("curves", "confusion", "studies")
"""The folders of `reports/figures/` whose pictures the page draws itself."""
FAR = 3.0
"""So many interquartile ranges from the quartiles (Tukey 1977, "Exploratory Data Analysis": far out)."""
DIGITS = 5
"""So many of each number in a chart."""

Context = dict[str, Any]


@dataclass(frozen=True)
class Reports:
    """What the page is made of. What is not there has no entry, or no rows."""

    params: Params
    recipes: Mapping[str, bytes]
    """`data/recipes/<variant>.json`, by variant."""
    summaries: Mapping[str, Context]
    """`data/models/<variant>/summary.json`, by variant."""
    histories: Mapping[str, pd.DataFrame]
    tables: Tables
    """Of this run."""
    several: Tables | None
    """Of a run with several seeds of the same trainings, if one is kept."""
    remarks: list[Text]
    """What else is missing."""
    confusion: pd.DataFrame
    classes: pd.DataFrame
    environment: Context
    pictures: Mapping[str, Mapping[str, bytes]]
    """PNG files under `reports/figures/`, by folder and by the variant, the study or what else the file is called."""

    def names(self) -> list[str]:
        """Every variant that something is known of, those of `params.yaml` first."""
        return list(dict.fromkeys([*self.params.variants, *self.recipes, *self.tables[LEADERBOARD]["variant"]]))

    def recipe(self, name: str) -> Context:
        """The complete recipe of a variant; empty if it has none."""
        return json.loads(self.recipes[name]) if name in self.recipes else {}

    def dataset(self, name: str) -> str:
        """The data set of a variant."""
        declared = self.params.variants.get(name)
        return str(self.recipe(name).get("dataset") or (declared.dataset if declared else ""))


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
    environment.filters |= {"shown": shown, "attribute": attribute, "cell": cell}
    environment.globals |= {"text": text}
    return environment.get_template("page.html.j2").render(
        **context(reports),
        css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        js=script((FOLDER / "page.js").read_text(encoding="utf-8")),
        bundle=bundle,
        bundle_script=script(bundle.script),
        licences=script(bundle.licences),
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


def script(content: str) -> Markup:
    """A script as the content of its element. Raises: ValueError if it would end the element."""
    if "</script" in content.lower() or "<!--" in content:
        raise ValueError("expected a script without </script and <!--, got one with them")
    return Markup(content)  # noqa: S704 (our own, and a package's)


def context(reports: Reports) -> Context:
    """Everything that the template shows."""
    names = reports.names()
    colours = dict.fromkeys(names, "#808080") | variant_colours(reports.params)
    curves = {name: curves_of(reports.histories[name]) for name in names if name in reports.histories}
    deciding = reports.several or reports.tables
    asked = studies(reports, deciding, curves)
    cards = [card(reports, name, curves, asked, colours[name]) for name in names]
    boards = leaderboards(reports.tables[LEADERBOARD], colours)
    missing = [
        *reports.remarks,
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
        "published": published(reports.tables[PUBLISHED], deciding[PUBLISHED], colours),
        "splits_of": {board["dataset"]: list(dict.fromkeys(row["split"] for row in board["rows"])) for board in boards},
        "counts": counts(names, deciding),
        "basis": basis(reports, deciding),
        "missing": missing,
        "galleries": galleries(reports),
        "run": run(reports),
        "data": {
            "colours": colours,
            "curves": curves,
            "confusion": confusions(reports.confusion),
            "differences": {each["name"]: each["differences"] for each in asked},
            "strings": {
                language: {key: read_strings(language)[key] for key in ("metrics", "parts")}
                | {"page": {key: read_strings(language)["page"][key] for key in SCRIPT_WORDS}}
                | {"table": {"epoch": read_strings(language)["table"]["epoch"]}}
                for language in LANGUAGES
            },
        },
    }


SCRIPT_WORDS = ("actual", "close_all", "difference", "found", "open_all", "predicted", "rows", "title")
"""What the script says itself."""


def curves_of(history: pd.DataFrame) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """The learning curves of a variant: {metric: {part: {mean, low, high: one number per epoch}}}.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. Of one training the mean alone; the
    mean of several goes as far as all of them, since those that did not stop early are a selection.
    """
    columns = [str(column) for column in history]
    metrics = [column for column in columns if f"val_{column}" in columns or column in ("loss", "accuracy")]
    metrics.sort(key=lambda metric: metric != "loss")
    series = {metric: {"training": metric, "validation": f"val_{metric}"} for metric in metrics}
    if "learning_rate" in columns and len(history["learning_rate"].unique()) > 1:
        series["learning_rate"] = {"validation": "learning_rate"}
    curves: dict[str, Any] = {}
    for metric, of_parts in series.items():
        curves[metric] = {}
        for part, column in of_parts.items():
            if column not in columns:
                continue
            by_epoch = history.groupby("epoch")[column]
            trainings = by_epoch.size()
            curves[metric][part] = {"mean": numbers(by_epoch.mean().where(trainings == trainings.max()))}
            if trainings.max() > 1:
                curves[metric][part] |= {"low": numbers(by_epoch.min()), "high": numbers(by_epoch.max())}
    return curves


def numbers(values: Iterable[float]) -> list[float | None]:
    """For JSON, which knows no NaN."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]


def described(names: list[str], metric: str, curves: Mapping[str, Any]) -> Text:
    """What a chart of curves shows, for those who do not see it."""
    series = []
    for name in names:
        for part, values in curves[name][metric].items():
            ends = [(epoch, value) for epoch, value in enumerate(values["mean"], 1) if value is not None]
            if ends and (part == "validation" or len(names) == 1):
                (_, first), (epoch, last) = ends[0], ends[-1]
                said = {"variant": name, "part": text("parts", part), "first": first, "last": last, "epoch": epoch}
                series.append(text("page", "curves_of", **said))
    return text("page", "curves_chart", metric=text("metrics", metric), series=joined(series) if series else "")


def chart(kind: str, label: Text, **of: Any) -> Context:
    """A chart that the script draws: its kind, what it is of, and its description."""
    return {"label": label, "spec": {"kind": kind, **of}}


def curve_charts(names: list[str], metrics: Iterable[str], curves: Mapping[str, Any]) -> list[Context]:
    """One chart for each metric that some of the variants have."""
    charts = []
    for metric in metrics:
        having = [name for name in names if metric in curves.get(name, {})]
        if having:
            charts.append(chart("curves", described(having, metric, curves), variants=having, metric=metric))
    return charts


def studies(reports: Reports, deciding: Tables, curves: Mapping[str, Any]) -> list[Context]:
    """Each study: question, claim, answer, comparisons and charts."""
    answers = deciding[ANSWERS].set_index("study")
    alone = reports.tables[COMPARISONS]
    keys = ["study", "variant", "baseline", "metric"]
    compared = deciding[COMPARISONS].merge(alone[[*keys, "verdict"]], on=keys, how="left", suffixes=("", "_alone"))
    parts = []
    for name, study in reports.params.studies.items():
        rows = [comparison(row) for _, row in compared[compared["study"] == name].iterrows()]
        question, claim = (study_text(name, key, getattr(study, key)) for key in ("question", "claim"))
        missing = [
            text("page", "no_comparison", study=question, variant=row["variant"], remark=row["remark"])
            for row in rows
            if row["verdict"] == "not measured"
        ]
        if name not in answers.index:
            missing.append(text("page", "no_answer", study=question))
        members = list(dict.fromkeys(each for row in rows for each in (row["baseline"], row["variant"])))
        differences = [row["point"] for row in rows if row["point"]]
        parts.append(
            {
                "name": name,
                "question": question,
                "claim": claim,
                "documents": ", ".join(study.documents),
                "answer": answers["answer"].get(name, "not measured"),
                "rows": rows,
                "members": members,
                "alone": reports.several is not None,
                "missing": missing,
                "differences": differences,
                "pictures": pictures(reports, name, question, kinds=("studies_ranking",)),
                "charts": [*difference_charts(name, differences), *study_curves(reports, members, curves)],
            }
        )
    return parts


def comparison(row: pd.Series) -> Context:
    """A row of a study's table, and the point of its chart."""
    limited = bool(np.isfinite(row["low"]))
    measured = bool(pd.notna(row["difference"]))
    alone = row["verdict_alone"]
    return {
        "variant": row["variant"],
        "baseline": row["baseline"],
        "metric": text("metrics", row["metric"]),
        "direction": text("page", "less_is_better" if row["metric"] in LESS_IS_BETTER else "more_is_better"),
        "difference": signed(row["difference"]) if measured else "",
        "interval": text("table", "range", low=signed(row["low"]), high=signed(row["high"])) if limited else "",
        "verdict": row["verdict"],
        "expected": row["expected"] if pd.notna(row["expected"]) else "",
        "alone": alone if pd.notna(alone) and alone not in (row["verdict"], "no interval") else "",
        "remark": row["remark"] if pd.notna(row["remark"]) else "",
        "point": {key: row[key] for key in ("variant", "baseline", "metric")}
        | dict(zip(("difference", "low", "high"), numbers(row[["difference", "low", "high"]]), strict=True))
        if measured
        else None,
    }


def difference_charts(name: str, differences: list[Context]) -> list[Context]:
    """One chart for each metric: metrics have no axis in common."""
    charts = []
    for metric in dict.fromkeys(point["metric"] for point in differences):
        limits = [
            point[end]
            for point in differences
            for end in ("low", "difference", "high")
            if point["metric"] == metric and point[end] is not None
        ]
        said = {"metric": text("metrics", metric), "low": signed(min(limits)), "high": signed(max(limits))}
        charts.append(chart("differences", text("page", "differences_chart", **said), study=name, metric=metric))
    return charts


def study_curves(reports: Reports, members: list[str], curves: Mapping[str, Any]) -> list[Context]:
    """The learning curves of a study's variants, for each data set, on axes that mean the same for all of them."""
    charts = []
    for dataset in dict.fromkeys(map(reports.dataset, members)):
        names = [name for name in members if reports.dataset(name) == dataset]
        losses = {str(reports.recipe(name).get("loss", "")).removeprefix("sparse_") for name in names} - {""}
        charts += curve_charts(names, ["accuracy", *(["loss"] if len(losses) == 1 else []), "learning_rate"], curves)
    return charts


def leaderboards(leaderboard: pd.DataFrame, colours: Mapping[str, str]) -> list[Context]:
    """The variants of each data set, best first, with a bar for the figure that ranks them."""
    boards = []
    for dataset, rows in leaderboard.groupby("dataset"):
        dataset = str(dataset)
        ranked = f"test_{module_of(dataset).RANKED_BY}"
        columns = list(read_strings("en")["leaderboards"].get(dataset, {ranked: "", "interval": ""}))
        numeric = [column for column in columns if column != "interval"]
        limits = [ranked, f"{ranked}_low", f"{ranked}_high"]
        rows = rows.reindex(columns=list(dict.fromkeys([*rows, *numeric, *limits])))
        written = with_intervals(dataset, rows)
        headings = {column: text("leaderboards", dataset, column) for column in columns}
        bars = bars_of(rows, ranked)
        boards.append(
            {
                "dataset": dataset,
                "title": text("titles", dataset),
                "ranked": headings[ranked],
                "headings": headings,
                "scale": bars["scale"],
                "rows": [
                    {
                        "variant": row["variant"],
                        "colour": colours.get(row["variant"], "#808080"),
                        "split": row["split"],
                        "parameters": row["parameters"],
                        "epochs": row["epochs"],
                        "bar": bars["rows"][place],
                        "cells": {
                            column: {
                                "shown": cell(written[column].iloc[place]),
                                "value": row[ranked if column == "interval" else column],
                            }
                            for column in columns
                        },
                    }
                    for place, (_, row) in enumerate(rows.iterrows())
                ],
                "missing": [
                    text("page", "no_figure", variant=row["variant"], column=joined(lacking, ", "))
                    for _, row in rows.iterrows()
                    if (lacking := [headings[column] for column in numeric if pd.isna(row[column])])
                ],
            }
        )
    return boards


def bars_of(rows: pd.DataFrame, ranked: str) -> Context:
    """Where the figure and its interval lie, in per cent of a scale that leaves out what lies far from all others."""
    values, low, high = (rows[f"{ranked}{end}"].astype(float) for end in ("", "_low", "_high"))
    first, third = values.quantile(0.25), values.quantile(0.75)
    near = values.between(first - FAR * (third - first), third + FAR * (third - first))
    ends = pd.concat([each[near] for each in (values, low, high)]).replace([np.inf, -np.inf], np.nan).dropna()
    if ends.empty:
        return {"scale": None, "rows": [None] * len(rows)}
    margin = 0.02 * float(ends.max() - ends.min()) or 1.0
    left, right = float(ends.min()) - margin, float(ends.max()) + margin

    def place(value: float, otherwise: float) -> float:
        return round(100 * (value - left) / (right - left), 2) if np.isfinite(value) else round(otherwise, 2)

    bars: list[Context | None] = []
    for value, start, end in zip(values, low, high, strict=True):
        if pd.isna(value):
            bars.append(None)
            continue
        middle = place(value, 0)
        if not 0 <= middle <= 100:
            bars.append({"off": "left" if middle < 0 else "right"})
            continue
        begin = max(place(start, middle), 0)
        bars.append({"middle": middle, "begin": begin, "width": round(min(place(end, middle), 100) - begin, 2)})
    return {"scale": {"low": cell(left), "high": cell(right)}, "rows": bars}


def published(figures: pd.DataFrame, several: pd.DataFrame, colours: Mapping[str, str]) -> list[Context]:
    """The documents' figures, ours of this run and of the one with several seeds beside them."""
    beside = figures.merge(several, on=FIGURE_KEYS, how="left", suffixes=("", "_several"))
    return [
        {
            **{key: row[key] for key in ("document", "variant", "result")},
            "colour": colours.get(row["variant"], "#808080"),
            "part": text("parts", row["part"]),
            "metric": text("metrics", row["metric"]),
            **{
                key: "" if pd.isna(row[key]) else cell(float(row[key]))
                for key in ("epoch", "published", "tolerance", "ours", "ours_several", "std_several")
            },
            "result_several": row["result_several"] if pd.notna(row["result_several"]) else "not measured",
        }
        for _, row in beside.iterrows()
    ]


def card(reports: Reports, name: str, curves: Mapping[str, Any], asked: list[Context], colour: str) -> Context:
    """All that is known of a variant."""
    recipe, summary = reports.recipe(name), reports.summaries.get(name)
    dataset = reports.dataset(name)
    board = reports.tables[LEADERBOARD]
    rows = board[board["variant"] == name]
    row = rows.iloc[0] if len(rows) else None
    counts = reports.confusion[reports.confusion["variant"] == name]
    by_class = reports.classes[reports.classes["variant"] == name]
    missing = []
    for there, key in ((name in reports.recipes, "no_recipe"), (summary, "no_model"), (row is not None, "no_row")):
        if not there:
            missing.append(text("page", key, variant=name))
    notes = []
    charts = curve_charts([name], curves.get(name, {}), curves)
    if not charts:
        if "estimator" in recipe:
            notes.append(text("page", "estimator"))
        else:
            missing.append(text("page", "no_history", variant=name))
    history = reports.histories.get(name)
    if history is not None and "loss" in history and history["loss"].isna().any():
        notes.append(text("page", "diverged", epoch=int(history.loc[history["loss"].isna(), "epoch"].min())))
    classifies = row is not None and pd.notna(row.get("test_accuracy"))
    if classifies and counts.empty:
        missing.append(text("page", "no_confusion", variant=name))
    headline = []
    if row is not None:
        ranked = module_of(dataset).RANKED_BY
        if pd.notna(row.get(f"test_{ranked}")):
            value = cell(float(row[f"test_{ranked}"]))
            headline.append(text("page", "test_figure", metric=text("metrics", ranked), value=value))
    if summary:
        headline.append(text("page", "parameters_of", count=f"{summary['parameters']:,}"))
        headline.append(text("page", "epochs_of", count=cell(float(np.mean(summary["epochs"])))))
    studies_of = [each for each in asked if name in each["members"]]
    return {
        "name": name,
        "colour": colour,
        "dataset": dataset,
        "title": text("datasets", dataset),
        "headline": headline,
        "missing": missing,
        "notes": notes,
        "figures": figures_of(row),
        "layers": summary["layers"] if summary else [],
        "recipe": yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        "recipe_hash": hashlib.sha256(reports.recipes[name]).hexdigest() if recipe else "",
        "charts": charts,
        "several": history is not None and history.groupby("epoch").size().max() > 1,
        "confusion": chart("confusion", confused(counts), variant=name) if len(counts) else None,
        "classes": by_class.to_dict("records"),
        "pictures": pictures(reports, name, dict.fromkeys(LANGUAGES, name)),
        "studies": [{key: each[key] for key in ("name", "question", "answer")} for each in studies_of],
        "search": " ".join(searched(name, dataset, recipe, summary, studies_of)),
    }


def figures_of(row: pd.Series | None) -> list[Context]:
    """Each metric of a variant on validation and test rows; row: its row of the leaderboard."""
    if row is None:
        return []
    measured: dict[str, dict[str, str]] = {}
    for column, value in row.items():
        part, _, metric = str(column).partition("_")
        if part in ("validation", "test") and not metric.endswith(("_low", "_high", "_std")) and pd.notna(value):
            measured.setdefault(metric, {})[part] = cell(float(value))
    return [{"metric": text("metrics", metric), **parts} for metric, parts in sorted(measured.items())]


def confused(counts: pd.DataFrame, pairs: int = 3) -> Text:
    """The pairs of classes that are taken for each other most often, in words. counts: of one variant."""
    wrong = counts[(counts["actual"] != counts["predicted"]) & (counts["count"] > 0)]
    most = wrong.sort_values(["count", "actual", "predicted"], ascending=[False, True, True]).head(pairs)
    said = [
        text("page", "confused", actual=row["actual"], predicted=row["predicted"], count=row["count"])
        for _, row in most.iterrows()
    ]
    return text("page", "confusion_chart", pairs=joined(said) if said else text("page", "never_confused"))


def confusions(counts: pd.DataFrame) -> dict[str, Context]:
    """{variant: {classes, counts: one row per actual class}}."""
    tables = {}
    for name, rows in counts.groupby("variant"):
        classes = list(dict.fromkeys(rows["actual"].astype(str)))
        matrix = rows["count"].to_numpy().reshape(len(classes), len(classes))
        tables[str(name)] = {"classes": classes, "counts": matrix.tolist()}
    return tables


def pictures(reports: Reports, name: str, of: Text, kinds: Iterable[str] | None = None) -> list[Context]:
    """The pictures of a variant or a study, by default of all kinds. of: whose they are, in words."""
    return [
        picture(kind, text("figures", kind), of, reports.pictures[kind][name])
        for kind in (reports.pictures if kinds is None else kinds)
        if name in reports.pictures.get(kind, {})
    ]


def picture(kind: str, caption: Text, of: Text, content: bytes) -> Context:
    """A PNG file as a data: URL, with its caption and its alternative text."""
    known = {"models": "drawing_alt", "worst": "worst_alt"}
    alt = text("page", known.get(kind, "picture_alt"), variant=of, caption=caption)
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return {"kind": kind, "caption": caption, "alt": alt, "source": source}


def galleries(reports: Reports) -> list[Context]:
    """The pictures of each data set, `data/<data set>_(<split>_)<kind>.png`, and those of the documents' functions."""
    found = []
    for dataset in reports.params.datasets:
        shown_as = text("datasets", dataset)
        of_dataset = []
        for name, content in reports.pictures.get("data", {}).items():
            if name.startswith(f"{dataset}_"):
                split, _, kind = name.removeprefix(f"{dataset}_").rpartition("_")
                caption = text("figures", kind)
                if split:
                    caption = text("page", "of_split", caption=caption, split=split)
                of_dataset.append(picture(kind, caption, shown_as, content))
        if of_dataset:
            found.append({"title": shown_as, "pictures": of_dataset})
    of_documents = [
        picture(name, text("figures", name), text("page", "documents"), content)
        for name, content in reports.pictures.get("documents", {}).items()
    ]
    return [*found, {"title": text("page", "functions"), "pictures": of_documents}] if of_documents else found


def missing_pictures(reports: Reports, names: list[str]) -> list[Text]:
    """Count the variants without a drawing, and those of images without a picture of the worst errors."""
    measured = reports.tables[LEADERBOARD].set_index("variant")["dataset"]
    images = [name for name, dataset in measured.items() if hasattr(module_of(dataset), "IMAGE_SHAPE")]
    missing = []
    for kind, key, wanted in (("models", "no_drawing", names), ("worst", "no_worst", images)):
        count = sum(name not in reports.pictures.get(kind, {}) for name in wanted)
        if count:
            missing.append(text("page", key, count=count))
    if "data" not in reports.pictures:
        missing.append(text("page", "no_data_pictures"))
    return missing


def searched(name: str, dataset: str, recipe: Context, summary: Context | None, studies_of: list[Context]) -> list[str]:
    """The words by which a variant is found, in both languages."""
    words = [name, dataset, *text("titles", dataset).values(), str(recipe.get("loss", "")), recipe.get("split", "")]
    words += [*recipe.get("optimizer", {}), *recipe.get("callbacks", {})]
    words += [layer["class"] for layer in (summary or {}).get("layers", [])]
    words += [question for each in studies_of for question in each["question"].values()]
    return [word.lower() for word in dict.fromkeys(words) if word]


def counts(names: list[str], deciding: Tables) -> list[Context]:
    """The figures at the top of the page."""
    answers, results = deciding[ANSWERS]["answer"], deciding[PUBLISHED]["result"]
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
