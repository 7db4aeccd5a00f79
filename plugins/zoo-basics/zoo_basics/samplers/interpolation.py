"""Interpolation: walks between pairs of codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.samplers.codes import decode_codes, draw_codes, takes_labels
from zoo_core.data import in_turn
from zoo_core.errors import SettingError
from zoo_core.interfaces import Need, Sampler, Samples

if TYPE_CHECKING:
    from zoo_core.model import Model


class Interpolation(Sampler):
    """Rows of pictures, each a walk from one code to another, both ends included.

    The ends are the codes (posterior means) of given images, the first and second, the third and fourth, …, else draws
    from the prior.

    Arguments:
        mode: ``linear``, or ``spherical`` along the arc between the two codes, which keeps to the norms that a Gaussian
            prior gives (White 2016, *Sampling Generative Networks*).
        steps: pictures in a row.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"mode": "linear"}, {"mode": "spherical", "steps": 3}]

    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder")}

    def __init__(self, *, mode: Literal["linear", "spherical"] = "linear", steps: Annotated[int, Ge(2)] = 8) -> None:
        self.mode = mode
        self.steps = steps

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures, row after row; the last row is cut where ``n`` is not a multiple of ``steps``.

        Arguments:
            conditions: ``x`` (m, C, H, W), the images to walk between, two a row; ``y`` (n,), for a model that takes
                labels (a row's ends are drawn for its first label). Without y, each row has a class of its own, in
                turn.

        Raises:
            SettingError: fewer images than two a row.
            IncompatibleError: neither images nor a prior.
        """
        rows = -(-n // self.steps)
        y = conditions.get("y")
        encoder_told = "labels" in model.capabilities("encoder")
        if y is None and (takes_labels(model) or encoder_told):
            y = in_turn(model.labels, rows, device=model.device).repeat_interleave(self.steps, 0)[:n]
        ends_y = None if y is None else y[:: self.steps].repeat_interleave(2, 0)
        x = conditions.get("x")
        if x is None:
            ends = draw_codes(model, 2 * rows, generator, ends_y)
        elif len(x) < 2 * rows:
            raise SettingError(
                f"{n} pictures in rows of {self.steps} walk between {2 * rows} images, got {len(x)}",
                hint=f"give {2 * rows} images, or ask for fewer pictures: {self.steps} for every two images",
            )
        else:
            ends = model.encode(x[: 2 * rows], ends_y if encoder_told else None)
        t = torch.linspace(0, 1, self.steps, dtype=ends.dtype, device=ends.device)
        walk = linear if self.mode == "linear" else spherical
        z = walk(ends[::2], ends[1::2], t).flatten(0, 1)[:n]
        return Samples(x=decode_codes(model, z, y), z=z, columns=self.steps)


def linear(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """(1 − t) start + t end: codes (R, D) and t (S,) to (R, S, D)."""
    return torch.lerp(start.unsqueeze(1), end.unsqueeze(1), t.unsqueeze(-1))


def spherical(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """sin((1 − t)θ)/sin θ start + sin(tθ)/sin θ end, θ the angle between the two: codes (R, D) and t (S,) to (R, S, D).

    Codes in line with one another (or at 0) have no arc between them and are joined straight.
    """
    norms = start.norm(dim=-1) * end.norm(dim=-1)
    theta = torch.acos(((start * end).sum(-1) / norms.clamp(min=1e-12)).clamp(-1, 1))[:, None, None]
    t = t.unsqueeze(-1)
    sine = theta.sin()
    arc = (((1 - t) * theta).sin() * start.unsqueeze(1) + (t * theta).sin() * end.unsqueeze(1)) / sine.clamp(min=1e-12)
    return torch.where((sine < 1e-4) | (norms[:, None, None] == 0), linear(start, end, t.squeeze(-1)), arc)
