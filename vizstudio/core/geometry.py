"""From tokens to rectangles of the *original* image, exactly: no square roots, no guesses.

Coordinates are continuous pixels: pixel ``i`` of an image covers ``[i, i + 1)``, and ``x`` runs right,
``y`` down. Sizes are ``(width, height)``, grids are ``(rows, cols)``, rectangles ``(left, top, width, height)``.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vizstudio.core.errors import GeometryError

Rect = tuple[float, float, float, float]
FitMode = Literal["crop", "squash", "pad"]


@dataclass(frozen=True)
class ImageFit:
    """How the original image became the model's input: ``input = original * scale + offset``, per axis.

    Parameters
    ----------
    original_size, input_size : (int, int)
        Width and height in pixels of the image as the user sees it, and of the model's input.
    scale : (float, float)
        Input pixels per original pixel, along x and y.
    offset : (float, float)
        Where the original's left top corner lies in the input, in input pixels: negative where the image
        was cropped, positive where it was padded.
    mode : {"crop", "squash", "pad"}
        How it was made to fit.
    """

    original_size: tuple[int, int]
    input_size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)
    mode: FitMode = "squash"

    def __post_init__(self) -> None:
        if min(*self.original_size, *self.input_size) < 1:
            raise GeometryError(
                f"image sizes must be positive, got {self.original_size} and {self.input_size}"
            )
        if min(self.scale) <= 0:
            raise GeometryError(f"the scale from image to model input must be positive, got {self.scale}")

    @classmethod
    def resized(
        cls,
        original_size: tuple[int, int],
        resized_size: tuple[int, int],
        input_size: tuple[int, int],
        offset: tuple[int, int] = (0, 0),
        mode: FitMode = "squash",
    ) -> "ImageFit":
        """Describe a resize to `resized_size`, whose corner then lies at `offset` of the input."""
        scale = (resized_size[0] / original_size[0], resized_size[1] / original_size[1])
        return cls(original_size, input_size, scale, (float(offset[0]), float(offset[1])), mode)

    def to_original(self, rect: Rect) -> Rect:
        """Map a rectangle of the model's input to the original; it may reach beyond the image (padding)."""
        left, top, width, height = rect
        sx, sy = self.scale
        return ((left - self.offset[0]) / sx, (top - self.offset[1]) / sy, width / sx, height / sy)

    @property
    def seen_share(self) -> float:
        """Share of the original's area that lies within the model's input, from 0 to 1."""
        left, top, width, height = self.to_original(
            (0.0, 0.0, float(self.input_size[0]), float(self.input_size[1]))
        )
        across = min(left + width, self.original_size[0]) - max(left, 0.0)
        down = min(top + height, self.original_size[1]) - max(top, 0.0)
        return max(across, 0.0) * max(down, 0.0) / (self.original_size[0] * self.original_size[1])

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the original to the model's input."""
        return x * self.scale[0] + self.offset[0], y * self.scale[1] + self.offset[1]


@dataclass(frozen=True)
class PatchGrid:
    """A grid of cells over the model's input, mapped to the original image by `fit`.

    Parameters
    ----------
    rows, cols : int
        Number of cells down and across.
    cell : (float, float)
        Width and height of a cell in input pixels (a patch, or a patch times the stages' strides).
    fit : ImageFit
        How the input came out of the original.
    origin : (float, float)
        Where the first cell's left top corner lies in the input, in pixels; not 0 where a convolution
        without padding leaves a border.
    """

    rows: int
    cols: int
    cell: tuple[float, float]
    fit: ImageFit
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1 or min(self.cell) <= 0:
            raise GeometryError(f"a grid needs cells, got {self.rows}×{self.cols} of {self.cell} pixels")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    def __len__(self) -> int:
        return self.rows * self.cols

    @property
    def rect(self) -> Rect:
        """The whole grid as a rectangle of the original image."""
        return self.fit.to_original((*self.origin, self.cols * self.cell[0], self.rows * self.cell[1]))

    def cell_rect(self, row: int, col: int) -> Rect:
        """Return the rectangle of the original image that cell (row, col) covers.

        Raises
        ------
        GeometryError
            If the grid has no such cell.
        """
        if not (0 <= row < self.rows and 0 <= col < self.cols):
            raise GeometryError(f"patch {row},{col} is outside the grid of {self.rows}×{self.cols}")
        width, height = self.cell
        left, top = self.origin[0] + col * width, self.origin[1] + row * height
        return self.fit.to_original((left, top, width, height))

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the cell under a point of the original image, or None where the model saw nothing."""
        if not (0 <= x < self.fit.original_size[0] and 0 <= y < self.fit.original_size[1]):
            return None
        input_x, input_y = self.fit.to_input(x, y)
        if not (0 <= input_x < self.fit.input_size[0] and 0 <= input_y < self.fit.input_size[1]):
            return None
        col = int(np.floor((input_x - self.origin[0]) / self.cell[0]))
        row = int(np.floor((input_y - self.origin[1]) / self.cell[1]))
        return (row, col) if 0 <= row < self.rows and 0 <= col < self.cols else None


@dataclass(frozen=True, eq=False)
class TokenAxis:
    """What the positions along a queries or keys axis stand for.

    Tokens are numbered canonically: the prefix tokens first (class, registers), then the cells of the
    grid row by row. `index` says which token each position of the attention's own axis holds; it has one
    row per window, and the ordinary case of global attention is one window that holds all tokens in order.

    Parameters
    ----------
    labels : tuple of str
        Names of the prefix tokens, such as ``("cls", "reg1", "reg2")``.
    grid : PatchGrid or None
        Where the other tokens lie; None if they lie nowhere (text) or nowhere that is known.
    index : (windows, length) int array
        Canonical token number of each position, -1 for padding. By default: all tokens in order.
    note : str
        What a reader must know of the layout, such as ``"64 windows of 7×7"``; empty for global attention.
    """

    labels: tuple[str, ...] = ()
    grid: PatchGrid | None = None
    index: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int32))
    note: str = ""

    def __post_init__(self) -> None:
        if self.index.size == 0:
            object.__setattr__(self, "index", np.arange(self.num_tokens, dtype=np.int32)[None])
        if self.index.ndim != 2 or self.index.max(initial=-1) >= self.num_tokens:
            raise GeometryError(
                f"token index of shape {self.index.shape} does not fit {self.num_tokens} tokens"
            )

    @property
    def num_prefix_tokens(self) -> int:
        """Number of tokens that lie nowhere on the image: class token and registers."""
        return len(self.labels)

    @property
    def num_tokens(self) -> int:
        """Number of canonical tokens: prefix and grid cells."""
        return len(self.labels) + (len(self.grid) if self.grid else 0)

    @property
    def length(self) -> int:
        """Number of positions of the axis in one window."""
        return int(self.index.shape[1])

    @property
    def is_global(self) -> bool:
        """Whether every query sees every token: one window, all tokens, in order."""
        return self.index.shape == (1, self.num_tokens) and bool(
            (self.index[0] == np.arange(self.num_tokens)).all()
        )

    def find(self, token: int) -> tuple[int, int]:
        """Return (window, position) of a canonical token.

        Raises
        ------
        GeometryError
            If the token is not among these (such as the class token among the patches of a window).
        """
        windows, positions = np.nonzero(self.index == token)
        if token < 0 or not len(windows):
            raise GeometryError(f"token {token} does not take part in this attention")
        return int(windows[0]), int(positions[0])
