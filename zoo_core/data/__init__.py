"""Data: from a name to a data set, from a split to batches.

``open_dataset`` finds the data set, ``dataset_for`` brings its images and labels into a model's form, ``open_source``
puts one of its splits on the device (or streams it), ``Stream`` draws shuffled batches from it without end,
``evaluation_batches`` goes through it once in order.
"""

from zoo_core.data.alignment import aligned, refuse_unlike
from zoo_core.data.arrays import ArrayDataset
from zoo_core.data.attribute_set import AttributeSet
from zoo_core.data.cuts import cut, cut_by_group, indices_of, no_such_split
from zoo_core.data.flipped import FlippedDataset
from zoo_core.data.labels import attributes_for, chosen, in_turn, labels_for, listed, logit_places, one_each, told_apart
from zoo_core.data.made import MadeDataset
from zoo_core.data.neighbours import nearest, squared_distances
from zoo_core.data.of_model import dataset_for, refuse_without_labels
from zoo_core.data.references import open_dataset
from zoo_core.data.resized import ResizedDataset, resize
from zoo_core.data.source import COUNTED, MemorySource, Source, StreamingSource, open_source
from zoo_core.data.splits import Splits
from zoo_core.data.stream import Stream, evaluation_batches
from zoo_core.data.subsets import PickedImages, labelled, pick, with_labels

__all__ = [
    "COUNTED",
    "ArrayDataset",
    "AttributeSet",
    "FlippedDataset",
    "MadeDataset",
    "MemorySource",
    "PickedImages",
    "ResizedDataset",
    "Source",
    "Splits",
    "Stream",
    "StreamingSource",
    "aligned",
    "attributes_for",
    "chosen",
    "cut",
    "cut_by_group",
    "dataset_for",
    "evaluation_batches",
    "in_turn",
    "indices_of",
    "labelled",
    "labels_for",
    "listed",
    "logit_places",
    "nearest",
    "no_such_split",
    "one_each",
    "open_dataset",
    "open_source",
    "pick",
    "refuse_unlike",
    "refuse_without_labels",
    "resize",
    "squared_distances",
    "told_apart",
    "with_labels",
]
