"""Greedy captions of many images at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary


@dataclass(frozen=True)
class Written:
    """A caption as the network wrote it.

    Parameters
    ----------
    tokens : tuple of int
        The end token is the last one, where it was written.
    log_probs : tuple of float
        Of each token, in nats.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]


def write_captions(
    network: CaptionNetwork, pixels: Tensor, real: Tensor | None, vocabulary: Vocabulary
) -> list[Written]:
    """Write the most probable token after the others until every caption has ended.

    Parameters
    ----------
    network : CaptionNetwork
        In evaluation mode.
    pixels : (images, 3, height, width) float32
        Normalised.
    real : (images, height, width) bool or None
        False where a pixel is padding.
    vocabulary : Vocabulary
        Whose start and end tokens are read and written.
    """
    image = network.readable(CaptionNetwork.forward(network, pixels, real))
    last = torch.full((len(pixels), 1), vocabulary.start, device=pixels.device)
    ended = torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device)
    past, tokens, log_probs = None, [], []
    for _ in range(network.config.max_tokens):
        states, past = network.read(last, image, past)
        best = network.scores(states[:, -1]).float().log_softmax(-1).max(-1)
        last = best.indices[:, None]
        tokens.append(best.indices)
        log_probs.append(best.values)
        ended |= best.indices == vocabulary.end
        if ended.all():
            break
    rows = zip(torch.stack(tokens, 1).tolist(), torch.stack(log_probs, 1).tolist(), strict=True)
    return [_until_end(ids, values, vocabulary.end) for ids, values in rows]


def _until_end(tokens: list[int], log_probs: list[float], end: int) -> Written:
    length = tokens.index(end) + 1 if end in tokens else len(tokens)
    return Written(tuple(tokens[:length]), tuple(log_probs[:length]))
