"""The five interfaces (Encoder, Decoder, FeatureExtractor, Objective, Sampler) and the small kinds beside them.

A component is a class registered under a kind and a name. Its parameters are annotated keyword-only arguments of
``__init__``: choices as ``Literal``, numbers with bounds (``Annotated[int, Ge(1)]`` from ``annotated_types``).
Arguments called ``image_shape``, ``labels``, ``vocabulary``, ``parts`` and ``architecture`` are *context*: ``build`` fills them in, and
nobody sets them.
"""

from zoo_core.compat import renamed
from zoo_core.interfaces.attack import Attack, AttackedLoss, BallNorm, ascent
from zoo_core.interfaces.batch import Batch, ImageShape, Labels
from zoo_core.interfaces.component import CONTEXT, Component, Part
from zoo_core.interfaces.dataset import Dataset, Split, SplitName
from zoo_core.interfaces.decoder import Decoder
from zoo_core.interfaces.encoder import Encoder
from zoo_core.interfaces.feature_extractor import FeatureExtractor
from zoo_core.interfaces.head import Head
from zoo_core.interfaces.metric import Metric, MetricResult
from zoo_core.interfaces.nested import Nested
from zoo_core.interfaces.objective import Need, Objective, Term
from zoo_core.interfaces.part_noise import PartNoise
from zoo_core.interfaces.plot import Plot
from zoo_core.interfaces.prior import Prior
from zoo_core.interfaces.sampler import Sampler, Samples, classes_to_draw, draws_by_class
from zoo_core.interfaces.tags import Tags
from zoo_core.interfaces.vocabulary import Modality, Vocabulary

__all__ = [
    "CONTEXT",
    "Attack",
    "AttackedLoss",
    "BallNorm",
    "Batch",
    "Component",
    "Dataset",
    "Decoder",
    "Encoder",
    "FeatureExtractor",
    "Head",
    "ImageShape",
    "Labels",
    "Metric",
    "MetricResult",
    "Modality",
    "Need",
    "Nested",
    "Objective",
    "Part",
    "PartNoise",
    "Plot",
    "Prior",
    "Sampler",
    "Samples",
    "Split",
    "SplitName",
    "Tags",
    "Term",
    "Vocabulary",
    "ascent",
    "classes_to_draw",
    "draws_by_class",
]


__getattr__ = renamed(__name__)
