"""Starts ``vizstudio-train`` as a process that goes on when the window is closed. No Qt here.

`QProcess.startDetached` would tell no process number where it can redirect, so it is Python's own.
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from vizstudio.core.errors import VizstudioError
from vizstudio.gui.training.process import RunProcess

_started: list["subprocess.Popen[bytes]"] = []
"""Processes that may still run; one that has ended is a zombie until it is asked."""


def launch(arguments: list[str], log: Path) -> RunProcess:
    """Start the command that a user would, in the folder in which the window was started.

    Parameters
    ----------
    arguments : list of str
        Of ``vizstudio-train``.
    log : Path
        The file that takes what it writes for people; added to if it is there.

    Raises
    ------
    VizstudioError
        If the system does not start it, or the file cannot be written.
    """
    reap()
    command = [sys.executable, "-m", "vizstudio.train_cli", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                env=environment,
                **_apart(),
            )
    except OSError as error:
        raise VizstudioError(
            f"the training could not be started ({error}): start it by vizstudio-train"
        ) from error
    _started.append(process)
    return RunProcess(process.pid, platform.node(), time.time())


def reap() -> None:
    """Let go of the processes that have ended."""
    _started[:] = [process for process in _started if process.poll() is None]


def _apart() -> dict[str, Any]:
    """Return what keeps a process from the signals, and on Windows from the console window, of this one."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
