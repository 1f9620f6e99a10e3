"""The SQL of the job: its tables, which docs/job-store.md describes, and all statements on them."""

from __future__ import annotations

APPLICATION_ID = 0x66726D72
"""Marks an SQLite file as a job of this program: "frmr", which the `file` command shows."""

JOB_FORMAT = 6
"""Version of the tables, SQLite's `user_version`; each change of the tables or of what their
checksums are of adds 1."""

TABLES = ("copy", "answer", "picture", "digit", "field", "page", "file", "run")
"""In the order in which they can be dropped: first the tables that refer to others."""

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {JOB_FORMAT}",
    """
    CREATE TABLE run (
        begun TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
        job TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
        version TEXT NOT NULL,
        model TEXT NOT NULL,
        model_sha256 TEXT NOT NULL,
        options TEXT NOT NULL,
        view TEXT NOT NULL DEFAULT '',
        learned TEXT NOT NULL DEFAULT '',
        checksum BLOB NOT NULL DEFAULT x''
    )
    """,
    """
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        position INTEGER,
        label TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        pages INTEGER NOT NULL,
        duplicate_of TEXT NOT NULL,
        error TEXT NOT NULL,
        checksum BLOB NOT NULL
    )
    """,
    "CREATE INDEX file_position ON file (position)",  # the order of the results
    """
    CREATE TABLE page (
        id INTEGER PRIMARY KEY,
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        number INTEGER NOT NULL,
        error TEXT NOT NULL,
        notice TEXT NOT NULL,
        seconds TEXT NOT NULL,
        checksum BLOB NOT NULL DEFAULT x'',
        form TEXT NOT NULL,
        differs TEXT NOT NULL DEFAULT '',
        UNIQUE (file, number)
    )
    """,
    """
    CREATE TABLE field (
        page INTEGER NOT NULL REFERENCES page ON DELETE CASCADE,
        number INTEGER NOT NULL,
        value TEXT NOT NULL,
        cells TEXT NOT NULL,
        confidence REAL NOT NULL,
        status TEXT NOT NULL,
        frame_left REAL,
        frame_top REAL,
        frame_width REAL,
        frame_height REAL,
        name TEXT NOT NULL,
        broken TEXT NOT NULL,
        remark TEXT NOT NULL,
        PRIMARY KEY (page, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE digit (
        page INTEGER NOT NULL,
        field INTEGER NOT NULL,
        box INTEGER NOT NULL,
        left REAL NOT NULL,
        top REAL NOT NULL,
        width REAL NOT NULL,
        height REAL NOT NULL,
        digit INTEGER,
        confidence REAL NOT NULL,
        status TEXT NOT NULL,
        second INTEGER,
        second_confidence REAL NOT NULL,
        acceptable INTEGER NOT NULL,
        PRIMARY KEY (page, field, box),
        FOREIGN KEY (page, field) REFERENCES field ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    # Pictures have a table of their own, so that rows of fields stay short. It keeps its rowid:
    # without one, SQLite is slow with rows of more than a few hundred bytes.
    """
    CREATE TABLE picture (
        page INTEGER NOT NULL,
        field INTEGER NOT NULL,
        left REAL NOT NULL,
        top REAL NOT NULL,
        width REAL NOT NULL,
        height REAL NOT NULL,
        scale REAL NOT NULL,
        turned INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        crops BLOB NOT NULL,
        PRIMARY KEY (page, field),
        FOREIGN KEY (page, field) REFERENCES field ON DELETE CASCADE
    )
    """,
    # What people said. Readings stay as they were, so that answers can be taken back. The columns
    # of the key come first: some versions of SQLite take others before them for damage.
    """
    CREATE TABLE answer (
        page INTEGER NOT NULL,
        field INTEGER NOT NULL,
        box INTEGER NOT NULL,
        batch INTEGER NOT NULL,
        text TEXT NOT NULL,
        given_by TEXT NOT NULL,
        given_at TEXT NOT NULL,
        checksum BLOB NOT NULL,
        PRIMARY KEY (page, field, box, batch),
        FOREIGN KEY (page, field) REFERENCES field ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    # Pages that wait until their form is learned, or to be read anew as a form that was.
    """
    CREATE TABLE copy (
        page INTEGER PRIMARY KEY REFERENCES page ON DELETE CASCADE,
        png BLOB NOT NULL,
        fields TEXT NOT NULL,
        form TEXT NOT NULL DEFAULT ''
    )
    """,
)

