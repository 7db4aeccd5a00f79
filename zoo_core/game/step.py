"""Step: everything that is computed from one batch, once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from zoo_core import compat
from zoo_core.distributions import Likelihood, Posterior
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.component import Part
from zoo_core.interfaces.decoder import Decoder
from zoo_core.interfaces.encoder import Encoder
from zoo_core.interfaces.feature_extractor import FeatureExtractor
from zoo_core.interfaces.head import Head
from zoo_core.interfaces.part_noise import PartNoise, drawing, part_noises
from zoo_core.interfaces.prior import Prior
from zoo_core.noise import GlobalDraws, Noise

T = TypeVar("T")

CODES = ("z", "mean", "prior_draw")
"""Names of codes, as :meth:`Step.code` has them."""

_NOTHING_DRAWS = nullcontext()


class _Entry(NamedTuple):
    value: Any
    parts: frozenset[str]
    """The parts whose parameters the value depends on."""
    turn: int
    """The turn in which it was computed."""


class Step:
    """One batch and what objectives compute from it.

    Values are computed when first asked for and kept under their names. Each remembers which parts it used; when a
    player has stepped, the values that used its parts are stale, and asking again recomputes them. Random draws belong
    to the step's :class:`~zoo_core.noise.Noise` by name, so that a recomputed value sees the same noise.

    Arguments:
        parts: every part and every objective, by name.
        batch: the examples.
        noise: where draws come from.
        retained_values: names of values that are kept when they go stale, for :meth:`as_of_loss` and :meth:`as_of_turn`.
        turn: the round's turn in which the batch was drawn.
        turns: the losses of each turn of a round; empty outside of a game, where nothing steps.
        progress: how much of the training lies behind, from 0 to 1.
        noises: what draws inside ``parts``; None looks for it.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        batch: Batch,
        noise: Noise,
        *,
        retained_values: frozenset[str] = frozenset(),
        turn: int = 0,
        turns: Sequence[Collection[str]] = (),
        progress: float = 0.0,
        noises: Sequence[PartNoise] | None = None,
    ) -> None:
        self._parts = parts
        self.batch = batch
        self.noise = noise
        self.turn = turn
        self._turns = turns
        self.progress = progress
        self._retained_values = retained_values
        self._values: dict[str, _Entry] = {}
        self._past: dict[str, list[tuple[int, _Entry]]] = {}
        self._using: list[set[str]] = []
        self._isolations = 0
        self._noises = part_noises(parts) if noises is None else noises

    # ------------------------------------------------------------------------------------------------ the batch

    @property
    def x(self) -> Tensor:
        """The images, (N, C, H, W) in [0, 1]."""
        return self.batch.x

    @property
    def y(self) -> Tensor | None:
        """The classes, int64 (N,), −1 = unlabelled; None where there are none."""
        return self.batch.y

    @property
    def condition(self) -> Tensor | None:
        """What parts that take labels are told: the classes (N,), or the attributes (N, A); None where there are none."""
        return self.batch.condition

    def __len__(self) -> int:
        return len(self.batch)

    # ------------------------------------------------------------------------------------------------ the cache

    def part(self, name: str) -> Part:
        """The part (or objective, for networks that it owns) called ``name``; the running value now depends on it."""
        if self._using:
            self._using[-1].add(name)
        return self._parts[name]

    def value(self, name: str, compute: Callable[[], T]) -> T:
        """The value called ``name``: the kept one, or ``compute()`` if there is none or it is stale."""
        entry = self._values.get(name)
        if entry is None:
            self._using.append(set())
            try:
                if self._noises:
                    with self.drawing(name):
                        result = compute()
                else:
                    result = compute()
            finally:
                used = self._using.pop()
            entry = self._values[name] = _Entry(result, frozenset(used), self.turn)
        if self._using:
            self._using[-1] |= entry.parts
        return cast(T, entry.value)

    def drawing(self, name: str) -> AbstractContextManager[None]:
        """Inside, what parts draw in their own forwards (:class:`~zoo_core.interfaces.PartNoise`) is named after ``name``: computed
        again under it, they draw the same. :meth:`value` does so by itself."""
        return drawing(self._noises, self.noise, name) if self._noises else _NOTHING_DRAWS

    def as_of_turn(self, turn: int, name: str) -> Any:
        """The value called ``name`` as it stood in turn ``turn`` of this round (0 is the first), with its graph.

        An objective that looks back names the value in its ``retained_values``.

        Raises:
            LookupError: the value was not computed by then, or was not kept.
        """
        for last, entry in self._past.get(name, []):
            if entry.turn <= turn <= last:
                return entry.value
        current = self._values.get(name)
        if current is not None and current.turn <= turn:
            return current.value
        raise LookupError(
            f"no value {name!r} as of turn {turn}; name it in the objective's retained_values and ask for it in that turn"
        )

    def as_of_loss(self, loss: str, name: str) -> Any:
        """The value called ``name`` as it stood in the last turn of this round, up to the one that is being played, in which ``loss`` was
        played; with its graph. Recipes may put other turns around that one.

        An objective that looks back names the value in its ``retained_values``.

        Raises:
            LookupError: ``loss`` has not been played in this round, or the value was not computed by then or not kept.
        """
        played = [turn for turn, losses in enumerate(self._turns[: self.turn + 1]) if loss in losses]
        if self._turns and not played:
            raise LookupError(
                f"no value {name!r} as of the loss {loss!r}: it has no turn in this round before turn {self.turn + 1}"
            )
        return self.as_of_turn(played[-1] if played else self.turn, name)

    def invalidate(self, stepped: frozenset[str]) -> None:
        """The parts called ``stepped`` have changed: the values that used them are stale from now on."""
        for name in [name for name, entry in self._values.items() if not entry.parts.isdisjoint(stepped)]:
            entry = self._values.pop(name)
            if name in self._retained_values:
                self._past.setdefault(name, []).append((self.turn, entry))

    def isolated(self, compute: Callable[[], T]) -> T:
        """``compute()``, leaving no trace: no kept values, no moved running statistics, no change of the global random state.

        For attacks, the early steps of a chain, previews. Autograd stays as it is.

        Dropout inside draws masks of its own, others in each aside of the step, and never those of a forward outside: an attack does
        not see the very net that it attacks. Draws from ``step.noise`` are the same inside and outside, by name: for others, take
        another name.
        """
        kept = dict(self._values)
        self._isolations += 1
        try:
            with (
                untouched_buffers(self._parts.values()),
                GlobalDraws(self.noise.seed_for(f"aside/{self._isolations}"), self.x.device),
            ):
                return compute()
        finally:
            self._values = kept

    # ------------------------------------------------------------------------------------------------ common values

    def posterior(self) -> Posterior:
        """q(z given x), or q(z given x, y) from an encoder that takes labels."""
        return self.value("posterior", lambda: self.infer(self.x))

    def z(self) -> Tensor:
        """A draw from the posterior, (N, latent_dim)."""
        return self.value("z", lambda: self.posterior().rsample(self.noise, "z"))

    def likelihood(self) -> Likelihood:
        """p(x given z) at the drawn z."""
        return self.value("likelihood", lambda: self.decode(self.z()))

    def reconstruction(self) -> Tensor:
        """The mean of :meth:`likelihood`, (N, C, H, W)."""
        return self.value("reconstruction", lambda: self.likelihood().mean)

    def prior_draw(self) -> Tensor:
        """N draws from the prior, (N, latent_dim)."""
        return self.value("prior_draw", lambda: cast(Prior, self.part("prior")).sample(len(self), self.noise))

    def generated_likelihood(self) -> Likelihood:
        """p(x given z) at the prior draws, with the batch's labels where the decoder takes some."""
        return self.value("generated_likelihood", lambda: self.decode(self.prior_draw()))

    def generated(self) -> Tensor:
        """The mean of :meth:`generated_likelihood`, (N, C, H, W)."""
        return self.value("generated", lambda: self.generated_likelihood().mean)

    def infer(self, x: Tensor) -> Posterior:
        """q(z given x) for images x (N, C, H, W), a row for each example of the batch, with the batch's labels where the encoder takes
        some: computed anew at each call."""
        encoder = cast(Encoder, self.part("encoder"))
        return encoder.posterior(x, self.condition if encoder.takes_labels else None)

    def decode(self, z: Tensor) -> Likelihood:
        """p(x given z) for codes z (N, latent_dim), a row for each example of the batch, with the batch's labels where the decoder takes
        some: computed anew at each call."""
        decoder = cast(Decoder, self.part("decoder"))
        return decoder.likelihood(z, self.condition if decoder.takes_labels else None)

    def image(self, name: str) -> Tensor:
        """The images called ``x``, ``reconstruction`` or ``generated``, or a value kept under another name."""
        match name:
            case "x":
                return self.x
            case "reconstruction":
                return self.reconstruction()
            case "generated":
                return self.generated()
            case _:
                return self.value(name, lambda: _missing(name, "images"))

    def features(self, part: str, of: str | tuple[str, ...] = "x") -> dict[str, Tensor]:
        """Activations of the feature extractor ``part`` for the images called ``of``, by layer; of a joint one for ``("x", "z")`` and
        the like: a name for each of its inputs, in their order, ``z`` and ``prior_draw`` among them.

        Data and pictures never share a forward: a normalising layer sees one source at a time.
        """
        if isinstance(of, str):
            return self.value(f"{part}({of})", lambda: self._look(part, self.image(of)))
        return self.value(f"{part}({', '.join(of)})", lambda: self._look(part, *map(self._input, of)))

    def score(self, part: str, *inputs: Tensor) -> Tensor:
        """What the discriminator ``part`` gives ``inputs`` (x (N, C, H, W) for most), (N,); of examples that no value keeps, as a penalty
        on its slope makes them."""
        return self._look(part, *inputs)["score"][:, 0]

    def _input(self, name: str) -> Tensor:
        return self.code(name) if name in CODES else self.image(name)

    def code(self, name: str) -> Tensor:
        """The codes called ``z``, ``mean`` (the posterior's) or ``prior_draw``, or a value kept under another name."""
        match name:
            case "z":
                return self.z()
            case "mean":
                return self.posterior().mean
            case "prior_draw":
                return self.prior_draw()
            case _:
                return self.value(name, lambda: _missing(name, "codes"))

    def logits(self, head: str, of: str = "z") -> Tensor:
        """What the head ``head`` says of the codes called ``of``, (N, outputs)."""
        return self.value(f"{head}({of})", lambda: cast(Head, self.part(head)).logits(self.code(of)))

    def __getattr__(self, name: str) -> Any:
        return compat.member(self, name)

    def _look(self, part: str, *inputs: Tensor) -> dict[str, Tensor]:
        extractor = cast(FeatureExtractor, self.part(part))
        return extractor.features(*inputs, y=self.condition if extractor.takes_labels else None)


def _missing(name: str, what: str) -> Tensor:
    raise LookupError(f"no {what} called {name!r}; compute them first with step.value({name!r}, …)")


@contextmanager
def untouched_buffers(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Forwards inside leave every buffer of ``modules`` as it was.

    Batch-norm layers in train mode still normalise by the batch, but do not move their running statistics. Other
    buffers (a spectral norm's vectors, say) are put back.
    """
    norms: list[_NormBase] = []
    others: list[tuple[nn.Module, str, Tensor, Tensor, int]] = []
    for module in modules:
        for layer in module.modules():
            if not layer.training:
                continue
            if isinstance(layer, _NormBase):
                if layer.track_running_stats:
                    norms.append(layer)
            else:
                others += [
                    (layer, name, buffer, buffer.clone(), buffer._version)
                    for name, buffer in layer.named_buffers(recurse=False)
                ]
    for layer in norms:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in norms:
            layer.track_running_stats = True
        for layer, name, buffer, before, version in others:
            layer._buffers[name] = buffer
            # A buffer that did not move is left alone: writing to it would spoil graphs that have saved it.
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(before)
