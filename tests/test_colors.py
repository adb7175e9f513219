from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from stages.configure import catalogue_of
from stages.documents import Study, read_studies
from stages.params.catalogue import Catalogue
from stages.params.schema import read_params
from stages.presentation.colors import DISTANCES, PALETTE, study_variants, variant_colors

CATALOGUE, STUDIES = catalogue_of(read_params()), read_studies()
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
"""Linear RGB as they see it: Machado et al. 2009, "A Physiologically-based Model for Simulation of Color Vision
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


def distances(one: str, other: str) -> dict[str, float]:
    """CIELAB distance of two colors, as each of `EYES` sees them."""
    one_rgb, other_rgb = linear(one), linear(other)
    return {name: float(np.linalg.norm(cielab(eye @ one_rgb) - cielab(eye @ other_rgb))) for name, eye in EYES.items()}


def separation(one: str, other: str) -> float:
    """The least of the distances; normal vision tells more apart, so its distance counts half."""
    found = distances(one, other)
    return min(found["normal"] / 2, found["protanopic"], found["deuteranopic"])


def luminance(color: str) -> float:
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", PALETTE)
def test_the_frozen_distances_are_those_to_the_colors_before(color: str) -> None:
    before = PALETTE[: PALETTE.index(color)]
    assert DISTANCES[color] == tuple(round(10 * separation(color, other)) for other in before)


def test_every_variant_has_a_color_of_the_palette() -> None:
    colors = variant_colors(CATALOGUE, STUDIES)
    assert list(colors) == list(CATALOGUE.variants)
    assert set(colors.values()) <= set(PALETTE)


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_variants_of_a_study_are_told_apart(study: Study) -> None:
    """A distance of 2 is just noticeable when two areas touch; the fewer variants, the farther apart can they be."""
    colors, few = variant_colors(CATALOGUE, STUDIES), len(study_variants(study)) <= 5
    for one, other in combinations([colors[name] for name in study_variants(study)], 2):
        apart = distances(one, other)
        assert apart["normal"] > (35 if few else 25)
        assert min(apart.values()) > 12


@pytest.mark.parametrize("dataset", CATALOGUE.datasets)
def test_variants_of_a_data_set_share_no_color_as_long_as_there_are_enough(dataset: str) -> None:
    """Fashion-MNIST has more variants than there are colors that eyes tell apart: its studies alone are told apart."""
    colors = variant_colors(CATALOGUE, STUDIES)
    of_dataset = [colors[name] for name, variant in CATALOGUE.variants.items() if variant.dataset == dataset]
    enough = len(of_dataset) <= len(PALETTE)
    assert (len(set(of_dataset)) == len(of_dataset)) == enough
    assert enough == (dataset != "fashion_mnist")


@pytest.mark.parametrize(("added", "distinct"), [(0, True), (1, False)])
def test_as_many_variants_as_colors_are_told_apart_and_no_more(added: int, distinct: bool) -> None:
    thoracic = [name for name, variant in CATALOGUE.variants.items() if variant.dataset == "thoracic"]
    mine = [f"mine_{number}" for number in range(len(PALETTE) - len(thoracic) + added)]
    variants = {**CATALOGUE.variants, **dict.fromkeys(mine, CATALOGUE.variants[thoracic[0]])}
    colors = variant_colors(replace(CATALOGUE, variants=variants), STUDIES)
    assert (len({colors[name] for name in [*thoracic, *mine]}) == len(PALETTE)) == distinct


@pytest.mark.parametrize("page", ["#ffffff", "#181818"])
@pytest.mark.parametrize("color", PALETTE)
def test_a_color_is_readable_on_white_and_on_dark(color: str, page: str) -> None:
    assert contrast(color, page) >= 3


def with_variants(*added: str) -> Catalogue:
    """The catalogue with variants added at the end."""
    return replace(CATALOGUE, variants={**CATALOGUE.variants, **dict.fromkeys(added, CATALOGUE.variants["large"])})


def test_a_variant_at_the_end_leaves_the_others_their_colors() -> None:
    before, after = variant_colors(CATALOGUE, STUDIES), variant_colors(with_variants("mine"), STUDIES)
    assert {name: after[name] for name in before} == before


def test_a_study_with_more_variants_than_colors_uses_them_evenly() -> None:
    names = [f"mine_{number}" for number in range(45)]
    about = {"question": "?", "claim": "!", "documents": ["A"], "baseline": names[0]}
    study = Study.model_validate(about | {"beside": [{"variant": name} for name in names[1:]]})
    colors = variant_colors(with_variants(*names), {**STUDIES, "all": study})
    used = [colors[name] for name in names]
    assert {used.count(color) for color in PALETTE} == {2, 3}
