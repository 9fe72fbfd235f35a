"""Plugins that are registered without being installed, and which contracts they break."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.testing import Contract, ContractError
from vizstudio.testing.contract import Subject


@pytest.fixture
def host() -> PluginHost:
    """The plugins that ship, and room for others."""
    return load_plugins(safe_mode=True)


@pytest.fixture
def broken() -> Callable[..., dict[str, str]]:
    """``broken(contracts, subject)``: the names of those that it breaks, with the messages."""

    def run(contracts: tuple[Contract, ...], subject: Subject) -> dict[str, str]:
        found = {}
        for contract in contracts:
            try:
                contract.run(subject)
            except ContractError as error:
                found[contract.name] = str(error)
        return found

    return run


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path to install packages into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder


@pytest.fixture(autouse=True)
def _no_mode_left() -> Iterator[None]:
    """Take away the mode that a fake leaves behind."""
    yield
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()
