"""Captions and the attention of their steps, against transformers' own generation and whole forward passes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import vizstudio
from vizstudio.api import ModelError, RunContext, UsageError
from vizstudio.models import LoadedModel

KINDS = ("vit-gpt2", "vit-gpt2-projected", "blip", "git")
STARTS = {"blip": 2, "git": 2}
PREFIXES = {"blip": "a red", "git": "a red"}


class Own:
    """The same captioner in transformers alone, unfused, without a cache."""

    def __init__(self, folder: Path, kind: str, photo: Path) -> None:
        named = {"blip": hf.BlipForConditionalGeneration, "git": hf.GitForCausalLM}
        self.kind, self.start = kind, STARTS.get(kind, 0)
        chosen = named.get(kind, hf.VisionEncoderDecoderModel)
        self.model = chosen.from_pretrained(folder, attn_implementation="eager").eval()
        processor = hf.AutoImageProcessor.from_pretrained(folder, backend="pil")
        self.pixels = processor(Image.open(photo), return_tensors="pt").pixel_values

    def generate(self, **options: Any) -> list[int]:
        """Return the tokens that its own generation writes greedily, without the start."""
        made = self.model.generate(pixel_values=self.pixels, do_sample=False, **options)
        return [int(token) for token in made[0][1:]]

    def read(self, tokens: list[int]) -> tuple[torch.Tensor, list[Any], list[Any]]:
        """Return log-probabilities (tokens, vocabulary), and cross- and self-attention of a whole forward pass."""
        ids = torch.tensor([[self.start, *tokens[:-1]]])
        with torch.no_grad():
            if self.kind == "git":
                out = self.model(input_ids=ids, pixel_values=self.pixels, output_attentions=True)
                rows = [matrix[0, :, -ids.shape[1] :] for matrix in out.attentions]
                return out.logits[0, -ids.shape[1] :].log_softmax(-1), rows, rows
            if self.kind == "blip":
                image = self.model.vision_model(self.pixels).last_hidden_state
                out = self.model.text_decoder(ids, encoder_hidden_states=image, output_attentions=True)
                itself = out.attentions
            else:
                out = self.model(self.pixels, decoder_input_ids=ids, output_attentions=True)
                itself = out.decoder_attentions
        return out.logits[0].log_softmax(-1), [m[0] for m in out.cross_attentions], [m[0] for m in itself]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(kind: str, folders: dict[str, Path]) -> LoadedModel:
    return vizstudio.load_model(f"hf:{folders[kind]}")


@pytest.fixture
def own(kind: str, folders: dict[str, Path], photo: Path) -> Own:
    return Own(folders[kind], kind, photo)


def tokens_of(analysis: Any) -> list[int]:
    return [step.token_id for step in analysis.steps]


def test_greedy_is_what_generate_writes(model: LoadedModel, own: Own, photo: Path) -> None:
    assert tokens_of(model.caption(photo, max_tokens=12)) == own.generate(max_new_tokens=12)


def test_it_ends_at_the_end(model: LoadedModel, own: Own, kind: str, photo: Path) -> None:
    """The token that a greedy caption writes third becomes the end, in both."""
    third = own.generate(max_new_tokens=3)[2]
    object.__setattr__(model._placed.model(RunContext())._parts, "ends", frozenset([third]))
    analysis = model.caption(photo, max_tokens=12)
    assert analysis.caption is not None and analysis.caption.finished
    assert tokens_of(analysis)[-1] == third and third not in tokens_of(analysis)[:-1]
    if kind != "blip":  # its generate sets an end of its own
        assert tokens_of(analysis) == own.generate(max_new_tokens=12, eos_token_id=third)


@pytest.mark.parametrize("eager", [False, True])
def test_a_step_has_the_attention_that_decided_its_token(
    eager: bool, model: LoadedModel, own: Own, kind: str, photo: Path
) -> None:
    if eager and kind.startswith("vit-gpt2"):
        model._placed.model(RunContext())._loaded.model.set_attn_implementation("eager")
    analysis = model.caption(photo, max_tokens=7)
    tokens = tokens_of(analysis)
    log_probs, cross, itself = own.read(tokens)
    for step in analysis.steps:
        place = step.index
        assert step.log_prob == pytest.approx(float(log_probs[place, step.token_id]), abs=1e-4)
        assert step.entropy == pytest.approx(
            float(torch.special.entr(log_probs[place].exp()).sum()), abs=1e-3
        )
        best = log_probs[place].topk(3).indices.tolist()
        assert [a.token_id for a in step.alternatives[:3]] == best
        for layer in range(2):
            ours, wanted = step.cross.weights(layer)[:, 0], cross[layer][:, place].numpy()
            if kind == "git":
                assert np.abs(wanted[:, 17 + place + 1 :]).max(initial=0) == 0
                names = 2 + place  # the class token and the text read so far come first in our order
                ours = np.concatenate([ours[:, :1], ours[:, names:], ours[:, 1:names]], 1)
                wanted = wanted[:, : 17 + place + 1]
            else:
                past = step.itself.weights(layer)[:, 0]
                assert past.shape == (4, place + 1)
                assert np.abs(past - itself[layer][:, place, : place + 1].numpy()).max() < 1e-5
            assert ours.shape == wanted.shape and np.abs(ours - wanted).max() < 1e-5
            heatmap = step.heatmap(layer, 1)
            assert np.abs(heatmap.values.ravel() - wanted[1, 1:17]).max() < 1e-5
            assert heatmap.grid == analysis.grid
            shown = heatmap.values.sum() + (heatmap.prefix_mass or 0)
            assert shown == pytest.approx(1, abs=1e-5)


def test_the_encoders_attention_is_shown_too(model: LoadedModel, own: Own, kind: str, photo: Path) -> None:
    tower = {"blip": "vision_model", "git": "git.image_encoder"}.get(kind, "encoder")
    with torch.no_grad():
        module: Any = own.model.get_submodule(tower)
        wanted = module(own.pixels, output_attentions=True).attentions
    analysis = model.analyze(photo)
    assert analysis.caption is None and len(wanted) == len(analysis.attention.layers) == 2
    for number, matrix in enumerate(wanted):
        assert np.abs(analysis.attention.weights(number) - matrix[0].numpy()).max() < 1e-5
    assert analysis.position().vectors.shape[0] == 16 and not analysis.notes
    assert analysis.attention.layers[0].keys.labels == ("cls",)


def test_a_prefix_is_kept_and_scored_and_the_rest_follows_from_it(
    model: LoadedModel, own: Own, kind: str, photo: Path
) -> None:
    prefix = PREFIXES.get(kind, "a red cup")
    analysis = model.caption(photo, prefix=prefix, max_tokens=9)
    tokens = tokens_of(analysis)
    forced = [step for step in analysis.steps if step.forced]
    given = [step.token_id for step in forced]
    assert "".join(step.text for step in forced) == prefix.replace(" ", "")
    assert tokens[: len(given)] == given
    log_probs, _, _ = own.read(tokens)
    for step in analysis.steps:
        assert step.log_prob == pytest.approx(float(log_probs[step.index, step.token_id]), abs=1e-4)
        if not step.forced:
            assert step.token_id == int(log_probs[step.index].argmax())
    assert analysis.caption is not None and analysis.caption.text.startswith(prefix)


def test_a_branch_goes_on_from_there_and_the_image_is_encoded_once(
    model: LoadedModel, own: Own, photo: Path
) -> None:
    runs = []
    handle = model._placed.model(RunContext())._tower.register_forward_hook(lambda *_: runs.append(1))
    first = model.caption(photo, max_tokens=6)
    branch = first.branch(2, 1)
    again = branch.branch(1, 2)  # a shorter beginning than that read last
    model.caption(photo, beams=3, max_tokens=4)
    assert len(runs) == 1
    handle.remove()
    for made, step, taken in (
        (branch, 2, first.steps[2].alternatives[1]),
        (again, 1, branch.steps[1].alternatives[2]),
    ):
        tokens = tokens_of(made)
        assert tokens[step] == taken.token_id and made.steps[step].taken
        log_probs, _, _ = own.read(tokens)
        assert tokens[step + 1 :] == log_probs.argmax(-1).tolist()[step + 1 :]


def test_beams_are_scored_by_what_they_are(model: LoadedModel, own: Own, photo: Path) -> None:
    analysis = model.caption(photo, beams=4, max_tokens=5)
    captions = [analysis.caption, *analysis.other_captions]
    assert len(captions) == len({tuple(s.token_id for s in c.steps) for c in captions if c}) == 4
    scores = []
    for caption in captions:
        assert caption is not None
        tokens = [s.token_id for s in caption.steps]
        log_probs, _, _ = own.read(tokens)
        total = float(log_probs[range(len(tokens)), tokens].sum())
        assert caption.log_prob == pytest.approx(total, abs=1e-3)
        scores.append(caption.score)
    assert scores == sorted(scores, reverse=True)


def test_chance_is_repeatable(model: LoadedModel, photo: Path) -> None:
    asked = {"max_tokens": 8, "temperature": 3.0}
    runs = [tokens_of(model.caption(photo, seed=seed, **asked)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_what_cannot_be_written_is_one_sentence(model: LoadedModel, kind: str, photo: Path) -> None:
    with pytest.raises(UsageError, match="at most 24"):
        model.caption(photo, max_tokens=25)
    assert len(model.caption(photo, max_tokens=24).steps) <= 24
    with pytest.raises(UsageError, match="shorten it"):
        model.caption(photo, prefix="a red cup on the table", max_tokens=2)
    if kind in PREFIXES:
        with pytest.raises(UsageError, match="cannot spell"):
            model.caption(photo, prefix="a zebra")
    goes_on = model.analyze(photo).continued
    assert goes_on is not None
    with pytest.raises(UsageError, match="token 999"):
        goes_on([999], None)
    with pytest.raises(UsageError, match="after the token that ends"):
        goes_on([next(iter(model._placed.model(RunContext())._parts.ends)), 5], None)


def test_words_are_put_together(folders: dict[str, Path], photo: Path) -> None:
    of_pieces = vizstudio.load_model(f"hf:{folders['blip']}").caption(
        photo, prefix="two jars on", max_tokens=6
    )
    assert of_pieces.caption is not None
    assert [word.text for word in of_pieces.caption.words[:2]] == ["two", "jars"]
    of_bytes = vizstudio.load_model(f"hf:{folders['vit-gpt2']}").caption(
        photo, prefix="a wall on", max_tokens=9
    )
    assert of_bytes.caption is not None
    assert [word.text for word in of_bytes.caption.words[:2]] == ["a", "wall"]


def test_decoders_of_another_kind_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    config = json.loads((folders["git"] / "config.json").read_text(encoding="utf-8"))
    model = hf.GitForCausalLM(hf.GitConfig(**(config | {"num_image_with_embedding": 2})))
    model.save_pretrained(tmp_path)
    for file in folders["git"].iterdir():
        if not (tmp_path / file.name).exists():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="describes videos"):
        vizstudio.load_model(f"hf:{tmp_path}")


def test_a_captioner_without_a_tokenizer_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    for file in folders["blip"].iterdir():
        if "token" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="holds no tokenizer"):
        vizstudio.load_model(f"hf:{tmp_path}")


def test_another_input_size(kind: str, folders: dict[str, Path], photo: Path) -> None:
    model = vizstudio.load_model(f"hf:{folders[kind]}", input_size=(48, 40))
    analysis = model.caption(photo, max_tokens=2)
    assert analysis.grid.shape == analysis.steps[1].heatmap().values.shape == (5, 6)
    assert analysis.notes == ("positions resampled by the model to an input of 48×40",)


@pytest.mark.parametrize("kind", ["git"])
def test_captions_from_the_command_line(
    kind: str, folders: dict[str, Path], photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = [
        "--view",
        "caption,step,caption-wall,caption-mean",
        "--max-tokens",
        "6",
        "--prefix",
        "a red",
        "--out",
        out,
    ]
    command = [sys.executable, "-m", "vizstudio", "run", photo, "--model", f"hf:{folders[kind]}", *asked]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(list(out.rglob("*.png"))) == 4
