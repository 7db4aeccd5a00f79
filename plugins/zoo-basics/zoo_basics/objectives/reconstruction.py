"""Reconstruction: the autoencoder's objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from annotated_types import Ge
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, l1_loss, mse_loss

from zoo_basics.attribute_nll import attribute_nll
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Part, Term

Distance = Literal["mse", "l1", "bce", "likelihood", "half-squared"]


class Reconstruction(Objective):
    """How far the reconstruction of a drawn code is from x: a mean over the batch and the units of x.

    Arguments:
        kind: ``mse`` squared difference, ``l1`` absolute difference, ``bce`` binary cross-entropy with grey levels
            taken as probabilities, ``likelihood`` the decoder's own −log p(x given z), in nats per dimension of x,
            with −log p(a given z) beside it where the decoder tells attributes a,
            ``half-squared`` ½‖x − reconstruction‖², which is summed over the units (Makhzani et al. 2016, appendix A).
        weight: factor of the term.

    Raises:
        IncompatibleError: ``likelihood`` with a decoder whose likelihood has no density.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"kind": kind} for kind in get_args(Distance)]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    def __init__(
        self, *, parts: Mapping[str, Part], kind: Distance = "mse", weight: Annotated[float, Ge(0)] = 1.0
    ) -> None:
        super().__init__()
        if kind == "likelihood" and "likelihood.log_prob" not in parts["decoder"].capabilities:
            raise IncompatibleError("kind=likelihood needs a decoder with a density", hint="set kind=mse")
        self.kind = kind
        self.attributes = kind == "likelihood" and "likelihood.attributes" in parts["decoder"].capabilities
        self.weight = weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``reconstruction``, and ``attributes`` for the likelihood of a decoder that tells them."""
        yield Term("reconstruction", self.weight * self._distance(step))
        if self.attributes and step.batch.attributes is not None:
            yield Term("attributes", self.weight * attribute_nll(step) / step.x[0].numel())

    def _distance(self, step: Step) -> Tensor:
        match self.kind:
            case "mse":
                return mse_loss(step.reconstruction(), step.x)
            case "l1":
                return l1_loss(step.reconstruction(), step.x)
            case "bce":
                return binary_cross_entropy(step.reconstruction(), step.x)
            case "half-squared":
                return mse_loss(step.reconstruction(), step.x) * (0.5 * step.x[0].numel())
            case "likelihood":
                return -step.likelihood().log_prob(step.x).mean() / step.x[0].numel()
