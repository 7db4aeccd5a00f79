"""Checks of saving: config and weights bring a component back."""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from zoo_core.interfaces import Part
from zoo_core.registry.parameter import check, parameters
from zoo_core.tensors.assign import restore_weights
from zoo_core.tensors.ties import tied_groups, tied_names
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, difference, each, outputs

ACCELERATOR_TOLERANCE = 1e-2
"""Relative: TF32 products have ten bits."""
RUNNABLE = ("encoder", "decoder", "feature-extractor")


def check_state_is_tensors(subject: Subject) -> None:
    """``state_dict`` holds tensors and nothing else, each of a kind that safetensors can hold."""
    for name, value in subject.fresh().state_dict().items():
        if not isinstance(value, Tensor):
            raise CheckFailed(
                "tensors in state_dict",
                found=f"{name} of type {type(value).__name__}",
                do="no get_extra_state; settings are parameters of __init__, numbers that change are buffers",
            )
        if value.is_sparse or value.is_quantized:
            raise CheckFailed("dense tensors in state_dict", found=f"{name} is not", do="make it dense")


def check_weights_survive_saving(subject: Subject) -> None:
    """Saved as safetensors and read into a fresh component, the weights and what it computes are the same."""
    part = subject.fresh(seed=3)
    state = part.state_dict()
    tied = tied_names(state)
    file = save({name: tensor.contiguous() for name, tensor in state.items() if name not in tied})
    other = subject.fresh(seed=4)
    restore_weights(other, load(file), set(state), "the saved weights")
    for name, tensor in part.state_dict().items():
        if not torch.equal(tensor, other.state_dict()[name]):
            raise CheckFailed(
                "the same weights after saving and loading", found=f"{name} differs", do="see register_buffer"
            )
    if subject.kind in RUNNABLE or (subject.kind == "network" and part.inputs):
        part.eval()
        other.eval()
        inputs = subject.inputs(part, 3)
        with torch.no_grad():
            worst = difference(outputs(other, inputs), outputs(part, inputs))
        if worst > 1e-5:
            raise CheckFailed(
                "the same result after saving and loading",
                found=f"a relative difference of {worst:.2g}",
                do="what is drawn in __init__ and used in forward is a Parameter or a persistent buffer",
            )


def check_tied_weights_stay_tied(subject: Subject) -> None:
    """Weights that share memory are one parameter under several names, so that saving, loading and moving keep them so."""
    part = subject.fresh()
    by_memory = {frozenset(pair) for pair in tied_names(part.state_dict()).items()}
    by_identity = {frozenset((a, b)) for group in tied_groups(part) for a in group for b in group if a != b}
    for pair in by_memory - by_identity:
        first, second = sorted(pair)
        raise CheckFailed(
            "tied weights to be one and the same parameter",
            found=f"{first} and {second} share memory and are two",
            do="assign the parameter itself (self.b.weight = self.a.weight), not its .data",
        )
    if tied_groups(part):
        names = {name for group in tied_groups(part) for name in group}
        moved = part.double()
        if {name for group in tied_groups(moved) for name in group} != names:
            raise CheckFailed("tied weights to stay tied when they are moved", found="they came apart")


def check_config_builds_it_again(subject: Subject) -> None:
    """Its parameters, defaults included, go through JSON and build the same component."""
    settings = {name: p.default for name, p in parameters(subject.component).items() if not p.required}
    given = {**settings, **subject.settings}
    try:
        text = json.dumps(given, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailed(
            "parameters and defaults that JSON can hold",
            found=f"{type(error).__name__}: {error}",
            do="take numbers, texts, booleans, lists and tables; make objects from them in __init__",
        ) from None
    plain: dict[str, Any] = json.loads(text)
    check(subject.component, plain, subject.kind)
    first, again = subject.fresh(), subject.fresh(settings=plain)
    if not isinstance(first, nn.Module):
        return
    a, b = first.state_dict(), again.state_dict()
    if list(a) != list(b) or not all(torch.equal(a[name], b[name]) for name in a):
        raise CheckFailed(
            "the same component from its parameters in JSON", found="other weights or other names of weights"
        )


def check_components_inside_are_settings(subject: Subject) -> None:
    """A component inside it is a setting of type ``Nested`` and kept under that setting's name, where its weights are found again."""
    component = subject.fresh()
    settings = [name for name, parameter in parameters(subject.component).items() if parameter.nested]
    inside = [name for name, module in component.named_modules() if name and isinstance(module, Part)]
    for name in inside:
        if not any(name == one or name.startswith(f"{one}.") for one in settings):
            raise CheckFailed(
                "components inside it to be settings, kept under their names",
                found=f"{name}, and the settings of that type are {', '.join(settings) or 'none'}",
                do='declare it as net: Nested[Decoder] = Nested("zoo-basics:mlp") and keep it as self.net = net.build()',
            )


def check_moves_whole(subject: Subject) -> None:
    """Moved to another device, all of it goes along: no tensor stays behind in a plain attribute."""
    part = subject.part()
    inputs = each(subject.inputs(part, 2), lambda t: t.to("meta"))
    part = part.to("meta")
    try:
        with torch.no_grad():
            given = outputs(part, inputs)
    except NotImplementedError:
        return  # an operation that has no shape without values; nothing can be said
    except RuntimeError as error:
        if "device" not in str(error):
            raise
        raise CheckFailed(
            "every tensor that forward uses to move with the part",
            found=str(error).splitlines()[0][:200],
            do="hold tensors in register_buffer, and make new ones on the input's device (x.new_zeros)",
        ) from None
    _same_on_the_accelerator(subject)
    stayed = [t.device for t in given if t.device.type != "meta"]
    if stayed:
        raise CheckFailed(
            "outputs on the device of the inputs", found=str(stayed[0]), do="use x.device, or x.new_zeros"
        )


def _same_on_the_accelerator(subject: Subject) -> None:
    """Where there is a CUDA device, the part gives there what it gives here."""
    if not torch.cuda.is_available():
        return
    part = subject.part()
    inputs = subject.inputs(part, 2)
    with torch.no_grad():
        here = outputs(part, inputs)
        there = outputs(part.cuda(), each(inputs, Tensor.cuda))
    if any(not t.is_cuda for t in there):
        raise CheckFailed(
            "outputs on the device of the inputs", found="outputs on the CPU", do="use x.device, or x.new_zeros"
        )
    worst = difference(tuple(t.cpu() for t in there), here)
    if worst > ACCELERATOR_TOLERANCE:
        raise CheckFailed("the same result on CUDA", found=f"a relative difference of {worst:.2g}")
