"""Session: a model, its data and its game, ready to play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch

from zoo_core.data import Source, Stream, dataset_for, labelled, open_source, refuse_without_labels, with_labels
from zoo_core.devices.process import Processes, processes
from zoo_core.errors import SettingError
from zoo_core.game import Game, Round, rules_for
from zoo_core.game.settings import TrainingSettings, training_settings
from zoo_core.interfaces import Dataset, Objective, Part
from zoo_core.model import Model
from zoo_core.noise import GlobalDraws, derive_seed
from zoo_core.training.heap import keep_freed_memory
from zoo_core.training.precision import prepared


class Session:
    """A model, its data and its game.

    Arguments:
        model: it is moved to the device.
        data: a data set, its name, or tensors.
        settings: how to train.
        seed: of the order of the data and of all draws.
        device: where; None is the first accelerator, else the CPU.
        data_root: where data sets lie.
        data_settings: parameters of the data set.

    Attributes:
        rounds_per_epoch: rounds in one pass over the main stream.
        images_per_round: images of the main stream, which an epoch counts, in a round; those of other streams come on top.
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        settings: TrainingSettings,
        *,
        seed: int = 0,
        device: str | torch.device | None = None,
        data_root: str | None = None,
        data_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self.processes: Processes = processes(device)
        if self.processes.device.type == "cpu":
            keep_freed_memory()
        model.to(self.processes.device)
        self.dataset: Dataset = dataset_for(model, data, root=data_root, settings=data_settings)
        refuse_without_labels(model, self.dataset)
        split = self.dataset.split("train")
        if settings.labelled is not None:
            split = with_labels(split, settings.labelled, seed)
        self.sources: dict[str, Source] = {"main": self._open(split)}
        objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
        trainable = frozenset(model.parts) - model.frozen
        rules = rules_for(objectives, trainable, {"turns": settings.turns, "players": settings.players})
        for turn in rules.turns:
            if turn.stream not in self.sources:
                self.sources[turn.stream] = self._open(labelled(split))
        self.streams = {name: self._stream(name) for name in self.sources}
        draws = _draws_a_round(rules.turns)
        self.rounds_per_epoch = max(1, self.streams["main"].batches_per_epoch // draws)
        self.images_per_round = draws * self.streams["main"].batch_size
        p = self.processes
        self.game = Game(
            {name: cast(Part, part) for name, part in model.parts.items()},
            objectives,
            rules,
            lambda stream: self.streams[stream].next(),
            seed=seed,
            accumulate=settings.accumulate,
            rank=p.rank,
            world=p.world,
            all_reduce=p.mean if p.world > 1 else None,
            progress=lambda round: (round / self.rounds_per_epoch, float(settings.epochs)),
        )

    def _open(self, split: Any) -> Source:
        return open_source(
            split, device=self.processes.device, modality=self.dataset.modality, workers=self.settings.workers
        )

    def _stream(self, name: str) -> Stream:
        own = self.settings.streams.get(name)
        size = own.batch_size if own is not None and own.batch_size is not None else self.settings.batch_size
        source = self.sources[name]
        if name != "main":
            size = min(size, len(source))
        if size // self.processes.world % self.settings.accumulate:
            raise SettingError(
                f"a batch of {size // self.processes.world} cannot be cut into {self.settings.accumulate} equal pieces",
                hint="choose training.batch_size as a multiple of training.accumulate",
            )
        return Stream(
            source,
            size,
            self.seed,
            name=name,
            rank=self.processes.rank,
            world=self.processes.world,
            dtype=self.model.dtype,
        )

    @property
    def total_rounds(self) -> int:
        """Rounds in all epochs."""
        return self.rounds_per_epoch * self.settings.epochs


def _draws_a_round(turns: Any) -> int:
    """How many batches of the main stream a round takes."""
    draws = 0
    for turn in turns:
        if turn.stream == "main" and (turn.batches > 1 or draws == 0):
            draws += turn.batches
    return max(1, draws)


def rounds(
    model: Model,
    data: Any,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
    **training: Any,
) -> Iterator[Round]:
    """Play the model's game and give each round: the loop is the caller's.

    Same seed, same weights as ``train`` gives, whatever the caller draws between rounds: torch's global generators, from which dropout
    draws, are the rounds' own inside and the caller's outside. When the loop ends, a player with a moving average leaves its averaged
    weights in the model, as ``train`` does.

    >>> for played in zoo.rounds(model, data="digits", epochs=2):
    ...     if played.index % 10 == 0:
    ...         print({name: term.item() for name, term in played.terms.items()})

    Arguments:
        model: from ``zoo_core.build``.
        data: a data set's name, a Dataset, or a tensor of images.
        epochs, batch_size, training: over the recipe's training settings.
        seed: of the order of the data and of all draws.
        device: None is the first accelerator, else the CPU.
        data_root, data_settings: where data sets lie, and parameters of this one.
    """
    settings = training_settings(model.config["training"], epochs=epochs, batch_size=batch_size, **training)
    session = Session(model, data, settings, seed=seed, device=device, data_root=data_root, data_settings=data_settings)
    draws = GlobalDraws(derive_seed(seed, "training"), session.processes.device)
    try:
        with prepared(model, precision=settings.precision, compiled=settings.compile):
            for _ in range(session.total_rounds):
                if not model.training:
                    model.train()
                with draws:
                    played = session.game.play()
                yield played
    finally:
        session.game.averages.swap()
        model.eval()
