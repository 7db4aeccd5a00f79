"""Checks of samplers: as many pictures as asked for, in range, seeded, for the labels that were asked for."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.errors import ZooError
from zoo_core.interfaces import Need, Sampler, Samples
from zoo_core.model import Model
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject
from zoo_core.testing.surroundings import plain_model, surround


def model_around(subject: Subject, *, conditional: bool = False) -> Model:
    """A model of plain parts, with all that the subject needs, and encoder, decoder, prior and classifier in any case. A subject
    tagged ``conditional`` gets a decoder that takes labels."""
    usual = (
        {"classifier": Need("feature-extractor")}
        if subject.modality == "tokens"
        else {
            "encoder": Need("encoder"),
            "decoder": Need("decoder"),
            "prior": Need("prior"),
            "classifier": Need("feature-extractor"),
        }
    )
    needs = {**usual, **subject.component.needs}  # type: ignore[attr-defined]
    shape = subject.image_shapes[0]
    conditional = conditional or subject.tags.conditional
    parts = surround(
        needs, shape, subject.labels, subject.vocabulary, plugin=subject.entry.plugin, conditional=conditional
    )
    return plain_model(parts, shape, subject.labels, subject.vocabulary)


def _samples(subject: Subject, model: Model, n: int, seed: int, **conditions: Any) -> Samples:
    sampler: Sampler = subject.fresh()
    generator = torch.Generator().manual_seed(seed)
    if sampler.starts_from_images(model):
        conditions["x"] = _images(model, 2 * n)
    with model.evaluating():
        try:
            given = sampler(model, n, generator, **conditions)
        except ZooError as error:
            if "x" in conditions or "x" not in sampler.conditions:
                raise
            raise CheckFailed(
                "pictures without images to start from",
                found=str(error),
                do="return True from starts_from_images(model)",
            ) from error
    if not isinstance(given, Samples):
        raise CheckFailed("Samples", found=type(given).__name__, do="return Samples(x=…, z=…)")
    return given


def _images(model: Model, n: int) -> torch.Tensor:
    from zoo_core.testing.pictures import batch

    return batch(max(n, 16), model.image_shape, model.labels, modality=model.modality).x


def check_samples_are_pictures(subject: Subject) -> None:
    """1, 5 and 12 pictures have the shape (n, C, H, W) and lie in [0, 1]; codes, trace and notes, where given, are of them."""
    model = model_around(subject)
    for n in (1, 5, 12):
        given = _samples(subject, model, n, 0)
        _refuse_other_samples(model, given.x, n)
        if given.z is not None and len(given.z) != n:
            raise CheckFailed(f"{n} codes", found=str(len(given.z)))
        if not all(isinstance(value, int | float | str) for value in given.notes.values()):
            raise CheckFailed(
                "notes that are numbers or texts", found=repr(dict(given.notes)), do="give notes={name: float(value)}"
            )
        if given.trace is not None and tuple(given.trace.shape[1:]) != tuple(given.x.shape):
            raise CheckFailed("a trace of shape (steps, n, C, H, W)", found=str(tuple(given.trace.shape)))


def _refuse_other_samples(model: Model, x: torch.Tensor, n: int) -> None:
    """Refuse what are not ``n`` pictures, or windows of tokens, of the model's.

    Raises:
        CheckFailed: they are not.
    """
    tokens = model.modality == "tokens"
    shape, most = ((n, model.image_shape[2]), len(model.vocabulary) - 1) if tokens else ((n, *model.image_shape), 1)
    what = "windows of ids" if tokens else "pictures"
    if tuple(x.shape) != shape or (tokens and x.dtype != torch.int64):
        raise CheckFailed(
            f"{n} {what} of {model.image_shape}", found=f"{x.dtype} {tuple(x.shape)}", do="make n of them"
        )
    if not torch.isfinite(x).all() or x.min() < 0 or x.max() > most:
        raise CheckFailed(
            f"{what} in [0, {most}]",
            found=f"values from {x.min():.3g} to {x.max():.3g}",
            do="give ids of the model's vocabulary" if tokens else "give the likelihood's mean, model.decode(z)",
        )


def check_samples_are_seeded(subject: Subject) -> None:
    """All randomness comes from the generator: same seed, same pictures; global generators do not move."""
    model = model_around(subject)
    first = _samples(subject, model, 5, 0).x
    torch.rand(3)
    with global_generators_untouched("a sampler"):
        second = _samples(subject, model, 5, 0).x
    if not torch.equal(first, second):
        raise CheckFailed("the same pictures from the same seed", found="others", do="pass generator= to every draw")


def check_seed_decides_samples(subject: Subject) -> None:
    """Another seed gives other pictures, where the sampler draws codes of its own."""
    model = model_around(subject)
    first, other = _samples(subject, model, 5, 0), _samples(subject, model, 5, 1)
    state = torch.Generator().manual_seed(0)
    before = state.get_state()
    sampler: Sampler = subject.fresh()
    if sampler.starts_from_images(model):
        return
    with model.evaluating():
        sampler(model, 5, state)
    if torch.equal(before, state.get_state()) or torch.equal(first.x, other.x):
        raise CheckFailed(
            "other pictures from another seed", found="the same", do="draw from the generator that is given"
        )


def check_samples_follow_labels(subject: Subject) -> None:
    """For a model that takes labels, y decides the pictures; without y the sampler chooses labels itself."""
    model = model_around(subject, conditional=True)
    if "labels" not in model.capabilities("decoder") or "y" not in subject.component.conditions:  # type: ignore[attr-defined]
        return
    first = _samples(subject, model, 6, 0, y=torch.zeros(6, dtype=torch.int64)).x
    other = _samples(subject, model, 6, 0, y=torch.ones(6, dtype=torch.int64)).x
    if torch.equal(first, other):
        raise CheckFailed(
            "other pictures for other labels", found="the same", do='use conditions["y"] in model.decode(z, y)'
        )
    _samples(subject, model, 6, 0)


def check_model_is_left_alone(subject: Subject) -> None:
    """The model is as it was: its weights and its statistics."""
    model = model_around(subject)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    _samples(subject, model, 5, 0)
    changed = [name for name, t in model.state_dict().items() if not torch.equal(t, before[name])]
    if changed:
        raise CheckFailed("the model as it was", found=f"{changed[0]} changed", do="work on copies")
