"""What plots draw: the codes, pictures and curves that they promise."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor
from zoo_basics.plots.codes import Codes
from zoo_basics.plots.curves import Curves
from zoo_basics.plots.manifold import Manifold
from zoo_basics.plots.samples import SamplesPlot

import zoo_core as zoo
from zoo_core.errors import DataError, IncompatibleError, RunError, SettingError
from zoo_core.interfaces import Batch, Plot

TINY: dict[str, Any] = {"encoder.hidden": [8], "decoder.hidden": [8]}


def built(recipe: str = "vae-mlp", **settings: Any) -> zoo.Model:
    return zoo.build(recipe, data="digits", **{**TINY, **settings})


def batches(n: int = 30, split: str = "test") -> list[Batch]:
    part = zoo.open_dataset("digits").split(split)
    whole = Batch(part.x[:n].float() / 255, part.y[:n])
    return [whole.rows(i, i + 8) for i in range(0, n, 8)]


def drawn(plot: Plot, model: zoo.Model, data: list[Batch] | None = None) -> Figure:
    figure, generator = Figure(), torch.Generator().manual_seed(0)
    with model.evaluating():
        plot.prepare(model, lambda split: batches(40, split), generator)
        plot.draw(figure, model, batches() if data is None else data, generator)
    return figure


def offsets(figure: Figure) -> np.ndarray[Any, Any]:
    return np.asarray(figure.axes[0].collections[0].get_offsets())


def pixels(x: Tensor) -> np.ndarray[Any, Any]:
    """A picture (1, H, W) as a figure shows it."""
    return (x[0].clamp(0, 1) * 255).round().byte().numpy()


def shown(figure: Figure, panel: int = 0) -> np.ndarray[Any, Any]:
    return np.asarray(figure.axes[panel].images[0].get_array())[..., 0]


# ---------------------------------------------------------------------------------------------------- codes


def test_codes_of_two_dimensions_are_drawn_as_they_are_in_their_class_s_colour() -> None:
    model = built(latent_dim=2)
    figure = drawn(Codes(), model)
    x, y = (torch.cat(part) for part in zip(*((b.x, b.y) for b in batches())))
    assert np.allclose(offsets(figure), model.encode(x), atol=1e-5)
    legend = figure.axes[0].get_legend()
    colours = {t.get_text(): to_rgb(h.get_color()) for t, h in zip(legend.get_texts(), legend.legend_handles)}
    assert list(colours) == list(model.labels.names) and len(set(colours.values())) == 10
    faces = figure.axes[0].collections[0].get_facecolors()
    assert all(np.allclose(faces[i, :3], colours[str(int(y[i]))]) for i in range(len(y)))


def test_wide_codes_are_projected_onto_their_principal_components() -> None:
    model = built(latent_dim=5)
    figure = drawn(Codes(), model)
    codes = model.encode(torch.cat([b.x for b in batches()])).double()
    u, s, _ = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
    assert np.allclose(np.abs(offsets(figure)), (u * s)[:, :2].abs(), atol=1e-5)
    shares = s.square() / s.square().sum()
    assert figure.axes[0].get_xlabel() == f"principal component 1 ({shares[0]:.0%})"
    assert figure.axes[0].get_ylabel() == f"principal component 2 ({shares[1]:.0%})"


def test_only_so_many_examples_are_drawn_and_read() -> None:
    model = built(latent_dim=2)

    def endless() -> Any:
        while True:
            yield from batches()

    assert len(offsets(drawn(Codes(examples=11), model, endless()))) == 11


def test_unlabelled_examples_are_grey_and_in_the_legend() -> None:
    one = batches(4)[0]
    figure = drawn(Codes(), built(latent_dim=2), [Batch(one.x, torch.tensor([3, -1, 3, -1]))])
    faces = figure.axes[0].collections[0].get_facecolors()
    assert np.allclose(faces[1, :3], 0.75) and np.allclose(faces[1], faces[3]) and not np.allclose(faces[0], faces[1])
    assert figure.axes[0].get_legend().get_texts()[-1].get_text() == "unknown"


def test_data_without_classes_have_no_legend() -> None:
    figure = drawn(Codes(), built(latent_dim=2), [Batch(batches(4)[0].x)])
    assert figure.axes[0].get_legend() is None and len(offsets(figure)) == 4


def test_the_background_is_darkest_where_the_prior_is_densest() -> None:
    figure = drawn(Codes(background=True), built(latent_dim=2))
    mesh = figure.axes[0].collections[1]
    counts = np.asarray(mesh.get_array())
    assert (
        abs(np.argwhere(counts >= np.quantile(counts, 0.98)).mean(0) - 39.5).max() < 8
    )  # N(0, I) is dense at the centre
    assert mesh.get_zorder() < figure.axes[0].collections[0].get_zorder()


def test_codes_without_examples_are_refused() -> None:
    with pytest.raises(DataError, match="no examples"):
        drawn(Codes(), built(latent_dim=2), [])


def test_a_background_asks_for_a_prior() -> None:
    model = built("autoencoder", encoder="mlp", decoder="mlp", latent_dim=2)
    with pytest.raises(IncompatibleError, match="no prior"):
        drawn(Codes(background=True), model)


# ------------------------------------------------------------------------------------------------- manifold


def test_the_manifold_s_corners_are_the_outer_percentiles() -> None:
    model = built(latent_dim=3)
    picture = shown(drawn(Manifold(side=3), model))
    quantile = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(1 / 6)).item()
    side = model.image_shape[1]
    corners = {
        (0, 0): (quantile, -quantile),
        (0, 2): (-quantile, -quantile),
        (2, 0): (quantile, quantile),
        (1, 1): (0, 0),
    }
    for (row, column), (right, up) in corners.items():
        expected = pixels(model.decode(torch.tensor([[right, up, 0.0]]))[0])
        found = picture[row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_decoder_that_takes_labels_gets_a_panel_a_class() -> None:
    model = built(latent_dim=2, **{"decoder.conditional": True})
    figure = drawn(Manifold(side=2, components=4), model)
    assert [axes.get_title() for axes in figure.axes] == ["0", "1", "2", "3"]
    code = torch.tensor([[-0.67448975, 0.67448975]])
    side = model.image_shape[1]
    for label in range(4):
        expected = pixels(model.decode(code, torch.tensor([label]))[0])
        assert np.abs(shown(figure, label)[:side, :side].astype(int) - expected).max() <= 1
    with pytest.raises(SettingError, match="at least one"):
        drawn(Manifold(side=2, components=0), model)


# -------------------------------------------------------------------------------------------------- samples


def test_the_last_column_shows_the_nearest_training_images() -> None:
    model = built(latent_dim=2)
    picture = shown(drawn(SamplesPlot(rows=3, columns=2, nearest=True), model))
    side, step = model.image_shape[1], model.image_shape[1] + 2
    train = torch.cat([b.x for b in batches(40, "train")])
    cells = [
        [picture[2 + r * step : 2 + r * step + side, 2 + c * step : 2 + c * step + side] for c in range(3)]
        for r in range(3)
    ]
    for _, sample, found in cells:
        distances = (train - torch.from_numpy(sample / 255.0)).square().sum((1, 2, 3))
        assert np.array_equal(found, pixels(train[distances.argmin()]))


def test_samples_are_those_of_the_prior_sampler() -> None:
    model = built(latent_dim=2)
    picture, side = shown(drawn(SamplesPlot(rows=1, columns=1), model)), model.image_shape[1]
    expected = pixels(model.sample(1, "prior", seed=0)[0])
    assert np.array_equal(picture[2 : 2 + side, 2 : 2 + side], expected)


# --------------------------------------------------------------------------------------------------- curves


def run_folder(folder: Path, *lines: dict[str, Any]) -> str:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(folder)


def test_each_term_has_a_panel_with_its_values_against_epochs(tmp_path: Path) -> None:
    run = run_folder(
        tmp_path,
        {"what": "train", "round": 5, "epoch": 0.5, "values": {"elbo.nll": 100.0, "gan.fool": 1.0}},
        {"what": "train", "round": 10, "epoch": 1.0, "values": {"elbo.nll": 1.0, "gan.fool": None}},
        {"what": "validation", "round": 10, "epoch": 1, "values": {"elbo.nll": 2.0}},
    )
    figure = drawn(Curves(run=run), built(latent_dim=2), [])
    nll, fool = figure.axes
    assert [axes.get_title() for axes in (nll, fool)] == ["elbo.nll", "gan.fool"]
    assert [line.get_xydata().tolist() for line in nll.lines] == [[[0.5, 100.0], [1.0, 1.0]], [[1.0, 2.0]]]
    assert fool.lines[0].get_ydata()[0] == 1 and math.isnan(fool.lines[0].get_ydata()[1])
    assert (nll.get_yscale(), fool.get_yscale()) == ("log", "linear")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "validation"]


def test_curves_without_a_run_or_with_a_damaged_one_are_refused(tmp_path: Path) -> None:
    model = built(latent_dim=2)
    with pytest.raises(SettingError, match=r"curves\.run="):
        Curves().size(model)
    with pytest.raises(RunError, match="nothing is logged"):
        Curves(run=str(tmp_path)).size(model)
    (tmp_path / "metrics.jsonl").write_text('{"what": "train"}\n')
    with pytest.raises(RunError, match="cannot be read"):
        Curves(run=str(tmp_path)).size(model)