RUN_COLUMNS = "version, model, model_sha256, options"
FIELD_COLUMNS = (
    "number, value, cells, confidence, status, frame_left, frame_top, frame_width, frame_height, "
    "name, broken, remark"
)
DIGIT_COLUMNS = (
    "field, left, top, width, height, digit, confidence, status, second, second_confidence, "
    "acceptable"
)
PICTURE_COLUMNS = "field, left, top, width, height, scale, turned, jpeg, crops"

ADD_RUN = f"INSERT INTO run ({RUN_COLUMNS}) VALUES (?, ?, ?, ?)"
RUN = f"SELECT {RUN_COLUMNS} FROM run"
IDENTITY = "SELECT job, view FROM run"
SET_VIEW = "UPDATE run SET view = ?"
LEARNED = "SELECT learned FROM run"
SET_LEARNED = "UPDATE run SET learned = ?"
CHECKED_RUN = f"SELECT job, {RUN_COLUMNS}, view, learned, checksum FROM run"
SET_RUN_CHECKSUM = "UPDATE run SET checksum = ?"

ANY_PAGE = "SELECT 1 FROM page LIMIT 1"

KNOWN_PAGES = """
SELECT sha256, pages FROM file WHERE sha256 <> '' AND error = '' AND duplicate_of = ''
"""

EXPECT_NO_FILE = "UPDATE file SET position = NULL"
FORGET_OTHERS = "DELETE FROM file WHERE position IS NULL"

FORGET_IF_CHANGED = """
DELETE FROM file WHERE label = CAST(:label AS TEXT)
AND (sha256 = '' OR sha256 <> :sha256 OR pages <> :pages OR length(:duplicate_of))
"""

PUT_FILE = """
INSERT INTO file (
    position, label, path, size, mtime_ns, sha256, pages, duplicate_of, error, checksum
)
VALUES (
    :position, CAST(:label AS TEXT), CAST(:path AS TEXT), :size, :mtime_ns, :sha256, :pages,
    CAST(:duplicate_of AS TEXT), CAST(:error AS TEXT), :checksum
)
ON CONFLICT (label) DO UPDATE SET
    position = excluded.position, path = excluded.path, size = excluded.size,
    mtime_ns = excluded.mtime_ns, duplicate_of = excluded.duplicate_of, error = excluded.error,
    checksum = excluded.checksum
"""

STORED_PAGES = "SELECT label, number FROM page JOIN file ON file.id = page.file"
DONE = f"{STORED_PAGES} WHERE page.error = ''"

TO_READ = """
SELECT id FROM file WHERE label = CAST(? AS TEXT) AND pages >= ? AND duplicate_of = ''
"""

FORGET_PAGE = "DELETE FROM page WHERE file = ? AND number = ?"

ADD_PAGE = """
INSERT INTO page (file, number, error, notice, form, seconds, checksum)
VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)
"""

PAGE_IDS = "SELECT id FROM page"
PAGE_CHECKSUM = "SELECT checksum FROM page WHERE id = ?"
SET_PAGE_CHECKSUM = "UPDATE page SET checksum = ? WHERE id = ?"
DROP_PAGE = "DELETE FROM page WHERE id = ?"
DROP_ORPHANS = tuple(
    f"DELETE FROM {table} WHERE page NOT IN (SELECT id FROM page)"
    for table in TABLES[: TABLES.index("page")]
)
"""What a deleted page leaves where the row between them was lost."""

CHECKED_FILES = """
SELECT
    id, position, label, path, size, mtime_ns, sha256, pages, duplicate_of, error, checksum
FROM file
"""
DROP_FILE = "DELETE FROM file WHERE id = ?"

