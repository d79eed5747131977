"""The commands of an instructor, and the self-learner's: `grade`, `regrade`, `judge`, `selfcheck`."""

import datetime as dt
import getpass
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
                roster=read_roster(roster) if roster else None,
                policy=policy.read_text(encoding="utf-8") if policy else None,
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


@app.command()
def regrade(
    exercise: Exercise,
    out: Out,
    question: Annotated[list[str], typer.Option(help="The question whose key was wrong; may be given several times.")],
    seed_file: SeedOption = None,
) -> None:
    """Mark one question of a grading anew after its key was mended; list who gained or lost."""
    with _clear_errors("Interrupted."):
        from crmlab.course.grading.folder import GradingFolder
        from crmlab.course.grading.regrade import regrade as regrade_questions
        from crmlab.course.grading.seed_file import open_seed_file

        done = regrade_questions(_home(), exercise, GradingFolder(out), question, seed_file=open_seed_file(seed_file))
        for change in done.changes:
            verb = "gained" if change.after > change.before else "lost"
            typer.echo(
                f"{change.student} {verb} {abs(change.after - change.before):g} ({change.before:g} to {change.after:g})"
            )
        typer.echo(f"{len(done.changes)} students changed; the list is {out / 'regraded.csv'}")
        if done.left_alone:
            typer.echo(f"The key would also change {', '.join(done.left_alone)}; not asked for, so left as before.")


@app.command()
def judge(
    exercise: Exercise,
    out: Out,
    merge: Annotated[Path | None, typer.Option(help="A list with points filled in, to take over.")] = None,
    marked_by: Annotated[str | None, typer.Option(help="Who marked, for the log; without it, your user name.")] = None,
) -> None:
    """List the answers in words to be marked by hand; with --merge, take the marks over."""
    with _clear_errors("Interrupted."):
        import nbformat

        from crmlab.course.answer_key import load_key
        from crmlab.course.grading.folder import GradingFolder
        from crmlab.course.grading.judging import merge_judgements, write_judge_lists
        from crmlab.course.grading.publish import publish
        from crmlab.course.release import source_paths

        home, folder = _home(), GradingFolder(out)
        state = folder.read_state(exercise)
        key_path, notebook_path = source_paths(home, exercise)
        key = load_key(key_path)
        if merge is None:
            solution = nbformat.read(notebook_path, as_version=4)
            for path in write_judge_lists(folder, key, solution, state):
                typer.echo(f"Fill in the column 'points' of {path}; the mark scheme lies beside it. Then:")
                typer.echo(f"crmlab judge {exercise} --out {out} --merge {path}")
            return
        now = dt.datetime.now(dt.UTC)
        changed = merge_judgements(folder, key, merge, marked_by or getpass.getuser(), now)
        statuses = publish(home, exercise, folder)
        typer.echo(f"{changed} marks given or changed; the log is {folder.judge / 'log.csv'}")
        typer.echo(f"Students: {', '.join(f'{count} {status}' for status, count in statuses.items())}")


@app.command()
def selfcheck(
    exercise: Exercise,
    notebook: Annotated[Path | None, typer.Argument(help="Your notebook; without it, your copy in my_work.")] = None,
    companies: Annotated[int, typer.Option(min=1, max=100, help="On how many fresh companies.")] = 5,
    seed_file: SeedOption = None,
    unsafe: Unsafe = False,
) -> None:
    """Try a finished notebook on fresh companies, in the sandbox; needs the solutions."""
    with _clear_errors("Interrupted."):
        from crmlab.course.grading.sandbox import UNSAFE
        from crmlab.course.grading.seed_file import open_seed_file
        from crmlab.course.grading.selfcheck import selfcheck as check_notebook
        from crmlab.course.lab import MY_WORK

        home = _home()
        path = notebook or home / MY_WORK / f"{exercise}.ipynb"
        if not path.is_file():
            raise FileNotFoundError(f"there is no notebook at {path}: open the lab first, or name your notebook")
        if unsafe:
            typer.echo(f"Isolation: {UNSAFE}")
        seed = open_seed_file(seed_file)
        if seed.news:
            typer.echo(seed.news)
        checked = check_notebook(
            home,
            exercise,
            path,
            companies=companies,
            seed_file=seed,
            safe=not unsafe,
            progress=lambda done, total: typer.echo(f"company {done} of {total}", err=True),
        )
        for each in checked:
            typer.echo(f"{each.name}: right on {each.right} of {each.companies} companies")
            for hint in each.hints:
                typer.echo(f"    {hint}")
        points, most = sum(each.points for each in checked), sum(each.max_points for each in checked)
        typer.echo(f"In the mean {points:g} of {most} points; answers in words are not marked here.")
