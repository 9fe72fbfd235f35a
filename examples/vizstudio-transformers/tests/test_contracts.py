"""The contracts that every plugin of vizstudio must keep."""

import atexit
import shutil
from pathlib import Path
from tempfile import mkdtemp

from tiny_models import CAPTIONERS, ENCODERS, save

from vizstudio.testing import plugin_contracts

ROOT = Path(mkdtemp(prefix="vizstudio-transformers-"))
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)
CHECKED = ("vit", "registers", "clip", "vit-gpt2", "blip", "git")

test_contracts = plugin_contracts(
    "transformers", models={f"hf:{save(ROOT / kind, *(ENCODERS | CAPTIONERS)[kind])}": {} for kind in CHECKED}
)
