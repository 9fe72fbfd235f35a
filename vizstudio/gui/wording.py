"""How layers, heads and queries are named for people, translated."""

from PySide6.QtCore import QCoreApplication

from vizstudio.core.caption import Caption, TokenStep
from vizstudio.core.comparison import Comparison
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.state import ViewState
from vizstudio.core.types import AttentionLayer, Head, Query
from vizstudio.gui.snapshot import Result

translate = QCoreApplication.translate  # by this name the tool that collects texts finds its calls


def head_name(head: Head) -> str:
    """Return such as "head 3" or "mean of heads"."""
    if isinstance(head, int):
        return translate("wording", "head {0}").format(head)
    return {
        "mean": translate("wording", "mean of heads"),
        "max": translate("wording", "maximum of heads"),
        "min": translate("wording", "minimum of heads"),
    }[head]


def query_name(query: Query | None, axis: TokenAxis) -> str:
    """Return such as "class token", "register 1" or "patch 3,5"; for None what it stands for on this axis."""
    if query is None:
        query = default_query(axis)
    if isinstance(query, tuple):
        return translate("wording", "patch {0},{1}").format(*query)
    if isinstance(query, int):
        return translate("wording", "token {0}").format(query)
    if query == "mean":
        return translate("wording", "mean of patches")
    if query.startswith("reg") and query[3:].isdecimal():
        return translate("wording", "register {0}").format(query[3:])
    named = {"cls": translate("wording", "class token"), "dist": translate("wording", "distillation token")}
    return named.get(query, translate("wording", "token {0}").format(query))


def default_query(axis: TokenAxis) -> Query:
    """Return the query that None stands for; the rule is that of `vizstudio.core.maps.query_tokens`."""
    if "cls" in axis.labels:
        return "cls"
    if axis.num_tokens == 1:
        return axis.labels[0] if axis.labels else 0
    return "mean"


def attention_title(about: AttentionLayer, state: ViewState, reduction: str = "") -> str:
    """Return a heading such as "Attention of the class token · layer 11 · mean of heads"."""
    query = default_query(about.queries) if state.query is None else state.query
    name = query_name(query, about.queries)
    what = reduction or translate("wording", "Attention")
    of = (
        translate("wording", "{1} of the {0}")
        if query in ("cls", "dist", "mean")
        else translate("wording", "{1} of {0}")
    )
    layer = translate("wording", "layer {0}").format(state.layer)
    parts = {
        "pins": [
            translate("wording", "and of {0} pinned").format(len(state.pins)),
            layer,
            head_name(state.head),
        ],
        "heads": [translate("wording", "layer {0}, every head").format(state.layer)],
        "wall": [translate("wording", "every head of every layer")],
    }.get(state.view, [layer, head_name(state.head)])
    return " · ".join([of.format(name, what), *parts])


def step_name(step: TokenStep, caption: Caption) -> str:
    """Return the token that a step wrote, or that it ended the caption."""
    return translate("wording", "end") if step is caption.ending else step.text


def weights_name(result: Result) -> str:
    """Return the file of a result's weights, or else whose they are."""
    if result.choice.checkpoint is not None:
        return result.choice.checkpoint.name
    if result.info.weights == "untrained":
        return translate("wording", "untrained")
    if result.choice.pretrained:
        return translate("wording", "published weights")
    return translate("wording", "weights it comes with")


def side_headings(first: Result, second: Result, found: Comparison | None) -> list[str]:
    """Return what tells the sides of a comparison apart, to stand above each."""
    parts: list[list[str]] = [[], []]
    ids = [side.info.model_id for side in (first, second)]
    for i, side in enumerate((first, second)):
        if ids[0] != ids[1]:
            parts[i].append(ids[i])
        if ids[0] != ids[1] or first.choice != second.choice:
            parts[i].append(weights_name(side))
        if first.image.sha256 != second.image.sha256:
            parts[i].append(side.image.name)
    states = found.states if found is not None else None
    if states is not None and (states[0].layer, states[0].head) != (states[1].layer, states[1].head):
        for part, state in zip(parts, states, strict=True):
            part += [translate("wording", "layer {0}").format(state.layer), head_name(state.head)]
    leads = translate("wording", "First: {0}"), translate("wording", "Second: {0}")
    return [lead.format(" · ".join(part)) for lead, part in zip(leads, parts, strict=True)]
