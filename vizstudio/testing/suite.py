"""Puts together which contracts a plugin must keep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vizstudio.core.errors import UsageError
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import Registry, load_target, no_such
from vizstudio.testing.captions import CAPTION_CONTRACTS
from vizstudio.testing.contract import Broken, Contract, ContractError, Given, Subject
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


@dataclass(frozen=True)
class Case:
    """A contract and what has to keep it."""

    contract: Contract
    subject: Subject

    @property
    def id(self) -> str:
        """What pytest calls it, such as ``"vit:vit_tiny_patch16_224-geometry"``."""
        return f"{self.subject.name}-{self.contract.name}"

    @property
    def skipped(self) -> str:
        """Why it does not hold for this subject; empty if it does. What captioners promise holds for them alone."""
        subject = self.subject
        if (
            self.contract in CAPTION_CONTRACTS
            and isinstance(subject, ModelSubject)
            and not subject.can_caption
        ):
            return f"{subject.name} writes no captions"
        return ""

    def run(self) -> None:
        """Check it; raises `ContractError`."""
        self.contract.run(self.subject)


def plugin_cases(
    host: PluginHost, plugin: str, models: Mapping[str, Given], trainers: Mapping[str, Given]
) -> list[Case]:
    """Return every contract that a plugin must keep, with what it brings.

    Parameters
    ----------
    host : PluginHost
        The plugins that are loaded.
    plugin, models, trainers
        See `plugin_contracts`.

    Raises
    ------
    UsageError
        If no such plugin is installed, or it does not bring what is named.
    """
    known = tuple(info.name for info in host.plugins)
    if plugin not in known:
        raise UsageError(no_such("plugin", plugin, known) + "; install it first: pip install -e .")

    def mine(registry: Registry[Any]) -> tuple[str, ...]:
        return tuple(i for i in registry.ids() if registry.owner(i) == plugin)

    _require_brought("model family", [m.partition(":")[0] for m in models], mine(host.models))
    _require_brought("recipe", [*trainers], mine(host.trainers))
    subjects: list[tuple[Sequence[Contract], Subject]] = [(PLUGIN_CONTRACTS, PluginSubject(plugin, host))]
    of_models = (*MODEL_CONTRACTS, geometry, *CAPTION_CONTRACTS)
    for family in mine(host.models):
        named = [m for m in models if m.partition(":")[0] == family] or [_first_model(host, family)]
        subjects += [(of_models, ModelSubject(m, host, models.get(m))) for m in named]
    subjects += [(REDUCTION_CONTRACTS, ReductionSubject(i, host)) for i in mine(host.reductions)]
    subjects += [(EXPORTER_CONTRACTS, ExporterSubject(i, host)) for i in mine(host.exporters)]
    subjects += [(DATASET_CONTRACTS, DatasetSubject(i, host)) for i in mine(host.datasets)]
    subjects += [(TRAINER_CONTRACTS, TrainerSubject(i, host, trainers.get(i))) for i in mine(host.trainers)]
    return [Case(contract, subject) for contracts, subject in subjects for contract in contracts]


def _require_brought(noun: str, named: Sequence[str], brought: tuple[str, ...]) -> None:
    for name in named:
        if name not in brought:
            raise UsageError(no_such(noun, name, brought) + " of this plugin")


def _first_model(host: PluginHost, family: str) -> str:
    """Return the first model that a family lists; a name that is not there if it fails to list any."""
    try:
        return f"{family}:{load_target(host.models.get(family).names)()[0].name}"
    except Exception:  # the contracts of the plugin and the model say what is wrong
        return f"{family}:its-first-model"


def plugin_contracts(
    plugin: str, models: Mapping[str, Given] | None = None, trainers: Mapping[str, Given] | None = None
) -> Callable[[Case], None]:
    """Return a test for pytest: everything that an installed plugin brings must keep every contract.

    A whole test module is::

        from vizstudio.testing import plugin_contracts

        test_contracts = plugin_contracts("NAME")

    Parameters
    ----------
    plugin : str
        Its name, as `vizstudio plugins` lists it.
    models : mapping, optional
        Which models to check, by id, each with what `vizstudio.load_model` takes beside it, such as
        ``{"toy:small": {"checkpoint": path}}``; by default the first one of each family, untrained. Choose small
        ones: each is run some twenty times.
    trainers : mapping, optional
        For each recipe the options of a run of seconds, without ``out``, such as
        ``{"fit": {"data": "emoji-scenes", "epochs": 1}}``. A recipe without them fails.

        Instead of a dict each may be a function that is handed an empty folder, writes what is needed there, and
        returns the dict.

    Raises
    ------
    UsageError
        If no such plugin is installed, or it does not bring what is named.
    """
    import pytest

    cases = plugin_cases(load_plugins(), plugin, models or {}, trainers or {})

    @pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases])
    def test_contracts(case: Case) -> None:
        if reason := case.skipped:
            pytest.skip(reason)
        try:
            case.run()
        except ContractError as error:
            if isinstance(
                error.__cause__, Broken
            ):  # the message says it all; else show where the code failed
                pytest.fail(str(error), pytrace=False)
            raise

    return test_contracts
