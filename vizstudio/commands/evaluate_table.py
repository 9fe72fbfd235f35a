"""Prints what an evaluation found, as tables that fit 80 columns."""

from typing import Any

from rich.markup import escape

from vizstudio.commands.output import console, print_table
from vizstudio.core.scores import Report

MOST_HEADS = 12
"""With more there is no room for a column each in 80 columns."""
GAP = 2


def subject(report: Report) -> str:
    """Return the model and the images in a line."""
    asked = report["options"]
    weights = f" ({asked['checkpoint']})" if asked["checkpoint"] else ""
    images = f"{asked['count']} {'image' if asked['count'] == 1 else 'images'} of {asked['data']}"
    return f"{asked['model']}{weights} · {images}, {asked['split']}, {asked['size']} pixels, seed {asked['seed']}"


def print_report(report: Report) -> None:
    """Print everything but what only programs read."""
    _say(subject(report), "bold")
    if report["classes"] or report["captions"]:
        _say("")
        print_table(
            ["Measure", "Value"], [*_about_classes(report["classes"]), *_about_captions(report["captions"])]
        )
    if report["main_object"]:
        _print_main_object(report["main_object"])
    if report["nouns"]:
        _print_nouns(report["nouns"])
    if report["main_object"] or (report["nouns"] and report["nouns"]["count"]):
        _say("")
        _say(
            "Percent ± standard error. Pointing: how often the strongest cell lies on the object. Mass: the share of "
            "the map on it, of what the map holds on the photo. Best head: by pointing, in brackets; it is chosen on "
            "these same images. Chance: the share of the photo that the object covers.",
            "dim",
        )
    for note in report["notes"]:
        console(to_error=True).print(f"note: {note}", highlight=False, markup=False, style="yellow")


def _say(text: str, style: str = "") -> None:
    console().print(text, highlight=False, markup=False, style=style)


def _share(value: dict[str, Any]) -> str:
    """Return a share as percent with its standard error, as wide as any."""
    error = "" if value["error"] is None else f" ± {100 * value['error']:.1f}"
    return f"{100 * value['mean']:5.1f}{error}"


def _about_classes(found: Report | None) -> list[list[str]]:
    if found is None:
        return []
    return [
        ["accuracy, the main object's class", f"{_share(found['accuracy'])} %"],
        ["top-5 accuracy", f"{_share(found['top5_accuracy'])} %"],
    ]


def _about_captions(found: Report | None) -> list[list[str]]:
    if found is None:
        return []
    return [
        ["captions exactly right", f"{_share(found['exact'])} %"],
        ["word error rate", f"{100 * found['word_error_rate']:5.1f} %"],
        ["mean log-probability of a token", f"{found['log_prob_per_token']:5.2f} nats"],
    ]


def _best(layer: Report) -> str:
    """Return the scores of the head that points best, and its number."""
    head = layer["best_head"]
    return f"{_share(layer['pointing']['heads'][head])} ({head})"


def _lookers(found: Report) -> str:
    """Return whose maps these are, such as "the class token looks"; layers may have different ones."""
    queries = found["queries"]
    if len(queries) == 1:
        return f"{queries[0]} looks" + (" (there is no class token)" if "patch" in queries[0] else "")
    told = []
    for query in queries:
        own = [layer["layer"] for layer in found["layers"] if layer["query"] == query]
        together = len(own) > 1 and own[-1] - own[0] == len(own) - 1
        told.append(f"{query} (layer {f'{own[0]} to {own[-1]}' if together else ', '.join(map(str, own))})")
    return " and ".join(told) + " look"


def _print_main_object(found: Report) -> None:
    _say("")
    _say(f"Where {_lookers(found)}, against the mask of the main object", "bold")
    rows = [
        [
            str(layer["layer"]),
            _share(layer["pointing"]["mean_of_heads"]),
            _best(layer),
            _share(layer["mass"]["mean_of_heads"]),
        ]
        for layer in found["layers"]
    ]
    if found["rollout"]:
        rows.append(["rollout", _share(found["rollout"]["pointing"]), "", _share(found["rollout"]["mass"])])
    chance = _share(found["chance"])
    print_table(["Layer", "Pointing", "Best head", "Mass"], [*rows, ["chance", chance, "", chance]])


def _print_nouns(found: Report) -> None:
    _say("")
    captions = f"{found['captions']} {'caption' if found['captions'] == 1 else 'captions'}"
    if not found["count"]:
        _say(f"Of the objects on the photos, the {captions} name none: there is no map to measure", "bold")
        return
    nouns = f"{found['count']} {'noun' if found['count'] == 1 else 'nouns'} in {captions}"
    _say(f"Where the decoder looks when it writes an object's noun, against its mask ({nouns})", "bold")
    rows = [
        [
            str(layer["layer"]),
            _share(layer["pointing"]["mean_of_heads"]),
            _share(late["pointing"]["mean_of_heads"]),
            _best(layer),
            _share(layer["mass"]["mean_of_heads"]),
            _share(late["mass"]["mean_of_heads"]),
        ]
        for layer, late in zip(found["layers"], found["one_token_late"], strict=True)
    ]
    chance = _share(found["chance"])
    rows.append(["chance", chance, "", "", chance, ""])
    late_name = "1 token late"
    print_table(["Layer", "Pointing", late_name, "Best head", "Mass", late_name], rows, GAP)
    _say("")
    _say(_conclusion(found))
    _print_heads(found["layers"])


def _conclusion(found: Report) -> str:
    """Return how far the best layer is from what it is held against."""
    best = max(found["layers"], key=lambda layer: layer["pointing"]["mean_of_heads"]["mean"])
    gain = found["pointing_gain"][found["layers"].index(best)]
    right = best["pointing"]["mean_of_heads"]["mean"]
    above = 100 * (right - found["chance"]["mean"])
    return (
        f"Layer {best['layer']} points best: {100 * right:.1f} %, {_share(gain).strip()} points better than one token "
        f"late and {above:.1f} better than chance."
    )


def _print_heads(layers: list[Report]) -> None:
    heads = max(len(layer["pointing"]["heads"]) for layer in layers)
    if heads > MOST_HEADS:
        return
    _say("")
    _say("The same by head: pointing in percent", "bold")
    rows = [
        [str(layer["layer"]), *(f"{100 * head['mean']:5.1f}" for head in layer["pointing"]["heads"])]
        for layer in layers
    ]
    print_table(["Layer", *(escape(f"{head:>5}") for head in range(heads))], rows, GAP)
