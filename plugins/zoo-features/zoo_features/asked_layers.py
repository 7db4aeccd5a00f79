"""Which layers were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.errors import SettingError, did_you_mean, shown


def asked_layers(layers: Sequence[str | int], available: Sequence[str], who: str) -> tuple[str, ...]:
    """The names behind ``layers``, in the net's order.

    Arguments:
        layers: names, or indices into ``available`` (negative ones from its end).
        available: the net's layers, from the image on.

    Raises:
        SettingError: there is no such layer, or none is asked for.
    """
    chosen: set[str] = set()
    for layer in layers:
        if isinstance(layer, int):
            if not -len(available) <= layer < len(available):
                raise SettingError(f"{who}: there is no layer {layer}; it has {len(available)}", hint=_list(available))
            layer = available[layer]
        if layer not in available:
            raise SettingError(
                f"{who}: there is no layer {shown(layer)!r}", hint=did_you_mean(layer, available) or _list(available)
            )
        chosen.add(layer)
    if not chosen:
        raise SettingError(f"{who}: no layer is asked for", hint=_list(available))
    return tuple(name for name in available if name in chosen)


def _list(available: Sequence[str]) -> str:
    return f"its layers are {', '.join(available[:40])}{' …' if len(available) > 40 else ''}"
