"""The page `RESULTS.md` and the table of the cost of determinism, made from the numbers of `results.json`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import isnan, nan
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.questions import DROPOUT, EPOCHS
from stages.comparison.statistics import moments_of
from stages.presentation.determinism import Cost
from stages.presentation.markdown import table

Results = dict[str, Any]

EPOCH_VARIANTS = ("relu_100", "deep_7", "large_dropout", "large_batch_norm", "selu_100_layers", "wide_and_deep")
"""The variants whose epochs are measured."""

FASTER_THAN_FIT = 2.5
FASTER_THAN_FIT_RELU_100 = 8.0
FASTER_THAN_JAX_RELU_100 = 1.0
FASTER_THAN_DOCUMENTS = 2.5
FASTER_THAN_DOCUMENTS_ON_ALL_CORES = 4.0
OVERHEAD_SECONDS = 6.0
GROWTH_TOLERANCE = 0.1
PEAK_MEGABYTES = 1000.0
TRAINING_SECONDS = 10

LOSS_TOLERANCE = 0.15
"""A peer's training loss and ours may differ by this share of the larger one."""
WIDER_LOSS_TOLERANCE = {"selu_100_layers": 0.65}
"""More where the seed decides: five seeds of ours end with validation accuracies between 0.41 and 0.81."""

OURS, FIT, JAX, PRODUCTS = "ours", "Keras fit", "JAX", "matrix products"
DETERMINISM = {OURS: (OURS, "ours, nothing fixed"), FIT: ("Keras fit, deterministic", FIT)}
"""By way to train, the deterministic peer and the free one."""
PARTS = ("start and imports", "data", "building", "tracing and compiling", "saving", "predicting", "the rest")


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Ratios pair by pair: what was measured in the same round is compared, so that drift hits both."""
    return [one / other for one, other in zip(numerators, denominators, strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, least and greatest: `1.50 (1.40–1.90)`."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def verdict(met: bool) -> str:
    """How a target is marked."""
    return "met" if met else "**missed**"


def steady(seconds: Sequence[float]) -> list[float]:
    """The epochs after the first, which traces and compiles."""
    return list(seconds[1:])


def learned(variant: str, peer: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether a peer did the same work: as many parameters, and about our loss after as many epochs."""
    tolerance = WIDER_LOSS_TOLERANCE.get(variant, LOSS_TOLERANCE)
    theirs, own = peer["loss"][-1], ours["loss"][-1]
    near = abs(theirs - own) <= tolerance * max(theirs, own)
    fell = theirs < peer["loss"][0]
    return near and fell and peer["parameters"] == ours["parameters"]


def epoch_targets(variant: str, measured: dict[str, Any]) -> list[list[str]]:
    """Rows of the table of targets for one variant; a peer that did other work is no peer."""
    wanted = [(FIT, FASTER_THAN_FIT_RELU_100 if variant == "relu_100" else FASTER_THAN_FIT)]
    if variant == "relu_100":
        wanted.append((JAX, FASTER_THAN_JAX_RELU_100))
    rows = []
    for name, factor in wanted:
        peer, ours = measured[name], measured[OURS]
        found, mark = _at_least(median(_times_ours(peer, ours)), factor)
        if not learned(variant, peer, ours):
            found, mark = "–", "**no peer**"
        rows.append([f"`{variant}` against {name}", f"≥ {factor:g} ×", found, mark])
    return rows


def _at_least(factor: float, wanted: float) -> tuple[str, str]:
    return f"{factor:.3g} ×", verdict(factor >= wanted)


def _times_ours(peer: dict[str, Any], ours: dict[str, Any]) -> list[float]:
    return ratios(steady(peer["processor"]), steady(ours["processor"]))


