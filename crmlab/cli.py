"""The command `crmlab`: each command is one function; what is heavy is imported when its command runs."""

from pathlib import Path
from typing import Annotated

import typer

from crmlab.course.commands import app as course_app
from crmlab.course.grading.commands import app as grading_app

app = typer.Typer(
    help="CRM Lab: learn customer relationship management by operating a simulated company's customer systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(course_app)
app.add_typer(grading_app)

USAGE_ERROR = 2
INTERRUPTED = 130


def _stop(message: object, code: int = USAGE_ERROR) -> typer.Exit:
    """The end of a command that cannot do what was asked: one clear line, no traceback."""
    typer.echo(f"Error: {message}", err=True)
    return typer.Exit(code)


def _home() -> Path:
    from crmlab.home import HomeNotFoundError, find_home

    try:
        return find_home()
    except HomeNotFoundError as error:
        raise _stop(error) from error


@app.command()
def lab(
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser on the start page.")] = True,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port; without it, the first free one from 8888 on.")
    ] = None,
    ip: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Open JupyterLab on the start page, with the course company and your own copy of each exercise."""
    from crmlab.lab_server import LabServerError, serve

    home = _home()
    try:
        from crmlab.company.course import ensure_course_company
        from crmlab.course.my_work import open_all

        ensure_course_company(home)
        for exercise in open_all(home):
            if exercise.problem is not None:
                typer.echo(exercise.problem, err=True)
        serve(home, browser=browser, port=port, ip=ip)
    except (LabServerError, OSError, ValueError) as error:
        raise _stop(error) from error
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def doctor() -> None:
    """Check Python, versions, data, write access and port, and say what to do about each failure."""
    from crmlab.doctor import examine, report_line, system_line

    typer.echo(system_line())
    findings = examine()
    for finding in findings:
        typer.echo(report_line(finding))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def normalise(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Notebooks or folders; without any, notebooks/ and solutions/.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a notebook would change.")] = False,
) -> None:
    """Execute notebooks and store them in one form; a second run changes no byte."""
    from crmlab.normalise import find_notebooks, normalise_notebook

    home = _home()
    if not paths:
        paths = [home / name for name in ("notebooks", "solutions") if (home / name).is_dir()]
    try:
        notebooks = find_notebooks(paths)
    except FileNotFoundError as error:
        raise _stop(error) from error
    outcomes = []
    try:
        for notebook in notebooks:
            outcome = normalise_notebook(notebook, home, check=check)
            outcomes.append(outcome)
            if outcome.failure:
                typer.echo(f"FAILED     {notebook}: {outcome.failure}", err=True)
            else:
                changed = "would change" if check else "changed"
                typer.echo(f"{changed if outcome.changed else 'unchanged':<12} {notebook}")
    except KeyboardInterrupt:
        raise _stop("interrupted; the notebooks not named above are as they were", INTERRUPTED) from None
    if any(outcome.failure or (check and outcome.changed) for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def generate(
    customers: Annotated[int, typer.Option(help="How many customers the company has.")],
    seed: Annotated[int, typer.Option(help="The seed: the same seed gives the same company.")],
    out: Annotated[Path, typer.Option(help="The folder to make; it gets company/ and truth/.")],
    jobs: Annotated[int, typer.Option(help="How many processes to use; the result does not depend on it.")] = 1,
    report: Annotated[bool, typer.Option("--report", help="Also write an HTML page: plots beside the truth.")] = False,
) -> None:
    """Generate a company: the tables that a company sees, and the hidden truth apart."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from crmlab.company import generate as generate_company

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns) as bar:
            task = bar.add_task("Blocks of customers", total=None)
            folder = generate_company(
                customers, seed, out, jobs, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
        typer.echo(f"The company is in {folder}")
        if report:
            from crmlab.company.report import write_report

            typer.echo(f"The report is {write_report(out)}")
    except (ValueError, OSError) as error:
        raise _stop(error) from error
    except KeyboardInterrupt:
        raise _stop("interrupted; nothing half-made is left", INTERRUPTED) from None
