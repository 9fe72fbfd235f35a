"""Writes figures to files, whole or not at all."""

import csv
import io
import json

import numpy as np
from PIL import Image, PngImagePlugin

from vizstudio.core.caption_export import COLUMNS, caption_facts, caption_rows
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure
from vizstudio.core.maps import format_query
from vizstudio.core.positions import COLUMNS as DISTANCE_COLUMNS
from vizstudio.core.state import OF_WORD, layers_of
from vizstudio.core.types import Analysis


def to_png(figure: Figure, analysis: Analysis) -> bytes:
    """Return a PNG with title and provenance in its text chunks; the same view gives the same bytes."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", figure.title)
    info.add_text("Description", figure.explanation)
    info.add_itxt("vizstudio", json.dumps(about(figure, analysis)))
    buffer = io.BytesIO()
    picture = Image.fromarray(figure.scene.rasterize(figure.scale_of(figure.scene), figure.transparent))
    picture = picture if figure.transparent else picture.convert("RGB")
    picture.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def to_svg(figure: Figure, analysis: Analysis) -> bytes:
    """Return an SVG with text as text and maps as embedded pixels."""
    scene = figure.scene
    scale = figure.scale_of(scene)
    return scene.to_svg(figure.title, figure.explanation, scale, figure.transparent).encode()


def to_npz(figure: Figure, analysis: Analysis) -> bytes:
    """Return a compressed NumPy archive of the figure's numbers; see `Figure.data`."""
    pickled = [key for key, values in figure.data.items() if values.dtype == object]
    if pickled:
        raise UsageError(f"the view {figure.state.view} has no plain numbers for {', '.join(pickled)}")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **figure.data)  # type: ignore[arg-type]
    return buffer.getvalue()


def to_csv(figure: Figure, analysis: Analysis) -> bytes:
    """Return a line per cell of the map, per step of the caption, per class, or per distance between patches.

    Raises
    ------
    UsageError
        If the figure has none of them.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if figure.heatmap is not None:
        grid = figure.heatmap.grid
        maps = {"value": figure.heatmap.values, **figure.columns}
        writer.writerow(["row", "col", *maps, "left", "top", "width", "height"])
        for row, col in np.ndindex(*grid.shape):
            values = (values[row, col] for values in maps.values())
            place = [f"{v:.6g}" for v in grid.cell_rect(row, col)]
            writer.writerow([row, col, *("" if np.isnan(v) else f"{v:.8g}" for v in values), *place])
    elif figure.state.view == "predictions":
        writer.writerow(["index", "label", "probability"])
        writer.writerows([p.index, p.label, f"{p.probability:.8g}"] for p in analysis.predictions)
    elif figure.state.view == "position-distance":
        writer.writerow(DISTANCE_COLUMNS)
        for line in zip(*(figure.data[name] for name in DISTANCE_COLUMNS), strict=True):
            writer.writerow("" if np.isnan(value) else f"{value:.8g}" for value in line)
    elif figure.state.view in ("caption", "caption-entropy") and analysis.caption:
        writer.writerow(COLUMNS)
        writer.writerows(caption_rows(analysis.caption))
    else:
        raise UsageError(f"the view {figure.state.view} is no single map, so there is no CSV: choose npz")
    return text.getvalue().encode()


def to_json(figure: Figure, analysis: Analysis) -> bytes:
    """Return what the figure shows and what it was made of, with the caption and all its steps."""
    facts = {**about(figure, analysis), **caption_facts(analysis), "timings": dict(analysis.timings)}
    return (json.dumps(facts, indent=2) + "\n").encode()


def about(figure: Figure, analysis: Analysis) -> dict[str, object]:
    """Return the facts on a figure: view, layers, predictions, the caption's text, provenance, notes."""
    state = figure.state
    grid = figure.heatmap.grid if figure.heatmap else analysis.grid
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "heads": layer.heads,
            "queries": layer.queries.num_tokens,
            "keys": layer.keys.num_tokens,
            "note": layer.note,
            "max_error": layer.max_error,
        }
        for layer in layers_of(analysis, state.view)
    ]
    return {
        "title": figure.title,
        "view": state.view,
        "layer": state.layer,
        "head": state.head,
        "query": format_query(state.query),
        "panel": list(state.panel) if state.panel else None,
        "word": state.word if state.view in OF_WORD else None,
        "grid": list(grid.shape),
        "rect": list(grid.rect),
        "prefix_mass": figure.heatmap.prefix_mass if figure.heatmap else None,
        "predictions": [
            {"index": p.index, "label": p.label, "probability": p.probability}
            for p in analysis.predictions[:10]
        ],
        "layers": layers,
        "caption": analysis.caption.text if analysis.caption else None,
        "provenance": dict(analysis.provenance),
        "notes": list(analysis.notes),
        **figure.facts,
    }
