"""Sweeps: what `sweeps.yaml` may say, the candidates that it makes, the tables, and trainings that go on."""

import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from projects import ROOT, end_group, run, small_project, start, wait_until

from stages import configure
from stages.artifacts.tables import BEST
from stages.documents import STUDIES, read_studies
from stages.params.schema import Params, parse_params, read_params
from stages.params.sweeps import SWEEPS, Candidate, candidates, read_sweeps
from stages.presentation.kept import KEPT_SWEEPS
from stages.reporting.figures import sweeps as figures
from stages.sweep import main
from stages.sweeps.tables import at_edge, best_of_k, chances_of_best, ranked
from stages.training.recipe import Recipe

MEMBERS = int(os.environ.get("MEMBERS", "12"))
"""Of the sweep that is killed, a multiple of 4. With 1000, the test takes ten minutes on two cores."""
PARAMS = ROOT / "tests" / "small_project" / "params.yaml"
RATES = [0.001, 0.01, 0.1]
GRID: dict[str, Any] = {
    "dataset": "thoracic",
    "variant": "thoracic_bce",
    "grid": {"optimizer": {"sgd": "SGD", "adam": {"class": "Adam", "beta_1": 0.8}}, "optimizer.learning_rate": RATES},
}
DRAWN: dict[str, Any] = {
    "dataset": "thoracic",
    "variant": "thoracic_bce",
    "distributions": {
        "optimizer.learning_rate": {"log_uniform": [0.001, 1.0]},
        "layers.dropout.rate": {"uniform": [0.1, 0.9]},
        "layers.hidden.units": {"integer": [4, 6]},
        "batch_size": {"choice": [10, 30]},
    },
    "draws": 200,
}


def made(params: Params, **declared: Any) -> list[Candidate]:
    """The candidates of a sweep, which nothing checks but the parameters."""
    Path(SWEEPS).write_text(yaml.safe_dump({"sweeps": {"it": declared}}, sort_keys=False), encoding="utf-8")
    return list(candidates("it", read_sweeps()["it"], params, ignore))


def ignore(recipe: Recipe, place: str) -> Recipe:
    """Check nothing and complete nothing."""
    return recipe


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Those of the small project; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    return read_params(PARAMS)


def test_a_grid_has_every_combination_and_a_later_key_lies_in_an_earlier_one(small: Params) -> None:
    found = made(small, **GRID)
    assert [tuple(each.labels.values()) for each in found] == [*itertools.product(["sgd", "adam"], RATES)]
    optimizers = [each.recipe["optimizer"] for each in found]
    assert optimizers[0] == {"class": "SGD", "learning_rate": 0.001}
    assert optimizers[-1] == {"class": "Adam", "beta_1": 0.8, "learning_rate": 0.1}
    others = [{key: value for key, value in each.recipe.items() if key != "optimizer"} for each in found]
    assert all(each == others[0] for each in others)


def test_the_order_of_keys_does_not_matter(small: Params) -> None:
    turned = {**GRID, "grid": dict(reversed(GRID["grid"].items()))}
    assert {json.dumps(each.recipe) for each in made(small, **turned)} == {
        json.dumps(each.recipe) for each in made(small, **GRID)
    }


def test_draws_lie_in_their_distributions(small: Params) -> None:
    table = pd.DataFrame([each.labels for each in made(small, **DRAWN)])
    rates = np.log10(table["optimizer.learning_rate"])
    assert rates.between(-3, 0).all()
    assert np.allclose(rates.quantile([0.25, 0.5, 0.75]), [-2.25, -1.5, -0.75], atol=0.3)
    assert table["layers.dropout.rate"].between(0.1, 0.9).all()
    assert abs(table["layers.dropout.rate"].mean() - 0.5) < 0.06
    assert set(table["layers.hidden.units"]) == {4, 5, 6}
    assert set(table["batch_size"]) == {10, 30}


def test_more_draws_and_more_keys_keep_the_first_draws(small: Params) -> None:
    few = [each.recipe for each in made(small, **{**DRAWN, "draws": 5})]
    assert [each.recipe for each in made(small, **DRAWN)][:5] == few
    fewer = {**DRAWN, "distributions": {"batch_size": DRAWN["distributions"]["batch_size"]}}
    batches = [each.recipe["batch_size"] for each in made(small, **fewer)]
    assert [each.recipe["batch_size"] for each in made(small, **DRAWN)] == batches
    other = made(small, **{**DRAWN, "random_state": 1})
    assert [each.recipe["batch_size"] for each in other] != batches


