"""LinearHead: one linear layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from zoo_basics.layers.bounds import Width
from zoo_core.data import chosen
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Head, Labels


class LinearHead(Head):
    """W z + b: a logit for each class or attribute of the data, and its direction among codes, a row of W.

    Arguments:
        latent_dim: width of z.
        bias: whether there is a b; IntroVAC's classifier has none.
        fake: one more logit at the end, for codes of images that are not real.
        attributes: names of the data's attributes that it tells, in the order of its logits; none means all.

    Raises:
        IncompatibleError: there would be no logit.
        SettingError: ``attributes`` that the data do not have.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"latent_dim": 6},
            {"latent_dim": 6, "bias": False, "fake": True},
            {"latent_dim": 6, "attributes": ["Smiling", "Male"]},
        ]

    def __init__(
        self,
        *,
        labels: Labels,
        latent_dim: Width = 64,
        bias: bool = True,
        fake: bool = False,
        attributes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        labels = chosen(labels, attributes, "head.attributes")
        if not labels.count and not fake:
            raise IncompatibleError(
                "a head has one logit for each class or attribute, and these data have neither",
                hint="choose data with labels, or set fake=true",
                labels=labels,
            )
        self.latent_dim = latent_dim
        self.outputs = labels.count + fake
        self.fake = fake
        self.attributes = attributes
        self.linear = nn.Linear(latent_dim, self.outputs, bias=bias)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"head.linear", "head.fake"} if self.fake else {"head.linear"})

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.linear(z)
        return logits

    def directions(self) -> Tensor:
        """W, (outputs, latent_dim)."""
        return self.linear.weight
