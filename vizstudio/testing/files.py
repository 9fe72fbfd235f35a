"""Files that are no checkpoint of any model."""

import pickle
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.path),)


def unreadable_checkpoints(folder: Path, ran: Path) -> list[Path]:
    """Write files that must be refused; the pickle would make the folder `ran` if its code were run."""
    paths = [
        folder / name
        for name in ("noise.pth", "text.pth", "cut.safetensors", "foreign.safetensors", "code.pth")
    ]
    noise, text, cut, foreign, code = paths
    noise.write_bytes(np.random.default_rng(0).bytes(4096))
    text.write_text("<html>404: Not Found</html>", encoding="utf-8")
    save_file({"not.a.weight.of.anything": np.zeros((3, 5), np.float32)}, foreign)
    cut.write_bytes(foreign.read_bytes()[:-20])
    code.write_bytes(pickle.dumps({"model": _Bomb(ran)}, protocol=2))
    return paths
