"""The door for programs: the same readings from files, bytes, images and arrays."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

import formreader
from formreader import (
    FormreaderError,
    ModelError,
    NoInputError,
    PageReading,
    Reader,
    ScanEvent,
    Status,
    load_results,
    scan,
)
from formreader.batch import job_work
from formreader.core.options import SCAN_OPTIONS, ScanOptions

Colour = npt.NDArray[np.uint8]
DOCUMENT = "docs/library.md"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(device="cpu")


@pytest.fixture(scope="module")
def expected(reader: Reader, samples: Path) -> PageReading:
    page = reader.read(samples / "comb.png")
    assert page.fields[0].value == "40719265"
    assert page.error == ""
    return page


@pytest.fixture(scope="module")
def image(samples: Path) -> Colour:
    """A form on coloured paper, (h, w, 3) red, green and blue."""
    return np.asarray(Image.open(samples / "pencil_on_yellow.jpg").convert("RGB"))


def test_all_public_names_are_there() -> None:
    for name in formreader.__all__:
        assert getattr(formreader, name) is not None
    assert set(dir(formreader)) == set(formreader.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        formreader.nothing  # noqa: B018


def defaults_of(function: Callable[..., object]) -> dict[str, object]:
    return {name: one.default for name, one in inspect.signature(function).parameters.items()}


def test_programs_have_all_options_of_the_command() -> None:
    """A type checker must see them, so they stand in the signatures as well."""
    options = {name: getattr(ScanOptions(()), name) for name in SCAN_OPTIONS}
    given = defaults_of(formreader.scan)
    assert given == {"paths": inspect.Parameter.empty, "progress": None} | options
    reads = {name: options[name] for name, option in SCAN_OPTIONS.items() if option.reads}
    del reads["rows"]  # a reader has no table
    assert defaults_of(formreader.Reader) == reads
    assert (
        defaults_of(formreader.Reader.read_all).items()
        <= (options | {"self": inspect.Parameter.empty, "paths": inspect.Parameter.empty}).items()
    )


def test_paths_of_options_may_be_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ScanOptions] = []
    monkeypatch.setattr("formreader.batch.scan_job.scan", lambda one, _: asked.append(one))
    formreader.scan(
        [Path("a.png"), "b.png"], Path("out.csv"), rows="page", workers=3, model=Path("own"),
        template="auto", report=Path("r.html"), debug="pictures",
    )  # fmt: skip
    formreader.scan(["a.png"], "s3://office/out.csv", template=Path("forms"))
    assert asked == [
        ScanOptions(
            ("a.png", "b.png"), Path("out.csv"), rows="page", workers=3, model="own",
            template="auto", report="r.html", debug=Path("pictures"),
        ),
        ScanOptions(("a.png",), "s3://office/out.csv", template=Path("forms")),
    ]  # fmt: skip


def test_importing_the_package_takes_nothing_with_it() -> None:
    code = "import sys, formreader; print(sorted({'cv2', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reader_needs_no_keras(samples: Path) -> None:
    code = (
        "import sys; from formreader import Reader\n"
        f"Reader(device='cpu').read({str(samples / 'comb.png')!r})\n"
        "print(sorted({'keras', 'tensorflow', 'onnx', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_kept_for_the_maker_of_the_runtime(root: Path, tmp_path: Path) -> None:
    """ONNX Runtime reports how it is used, and keeps reports in the user's folder, if it is let."""
    load = "import formreader; formreader.Reader()"
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(root)}
    unset = ("ORT_DISABLE_TELEMETRY",)
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run([sys.executable, "-c", load], env=environment | places, check=True)
    assert [path.name for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []


def test_a_file_is_the_same_as_path_bytes_image_and_array(
    reader: Reader, expected: PageReading, samples: Path
) -> None:
    path = samples / "comb.png"
    image = Image.open(path)
    ways = (str(path), path.read_bytes(), image, np.asarray(image.convert("L")))
    for way in ways:
        assert reader.read(way).fields == expected.fields


def test_channels_tell_the_order_of_colours(reader: Reader, image: Colour) -> None:
    fields = reader.read(image).fields
    assert fields
    assert reader.read(image[..., ::-1], channels="bgr").fields == fields
    opaque = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    assert reader.read(opaque).fields == fields


def test_an_array_is_not_changed_and_may_be_any_view(reader: Reader, image: Colour) -> None:
    grey = np.asarray(Image.fromarray(image).convert("L"))
    wide = np.zeros((grey.shape[0], 2 * grey.shape[1]), np.uint8)
    wide[:, ::2] = grey
    before = wide.copy()
    assert reader.read(wide[:, ::2]).fields == reader.read(grey).fields
    assert (wide == before).all()
    wide[0, 0] = 1  # and may be written to afterwards


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_pages_are_put_right(
    reader: Reader, expected: PageReading, samples: Path, quarters: int
) -> None:
    turned = np.rot90(np.asarray(Image.open(samples / "comb.png").convert("L")), quarters)
    values = [field.value for field in reader.read(turned).fields]
    assert values == [field.value for field in expected.fields]


def test_an_image_is_upright_by_its_own_tag(reader: Reader, samples: Path) -> None:
    image = Image.open(samples / "phone_photo.jpg")
    image.load()
    lying = image.transpose(Image.Transpose.ROTATE_90)
    lying.getexif()[0x0112] = 6
    assert [f.value for f in reader.read(lying).fields] == [
        f.value for f in reader.read(image).fields
    ]


def test_pages_of_a_file_are_told_by_their_number(reader: Reader, samples: Path) -> None:
    path = samples / "fax_two_pages.tif"
    first, second = reader.read(path), reader.read(path.read_bytes(), page=1, name="fax")
    assert (first.number, second.number) == (0, 1)
    assert (first.file, second.file) == (str(path), "fax")
    assert first.fields != second.fields
    assert reader.read(path, page=2).error


def test_what_cannot_be_read_is_an_answer(reader: Reader, tmp_path: Path) -> None:
    assert "not a PNG" in reader.read(b"text").error
    assert "is gone" in reader.read(tmp_path / "nowhere.png").error
    assert "folder" in reader.read(tmp_path).error
    blank = reader.read(np.full((300, 200), 255, np.uint8), name="blank")
    assert (blank.file, blank.fields, blank.error) == ("blank", (), "")
    assert "no digit boxes found" in formreader.sentence(blank.notice)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 20), np.float32),
        np.zeros((20, 20, 2), np.uint8),
        np.zeros((2, 20, 20, 3), np.uint8),
        np.zeros((0, 20), np.uint8),
        np.zeros(20, np.uint8),
    ],
)
def test_arrays_that_are_no_images_are_refused(reader: Reader, array: Colour) -> None:
    with pytest.raises(ValueError, match="array"):
        reader.read(array)


