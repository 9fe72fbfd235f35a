"""A CATR model that analyses images and writes their captions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tokenizers
import torch

from vizstudio.api import (
    Analysis,
    AttentionTrace,
    CaptionRequest,
    CaptionWriter,
    GeometryError,
    ImageSource,
    ModelInfo,
    ModelLayout,
    ModelRequest,
    Observation,
    PatchGrid,
    PositionEmbedding,
    RunContext,
    UsageError,
    WeightSource,
    observe,
    provenance,
)
from vizstudio_catr.build import build
from vizstudio_catr.checkpoint import Loaded
from vizstudio_catr.decoding import Decoding
from vizstudio_catr.preprocess import Prepared, prepare
from vizstudio_catr.reader import Reader

Continue = Callable[[Sequence[int], RunContext | None], Analysis]
ENCODING_SHARE = 0.4
"""Of the progress that is reported; the rest goes to the tokens, whose number nobody knows."""
VERSIONS = {"torch": str(torch.__version__), "tokenizers": tokenizers.__version__}


def load(name: str, request: ModelRequest, context: RunContext) -> "Catr":
    """Load the model `name`; the entry point that the plugin registers."""
    context.report(0.0, f"building catr:{name}")
    loaded, source = build(name, request, context)
    loaded.network.to(context.device, getattr(torch, request.precision))
    if context.device == "cpu":
        loaded.network.lay_out_for_single_tokens()
    return Catr(f"catr:{name}", loaded, source, request, context.device)


@dataclass(frozen=True, eq=False)
class Seen:
    """An encoded image: its analysis without a caption, and what reads captions of it."""

    analysis: Analysis
    reader: Reader


class Catr:
    """A loaded CATR model; see `vizstudio.api.Model`."""

    def __init__(
        self, model_id: str, loaded: Loaded, source: WeightSource, request: ModelRequest, device: str
    ) -> None:
        self._network, self._vocabulary, self._notes = loaded.network, loaded.vocabulary, loaded.notes
        self._fit = request.fit
        self._side = request.input_size[0] if request.input_size else loaded.network.config.image_size
        self._layouts: dict[tuple[int, ...], ModelLayout] = {}
        self._last: tuple[tuple[str, str], Seen] | None = None  # of one image only: memory is bounded
        self.info = ModelInfo(
            model_id=model_id,
            weights=source,
            weights_hash=loaded.weights_hash,
            input_size=(self._side, self._side),
            num_parameters=sum(p.numel() for p in loaded.network.parameters()),
            device=device,
            precision=request.precision,
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Encode an image and write nothing; `continued` and `caption` write, and do not encode it again."""
        seen, request = self._seen(image, context), CaptionRequest()
        return replace(seen.analysis, continued=self._continued(seen, request, self._limit(request)))

    def forget(self) -> None:
        """Drop what is kept of the last image; an analysis that was handed out keeps its own."""
        self._last = None

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        """Encode an image, if it is not the last one, and write its caption token by token.

        Parameters
        ----------
        image : ImageSource
            The photo.
        request : CaptionRequest
            How to write.
        context : RunContext
            Asked between layers and between tokens whether to go on.

        Returns
        -------
        Analysis
            With `caption`, `other_captions` and `continued`; `attention` is the encoder's.

        Raises
        ------
        UsageError
            If the prefix cannot be spelled or is longer than the caption may be, or the caption is to be longer
            than the model has positions.
        Cancelled
            If the user cancelled.
        """
        limit = self._limit(request)
        prefix = self._vocabulary.encode(request.prefix) if request.prefix else []
        self._require_room(prefix, limit)
        seen = self._seen(image, context)
        return self._written(seen, request, prefix, limit, context)

    def _limit(self, request: CaptionRequest) -> int:
        most = self._network.config.max_tokens
        if request.max_tokens is not None and request.max_tokens > most:
            raise UsageError(
                f"a caption of {request.max_tokens} tokens is longer than this model can write: at most {most}"
            )
        return request.max_tokens or most

    @staticmethod
    def _require_room(prefix: Sequence[int], limit: int) -> None:
        if len(prefix) > limit:
            raise UsageError(
                f"the prefix has {len(prefix)} tokens, and the caption may have {limit}: shorten it"
            )

    def _seen(self, image: ImageSource, context: RunContext) -> Seen:
        which = (image.sha256, image.name)  # the name is part of the provenance
        if self._last is None or self._last[0] != which:
            self._last = None  # not two at a time
            self._last = which, self._encode(image, context)
        return self._last[1]

    def _encode(self, image: ImageSource, context: RunContext) -> Seen:
        start = time.perf_counter()
        prepared = prepare(image, self._side, self._fit)
        ready = time.perf_counter()
        observation = self._observe(prepared, context)
        decoding = Decoding(self._network, observation.output)
        done = time.perf_counter()
        trace = AttentionTrace(
            [observation.layout.layer(i, c, prepared.fit) for i, c in enumerate(observation.calls)],
            observation.calls,
        )
        grid = trace.layers[0].keys.grid
        if grid is None or len(grid) != observation.output.memory.shape[1]:
            raise GeometryError(f"the cells of {image.name} could not be followed through the backbone")
        analysis = Analysis(
            model_id=self.info.model_id,
            grid=grid,
            attention=trace,
            position_embedding=self._positions(observation, grid),
            token_norms=np.stack([n.cpu().numpy() for n in observation.norms.values()]).astype(np.float32),
            timings={"preprocess": ready - start, "forward": done - ready},
            provenance=provenance(self.info, image, prepared.fit, **VERSIONS),
            notes=(*self._notes, *image.notes),
        )
        return Seen(analysis, Reader(decoding, self._vocabulary, grid))

    def _observe(self, prepared: Prepared, context: RunContext) -> Observation:
        def on_module(name: str, share: float) -> None:
            context.check()
            context.report(share * ENCODING_SHARE, f"running {name or 'the encoder'}")

        device, shape = self.info.device, tuple(prepared.pixels.shape)
        real = None if prepared.real is None else prepared.real.to(device)
        layers = [f"transformer.encoder.layers.{i}" for i in range(self._network.config.encoder_layers)]
        observation = observe(
            self._network,
            prepared.pixels.to(device, getattr(torch, self.info.precision)),
            self._layouts.get(shape),
            on_module,
            layers,
            {"real": real},
        )
        self._layouts[shape] = observation.layout
        return observation

    @staticmethod
    def _positions(observation: Observation, grid: PatchGrid) -> PositionEmbedding:
        vectors = observation.output.positions[0].float().cpu().numpy()
        return PositionEmbedding("sincos", np.ascontiguousarray(vectors), grid)

    def _written(
        self, seen: Seen, request: CaptionRequest, prefix: Sequence[int], limit: int, context: RunContext
    ) -> Analysis:
        def on_token(tokens: Sequence[int]) -> None:
            context.check()
            if context.is_heard:
                share = ENCODING_SHARE + (1 - ENCODING_SHARE) * len(tokens) / limit
                context.report(share, f"writing: {self._vocabulary.text(tokens)}")

        start = time.perf_counter()
        ends = {self._vocabulary.end}
        writer = CaptionWriter(seen.reader, self._vocabulary, ends, limit, request, on_token)
        best, *others = writer.write(prefix)
        return replace(
            seen.analysis,
            caption=best,
            other_captions=tuple(others),
            continued=self._continued(seen, request, limit),
            timings={**seen.analysis.timings, "caption": time.perf_counter() - start},
        )

    def _continued(self, seen: Seen, request: CaptionRequest, limit: int) -> Continue:
        def continued(token_ids: Sequence[int], context: RunContext | None = None) -> Analysis:
            self._vocabulary.require_caption(token_ids, "the beginning")
            self._require_room(token_ids, limit)
            return self._written(seen, request, token_ids, limit, context or RunContext(self.info.device))

        return continued
