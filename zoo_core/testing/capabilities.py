"""Checks of what parts say they can do: posteriors, likelihoods, labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from zoo_core.distributions import Likelihood
from zoo_core.errors import ZooError, shown
from zoo_core.interfaces import Decoder, Encoder, Labels
from zoo_core.noise import GeneratorNoise, KeyedNoise
from zoo_core.registry.parameter import context, parameters
from zoo_core.testing.pictures import ATTRIBUTES, CLASSES, batch
from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.subject import Subject, difference, outputs
from zoo_core.testing.surroundings import PlainPrior

RANDOM = frozenset({"posterior.kl", "posterior.log_prob", "posterior.implicit", "posterior.standardised"})
"""Posteriors that are no point."""


def require_shape(what: str, found: Tensor, shape: tuple[int, ...], *, finite: bool = True) -> None:
    """Refuse a tensor of another shape, or with NaN or infinity in it.

    Raises:
        CheckFailed: it is.
    """
    if tuple(found.shape) != shape:
        raise CheckFailed(f"{what} of shape {shape}", found=str(tuple(found.shape)))
    if finite and not torch.isfinite(found).all():
        raise CheckFailed(f"finite values of {what}", found="NaN or infinity")


def check_posterior_does_what_it_says(subject: Subject) -> None:
    """Draws, mean and, where said, ``log_prob`` and ``kl`` of the posterior have their shapes, are finite, and kl ≥ 0."""
    encoder = cast(Encoder, subject.part())
    inputs = subject.inputs(encoder, 5)
    given = inputs[0], inputs[2] if len(inputs) > 2 else None
    width = encoder.latent_dim
    posterior = encoder.posterior(*given)
    z = posterior.rsample(KeyedNoise(0, 0))
    require_shape("posterior(x).mean", posterior.mean, (5, width))
    require_shape("a draw", z, (5, width))
    if not torch.equal(z, encoder.posterior(*given).rsample(KeyedNoise(0, 0))):
        raise CheckFailed("the same draw from the same noise", found="another", do="draw from the noise that is given")
    if not z.requires_grad and any(p.requires_grad for p in encoder.parameters()):
        raise CheckFailed("a draw with a gradient back to the encoder", found="a detached one")
    if "posterior.log_prob" in encoder.capabilities:
        require_shape("posterior(x).log_prob(z)", posterior.log_prob(z), (5,))
    if "posterior.kl" in encoder.capabilities:
        kl = posterior.kl(PlainPrior(width))
        require_shape("posterior(x).kl(prior)", kl, (5,))
        if kl.min() < -1e-4:
            raise CheckFailed("a divergence of at least 0", found=f"{kl.min():.3g}")


def check_draws_differ_as_said(subject: Subject) -> None:
    """A posterior with a density, with noise planes or standardised over the batch is random: other noise gives another draw."""
    encoder = cast(Encoder, subject.part())
    inputs = subject.inputs(encoder, 5)
    given = inputs[0], inputs[2] if len(inputs) > 2 else None
    random = bool(encoder.capabilities & RANDOM)
    with torch.no_grad():
        first, second = (encoder.posterior(*given).rsample(KeyedNoise(seed, 0)) for seed in (0, 1))
    if random and torch.equal(first, second):
        raise CheckFailed("other draws from other noise", found="the same", do="use the noise that forward is given")


def check_codes_of_one_example_are_its_own(subject: Subject) -> None:
    """In eval mode an example's posterior does not depend on the others; in train mode draws of a standardised one have mean 0 and
    standard deviation 1 over the batch."""
    encoder = cast(Encoder, subject.part())
    inputs = subject.inputs(encoder, 6)
    x, y = inputs[0], inputs[2] if len(inputs) > 2 else None
    with torch.no_grad():
        together = encoder.posterior(x, y).mean[:1]
        alone = encoder.posterior(x[:1], None if y is None else y[:1]).mean
        if difference((alone,), (together,)) > 1e-3:
            raise CheckFailed(
                "the same posterior of an example alone and in a batch, in eval mode",
                found="another",
                do="standardise by running statistics in eval mode, as posterior_family does",
            )
        if "posterior.standardised" in encoder.capabilities:
            draws = encoder.train().posterior(x, y).rsample(KeyedNoise(0, 0)).double()
            centre, spread = draws.mean(0), draws.std(0, correction=0)
            if centre.abs().max() > 1e-3 or (spread - 1).abs().max() > 0.05:
                raise CheckFailed(
                    "draws of mean 0 and standard deviation 1 over the batch, in train mode, as the capability posterior.standardised says",
                    found=f"means up to {centre.abs().max():.2g}, deviations from {spread.min():.2g} to {spread.max():.2g}",
                    do='drop the capability, or take posterior_family("standardised", …)',
                )


def check_likelihood_does_what_it_says(subject: Subject) -> None:
    """The likelihood's mean is a picture in [0, 1]; where said, ``log_prob`` is finite, and so is that of attributes; draws have the
    picture's shape, and, where said, a gradient and noise of their own."""
    for shape in subject.image_shapes:
        decoder = cast(Decoder, subject.part(shape))
        inputs = subject.inputs(decoder, 5, shape)
        likelihood = decoder.likelihood(*inputs)
        mean = likelihood.mean
        require_shape("likelihood(z).mean", mean, (5, *shape))
        if mean.min() < 0 or mean.max() > 1:
            raise CheckFailed(
                "a mean in [0, 1]",
                found=f"values from {mean.min():.3g} to {mean.max():.3g}",
                do="give forward's output before the squashing; the family has the sigmoid",
            )
        if "likelihood.log_prob" in decoder.capabilities:
            log_prob = likelihood.log_prob(batch(5, shape, CLASSES).x)
            require_shape("likelihood(z).log_prob(x)", log_prob, (5,))
            if not log_prob.requires_grad:
                raise CheckFailed("a log_prob with a gradient back to the decoder", found="a detached one")
        if "likelihood.attributes" in decoder.capabilities:
            refuse_other_attributes(likelihood, subject.labels.count)
        draw = likelihood.sample(KeyedNoise(0, 0))
        require_shape("a draw of x", draw, (5, *shape))
        if "likelihood.rsample" in decoder.capabilities:
            refuse_detached_draws(likelihood, draw)
        if (
            "likelihood.implicit" in decoder.capabilities
            and difference((likelihood.sample(KeyedNoise(1, 0)),), (draw,)) < 1e-6
        ):
            raise CheckFailed("other draws from other noise, as the capability likelihood.implicit says", found="the same",
                              do="take noise beside z in forward, by PartNoise")  # fmt: skip


