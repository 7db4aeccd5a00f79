"""Probe: how well a simple classifier reads the class off codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast, final

import torch
from annotated_types import Ge, MinLen
from torch import Tensor

from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import labels_for
from zoo_core.distributions import CodeSide
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Encoder, Metric, MetricResult, Need, SplitName, Tags
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model

ClassifierName = Literal["linear", "knn", "mlp"]

FEWEST = 20
"""Training examples that are needed; the 5 nearest neighbours of fewer are not near."""


@final
class Probe(Metric):
    """The held-out accuracy in percent of simple classifiers that are fitted to codes (Alain and Bengio 2016).

    How much of the class a code holds: a representation should tell it, a style that stands beside a label should not. Codes
    are the posteriors' means, or one draw of each, standardised; the classifiers are fitted to training examples, and measured on
    those of the split.
    Examples without a label are left out.

    Figures: ``probe-linear`` of logistic regression, ``probe-knn`` of the 5 nearest neighbours, ``probe-mlp`` of two hidden
    layers of 256 units after at most 100 epochs; and always ``probe-chance``, of answering the largest class.

    Arguments:
        classifiers: which.
        examples: labelled training examples that they are fitted to, a random part of those there are.
        codes: the posterior's ``mean``, or a ``sample`` of it: what a decoder or a discriminator is given in training (a wide posterior
            may have means that nobody was ever given).
        latent: of a joint code the ``label`` in front, the ``style`` behind it, or the whole ``code``, the only choice for other
            codes.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder")}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"examples": 20}, {"classifiers": ["mlp"], "examples": 30, "codes": "sample"}]

    def __init__(
        self,
        *,
        classifiers: Annotated[tuple[ClassifierName, ...], MinLen(1)] = ("linear", "knn"),
        examples: Annotated[int, Ge(FEWEST)] = 10_000,
        codes: Literal["mean", "sample"] = "mean",
        latent: CodeSide = "code",
    ) -> None:
        self.classifiers = classifiers
        self.fit_examples = examples
        self.codes = codes
        self.latent = latent
        self._fitted_to: tuple[Tensor, Tensor] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Codes and classes of training examples.

        Raises:
            IncompatibleError: a side of the code is asked for that the codes do not have; the data have no classes.
            DataError: there are too few labelled examples, or of one class alone.
        """
        codes, y = self._labelled(model, split("train"), generator)
        chosen = torch.randperm(len(y), generator=generator)[: self.fit_examples]
        codes, y = codes[chosen], y[chosen]
        if len(y) < FEWEST or len(y.unique()) < 2:
            raise DataError(
                f"probe fits classifiers to at least {FEWEST} labelled training examples of two classes or more, got {len(y)} "
                f"of {len(y.unique())}",
                hint="use data with more labels",
            )
        self._fitted_to = codes, y

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """A figure for each classifier, and chance.

        Raises:
            IncompatibleError: not prepared, or as :meth:`prepare`.
            DataError: no example is labelled.
        """
        if self._fitted_to is None:
            raise self.unprepared()
        codes, y = self._labelled(model, batches, generator)
        if not len(y):
            raise DataError("no example has a label to compare with", hint="choose another split or other data")
        seed = int(torch.randint(2**31, (), generator=generator))
        fit_y = self._fitted_to[1]
        rights = {name: _answers(name, *self._fitted_to, codes, seed) == y for name in self.classifiers}
        rights["chance"] = fit_y.mode().values == y
        protocol = {
            "fitted": len(fit_y),
            "fitted_on": "train",
            "tested": len(y),
            "latent": self.latent,
            "codes": self.codes,
        }
        return [_figure(f"probe-{name}", right, protocol) for name, right in rights.items()]

    def _labelled(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Codes (N, D) and classes (N,) of the labelled examples, on the CPU, where the classifiers work."""
        columns = cast(Encoder, model.parts["encoder"]).family.columns(self.latent, "probe.latent")
        codes, classes = [torch.empty(0, columns.stop - columns.start)], [torch.empty(0, dtype=torch.int64)]
        for batch in batches:
            if batch.y is None:
                raise IncompatibleError(
                    "probe needs data with classes", hint="choose data that have them, or another metric"
                )
            known = batch.y >= 0
            if known.any():
                y = labels_for(model, batch, "encoder")
                codes.append(
                    self._codes(model, batch.x[known], None if y is None else y[known], generator)[:, columns]
                    .float()
                    .cpu()
                )
                classes.append(batch.y[known].cpu())
        return torch.cat(codes), torch.cat(classes)

    def _codes(self, model: Model, x: Tensor, y: Tensor | None, generator: torch.Generator) -> Tensor:
        if self.codes == "mean":
            return model.encode(x, y)
        posterior = cast(Encoder, model.parts["encoder"]).posterior(x.to(model.device, model.dtype), y)
        return posterior.rsample(GeneratorNoise(generator, device=model.device, dtype=model.dtype))


def _answers(name: ClassifierName, codes: Tensor, y: Tensor, others: Tensor, seed: int) -> Tensor:
    """The classes (N,) that a classifier fitted to ``codes`` and ``y`` gives ``others``."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), _classifier(name, seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last weights are near enough to the best
        pipeline.fit(codes.double().numpy(), y.numpy())
    return torch.from_numpy(pipeline.predict(others.double().numpy()))


def _classifier(name: ClassifierName, seed: int) -> Any:
    if name == "knn":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=5)
    if name == "mlp":
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(hidden_layer_sizes=(256, 256), max_iter=100, random_state=seed)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _figure(name: str, right: Tensor, protocol: Mapping[str, Any]) -> MetricResult:
    percent = StreamingMean()
    percent.add(100 * right)
    return MetricResult(name, percent.value, "%", "report", percent.error, protocol)
