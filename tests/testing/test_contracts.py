"""Each contract is broken by a plugin made for it, and by no other."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract_models
import pytest

from vizstudio.api import (
    DatasetEntry,
    ExporterEntry,
    ModelEntry,
    ModelListing,
    ReductionEntry,
    TrainerEntry,
    UsageError,
)
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.testing import plugin_cases
from vizstudio.testing.captions import CAPTION_CONTRACTS
from vizstudio.testing.datasets import DATASET_CONTRACTS, DatasetSubject
from vizstudio.testing.geometry import geometry
from vizstudio.testing.models import MODEL_CONTRACTS, ModelSubject
from vizstudio.testing.packages import PLUGIN_CONTRACTS, PluginSubject
from vizstudio.testing.pictures import (
    EXPORTER_CONTRACTS,
    REDUCTION_CONTRACTS,
    ExporterSubject,
    ReductionSubject,
)
from vizstudio.testing.trainers import TRAINER_CONTRACTS, TrainerSubject

OF_MODELS = (*MODEL_CONTRACTS, geometry, *CAPTION_CONTRACTS)
ALSO = {
    "unchecked": "weights-explain-output",
    "cancel-swallowed": "cancel",
    "leaves-a-mode": "leaves-nothing-behind",
    "errors-code": "errors",
}
"""Second ways to break a contract."""
Broken = Callable[..., dict[str, str]]


def list_models() -> list[ModelListing]:
    return [ModelListing(name) for name in contract_models.NAMES]


def test_every_contract_of_models_has_a_model_that_breaks_it() -> None:
    names = {ALSO.get(name, name) for name in contract_models.NAMES} - {"healthy"}
    assert names == {contract.name for contract in OF_MODELS}


@pytest.mark.parametrize("name", contract_models.NAMES)
def test_models(name: str, host: PluginHost, broken: Broken) -> None:
    host.models.add(ModelEntry("contract", "Fakes", "contract_models:load", "x:y"), "fake")
    found = broken(OF_MODELS, ModelSubject(f"contract:{name}", host))
    assert [*found] == ([] if name == "healthy" else [ALSO.get(name, name)]), found
    for message in found.values():
        assert f"contract:{name} breaks the contract" in message
        assert "\nWanted: " in message
        assert "\nDocumented at: vizstudio.api." in message


REDUCTIONS = {"healthy": None, "no-unit": "map-on-the-grid", "random": "same-map-again"}
EXPORTERS = {"healthy": None, "never": "bytes-or-a-sentence", "random": "same-file-again"}
DATASETS = {
    "Squares": None,
    "Samples": "samples",
    "SameSampleAgain": "same-sample-again",
    "OtherSeedOtherSamples": "other-seed-other-samples",
    "DatasetErrors": "dataset-errors",
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, host: PluginHost, broken: Broken) -> None:
    target = f"contract_parts:reduce_{name.replace('-', '_')}"
    host.reductions.add(ReductionEntry(name, "T", "M.", target), "fake")
    found = broken(REDUCTION_CONTRACTS, ReductionSubject(name, host))
    assert [*found] == [wanted for wanted in [REDUCTIONS[name]] if wanted], found
    assert {*REDUCTIONS.values()} - {None} == {contract.name for contract in REDUCTION_CONTRACTS}


@pytest.mark.parametrize("name", EXPORTERS)
def test_exporters(name: str, host: PluginHost, broken: Broken) -> None:
    host.exporters.add(ExporterEntry(name, "T", f"contract_parts:write_{name}"), "fake")
    found = broken(EXPORTER_CONTRACTS, ExporterSubject(name, host))
    assert [*found] == [wanted for wanted in [EXPORTERS[name]] if wanted], found
    assert {*EXPORTERS.values()} - {None} == {contract.name for contract in EXPORTER_CONTRACTS}


@pytest.mark.parametrize("name", DATASETS)
def test_datasets(name: str, host: PluginHost, broken: Broken) -> None:
    host.datasets.add(DatasetEntry(name.lower(), "T", "S.", f"contract_parts:{name}"), "fake")
    found = broken(DATASET_CONTRACTS, DatasetSubject(name.lower(), host))
    assert [*found] == [wanted for wanted in [DATASETS[name]] if wanted], found
    assert {*DATASETS.values()} - {None} == {contract.name for contract in DATASET_CONTRACTS}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", *(contract.name for contract in TRAINER_CONTRACTS)])
def test_trainers(fault: str, host: PluginHost, broken: Broken) -> None:
    host.datasets.add(DatasetEntry("squares", "T", "S.", "contract_parts:Squares"), "fake")
    kind = "UnexplainedConfig" if fault == "options-are-explained" else "FakeConfig"
    config = f"contract_trainers:{kind}"
    host.trainers.add(TrainerEntry("fake", "T", "S.", config, "contract_trainers:run"), "fake")
    options = {"data": "squares", "epochs": 1, "batch_size": 4, "fault": fault}
    found = broken(TRAINER_CONTRACTS, TrainerSubject("fake", host, options))
    assert [*found] == ([fault] if fault else []), found


def test_a_recipe_without_options_to_try_it_with_fails(host: PluginHost, broken: Broken) -> None:
    host.trainers.add(
        TrainerEntry("fake", "T", "S.", "contract_trainers:FakeConfig", "contract_trainers:run"), "fake"
    )
    found = broken(TRAINER_CONTRACTS[1:], TrainerSubject("fake", host))
    assert [*found] == [contract.name for contract in TRAINER_CONTRACTS[1:]]
    assert "give plugin_contracts trainers={'fake': {options of a run}}" in found["trainer-errors"]


TOP = """
VIZSTUDIO_API = "~=1.0"
from vizstudio.api import ModelEntry, hookimpl
{first}
@hookimpl
def register_models(registry):
    registry.add(ModelEntry(id="heap", title="Heap", load="heap.model:load", names="heap.{names}:names"))
