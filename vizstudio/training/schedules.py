"""How the learning rate goes, as closed formulas of the step."""

import math
from typing import Literal

Schedule = Literal["warmup-exponential", "noam", "cosine", "constant", "step"]


def learning_rate(
    schedule: Schedule,
    step: int,
    total: int,
    base: float,
    warmup: int,
    final_share: float,
    width: int,
    drop_every: int,
    drop_to: float,
) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    schedule : str
        All warm up linearly to `base` at the step `warmup`. Then ``warmup-exponential`` and ``cosine`` (half a
        wave) fall to ``final_share * base`` at the last step, ``constant`` stays, and ``step`` is
        ``base * drop_to ** floor((step - 1) / drop_every)`` (torch's ``StepLR``). ``noam`` is
        ``base * width**-0.5 * min(step**-0.5, step * warmup**-1.5)`` (Vaswani et al. 2017, where the factor
        `base` is 1): it reaches ``base * (width * warmup)**-0.5`` at `warmup`.
    step, total : int
        Counted from 1; the number of all steps.
    base : float
        The learning rate at the end of the warm-up; for ``noam`` its factor.
    warmup : int
        Steps of warm-up, 0 for none; at least 1 for ``noam``.
    final_share : float
        Above 0, at most 1.
    width : int
        The model's width; only ``noam`` needs it.
    drop_every : int
        Steps between the drops of ``step``.
    drop_to : float
        The share that each drop leaves.
    """
    if schedule == "noam":
        return float(base * width**-0.5 * min(step**-0.5, step * warmup**-1.5))
    if step < warmup:
        return base * step / warmup
    gone = (step - warmup) / (total - warmup) if total > warmup else 0.0
    if schedule == "warmup-exponential":
        return base * math.pow(final_share, gone)
    if schedule == "cosine":
        return base * (final_share + (1 - final_share) * (1 + math.cos(math.pi * gone)) / 2)
    if schedule == "step":
        return base * math.pow(drop_to, (step - 1) // drop_every)
    return base
