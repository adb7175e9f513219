import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small import split_of, store

from benchmarks import many_stages, measurements, overhead, processes, report, schedulers
from benchmarks.peers import network
from benchmarks.peers.__main__ import PEERS
from stages.params.overrides import recipe, recipes
from stages.params.schema import Params
from stages.presentation.determinism import COSTS, Cost, costs_of
from stages.training.recipe import Recipe


def peer(seconds: list[float], loss: float = 0.3, parameters: int = 100) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "processor": seconds,
        "loss": [1.0, loss],
        "metric": [0.5, 0.9],
        "parameters": parameters,
        "peak": 500.0,
    }


def epochs(**others: dict[str, Any]) -> dict[str, Any]:
    peers = {
        "ours": peer([9.0, 1.0, 2.0, 1.0]),
        "Keras fit": peer([9.0, 9.0, 18.0, 9.5]),
        "JAX": peer([1.0, 1, 2, 1]),
        "matrix products": peer([9.0, 0.5, 1.0, 0.9], parameters=0),
    }
    return {"relu_100": peers | others}


def way(ours: float, documents: float) -> dict[str, Any]:
    return {"ours": {"wall": ours, "cpu": ours, "peak": 1.0}, "documents": {"wall": documents, "cpu": 1.0, "peak": 1.0}}


DOCUMENTS: dict[str, Any] = {
    "runs": {"relu_100": way(10.0, 30.0), "thoracic_bce": way(4.0, 5.0)},
    "all cores": {
        "cores": 2,
        "seconds": 12.0,
        "runs": {"relu_100": way(12.0, 22.0), "thoracic_bce": way(4.0, 4.0)},
    },
    "stands": {
        "relu_100": {"like": "relu_100", "steps": 100},
        "relu_100_long": {"like": "relu_100", "steps": 200},
        "thoracic_bce": {"like": "thoracic_bce", "steps": 10},
        "elsewhere": {"like": "not_sampled", "steps": 10},
    },
    "estimators": ["housing_linear"],
}

OVERHEAD = {
    "relu_100": {
        "epochs": 3,
        "total": [8.0],
        "parts": [
            {"seconds": {"start and imports": 2.0, "data": 0.5, "fit": 4.5, "saving": 0.25}, "epochs": [2.0, 1.0, 1.0]}
        ],
    }
}

GROWTH = {
    "rows": {
        "1": {"seconds": [5.0, 1.0, 1.0], "peak": 400.0},
        "2": {"seconds": [5.0, 2.0, 2.0], "peak": 500.0},
        "4": {"seconds": [5.0, 6.0, 6.0], "peak": 700.0},
    },
    "variants": {"4": 20.0, "8": 42.0},
    "memory": {"train relu_100": 400.0, "evaluate": 1200.0},
}

DETERMINISM = {
    "relu_100": {
        "ours": peer([9.0, 1.0, 4.0, 2.0]),
        "ours, nothing fixed": peer([1.0, 1.0, 2.0, 2.0]),
        "Keras fit, deterministic": peer([5.0, 1.0, 1.0, 1.0]),
        "Keras fit": peer([9.0, 2.0, 2.0, 2.0]),
    }
}


STAGES = {
    "limit": 100,
    "costs": {
        "a dvc.yaml for each 50": {"71": {"first run": {"seconds": 40.0, "processor": 35.5, "peak": 80.0}}},
        "one dvc.yaml": {
            "71": {
                "first run": {"seconds": 80.0, "processor": 71.0, "peak": 90.0},
                "status": {"seconds": 5.0, "processor": 4.0, "peak": 100.0},
            },
            "1000": {"first run": {"seconds": 100.0, "processor": 90.0, "peak": 90.0, "stages": 250}},
        },
    },
}


SCHEDULERS = {
    "jobs": 2,
    "limit": 100,
    "variant": "thoracic_bce",
    "versions": {"paraffin": "1.0 with DVC 3.0"},
    "projects": {
        "4 trivial stages": {
            "dvc repro": {"seconds": 8.0, "processor": 7.5, "same": True, "seconds after": 4.0, "lost": 0},
            "paraffin": {"seconds": 9.0, "processor": 9.5, "same": False, "failed": "4 of 4 stages did not run"},
        }
    },
}


