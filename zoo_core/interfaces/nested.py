"""Nested: a component inside a component, chosen by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zoo_core.interfaces.component import Part

if TYPE_CHECKING:
    from zoo_core.interfaces.batch import ImageShape, Labels

P = TypeVar("P", bound=Part)

Builder = Callable[[Mapping[str, Any], "ImageShape | None", "Labels | None"], P]


class Nested(Generic[P]):
    """The net that a component has inside, as its constructor gets it: which one is a setting, and building it is the constructor's.

    >>> def __init__(self, *, latent_dim: int = 8, net: Nested[Decoder] = Nested("zoo-basics:mlp", hidden=[32])) -> None:
    ...     super().__init__()
    ...     self.net = net.build(latent_dim=latent_dim - 1)

    Users choose it as they choose a part (``decoder.net=dcgan``, ``decoder.net={"name": "dcgan", "width": 16}``,
    ``decoder.net.width=16``); a saved model holds it under its qualified name with all its parameters. The kind follows from the
    type: ``Nested[Part]`` is a ``network``. Keep what :meth:`build` gives under the parameter's name, so that weights are found again
    when the nested component changes their names.

    Arguments:
        name: the default component; write it as ``plugin:name``, which means one component whatever else is installed.
        params: its parameters.
    """

    def __init__(self, name: str, /, **params: Any) -> None:
        self.name = name
        self.params = params
        self._builder: Builder[P] | None = None
        self._settings: frozenset[str] = frozenset()

    def build(self, *, image_shape: ImageShape | None = None, labels: Labels | None = None, **params: Any) -> P:
        """The component, its first weights from a seed of its own.

        Arguments:
            image_shape: (C, H, W) of what it sees, where that is not the model's images.
            labels: where they are not the model's.
            params: parameters that the caller decides (the width of a code, say). Nobody can set them then, and they are not saved.

        Raises:
            SettingError, IncompatibleError, WeightsError: as :func:`zoo_core.build` does.
            RuntimeError: the constructor was called by hand; components are built by name.
        """
        if self._builder is None:
            raise RuntimeError(
                f"Nested({self.name!r}) has nothing to be built with; build the component by name: zoo_core.building.build_part"
            )
        return self._builder(params, image_shape, labels)

    def takes(self, setting: str) -> bool:
        """Whether the chosen component has that setting, for a constructor that decides it where it is there (``classes``)."""
        return setting in self._settings

    def bound(self, builder: Builder[P], settings: Collection[str] = ()) -> Nested[P]:
        """The same, built by ``builder``, which gets the caller's parameters, image shape and labels; it has these ``settings``."""
        made: Nested[P] = Nested(self.name, **self.params)
        made._builder, made._settings = builder, frozenset(settings)
        return made

    @property
    def spec(self) -> str | dict[str, Any]:
        """As a user writes it: the name alone, or a table."""
        return {"name": self.name, **self.params} if self.params else self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nested) and (self.name, self.params) == (other.name, other.params)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Nested({', '.join([repr(self.name), *(f'{key}={value!r}' for key, value in self.params.items())])})"
