"""Each row of the game's table as parts, objectives, players and turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from zoo_core.adversarial import JointGame

from .objectives import (
    ToyCodeCritic,
    ToyDFM,
    ToyDiscreg,
    ToyELBO,
    ToyFortified,
    ToyGAN,
    ToyGibbs,
    ToyGradientPenalty,
    ToyIntroVAC,
    ToyLabelCritic,
    ToyReconstruction,
    ToySupervision,
    ToyVectorCritic,
)
from .toys import (
    CLASSES,
    LATENT,
    Table,
    ToyClassifier,
    ToyDecoder,
    ToyEncoder,
    ToyJoint,
    ToyNet,
    ToyPrior,
    player,
    table,
    turn,
)

AUTOENCODER = {"autoencoder": player(["encoder", "decoder"], ["fit"])}


def vae(*, norm: bool = False, **settings: Any) -> Table:
    """``settings`` are the player's."""

    def make() -> Table:
        parts = {"encoder": ToyEncoder(hidden=4, norm=norm), "decoder": ToyDecoder(hidden=4, norm=norm)}
        training = {"players": {"autoencoder": player(["encoder", "decoder"], ["fit"], **settings)}}
        return Table(parts, {"elbo": ToyELBO()}, training)

    return table(1, make)


def discreg_vae(*, encoder_gradient: bool = True, noisy: bool = False) -> Table:
    """``noisy``: decoder and classifier draw in their own forwards."""

    def make() -> Table:
        decoder = ToyDecoder(hidden=4 * noisy, noisy=noisy)
        parts = {"encoder": ToyEncoder(), "decoder": decoder, "classifier": ToyClassifier(noisy=noisy)}
        objectives = {"elbo": ToyELBO(), "discreg": ToyDiscreg(encoder_gradient=encoder_gradient)}
        return Table(parts, objectives, {"players": AUTOENCODER}, frozen=frozenset({"classifier"}))

    return table(2, make)


def aae() -> Table:
    """The encoder is one layer, so that nothing in autograd would notice a stale code."""
    players = {
        **AUTOENCODER,
        "supervisor": player(["encoder"], ["supervise"]),
        "critic": player(["codes"], ["discriminate"]),
        "critic-y": player(["labels"], ["discriminate-y"]),
        "regularizer": player(["encoder"], ["fool", "fool-y"]),
    }
    turns = [
        turn(["fit"], ["autoencoder"]),
        turn(["supervise"], ["supervisor"], stream="labelled"),
        turn(["discriminate"], ["critic"]),
        turn(["discriminate-y"], ["critic-y"]),
        turn(["fool"], ["regularizer"]),
        turn(["fool-y"], ["regularizer"]),
    ]

    def make() -> Table:
        parts = {"encoder": ToyEncoder("joint"), "decoder": ToyDecoder(LATENT + CLASSES), "prior": ToyPrior()}
        objectives = {
            "reconstruction": ToyReconstruction(),
            "supervision": ToySupervision(),
            "codes": ToyCodeCritic(),
            "labels": ToyLabelCritic(),
        }
        return Table(parts, objectives, {"players": players, "turns": turns})

    return table(3, make)


def introvac() -> Table:
    players = {"encoder": player(["encoder", "introvac"], ["fit"]), "decoder": player(["decoder"], ["fit", "fool"])}
    turns = [turn(["fit"], ["encoder"]), turn(["fool"], ["decoder"])]

    def make() -> Table:
        parts = {"encoder": ToyEncoder(hidden=4), "decoder": ToyDecoder(hidden=4)}
        return Table(parts, {"introvac": ToyIntroVAC()}, {"players": players, "turns": turns})

    return table(4, make)


def gan(*, batches: int = 1, norm: bool = False, penalty: bool = False, **settings: Any) -> Table:
    """``settings`` are the discriminator's."""
    players = {
        "discriminator": player(["discriminator"], ["discriminate"], **settings),
        "generator": player(["decoder"], ["fool"]),
    }
    turns = [turn(["discriminate"], ["discriminator"], batches=batches), turn(["fool"], ["generator"])]

    def make() -> Table:
        critic = ToyVectorCritic(hidden=4, norm=norm)
        parts = {"decoder": ToyDecoder(hidden=4, norm=norm), "discriminator": critic, "prior": ToyPrior()}
        objective = ToyGradientPenalty() if penalty else ToyGAN()
        return Table(parts, {"gan": objective}, {"players": players, "turns": turns})

    return table(5, make)


def dfm() -> Table:
    players = {
        "discriminator": player(["discriminator"], ["discriminate"]),
        "denoiser": player(["denoiser"], ["denoise"]),
        "generator": player(["decoder"], ["fool"]),
    }

    def make() -> Table:
        parts = {
            "decoder": ToyDecoder(hidden=4),
            "discriminator": ToyClassifier(),
            "denoiser": ToyNet(4, 4, hidden=4),
            "prior": ToyPrior(),
        }
        turns = [turn(["discriminate", "denoise", "fool"], list(players))]
        return Table(parts, {"dfm": ToyDFM()}, {"players": players, "turns": turns})

    return table(6, make)


def gibbsnet(*, steps: int = 3, norm: bool = False, game: JointGame = "swapped") -> Table:
    players = {
        "discriminator": player(["discriminator"], ["discriminate"]),
        "generator": player(["encoder", "decoder"], ["fool"]),
    }
    turns = [turn(["discriminate"], ["discriminator"]), turn(["fool"], ["generator"])]

    def make() -> Table:
        parts = {
            "encoder": ToyEncoder(hidden=4, norm=norm),
            "decoder": ToyDecoder(hidden=4, norm=norm),
            "discriminator": ToyJoint(),
            "prior": ToyPrior(),
        }
        return Table(parts, {"gibbs": ToyGibbs(steps=steps, game=game)}, {"players": players, "turns": turns})

    return table(7, make)


def fortified(*, norm: bool = True) -> Table:
    def make() -> Table:
        parts = {"classifier": ToyClassifier(norm=norm), "dae": ToyNet(4, 4, hidden=4)}
        players = {"classifier": player(["classifier", "dae"], ["fit"])}
        return Table(parts, {"fortified": ToyFortified()}, {"players": players})

    return table(8, make)


GAMES: Mapping[str, Callable[[], Table]] = MappingProxyType(
    {
        "vae": vae,
        "discreg-vae": discreg_vae,
        "discreg-vae without the encoder's gradient": lambda: discreg_vae(encoder_gradient=False),
        "discreg-vae of noisy parts": lambda: discreg_vae(noisy=True),
        "aae": aae,
        "introvac": introvac,
        "gan": lambda: gan(batches=3, constraint=0.1),
        "gan with a gradient penalty": lambda: gan(penalty=True),
        "dfm": dfm,
        "ali": lambda: gibbsnet(steps=0),
        "gibbsnet": gibbsnet,
        "fortified": lambda: fortified(norm=False),
        "vae, clipped": lambda: vae(clip=0.5),
    }
)
"""Every row, without batch norm."""

NORMALISED: Mapping[str, Callable[[], Table]] = MappingProxyType(
    {
        "vae": lambda: vae(norm=True),
        "gan": lambda: gan(batches=2, norm=True),
        "gibbsnet": lambda: gibbsnet(norm=True),
        "fortified": fortified,
    }
)
"""Rows with batch norm."""
