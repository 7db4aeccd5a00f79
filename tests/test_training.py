"""train: what it does on the way, and what it leaves."""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, NonFinite, RunError, SettingError, WeightsError
from zoo_core.game import Round, Step
from zoo_core.game.settings import training_settings
from zoo_core.interfaces import Term
from zoo_core.training import Callback, Training, resume
from zoo_core.training.session import Session

SHAPE = (1, 8, 8)
DATA = torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0))
"""Cut into 48 for training, 6 for validation and 6 for test: four rounds of 12 an epoch."""


def tiny(seed: int = 0, **settings: Any) -> zoo.Model:
    """A VAE of a few hundred weights."""
    shapes = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}
    return zoo.build("vae-mlp", image_shape=SHAPE, seed=seed, **{**shapes, **settings})


def train(model: zoo.Model, out: Path | None = None, *, epochs: int = 2, **training: Any) -> zoo.Run:
    """On the tensor, without a bar or pictures."""
    given = {"batch_size": 12, "pictures_every": 0, **training}
    return zoo.train(model, DATA, out=out, epochs=epochs, progress=False, device="cpu", **given)


def weights(model: zoo.Model) -> dict[str, Tensor]:
    """A copy of all weights."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """The same names and the same bits."""
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


class Recorder(Callback):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.rounds: list[int] = []

    def on_start(self, training: Training) -> None:
        self.heard.append("start")

    def on_round(self, training: Training, played: Round) -> None:
        self.heard.append("round")
        self.rounds.append(played.index)
        assert training.model.training

    def on_log(self, training: Training, terms: Mapping[str, float]) -> None:
        self.heard.append("log")
        assert set(terms) == {"elbo.nll", "elbo.kl"}

    def on_epoch(self, training: Training, epoch: int) -> None:
        self.heard.append("epoch")

    def on_validation(self, training: Training, figures: Mapping[str, float]) -> None:
        self.heard.append("validation")

    def on_end(self, training: Training, reason: str) -> None:
        self.heard.append(f"end: {reason}")


# ------------------------------------------------------------------------------------------------ what it leaves


def test_a_run_leaves_a_model_a_best_one_a_checkpoint_logs_and_pictures(tmp_path: Path) -> None:
    run = train(tiny(), tmp_path / "run", pictures_every=1)
    assert run.reason == "finished" and run.rounds == 8 and not run.model.training
    left = {p.relative_to(tmp_path / "run").as_posix() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert {name for name in left if not name.startswith("tensorboard")} == {
        "config.json",
        "model.safetensors",
        "checkpoint.safetensors",
        "run.json",
        "metrics.jsonl",
        "best/config.json",
        "best/model.safetensors",
        *(f"pictures/{what}-{epoch:04d}.png" for what in ("samples", "reconstructions") for epoch in (1, 2)),
    }
    assert same(zoo.load(tmp_path / "run").state_dict(), run.model.state_dict())
    assert run.best == tmp_path / "run" / "best"


def test_metrics_jsonl_is_strict_json_with_what_was_measured(tmp_path: Path) -> None:
    run = train(tiny(), tmp_path, log_every=2)
    lines = [json.loads(line, parse_constant=lambda c: pytest.fail(c)) for line in (tmp_path / "metrics.jsonl").open()]
    assert run.history == lines
    assert [(line["what"], line["round"]) for line in lines] == [
        *(("train", 2), ("train", 4), ("validation", 4), ("samples", 4)),
        *(("train", 6), ("train", 8), ("validation", 8), ("samples", 8)),
    ]
    assert all(line["images_per_second"] > 1 for line in lines if line["what"] == "train")
    assert [line["epoch"] for line in lines] == [0.5, 1.0, 1, 1, 1.5, 2.0, 2, 2]
    assert lines[-1]["values"] == {"diversity": run.diversity}
    last = lines[-2]["values"]
    assert last["loss"] == pytest.approx(last["elbo.nll"] + last["elbo.kl"])
    assert run.validation == last


def test_a_logged_value_is_the_mean_over_the_rounds_since_the_last_one() -> None:
    model, again, means = tiny(), tiny(), []
    values = [
        float(sum(played.terms.values())) for played in zoo.rounds(model, DATA, epochs=1, batch_size=12, device="cpu")
    ]

    class Means(Callback):
        def on_log(self, training: Training, terms: Mapping[str, float]) -> None:
            means.append(sum(terms.values()))

    zoo.train(again, DATA, epochs=1, batch_size=12, progress=False, log_every=2, callbacks=[Means()], device="cpu")
    assert means == pytest.approx([(values[0] + values[1]) / 2, (values[2] + values[3]) / 2])


def test_the_same_seed_gives_the_same_weights_bit_for_bit(toys: None, tmp_path: Path) -> None:
    def trained(seed: int, **more: Any) -> dict[str, Tensor]:
        model = zoo.build("vae-mlp", image_shape=SHAPE, encoder="toy-dropout", latent_dim=4, **{"decoder.hidden": [5]})
        return weights(train(model, seed=seed, **more).model)

    first = trained(1)
    torch.manual_seed(99)
    assert same(first, trained(1)), "the global generator plays no part"
    assert same(first, trained(1, out=tmp_path, pictures_every=1, log_every=1)), "neither does looking"
    assert not same(first, trained(2))


def test_training_leaves_the_global_generator_alone(toys: None) -> None:
    before = torch.get_rng_state()
    train(zoo.build("vae-mlp", image_shape=SHAPE, encoder="toy-dropout", latent_dim=4))
    assert torch.equal(torch.get_rng_state(), before)


def test_zero_epochs_leave_the_first_weights(tmp_path: Path) -> None:
    model = tiny()
    before = weights(model)
    run = train(model, tmp_path, epochs=0)
    assert run.rounds == 0 and same(zoo.load(tmp_path).state_dict(), before)


def test_a_model_without_a_prior_draws_its_pictures_from_images(tmp_path: Path) -> None:
    model = zoo.build("autoencoder", image_shape=SHAPE, **{"encoder.width": 2, "decoder.width": 2})
    train(model, tmp_path, epochs=1, pictures_every=1)
    assert (tmp_path / "pictures" / "samples-0001.png").is_file()


@pytest.mark.parametrize("channels", [2, 4])
def test_images_of_any_number_of_channels_are_trained_on_and_shown(channels: int, tmp_path: Path) -> None:
    model = zoo.build("vae-mlp", image_shape=(channels, 8, 8), latent_dim=4)
    zoo.train(
        model, torch.rand(30, channels, 8, 8), out=tmp_path, epochs=1, batch_size=12, progress=False, device="cpu"
    )
    assert (tmp_path / "pictures" / "reconstructions-0001.png").is_file()


def test_data_of_other_channels_than_the_models_are_refused() -> None:
    with pytest.raises(DataError, match=r"images of 3 channels, the model makes 1.*image_shape="):
        zoo.train(tiny(), torch.rand(30, 3, 8, 8), progress=False)


# ------------------------------------------------------------------------------------------------ callbacks, stopping


def test_callbacks_are_called_in_order() -> None:
    recorder = Recorder()
    zoo.train(tiny(), DATA, epochs=2, batch_size=12, progress=False, log_every=3, callbacks=[recorder], device="cpu")
    epoch = ["round", "round", "round", "log", "round", "log", "validation", "epoch"]
    second = ["round", "round", "log", "round", "round", "log", "validation", "epoch"]
    assert recorder.heard == ["start", *epoch, *second, "end: finished"]
    assert recorder.rounds == list(range(8))


def test_a_callback_may_stop_and_the_run_goes_on_later_to_the_same_weights(tmp_path: Path) -> None:
    class Stop(Callback):
        def on_round(self, training: Training, played: Round) -> None:
            if played.index == 4:
                training.stop("seen enough")

    run = train(tiny(), tmp_path / "run", callbacks=[Stop()])
    assert (run.reason, run.rounds) == ("seen enough", 5)
    went_on = train(tiny(seed=5), tmp_path / "run", resume=True)
    assert (went_on.reason, went_on.rounds) == ("finished", 8)
    assert same(went_on.model.state_dict(), train(tiny()).model.state_dict())


def test_training_stops_early_and_the_best_model_stays(tmp_path: Path) -> None:
    values = iter([5.0, 3.0, 4.0, 3.5, 1.0, 1.0])
    kept: list[dict[str, Tensor]] = []

    class Keep(Callback):
        def on_epoch(self, training: Training, epoch: int) -> None:
            kept.append(weights(training.model))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo_core.training.trainer.validate", lambda *args, **named: {"loss": next(values)})
        run = train(tiny(), tmp_path, epochs=6, patience=2, callbacks=[Keep()])
        assert (run.reason, run.rounds) == ("stopped early", 16)
        assert same(zoo.load(tmp_path / "best").state_dict(), kept[1])
        assert same(zoo.load(tmp_path).state_dict(), kept[3])
        again = train(tiny(), tmp_path, epochs=6, patience=2, resume=True)
        assert (again.reason, again.rounds) == ("stopped early", 16), "a resumed run stands where the unbroken one does"


def test_a_validation_that_is_not_finite_is_never_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([math.nan, 3.0, math.nan])
    monkeypatch.setattr("zoo_core.training.trainer.validate", lambda *args, **named: {"loss": next(values)})
    run = train(tiny(), tmp_path, epochs=3)
    assert [line["values"]["loss"] for line in run.history if line["what"] == "validation"] == [None, 3.0, None]
    assert run.best is not None


def test_validation_is_every_so_many_epochs_or_never() -> None:
    recorder = Recorder()
    train(tiny(), epochs=4, validate_every=2, callbacks=[recorder])
    assert recorder.heard.count("validation") == 2
    assert train(tiny(), validate_every=0).validation == {}


class Annealed(Callback):
    """The model's one term becomes 4 · progress, and in validation ``drift`` more each time."""

    def __init__(self, model: zoo.Model, *, drift: float = 0.0) -> None:
        self.validations, self.drift = 0, drift
        objective = model.objectives["elbo"]
        nll = objective.terms

        def terms(loss: str, step: Step) -> Iterator[Term]:
            term = next(iter(nll(loss, step)))
            yield Term(
                "nll", term.value * 0 + 4.0 * step.progress + (0.0 if model.training else self.drift * self.validations)
            )

        objective.terms = terms

    def on_validation(self, training: Training, figures: Mapping[str, float]) -> None:
        self.validations += 1


