"""How large a figure's file is in pixels, and whether it has a white page."""

from dataclasses import dataclass, replace

from vizstudio.core.errors import UsageError
from vizstudio.core.images import MAX_PIXELS
from vizstudio.core.view import Figure

SMALLEST_WIDTH = 16


@dataclass(frozen=True)
class PictureOptions:
    """What is asked of a picture's file; numbers such as NPZ stay as they are.

    Parameters
    ----------
    scale
        How many times larger than usual a picture is in pixels; by default 1.
    width
        Of a picture in pixels, exactly; its height follows.
    transparent
        Leave out the white page, in png and svg.
    """

    scale: float | None = None
    width: int | None = None
    transparent: bool = False

    def __post_init__(self) -> None:
        if self.scale is not None and self.width is not None:
            raise UsageError("scale and width both set how large a picture is: give one of them")
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise UsageError(f"a scale of {self.scale:g} is no size: give a number above 0, such as 2")
        if self.width is not None and self.width < SMALLEST_WIDTH:
            raise UsageError(f"a width of {self.width} pixels is too small: give at least {SMALLEST_WIDTH}")

    def applied(self, figure: Figure) -> Figure:
        """Return a figure whose files will be so.

        Raises
        ------
        UsageError
            If it would have more pixels than `vizstudio.core.images.MAX_PIXELS`, or none.
        """
        chosen = replace(figure, scale=self.scale or 1.0, width=self.width, transparent=self.transparent)
        width, height = pixel_size(chosen)
        if not width or not height:
            raise UsageError(
                f"at a scale of {chosen.scale:g} nothing is left of the picture: give a larger one"
            )
        if width * height > MAX_PIXELS:
            raise UsageError(
                f"the picture would have {width}×{height} pixels, more than the {MAX_PIXELS / 1e6:g} million "
                "allowed: give a smaller scale or width"
            )
        return chosen


def pixel_size(figure: Figure) -> tuple[int, int]:
    """Return (width, height) in pixels of a figure's picture."""
    scale = figure.scale_of(figure.scene)
    return round(figure.scene.width * scale), round(figure.scene.height * scale)
