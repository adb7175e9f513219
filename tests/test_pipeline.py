"""The rules of `dvc.yaml`: which code a stage depends on, what makes it stale, and what Git must not hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from functools import cache
from pathlib import Path

import grimp
import pytest
import yaml
from dvc.repo import Repo
from projects import DVC_YAML, ROOT, block, changed_stages, lies_in, outputs_of, small_project, stages_of

from stages.datasets.spec import names, spec_of
from stages.params.checked import CODE
from stages.params.schema import Params, read_params

STAGES = list(DVC_YAML["stages"])
FOR_PEOPLE = {"diff", "keep", "new", "parallel", "plan", "predict", "readme", "verify", "worker"}
"""The scripts that no stage runs."""
MADE = ["data", "logs", "reports/index.html", "reports/plot_tables", "reports/tables"]
"""Folders that Git does not hold."""
IMPORTED_BY_NAME = {"stages.datasets.spec": "stages.datasets", "stages.reporting.drawings": "stages.reporting.figures"}
"""Packages of which a module imports any module by its name."""
IMPORT = "import_tensorflow()"
INSIDE_FUNCTIONS = {
    "stages.training",
    "stages.training.custom_objects",
    "stages.training.xla",
}
"""Modules that import TensorFlow when a function of theirs is called: for trainings and `configure` alone."""
MAX_LINES_OF_LOCK_PER_STAGE = 32
MAX_DEPENDENCIES_OF_PAGE = 21
MAX_CODE_OF_TRAIN = 4
MAX_LINES_OF_FUNCTION = 60

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
REFERENCES = {"fashion_mnist_majority", "thoracic_majority", "thoracic_logistic", "housing_linear"}


# The code that a stage depends on. `lint-imports` checks the layers; see pyproject.toml.


@cache
def graph() -> grimp.ImportGraph:
    """All imports of our modules, those inside functions too."""
    return grimp.build_graph("stages", "benchmarks", include_external_packages=True, cache_dir=None)


@cache
def reached(module: str) -> frozenset[str]:
    """The modules that importing one of ours loads: also the packages that hold them, and those by name."""
    found, waiting = set(), {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        parents = {name.rpartition(".")[0]} if "." in name else set()
        imported = graph().find_modules_directly_imported_by(name) if name in graph().modules else set()
        by_name = graph().find_children(IMPORTED_BY_NAME[name]) if name in IMPORTED_BY_NAME else set()
        waiting |= (parents | imported | by_name) - found
    return frozenset(found)


def files_of(modules: frozenset[str]) -> set[str]:
    """The files of those of the modules that are ours, from the root; but for `stages/__init__.py`, a docstring."""
    paths = [Path(*module.split(".")) for module in modules if module.startswith(("stages.", "benchmarks"))]
    files = {path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py") for path in paths}
    return {file.as_posix() for file in files}


def script(stage: str) -> str:
    """The module that a stage runs."""
    found = re.match(r"python -m (stages\.\w+)", block(stage)["cmd"])
    assert found, f"{stage}: expected a command `python -m stages.<module> …`"
    return found[1]


def code_of(stage: str) -> list[str]:
    return [each for each in block(stage)["deps"] if each.startswith(("stages", "benchmarks"))]


def test_the_graph_has_imports_inside_functions_and_in_packages() -> None:
    modules = reached("stages.train")
    assert {"stages.training.engine", "stages.training", "keras", "tensorflow"} <= modules
    assert "stages/training/__init__.py" in files_of(modules)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_module_of_ours_that_it_imports(stage: str) -> None:
    needed = files_of(reached(script(stage)))
    if stage == "train":  # the command line of the trainings, which shows their progress
        needed.remove("stages/train.py")
    missing = [file for file in sorted(needed) if not any(lies_in(file, each) for each in code_of(stage))]
    assert missing == []


def test_no_module_of_the_trainings_imports_their_command_line() -> None:
    assert graph().find_modules_that_directly_import("stages.train") <= {"benchmarks.overhead"}


@pytest.mark.parametrize("package", ["stages", "stages.datasets"])
def test_a_package_that_every_stage_imports_holds_no_code(package: str) -> None:
    (docstring,) = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_that_a_stage_depends_on_is_there_and_is_imported(stage: str) -> None:
    files = files_of(reached(script(stage)))
    for dependency in code_of(stage):
        assert any(lies_in(file, dependency) for file in files), f"{stage} does not import {dependency}"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("train", "configure")])
def test_a_stage_that_trains_nothing_does_not_import_tensorflow(stage: str) -> None:
    importing = {user for name in ("tensorflow", "keras") for user in graph().find_modules_that_directly_import(name)}
    assert importing & reached(script(stage)) <= INSIDE_FUNCTIONS
    asking = [file for file in files_of(reached(script(stage))) if IMPORT in (ROOT / file).read_text(encoding="utf-8")]
    assert asking == [] or asking == ["stages/training/__init__.py"]


def test_what_configure_keeps_hangs_on_all_code_of_its_checks() -> None:
    asked = ("stages.params.completion", "stages.params.keras_functions", "stages.normalization.rows")
    files = {ROOT / file for module in asked for file in files_of(reached(module))}
    kept = {path for pattern in CODE for path in (ROOT / "stages").glob(pattern)}
    assert ROOT / "stages/params/checks/step.py" in files
    assert files <= kept | {ROOT / "stages/__init__.py"}


def test_no_script_imports_tensorflow_when_it_is_imported() -> None:
    scripts = [script(stage) for stage in STAGES] + [f"stages.{name}" for name in sorted(FOR_PEOPLE)]
    program = f"import sys, {', '.join(scripts)}; print({{'tensorflow', 'keras'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr


def test_every_script_at_the_top_of_stages_is_a_stage_or_for_people() -> None:
    others = {"__init__", "__main__", "memo", "revisions", "splits"}
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - others
    assert {script(stage).rpartition(".")[2] for stage in STAGES} == scripts - FOR_PEOPLE


def test_a_training_depends_on_little_code() -> None:
    assert len(code_of("train")) <= MAX_CODE_OF_TRAIN
    assert {"data/recipes/${key}.json", "data/normalized/${item.dataset}"} <= set(block("train")["deps"])


def test_the_page_depends_on_whole_packages() -> None:
    assert len(block("page")["deps"]) <= MAX_DEPENDENCIES_OF_PAGE


def test_a_data_set_is_normalized_by_its_own_module() -> None:
    code = code_of("normalize")
    for dataset in names():
        path = f"stages/datasets/{dataset}.py"
        assert path not in code
        assert not any(lies_in(path, each) for each in code if "${key}" not in each)
    assert "stages/datasets/${key}.py" in code


def test_no_stage_but_configure_depends_on_the_parameters() -> None:
    assert [stage for stage in STAGES if "params.yaml" in block(stage).get("deps", [])] == ["configure"]
    assert [stage for stage in STAGES if "params" in block(stage)] == []


def test_every_stage_that_is_called_by_a_name_waits_for_the_check_of_all_names() -> None:
    checked = outputs_of("configure")
    for stage in (stage for stage in STAGES if "foreach" in DVC_YAML["stages"][stage]):
        assert any(lies_in(dependency, output) for dependency in block(stage)["deps"] for output in checked), stage


# The outputs.


def test_every_output_of_the_pipeline_is_written_by_one_stage() -> None:
    outputs = [output for stage in STAGES for output in outputs_of(stage)]
    assert len(outputs) == len(set(outputs))
    for one in outputs:
        assert not [other for other in outputs if other.startswith(f"{one}/")]


def test_every_stage_is_in_the_run_cache() -> None:
    # DVC takes a stage from there if all that it restores is in its cache: not with an output that only Git holds, or
    # with one that persists, which the stage may read.
    for stage in STAGES:
        declared = block(stage)
        for output in declared.get("outs", []):
            settings = next(iter(output.values())) if isinstance(output, dict) else {}
            assert settings.get("cache", True), f"{stage}: {output}"
            assert not settings.get("persist") or stage == "download", f"{stage}: {output}"
        assert not declared.get("always_changed")


def test_the_lock_is_short() -> None:
    lines = (ROOT / "dvc.lock").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES_OF_LOCK_PER_STAGE * len(stages_of(ROOT / "dvc.lock"))


# What makes a stage stale, with the real DVC.


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project whose stages are up to date by `dvc commit`: each output is a file of a line."""
    folder = tmp_path_factory.mktemp("stale") / "project"
    folder.mkdir()
    small_project(folder, with_data=False)
    with chdir(folder), Repo() as repo:
        stages = repo.index.stages
        paths = {Path(each.fs_path) for stage in stages for each in [*stage.deps, *stage.outs]}
        for path in sorted(paths, key=lambda path: (-len(path.parts), path)):  # a file first, then its folder
            file = path if path.suffix or path.name == "checked" else path / "file"
            if not path.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{path.name}\n", encoding="utf-8")
        repo.commit(force=True)
    assert changed_stages(folder) == set()
    return folder


