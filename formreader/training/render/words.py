"""Words to print on forms, in several languages (plain Latin letters: the built-in font)."""

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
"""What a field of digits may be called."""

TITLES: tuple[str, ...] = (
    "APPLICATION FOR MEMBERSHIP", "METER READING CARD", "EXAMINATION COVER SHEET",
    "Antrag auf Ausstellung", "ACTA DE ESCRUTINIO", "Demande de remboursement",
    "DATA PEROLEHAN SUARA", "Survey of households", "Order form", "Scheda di iscrizione",
    "Patient registration", "Change of address", "DAILY TALLY", "Zahlungsauftrag",
)  # fmt: skip

NOTES: tuple[str, ...] = (
    "Write one digit in each box.", "Please use black or blue ink.", "Do not fold this form.",
    "Bitte in Druckschrift ausfullen.", "Una cifra en cada casilla.", "For office use only.",
    "Merci de remplir en majuscules.", "Ditulis dengan huruf.", "Keep a copy for your records.",
    "Leave unused boxes empty.", "Compilare in stampatello.", "Return by 30 June 2024.",
)  # fmt: skip

_FILLER = (
    "the form must be returned with all pages signed by the person named above or by an agent "
    "who holds a written order die angaben werden nur fur diesen zweck gespeichert los datos se "
    "guardan durante cinco anos les informations sont traitees par le service data ini tidak "
    "boleh disalin tanpa izin 12 30 2024 45 per cent section 7"
)


def pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def filler(n: int, rng: np.random.Generator) -> str:
    """A sentence of `n` random words."""
    return " ".join(rng.choice(_FILLER.split(), n).tolist()).capitalize() + "."
