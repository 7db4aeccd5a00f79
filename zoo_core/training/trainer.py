"""Training: plays a model's game to its end, and keeps what is worth keeping."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo_core.data import COUNTED, Source, evaluation_batches, open_source
from zoo_core.data.labels import labels_for
from zoo_core.drawing.grids import beside, grid, save_png
from zoo_core.errors import NonFinite, shown
from zoo_core.evaluation.results import RESULTS_FILE
from zoo_core.game import Game, Round
from zoo_core.game.settings import TrainingSettings, as_table
from zoo_core.interfaces import Samples
from zoo_core.interfaces.callback import Callback
from zoo_core.model import Model
from zoo_core.noise import derive_seed
from zoo_core.storage.files import is_file, sweep
from zoo_core.training import checkpoints
from zoo_core.training.checkpoints import Progress, read_checkpoint, write_checkpoint
from zoo_core.training.diversity import COLLAPSED, diversity
from zoo_core.training.lock import locked
from zoo_core.training.logs import Logs
from zoo_core.training.precision import prepared
from zoo_core.training.progress import ProgressBar
from zoo_core.training.run import Run, refuse_to_overwrite, write_run
from zoo_core.training.session import Session
from zoo_core.training.validation import compared, validate

SHOWN_IMAGES = 32
COMPARED_IMAGES = 100
"""Held-out images, and as many samples, whose diversity is compared."""
LONG = 10
"""Epochs; samples that are still all alike after fewer need not mean anything."""
ALIKE = (
    f"samples are all alike (diversity below {COLLAPSED} of the data's): the model has collapsed; "
    "try a smaller learning rate, another objective (zoo list --kind objective) or instance noise"
)
UNTRAINED = (
    "no player trains the {part}: its weights stay as they are. Is an objective missing that trains it? "
    "Else say {part}.trainable=false"
)
CALMER = "try a smaller learning rate (training.players.NAME.lr) or clipping (training.players.NAME.clip=1)"


@dataclass(frozen=True)
class _Played:
    """What the log needs of a round: not its step, which would keep the round's values alive."""

    index: int
    terms: Mapping[str, Tensor]


