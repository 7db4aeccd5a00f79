"""Encoders and decoders: shapes, mirrors, labels, likelihoods, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from zoo_basics.decoders.dcgan import DCGANDecoder
from zoo_basics.decoders.discgen import DiscgenDecoder
from zoo_basics.decoders.mlp import MLPDecoder
from zoo_basics.decoders.resnet import ResNetDecoder
from zoo_basics.encoders.dcgan import DCGANEncoder
from zoo_basics.encoders.discgen import DiscgenEncoder
from zoo_basics.encoders.mlp import MLPEncoder
from zoo_basics.encoders.resnet import ResNetEncoder

from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Labels

NETS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "mlp": (MLPEncoder, MLPDecoder, {"hidden": (20, 12)}),
    "dcgan": (DCGANEncoder, DCGANDecoder, {"width": 4}),
    "discgen": (DiscgenEncoder, DiscgenDecoder, {"width": 4, "hidden": 16}),
    "resnet": (ResNetEncoder, ResNetDecoder, {"width": 4}),
}
CLASSES = Labels("classes", ("a", "b", "c"))
SHAPES = [
    (1, 28, 28),
    (3, 28, 28),
    (1, 32, 32),
    (3, 32, 32),
    (3, 48, 48),
    (1, 64, 64),
    (3, 128, 128),
    (3, 32, 48),
    (1, 28, 40),
]


def fits(name: str, shape: tuple[int, int, int]) -> bool:
    return name != "discgen" or (shape[1] % 16 == 0 and shape[2] % 16 == 0)


PAIRS = [(name, shape) for name in NETS for shape in SHAPES if fits(name, shape)]


@pytest.mark.parametrize(("name", "shape"), PAIRS)
def test_encoder_gives_a_posterior_over_codes_and_decoder_pictures_of_the_image_shape(
    name: str, shape: tuple[int, int, int]
) -> None:
    make_encoder, make_decoder, settings = NETS[name]
    x = torch.rand(2, *shape)
    encoder = make_encoder(image_shape=shape, latent_dim=5, **settings)
    decoder = make_decoder(image_shape=shape, labels=Labels(), latent_dim=5, **settings)
    assert encoder(x).shape == (2, 10)
    posterior = encoder.posterior(x)
    assert posterior.mean.shape == posterior.log_sigma.shape == (2, 5)
    likelihood = decoder.likelihood(posterior.rsample())
    assert likelihood.mean.shape == x.shape
    assert likelihood.mean.min() >= 0 and likelihood.mean.max() <= 1
    likelihood.log_prob(x).sum().backward()
    parts = [*encoder.named_parameters(), *decoder.named_parameters()]
    assert [n for n, p in parts if p.grad is None] == []


def maps_seen(net: nn.Module, argument: Tensor) -> list[tuple[int, int]]:
    """(H, W) of every map that enters or leaves a layer, runs of equal ones as one."""
    sizes: list[tuple[int, int]] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        for t in (inputs[0], output):
            if t.ndim == 4 and (not sizes or sizes[-1] != tuple(t.shape[2:])):
                sizes.append((t.shape[2], t.shape[3]))

    leaves = [m for m in net.modules() if not list(m.children())]
    hooks = [m.register_forward_hook(note) for m in leaves]
    net(argument)
    for hook in hooks:
        hook.remove()
    return sizes


@pytest.mark.parametrize(("name", "shape"), [pair for pair in PAIRS if pair[0] != "mlp"])
def test_decoder_goes_through_the_encoders_maps_backwards(name: str, shape: tuple[int, int, int]) -> None:
    make_encoder, make_decoder, settings = NETS[name]
    down = maps_seen(make_encoder(image_shape=shape, latent_dim=3, **settings), torch.rand(2, *shape))
    decoder = make_decoder(image_shape=shape, labels=Labels(), latent_dim=3, **settings)
    up = maps_seen(decoder, torch.randn(2, 3))
    assert up == down[::-1]
    assert down[0] == shape[1:]


@pytest.mark.parametrize(("side", "smallest"), [(28, 7), (32, 4), (48, 6), (64, 4), (96, 6), (128, 4)])
def test_halving_ends_where_a_side_is_odd_or_below_eight(side: int, smallest: int) -> None:
    sizes = maps_seen(DCGANEncoder(image_shape=(1, side, side), width=2), torch.rand(2, 1, side, side))
    assert sizes[-1] == (smallest, smallest)


def test_dcgan_filters_double_in_the_encoder_and_halve_in_the_decoder() -> None:
    encoder = DCGANEncoder(image_shape=(3, 64, 64), width=8)
    decoder = DCGANDecoder(image_shape=(3, 64, 64), labels=Labels(), width=8)
    down = [(m.in_channels, m.out_channels) for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    up = [(m.in_channels, m.out_channels) for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [(3, 8), (8, 16), (16, 32), (32, 64)]
    assert up == [(64, 32), (32, 16), (16, 8), (8, 3)]


def test_dcgan_starts_at_standard_deviation_two_hundredths_and_has_no_batch_norm_after_its_first_convolution() -> None:
    encoder = DCGANEncoder(image_shape=(3, 32, 32), width=64)
    weights = torch.cat([m.weight.flatten() for m in encoder.modules() if isinstance(m, nn.Conv2d | nn.Linear)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    kinds = [type(m) for m in encoder.convolutions.modules() if not list(m.children())]
    assert kinds[:3] == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d] and kinds[3] is nn.BatchNorm2d


def test_discgen_at_64_pixels_is_the_published_net() -> None:
    encoder = DiscgenEncoder(image_shape=(3, 64, 64), latent_dim=500)
    widths = [m.out_channels for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [32] * 3 + [64] * 3 + [128] * 3 + [256] * 3
    linear = [(m.in_features, m.out_features) for m in encoder.modules() if isinstance(m, nn.Linear)]
    assert linear == [(4096, 1000), (1000, 1000)]


def test_resnet_at_128_pixels_has_the_widths_of_introvac() -> None:
    encoder = ResNetEncoder(image_shape=(3, 128, 128), latent_dim=256)
    widths = [m.branch[0].out_channels for m in encoder.modules() if type(m).__name__ == "ResidualBlock"]
    assert widths == [64, 128, 256, 512, 512]
    assert (encoder.head.in_features, encoder.head.out_features) == (8192, 512)
    # The facts about the published net say 13.8 M parameters.
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(13.8e6, rel=0.02)


@pytest.mark.parametrize("name", NETS)
def test_implicit_posterior_depends_on_its_noise(name: str) -> None:
    make_encoder, _, settings = NETS[name]
    encoder = make_encoder(image_shape=(1, 32, 32), latent_dim=4, posterior="implicit", noise_channels=2, **settings)
    encoder.eval()
    posterior = encoder.posterior(torch.rand(3, 1, 32, 32))
    assert posterior.rsample().shape == (3, 4)
    assert not torch.equal(posterior.rsample(), posterior.rsample())
    assert torch.equal(posterior.mean, posterior.mean)


@pytest.mark.parametrize("name", NETS)
def test_joint_code_starts_with_a_distribution_over_categories(name: str) -> None:
    make_encoder, _, settings = NETS[name]
    encoder = make_encoder(image_shape=(1, 32, 32), latent_dim=7, posterior="joint", categories=3, **settings)
    code = encoder.posterior(torch.rand(2, 1, 32, 32)).mean
    assert code.shape == (2, 7)
    assert torch.allclose(code[:, :3].sum(1), torch.ones(2))


@pytest.mark.parametrize("name", NETS)
def test_conditional_decoder_takes_numbers_and_one_hot_labels_alike_and_zeros_for_unknown(name: str) -> None:
    _, make_decoder, settings = NETS[name]
    decoder = make_decoder(image_shape=(1, 32, 32), labels=CLASSES, latent_dim=4, conditional=True, **settings).eval()
    z = torch.randn(1, 4).expand(3, 4)
    assert "labels" in decoder.capabilities
    pictures = decoder(z, torch.tensor([0, 2, -1]))
    one_hot = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert torch.equal(pictures, decoder(z, one_hot))
    assert not torch.equal(pictures[0], pictures[1])


def test_labels_where_none_are_taken_and_none_where_they_are_needed_are_refused() -> None:
    z, y = torch.randn(2, 4), torch.tensor([0, 1])
    plain = MLPDecoder(image_shape=(1, 8, 8), labels=CLASSES, latent_dim=4, hidden=(6,))
    conditional = MLPDecoder(image_shape=(1, 8, 8), labels=CLASSES, latent_dim=4, hidden=(6,), conditional=True)
    assert "labels" not in plain.capabilities
    with pytest.raises(IncompatibleError, match="takes none"):
        plain(z, y)
    with pytest.raises(IncompatibleError, match="no labels"):
        conditional(z)


@pytest.mark.parametrize("name", NETS)
def test_conditional_decoder_for_data_without_classes_is_refused(name: str) -> None:
    _, make_decoder, settings = NETS[name]
    with pytest.raises(SettingError, match="needs data with classes"):
        make_decoder(image_shape=(1, 32, 32), labels=Labels(), conditional=True, **settings)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("dcgan", (1, 27, 28), "cannot be halved"),
        ("resnet", (1, 6, 6), "cannot be halved"),
        ("discgen", (3, 40, 64), "divisible by 16"),
    ],
)
def test_image_sizes_that_do_not_fit_are_refused(name: str, shape: tuple[int, int, int], words: str) -> None:
    make_encoder, make_decoder, settings = NETS[name]
    with pytest.raises(SettingError, match=words):
        make_encoder(image_shape=shape, **settings)
    with pytest.raises(SettingError, match=words):
        make_decoder(image_shape=shape, labels=Labels(), **settings)


@pytest.mark.parametrize(("sigma", "shape"), [("shared", ()), ("channel", (3, 1, 1)), ("unit", (3, 16, 16))])
def test_sigma_is_learned_with_the_asked_sharing(sigma: Any, shape: tuple[int, ...]) -> None:
    for _, make_decoder, settings in NETS.values():
        about_sigma = {"sigma": sigma, "initial_log_sigma": -1.0}
        decoder = make_decoder(image_shape=(3, 16, 16), labels=Labels(), **about_sigma, **settings)
        assert decoder.family.log_sigma.free.shape == shape
        assert torch.allclose(decoder.likelihood(torch.randn(2, 64)).log_sigma, torch.tensor(-1.0), atol=1e-4)


def test_bernoulli_decoder_has_no_sigma() -> None:
    decoder = MLPDecoder(image_shape=(1, 8, 8), labels=Labels(), likelihood="bernoulli", hidden=(6,))
    assert [name for name, _ in decoder.family.named_parameters()] == []


@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "elu", "silu", "gelu", "softplus", "tanh"])
def test_activations_are_the_named_functions(activation: Any) -> None:
    formula = {
        "relu": lambda v: v.clamp(min=0),
        "leaky-relu": lambda v: torch.where(v > 0, v, 0.2 * v),
        "elu": lambda v: torch.where(v > 0, v, torch.expm1(v)),
        "silu": lambda v: v * torch.sigmoid(v),
        "gelu": lambda v: v * 0.5 * (1 + torch.erf(v / 2**0.5)),
        "softplus": lambda v: torch.log1p(v.exp()),
        "tanh": torch.tanh,
    }[activation]
    encoder = MLPEncoder(image_shape=(1, 4, 4), latent_dim=2, hidden=(5,), activation=activation)
    x = torch.rand(3, 1, 4, 4)
    first = encoder.hidden[0]
    expected = encoder.head(formula(x.flatten(1) @ first.weight.T + first.bias))
    assert torch.allclose(encoder(x), expected, atol=1e-5)
