"""A data set of a plugin."""

import numpy as np

from vizstudio.api import Sample


class Dots:
    class_names = ("dot",)

    def __init__(self, size: int, count: int, seed: int, split: str) -> None:
        self.size, self.count = size, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if index == 2:
            raise ZeroDivisionError("no third dot")
        mask = np.zeros((1, self.size, self.size), np.bool_)
        mask[0, 0, index] = True
        image = np.repeat(mask[0, :, :, None], 3, axis=2).astype(np.uint8) * 255
        return Sample(image=image, masks=mask, classes=(0,), caption="a dot")