def test_overrides_of_all_variants_leave_the_keys_of_a_sweep_alone(small: Params) -> None:
    content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    overridden = parse_params({**content, "learning_rate": 0.5, "optimizer": "RMSprop", "epochs": 7})
    before, after = made(small, **GRID), made(overridden, **GRID)
    assert [each.recipe["optimizer"] for each in after] == [each.recipe["optimizer"] for each in before]
    assert {each.recipe["epochs"] for each in after} == {7}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"seeds": 0}, "sweeps.yaml, it.seeds: expected a number greater than 0, got 0"),
    ({"seed": 1}, "sweeps.yaml, it.seed: expected no such key, got 1"),
    ({"grid": {}}, "sweeps.yaml, it: expected a grid or distributions, got neither"),
    (
        {"grid": {"optimizer": 3}},
        "it.grid.optimizer: expected a list of numbers or texts, or {<name>: <value>, …}, got 3",
    ),
    ({"grid": {"optimizer": [{"class": "SGD"}]}}, "expected names for values that are no numbers or texts"),
    ({"grid": {"epochs": [1, 2, 1]}}, "sweeps.yaml, it.grid.epochs: expected each value once, got 1 twice"),
    ({"grid": {"Epochs": [1]}}, "it.grid.Epochs: expected text that matches"),
    ({"grid": {"split": ["clean"]}}, "it: expected keys that may differ between candidates, got 'split'"),
    ({"grid": {"epochs": [*range(1, 10002)]}}, "it: expected at most 10,000 candidates, got 10,001"),
    ({"best_for": "epochs"}, "it: expected a key of the grid as best_for, got 'epochs'"),
    ({"draws": 5}, "it: expected distributions and draws, got one without the other"),
    ({"distributions": {"epochs": {"integer": [3, 1]}}, "draws": 1}, "epochs: expected two rising numbers, got [3, 1]"),
    ({"distributions": {"epochs": {}}, "draws": 1}, "expected one of uniform, log_uniform, integer, choice, got none"),
    (
        {"distributions": {"layers.dropout.rate": {"log_uniform": [0, 1]}}, "draws": 1},
        "expected numbers greater than 0 beside log_uniform, got [0.0, 1.0]",
    ),
    (
        {"distributions": {"optimizer": {"choice": ["SGD"]}}, "draws": 1},
        "it: expected each key once, in the grid or in distributions, got optimizer in both",
    ),
    ({"variant": "thoracic_bcc"}, "sweeps.yaml, it.variant: expected one of thoracic_bce"),
    ({"dataset": "housing"}, "it.dataset: expected thoracic, that of thoracic_bce, got housing"),
    (
        {"grid": {"epochs": [1, -1], "batch_size": [5, 6]}},
        "sweeps.yaml, it, epochs=-1 batch_size=5: epochs: expected a number greater than 0, got -1",
    ),
    ({"grid": {"epoch": [1]}}, "sweeps.yaml, it, epoch=1: epoch: expected epochs as the key, got 'epoch'"),
]


@pytest.mark.bad_input("sweeps.yaml", "keys, values and distributions that cannot be followed")
@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_mistake_is_named_by_its_place_once(small: Params, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^sweeps\.yaml, it") as caught:
        made(small, **{**GRID, **changes})
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.bad_input("sweeps.yaml", "a file that is no mapping of sweeps")
@pytest.mark.parametrize("content", ["", "sweeps", "[]", "sweeps: []", "sweep: {}", "sweeps: {It: {}}", "a: [", "\xff"])
def test_a_file_of_another_form_is_refused(small: Params, content: str) -> None:
    SWEEPS.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"^sweeps\.yaml.*: expected .*, got"):
        read_sweeps()


@pytest.mark.bad_input("sweeps.yaml", "candidates that Keras refuses, or with one recipe")
@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"optimizer": ["SGD", "SDG"]}, "optimizer=SDG: optimizer.class: expected one of SGD"),
        (
            {"optimizer.learning_rate": [0.1, 0]},
            "optimizer.learning_rate=0: optimizer.learning_rate: expected a number gr",
        ),
        ({"optimizer": {"adam": "Adam", "same": {"class": "Adam", "learning_rate": 0.001}}}, "candidates that differ"),
    ],
)
def test_every_candidate_is_checked_by_configure(small: Params, grid: dict[str, Any], message: str) -> None:
    content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    content["variants"] = {"thoracic_bce": content["variants"]["thoracic_bce"]}
    params = parse_params(content)
    Path(params.custom_objects).write_text("", encoding="utf-8")
    SWEEPS.write_text(yaml.safe_dump({"sweeps": {"it": {**GRID, "grid": grid}}}, sort_keys=False), encoding="utf-8")
    splits = configure.complete_splits(params)
    with pytest.raises(ValueError, match=r"^sweeps\.yaml, it") as caught:
        configure.complete_sweeps(params, splits)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_chances_of_the_best_are_those_of_all_orders(count: int) -> None:
    for k in range(1, count + 1):
        firsts = [min(order[:k]) for order in itertools.permutations(range(count))]
        expected = np.bincount(firsts, minlength=count) / len(firsts)
        np.testing.assert_allclose(chances_of_best(count, k), expected, atol=1e-12)


