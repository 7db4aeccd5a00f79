"""Figures over different extractors, layers, sizes or counts are told apart wherever they stand beside one another; and --set for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.cli.values import settings_by_name
from zoo_core.errors import SettingError, UnknownName
from zoo_core.evaluation.results import comparable, differing, not_comparable, read_results, resting_on
from zoo_core.interfaces import MetricResult
from zoo_core.publishing.card import model_card

PROTOCOL = {
    "metric": "fid",
    "data": "digits",
    "split": "test",
    "seed": 0,
    "seconds": 2.0,
    "extractor": "small-cnn",
    "extractor_sha256": "0123456789abcdef",
    "layer": "conv3",
    "resize": "none, 32x32",
    "real": 250,
    "samples": 1000,
    "sampler": "prior",
}
FID = MetricResult("fid", 3.5, "", "lower", None, PROTOCOL)


def other(**changes: Any) -> MetricResult:
    return replace(FID, value=2.5, protocol={**PROTOCOL, **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"extractor": "vgg19"},
        {"extractor_sha256": "f" * 16},
        {"layer": "conv2"},
        {"resize": "bilinear, 32x32 to 64x64"},
        {"real": 100},
        {"samples": 500},
        {"split": "train"},
        {"data": "mnist"},
        {"block": 100},
    ],
)
def test_figures_are_not_comparable_where_what_they_rest_on_differs(change: Mapping[str, Any]) -> None:
    assert not comparable(FID, other(**change)) and not comparable(other(**change), FID)
    assert differing(FID, other(**change)) == list(change)


def test_chance_time_and_sampler_do_not_keep_figures_apart() -> None:
    assert comparable(FID, other(seed=1, seconds=9.0, sampler={"name": "gibbs", "steps": 3}))
    assert not comparable(FID, replace(FID, name="kid"))
    assert not comparable(FID, replace(FID, unit="nats"))


def test_what_is_written_and_read_again_compares_as_before() -> None:
    written = json.loads(json.dumps({**PROTOCOL, "layers": ["a", "b"]}))
    assert comparable(other(layers=("a", "b")), replace(FID, protocol=written))


def test_names_with_figures_that_differ_are_listed_with_what_differs() -> None:
    accuracy = MetricResult("accuracy", 0.5, protocol={"examples": 10})
    figures = [FID, other(), accuracy, other(layer="conv1"), other(layer="conv1", samples=9)]
    assert not_comparable(figures) == {"fid": ["layer", "samples"]}
    assert not_comparable([FID, other(), accuracy]) == {}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model in a folder."""
    model = zoo.build("vae-mlp", data="digits", latent_dim=2, **{"encoder.hidden": [8], "decoder.hidden": [8]})
    return model.save(tmp_path_factory.mktemp("saved") / "model")


def test_a_card_says_which_figures_cannot_be_compared_and_each_rows_protocol(saved: Path) -> None:
    def figures_of(*figures: MetricResult) -> str:
        card = model_card(
            zoo.load(saved).config,
            repo="org/name",
            licence="mit",
            run=None,
            figures=figures,
            pictures=[],
            parameters=10,
            size_bytes=100,
            dtypes=["float32"],
        )
        return card.split("## Figures")[1].split("##")[0]

    apart = figures_of(FID, other(layer="conv1"))
    assert "fid figures rest on different things (layer) and cannot be compared" in apart
    assert "conv3" in apart and "conv1" in apart
    assert "cannot be compared" not in figures_of(FID, other(sampler="gibbs"))


EVAL = ["--data", "digits", "--device", "cpu", "--limit", "30", "--set", "metric.cache=false"]


def test_eval_prints_what_a_figure_rests_on_and_keeps_those_that_differ_side_by_side(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for samples in (20, 90):
        command = ["--metric", "fid", "--set", "metric.features=digit-classifier", "--set", f"fid.samples={samples}"]
        assert main(["eval", str(saved), *EVAL, *command]) == 0
    out, err = capsys.readouterr()
    assert [line.rpartition("samples ")[2] for line in out.splitlines()] == ["20", "90"]
    assert all("over digit-classifier (" in line and "conv3" in line and "real 30" in line for line in out.splitlines())
    assert err.count("images for 64 features") == 2
    kept = read_results(saved)
    assert len(kept) == 2 and not_comparable(kept) == {"fid": ["samples"]}


def test_what_looks_through_nothing_rests_on_nothing_to_tell() -> None:
    assert resting_on(MetricResult("nll", 1.0, protocol={"examples": 10, "draws": 5})) == ""
    assert resting_on(FID) == "over small-cnn (01234567), conv3, resize none, 32x32; real 250, samples 1,000"


def test_eval_without_inceptions_weights_says_what_to_type_in_one_line(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["eval", str(saved), *EVAL, "--metric", "fid"]) != 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "--set metric.features=digit-classifier" in err


def table(names: list[str], *texts: str) -> list[dict[str, Any]]:
    return settings_by_name(names, texts, "metric")


def test_a_setting_for_all_metrics_is_given_to_those_that_have_it() -> None:
    assert table(["fid", "nll", "kid"], "metric.features=vgg19", "kid.features=vgg11", "metric.block=5") == [
        {"name": "fid", "features": "vgg19"},
        {"name": "nll"},
        {"name": "kid", "features": "vgg11", "block": 5},
    ]


def test_a_setting_that_no_metric_has_is_refused_with_what_is_near() -> None:
    with pytest.raises(SettingError, match=r'metric\.feature: none of the metrics asked for \(fid, nll\).*"features"'):
        table(["fid", "nll"], "metric.feature=x")
    with pytest.raises(SettingError, match=r"one of the metrics asked for \(fid\), or metric\.KEY for all"):
        table(["fid"], "kid.block=5")
    with pytest.raises(UnknownName, match="fidd"):
        table(["fidd"], "metric.features=x")


def test_torchmetrics_is_loaded_only_when_it_is_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from zoo_core.cli import main; main(['list', '--kind', 'metric']); "
        "import zoo_basics.metrics.fid, zoo_basics.metrics.kid, zoo_basics.metrics.inception_score, zoo_core.evaluation.metrics; "
        "assert 'torchmetrics' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
