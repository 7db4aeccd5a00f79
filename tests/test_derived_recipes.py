"""A recipe that is like another may leave out what the other has, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.errors import CatalogueError
from zoo_core.registry.catalogue import core_source, read_catalogue
from zoo_core.registry.recipes import PartSpec, Recipe

BASE = """\
format = 1

[recipes.base]
summary = "with a critic"
image_shape = [1, 32, 32]
[recipes.base.shared]
latent_dim = { default = 8, sets = ["encoder.latent_dim", "critic.latent_dim", "objective.second.width"] }
critic_width = { default = 4, sets = ["critic.width"] }
addend = { default = 2, sets = ["critic.depth"] }
total = { sum_of = ["addend"], sets = ["encoder.total"] }
unused = { default = 1, sets = [] }
[recipes.base.parts.encoder]
kind = "encoder"
name = "mlp"
params = { hidden = [4], posterior = "gaussian" }
[recipes.base.parts.critic]
kind = "feature-extractor"
name = "dcgan"
[recipes.base.objectives.first]
[recipes.base.objectives.second]
[recipes.base.training]
epochs = 3
turns = [{ losses = ["fit"], players = ["both"] }]
players.both = { trains = ["encoder", "critic"], losses = ["fit"] }
players.critic = { trains = ["critic"], losses = ["discriminate"], lr = 0.1 }
players.style = { trains = ["encoder"], losses = ["fool"] }
[recipes.base.on.digits]
critic = { name = "mlp", width = 3 }
"critic.depth" = 2
encoder.hidden = [2]
"objective.second.weight" = 3.0
objective.first.weight = 2.0
"training.batch_size" = 16
[recipes.base.on."npz:a.npz"]
critics = 1

[recipes.mine]
like = "base"
"""

Read = Callable[[str], Recipe]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that holds what a test reads."""
    return tmp_path / "registry.toml"


@pytest.fixture
def read(path: Path) -> Read:
    """Reads a recipe that is like the one of :data:`BASE`."""

    def read(own: str) -> Recipe:
        path.write_text(BASE + own)
        return read_catalogue(path).recipe("mine")

    return read


def test_a_part_goes_with_all_that_is_said_about_it(read: Read) -> None:
    mine = read('drop = ["parts.critic"]')
    assert set(mine.parts) == {"encoder"}
    assert mine.shared["latent_dim"].sets == ("encoder.latent_dim", "objective.second.width")
    # A shared parameter that set nothing else goes, too, unless it is an addend.
    assert set(mine.shared) == {"latent_dim", "addend", "total", "unused"}
    assert set(mine.training["players"]) == {"both", "style"}
    assert mine.training["players"]["both"]["trains"] == ["encoder"]
    assert set(mine.on["digits"]) == {
        "encoder.hidden", "objective.second.weight", "objective.first.weight", "training.batch_size"
    }  # fmt: skip
    assert mine.on["npz:a.npz"] == {"critics": 1}


def test_so_does_an_objective(read: Read) -> None:
    mine = read('drop = ["objectives.second"]')
    assert set(mine.objectives) == {"first"}
    assert mine.shared["latent_dim"].sets == ("encoder.latent_dim", "critic.latent_dim")
    assert "objective.second.weight" not in mine.on["digits"] and "objective.first.weight" in mine.on["digits"]


@pytest.mark.parametrize(("dropped", "look", "left"), [
    ("training.players.style", lambda mine: set(mine.training["players"]), {"both", "critic"}),
    ("training.players.critic.lr", lambda mine: mine.training["players"]["critic"], {"trains": ["critic"], "losses": ["discriminate"]}),
    ("training.turns", lambda mine: set(mine.training), {"epochs", "players"}),
    ("parts.encoder.params", lambda mine: mine.parts["encoder"].params, {}),
    ("parts.encoder.params.posterior", lambda mine: mine.parts["encoder"].params, {"hidden": [4]}),
    ("shared.unused", lambda mine: set(mine.shared), {"latent_dim", "critic_width", "addend", "total"}),
    ("on.digits", lambda mine: set(mine.on), {"npz:a.npz"}),
    ("on.'npz:a.npz'", lambda mine: set(mine.on), {"digits"}),
    ('on.digits."training.batch_size"', lambda mine: "training.batch_size" in mine.on["digits"], False),
])  # fmt: skip
def test_any_key_may_be_dropped(read: Read, dropped: str, look: Callable[[Recipe], Any], left: Any) -> None:
    assert look(read(f"drop = ['''{dropped}''']")) == left


def test_what_is_dropped_and_given_again_starts_afresh(read: Read) -> None:
    mine = read('drop = ["parts.encoder"]\nparts.encoder = { kind = "encoder", name = "mlp", params = { depth = 2 } }')
    assert mine.parts["encoder"] == PartSpec("encoder", "mlp", {"depth": 2})
    assert mine.shared["latent_dim"].sets[0] == "encoder.latent_dim"


def test_the_other_recipe_keeps_what_is_dropped_and_a_third_does_not_get_it_back(read: Read, path: Path) -> None:
    read('drop = ["parts.critic"]\n[recipes.third]\nlike = "mine"\nsummary = "third"\n')
    found = read_catalogue(path)
    assert set(found.recipe("base").parts) == {"encoder", "critic"}
    assert set(found.recipe("third").parts) == {"encoder"}