def test_annealed_terms_are_validated_as_the_training_stands_and_compared_as_at_its_end(tmp_path: Path) -> None:
    for drift, best, since_best in ((0.5, 1, 3), (-0.5, 4, 0)):
        model = tiny()
        annealed, out = Annealed(model, drift=drift), tmp_path / str(best)
        run = train(model, out, epochs=4, callbacks=[annealed])
        values = [line["values"] for line in run.history if line["what"] == "validation"]
        assert [value["loss"] for value in values] == [value["elbo.nll"] for value in values]
        assert [value["loss"] for value in values] == pytest.approx(
            [epoch + drift * (epoch - 1) for epoch in (1, 2, 3, 4)]
        )
        assert [value.get("final_loss") for value in values] == pytest.approx([4, 4 + drift, 4 + 2 * drift, None])
        with safe_open(out / "checkpoint.safetensors", "pt") as file:
            progress = json.loads(file.metadata()["checkpoint"])["progress"]
        assert progress["best"] == pytest.approx(4 + drift * (best - 1)) and progress["since_best"] == since_best


def test_what_is_not_annealed_is_validated_once(tmp_path: Path) -> None:
    model, calls = tiny(), []
    nll = model.objectives["elbo"].terms
    model.objectives["elbo"].terms = lambda loss, step: calls.append(model.training) or nll(loss, step)
    run = train(model, tmp_path, epochs=3, batch_size=3)
    assert all("final_loss" not in line["values"] for line in run.history)
    assert calls.count(False) == 2 * 3 + 2, "and one batch again where something might be"