def refuse_other_attributes(likelihood: Likelihood, count: int) -> None:
    """Refuse a likelihood without attributes, or with another number than ``count``, or without a gradient.

    Raises:
        CheckFailed: it is one.
    """
    attributes = likelihood.attributes
    if attributes is None:
        raise CheckFailed("attributes beside the picture, as the capability likelihood.attributes says", found="none",
                          do="give the pair (picture, logits) in forward")  # fmt: skip
    require_shape("likelihood(z).attributes.mean", attributes.mean, (len(likelihood.mean), count))
    log_prob = attributes.log_prob(batch(len(likelihood.mean), (1, 8, 8), ATTRIBUTES).attributes)  # type: ignore[arg-type]
    require_shape("likelihood(z).attributes.log_prob(a)", log_prob, (len(likelihood.mean),))
    if not log_prob.requires_grad:
        raise CheckFailed("a log_prob of attributes with a gradient back to the decoder", found="a detached one")


def refuse_detached_draws(likelihood: Likelihood, draw: Tensor) -> None:
    """Refuse an ``rsample`` that gives other than ``sample`` gives for the same noise, ``draw``, or no gradient back to the decoder.

    Raises:
        CheckFailed: it does not.
    """
    try:
        found = likelihood.rsample(KeyedNoise(0, 0))
    except TypeError as error:
        raise CheckFailed(
            "draws with a gradient, as the capability likelihood.rsample says",
            found=shown(error),
            do="drop the capability",
        ) from None
    if not found.requires_grad:
        raise CheckFailed("a draw with a gradient back to the decoder", found="a detached one")
    if found.shape != draw.shape or difference((found,), (draw,)) > 1e-6:
        raise CheckFailed("the same draw from rsample and sample for the same noise", found="another")


def check_pictures_depend_on_codes(subject: Subject) -> None:
    """Other codes give other pictures, other pictures other codes or features."""
    part = subject.settled()
    first = subject.inputs(part, 4)
    with torch.no_grad():
        other = (subject.inputs(part, 4, start=30)[0], *first[1:])
        if difference(outputs(part, first), outputs(part, other)) < 1e-6:
            raise CheckFailed("other outputs for other inputs", found="the same", do="use the input in forward")


def check_labels_as_said(subject: Subject) -> None:
    """With the capability ``labels`` y decides the picture or the posterior, as classes, one-hot or −1 (not known); without it nothing
    asks for y."""
    part = subject.settled()
    if "labels" not in part.capabilities or subject.labels.type == "attributes":
        return
    if not subject.tags.conditional and subject.tags.labels == "none":
        raise CheckFailed(
            "the tag conditional for a part that takes labels", found="none", do="tags = Tags(conditional=True)"
        )
    inputs = subject.inputs(part, 4)
    others, y = list(inputs)[:-1], inputs[-1]
    assert y is not None
    count = CLASSES.count
    with torch.no_grad():
        given = outputs(part, (*others, y))
        if difference(outputs(part, (*others, (y + 1) % count)), given) < 1e-6:
            raise CheckFailed("other outputs for other labels", found="the same", do="use y in forward")
        as_one_hot = torch.nn.functional.one_hot(y, count)
        if difference(outputs(part, (*others, as_one_hot)), given) > 1e-5:
            raise CheckFailed("the same output for a class and its one-hot", found="another")
        if not torch.isfinite(outputs(part, (*others, torch.full_like(y, -1)))[0]).all():
            raise CheckFailed("finite outputs for labels of −1 (not known)", found="NaN or infinity")