"""
NAMES = "def names():\n    return []\n"
PACKAGES = {
    "healthy": (TOP.format(first="", names="names"), "def load(): ...\n"),
    "states-its-interface": (TOP.format(first="del VIZSTUDIO_API", names="names"), "def load(): ...\n"),
    "loads": (TOP.format(first="1 / 0", names="names"), ""),
    "listing-is-light": (TOP.format(first="", names="model"), "import torch\ndef load(): ...\n" + NAMES),
    "no-qt": (TOP.format(first="", names="names"), "import qtpy\ndef load(): ...\n"),
}


def install(site: Path, top: str, model: str) -> None:
    """Install the package ``heap`` with its plugin, and one that looks like Qt."""
    for name, files in {
        "heap": {"__init__.py": top, "model.py": model, "names.py": NAMES},
        "qtpy": {"__init__.py": ""},
        "heap-1.0.dist-info": {
            "METADATA": "Metadata-Version: 2.1\nName: heap\nVersion: 1.0\n",
            "entry_points.txt": "[vizstudio.plugins]\nheap = heap\n",
        },
    }.items():
        (site / name).mkdir()
        for file, text in files.items():
            (site / name / file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", PACKAGES)
def test_packages(name: str, site: Path, broken: Broken) -> None:
    install(site, *PACKAGES[name])
    found = broken(PLUGIN_CONTRACTS, PluginSubject("heap", load_plugins()))
    sys.modules.pop("heap", None)
    assert [*found] == ([] if name == "healthy" else [name]), found
    assert {*PACKAGES} - {"healthy"} == {contract.name for contract in PLUGIN_CONTRACTS}


def test_what_is_named_must_be_there(host: PluginHost) -> None:
    asked: tuple[tuple[str, dict[str, Any], dict[str, Any], str], ...] = (
        ("vitt", {}, {}, "no plugin 'vitt': did you mean vit?"),
        ("vit", {"catr:own": {}}, {}, "no model family 'catr': choose from vit of this plugin"),
        ("train-vit", {}, {"vitfinetune": {}}, "did you mean vit-finetune?"),
    )
    for plugin, models, trainers, message in asked:
        with pytest.raises(UsageError) as caught:
            plugin_cases(host, plugin, models, trainers)
        assert message in str(caught.value)
