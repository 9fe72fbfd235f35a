"""A picture as a list of things to draw, so that PNG and SVG come from one description."""

import base64
import io
import math
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vizstudio.resources import resource_path

INK, MUTED, RULE, ACCENT, PAPER = "#1b1f24", "#5b6470", "#dfe3e8", "#d1495b", "#ffffff"
STRONG, PALE = "#3b6fb6", "#a9bfdc"  # what counts, and the same of what counts less
OVER = 3  # times as large lines and areas are drawn and then scaled down, as Pillow's have steps
_SVG_ANCHOR = {"l": "start", "m": "middle", "r": "end"}


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels (h, w, 3 or 4) uint8 stretched over a rectangle; flat unless `smooth`."""

    x: float
    y: float
    width: float
    height: float
    pixels: np.ndarray
    smooth: bool = False


@dataclass(frozen=True)
class Text:
    """A line of text; `anchor` is horizontal l, m or r, then vertical a(scender) or m(iddle), as in Pillow."""

    x: float
    y: float
    text: str
    size: float = 13
    colour: str = INK
    anchor: str = "la"


@dataclass(frozen=True)
class Box:
    """A rectangle, filled or with a line of `line` pixels along its inside."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    outline: str | None = None
    line: float = 1


@dataclass(frozen=True)
class Dot:
    """A filled circle around (x, y)."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True)
class Line:
    """A line through points given from (x, y) on."""

    x: float
    y: float
    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 2


@dataclass(frozen=True)
class Polygon:
    """A filled area whose corners are given from (x, y) on."""

    x: float
    y: float
    points: tuple[tuple[float, float], ...]
    fill: str


Item = Picture | Text | Box | Dot | Line | Polygon


@lru_cache(maxsize=64)
def font(size: float) -> ImageFont.FreeTypeFont:
    """Return the shipped font; no system font is relied on."""
    return ImageFont.truetype(str(resource_path("fonts/DejaVuSans.ttf")), size)


def text_width(text: str, size: float) -> float:
    """Return the width of a line of text in pixels."""
    return float(font(size).getlength(text))


@dataclass
class Scene:
    """A page of `width` × `height` pixels with items drawn in order."""

    width: float
    height: float
    items: list[Item] = field(default_factory=list)

    def rasterize(self, scale: float = 1.0, transparent: bool = False) -> np.ndarray:
        """Return (height, width, 4) uint8 at `scale` pixels per unit, on white or on nothing."""
        if transparent:
            return _unmixed(self._painted(scale, "#ffffff"), self._painted(scale, "#000000"))
        return np.array(self._painted(scale, PAPER).convert("RGBA"))

    def _painted(self, scale: float, paper: str) -> Image.Image:
        size = (max(1, round(self.width * scale)), max(1, round(self.height * scale)))
        page = Image.new("RGB", size, paper)
        draw = ImageDraw.Draw(page)
        for item in self.items:
            match item:
                case Picture():
                    _paste(page, item, scale)
                case Text():
                    place = (item.x * scale, item.y * scale)
                    draw.text(place, item.text, item.colour, font(item.size * scale), anchor=item.anchor)
                case Box():
                    _draw_box(draw, item, scale)
                case Dot():
                    _draw_dot(page, item, scale)
                case Line():
                    _draw_line(page, item, scale)
                case Polygon():
                    _draw_polygon(page, item, scale)
        return page

    def to_png(self, scale: float = 2.0) -> bytes:
        """Return a PNG file on white at `scale` pixels per unit."""
        buffer = io.BytesIO()
        self._painted(scale, PAPER).save(buffer, "PNG")
        return buffer.getvalue()

    def to_svg(self, title: str, description: str, scale: float = 1.0, transparent: bool = False) -> str:
        """Return an SVG document: photos and maps embedded as PNG, everything else as shapes and text."""
        paper = "" if transparent else f'<rect width="100%" height="100%" fill="{PAPER}"/>'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width * scale:g}" '
            f'height="{self.height * scale:g}" '
            f'viewBox="0 0 {self.width:g} {self.height:g}" font-family="DejaVu Sans, sans-serif">',
            f"<title>{escape(title, False)}</title><desc>{escape(description, False)}</desc>",
            *([paper] if paper else []),
            *(_svg(item) for item in self.items),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def _unmixed(on_white: Image.Image, on_black: Image.Image) -> np.ndarray:
    """Return (height, width, 4) uint8: the colour and opacity that give both pictures when laid over."""
    light, dark = np.asarray(on_white, np.float32), np.asarray(on_black, np.float32)
    alpha = 255 - (light - dark).mean(axis=2, keepdims=True)  # all paper that shows through is left out
    colour = dark * 255 / np.maximum(alpha, 1)
    return np.round(np.concatenate([colour, alpha], axis=2)).clip(0, 255).astype(np.uint8)


def _paste(page: Image.Image, item: Picture, scale: float) -> None:
    size = (max(1, round(item.width * scale)), max(1, round(item.height * scale)))
    pixels = Image.fromarray(item.pixels)
    if pixels.size != size:
        shrinking = size[0] < pixels.width
        how = Image.Resampling.LANCZOS if item.smooth or shrinking else Image.Resampling.NEAREST
        pixels = pixels.resize(size, how)
    place = (round(item.x * scale), round(item.y * scale))
    page.paste(pixels, place, pixels if pixels.mode == "RGBA" else None)


def _draw_box(draw: ImageDraw.ImageDraw, item: Box, scale: float) -> None:
    left, top = item.x * scale, item.y * scale
    right, bottom = left + item.width * scale, top + item.height * scale
    right, bottom = max(left, right - 1), max(top, bottom - 1)  # Pillow includes the last pixel
    width = max(1, round(item.line * scale))
    draw.rectangle((left, top, right, bottom), fill=item.fill, outline=item.outline, width=width)


def _draw_dot(page: Image.Image, item: Dot, scale: float) -> None:
    over = 4  # Pillow's circles have steps; drawn larger and scaled down they have none
    radius = item.radius * scale
    side = int(np.ceil(radius)) * 2 + 2
    left, top = int(np.floor(item.x * scale - side / 2)), int(np.floor(item.y * scale - side / 2))
    mask = Image.new("L", (side * over, side * over))
    cx, cy, r = (item.x * scale - left) * over, (item.y * scale - top) * over, radius * over
    ImageDraw.Draw(mask).ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)
    page.paste(
        Image.new("RGB", (side, side), item.fill),
        (left, top),
        mask.resize((side, side), Image.Resampling.BOX),
    )


def _draw_line(page: Image.Image, item: Line, scale: float) -> None:
    mask = Image.new("L", (page.width * OVER, page.height * OVER))
    width = max(1, round(item.width * scale * OVER))
    ImageDraw.Draw(mask).line(_enlarged_points(item, scale), 255, width, "curve")
    _paint(page, mask, item.colour)


def _draw_polygon(page: Image.Image, item: Polygon, scale: float) -> None:
    mask = Image.new("L", (page.width * OVER, page.height * OVER))
    ImageDraw.Draw(mask).polygon(_enlarged_points(item, scale), 255)
    _paint(page, mask, item.fill)


def _enlarged_points(item: Line | Polygon, scale: float) -> list[tuple[float, float]]:
    return [((item.x + x) * scale * OVER, (item.y + y) * scale * OVER) for x, y in item.points]


def _paint(page: Image.Image, mask: Image.Image, colour: str) -> None:
    page.paste(Image.new("RGB", page.size, colour), (0, 0), mask.resize(page.size, Image.Resampling.BOX))


def _svg(item: Item) -> str:
    match item:
        case Picture():
            buffer = io.BytesIO()
            _enlarged(item).save(buffer, "PNG")
            data = base64.b64encode(buffer.getvalue()).decode()
            style = "" if item.smooth else ' style="image-rendering:pixelated"'
            return (
                f'<image x="{item.x:g}" y="{item.y:g}" width="{item.width:g}" height="{item.height:g}" '
                f'preserveAspectRatio="none"{style} href="data:image/png;base64,{data}"/>'
            )
        case Text():
            return (
                f'<text x="{item.x:g}" y="{_baseline(item):g}" font-size="{item.size:g}" fill="{item.colour}" '
                f'text-anchor="{_SVG_ANCHOR[item.anchor[0]]}">{escape(item.text, False)}</text>'
            )
        case Box():
            stroke = f'stroke="{item.outline}" stroke-width="{item.line:g}"' if item.outline else ""
            inset = item.line / 2 if item.outline else 0  # a stroke lies on both sides of its path
            width, height = item.width - 2 * inset, item.height - 2 * inset
            return (
                f'<rect x="{item.x + inset:g}" y="{item.y + inset:g}" width="{width:g}" height="{height:g}" '
                f'fill="{item.fill or "none"}" {stroke}/>'
            )
        case Dot():
            return f'<circle cx="{item.x:g}" cy="{item.y:g}" r="{item.radius:g}" fill="{item.fill}"/>'
        case Polygon():
            return f'<polygon points="{_svg_points(item)}" fill="{item.fill}"/>'
        case Line():
            return (
                f'<polyline points="{_svg_points(item)}" fill="none" stroke="{item.colour}" '
                f'stroke-width="{item.width:g}" stroke-linejoin="round"/>'
            )


def _svg_points(item: Line | Polygon) -> str:
    return " ".join(f"{item.x + x:g},{item.y + y:g}" for x, y in item.points)


def _baseline(item: Text) -> float:
    """Return y of the baseline; written out because few readers of SVG know ``dominant-baseline``."""
    ascent, descent = font(item.size).getmetrics()
    return item.y + (ascent if item.anchor[1] == "a" else (ascent - descent) / 2)


def _enlarged(item: Picture) -> Image.Image:
    """Return the pixels in whole multiples up to the size drawn, for readers that would blur them."""
    image = Image.fromarray(item.pixels)
    if item.smooth:
        return image
    across, down = math.ceil(item.width / image.width), math.ceil(item.height / image.height)
    return image.resize((image.width * across, image.height * down), Image.Resampling.NEAREST)
