"""The outputs that a student stored in the notebook, made harmless: plain text and raster pictures, nothing else.

HTML, SVG and scripts are left out. A table has a plain text beside its HTML, and that is shown.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crmlab.course.grading.notebook_reader import text_of

MOST_TEXT = 20_000
MOST_PICTURE_BYTES = 3_000_000
MOST_OUTPUTS = 40
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class ShownOutput:
    """An output as it is shown: a text, or a picture as a data address."""

    text: str = ""
    picture: str = ""


def shown_outputs(outputs: Iterable[Mapping[str, Any]]) -> list[ShownOutput]:
    """What can be shown of a cell's outputs.

    >>> shown_outputs([{"output_type": "stream", "text": "margin: \\x1b[1m12\\x1b[0m"}])[0].text
    'margin: 12'
    """
    shown = []
    for output in outputs:
        if len(shown) == MOST_OUTPUTS:
            break
        made = _shown(output)
        if made is not None:
            shown.append(made)
    return shown


def plain_text(text: str) -> str:
    """Text without terminal colours, control characters, or marks that turn the writing direction."""
    return _CONTROLS.sub("", _COLOURS.sub("", text))[:MOST_TEXT]


def _shown(output: Mapping[str, Any]) -> ShownOutput | None:
    kind = output.get("output_type")
    if kind == "stream":
        return _text(output.get("text"))
    if kind in ("error", "pyerr"):
        return _text(output.get("traceback")) or _text(f"{output.get('ename')}: {output.get('evalue')}")
    data = output.get("data") if isinstance(output.get("data"), dict) else output
    for name, first_bytes in _PICTURES.items():
        picture = _picture(data.get(name, data.get(name.partition("/")[2])), first_bytes)
        if picture is not None:
            return ShownOutput(picture=f"data:{name};base64,{picture}")
    return _text(data.get("text/plain", data.get("text")))


def _text(value: Any) -> ShownOutput | None:
    if isinstance(value, list):
        value = "\n".join(line.rstrip("\n") for line in value if isinstance(line, str))
    text = plain_text(text_of(value))
    return ShownOutput(text=text) if text.strip() else None


def _picture(value: Any, first_bytes: bytes) -> str | None:
    """A picture's bytes as text again, when they are a picture of the kind that they claim to be."""
    text = "".join(text_of(value).split())
    if not text or len(text) > MOST_PICTURE_BYTES * 4 // 3:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(content).decode("ascii") if content.startswith(first_bytes) else None
