"""What a warm sandbox imports before the first submission comes: what the exercise itself imports.

What students add of the usual libraries is imported when the first of them asks (`confinement.ON_DEMAND`).
"""

import ast
from collections.abc import Mapping
from typing import Any

_ALWAYS = ("pandas", "pyarrow.parquet", "crmlab.course")


def warm_modules(template: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules that a template's code cells import, by name.

    >>> warm_modules({"cells": [{"cell_type": "code", "source": "from scipy.stats import binom"}]})[-1]
    'scipy.stats'
    """
    found = set()
    for cell in template["cells"]:
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse(cell["source"])):
                if isinstance(node, ast.Import):
                    found |= {each.name for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
    return (*_ALWAYS, *sorted(found - set(_ALWAYS)))
