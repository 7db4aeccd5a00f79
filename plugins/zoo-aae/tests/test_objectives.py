"""Objectives of adversarial autoencoders against closed forms, and what they refuse."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus
from zoo_aae.cluster_heads import ClusterHeadDecoder
from zoo_aae.objectives.adversarial_prior import AdversarialPrior

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError, ZooError
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Labels, Objective
from zoo_core.noise import KeyedNoise

SMALL: dict[str, Any] = {
    "encoder.hidden": [6],
    "decoder.hidden": [6],
    "objective.adversarial-prior.hidden": [6],
}
CLASSES = Labels("classes", tuple("abc"))


def step_of(model: zoo.Model, batch: Batch) -> Step:
    parts: Any = {**model.parts, **model.objectives}
    return Step(parts, batch, KeyedNoise(0, 0))


def images(n: int = 8, side: int = 8) -> Tensor:
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))


def semi(**settings: Any) -> zoo.Model:
    return zoo.build("aae-semi", image_shape=(1, 8, 8), labels=CLASSES, categories=3, style_dim=2, **SMALL, **settings)


def test_the_label_s_cross_entropy_is_a_mean_over_the_labelled_examples() -> None:
    model = semi()
    x, y = images(), torch.tensor([0, 1, 2, -1, -1, 0, 1, -1])
    step = step_of(model, Batch(x, y))
    (term,) = cast(Objective, model.objectives["label-cross-entropy"]).terms("supervise", step)
    q = model.encode(x)[:, :3]
    expected = -sum(q[i, int(y[i])].log() for i in range(8) if y[i] >= 0) / 5
    torch.testing.assert_close(term.value, expected)


def test_without_any_labelled_example_the_label_s_term_is_zero() -> None:
    model = semi()
    step = step_of(model, Batch(images(), torch.full((8,), -1)))
    (term,) = cast(Objective, model.objectives["label-cross-entropy"]).terms("supervise", step)
    assert term.value.item() == 0 and term.value.requires_grad


def test_a_code_with_other_categories_than_the_data_have_classes_is_refused_with_what_to_type() -> None:
    with pytest.raises(IncompatibleError, match=r"3 classes.*10 categories.*categories=3"):
        zoo.build("aae-semi", image_shape=(1, 8, 8), labels=CLASSES, categories=10, **SMALL)


def test_a_joint_code_needs_a_prior_with_as_many_categories() -> None:
    with pytest.raises(IncompatibleError, match=r"3 categories, and the prior has none.*categorical-gaussian"):
        semi(prior="gaussian")
    with pytest.raises(IncompatibleError, match=r"3 categories, and the prior has 2"):
        semi(**{"prior.categories": 2})


def test_a_critic_that_is_told_labels_needs_classes_and_a_prior_with_places_for_them() -> None:
    with pytest.raises(IncompatibleError, match=r"data with classes.*conditional=false"):
        zoo.build("aae-labelled", image_shape=(1, 8, 8), **SMALL)
    with pytest.raises(IncompatibleError, match="prior=gaussian-mixture"):
        zoo.build("aae-labelled", image_shape=(1, 8, 8), labels=CLASSES, prior="gaussian", **SMALL)


def test_the_critics_are_not_published() -> None:
    model = semi()
    assert any("critics" in name for name in model.state_dict())
    assert not any("critics" in name for name in model.published_state())


def heads_model(**settings: Any) -> zoo.Model:
    small = {key: value for key, value in SMALL.items() if key != "decoder.hidden"}
    net = {"decoder.net": {"hidden": [6], "sigma": "fixed"}}
    return zoo.build("aae-dimred", image_shape=(1, 8, 8), labels=CLASSES, categories=3, **{**small, **net, **settings})


def test_heads_that_are_too_near_are_pushed_apart_linearly_and_others_left_alone() -> None:
    model = heads_model(**{"objective.head-distance.threshold": 2.0, "objective.head-distance.weight": 3.0})
    decoder = cast(ClusterHeadDecoder, model.parts["decoder"])
    with torch.no_grad():
        decoder.heads.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]]))
    step = step_of(model, Batch(images()))
    (term,) = cast(Objective, model.objectives["head-distance"]).terms("fit", step)
    assert term.value.item() == pytest.approx(3.0 * (2.0 - 1.0))
    (gradient,) = torch.autograd.grad(term.value, decoder.heads)
    torch.testing.assert_close(gradient, torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 0.0]]))


def test_the_representation_is_the_head_of_the_label_plus_the_style() -> None:
    decoder = cast(ClusterHeadDecoder, heads_model().parts["decoder"])
    code = torch.tensor([[0.0, 1.0, 0.0, 0.25, -0.5], [0.5, 0.0, 0.5, 0.0, 0.0]])
    expected = torch.stack([decoder.heads[1] + code[0, 3:], (decoder.heads[0] + decoder.heads[2]) / 2])
    torch.testing.assert_close(decoder.represent(code), expected)


def test_the_net_below_the_heads_is_any_decoder_and_its_weights_follow_the_seed() -> None:
    settings = {"decoder.net": "resnet", "decoder.net.width": 4, "image_shape": (1, 16, 16)}
    small = {key: value for key, value in SMALL.items() if key != "decoder.hidden"}
    first, again, other = (
        zoo.build("aae-dimred", labels=CLASSES, categories=3, seed=seed, **{**small, **settings}) for seed in (0, 0, 1)
    )
    weights = [cast(ClusterHeadDecoder, model.parts["decoder"]).net.head.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert first.sample(4, seed=0).shape == (4, 1, 16, 16)


def test_a_simplex_has_its_corners_on_the_axes_and_does_not_learn() -> None:
    model = heads_model(
        style_dim=3,
        **{
            "decoder.heads": "simplex",
            "decoder.scale": 10.0,
            "objective": ["reconstruction", "adversarial-prior", "label-cross-entropy"],
        },
    )
    decoder = cast(ClusterHeadDecoder, model.parts["decoder"])
    assert torch.equal(decoder.heads, 10 * torch.eye(3)) and not decoder.heads.requires_grad
    with pytest.raises(SettingError, match=r"simplex of 3 heads has 3 dimensions.*latent_dim=6"):
        heads_model(**{"decoder.heads": "simplex"})


def test_a_prior_with_fewer_places_than_classes_is_refused() -> None:
    with pytest.raises(IncompatibleError, match=r"3 classes, the prior places for 2.*prior.components=3"):
        zoo.build("aae-labelled", image_shape=(1, 8, 8), labels=CLASSES, components=2, **SMALL)


def test_codes_that_are_to_know_nothing_of_the_class_need_classes_and_no_label_of_their_own() -> None:
    told = {"objective.adversarial-prior.independent": True}
    with pytest.raises(IncompatibleError, match=r"data with classes.*independent=false"):
        zoo.build("aae", image_shape=(1, 8, 8), **SMALL, **told)
    with pytest.raises(IncompatibleError, match=r"begin with a label.*independent=false"):
        semi(**told)
    with pytest.raises(ZooError, match="set one to false"):
        zoo.build("aae-labelled", image_shape=(1, 8, 8), labels=CLASSES, **SMALL, **told)


def test_an_independent_critic_asks_every_class_to_fill_the_prior() -> None:
    """The critic is told the label of code and draw, and the draw knows nothing of it: only q(z given y) = p(z) for all y fools it."""
    model = zoo.build(
        "aae-supervised-fast",
        image_shape=(1, 8, 8),
        labels=CLASSES,
        **SMALL,
        **{"objective.adversarial-prior.instance_noise": 0.0},
    )
    objective = cast(AdversarialPrior, model.objectives["adversarial-prior"])
    y = torch.tensor([0, 1, 2, -1])
    step = step_of(model, Batch(images(4), y))
    (term,) = objective.terms("discriminate", step)
    critic = objective.critics["z"]
    real, fake = critic(step.prior_draw(), y), critic(step.z(), y)
    told = softplus(-real).mean() + softplus(fake).mean()
    torch.testing.assert_close(term.value, told)
    assert not torch.allclose(
        term.value, softplus(-critic(step.prior_draw())).mean() + softplus(critic(step.z())).mean()
    )


def test_a_recipe_follows_the_number_of_the_data_s_classes() -> None:
    semi = zoo.build("aae-semi", image_shape=(1, 8, 8), labels=CLASSES, **SMALL)
    assert cast(Any, semi.parts["encoder"]).family.categories == 3 and cast(Any, semi.parts["prior"]).components == 3
    labelled = zoo.build("aae-labelled", image_shape=(1, 8, 8), labels=CLASSES, **SMALL)
    assert cast(Any, labelled.parts["prior"]).components == 3


def test_clusters_fewer_than_the_classes_are_not_drawn_by_class() -> None:
    seven = Labels("classes", tuple("abcdefg"))
    model = zoo.build(
        "aae-clusters", image_shape=(1, 8, 8), labels=seven, clusters=3, **SMALL, **{"prior.conditional": True}
    )
    assert model.sample(9, seed=0).shape == (9, 1, 8, 8)


def test_fixed_heads_are_drawn_but_not_kept_apart() -> None:
    settings = {"style_dim": 3, "decoder.heads": "simplex"}
    plain = ["reconstruction", "adversarial-prior", "label-cross-entropy"]
    model = heads_model(**settings, objective=plain)
    figure = zoo.plot(model, images(12), "representation", split="train")
    assert len(figure.axes[0].lines) == 3, "one mark a head"
    with pytest.raises(IncompatibleError, match=r"head-distance.*decoder\.learned-heads.*decoder.heads=learned"):
        heads_model(**settings)
