"""Decoders that tell attributes beside the picture, and decoders that draw pictures without a density."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent
from zoo_basics.metrics.elbo import ELBOMetric

import zoo_core as zoo
from zoo_core.distributions import Attributes, likelihood_family
from zoo_core.errors import DataError, IncompatibleError, SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch, Decoder, Labels, Part
from zoo_core.model import Model
from zoo_core.noise import KeyedNoise

ATTRIBUTES = Labels("attributes", ("bald", "smiling", "young"))
SHAPE = (1, 16, 16)
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [16]}, "dcgan": {"width": 4}, "resnet": {"width": 4}, "discgen": {"width": 2, "hidden": 8},
}  # fmt: skip


def noise(step: int = 0) -> KeyedNoise:
    return KeyedNoise(3, step, dtype=torch.float64)


def model(net: str = "mlp", recipe: str = "vae", labels: Labels = ATTRIBUTES, **decoder: Any) -> Model:
    encoder = {} if recipe == "gan" else {"encoder": {"name": "mlp", "hidden": [8]}}
    return zoo.build(recipe, image_shape=SHAPE, labels=labels, latent_dim=3, seed=0, **encoder,
                     decoder={"name": net, **SMALL[net], **decoder})  # fmt: skip


def rows(n: int = 6, dtype: torch.dtype = torch.float32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, *SHAPE, generator=generator, dtype=dtype)
    return Batch(x, None, torch.randint(2, (n, 3), generator=generator).to(torch.int8), labels=ATTRIBUTES)


# ---------------------------------------------------------------------------------------------------- attributes


def test_the_density_of_attributes_is_torchs_and_what_is_not_known_is_summed_out() -> None:
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    told, reference = Attributes(logits), Independent(Bernoulli(logits=logits), 1)
    given = torch.randint(2, (5, 3))
    torch.testing.assert_close(
        told.log_prob(given.to(torch.int8)), reference.log_prob(given.double()), rtol=0, atol=1e-12
    )
    torch.testing.assert_close(told.mean, reference.mean, rtol=0, atol=1e-12)
    given[:, 1] = -1
    both = [given.index_fill(1, torch.tensor([1]), value) for value in (0, 1)]
    summed = torch.logsumexp(torch.stack([told.log_prob(one) for one in both]), 0)
    torch.testing.assert_close(told.log_prob(given), summed, rtol=0, atol=1e-12)
    assert torch.equal(told.log_prob(torch.full((5, 3), -1)), torch.zeros(5, dtype=torch.float64))
    drawn = Attributes(torch.full((4000, 1), 0.8)).sample(KeyedNoise(0, 0))
    assert (
        set(drawn.unique().tolist()) == {0.0, 1.0}
        and abs(float(drawn.mean()) - torch.sigmoid(torch.tensor(0.8))) < 0.03
    )


@pytest.mark.parametrize("net", SMALL)
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_every_decoder_tells_both_and_the_vae_trains_both(net: str, likelihood: str, tmp_path: Path) -> None:
    made = model(net, attributes=True, likelihood=likelihood)
    decoder, given = cast(Any, made.parts["decoder"]), rows(40)
    assert "likelihood.attributes" in decoder.capabilities
    before = decoder.attribute_logits.linear.weight.clone()
    from zoo_core.interfaces import Dataset, Split

    class Faces(Dataset):
        name, image_shape, labels = "faces", SHAPE, ATTRIBUTES

        def split(self, name: Any) -> Split:
            return Split((given.x * 255).to(torch.uint8), None, given.attributes)

    zoo.train(made, Faces(), epochs=1, batch_size=20, progress=False, device="cpu")
    assert not torch.equal(decoder.attribute_logits.linear.weight, before)
    z = torch.randn(4, 3)
    told = made.likelihood(z)
    assert told.attributes is not None and told.attributes.mean.shape == (4, 3)
    back = zoo.load(made.save(tmp_path / "saved")).likelihood(z)
    assert back.attributes is not None and torch.equal(back.attributes.logits, told.attributes.logits)
    assert torch.equal(back.mean, made.decode(z))


def test_the_elbo_is_that_of_pixels_and_attributes_and_its_gradient_that_of_a_loop_by_hand() -> None:
    made, given = model(attributes=True).double(), rows(dtype=torch.float64)
    step = Step({name: cast(Part, part) for name, part in made.parts.items()}, given, noise())
    terms = {term.name: term.value for term in cast(Any, made.objectives["elbo"]).terms("fit", step)}
    assert list(terms) == ["nll", "attributes", "kl"]
    encoder, decoder = cast(Any, made.parts["encoder"]), cast(Any, made.parts["decoder"])
    mean, free = encoder.head(encoder.hidden(given.x.flatten(1))).chunk(2, 1)
    log_sigma = 7 * torch.tanh(free / 7)
    hidden = decoder.hidden(mean + log_sigma.exp() * noise().normal("z", (6, 3)))
    pixels = torch.distributions.Normal(torch.sigmoid(decoder.head(hidden)), decoder.family.log_sigma().exp())
    told = Bernoulli(logits=decoder.attribute_logits.linear(hidden))
    assert given.attributes is not None
    log_prob = pixels.log_prob(given.x.flatten(1)).sum(1) + told.log_prob(given.attributes.double()).sum(1)
    kl = (0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(1)
    by_hand, own = (kl - log_prob).mean() / 256, sum(terms.values())
    torch.testing.assert_close(own, by_hand, rtol=0, atol=1e-12)
    weights = [*encoder.parameters(), *decoder.parameters()]
    for mine, theirs in zip(torch.autograd.grad(own, weights), torch.autograd.grad(by_hand, weights), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)
    unlabelled = Step({name: cast(Part, part) for name, part in made.parts.items()}, Batch(given.x), noise())
    assert [term.name for term in cast(Any, made.objectives["elbo"]).terms("fit", unlabelled)] == ["nll", "kl"]


def test_the_metric_bounds_both_and_says_what_each_costs() -> None:
    made, given = model(attributes=True), rows()
    figures = {one.name: one.value for one in ELBOMetric(draws=2)(made, [given], torch.Generator().manual_seed(0))}
    assert list(figures) == ["elbo", "distortion", "attribute-distortion", "rate"]
    assert abs(figures["elbo"] + figures["distortion"] + figures["attribute-distortion"] + figures["rate"]) < 1e-9
    assert figures["attribute-distortion"] > 0
    with pytest.raises(DataError, match="the decoder tells attributes, and the data have none"):
        ELBOMetric()(made, [Batch(given.x)], torch.Generator())
    assert len(ELBOMetric()(model(), [given], torch.Generator())) == 3


def test_a_reconstruction_by_likelihood_has_both() -> None:
    made = zoo.build(
        "autoencoder",
        image_shape=SHAPE,
        labels=ATTRIBUTES,
        latent_dim=3,
        encoder={"name": "mlp", "hidden": [4]},
        decoder={"name": "mlp", "hidden": [4], "attributes": True},
        objective={"name": "reconstruction", "kind": "likelihood"},
    )
    step = Step({name: cast(Part, part) for name, part in made.parts.items()}, rows(), KeyedNoise(0, 0))
    terms = list(cast(Any, made.objectives["reconstruction"]).terms("fit", step))
    assert [term.name for term in terms] == ["reconstruction", "attributes"]


def test_attributes_that_are_not_in_the_data_or_given_already_are_refused_in_words() -> None:
    with pytest.raises(SettingError, match="a decoder of pixels and attributes needs data with attributes"):
        model(labels=Labels("classes", ("a", "b")), attributes=True)
    with pytest.raises(SettingError, match=r"is given the attributes that decoder\.attributes=true has it tell"):
        model(attributes=True, conditional=True)
    with pytest.raises(DataError, match=r'"decoder" of this vae is told attributes, and .* has none'):
        zoo.train(model(attributes=True), torch.rand(20, *SHAPE), epochs=1, batch_size=10, progress=False, device="cpu")


# ---------------------------------------------------------------------------------------------------- implicit


@pytest.mark.parametrize("net", SMALL)
def test_an_implicit_decoder_draws_from_the_noise_that_is_given_with_a_gradient(net: str) -> None:
    made = model(net, "autoencoder", likelihood="implicit", noise_dim=2).double()
    decoder = cast(Decoder, made.parts["decoder"].train())
    assert decoder.capabilities == {"likelihood.implicit", "likelihood.rsample"}
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    likelihood = decoder.likelihood(z)
    drawn, again, other = likelihood.rsample(noise()), likelihood.sample(noise()), likelihood.rsample(noise(1))
    assert torch.equal(drawn, again) and not again.requires_grad and not torch.allclose(drawn, other, atol=1e-6)
    own = torch.autograd.grad(drawn.sum(), [z, *decoder.parameters()], allow_unused=True)
    assert (
        all(one is not None and torch.isfinite(one).all() for one in own)
        and float(cast(Tensor, own[0]).abs().max()) > 0
    )
    with pytest.raises(TypeError, match="Implicit has no density"):
        likelihood.log_prob(torch.rand(4, *SHAPE))


def test_a_draw_is_the_net_at_that_noise_beside_the_code() -> None:
    decoder = cast(Any, model("mlp", "autoencoder", likelihood="implicit").double().parts["decoder"])
    assert decoder.code.noise_dim == 3, "as many as z has"
    z = torch.randn(4, 3, dtype=torch.float64)
    beside = noise().normal("x:decoder.code.noise:1", (4, 3))
    by_hand = torch.sigmoid(decoder.head(decoder.hidden(torch.cat([z, beside], 1)))).view(4, *SHAPE)
    torch.testing.assert_close(decoder.likelihood(z).rsample(noise(), "x"), by_hand, rtol=0, atol=1e-12)
    assert not torch.equal(decoder.likelihood(z).mean, decoder.likelihood(z).mean), "by itself each forward draws"


def test_samples_follow_the_seed_and_pictures_of_codes_are_the_same_every_time() -> None:
    made = model("dcgan", "gan", labels=Labels(), likelihood="implicit")
    assert torch.equal(made.sample(4, seed=1), made.sample(4, seed=1)) and not torch.equal(
        made.sample(4, seed=1), made.sample(4, seed=2)
    )
    z = torch.randn(4, 3)
    assert torch.equal(made.decode(z), made.decode(z))


def test_a_gan_trains_with_noise_beside_the_code_and_comes_back(tmp_path: Path) -> None:
    made = model("dcgan", "gan", labels=Labels(), likelihood="implicit", noise_dim=5)
    before = {key: one.clone() for key, one in made.parts["decoder"].state_dict().items()}
    zoo.train(made, torch.rand(40, *SHAPE), epochs=1, batch_size=20, progress=False, device="cpu")
    assert any(not torch.equal(before[key], one) for key, one in made.parts["decoder"].state_dict().items())
    assert torch.equal(zoo.load(made.save(tmp_path / "gan")).sample(3, seed=0), made.sample(3, seed=0))


def test_what_needs_a_density_refuses_it_when_the_model_is_built() -> None:
    with pytest.raises(
        IncompatibleError, match=r'objective "elbo" needs "likelihood\.log_prob" of part "decoder"'
    ) as caught:
        model(likelihood="implicit")
    assert "decoder.likelihood=gaussian" in str(caught.value)
    with pytest.raises(IncompatibleError, match="kind=likelihood needs a decoder with a density"):
        zoo.build(
            "autoencoder",
            image_shape=SHAPE,
            labels=Labels(),
            decoder={"name": "mlp", "likelihood": "implicit"},
            objective={"name": "reconstruction", "kind": "likelihood"},
        )
    with pytest.raises(
        SettingError, match=r"decoder\.noise_dim: noise stands beside z in an implicit decoder, this one is gaussian"
    ):
        model(noise_dim=3)
    assert "likelihood.log_prob" not in likelihood_family("implicit", SHAPE).capabilities
