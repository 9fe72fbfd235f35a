"""Writes the script and the command that draw a view again: the same bytes from the same image and model."""

import os
import shlex
import subprocess
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vizstudio.core.caption import CaptionPath
from vizstudio.core.output import PictureOptions
from vizstudio.core.snapshots import TimelineState
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
    second : Drawn or None
        What it is compared with: its image, model, and the layer and head of its state; of the rest nothing counts.
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
    second: "Drawn | None" = None

    @property
    def file_name(self) -> str:
        """What ``vizstudio run`` or ``vizstudio compare`` calls the file."""
        kind = "" if self.second is None else "compare-"
        return f"{self.image.stem}_{kind}{self.state.view}.{self.format}"

    @property
    def model(self) -> tuple[object, ...]:
        """What the model depends on."""
        return self.model_id, self.checkpoint, self.pretrained, self.device, self.precision


def as_python(drawn: Drawn) -> str:
    """Return a script that writes the file into the folder where it is run."""
    lines = ["import vizstudio", "", f"image = {os.fspath(_absolute(drawn.image))!r}", _load(drawn)]
    given = {"view": drawn.state.view, **_shown(drawn.state), **_differing(drawn.picture)}
    if drawn.second is not None:
        return "\n".join([*lines, *_compare_lines(drawn, drawn.second, given)]) + "\n"
    if drawn.caption is None:
        lines.append("analysis = model.analyze(image)")
    else:
        asked = _differing(drawn.caption.request)
        lines.append(_call("analysis = model.caption", ["image", *_keywords(asked)]))
        if drawn.caption.beam:
            lines.append(f"analysis = analysis.beam({drawn.caption.beam})")
        for step, alternative in drawn.caption.branches:
            lines.append(f"analysis = analysis.branch(step={step}, alternative={alternative})")
    words = ["analysis", "image", repr(drawn.file_name), *_keywords(given)]
    return "\n".join([*lines, _call("vizstudio.write_picture", words)]) + "\n"


def _load(drawn: Drawn) -> str:
    """Return the line that loads the model."""
    load = [repr(drawn.model_id)]
    if drawn.checkpoint is not None:
        load.append(f"checkpoint={os.fspath(_absolute(drawn.checkpoint))!r}")
    if drawn.pretrained:
        load.append("pretrained=True")
    load.append(f"device={drawn.device!r}")
    if drawn.precision != "auto":
        load.append(f"precision={drawn.precision!r}")
    return _call("model = vizstudio.load_model", load)


def _compare_lines(drawn: Drawn, second: Drawn, given: dict[str, Any]) -> list[str]:
    """Return the lines of a script that come after the first model is loaded."""
    lines = ["first = model.analyze(image)"]
    if second.model != drawn.model:
        lines.append(_load(second))
    own = _own(drawn, second)
    words = ["first", "second", "image", repr(drawn.file_name)]
    if second.image != drawn.image:
        lines.append(f"second_image = {os.fspath(_absolute(second.image))!r}")
        words.append("second_image=second_image")
    lines.append(f"second = model.analyze({'image' if second.image == drawn.image else 'second_image'})")
    words += _keywords({f"second_{name}": value for name, value in own.items()})
    return [*lines, _call("vizstudio.write_comparison", [*words, *_keywords(given)])]


def _own(drawn: Drawn, second: Drawn) -> dict[str, Any]:
    """Return the layer and head of the second where they are not those of the first."""
    pairs = {name: (getattr(drawn.state, name), getattr(second.state, name)) for name in ("layer", "head")}
    return {name: other for name, (one, other) in pairs.items() if one != other}


