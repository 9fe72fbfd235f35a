"""The whole pipeline from the JPEG against numbers that the authors' own implementation gave."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from vizstudio.api import Analysis, CaptionRequest, ModelRequest, RunContext, read_image
from vizstudio_catr.model import Catr, load
from vizstudio_catr.preprocess import prepare

pytestmark = [pytest.mark.reference, pytest.mark.slow]
START = 101
CASES = [("astronaut", 1), ("coffee", 2)]


class Case:
    """A photo, what the authors' code gave for it, and what ours gives."""

    def __init__(self, photo: Path, golden: Any, model: Catr, analysis: Analysis) -> None:
        self.photo, self.golden, self.model, self.analysis = photo, golden, model, analysis


def _wanted_shapes(reference: Path) -> dict[str, tuple[int, ...]]:
    lines = (reference / "catr_keys.txt").read_text(encoding="utf-8").splitlines()
    split = [line.split() for line in lines if line.strip()]
    return {key: tuple(map(int, shape.split("x"))) for key, shape in split}


def _checkpoint(folder: Path, reference: Path, golden_weights: ModuleType, seed: int) -> Path:
    """Write the weights as the authors' training script would."""
    state = {
        f"module.{key}": torch.from_numpy(golden_weights.tensor(key, shape, seed))
        for key, shape in _wanted_shapes(reference).items()
    }
    path = folder / "checkpoint.pth"
    torch.save({"model": state, "optimizer": {"state": {}, "param_groups": []}, "epoch": 29}, path)
    return path


@pytest.fixture(scope="module", params=CASES, ids=[name for name, _ in CASES])
def case(
    request: pytest.FixtureRequest,
    photos: Path,
    reference: Path,
    golden_weights: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    name, seed = request.param
    path = _checkpoint(tmp_path_factory.mktemp("golden"), reference, golden_weights, seed)
    model = load("v3", ModelRequest(checkpoint=path), RunContext())
    path.unlink()  # 340 MB
    golden = np.load(reference / f"catr_golden_{name}_seed{seed}.npz")
    photo = photos / f"{name}.jpg"
    asked = CaptionRequest(max_tokens=len(golden["token_ids"]))
    return Case(photo, golden, model, model.caption(read_image(photo), asked, RunContext()))


def test_tokens(case: Case) -> None:
    assert [step.token_id for step in case.analysis.steps] == case.golden["token_ids"].tolist()


def test_log_probabilities(case: Case) -> None:
    ours = [step.log_prob for step in case.analysis.steps]
    np.testing.assert_allclose(ours, case.golden["log_probs"], atol=1e-3, rtol=0)


def test_cross_attention_of_every_step_layer_and_head(case: Case) -> None:
    golden = case.golden["cross_attention"]  # (steps, layers, heads, rows, cols)
    ours = np.stack(
        [[step.cross.weights(i)[:, 0] for i in range(golden.shape[1])] for step in case.analysis.steps]
    )
    np.testing.assert_allclose(ours.reshape(golden.shape), golden, atol=1e-4, rtol=0)


def test_maps_attributed_to_the_token_that_was_read_would_be_noticed(case: Case) -> None:
    """The negative control: the golden map of a step is far from that of its neighbours."""
    golden = case.golden["cross_attention"]
    for index, step in enumerate(case.analysis.steps):
        ours = step.heatmap(-1, "mean").values
        distance = np.abs(golden[:, -1].mean(1) - ours).max((1, 2))
        assert distance.argmin() == index and np.delete(distance, index).min() > 1e-3


def test_the_grid_lies_on_the_photo(case: Case) -> None:
    grid = case.analysis.grid
    assert grid.shape == tuple(case.golden["grid"])
    height, width = case.golden["input_size"]
    assert grid.fit.input_size == (width, height)
    assert grid.cell == (16.0, 16.0) and grid.origin == (0.0, 0.0)
    assert case.analysis.steps[0].heatmap().grid == grid
    assert all(layer.keys.grid == layer.queries.grid == grid for layer in case.analysis.attention.layers)


def test_without_a_cache(case: Case) -> None:
    """Everything computed anew for every token, over all positions, as the authors' code does."""
    network, pixels = case.model._network, prepare(read_image(case.photo), 299).pixels
    tokens = torch.zeros(1, 128, dtype=torch.int64)
    tokens[0, 0] = START
    for i, step in enumerate(case.analysis.steps[:4]):
        with torch.no_grad():
            states, _ = network.read(tokens, network.readable(network(pixels)))
            log_probs = network.scores(states)[0, i].log_softmax(-1)
        assert int(log_probs.argmax()) == step.token_id
        assert abs(float(log_probs.max()) - step.log_prob) < 1e-4
        tokens[0, i + 1] = step.token_id


def test_every_key_and_nothing_else(reference: Path, case: Case) -> None:
    own = {key: tuple(value.shape) for key, value in case.model._network.state_dict().items()}
    assert own == _wanted_shapes(reference)
    assert case.model.info.num_parameters == 84_182_266


def test_a_branch_equals_a_fresh_decode(case: Case) -> None:
    branch = case.analysis.branch(3, 2)
    tokens = [step.token_id for step in branch.steps]
    assert tokens[3] == case.analysis.steps[3].alternatives[2].token_id
    asked = CaptionRequest(max_tokens=len(tokens))
    fresh = case.model.caption(read_image(case.photo), asked, RunContext())
    assert fresh.continued is not None
    again = fresh.continued(tokens[:4], None)
    assert [step.token_id for step in again.steps] == tokens
    np.testing.assert_allclose(
        [s.log_prob for s in again.steps], [s.log_prob for s in branch.steps], atol=1e-5
    )