def asked(seconds: float, **more: float) -> list[dict[str, float]]:
    return [{"seconds": seconds, "processor": 2 * seconds, "peak": 300.0, **more}]


QUESTIONS: dict[str, Any] = {
    "beside": "0123abc",
    "commit": "4567def",
    "repeats": 1,
    "clean": {"theirs": True, "ours": False},
    "found": {
        **{name: {"theirs": asked(100.0), "ours": asked(30.0)} for name in report.QUESTIONS},
        "stage plot": {"theirs": asked(80.0), "ours": asked(18.0)},
        "one variant, on all cores": {"ours": asked(25.0, verdict=20.0)},
    },
}


@pytest.fixture
def results() -> dict[str, Any]:
    machine = {
        "processor": "A processor",
        "cores": 2,
        "memory": 8.0,
        "system": "Linux",
        "python": "3.11.7",
        "libraries": {"keras": "3.15.1", "torch": "2.13.0"},
        "pinned": True,
    }
    return {
        "date": "2026-01-02",
        "quick": False,
        "machine": machine,
        "minutes": {"a": 1.0},
        "epochs": epochs(),
        "documents": DOCUMENTS,
        "overhead": OVERHEAD,
        "growth": GROWTH,
        "determinism": DETERMINISM,
        "stages": STAGES,
        "schedulers": SCHEDULERS,
        "questions": QUESTIONS,
    }


def line(page: str, *words: str) -> str:
    (found,) = [each for each in page.splitlines() if each.startswith("|") and all(word in each for word in words)]
    return found


def test_ratios_compare_what_was_measured_in_the_same_round() -> None:
    assert report.ratios([3.0, 8.0], [1.0, 4.0]) == [3.0, 2.0]
    with pytest.raises(ValueError, match="longer"):
        report.ratios([1.0], [1.0, 2.0])


def test_a_spread_is_the_median_with_the_extremes() -> None:
    assert report.spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0–3.0)"


def test_the_first_epoch_stays_out_of_the_median() -> None:
    page = report.render_epochs(epochs())
    assert "| 1.000 (1.000–2.000) | 1 | 1.000 | 9.00 |" in line(page, "| ours |")
    assert "| 9.00 (9.00–9.50) |" in line(page, "| Keras fit |")


def test_a_met_target_is_met_and_a_missed_one_is_marked() -> None:
    page = report.render_epochs(epochs(JAX=peer([1.0, 0.5, 1.0, 0.5])))
    assert line(page, "against Keras fit").endswith("| ≥ 8 × | 9 × | met |")
    assert line(page, "against JAX").endswith("| ≥ 1 × | 0.5 × | **missed** |")


@pytest.mark.parametrize(
    "other",
    [
        peer([9.0, 9.0, 9.0, 9.0], loss=0.9),
        peer([9.0, 9.0, 9.0, 9.0], loss=0.1),
        peer([9.0, 9.0, 9.0, 9.0], loss=float("nan")),
        peer([9.0, 9.0, 9.0, 9.0], parameters=99),
    ],
)
def test_a_peer_that_does_other_work_is_no_peer(other: dict[str, Any]) -> None:
    page = report.render_epochs(epochs(**{"Keras fit": other}))
    assert "**no: no peer**" in line(page, "| Keras fit |")
    assert line(page, "against Keras fit").endswith("| – | **no peer** |")


def test_matrix_products_are_no_peer_but_a_share_of_what_others_take() -> None:
    page = report.render_epochs(epochs())
    assert "| `relu_100` | 0.900 (0.500–1.000) | 0.50 (0.50–0.90) | 0.06 (0.06–0.09) |" in page
    assert "| matrix products |" not in page.replace("| variant | matrix products |", "")


def test_a_peer_that_sleeps_does_not_make_ours_faster() -> None:
    works, sleeps = peer([9.0, 9.0, 18.0, 9.0]), peer([9.0, 9.0, 18.0, 9.0]) | {"seconds": [99.0, 90.0, 180.0, 90.0]}
    rows = [report.epoch_targets("relu_100", epochs(**{"Keras fit": fit})["relu_100"]) for fit in (works, sleeps)]
    assert rows[0] == rows[1]
    assert "| 90.000 |" in line(report.render_epochs(epochs(**{"Keras fit": sleeps})), "| Keras fit |")


