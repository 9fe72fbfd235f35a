"""For authors of plugins: the contracts that everything a plugin brings must keep, as a test for pytest.

A whole test module is::

    from vizstudio.testing import plugin_contracts

    test_contracts = plugin_contracts("NAME")

Needs neither Qt nor, before a model is loaded, torch; and pytest only where `plugin_contracts` is called.
"""

from vizstudio.testing.contract import Contract, ContractError
from vizstudio.testing.suite import Case, plugin_cases, plugin_contracts

__all__ = ["Case", "Contract", "ContractError", "plugin_cases", "plugin_contracts"]
