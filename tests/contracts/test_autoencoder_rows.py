"""The autoencoders of the game's table equal loops written by hand, to the last bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot, relu, softplus

from zoo_core.distributions import gaussian_log_prob

from .games import aae, discreg_vae, fortified, introvac, vae
from .objectives import fast_gradient_sign, kl
from .toys import CLASSES, EXAMPLES, LATENT, ROUNDS, Batches, adam, noise, same, update


def test_vae_minimises_the_negative_elbo_over_encoder_and_decoder() -> None:
    table = vae()
    encoder, decoder = table.copies("encoder", "decoder")
    table.play()

    data, optimizer = Batches(), adam(encoder, decoder)
    for round in range(ROUNDS):
        x = data().x
        q = encoder.posterior(x)
        p = decoder.likelihood(q.rsample(noise(round), "z"))
        update(optimizer, -p.log_prob(x).mean() + kl(q))
    assert same(table, encoder=encoder, decoder=decoder)


@pytest.mark.parametrize("encoder_gradient", [True, False])
def test_discreg_vae_adds_a_density_of_features_that_may_spare_the_encoder(encoder_gradient: bool) -> None:
    table = discreg_vae(encoder_gradient=encoder_gradient)
    encoder, decoder, classifier, discreg = table.copies("encoder", "decoder", "classifier", "discreg")
    table.play()

    data, optimizer = Batches(), adam(encoder, decoder, discreg)
    for round in range(ROUNDS):
        x = data().x
        q = encoder.posterior(x)
        p = decoder.likelihood(q.rsample(noise(round), "z"))
        real, made = classifier.features(x), classifier.features(p.mean)
        dense = {layer: -gaussian_log_prob(real[layer], made[layer], discreg.log_sigma[layer]).mean() for layer in real}
        elbo = -p.log_prob(x).mean() + kl(q)
        optimizer.zero_grad()
        if encoder_gradient:
            (elbo + dense["hidden"] + dense["logits"]).backward()
        else:
            elbo.backward(retain_graph=True)
            features = dense["hidden"] + dense["logits"]
            features.backward(inputs=[*decoder.parameters(), *discreg.parameters()])
        optimizer.step()
    assert same(table, encoder=encoder, decoder=decoder, discreg=discreg, classifier=classifier)


def label_and_style(encoder: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    out = encoder(x)
    return out[:, :CLASSES].softmax(1), out[:, CLASSES:]


def test_aae_plays_fit_supervise_and_two_critics_each_in_turn() -> None:
    table = aae()
    encoder, decoder, codes, labels = table.copies("encoder", "decoder", "codes", "labels")
    table.play()

    data, draws = Batches(), iter(range(100))
    autoencoder, supervisor, regularizer = adam(encoder, decoder), adam(encoder), adam(encoder)
    code_critic, label_critic = adam(codes), adam(labels)
    for _ in range(ROUNDS):
        main, drawn = data(), noise(next(draws))
        given = one_hot(main.y, CLASSES).double()

        code = torch.cat(label_and_style(encoder, main.x), 1)
        update(autoencoder, (decoder.likelihood(code).mean - main.x).square().mean())

        labelled, _ = data("labelled"), next(draws)
        soft, _ = label_and_style(encoder, labelled.x)
        update(supervisor, -soft.log().gather(1, labelled.y[:, None]).mean())

        real = drawn.normal("prior", (EXAMPLES, LATENT))
        fake = label_and_style(encoder, main.x)[1].detach()
        real_loss = softplus(-codes.critic(real, given)).mean()
        update(code_critic, real_loss + softplus(codes.critic(fake, given)).mean())

        real = one_hot(drawn.integers("y", (EXAMPLES,), CLASSES), CLASSES).double()
        fake = label_and_style(encoder, main.x)[0].detach()
        update(label_critic, softplus(-labels.critic(real)).mean() + softplus(labels.critic(fake)).mean())

        update(regularizer, softplus(-codes.critic(label_and_style(encoder, main.x)[1], given)).mean())
        update(regularizer, softplus(-labels.critic(label_and_style(encoder, main.x)[0])).mean())
    assert same(table, encoder=encoder, decoder=decoder, codes=codes, labels=labels)


def test_introvac_steps_the_decoder_with_gradients_of_both_turns_on_the_images_of_the_first() -> None:
    table = introvac()
    encoder, decoder, introvac_ = table.copies("encoder", "decoder", "introvac")
    classifier = introvac_.classifier
    table.play()

    data: Any = Batches()
    encoding, decoding = adam(encoder, introvac_), adam(decoder)
    for round in range(ROUNDS):
        batch = data()
        x, target = batch.x, (batch.y == 0).double()
        q = encoder.posterior(x)
        z = q.rsample(noise(round), "z")
        image = decoder.likelihood(z).mean
        fit = 3.0 * (image - x).abs().mean()
        fit = fit + binary_cross_entropy_with_logits(classifier(z)[:, 0], target) + 0.5 * kl(q)
        fit = fit + 0.25 * relu(2.0 - kl(encoder.posterior(image.detach())))
        encoding.zero_grad()
        decoding.zero_grad()
        fit.backward(retain_graph=True)
        encoding.step()

        again = encoder.posterior(image)
        fool = 0.25 * kl(again) + binary_cross_entropy_with_logits(classifier(again.mean)[:, 0], target)
        fool.backward(inputs=list(decoder.parameters()))  # on top of what fit left there
        decoding.step()
    assert same(table, encoder=encoder, decoder=decoder, introvac=introvac_)


def test_fortified_trains_on_an_attack_that_left_no_trace_in_the_classifier() -> None:
    table = fortified()
    net, dae = table.copies("classifier", "dae")
    table.play()

    data, optimizer = Batches(), adam(net, dae)
    for round in range(ROUNDS):
        batch = data()
        clean = net.features(batch.x)
        attacked = net.features(fast_gradient_sign(copy.deepcopy(net), batch.x, batch.y))
        loss = cross_entropy(clean["logits"], batch.y) + cross_entropy(attacked["logits"], batch.y)
        noisy = clean["hidden"] + 0.1 * noise(round).normal("dae", (EXAMPLES, 4))
        loss = loss + 0.2 * (dae(noisy) - clean["hidden"]).square().mean()
        loss = loss + 0.1 * (dae(attacked["hidden"]) - clean["hidden"].detach()).square().mean()
        update(optimizer, loss)
    assert same(table, classifier=net, dae=dae)
