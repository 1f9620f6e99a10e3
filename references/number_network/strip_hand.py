"""Fit what tells the hand of a page of numbers: the network's features of digits on strips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.recognise.number_reader import OutputsOf, hypotheses_of, read_places
from formreader.recognise.page_hand import Features, PageHand
from formreader.training.fit.calibration import hand_of
from number_network.strip_pool import LabelledStrip


def fit_strip_hand(strips: Sequence[LabelledStrip], outputs_of: OutputsOf) -> PageHand | None:
    """All hands, of the strips that are read rightly; None where a digit is missing on them."""
    features, labels = list[Features](), list[int]()
    for chosen, places, columns in read_places([one.strip for one in strips], outputs_of):
        for i, heard in zip(chosen, hypotheses_of(places, columns), strict=True):
            if heard.digits and heard.alignment.text == strips[i].target:
                features.append(heard.features)
                labels += [int(strips[i].target[j]) for j in heard.digits]
    return hand_of(np.concatenate(features), np.array(labels)) if features else None
