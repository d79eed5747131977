"""CRM Lab: learn customer relationship management by operating the systems of a simulated company."""

from __future__ import annotations

import importlib
from typing import Any

#: Public names and the modules that hold them. They are loaded when first asked for, so that the command line answers
#: at once and a sandboxed run loads no more than it needs.
_HOMES = {"open_company": "crmlab.company.observed", "read_orders": "crmlab.order_log.reading"}

__all__ = ["open_company", "read_orders"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'crmlab' has no attribute {name!r} (found: {', '.join(__all__)})")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
