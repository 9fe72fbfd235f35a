"""Which images each process sees: every image once an epoch, whatever the split."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.training.order import Draw, Parts, Plan, class_weights, share


@given(
    count=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    processes=st.integers(1, 4),
    accumulate=st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_all_processes_together_see_every_image_once_an_epoch(
    count: int, batch_size: int, processes: int, accumulate: int, seed: int
) -> None:
    plan = Plan(count, seed, 2, batch_size)
    each = [list(Parts(plan, 0, p, processes, accumulate)) for p in range(processes)]
    # processes must agree on how often they compute, or one waits for ever
    assert {len(parts) for parts in each} == {plan.total_steps * accumulate}
    assert all(parts for of_one in each for parts in of_one)
    for step in range(plan.total_steps):
        seen = [
            draw
            for of_one in each
            for part in of_one[step * accumulate : (step + 1) * accumulate]
            for draw in part
            if draw.counts
        ]
        assert seen == plan.batch(step)
    half = plan.steps_per_epoch
    for first in (0, half):
        drawn = [d.index for step in range(first, first + half) for d in plan.batch(step)]
        assert sorted(drawn) == list(range(count))


@given(count=st.integers(1, 40), batch_size=st.integers(1, 9), first=st.integers(0, 30))
def test_a_run_that_goes_on_sees_what_the_whole_one_would_have(
    count: int, batch_size: int, first: int
) -> None:
    plan = Plan(count, 3, 3, batch_size)
    first = min(first, plan.total_steps)
    assert list(Parts(plan, first, 0, 1, 1)) == list(Parts(plan, 0, 0, 1, 1))[first:]


def test_epochs_and_seeds_differ_and_changes_depend_on_neither_process_nor_part() -> None:
    plan = Plan(50, 0, 2, 50)
    orders = [[d.index for d in plan.batch(s)] for s in (0, 1)]
    orders.append([d.index for d in Plan(50, 1, 1, 50).batch(0)])
    assert len({tuple(order) for order in orders}) == 3
    keys = [d.key for d in plan.batch(0) + plan.batch(1)]
    assert len({*keys}) == 100


def test_fresh_epochs_have_items_of_their_own() -> None:
    plan = Plan(30, 0, 3, 7, fresh=True)
    drawn = [[d.index for s in range(5 * e, 5 * e + 5) for d in plan.batch(s)] for e in range(3)]
    assert [sorted(epoch) for epoch in drawn] == [list(range(30 * e, 30 * e + 30)) for e in range(3)]


def test_parts_are_nearly_equal_and_an_empty_one_is_filled_by_what_does_not_count() -> None:
    batch = [Draw(i, (0, 0, i)) for i in range(7)]
    assert [len(share(batch, p, 3)) for p in range(3)] == [2, 2, 3]
    assert [[d.counts for d in share(batch[:1], p, 2)] for p in range(2)] == [[False], [True]]


def test_balanced_draws_give_every_class_its_share() -> None:
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    plan = Plan(1000, 0, 10, 1000, class_weights(labels))
    seen = Counter(int(labels[d.index]) for step in range(10) for d in plan.batch(step))
    # of 10000 draws a third each; 5 standard deviations are 236
    assert all(abs(seen[c] - 10000 / 3) < 236 for c in range(3))
