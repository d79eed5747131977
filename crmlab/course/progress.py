"""What a student has done in all exercises, as one table."""

from pathlib import Path

from rich.table import Table

from crmlab.course.attempts import Attempts
from crmlab.course.lab import MY_WORK, attempts_path
from crmlab.course.my_work import exercise_names
from crmlab.course.practice import read_practice


def progress_table(home: Path) -> Table:
    """A row for each exercise: questions correct at practice, their points, and what is still to try.

    Raises PracticeFileError.
    """
    table = Table(title="Correct on the practice company")
    for name, justify in (("exercise", "left"), ("correct", "right"), ("points", "right"), ("next", "left")):
        table.add_column(name, justify=justify)
    for exercise in exercise_names(home):
        practice = read_practice(home / "exercises" / "practice" / f"{exercise}.json")
        attempts = Attempts(attempts_path(home, exercise))
        checked = [question for question in practice.questions.values() if question.rule is not None]
        right = [question for question in checked if attempts.is_right(question.name)]
        left = [question.name for question in checked if not attempts.is_right(question.name)]
        by_hand = len(practice.questions) - len(checked)
        after = f"{left[0]}" if left else f"done; {by_hand} by hand" if by_hand else "done"
        opened = (home / MY_WORK / f"{exercise}.ipynb").is_file()
        table.add_row(
            exercise,
            f"{len(right)} of {len(checked)}",
            f"{sum(question.points for question in right)} of {sum(question.points for question in checked)}",
            after if opened else "not opened yet",
        )
    return table