def test_a_run_that_was_stopped_is_not_taken_for_one_at_its_end() -> None:
    page = report.render_stages(STAGES)
    assert "| 71 | one dvc.yaml | 71.0 | 4.0 | 100 |" in page
    assert "| 1000 | one dvc.yaml | **not at its end**: 250 of 1000 after 100 |  | 90 |" in page
    assert "| 71 | a dvc.yaml for each 50 | 0.50 | 5% |" in page
    assert "| 1000 | one dvc.yaml | 0.36 | 3% |" in page


def test_a_scheduler_that_fails_is_told_with_its_reason() -> None:
    page = report.render_schedulers(SCHEDULERS)
    assert "| 4 trivial stages | dvc repro | 8 | 7.5 | yes | 0 | 4 |  |" in page
    assert "| 4 trivial stages | paraffin | 9 | 9.5 | no |  |  | **fails**: 4 of 4 stages did not run |" in page


def test_a_question_is_beside_that_of_the_other_commit_and_its_target() -> None:
    page = report.render_questions(QUESTIONS)
    assert line(page, "| `dvc exp run -S variants").endswith(
        "| 100.0 (100.0–100.0) | 30.0 (30.0–30.0) | 0.30 | 0.40: met |"
    )
    assert line(page, "| `stages.parallel -S variants").endswith("| 0.25 | 0.30: met |")
    assert line(page, "until the verdict").endswith("| 0.20 | 0.18: **missed** |")
    assert "| plot | 80 | 160 | 300 | 18 | 36 | 300 |" in page
    assert "| DVC's own | 20.0 | 40.0 |  | 12.0 | 24.0 |  |" in page
    assert "is **not clean**" in page


@pytest.mark.slow
def test_what_a_killed_scheduler_loses_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedulers, "WAYS", (schedulers.DVC, schedulers.OURS))
    found = schedulers.compare(tmp_path, lambda folder: schedulers.trivial(folder, 6), 6, 2, 100)
    assert found[schedulers.OURS]["same"]
    assert all(one["lost"] <= 3 and "failed" not in one for one in found.values())


def test_a_project_in_several_files_gives_the_lock_of_one(tmp_path: Path) -> None:
    several, one = tmp_path / "several", tmp_path / "one"
    for folder, layout in zip((several, one), many_stages.LAYOUTS, strict=True):
        many_stages.write_project(folder, 3, layout)
    assert "stages" not in many_stages.measure(several, many_stages.COMMANDS["first run"], 100)
    many_stages.finish(one, several)
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=one, capture_output=True, text=True, check=True
    )
    assert json.loads(status.stdout) == {}


def test_a_section_of_another_day_is_named(results: dict[str, Any]) -> None:
    page = report.render(results | {"dates": {"a": "2026-01-02", "b": "2026-01-01"}})
    assert "Older, and perhaps of another machine: documents (2026-01-01)." in page
    assert "Older" not in report.render(results | {"dates": {"a": "2026-01-02", "b": "2026-01-02"}})


def test_the_whole_scales_by_steps_beyond_the_shortest_process() -> None:
    # 10 + 4 + (4 + 200 / 100 * (10 - 4)); what is like nothing in the sample is left out.
    whole = report.whole(DOCUMENTS["runs"], DOCUMENTS["stands"])
    assert whole == (30.0, 30.0 + 5.0 + 5.0 + 2 * 25.0)
    page = report.render_documents(DOCUMENTS)
    # On all cores: the sum of ours, (12 + 4 + (4 + 2 * 8)) / 2, beside the documents' 22 + 4 + (4 + 2 * 18).
    assert line(page, "extrapolated to 3 Keras variants").endswith("| 30.0 | 90.0 | 3.00 | 18.0 | 66.0 | 3.67 |")
    assert line(page, "in all").endswith("| 14.0 | 35.0 | 2.50 | 12.0 | 26.0 | 2.17 |")
    assert line(page, "the sample, one core").endswith("| 2.5 × | met |")
    assert line(page, "the sample, 2 cores").endswith("| 2.17 × | **missed** |")
    page = report.render_documents({key: value for key, value in DOCUMENTS.items() if key != "all cores"})
    assert line(page, "in all").endswith("| 14.0 | 35.0 | 2.50 |")
    assert "With all cores it was not measured." in page


