"""The form's fields against the options themselves: nothing is lost, the same is refused as by the command."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.errors import UsageError
from vizstudio.gui.training.fields import FIRST, as_text, check, fields_of
from vizstudio.plugins import load_plugins
from vizstudio.recipes import config_of, recipe_with
from vizstudio.training.config import make_config

HOST = load_plugins(safe_mode=True)
KINDS = {recipe: config_of(HOST, recipe) for recipe in HOST.trainers.ids()}
NEEDED = {"data": "d", "out": "o"}
FINETUNE = KINDS["vit-finetune"]


@pytest.mark.parametrize("recipe", KINDS)
def test_every_option_is_a_field_and_its_default_as_text_is_the_default(recipe: str) -> None:
    kind = KINDS[recipe]
    fields = fields_of(kind)
    assert sorted(f.name for f in fields) == sorted(kind.model_fields)
    assert tuple(f.name for f in fields[: len(FIRST)]) == FIRST
    plain = kind.model_validate(NEEDED)
    for field in fields:
        assert field.about, field.name
        if field.required or field.default == "":
            continue
        made, problems = check(kind, {**NEEDED, field.name: field.default})
        assert made is not None, (field, problems)
        assert getattr(made, field.name) == getattr(plain, field.name), field.name


def test_kinds_and_bounds_follow_the_types() -> None:
    fields = {f.name: f for f in fields_of(FINETUNE)}
    assert {fields[n].kind for n in ("pretrained", "class_balanced", "find_batch_size")} == {"flag"}
    assert fields["schedule"].kind == fields["fit"].kind == "choice"
    assert fields["fit"].can_be_none and fields["fit"].choices == ("crop", "squash", "pad")
    assert (fields["probes"].kind, fields["probes"].low, fields["probes"].high) == ("integer", 0, 16)
    assert fields["seed"].high == 2**31 - 1
    assert fields["checkpoint"].kind == "path"
    assert fields["lr"].kind == fields["warmup_steps"].kind == fields["model_args"].kind == "text"


VALUES = st.one_of(
    st.integers(-3, 40).map(str),
    st.floats(-2, 2).map(str),
    st.sampled_from(["none", "", "true", "crop", "noam", "x"]),
)


@given(st.dictionaries(st.sampled_from(sorted(FINETUNE.model_fields)), VALUES, max_size=4))
def test_what_is_refused_is_what_the_command_refuses(given_: dict[str, Any]) -> None:
    values = {**NEEDED, **given_}
    made, problems = check(FINETUNE, values)
    try:
        wanted = make_config(FINETUNE, {n: None if v == "none" else v for n, v in values.items()})
    except UsageError:
        assert made is None and problems
    else:
        assert made == wanted and not problems


def test_a_problem_is_told_at_its_field() -> None:
    _, problems = check(FINETUNE, {"data": "d", "lr": "-1", "epochs": "many"})
    assert problems["lr"] == "Input should be greater than 0"
    assert problems["out"] == "Must be given" and "valid integer" in problems["epochs"]
    _, problems = check(FINETUNE, {**NEEDED, "accumulate": 9, "batch_size": 4})
    assert problems == {"accumulate": "Accumulate 9 is more than batch_size 4"}
    _, problems = check(FINETUNE, {**NEEDED, "epoch": 1})
    assert "no option 'epoch'" in problems[""].lower() and "epochs" in problems[""]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, True), (1e-6, "1e-06"), ({"depth": 6}, '{"depth": 6}'), (Path("a"), "a")],
)
def test_values_are_written_as_a_person_would(value: Any, text: Any) -> None:
    assert as_text(value) == text


def test_a_run_is_known_by_its_options() -> None:
    assert recipe_with(HOST, "vizstudio_train_vit.config:FinetuneConfig") == "vit-finetune"
    with pytest.raises(UsageError, match=r"no recipe has the options a:B.*--resume"):
        recipe_with(HOST, "a:B")
