"""Names that are imported when they are first asked for."""

import sys
import types

import pytest

from vizstudio.core.figures import VIEWS
from vizstudio.lazy import names_from
from vizstudio.plugins import OWN_VIEWS


def test_a_name_is_imported_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    module = types.ModuleType("module")
    module.__getattr__ = names_from("module", {"colorsys": ("rgb_to_hsv", "ONE_THIRD")})  # type: ignore[method-assign]
    assert "colorsys" not in sys.modules
    assert module.ONE_THIRD == 1 / 3 and "colorsys" in sys.modules
    assert module.rgb_to_hsv is sys.modules["colorsys"].rgb_to_hsv
    with pytest.raises(AttributeError, match="module has no 'hsv'"):
        _ = module.hsv


def test_what_no_reduction_may_be_called_are_the_views_that_there_are() -> None:
    assert tuple(VIEWS) == OWN_VIEWS