@pytest.fixture
def edited(project: Path) -> Iterator["Edit"]:
    edit = Edit(project)
    yield edit
    edit.undo()


class Edit:
    """Edits of the shared project, which are undone after the test."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._before: dict[Path, bytes] = {}

    def stale(self, path: str, old: str = "", new: str = "# changed\n") -> set[str]:
        """Replace the text, or append to the file; the stages that are stale then."""
        file = self.project / path
        content = file.read_text(encoding="utf-8")
        self._before.setdefault(file, content.encode())
        assert old in content
        file.write_text(content.replace(old, new, 1) if old else content + new, encoding="utf-8")
        return changed_stages(self.project)

    def undo(self) -> None:
        for file, content in self._before.items():
            file.write_bytes(content)


def trainings(project: Path) -> set[str]:
    return {f"train@{name}" for name in yaml.safe_load((project / "params.yaml").read_text())["variants"]}


@pytest.mark.parametrize(
    "path",
    [
        "stages/params/messages.py",
        "stages/params/schema.py",
        "stages/train.py",  # shows the progress
        "stages/page.py",
        "stages/presentation/words/en.yaml",
        "stages/datasets/spec.py",
        "stages/comparison/studies.py",
        "documents/studies.yaml",
    ],
)
def test_a_change_that_cannot_move_a_byte_of_a_model_makes_no_training_stale(path: str, edited: Edit) -> None:
    stale = edited.stale(path)
    assert not [stage for stage in stale if stage.startswith("train@")]
    if path != "stages/train.py":
        assert stale


@pytest.mark.parametrize("path", ["stages/training/engine.py", "stages/splits.py"])
def test_a_change_of_the_engine_makes_every_training_stale(path: str, edited: Edit) -> None:
    assert trainings(edited.project) <= edited.stale(path)


def test_an_override_makes_configure_alone_stale(edited: Edit) -> None:
    assert edited.stale("params.yaml", "learning_rate: 0.001", "learning_rate: 0.002") == {"configure"}


def test_another_recipe_makes_one_training_stale(edited: Edit) -> None:
    stale = edited.stale("data/recipes/deep_only.json")
    assert {stage for stage in stale if stage.startswith("train@")} == {"train@deep_only"}


def test_another_module_of_data_makes_its_own_normalization_stale(edited: Edit) -> None:
    stale = edited.stale("stages/datasets/housing.py")
    assert {stage for stage in stale if stage.startswith("normalize@")} == {"normalize@housing"}


# The text of the code.


def modules() -> list[Path]:
    return sorted((ROOT / "stages").rglob("*.py"))


@pytest.mark.parametrize("dataset", names())
def test_no_data_set_is_named_outside_its_module(dataset: str) -> None:
    own = ROOT / "stages" / "datasets" / f"{dataset}.py"
    naming = [path.relative_to(ROOT).as_posix() for path in modules() if path != own and dataset in texts_of(path)]
    assert naming == []


@pytest.mark.parametrize("dataset", names())
def test_no_column_is_named_outside_the_module_of_its_data_set(dataset: str) -> None:
    spec = spec_of(dataset)
    new_rows = spec.new_rows
    columns = {*spec.feature_names, *(new_rows.columns if new_rows else ()), spec.target.name}
    own = ROOT / "stages" / "datasets" / f"{dataset}.py"
    naming = {}
    for path in (path for path in modules() if path != own):
        if found := columns - {"target"} & texts_of(path):
            naming[path.relative_to(ROOT).as_posix()] = found
    assert naming == {}


@cache
def texts_of(path: Path) -> frozenset[str]:
    """All string constants of a module."""
    constants = (node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant))
    return frozenset(constant for constant in constants if isinstance(constant, str))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_function_is_long() -> None:
    long = []
    folders = [ROOT / name for name in ("stages", "benchmarks", "tests")]
    # Not benchmarks/.venv, which has some 10,000.
    for path in (path for folder in folders for each in ("*.py", "[!.]*/**/*.py") for path in folder.glob(each)):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_LINES_OF_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}, {node.name}: {lines} lines")
    assert long == []


# The catalogue.


@pytest.mark.catalogue
def test_every_row_of_the_catalogue_and_every_reference_is_a_variant(params: Params) -> None:
    listed = " ".join(CATALOGUE.values()).split()
    assert len(listed) == len(set(listed)) == 72
    assert params.variants.keys() >= {*listed, *REFERENCES}


def test_every_name_is_one_that_dvc_can_address() -> None:
    params = read_params(ROOT / "params.yaml")
    every = [*params.variants, *params.datasets]
    every += [split for dataset in params.datasets.values() for split in dataset.splits]
    assert [name for name in every if not re.fullmatch("[a-z0-9_]+", name)] == []


# Git.


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
