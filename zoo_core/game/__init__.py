"""The game: training as turns. Objectives add terms to losses, players listen to losses and step."""

from zoo_core.game.game import Game, Round
from zoo_core.game.players import Player
from zoo_core.game.rules import PlayerRules, Rules, TurnRules, rules_for
from zoo_core.game.step import Step

__all__ = ["Game", "Player", "PlayerRules", "Round", "Rules", "Step", "TurnRules", "rules_for"]
