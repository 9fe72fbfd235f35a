"""What plugins may import: documented, there, and light."""

import importlib
import inspect
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from vizstudio import api
from vizstudio.core.errors import Cancelled


@pytest.mark.parametrize("name", api.__all__)
def test_everything_public_is_there_and_documented(name: str) -> None:
    found = getattr(api, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert (inspect.getdoc(found) or "").strip(), f"{name} has no docstring"
        home = importlib.import_module(found.__module__)
        assert getattr(home, name) is found


def documentation(found: Any) -> str:
    """Return the docstring; of a class with those of its bases, whose parameters it may have."""
    homes = [c for c in found.__mro__ if c is not object] if inspect.isclass(found) else [found]
    return "\n".join(inspect.getdoc(home) or "" for home in homes)


@pytest.mark.parametrize("name", api.__all__)
def test_every_parameter_is_documented(name: str) -> None:
    found = getattr(api, name)
    if inspect.isclass(found) and issubclass(found, BaseModel):
        missing = [field for field, about in found.model_fields.items() if not about.description]
    elif inspect.isfunction(found) or (
        inspect.isclass(found) and not issubclass(found, Exception | Cancelled)
    ):
        given = [] if getattr(found, "_is_protocol", False) else inspect.signature(found).parameters
        about = documentation(found)
        missing = [p for p in given if p not in ("args", "kwargs") and not re.search(rf"\b{p}\b", about)]
    else:
        return
    assert not missing, f"{name} has parameters without a word on them"


@pytest.mark.parametrize("name", api.__all__)
def test_public_methods_are_documented(name: str) -> None:
    found = getattr(api, name)
    if inspect.isclass(found) and found.__module__.startswith("vizstudio"):
        public = {n: v for n, v in vars(found).items() if not n.startswith("_")}
        methods = {n: getattr(v, "fget", v) for n, v in public.items()}
        bare = [
            n for n, v in methods.items() if inspect.isfunction(v) and not inspect.getdoc(getattr(found, n))
        ]
        assert not bare, f"{name} has methods without a docstring"


@pytest.mark.parametrize("name", api.__all__)
def test_a_test_mentions_it(name: str) -> None:
    own = Path(__file__).resolve()
    tests = [*own.parent.rglob("*.py"), *own.parents[1].glob("examples/*/tests/*.py")]
    texts = [p.read_text(encoding="utf-8") for p in tests if p.resolve() != own]
    assert any(re.search(rf"\b{name}\b", text) for text in texts), f"no test mentions {name}: write one"


def test_the_version_is_two_numbers() -> None:
    assert re.fullmatch(r"[1-9]\d*\.\d+", api.API_VERSION)


def test_nothing_else_is_public() -> None:
    kinds = (types.ModuleType, types.BuiltinFunctionType)
    others = {n for n, v in vars(api).items() if not n.startswith("_") and not isinstance(v, kinds)} - {
        *api.__all__
    }
    assert others <= {"TYPE_CHECKING", "names_from"}
    with pytest.raises(AttributeError, match="no 'nothing'"):
        _ = api.nothing


def test_importing_it_imports_no_torch_until_it_is_needed() -> None:
    code = (
        "import sys, vizstudio, vizstudio.api as api; assert 'torch' not in sys.modules\n"
        "api.capture; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
