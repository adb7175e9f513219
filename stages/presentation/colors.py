"""Colors of the variants, the same in figures, on the page and in `dvc plots`.

Variants of a study differ in color, and so do those of a data set with no more variants than there are colors. Colors
are assigned in the order of `params.yaml`: each variant takes the color that is farthest from those that its companions
have. A variant added at the end leaves the other colors as they are, unless its data set now has too many variants.
Twenty colors are not all far apart, so figures of studies have markers as well.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from stages.documents import Study
from stages.params.catalogue import Catalogue

DISTANCES = {
    "#0072b2": (),
    "#d55e00": (573,),
    "#009e73": (351, 434),
    "#cc79a7": (227, 372, 179),
    "#6058e0": (258, 661, 598, 300),
    "#e00048": (483, 241, 257, 268, 505),
    "#706070": (185, 392, 199, 172, 348, 174),
    "#d860e0": (171, 548, 496, 210, 179, 365, 342),
    "#606840": (317, 345, 177, 307, 519, 163, 172, 503),
    "#78a030": (490, 142, 208, 465, 704, 154, 365, 673, 204),
    "#e86878": (399, 242, 145, 146, 431, 144, 178, 307, 215, 271),
    "#b81890": (132, 465, 299, 191, 255, 265, 134, 130, 400, 635, 241),
    "#905818": (439, 169, 323, 305, 574, 127, 256, 504, 180, 164, 234, 429),
    "#9088c0": (130, 478, 367, 120, 250, 408, 138, 122, 291, 459, 283, 158, 369),
    "#3060c0": (124, 608, 471, 263, 133, 499, 246, 112, 408, 592, 402, 169, 495, 160),
    "#d08058": (415, 169, 117, 233, 526, 110, 242, 435, 163, 115, 152, 377, 113, 319, 460),
    "#608890": (174, 453, 197, 104, 401, 244, 110, 312, 162, 317, 122, 112, 307, 168, 281, 293),
    "#5080ff": (198, 663, 536, 296, 99, 538, 323, 131, 486, 659, 440, 313, 565, 206, 101, 514, 348),
    "#b06058": (348, 230, 135, 162, 441, 106, 172, 359, 100, 272, 112, 292, 146, 253, 379, 99, 220, 438),
    "#c02070": (234, 360, 106, 163, 342, 165, 98, 216, 189, 474, 150, 107, 338, 261, 347, 287, 140, 383, 202),
}
"""Distance of each color to those before it, in tenths.

The first four colors are of Okabe & Ito 2008, "Color Universal Design". Each other one was chosen to be far from all
before it, with a contrast of at least 3 to 1 with white and with #181818, which WCAG 2 asks of graphics on a light and
on a dark page. The distance is the least of the CIELAB distances in protanopic and deuteranopic vision and half of that
in normal vision; `tests/test_colors.py` computes it.
"""
PALETTE = tuple(DISTANCES)


def study_variants(study: Study) -> list[str]:
    """List the variants of a study, its baselines included, each once in the order in which they are named."""
    names = [study.baseline]
    for member in study.members:
        names += [name for name in (member.baseline, member.variant) if name]
    return list(dict.fromkeys(names))


def variant_colors(catalogue: Catalogue, studies: Mapping[str, Study]) -> dict[str, str]:
    """Assign a color, "#rrggbb", to every variant, in the catalogue's order.

    If the palette is too short for a variant and its companions, it takes a color that fewest of them have.
    """
    colors: dict[str, str] = {}
    for name, others in _companions(catalogue, studies).items():
        taken = [colors[other] for other in others if other in colors]
        colors[name] = min(PALETTE, key=lambda color: (taken.count(color), -_least_distance(color, taken)))
    return colors


def _companions(catalogue: Catalogue, studies: Mapping[str, Study]) -> dict[str, set[str]]:
    """Variants that should differ in color from each variant: those of its studies and of a data set not too large."""
    variants = catalogue.variants
    sizes = Counter(variant.dataset for variant in variants.values())
    companions: dict[str, set[str]] = {name: set() for name in variants}
    for name, variant in variants.items():
        if sizes[variant.dataset] <= len(PALETTE):
            companions[name] |= {other for other, entry in variants.items() if entry.dataset == variant.dataset}
    for study in studies.values():
        names = study_variants(study)
        for name in names:
            companions[name].update(names)
    return companions


def _least_distance(color: str, others: Sequence[str]) -> int:
    return min((_distance(color, other) for other in others), default=0)


def _distance(one: str, other: str) -> int:
    first, second = sorted((PALETTE.index(one), PALETTE.index(other)))
    return DISTANCES[PALETTE[second]][first] if first < second else 0
