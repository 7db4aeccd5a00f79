"""The sections of a card, each from the facts it needs to Markdown, empty where there is nothing to say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from zoo_core.evaluation.public_names import OWN_DATA, data_name
from zoo_core.evaluation.results import not_comparable
from zoo_core.interfaces.metric import MetricResult
from zoo_core.publishing.bibtex import Paper, bibtex, papers
from zoo_core.publishing.facts import Facts, Used
from zoo_core.publishing.markdown import code, picture, settings, table, text
from zoo_core.publishing.public_data import public_data
from zoo_core.registry.catalogue import catalogue

_ALT = {
    "samples": "Samples: pictures that the model made",
    "reconstructions": "Reconstructions: originals over what the model makes of them",
}
_BETTER = {"higher": "higher", "lower": "lower"}
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:(?:[<>=!~]=?|===)[A-Za-z0-9.*+!]+(?:,[<>=!~]=?[A-Za-z0-9.*+!]+)*)?"
)


def opening(facts: Facts) -> str:
    """Title, and what the model is in a sentence or two."""
    config = facts.config
    images = _windows(config) if facts.of_tokens else _images(config)
    if facts.recipe is not None:
        known = papers([facts.recipe.paper])
        of = f" ({', '.join(map(_cited, known))})" if known else ""
        what = f"**{text(facts.recipe.name)}**: {text(facts.recipe.summary, 300)}{of}; for {images}."
    else:
        built = ", ".join(f"{text(part.slot)} {text(part.short)}" for part in facts.parts)
        what = f"A model of {images}, built from {built}."
    trained = f" Trained on {_data(facts.data)}." if facts.data else ""
    size = f"{facts.parameters:,} parameters ({', '.join(text(one, 20) for one in facts.dtypes)}), {_bytes(facts.size_bytes)}."
    return f"# {text(facts.repo)}\n\n{what}{trained} {size}"


def _images(config: Mapping[str, Any]) -> str:
    channels, height, width = config["image_shape"]
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{colour} images of {height} × {width} pixels"


def _windows(config: Mapping[str, Any]) -> str:
    return f"windows of {config['image_shape'][2]:,} tokens from a vocabulary of {len(config['vocabulary']):,}"


def pictures(facts: Facts) -> str:
    """The pictures, each with words for those who cannot see it."""
    shown = []
    for name in facts.pictures:
        stem = re.sub(r"[-_]?\d*$", "", PurePosixPath(name).stem)
        shown.append(picture(name, _ALT.get(stem, f"Picture: {stem.replace('-', ' ')}")))
    return "\n\n".join(shown)


def usage(facts: Facts) -> str:
    """Three lines that load and use it, and how to pin it."""
    if facts.of_tokens:
        window = f"(N, {facts.config['image_shape'][2]}), ids as model.vocabulary.ids gives them"
        call = f'features = model.parts["{facts.parts[0].slot}"](x)  # x: int64 {window}'
    elif facts.samples:
        call = "images = model.sample(64)  # (64, channels, height, width), in [0, 1]"
    elif facts.classifies:
        call = f'features = model.parts["{facts.parts[0].slot}"](x)  # x: (N, channels, height, width), in [0, 1]'
    else:
        call = "codes = model.encode(x)  # x: (N, channels, height, width), in [0, 1]"
    lines = code("python", f'import zoo_core as zoo\n\nmodel = zoo.load("{facts.repo}")\n{call}')
    if "/" not in facts.repo:
        return f"## Use\n\n{lines}"
    pin = code("python", f'model = zoo.load("{facts.repo}", revision="COMMIT")  # 40 hex digits, or a tag')
    why = "What stands in a repository may change. A commit names the same weights every time:"
    return f"## Use\n\n{lines}\n\n{why}\n\n{pin}"


def parts(facts: Facts) -> str:
    """The parts, and where frozen weights come from."""
    rows = [
        [
            text(part.slot),
            f"{text(part.short)} ({text(part.kind)})",
            _plugin(part),
            _weights(facts, part),
            settings(part.settings),
        ]
        for part in facts.components
        if not (part.kind == "sampler" and not part.settings) and not part.slot.startswith("objective.")
    ]
    return _section("Parts", table(["part", "component", "plugin", "weights", "settings"], rows))


def objectives(facts: Facts) -> str:
    """What it was trained to do."""
    rows = [
        [text(one.slot.removeprefix("objective.")), text(one.short), _plugin(one), settings(one.settings)]
        for one in facts.components
        if one.slot.startswith("objective.")
    ]
    return _section("Objectives", table(["objective", "component", "plugin", "settings"], rows))


def training(facts: Facts) -> str:
    """How it was trained, as far as a run says so."""
    if facts.run is None:
        return "## Training\n\nNo record of the training came with these weights."
    run, about = facts.run, _mapping(facts.run, "training")
    rows = [["data", _data(facts.data) if facts.data else "not recorded"]]
    if given := _mapping(run, "data_settings"):
        rows.append(["data settings", settings(given)])
    rows += [[key.replace("_", " "), _number(about[key])] for key in ("epochs", "batch_size") if key in about]
    for name, player in _mapping(about, "players").items():
        if isinstance(player, Mapping):
            rows.append([f"player {text(name)}", _player(player)])
    rows += [[key, _number(run[key])] for key in ("seed", "rounds") if key in run]
    if isinstance(run.get("seconds"), int | float):
        rows.append(["time", f"{run['seconds'] / 60:,.1f} minutes"])
    return _section("Training", table(["", ""], rows))


def figures(facts: Facts) -> str:
    """The figures, and what they rest on."""
    rows = [
        [text(one.name), _value(one), text(one.unit), _BETTER.get(one.better, "–"), _protocol(one.protocol)]
        for one in facts.figures
    ]
    written = table(["figure", "value", "unit", "better", "protocol"], rows)
    apart = [
        f"- The {text(name)} figures rest on different things ({text(', '.join(keys), 300)}) and cannot be compared with one another."
        for name, keys in not_comparable(facts.figures).items()
    ]
    return _section("Figures", "\n\n".join(filter(None, [written or "None were measured.", "\n".join(apart)])))


def plugins(facts: Facts) -> str:
    """What has to be installed."""
    known = catalogue().plugins
    wanted = [_requirement(name, known.get(name, name)) for name in facts.plugins]
    line = " ".join(["pip install zoo-core", *wanted])
    versions = [
        f"zoo-core {facts.config['zoo_core']}",
        *(f"{name} {version}".strip() for name, version in facts.plugins.items()),
    ]
    return f"## Plugins\n\n{code('sh', line)}\n\nSaved with {text(', '.join(versions), 600)}."


def limits(facts: Facts) -> str:
    """What it is for and what not, from facts only."""
    channels, height, width = facts.config["image_shape"]
    handles = "takes" if facts.classifies else "takes and makes"
    form = f"images of {channels} × {height} × {width} (channels, height, width) in [0, 1]"
    said = [
        "For research and teaching: comparing models, swapping parts, looking at what a model has learnt.",
        f"It {handles} {_windows(facts.config) if facts.of_tokens else form}, and no others.",
    ]
    labels = facts.config["labels"]
    if names := labels.get("names"):
        listed = ", ".join(map(str, names))
        said.append(f"It was built for {len(names)} {text(labels['type'])}: {text(listed, 400)}.")
    if facts.public is not None:
        said.append(f"It was trained on {_data(facts.data)}. {facts.public.note}")
    elif facts.data:
        said.append(
            f"It was trained on {_data(facts.data)}, which this card knows nothing about; ask its author what they show."
        )
    else:
        said.append("What it was trained on is not recorded.")
    if not facts.figures:
        said.append("It has not been measured: nothing is known of how good it is.")
    return "## What it is for, and its limits\n\n" + "\n".join(f"- {line}" for line in said)


def citation(facts: Facts) -> str:
    """The papers behind it, once each."""
    entries = bibtex(papers(facts.papers))
    return f"## Citation\n\n{code('bibtex', entries)}" if entries else ""


def licence(facts: Facts) -> str:
    """The licence of the weights."""
    elsewhere = any(isinstance(part.config.get("weights"), Mapping) for part in facts.parts)
    other = " Frozen weights that come from elsewhere keep the licence they have there." if elsewhere else ""
    return f"## Licence\n\nThe weights are under {text(facts.licence)}.{other}"


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}" if content else ""


def _cited(paper: Paper) -> str:
    # The number is digits and a dot: bibtex.papers takes nothing else.
    link = f", [arXiv:{paper.arxiv}](https://arxiv.org/abs/{paper.arxiv})" if paper.arxiv else ""
    return f"{text(paper.named)}{link}"


def _data(name: str) -> str:
    known = public_data(name)
    expression = name.removeprefix("zoo-basics:").partition(":")[2]
    return text(name) if known is None else text(f"{known.title}: {expression}" if expression else known.title)


def _plugin(used: Used) -> str:
    return f"{text(used.plugin or 'unknown')} {text(used.version, 40)}".strip()


def _weights(facts: Facts, part: Used) -> str:
    if part.config.get("trainable", True):
        players = (p for p in _mapping(facts.config["training"], "players").values() if isinstance(p, Mapping))
        return "trained" if any(part.slot in (p.get("trains") or ()) for p in players) else "not trained"
    source = part.config.get("weights")
    if not isinstance(source, Mapping):
        return "frozen, saved with the model"
    if "repo" in source:
        at = text(str(source.get("commit", ""))[:12])
        return f"frozen, from {text(source['repo'])} at {at}" if at else f"frozen, from {text(source['repo'])}"
    return f"frozen, from package {text(source.get('package', 'unknown'))}"


def _player(player: Mapping[str, Any]) -> str:
    trains = player.get("trains")
    names = ", ".join(map(str, trains)) if isinstance(trains, list | tuple) else ""
    chosen = {
        key: player[key]
        for key in ("lr", "betas", "momentum", "weight_decay", "clip", "constraint", "ema")
        if player.get(key)
    }
    schedule = _mapping(player, "schedule").get("name")
    chosen |= {"schedule": schedule} if schedule not in (None, "constant") else {}
    return f"{text(player.get('optimizer', 'unknown'))} on {text(names)}; {settings(chosen)}"


def _value(figure: MetricResult) -> str:
    if not math.isfinite(figure.value):
        return "not finite"
    std = f" ± {figure.std:.2g}" if figure.std is not None and math.isfinite(figure.std) else ""
    return f"{figure.value:.5g}{std}"


def _protocol(protocol: Mapping[str, Any]) -> str:
    """The protocol in words, what was measured on first."""
    words = [_data(data_name(protocol["data"])) if "data" in protocol else OWN_DATA]
    words += [f"{text(protocol['split'], 40)} split"] if "split" in protocol else []
    words += [f"{_number(protocol['examples'])} examples"] if "examples" in protocol else []
    rest = {k: v for k, v in protocol.items() if k not in ("data", "split", "examples", "metric", "seconds")}
    return ", ".join(words) + (f"; {settings(rest)}" if rest else "")


def _number(value: object) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15
        else text(value, 40)
    )


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _requirement(name: str, requirement: str) -> str:
    """``requirement`` for a shell, or the plugin's bare name where it says more than names and versions."""
    fit = _REQUIREMENT.fullmatch(requirement)
    return name if fit is None else requirement if re.fullmatch(r"[\w.-]+", requirement) else f"'{requirement}'"
