"""The catalogue reads recipes from several files; what is wrong is said with file, key and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_core.errors import CatalogueError, UnknownName
from zoo_core.registry.catalogue import core_source, read_catalogue
from zoo_core.registry.recipes import ObjectiveSpec, PartSpec

VAE = """\
format = 1
[plugins]
zoo-aae = "zoo-aae>=1"

[recipes.vae]
summary = "a VAE"
paper = "Kingma and Welling 2014"
image_shape = [1, 32, 32]
sampler = "prior"
[recipes.vae.shared]
latent_dim = { default = 64, sets = ["encoder.latent_dim", "decoder.latent_dim", "objective.elbo.free"], help = "width of the code" }
[recipes.vae.parts.encoder]
kind = "encoder"
name = "dcgan"
params = { width = 32 }
[recipes.vae.parts.decoder]
kind = "decoder"
name = "zoo-basics:dcgan"
trainable = false
[recipes.vae.objectives.elbo]
params = { beta = 1.0 }
[recipes.vae.training]
epochs = 20
[recipes.vae.on.digits]
decoder = { name = "mlp", width = 3 }
encoder.width = 16
training.players.critic.lr = 0.1

[weights.vae-digits]
recipe = "vae"
repo = "org/vae"
commit = "0123456789012345678901234567890123456789"
licence = "mit"
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "registry.toml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_recipe_is_read_whole(write: Write) -> None:
    found = read_catalogue(write(VAE))
    vae = found.recipe("vae")
    assert (vae.summary, vae.image_shape, vae.sampler, vae.source) == ("a VAE", (1, 32, 32), "prior", "zoo-core")
    assert vae.parts == {
        "encoder": PartSpec("encoder", "dcgan", {"width": 32}, True),
        "decoder": PartSpec("decoder", "zoo-basics:dcgan", {}, False),
    }
    assert vae.objectives == {"elbo": ObjectiveSpec("elbo", {"beta": 1.0})}
    assert vae.shared["latent_dim"].default == 64
    assert vae.shared["latent_dim"].sets[2] == "objective.elbo.free"
    assert vae.training == {"epochs": 20}
    assert found.plugins == {"zoo-aae": "zoo-aae>=1"}
    assert found.weights["vae-digits"].repo == "org/vae"


def test_settings_for_a_data_set_have_dotted_keys_and_whole_components(write: Write) -> None:
    assert read_catalogue(write(VAE)).recipe("vae").on["digits"] == {
        "decoder": {"name": "mlp", "width": 3},
        "encoder.width": 16,
        "training.players.critic.lr": 0.1,
    }


def test_a_recipe_like_another_gives_only_what_differs(write: Write) -> None:
    found = read_catalogue(
        write(
            VAE
            + """
[recipes.beta]
like = "vae"
summary = "more beta"
[recipes.beta.parts.encoder]
params = { depth = 2 }
[recipes.beta.parts.decoder]
name = "mlp"
[recipes.beta.objectives.elbo.params]
beta = 4.0
[recipes.gamma]
like = "beta"
sampler = "walk"
"""
        )
    )
    beta, gamma = found.recipe("beta"), found.recipe("gamma")
    assert beta.parts["encoder"].params == {"width": 32, "depth": 2}
    assert beta.parts["decoder"] == PartSpec("decoder", "mlp", {}, False)
    assert beta.objectives["elbo"].params == {"beta": 4.0}
    assert beta.training == {"epochs": 20}
    assert (gamma.summary, gamma.sampler, gamma.parts) == ("more beta", "walk", beta.parts)
    assert found.recipe("vae").objectives["elbo"].params == {"beta": 1.0}


def test_another_component_starts_without_the_old_ones_parameters(write: Write) -> None:
    found = read_catalogue(write(VAE + '[recipes.m]\nlike = "vae"\nparts.encoder.name = "mlp"\n'))
    assert found.recipe("m").parts["encoder"] == PartSpec("encoder", "mlp", {}, True)


def test_an_unknown_recipe_comes_with_advice(write: Write) -> None:
    found = read_catalogue(write(VAE))
    with pytest.raises(UnknownName, match='did you mean "vae"'):
        found.recipe("vea")
    with pytest.raises(UnknownName, match="pip install zoo-aae>=1"):
        found.recipe("aae")