def trained(validation: list[list[float]], diverged: list[float] | None = None) -> pd.DataFrame:
    """Members of candidates, whose scores by seed are given; that on test rows is less by 0.1."""
    rows = [
        {"candidate": number, "seed": seed, "diverged": (diverged or [0.0] * len(validation))[number], "epochs": 2.0}
        | {"validation_accuracy": value, "test_accuracy": value - 0.1}
        for number, values in enumerate(validation)
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_the_best_has_the_best_mean_and_one_that_diverged_comes_last() -> None:
    found = ranked(trained([[0.5, 0.7], [0.9, 0.9], [0.8, 0.6]], [0, 0.5, 0]), "accuracy")
    assert found["candidate"].tolist() == [2, 0, 1]
    np.testing.assert_allclose(found["validation_accuracy"], [0.7, 0.6, np.nan])
    np.testing.assert_allclose(found["validation_accuracy_std"][:2], [np.std([0.8, 0.6], ddof=1)] * 2)
    assert ranked(trained([[0.5], [0.9]]).rename(columns=lambda name: name.replace("accuracy", "mse")), "mse")[
        "candidate"
    ].tolist() == [0, 1]


def test_the_best_of_k_is_the_mean_over_all_orders() -> None:
    values = [0.3, 0.8, 0.5, 0.6]
    found = best_of_k(ranked(trained([[value] for value in values]), "accuracy"), "accuracy")
    expected = [np.mean([max(order[:k]) for order in itertools.permutations(values)]) for k in range(1, 5)]
    assert found["k"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(found["validation_accuracy"], expected)
    np.testing.assert_allclose(found["test_accuracy"], np.array(expected) - 0.1)
    assert found["diverged"].tolist() == [0, 0, 0, 0]


def test_the_best_of_k_counts_orders_in_which_all_diverged() -> None:
    found = best_of_k(ranked(trained([[0.3], [0.8], [0.0]], [0, 0, 1]), "accuracy"), "accuracy")
    np.testing.assert_allclose(found["diverged"], [1 / 3, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found["validation_accuracy"], [0.55, (0.8 + 0.8 + 0.3) / 3, 0.8])
    none = best_of_k(ranked(trained([[0.3], [0.8]], [1, 1]), "accuracy"), "accuracy")
    assert none["diverged"].tolist() == [1, 1]
    assert none["validation_accuracy"].isna().all()


def test_an_edge_is_the_end_of_three_numbers_or_more() -> None:
    grid = pd.DataFrame(itertools.product(RATES, [1, 2], ["a", "b"]), columns=["rate", "few", "text"])
    edges = [at_edge(row, grid) for _, row in grid.iterrows()]
    assert edges == [["rate"]] * 4 + [[]] * 4 + [["rate"]] * 4


@pytest.mark.parametrize("best_for", [None, "optimizer"])
def test_a_picture_has_a_panel_for_each_key_of_numbers_and_one_of_the_best_of_k(best_for: str | None) -> None:
    labels = pd.DataFrame(itertools.product("ab", RATES), columns=["optimizer", "optimizer.learning_rate"])
    rows = trained([[0.5, 0.6], [0.7, 0.7], [0.1, 0.2]] * 2)
    members = rows.join(labels, on="candidate")
    found = ranked(rows, "accuracy").join(labels, on="candidate")
    of_k = best_of_k(found, "accuracy")
    curves = pd.concat([of_k.assign(optimizer=name) for name in "ab"]) if best_for else of_k
    tables = {"members": members, "best": found[:1], "best_of_k": curves}
    declared = {"keys": [*labels], "best_for": best_for}
    figure = figures.sweep("it", declared, tables, "accuracy", "accuracy", less_is_better=False)
    learning_rate, of_k_axes = figure.axes
    assert (learning_rate.get_xlabel(), learning_rate.get_xscale()) == ("optimizer.learning_rate", "log")
    assert of_k_axes.get_xlabel() == "best of k candidates, k"
    low, high = learning_rate.get_ylim()
    assert low < 0.55 < 0.7 < high
    assert (of_k_axes.get_legend() is not None) == bool(best_for)


# Our own sweep.


@pytest.fixture(scope="module")
def swept() -> list[Candidate]:
    declared = read_sweeps(ROOT / SWEEPS)["optimizers"]
    return [*candidates("optimizers", declared, read_params(ROOT / "params.yaml"), ignore)]


@pytest.mark.catalogue
def test_the_study_of_the_optimizers_compares_the_best_candidates_of_the_sweep(
    swept: list[Candidate], recipes: dict[str, Recipe]
) -> None:
    best = pd.read_csv(ROOT / KEPT_SWEEPS / "optimizers" / BEST)
    chosen = [json.dumps(swept[number].recipe) for number in best["candidate"]]
    assert sorted(chosen) == sorted(json.dumps(recipes[name]) for name in compared())
    assert best["at_edge"].isna().all()  # the rates bracket each optimizer's best


def test_every_variant_of_that_study_is_a_candidate_of_another_optimizer(
    swept: list[Candidate], recipes: dict[str, Recipe]
) -> None:
    optimizers = {json.dumps(each.recipe): each.labels["optimizer"] for each in swept}
    assert sorted(optimizers[json.dumps(recipes[name])] for name in compared()) == sorted({*optimizers.values()})


def compared() -> list[str]:
    """The variants of the study of the optimizers at their best, but for those beside its claim."""
    study = read_studies(ROOT / STUDIES)["best_rates"]
    return [study.baseline, *(member.variant for part in study.parts for member in part.members)]


# Trainings, in a small project of their own.


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.fault("sweep", "killed (SIGKILL) amid the members, and started again")
def test_a_sweep_that_was_killed_goes_on_and_leaves_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    small_project(folder)
    declared = {
        "dataset": "thoracic",
        "variant": "thoracic_bce",
        "seeds": 2,
        "best_for": "optimizer",
        "grid": {"optimizer": {"sgd": "SGD", "adam": "Adam"}},
        "draws": MEMBERS // 4,
        "distributions": {"optimizer.learning_rate": {"log_uniform": [0.001, 1.0]}},
    }
    (folder / SWEEPS).write_text(yaml.safe_dump({"sweeps": {"it": declared}}), encoding="utf-8")
    mirror = {"DATA_MIRROR": str(tmp_path / "mirror")}
    done = run(folder, "dvc", "repro", "normalize@thoracic", **mirror)
    assert done.returncode == 0, done.stdout
    command = ("python", "-m", "stages.sweep", "it")
    others = len(records(folder))
    process = start(folder, *command)
    wait_until(lambda: len(records(folder)) >= others + MEMBERS // 4, seconds=MEMBERS * 10)
    end_group(process, signal.SIGKILL)
    said = start(folder, *command).communicate()[0]
    missing = int(said.split(f"{MEMBERS} members of {MEMBERS // 2} candidates, ")[1].split()[0])
    assert 0 < missing <= MEMBERS - MEMBERS // 4
    assert len(records(folder)) == others + MEMBERS
    tables = folder / "reports/tables/sweeps/it"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    done = run(folder, "dvc", "repro", "sweep@it", **mirror)
    assert f"{MEMBERS} members of {MEMBERS // 2} candidates, 0 to train" in done.stdout
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == before
    check_tables(tables)


def records(folder: Path) -> list[Path]:
    return [*folder.glob(".dvc/cache/runs/*/*/*")]


def check_tables(tables: Path) -> None:
    """Check that the tables have all members, and that the best of an optimizer is that of the means over seeds."""
    members, best = (pd.read_csv(tables / f"{name}.csv") for name in ("members", "best"))
    assert members["seed"].tolist() == [42, 43] * (MEMBERS // 2)
    means = members.groupby(["optimizer", "candidate"])[["validation_roc_auc", "test_roc_auc"]].mean()
    for row in best.to_dict("records"):
        own = means.loc[row["optimizer"]]
        assert own["validation_roc_auc"].idxmax() == row["candidate"]
        np.testing.assert_allclose(row["test_roc_auc"], own["test_roc_auc"][row["candidate"]], rtol=1e-5)
        assert row["test_roc_auc_low"] <= row["test_roc_auc"] <= row["test_roc_auc_high"]


@pytest.mark.bad_input("sweep", "a name that sweeps.yaml does not have")
def test_an_unknown_sweep_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^data/sweeps: expected what `configure` leaves, got nothing; `python -m "):
        main(["optimisers"])
    (tmp_path / "data/sweeps").mkdir(parents=True)
    (tmp_path / "data/sweeps/optimizers.json").touch()
    with pytest.raises(SystemExit, match=r"^sweep: expected one of optimizers, got 'optimisers'"):
        main(["optimisers"])
