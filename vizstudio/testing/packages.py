"""What every plugin promises as a whole, whatever it brings; looked at in processes of their own."""

import json
import subprocess
import sys
from importlib import import_module

from vizstudio.plugins import PluginInfo
from vizstudio.testing.contract import Broken, Subject, contract, demand

QT = ("PySide6", "PySide2", "PyQt6", "PyQt5", "qtpy", "shiboken6")
HEAVY = ("torch", "torchvision", "timm", "transformers", "tensorflow", "jax")

# The same folders on the path as here: a plugin need not be where a fresh process looks.
_START = """
import json, sys
name, path = sys.argv[1], json.loads(sys.argv[2])
sys.path[:] = path
from vizstudio.plugins import load_plugins
from vizstudio.recipes import config_of
from vizstudio.registry import load_target
host = load_plugins()

def mine(registry):
    return [entry for entry in registry.entries() if registry.owner(entry.id) == name]
"""
_LIST = """
for entry in mine(host.models):
    load_target(entry.names)()
for entry in mine(host.trainers):
    config_of(host, entry.id)
"""
_IMPORT = """
for hook, registry in host.registries().items():
    for entry in mine(registry) if hook != "register_views" else []:
        for target in entry.targets:
            load_target(getattr(entry, target))
"""
_END = """
print(json.dumps(sorted({module.partition(".")[0] for module in sys.modules})))
"""


class PluginSubject(Subject):
    """A plugin by its name."""

    @property
    def info(self) -> PluginInfo:
        """What became of it."""
        (found,) = [plugin for plugin in self.host.plugins if plugin.name == self.name]
        return found

    def imported(self, code: str) -> set[str]:
        """Return the packages that a fresh process has imported after the code."""
        words = [sys.executable, "-c", _START + code + _END, self.name, json.dumps(sys.path)]
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            raise Broken(f"a fresh process fails: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        return set(json.loads(done.stdout.splitlines()[-1]))


@contract("a plugin is loaded and brings something.", "vizstudio.hookspecs")
def loads(subject: PluginSubject) -> None:
    """Look at its status."""
    demand(subject.info.status == "active", f"it is {subject.info.status}: {subject.info.reason}")
    owners = [r.owner(i) for r in subject.host.registries().values() for i in r.ids()]
    demand(subject.name in owners, "it registers nothing")


@contract(
    'a plugin states which versions of the interface it works with: VIZSTUDIO_API = ">=1.0,<2".',
    "vizstudio.hookspecs",
)
def states_its_interface(subject: PluginSubject) -> None:
    """Look for the statement in the plugin's top module."""
    if subject.info.status == "active":
        stated = getattr(import_module(subject.info.module), "VIZSTUDIO_API", None)
        demand(stated is not None, "its top module has no VIZSTUDIO_API")


@contract(
    "listing a plugin's models and the options of its recipes imports no deep-learning framework.",
    "vizstudio.api.ModelEntry (names), vizstudio.api.TrainerEntry (config)",
)
def listing_is_light(subject: PluginSubject) -> None:
    """List in a fresh process."""
    heavy = subject.imported(_LIST) & {*HEAVY}
    demand(not heavy, f"listing imports {', '.join(sorted(heavy))}")


@contract("only the code of views imports Qt.", "vizstudio.api.ViewEntry")
def no_qt(subject: PluginSubject) -> None:
    """Import everything but views in a fresh process."""
    found = subject.imported(_IMPORT) & {*QT}
    demand(not found, f"its code imports {', '.join(sorted(found))}")


PLUGIN_CONTRACTS = (loads, states_its_interface, listing_is_light, no_qt)
