"""A data set of two coloured shapes, and models without torch that see them and look where they say they do.

What each layer scores is therefore known; see `spots_of`.
"""

from collections.abc import Sequence

import numpy as np
from fake_captioner import FakeAttention

from vizstudio.core.caption import Caption, CaptionRequest, TokenStep
from vizstudio.core.context import RunContext
from vizstudio.core.dataset import Sample
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource
from vizstudio.core.model import ModelInfo, ModelRequest
from vizstudio.core.types import Analysis, AttentionLayer, Prediction
from vizstudio.entries import ModelListing

NAMES = ("square", "skateboard", "cloud")
COLOURS = ((220, 30, 30), (30, 30, 220))
ROWS, COLS, CELL, HEADS = 8, 12, 8, 2
MODELS = ("captions", "cut", "classes", "patches", "mixed", "strangers", "nothing", "wide")
TOKENS = ("a", "square", "and", "a", "skate", "##board", "[end]")
OBJECT_OF_TOKEN = (None, 0, None, None, 1, 1, None)
CAPTION = "a square and a skateboard"


class Shapes:
    """Photos of 96 × 64 pixels, whatever size is asked: a red square and a blue bar, each some cells large."""

    class_names = NAMES

    def __init__(self, size: int, count: int, seed: int, split: str) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        image = np.full((ROWS * CELL, COLS * CELL, 3), 128, np.uint8)
        masks = np.zeros((2, *image.shape[:2]), bool)
        # Each covers a cell whole and is cut anywhere else; they are in different halves.
        for mask, first, tall, wide in zip(masks, (0, 6), (24, 20), (24, 28), strict=True):
            top = rng.integers(0, ROWS * CELL - tall)
            left = first * CELL + rng.integers(0, 6 * CELL - wide)
            mask[top : top + tall, left : left + wide] = True
        for mask, colour in zip(masks, COLOURS, strict=True):
            image[mask] = colour
        return Sample(image, masks, (0, 1), CAPTION)


class Bare(Shapes):
    """The same photos without masks."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return super().__getitem__(index).image, 0


def spots_of(pixels: np.ndarray) -> list[int]:
    """Return a cell that lies whole on the square, one whole on the bar, and one on neither."""
    cells = pixels.reshape(ROWS, CELL, COLS, CELL, 3).swapaxes(1, 2).reshape(ROWS * COLS, -1, 3)
    wanted = (*COLOURS, (128, 128, 128))
    return [int((cells == colour).all(axis=(1, 2)).argmax()) for colour in wanted]


class Pointer:
    """A loaded model, one of `MODELS`: ``strangers`` has other classes, ``nothing`` none."""

    def __init__(self, name: str) -> None:
        size = (96, 64) if name == "wide" else (96, 96)
        self.name, self.info = name, ModelInfo(f"pointer:{name}", "untrained", "none", size, 7, "cpu")

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        grid = PatchGrid(ROWS, COLS, (float(CELL), float(CELL)), ImageFit(image.size, image.size, (1.0, 1.0)))
        labels = () if self.name == "nothing" else NAMES if self.name != "strangers" else ("x", "y")
        return Analysis(
            self.info.model_id, grid, self._attention(image, grid),
            predictions=tuple(Prediction(label, i, 1 / (i + 2)) for i, label in enumerate(labels)),
            provenance={"image": image.name, "image_sha256": image.sha256, "pointer": "1.0"},
        )  # fmt: skip

    def _attention(self, image: ImageSource, grid: PatchGrid) -> FakeAttention:
        """Layer 0 looks at the square, layer 1 at the ground; 0.6 of the class token's attention is on itself.

        The model ``patches`` has no class token, and ``mixed`` has one in layer 1 alone.
        """
        layers, matrices = [], []
        for layer, spot in enumerate((0, 2)):
            bare = self.name == "patches" or (self.name == "mixed" and layer == 0)
            axis, cell = TokenAxis(() if bare else ("cls",), grid), spots_of(image.pixels)[spot]
            matrix = np.tile(np.eye(axis.num_tokens), (HEADS, 1, 1))
            if bare:
                matrix[:] = np.eye(axis.num_tokens)[cell]
            else:
                matrix[:, 0, 0], matrix[:, 0, 1 + cell] = 0.6, 0.4
            layers.append(AttentionLayer(f"blocks.{layer}", "self", HEADS, axis, axis))
            matrices.append(matrix)
        return FakeAttention(layers, matrices)


class PointingCaptioner(Pointer):
    """It writes the same caption of every photo, and is right."""

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        return self.caption(image, CaptionRequest(), context)

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        from dataclasses import replace

        analysis = replace(super().analyze(image, context), predictions=())
        spots, cut = spots_of(image.pixels), self.name == "cut"
        steps = tuple(self._step(i, analysis.grid, spots) for i in range(len(TOKENS) - cut))
        return replace(analysis, caption=Caption(steps, CAPTION, 0.0, not cut))

    @staticmethod
    def _step(i: int, grid: PatchGrid, spots: Sequence[int]) -> TokenStep:
        """Layer 0 looks at the object it writes, layer 1 at that of the token before, layer 2 everywhere.

        In layer 0 and 1 the second head looks at the ground alone.
        """
        one, image = TokenAxis((TOKENS[i],)), TokenAxis((), grid)
        layers = [AttentionLayer(f"decoder.{n}", "cross", HEADS, one, image) for n in range(3)]
        matrices = np.zeros((3, HEADS, 1, len(grid)))
        for layer, token in enumerate((i, i - 1)):
            number = OBJECT_OF_TOKEN[token] if token >= 0 else None
            matrices[layer, 0, 0, spots[2 if number is None else number]] = 1
            matrices[layer, 1, 0, spots[2]] = 1
        matrices[2] = 1 / len(grid)
        starts = not TOKENS[i].startswith("##")
        cross = FakeAttention(layers, list(matrices))
        text = TOKENS[i].removeprefix("##")
        return TokenStep(i, i, text, starts, -0.5, 0.1, (), cross, FakeAttention((), ()))


def list_models() -> list[ModelListing]:
    return [ModelListing(name) for name in MODELS]


def load(name: str, request: ModelRequest, context: RunContext) -> Pointer:
    return PointingCaptioner(name) if name in ("captions", "cut") else Pointer(name)