def render_epochs(epochs: Results) -> str:
    """Section (a)."""
    rows, targets, shares = [], [], []
    for variant, measured in epochs.items():
        ours = measured[OURS]
        products = steady(measured[PRODUCTS]["processor"])
        of_each = [spread(ratios(products, steady(measured[name]["processor"]))) for name in (OURS, FIT)]
        shares.append([f"`{variant}`", spread(products, 3), *of_each])
        for name, peer in measured.items():
            if name == PRODUCTS:
                continue
            rows.append(
                [
                    f"`{variant}`",
                    name,
                    spread(steady(peer["processor"]), 3),
                    spread(_times_ours(peer, ours)) if name != OURS else "1",
                    f"{median(steady(peer['seconds'])):.3f}",
                    f"{peer['seconds'][0]:.2f}",
                    f"{peer['loss'][-1]:.4f}",
                    "yes" if learned(variant, peer, ours) else "**no: no peer**",
                ]
            )
        targets += epoch_targets(variant, measured)
    missing = ", ".join(f"`{name}`" for name in EPOCH_VARIANTS if name not in epochs)
    left_out = f"\n\nNot measured in this run: {missing}." if missing else ""
    count = max(len(measured[OURS]["loss"]) for measured in epochs.values())
    wider = "".join(f" ({value:.0%} for `{name}`)" for name, value in WIDER_LOSS_TOLERANCE.items() if name in epochs)
    of_ours = ["processor seconds", "times ours", "seconds", "first epoch, seconds"]
    header = ["variant", "", *of_ours, "training loss at the end", "same work"]
    return f"""## One training epoch

An epoch is the training pass with its loss and its metric, without validation; all epochs after the first, which
traces and compiles and has a column of its own. *Times ours* is the median of the ratios of processor seconds round by
round: above 1, ours is faster. Seconds that pass are beside them: on a single core `fit` sleeps before each epoch but
the first, while it waits for a thread that tunes its input pipeline (tf.data's autotune), the longer the longer the
epochs are. That is no work, and does not happen on free cores.

{table(header, rows)}

{table(["target", "wanted", "measured", ""], targets)}{left_out}

What no training can do without are the matrix products of its Dense layers. Here they are alone, of all batches of an
epoch, by NumPy's OpenBLAS, in processor seconds and as a share of what ours and Keras's take: a way that did nothing
else could be no faster than *Keras fit* over its share.

{table(["variant", "matrix products", "of ours", "of Keras fit"], shares)}

Every peer is a process of its own, all pinned to the same core and with one thread; they take turns, one epoch each.
Same rows, batch size, layers, initial distributions, optimizer and its arguments; *same work*: as many trained
parameters, and training losses within {LOSS_TOLERANCE:.0%} of each other after {count} epochs{wider}.

- *ours*: `EpochModel`, compiled by XLA as `params.yaml` says, deterministic; *without XLA*: with `jit_compile: false`.
- *Keras fit*: arrays given to `model.fit`, as the documents write it; no determinism.
- *PyTorch*: a module, `torch.optim`, eager; the rows in memory, each batch an `index_select` with the epoch's
  `randperm`, which is faster than a `DataLoader`.
- *JAX*: one `jit` per epoch, a `lax.scan` over the batches that a permutation gathers; optimizer, dropout
  (`jax.random`, its own generator) and batch normalization written out."""


def whole(runs: dict[str, Any], stands: dict[str, Any]) -> tuple[float, float]:
    """Seconds of all Keras variants one after another, ours and the documents', from those of the sample.

    A step of a variant takes what a step takes in the variant that stands for it; what a process takes beyond its
    steps is at most what the shortest one takes.
    """
    totals = []
    for way in ("ours", "documents"):
        walls = {variant: ways[way]["wall"] for variant, ways in runs.items()}
        beyond = min(walls.values())
        total = 0.0
        for variant, stand in stands.items():
            if variant in walls:
                total += walls[variant]
            elif stand["like"] in walls:
                share = stand["steps"] / stands[stand["like"]]["steps"]
                total += beyond + share * (walls[stand["like"]] - beyond)
        totals.append(total)
    ours, theirs = totals
    return ours, theirs


