"""How far a submission may go within its own walls."""

from dataclasses import dataclass

#: The only folder that a submission can write to.
SCRATCH = "/scratch"
MEGABYTE = 1024 * 1024

#: What a warm process imports once it is asked for, by its place in this list; nothing else can be asked for. None of
#: them starts threads, with which a process could not be forked.
ON_DEMAND = ("matplotlib.pyplot", "seaborn", "scipy.stats", "scipy.optimize", "sklearn", "statsmodels.api")
RUN = 255


@dataclass(frozen=True)
class Confinement:
    """How far a submission may go. `uid` is the user that it runs as; None keeps the one of the sandbox."""

    memory_mb: int
    scratch_mb: int
    file_mb: int
    processes: int
    cpu_seconds: int
    uid: int | None
