"""Seams: whether the parts of a model fit one another, told before any training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoo_core.errors import SeamError, ZooError, shown
from zoo_core.interfaces import (
    Component,
    Decoder,
    Encoder,
    FeatureExtractor,
    Head,
    ImageShape,
    Labels,
    Modality,
    Need,
    Part,
    Prior,
    Tags,
)
from zoo_core.names import Entry
from zoo_core.parameters import parameters
from zoo_core.registry import registry


def check_tags(
    where: str,
    kind: str,
    name: str,
    cls: type[Component],
    image_shape: ImageShape,
    labels: Labels,
    modality: Modality = "image",
) -> None:
    """Refuse images, tokens or labels that a component, by its tags, does not take.

    Arguments:
        where: the part or objective, for the message: ``encoder``, ``objective "elbo"``.
        name: of the component ``cls``.

    Raises:
        SeamError: names the component, what it takes, the nearest size that would do, and the components of its kind that
            take these images.
    """
    refused = _refusal(kind, cls, image_shape, labels, modality)
    if not refused:
        return
    advice = []
    height, width = cls.tags.nearest(image_shape)
    if modality not in cls.tags.modalities:
        advice.append(f"choose data of {cls.tags.modalities_text}")
    elif (height, width) != tuple(image_shape[1:]):
        advice.append(f"image_size={height if height == width else f'[{height},{width}]'} would do")
    fitting = _taking(kind, image_shape, labels, modality)
    if fitting:
        setting = where if kind != "objective" else "objective"
        advice.append(
            f"{kind}s that take these data: {setting}={', '.join(fitting[:8])}{' …' if len(fitting) > 8 else ''}"
        )
    else:
        advice.append(f"no installed {kind} takes these data")
    raise SeamError(
        f'{where}: "{name}" takes {refused}',
        hint="; ".join(advice),
        part=where,
        component=name,
        image_shape=image_shape,
    )


def _refusal(kind: str, cls: type[Component], image_shape: ImageShape, labels: Labels, modality: Modality) -> str:
    """Why ``cls`` does not take these data; empty where it does."""
    if _looks_elsewhere(kind, cls):
        modality = cls.tags.modalities[0]
    return cls.tags.refusal(image_shape, labels.type, modality)


def _looks_elsewhere(kind: str, cls: type[Component]) -> bool:
    """Whether ``cls`` takes data of any modality: it looks at codes, or at what it does not say, and its tags name none."""
    elsewhere = kind in ("prior", "head") or (kind == "network" and "x" not in getattr(cls, "inputs", ()))
    return elsewhere and cls.tags.modalities == Tags().modalities


def _taking(kind: str, image_shape: ImageShape, labels: Labels, modality: Modality) -> list[str]:
    """Names of the registered components of ``kind`` that take these data. Their classes are imported, as tags stand there."""
    names = []
    for entry in registry().entries(kind):
        try:
            cls = entry.load()
        except ZooError:
            continue
        if not _refusal(kind, cls, image_shape, labels, modality):
            names.append(registry().spelling(entry) + ("NAME" if entry.family else ""))
    return names


def check_slots(
    who: str,
    needs: Mapping[str, Need],
    slots: Mapping[str, str],
    fitting: Callable[[Need], list[str]] | None = None,
) -> None:
    """Refuse a model without a part that ``who`` needs, or with another kind in its place.

    Arguments:
        who: the asker, for the message: ``objective "discreg"``.
        needs: what it asks for.
        slots: part name to kind.
        fitting: a need to the names of the components that meet it; asked where one is missing. By default all of its kind.

    Raises:
        SeamError: names the part, and the components that could fill it.
    """
    for name, need in needs.items():
        if slots.get(name) == need.kind:
            continue
        named = fitting(need) if fitting is not None and need.capabilities else _of_kind(need)
        called = shown(name)  # an objective may name it after a setting
        example = f'try {called}="{named[0]}"' if named else f"no {need.kind} that fits is installed"
        others = f", or one of: {', '.join(named[1:12])}{' …' if len(named) > 12 else ''}" if len(named) > 1 else ""
        has = f"; the model's {called} is a {slots[name]}" if name in slots else ""
        raise SeamError(
            f'{who} needs part "{called}" (of kind {need.kind}){has}', hint=example + others, part=name, kind=need.kind
        )


def _of_kind(need: Need) -> list[str]:
    entries = registry().entries(need.kind)
    return [entry.name + ("NAME" if entry.family else "") for entry in entries if takes_inputs(entry, need)]


def takes_inputs(entry: Entry, need: Need) -> bool:
    """Whether the component, where it is a feature extractor, takes what ``need`` gives it. Its class is imported."""
    if need.kind != "feature-extractor":
        return True
    try:
        return need.inputs is None or bool(entry.load().inputs == need.inputs)
    except ZooError:
        return False


def takes_modality(entry: Entry, modality: Modality) -> bool:
    """Whether the component takes data of ``modality``. Its class is imported."""
    try:
        cls = entry.load()
    except ZooError:
        return False
    return modality in cls.tags.modalities or _looks_elsewhere(entry.kind, cls)


def check_capabilities(
    who: str,
    needs: Mapping[str, Need],
    parts: Mapping[str, Part],
    names: Mapping[str, str],
    remedy: Callable[[str, str], str] | None = None,
    fitting: Callable[[Need], list[str]] | None = None,
) -> None:
    """Refuse parts that cannot do what ``who`` asks of them, and feature extractors that look at something else than it gives them.

    Arguments:
        names: part name to the component that fills it, for the message.
        remedy: part name and missing capability to what would give it; asked where something is refused.
        fitting: a need to the names of the components that meet it; asked where a feature extractor takes other inputs.

    Raises:
        SeamError: names both and the missing capability, or both inputs.
    """
    for slot, need in needs.items():
        check_inputs(who, parts[slot], f'"{names[slot]}" as part "{slot}"', need, slot, fitting or _of_kind)
        able = parts[slot].capabilities
        for wanted in sorted(need.capabilities):
            if not able & set(wanted.split("|")):
                what = " or ".join(f'"{w}"' for w in wanted.split("|"))
                has = ", ".join(sorted(able)) or "none"
                helps = "" if remedy is None else remedy(slot, wanted)
                raise SeamError(
                    f'{who} needs {what} of part "{slot}", and "{names[slot]}" as set here does not give it',
                    hint=helps or f"its capabilities are: {has}; see zoo info {names[slot]}",
                    part=slot,
                    capability=wanted,
                )


def check_inputs(
    who: str,
    part: Part,
    called: str,
    need: Need,
    slot: str,
    fitting: Callable[[Need], list[str]] = _of_kind,
) -> None:
    """Refuse a feature extractor that looks at something else than ``who`` gives it: a joint discriminator where images alone are
    judged, and the other way round.

    Arguments:
        called: what the part is called in the message.
        slot: where another one would be set.

    Raises:
        SeamError: names both inputs, and the components that would do.
    """
    if not isinstance(part, FeatureExtractor) or need.inputs in (None, part.inputs):
        return
    named = fitting(need)
    raise SeamError(
        f"{who} gives a feature extractor {_in_words(need.inputs)}, and {called} takes {_in_words(part.inputs)}",
        hint=f"set {slot}={' or '.join(named[:6])}{' …' if len(named) > 6 else ''}"
        if named
        else f"no installed feature extractor takes {_in_words(need.inputs)}",
        part=slot,
    )


def _in_words(inputs: tuple[str, ...] | None) -> str:
    if inputs in (None, ("x",)):
        return "images alone (x)"
    return " with ".join({"x": "images (x)", "z": "codes (z)"}.get(name, name) for name in inputs)


def check_layer(extractor: Part, part: str, layer: str) -> None:
    """Refuse a part that does not give the activation ``layer``.

    Arguments:
        part: its slot, for the message.

    Raises:
        SeamError: it names the layers that there are, and how to ask for more.
    """
    layers = extractor.layers if isinstance(extractor, FeatureExtractor) else ()
    if layer not in layers:
        asked = ",".join(f'"{name}"' for name in (*layers, layer))
        raise SeamError(
            f'part "{part}" gives the layers {", ".join(layers)}, not "{layer}"',
            hint=f"set {part}.layers='[{asked}]' if it has such a layer, or choose one of these",
            part=part,
        )


def check_latents(parts: Mapping[str, Part], names: Mapping[str, str]) -> None:
    """Refuse encoders, decoders, priors, heads and joint discriminators whose codes differ in width.

    Raises:
        SeamError: names both and their widths.
    """
    widths = {
        slot: part.latent_dim
        for slot, part in parts.items()
        if isinstance(part, Encoder | Decoder | Prior | Head) or (isinstance(part, FeatureExtractor) and "z" in part.inputs)
    }
    for slot, width in widths.items():
        first = next(iter(widths))
        if width != widths[first]:
            both = f"set both: latent_dim={widths[first]}, or {slot}.latent_dim={widths[first]}"
            fixed = f"latent_dim={width}, which is all that {names[slot]} has, or another {slot}"
            raise SeamError(
                f'part "{first}" ({names[first]}) has codes of width {widths[first]}, part "{slot}" ({names[slot]}) of width {width}',
                hint=both if "latent_dim" in parameters(type(parts[slot])) else fixed,
            )


def check_all(
    parts: Mapping[str, Part],
    names: Mapping[str, str],
    asked: Mapping[str, Mapping[str, Need]],
    remedy: Callable[[str, str], str] | None = None,
    fitting: Callable[[Need], list[str]] | None = None,
) -> None:
    """Every check on built parts; ``asked`` maps ``objective "elbo"`` and the like to what it needs."""
    for who, needs in asked.items():
        check_capabilities(who, needs, parts, names, remedy, fitting)
    check_latents(parts, names)
