"""A recipe that counts, and one whose options are not there."""

from pydantic import Field

from vizstudio.api import Datasets, TrainConfig


class CountConfig(TrainConfig):
    model: str = "counter"
    by: int = Field(1, ge=1, description="The step to count by.")


def run(config: CountConfig, datasets: Datasets, resume: bool) -> bool:
    dot = datasets.open("dots", 8, 2, config.seed, "train")[0]
    assert dot.caption
    if config.by == 13:
        raise ZeroDivisionError("unlucky")
    print(*range(0, config.epochs, config.by), config.learning_rate(1, config.epochs, 1))
    return config.by < 7