def render_documents(documents: Results) -> str:
    """Section (b)."""
    runs, stands, together = documents["runs"], documents["stands"], documents.get("all cores")
    covered = sum(stand["like"] in runs for stand in stands.values())

    def of(each: dict[str, Any], way: str) -> float:
        return sum(ways[way]["wall"] for ways in each.values())

    measured = [("one core", FASTER_THAN_DOCUMENTS, runs, of(runs, "ours"), 1)]
    if together:
        cores = together["cores"]
        factor = FASTER_THAN_DOCUMENTS_ON_ALL_CORES
        measured.append((f"{cores} cores", factor, together["runs"], together["seconds"], cores))
    header = ["variant", "stands for"]
    rows = [[f"`{variant}`", str(sum(stand["like"] == variant for stand in stands.values()))] for variant in runs]
    rows += [["in all", ""], [f"extrapolated to {covered} Keras variants", ""]]
    targets = []
    for where, factor, each, seconds, cores in measured:
        header += [f"ours, {where}", f"documents, {where}", "ratio"]
        walls = [tuple(each[variant][way]["wall"] for way in ("ours", "documents")) for variant in runs]
        all_ours, all_theirs = whole(each, stands)
        sums = [(seconds, of(each, "documents")), (all_ours / cores, all_theirs)]
        for row, (ours, theirs) in zip(rows, [*walls, *sums], strict=True):
            row += [f"{ours:.1f}", f"{theirs:.1f}", f"{theirs / ours:.2f}"]
        targets += [
            [f"{what}, {where}", f"≥ {factor:g} ×", *_at_least(theirs / ours, factor)]
            for what, (ours, theirs) in zip(("the sample", "extrapolated"), sums, strict=True)
        ]
    estimators = ", ".join(f"`{name}`" for name in documents["estimators"])
    beside = (
        f"""
Then with all {together["cores"]} cores, where the documents' still come one after the other, with as many threads as
TensorFlow chooses, and ours {together["cores"]} at a time, the longest first: the ratio of one variant says little."""
        if together
        else "\nWith all cores it was not measured."
    )
    return f"""## The pipeline against the documents' way

Wall seconds of whole processes, once each, one after the other on one core. *Ours* is a `python -m stages.train`,
which also saves the model, loads it back, predicts with it and writes the history. *Documents* is a script that imports
Keras, loads the arrays, fits a plain model with its validation rows and evaluates it on the test rows.{beside}

{table(header, rows)}

{table(["target", "wanted", "measured", ""], targets)}

On one core *documents* also sleeps before each epoch but the first, see above: that is in its seconds, as a user would
have it there.

The sample has one variant for each kind of data and network (`alike` in `benchmarks/measurements.py`), and every Keras
variant is like one of them. Extrapolated: steps times the seconds per step of the variant that it is like, plus the
shortest process of the sample for what a process takes beyond its steps; a training that stops early counts as if it
did not; on all cores, ours is the sum over their number. Left out: scikit-learn's estimators ({estimators}), which are
the same either way; `dvc repro`'s own time and the stages around the training, which the documents do not have."""


def split(found: Results) -> dict[str, list[float]]:
    """Processor seconds of a training beyond its epochs by part, one value per round, and their `total`.

    Tracing and compiling is what the first epoch takes more than a later one; the rest is what the plain process took
    and no stopwatch saw: the start and the end of `fit`, writing tables, the end of the process, and noise.
    """
    parts: dict[str, list[float]] = {name: [] for name in (*PARTS, "total")}
    for total, observed in zip(found["total"], found["parts"], strict=True):
        epoch = median(steady(observed["epochs"]))
        seen = dict(observed["seconds"])
        seen.pop("fit", None)
        seen["tracing and compiling"] = observed["epochs"][0] - epoch
        beyond = total - epoch * len(observed["epochs"])
        for name in PARTS[:-1]:
            parts[name].append(seen.get(name, 0.0))
        parts["the rest"].append(beyond - sum(seen.get(name, 0.0) for name in PARTS[:-1]))
        parts["total"].append(beyond)
    return parts


