"""Hooks that are asked when a training starts or a card is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.errors import PluginFailed
from zoo_core.publishing.card import model_card
from zoo_core.training import Callback

Install = Callable[..., None]
TINY = {"encoder.hidden": [4], "decoder.hidden": [4], "latent_dim": 2}
TOLD = "told: list[str] = []\n"
LISTENING = """
from zoo_core_listener import told

@hookimpl
def training_callbacks(training):
    from zoo_core.training import Callback

    class Listener(Callback):
        def on_start(self, training):
            told.append(f"{name} start {{training.model.recipe}}")

        def on_end(self, training, reason):
            told.append(f"{name} {{reason}}")

    return [Listener()]
"""


def listening(install: Install, plugin: str) -> None:
    """Install a plugin that writes down what it is told."""
    code = LISTENING.replace("{name}", plugin).replace("{{", "{").replace("}}", "}")
    install(plugin, code, modules={"zoo_core_listener": "told = []\n"})


def train(**settings: Any) -> Any:
    """A short run."""
    model = zoo.build("vae-mlp", data="digits", **TINY)
    return zoo.train(model, "digits", epochs=1, batch_size=700, progress=False, device="cpu", **settings)


def test_a_plugin_listens_to_every_training_after_the_callers_own_callbacks(install: Install) -> None:
    listening(install, "zoo-listener")
    import zoo_core_listener  # type: ignore[import-not-found]

    class Own(Callback):
        def on_start(self, training: Any) -> None:
            zoo_core_listener.told.append("own start")

    train(callbacks=[Own()])
    assert zoo_core_listener.told == ["own start", "zoo-listener start vae-mlp", "zoo-listener finished"]


@pytest.mark.parametrize(("body", "says"), [
    ("1 / 0", r"training_callbacks failed: ZeroDivisionError.*zoo_bad\.py"),
    ("return 3", "should give a list .* gave an object of type int"),
    ("raise SystemExit(0)", "training_callbacks failed: SystemExit"),
    ("return [print]", "gave one with an object of type builtin_function"),
])  # fmt: skip
def test_a_failing_hook_stops_the_run_before_anything_is_written(
    install: Install, tmp_path: Path, body: str, says: str
) -> None:
    install("zoo-bad", f"@hookimpl\ndef training_callbacks(training):\n    {body}\n")
    with pytest.raises(PluginFailed, match=says) as failed:
        train(out=tmp_path / "run")
    assert 'plugin "zoo-bad"' in str(failed.value) and "ZOO_BLOCK_PLUGINS=zoo-bad" in str(failed.value)
    assert not (tmp_path / "run").exists()


def test_a_plugin_with_nothing_to_say_costs_nothing(install: Install) -> None:
    install(
        "zoo-quiet",
        "@hookimpl\ndef training_callbacks(training): return []\n@hookimpl\ndef card_sections(config): return None\n",
    )
    assert train().reason == "finished"


@pytest.fixture
def card() -> Callable[[], str]:
    """Writes the card of a small model."""
    model = zoo.build("vae-mlp", data="digits", **TINY)
    about: dict[str, Any] = {"repo": "org/model", "licence": "mit", "run": None, "figures": [], "pictures": []}
    return lambda: model_card(model.config, **about, parameters=1, size_bytes=4, dtypes=["float32"])


def sections(install: Install, body: str, plugin: str = "zoo-says") -> None:
    """Install a plugin whose hook ``card_sections`` is ``body``."""
    install(plugin, f"@hookimpl\ndef card_sections(config):\n    {body}\n")


def test_a_plugin_adds_a_section_that_is_signed_with_its_name(install: Install, card: Callable[[], str]) -> None:
    sections(install, "return {'Pruning': f'Built as {config[\"recipe\"]}.\\n\\nSecond paragraph.'}")
    assert "\n## Pruning (zoo-says)\n\nBuilt as vae-mlp.\n\nSecond paragraph.\n" in card()


def test_what_it_says_is_text_and_nothing_else(install: Install, card: Callable[[], str]) -> None:
    text = r"<script>x</script> [a](https://evil.example) ![p](x.png)\n# Heading\n\n---\n\n| a |\n\nSee /home/ada/data/x.npz"
    sections(install, f"return {{'A *b* <i>': '{text}'}}")
    written = card()
    own = written.partition("(zoo-says)")[2].partition("\n## ")[0]
    assert own
    for markup in ("<script", "\n#", "\n---", "| a |", "/home/ada"):
        assert markup not in own
    assert re.search(r"(?<!\\)\]", own) is None
    assert "## A \\*b\\* &lt;i&gt; (zoo-says)" in written


def test_its_length_is_capped(install: Install, card: Callable[[], str]) -> None:
    sections(install, "return {f'Title {i}': 'x' * 10**5 for i in range(20)}")
    written = card()
    assert written.count("(zoo-says)") == 5
    assert len(written) < 5 * 2_200 + 6_000


@pytest.mark.parametrize(
    ("body", "says"),
    [("1 / 0", "ZeroDivisionError"), ("return ['a']", "table of titles"), ("return {1: 'x'}", "table of titles")],
)
def test_a_failing_hook_costs_its_own_sections_only(
    install: Install, card: Callable[[], str], body: str, says: str
) -> None:
    sections(install, body, "zoo-bad")
    sections(install, "return {'Fine': 'all is well'}", "zoo-good")
    with pytest.warns(UserWarning, match=f'plugin "zoo-bad".*{says}'):
        written = card()
    assert "Fine (zoo-good)" in written and "zoo-bad" not in written


def test_no_plugin_can_change_the_config_of_the_card(install: Install, card: Callable[[], str]) -> None:
    before = card()
    sections(install, "config['parts'].clear(); config['image_shape'][0] = 99; return {}")
    assert card() == before
