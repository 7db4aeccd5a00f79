"""The energy U(z) whose Gibbs distribution is p(z given y): of a head and a prior (section 4.3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot, softplus
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.interfaces import Head, Labels, Prior

EnergyName = Literal["exact", "averaged"]


class Energy:
    """U(z) = −log p(y given z) − log p(z), ``exact``, or as the authors' code has it, ``averaged``: the mean over the asked attributes of
    −log p(y given z), and the mean over dimensions of z², whose prior is 2/D as strong as N(0, I).

    Slopes are in closed form for a linear head and a Gaussian prior, by autograd for others. What they need of head, prior and y is
    computed once, for a chain asks thousands of times.

    Arguments:
        head: p(y given z); a logit for fakes plays no part.
        prior: p(z).
        told: what the head's logits stand for.
        y: what is asked for: attributes (N, K) of 0, 1 and −1 (left open), or classes (N,), −1 left open.
        name: which of the two.
    """

    def __init__(self, head: Head, prior: Prior, told: Labels, y: Tensor, name: EnergyName = "exact") -> None:
        self.head, self.prior, self.told, self.y, self.name = head, prior, told, y, name
        self.classes = told.type == "classes"
        weight = next(head.parameters())
        known = (y >= 0).to(weight.dtype)
        if self.classes:
            self.known = known[:, None]
            self.wanted = one_hot(y.clamp(min=0), told.count).to(weight.dtype)
            self.asked = torch.ones_like(known)
        else:
            self.known, self.wanted, self.asked = known, y.to(weight.dtype), known.sum(1).clamp(min=1)
        self.strength = self._strength()
        """What ∇(−log p(z)) is of z, where it is a multiple; None else."""
        self.directions: Tensor | None = None
        if "head.linear" in head.capabilities:
            self.directions = head.directions().detach()[: told.count]
            self.at_0 = head.logits(weight.new_zeros(1, head.latent_dim)).detach()[:, : told.count]

    def _strength(self) -> float | None:
        if self.name == "averaged":
            return 2 / self.head.latent_dim
        return 1 / self.prior.std**2 if isinstance(self.prior, GaussianPrior) else None

    def rows(self, which: Tensor) -> Energy:
        """The same for some of the examples."""
        return Energy(self.head, self.prior, self.told, self.y[which], self.name)

    def __call__(self, z: Tensor) -> Tensor:
        """U, (N,)."""
        nll = self._nll(self._logits(z))
        if self.name == "averaged":
            return nll / self.asked + z.square().mean(1)
        return nll - self.prior.log_prob(z)

    def slope(self, z: Tensor) -> Tensor:
        """∇U, (N, D)."""
        if self.directions is None or self.strength is None:
            with torch.enable_grad():
                z = z.detach().requires_grad_()
                return torch.autograd.grad(self(z).sum(), z)[0]
        logits = torch.addmm(self.at_0, z, self.directions.T)
        told = logits.softmax(1) if self.classes else logits.sigmoid()
        surprise = (told - self.wanted) * self.known
        if self.name == "averaged":
            surprise = surprise / self.asked[:, None]
        return torch.addmm(z, surprise, self.directions, beta=self.strength)

    def carried(self, z: Tensor) -> Tensor:
        """Whether the head takes codes z for what was asked, (N,)."""
        logits = self._logits(z)
        if self.classes:
            return (self.y < 0) | (logits.argmax(1) == self.y)
        return ((self.y < 0) | ((logits > 0) == (self.y > 0))).all(1)

    def _logits(self, z: Tensor) -> Tensor:
        return self.head.logits(z)[:, : self.told.count].to(z)

    def _nll(self, logits: Tensor) -> Tensor:
        """−log p(y given z), (N,)."""
        if self.classes:
            return -logits.log_softmax(1).gather(1, self.y.clamp(min=0)[:, None])[:, 0] * (self.y >= 0)
        return (softplus(torch.where(self.y > 0, -logits, logits)) * (self.y >= 0)).sum(1)