def check_attributes_as_said(subject: Subject) -> None:
    """A part that takes labels decides by the attributes where the data have attributes, takes those that are −1 (not known), or refuses
    such data when it is built."""
    told = Subject(subject.entry, subject.component, subject.index, {**subject.example, "labels": "attributes"})
    try:
        part = told.part()
    except ZooError:
        return
    if "labels" not in part.capabilities:
        return
    y = batch(4, subject.image_shapes[0], ATTRIBUTES).attributes
    assert y is not None
    with torch.no_grad():
        try:
            part = told.settled()
            others = list(told.inputs(part, 4))[:-1]
            given, opposite, unknown = (outputs(part, (*others, one)) for one in (y, 1 - y, torch.full_like(y, -1)))
        except (ZooError, RuntimeError, IndexError) as error:
            raise CheckFailed(
                "a part that takes attributes (N, K), as it was built for data with attributes",
                found=f"{type(error).__name__}: {shown(error, 300)}",
                do='refuse labels.type == "attributes" in __init__ with a SettingError, or take such y in forward',
            ) from None
    if difference(given, opposite) < 1e-6:
        raise CheckFailed("other outputs for other attributes", found="the same", do="use y in forward")
    if not torch.isfinite(unknown[0]).all():
        raise CheckFailed("finite outputs for attributes of −1 (not known)", found="NaN or infinity")


def check_conditional_as_tagged(subject: Subject) -> None:
    """A component tagged ``conditional`` has an example that takes labels, and is refused where data have none."""
    examples = [Subject(subject.entry, subject.component, i, e) for i, e in enumerate(subject.component.examples())]
    able = [one for one in examples if "labels" in one.fresh().capabilities]
    if not able:
        raise CheckFailed(
            "an example with the capability labels, as the tag conditional says",
            found="none",
            do="add one to examples(), or drop the tag",
        )
    if "labels" not in context(subject.component):
        return
    try:
        able[0].fresh(labels=Labels())
    except ZooError:
        return
    raise CheckFailed("a part that takes labels to be refused for data without classes", found="it was built",
                      do="raise a SettingError in __init__ where labels.count is 0")  # fmt: skip


def check_needs_labels_as_tagged(subject: Subject) -> None:
    """A component tagged ``labels`` refuses data without them, also when it is built by hand."""
    if "labels" not in context(subject.component):
        return
    try:
        subject.fresh(labels=Labels())
    except ZooError:
        return
    raise CheckFailed(
        f"to be refused for data without {subject.tags.labels}",
        found="it was built",
        do="raise a IncompatibleError in __init__",
    )


def check_density_is_normalised(subject: Subject) -> None:
    """With the tag ``density`` the log-probability of a one-dimensional code integrates to 1."""
    if "latent_dim" not in parameters(subject.component):
        return
    try:
        encoder = cast(Encoder, subject.fresh(settings={"latent_dim": 1})).eval()
    except (ZooError, ValueError) as error:
        raise CheckSkipped(f"it takes no latent_dim=1: {shown(error, 500)}") from None
    if "posterior.log_prob" not in encoder.capabilities:
        return
    inputs = subject.inputs(encoder, 1)
    given = inputs[0], inputs[2] if len(inputs) > 2 else None
    with torch.no_grad():
        posterior = encoder.posterior(*given)
        draws = torch.cat([posterior.rsample(GeneratorNoise(torch.Generator().manual_seed(i))) for i in range(64)])
        refuse_other_mass(posterior.log_prob, draws)


def refuse_other_mass(log_prob: Callable[[Tensor], Tensor], draws: Tensor) -> None:
    """Refuse a density over one-dimensional codes (N, 1) that does not integrate to 1 over where its ``draws`` lie.

    Raises:
        CheckFailed: it does not.
    """
    centre, spread = float(draws.mean()), max(float(draws.std()), 1e-3)
    grid = torch.linspace(centre - 20 * spread, centre + 20 * spread, 8001).unsqueeze(1)
    mass = float(torch.trapezoid(log_prob(grid).double().exp().flatten(), grid.double().flatten()))
    if not math.isclose(mass, 1.0, rel_tol=0.02):
        raise CheckFailed(
            "a density that integrates to 1",
            found=f"{mass:.3g}",
            do="mind the constant (−½ log 2π a dimension) and the sign of log σ",
        )
