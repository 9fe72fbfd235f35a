"""The learning rate against the formulas as they are published, and against torch's own schedulers."""

import math
from itertools import pairwise
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.training.schedules import Schedule, learning_rate


def rate(schedule: Any, step: int, **changes: Any) -> float:
    options = {"total": 100, "base": 0.5, "warmup": 10, "final_share": 0.01, "width": 64}
    options |= {"drop_every": 1000, "drop_to": 0.1} | changes
    return learning_rate(schedule, step, **options)


@pytest.mark.parametrize("step", [1, 5, 10, 11, 57, 100])
def test_noam_is_the_published_formula(step: int) -> None:
    published = 64**-0.5 * min(step**-0.5, step * 10**-1.5)
    assert rate("noam", step, base=1.0) == pytest.approx(published, rel=1e-12)
    assert rate("noam", step, base=2.0) == pytest.approx(2 * published, rel=1e-12)


def test_the_studys_schedule_warms_up_linearly_and_decays_exponentially() -> None:
    assert [rate("warmup-exponential", s) for s in (1, 5, 10)] == pytest.approx([0.05, 0.25, 0.5])
    after = [rate("warmup-exponential", s) for s in range(10, 101)]
    ratios = [b / a for a, b in pairwise(after)]
    assert ratios == pytest.approx([0.01 ** (1 / 90)] * 90)
    assert after[-1] == pytest.approx(0.005)


def test_cosine_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=90, eta_min=0.005)
    for step in range(10, 101):
        assert rate("cosine", step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6), step
        optimizer.step()
        theirs.step()


@given(
    schedule=st.sampled_from(get_args(Schedule)),
    total=st.integers(1, 300),
    warmup_share=st.floats(0, 1),
    share=st.floats(1e-4, 1),
)
def test_every_schedule_rises_to_its_highest_at_the_warm_ups_end_and_never_rises_again(
    schedule: Schedule, total: int, warmup_share: float, share: float
) -> None:
    warmup = max(1, round(total * warmup_share))
    rates = [rate(schedule, s, total=total, warmup=warmup, final_share=share) for s in range(1, total + 1)]
    assert all(math.isfinite(r) and r > 0 for r in rates)
    top = 0.5 * (64 * warmup) ** -0.5 if schedule == "noam" else 0.5
    assert rates[warmup - 1] == pytest.approx(max(rates)) == pytest.approx(top)
    assert all(b > a for a, b in pairwise(rates[:warmup]))
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(rates[warmup - 1 :]))


def test_without_warm_up_it_starts_at_its_highest() -> None:
    assert rate("constant", 1, warmup=0) == rate("constant", 100, warmup=0) == 0.5
    assert rate("cosine", 1, warmup=0) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("every", "to"), [(20, 0.1), (7, 0.5)])
def test_step_is_torchs(every: int, to: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = torch.optim.lr_scheduler.StepLR(optimizer, every, to)
    for step in range(1, 101):
        ours = rate("step", step, warmup=0, drop_every=every, drop_to=to)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), step
        optimizer.step()
        theirs.step()
