"""A model card tells what a model is, from facts; a stranger's text in it stays text."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from huggingface_hub import ModelCard

import zoo_core as zoo
from zoo_core.errors import SettingError
from zoo_core.interfaces import MetricResult
from zoo_core.publishing.bibtex import bibtex, papers
from zoo_core.publishing.card import model_card, validate_card
from zoo_core.publishing.markdown import text
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters
from zoo_core.storage.config import check_config
from zoo_core.testing.recipes import data_of_recipe

RECIPES = sorted(catalogue().recipes)
PICTURES = ["pictures/samples.png", "pictures/reconstructions.png"]
FIGURES = [
    MetricResult("nll", 1.0625, "nats per dimension", "lower", 0.1, {"data": "digits", "split": "test", "draws": 500}),
    MetricResult("mse", 0.03, protocol={"data": "cifar10", "split": "validation", "examples": 1000, "seed": 3}),
    MetricResult("accuracy", 1e-07, "fraction", "higher", protocol={"data": "digits", "split": "test"}),
]
RUN = {
    "data": "digits",
    "data_root": "/home/ada/sets",
    "data_settings": {"root": "/home/ada/sets", "cut": 5},
    "seed": 7,
    "training": {
        "epochs": 3,
        "batch_size": 32,
        "players": {"autoencoder": {"trains": ["encoder"], "lr": 1e-3, "optimizer": "adam"}},
    },
}
EVIL = '"</td><script>alert(1)</script>|\n---\nlicense: evil'
LINKS = (
    "[x](http://evil.example) ![y](http://evil.example/y.png) <https://evil.example> www.evil.example a@evil.example"
)


@cache
def config_of(recipe: str) -> dict[str, Any]:
    """The config of a recipe, its frozen nets with random weights."""
    settings: dict[str, Any] = {}
    for slot, part in catalogue().recipe(recipe).parts.items():
        if "weights" in parameters(registry().resolve(part.kind, part.name).entry.load()):
            settings[slot] = {"name": part.name, **part.params, "weights": None}
    return dict(zoo.build(recipe, **data_of_recipe(recipe), **settings).config)


def card_of(
    config: Mapping[str, Any],
    *,
    repo: str = "org/name",
    licence: str = "mit",
    run: Mapping[str, Any] | None = None,
    figures: Sequence[MetricResult] = (),
    pictures: Sequence[str] = (),
) -> str:
    return model_card(
        config,
        repo=repo,
        licence=licence,
        run=run,
        figures=figures,
        pictures=pictures,
        parameters=1234,
        size_bytes=5_000_000,
        dtypes=["float32"],
    )


def body(card: str) -> str:
    return ModelCard(card).text


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_card_of_every_recipe_goes_through_the_library_unchanged(recipe: str) -> None:
    card = card_of(config_of(recipe), run=RUN, figures=FIGURES, pictures=PICTURES)
    validate_card(card)
    once = ModelCard(card)
    again = ModelCard(str(once))
    assert str(once) == str(again) == card
    assert once.data.to_dict() == again.data.to_dict()
    data = once.data
    assert (data.license, data.library_name) == ("mit", "zoo-core")
    assert data.tags[:2] == ["zoo-core", recipe]
    results = {(r.metric_type, r.metric_value, r.dataset_type, r.dataset_split) for r in data.eval_results}
    assert results == {
        ("nll", 1.0625, "digits", "test"),
        ("mse", 0.03, "uoft-cs/cifar10", "validation"),
        ("accuracy", 1e-07, "digits", "test"),
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_card_of_every_recipe_says_what_it_is_made_of(recipe: str) -> None:
    config = config_of(recipe)
    card = body(card_of(config, run=RUN, figures=FIGURES, pictures=PICTURES))
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", card) == PICTURES
    assert 'zoo.load("org/name")' in card
    for slot, part in {**config["parts"], **config["objectives"]}.items():
        plugin, _, name = part["name"].partition(":")
        shown = slot.replace("_", r"\\?_")  # Markdown's sign for emphasis
        assert re.search(rf"^\| {shown} \| {name}[ (|].*{plugin} {part['version']} \|", card, re.MULTILINE), slot
        assert plugin in card.partition("pip install")[2].partition("\n")[0]
    number = re.search(r"arXiv:(\S+)", catalogue().recipe(recipe).paper)
    assert (number is None) or card.count(f"eprint = {{{number[1]}}}") == 1
    entries = card.partition("```bibtex")[2].partition("```")[0]
    assert entries.count("{") == entries.count("}")


def test_only_what_makes_pictures_is_called_an_image_generator() -> None:
    tags = {
        recipe: ModelCard(card_of(config_of(recipe))).data.pipeline_tag
        for recipe in ("vae", "autoencoder", "classifier")
    }
    assert tags == {"vae": "unconditional-image-generation", "autoencoder": None, "classifier": "image-classification"}
    assert "model.sample(64)" in card_of(config_of("vae"))
    assert "model.sample" not in card_of(config_of("autoencoder")) + card_of(config_of("classifier"))


def test_the_figures_stand_with_error_direction_and_protocol() -> None:
    card = body(card_of(config_of("vae"), figures=FIGURES))
    assert (
        "| nll | 1.0625 ± 0.1 | nats per dimension | lower | scikit-learn's handwritten digits, test split; draws = 500 |"
        in card
    )
    assert "| mse | 0.03 |  | – | CIFAR-10, validation split, 1,000 examples; seed = 3 |" in card


def test_a_figure_that_is_not_finite_is_told_and_is_no_result() -> None:
    card = card_of(
        config_of("vae"), figures=[MetricResult("nll", float("nan")), MetricResult("mse", 1.0, std=float("inf"))]
    )
    assert "| nll | not finite |" in card
    assert [r.metric_type for r in ModelCard(card).data.eval_results] == ["mse"]


@pytest.mark.parametrize(
    "data", ["folder:/home/ada/faces", "npz:../ada.npz", "folder:ada", "zoo-basics:folder:~/ada", "ada/faces", None]
)
def test_no_local_path_is_told(data: str | None) -> None:
    run = {
        **RUN,
        "data": data,
        "data_settings": {"path": "ada", "x": "/home/ada", "y": ["C:\\ada", 1]},
        "out": "/home/ada",
    }
    protocol = {"data": data, "split": "test", "extractor": {"weights": "/home/ada/w.safetensors"}, "log": "~/ada"}
    card = card_of(config_of("vae"), run=run, figures=[MetricResult("mse", 1.0, protocol=protocol)])
    assert "ada" not in card.lower().replace("adam", "")
    assert "own images, test split" in card
    assert "ada" not in card_of(config_of("vae"), run=RUN).replace("adam", "")


def test_public_data_are_named_in_the_metadata() -> None:
    data = {
        name: ModelCard(card_of(config_of("vae"), run={**RUN, "data": name})).data.datasets
        for name in ("cifar10", "digits", "folder:x")
    }
    assert data == {"cifar10": ["uoft-cs/cifar10"], "digits": None, "folder:x": None}
    assert "real and well-known people" in card_of(config_of("vae"), run={**RUN, "data": "celeba"})


def test_frozen_weights_are_named_with_where_they_come_from() -> None:
    config = copy.deepcopy(config_of("discreg-vae"))
    assert "| frozen, saved with the model |" in card_of(config)
    config["parts"]["classifier"]["weights"] = {"repo": "timm/vgg19", "commit": "a" * 40, "file": "f", "sha256": "b"}
    card = card_of(config)
    assert "| frozen, from timm/vgg19 at aaaaaaaaaaaa |" in card and "keep the licence" in card


def test_a_recipe_that_is_not_in_the_catalogue_and_plugins_that_are_not_here_make_a_card_too() -> None:
    config = copy.deepcopy(config_of("vae"))
    config["recipe"] = "mine"
    config["parts"]["encoder"]["name"] = "zoo-elsewhere:net"
    config["sampler"] = "zoo-elsewhere:walk"
    card = card_of(config)
    assert "A model of grey images of 32 × 32 pixels, built from encoder net, decoder dcgan" in card
    assert "pip install zoo-core zoo-elsewhere zoo-basics" in card


class Seen(HTMLParser):
    """The tags and addresses in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


