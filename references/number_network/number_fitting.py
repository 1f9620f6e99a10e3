"""How the number network is fitted: by CTC."""

from __future__ import annotations

import keras

from shared.fitting import Optimisation

HOW = Optimisation(
    warm_up=500, weight_decay=1e-4, averaging=0.998, max_gradient=5.0, widths_vary=True
)
"""CTC's first gradients are large. There is no record of a measurement."""


def number_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """CTC loss per strip: the negative log probability of its target, (n,).

    `target` is (n, MAX_TARGET_LENGTH) as from `as_targets`, `logits` (n, t, CTC_CLASSES).
    TensorFlow's own operation on sparse labels takes a third of the time of `keras.ops.ctc_loss`.
    """
    if keras.config.backend() != "tensorflow":
        length = keras.ops.count_nonzero(target, axis=1)
        blank_first = keras.ops.roll(logits, 1, axis=2)
        places = keras.ops.full_like(length, logits.shape[1])
        return keras.ops.ctc_loss(target, blank_first, length, places, mask_index=0)
    import tensorflow as tf

    sparse = tf.sparse.from_dense(tf.cast(target, tf.int32))
    labels = tf.SparseTensor(sparse.indices, sparse.values - 1, sparse.dense_shape)
    n, places = tf.shape(logits)[0], tf.shape(logits)[1]
    by_place = tf.transpose(logits, (1, 0, 2))
    return tf.nn.ctc_loss(labels, by_place, None, tf.fill([n], places), blank_index=-1)
