"""The PNG files that the report page shows, as data: URLs."""

import base64
from collections.abc import Iterable

from stages.artifacts.tables import LEADERBOARD
from stages.datasets import module_of
from stages.presentation.words import LANGUAGES, Text, text
from stages.reporting.page.reports import Context, Reports

OF_STUDIES = ("studies_ranking",)
OF_OTHERS = ("data", "documents")
"""The folders of figures that are not named after variants."""
INVERTED = ("samples", "worst")
"""Kinds of pictures that show images as ink on paper, and not as the data have them."""


def pictures_of_variant(reports: Reports, name: str) -> list[Context]:
    """The pictures of a variant, of all kinds."""
    kinds = [kind for kind in reports.pictures if kind not in OF_STUDIES + OF_OTHERS]
    return _pictures(reports, kinds, name, dict.fromkeys(LANGUAGES, name))


def pictures_of_study(reports: Reports, name: str, question: Text) -> list[Context]:
    """The pictures of a study."""
    return _pictures(reports, OF_STUDIES, name, question)


def _pictures(reports: Reports, kinds: Iterable[str], name: str, of: Text) -> list[Context]:
    return [
        picture(kind, text("figures", kind), of, reports.pictures[kind][name])
        for kind in kinds
        if name in reports.pictures.get(kind, {})
    ]


def picture(kind: str, caption: Text, of: Text, content: bytes) -> Context:
    """A PNG file as a data: URL, with its caption and its alternative text. of: whose it is, in words."""
    known = {"models": "drawing_alt", "worst": "worst_alt"}
    alt = text("page", known.get(kind, "picture_alt"), variant=of, caption=caption)
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    remark = text("page", "inverted") if kind in INVERTED else None
    return {"kind": kind, "caption": caption, "alt": alt, "source": source, "remark": remark}


def galleries(reports: Reports) -> list[Context]:
    """The pictures of each data set, `data/<data set>_(<split>_)<kind>.png`, and those of the documents' functions."""
    found = []
    datasets = reports.params.datasets
    for dataset in datasets:
        shown_as = text("datasets", dataset)
        of_dataset = []
        for name, content in reports.pictures.get("data", {}).items():
            if dataset == max((each for each in datasets if name.startswith(f"{each}_")), key=len, default=""):
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
