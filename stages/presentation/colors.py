"""One color for each variant, the same in figures, on the page and in `dvc plots`.

No two variants of a study have the same color, and none of a data set that has no more variants than there are colors
(Fashion-MNIST has three times as many). By greedy coloring in the order of `params.yaml`: a variant takes the color
that is farthest from those that they have already. One added at the end leaves the colors of the others alone, unless
its data set now has too many. Twenty colors are not all far apart: figures of studies have markers too.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np

from stages.params.schema import Params, Study

PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6058e0", "#e00048", "#706070", "#d860e0", "#606840", "#78a030"),
    *("#e86878", "#b81890", "#905818", "#9088c0", "#3060c0", "#d08058", "#608890", "#5080ff", "#b06058", "#c02070"),
)
"""Four of Okabe & Ito 2008, "Color Universal Design"; each other is the farthest from all before it.

Farthest in CIELAB, to all `EYES`, among colors that have a contrast of 3 to 1 with white and with #181818, as WCAG 2
wants of graphics on a light and on a dark page.
"""
EYES = {
    "normal": np.eye(3),
    "protanopic": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopic": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""What they see of linear RGB: Machado et al. 2009, "A Physiologically-based Model for Simulation of Color Vision
Deficiency", severity 1."""


def linear(color: str) -> np.ndarray:
    """Linear RGB of "#rrggbb", in [0, 1]."""
    channels = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB; a distance of 2 is just noticeable when two areas touch."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.cbrt(np.clip(to_xyz @ rgb / [0.95047, 1, 1.08883], 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@cache
def distances(one: str, other: str) -> dict[str, float]:
    """How far apart two colors are in CIELAB, to all `EYES`."""
    one_rgb, other_rgb = linear(one), linear(other)
    return {name: float(np.linalg.norm(cielab(eye @ one_rgb) - cielab(eye @ other_rgb))) for name, eye in EYES.items()}


def members_of(study: Study) -> list[str]:
    """Name the variants of a study, its baselines too, each once in the order in which they are named."""
    named = [study.baseline]
    for member in study.members:
        named += [name for name in (member.baseline, member.variant) if name]
    return list(dict.fromkeys(named))


def variant_colors(params: Params) -> dict[str, str]:
    """Color of every variant as "#rrggbb", in the order of `params.yaml`.

    Where the palette is too short for all that a variant stands beside, it takes a color that fewest of them have.
    Of distances the least of all eyes counts; those of normal ones, which tell more apart, count half.
    """
    sizes = Counter(variant.dataset for variant in params.variants.values())
    beside = {
        name: {other for other, each in params.variants.items() if each.dataset == variant.dataset}
        if sizes[variant.dataset] <= len(PALETTE)
        else set()
        for name, variant in params.variants.items()
    }
    for study in params.studies.values():
        members = members_of(study)
        for name in members:
            beside[name].update(members)
    colors: dict[str, str] = {}
    for name, others in beside.items():
        taken = [colors[other] for other in others if other in colors]
        colors[name] = min(PALETTE, key=lambda color: (taken.count(color), -_apart(color, taken)))
    return colors


def _apart(color: str, taken: Sequence[str]) -> float:
    eyes = [distances(color, other) for other in taken]
    return min((min(each["normal"] / 2, each["protanopic"], each["deuteranopic"]) for each in eyes), default=0)
