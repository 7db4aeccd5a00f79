"""Model: parts that work together, and what one does with them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast, final

import torch
from torch import Tensor, nn

from zoo_core import compat
from zoo_core.data.given import as_count, as_labels, as_tensor, as_tokens
from zoo_core.distributions import Likelihood, Posterior
from zoo_core.errors import IncompatibleError, SettingError, did_you_mean, shown
from zoo_core.interfaces import (
    Decoder,
    Encoder,
    ImageShape,
    Labels,
    Modality,
    Objective,
    Part,
    Sampler,
    Samples,
    Vocabulary,
)
from zoo_core.interfaces.part_noise import drawing, part_noises
from zoo_core.noise import GeneratorNoise
from zoo_core.tensors.walk import named_tensors

if TYPE_CHECKING:
    from zoo_core.publishing.push import Pushed


@final
class Model(nn.Module):
    """A generative model made of parts. ``zoo_core.build`` makes it, ``zoo_core.load`` brings it back.

    Images are (N, C, H, W) in [0, 1] everywhere, windows of tokens their ids, int64 (N, T). The methods below run in eval mode
    without autograd and put the mode
    back.

    Arguments:
        config: as it stands in config.json; the model keeps it as its own.
        parts: by slot, as the config lists them.
        objectives: by name.
        frozen: names of the parts that are not trained.
    """

    def __init__(
        self,
        config: dict[str, Any],
        parts: Mapping[str, Part],
        objectives: Mapping[str, Objective],
        *,
        frozen: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._config = config
        self.parts = nn.ModuleDict(dict(parts))
        self.objectives = nn.ModuleDict(dict(objectives))
        self.frozen = frozen
        self._noises = part_noises({**self.parts, **self.objectives})
        self.train(False)

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    def config(self) -> dict[str, Any]:
        """A copy of the config: ``zoo_core.build(model.config)`` gives this model with new weights."""
        return copy.deepcopy(self._config)

    @property
    def recipe(self) -> str:
        """The recipe it was built from."""
        return cast(str, self._config["recipe"])

    @property
    def image_shape(self) -> ImageShape:
        """(C, H, W); of windows of T tokens (1, 1, T)."""
        channels, height, width = self._config["image_shape"]
        return channels, height, width

    @property
    def modality(self) -> Modality:
        """What its data are of."""
        return cast(Modality, self._config.get("modality", "image"))

    @property
    def vocabulary(self) -> Vocabulary:
        """What its tokens' ids stand for; empty where it is not of tokens."""
        return Vocabulary.of(self._config)

    @property
    def labels(self) -> Labels:
        """The classes or attributes it knows."""
        return Labels.of(self._config)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """How wide its weights are."""
        return next((p.dtype for p in self.parameters()), torch.float32)

    def to_device(self, device: torch.device | str | None, dtype: torch.dtype) -> Self:
        """Itself, moved to ``device`` (None leaves it where it is) and made as wide as ``dtype``.

        As ``to`` does, which takes its time also where there is nothing to do.
        """
        where = None if device is None else torch.device(device)
        for _, tensor in named_tensors(self):
            numbers = tensor.is_floating_point() or tensor.is_complex()
            if (where is not None and tensor.device != where) or (numbers and tensor.dtype != dtype):
                return self.to(device=where, dtype=dtype)
        return self

    def train(self, mode: bool = True) -> Self:
        """Train mode for what is trained; frozen parts stay in eval mode."""
        super().train(mode)
        for name in self.frozen:
            self.parts[name].eval()
        return self

    def extra_repr(self) -> str:
        return f"recipe={self.recipe!r}, image_shape={self.image_shape}"

    def __getattr__(self, name: str) -> Any:
        return compat.member(self, name) if name in compat.MEMBERS else super().__getattr__(name)

    def capabilities(self, part: str) -> frozenset[str]:
        """What the part called ``part`` can do; nothing where there is no such part."""
        return cast(Part, self.parts[part]).capabilities if part in self.parts else frozenset()

    @contextmanager
    def evaluating(self, generator: torch.Generator | None = None) -> Iterator[None]:
        """Eval mode and no autograd inside; the modes come back after.

        Arguments:
            generator: where parts draw from that draw in their own forwards (``PartNoise``); None is that of the ``evaluating`` around this
                one, or the same draws every time.
        """
        modes = {module: module.training for module in self.modules()}
        self.train(False)
        try:
            with torch.no_grad(), self._drawing(generator):
                yield
        finally:
            for module, mode in modes.items():
                module.training = mode

    def _drawing(self, generator: torch.Generator | None) -> AbstractContextManager[None]:
        if not self._noises or (generator is None and self._noises[0].source is not None):
            return nullcontext()
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        return drawing(self._noises, GeneratorNoise(generator, device=self.device, dtype=self.dtype), "")

    # ------------------------------------------------------------------------------------------------ what it does

    def sample(
        self,
        n: int,
        sampler: str | Mapping[str, Any] | Sampler | None = None,
        *,
        seed: int | None = None,
        **conditions: Any,
    ) -> Tensor:
        """``n`` pictures, (n, C, H, W) in [0, 1]; see :meth:`samples`."""
        return self.samples(n, sampler, seed=seed, **conditions).x

    def samples(
        self,
        n: int,
        sampler: str | Mapping[str, Any] | Sampler | None = None,
        *,
        seed: int | None = None,
        **conditions: Any,
    ) -> Samples:
        """``n`` pictures with their codes and, where the sampler keeps one, the way to them.

        Arguments:
            sampler: a sampler's name, a table with ``name`` and parameters, or None for the model's own. Of that one, the settings
                in the model's config count where the table has no others; a table without ``name`` means it.
            seed: same seed, same pictures; None draws one.
            conditions: ``y`` where the model takes labels: numbers or names of classes, one for each picture or one for all;
                ``x`` (m, C, H, W) where the sampler starts from images.

        Raises:
            SettingError: a condition that the sampler or this model does not take, or a value that is none.
        """
        n = as_count(n, "sample")
        chosen = self.sampler(sampler)
        given = self._conditions(chosen, n, conditions)
        generator = torch.Generator()
        generator.seed() if seed is None else generator.manual_seed(seed)
        with self.evaluating(generator):
            return chosen(self, n, generator, **given)

    def sample_chunks(
        self,
        n: int,
        sampler: str | Mapping[str, Any] | Sampler | None = None,
        *,
        seed: int | None = None,
        chunk: int = 256,
        x: Iterable[Tensor] | None = None,
        y: Any = None,
    ) -> Iterator[Samples]:
        """``n`` pictures as :meth:`samples` draws them, a chunk at a time: memory does not grow with n.

        A chunk ends with a whole row of the sampler's, where it fills rows. All randomness is from one generator, so that the same seed
        and chunk give the same pictures, which are others than those of :meth:`samples`.

        Arguments:
            chunk: pictures at a time, at most.
            x: images for a sampler that starts from some, a batch of them for each chunk.
            y: labels, one for each of the ``n`` pictures or one for all.

        Raises:
            SettingError: as :meth:`samples`; or ``x`` ends before the pictures do.
        """
        n, chunk, chosen = as_count(n, "sample"), as_count(chunk, "chunk"), self.sampler(sampler)
        labels = self._conditions(chosen, n, {"y": y}).get("y")
        images = None if x is None else iter(x)
        generator = torch.Generator()
        generator.seed() if seed is None else generator.manual_seed(seed)
        done = 0
        while done < n:
            asked = min(chunk, n - done)
            own = {
                "x": None if images is None else _next(images, done),
                "y": None if labels is None else labels[done : done + asked],
            }
            given = self._conditions(chosen, asked, own)
            with self.evaluating(generator):
                samples = chosen(self, asked, generator, **given)
            if asked < n - done and samples.columns is not None and asked % samples.columns and samples.columns < asked:
                chunk = asked - asked % samples.columns
                samples = _first(samples, chunk)
            done += len(samples.x)
            yield samples

    def _conditions(self, sampler: Sampler, n: int, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """``conditions`` as samplers get them."""
        given = {name: value for name, value in conditions.items() if value is not None}
        who = type(sampler).__name__
        for name in given:
            if name not in sampler.conditions:
                known = " and ".join(sorted(sampler.conditions)) or "none"
                hint = did_you_mean(name, sampler.conditions) or f"the conditions that it takes: {known}"
                raise SettingError(f"sample: {who} takes no {shown(name)}", hint=hint)
        if "x" in given:
            given["x"] = self._images(given["x"])
        if "y" in given:
            classes = sampler.classes(self)
            if not classes:
                raise SettingError(f"sample: this {self.recipe} takes no labels", hint="leave y out")
            given["y"] = as_labels(given["y"], self.labels, n, classes=classes).to(self.device)
        return given

    def sampler(self, sampler: str | Mapping[str, Any] | Sampler | None = None) -> Sampler:
        """The sampler called so, checked against this model's parts."""
        if isinstance(sampler, Sampler):
            return sampler
        from zoo_core.building.components import sampler_for

        return sampler_for(self, sampler)

    def posterior(self, x: Tensor, y: Any = None) -> Posterior:
        """q(z given x) for x (N, C, H, W) in [0, 1], and q(z given x, y) for labels y where the encoder takes them: numbers or names
        of classes, one for each image or one for all, or one-hot (N, K).

        Raises:
            SettingError: labels for an encoder that takes none, or other images or labels than it takes.
        """
        encoder = cast(Encoder, self._part("encoder"))
        with self.evaluating():
            x = self._images(x)
            return encoder.posterior(x, None if y is None else self._labels_for("encoder", y, len(x)))

    def encode(self, x: Tensor, y: Any = None) -> Tensor:
        """The posterior's mean, (N, latent_dim); labels as in :meth:`posterior`."""
        with self.evaluating():
            return self.posterior(x, y).mean

    def likelihood(self, z: Tensor, y: Any = None) -> Likelihood:
        """p(x given z) for codes z (N, latent_dim), and p(x given z, y) for labels y where the decoder takes them: numbers or names of
        classes, one for each code or one for all, or one-hot (N, K). ``attributes`` of a decoder that tells them are there, too.

        Raises:
            SettingError: labels for a model that takes none, or other codes or labels than it takes.
        """
        decoder = cast(Decoder, self._part("decoder"))
        z = as_tensor(z, "codes")
        if z.dim() != 2 or z.shape[1] != decoder.latent_dim:
            raise SettingError(f"codes should be (N, {decoder.latent_dim}), got {tuple(z.shape)}")
        with self.evaluating():
            labels = None if y is None else self._labels_for("decoder", y, len(z))
            return decoder.likelihood(z.to(self.device, self.dtype), labels)

    def decode(self, z: Tensor, y: Any = None) -> Tensor:
        """The mean of :meth:`likelihood`, (N, C, H, W)."""
        return self.likelihood(z, y).mean

    def reconstruct(self, x: Tensor, y: Any = None) -> Tensor:
        """``decode(encode(x), y)``: deterministic, (N, C, H, W). Labels y go to those of the two that take them.

        Raises:
            SettingError: labels for a model of which neither takes any, or other images or labels than it takes.
        """
        told = [part for part in ("encoder", "decoder") if "labels" in self.capabilities(part)]
        if y is not None and not told:
            raise SettingError(f"neither encoder nor decoder of this {self.recipe} takes labels", hint="leave y out")
        z = self.encode(x, y if "encoder" in told else None)
        return self.decode(z, y if "decoder" in told else None)

    def _labels_for(self, part: str, y: Any, count: int) -> Tensor:
        if "labels" not in self.capabilities(part):
            raise SettingError(f"the {part} of this {self.recipe} takes no labels", hint="leave y out")
        return as_labels(y, self.labels, count, classes=self.labels.count, one_hot=True).to(self.device)

    def _part(self, name: str) -> Part:
        if name not in self.parts:
            raise IncompatibleError(f"a {self.recipe} has no {name}", hint=f"its parts are {', '.join(self.parts)}")
        return cast(Part, self.parts[name])

    def _images(self, x: Tensor) -> Tensor:
        """``x`` as parts get it: images, or windows of tokens where the model is of these."""
        if self.modality == "tokens":
            return as_tokens(x, self.image_shape[2], len(self.vocabulary)).to(self.device)
        x = as_tensor(x, "images")
        if x.dim() != 4 or tuple(x.shape[1:]) != self.image_shape:
            raise SettingError(
                f"images should be (N, {', '.join(map(str, self.image_shape))}) in [0, 1], got {tuple(x.shape)}"
            )
        if not x.is_floating_point():
            raise SettingError(f"images should be floats in [0, 1], got {x.dtype}", hint="x.float() / 255")
        return x.to(self.device, self.dtype)

    # ------------------------------------------------------------------------------------------------ its weights

    def published_state(self) -> dict[str, Tensor]:
        """The weights that are saved: all but training-only networks and frozen nets that bring their own."""
        skipped = [f"parts.{name}." for name in self.frozen if "weights" in self._config["parts"][name]]
        for name, objective in self.objectives.items():
            skipped += [f"objectives.{name}.{own}" for own in cast(Objective, objective).training_only]
        state: dict[str, Tensor] = self.state_dict()
        return {
            key: value
            for key, value in state.items()
            if not any(key == s or key.startswith(s.rstrip(".") + ".") for s in skipped)
        }

    def save(self, folder: str | Path, *, max_shard_size: int | str = "5GB") -> Path:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``, each atomically; more than ``max_shard_size`` (bytes,
        or ``"200MB"``) is split into shards with an index."""
        from zoo_core.saving import save

        return save(self, Path(folder), max_shard_size=max_shard_size)

    def push_to_hub(
        self,
        repo: str,
        *,
        license: str | None = None,
        private: bool = False,
        branch: str | None = None,
        tag: str | None = None,
        message: str | None = None,
        run: str | Path | None = None,
        max_shard_size: int | str = "5GB",
    ) -> Pushed:
        """Publish this model as ``org/name`` on the Hub, with a card; see :func:`zoo_core.publishing.push.push`."""
        from zoo_core.publishing.push import push

        return push(
            self,
            repo,
            license=license,
            private=private,
            branch=branch,
            tag=tag,
            message=message,
            run=run,
            max_shard_size=max_shard_size,
        )


def _next(images: Iterator[Tensor], done: int) -> Tensor:
    try:
        return next(images)
    except StopIteration:
        raise SettingError(
            f"sample: the images to start from are used up after {done} pictures",
            hint=f"give more images, or draw {done} pictures",
        ) from None


def _first(samples: Samples, n: int) -> Samples:
    """The first ``n`` of ``samples``."""
    z, trace = samples.z, samples.trace
    return dataclasses.replace(
        samples, x=samples.x[:n], z=None if z is None else z[:n], trace=None if trace is None else trace[:, :n]
    )
