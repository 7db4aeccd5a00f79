"""Settings given as tables: what a table sets, and what is said where it cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.building.plan import plan
from zoo_core.errors import CatalogueError, ConfigError, SettingError
from zoo_core.registry.catalogue import catalogue, read_catalogue
from zoo_core.storage.config import check_config

SHAPE = (1, 8, 8)
TINY: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}


def tiny(**settings: Any) -> zoo.Model:
    return zoo.build("vae-mlp", image_shape=SHAPE, **{**TINY, **settings})


def test_a_training_table_sets_what_is_in_it_and_leaves_the_rest() -> None:
    before, after = tiny().config["training"], tiny(training={"epochs": 3, "precision": "bf16"}).config["training"]
    assert after == {**before, "epochs": 3, "precision": "bf16"}


def test_a_training_table_reaches_into_players_as_dotted_keys_do() -> None:
    table = tiny(
        training={
            "players": {"autoencoder": {"lr": 0.5, "schedule": {"name": "cosine"}}},
            "players.autoencoder.clip": 2.0,
        }
    )
    dotted = tiny(
        **{
            "training.players.autoencoder.lr": 0.5,
            "training.players.autoencoder.schedule": {"name": "cosine"},
            "training.players.autoencoder.clip": 2.0,
        }
    )
    assert table.config["training"] == dotted.config["training"] != tiny().config["training"]


def test_a_dotted_key_goes_further_in_than_a_training_table() -> None:
    assert tiny(training={"epochs": 3}, **{"training.epochs": 4}).config["training"]["epochs"] == 4


def test_a_training_table_leaves_the_recipe_as_it_is() -> None:
    before = dict(catalogue().recipe("vae-mlp").training)
    tiny(training={"players": {"autoencoder": {"lr": 0.5}}})
    assert catalogue().recipe("vae-mlp").training == before


def test_an_objectives_table_sets_what_is_in_it() -> None:
    model = tiny(**{"objective.elbo": {"beta": 2.0}})
    assert model.config["objectives"]["elbo"]["params"] == {"beta": 2.0, "free_bits": 0.0}


def test_a_parts_table_without_a_name_sets_what_is_in_it() -> None:
    assert tiny(encoder={"posterior": "gaussian", "activation": "relu"}).config["parts"]["encoder"]["params"][
        "hidden"
    ] == [6]


@pytest.mark.parametrize("value", ["false", "true", 0, 1, None, [False]], ids=str)
@pytest.mark.parametrize("how", ["encoder.trainable", "encoder", "encoder with a name"])
def test_trainable_is_true_or_false_and_nothing_else(how: str, value: object) -> None:
    """Each would count as true or as false, whatever was meant."""
    given: dict[str, Any] = {
        "encoder.trainable": {"encoder.trainable": value},
        "encoder": {"encoder": {"trainable": value}},
        "encoder with a name": {"encoder": {"name": "mlp", "trainable": value}},
    }[how]
    with pytest.raises(SettingError, match=r"encoder\.trainable: should be true or false, got"):
        tiny(**given)


def test_trainable_of_a_part_from_a_folder_is_true_or_false(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    with pytest.raises(SettingError, match=r"encoder\.trainable: should be true or false, got 'false'"):
        tiny(encoder={"name": str(tmp_path), "trainable": "false"})


def test_trainable_in_a_config_is_true_or_false() -> None:
    config = tiny().config
    config["parts"]["encoder"]["trainable"] = "false"
    with pytest.raises(ConfigError, match="trainable should be of type bool"):
        check_config(config)
    with pytest.raises(ConfigError, match="trainable should be of type bool"):
        zoo.build(config)


RECIPE = """format = 1
[recipes.r]
summary = "r"
image_shape = [1, 8, 8]
parts.encoder = { kind = "encoder", name = "mlp"%s }
[recipes.r.on.digits]
encoder.trainable = %s
"""


def test_trainable_in_a_catalogue_is_true_or_false(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(RECIPE % (', trainable = "false"', "true"))
    with pytest.raises(CatalogueError, match=r"parts\.encoder\.trainable"):
        read_catalogue(tmp_path / "registry.toml")


def test_trainable_among_the_settings_for_a_data_set_is_true_or_false(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(RECIPE % ("", '"false"'))
    recipe = read_catalogue(tmp_path / "registry.toml").recipe("r")
    with pytest.raises(SettingError, match=r"encoder\.trainable: should be true or false, got 'false'"):
        plan(recipe, {}, data="digits")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"training": {"epoch": 3}}, 'training.epoch: .*did you mean "epochs"'),
        ({"training": {"epochs": "many"}}, "training.epochs: should be an integer"),
        ({"training": 3}, r"training: should be a table of settings, got 3; or set one: training\.epochs="),
        ({"training": {"players": [1]}}, r"training\.players: should be a table"),
        ({"training": {"players": {"autoencoder": 0.5}}}, r"training\.players\.autoencoder: should be a table"),
        (
            {"training": {"players": {"auto": {"lr": 0.5}}}},
            "training.players.auto names no losses, and no objective brings",
        ),
        (
            {"objective.elbo": 2},
            r"objective\.elbo: should be a table of settings, got 2; or set one: objective\.elbo\.SETTING=",
        ),
        ({"objective.elbo": {"bta": 2}}, r'objective\.elbo\.bta: .*did you mean "beta"'),
        ({"objective.elbow": {"beta": 2}}, 'no objective .elbow.; did you mean "elbo"'),
        (
            {"objective": {"elbo": {"beta": 2.0}}},
            r"each table needs a name; to set what is inside elbo: objective\.elbo\.SETTING=",
        ),
        ({"elbo": {"beta": 2.0}}, r"elbo is an objective of vae-mlp; write objective\.elbo\.SETTING="),
        ({"sampler": {"name": 3}}, "sampler: should be a sampler's name or a table with a name, got .*3"),
        ({"sampler": 3}, "sampler: should be a sampler's name or a table with a name, got 3"),
        ({"sampler.steps": 3}, r"sampler\.steps: PriorSampler has no such parameter"),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_one_is_refused_with_what_to_type(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        tiny(**settings)
