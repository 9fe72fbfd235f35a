"""What every model that writes captions promises beside; see `vizstudio.api.Captioner`."""

import numpy as np

from vizstudio.core.caption import Caption, TokenStep
from vizstudio.core.errors import Cancelled
from vizstudio.core.types import Analysis, Attention
from vizstudio.testing.contract import contract, demand
from vizstudio.testing.models import ModelSubject
from vizstudio.testing.samples import photo
from vizstudio.testing.watching import Watched, watching

TOKENS = 5


def _written(subject: ModelSubject, **request: object) -> tuple[Analysis, Caption]:
    analysis = subject.model.caption(photo(), **{"max_tokens": TOKENS} | request)  # type: ignore[arg-type]
    assert analysis.caption is not None  # LoadedModel.caption sees to it
    return analysis, analysis.caption


@contract(
    "each step holds the token it wrote, its log-probability, the alternatives, and attention whose rows sum to 1.",
    "vizstudio.api.TokenStep",
)
def caption_steps(subject: ModelSubject) -> None:
    """Check the steps of a greedy caption."""
    _, caption = _written(subject)
    demand(caption.steps, "a caption has no steps")
    for index, step in enumerate(caption.steps):
        what = f"step {index} ({step.text!r})"
        demand(step.index == index, f"{what} has the index {step.index}")
        _require_alternatives(step, what)
        for kind, attention in (("cross", step.cross), ("self", step.itself)):
            _require_rows(attention, f"{kind} attention of {what}")
        grown = step.itself.layers[0].keys.num_tokens - caption.steps[0].itself.layers[0].keys.num_tokens
        demand(grown == index, f"{what} read {grown} more tokens than the first, not {index}")
        step.heatmap()


def _require_alternatives(step: TokenStep, what: str) -> None:
    chances = [choice.log_prob for choice in step.alternatives]
    demand(chances == sorted(chances, reverse=True), f"the alternatives of {what} are not in order")
    demand(sum(np.exp(chances)) < 1 + 1e-3, f"the alternatives of {what} have together more than 1")
    first = step.alternatives[0]
    greedy = first.token_id == step.token_id and abs(first.log_prob - step.log_prob) < 1e-4
    demand(greedy, f"{what} is not its own first alternative, though the caption is greedy")


def _require_rows(attention: Attention, what: str) -> None:
    demand(attention.layers, f"the {what} has no layers")
    for layer in range(len(attention.layers)):
        weights = attention.weights(layer)
        demand(weights.shape[1] == 1, f"the {what} has {weights.shape[1]} queries, not the one that wrote it")
        demand(
            weights.min() >= 0 and np.abs(weights.sum(-1) - 1).max() < 1e-3, f"a row of the {what} is off 1"
        )


@contract(
    "a caption is no longer than asked, begins as asked, and goes on from its own tokens to the same caption.",
    "vizstudio.api.CaptionRequest, vizstudio.api.Analysis (continued)",
)
def caption_goes_on(subject: ModelSubject) -> None:
    """Write, write shorter, and go on from the middle."""
    analysis, caption = _written(subject)
    tokens = [step.token_id for step in caption.steps]
    demand(len(tokens) <= TOKENS, f"max_tokens={TOKENS} gave {len(tokens)} tokens")
    _, short = _written(subject, max_tokens=1)
    demand(
        [step.token_id for step in short.steps] == tokens[:1], "max_tokens=1 does not give the first token"
    )
    demand(analysis.continued is not None, "the analysis has no `continued`")
    assert analysis.continued is not None
    again = analysis.continued(tokens[:2], None).caption
    demand(again is not None, "`continued` gives an analysis without a caption")
    assert again is not None
    demand([s.token_id for s in again.steps] == tokens, "going on from the first two tokens gives others")
    demand(all(s.forced for s in again.steps[:2]), "tokens that were given are not marked as forced")
    demand(not any(s.forced for s in again.steps[2:]), "tokens that were chosen are marked as forced")


@contract(
    "a cancelled caption raises Cancelled within one token: call `context.check()` for each.",
    "vizstudio.api.Captioner.caption, vizstudio.api.RunContext.check",
)
def caption_cancel(subject: ModelSubject) -> None:
    """Count the questions whether to go on that further tokens bring, then answer one with no."""
    first, short = _watched_caption(subject, 1)
    watched, long = _watched_caption(subject, TOKENS)
    assert short is not None and long is not None
    more, checks = len(long.steps) - len(short.steps), watched.checks - first.checks
    demand(checks >= more, f"{more} further tokens call context.check() {checks} times")
    for at in (watched.checks // 2, watched.checks - 1):
        _, ended = _watched_caption(subject, TOKENS, at)
        demand(ended is None, f"no Cancelled came out when check {at + 1} of {watched.checks} raised it")


def _watched_caption(
    subject: ModelSubject, tokens: int, cancel_at: int | None = None
) -> tuple[Watched, Analysis | None]:
    subject.model.analyze(photo(seed=9))  # so that what is kept of the last photo does not shorten the way
    device = subject.model.info.device
    with watching() as watched:
        try:
            context = watched.context(device, cancel_at)
            return watched, subject.model.caption(photo(), max_tokens=tokens, context=context)
        except Cancelled:
            return watched, None


CAPTION_CONTRACTS = (caption_steps, caption_goes_on, caption_cancel)