# ------------------------------------------------------------------------------------------------ how it trains


def test_the_moving_average_is_what_is_measured_saved_and_returned(tmp_path: Path) -> None:
    decay, plain, history = 0.9, [], []

    class Watch(Callback):
        def on_start(self, training: Training) -> None:
            plain.append(weights(training.model))

        def on_round(self, training: Training, played: Round) -> None:
            plain.append(weights(training.model))

        def on_epoch(self, training: Training, epoch: int) -> None:
            history.append(weights(training.model))

    settings = {"training.players.autoencoder.ema": decay}
    run = train(tiny(**settings), tmp_path, callbacks=[Watch()], validate_every=1)
    average = plain[0]
    for now in plain[1:]:
        average = {name: decay * average[name] + (1 - decay) * now[name] for name in now}
    for name, tensor in run.model.state_dict().items():
        torch.testing.assert_close(tensor, average[name], rtol=1e-5, atol=1e-6)
    assert same(zoo.load(tmp_path).state_dict(), run.model.state_dict())
    assert same(history[-1], plain[-1]), "and training goes on with the plain weights"
    assert same(plain[-1], train(tiny()).model.state_dict()), "which the average does not change"
    assert not same(plain[-1], run.model.state_dict())


@pytest.mark.parametrize("decays", [(0.9, None), (None, 0.9), (0.9, 0.5)])
def test_averages_of_two_players_that_share_a_part_leave_the_trained_weights_alone(
    tmp_path: Path, decays: tuple[float | None, float | None]
) -> None:
    def trained(out: Path, first: float | None, second: float | None) -> dict[str, Tensor]:
        players = {
            "autoencoder": {"trains": ["encoder", "decoder"], "losses": ["fit"], "ema": first},
            "encoder": {"trains": ["encoder"], "losses": ["fit"], "ema": second},
        }
        turns = [{"losses": ["fit"], "players": list(players)}]
        train(tiny(), out, players=players, turns=turns, checkpoint_seconds=1e-9)
        return {name: t for name, t in load_file(out / "checkpoint.safetensors").items() if name.startswith("model.")}

    assert same(trained(tmp_path / "averaged", *decays), trained(tmp_path / "plain", None, None))


