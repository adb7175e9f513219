"""One colour for each variant, the same in figures, on the page and in `dvc plots`.

No two variants of a study have the same colour, and none of a data set that has no more variants than there are colours
(Fashion-MNIST has three times as many). By greedy colouring in the order of `params.yaml`: a variant takes the first
colour that none of them has yet. One added at the end leaves the colours of the others alone, unless its data set now
has too many.
"""

from collections import Counter

from stages.recipes.schema import Params, Study

PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6058e0", "#e00048", "#706070", "#d860e0", "#606840", "#78a030"),
    *("#e86878", "#b81890", "#905818", "#9088c0", "#3060c0", "#d08058", "#608890", "#5080ff", "#b06058", "#c02070"),
)
"""Four of Okabe & Ito 2008, "Color Universal Design"; each other is the farthest from all before it.

Farthest in CIELAB, to normal, protanopic and deuteranopic eyes (Machado et al. 2009), among colours that have a
contrast of 3 to 1 with white and with #181818, as WCAG 2 wants of graphics on a light and on a dark page.
"""


def members_of(study: Study) -> list[str]:
    """Name the variants of a study, its baselines too, each once in the order in which they are named."""
    named = [study.baseline]
    for member in study.members:
        named += [name for name in (member.baseline, member.variant) if name]
    return list(dict.fromkeys(named))


def variant_colours(params: Params) -> dict[str, str]:
    """Colour of every variant as "#rrggbb", in the order of `params.yaml`.

    Where the palette is too short for all that a variant stands beside, it takes the colour that fewest of them have.
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
    colours: dict[str, str] = {}
    for name, others in beside.items():
        taken = [colours[other] for other in others if other in colours]
        colours[name] = min(PALETTE, key=taken.count)
    return colours
