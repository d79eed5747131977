"""The commands about exercises: `release` and `bundle` for authors, `progress`, `update` and `reset` for students."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crmlab.course.my_work import Updated

app = typer.Typer()

USAGE_ERROR = 2


@contextmanager
def _clear_errors() -> Iterator[None]:
    """What cannot be done as asked ends the command with one clear message and no traceback."""
    try:
        yield
    except (OSError, ValueError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from error


def _home() -> Path:
    from crmlab.home import find_home

    return find_home()


def _outcome(home: Path, done: "Updated") -> str:
    if done.problem is not None:
        return done.problem
    if done.kept is None:
        return "made" if done.made else "as it was"
    what = f"the cells of {', '.join(done.put_back)} were gone and are put back" if done.put_back else "updated"
    return f"{what}; your version before is kept in {done.kept.relative_to(home).as_posix()}"


@app.command()
def release(
    exercise: Annotated[str, typer.Argument(help="The exercise, such as 04_rfm.")],
    jobs: Annotated[int, typer.Option(help="How many seeds to prove at a time; -1: one a processor.")] = -1,
) -> None:
    """Make an exercise from its solution, once its answer key is proved on hidden companies."""
    with _clear_errors():
        from crmlab.course.release import NotReleasedError, release_exercise

        home = _home()
        try:
            paths = release_exercise(home, exercise, n_jobs=jobs)
        except NotReleasedError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from error
        for path in paths:
            typer.echo(f"written: {path.relative_to(home).as_posix()}")


@app.command()
def progress() -> None:
    """Show what is done in each exercise."""
    with _clear_errors():
        from rich.console import Console

        from crmlab.course.progress import progress_table

        Console().print(progress_table(_home()))


@app.command()
def reset(
    exercise: Annotated[str, typer.Argument(help="The exercise, such as 04_rfm.")],
    question: Annotated[str | None, typer.Argument(help="One question, such as q3; without it, all.")] = None,
) -> None:
    """Put the original back in the place of your copy, or of one answer; what was there is kept."""
    with _clear_errors():
        from crmlab.course.my_work import reset_exercise

        home = _home()
        kept = reset_exercise(home, exercise, question)
        if kept is None:
            typer.echo(f"{question or exercise} was untouched: nothing is replaced")
            return
        where = kept.relative_to(home).as_posix()
        typer.echo(
            f"{question or exercise} is as it was at first; your version is kept in {where}. "
            "Reload the notebook if it is open."
        )


@app.command()
def update() -> None:
    """Bring your copies of the exercises up to date with the course; your answers and own cells stay."""
    with _clear_errors():
        from crmlab.course.my_work import open_all

        home = _home()
        outcomes = open_all(home)
        for done in outcomes:
            typer.echo(f"{done.exercise}: {_outcome(home, done)}", err=done.problem is not None)
        if any(done.problem for done in outcomes):
            raise typer.Exit(1)


@app.command()
def bundle(
    out: Annotated[Path, typer.Option(help="The zip to write.")] = Path("crmlab-course.zip"),
) -> None:
    """Pack what students may have: no solutions, no answer keys, no hidden truth."""
    with _clear_errors():
        from crmlab.course.bundle import write_bundle

        names = write_bundle(_home(), out)
        typer.echo(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB")
