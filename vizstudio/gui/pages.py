"""Pages of which one is shown at a time."""

from PySide6.QtWidgets import QSizePolicy, QStackedWidget


def only_shown_counts(pages: QStackedWidget) -> None:
    """Let the page that is shown decide alone how narrow the window may be, not the widest of all."""

    def fit() -> None:
        policies = QSizePolicy.Policy
        for i in range(pages.count()):
            chosen = policies.Preferred if i == pages.currentIndex() else policies.Ignored
            page = pages.widget(i)
            assert page is not None
            page.setSizePolicy(chosen, chosen)

    pages.currentChanged.connect(fit)
    fit()
