"""Writes the script and the command that draw a view again: the same bytes from the same image and model."""

import os
import shlex
import subprocess
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vizstudio.core.caption import CaptionPath
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import CAPTION, OF_WORD, ViewState

CMD_SPECIAL = '()%!^"<>&|'


@dataclass(frozen=True)
class Drawn:
    """All that a file depends on.

    Parameters
    ----------
    image : Path
        A file.
    model_id, checkpoint, pretrained, device, precision
        As `vizstudio.load_model` takes them.
    state : ViewState
        What is shown, and of which view.
    caption : CaptionPath or None
        How the caption came to be that was written in the same run; None if none was.
    picture : PictureOptions
        Its size and its page.
    format : str
        A format's name, such as ``"png"``.
    """

    image: Path
    model_id: str
    checkpoint: Path | None = None
    pretrained: bool = False
    device: str = "auto"
    state: ViewState = field(default_factory=ViewState)
    caption: CaptionPath | None = None
    picture: PictureOptions = field(default_factory=PictureOptions)
    format: str = "png"
    precision: str = "auto"

    @property
    def file_name(self) -> str:
        """What ``vizstudio run`` calls the file."""
        return f"{self.image.stem}_{self.state.view}.{self.format}"


def as_python(drawn: Drawn) -> str:
    """Return a script that writes the file into the folder where it is run."""
    load = [repr(drawn.model_id)]
    if drawn.checkpoint is not None:
        load.append(f"checkpoint={os.fspath(_absolute(drawn.checkpoint))!r}")
    if drawn.pretrained:
        load.append("pretrained=True")
    load.append(f"device={drawn.device!r}")
    if drawn.precision != "auto":
        load.append(f"precision={drawn.precision!r}")
    lines = [
        "import vizstudio",
        "",
        f"image = {os.fspath(_absolute(drawn.image))!r}",
        _call("model = vizstudio.load_model", load),
    ]
    if drawn.caption is None:
        lines.append("analysis = model.analyze(image)")
    else:
        asked = _differing(drawn.caption.request)
        lines.append(_call("analysis = model.caption", ["image", *_keywords(asked)]))
        if drawn.caption.beam:
            lines.append(f"analysis = analysis.beam({drawn.caption.beam})")
        for step, alternative in drawn.caption.branches:
            lines.append(f"analysis = analysis.branch(step={step}, alternative={alternative})")
    given = {"view": drawn.state.view, **_shown(drawn.state), **_differing(drawn.picture)}
    words = ["analysis", "image", repr(drawn.file_name), *_keywords(given)]
    return "\n".join([*lines, _call("vizstudio.write_picture", words)]) + "\n"


def as_command(drawn: Drawn, windows: bool | None = None) -> str:
    """Return a line for a shell that writes the file into the folder where it is run.

    Parameters
    ----------
    drawn : Drawn
    windows : bool, optional
        Quote for ``cmd.exe`` rather than for a POSIX shell; by default as this system needs.
    """
    words = ["vizstudio", "run", os.fspath(_absolute(drawn.image)), "--model", drawn.model_id]
    if drawn.checkpoint is not None:
        words += ["--checkpoint", os.fspath(_absolute(drawn.checkpoint))]
    words += ["--pretrained"] if drawn.pretrained else []
    words += ["--device", drawn.device]
    words += ["--precision", drawn.precision] if drawn.precision != "auto" else []
    words += ["--view", drawn.state.view]
    if drawn.caption is not None:
        words += _caption_words(drawn.caption)
    for name, value in {**_shown(drawn.state), **_differing(drawn.picture)}.items():
        words += _option(name, value)
    words += ["--out", ".", "--format", drawn.format]
    quoted_for_windows = os.name == "nt" if windows is None else windows
    return _cmd_line(words) if quoted_for_windows else shlex.join(words)


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _differing(given: Any) -> dict[str, Any]:
    """Return the fields of a dataclass whose values are not the default of its class."""
    plain = type(given)()
    names = [f.name for f in fields(given)]
    return {n: getattr(given, n) for n in names if getattr(given, n) != getattr(plain, n)}


def _shown(state: ViewState) -> dict[str, Any]:
    """Return the fields to be said: layer and head always, others where they are not the default."""
    shown = {"layer": state.layer, "head": state.head, **_differing(state)}
    left_out = {"view"} if state.view in OF_WORD else {"view", "word"}
    if state.view in CAPTION:
        left_out |= {"query", "panel", "pins"}
    return {name: value for name, value in shown.items() if name not in left_out}


def _keywords(given: dict[str, Any]) -> list[str]:
    return [f"{name}={_plain(value)!r}" for name, value in given.items()]


def _plain(value: Any) -> Any:
    """Return numbers of NumPy, which say so where they are written, as Python's own."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") else value


def _call(function: str, arguments: list[str]) -> str:
    """Return a call on one line, or where that is too long on one per argument."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= 110:
        return line
    return "\n".join([f"{function}(", *(f"    {argument}," for argument in arguments), ")"])


def _caption_words(path: CaptionPath) -> list[str]:
    """Return options; one at least, since without any no caption is written for views that need none."""
    named = {"beams": "beam"}
    request = path.request
    asked = {"beams": request.beams, **_differing(request)}
    idle = {"top_p", "seed"} if request.temperature is None else set()
    idle |= {"length_penalty"} if request.beams == 1 else set()  # the command refuses what has no effect
    asked = {name: value for name, value in asked.items() if name not in idle}
    words = [word for name, value in asked.items() for word in _option(named.get(name, name), value)]
    words += ["--rank", str(path.beam)] if path.beam else []
    for step, alternative in path.branches:
        words += ["--branch", f"{step},{alternative}"]
    return words


def _option(name: str, value: Any) -> list[str]:
    """Return an option of ``vizstudio run``, whose names are those of the fields."""
    option = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return [word for one in value for word in _option(name, one)]
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def _cmd_line(words: list[str]) -> str:
    """Quote for ``cmd.exe``: for the program first, then with carets for the shell where it would see more."""
    line = []
    for word in words:
        quoted = subprocess.list2cmdline([word])
        special = set(quoted) & set(CMD_SPECIAL) - {'"'}
        if special or '"' in word:  # its quotes would not hold: none is left as one for the shell
            quoted = "".join(f"^{letter}" if letter in CMD_SPECIAL else letter for letter in quoted)
        line.append(quoted)
    return " ".join(line)
