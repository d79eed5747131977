"""JupyterLab on the lab's folder: what `crmlab lab` starts."""

import os
import secrets
import socket
from pathlib import Path

START_PAGE = "notebooks/00_start_here.ipynb"
FIRST_PORT = 8888
PORTS_TRIED = 50


class LabServerError(Exception):
    """A reason why the lab cannot open, in one line."""


def is_port_free(port: int, ip: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port of this machine now.

    >>> with socket.create_server(("127.0.0.1", 0)) as taken:
    ...     is_port_free(taken.getsockname()[1])
    False
    """
    try:
        with socket.create_server((ip, port)):
            return True
    except OSError:
        return False


def first_free_port(ip: str = "127.0.0.1") -> int | None:
    """The port that the lab takes when none is asked for, or None when all that it tries are taken.

    >>> first_free_port() is None or first_free_port() >= FIRST_PORT
    True
    """
    ports = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    return next((port for port in ports if is_port_free(port, ip)), None)


def server_arguments(home: Path, *, browser: bool, port: int, ip: str) -> list[str]:
    """JupyterLab's arguments: the lab's folder, its start page, and nothing fetched from the network.

    >>> server_arguments(Path("lab"), browser=False, port=8888, ip="127.0.0.1")[1]
    '--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb'
    """
    return [
        f"--ServerApp.root_dir={home}",
        f"--LabApp.default_url=/lab/tree/{START_PAGE}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.ip={ip}",
        f"--ServerApp.open_browser={browser}",
        "--Application.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]


def serve(home: Path, *, browser: bool = True, port: int | None = None, ip: str = "127.0.0.1") -> None:
    """Open JupyterLab on the start page, print its address and serve until it is stopped.

    Without a port it takes the first free one from 8888 on.

    Raises LabServerError when the start page is missing or no port is free.
    """
    if not (home / START_PAGE).is_file():
        raise LabServerError(f"{home} has no start page {START_PAGE}: is CRMLAB_HOME set to another folder?")
    chosen = port or first_free_port(ip)
    if chosen is None:
        last_port = FIRST_PORT + PORTS_TRIED - 1
        raise LabServerError(f"no port from {FIRST_PORT} to {last_port} of {ip} is free: choose one with --port")
    if not is_port_free(chosen, ip):
        raise LabServerError(f"port {chosen} of {ip} is not free: stop what uses it, or choose another with --port")

    import zmq
    from jupyterlab.labapp import LabApp

    arguments = server_arguments(home, browser=browser, port=chosen, ip=ip)
    if zmq.has("curve"):
        # On a machine with other users they could otherwise read what passes between the server and its kernels.
        arguments.append("--KernelManager.transport_encryption=auto")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Jupyter refuses the superuser unless told; in a container there is often no other user.
        print("Caution: this is the superuser's account; code in the notebooks can change the whole system.")
        arguments.append("--ServerApp.allow_root=True")
    # The kernels find the same company as the command that started them.
    os.environ["CRMLAB_HOME"] = str(home)
    # With a token of our own Jupyter does not print a second address beside ours.
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    server = LabApp.initialize_server(argv=[*arguments, f"--IdentityProvider.token={token}"])
    shown_ip = "127.0.0.1" if ip in ("", "*", "0.0.0.0", "::") else ip
    host = f"[{shown_ip}]" if ":" in shown_ip else shown_ip
    print(f"CRM Lab is open at http://{host}:{server.port}{server.base_url}lab/tree/{START_PAGE}?token={token}")
    print("Keep this window open while you work. Ctrl-C, then y, closes the lab.", flush=True)
    server.start()
