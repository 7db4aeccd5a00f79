"""A plugin of toy components for the tests; the fixture ``toys`` installs it."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.hookspecs import hookimpl


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Every toy, by name."""
    register("feature-extractor", "toy-net", "zoo_toys.parts:Net", summary="two convolutions, and weights of its own")
    register("feature-extractor", "toy-nest", "zoo_toys.nests:Nest", summary="builds a net by itself")
    register("feature-extractor", "toy-inside", "zoo_toys.inside:Inside", summary="a net, changed at named layers")
    register("decoder", "toy-noisy", "zoo_toys.nests:Noisy", summary="noise on the code")
    register("encoder", "toy-dropout", "zoo_toys.parts:DropoutEncoder", summary="dropout and batch norm")
    register("encoder", "toy-trap", "zoo_toys.traps:Trap", summary="hard to load")
    register("encoder", "toy-deep", "zoo_toys.traps:Deep", summary="as deep as one says")
    register("encoder", "toy-renamed", "zoo_toys.traps:Renamed", summary="of a later format")
    register("network", "toy-critic", "zoo_toys.parts:Critic", summary="a trainable network")
    register("feature-extractor", "toy-joint", "zoo_toys.joint:Joint", summary="looks at images and their codes")
    register("objective", "toy-ali", "zoo_toys.joint:ALI", summary="a joint game")
    register("head", "toy-head", "zoo_toys.heads:Squared", summary="not linear")
    register("attack", "toy-attack", "zoo_toys.heads:RandomSigns", summary="random signs, the best of some")
    register("objective", "toy-hardened", "zoo_toys.heads:Hardened", summary="a head told codes of attacked images")
    register("feature-extractor", "toy-lstm", "zoo_toys.tokens:CharLSTM", summary="a recurrent layer over tokens")
    register(
        "objective", "toy-next-token", "zoo_toys.tokens:NextToken", summary="predicts each token from those before"
    )
    register("metric", "toy-bits", "zoo_toys.tokens:BitsPerCharacter", summary="bits per character")
    register("prior", "toy-bomb", "zoo_toys.parts:Bomb", summary="cannot be built")
    register("prior", "toy-missing", "zoo_toys.parts:Missing", summary="is not in its module")
    register("metric", "toy-brighter", "zoo_toys.metrics:Brighter", summary="looks at further data")
    register("sampler", "toy-chain", "zoo_toys.samplers:Chain", summary="a chain that starts from images")
    register("sampler", "toy-faces", "zoo_toys.samplers:Faces", summary="takes attributes")
    register("objective", "toy-nan", "zoo_toys.objectives:TurnsNaN", summary="NaN after some rounds")
    register("objective", "toy-spoil", "zoo_toys.objectives:SpoilsWeights", summary="finite, with a NaN gradient")
    register("objective", "toy-owner", "zoo_toys.objectives:Owner", summary="owns networks")
    register("objective", "toy-redrawn", "zoo_toys.objectives:Redrawn", summary="codes of drawn pixels come back")
    register("objective", "toy-critical", "zoo_toys.objectives:Critical", summary="needs a critic")
    register("objective", "toy-wishful", "zoo_toys.objectives:Wishful", summary="needs what no prior can")