def test_other_things_are_refused(reader: Reader, image: Colour) -> None:
    with pytest.raises(TypeError, match="Received: list"):
        reader.read([[1, 2]])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Received: 'rbg'"):
        reader.read(image, channels="rbg")  # type: ignore[arg-type]


def test_threads_may_share_a_reader(reader: Reader, expected: PageReading, samples: Path) -> None:
    paths = [samples / "comb.png", samples / "scan_in_pdf.pdf"] * 4
    with ThreadPoolExecutor(4) as threads:
        pages = list(threads.map(reader.read, paths))
    assert all(page.fields == expected.fields for page in pages[::2])
    assert len({repr(page.fields) for page in pages[1::2]}) == 1


def test_a_threshold_sends_more_to_review(expected: PageReading, samples: Path) -> None:
    strict = Reader(review_below=1.0, device="cpu").read(samples / "comb.png")
    assert {field.status for field in strict.fields} == {Status.REVIEW}
    assert Reader(max_error=0.03, device="cpu").review_below < 0.95


def test_a_model_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        Reader(tmp_path / "nothing")
    assert issubclass(ModelError, FormreaderError)


def test_all_pages_of_a_folder_come_in_order(reader: Reader, forms: Path, tmp_path: Path) -> None:
    (forms / "bad.png").write_bytes(b"no image")
    (forms / "twin.png").write_bytes((forms / "a.png").read_bytes())
    pages = list(reader.read_all([forms], workers=2))
    assert [page.file for page in pages] == ["a.png", "b.jpg", "bad.png", "more/c.tif", "twin.png"]
    assert [bool(page.error) for page in pages] == [False, False, True, False, False]
    assert pages[4].fields == pages[0].fields
    alone = [reader.read(forms / page.file).fields for page in pages]
    assert [page.fields for page in pages] == alone
    with pytest.raises(NoInputError):
        next(reader.read_all([tmp_path / "nowhere"]))


def test_a_job_and_a_frame_are_the_same_table(reader: Reader, forms: Path, tmp_path: Path) -> None:
    for rows in ("field", "digit"):
        events = list[ScanEvent]()
        out = tmp_path / f"{rows}.csv"
        summary = scan([forms], out, rows=rows, device="cpu", workers=1, progress=events.append)  # type: ignore[arg-type]
        assert [(event.done, event.total, event.file) for event in events] == [
            (1, 3, "a.png"), (2, 3, "b.jpg"), (3, 3, "more/c.tif"),
        ]  # fmt: skip
        assert (summary.out, summary.pages, summary.interrupted) == (out, 3, False)
        frame = reader.frame(reader.read_all([forms], workers=1), rows=rows)  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(load_results(out), frame)
    assert reader.frame([]).columns.tolist() == frame_columns(tmp_path / "field.csv")


def frame_columns(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").partition("\n")[0].split(",")


def test_progress_may_stop_a_job_which_goes_on_later(
    forms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_work, "_GROUP_PAGES", 2)
    out = tmp_path / "r.csv"
    for number in range(30):
        (forms / f"d{number}.png").write_bytes((forms / "a.png").read_bytes() + bytes(number + 1))
    first = scan([forms], out, workers=1, device="cpu", progress=lambda _: False)
    assert first.interrupted
    assert 0 < first.pages < 33
    second = scan([forms], out, workers=1, device="cpu")
    assert (second.pages, second.read, second.interrupted) == (33, 33 - first.pages, False)


def test_a_script_needs_no_guard(samples: Path, tmp_path: Path) -> None:
    """Workers do not import the program's main module, which would run it again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from formreader import Reader\n"
        f"pages = list(Reader(device='cpu').read_all([{str(samples / 'comb.png')!r}]))\n"
        "print('ran', len(pages), repr(pages[0].error))\n"
    )
    package = str(Path(formreader.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": package, "PATH": ""}, cwd=tmp_path,
    )  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == ("ran 1 ''", 0), done.stderr


def test_the_examples_of_the_document_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (root / DOCUMENT).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 5
    (tmp_path / "samples").symlink_to(root / "samples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names = dict[str, object]()
    for example in examples:
        exec(compile(example, DOCUMENT, "exec"), names)
    printed = capsys.readouterr().out
    assert "40719265" in printed
    assert "12 of 12" in printed
    assert "comb.png 1 1 40719265 is nearest to 40719265 1.0000" in printed
    assert "comb.png 1 2 17041983 is nearest to 17041983 1.0000" in printed


def test_the_example_of_the_readme_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(
        r"```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL
    )
    monkeypatch.chdir(root)
    exec(compile(example, "README.md", "exec"), {})
    assert "40719265" in capsys.readouterr().out
