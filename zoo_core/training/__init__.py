"""Training: the game with data, devices, checkpoints, logs and pictures around it."""

from zoo_core.game.settings import TrainingSettings, training_settings
from zoo_core.interfaces.callback import Callback
from zoo_core.training.entry import resume, train
from zoo_core.training.logs import read_lines
from zoo_core.training.run import Run
from zoo_core.training.session import Session, rounds
from zoo_core.training.trainer import Training

__all__ = [
    "Callback",
    "Run",
    "Session",
    "Training",
    "TrainingSettings",
    "read_lines",
    "resume",
    "rounds",
    "train",
    "training_settings",
]
