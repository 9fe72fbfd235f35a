"""Writes any view of an analysis to a file, from Python: the same bytes as ``vizstudio run`` and the window."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vizstudio.core.comparison import Side
from vizstudio.core.comparison_figure import render_comparison
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure, render
from vizstudio.core.files import write_atomic
from vizstudio.core.images import read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Head
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import no_such
from vizstudio.settings import read_settings
from vizstudio.views import export, reductions_of, views_of

if TYPE_CHECKING:
    from vizstudio.models import ImageLike


def write_picture(
    analysis: Analysis,
    image: "ImageLike",
    path: str | Path,
    *,
    scale: float | None = None,
    width: int | None = None,
    transparent: bool = False,
    host: PluginHost | None = None,
    **view: Any,
) -> Figure:
    """Draw a view and write it to a file, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
        Of a model on this image.
    image : path, Pillow image, array or ImageSource
        See `vizstudio.core.images.read_image`.
    path : path
        Its suffix is the format, such as ``.png``, ``.svg``, ``.npz`` or ``.gif``.
    scale, width, transparent : float, int, bool
        See `vizstudio.core.output.PictureOptions`.
    host : PluginHost, optional
        Plugins that are loaded already.
    **view
        Fields of `vizstudio.core.state.ViewState`, such as ``view="heads", layer=3, query=(4, 7)``.

    Returns
    -------
    Figure
        What was drawn, with the numbers behind it.

    Raises
    ------
    VizstudioError
        With one sentence: no such view, format, layer or head, or a file that cannot be written.
    """
    state = _state(view)
    own = host or load_plugins(disabled=read_settings().disabled_plugins)
    figure = render(analysis, read_image(image), state, strict=True, views=views_of(own))
    return write_figure(figure, analysis, Path(path), PictureOptions(scale, width, transparent), own)


def write_comparison(
    first: Analysis,
    second: Analysis,
    image: "ImageLike",
    path: str | Path,
    *,
    second_image: "ImageLike | None" = None,
    second_layer: int | None = None,
    second_head: Head | None = None,
    scale: float | None = None,
    width: int | None = None,
    transparent: bool = False,
    host: PluginHost | None = None,
    **view: Any,
) -> Figure:
    """Draw two analyses under one view and their difference, and write it to a file, whole or not at all.

    Parameters
    ----------
    first, second : Analysis
        Of two models, of two checkpoints, or of one model on two images.
    image, second_image : path, Pillow image, array or ImageSource
        What each was made of; by default both of `image`.
    path, scale, width, transparent, host, **view
        As `write_picture` takes them. Views that can be compared are ``"attention"``, reductions such as
        ``"rollout"``, ``"position"``, ``"panel"`` and ``"position-norm"``.
    second_layer, second_head : optional
        Of the second, where they are not those of the view.

    Returns
    -------
    Figure
        What was drawn, with the numbers behind it; see `vizstudio.core.comparison_figure.render_comparison`.

    Raises
    ------
    VizstudioError
        With one sentence: nothing that can be subtracted, or as `write_picture`.
    """
    state = _state(view)
    own = host or load_plugins(disabled=read_settings().disabled_plugins)
    source = read_image(image)
    other = source if second_image is None else read_image(second_image)
    sides = Side(first, source), Side(second, other, second_layer, second_head)
    figure = render_comparison(*sides, state, reductions_of(own), strict=True)
    return write_figure(figure, first, Path(path), PictureOptions(scale, width, transparent), own)


def _state(view: dict[str, Any]) -> ViewState:
    known = [field.name for field in fields(ViewState)]
    for name in view:
        if name not in known:
            raise UsageError(no_such("field of a view", name, tuple(known)))
    return ViewState(**view)


def write_figure(
    figure: Figure, analysis: Analysis, path: Path, options: PictureOptions, host: PluginHost
) -> Figure:
    """Write a figure to a file in the format of its suffix, whole or not at all; returns it as it was written."""
    figure = options.applied(figure)
    write_atomic(path, export(host, path.suffix[1:].lower(), figure, analysis))
    return figure