class Training:
    """One training in progress; what callbacks see.

    Arguments:
        session: the game to play.
        folder: of the run, or None.
        callbacks: told of what happens.
        show: a progress bar.
    """

    def __init__(self, session: Session, folder: Path | None, callbacks: Sequence[Callback], *, show: bool) -> None:
        self.session = session
        self.folder = folder
        self.progress = Progress()
        self._callbacks = list(callbacks)
        self._show = show
        self._reason = ""
        self._wish = ""
        self._failure: Exception | None = None
        self._interrupted = False
        self._about: Mapping[str, Any] = {}
        self._pending: list[_Played] = []
        self._since = time.monotonic()
        self._logs: Logs | None = None
        self._held_out: Source | None = None
        self._figures: dict[str, float] = {}
        self._diversity: float | None = None

    @property
    def model(self) -> Model:
        """The model in training."""
        return self.session.model

    @property
    def game(self) -> Game:
        """Its game."""
        return self.session.game

    @property
    def settings(self) -> TrainingSettings:
        """How it is trained."""
        return self.session.settings

    @property
    def round(self) -> int:
        """Rounds played so far."""
        return self.session.game.round

    @property
    def epoch(self) -> int:
        """Epochs that are complete."""
        return self.progress.epoch

    def listen(self, callbacks: Sequence[Callback]) -> None:
        """Tell these, too, of what happens, after those there are."""
        self._callbacks += callbacks

    def stop(self, reason: str) -> None:
        """End the training after this round, or with several processes after the next log step, in all of them."""
        self._wish = self._wish or reason

    # ------------------------------------------------------------------------------------------------ the loop

    def run(self, *, resume: bool, about: Mapping[str, Any]) -> Run:
        """Play all rounds that are left.

        Arguments:
            resume: go on from a checkpoint in the folder.
            about: what run.json is to say of the data.
        """
        with ExitStack() as folder_held:
            self._run(resume, about, folder_held)
            return self._finish()

    def _run(self, resume: bool, about: Mapping[str, Any], folder_held: ExitStack) -> None:
        """From the folder to the last checkpoint; after it the model is at rest, however it ended."""
        try:
            with (
                prepared(self.model, precision=self.settings.precision, compiled=self.settings.compile),
                ExitStack() as inner,
            ):
                if self.settings.validate_every and self.session.total_rounds:
                    self._held_out_source()  # what is wrong with it is said before an epoch is played
                if self.folder is not None:
                    self._open_folder(self.folder, resume, about, folder_held)
                inner.enter_context(self._interruptible())
                bar = ProgressBar(self.session.total_rounds, self.round, self.session.rounds_per_epoch, show=self._show)
                inner.enter_context(bar)
                for part in self.session.game.untrained():
                    bar.warn(UNTRAINED.format(part=part))
                with self.session.processes.together():
                    for callback in self._callbacks:
                        callback.on_start(self)
                self._play(bar)
        finally:
            self.model.eval()
            if self._logs is not None:
                self._logs.close()

    def _play(self, bar: ProgressBar) -> None:
        session, total = self.session, self.session.total_rounds
        self._last_checkpoint = self._since = time.monotonic()
        self._stop_if_stuck()
        if self._logs is not None and self.folder is not None and self.round < total:
            # Figures of the weights that this training changes.
            (self.folder / RESULTS_FILE).unlink(missing_ok=True)
        self._reason = session.processes.agree(self._wish)
        alone = session.processes.world == 1
        while self.round < total and not self._reason:
            if not self.model.training:
                self.model.train()
            played = session.game.play()
            self._pending.append(_Played(played.index, played.terms))
            at_epoch = self.round % session.rounds_per_epoch == 0
            at_log = at_epoch or self.round % self.settings.log_every == 0
            if self._failure is None:
                try:
                    self._look_after(played, bar, at_log=at_log, at_epoch=at_epoch)
                except Exception as error:
                    if alone:
                        raise
                    # The others do not know: this process plays along until they can be told.
                    self._failure = error
            if alone or at_log:
                self._reason = session.processes.agree(self._wish, self._failure)
        self._reason = self._reason or "finished"
        with session.processes.together():
            self._checkpoint(bar)

    def _look_after(self, played: Round, bar: ProgressBar, *, at_log: bool, at_epoch: bool) -> None:
        """What follows a round: callbacks, log, the end of an epoch, a checkpoint where one is due. Other processes take no part."""
        for callback in self._callbacks:
            callback.on_round(self, played)
        if at_log:
            self._log(bar)
        bar.advance(self.round)
        if at_epoch:
            self._end_epoch(bar)
        longest = min(self.settings.checkpoint_seconds, 15.0 if at_epoch else math.inf)
        if time.monotonic() - self._last_checkpoint > longest:
            self._checkpoint(bar)
            self._last_checkpoint = time.monotonic()

    def _log(self, bar: ProgressBar) -> None:
        """Read the pending rounds' terms: one wait for the device for all of them."""
        if not self._pending:
            return
        rounds, self._pending = self._pending, []
        names = list(dict.fromkeys(name for played in rounds for name in played.terms))
        means: dict[str, float] = {}
        bad: list[tuple[int, str]] = []
        for name in names:
            with_name = [played for played in rounds if name in played.terms]
            values = torch.stack([played.terms[name] for played in with_name]).float()
            finite = torch.isfinite(values)
            if not bool(finite.all()):
                bad.append((with_name[int((~finite).nonzero()[0])].index, name))
            means[name] = float(values.mean())
        if bad:
            index, name = min(bad, key=lambda b: b[0])
            kept = self._kept()
            raise NonFinite(
                f'the term "{name}" became NaN or infinite in round {index}{kept}', hint=CALMER, term=name, round=index
            )
        seconds = time.monotonic() - self._since
        self.progress.seconds += seconds
        rate = len(rounds) * self.session.images_per_round / max(seconds, 1e-9)
        counted = COUNTED[self.model.modality]
        bar.losses(means, rate, counted)
        if self._logs is not None:
            self._logs.scalars(
                "train",
                self.round,
                means,
                epoch=self.round / self.session.rounds_per_epoch,
                **{f"{counted}_per_second": round(rate, 1)},
            )
        for callback in self._callbacks:
            callback.on_log(self, means)
        self._since = time.monotonic()

    # ------------------------------------------------------------------------------------------------ an epoch's end

    def _end_epoch(self, bar: ProgressBar) -> None:
        epoch = self.progress.epoch = self.round // self.session.rounds_per_epoch
        settings = self.settings
        with self.game.averages.in_model():
            if settings.validate_every and epoch % settings.validate_every == 0:
                self._validate()
            if (
                settings.pictures_every
                and (epoch % settings.pictures_every == 0 or epoch == settings.epochs)
                and self._logs is not None
                and self.model.modality != "tokens"
            ):
                self._draw(epoch)
            collapsed = bool(settings.validate_every) and epoch % settings.validate_every == 0 and self._has_collapsed()
        bar.epoch(epoch, settings.epochs, self._figures, self._diversity)
        if collapsed:
            bar.warn(ALIKE)
        for callback in self._callbacks:
            callback.on_epoch(self, epoch)
        self._since = time.monotonic()

    def _validate(self) -> None:
        source = self._held_out_source()
        self._figures = figures = validate(
            self.model,
            source,
            batch_size=self.settings.batch_size,
            seed=derive_seed(self.session.seed, "validation"),
            progress=min(self.round / self.session.total_rounds, 1.0),
        )
        if not figures:
            return
        if self._logs is not None:
            self._logs.scalars("validation", self.round, figures, epoch=self.progress.epoch)
        best, value = self.progress.best, compared(figures)
        if math.isfinite(value) and (best is None or value < best):
            self.progress.best, self.progress.since_best = value, 0
            if self.folder is not None and self.session.processes.main:
                self.model.save(self.folder / "best")
        else:
            self.progress.since_best += 1
            self._stop_if_stuck()
        for callback in self._callbacks:
            callback.on_validation(self, figures)

    def _has_collapsed(self) -> bool:
        """Measure how varied samples of the prior are. True when they are found all alike after they were not, or at the end of a
        training that was long enough for them to become varied. Of pictures only: ids of tokens have no distances."""
        if (
            self.model.modality == "tokens"
            or not self.model.config["sampler"]
            or self.model.sampler().starts_from_images(self.model)
        ):
            return False
        x = next(iter(evaluation_batches(self._held_out_source(), COMPARED_IMAGES))).x
        if len(x) < 2:
            return False
        seed = derive_seed(self.session.seed, "diversity")
        samples = self._samples(len(x), seed, x.to(self.model.dtype)).x
        before, self._diversity = self._diversity, diversity(samples, x)
        if self._logs is not None:
            self._logs.scalars("samples", self.round, {"diversity": self._diversity}, epoch=self.progress.epoch)
        ended = self.progress.epoch == self.settings.epochs >= LONG
        return self._diversity < COLLAPSED and (ended or (before is not None and before >= COLLAPSED))

    def _samples(self, n: int, seed: int, x: Tensor) -> Samples:
        """``n`` pictures of the recipe's sampler, from the images x where it has nothing else to start from: a chain from the prior that
        may start from images, too, is not given any, or its pictures would be the data's."""
        sampler = self.model.sampler()
        return self.model.samples(n, sampler, seed=seed, **({"x": x} if sampler.starts_from_images(self.model) else {}))

    def _stop_if_stuck(self) -> None:
        """Stop early; also a run that had stopped early and is resumed."""
        if self.settings.patience is not None and self.progress.since_best >= self.settings.patience:
            self.stop("stopped early")

    def _held_out_source(self) -> Source:
        if self._held_out is None:
            self._held_out = open_source(
                self.session.dataset.split("validation"),
                device=self.session.processes.device,
                modality=self.session.dataset.modality,
                workers=self.settings.workers,
            )
        return self._held_out

    def _draw(self, epoch: int) -> None:
        """Samples and reconstructions, from the same codes and images every time."""
        assert self.folder is not None and self._logs is not None
        pictures: dict[str, Any] = {}
        batch = next(iter(evaluation_batches(self._held_out_source(), SHOWN_IMAGES)))
        x = batch.x.to(self.model.dtype)
        if self.model.config["sampler"]:
            # As many rows as images allow, for samplers that start from some.
            seed = derive_seed(self.session.seed, "pictures")
            samples = self._samples(min(2 * SHOWN_IMAGES, 2 * len(x)), seed, x)
            pictures["samples"] = grid(samples.x, samples.columns)
        if {"encoder", "decoder"} <= set(self.model.parts):
            y = labels_for(self.model, batch, "encoder", "decoder")
            pictures["reconstructions"] = grid(*beside(x, self.model.reconstruct(x, y)))
        for name, pixels in pictures.items():
            save_png(self.folder / "pictures" / f"{name}-{epoch:04d}.png", pixels)
            self._logs.picture(name, self.round, pixels)

    # ------------------------------------------------------------------------------------------------ files

    def _open_folder(self, folder: Path, resume: bool, data: Mapping[str, Any], held: ExitStack) -> None:
        """Lock the run's folder, take over its checkpoint or see that nothing is written over, and make it ready.

        Arguments:
            held: keeps the lock. One process takes it for all.
        """
        processes = self.session.processes
        with processes.together():
            if processes.main:
                held.enter_context(locked(folder))
        with processes.together():
            resumed = resume and is_file(folder / checkpoints.CHECKPOINT_FILE)
            if resumed:
                self.progress = read_checkpoint(folder, self.session)
            else:
                refuse_to_overwrite(folder)
        with processes.together():
            if processes.main:
                self._about = {
                    "recipe": self.model.recipe,
                    **data,
                    "seed": self.session.seed,
                    "training": as_table(self.settings),
                }
                write_run(folder, self._about, self.round)
                sweep(folder)
                sweep(folder / "best")
                if not resumed:
                    # A run that is killed before its first checkpoint starts again from these very weights.
                    self.model.save(folder)
                self._logs = Logs(folder, lines=self.progress.log_lines)

    def _checkpoint(self, bar: ProgressBar) -> None:
        self._log(bar)  # a NaN is noticed before it is written over the last good checkpoint
        self._refuse_bad_weights()
        if self._logs is None or self.folder is None:
            return
        self.progress.log_lines = self._logs.lines
        write_checkpoint(self.folder, self.session, self.progress)
        # Before the weights: trained ones must never stand beside a run.json that does not know of it.
        write_run(self.folder, self._about, self.round)
        with self.game.averages.in_model():
            self.model.save(self.folder)
        self._since = time.monotonic()

    def _refuse_bad_weights(self) -> None:
        """The last step may have spoilt the weights while its terms were still finite."""
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
                raise NonFinite(
                    f"the weights {shown(name)} became NaN or infinite in round {self.round - 1}{self._kept()}",
                    hint=CALMER,
                    term=name,
                    round=self.round - 1,
                )

    def _kept(self) -> str:
        kept = self.folder is not None and is_file(self.folder / checkpoints.CHECKPOINT_FILE)
        return f"; the last good checkpoint is in {shown(self.folder)}" if kept else ""

    def _finish(self) -> Run:
        self.game.averages.swap()
        for callback in self._callbacks:
            callback.on_end(self, self._reason)
        return Run(
            self.model, self.folder, self._reason, self.round, self.progress.seconds, self._figures, self._diversity
        )

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the training as :meth:`stop` does; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: Any) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True
            self.stop("interrupted")

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
