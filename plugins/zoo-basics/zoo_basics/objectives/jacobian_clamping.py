"""JacobianClamping: the generator's answer to a small change of its code is kept within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from zoo_core.errors import SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Tags, Term


class JacobianClamping(Objective):
    """(max(Q, λ_max) − λ_max)² + (min(Q, λ_min) − λ_min)² of Q = ‖G(z) − G(z + δ)‖ / ‖δ‖, δ in a random direction (Odena et al. 2018,
    Algorithm 1; Lamb 2018, Eq. 1.45). Images count in [−1, 1], as in the paper.

    Arguments:
        lowest, highest: λ_min and λ_max.
        epsilon: ‖δ‖.
        weight: factor of the term.

    Raises:
        SettingError: ``lowest`` is above ``highest``.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("fool",)
    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder"), "prior": Need("prior")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "generator": {"trains": ["decoder"], "losses": ["fool"], "lr": 2e-4, "betas": [0.5, 0.999]}
    }

    def __init__(
        self,
        *,
        lowest: Annotated[float, Ge(0)] = 1.0,
        highest: Annotated[float, Gt(0)] = 20.0,
        epsilon: Annotated[float, Gt(0)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        if lowest > highest:
            raise SettingError(
                f"jacobian-clamping: lowest is {lowest:g}, above highest, {highest:g}",
                hint="set objective.jacobian-clamping.lowest below .highest",
            )
        self.lowest, self.highest, self.epsilon, self.weight = lowest, highest, epsilon, weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``clamp``."""
        z = step.prior_draw()
        direction = step.noise.normal("direction", z.shape)
        change = self.epsilon * direction / direction.norm(dim=1, keepdim=True)
        near = step.decode(z + change).mean
        # Twice: images in [0, 1] count as in [−1, 1].
        answer = 2 * (step.generated() - near).flatten(1).norm(dim=1) / self.epsilon
        yield Term("clamp", self.weight * clamping(answer, self.lowest, self.highest).mean())


def clamping(quotient: Tensor, lowest: float, highest: float) -> Tensor:
    """The squared distance of each ``quotient`` to the interval from ``lowest`` to ``highest``."""
    return (quotient - quotient.clamp(lowest, highest)).square()
