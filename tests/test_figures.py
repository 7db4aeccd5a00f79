"""metrics.json keeps the figures of a saved model: strictly read, atomically written, without a path of this machine."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from zoo_core.cli import main
from zoo_core.errors import ConfigError, RunError
from zoo_core.evaluation.results import RESULTS_FILE, add_results, read_results
from zoo_core.interfaces import MetricResult

NLL = MetricResult("nll", 1.25, "nats", "lower", 0.5, {"data": "digits", "split": "test", "draws": 5, "seconds": 1.0})
GOOD = {"name": "nll", "value": 1.0, "unit": "", "better": "lower", "std": None, "protocol": {}}


def test_no_file_is_no_figures(tmp_path: Path) -> None:
    assert read_results(tmp_path) == []


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    other = MetricResult("accuracy", 0.5, "fraction", "higher")
    add_results(tmp_path, [NLL])
    add_results(tmp_path, [other])
    assert read_results(tmp_path) == [NLL, other]
    assert json.loads((tmp_path / RESULTS_FILE).read_text())["format"] == 1


def test_a_figure_of_the_same_protocol_takes_the_place_of_the_old_one_whatever_time_it_took(tmp_path: Path) -> None:
    again = MetricResult("nll", 1.0, "nats", "lower", 0.4, {**NLL.protocol, "seconds": 9.0})
    more_draws = MetricResult("nll", 0.9, "nats", "lower", 0.3, {**NLL.protocol, "draws": 50})
    add_results(tmp_path, [NLL, more_draws])
    add_results(tmp_path, [again])
    assert read_results(tmp_path) == [again, more_draws]


def test_numbers_that_are_not_finite_are_written_as_null_and_read_as_nan(tmp_path: Path) -> None:
    add_results(tmp_path, [MetricResult("nll", math.inf, std=math.nan, protocol={"layers": ("a", math.nan)})])
    written = json.loads((tmp_path / RESULTS_FILE).read_text())["figures"][0]
    assert (written["value"], written["std"], written["protocol"]) == (None, None, {"layers": ["a", None]})
    read = read_results(tmp_path)[0]
    assert math.isnan(read.value) and read.std is None


@pytest.mark.parametrize("data", ["folder:/home/ada/pictures", "npz:../x.npz", "folder:pictures", "lsun:/home/ada"])
def test_no_path_of_this_machine_is_written(tmp_path: Path, data: str) -> None:
    protocol = {"data": data, "extractor": {"name": "vgg19", "weights": "/home/ada/vgg.safetensors"}, "root": "ada"}
    add_results(tmp_path, [MetricResult("mse", 1.0, protocol=protocol)])
    assert read_results(tmp_path)[0].protocol == {"data": "own images", "extractor": {"name": "vgg19"}}


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "cut off": ('{"format": 1, "figures": [', "not valid JSON"),
        "a list": ("[]", "should be a table"),
        "newer": ('{"format": 2, "figures": []}', "pip install -U zoo-core"),
        "format of a wrong type": ('{"format": true, "figures": []}', "format should be 1"),
        "unknown key": ('{"format": 1, "figures": [], "x": 1}', "should be a table of format and figures"),
        "twice": ('{"format": 1, "format": 1, "figures": []}', "is there twice"),
        "NaN": ('{"format": 1, "figures": [NaN]}', "no JSON number"),
        "no table": ('{"format": 1, "figures": [1]}', "figure 1"),
        "too large": (json.dumps({"format": 1, "figures": ["x" * 1_000_000]}), "larger than"),
        "too deep": ("[" * 10_000, "nested"),
    }.values(),
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / RESULTS_FILE).write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("value", '"1.0"'),
        ("value", "1e999"),
        ("value", "1" + "0" * 400),
        ("value", "true"),
        ("std", "[]"),
        ("name", '""'),
        ("unit", "null"),
        ("better", '"up"'),
        ("protocol", "[]"),
    ],
)
def test_a_figure_with_a_wrong_field_is_refused_by_its_number_and_field(tmp_path: Path, field: str, text: str) -> None:
    table = ", ".join(f'"{key}": {text if key == field else json.dumps(value)}' for key, value in GOOD.items())
    (tmp_path / RESULTS_FILE).write_text(f'{{"format": 1, "figures": [{json.dumps(GOOD)}, {{{table}}}]}}')
    with pytest.raises(ConfigError, match=f"figure 2.*{field}|the number .* is beyond|is no JSON number"):
        read_results(tmp_path)


def test_damaged_figures_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / RESULTS_FILE).write_text("{}")
    with pytest.raises(ConfigError):
        add_results(tmp_path, [NLL])
    assert (tmp_path / RESULTS_FILE).read_text() == "{}"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((RunError, ConfigError), match="file"):
        add_results(tmp_path / "file", [NLL])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model in a folder."""
    import zoo_core as zoo

    tiny = {"encoder.hidden": [8], "decoder.hidden": [8]}
    return zoo.build("vae-mlp", data="digits", latent_dim=2, **tiny).save(tmp_path_factory.mktemp("saved") / "model")


def measure(saved: Path, *more: str) -> int:
    return main(["eval", str(saved), "--data", "digits", "--metric", "elbo", "--limit", "20", "--device", "cpu", *more])


def test_eval_keeps_its_figures_beside_the_weights_once(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure(saved, "--no-save") == 0
    assert not (saved / RESULTS_FILE).exists()
    assert measure(saved) == 0 == measure(saved, "--json")
    kept = read_results(saved)
    assert [figure.name for figure in kept] == ["elbo", "distortion", "rate"]
    printed = json.loads(capsys.readouterr().out.rpartition("\n[\n")[2].join(["[\n", ""]))
    assert [figure.value for figure in kept] == [figure["value"] for figure in printed]


def test_eval_goes_on_where_its_figures_cannot_be_kept(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (saved / RESULTS_FILE).write_text("{}")
    assert measure(saved) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("elbo") and captured.err.count("\n") == 1 and "not kept" in captured.err
    assert (saved / RESULTS_FILE).read_text() == "{}"
