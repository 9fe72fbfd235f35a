"""An error in what Qt calls is told, and the program goes on: in a process of its own, which else would crash."""

import subprocess
import sys

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)

WIDGET = """
from PySide6.QtWidgets import QWidget

class Broken(QWidget):
    def paintEvent(self, event):
        int("no number")

    def timerEvent(self, event):
        "abc".index("z")

    def showEvent(self, event):
        {}["nothing"]
"""

PROGRAM = """
import sys
from PySide6.QtCore import QTimer
{before}
from vizstudio.gui.app import make_application
application = make_application()
{after}
told = []
sys.excepthook = lambda kind, error, trace: told.append(f"{{kind.__name__}}: {{error}}")
widget = Broken()
widget.startTimer(5)
QTimer.singleShot(0, widget.show)
QTimer.singleShot(500, application.quit)
application.exec()
print(*sorted(set(told)), sep="\\n")
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_in_an_override_is_told_and_the_program_goes_on(when: str) -> None:
    code = PROGRAM.format(**{"before": "", "after": "", when: WIDGET})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert "ValueError" in told and "substring not found" in told
    assert "invalid literal for int() with base 10: 'no number'" in told
    assert "KeyError" in told and "nothing" in told


def test_only_what_overrides_qt_is_guarded_and_once() -> None:
    code = """
from vizstudio.gui import guard
from PySide6.QtWidgets import QWidget
class Mixed(QWidget):
    def own(self): return "own"
    def sizeHint(self): return super().sizeHint()
class Below(Mixed):
    def own(self): return "below"
own, hint = Mixed.own, Mixed.sizeHint
guard.install()
assert (Mixed.sizeHint is not hint) == guard.NEEDED and Mixed.own is own
guarded = Mixed.sizeHint
guard.install()
assert Mixed.sizeHint is guarded and not hasattr(Below.own, "__wrapped__")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
