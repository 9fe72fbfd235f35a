"""What plugins may import: documented, there, and light."""

import importlib
import inspect
import subprocess
import sys
import types

import pytest

from vizstudio import api


@pytest.mark.parametrize("name", api.__all__)
def test_everything_public_is_there_and_documented(name: str) -> None:
    found = getattr(api, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert (inspect.getdoc(found) or "").strip(), f"{name} has no docstring"
        home = importlib.import_module(found.__module__)
        assert getattr(home, name) is found


def test_nothing_else_is_public() -> None:
    kinds = (types.ModuleType, types.BuiltinFunctionType)
    others = {n for n, v in vars(api).items() if not n.startswith("_") and not isinstance(v, kinds)} - {
        *api.__all__
    }
    assert others <= {"TYPE_CHECKING", "Any", "import_module"}
    with pytest.raises(AttributeError, match="no 'nothing'"):
        _ = api.nothing


def test_importing_it_imports_no_torch_until_it_is_needed() -> None:
    code = (
        "import sys, vizstudio, vizstudio.api as api; assert 'torch' not in sys.modules\n"
        "api.capture; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
