"""Toy objectives: each row of the game's table in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot, relu, softplus

from zoo_core.adversarial import JointGame, critic_loss, joint_generator_loss
from zoo_core.distributions import GaussianPosterior, Joint, gaussian_log_prob
from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Objective, Term
from zoo_core.noise import Noise

from .toys import CLASSES, LATENT, PIXELS, ToyNet


def kl(q: GaussianPosterior) -> Tensor:
    """KL to N(0, I), the batch's mean."""
    return (0.5 * (q.mean.square() + (2 * q.log_sigma).exp() - 1) - q.log_sigma).sum(1).mean()


def negative_elbo(encoder: Any, decoder: Any, x: Tensor, noise: Noise) -> Tensor:
    """The sum of :class:`ToyELBO`'s terms, for loops written by hand."""
    q = encoder.posterior(x)
    return -decoder.likelihood(q.rsample(noise, "z")).log_prob(x).mean() + kl(q)


class ToyELBO(Objective):
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("nll", -step.likelihood().log_prob(step.x).mean())
        yield Term("kl", kl(step.posterior()))


class ToyDiscreg(Objective):
    """−log N(d_l(x); d_l(mean), σ_l²); without the encoder's gradient it reaches the decoder and its own σ alone."""

    def __init__(self, *, encoder_gradient: bool = True) -> None:
        super().__init__()
        self.grad_parts = None if encoder_gradient else frozenset({"decoder", "self"})
        self.log_sigma = nn.ParameterDict({"hidden": torch.zeros(4), "logits": torch.zeros(CLASSES)})

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        real, made = step.features("classifier"), step.features("classifier", of="reconstruction")
        for layer in real:
            log_density = gaussian_log_prob(real[layer], made[layer], self.log_sigma[layer])
            yield Term(layer, -log_density.mean(), grad_parts=self.grad_parts)


class ToyReconstruction(Objective):
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("squared_error", (step.reconstruction() - step.x).square().mean())


class ToyCodeCritic(Objective):
    """Prior draws against codes, both with the label's one-hot."""

    losses = ("discriminate", "fool")
    default_players: ClassVar[Mapping[str, Any]] = {
        "critic": {"trains": ["self"], "losses": ["discriminate"], "lr": 0.05},
        "regularizer": {"trains": ["encoder"], "losses": ["fool"], "lr": 0.05},
    }

    def __init__(self) -> None:
        super().__init__()
        self.critic = ToyNet(LATENT + CLASSES, hidden=4)

    def logits(self, code: Tensor, step: Step) -> Tensor:
        return self.critic(code, one_hot(step.y, CLASSES).to(code))

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        fake = step.z()[:, -LATENT:]
        if loss == "discriminate":
            yield Term("real", softplus(-self.logits(step.prior_draw(), step)).mean())
            yield Term("fake", softplus(self.logits(fake.detach(), step)).mean())
        else:
            yield Term("fake", softplus(-self.logits(fake, step)).mean())


class ToyLabelCritic(Objective):
    """Categorical draws against the encoder's soft labels."""

    losses = ("discriminate-y", "fool-y")

    def __init__(self) -> None:
        super().__init__()
        self.critic = ToyNet(CLASSES, hidden=4)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        fake = step.z()[:, :CLASSES]
        if loss == "discriminate-y":
            real = one_hot(step.noise.integers("y", (len(step),), CLASSES), CLASSES).to(fake)
            yield Term("real", softplus(-self.critic(real)).mean())
            yield Term("fake", softplus(self.critic(fake.detach())).mean())
        else:
            yield Term("fake", softplus(-self.critic(fake)).mean())


class ToySupervision(Objective):
    """The soft label against the label."""

    losses = ("supervise",)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        q = step.posterior()
        assert isinstance(q, Joint) and step.y is not None
        yield Term("label", -q.latents["y"].mean.log().gather(1, step.y[:, None]).mean())


