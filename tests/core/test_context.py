"""The circumstances of a call."""

from vizstudio.core.context import RunContext


def test_it_is_heard_if_somebody_listens() -> None:
    told: list[tuple[float, str]] = []
    context = RunContext(report=lambda share, message: told.append((share, message)))
    context.report(0.5, "half")
    assert context.is_heard and told == [(0.5, "half")]
    assert not RunContext().is_heard
