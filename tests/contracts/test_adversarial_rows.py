"""The adversarial models of the game's table equal loops written by hand, to the last bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from zoo_core.adversarial import JointGame

from .games import dfm, gan, gibbsnet
from .toys import EXAMPLES, LATENT, ROUNDS, Batches, adam, noise, same, update


def prior(step: int) -> Tensor:
    return noise(step).normal("prior", (EXAMPLES, LATENT))


def test_gan_updates_the_discriminator_then_the_generator() -> None:
    table = gan()
    generator, critic = table.copies("decoder", "discriminator")
    table.play()

    data, to_critic, to_generator = Batches(), adam(critic), adam(generator)
    for round in range(ROUNDS):
        x = data().x
        fake = generator.likelihood(prior(round)).mean
        update(to_critic, critic(fake.detach()).mean() - critic(x).mean())
        update(to_generator, -critic(fake).mean())
    assert same(table, decoder=generator, discriminator=critic)


def test_wgan_updates_its_critic_on_fresh_batches_and_clips_its_weights_after_each() -> None:
    table = gan(batches=3, constraint=0.1, optimizer="rmsprop")
    generator, critic = table.copies("decoder", "discriminator")
    table.play()

    data, draws = Batches(), iter(range(100))
    to_critic, to_generator = torch.optim.RMSprop(critic.parameters(), lr=0.05), adam(generator)
    for _ in range(ROUNDS):
        for _ in range(3):
            x = data().x
            z = prior(next(draws))
            fake = generator.likelihood(z).mean
            update(to_critic, critic(fake.detach()).mean() - critic(x).mean())
            for weight in critic.parameters():
                weight.data.clamp_(-0.1, 0.1)
        update(to_generator, -critic(generator.likelihood(z).mean).mean())  # on the last critic batch
    assert same(table, decoder=generator, discriminator=critic)


def test_wgan_gp_differentiates_its_penalty_twice() -> None:
    table = gan(penalty=True)
    generator, critic = table.copies("decoder", "discriminator")
    table.play()

    data, to_critic, to_generator = Batches(), adam(critic), adam(generator)
    for round in range(ROUNDS):
        x = data().x
        fake = generator.likelihood(prior(round)).mean
        # Before the penalty, as the objective does: autograd adds up gradients in the order of the forwards.
        wasserstein = critic(fake.detach()).mean() - critic(x).mean()
        mix = noise(round).uniform("mix", (EXAMPLES, 1, 1, 1))
        between = (mix * x + (1 - mix) * fake.detach()).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        update(to_critic, wasserstein + penalty)
        update(to_generator, -critic(fake).mean())
    assert same(table, decoder=generator, discriminator=critic)


def test_dfm_takes_three_gradients_at_the_same_weights_and_then_steps_three_players() -> None:
    table = dfm()
    generator, critic, denoiser = table.copies("decoder", "discriminator", "denoiser")
    table.play()

    data, players = Batches(), [adam(critic), adam(denoiser), adam(generator)]
    for round in range(ROUNDS):
        real, fake = critic.features(data().x), critic.features(generator.likelihood(prior(round)).mean)
        discriminate = softplus(-real["logits"][:, 0]).mean() + softplus(fake["logits"][:, 0]).mean()
        clean = real["hidden"].detach()
        noisy = clean + 0.3 * noise(round).normal("corruption", (EXAMPLES, 4))
        denoise = (clean - denoiser(noisy)).square().sum(1).mean()
        hidden = fake["hidden"]
        fool = softplus(-fake["logits"][:, 0]).mean()
        fool = fool + 0.5 * (hidden - denoiser(hidden).detach()).square().sum(1).mean()
        for loss, net in ((discriminate, critic), (denoise, denoiser), (fool, generator)):
            net.zero_grad()
            loss.backward(inputs=list(net.parameters()), retain_graph=True)
        for optimizer in players:
            optimizer.step()
    assert same(table, decoder=generator, discriminator=critic, denoiser=denoiser)


@pytest.mark.parametrize("game", ["swapped", "boundary"])
@pytest.mark.parametrize("steps", [0, 1, 3], ids=["ali", "one step", "gibbsnet"])
def test_gibbsnet_trains_encoder_and_decoder_as_one_player_on_the_chains_last_pair(steps: int, game: JointGame) -> None:
    table = gibbsnet(steps=steps, game=game)
    encoder, decoder, critic = table.copies("encoder", "decoder", "discriminator")
    table.play()

    data, to_critic, to_generator = Batches(), adam(critic), adam(encoder, decoder)
    for round in range(ROUNDS):
        x = data().x
        z = prior(round)
        with torch.no_grad():
            for k in range(steps - 1):
                z = encoder.posterior(decoder.likelihood(z).mean).rsample(noise(round), f"chain{k}")
        last = decoder.likelihood(z).mean
        if steps:  # the last z depends on the encoder, and through x on the decoder
            z = encoder.posterior(last).rsample(noise(round), f"chain{steps - 1}")
        code = encoder.posterior(x).rsample(noise(round), "z")
        data_score, free_score = critic(x, code)[0], critic(last, z)[0]
        update(to_critic, softplus(-data_score).mean() + softplus(free_score).mean(), retain_graph=True)
        data_score, free_score = critic(x, code)[0], critic(last, z)[0]
        if game == "swapped":
            update(to_generator, softplus(data_score).mean() + softplus(-free_score).mean())
        else:
            update(to_generator, 0.5 * (data_score.square().mean() + free_score.square().mean()))
    assert same(table, encoder=encoder, decoder=decoder, discriminator=critic)
