from itertools import combinations

import pytest

from stages.params.schema import Params, Study, read_params
from stages.presentation.colors import PALETTE, distances, linear, members_of, variant_colors

PARAMS = read_params()


def luminance(color: str) -> float:
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def test_every_variant_has_a_color_of_the_palette() -> None:
    colors = variant_colors(PARAMS)
    assert list(colors) == list(PARAMS.variants)
    assert set(colors.values()) <= set(PALETTE)


@pytest.mark.parametrize("study", PARAMS.studies.values(), ids=list(PARAMS.studies))
def test_variants_of_a_study_are_told_apart(study: Study) -> None:
    """A distance of 2 is just noticeable when two areas touch; the fewer variants, the farther apart can they be."""
    colors, few = variant_colors(PARAMS), len(members_of(study)) <= 5
    for one, other in combinations([colors[name] for name in members_of(study)], 2):
        apart = distances(one, other)
        assert apart["normal"] > (40 if few else 25)
        assert min(apart.values()) > 12


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_variants_of_a_data_set_share_no_color_as_long_as_there_are_enough(dataset: str) -> None:
    """Fashion-MNIST has more variants than there are colors that eyes tell apart: its studies alone are told apart."""
    colors = variant_colors(PARAMS)
    of_dataset = [colors[name] for name, variant in PARAMS.variants.items() if variant.dataset == dataset]
    enough = len(of_dataset) <= len(PALETTE)
    assert (len(set(of_dataset)) == len(of_dataset)) == enough
    assert enough == (dataset != "fashion_mnist")


@pytest.mark.parametrize(("added", "distinct"), [(0, True), (1, False)])
def test_as_many_variants_as_colors_are_told_apart_and_no_more(added: int, distinct: bool) -> None:
    thoracic = [name for name, variant in PARAMS.variants.items() if variant.dataset == "thoracic"]
    mine = [f"mine_{number}" for number in range(len(PALETTE) - len(thoracic) + added)]
    variants = PARAMS.variants | dict.fromkeys(mine, PARAMS.variants[thoracic[0]])
    colors = variant_colors(PARAMS.model_copy(update={"variants": variants}))
    assert (len({colors[name] for name in [*thoracic, *mine]}) == len(PALETTE)) == distinct


@pytest.mark.parametrize("page", ["#ffffff", "#181818"])
@pytest.mark.parametrize("color", PALETTE)
def test_a_color_is_readable_on_white_and_on_dark(color: str, page: str) -> None:
    low, high = sorted([luminance(color), luminance(page)])
    assert (high + 0.05) / (low + 0.05) >= 3


def with_variants(*added: str, members: int = 0) -> Params:
    """The parameters with variants added at the end, and with a study of so many of all."""
    variants = {**PARAMS.variants, **dict.fromkeys(added, PARAMS.variants["large"])}
    names = list(variants)[-members:]
    study = {"question": "?", "claim": "!", "documents": ["A"], "baseline": names[0]}
    of_all = Study.model_validate(study | {"members": [{"variant": name} for name in names[1:]]})
    studies = {**PARAMS.studies, "all": of_all} if members else PARAMS.studies
    return PARAMS.model_copy(update={"variants": variants, "studies": studies})


def test_a_variant_at_the_end_leaves_the_others_their_colors() -> None:
    before, after = variant_colors(PARAMS), variant_colors(with_variants("mine"))
    assert {name: after[name] for name in before} == before


def test_a_study_with_more_variants_than_colors_uses_them_evenly() -> None:
    params = with_variants(*(f"mine_{number}" for number in range(45)), members=45)
    colors = list(variant_colors(params).values())[-45:]
    assert {colors.count(color) for color in PALETTE} == {2, 3}
