"""Every view as a finished figure: the same for the command line and the window."""

from collections.abc import Mapping

import numpy as np

from vizstudio.core import page
from vizstudio.core.attention_views import ATTENTION_VIEWS
from vizstudio.core.caption_views import CAPTION_VIEWS
from vizstudio.core.errors import UsageError
from vizstudio.core.images import ImageSource
from vizstudio.core.position_views import POSITION_VIEWS
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.statistics_views import STATISTICS_VIEWS
from vizstudio.core.types import Analysis
from vizstudio.core.view import Data, Figure, Request, View, about_grid, heading

__all__ = ["VIEWS", "Figure", "render"]

VIEWS: dict[str, View] = {**ATTENTION_VIEWS, **POSITION_VIEWS, **STATISTICS_VIEWS, **CAPTION_VIEWS}


def render(
    analysis: Analysis,
    image: ImageSource,
    state: ViewState,
    strict: bool = False,
    views: Mapping[str, View] = VIEWS,
) -> Figure:
    """Draw a view.

    Parameters
    ----------
    analysis, image : Analysis, ImageSource
        What was kept of one run, and the image it was run on.
    state : ViewState
        What is asked.
    strict : bool
        Raise rather than clamp what does not exist.
    views : mapping of str to View
        Those to choose from; `vizstudio.views.views_of` adds what plugins registered, rollout among it.

    Raises
    ------
    UsageError
        If there is no such view, a view of a caption has none, or with `strict` there is no such layer, head,
        query or word.
    GeometryError, AttentionError
        If the view cannot be drawn truthfully.
    """
    if state.view not in views:
        raise UsageError(f"no view {state.view!r}: choose {', '.join(views)}")
    state = resolve(analysis, state, strict)
    request = Request(analysis, image, state)
    body = views[state.view].draw(request)
    about = [body.subject, body.detail, analysis.model_id, image.name if body.of_photo else ""]
    title = " · ".join(part for part in about if part)
    top = heading(request, body)
    scene = page.page(top, body.explanation, analysis.notes, body.width, body.height, body.items)
    data = {**_about_classes(analysis), **about_grid(analysis.grid), **body.data}
    return Figure(scene, data, title, body.explanation, state, body.heatmap, body.frames)


def _about_classes(analysis: Analysis) -> Data:
    if analysis.logits is None:
        return {}
    ordered = sorted(analysis.predictions, key=lambda p: p.index)
    return {
        "logits": analysis.logits,
        "probabilities": np.array([p.probability for p in ordered], np.float32),
        "labels": np.array([p.label for p in ordered]),
    }