def render_overhead(overhead: Results) -> str:
    """Section (c)."""
    rows, targets = [], []
    for variant, found in overhead.items():
        parts = split(found)
        rows.append([f"`{variant}`", *(f"{median(parts[name]):.2f}" for name in PARTS), spread(parts["total"])])
        total = median(parts["total"])
        wanted = f"≤ {OVERHEAD_SECONDS:g} s"
        targets.append([f"`{variant}`", wanted, f"{total:.2f} s", verdict(total <= OVERHEAD_SECONDS)])
    count = max(len(found["total"]) for found in overhead.values())
    epochs = max(found["epochs"] for found in overhead.values())
    return f"""## One training beyond its epochs

Processor seconds, user and system, of `python -m stages.train` less those of its epochs: medians of {count}.

{table(["variant", *PARTS, "in all"], rows)}

{table(["target", "wanted", "measured", ""], targets)}

The total is the operating system's account of a plain process. The parts come from a second process in the same
round, in which stopwatches are put around the functions of `stages.training.keras_models`. *Tracing and compiling* is
what the first epoch takes more than the median of the later ones, its validation included; *the rest* is what no
stopwatch saw: the start and the end of `fit`, the tables, the end of the process. Both trained {epochs} epochs: what
is beyond the epochs does not depend on their number."""


def _growth_target(what: str, factor: float) -> list[str]:
    most = 1 + GROWTH_TOLERANCE
    return [what, f"≤ {most:.2f} ×", f"{factor:.2f} ×", verdict(factor <= most)]


def render_growth(growth: Results) -> str:
    """Section (d)."""
    rows, targets = [], []
    base = growth["rows"]["1"]
    for times, found in growth["rows"].items():
        by_row = [value / int(times) for value in ratios(steady(found["seconds"]), steady(base["seconds"]))]
        rows.append([f"× {times}", spread(steady(found["seconds"]), 3), spread(by_row), f"{found['peak']:.0f}"])
        if times != "1":
            targets.append(_growth_target(f"rows × {times}: time per row", median(by_row)))
    few, many = growth["variants"]
    factor = (growth["variants"][many] / int(many)) / (growth["variants"][few] / int(few))
    targets.append(_growth_target(f"variants {few} → {many}: time per variant", factor))
    worst = max(growth["memory"], key=lambda name: growth["memory"][name])
    peak = growth["memory"][worst]
    largest = f"largest process, {worst.removeprefix('train ')}"
    targets.append([largest, f"≤ {PEAK_MEGABYTES:g} MB", f"{peak:.0f} MB", verdict(peak <= PEAK_MEGABYTES)])
    memory = [
        [f"`{name}`", f"{value:.0f}", "" if value <= PEAK_MEGABYTES else "**over**"]
        for name, value in sorted(growth["memory"].items(), key=lambda item: -item[1])
    ]
    trainings = table(
        ["trainings", "seconds", "per training"],
        [[count, f"{value:.1f}", f"{value / int(count):.2f}"] for count, value in growth["variants"].items()],
    )
    return f"""## Growth

{table(["target", "wanted", "measured", ""], targets)}

Training rows of `relu_100` so many times over, mapped from files as all data are; time per epoch, and per row
relative to × 1:

{table(["rows", "seconds per epoch", "time per row", "peak MB"], rows)}

`dvc repro` of so many copies of a cheap variant, DVC's own time included, in a folder of its own:

{trainings}

Peak memory (largest resident set; a million bytes) of each kind of process. What is mapped from a file counts when it
has been read. Trainings are cut to one epoch, and scikit-learn's to two, which holds the same arrays. The stages
after the training appear if the repository holds all their inputs.

{table(["process", "MB", ""], memory)}"""


def determinism_costs(determinism: Results) -> list[Cost]:
    """Seconds of deterministic epochs as multiples of free ones by variant and way, from those of section (e).

    The ratio is the geometric mean of the ratios round by round, its interval the t interval of their logarithms: 0 to
    infinity for one round. The intervals hold simultaneously (Bonferroni). `same_work`: see `learned`.
    """
    costs = []
    for variant, measured in determinism.items():
        for way, peers in DETERMINISM.items():
            comparisons = len(determinism) * len(DETERMINISM)
            ratios = np.log(_deterministic_ratios(measured, way))
            logarithms = moments_of(ratios[:, np.newaxis]).estimate().interval(0.05 / comparisons)
            ratio, low, high = (float(value) for value in np.exp(logarithms))
            same_work = learned(variant, *(measured[peer] for peer in peers))
            costs.append(Cost(variant, way, ratio, low, high, same_work))
    return costs


