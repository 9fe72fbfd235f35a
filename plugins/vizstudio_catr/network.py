"""The whole CATR network: encodes an image once, and reads a caption all at once or one token at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizstudio_catr.backbone import Backbone, sine_positions
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.transformer import KeysValues, Looked, Transformer

FEW_ROWS = 8


@dataclass(frozen=True, eq=False)
class Encoded:
    """An encoded image.

    Parameters
    ----------
    memory : (batch, cells, width) Tensor
        What the encoder made of the grid's cells, row by row.
    positions : (batch, cells, width) Tensor
        Their sine positions.
    real : (batch, 1, 1, cells) bool Tensor or None
        False where a cell is padding; None without padding.
    """

    memory: Tensor
    positions: Tensor
    real: Tensor | None


@dataclass(frozen=True, eq=False)
class Readable:
    """An encoded image as every decoder layer reads it: its keys and values, and which cells are real."""

    layers: tuple[KeysValues, ...]
    real: Tensor | None

    def expand(self, batch: int) -> "Readable":
        """Return the same image for `batch` captions; no memory is copied."""
        layers = tuple((k.expand(batch, -1, -1, -1), v.expand(batch, -1, -1, -1)) for k, v in self.layers)
        return Readable(layers, self.real)


class Head(nn.Module):
    """From the state of a token to a score for every token that may come next."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        widths = [config.width, *[config.head_width] * (config.head_layers - 1), config.vocab_size]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (…, vocabulary)."""
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return _few_rows(self.layers[-1], x)


def _few_rows(layer: nn.Module, x: Tensor) -> Tensor:
    """Return ``layer(x)`` by the product that is fast for a large vocabulary and the few rows of a decoder.

    What takes time is to read the weights: MKL does it on one core for one row, and packs them first for a few.
    With the rows as columns, two at least, it does neither: 1.2 ms for 30522 × 512 on two cores, against 3.8 ms
    for one row and 9 ms and more for two to eight.
    """
    assert isinstance(layer, nn.Linear)
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) > FEW_ROWS or x.device.type != "cpu":
        return layer(x)
    columns = rows.T if len(rows) > 1 else rows.repeat(2, 1).T
    scores = torch.addmm(layer.bias[:, None], layer.weight, columns)  # (vocabulary, rows)
    return scores[:, : len(rows)].T.contiguous().view(*x.shape[:-1], -1)


class CaptionNetwork(nn.Module):
    """CATR (saahiluppal/catr) with its checkpoints' names; called with an image it encodes it."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.config = config
        backbone = Backbone(config)
        self.backbone = nn.Sequential(backbone)
        self.input_proj = nn.Conv2d(backbone.channels, config.width, 1)
        self.transformer = Transformer(config)
        self.mlp = Head(config)

    def forward(self, images: Tensor, real: Tensor | None = None) -> Encoded:
        """Encode images.

        Parameters
        ----------
        images : (batch, 3, height, width) float32
            Normalised.
        real : (batch, height, width) bool, optional
            False where a pixel is padding.
        """
        features = self.input_proj(self.backbone(images))
        shape = features.shape[-2:]
        cells = torch.ones(len(images), *shape, dtype=torch.bool, device=images.device)
        allowed = None
        if real is not None:
            cells = F.interpolate(real[:, None].float(), size=shape)[:, 0].bool()
            allowed = cells.flatten(1)[:, None, None]  # (batch, 1, 1, cells)
        positions = sine_positions(cells, self.config.width).to(features.dtype)
        x = features.flatten(2).transpose(1, 2)  # (batch, cells, width)
        return Encoded(self.transformer.encoder(x, positions, allowed), positions, allowed)

    def readable(self, encoded: Encoded) -> Readable:
        """Compute the image's keys and values, once for all tokens to come."""
        placed = encoded.memory + encoded.positions
        attentions = self.transformer.decoder.cross_attentions
        return Readable(tuple(a.keys_values(placed, encoded.memory) for a in attentions), encoded.real)

    def read(
        self,
        tokens: Tensor,
        image: Readable,
        past: Sequence[KeysValues] | None = None,
        seen: list[Looked] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Read a caption; the state at a token tells which comes next.

        Parameters
        ----------
        tokens : (batch, length) int64
            The whole caption so far, or with `past` what comes after it.
        image : Readable
            For as many captions.
        past : sequence of KeysValues, optional
            Keys and values of all earlier tokens in every layer.
        seen : list of Looked, optional
            Takes down the attention of every layer, to the tokens and then to the image.

        Returns
        -------
        states : (batch, length, width) Tensor
            For `scores`.
        kept : list of KeysValues
            Of all tokens so far, in every layer: the `past` of what comes next.
        """
        start, length = past[0][0].shape[2] if past else 0, tokens.shape[1]
        earlier = None
        if past and length > 1:
            every = torch.ones(length, start + length, dtype=torch.bool, device=tokens.device)
            earlier = every.tril(start)
        x, positions = self.transformer.embeddings(tokens, start)
        kept = []
        for number, layer in enumerate(self.transformer.decoder.layers):
            before = past[number] if past else None
            x, read = layer(x, positions, image.layers[number], image.real, before, earlier, seen)
            kept.append(read)
        return self.transformer.decoder.norm(x), kept

    def lay_out_for_single_tokens(self) -> None:
        """Store the decoder's matrices column by column; values, shapes and names stay as they are.

        A product with one row then takes MKL half as long: 70 µs instead of 140 for 2048 × 256 on two cores.
        """
        for part in (self.transformer.decoder, self.mlp.layers[:-1]):
            for parameter in part.parameters():
                if parameter.ndim == 2:
                    parameter.data = parameter.data.T.contiguous().T

    def scores(self, states: Tensor) -> Tensor:
        """Return (…, vocabulary) logits of the token that comes after each state."""
        return self.mlp(states)
