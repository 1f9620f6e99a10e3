"""The shipped number reader: batches, drawn cells, damaged folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ModelError
from formreader.core.model_folder import (
    CARD_FILE,
    HAND_FILE,
    NUMBER_MODEL,
    QUICK_FILE,
    file_hashes,
    model_folder,
)
from formreader.crop.number_strips import STRIP_HEIGHT, Strip
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER
from formreader.recognise.number_reader import (
    NumberReader,
    Outputs,
    hypotheses_of,
    no_features,
    padded,
    padded_width,
    read_places,
    shipped_reader,
)
from formreader.recognise.page_hand import PageHand
from number_network.number_hands import drawn_hand
from number_network.number_writing import write_number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder(NUMBER_MODEL), tmp_path / "copy"))


def strip(text: str, width: int = 100) -> Strip:
    """A strip on which a drawn hand wrote."""
    darkness = np.zeros((STRIP_HEIGHT, width), np.uint8)
    if text:
        rng = np.random.default_rng(11)
        ink = write_number(text, drawn_hand(rng), 22.0, rng)[:, : width - 6]
        darkness[5 : 5 + len(ink), 6 : 6 + ink.shape[1]] = ink[: STRIP_HEIGHT - 5]
    return darkness


def test_it_is_loaded_once() -> None:
    assert shipped_reader() is shipped_reader()


def test_it_reads_digits_and_blank_strips() -> None:
    number, nothing = shipped_reader().read([strip("3502"), strip("")])
    assert number.alignment.text == "3502"
    assert number.probability > 0.5 > number.blank
    assert nothing.blank > 0.5
    assert number.probability_of("3502") == pytest.approx(number.probability, rel=1e-3)


@pytest.mark.parametrize(
    ("seen", "text"), [("12?", "125"), ("1?2", "152"), ("1?", "1?"), ("??", "??"), ("12", "12")]
)
def test_a_doubtful_digit_of_a_number_is_named_and_stays_doubtful(seen: str, text: str) -> None:
    places = np.full((1, 2 * len(seen), CTC_CLASSES), 0.01, np.float32)
    places[:, 1::2, NO_CHARACTER] = 0.9
    for i, character in enumerate(seen):
        places[0, 2 * i, CHARACTERS.index(character)] = 0.6
        places[0, 2 * i, 5] = 0.3
    (number,) = hypotheses_of(places, np.zeros((1, len(seen), 0), np.float32))
    assert number.alignment.text == text
    assert (number.probability < 0.25) == (text != seen)


def test_a_strip_is_read_the_same_in_any_company() -> None:
    strips = [strip(str(100 + i), 60 + i) for i in range(50)]
    together = shipped_reader().read(strips)
    for one, alone in ((0, strips[0]), (33, strips[33]), (49, strips[49])):
        (by_itself,) = shipped_reader().read([alone])
        assert np.array_equal(by_itself.places, together[one].places)
        assert by_itself.probability == together[one].probability


def test_each_digit_has_its_features() -> None:
    reader = shipped_reader()
    assert reader.hand is not None
    number, nothing = reader.read([strip("3502"), strip("")])
    assert number.features.shape == (4, reader.hand.features)
    assert nothing.features.shape == (0, reader.hand.features)
    rows = number.digit_probabilities
    assert rows[:, :10].argmax(axis=1).tolist() == [3, 5, 0, 2]
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)


def test_a_folder_without_a_hand_is_read_as_before(folder: Path) -> None:
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    del card["files"][HAND_FILE]
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    reader = NumberReader.load(folder)
    (plain,), (with_hand,) = (one.read([strip("3502")]) for one in (reader, shipped_reader()))
    assert reader.hand is None
    assert np.array_equal(plain.places, with_hand.places)
    assert plain.features.size == 0


def test_a_hand_of_another_network_is_refused(folder: Path) -> None:
    PageHand(np.zeros((10, 3)), np.eye(3)).save(folder)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    card["files"] |= file_hashes(folder, (HAND_FILE,))
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="last_features has the shape"):
        NumberReader.load(folder)


def test_no_strips_are_no_numbers() -> None:
    assert shipped_reader().read([]) == []


def test_strips_are_padded_with_paper_to_widths_of_their_own() -> None:
    assert padded_width(24) == 32
    assert padded_width(25) == 64
    stack = padded([strip("1", 20), strip("2", 56)], 64)
    assert stack.shape == (2, STRIP_HEIGHT, 64)
    assert not stack[0, :, 20:].any()
    shapes = []

    def outputs_of(strips: np.ndarray) -> Outputs:
        shapes.append(strips.shape)
        logits = np.zeros((len(strips), strips.shape[2] // 2, 16), np.float32)
        return logits, no_features(strips)

    groups = read_places([strip("1", 20), strip("2", 56), strip("3", 10)], outputs_of)
    assert [chosen for chosen, *_ in groups] == [[0, 2], [1]]
    assert [features.shape for *_, features in groups] == [(2, 8, 0), (1, 16, 0)]
    assert shapes == [(2, STRIP_HEIGHT, 32), (1, STRIP_HEIGHT, 64)]


def test_a_damaged_graph_is_refused(folder: Path) -> None:
    (folder / QUICK_FILE).write_bytes(b"graph")
    with pytest.raises(ModelError, match="damaged"):
        NumberReader.load(folder)


def test_a_card_without_a_confidence_is_refused(folder: Path) -> None:
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    del card["confidence"]
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError, match="confidence"):
        NumberReader.load(folder)
