"""Posteriors q(z given x) and likelihoods p(x given z): small classes over tensors, without argument validation."""

from zoo_core.compat import renamed
from zoo_core.distributions.attributes import Attributes
from zoo_core.distributions.likelihoods import (
    Bernoulli,
    Gaussian,
    Likelihood,
    LikelihoodFamily,
    LikelihoodName,
    SigmaSharing,
    likelihood_family,
)
from zoo_core.distributions.log_sigma import LogSigma, gaussian_log_prob
from zoo_core.distributions.posterior import GaussianPosterior, Posterior, to_float32
from zoo_core.distributions.posteriors import (
    CodeSide,
    Deterministic,
    Implicit,
    Joint,
    Label,
    PosteriorFamily,
    PosteriorName,
    SigmaBounds,
    posterior_family,
)
from zoo_core.distributions.standardised import Standardised

__all__ = [
    "Attributes",
    "Bernoulli",
    "CodeSide",
    "Deterministic",
    "Gaussian",
    "GaussianPosterior",
    "Implicit",
    "Joint",
    "Label",
    "Likelihood",
    "LikelihoodFamily",
    "LikelihoodName",
    "LogSigma",
    "Posterior",
    "PosteriorFamily",
    "PosteriorName",
    "SigmaBounds",
    "SigmaSharing",
    "Standardised",
    "gaussian_log_prob",
    "likelihood_family",
    "posterior_family",
    "to_float32",
]


__getattr__ = renamed(__name__)
