"""Plot: a model and data to a picture for people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.component import Component
from zoo_core.interfaces.dataset import SplitName
from zoo_core.interfaces.objective import Need

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class Plot(ABC, Component):
    """Draws something about a model onto a matplotlib figure. Made for one figure: what :meth:`prepare` finds is kept until
    :meth:`draw`.

    The caller calls ``prepare``, ``size`` and ``draw``, in this order and with the same model and generator, in eval mode
    and without autograd. A parameter ``run`` (a text) is filled in with the run's folder, where there is one and it is not
    set. ``pyplot`` is not for plots: it keeps figures in global state.
    """

    needs: ClassVar[Mapping[str, Need]] = {}

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Look at other splits than the one that is plotted, for instance at training images. By default there is nothing to
        prepare.

        Arguments:
            split: a split's name to all of its examples as batches. It may be kept and asked again while drawing.
        """

    @abstractmethod
    def size(self, model: Model) -> tuple[float, float]:
        """Width and height that the picture asks for, in inches."""

    @abstractmethod
    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """Draw onto ``figure``, a figure or a part of one, which is empty.

        Arguments:
            batches: the plotted examples, one pass; nothing is read where they are not asked for.
            generator: all randomness comes from it.
        """
