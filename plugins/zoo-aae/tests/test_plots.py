"""What the pictures of adversarial autoencoders show."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from zoo_aae.plots.clusters import Clusters, Members
from zoo_aae.plots.representation import Representation, plane
from zoo_aae.plots.style_grid import StyleGridPlot
from zoo_aae.plots.walk import Walk
from zoo_aae.samplers.style_grid import StyleGrid

import zoo_core as zoo
from zoo_core.errors import DataError, IncompatibleError, SettingError
from zoo_core.interfaces import Batch, Plot


def built(recipe: str, **settings: Any) -> zoo.Model:
    """A model of ``recipe`` with small nets, for digits."""
    small = {"encoder.hidden": [8], "objective.adversarial-prior.hidden": [4]}
    decoder = {"decoder.net.hidden" if recipe == "aae-dimred" else "decoder.hidden": [8]}
    return zoo.build(recipe, data="digits", **{**small, **decoder, **settings})


def data(n: int = 60) -> Batch:
    part = zoo.open_dataset("digits").split("test")
    return Batch(part.x[:n].float() / 255, part.y[:n])


def drawn(plot: Plot, model: zoo.Model, batches: list[Batch] | None = None) -> Figure:
    figure = Figure()
    with model.evaluating():
        plot.draw(figure, model, [data()] if batches is None else batches, torch.Generator().manual_seed(0))
    return figure


def row_titles(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def column_titles(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def cell(figure: Figure, row: int, column: int, side: int) -> np.ndarray[Any, Any]:
    """One picture of a grid with two pixels between pictures."""
    picture = np.asarray(figure.axes[0].images[0].get_array())[..., 0]
    top, left = 2 + row * (side + 2), 2 + column * (side + 2)
    return picture[top : top + side, left : left + side].astype(int)


def pixels(x: Tensor) -> np.ndarray[Any, Any]:
    return (x[0].clamp(0, 1) * 255).round().int().numpy()


# ----------------------------------------------------------------------------------------------------- walk


def test_a_walk_goes_evenly_along_the_swiss_roll_past_every_class() -> None:
    model = built("aae-labelled", prior="swiss-roll")
    figure = drawn(Walk(steps=20, columns=2), model)
    assert row_titles(figure) == list(model.labels.names)
    z = model.parts["prior"].from_percentiles(torch.tensor([[7.5 / 20, 0.5]]))  # type: ignore[operator]
    assert np.abs(cell(figure, 3, 1, model.image_shape[1]) - pixels(model.decode(z)[0])).max() <= 1


def test_a_row_over_several_classes_says_from_which_to_which() -> None:
    model = built("aae-labelled", prior="swiss-roll")
    assert row_titles(drawn(Walk(steps=20, columns=5), model)) == ["0 – 2", "2 – 4", "5 – 7", "7 – 9"]


def test_a_critic_that_was_told_no_labels_gives_its_components_numbers_not_classes() -> None:
    model = built("aae", prior="gaussian-mixture", latent_dim=2)
    assert row_titles(drawn(Walk(steps=10, columns=2), model)) == ["1 – 2", "3 – 4", "5 – 6", "7 – 8", "9 – 10"]


def test_a_prior_without_components_has_a_walk_without_titles() -> None:
    assert row_titles(drawn(Walk(steps=4, columns=2), built("aae", latent_dim=3))) == []


def test_a_decoder_with_classes_is_not_walked_where_the_prior_has_no_place_for_them() -> None:
    with pytest.raises(IncompatibleError, match="--what style-grid"):
        drawn(Walk(), built("aae-supervised", latent_dim=3))


def test_rows_and_columns_say_what_they_stand_for() -> None:
    for recipe, settings, plot, columns, rows in (
        ("aae-labelled", {"prior": "swiss-roll"}, Walk(), "row after row along the prior's first axis", "class"),
        (
            "aae",
            {"prior": "gaussian-mixture", "latent_dim": 2},
            Walk(),
            "row after row along the prior's first axis",
            "component",
        ),
        ("aae-semi", {}, StyleGridPlot(rows=1), "class", "style"),
        ("aae-clusters", {"clusters": 10}, StyleGridPlot(rows=1), "cluster", "style"),
        ("aae-clusters", {"clusters": 10}, Clusters(), "", "cluster"),
    ):
        axes = drawn(plot, built(recipe, **settings)).axes[0]
        assert (axes.get_xlabel(), axes.get_ylabel()) == (columns, rows)


# ----------------------------------------------------------------------------------------------- style grid


def test_rows_of_a_joint_code_share_the_style_and_columns_the_label() -> None:
    model = built("aae-semi", style_dim=3)
    samples = model.samples(25, StyleGrid(), seed=0)
    assert samples.z is not None and samples.columns == 10
    assert torch.equal(samples.z[:, :10], torch.eye(10).repeat(3, 1)[:25])
    style = samples.z[:, 10:]
    assert torch.equal(style[:10], style[:1].expand(10, -1)) and torch.equal(style[20:], style[20:21].expand(5, -1))
    assert not torch.allclose(style[0], style[10])


def test_a_decoder_that_takes_labels_gets_each_row_s_code_with_every_class() -> None:
    model = built("aae-supervised", latent_dim=3)
    samples = model.samples(20, StyleGrid(), seed=0)
    assert samples.z is not None
    assert torch.equal(samples.z, samples.z[[0, 10]].repeat_interleave(10, 0))
    assert torch.allclose(samples.x, model.decode(samples.z, torch.arange(20) % 10))


def test_classes_that_are_asked_for_take_the_place_of_the_columns_own() -> None:
    model = built("aae-semi", style_dim=3)
    samples = model.samples(12, StyleGrid(), seed=0, y=torch.full((12,), 7))
    assert samples.z is not None and samples.z[:, :10].argmax(1).tolist() == [7] * 12
    for y in (torch.tensor([3, 10]), torch.tensor([3, -1])):  # a column without a class there is none
        with pytest.raises(SettingError, match="0 to 9"):
            model.samples(2, StyleGrid(), seed=0, y=y)


def test_a_model_without_classes_has_no_style_grid() -> None:
    with pytest.raises(IncompatibleError, match=r"decoder\.conditional=true"):
        built("aae", latent_dim=3).samples(4, StyleGrid(), seed=0)


def test_columns_are_called_by_class_or_where_they_are_clusters_by_number() -> None:
    for recipe, settings, names in (
        ("aae-semi", {}, list("0123456789")),
        ("aae-supervised", {}, list("0123456789")),
        ("aae-clusters", {"clusters": 10}, [str(i) for i in range(1, 11)]),
    ):
        assert column_titles(drawn(StyleGridPlot(rows=1), built(recipe, **settings))) == names


# ------------------------------------------------------------------------------------------------- clusters


def test_each_cluster_s_row_begins_with_its_head_and_holds_its_members() -> None:
    model, batch = built("aae-clusters", clusters=4, style_dim=2), data()
    figure = drawn(Clusters(members=3), model, [batch.rows(0, 25), batch.rows(25, 60)])
    assert batch.y is not None
    cluster, side = model.encode(batch.x)[:, :4].argmax(1), model.image_shape[1]
    ends = [text.get_text() for text in figure.axes[0].texts]
    for k in range(4):
        code = torch.zeros(1, 6)
        code[0, k] = 1
        assert np.abs(cell(figure, k, 0, side) - pixels(model.decode(code)[0])).max() <= 1
        own = batch.x[cluster == k]
        found = [cell(figure, k, 1 + column, side) for column in range(3)]
        members = [next((i for i, x in enumerate(own) if np.array_equal(pixels(x), one)), None) for one in found]
        assert len({m for m in members if m is not None}) == min(3, len(own))
        largest = max(Counter(batch.y[cluster == k].tolist()).values(), default=0)
        said = f"{largest / len(own):.0%} of {len(own)}" if len(own) else "empty"
        assert ends[k].endswith(said)


def test_what_stands_behind_a_row_is_within_the_figure() -> None:
    model = built("aae-clusters", clusters=4, style_dim=2)
    figure = zoo.plot(model, "digits", {"name": "clusters", "members": 3}, device="cpu")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for text in figure.axes[0].texts:
        assert text.get_window_extent(renderer).x1 < figure.bbox.x1


def test_the_members_that_are_kept_do_not_depend_on_the_order_of_batches() -> None:
    x, lots = torch.rand(50, 1, 2, 2), torch.rand(50)
    kept = []
    for order in (torch.arange(50), torch.arange(50).flip(0)):
        members = Members(5, (1, 2, 2))
        for part in order.split(7):
            members.add(x[part], torch.full((len(part),), -1), lots[part])
        kept.append(members.images)
    assert torch.equal(kept[0], kept[1]) and torch.equal(kept[0], x[lots.argsort()[:5]])


def test_unknown_classes_count_for_the_size_alone() -> None:
    members = Members(2, (1, 2, 2))
    members.add(torch.rand(4, 1, 2, 2), torch.tensor([-1, 2, 2, 1]), torch.rand(4))
    assert members.says(("a", "b", "c")) == "c: 67% of 4"


# ------------------------------------------------------------------------------------------- representation


def test_two_dimensions_are_drawn_as_they_are_with_every_head_marked() -> None:
    model, batch = built("aae-dimred"), data()
    figure = drawn(Representation(examples=20), model, [batch.rows(0, 30), batch.rows(30, 60)])
    code = model.encode(batch.x[:20])
    w: Tensor = model.parts["decoder"].heads.detach()  # type: ignore[union-attr, operator]
    axes = figure.axes[0]
    assert np.allclose(axes.collections[0].get_offsets(), code[:, :10] @ w + code[:, 10:], atol=1e-5)
    assert np.allclose([line.get_xydata()[0] for line in axes.lines], w, atol=1e-6)
    assert [text.get_text() for text in axes.texts] == list(model.labels.names)


def test_a_simplex_of_heads_becomes_a_circle() -> None:
    points = 10 * torch.eye(10, dtype=torch.float64) @ plane(10 * torch.eye(10, dtype=torch.float64))
    radius = points.norm(dim=1)
    assert torch.allclose(radius, radius[:1].expand(10))
    steps = torch.atan2(points[:, 1], points[:, 0]).diff() % (2 * torch.pi)
    assert torch.allclose(steps, torch.full((9,), 2 * torch.pi / 10, dtype=torch.float64))
    neighbours = (points[0] - points[1]).norm()
    assert torch.allclose(neighbours, torch.tensor(200.0, dtype=torch.float64).sqrt())


def test_more_heads_than_dimensions_come_as_near_to_the_circle_as_a_linear_map_can() -> None:
    w = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles = torch.arange(7, dtype=torch.float64) * (2 * torch.pi / 7)
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    circle *= torch.pdist(w).min() / torch.pdist(circle).min()
    assert torch.allclose(plane(w), torch.linalg.lstsq(w, circle).solution)


def test_a_representation_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no examples"):
        drawn(Representation(), built("aae-dimred"), [])