def test_bf16_forwards_train_float32_weights_and_leave_no_trace_on_the_model() -> None:
    model = tiny()
    run = train(model, precision="bf16")
    assert model.dtype == torch.float32
    assert "forward" not in vars(model.parts["encoder"])
    full = train(tiny()).validation["loss"]
    assert run.validation["loss"] == pytest.approx(full, rel=0.02) and run.validation["loss"] != full


def test_rounds_honour_the_precision() -> None:
    values = [
        [
            float(sum(played.terms.values()))
            for played in zoo.rounds(tiny(), DATA, epochs=1, batch_size=12, device="cpu", precision=precision)
        ]
        for precision in ("fp32", "bf16")
    ]
    assert values[0] != values[1] and values[0] == pytest.approx(values[1], rel=0.02)


@pytest.mark.slow
def test_compiled_parts_train_as_eager_ones() -> None:
    compiled = train(tiny(), compile=["all"]).model
    eager = train(tiny()).model
    for name, tensor in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)


def test_what_is_no_part_cannot_be_compiled() -> None:
    with pytest.raises(SettingError, match='did you mean "encoder"'):
        train(tiny(), compile=["encodr"])


def test_accumulated_pieces_add_up_to_the_batch() -> None:
    """With sgd and no noise (a plain autoencoder), 3 pieces of 4 give the gradient of 12."""
    settings = {
        "encoder": {"name": "mlp", "hidden": [6], "posterior": "deterministic"},
        "decoder": {"name": "mlp", "hidden": [5]},
        "latent_dim": 4,
        "training.players.autoencoder.optimizer": "sgd",
        "training.players.autoencoder.lr": 0.1,
    }
    whole, pieces = (
        train(zoo.build("autoencoder", image_shape=SHAPE, dtype=torch.float64, **settings), accumulate=n).model
        for n in (1, 3)
    )
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(pieces.state_dict()[name], tensor, rtol=1e-10, atol=1e-12)
    with pytest.raises(SettingError, match="12 cannot be cut into 5 equal pieces"):
        train(tiny(), accumulate=5)


