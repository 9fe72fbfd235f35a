"""A third-party plugin that brings one entry of every kind."""

from typing import Any

from vizstudio.api import (
    DatasetEntry,
    ExporterEntry,
    ModelEntry,
    ReductionEntry,
    TrainerEntry,
    ViewEntry,
    hookimpl,
)


@hookimpl
def register_models(registry: Any) -> None:
    registry.add(ModelEntry(id="toy", title="Toys", load="healthy.model:load", names="healthy.model:names"))


@hookimpl
def register_datasets(registry: Any) -> None:
    registry.add(
        DatasetEntry(id="dots", title="Dots", summary="A white dot on black.", open="healthy.dots:Dots")
    )


@hookimpl
def register_trainers(registry: Any) -> None:
    for name in ("count", "lost"):
        registry.add(
            TrainerEntry(
                id=name,
                title="Counts",
                summary="Counts to the number of epochs.",
                config=f"healthy.counting:{name.title()}Config",
                run="healthy.counting:run",
            )
        )


@hookimpl
def register_reductions(registry: Any) -> None:
    registry.add(
        ReductionEntry(
            id="first-layer",
            title="First layer",
            measure="Attention of the first layer, whatever layer is asked.",
            reduce="healthy.model:first_layer",
        )
    )
    registry.add(
        ReductionEntry(id="sick", title="Sick", measure="Always fails.", reduce="healthy.model:sick")
    )


@hookimpl
def register_exporters(registry: Any) -> None:
    registry.add(ExporterEntry(id="txt", title="plain text", write="healthy.model:to_txt"))
    registry.add(ExporterEntry(id="bad", title="not bytes", write="healthy.model:to_bad"))


@hookimpl
def register_views(registry: Any) -> None:
    registry.add(ViewEntry(id="dock", title="A dock", widget="healthy.window:Dock"))