@pytest.mark.usefixtures("deterministic")
def test_what_gets_a_stopwatch_is_there() -> None:
    assert [name for place, name, _ in overhead.watched() if not callable(getattr(place, name, None))] == []


def test_overhead_is_what_the_steady_epochs_leave() -> None:
    parts = report.split(OVERHEAD["relu_100"])
    assert parts["total"] == [5.0]
    assert parts["tracing and compiling"] == [1.0]
    assert parts["the rest"] == [pytest.approx(5.0 - 2.0 - 0.5 - 1.0 - 0.25)]


def test_growth_is_per_row_and_per_variant() -> None:
    page = report.render_growth(GROWTH)
    assert line(page, "rows × 2").endswith("| 1.00 × | met |")
    assert line(page, "rows × 4").endswith("| 1.50 × | **missed** |")
    assert line(page, "variants 4 → 8").endswith("| 1.05 × | met |")
    assert line(page, "largest process, evaluate").endswith("| 1200 MB | **missed** |")


def test_determinism_costs_what_the_steady_epochs_say_round_by_round() -> None:
    page = report.render_determinism(DETERMINISM)
    assert "| 2.000 (1.000–2.000) | 2.000 (1.000–4.000) | 1.00 (1.00–2.00) |" in line(page, "| ours |")
    assert line(page, "| Keras fit |").endswith("| 0.50 (0.50–0.50) | 0.50 (0.50 to 0.50) | yes |")


def test_the_interval_of_a_cost_is_that_of_the_logarithms() -> None:
    ours, fit = report.determinism_costs(DETERMINISM)
    # Ratios 1, 2, 1: logarithms ln 2 × (0, 1, 0), mean 1/3, standard error 1/3; two intervals that hold together: t of
    # 2 degrees of freedom at 98.75 % 6.2053.
    expected = {"ratio": 2 ** (1 / 3), "low": 2 ** ((1 - 6.2053) / 3), "high": 2 ** ((1 + 6.2053) / 3)}
    assert {name: getattr(ours, name) for name in expected} == {
        name: pytest.approx(value, rel=1e-4) for name, value in expected.items()
    }
    assert (ours.variant, ours.way, ours.same_work) == ("relu_100", "ours", True)
    assert fit == Cost("relu_100", "Keras fit", ratio=0.5, low=0.5, high=0.5, same_work=True)


def test_the_costs_are_read_as_they_are_written() -> None:
    table = report.determinism_table({"determinism": DETERMINISM})
    read, costs = costs_of(pd.read_csv(io.StringIO(table))), report.determinism_costs(DETERMINISM)
    assert [cost.ratio for cost in read] == pytest.approx([cost.ratio for cost in costs], rel=1e-5)
    assert [replace(cost, ratio=0, low=0, high=0) for cost in read] == [
        replace(cost, ratio=0, low=0, high=0) for cost in costs
    ]
    assert costs_of(pd.read_csv(io.StringIO(report.determinism_table({})))) == []


def test_the_committed_costs_are_those_of_the_results() -> None:
    results = json.loads((processes.ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))
    committed = (processes.ROOT / COSTS).read_text(encoding="utf-8")
    assert committed == report.determinism_table(results), "stale: run `bash benchmarks/run --render`"


def test_one_round_does_not_limit_a_cost() -> None:
    once = {name: {**found, "seconds": found["seconds"][:2]} for name, found in DETERMINISM["relu_100"].items()}
    for cost in report.determinism_costs({"relu_100": once}):
        assert (cost.low, cost.high) == (0.0, float("inf"))
    assert "(0.00 to inf)" in report.render_determinism({"relu_100": once})


