"""The commands of an instructor, and the self-learner's: `grade`, `regrade`, `judge`, `selfcheck`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

USAGE_ERROR = 2
INTERRUPTED = 130

Exercise = Annotated[str, typer.Argument(help="The exercise, such as 04_rfm.")]
Out = Annotated[Path, typer.Option(help="The folder of the grading: gradebook, feedback, report, answers.")]
SeedOption = Annotated[
    Path | None, typer.Option(help="The secret seed file; without it, the one in your settings folder.")
]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Run students' code without a sandbox. Protects nothing.")]


@contextmanager
def _clear_errors(on_interrupt: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from error
    except KeyboardInterrupt:
        typer.echo(on_interrupt, err=True)
        raise typer.Exit(INTERRUPTED) from None


def _home() -> Path:
    from crmlab.home import find_home

    return find_home()


@app.command()
def grade(
    exercise: Exercise,
    submissions: Annotated[
        Path, typer.Argument(help="A folder of notebooks or of students' folders, or an LMS's zip.")
    ],
    out: Out,
    seed_file: SeedOption = None,
    jobs: Annotated[int, typer.Option(help="How many submissions to run at a time; -1: one a processor.")] = 1,
    roster: Annotated[Path | None, typer.Option(help="The class list: a CSV with a column 'student'.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Late penalties, attempts, extensions, dropped questions.")
    ] = None,
    cell_seconds: Annotated[float, typer.Option(min=0.1, help="The longest that one cell may run.")] = 30.0,
    run_seconds: Annotated[float, typer.Option(min=1, help="The longest that one notebook may run.")] = 120.0,
    memory_mb: Annotated[int, typer.Option(min=64, help="The most memory that one notebook may take.")] = 2048,
    unsafe: Unsafe = False,
) -> None:
    """Grade a class on a hidden company, in a sandbox; again, it does only what is new."""
    with _clear_errors("Interrupted. What is done is kept; the same command goes on from there."):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from crmlab.course.grading.grade_class import grade_class
        from crmlab.course.grading.roster import read_roster
        from crmlab.course.grading.sandbox import Limits
        from crmlab.course.grading.seed_file import open_seed_file

        home = _home()
        seed = open_seed_file(seed_file)
        if seed.news:
            typer.echo(seed.news)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as bar:
            task = bar.add_task("Submissions", total=None)
            graded = grade_class(
                home,
                exercise,
                submissions,
                out,
                seed_file=seed,
                jobs=jobs,
                roster=read_roster(roster) if roster else (),
                policy=policy.read_text(encoding="utf-8") if policy else "",
                limits=Limits(cell_seconds=cell_seconds, run_seconds=run_seconds, memory_mb=memory_mb),
                safe=not unsafe,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        statuses = ", ".join(f"{count} {status}" for status, count in graded.statuses.items())
        typer.echo(f"Isolation: {graded.isolation}")
        typer.echo(f"Run now: {graded.run}; kept from before: {graded.kept}")
        typer.echo(f"Students: {statuses or 'none'}")
        typer.echo(f"Gradebook: {out / 'gradebook.csv'}; report: {out / 'report.html'}; pages: {out / 'feedback'}")
        if "needs_review" in graded.statuses:
            typer.echo(f"Answers in words wait to be marked: crmlab judge {exercise} --out {out}")