def as_command(drawn: Drawn, windows: bool | None = None) -> str:
    """Return a line for a shell that writes the file into the folder where it is run.

    Parameters
    ----------
    drawn : Drawn
    windows : bool, optional
        Quote for ``cmd.exe`` rather than for a POSIX shell; by default as this system needs.
    """
    words = ["vizstudio", "run" if drawn.second is None else "compare", os.fspath(_absolute(drawn.image))]
    if drawn.second is not None and drawn.second.image != drawn.image:
        words.append(os.fspath(_absolute(drawn.second.image)))
    words += ["--model", drawn.model_id, *_weights_words(drawn), "--device", drawn.device]
    words += ["--precision", drawn.precision] if drawn.precision != "auto" else []
    if drawn.second is not None:
        words += _second_words(drawn, drawn.second)
    words += ["--view", drawn.state.view]
    if drawn.caption is not None:
        words += _caption_words(drawn.caption)
    for name, value in {**_shown(drawn.state), **_differing(drawn.picture)}.items():
        words += _option(name, value)
    words += ["--out", ".", "--format", drawn.format]
    quoted_for_windows = os.name == "nt" if windows is None else windows
    return _cmd_line(words) if quoted_for_windows else shlex.join(words)


def _weights_words(drawn: Drawn, prefix: str = "--") -> list[str]:
    words = (
        [f"{prefix}checkpoint", os.fspath(_absolute(drawn.checkpoint))]
        if drawn.checkpoint is not None
        else []
    )
    return words + ([f"{prefix}pretrained"] if drawn.pretrained else [])


def _second_words(drawn: Drawn, second: Drawn) -> list[str]:
    """Return the options on the second, as far as it is another."""
    words = []
    if second.model != drawn.model:
        words += ["--with", second.model_id, *_weights_words(second, "--with-")]
    for name in ("device", "precision"):
        if getattr(second, name) != getattr(drawn, name):
            words += [f"--with-{name}", getattr(second, name)]
    for name, value in _own(drawn, second).items():
        words += _option(f"with_{name}", value)
    return words


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


@dataclass(frozen=True)
class TimelineFile:
    """All that a file of a run's timeline depends on.

    Parameters
    ----------
    run : Path
        The folder of the run, as it is then.
    asked : TimelineState
        What of it; its epoch does not matter.
    picture : PictureOptions
        Its size and its page.
    format : str
        A format's name, such as ``"gif"``.
    """

    run: Path
    asked: TimelineState = field(default_factory=TimelineState)
    picture: PictureOptions = field(default_factory=PictureOptions)
    format: str = "gif"

    @property
    def file_name(self) -> str:
        """What ``vizstudio-train timeline`` calls the file."""
        return f"{self.run.resolve().name}_timeline.{self.format}"

    @property
    def _given(self) -> dict[str, Any]:
        """What is asked, as far as it is not the default; layer and head always."""
        view, shown = self.asked.view, ("view", "colormap", "opacity", "smooth")
        differing = _differing(view)
        given: dict[str, Any] = {"probe": self.asked.probe} if self.asked.probe else {}
        given |= {name: differing[name] for name in shown if name in differing}
        given |= {"word": view.word} if view.view in OF_WORD else {}
        return {**given, "layer": view.layer, "head": view.head, **_differing(self.picture)}

    def as_python(self) -> str:
        """Return a script that writes the file into the folder where it is run."""
        words = [repr(os.fspath(_absolute(self.run))), repr(self.file_name)]
        own = [] if self.asked.common else ["common=False"]
        call = _call("vizstudio.write_timeline", [*words, *_keywords(self._given), *own])
        return f"import vizstudio\n\n{call}\n"

    def as_command(self, windows: bool | None = None) -> str:
        """Return a line for a shell that does the same; see `as_command`."""
        words = ["vizstudio-train", "timeline", os.fspath(_absolute(self.run))]
        for name, value in self._given.items():
            words += _option(name, value)
        words += [] if self.asked.common else ["--own-colours"]
        words += ["--out", ".", "--format", self.format]
        quoted_for_windows = os.name == "nt" if windows is None else windows
        return _cmd_line(words) if quoted_for_windows else shlex.join(words)