def test_a_schedule_sets_the_learning_rate_of_every_round() -> None:
    rates: list[float] = []

    class Watch(Callback):
        def on_round(self, training: Training, played: Round) -> None:
            rates.append(training.game.players["autoencoder"].optimizer.param_groups[0]["lr"])

    train(
        tiny(**{"training.players.autoencoder.schedule": {"name": "linear"}, "training.players.autoencoder.lr": 0.8}),
        callbacks=[Watch()],
    )
    assert rates == pytest.approx([0.8 * (1 - i / 8) for i in range(8)])


# ------------------------------------------------------------------------------------------------ what goes wrong


def test_nan_stops_with_the_terms_name_and_round_and_keeps_the_last_good_checkpoint(toys: None, tmp_path: Path) -> None:
    model = tiny(objective=["elbo", {"name": "toy-nan", "after": 6}])
    with pytest.raises(
        NonFinite, match=r'"toy-nan.boom" became NaN or infinite in round 6; the last good checkpoint is in'
    ) as told:
        train(model, tmp_path, checkpoint_seconds=1e-9)
    assert told.value.fields == {"term": "toy-nan.boom", "round": 6}
    kept = zoo.load(tmp_path)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept.state_dict().values())
    with pytest.raises(NonFinite, match=r"in round 0; try a smaller"):
        train(tiny(objective=["elbo", "toy-nan"]))


def test_a_step_that_spoils_the_weights_does_not_reach_the_checkpoint(toys: None, tmp_path: Path) -> None:
    """The terms of the last round are finite, its gradient is not: only the weights show it."""
    model = tiny(objective=[{"name": "toy-spoil", "after": 3}])
    with pytest.raises(NonFinite, match=r"weights parts\.\S+ became NaN or infinite in round 3"):
        train(model, tmp_path, checkpoint_seconds=1e-9, validate_every=0)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in zoo.load(tmp_path).state_dict().values())


def test_an_error_in_a_callback_leaves_the_model_at_rest() -> None:
    class Fails(Callback):
        def on_round(self, training: Training, played: Round) -> None:
            raise ZeroDivisionError

    model, before = tiny(), signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        train(model, callbacks=[Fails()])
    assert not model.training
    assert signal.getsignal(signal.SIGINT) is before, "and Ctrl-C does again what it did"


def test_a_run_folder_is_not_written_over(tmp_path: Path) -> None:
    train(tiny(), tmp_path / "run")
    kept = {p: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    with pytest.raises(RunError, match=r"already holds a run; go on with --resume"):
        train(tiny(), tmp_path / "run")
    assert all(p.read_bytes() == content for p, content in kept.items())


@pytest.mark.parametrize("resumed", [False, True])
def test_a_saved_model_is_not_written_over(tmp_path: Path, resumed: bool) -> None:
    tiny().save(tmp_path)
    with pytest.raises(RunError, match="already holds a saved model"):
        train(tiny(), tmp_path, resume=resumed)


def test_another_model_is_not_resumed(tmp_path: Path) -> None:
    train(tiny(), tmp_path)
    with pytest.raises(WeightsError, match=r"does not fit the model.*parts\.encoder"):
        train(tiny(**{"encoder.hidden": [7]}), tmp_path, resume=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": 6}, "other streams"),
        ({"seed": 1}, "other seed"),
        (
            {"players": {"autoencoder": {"trains": ["encoder", "decoder"], "losses": ["fit"], "optimizer": "rmsprop"}}},
            "other players",
        ),
        (
            {"players": {"autoencoder": {"trains": ["encoder", "decoder"], "losses": ["fit"], "ema": 0.9}}},
            "other players",
        ),
    ],
)
def test_a_run_is_not_resumed_with_settings_that_its_checkpoint_does_not_fit(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    train(tiny(), tmp_path)
    with pytest.raises(RunError, match=says):
        train(tiny(), tmp_path, resume=True, epochs=3, **change)


def test_other_data_are_not_resumed_on(tmp_path: Path) -> None:
    train(tiny(), tmp_path)
    with pytest.raises(RunError, match="other streams"):
        zoo.train(tiny(), DATA[:40], out=tmp_path, epochs=3, batch_size=12, resume=True, progress=False)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"half"])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    train(tiny(), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:300] if content == b"half" else content)
    with pytest.raises(RunError, match=r"checkpoint\.safetensors is damaged.*last saved weights are still in"):
        train(tiny(), tmp_path, resume=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"data": 1, "data_root": null, "seed": 0, "training": {}}',
        '{"data": "digits", "data_root": null, "seed": "x", "training": {}}',
        "[" * 10**5,
    ],
)
def test_a_damaged_run_json_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json cannot be read"):
        resume(tmp_path)


