"""What `dvc.yaml` must say about the code and `params.yaml`, and what Git must not hold."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))

# The rows of the catalogue of models, by document; 25 is two variants.
CATALOGUE = {
    "B": """sgd_classifier softmax sigmoid_100 relu_100 relu_100_adam relu_100_sgd relu_100_sgd_fast relu_100_nesterov
        relu_100_adagrad relu_100_rmsprop_long relu_100_adam_long dropout_30 dropout_30_short dropout_30_best
        dropout_30_early_stop""",
    "A and C": """small_8 large large_dropout large_batch_norm constant_rate exponential_decay reduce_on_plateau
        step_schedule deep_7 relu_100_adam_batch_8 relu_100_adam_batch_512""",
    "D": """thoracic_msle thoracic_msle_published thoracic_mse thoracic_bce thoracic_mae thoracic_poisson softmax_adam
        l2_l1 l2_l1_max_norm l2_l1_max_norm_dropout adam_beta_89 adam_exponential_decay sgd_exponential_decay
        cosine_restarts""",
    "E": """tanh_300_100 leaky_relu prelu elu selu_100_layers selu_50_layers batch_norm batch_norm_before_activation
        l2_elu l1_elu dropout_20_elu alpha_dropout_selu max_norm_selu optimizer_sgd_momentum optimizer_nesterov
        optimizer_adagrad optimizer_rmsprop optimizer_adam optimizer_adamax optimizer_nadam inverse_time_decay
        clip_value clip_norm wide_and_deep wide_and_deep_two_inputs wide_and_deep_two_outputs deep_only
        wide_and_deep_sgd bottleneck_4 no_bottleneck sigmoid_300_100 selu_300_100""",
}
# Folders that Git does not hold.
MADE = ["data", "reports/history", "reports/figures", "reports/plots", "reports/charts", "reports/index.html", "logs"]
REFERENCES = {"fashion_mnist_majority", "thoracic_majority", "thoracic_logistic", "housing_linear"}


def block(stage: str) -> dict[str, Any]:
    declared = STAGES[stage]
    return declared.get("do", declared)


def outputs_of(stage: str) -> list[str]:
    every = [output for kind in ("outs", "metrics", "plots") for output in block(stage).get(kind, [])]
    return [next(iter(output)) if isinstance(output, dict) else output for output in every]


def script(stage: str) -> str:
    """The module that a stage runs."""
    found = re.match(r"python -m (stages\.\w+)", block(stage)["cmd"])
    assert found, f"{stage}: expected a command `python -m stages.<module> …`"
    return found[1]


def path_of(module: str) -> Path | None:
    """The file of one of our modules, from the root; None for what is no module of ours."""
    base = Path(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if (ROOT / path).is_file()), None)


@cache
def imports(path: Path, module_level_only: bool = False) -> frozenset[str]:
    """Modules that a file imports, and the packages that hold them. Ours only as far as they are files."""
    found = set()
    nodes: list[ast.AST] = [ast.parse((ROOT / path).read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: this test does not follow relative imports"
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        deferred = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (module_level_only and deferred):
            nodes.extend(ast.iter_child_nodes(node))
    return frozenset(".".join(name.split(".")[:end]) for name in found for end in range(1, name.count(".") + 2))


def reached(module: str, module_level_only: bool = False) -> tuple[set[Path], set[str]]:
    """Our files, and all modules by name, that importing a module leads to."""
    files, names, waiting = set(), set(), {module}
    while waiting:
        name = waiting.pop()
        names.add(name)
        path = path_of(name)
        if path is not None and path not in files:
            files.add(path)
            waiting |= imports(path, module_level_only) - names
    return files, names


def test_the_walk_finds_imports_inside_functions_and_through_packages() -> None:
    files, names = reached("stages.train")
    assert Path("stages/training/engine.py") in files
    assert Path("stages/params/schema.py") in files
    assert {"keras", "tensorflow"} <= names


def holds(dependency: str, path: Path) -> bool:
    return dependency == path.as_posix() or path.as_posix().startswith(f"{dependency}/")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_module_of_ours_that_it_imports(stage: str) -> None:
    files, _ = reached(script(stage))
    # `stages/__init__.py` holds a docstring.
    needed = files - {Path("stages/__init__.py")}
    missing = [str(path) for path in sorted(needed) if not any(holds(each, path) for each in block(stage)["deps"])]
    assert missing == []


def test_the_package_itself_holds_no_code() -> None:
    (docstring,) = ast.parse((ROOT / "stages" / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_that_a_stage_depends_on_is_there_and_is_imported(stage: str) -> None:
    files, names = reached(script(stage))
    # The modules of the data sets are imported by their name.
    if "stages.datasets" in names:
        files |= {path.relative_to(ROOT) for path in (ROOT / "stages" / "datasets").glob("*.py")}
    for dependency in (each for each in block(stage)["deps"] if each.startswith("stages/")):
        assert (ROOT / dependency).exists()
        assert any(holds(dependency, path) for path in files), f"{stage} does not import {dependency}"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("train", "configure", "predict")])
def test_a_stage_that_trains_nothing_does_not_import_tensorflow(stage: str) -> None:
    _, names = reached(script(stage))
    assert not names & {"tensorflow", "keras"}


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_tensorflow_before_it_is_told_to(stage: str) -> None:
    _, names = reached(script(stage), module_level_only=True)
    assert not names & {"tensorflow", "keras"}


def test_every_script_at_the_top_of_stages_is_a_stage() -> None:
    scripts = {f"stages.{path.stem}" for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__"}
    assert {script(stage) for stage in STAGES} == scripts - {
        "stages.predict",
        "stages.verify",
        "stages.diff",
        "stages.parallel",
    }  # those are for people


def test_only_cheap_stages_depend_on_all_of_the_parameters() -> None:
    depending = {stage for stage in STAGES if "params.yaml" in block(stage).get("deps", [])}
    assert depending == {"configure", "compare", "plot", "page"}
    for stage in STAGES:
        keys = {each.split(".")[0] for each in block(stage).get("params", [])}
        assert keys <= {"datasets"}


def test_a_training_depends_on_its_own_recipe_and_its_own_data() -> None:
    assert {"data/recipes/${key}.json", "data/normalized/${item.dataset}"} <= set(block("train")["deps"])
    assert "params" not in block("train")


def test_every_stage_that_is_called_by_a_name_waits_for_the_check_of_all_names() -> None:
    waiting = {stage for stage in STAGES if "data/checked" in block(stage)["deps"]}
    their_outputs = {output for stage in waiting for output in outputs_of(stage)}
    assert "data/checked" in outputs_of("configure")
    for stage in (stage for stage in STAGES if "foreach" in STAGES[stage]):
        assert stage in waiting or their_outputs & set(block(stage)["deps"])


def test_every_output_of_the_pipeline_is_written_by_one_stage() -> None:
    outputs = [output for stage in STAGES for output in outputs_of(stage)]
    assert len(outputs) == len(set(outputs))
    for one in outputs:
        assert not [other for other in outputs if other.startswith(f"{one}/")]


def test_every_row_of_the_catalogue_and_every_reference_is_a_variant() -> None:
    listed = " ".join(CATALOGUE.values()).split()
    assert len(listed) == len(set(listed)) == 72
    assert PARAMS["variants"].keys() >= {*listed, *REFERENCES}


def test_every_name_is_one_that_dvc_can_address() -> None:
    names = [*PARAMS["variants"], *PARAMS["datasets"]]
    names += [split for dataset in PARAMS["datasets"].values() for split in dataset["splits"]]
    assert [name for name in names if not (isinstance(name, str) and re.fullmatch("[a-z0-9_]+", name))] == []


def test_every_file_of_the_parameters_is_named_once() -> None:
    names = [file["name"] for dataset in PARAMS["datasets"].values() for file in dataset["files"]]
    assert len(names) == len(set(names))


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a Git checkout")
    return listed.stdout.splitlines()


def test_git_holds_nothing_that_the_pipeline_makes() -> None:
    made = tuple(MADE)
    assert [path for path in tracked() if path.startswith(made)] == []


@pytest.mark.parametrize("folder", MADE)
def test_git_ignores_what_the_pipeline_makes(folder: str) -> None:
    tracked()
    ignored = subprocess.run(["git", "check-ignore", "-q", f"{folder}/file"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_git_holds_no_large_file() -> None:
    sizes = {path: (ROOT / path).stat().st_size for path in tracked() if (ROOT / path).is_file()}
    assert [path for path, size in sizes.items() if size > 1_000_000] == []
