"""Checks of compilation and export."""

from __future__ import annotations

import warnings

import torch

from zoo_core.interfaces.part_noise import part_noises
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, difference, outputs


def check_compiles(subject: Subject) -> None:
    """``torch.compile`` takes its forward, and gives the same result (tag ``compilable``)."""
    part = subject.part()
    inputs = subject.inputs(part, 2)
    torch.compiler.reset()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = outputs(part, inputs)
        compiled = torch.compile(part, backend="eager")
        try:
            found = outputs(compiled, inputs)
        except Exception as error:
            raise CheckFailed(
                "torch.compile to take forward",
                found=f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}",
                do="keep to tensor operations, or tags = Tags(compilable=False)",
            ) from error
    if difference(found, expected) > 1e-4:
        raise CheckFailed("the same result when compiled", found="another", do="do not change attributes in forward")


def check_exports(subject: Subject) -> None:
    """``torch.export`` takes its forward in eval mode, and the exported program gives the same result (tag ``exportable``)."""
    part = subject.part()
    inputs = subject.inputs(part, 2)
    noises = part_noises({"part": part})
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = outputs(part, inputs)
        for one in noises:
            one.source = None  # what is exported draws by itself
        try:
            found = outputs(torch.export.export(part, inputs).module(), inputs)
        except Exception as error:
            raise CheckFailed(
                "torch.export to take forward",
                found=f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}",
                do="keep to tensor operations without data-dependent branches, or tags = Tags(exportable=False)",
            ) from error
    if not noises and difference(found, expected) > 1e-4:
        raise CheckFailed("the same result from the exported program", found="another")