def determinism_table(results: Results) -> str:
    """Format the costs of determinism as CSV, which the README and the report page read; see `determinism.COSTS`."""
    columns = [each.name for each in fields(Cost)]
    costs = pd.DataFrame(determinism_costs(results.get("determinism", {})), columns=columns)
    return costs.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def _deterministic_ratios(measured: dict[str, Any], way: str) -> list[float]:
    deterministic, free = (steady(measured[peer]["seconds"]) for peer in DETERMINISM[way])
    return ratios(deterministic, free)


def render_determinism(determinism: Results) -> str:
    """Section (e)."""
    rows = []
    for cost in determinism_costs(determinism):
        measured = determinism[cost.variant]
        deterministic, free = (measured[peer] for peer in DETERMINISM[cost.way])
        rows.append(
            [
                f"`{cost.variant}`",
                cost.way,
                spread(steady(free["seconds"]), 3),
                spread(steady(deterministic["seconds"]), 3),
                spread(_deterministic_ratios(measured, cost.way)),
                f"{cost.ratio:.2f} ({cost.low:.2f} to {cost.high:.2f})",
                "yes" if cost.same_work else "**no: no peer**",
            ]
        )
    header = ["variant", "way", "free", "deterministic", "deterministic / free", "mean (95 %)", "same work"]
    return f"""## What determinism costs

Seconds of a training epoch, without validation, once with nothing fixed and once deterministic: with a seed,
deterministic operations and one thread. Above 1, determinism costs time.

{table(header, rows)}

Here no process is pinned: the free ones have as many threads as TensorFlow chooses, on all cores, so that the cores
that a deterministic training leaves idle are part of its price. The processes take turns, one epoch each, and wait in
between; all epochs after the first; ratios round by round, with their geometric mean and the t interval of their
logarithms; the intervals hold together.

- *ours*: the engine as the pipeline runs it, and the same without `make_deterministic` and without a seed for weights
  and dropout. Not in the ratio: what both do so that other processors give the same bits (`stages/training/xla.py`).
- *Keras fit*: arrays given to `model.fit`, with what document E sets for deterministic runs and without. Keras compiles
  a step with XLA where it can, but never with deterministic operations, and that is in the ratio too."""


def _took(found: dict[str, float] | None, count: str) -> str:
    if found is None:
        return ""
    if "stages" in found:
        return f"**not at its end**: {found['stages']:g} of {count} after {found['seconds']:.0f}"
    return f"{found['processor']:.1f}"


def render_stages(stages: Results) -> str:
    """Section (f)."""
    commands = [*dict.fromkeys(command for of in stages["costs"].values() for one in of.values() for command in one)]
    rows, shares = [], []
    for layout, by_count in stages["costs"].items():
        for count, found in by_count.items():
            peak = max(each["peak"] for each in found.values())
            rows.append([count, layout, *(_took(found.get(command), count) for command in commands), f"{peak:.0f}"])
            first = found["first run"]
            done = first.get("stages", int(count))
            each = first["processor"] / max(done, 1)
            shares.append([count, layout, f"{each:.2f}", f"{each / (each + TRAINING_SECONDS):.0%}"])
    return f"""## DVC's own cost with many stages

Processor seconds of a command and all that it starts, with trivial stages: each copies a file twice, has two
dependencies and two outputs, and one stage at the end reads from all. DVC works on one core; *parallel* divides its
seconds among all. What is not at its end after {stages["limit"]:g} s is stopped.

{table(["stages", "in", *commands, "peak MB"], rows)}

Of a first run, what a stage costs (of one that was stopped, as far as it came: less than the whole would), and its
share if the stage itself took {TRAINING_SECONDS} s, as the shorter trainings do:

{table(["stages", "in", "processor seconds per stage", "share"], shares)}

DVC reads and writes all of `dvc.lock` after each stage, so that a first run grows with the square of the stages in a
dvc.yaml; several dvc.yaml files, each with a lock of its own, make that small (the names of stages are then
`pipelines/00/dvc.yaml:train@…`). *Parallel* is `python -m stages.parallel` on all cores. An empty cell was not
measured. Where a first run was stopped, the two columns beside it are of what the other layout had left, put into one
dvc.lock."""


