"""The list of what can be shown of positions."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox

from vizstudio.core.state import OF_POSITION


class PositionChoice(QComboBox):
    """Offers the views of `OF_POSITION`, each with what it measures."""

    def __init__(self) -> None:
        super().__init__()
        named = (
            (
                self.tr("Similarity of all patches"),
                self.tr("How alike the positions of any two patches are."),
            ),
            (self.tr("Norm of each position"), self.tr("The length of each patch's position vector.")),
            (
                self.tr("Principal components as colours"),
                self.tr(
                    "The first three principal components of the position vectors as red, green and blue."
                ),
            ),
            (
                self.tr("Similarity over distance"),
                self.tr("How the similarity of two positions changes with the distance of their patches."),
            ),
        )
        for view, (title, measure) in zip(OF_POSITION, named, strict=True):
            self.addItem(title, view)
            self.setItemData(self.count() - 1, measure, Qt.ItemDataRole.ToolTipRole)
        tip = self.tr(
            "How alike positions are, their norms, their principal components, or a curve over distance"
        )
        self.setAccessibleName(self.tr("What is shown of positions"))
        self.setToolTip(tip)
        self.setStatusTip(tip)

    @property
    def chosen(self) -> str:
        """The view that is chosen."""
        return str(self.currentData())

    def show_view(self, view: str) -> None:
        """Show which view is in view; tells nobody."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self.findData(view))
