"""Rules: what a recipe's players and turns become when its objectives are these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from zoo_core.errors import SettingError
from zoo_core.game import PlayerRules, Rules, TurnRules, rules_for
from zoo_core.game.schedules import Schedule
from zoo_core.interfaces import Objective

from .objectives import ToyCodeCritic, ToyDiscreg, ToyELBO, ToyIntroVAC, ToyLabelCritic, ToyReconstruction
from .toys import player, turn

PARTS = frozenset({"encoder", "decoder", "prior"})
AUTOENCODER = {"autoencoder": player(["encoder", "decoder"], ["fit"])}
FIT = turn(["fit"], ["autoencoder"])


class Generator(ToyReconstruction):
    """Another objective with a default player called ``critic``."""

    losses = ("sharpen",)
    default_players: ClassVar[Mapping[str, Any]] = {"critic": {"trains": ["decoder"], "losses": ["sharpen"], "lr": 0.5}}


def rules(objectives: Mapping[str, Objective], players: Mapping[str, Any] = AUTOENCODER, turns: Any = (FIT,)) -> Rules:
    return rules_for(objectives, PARTS, {"players": players, "turns": turns})


def listed(made: Rules) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(one.losses, one.players) for one in made.turns]


def test_settings_become_rules_with_torchs_defaults() -> None:
    made = rules({"elbo": ToyELBO()})
    assert made.turns == (TurnRules(losses=("fit",), players=("autoencoder",)),)
    assert made.players == {"autoencoder": PlayerRules(trains=("encoder", "decoder"), losses=("fit",), lr=0.05)}


def test_tables_and_lists_of_settings_are_taken_as_json_has_them() -> None:
    settings = player(["encoder", "decoder"], ["fit"], betas=[0.5, 0.9], schedule={"name": "steps", "milestones": [3]})
    made = rules({"elbo": ToyELBO()}, {"autoencoder": settings}).players["autoencoder"]
    assert made.betas == (0.5, 0.9) and made.schedule == Schedule(name="steps", milestones=(3.0,))


def test_without_turns_all_players_of_the_recipe_play_at_once() -> None:
    players = {"first": player(["encoder"], ["fit"]), "second": player(["decoder"], ["fit"])}
    assert listed(rules_for({"elbo": ToyELBO()}, PARTS, {"players": players})) == [(("fit",), ("first", "second"))]
    assert listed(rules({"elbo": ToyELBO()}, players, [])) == [(("fit",), ("first", "second"))]


def test_an_added_objective_brings_a_player_and_a_turn_for_each_loss_that_nobody_listens_to() -> None:
    made = rules({"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic()})
    assert listed(made) == [
        (("fit",), ("autoencoder",)),
        (("discriminate",), ("critic",)),
        (("fool",), ("regularizer",)),
    ]
    assert made.players["critic"].trains == ("codes",) and made.players["regularizer"].trains == ("encoder",)


def test_the_same_holds_for_a_recipe_without_turns() -> None:
    made = rules({"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic()}, turns=[])
    assert listed(made) == [
        (("fit",), ("autoencoder",)),
        (("discriminate",), ("critic",)),
        (("fool",), ("regularizer",)),
    ]


def test_no_default_player_comes_for_a_loss_that_the_recipes_players_listen_to() -> None:
    players = {**AUTOENCODER, "both": player(["encoder", "codes"], ["discriminate", "fool"])}
    turns = [FIT, turn(["discriminate", "fool"], ["both"])]
    assert list(rules({"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic()}, players, turns).players) == [
        "autoencoder",
        "both",
    ]


def test_a_players_settings_without_losses_edit_the_default_player_of_that_name() -> None:
    made = rules(
        {"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic()}, {**AUTOENCODER, "critic": {"lr": 1e-4}}
    )
    assert made.players["critic"] == PlayerRules(trains=("codes",), losses=("discriminate",), lr=1e-4)
    assert made.players["regularizer"].lr == 0.05


def test_a_default_player_whose_name_is_taken_is_called_after_its_objective() -> None:
    made = rules({"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic(), "sharp": Generator()})
    assert made.players["critic"].losses == ("discriminate",)
    assert made.players["sharp-critic"] == PlayerRules(trains=("decoder",), losses=("sharpen",), lr=0.5)


def test_players_and_turns_of_an_objective_that_was_swapped_out_are_dropped() -> None:
    players = {
        **AUTOENCODER,
        "critic": player(["codes"], ["discriminate"]),
        "regularizer": player(["encoder"], ["fool"]),
    }
    turns = [FIT, turn(["discriminate"], ["critic"], batches=2), turn(["fool"], ["regularizer"])]
    assert rules({"elbo": ToyELBO()}, players, turns) == rules({"elbo": ToyELBO()})


def test_a_player_that_kept_its_gradient_for_a_dropped_loss_still_steps_in_its_turn() -> None:
    players = {"encoder": player(["encoder", "introvac"], ["fit"]), "decoder": player(["decoder"], ["fit", "fool"])}
    turns = [turn(["fit"], ["encoder"]), turn(["fool"], ["decoder"])]
    players_without = {**players, "encoder": player(["encoder"], ["fit"])}
    assert listed(rules({"introvac": ToyIntroVAC()}, players, turns))[1] == (("fool",), ("decoder",))
    assert listed(rules({"elbo": ToyELBO()}, players_without, turns)) == [(("fit",), ("encoder",)), ((), ("decoder",))]


def test_rules_written_to_a_config_give_the_same_rules() -> None:
    objectives = {"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic(), "discreg": ToyDiscreg()}
    made = rules(objectives)
    players = {name: {**vars(one), "schedule": vars(one.schedule)} for name, one in made.players.items()}
    assert rules(objectives, players, [vars(one) for one in made.turns]) == made


def test_networks_that_an_objective_owns_go_to_the_first_listener_of_its_loss() -> None:
    class Late(ToyCodeCritic):
        trained_by = "fool"
        default_players: ClassVar[Mapping[str, Any]] = {}

    players = {
        **AUTOENCODER,
        "a": player(["encoder"], ["discriminate"]),
        "b": player(["encoder"], ["fool"]),
        "c": player(["encoder"], ["fool"]),
    }
    turns = [FIT, turn(["discriminate", "fool"], ["a", "b", "c"])]
    made = rules({"reconstruction": ToyReconstruction(), "codes": Late()}, players, turns)
    assert [name for name, one in made.players.items() if "codes" in one.trains] == ["b"]
    assert rules({"elbo": ToyELBO(), "discreg": ToyDiscreg()}).players["autoencoder"].trains == (
        "encoder",
        "decoder",
        "discreg",
    )


def test_networks_that_a_player_names_are_claimed_by_nobody_else() -> None:
    players = {**AUTOENCODER, "own": player(["discreg"], ["fit"], lr=0.1)}
    made = rules({"elbo": ToyELBO(), "discreg": ToyDiscreg()}, players, [turn(["fit"], ["autoencoder", "own"])])
    assert made.players["autoencoder"].trains == ("encoder", "decoder") and made.players["own"].trains == ("discreg",)


@pytest.mark.parametrize(
    ("players", "turns", "message"),
    [
        ({}, [], r"nobody listens to the loss 'fit' \(of elbo\).*training.players"),
        (AUTOENCODER, [turn(["fool"], ["autoencoder"])], r"the loss 'fit' \(of elbo\) has no turn.*training.turns"),
        ({**AUTOENCODER, "idle": player(["encoder"], ["fit"])}, [FIT], r"player 'idle' never steps.*training.turns"),
        ({"a": player(["encodr"], ["fit"])}, [], r"'a' trains 'encodr'.*did you mean \"encoder\""),
        ({"a": player(["encoder"], ["fit"], rate=1)}, [], r"training.players.a.rate: .*no such parameter"),
        ({"a": player(["encoder"], ["fit"], lr=0)}, [], r"training.players.a.lr: should be a number > 0, got 0"),
        ({"a": player(["encoder"], ["fit"], optimizer="adan")}, [], r"training.players.a.optimizer: .*adamw.*adan"),
        (
            {"a": player(["encoder"], ["fit"], schedule={"nam": "steps"})},
            [],
            r"training.players.a.schedule: should be a table",
        ),
        ({"a": {"trains": ["encoder"], "losses": "fit"}}, [], r"training.players.a.losses: should be a list"),
        ({"a": {"losses": ["fit"]}}, [], r"training.players.a: trains must be given"),
        ({**AUTOENCODER, "autoencodr": {"lr": 1}}, [FIT], r"autoencodr names no losses.*did you mean \"autoencoder\""),
        (AUTOENCODER, [{**FIT, "stream": 3}], r"training.turns\[0\].stream: should be a string, got 3"),
        (AUTOENCODER, [{**FIT, "batches": 0}], r"training.turns\[0\].batches: should be an integer ≥ 1, got 0"),
        (AUTOENCODER, [{"losses": ["fit"]}], r"training.turns\[0\]: players must be given"),
    ],
)
def test_rules_under_which_something_would_never_be_learned_are_refused(players: Any, turns: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        rules({"elbo": ToyELBO()}, players, turns)


def test_a_frozen_part_cannot_be_trained() -> None:
    with pytest.raises(SettingError, match="'decoder', which is no trainable part"):
        rules_for({"elbo": ToyELBO()}, PARTS - {"decoder"}, {"players": AUTOENCODER})


def test_a_second_critic_on_the_same_losses_shares_the_first_ones_player() -> None:
    class Twin(ToyLabelCritic):
        losses = ("discriminate", "fool")

    made = rules({"reconstruction": ToyReconstruction(), "codes": ToyCodeCritic(), "labels": Twin()})
    assert made.players["critic"].trains == ("codes", "labels") and list(made.players) == [
        "autoencoder",
        "critic",
        "regularizer",
    ]


class ToyPictureCritic(ToyCodeCritic):
    """Another game on the same losses, over the decoder."""

    default_players: ClassVar[Mapping[str, Any]] = {
        "critic": {"trains": ["self"], "losses": ["discriminate"], "lr": 0.01},
        "regularizer": {"trains": ["decoder"], "losses": ["fool"], "lr": 0.01},
    }


def test_two_games_on_the_same_losses_both_get_all_that_they_need_trained_in_the_same_turns() -> None:
    for objectives in (
        {"codes": ToyCodeCritic(), "pictures": ToyPictureCritic()},
        {"pictures": ToyPictureCritic(), "codes": ToyCodeCritic()},
    ):
        first, second = objectives
        made = rules({"reconstruction": ToyReconstruction(), **objectives})
        assert {name: player.trains for name, player in made.players.items() if name != "autoencoder"} == {
            "critic": (first,),
            "regularizer": ("encoder",) if first == "codes" else ("decoder",),
            f"{second}-critic": (second,),
            f"{second}-regularizer": ("encoder",) if second == "codes" else ("decoder",),
        }
        assert listed(made) == [
            (("fit",), ("autoencoder",)),
            (("discriminate",), ("critic", f"{second}-critic")),
            (("fool",), ("regularizer", f"{second}-regularizer")),
        ]


def test_a_frozen_part_is_nobodys_to_train() -> None:
    objectives = {"codes": ToyCodeCritic(), "pictures": ToyPictureCritic()}
    made = rules_for(objectives, PARTS - {"decoder"}, {"players": {}, "turns": []})
    assert "pictures-regularizer" not in made.players