def test_images_a_second_are_those_that_epochs_count() -> None:
    twice = [{"losses": ["fit"], "players": ["autoencoder"], "batches": 2}]
    beside = [*twice, {"losses": ["fit"], "players": ["autoencoder"], "stream": "labelled"}]
    model = zoo.build("vae-mlp", data="digits", **{"encoder.hidden": [4], "decoder.hidden": [4]})
    for turns, examples in ((twice, 24), (beside, 36)):
        settings = training_settings(model.config["training"], batch_size=12, turns=turns)
        session = Session(model, "digits", settings, device="cpu")
        assert session.images_per_round == 24 and session.game.play().examples == examples
        assert session.rounds_per_epoch == len(session.dataset.split("train")) // 24


def test_a_run_on_data_given_in_python_says_how_it_is_resumed(tmp_path: Path) -> None:
    train(tiny(), tmp_path)
    with pytest.raises(RunError, match=r"data given in Python.*resume=True"):
        resume(tmp_path)
    with pytest.raises(RunError, match="no run in"):
        resume(tmp_path / "nowhere")


# ------------------------------------------------------------------------------------------------ one's own loop


def test_rounds_play_the_same_game() -> None:
    model = tiny()
    seen = list(zoo.rounds(model, DATA, epochs=2, batch_size=12, device="cpu"))
    assert [played.index for played in seen] == list(range(8))
    assert {name for played in seen for name in played.terms} == {"elbo.nll", "elbo.kl"}
    assert all(played.examples == 12 for played in seen)
    assert same(model.state_dict(), train(tiny()).model.state_dict())
    assert not model.training


def test_a_loop_that_is_left_leaves_the_model_at_rest() -> None:
    model = tiny()
    for _ in zoo.rounds(model, DATA, epochs=2, batch_size=12, precision="bf16", device="cpu"):
        assert model.training
        break
    assert not model.training and "forward" not in vars(model.parts["encoder"])


# ------------------------------------------------------------------------------------------------ Ctrl-C


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "zoo_core",
        "train",
        "vae-mlp",
        "--epochs",
        "100000",
        "--out",
        "run",
        "--device",
        "cpu",
        "--set",
        "encoder.hidden=[4]",
        "--set",
        "decoder.hidden=[4]",
        "--set",
        "training.pictures_every=0",
        "--set",
        "training.log_every=1",
        "--quiet",
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.is_file() and metrics.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("interrupted: ") and err == "go on with: zoo train --resume --out run\n"
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
    zoo.load(tmp_path / "run")


def test_ones_own_loop_ends_with_the_averaged_weights_as_train_does() -> None:
    settings = {"encoder.width": 4, "decoder.width": 4, "training.players.autoencoder.ema": 0.9}
    trained, looped = (zoo.build("vae", data="digits", **settings) for _ in range(2))
    zoo.train(trained, "digits", epochs=1, device="cpu", progress=False)
    for _ in zoo.rounds(looped, "digits", epochs=1, device="cpu"):
        pass
    expected = dict(trained.named_parameters())
    assert all(torch.equal(p, expected[name]) for name, p in looped.named_parameters())


