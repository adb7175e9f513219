"""PNG files on the report page, as data: URLs."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from stages.artifacts.tables import LEADERBOARD
from stages.datasets.spec import spec_of
from stages.presentation.words import Text, text
from stages.reporting.page.reports import Reports

STUDY_FOLDERS = ("studies_ranking",)
OTHER_FOLDERS = ("data", "keras", "cost", "sweeps")
"""Folders of figures that have other names than those of variants and studies."""
INVERTED = ("samples", "worst")
"""Kinds of pictures that draw images inverted, dark on light."""


@dataclass(frozen=True)
class Picture:
    """A PNG file as a data: URL."""

    kind: str
    caption: Text
    alt: Text
    source: str
    note: Text | None


@dataclass(frozen=True)
class Gallery:
    """Pictures under one title."""

    title: Text
    pictures: list[Picture]


def variant_pictures(reports: Reports, name: str) -> list[Picture]:
    """Make the pictures of a variant, of all kinds."""
    kinds = [kind for kind in reports.pictures if kind not in STUDY_FOLDERS + OTHER_FOLDERS]
    return _pictures(reports, kinds, name, reports.title(name))


def study_pictures(reports: Reports, name: str, question: Text) -> list[Picture]:
    """Make the pictures of a study."""
    return _pictures(reports, STUDY_FOLDERS, name, question)


def _pictures(reports: Reports, kinds: Iterable[str], name: str, shown_as: Text) -> list[Picture]:
    return [
        picture(kind, text("figures", kind), shown_as, reports.pictures[kind][name])
        for kind in kinds
        if name in reports.pictures.get(kind, {})
    ]


def picture(kind: str, caption: Text, owner: Text, content: bytes) -> Picture:
    """Make a picture. owner: title of the variant, the study or the data set that it shows."""
    return Picture(
        kind=kind,
        caption=caption,
        alt=text("page", "worst_alt" if kind == "worst" else "picture_alt", variant=owner, caption=caption),
        source=f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}",
        note=text("page", "inverted") if kind in INVERTED else None,
    )


def cost_picture(reports: Reports, dataset: str) -> Picture | None:
    """Make the picture of the scores by the cost of the training; None if there is none."""
    content = reports.pictures.get("cost", {}).get(dataset)
    return picture("cost", text("page", "by_cost"), text("datasets", dataset), content) if content else None


def galleries(reports: Reports) -> list[Gallery]:
    """Make the pictures of each data set, `data/<data set>_(<split>_)<kind>.png`, Keras's functions and sweeps."""
    found = [
        Gallery(text("datasets", dataset), _of_dataset(reports, dataset)) for dataset in reports.catalogue.datasets
    ]
    title = text("page", "functions")
    functions = [
        picture(name, text("figures", name), title, content)
        for name, content in reports.pictures.get("keras", {}).items()
    ]
    found += [Gallery(title, functions), Gallery(text("page", "sweeps"), _of_sweeps(reports))]
    return [each for each in found if each.pictures]


def _of_sweeps(reports: Reports) -> list[Picture]:
    pictures = reports.pictures.get("sweeps", {})
    return [
        picture("sweeps", text("page", "of_sweep", sweep=name), text("page", "sweeps"), pictures[name])
        for name in pictures
    ]


def _of_dataset(reports: Reports, dataset: str) -> list[Picture]:
    pictures = []
    for name, content in reports.pictures.get("data", {}).items():
        prefixes = [each for each in reports.catalogue.datasets if name.startswith(f"{each}_")]
        if dataset != max(prefixes, key=len, default=""):
            continue
        split, _, kind = name.removeprefix(f"{dataset}_").rpartition("_")
        caption = text("figures", kind)
        if split:
            caption = text("page", "of_split", caption=caption, split=split)
        pictures.append(picture(kind, caption, text("datasets", dataset), content))
    return pictures


def _predicts_images(row: pd.Series) -> bool:
    spec = spec_of(row["dataset"])
    return bool(spec.image_shape) and bool(pd.notna(row.get(f"test_{spec.ranked_by}")))


def missing_pictures(reports: Reports) -> list[Text]:
    """Count the variants of images without a picture of the worst errors, and tell if the data have none."""
    images = [str(row["variant"]) for _, row in reports.tables[LEADERBOARD].iterrows() if _predicts_images(row)]
    count = sum(name not in reports.pictures.get("worst", {}) for name in images)
    missing = [text("page", "no_worst", count=count)] if count else []
    if "data" not in reports.pictures:
        missing.append(text("page", "no_data_pictures"))
    return missing
