"""The loss of the number network: CTC."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from formreader.recognise.ctc import CHARACTERS

MAX_TARGET_LENGTH = 20
"""Characters of the longest target: twelve digits, separators, an ending."""


def as_targets(texts: Sequence[str]) -> npt.NDArray[np.int32]:
    """Targets of texts, (n, MAX_TARGET_LENGTH): classes plus one, and 0 behind the last."""
    targets = np.zeros((len(texts), MAX_TARGET_LENGTH), np.int32)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = [CHARACTERS.index(c) + 1 for c in text]
    return targets


def number_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """CTC loss per strip: the negative log probability of its target, (n,).

    `target` is (n, MAX_TARGET_LENGTH) as from `as_targets`, `logits` (n, t, CTC_CLASSES).
    TensorFlow's own operation on sparse labels takes a third of the time of `keras.ops.ctc_loss`.
    """
    sparse = tf.sparse.from_dense(tf.cast(target, tf.int32))
    labels = tf.SparseTensor(sparse.indices, sparse.values - 1, sparse.dense_shape)
    n, places = tf.shape(logits)[0], tf.shape(logits)[1]
    by_place = tf.transpose(logits, (1, 0, 2))
    return tf.nn.ctc_loss(labels, by_place, None, tf.fill([n], places), blank_index=-1)
