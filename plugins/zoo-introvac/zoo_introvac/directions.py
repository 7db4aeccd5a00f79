"""Where an attribute lies among codes: the slope of a linear head's logit."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor

from zoo_core.data import listed, told_apart
from zoo_core.errors import IncompatibleError, SettingError, did_you_mean, shown
from zoo_core.interfaces import Head, Labels

if TYPE_CHECKING:
    from zoo_core.model import Model


def linear_head(model: Model) -> Head:
    """The model's part ``head``.

    Raises:
        IncompatibleError: it has none, or one that is not linear.
    """
    if "head" not in model.parts:
        raise IncompatibleError(
            f"a {model.recipe} has no head that tells attributes from codes",
            hint='train one along: --set head=linear --set objective=\'["elbo", "latent-attribute-bce"]\', or zoo train vac',
        )
    if "head.linear" not in model.capabilities("head"):
        raise IncompatibleError(
            f"the head of this {model.recipe} is not linear, so that an attribute has no one direction",
            hint='set head="linear"',
        )
    return cast(Head, model.parts["head"])


def told_by(model: Model) -> Labels:
    """The attributes or classes that the head's logits stand for."""
    return told_apart(linear_head(model), model.labels)


def place_of(model: Model, name: str) -> int:
    """The number of the logit of the attribute or class ``name``.

    Raises:
        SettingError: the head tells none of that name.
    """
    told = told_by(model)
    if name not in told.names:
        known = listed(told.names) if told.names else "none"
        raise SettingError(
            f'the head knows no attribute "{shown(name)}"',
            hint=did_you_mean(name, told.names) or f"it knows {known}",
            name=name,
        )
    return told.names.index(name)


def slope(model: Model, name: str) -> Tensor:
    """The slope among codes of the logit of ``name``, (latent_dim,): w for an attribute; for a class, of its logit over the mean of the
    other classes'."""
    head, told, place = linear_head(model), told_by(model), place_of(model, name)
    w = head.directions().detach()[: told.count]
    if told.type == "attributes" or told.count == 1:
        return w[place]
    return (w[place] - w.mean(0)) * told.count / (told.count - 1)


def direction(model: Model, name: str) -> Tensor:
    """w / ‖w‖, (latent_dim,): the unit vector among codes along which the attribute ``name`` grows (section 4.2).

    Raises:
        IncompatibleError: a model without a linear head.
        SettingError: an attribute that the head does not know, or whose logit is 0 everywhere.
    """
    w = slope(model, name)
    length = w.norm()
    if not length > 0:
        raise SettingError(f'the logit of "{shown(name)}" is the same at every code, so that it has no direction')
    unit: Tensor = w / length
    return unit
