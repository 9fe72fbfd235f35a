"""A captioner of transformers: its image encoder is shown as any, and its captions are written token by token."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vizstudio.api import (
    Analysis,
    CaptionRequest,
    CaptionWriter,
    ImageSource,
    ModelRequest,
    RunContext,
    UsageError,
)
from vizstudio_transformers.decoding import Decoding, parts_of
from vizstudio_transformers.encoder import Encoder
from vizstudio_transformers.loading import Loaded

ENCODING_SHARE = 0.4
"""Of the progress that is reported; the rest goes to the tokens, whose number nobody knows."""


class Words:
    """A tokenizer of transformers, WordPiece or byte-level; see `vizstudio.api.Spelling`."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._of_bytes = any(token.startswith("Ġ") for token in tokenizer.get_vocab())

    def piece(self, token_id: int) -> tuple[str, bool]:
        """Return a token without marks, and whether it starts a word."""
        token = self._tokenizer.convert_ids_to_tokens(token_id)
        if token is None:  # some models have more outputs than tokens
            return f"[{token_id}]", True
        if self._of_bytes and token_id not in self._tokenizer.all_special_ids:
            return self._tokenizer.decode([token_id]).strip(), token.startswith("Ġ")
        continues = token.startswith("##") and len(token) > 2
        return (token[2:], False) if continues else (token, True)

    def text(self, token_ids: Sequence[int]) -> str:
        """Return tokens as a sentence, without special tokens."""
        return str(self._tokenizer.decode(list(token_ids), skip_special_tokens=True)).strip()

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text that a caption has to begin with; `UsageError` if it cannot be spelled."""
        ids = list(self._tokenizer(text, add_special_tokens=False).input_ids)
        if not self._of_bytes and self._tokenizer.unk_token_id in ids:
            raise UsageError(f"the vocabulary cannot spell all of the prefix {text!r}: write it otherwise")
        return ids


class Captioner(Encoder):
    """A loaded ViT-GPT2, BLIP or GIT; see `vizstudio.api.Captioner`."""

    def __init__(self, loaded: Loaded, request: ModelRequest) -> None:
        self._parts = parts_of(loaded.model)
        super().__init__(loaded, request, self._parts.tower)
        self._words = Words(loaded.tokenizer)
        self._last: tuple[tuple[str, str], tuple[Analysis, Decoding]] | None = None

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Encode an image and write nothing; `continued` and `caption` write, and do not encode it again."""
        request = CaptionRequest()
        return replace(
            self._seen(image, context)[0], continued=self._continued(image, request, self._limit(request))
        )

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        """Encode an image, if it is not the last one, and write its caption; see `vizstudio.api.Captioner`.

        Raises
        ------
        UsageError
            If the prefix cannot be spelled or is longer than the caption may be, or the caption is to be longer
            than the decoder has positions.
        """
        limit = self._limit(request)
        prefix = self._words.encode(request.prefix) if request.prefix else []
        self._require_beginning(prefix, limit)
        return self._written(image, request, prefix, limit, context)

    def _limit(self, request: CaptionRequest) -> int:
        most = self._parts.positions
        if request.max_tokens is not None and request.max_tokens > most:
            raise UsageError(
                f"a caption of {request.max_tokens} tokens is longer than this model can write: at most {most}"
            )
        return request.max_tokens or self._parts.usual

    def _require_beginning(self, tokens: Sequence[int], limit: int) -> None:
        if len(tokens) > limit:
            raise UsageError(
                f"the prefix has {len(tokens)} tokens, and the caption may have {limit}: shorten it"
            )
        if any(token in self._parts.ends for token in tokens[:-1]):
            raise UsageError("the prefix goes on after the token that ends a caption: leave that out")

    def _seen(self, image: ImageSource, context: RunContext) -> tuple[Analysis, Decoding]:
        which = (image.sha256, image.name)  # the name is part of the provenance
        if self._last is None or self._last[0] != which:
            self._last = None  # not two at a time
            analysis, output = self._encode(image, context, ENCODING_SHARE)
            keys = analysis.attention.layers[0].keys
            decoding = Decoding(self._parts, output, keys, lambda token: self._words.piece(token)[0])
            self._last = which, (analysis, decoding)
        return self._last[1]

    def _written(
        self,
        image: ImageSource,
        request: CaptionRequest,
        prefix: Sequence[int],
        limit: int,
        context: RunContext,
    ) -> Analysis:
        def on_token(tokens: Sequence[int]) -> None:
            context.check()
            if context.is_heard:
                share = ENCODING_SHARE + (1 - ENCODING_SHARE) * len(tokens) / limit
                context.report(share, f"writing: {self._words.text(tokens)}")

        analysis, decoding = self._seen(image, context)
        start = time.perf_counter()
        writer = CaptionWriter(decoding.read, self._words, self._parts.ends, limit, request, on_token)
        best, *others = writer.write(prefix)
        return replace(
            analysis,
            caption=best,
            other_captions=tuple(others),
            continued=self._continued(image, request, limit),
            timings={**analysis.timings, "caption": time.perf_counter() - start},
        )

    def _continued(self, image: ImageSource, request: CaptionRequest, limit: int) -> Any:
        def continued(token_ids: Sequence[int], context: RunContext | None = None) -> Analysis:
            size = self._parts.vocabulary
            if wrong := [token for token in token_ids if not 0 <= token < size]:
                raise UsageError(
                    f"the beginning holds token {wrong[0]}, and the vocabulary has 0 to {size - 1}"
                )
            self._require_beginning(token_ids, limit)
            return self._written(image, request, token_ids, limit, context or RunContext(self.info.device))

        return continued
