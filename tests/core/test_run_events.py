"""Numbers of a run, as they are printed."""

from vizstudio.core.run_events import metric_name, metrics_line


def test_measures_have_the_names_of_their_papers() -> None:
    assert [metric_name(n) for n in ("bleu4", "rouge_l", "cider")] == ["BLEU-4", "ROUGE-L", "CIDEr-D"]
    told = metrics_line({"event": "epoch", "epoch": 3, "val_loss": 0.25, "bleu1": 0.5, "best": True})
    assert told == "val loss 0.25  BLEU-1 0.5"
