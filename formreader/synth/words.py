"""Words to print on forms, in several languages, in plain Latin letters for the built-in fonts."""

from __future__ import annotations

import numpy as np

LABELS: tuple[str, ...] = (
    "Date of birth", "Student no.", "Meter reading", "Account number", "Postal code",
    "Telephone", "Invoice no.", "Total amount", "Membership no.", "Patient no.",
    "House number", "Ballot papers", "Reference", "Serial number", "Age", "Score",
    "Geburtsdatum", "Kundennummer", "Betrag", "Postleitzahl", "Telefon", "Anzahl",
    "Fecha de nacimiento", "Total de votos", "Cantidad", "Mesa", "Codigo postal",
    "Numero de client", "Date de naissance", "Montant", "Code postal", "Quantite",
    "Jumlah suara sah", "Nomor TPS", "Tanggal", "Kode pos", "Jumlah pemilih",
    "Data di nascita", "Importo", "Codice fiscale", "Numer albumu", "Kwota", "Nambari",
    "Numero da conta", "Data de nascimento", "Valor", "Telefoonnummer", "Bedrag",
)  # fmt: skip
"""Labels of fields."""

TITLES: tuple[str, ...] = (
    "APPLICATION FOR MEMBERSHIP", "METER READING CARD", "EXAMINATION COVER SHEET",
    "Antrag auf Ausstellung", "ACTA DE ESCRUTINIO", "Demande de remboursement",
    "DATA PEROLEHAN SUARA", "Survey of households", "Order form", "Scheda di iscrizione",
    "Patient registration", "Change of address", "DAILY TALLY", "Zahlungsauftrag",
)  # fmt: skip
"""Titles of forms."""

NOTES: tuple[str, ...] = (
    "Write one digit in each box.", "Please use black or blue ink.", "Do not fold this form.",
    "Bitte in Druckschrift ausfullen.", "Una cifra en cada casilla.", "For office use only.",
    "Merci de remplir en majuscules.", "Ditulis dengan huruf.", "Keep a copy for your records.",
    "Leave unused boxes empty.", "Compilare in stampatello.", "Return by 30 June 2024.",
)  # fmt: skip
"""Notes to those who fill in the form."""

_FILLER = (
    "the form must be returned with all pages signed by the person named above or by an agent "
    "who holds a written order die angaben werden nur fur diesen zweck gespeichert los datos se "
    "guardan durante cinco anos les informations sont traitees par le service data ini tidak "
    "boleh disalin tanpa izin 12 30 2024 45 per cent section 7"
)
"""Words of small print."""


def pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def filler(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` random words."""
    return " ".join(rng.choice(_FILLER.split(), n).tolist()).capitalize() + "."


_ONSETS = ("b", "br", "c", "d", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s", "sch",
           "st", "t", "tr", "v", "w", "z", "")  # fmt: skip
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "au", "ei", "ie", "oo")
_CODAS = ("", "", "", "n", "r", "s", "t", "l", "m", "ng", "rd", "ck")
"""Beginnings, middles and ends of the syllables of made-up words."""


def made_up(rng: np.random.Generator) -> str:
    """A made-up word of one to four syllables."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        parts += [pick(_ONSETS, rng), pick(_NUCLEI, rng), pick(_CODAS, rng)]
    return "".join(parts)


def caption(rng: np.random.Generator) -> str:
    """A label of a field, a column or a row, sometimes numbered."""
    name = pick(LABELS, rng)
    if rng.random() < 0.3:
        name = " ".join(made_up(rng) for _ in range(int(rng.integers(1, 4)))).capitalize()
    kind = rng.random()
    if kind < 0.1:
        return f"{int(rng.integers(1, 30))}. {name}"
    if kind < 0.15:
        return f"{name} ({made_up(rng)})"
    if kind < 0.25:
        return name.upper()
    return name + (":" if kind > 0.8 else "")


def prose(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` words, some of them made up, some numbers."""
    words = filler(n, rng).rstrip(".").split()
    for i in range(1, len(words)):
        kind = rng.random()
        if kind < 0.25:
            words[i] = made_up(rng)
        elif kind < 0.3:
            words[i] = str(rng.integers(10 ** int(rng.integers(1, 5))))
    return " ".join(words) + "."
