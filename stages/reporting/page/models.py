"""The drawings of models on the report page, as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.presentation.words import LANGUAGES, Text, joined, text
from stages.reporting.layout import BOX, Box, Layer, layout_of

SCALE = 100
"""CSS pixels of an inch of the layout: one column fits on a phone."""


@dataclass(frozen=True)
class DrawnBox:
    """A layer, or a chain of equal layers."""

    x: int
    y: int
    heading: str
    name: str
    shape: Text
    parameters: Text | None
    """None without any."""


@dataclass(frozen=True)
class DrawnModel:
    """A drawing; all lengths are in CSS pixels."""

    alt: Text
    width: int
    height: int
    boxes: list[DrawnBox]
    arrows: list[str]
    """Paths, as the attribute `d`."""

    box_width, box_height = (round(SCALE * size) for size in BOX)


def drawn_model(layers: Sequence[Layer], title: Text) -> DrawnModel:
    """Draw a model. layers: of `summary.json`, at least one; title: the variant's."""
    layout = layout_of(layers)
    corners = [(round(SCALE * x), round(SCALE * y)) for x, y in layout.corners]
    return DrawnModel(
        alt=text("page", "drawing_alt", variant=title),
        width=round(SCALE * layout.width),
        height=round(SCALE * layout.height),
        boxes=[_drawn_box(box, *corner) for box, corner in zip(layout.boxes, corners, strict=True)],
        arrows=["M" + "L".join(f"{SCALE * x:.0f},{SCALE * y:.0f}" for x, y in points) for points in layout.arrows],
    )


def _drawn_box(box: Box, x: int, y: int) -> DrawnBox:
    times, parameters = len(box.names), box.layer["parameters"]
    several = f"{times} × " if times > 1 else ""
    count = text("page", "parameters_of", count=parameters)
    return DrawnBox(
        x=x,
        y=y,
        heading=several + box.layer["class"],
        name=box.names[0] if times == 1 else f"{box.names[0]} … {box.names[-1]}",
        shape=shape_text(box.layer["output_shape"]),
        parameters={language: several + said for language, said in count.items()} if parameters else None,
    )


def shape_text(shape: Sequence[int | None] | None) -> Text:
    """Word the shape of an output; empty for none."""
    sizes = [
        text("page", "rows_shape") if size is None else dict.fromkeys(LANGUAGES, str(size)) for size in shape or []
    ]
    return joined(sizes, " × ")
