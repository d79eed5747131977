"""Fetch the lab's page and execute a notebook through the running server's own kernel, as a browser does.

    python .ci/lab_check.py ADDRESS NOTEBOOK

ADDRESS is the one that the lab prints; NOTEBOOK is a path in the lab, such as notebooks/04_rfm.ipynb. The exit code is
not 0 when the page is not JupyterLab's, a cell raises, or a text output is not the stored one.
"""

import difflib
import json
import sys
import urllib.request
import uuid
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, urlsplit

import websocket

from crmlab.normalise import merge_streams

NOT_COMPARED = {"widget", "nbval-ignore-output"}
TEXT_TYPES = ("text/plain", "text/html", "text/markdown", "text/latex")
CELL_TIMEOUT_SECONDS = 300
REQUEST_TIMEOUT_SECONDS = 60


class LabCheckError(Exception):
    """What is wrong with the lab, in words."""


class Lab:
    """A running JupyterLab server, by its address and token."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.address = address
        self.host = parts.netloc
        self.base = parts.path.partition("lab/tree/")[0]
        self.token = parse_qs(parts.query).get("token", [""])[0]
        if not (parts.scheme == "http" and self.token and self.base.endswith("/")):
            raise LabCheckError(f"expected http://HOST:PORT/lab/tree/NOTEBOOK?token=TOKEN, found {address}")

    def page(self) -> str:
        with urllib.request.urlopen(self.address, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
            return answer.read().decode("utf-8")

    def request(self, method: str, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode("utf-8")
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        url = f"http://{self.host}{self.base}api/{path}"
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
            text = answer.read().decode("utf-8")
        return json.loads(text) if text else {}

    def channel(self, kernel: str) -> websocket.WebSocket:
        return websocket.create_connection(
            f"ws://{self.host}{self.base}api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}",
            header=[f"Authorization: token {self.token}"],
            timeout=CELL_TIMEOUT_SECONDS,
        )


def execute(channel: websocket.WebSocket, code: str) -> list[dict]:
    """The outputs of a cell, executed by the kernel at the other end of the channel."""
    message_id = uuid.uuid4().hex
    header = {"msg_id": message_id, "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}
    channel.send(json.dumps(message | {"channel": "shell"}))
    outputs: list[dict] = []
    replied = idle = False
    while not (replied and idle):
        frame = channel.recv()
        if isinstance(frame, bytes):
            # Widgets send their binary data in frames of another form; none of it is text output.
            continue
        answer = json.loads(frame)
        if answer["parent_header"].get("msg_id") != message_id:
            continue
        kind, content = answer["header"]["msg_type"], answer["content"]
        if kind == "execute_reply":
            replied = True
        elif kind == "status":
            idle = content["execution_state"] == "idle"
        elif kind in ("stream", "display_data", "execute_result", "error"):
            outputs.append({"output_type": kind, **content})
    return outputs


def text_of(outputs: list[dict]) -> list[tuple[str, str]]:
    """Kind and text of each output that has a text, in order: what a notebook's reader can compare."""
    texts = []
    for output in merge_streams([{**output, "text": joined(output.get("text", ""))} for output in outputs]):
        if output["output_type"] == "stream":
            texts.append((output["name"], output["text"]))
        elif output["output_type"] == "error":
            texts.append(("error", f"{output['ename']}: {output['evalue']}"))
        else:
            texts += [(kind, joined(output["data"][kind])) for kind in TEXT_TYPES if kind in output["data"]]
    return texts


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def check_cell(name: str, cell: dict, outputs: list[dict]) -> None:
    tags = set(cell["metadata"].get("tags", []))
    errors = [output for output in outputs if output["output_type"] == "error"]
    if errors and "raises-exception" not in tags:
        raise LabCheckError(f"{name} raised {errors[0]['ename']}: {errors[0]['evalue']}")
    if tags & NOT_COMPARED:
        return
    stored, found = text_of(cell["outputs"]), text_of(outputs)
    if stored != found:
        lines = [[f"{kind}: {line}" for kind, text in texts for line in text.splitlines()] for texts in (stored, found)]
        difference = "\n".join(difflib.unified_diff(*lines, "stored", "in the lab", lineterm=""))
        raise LabCheckError(f"{name} gives another output than the stored one:\n{difference}")


def check_notebook(lab: Lab, path: str) -> int:
    """Execute a notebook of the lab, compare its text outputs, and return how many cells were executed."""
    cells = lab.request("GET", f"contents/{quote(path)}")["content"]["cells"]
    kernel_name = {"name": "python3"}
    notebook = {"path": path, "name": PurePosixPath(path).name, "type": "notebook", "kernel": kernel_name}
    session = lab.request("POST", "sessions", notebook)
    executed = 0
    try:
        channel = lab.channel(session["kernel"]["id"])
        try:
            for place, cell in enumerate(cells, start=1):
                if cell["cell_type"] == "code" and cell["source"].strip():
                    check_cell(f"{path}, cell {place}", cell, execute(channel, cell["source"]))
                    executed += 1
        finally:
            channel.close()
    finally:
        lab.request("DELETE", f"sessions/{session['id']}")
    if executed == 0:
        raise LabCheckError(f"{path} has no code cell")
    return executed


def main(address: str, path: str) -> int:
    try:
        lab = Lab(address)
        page = lab.page()
        if "<title>JupyterLab</title>" not in page or "jupyter-config-data" not in page:
            raise LabCheckError(f"the page at the address is not JupyterLab's; it begins: {page[:200]!r}")
        print("the page is JupyterLab's")
        print(f"{path}: {check_notebook(lab, path)} cells executed in the lab, outputs as stored")
    except (LabCheckError, OSError, websocket.WebSocketException) as error:
        print(f"lab check failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
