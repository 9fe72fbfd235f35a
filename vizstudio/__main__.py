"""``python -m vizstudio``."""

import sys

from vizstudio.cli import main

sys.exit(main())