def test_a_plugins_recipes_may_be_like_the_cores(write: Write) -> None:
    plugin = write('format = 1\n[recipes.mine]\nlike = "vae"\nsummary = "mine"\n', "plugin.toml")
    mine = read_catalogue(write(VAE), [("zoo-mine", plugin)]).recipe("mine")
    assert (mine.source, mine.sampler) == ("zoo-mine", "prior")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'format = 1\n[recipes.vae]\nlike = "vae"\nsummary = "usurper"\n',
            "line 2: recipes.vae: this name is taken by zoo-core",
        ),
        ("format = 1\n[recipes.x]\nsumary = 1\n", "unknown key"),
        ("format = ", "not valid TOML"),
    ],
)
def test_a_plugins_wrong_file_is_left_out_and_told(write: Write, text: str, says: str) -> None:
    found = read_catalogue(
        write(VAE),
        [
            ("zoo-bad", write(text, "bad.toml")),
            ("zoo-mine", write('format = 1\n[recipes.mine]\nlike = "vae"\n', "mine.toml")),
        ],
    )
    assert set(found.recipes) == {"vae", "mine"} and found.recipe("vae").summary == "a VAE"
    assert says in found.problems["zoo-bad"]
    with pytest.raises(UnknownName, match="catalogue of plugin zoo-bad is left out"):
        found.recipe("nothing")


def test_the_users_file_may_replace_a_recipe_and_build_on_it(write: Write) -> None:
    extra = write('format = 1\n[recipes.vae]\nlike = "vae"\nsummary = "mine"\n', "extra.toml")
    vae = read_catalogue(write(VAE), [], extra).recipe("vae")
    assert (vae.summary, vae.paper, vae.source) == ("mine", "Kingma and Welling 2014", str(extra))


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ('kind = "encoder"', 'kind = "encodr"', "recipes.vae.parts.encoder.kind", 13, 'did you mean "encoder"'),
        (
            "params = { width = 32 }",
            "parms = { width = 32 }",
            "recipes.vae.parts.encoder.parms",
            15,
            'did you mean "params"',
        ),
        ("params = { width = 32 }", "params = 3", "recipes.vae.parts.encoder.params", 15, "should be a table"),
        ("params = { width = 32 }", "params = { width = nan }", "recipes.vae.parts.encoder.params.width", 15, "finite"),
        (
            "params = { width = 32 }",
            "params = { width = 1979-05-27 }",
            "recipes.vae.parts.encoder.params.width",
            15,
            "should be a text",
        ),
        ('name = "dcgan"', 'name = "DC GAN"', "recipes.vae.parts.encoder.name", 14, "cannot be the name"),
        ('name = "dcgan"\n', "", "recipes.vae.parts.encoder", 12, "name missing"),
        ("[1, 32, 32]", "[1, 32]", "recipes.vae.image_shape", 8, "channels, height, width"),
        (
            '"encoder.latent_dim"',
            '"encodr.latent_dim"',
            "recipes.vae.shared.latent_dim.sets",
            11,
            'did you mean "encoder"',
        ),
        ("default = 64, ", "", "recipes.vae.shared.latent_dim", 11, "needs a default or a sum_of"),
        ("epochs = 20", "epochs = inf", "recipes.vae.training.epochs", 23, "finite"),
        ('commit = "0', 'commit = "x', "weights.vae-digits.commit", 32, "40 hex digits"),
        ("format = 1", "format = 2", "format", 1, "should be 1"),
        ("[recipes.vae]", "[recipies.vae]", "recipies", 5, 'did you mean "recipes"'),
        ('sampler = "prior"', 'like = "nobody"', "recipes.vae.like", 9, 'no recipe "nobody"'),
        ('sampler = "prior"', 'like = "vae"', "recipes.vae.like", 9, "circle"),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_line(
    write: Write, old: str, new: str, key: str, line: int, says: str
) -> None:
    assert old in VAE
    path = write(VAE.replace(old, new, 1))
    with pytest.raises(CatalogueError) as raised:
        read_catalogue(path)
    assert str(raised.value).startswith(f"{path}, line {line}: {key}: ") and says in str(raised.value)
    assert raised.value.fields == {"file": str(path), "key": key, "line": line}


def test_invalid_toml_is_said_with_its_line(write: Write) -> None:
    with pytest.raises(CatalogueError, match="line 2: not valid TOML"):
        read_catalogue(write("format = 1\na b\n"))


def test_a_file_that_cannot_be_read_is_an_error(write: Write, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_catalogue(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_catalogue(write(VAE), [], tmp_path / "latin.toml")


def test_keys_inside_multi_line_texts_do_not_mislead_the_line_number(write: Write) -> None:
    text = VAE.replace("epochs = 20", "epochs = inf")
    text = text.replace('summary = "a VAE"', 'summary = """\n[recipes.vae.training]\nepochs = inf\n"""')
    with pytest.raises(CatalogueError, match=r"line 26: recipes\.vae\.training\.epochs"):
        read_catalogue(write(text))


def test_in_a_source_tree_the_file_beside_the_package_counts() -> None:
    assert core_source() == Path(__file__).parent.parent / "registry.toml"