def test_a_deterministic_training_that_does_other_work_is_no_peer() -> None:
    other = DETERMINISM["relu_100"] | {"Keras fit, deterministic": peer([5.0, 1.0, 1.0, 1.0], loss=0.9)}
    page = report.render_determinism({"relu_100": other})
    assert line(page, "| ours |").endswith("| yes |")
    assert line(page, "| Keras fit |").endswith("| **no: no peer** |")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_what_is_unpinned_has_every_core_for_a_while() -> None:
    before = os.sched_getaffinity(0)
    try:
        core = processes.pin()
        with processes.unpinned():
            assert os.sched_getaffinity(0) == before
            assert processes.environment()["OMP_NUM_THREADS"] == str(len(before))
        assert os.sched_getaffinity(0) == {core}
        assert processes.environment()["OMP_NUM_THREADS"] == "1"
    finally:
        os.sched_setaffinity(0, before)


def test_every_peer_that_is_measured_is_known() -> None:
    named = {*measurements.PEERS, *(peer for pair in report.DETERMINISM.values() for peer in pair)}
    assert named == PEERS.keys()


def test_the_page_has_what_was_measured(results: dict[str, Any]) -> None:
    page = report.render(json.loads(json.dumps(results)))
    assert "2026-01-02, 1 minutes: A processor, 2 cores,\n8 GB of memory, Linux" in page
    assert [each for each in page.splitlines() if each.startswith("## ")] == [
        "## One training epoch",
        "## The pipeline against the documents' way",
        "## One training beyond its epochs",
        "## Growth",
        "## What determinism costs",
        "## DVC's own cost with many stages",
        "## Ways to run all stages on all cores",
        "## From a question to its answer",
    ]
    del results["growth"]
    assert "## Growth" not in report.render(results)
    assert "quick trial" in report.render(results | {"quick": True})


@pytest.mark.slow
def test_growth_trains_as_many_copies_of_a_variant_as_it_says(tmp_path: Path, recipes: dict[str, Recipe]) -> None:
    store(recipes[measurements.DUPLICATED], split_of(classes=2), tmp_path)
    (tmp_path / "data/recipes/it.json").rename(tmp_path / f"data/recipes/{measurements.DUPLICATED}.json")
    assert [*measurements._variants(tmp_path, print, (1, 2))] == ["1", "2"]
    for count in (1, 2):
        histories = (tmp_path / f"variants_{count}/data/models").glob("*/history.csv")
        assert {path.parent.name for path in histories} == {f"copy_{number}" for number in range(count)}


@pytest.mark.catalogue
def test_the_benchmarks_name_variants_of_the_parameters(params: Params) -> None:
    named = {
        *measurements.EPOCH_VARIANTS,
        *measurements.SAMPLE,
        *measurements.QUICK_SAMPLE,
        *measurements.OVERHEAD_VARIANTS,
        *measurements.MEMORY_VARIANTS,
        *measurements.DETERMINISM_VARIANTS,
        measurements.DUPLICATED,
        *report.WIDER_LOSS_TOLERANCE,
    }
    assert named <= params.variants.keys()


@pytest.mark.catalogue
def test_every_keras_variant_is_like_one_of_the_sample_and_those_like_themselves(params: Params) -> None:
    like = {name: measurements.alike(made) for name, made in recipes(params) if "estimator" not in made}
    assert set(like.values()) == set(measurements.SAMPLE)
    assert all(like[name] == name for name in measurements.SAMPLE)


@pytest.mark.catalogue
@pytest.mark.parametrize("variant", measurements.EPOCH_VARIANTS)
def test_the_peers_know_every_layer_and_optimizer_of_their_variants(params: Params, variant: str) -> None:
    made = recipe(params, params.variants[variant], variant)
    layers = network.network(made, 8 if made["dataset"] == "housing" else 784)
    assert layers[-1].kind in ("Dense", "BatchNormalization")
    assert network.optimizer(made)[1]["learning_rate"] > 0


@pytest.mark.catalogue
def test_the_peers_refuse_what_they_do_not_know(params: Params) -> None:
    made = recipe(params, params.variants["alpha_dropout_selu"], "it")
    with pytest.raises(ValueError, match="got 'AlphaDropout'"):
        network.network(made, 784)
    with pytest.raises(ValueError, match="optimizer: expected numbers for learning_rate, got"):
        network.optimizer(recipe(params, params.variants["clip_norm"], "it"))