ADD_ROWS = (
    f"INSERT INTO field (page, {FIELD_COLUMNS}) VALUES (?{', ?' * 12})",
    f"INSERT INTO digit (page, box, {DIGIT_COLUMNS}) VALUES (?, ?{', ?' * 11})",
    f"INSERT INTO picture (page, {PICTURE_COLUMNS}) VALUES (?{', ?' * 9})",
    "INSERT INTO copy (page, png, fields, form) VALUES (?, ?, ?, ?)",
)
"""For the tables other than the page's own in `CHECKED_ROWS`."""

PAGES = """
SELECT
    page.id, file.label, page.number, page.error, notice, file.duplicate_of, form,
    coalesce(differs, '')
FROM file
LEFT JOIN file AS twin ON twin.label = file.duplicate_of AND file.duplicate_of <> ''
LEFT JOIN page ON page.file = coalesce(twin.id, file.id)
WHERE (page.id IS NOT NULL OR file.duplicate_of <> '') AND {}
ORDER BY file.position, page.number
"""
"""The pages of each file; of a duplicate those of its twin, or one without id where it has none."""

WITH_REVIEW = """(
file.duplicate_of = '' AND EXISTS
(SELECT 1 FROM field WHERE field.page = page.id AND field.status = 'review')
)"""
WITH_REMARK = """(
file.duplicate_of <> '' OR page.error <> '' OR notice <> '' OR differs <> '' OR NOT EXISTS
(SELECT 1 FROM field WHERE field.page = page.id)
)"""

FIELDS = f"SELECT {FIELD_COLUMNS} FROM field WHERE page = ? ORDER BY number"
FIELDS_IN_DOUBT = f"""
SELECT {FIELD_COLUMNS} FROM field WHERE page = ?1 AND (
    status = 'review' OR number IN (SELECT field FROM answer WHERE page = ?1)
) ORDER BY number
"""
"""Those that may be for review, as answers can settle one, and can say that one is not legible."""
DIGITS_IN_DOUBT = f"""
SELECT {DIGIT_COLUMNS} FROM digit WHERE page = ?1 AND field IN (
    SELECT number FROM field WHERE page = ?1 AND status = 'review'
    UNION SELECT field FROM answer WHERE page = ?1
) ORDER BY field, box
"""
DIGITS = f"SELECT {DIGIT_COLUMNS} FROM digit WHERE page = ? ORDER BY field, box"

FIELDS_WITH_BOXES = """
SELECT
    number, value, cells, field.confidence, field.status,
    coalesce(frame_left, min(left)), coalesce(frame_top, min(top)),
    coalesce(frame_width, max(left + width) - min(left)),
    coalesce(frame_height, max(top + height) - min(top)),
    name, broken, remark, min(digit.confidence)
FROM field JOIN digit ON digit.page = field.page AND digit.field = field.number
WHERE field.page = ? GROUP BY number ORDER BY number
"""
"""Like `FIELDS`, but each with a frame, the printed one or the bounding box of its boxes, and with
the confidence of its least sure digit."""

CHECKED_ROWS = (
    """
    SELECT label, page.number, page.error, notice, form, differs
    FROM page JOIN file ON file.id = page.file WHERE page.id = ?
    """,
    FIELDS,
    f"SELECT box, {DIGIT_COLUMNS} FROM digit WHERE page = ? ORDER BY field, box",
    f"SELECT {PICTURE_COLUMNS} FROM picture WHERE page = ? ORDER BY field",
    "SELECT png, fields, form FROM copy WHERE page = ?",
)
"""All that is stored of a page and that results show or come from: what its checksum is of."""

SPRITES = "SELECT field, crops FROM picture WHERE page = ? ORDER BY field"
FIELD = f"SELECT {FIELD_COLUMNS} FROM field WHERE page = ? AND number = ?"
PICTURE = f"SELECT {PICTURE_COLUMNS} FROM picture WHERE page = ? AND field = ?"

DIGITS_OF_FIELD = f"SELECT {DIGIT_COLUMNS} FROM digit WHERE page = ? AND field = ? ORDER BY box"

