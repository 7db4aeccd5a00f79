"""Checks of shapes: what forward gives has the shape that the part promises, for every batch and image it takes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from zoo_core.errors import shown
from zoo_core.interfaces import Decoder, Encoder, FeatureExtractor, Head, ImageShape, Labels, Part
from zoo_core.registry.parameter import parameters
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, difference, outputs


def check_forward_gives_tensors(subject: Subject) -> None:
    """``forward`` gives one tensor (encoder, decoder, head) or a tuple of tensors (feature extractor, decoder of attributes), and nothing
    else."""
    part = subject.part()
    given = part(*subject.inputs(part, 2))
    several = isinstance(part, FeatureExtractor) or "likelihood.attributes" in part.capabilities
    wanted = tuple if several else Tensor
    if not isinstance(given, wanted):
        raise CheckFailed(
            f"a {wanted.__name__} from forward",
            found=f"an object of type {type(given).__name__}",
            do="return plain tensors; posterior(), likelihood() and features() wrap them",
        )
    outputs(part, subject.inputs(part, 2))


def check_declares_what_it_is(subject: Subject) -> None:
    """The attributes that the interface asks for (``image_shape``, ``family``, ``layers``, …) are set, and true."""
    shape = subject.image_shapes[1]
    part = subject.part(shape)
    wanted = {
        "encoder": ("image_shape", "family"),
        "decoder": ("image_shape", "latent_dim", "family"),
        "prior": ("latent_dim",),
        "head": ("latent_dim", "outputs"),
    }
    for name in wanted.get(subject.kind, ("layers", "shapes")):
        if getattr(part, name, None) is None:
            raise CheckFailed(f"the attribute {name}", found="none", do=f"set self.{name} in __init__")
    own = getattr(part, "image_shape", None)
    if isinstance(part, Encoder | Decoder) and tuple(own or ()) != shape:
        raise CheckFailed(
            f"image_shape {shape}, as it was built for",
            found=str(own),
            do="set self.image_shape = image_shape in __init__",
        )
    if isinstance(part, Head | FeatureExtractor):
        _check_attributes(part, tuple(subject.settings.get("attributes", ())))


def _check_attributes(part: Head | FeatureExtractor, asked: tuple[str, ...]) -> None:
    """``part`` says which attributes it tells, and a classifier has a logit for each."""
    if part.attributes != asked:
        raise CheckFailed(
            f"attributes {asked}, as it was built for",
            found=str(part.attributes),
            do="set self.attributes = attributes in __init__",
        )
    if asked and isinstance(part, FeatureExtractor) and part.shapes.get("logits", (len(asked),)) != (len(asked),):
        raise CheckFailed(
            f"{len(asked)} logits for the attributes {', '.join(asked)}",
            found=str(part.shapes["logits"]),
            do="labels = zoo_core.data.labels.chosen(labels, attributes, …) in __init__",
        )


def check_shapes_in_eval(subject: Subject) -> None:
    """In eval mode batches of 1 and 7 give outputs of the promised shape, for 1 and 3 channels and for oblong images, as the tags allow."""
    for shape in subject.image_shapes:
        for n in (1, 7):
            try:
                part = subject.part(shape)
                with torch.no_grad():
                    given = outputs(part, subject.inputs(part, n, shape))
            except CheckFailed:
                raise
            except Exception as error:
                raise CheckFailed(
                    f"to take {n} images of {shape}, as the tags say",
                    found=f"{type(error).__name__}: {shown(error, 300)}",
                    do="tags = Tags(channels=(3,), sides_multiple_of=…, smallest_side=…, square=True), if it does not take all",
                ) from error
            _compare_shapes(part, given, n, shape, subject.labels)


def check_shapes_in_train(subject: Subject) -> None:
    """In train mode batches of 2 and 7 give outputs of the promised shape."""
    part = subject.part().train()
    for n in (2, 7):
        _compare_shapes(part, outputs(part, subject.inputs(part, n)), n, subject.image_shapes[0], subject.labels)


def _compare_shapes(part: Part, given: tuple[Tensor, ...], n: int, image_shape: ImageShape, labels: Labels) -> None:
    promised: list[tuple[int, ...]]
    if isinstance(part, Encoder):
        promised = [(n, part.family.width)]
        what = f"(N, family.width) = {promised[0]}"
    elif isinstance(part, Decoder):
        promised = [(n, *part.image_shape)]
        what = f"(N, *image_shape) = {promised[0]}"
        if "likelihood.attributes" in part.capabilities:
            promised.append((n, labels.count))
            what += f" and (N, attributes) = {promised[1]}"
    elif isinstance(part, Head):
        promised = [(n, part.outputs)]
        what = f"(N, outputs) = {promised[0]}"
    else:
        extractor = cast(FeatureExtractor, part)
        promised = [(n, *extractor.shapes[layer]) for layer in extractor.layers]
        what = f"the shapes {promised} of layers {extractor.layers}"
    found = [tuple(t.shape) for t in given]
    if found != promised:
        raise CheckFailed(
            f"{what} for {n} images of {image_shape} in {'train' if part.training else 'eval'} mode",
            found=str(found),
            do="make forward and what __init__ declares agree",
        )


def check_layers_have_their_names(subject: Subject) -> None:
    """``shapes`` has the asked layers, each once, and each layer asked for alone gives what it gives among the others."""
    whole = cast(FeatureExtractor, subject.part())
    if list(whole.shapes) != list(whole.layers) or len(set(whole.layers)) != len(whole.layers):
        raise CheckFailed(
            f"shapes for exactly the layers {whole.layers}, in their order",
            found=str(tuple(whole.shapes)),
            do="build shapes from layers",
        )
    if "layers" not in parameters(subject.component) or len(whole.layers) < 2:
        return
    inputs = subject.inputs(whole, 2)
    with torch.no_grad():
        together = dict(zip(whole.layers, outputs(whole, inputs), strict=True))
        # Of many layers the first, the middle one and the last; each is another net to build.
        for layer in dict.fromkeys((whole.layers[0], whole.layers[len(whole.layers) // 2], whole.layers[-1])):
            alone = cast(FeatureExtractor, subject.fresh(settings={"layers": [layer]})).eval()
            own = alone.state_dict()
            alone.load_state_dict({name: t for name, t in whole.state_dict().items() if name in own}, strict=False)
            found = outputs(alone, inputs)
            if tuple(alone.layers) != (layer,) or difference(found, (together[layer],)) > 1e-3:
                raise CheckFailed(
                    f"the layer {layer!r} asked for alone to be what it is among {whole.layers}",
                    found=f"another activation (layers {tuple(alone.layers)})",
                    do="give the activations in the order of self.layers, and change none in place afterwards",
                )
