"""The terms of discriminative regularization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast, final

from annotated_types import Ge
from torch import nn

from zoo_core.distributions import LogSigma, gaussian_log_prob
from zoo_core.errors import SettingError, did_you_mean
from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Need, Objective, Part, Term

Weight = Annotated[float, Ge(0)]


@final
class DiscriminativeRegularization(Objective):
    """−Σ_l log N(d_l(x); d_l(μ(z)), diag(σ_l²)), Eq. 4–5 of Lamb, Dumoulin and Courville 2016.

    d_l are the layers of the part ``classifier``, μ(z) the decoder's mean, which is sent through the layers: the terms
    compare the real image with the picture that is shown, not with a noisy draw. One σ a unit of each layer is learned,
    from σ = 1 on, together with the decoder. The terms stand in nats per dimension of x, as ``elbo``'s do, so that the
    two simply add.

    The features of x need no gradient and get none. The layer ``logits`` is left out: with it "the loss explodes after
    about 6 epochs" (vdumoulin/discgen pull request 6).

    Arguments:
        weight: factor on all terms; the paper's is 1.
        layer_weights: further factors by layer; 1 where a layer is not named.
        encoder_gradient: False keeps these terms from the encoder, which then follows the plain ELBO (end of section
            3).
        initial_log_sigma: log σ at the start.

    Raises:
        SettingError: a weight for a layer that the classifier does not give.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"encoder_gradient": False}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "classifier": Need("feature-extractor"),
    }

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        weight: Weight = 1.0,
        layer_weights: dict[str, Weight] | None = None,
        encoder_gradient: bool = True,
        initial_log_sigma: Annotated[float, Ge(-5)] = 0.0,
    ) -> None:
        super().__init__()
        shapes = cast(FeatureExtractor, parts["classifier"]).shapes
        self.layers = tuple(layer for layer in shapes if layer != "logits")
        if not self.layers:
            raise SettingError(
                'objective "discreg": the classifier gives no hidden layer',
                hint='name some, e.g. classifier.layers=["conv1", "conv2"]; zoo info lists them',
            )
        given = layer_weights or {}
        for layer in given:
            if layer not in self.layers:
                raise SettingError(
                    f"objective.discreg.layer_weights: the classifier does not give the layer {layer!r}",
                    hint=did_you_mean(layer, self.layers) or f"it gives {', '.join(self.layers)}",
                )
        self.weights = {layer: weight * given.get(layer, 1.0) for layer in self.layers}
        self.grad_parts = None if encoder_gradient else frozenset({"decoder", "self"})
        # A ModuleList, for layer names hold dots.
        self.log_sigmas = nn.ModuleList(LogSigma(shapes[layer], initial=initial_log_sigma) for layer in self.layers)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        real = step.features("classifier", of="x")
        shown = step.features("classifier", of="reconstruction")
        units = step.x[0].numel()
        for layer, log_sigma in zip(self.layers, self.log_sigmas, strict=True):
            if self.weights[layer] == 0:
                continue
            nll = -gaussian_log_prob(real[layer].detach(), shown[layer], log_sigma()).mean() / units
            yield Term(layer, self.weights[layer] * nll, self.grad_parts)