FILES = """
SELECT label, path, size, mtime_ns, sha256, pages, duplicate_of, error FROM file ORDER BY position
"""
FORMS_FOUND = "SELECT DISTINCT form FROM page WHERE form <> '' ORDER BY form"
SET_FIELD_STATUS = "UPDATE field SET status = ?, broken = ? WHERE page = ? AND number = ?"
SET_DIGIT_STATUS = "UPDATE digit SET status = ? WHERE page = ? AND field = ? AND box = ?"

COPIES = """
SELECT copy.page, label, number, png, fields, notice FROM copy
JOIN page ON page.id = copy.page JOIN file ON file.id = page.file
WHERE copy.form = '' AND copy.page NOT IN (SELECT page FROM answer)
ORDER BY file.position, page.number
"""
TO_READ_AGAIN = """
SELECT label, number FROM copy JOIN page ON page.id = copy.page JOIN file ON file.id = page.file
WHERE copy.form <> ''
"""
NAME_FORM = "UPDATE page SET form = CAST(? AS TEXT), notice = '' WHERE id = ?"
NAME_FIELD = "UPDATE field SET name = CAST(? AS TEXT) WHERE page = ? AND number = ?"
READ_AGAIN = "UPDATE copy SET form = CAST(? AS TEXT) WHERE page = ?"
DROP_COPY = "DELETE FROM copy WHERE page = ?"

LAYOUTS = """
SELECT
    page.id, min(coalesce(frame_left + frame_width / 2, middle_x)),
    min(coalesce(frame_top + frame_height / 2, middle_y)), min(coalesce(frame_height, box_height)),
    min(CASE WHEN frame_left IS NULL THEN boxes ELSE 0 END)
FROM file JOIN page ON page.file = file.id JOIN field ON field.page = page.id
JOIN (
    SELECT page, field, count(*) AS boxes, avg(left + width / 2) AS middle_x,
    avg(top + height / 2) AS middle_y, avg(height) AS box_height
    FROM digit GROUP BY page, field
) AS part ON part.page = page.id AND part.field = field.number
WHERE page.error = ''
GROUP BY page.id, field.number ORDER BY file.position, page.number, field.number
"""
"""Where fields are: the middle of the boxes does not move where a page is skewed."""
DIFFERENCES = "SELECT id, differs FROM page"
SET_DIFFERENCE = "UPDATE page SET differs = ? WHERE id = ?"

ANSWERS = "SELECT field, box, text FROM answer WHERE page = ? ORDER BY field, batch, box"
SIGNED = "SELECT field, box, given_by, given_at FROM answer WHERE page = ? ORDER BY batch"
PAGE_ID = """
SELECT page.id FROM page JOIN file ON file.id = page.file
WHERE file.label = CAST(? AS TEXT) AND page.number = ?
"""
NEXT_BATCH = "SELECT coalesce(max(batch), 0) + 1 FROM answer"
PUT_ANSWER = """
INSERT INTO answer (page, field, box, batch, text, given_by, given_at, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
CHECKED_ANSWERS = """
SELECT
    answer.page, label, page.number, field, box, batch, text, given_by, given_at, answer.checksum
FROM answer LEFT JOIN page ON page.id = answer.page LEFT JOIN file ON file.id = page.file
"""
ANSWERED_PAGES = "SELECT DISTINCT page FROM answer"
FORGET_LAST_BATCH = "DELETE FROM answer WHERE batch = (SELECT max(batch) FROM answer)"

COUNT_PAGES = """
SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM page WHERE error <> ''),
(SELECT count(*) FROM field), (SELECT count(*) FROM file WHERE duplicate_of <> '')
"""

COUNT_DIGITS = """
SELECT count(*), count(*) FILTER (WHERE status = ?), count(*) FILTER (WHERE status = ?) FROM digit
"""
"""Of what was read, whatever people answered."""

COUNT_ACCEPTED = """
SELECT count(*), coalesce(sum(1 - confidence), 0) FROM field WHERE status = ? AND NOT EXISTS
(SELECT 1 FROM answer WHERE answer.page = field.page AND answer.field = field.number)
"""