PINNED = {"commit": "a" * 40, "sha256": "b" * 64}


def hostile(with_text: str) -> str:
    """A card whose every free text is ``with_text``."""
    config = copy.deepcopy(config_of("vae"))
    config["recipe"] = with_text
    config["zoo_core"] = with_text
    config["sampler"] = with_text
    config["labels"] = {"type": "classes", "names": [with_text, with_text]}
    for part in (*config["parts"].values(), *config["objectives"].values()):
        part["version"] = with_text
        part["params"] = {with_text: with_text, "list": [with_text, {with_text: with_text}]}
    config["parts"]["encoder"]["name"] = with_text
    config["parts"]["decoder"]["name"] = f"{with_text}:{with_text}"
    config["parts"]["prior"] |= {"trainable": False, "weights": {**PINNED, "repo": with_text, "file": with_text}}
    check_config(config)
    run = {
        "data": with_text,
        "data_settings": {with_text: with_text},
        "seed": with_text,
        "training": {
            "epochs": with_text,
            "players": {with_text: {"trains": [with_text], "optimizer": with_text, "lr": with_text}},
        },
    }
    protocol = {"data": with_text, "split": with_text, "examples": with_text, with_text: with_text}
    return card_of(config, run=run, figures=[MetricResult(with_text, 1.0, with_text, with_text, None, protocol)])