def render_schedulers(found: Results) -> str:
    """Section (g)."""
    rows = []
    for project, ways in found["projects"].items():
        for way, one in ways.items():
            cells = [_cell(one.get(name)) for name in ("seconds", "processor", "same", "lost", "seconds after")]
            rows.append([project, way, *cells, f"**fails**: {_reason(one['failed'])}" if "failed" in one else ""])
    header = ["project", "", "seconds", "processor seconds", "same dvc.lock", "run again", "seconds after", ""]
    versions = ", ".join(f"{way} {version}" for way, version in found["versions"].items())
    return f"""## Ways to run all stages on all cores

Seconds that pass and processor seconds of all processes until everything is up to date, from nothing, {found["jobs"]}
stages at a time (`dvc repro`: one). *Same dvc.lock*: as the bytes that `dvc repro` leaves. Then once more from nothing,
but all processes are killed when half of the stages have run, and the same command is given again: *run again* are the
stages whose commands had ended before and ran once more, *seconds after* what the second run takes.

{table(header, rows)}

The trivial stages write one line each. The trainings are `{found["variant"]}` with other seeds, on each of its splits.
*paraffin* is `paraffin submit` and `paraffin worker`, *dask4dvc* is `dask4dvc repro`, each in an environment of its own
({versions}); a run of more than {found["limit"]:g} s is stopped."""


QUESTIONS = {
    "one variant": (f"`dvc exp run -S {EPOCHS}=…`", "seconds", 0.40),
    "one variant, on all cores": (f"`stages.parallel -S {EPOCHS}=…`", "seconds", 0.30),
    "verdict": ("the same, until the verdict is printed", "verdict", 0.18),
    "dropout": (f"`-S dropout={DROPOUT:g}`: `dvc exp run`, ours `stages.parallel`", "seconds", 0.45),
    "back to the committed value": ("`dvc exp run` back to the committed value", "seconds", 0.15),
    "back, on all cores": ("`stages.parallel -S` back to the committed value", "seconds", 0.15),
    "back to a value of before": ("`dvc exp run` to that value again", "seconds", nan),
    "one word": ("`dvc repro page` after a change of one word", "seconds", 0.3),
    "all pictures": ("`stages.plot` from nothing", "processor", 0.55),
    "configure --check": ("`stages.configure --check`", "processor", 0.6),
    "nothing to do": ("`dvc repro` with nothing to do", "seconds", nan),
}
"""By question, how it is asked, what is compared, and the share of the other commit's that it may take."""
BESIDE_OF = {
    "one variant, on all cores": "one variant",
    "verdict": "one variant",
    "back, on all cores": "back to the committed value",
}
"""The question of the other commit, where it has another."""


