"""The network that reads a whole number: a strip in, the logits of characters along it out."""

from __future__ import annotations

import keras
from keras import layers

from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.ctc import CTC_CLASSES
from formreader.recognise.number_reader import PLACES_PER_FEATURES
from shared.convolution import convolution

_TRUNK = (
    ("conv1", 24, (2, 2)),
    ("conv2", 32, (1, 1)),
    ("conv3", 64, (2, 2)),
    ("conv4", 64, (1, 1)),
    ("conv5", 96, (2, 1)),
    ("conv6", 96, (1, 1)),
)
"""Name, channels and strides (down, across) of the convolutions by 3 x 3: 32 rows become 4, and 4
columns become one. About 45 million multiplications for a strip of 128 columns; other shapes were
not measured."""

_COLUMN_CHANNELS = 160
"""Channels of a column of the strip, when its rows are joined."""
_CONTEXTS = (3, 5)
"""Widths in columns of the last convolutions, which see the neighbouring digits."""


def build_number_network() -> keras.Model:
    """Build the network, to be trained with the CTC loss (Graves et al. 2006).

    In: (n, STRIP_HEIGHT, width, 1) darkness in 0..1, with widths that are multiples of 4. Out:
    (n, width / 2, CTC_CLASSES) logits of the characters at each place along the strip.
    """
    strip = keras.Input((STRIP_HEIGHT, None, 1), name="darkness")
    x = strip
    for name, channels, stride in _TRUNK:
        x = convolution(x, channels, name, (3, 3), stride)
    rows = STRIP_HEIGHT // 8
    x = convolution(x, _COLUMN_CHANNELS, "columns", (rows, 3), (rows, 1))
    for i, width in enumerate(_CONTEXTS):
        x = convolution(x, _COLUMN_CHANNELS, f"context{i}", (1, width))
    # Narrow digits that touch need more places than the map has columns. Float32, whatever the
    # policy of the training: the loss needs it.
    x = layers.Conv2D(PLACES_PER_FEATURES * CTC_CLASSES, 1, name="characters", dtype="float32")(x)
    logits = layers.Reshape((-1, CTC_CLASSES), name="places", dtype="float32")(x)
    return keras.Model(strip, logits, name="numbers")
