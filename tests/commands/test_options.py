"""Values of options as they are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.api import UsageError
from vizstudio.commands.options import parse_cell, parse_choices, parse_range, parse_size

NUMBERS = st.integers(0, 10**6)


@given(NUMBERS, NUMBERS, st.sampled_from(["{},{}", " {} , {} ", "{}, {}"]))
def test_a_cell_is_read_as_it_was_written(row: int, col: int, form: str) -> None:
    assert parse_cell(form.format(row, col), "--panel") == (row, col)


@given(
    st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(["{}x{}", "{}X{}", "{}×{}", " {} x {} "])
)
def test_a_size_is_read_as_it_was_written(width: int, height: int, form: str) -> None:
    assert parse_size(form.format(width, height), "--input-size") == (width, height)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.sampled_from(["{},{}", " {} , {} "]))
def test_a_range_is_read_as_it_was_written(low: float, high: float, form: str) -> None:
    assert parse_range(form.format(low, high), "--range") == (low, high)


@given(st.text())
def test_any_other_text_is_refused_in_one_sentence(text: str) -> None:
    for parse in (parse_cell, parse_size):
        try:
            numbers = parse(text, "--option")
        except UsageError as error:
            assert "--option" in str(error)
        else:
            assert [str(n) for n in numbers] == [part.lstrip("0") or "0" for part in map(str, numbers)]
            assert all(str(n) in text for n in numbers)


@pytest.mark.parametrize("text", ["1", "1,", ",1", "1,2,3", "-1,2", "1.5,2", "a,b", "", "²,1", "٣,1"])
def test_no_cell(text: str) -> None:
    with pytest.raises(UsageError, match="is no patch: give ROW,COL"):
        parse_cell(text, "--panel")


@pytest.mark.parametrize("text", ["224", "0x224", "224x0", "224*224", "-1x5", "1x2x3", ""])
def test_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size: give WIDTHxHEIGHT"):
        parse_size(text, "--input-size")


@given(st.lists(st.sampled_from(["a", "b", "c-d"]), min_size=1))
def test_choices_keep_their_order_and_come_once(chosen: list[str]) -> None:
    found = parse_choices(" , ".join(chosen), ["a", "b", "c-d"], "thing")
    assert found == sorted(set(chosen), key=chosen.index)
