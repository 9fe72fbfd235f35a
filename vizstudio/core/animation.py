"""Animated files of a figure that moves: GIF, WebP, and MP4 where PyAV is installed."""

import io
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, features

from vizstudio.core.errors import UsageError
from vizstudio.core.types import Analysis
from vizstudio.core.view import Figure, Frame

RATE = 10  # frames per second of a video; a picture that stays costs next to nothing


def to_gif(figure: Figure, analysis: Analysis) -> bytes:
    """Return a GIF that repeats for ever; each frame has the 256 colours that fit it best.

    Raises
    ------
    UsageError
        If the figure does not move.
    """
    shown = _frames(figure, "GIF")
    return _saved([_few_colours(_picture(figure, frame)) for frame in shown], shown, "GIF", optimize=False)


def to_webp(figure: Figure, analysis: Analysis) -> bytes:
    """Return an animated WebP that repeats for ever.

    Raises
    ------
    UsageError
        If the figure does not move, or this Pillow was built without WebP.
    """
    shown = _frames(figure, "WebP")
    if not features.check("webp"):
        raise UsageError("this Pillow was built without WebP: choose gif, or install Pillow from PyPI")
    return _saved([_picture(figure, frame) for frame in shown], shown, "WEBP", quality=88, method=4)


def to_mp4(figure: Figure, analysis: Analysis) -> bytes:
    """Return an MP4 video (H.264) at 10 frames per second.

    Raises
    ------
    UsageError
        If the figure does not move, or PyAV is not installed.
    """
    shown = _frames(figure, "MP4")
    try:
        import av
    except ImportError as error:
        raise UsageError(
            "MP4 needs PyAV, which is not installed: install it with `pip install vizstudio[video]`, "
            "or choose gif or webp"
        ) from error
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        width, height = (side - side % 2 for side in _picture(figure, shown[0]).size)  # as H.264 wants it
        # With mbtree, sizes that are no multiple of 16 gave other bytes now and then.
        options = {"crf": "18", "preset": "fast", "x264-params": "mbtree=0"}
        stream: Any = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        number = 0
        for frame in shown:
            pixels = np.ascontiguousarray(np.asarray(_picture(figure, frame))[:height, :width])
            for _ in range(round(frame.seconds * RATE)):
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, RATE)
                container.mux(stream.encode(picture))
                number += 1
        container.mux(stream.encode())
    return buffer.getvalue()


def _frames(figure: Figure, kind: str) -> list[Frame]:
    if figure.frames is None:
        raise UsageError(f"the view {figure.state.view} does not move, so there is no {kind}: choose png")
    if figure.transparent:
        raise UsageError(f"{kind} has no transparent background: choose png or svg")
    return figure.frames()


def _picture(figure: Figure, frame: Frame) -> Image.Image:
    return Image.fromarray(frame.scene.rasterize(figure.scale_of(frame.scene))[..., :3])


def _few_colours(picture: Image.Image) -> Image.Image:
    """Return a picture in 256 colours, dithered: a map without it has steps."""
    palette = picture.quantize(
        256, Image.Quantize.MAXCOVERAGE
    )  # keeps white and the colour of text as they are
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _saved(pictures: list[Image.Image], shown: list[Frame], kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    durations = [round(frame.seconds * 1000) for frame in shown]
    pictures[0].save(
        buffer, kind, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **options
    )
    return buffer.getvalue()