class ToyIntroVAC(Objective):
    """The encoder tells images from reconstructions by their KL, the decoder then fools the encoder as it is after that."""

    losses = ("fit", "fool")
    retained_values = frozenset({"reconstruction"})

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(LATENT, 1)

    def class_loss(self, z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(self.classifier(z)[:, 0], (y == 0).to(z))

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        encoder: Any = step.part("encoder")
        assert step.y is not None
        if loss == "fit":
            yield Term("l1", 3.0 * (step.reconstruction() - step.x).abs().mean())
            yield Term("class", self.class_loss(step.z(), step.y))
            yield Term("kl", 0.5 * kl(step.posterior()))
            yield Term("fake", 0.25 * relu(2.0 - kl(encoder.posterior(step.reconstruction().detach()))))
        else:
            again = encoder.posterior(step.as_of_loss("fit", "reconstruction"))
            yield Term("real", 0.25 * kl(again))
            yield Term("class", self.class_loss(again.mean, step.y))


class ToyGAN(Objective):
    losses = ("discriminate", "fool")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        critic = step.part("discriminator")
        if loss == "discriminate":
            yield Term("critic", critic(step.generated().detach()).mean() - critic(step.x).mean())
        else:
            yield Term("generator", -critic(step.generated()).mean())


class ToyGradientPenalty(ToyGAN):
    """WGAN-GP: the critic's slope at points between data and samples is drawn to 1."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield from super().terms(loss, step)
        if loss == "discriminate":
            mix = step.noise.uniform("mix", (len(step), 1, 1, 1))
            between = (mix * step.x + (1 - mix) * step.generated().detach()).requires_grad_()
            value = step.part("discriminator")(between).sum()
            (slope,) = torch.autograd.grad(value, between, create_graph=True)
            yield Term("penalty", (slope.flatten(1).norm(dim=1) - 1).square().mean())


class ToyDFM(Objective):
    """Denoising feature matching: the denoiser of the discriminator's features pulls the generator along."""

    losses = ("discriminate", "denoise", "fool")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        denoiser = step.part("denoiser")
        real, fake = step.features("discriminator"), step.features("discriminator", of="generated")
        if loss == "discriminate":
            yield Term("real", softplus(-real["logits"][:, 0]).mean())
            yield Term("fake", softplus(fake["logits"][:, 0]).mean())
        elif loss == "denoise":
            clean = real["hidden"].detach()
            noisy = clean + 0.3 * step.noise.normal("corruption", clean.shape)
            yield Term("denoise", (clean - denoiser(noisy)).square().sum(1).mean())
        else:
            hidden = fake["hidden"]
            yield Term("adversarial", softplus(-fake["logits"][:, 0]).mean())
            yield Term("match", 0.5 * (hidden - denoiser(hidden).detach()).square().sum(1).mean())


class ToyGibbs(Objective):
    """Data and their codes against the last pair (x, z) of a chain from the prior, ``steps`` times z → x → z. Early steps are constants;
    through the last the gradient reaches decoder and encoder. Without a step the pair is (x, the prior's z), which is ALI's."""

    losses = ("discriminate", "fool")

    def __init__(self, *, steps: int, game: JointGame = "swapped") -> None:
        super().__init__()
        self.steps = steps
        self.game: JointGame = game

    def walk(self, step: Step) -> Tensor:
        z = step.prior_draw()
        with torch.no_grad():
            for k in range(self.steps - 1):
                z = self.move(step, z, k)[1]
        return z

    def move(self, step: Step, z: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """x from z, and the next z from that x."""
        encoder: Any = step.part("encoder")
        decoder: Any = step.part("decoder")
        x = decoder.likelihood(z).mean
        return x, encoder.posterior(x).rsample(step.noise, f"chain{k}")

    def last(self, step: Step) -> tuple[Tensor, Tensor]:
        """The last pair, with its graph."""
        if not self.steps:
            return step.generated(), step.prior_draw()
        walked = step.value("walked", lambda: step.isolated(lambda: self.walk(step)))
        return self.move(step, walked, self.steps - 1)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        for i, name in enumerate(("chain:x", "chain:z")):
            step.value(name, lambda i=i: step.value("chain", lambda: self.last(step))[i])
        real = step.features("discriminator", of=("x", "z"))["score"]
        free = step.features("discriminator", of=("chain:x", "chain:z"))["score"]
        if loss == "discriminate":
            yield Term("pair", critic_loss("gan", real, free))
        else:
            yield Term("pair", joint_generator_loss("gan", real, free, self.game))


def fast_gradient_sign(net: FeatureExtractor, x: Tensor, y: Tensor, size: float = 0.1) -> Tensor:
    """x moved by ``size`` in every pixel, up the loss (Goodfellow et al. 2015)."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(cross_entropy(net.features(x)["logits"], y), x)
    return (x + size * slope.sign()).detach()


class ToyFortified(Objective):
    """Clean and attacked cross-entropy, and what a denoising autoencoder of the hidden layer misses on both."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        net: Any = step.part("classifier")
        dae = step.part("dae")
        assert step.y is not None
        clean = step.features("classifier")
        attacked = net.features(step.isolated(lambda: fast_gradient_sign(net, step.x, step.y)))
        yield Term("clean", cross_entropy(clean["logits"], step.y))
        yield Term("attacked", cross_entropy(attacked["logits"], step.y))
        noisy = clean["hidden"] + 0.1 * step.noise.normal("dae", clean["hidden"].shape)
        yield Term("rec", 0.2 * (dae(noisy) - clean["hidden"]).square().mean())
        yield Term("adv", 0.1 * (dae(attacked["hidden"]) - clean["hidden"].detach()).square().mean())


class ToyVectorCritic(ToyNet):
    """A critic of images."""

    def __init__(self, *, hidden: int = 0, norm: bool = False) -> None:
        super().__init__(PIXELS, hidden=hidden, norm=norm)