def rendered(markdown: str, renderer: str) -> Seen:
    if renderer == "markdown":
        module = pytest.importorskip("markdown")
        return Seen(module.markdown(markdown, extensions=["tables", "fenced_code", "attr_list"]))
    module = pytest.importorskip("markdown_it")
    return Seen(module.MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


@pytest.mark.parametrize("renderer", ["markdown", "markdown_it"])
@pytest.mark.parametrize(
    "with_text",
    [
        EVIL,
        LINKS,
        "a\u202eb\u200bc\x1b[31m\x00",
        "```\n# heading\n\n<img src=x onerror=alert(1)>",
        "javascript:alert(1) {: onclick=alert(1) } \\| \\",
        "&lt;script&gt; | a | b |\n| - | - |",
        "x" * 100_000,
    ],
)
def test_a_strangers_text_stays_text(with_text: str, renderer: str) -> None:
    plain, card = hostile("fine"), hostile(with_text)
    assert ModelCard(card).data.license == "mit"
    assert set(ModelCard(card).data.to_dict()) == set(ModelCard(plain).data.to_dict())
    assert str(ModelCard(card)) == card
    assert len(card) < 60_000
    assert not re.search("[\x00-\x09\x0b-\x1f\u200b\u202e]", card)
    seen, expected = rendered(body(card), renderer), rendered(body(plain), renderer)
    assert seen.tags == expected.tags
    assert seen.addresses == expected.addresses
    # Every row of a table has as many cells as with a harmless text.
    assert [line.count("|") for line in body(card).splitlines()] == [
        line.count("|") for line in body(plain).splitlines()
    ]


@pytest.mark.parametrize(
    "opening", ["# x", "- x", "+ x", "1. x", "9) x", "===", "---", "> x", "| x |", "    x", "* x", "```", "~~~"]
)
def test_a_text_that_stands_alone_is_a_paragraph(opening: str) -> None:
    module = pytest.importorskip("markdown_it")
    tokens = module.MarkdownIt("commonmark").parse(f"first\n\n{text(opening)}")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"] * 2
    assert tokens[4].children[0].content.strip() == opening.strip()


def test_renderers_that_make_links_of_bare_addresses_find_none() -> None:
    # What GitHub's Markdown makes links of, by its specification of extended autolinks.
    autolink = re.compile(r"(?i)www\.\S|(?:https?|ftp)://|(?:mailto|xmpp):\S|[\w.+-]+@[\w-]")
    assert autolink.search(LINKS)
    assert not autolink.search(text(LINKS))


@pytest.mark.parametrize(
    "name", ["/etc/x.png", "../x.png", "a b.png", "x.png) [y](z", "http://a/x.png", ".hidden.png", ""]
)
def test_a_picture_is_a_plain_relative_path(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be a picture"):
        card_of(config_of("vae"), pictures=[name])


@pytest.mark.parametrize("repo", ['org/x")\nimport os #', "a/b/c", "", "org/", "/x", "../x"])
def test_a_repository_has_a_plain_name(repo: str) -> None:
    with pytest.raises(SettingError, match="name of a repository"):
        card_of(config_of("vae"), repo=repo)


def test_a_card_needs_a_licence() -> None:
    with pytest.raises(SettingError, match=r'did you mean "apache-2\.0"'):
        card_of(config_of("vae"), licence="apache2")
    assert ModelCard(card_of(config_of("vae"), licence="CC-BY-4.0")).data.license == "cc-by-4.0"


def test_a_paper_is_cited_once_however_it_is_written() -> None:
    said = [
        "Radford et al. 2016",
        "Lamb et al. 2016",
        "Kingma and Welling 2013; Lamb, Dumoulin and Courville 2016, arXiv:1602.03220",
        "Kingma and Welling 2014, arXiv:1312.6114",
        "Lamb et al. 2017, arXiv:1712.04120",
        "no year",
        "",
    ]
    found = papers(said)
    assert [(paper.authors[0], paper.year, paper.arxiv) for paper in found] == [
        ("Radford", 2016, ""),
        ("Lamb", 2016, "1602.03220"),
        ("Kingma", 2014, "1312.6114"),
        ("Lamb", 2017, "1712.04120"),
    ]
    assert (
        "@misc{lamb2016,\n  author = {Lamb and Dumoulin and Courville},\n  year = {2016},\n  eprint = {1602.03220},"
        in bibtex(found)
    )


def test_a_hostile_paper_makes_no_entry_of_its_own() -> None:
    entries = bibtex(papers(["A}\n@evil{x, y={z}} ``` 2016", "{{{ 2016"]))
    assert entries.count("@") == 1 and entries.count("{") == entries.count("}") and "`" not in entries


@pytest.mark.parametrize(
    ("card", "said"),
    {
        "no metadata": ("# x", "no metadata"),
        "no licence": ("---\ntags: [a]\n---\n", "names no licence"),
        "unknown licence": ("---\nlicense: mine\n---\n", "no licence that the Hub knows"),
        "several": ("---\nlicense: [mit, isc]\n---\n", "one licence"),
        "other without a name": ("---\nlicense: other\n---\n", "license_name and license_link"),
        "no YAML": ("---\nlicense: [\n---\n", "cannot be read"),
        "a list": ("---\n- mit\n---\n", "cannot be read"),
        "a tag": ("---\nlicense: !!python/object/apply:os.system [ls]\n---\n", "cannot be read"),
        "deep": ("---\nlicense: " + "[" * 1500 + "\n---\n", "cannot be read"),
        "damaged model-index": ("---\nlicense: mit\nmodel-index: [1]\n---\n", "cannot be read"),
        "long": ("---\nlicense: mit\n---\n" + "x" * 1_000_000, "longer"),
    }.values(),
)
def test_a_card_of_ones_own_is_held_to_a_licence(card: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        validate_card(card)


def test_a_card_of_ones_own_may_have_a_licence_of_its_own() -> None:
    validate_card("---\nlicense: MIT\n---\n# x\n")
    validate_card("---\nlicense: other\nlicense_name: mine\nlicense_link: LICENSE\n---\n")
