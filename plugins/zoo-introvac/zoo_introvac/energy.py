"""The energy U(z) whose Gibbs distribution is p(z given y): of a head and a prior (section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot, softplus
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.interfaces import Head, Labels, Prior

EnergyName = Literal["exact", "averaged"]


@dataclass(frozen=True)
class Energy:
    """U(z) = −log p(y given z) − log p(z), ``exact``, or as the authors' code has it, ``averaged``: the mean over the asked attributes of
    −log p(y given z), and the mean over dimensions of z², whose prior is 2/D as strong as N(0, I).

    Slopes are in closed form for a linear head and a Gaussian prior, by autograd for others.

    Arguments:
        head: p(y given z); a logit for fakes plays no part.
        prior: p(z).
        told: what the head's logits stand for.
        y: what is asked for: attributes (N, K) of 0, 1 and −1 (left open), or classes (N,), −1 left open.
        name: which of the two.
    """

    head: Head
    prior: Prior
    told: Labels
    y: Tensor
    name: EnergyName = "exact"

    def rows(self, which: Tensor) -> Energy:
        """The same for some of the examples."""
        return Energy(self.head, self.prior, self.told, self.y[which], self.name)

    def __call__(self, z: Tensor) -> Tensor:
        """U, (N,)."""
        nll = self._nll(self._logits(z))
        if self.name == "averaged":
            return nll / self._asked + z.square().mean(1)
        return nll - self.prior.log_prob(z)

    def slope(self, z: Tensor) -> Tensor:
        """∇U, (N, D)."""
        if "head.linear" not in self.head.capabilities or not self._gaussian:
            with torch.enable_grad():
                z = z.detach().requires_grad_()
                return torch.autograd.grad(self(z).sum(), z)[0]
        of_labels = self._surprise(self._logits(z)) @ self.head.directions().detach()[: self.told.count]
        if self.name == "averaged":
            return of_labels / self._asked[:, None] + z * (2 / z.shape[1])
        assert isinstance(self.prior, GaussianPrior)
        return torch.add(of_labels, z, alpha=1 / self.prior.std**2)

    def carried(self, z: Tensor) -> Tensor:
        """Whether the head takes codes z for what was asked, (N,)."""
        logits = self._logits(z)
        if self.told.type == "classes":
            return (self.y < 0) | (logits.argmax(1) == self.y)
        return ((self.y < 0) | ((logits > 0) == (self.y > 0))).all(1)

    @property
    def _gaussian(self) -> bool:
        return isinstance(self.prior, GaussianPrior) or self.name == "averaged"

    @property
    def _asked(self) -> Tensor:
        """How many labels were asked for, at least 1, (N,)."""
        return (self.y >= 0).sum(1).clamp(min=1) if self.y.dim() == 2 else torch.ones_like(self.y)

    def _logits(self, z: Tensor) -> Tensor:
        return self.head.logits(z)[:, : self.told.count].to(z)

    def _nll(self, logits: Tensor) -> Tensor:
        """−log p(y given z), (N,)."""
        if self.told.type == "classes":
            return -logits.log_softmax(1).gather(1, self.y.clamp(min=0)[:, None])[:, 0] * (self.y >= 0)
        return (softplus(torch.where(self.y > 0, -logits, logits)) * (self.y >= 0)).sum(1)

    def _surprise(self, logits: Tensor) -> Tensor:
        """The slope of −log p(y given z) in the logits, (N, K)."""
        if self.told.type == "classes":
            wanted = one_hot(self.y.clamp(min=0), self.told.count).to(logits)
            return (logits.softmax(1) - wanted) * (self.y >= 0)[:, None]
        return (logits.sigmoid() - self.y) * (self.y >= 0)
