"""Training: the game with data, devices, checkpoints, logs and pictures around it."""

from zoo_core.game.settings import TrainingSettings, training_settings
from zoo_core.training.callbacks import Callback
from zoo_core.training.session import Session, rounds
from zoo_core.training.trainer import Run, resume, train

__all__ = ["Callback", "Run", "Session", "TrainingSettings", "resume", "rounds", "train", "training_settings"]
