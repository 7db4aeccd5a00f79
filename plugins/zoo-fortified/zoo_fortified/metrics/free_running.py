"""FreeRunningRatio: how far a model of tokens drifts when it reads its own output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor

from zoo_core.devices import float64
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, Tags
from zoo_core.noise import GeneratorNoise, Noise
from zoo_fortified.denoiser import without_noise
from zoo_fortified.lstm import FortifiedLSTM
from zoo_fortified.next_token import LANGUAGE_MODEL

if TYPE_CHECKING:
    from zoo_core.model import Model


class FreeRunningRatio(Metric):
    """The error of the autoencoder over hidden states while the model reads its own draws, over that while it reads the text (Lamb
    2018, Table 2.7): ``free-running-ratio-K`` after K drawn tokens, a mean over the ``last`` of them. Above 1 the states are further
    from where the autoencoder puts them than those of the text. ``bits-per-token`` is −log₂ p of each next token of the text. The
    autoencoder's noise is off for both.

    The model reads the first ``primer`` tokens of each window, half of it at most, and draws from its own distribution from there on.
    The error over the text is that of the rest of the window.

    Arguments:
        steps: how many tokens are drawn.
        last: of how many the error is taken.
        primer: true tokens before.
        draws: times; the error of each figure is over them.
        windows: how many of the split's.
    """

    tags: ClassVar[Tags] = Tags(modalities=("tokens",))
    needs: ClassVar[Mapping[str, Need]] = {"language_model": LANGUAGE_MODEL}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"steps": [3, 5], "last": 2, "primer": 2, "windows": 8, "draws": 2}]

    def __init__(
        self,
        *,
        steps: Annotated[tuple[Annotated[int, Ge(1), Le(100_000)], ...], MinLen(1)] = (50, 180, 300),
        last: Annotated[int, Ge(1), Le(100_000)] = 20,
        primer: Annotated[int, Ge(1), Le(100_000)] = 50,
        draws: Annotated[int, Ge(1), Le(1000)] = 3,
        windows: Annotated[int, Ge(1), Le(10_000_000)] = 500,
    ) -> None:
        self.steps = sorted(set(steps))
        self.last, self.primer, self.draws, self.windows = last, primer, draws, windows

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures over the first windows of ``batches``.

        Raises:
            IncompatibleError: the part cannot go on from a state.
            DataError: there are no windows.
        """
        net = model.parts["language_model"]
        if not isinstance(net, FortifiedLSTM):
            raise IncompatibleError(
                "free-running-ratio needs a recurrent model", hint="language_model=zoo-fortified:fortified-lstm"
            )
        noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        bits, taught, left, count = 0.0, 0.0, self.windows, 0
        drawn = torch.zeros(self.draws, len(self.steps), dtype=torch.float64)
        tokens = 0
        with without_noise(net):
            for batch in batches:
                x = batch.x[:left]
                left -= len(x)
                count += len(x)
                tokens += x[:, 1:].numel()
                primer = min(self.primer, x.shape[1] // 2)
                bits += self._bits(net, x)
                taught += float(_errors(net, x)[:, primer:].mean(1).sum())
                for draw in range(self.draws):
                    drawn[draw] += self._free(net, x[:, :primer], noise)
                if not left:
                    break
        if not count:
            raise DataError("there are no windows of tokens", hint="choose another split or a longer text")
        ratios = drawn / taught
        protocol = {"windows": count, "primer": primer, "last": self.last, "draws": self.draws}
        figures = [MetricResult("bits-per-token", bits / tokens, "bits", "lower", None, {"tokens": tokens})]
        for k, steps in enumerate(self.steps):
            std = float(ratios[:, k].std()) if self.draws > 1 else None
            figures.append(
                MetricResult(f"free-running-ratio-{steps}", float(ratios[:, k].mean()), "", "report", std, protocol)
            )
        return figures

    @staticmethod
    def _bits(net: FortifiedLSTM, x: Tensor) -> float:
        logits = net.features(x)["logits"][:, :-1].log_softmax(-1)
        return float(-float64(logits.gather(2, x[:, 1:, None])).sum()) / math.log(2)

    def _free(self, net: FortifiedLSTM, primer: Tensor, noise: Noise) -> Tensor:
        """Σ over windows of the error after each of ``steps`` drawn tokens."""
        seen = net.advance(primer)
        errors: list[Tensor] = []
        for _ in range(self.steps[-1]):
            token = _sampled(seen.logits[:, -1], noise)
            seen = net.advance(token[:, None], seen.state)
            errors.append(_error(seen.hidden, seen.denoised)[:, 0])
        sums = float64(torch.stack(errors)).sum(1).cpu()
        return torch.stack([sums[max(0, k - self.last) : k].mean() for k in self.steps])


def _sampled(logits: Tensor, noise: Noise) -> Tensor:
    """A draw from softmax(logits) of each row, (N,): where its cumulated probabilities pass a uniform number."""
    cumulated = logits.softmax(-1).cumsum(-1)
    u = noise.uniform("token", (len(logits), 1)).to(cumulated) * cumulated[:, -1:]
    return torch.searchsorted(cumulated, u, right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def _errors(net: FortifiedLSTM, x: Tensor) -> Tensor:
    seen = net.advance(x)
    return _error(seen.hidden, seen.denoised)


def _error(h: Tensor, denoised: Tensor) -> Tensor:
    """Mean over units of (D(E(h)) − h)², (N, T)."""
    return float64((denoised - h).square().mean(-1))
