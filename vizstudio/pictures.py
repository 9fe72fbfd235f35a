"""Writes any view of an analysis to a file, from Python: the same bytes as ``vizstudio run`` and the window."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vizstudio.core.errors import UsageError
from vizstudio.core.export import write_atomic
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import no_such
from vizstudio.settings import read_settings
from vizstudio.views import export, views_of

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
    known = [field.name for field in fields(ViewState)]
    for name in view:
        if name not in known:
            raise UsageError(no_such("field of a view", name, tuple(known)))
    own = host or load_plugins(disabled=read_settings().disabled_plugins)
    figure = render(analysis, read_image(image), ViewState(**view), strict=True, views=views_of(own))
    figure = PictureOptions(scale, width, transparent).applied(figure)
    target = Path(path)
    write_atomic(target, export(own, target.suffix[1:].lower(), figure, analysis))
    return figure
