"""Notebooks executed and normalised: the same source gives the same bytes, whoever runs it and however often."""

import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from crmlab.whole_files import write_text_whole

CELL_TIMEOUT_SECONDS = 300
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = ("deletable", "editable", "jupyter", "nbgrader", "tags")
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CELL_PARTS = {"code": ("execution_count", "outputs"), "markdown": ("attachments",), "raw": ("attachments",)}


@dataclass(frozen=True)
class Outcome:
    """What happened to one notebook: its bytes changed, stayed, or it failed (`failure` says where and why)."""

    path: Path
    changed: bool = False
    failure: str | None = None


class NotebookFailedError(Exception):
    """A notebook that cannot be read or executed; the message names the cell and the error."""


def find_notebooks(paths: Iterable[Path]) -> list[Path]:
    """The notebooks among files and folders, in order; copies that Jupyter keeps of them are left out.

    Raises FileNotFoundError for a path that is not there.

    >>> find_notebooks([])
    []
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.ipynb"))
            found += [notebook for notebook in inside if ".ipynb_checkpoints" not in notebook.parts]
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f"no notebook or folder at {path}")
    return list(dict.fromkeys(found))


def normalise_notebook(path: Path, home: Path, *, check: bool = False) -> Outcome:
    """Execute one notebook in its folder, normalise it and, unless `check`, replace it whole.

    A notebook that fails is left as it was.
    """
    try:
        old_text = path.read_bytes().decode("utf-8")
        new_text = executed_text(old_text, path.parent, home)
    except (NotebookFailedError, OSError, UnicodeDecodeError) as error:
        return Outcome(path, failure=str(error))
    changed = new_text != old_text
    if changed and not check:
        write_text_whole(path, new_text)
    return Outcome(path, changed=changed)


def executed_text(source: str, folder: Path, home: Path) -> str:
    """The normalised text of a notebook, given as JSON text, after execution with `folder` as the working folder.

    Raises NotebookFailedError.
    """
    notebook = _read(source)
    _execute(notebook, folder, home)
    return _write(notebook)


def merge_streams(outputs: list[dict]) -> list[dict]:
    """Printed text in one output a stream, standard output first, up to the next table or plot.

    How a kernel cuts the text, and which of two streams comes first, changes from run to run.

    >>> merge_streams([{"output_type": "stream", "name": "stdout", "text": part} for part in ("a", "b")])
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'ab'}]
    """
    merged: list[dict] = []
    streams: dict[str, dict] = {}
    for output in [*outputs, None]:
        if output is not None and output["output_type"] == "stream":
            if output["name"] in streams:
                streams[output["name"]]["text"] += output["text"]
            else:
                streams[output["name"]] = dict(output)
            continue
        merged += [streams[name] for name in sorted(streams, reverse=True)]
        streams = {}
        if output is not None:
            merged.append(output)
    return merged


def _read(source: str) -> nbformat.NotebookNode:
    try:
        content = json.loads(source)
    except json.JSONDecodeError as error:
        raise NotebookFailedError(f"it is not a notebook: {error}") from error
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        raise NotebookFailedError("it is not a notebook of format 4 (JSON with nbformat 4 and a list of cells)")
    for cell in content["cells"]:
        cell["source"] = _text(cell.get("source", "")).replace("\r\n", "\n")
    _give_ids(content["cells"])
    cells = [_clean_cell(cell) for cell in content["cells"]]
    metadata = {"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}}
    notebook = nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise NotebookFailedError(f"it is not a valid notebook: {error.message}") from error
    return notebook


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _give_ids(cells: list[dict]) -> None:
    """Keep an id that is valid and the first of its name; else name the cell by its kind and place."""
    used: set[str] = set()
    for cell in cells:
        name = cell.get("id")
        if isinstance(name, str) and CELL_ID.fullmatch(name) and name not in used:
            used.add(name)
        else:
            cell["id"] = None
    for place, cell in enumerate(cells, start=1):
        if cell["id"] is None:
            name = f"{cell.get('cell_type')}-{place:02d}"
            while name in used:
                name += "-b"
            cell["id"] = name
            used.add(name)


def _clean_cell(cell: dict) -> dict:
    kind = cell.get("cell_type")
    metadata = {name: value for name, value in cell.get("metadata", {}).items() if name in KEPT_CELL_METADATA and value}
    kept = {"cell_type": kind, "id": cell["id"], "metadata": metadata, "source": cell["source"]}
    if kind == "code":
        return kept | {"execution_count": None, "outputs": []}
    return kept | {name: cell[name] for name in CELL_PARTS.get(kind, ()) if cell.get(name)}


class _Client(NotebookClient):
    """A client without widgets of its own: what they show is cleared anyway.

    A widget of the client would answer the kernel on the channel on which the reply to the cell is awaited, and now and
    then the reply is then overlooked until the cell's time is out.
    """

    def handle_comm_msg(self, outs: list, msg: dict, cell_index: int) -> None:
        """Widgets talk; nobody listens."""


def _execute(notebook: nbformat.NotebookNode, folder: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="crmlab-") as profile:
        client = _Client(
            notebook,
            timeout=CELL_TIMEOUT_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        )
        place = -1
        try:
            with client.setup_kernel(env=_kernel_environment(home, profile)):
                for place, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, place)
        except CellExecutionError as error:
            raise NotebookFailedError(f"{_cell_name(notebook, place)}: {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            reason = f"it did not end within {CELL_TIMEOUT_SECONDS} seconds"
            raise NotebookFailedError(f"{_cell_name(notebook, place)}: {reason}") from error
        except DeadKernelError as error:
            raise NotebookFailedError(f"{_cell_name(notebook, place)}: the kernel died") from error
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            count += 1
            _clean_outputs(cell, count)


def _cell_name(notebook: nbformat.NotebookNode, place: int) -> str:
    cell = notebook.cells[place]
    first_line = (cell.source.strip().splitlines() or [""])[0]
    return f"cell {place + 1} ({cell.id}: {first_line})"


def _kernel_environment(home: Path, profile: str) -> dict[str, str]:
    """The settings of a kernel that must not depend on whose machine it is: hashing, plot style, start-up files."""
    environment = dict(os.environ)
    environment.pop("MPLBACKEND", None)
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin is not None:
        environment["MATPLOTLIBRC"] = str(Path(matplotlib.origin).parent / "mpl-data" / "matplotlibrc")
    return environment | {"CRMLAB_HOME": str(home), "IPYTHONDIR": profile, "PYTHONHASHSEED": "0"}


def _clean_outputs(cell: nbformat.NotebookNode, count: int) -> None:
    cell.execution_count = count
    if "widget" in cell.metadata.get("tags", []):
        cell.outputs = []
        return
    cell.outputs = [nbformat.from_dict(output) for output in merge_streams(cell.outputs)]
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count
        if output.output_type == "error" and any("Traceback (most recent" in line for line in output.traceback):
            # The lines of a traceback name folders of this machine; what was raised is in the last one.
            output.traceback = [f"{output.ename}: {output.evalue}"]


def _write(notebook: nbformat.NotebookNode) -> str:
    # Widgets leave their state here while the cells run.
    notebook.metadata = nbformat.from_dict({"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"
