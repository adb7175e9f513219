"""Projects of Git and DVC, made at random: their stages have all that a dvc.yaml may declare."""

import json
import random
from pathlib import Path
from typing import Any

import yaml
from projects import dvc, initialize

NOTE = "echo %s >> $RAN"
"""Part of each command: the stages that ran are lines of the file that the variable `RAN` names."""


class RandomProject:
    """A project of random stages, which can be changed at random; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self.params: dict[str, Any] = {"top": {"first": 1, "second": [1, 2]}, "names": ["x", "y", "z"]}
        self.others: dict[str, Any] = {"a": {"b": 0.5}, "c": "text"}
        self.raw = {f"raw/{name}": f"{name} {seed}\n" for name in ("a", "b", "data")}
        self._files = [*self.raw]
        """What a stage may read from."""
        self.pipelines: dict[str, dict[str, Any]] = {"dvc.yaml": {}, "sub/dvc.yaml": {}}
        self.top: dict[str, Any] = {}
        """The sections of dvc.yaml beside `stages`."""
        kinds = [self._plain, self._folder, self._foreach, self._matrix, self._params, self._metrics, self._plots]
        kinds += [self._always, self._frozen, self._list, self._persists, self._executable, self._callback, self._sink]
        self._random.shuffle(kinds)
        for number, kind in enumerate(kinds):
            kind(f"{kind.__name__[1:]}{number}")

    def write(self, folder: Path) -> Path:
        """Write all files into the folder, which may have earlier ones."""
        for path, text in self.raw.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / "sub").mkdir(exist_ok=True)
        for path, stages in self.pipelines.items():
            content = {"stages": stages} | (self.top if path == "dvc.yaml" else {})
            (folder / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        (folder / "params.yaml").write_text(yaml.safe_dump(self.params), encoding="utf-8")
        (folder / "others.json").write_text(json.dumps(self.others), encoding="utf-8")
        return folder

    def make(self, folder: Path) -> Path:
        """Make the project, of which `raw/data` is a `.dvc` file, in an empty folder; it never ran."""
        folder.mkdir()
        initialize(folder)
        self.write(folder)
        dvc(folder, "add", "-q", "raw/data")
        return folder

    def change(self) -> str:
        """Change an input, a params file or a command; says which.

        From the first change on a stage is frozen: DVC refuses one that never ran.
        """
        for stages in self.pipelines.values():
            for name in stages:
                if name.startswith("frozen"):
                    stages[name]["frozen"] = True
        what = self._random.choice(["raw/a", "raw/b", "raw/data", "params.yaml", "others.json", "command"])
        if what in self.raw:
            self.raw[what] += "changed\n"
        elif what == "params.yaml":
            self.params["top"]["first"] += 1
            self.params["names"] = self._random.sample(["x", "y", "z", "w"], 3)
        elif what == "others.json":
            self.others["a"]["b"] += 1
        else:
            changed = self._random.choice([stage for stage in self.pipelines["dvc.yaml"].values() if "cmd" in stage])
            changed["cmd"] = [*([changed["cmd"]] if isinstance(changed["cmd"], str) else changed["cmd"]), "true"]
        return what

    def _inputs(self, count: int = 2) -> list[str]:
        return self._random.sample(self._files, min(count, len(self._files)))

    def _add(self, name: str, inputs: list[str], command: str | list[str], **declared: Any) -> None:
        """Declare a stage, in one of the two dvc.yaml."""
        place = self._random.choice(list(self.pipelines))
        if place != "dvc.yaml":
            declared["wdir"] = ".."
        self.pipelines[place][name] = {"cmd": command, **({"deps": inputs} if inputs else {}), **declared}

    def _plain(self, name: str) -> None:
        inputs = self._inputs()
        command = f"cat {' '.join(inputs)} > {name} && {NOTE % name}"
        self._add(name, inputs, command, outs=[name], desc="Joins files", meta={"by": "nobody"})
        self._files.append(name)

    def _folder(self, name: str) -> None:
        inputs = self._inputs()
        # A copy of an executable would be one too, which DVC does not note in a folder: its cache loses it.
        copies = " && ".join(f"cat {path} > {name}/deep/{number}" for number, path in enumerate(inputs))
        self._add(name, inputs, f"mkdir -p {name}/deep && {copies} && {NOTE % name}", outs=[name])
        reader = f"reader_of_{name}"  # of one file in the folder
        self._add(reader, [f"{name}/deep/0"], f"cp {name}/deep/0 {reader} && {NOTE % reader}", outs=[reader])
        self._files.append(reader)

    def _foreach(self, name: str) -> None:
        inputs = self._inputs()
        for suffix, items, text in (
            ("list", "${names}", "${item}"),
            ("dict", {"p": {"text": 1}, "q": {"text": 2}}, "${item.text}"),
        ):
            own = f"{name}_{suffix}"
            key = "${item}" if suffix == "list" else "${key}"
            outs = [f"{own}_{key}"]
            command = f"cat {' '.join(inputs)} > {outs[0]} && echo {text} >> {outs[0]} && {NOTE % outs[0]}"
            self.pipelines["dvc.yaml"][own] = {"foreach": items, "do": {"cmd": command, "deps": inputs, "outs": outs}}
        self._files.append(f"{name}_dict_p")

    def _matrix(self, name: str) -> None:
        out = f"{name}_${{item.number}}_${{item.letter}}"
        inputs = self._inputs(1)
        self.pipelines["dvc.yaml"][name] = {
            "matrix": {"number": [1, 2], "letter": ["a", "b"]},
            "cmd": f"cat {inputs[0]} > {out} && echo ${{item.number}} >> {out} && {NOTE % out}",
            "deps": inputs,
            "outs": [out],
        }
        self._files += [f"{name}_1_a", f"{name}_2_b"]

    def _params(self, name: str) -> None:
        inputs = self._inputs(1)
        command = f"cat {inputs[0]} others.json > {name} && echo ${{top.first}} >> {name} && {NOTE % name}"
        params = ["top.second", "top.first", {"others.json": ["a.b"]}]
        self.pipelines["dvc.yaml"][name] = {"cmd": command, "deps": inputs, "params": params, "outs": [name]}
        whole = f"{name}_whole"
        command = f"cp others.json {whole} && {NOTE % whole}"
        self.pipelines["dvc.yaml"][whole] = {"cmd": command, "params": [{"others.json": None}], "outs": [whole]}
        self._files += [name, whole]

    def _metrics(self, name: str) -> None:
        inputs = self._inputs(1)
        tell = f"""wc -c < {inputs[0]} > {name}.json && cp {name}.json {name}_cached.json && {NOTE % name}"""
        self._add(name, inputs, tell, metrics=[{f"{name}.json": {"cache": False}}, f"{name}_cached.json"])
        self.top.setdefault("metrics", []).append(f"{name}_cached.json")

    def _plots(self, name: str) -> None:
        inputs = self._inputs(1)
        tell = f"""printf 'x,y\\n1,2\\n' > {name}.csv && cat {inputs[0]} > {name}_seen.csv && {NOTE % name}"""
        plots = [{f"{name}.csv": {"cache": False, "x": "x", "y": "y"}}, {f"{name}_seen.csv": {"title": "Seen"}}]
        self._add(name, inputs, tell, plots=plots)
        self.top.setdefault("plots", []).append({f"{name}.csv": {"x": "x", "y": "y"}})

    def _always(self, name: str) -> None:
        inputs = self._inputs()
        self._add(name, inputs, f"cat {inputs[0]} > {name} && {NOTE % name}", outs=[name], always_changed=True)
        self._files.append(name)

    def _frozen(self, name: str) -> None:
        inputs = ["raw/a"]  # DVC does not wait for what a frozen stage reads
        self._add(name, inputs, f"cat raw/a > {name} && {NOTE % name}", outs=[name])
        self._files.append(name)

    def _list(self, name: str) -> None:
        inputs = self._inputs()
        commands = [f"cat {' '.join(inputs)} > {name}", f"python -c 'print(open(\"{name}\").read())'", NOTE % name]
        self._add(name, inputs, commands, outs=[{name: {"cache": False}}])
        self._files.append(name)

    def _persists(self, name: str) -> None:
        inputs = self._inputs(1)
        self._add(name, inputs, f"cat {inputs[0]} >> {name} && {NOTE % name}", outs=[{name: {"persist": True}}])
        self._files.append(name)

    def _executable(self, name: str) -> None:
        inputs = self._inputs(1)
        self._add(name, inputs, f"cp {inputs[0]} {name} && chmod +x {name} && {NOTE % name}", outs=[name])
        self._files.append(name)

    def _callback(self, name: str) -> None:
        self._add(name, [], f"echo hello && {NOTE % name}")

    def _sink(self, name: str) -> None:
        self._add(name, self._inputs(), NOTE % name)
