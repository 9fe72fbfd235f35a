"""CATR's pre-norm transformer; attention takes its keys and values as they are, so that they can be kept."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizstudio_catr.config import CatrConfig

KeysValues = tuple[Tensor, Tensor]
"""Each (batch, heads, length, head width)."""
Looked = tuple[Tensor, Tensor]
"""The queries of one attention and what they took from what they read, both (batch, heads, length, head width)."""


class Dropout(nn.Dropout):
    """Dropout that is nothing at all in evaluation; torch's own is a call there too."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the input, in training with some of it dropped."""
        return super().forward(x) if self.training else x


class LayerNorm(nn.LayerNorm):
    """torch's own by one call, which a capture sees as one call too and not as a function that makes another."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens, each with mean 0 and variance 1 before weight and bias."""
        return torch.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class Attention(nn.Module):
    """Multi-head attention with the parameter names of `torch.nn.MultiheadAttention`."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        width = config.width
        self.width, self.num_heads, self.dropout = width, config.heads, config.dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def _project(self, x: Tensor, part: int) -> Tensor:
        """Return (batch, heads, length, head width) queries (0), keys (1) or values (2)."""
        rows = slice(part * self.width, (part + 1) * self.width)
        projected = F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])
        return torch.unflatten(projected, -1, (self.num_heads, -1)).transpose(1, 2)

    def keys_values(self, placed: Tensor, content: Tensor) -> KeysValues:
        """Return the keys of tokens with their position and the values of tokens without."""
        return self._project(placed, 1), self._project(content, 2)

    def forward(
        self,
        query: Tensor,
        read: KeysValues,
        allowed: Tensor | None = None,
        causal: bool = False,
        seen: list[Looked] | None = None,
    ) -> Tensor:
        """Return (batch, queries, width): what the queries take from what they read.

        Parameters
        ----------
        query : (batch, queries, width) Tensor
            Tokens with their position.
        read : KeysValues
            Of the tokens to attend to.
        allowed : (…, queries or 1, keys) bool, optional
            False where a query may not look, such as at padding.
        causal : bool
            Whether a query sees only the keys up to its own.
        seen : list of Looked, optional
            Takes down this attention. A capture sees the same, and every other operation beside, which takes a tenth
            of the time of a token.
        """
        dropout = self.dropout if self.training else 0.0
        queries = self._project(query, 0)
        mixed = F.scaled_dot_product_attention(
            queries, *read, attn_mask=allowed, dropout_p=dropout, is_causal=causal
        )
        if seen is not None:
            seen.append((queries, mixed))
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Self-attention between the cells of the image, and a network on each."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)
        self.norm1, self.norm2 = LayerNorm(config.width), LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, positions: Tensor, real: Tensor | None) -> Tensor:
        """Return the cells (batch, cells, width) after this layer."""
        normed = self.norm1(x)
        placed = normed + positions
        x = x + self.dropout(self.self_attn(placed, self.self_attn.keys_values(placed, normed), real))
        hidden = self.dropout(torch.relu(self.linear1(self.norm2(x))))
        return x + self.dropout(self.linear2(hidden))


class DecoderLayer(nn.Module):
    """Attention to the tokens read so far and to the image, and a network on each token."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.self_attn, self.multihead_attn = Attention(config), Attention(config)
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)
        self.norm1, self.norm2, self.norm3 = (LayerNorm(config.width) for _ in range(3))
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        image: KeysValues,
        real: Tensor | None,
        past: KeysValues | None,
        earlier: Tensor | None,
        seen: list[Looked] | None,
    ) -> tuple[Tensor, KeysValues]:
        """Return the tokens (batch, length, width) after this layer, and the keys and values of all so far.

        `past` are those of the tokens before; several tokens after a past need `earlier` (length, all), False
        where a token would look ahead. `seen` takes down both attentions, that to the tokens first.
        """
        normed = self.norm1(x)
        placed = normed + positions
        read = self.self_attn.keys_values(placed, normed)
        if past is not None:
            read = torch.cat([past[0], read[0]], 2), torch.cat([past[1], read[1]], 2)
        x = x + self.dropout(self.self_attn(placed, read, earlier, past is None, seen))
        x = x + self.dropout(self.multihead_attn(self.norm2(x) + positions, image, real, seen=seen))
        hidden = self.dropout(torch.relu(self.linear1(self.norm3(x))))
        return x + self.dropout(self.linear2(hidden)), read


class Encoder(nn.Module):
    """The layers on the image."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = LayerNorm(config.width)

    def forward(self, x: Tensor, positions: Tensor, real: Tensor | None) -> Tensor:
        """Return the encoded cells (batch, cells, width)."""
        for layer in self.layers:
            x = layer(x, positions, real)
        return self.norm(x)


class Decoder(nn.Module):
    """The layers on the caption."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        layers = [DecoderLayer(config) for _ in range(config.decoder_layers)]
        self.cross_attentions = [layer.multihead_attn for layer in layers]  # a list registers nothing twice
        self.layers = nn.ModuleList(layers)
        self.norm = LayerNorm(config.width)


class Embeddings(nn.Module):
    """From token numbers to vectors; the position table is used again as the queries' position."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.width)
        self.position_embeddings = nn.Embedding(config.max_positions, config.width)
        self.LayerNorm = LayerNorm(config.width, eps=1e-12)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Return (vectors, positions) of tokens (batch, length), the first of which stands at place `start`."""
        positions = self.position_embeddings.weight[start : start + tokens.shape[1]]
        words = self.word_embeddings(tokens)
        return self.dropout(self.LayerNorm(words + positions)), positions


class Transformer(nn.Module):
    """Holds its parts under the names that checkpoints know."""

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.embeddings = Embeddings(config)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
