"""One submission in a process of its own without walls, for `--unsafe`: works on every system, protects nothing.

The settings come as the first line of standard input, the request as the rest; answers go to standard output.
"""

import importlib
import json
import os
import sys
import tempfile


def main() -> None:
    """Run the request and end."""
    settings = json.loads(sys.stdin.readline())
    request = sys.stdin.read()
    answers = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)
    from crmlab.company import open_company
    from crmlab.course.grading.inside.runner import make_shell, run_request

    for name in settings["modules"]:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="crmlab-unsafe-") as folder:
        os.chdir(folder)
        run_request(make_shell(), open_company(settings["company"]), request, answers)
        os.chdir(tempfile.gettempdir())
    os._exit(0)


if __name__ == "__main__":
    main()
