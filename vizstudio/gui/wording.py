"""How layers, heads and queries are named for people, translated."""

from PySide6.QtCore import QCoreApplication

from vizstudio.core.geometry import TokenAxis
from vizstudio.core.state import ViewState
from vizstudio.core.types import AttentionLayer, Head, Query


def _tr(text: str) -> str:
    return QCoreApplication.translate("wording", text)


def head_name(head: Head) -> str:
    """Return such as "head 3" or "mean of heads"."""
    if isinstance(head, int):
        return _tr("head {0}").format(head)
    return {
        "mean": _tr("mean of heads"),
        "max": _tr("maximum of heads"),
        "min": _tr("minimum of heads"),
    }[head]


def query_name(query: Query | None, axis: TokenAxis) -> str:
    """Return such as "class token", "register 1" or "patch 3,5"; for None what it stands for on this axis."""
    if query is None:
        query = default_query(axis)
    if isinstance(query, tuple):
        return _tr("patch {0},{1}").format(*query)
    if isinstance(query, int):
        return _tr("token {0}").format(query)
    if query == "mean":
        return _tr("mean of patches")
    if query.startswith("reg") and query[3:].isdecimal():
        return _tr("register {0}").format(query[3:])
    named = {"cls": _tr("class token"), "dist": _tr("distillation token")}
    return named.get(query, _tr("token {0}").format(query))


def default_query(axis: TokenAxis) -> Query:
    """Return the query that None stands for; the rule is that of `vizstudio.core.maps.query_tokens`."""
    if "cls" in axis.labels:
        return "cls"
    if axis.num_tokens == 1:
        return axis.labels[0] if axis.labels else 0
    return "mean"


def attention_title(about: AttentionLayer, state: ViewState) -> str:
    """Return a heading such as "Attention of the class token · layer 11 · mean of heads"."""
    query = default_query(about.queries) if state.query is None else state.query
    name = query_name(query, about.queries)
    of = _tr("Attention of the {0}") if query in ("cls", "dist", "mean") else _tr("Attention of {0}")
    return " · ".join((of.format(name), _tr("layer {0}").format(state.layer), head_name(state.head)))