def render_questions(found: Results) -> str:
    """Section (h)."""
    rows, stages = [], []
    times = {**found["found"], "verdict": found["found"]["one variant, on all cores"]}
    for question, (asked, unit, most) in QUESTIONS.items():
        ours = [each[unit] for each in times[question]["ours"]]
        before = times[BESIDE_OF.get(question, question)]["theirs"]
        theirs = [each["seconds" if unit == "verdict" else unit] for each in before]
        share = median(ours) / median(theirs)
        target = "" if isnan(most) else f"{most:.2f}: {verdict(share <= most)}"
        kind = "processor seconds" if unit == "processor" else "seconds"
        rows.append([asked, kind, spread(theirs, 1), spread(ours, 1), f"{share:.2f}", target])
    for name, of in times.items():
        if name.startswith("stage "):
            each = [[median(one[unit] for one in of[way]) for unit in UNITS] for way in ("theirs", "ours")]
            stages.append([name.removeprefix("stage "), *(f"{value:g}" for pair in each for value in pair)])
    own = [_of_dvc(times, way, unit) for way in ("theirs", "ours") for unit in UNITS]
    stages.append(["DVC's own", *("" if isnan(value) else f"{value:.1f}" for value in own)])
    header = ["stage", *(f"{way}: {unit}" for way in (found["beside"], "ours") for unit in UNITS.values())]
    clean = "clean" if found["clean"]["ours"] else "**not clean**"
    return f"""## From a question to its answer

On two cores, in clones of {found["commit"]} and of {found["beside"]}, which draws and reports all again for each
question; both with the environment of their own lock file and all results, and in turns. What is kept of one
question is forgotten before the next. {found["repeats"]} times; the line of dropout once. Ours has more variants.

{table(["", "in", found["beside"], "ours", "share", "at most"], rows)}

Before the questions `git status` of our clone is {clean}. Where the seconds of `dvc exp run -S {EPOCHS}=…` go:
each of its stages alone, as a process of its own, with what was kept before. What is left of the whole is DVC's own: it
reads and writes dvc.yaml and dvc.lock, adds files to Git after each of the stages, also after those that did not run,
and saves the experiment. No setting of DVC's takes it away; `stages.parallel -S` does it once, at the end.

{table(header, stages)}"""


def _of_dvc(times: Mapping[str, Any], way: str, unit: str) -> float:
    """What `dvc exp run` takes beyond its stages; NaN for memory, which does not add up."""
    stages = [of[way] for name, of in times.items() if name.startswith("stage ")]
    whole = median(one[unit] for one in times["one variant"][way])
    return nan if unit == "peak" else whole - sum(median(one[unit] for one in each) for each in stages)


UNITS = {"seconds": "seconds", "processor": "processor seconds", "peak": "peak MB"}


def _reason(said: str) -> str:
    """The end of what a scheduler said, without lines that it drew and folders that are gone."""
    return re.sub(r"\S*benchmarks-\S+(?: killed)?(?=/\.dvc)", "…", re.sub("[─╯│╰]+ *", "", said))


def _cell(value: float | bool | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if not isinstance(value, bool) else "yes" if value else "no"


SECTIONS: dict[str, Callable[[Results], str]] = {
    "epochs": render_epochs,
    "documents": render_documents,
    "overhead": render_overhead,
    "growth": render_growth,
    "determinism": render_determinism,
    "stages": render_stages,
    "schedulers": render_schedulers,
    "questions": render_questions,
}


def render(results: Results) -> str:
    """The whole page."""
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    pinned = (
        "pinned to one core, save where it is said" if machine["pinned"] else "not pinned: this system has no such call"
    )
    warning = "\n**A quick trial: too few repeats for a conclusion.**\n" if results["quick"] else ""
    dates = " and ".join(sorted({results["date"], *results.get("dates", {}).values()}))
    minutes = sum(results.get("minutes", {}).values())
    titles = dict(zip("abcdefgh", SECTIONS, strict=True))
    older = [
        f"{titles[letter]} ({date})" for letter, date in results.get("dates", {}).items() if date != results["date"]
    ]
    apart = f"\nOlder, and perhaps of another machine: {', '.join(older)}." if older else ""
    sections = [write(results[name]) for name, write in SECTIONS.items() if name in results]
    head = f"""# Benchmarks

Generated by `bash benchmarks/run` from `benchmarks/results.json`; see CONTRIBUTING.md. Medians, with (least–greatest).
{warning}
{dates}, {minutes:.0f} minutes: {machine["processor"]}, {machine["cores"]} cores,
{machine["memory"]:g} GB of memory, {machine["system"]}, Python {machine["python"]}.
{libraries}.
Measured processes are {pinned}.{apart}"""
    return "\n\n".join([head, *sections]) + "\n"
