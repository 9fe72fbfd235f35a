"""Options from the command line, a file, a preset and a saved run are one thing; what is wrong names its field."""

from pathlib import Path
from typing import Any

import pytest

from vizstudio.core.errors import UsageError
from vizstudio.train_cli import main
from vizstudio.training.config import check_resumed, make_config, read_config, write_config
from vizstudio_train_vit.config import FinetuneConfig

GIVEN = {"data": "photos", "out": "run"}


def make(**options: Any) -> FinetuneConfig:
    made = make_config(FinetuneConfig, {**GIVEN, **options})
    assert isinstance(made, FinetuneConfig)
    return made


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("epochs", "0", "epochs cannot be '0': input should be greater than or equal to 1"),
        ("batch_size", "many", "batch_size cannot be 'many': input should be a valid integer"),
        ("lr", "-1e-3", "lr cannot be '-1e-3': input should be greater than 0"),
        ("lr", "nan", "lr cannot be 'nan': "),
        ("lr", "inf", "lr cannot be 'inf': "),
        ("schedule", "steps", "schedule cannot be 'steps': input should be 'warmup-exponential', 'noam'"),
        ("flip", "1.5", "flip cannot be '1.5': input should be less than or equal to 1"),
        ("accumulate", "99", "accumulate 99 is more than batch_size 32"),
        ("model", "catr:v3", "model 'catr:v3' is no classifier of timm"),
        ("model", "", "model cannot be ''"),
        ("position_init", "sine", "position_init sine is for random weights"),
        ("model_args", "depth=6", "model_args cannot be 'depth=6': no JSON"),
        ("model_args", '{"depth": "six"}', "model_args cannot be 'six': input should be a valid integer"),
    ],
)
def test_an_impossible_value_names_its_field(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        make(**{option: value})
    assert str(raised.value).startswith(message)
    words = ["--data", "photos", "--out", str(tmp_path / "run"), f"--{option.replace('_', '-')}={value}"]
    assert main(["vit-finetune", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"vizstudio-train: error: {message}")
    assert told.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch: 3", "no option 'epoch': did you mean epochs?"),
        ("epochs: [1]", "epochs cannot be [1]: input should be a valid integer"),
        ("epochs: 2\nlr: .nan", "lr cannot be nan: input should be a finite number"),
        ("- epochs", "must have lines such as `epochs: 10`"),
        ("epochs: 3: 4", "is no YAML: "),
        ("1: 3", "must have lines such as"),
    ],
)
def test_a_file_of_options_that_is_wrong(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        make_config(FinetuneConfig, GIVEN, path)
    assert message in str(raised.value)
    assert "options.yaml" in str(raised.value)


def test_options_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text("lr = 1e-5\nepochs = 7\nmodel_args = {depth = 2}\npretrained = false\n", encoding="utf-8")
    made = make_config(FinetuneConfig, GIVEN, path)
    assert isinstance(made, FinetuneConfig)
    assert (made.lr, made.epochs, made.model_args, made.pretrained) == (1e-5, 7, {"depth": 2}, False)
    path.write_text("epochs: 7", encoding="utf-8")
    with pytest.raises(UsageError, match=r"options\.toml is no TOML: "):
        make_config(FinetuneConfig, GIVEN, path)


def test_what_is_missing_is_told_with_its_option() -> None:
    with pytest.raises(UsageError, match=r"data is missing: give --data; out is missing: give --out"):
        make_config(FinetuneConfig, {})
    with pytest.raises(UsageError, match=r"cannot be read from .*gone.yaml"):
        make_config(FinetuneConfig, GIVEN, Path("gone.yaml"))
    with pytest.raises(UsageError, match=r"no preset 'dlcv-hw4': did you mean dlcv-hw3\?"):
        make_config(FinetuneConfig, GIVEN, preset="dlcv-hw4")


def test_given_counts_more_than_a_file_and_a_file_more_than_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("lr: 1e-5\nepochs: 7\n", encoding="utf-8")
    made = make_config(FinetuneConfig, {**GIVEN, "epochs": "3"}, path, "dlcv-hw3")
    assert (made.epochs, made.lr, made.batch_size, made.schedule) == (3, 1e-5, 8, "warmup-exponential")
    study = make_config(FinetuneConfig, GIVEN, preset="dlcv-hw3")
    assert (study.model, study.epochs, study.batch_size, study.lr) == ("vit_base_patch16_384", 40, 8, 1e-6)


def test_what_is_saved_beside_a_run_reads_back_the_same(tmp_path: Path) -> None:
    made = make(lr="3e-5", clip=None, layer_decay="0.75", schedule="noam", out=str(tmp_path / "größe"))
    write_config(made, tmp_path / "config.yaml")
    assert FinetuneConfig(**read_config(tmp_path / "config.yaml")) == made
    assert max(map(len, (tmp_path / "config.yaml").read_text(encoding="utf-8").splitlines())) <= 110


def test_a_resumed_run_takes_no_option_that_would_change_it() -> None:
    check_resumed(make(), make(num_workers=0, device="cpu", out="moved", accumulate=4))
    for option, value in {"lr": 1e-2, "epochs": 11, "seed": 1, "precision": "bf16", "flip": 0.1}.items():
        with pytest.raises(UsageError, match=f"^{option} is {value} now and was"):
            check_resumed(make(), make(**{option: value}))


def test_warm_up_must_fit_into_the_run() -> None:
    assert make().warmup(200) == 20
    assert make().warmup(1) == 1
    with pytest.raises(UsageError, match="warmup_steps 50 is more than all 20 steps"):
        make(warmup_steps=50).warmup(20)
    for schedule in ("noam", "warmup-exponential"):
        with pytest.raises(UsageError, match="warmup_steps must be 1 or more"):
            make(warmup_steps=0, schedule=schedule)


def test_the_learning_rate_without_a_number_is_the_recipes_and_1_for_noam() -> None:
    assert make(schedule="constant").learning_rate(500, 1000, 64) == pytest.approx(1e-4)
    assert make(schedule="noam").learning_rate(100, 1000, 64) == pytest.approx((64 * 100) ** -0.5)


def test_the_help_lists_what_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vit-finetune", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Choose from warmup-exponential, noam, cosine, constant, step." in told
    assert "Choose from crop, squash, pad." in told
    for name in FinetuneConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in told


def test_show_tells_options_and_draws_the_learning_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    from PIL import Image

    pictures = []
    for preset in ([], ["--preset", "dlcv-hw3"]):
        path = tmp_path / f"rates{len(preset)}.png"
        assert main(["show", "vit-finetune", *preset, "--picture", str(path)]) == 0
        out = capsys.readouterr().out
        assert "--layer-decay" in out
        with Image.open(path) as picture:
            pictures.append(picture.tobytes())
    assert pictures[0] != pictures[1]
    assert main(["show", "vit-finetune", "--preset", "dlcv-hw3", "--json", "--picture", str(path)]) == 0
    told = {row["option"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert (told["--lr"], told["--epochs"], told["--data"]) == (1e-6, 40, None)
    assert main(["show", "nothing"]) == 2
    assert "no recipe 'nothing'" in capsys.readouterr().err