@pytest.mark.parametrize(("own", "says"), [
    ('drop = ["parts.critik"]', '"base" has no parts.critik; did you mean "critic"?'),
    ('drop = ["critic"]', '"base" has no critic; it has summary, image_shape'),
    ('drop = ["parts.encoder.params.hidden.width"]', '"base" has no parts.encoder.params.hidden.width'),
    ('drop = ["parts.critic", "parts.critic"]', '"base" has no parts.critic; parts has encoder'),
    ('drop = ["parts.critic.name.x.y"]', '"base" has no'),
    ("drop = [3]", "should hold keys, holds 3"),
    ('drop = ["parts..critic"]', "should hold keys, holds 'parts..critic'"),
    ('drop = [""]', "should hold keys"),
    ('drop = "parts.critic"', "should be a list"),
])  # fmt: skip
def test_what_cannot_be_dropped_is_said_with_its_line(read: Read, path: Path, own: str, says: str) -> None:
    with pytest.raises(CatalogueError) as raised:
        read(own)
    assert str(raised.value).startswith(f"{path}, line 39: recipes.mine.drop: ") and says in str(raised.value)


def test_a_recipe_that_is_like_none_has_nothing_to_drop(path: Path) -> None:
    path.write_text('format = 1\n[recipes.alone]\ndrop = ["parts.critic"]\nsummary = "s"\n')
    with pytest.raises(
        CatalogueError, match=r'line 3: recipes\.alone\.drop: is for a recipe that is like another; add like = "NAME"'
    ):
        read_catalogue(path)


@pytest.mark.parametrize("wrong", [
    "shared.odd = 3", "shared.odd = { default = 1, sets = [{ a = 1 }], sum_of = 3 }", "parts.encoder = 3", "training.players = 3",
    "training.players.odd = 3", "training.players.odd = { trains = [[1], { a = 1 }] }", "training.players.odd = { trains = 3 }",
    "on.mnist = 3",
])  # fmt: skip
def test_what_is_wrong_in_the_other_recipe_is_no_crash(path: Path, wrong: str) -> None:
    text = BASE.replace("image_shape = [1, 32, 32]\n", f"image_shape = [1, 32, 32]\n{wrong}\n")
    text = (
        text.replace("[recipes.base.parts.encoder]\n", "[recipes.base.parts.other]\n")
        if "parts.encoder" in wrong
        else text
    )
    text = text.replace("[recipes.base.shared]\n", "") if "shared" in wrong else text
    path.write_text(text + 'drop = ["parts.critic"]\nparts.encoder.name = "dcgan"\nshared.odd.default = 4\n')
    with pytest.raises(CatalogueError):
        read_catalogue(path)


def test_another_component_inside_one_starts_without_the_settings_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'format = 1\n[recipes.other]\nlike = "aae-dimred"\n'
        'parts.decoder.params.net = { name = "zoo-basics:resnet", width = 4 }\n'
        'training.players.critic.schedule = { name = "cosine", final = 0.1 }\n'
    )
    found = read_catalogue(core_source(), extra=tmp_path / "own.toml").recipe("other")
    assert found.parts["decoder"].params["net"] == {"name": "zoo-basics:resnet", "width": 4}
    assert found.training["players"]["critic"]["schedule"] == {"name": "cosine", "final": 0.1}
    assert found.training["players"]["critic"]["lr"] == 0.1


def test_the_page_about_recipes_says_what_is_true(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "registry.md").read_text("utf-8")
    (tmp_path / "own.toml").write_text("\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)), "utf-8")
    found = read_catalogue(core_source(), extra=tmp_path / "own.toml")
    assert found.recipe("my-narrow-vae").parts["decoder"].params == {"hidden": [200]}
    assert found.recipe("my-vae").on["zoo-basics:digits"] == {"encoder.hidden": [100], "training.epochs": 60}
    assert found.recipe("my-walks").sampler_params == {"mode": "spherical", "steps": 12}
    net = found.recipe("my-dimred").parts["decoder"].params["net"]
    assert net == {"name": "zoo-basics:mlp", "hidden": [500], "sigma": "fixed", "init_std": 0.01}
    assert "label-cross-entropy" not in found.recipe("my-unsupervised-aae").objectives
    assert found.recipe("my-plain-gan").on == {} and found.recipe("gan").on != {}


def test_it_builds_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
    """The core's semi-supervised recipe without its supervisor, and without the label's loss."""
    assert "aae-semi" in read_catalogue(core_source()).recipes
    small = "objectives.adversarial-prior.params.hidden = [4]\nparts.encoder.params.hidden = [4]\nparts.decoder.params.hidden = [4]\n"
    (tmp_path / "own.toml").write_text(
        'format = 1\n[recipes.unsupervised]\nlike = "aae-semi"\n'
        f'drop = ["objectives.label-cross-entropy", "training.players.supervisor"]\n{small}'
    )
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "own.toml"))
    fresh_registry()
    model = zoo.build("unsupervised", data="digits")
    assert set(model.config["objectives"]) == {"reconstruction", "adversarial-prior"}
    assert zoo.train(model, "digits", epochs=1, batch_size=700, progress=False, device="cpu").reason == "finished"
