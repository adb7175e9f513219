from itertools import combinations

import numpy as np
import pytest

from stages.recipes.schema import Params, Study, read_params
from stages.reporting.colours import PALETTE, members_of, variant_colours

PARAMS = read_params()
# Machado et al. 2009, severity 1, in linear RGB.
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


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def cielab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.cbrt(np.clip(to_xyz @ rgb / [0.95047, 1, 1.08883], 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_variant_has_a_colour_of_the_palette() -> None:
    colours = variant_colours(PARAMS)
    assert list(colours) == list(PARAMS.variants)
    assert set(colours.values()) <= set(PALETTE)


@pytest.mark.parametrize("study", PARAMS.studies.values(), ids=list(PARAMS.studies))
def test_variants_of_a_study_are_told_apart(study: Study) -> None:
    """A distance of 2 is just noticeable when two areas touch."""
    colours = variant_colours(PARAMS)
    for one, other in combinations([linear(colours[name]) for name in members_of(study)], 2):
        distances = {name: np.linalg.norm(cielab(eye @ one) - cielab(eye @ other)) for name, eye in EYES.items()}
        assert distances["normal"] > 20
        assert min(distances.values()) > 9


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_variants_of_a_data_set_share_no_colour_as_long_as_there_are_enough(dataset: str) -> None:
    """Fashion-MNIST has more variants than there are colours that eyes tell apart: its studies alone are told apart."""
    colours = variant_colours(PARAMS)
    of_dataset = [colours[name] for name, variant in PARAMS.variants.items() if variant.dataset == dataset]
    enough = len(of_dataset) <= len(PALETTE)
    assert (len(set(of_dataset)) == len(of_dataset)) == enough
    assert enough == (dataset != "fashion_mnist")


@pytest.mark.parametrize(("added", "distinct"), [(0, True), (1, False)])
def test_as_many_variants_as_colours_are_told_apart_and_no_more(added: int, distinct: bool) -> None:
    thoracic = [name for name, variant in PARAMS.variants.items() if variant.dataset == "thoracic"]
    mine = [f"mine_{number}" for number in range(len(PALETTE) - len(thoracic) + added)]
    variants = PARAMS.variants | dict.fromkeys(mine, PARAMS.variants[thoracic[0]])
    colours = variant_colours(PARAMS.model_copy(update={"variants": variants}))
    assert (len({colours[name] for name in [*thoracic, *mine]}) == len(PALETTE)) == distinct


@pytest.mark.parametrize("page", ["#ffffff", "#181818"])
@pytest.mark.parametrize("colour", PALETTE)
def test_a_colour_is_readable_on_white_and_on_dark(colour: str, page: str) -> None:
    low, high = sorted([luminance(colour), luminance(page)])
    assert (high + 0.05) / (low + 0.05) >= 3


def with_variants(*added: str, members: int = 0) -> Params:
    """The parameters with variants added at the end, and with a study of so many of all."""
    variants = {**PARAMS.variants, **dict.fromkeys(added, PARAMS.variants["large"])}
    names = list(variants)[-members:]
    study = {"question": "?", "claim": "!", "documents": ["A"], "baseline": names[0]}
    of_all = Study.model_validate(study | {"members": [{"variant": name} for name in names[1:]]})
    studies = {**PARAMS.studies, "all": of_all} if members else PARAMS.studies
    return PARAMS.model_copy(update={"variants": variants, "studies": studies})


def test_a_variant_at_the_end_leaves_the_others_their_colours() -> None:
    before, after = variant_colours(PARAMS), variant_colours(with_variants("mine"))
    assert {name: after[name] for name in before} == before


def test_a_study_with_more_variants_than_colours_uses_them_evenly() -> None:
    params = with_variants(*(f"mine_{number}" for number in range(45)), members=45)
    colours = list(variant_colours(params).values())[-45:]
    assert {colours.count(colour) for colour in PALETTE} == {2, 3}
