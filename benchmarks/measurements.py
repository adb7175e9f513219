"""The eight sections of the results, each measured by a function that returns plain numbers."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import cpuinfo
import yaml

from benchmarks import many_stages
from benchmarks import questions as asked
from benchmarks import schedulers as ways
from benchmarks.processes import PEERS_PYTHON, ROOT, Worker, changed, environment, last_json, recipe_of, run, unpinned
from benchmarks.report import DETERMINISM, EPOCH_VARIANTS, PRODUCTS
from stages.training.recipe import Recipe

Say = Callable[[str], None]

PEERS = ("ours", "ours without XLA", "Keras fit", "PyTorch", "JAX", PRODUCTS)

SAMPLE = (
    "relu_100",
    "dropout_30_short",
    "elu",
    "batch_norm",
    "constant_rate",
    "l2_l1_max_norm_dropout",
    "dropout_20_elu",
    "selu_50_layers",
    "thoracic_bce",
    "wide_and_deep",
)
"""Variants that represent all Keras variants; see `alike`."""

QUICK_SAMPLE = ("relu_100", "l2_l1_max_norm_dropout", "thoracic_bce")

OVERHEAD_VARIANTS = ("relu_100", "large_batch_norm", "large_dropout", "wide_and_deep")

MEMORY_VARIANTS = (
    "relu_100",
    "deep_7",
    "large_dropout",
    "large_batch_norm",
    "selu_100_layers",
    "wide_and_deep",
    "thoracic_bce",
    "sgd_classifier",
    "housing_linear",
)
"""The kinds of training process."""

DETERMINISM_VARIANTS = ("relu_100", "large_dropout", "deep_7")

DUPLICATED = "thoracic_bce"
"""The cheap variant of which growth with the number of variants is measured."""


def alike(recipe: Recipe) -> str:
    """The variant of the sample whose steps cost about what this recipe's do: the same data and kind of network."""
    layers = list(recipe.get("layers", {}).values())
    classes = {layer["class"] for layer in layers}
    widths = [layer.get("units", 0) for layer in layers]
    stands = {
        "thoracic_bce": recipe["dataset"] == "thoracic",
        "wide_and_deep": recipe["dataset"] == "housing",
        "dropout_20_elu": recipe["split"] == "small",
        "selu_50_layers": sum(layer.get("repeat", 1) for layer in layers) > 40,
        "batch_norm": "BatchNormalization" in classes,
        "l2_l1_max_norm_dropout": recipe.get("batch_size") == 30,
        "constant_rate": recipe["split"] == "full",
        "dropout_30_short": "Dropout" in classes,
        "elu": max(widths, default=0) >= 300,
        "relu_100": True,
    }
    return next(name for name, does in stands.items() if does)


