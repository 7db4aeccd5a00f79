"""CodeCritic: tells codes from draws of the prior."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class CodeCritic(nn.Module):
    """Linear layers with a ReLU after each hidden one, to one score an example (appendix A.1), with no normalisation: it sees
    codes and draws in forwards of their own.

    With ``classes`` a one-hot label stands beside the code, with an extra place for examples whose class is not known (section 2.3,
    Figure 3). Its weights are the rows of ``label``, added to the first layer's bias.

    Arguments:
        width: of the code.
        hidden: widths of the hidden layers.
        classes: how many labels there are; 0 for a critic of codes alone.
        init_std: weights from N(0, init_std²) and biases 0; with 0, torch's own initialisation.
    """

    def __init__(self, width: int, hidden: tuple[int, ...], classes: int = 0, init_std: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden[0])
        self.label = nn.Embedding(classes + 1, hidden[0]) if classes else None
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((*hidden, 1)):
            layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
        self.rest = nn.Sequential(*layers)
        if self.label is not None:  # as the columns of a linear layer over the code and the one-hot label would be
            bound = (width + classes + 1) ** -0.5
            nn.init.uniform_(self.first.weight, -bound, bound)
            nn.init.uniform_(self.label.weight, -bound, bound)
        if init_std:
            for name, parameter in self.named_parameters():
                if name.endswith("bias"):
                    nn.init.zeros_(parameter)
                else:
                    nn.init.normal_(parameter, 0.0, init_std)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Codes (N, width) to scores (N,).

        Arguments:
            y: int64 (N,), −1 where the class is not known; only with ``classes``.
        """
        if self.label is None:
            hidden = self.first(z)
        else:
            if y is None:
                y = z.new_full((len(z),), -1, dtype=torch.int64)
            extra = self.label.num_embeddings - 1
            hidden = torch.addmm(self.first.bias + self.label(torch.where(y >= 0, y, extra)), z, self.first.weight.t())
        scores: Tensor = self.rest(hidden)
        return scores.squeeze(1)