# ------------------------------------------------------------------------------------------------ what nobody trains


def test_a_part_that_no_player_trains_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    nets = {"decoder": {"name": "mlp", "hidden": [4]}, "discriminator": {"name": "mlp", "hidden": [4], "features": 4}}
    told = "no player trains the decoder: its weights stay as they are"
    for objective, silent in ((["r1"], False), (["gan", "r1"], True)):
        model = zoo.build("gan", data="digits", objective=objective, image_size=8, **nets)
        before = {name: weight.clone() for name, weight in model.parts["decoder"].named_parameters()}
        zoo.train(model, "digits", epochs=1, progress=True)
        assert (told not in capsys.readouterr().err) is silent
        after = dict(model.parts["decoder"].named_parameters())
        assert all(torch.equal(weight, after[name]) for name, weight in before.items()) is not silent
    zoo.train(zoo.build("vae-mlp", data="digits", image_size=8), "digits", epochs=1, progress=True)
    assert "no player trains" not in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ collapse


def test_a_model_whose_samples_are_all_alike_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    nets = {
        "decoder": {"name": "mlp", "hidden": [4], "sigma": "fixed"},
        "discriminator": {"name": "mlp", "hidden": [4], "features": 4},
    }
    settings = {"training.players.generator.lr": 1e-6, "decoder.init_std": 1e-6, "image_size": 8}
    run = zoo.train(zoo.build("gan", data="digits", **nets, **settings), "digits", epochs=2, progress=True)
    assert run.diversity is not None and run.diversity < 1e-4
    assert "alike" not in capsys.readouterr().err  # so early it need not mean anything
    run = zoo.train(zoo.build("gan", data="digits", **nets, **settings), "digits", epochs=10, progress=True)
    said = capsys.readouterr().err
    assert run.diversity is not None and run.diversity < 1e-4
    assert said.count("samples are all alike") == 1 and "try a smaller learning rate" in said
    assert "diversity" in said.splitlines()[-2]


def test_diversity_is_the_mean_squared_distance_of_two_samples_over_that_of_two_images() -> None:
    from zoo_core.training.diversity import diversity

    generator = torch.Generator().manual_seed(0)
    samples, images = torch.rand(5, 1, 4, 4, generator=generator), 3 * torch.rand(7, 1, 4, 4, generator=generator)

    def spread(x: torch.Tensor) -> float:
        pairs = [(a - b).square().sum() for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
        return float(torch.stack(pairs).mean())

    assert diversity(samples, images) == pytest.approx(spread(samples) / spread(images))
    assert diversity(images[:1].expand(5, -1, -1, -1), images) == 0


def test_many_samples_that_are_three_pictures_are_not_diverse() -> None:
    from zoo_core.training.diversity import COLLAPSED, diversity

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(500, 1, 4, 4, generator=generator)
    attracted = images[torch.arange(500) % 3]
    noisy = attracted + 0.001 * torch.randn(attracted.shape, generator=generator)
    assert diversity(attracted, images) < COLLAPSED and diversity(noisy, images) < COLLAPSED
    assert diversity(images.flip(0), images) == pytest.approx(1)
    assert diversity(0.1 * images, images) == pytest.approx(0.01), "pale, but all different"
    codes = torch.randn(500, 2, generator=generator)
    smooth = torch.sin(codes @ torch.randn(2, 16, generator=generator)).view(-1, 1, 4, 4)
    assert diversity(smooth, images) > 10 * COLLAPSED, "samples that lie densely on a surface are different pictures"


# ------------------------------------------------------------------------------------------------ memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's heap is set")
def test_the_heap_is_told_to_keep_freed_memory_unless_the_user_has_said_otherwise() -> None:
    said = "from zoo_core.training.heap import keep_freed_memory; print(keep_freed_memory())"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    for more, taken in (({}, "True"), ({"MALLOC_TRIM_THRESHOLD_": "1000000"}, "False")):
        done = subprocess.run(
            [sys.executable, "-c", said], env={**plain, **more}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == taken