def steps(folder: Path, recipe: Recipe) -> int:
    """Steps of a whole training."""
    index = json.loads((folder / "data/normalized" / recipe["dataset"] / "splits.json").read_text(encoding="utf-8"))
    start, stop = index[recipe["split"]]["parts"]["train"]
    return recipe["epochs"] * -(-(stop - start) // recipe["batch_size"])


def epochs(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(a) Seconds, loss and metric of every epoch of every peer; the peers take turns, epoch by epoch."""
    variants = ("relu_100", "wide_and_deep") if quick else EPOCH_VARIANTS
    return {variant: _in_turns(folder, say, "epochs", variant, PEERS, quick) for variant in variants}


def determinism(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(e) As (a), of deterministic trainings and of such as are not, each of which has every core during its epoch."""
    variants = DETERMINISM_VARIANTS[:1] if quick else DETERMINISM_VARIANTS
    peers = tuple(chain.from_iterable(DETERMINISM.values()))
    with unpinned():
        return {variant: _in_turns(folder, say, "determinism", variant, peers, quick) for variant in variants}


def _in_turns(
    folder: Path, say: Say, section: str, variant: str, peers: tuple[str, ...], quick: bool
) -> dict[str, dict[str, Any]]:
    rounds = 3 if quick else 6  # the first one compiles
    workers = {}
    for peer in peers:
        python = PEERS_PYTHON if peer in ("PyTorch", "JAX") else sys.executable
        workers[peer] = Worker(["-m", "benchmarks.peers", peer, variant], folder, python)
    found: dict[str, dict[str, Any]] = {
        peer: {**worker.ready, "seconds": [], "processor": [], "loss": [], "metric": []}
        for peer, worker in workers.items()
    }
    for turn in range(rounds):
        for peer, worker in workers.items():
            for name, value in worker.epoch().items():
                found[peer][name].append(round(value, 6))
        took = ", ".join(f"{peer} {found[peer]['seconds'][-1]:.2f} s" for peer in peers)
        say(f"{section}: {variant}, round {turn + 1} of {rounds}: {took}")
    for peer, worker in workers.items():
        found[peer]["peak"] = round(worker.close(), 1)
    return found


WAYS = {"ours": "stages.train", "documents": "benchmarks.documents_way"}


def documents(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(b) Whole processes, one way and the other, for the sample, on one core and on all; and what stands for what."""
    sample = QUICK_SAMPLE if quick else SAMPLE
    runs: dict[str, Any] = {}
    for variant in sample:
        runs[variant] = {way: _usage(way, variant, folder) for way in WAYS}
        say(f"documents: {variant}: " + ", ".join(f"{way} {took['wall']:.1f} s" for way, took in runs[variant].items()))
    with unpinned():
        theirs = {variant: _usage("documents", variant, folder) for variant in sample}
        longest_first = sorted(sample, key=lambda variant: -runs[variant]["ours"]["wall"])
        cores = os.cpu_count() or 1
        start = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            ours = dict(
                zip(longest_first, pool.map(partial(_usage, "ours", folder=folder), longest_first), strict=True)
            )
        seconds = round(time.perf_counter() - start, 3)
    together = {variant: {"ours": ours[variant], "documents": theirs[variant]} for variant in sample}
    took = sum(usage["wall"] for usage in theirs.values())
    say(f"documents: on {cores} cores: ours {seconds:.1f} s, documents {took:.1f} s")
    stands: dict[str, Any] = {}
    estimators = []
    for path in sorted((folder / "data/recipes").glob("*.json")):
        recipe = recipe_of(folder, path.stem)
        if "estimator" in recipe:
            estimators.append(path.stem)
        else:
            stands[path.stem] = {"like": alike(recipe), "steps": steps(folder, recipe)}
    all_cores = {"cores": cores, "seconds": seconds, "runs": together}
    return {"runs": runs, "all cores": all_cores, "stands": stands, "estimators": estimators}


def _usage(way: str, variant: str, folder: Path) -> dict[str, float]:
    usage = run(["-m", WAYS[way], variant], folder)
    return {"wall": round(usage.wall, 3), "cpu": round(usage.cpu, 3), "peak": round(usage.peak, 1)}


def overhead(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(c) Processor seconds of whole trainings of three epochs, plain and with stopwatches, in turns."""
    measured: dict[str, Any] = {}
    rounds = 1 if quick else 5
    for variant in ("relu_100",) if quick else OVERHEAD_VARIANTS:
        found: dict[str, Any] = {"epochs": 3, "total": [], "parts": []}
        with changed(folder, variant, epochs=found["epochs"]):
            for _ in range(rounds):
                found["total"].append(round(run(["-m", "stages.train", variant], folder).cpu, 3))
                observed = last_json(run(["-m", "benchmarks.overhead", variant], folder))
                parts = {name: round(value, 3) for name, value in observed["seconds"].items()}
                found["parts"].append({"seconds": parts, "epochs": [round(value, 4) for value in observed["epochs"]]})
        measured[variant] = found
        say(f"overhead: {variant}: {found['total']} s in all")
    return measured


def growth(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(d) More rows, more variants; and the peak memory of every kind of process."""
    return {
        "rows": _rows(folder, say, 2 if quick else 6),
        "variants": _variants(folder, say, (1, 2) if quick else (4, 8)),
        "memory": _memory(folder, say, MEMORY_VARIANTS[:1] if quick else MEMORY_VARIANTS),
    }


def _rows(folder: Path, say: Say, rounds: int) -> dict[str, Any]:
    workers = {
        times: Worker(["-m", "benchmarks.peers", "ours", "relu_100", "--times", str(times)], folder)
        for times in (1, 2, 4)
    }
    seconds: dict[int, list[float]] = {times: [] for times in workers}
    for _ in range(rounds):
        for times, worker in workers.items():
            seconds[times].append(round(worker.epoch()["seconds"], 6))
    found = {
        str(times): {"seconds": seconds[times], "peak": round(worker.close(), 1)} for times, worker in workers.items()
    }
    say("growth: rows: " + ", ".join(f"× {times} {took[-1]:.2f} s" for times, took in seconds.items()))
    return found


def _variants(folder: Path, say: Say, counts: tuple[int, ...]) -> dict[str, float]:
    """Seconds of `dvc repro` for so many copies of a cheap variant, each under a name of its own."""
    found = {}
    for count in counts:
        recipe = recipe_of(folder, DUPLICATED)
        normalized = f"data/normalized/{recipe['dataset']}"
        copy = folder / f"variants_{count}"
        copy.mkdir()
        shutil.copytree(ROOT / "stages", copy / "stages", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(ROOT / "dvc.yaml", copy / "dvc.yaml")
        shutil.copytree(folder / normalized, copy / normalized)
        names = [f"copy_{number}" for number in range(count)]
        dataset = {"dataset": recipe["dataset"]}
        params = {"variants": dict.fromkeys(names, dataset), "datasets": {recipe["dataset"]: {}}}
        (copy / "data/recipes").mkdir()
        for name in names:
            shutil.copyfile(folder / f"data/recipes/{DUPLICATED}.json", copy / f"data/recipes/{name}.json")
        (copy / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        (copy / "sweeps.yaml").write_text("sweeps: {}\n", encoding="utf-8")
        variables = {name: value for name, value in environment().items() if name not in ("PYTHONPATH", "DVC_ROOT")}
        for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
            subprocess.run(command, cwd=copy, env=variables, check=True, capture_output=True)
        start = time.perf_counter()
        # The stages before the training are left alone: their outputs are here already.
        targets = [f"train@{name}" for name in names]
        arguments = [sys.executable, "-m", "dvc", "repro", "--single-item", *targets]
        done = subprocess.run(arguments, cwd=copy, env=variables, check=False, capture_output=True, text=True)
        found[str(count)] = round(time.perf_counter() - start, 3)
        if done.returncode:
            raise RuntimeError(f"dvc repro of {count} variants: expected exit code 0, got:\n{done.stderr[-2000:]}")
        say(f"growth: {count} variants: {found[str(count)]:.1f} s")
    return found


def _memory(folder: Path, say: Say, variants: tuple[str, ...]) -> dict[str, float]:
    peaks = {}
    for variant in variants:
        # A process holds most in its first epoch.
        recipe = recipe_of(folder, variant)
        if "estimator" in recipe:
            estimator = recipe["estimator"]
            fewer: dict[str, Any] = {"estimator": estimator | {"max_iter": 2} if "max_iter" in estimator else estimator}
        else:
            fewer = {"epochs": 1}
        with changed(folder, variant, **fewer):
            peaks[f"train {variant}"] = round(run(["-m", "stages.train", variant], folder).peak, 1)
        say(f"growth: memory of {variant}: {peaks[f'train {variant}']:.0f} MB")
    return peaks


REPORT_STAGES = ("environment", "evaluate", "compare", "plot")


def reports(folder: Path, say: Say) -> dict[str, float]:
    """Peak memory in MB of the stages after the training, on the repository's own models; empty if they are missing."""
    needed = [ROOT / place for place in ("data/normalized", "data/recipes", "data/models")]
    if not all(place.is_dir() for place in needed):
        return {}
    names = {path.stem for path in (ROOT / "data/recipes").glob("*.json")}
    if any(not (ROOT / "data/models" / name / "recipe.json").exists() for name in names):
        return {}
    copy = folder / "reports_stages"
    (copy / "reports").mkdir(parents=True)
    (copy / "data").symlink_to(ROOT / "data")
    (copy / "documents").symlink_to(ROOT / "documents")
    peaks = {}
    for stage in REPORT_STAGES:
        try:
            peaks[stage] = round(run(["-m", f"stages.{stage}"], copy).peak, 1)
        except RuntimeError as error:  # models of another state of the code; all else is measured by now
            say(f"growth: memory of {stage}: left out: {error}")
        else:
            say(f"growth: memory of {stage}: {peaks[stage]:.0f} MB")
    return peaks


def stages(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(f) DVC's own cost with so many trivial stages, in one dvc.yaml and in several."""
    limit = 60 if quick else 600
    counts = (10, 20) if quick else (71, 250, 1000)
    return {"limit": limit, "costs": many_stages.all_costs(folder, say, counts, limit)}


def schedulers(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(g) Ways to run all stages on all cores, and what each loses when it is killed."""
    counts, limit = ((6, 2), 120) if quick else ((100, 20), 600)
    return ways.all_ways(folder / "schedulers", folder, say, counts, limit)


def questions(folder: Path, say: Say, quick: bool) -> dict[str, Any]:
    """(h) From a question to its answer, beside a former commit."""
    return asked.all_questions(folder / "questions", say, 1 if quick else 3)


def machine() -> dict[str, Any]:
    """The machine and the versions, without its name."""
    peers = subprocess.run(
        [
            PEERS_PYTHON,
            "-c",
            "from importlib.metadata import version as v; import json; "
            "print(json.dumps({name: v(name) for name in ('torch', 'jax', 'jaxlib')}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    names = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "scikit-learn", "dvc")
    installed = {each.metadata["Name"].lower().replace("_", "-"): each.version for each in metadata.distributions()}
    return {
        "processor": cpuinfo.get_cpu_info().get("brand_raw", platform.machine()),
        "cores": os.cpu_count(),
        "memory": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: installed[name] for name in names if name in installed} | json.loads(peers.stdout),
    }
