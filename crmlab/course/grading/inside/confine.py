"""The last steps into confinement, taken by a forked process before any line of a student runs in it.

bubblewrap has already made the outer walls: no network, a read-only tree that holds the interpreter and the hidden
company's tables only. Each submission gets inner walls of its own, so that nothing of it is left for the next: its own
process tree, temporary folder and shared memory, no `/proc`, no privileges, another user, limits, and a filter on
system calls. Linux only.
"""

import ctypes
import os
import resource
import struct

from crmlab.course.grading.inside.confinement import MEGABYTE, SCRATCH, Confinement

_NEW_MOUNTS, _NEW_HOSTNAME, _NEW_IPC, _NEW_PIDS, _NEW_NETWORK = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_NO_SUID, _NO_DEVICES, _NO_EXEC, _READ_ONLY, _RECURSIVE, _PRIVATE = 2, 4, 8, 1, 0x4000, 0x40000
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_CAPABILITIES_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def leave_process_tree() -> None:
    """From here on the children of this process live in a process tree, network and IPC of their own."""
    _call("unshare", _NEW_PIDS | _NEW_IPC | _NEW_NETWORK | _NEW_HOSTNAME)


def own_mounts(confinement: Confinement) -> None:
    """A private view of the files: fresh temporary folders of limited size, and nothing of `/proc`."""
    _call("unshare", _NEW_MOUNTS)
    _call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    owner = f",uid={confinement.uid},gid={confinement.uid}" if confinement.uid is not None else ""
    quiet = _NO_SUID | _NO_DEVICES
    for folder, size_mb in ((SCRATCH, confinement.scratch_mb), ("/dev/shm", 64)):
        options = f"size={size_mb}m,nr_inodes=20000,mode=0700{owner}".encode()
        _call("mount", b"tmpfs", folder.encode(), b"tmpfs", quiet, options)
    _call("mount", b"tmpfs", b"/proc", b"tmpfs", quiet | _NO_EXEC | _READ_ONLY, b"size=4k,mode=0555")


def give_up_privileges(confinement: Confinement) -> None:
    """Another user, no capability, no way to get one back, and a filter on system calls."""
    if confinement.uid is not None:
        os.setgroups([])
        os.setresgid(confinement.uid, confinement.uid, confinement.uid)
        os.setresuid(confinement.uid, confinement.uid, confinement.uid)
    header = struct.pack("Ii", _CAPABILITIES_VERSION, 0)
    _call("capset", header, bytes(24))
    _call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    filter_system_calls()


def set_limits(confinement: Confinement) -> None:
    """Limits on memory, files, processes and processor time; set here, since `preexec_fn` would run in the grader."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no pathlib needed in a forked process
        held = int(statm.read().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_AS: held + confinement.memory_mb * MEGABYTE,
        resource.RLIMIT_FSIZE: confinement.file_mb * MEGABYTE,
        resource.RLIMIT_NPROC: confinement.processes,
        resource.RLIMIT_CPU: confinement.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


#: By machine: its audit number, and the numbers of calls that no exercise needs: mounting, new namespaces, tracing
#: others, the kernel's keys, and the newer parts of the kernel that holes were found in.
_REFUSED = {
    "x86_64": (
        0xC000003E,
        {
            *(101, 155, 165, 166, 161, 272, 308, 310, 311, 246, 248, 249, 250, 298, 321, 323, 175, 176, 313, 169, 163),
            *(167, 168, 172, 173, 237, 238, 239, 256, 279, 303, 304, 312, 425, 426, 427, 428, 429, 430, 431, 432, 433),
            *(434, 438, 442),
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            *(117, 41, 40, 39, 51, 97, 268, 270, 271, 104, 217, 218, 219, 241, 280, 282, 105, 106, 273, 142, 89, 224),
            *(225, 235, 236, 237, 238, 239, 264, 265, 272, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 442),
        },
    ),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_ALL_NAMESPACES = 0x7E020080
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


def filter_system_calls() -> bool:
    """Refuse the calls in `_REFUSED`, and new namespaces; gives whether there is a filter for this machine.

    clone3 is answered with "no such call", for its flags stand where a filter cannot look; libc then uses clone.
    """
    machine = os.uname().machine
    if machine not in _REFUSED:
        return False
    audit, numbers = _REFUSED[machine]
    load, equal, some_bits, greater, give = 0x20, 0x15, 0x45, 0x35, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, audit),
        (give, 0, 0, _KILL),
        (load, 0, 0, 0),
        # Numbers from here on are x86-64's other calling convention, by which the others could be had.
        (greater, 0, 1, 0x40000000),
        (give, 0, 0, _ERRNO | _ENOSYS),
        (equal, 0, 1, _CLONE3),
        (give, 0, 0, _ERRNO | _ENOSYS),
    ]
    for number in sorted(numbers):
        program += [(equal, 0, 1, number), (give, 0, 0, _ERRNO | _EPERM)]
    program += [
        (equal, 0, 3, _CLONE[machine]),
        (load, 0, 0, 16),
        (some_bits, 0, 1, _ALL_NAMESPACES),
        (give, 0, 0, _ERRNO | _EPERM),
        (give, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    _call("prctl", _SET_SECCOMP, _FILTER, head, 0, 0)
    return True


def _call(name: str, *arguments: object) -> None:
    function = getattr(_libc, name)
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if function(*wide) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
