// The page's model, without a browser. Run by test_web_model.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const words = (language) => JSON.parse(readFileSync(`${process.env.WEB}/words.${language}.json`, "utf-8"));
globalThis.document = { getElementById: () => ({ textContent: JSON.stringify({ en: words("en") }) }) };
const load = (name) => import(pathToFileURL(`${process.env.WEB}/${name}.js`));
const { viewAt } = await load("address_model");
const { ServerAnswers } = await load("answers_model");
const { Drawing, Newest, bars } = await load("drawing_model");
const { JobFeed, progressLine, resultLine, share } = await load("job_model");
const { BESIDE, boxesOf, linesBeside, neighbour, pictureWidth, zoomed } = await load("page_model");
const { ResultsStream, columnsOf, hasText, needsReview } = await load("results_stream");
const { firstFault } = await load("template_model");
const { cropPosition, percent } = await load("parts");
const { duration, size } = await load("texts");
const { Upload, formatNames, ofDrop } = await load("upload_model");
const { Problem } = await load("api");

const file = (name, content, lastModified = 1) => new File([content], name, { lastModified });

test("addresses lead to views, and those that are no text to none", () => {
  const routes = [[/^templates$/, "all"], [/^templates\/([^/]+)$/, "one"]];
  assert.deepEqual(viewAt("templates", routes), ["all", []]);
  assert.deepEqual(viewAt("templates/gr%C3%B6%C3%9Fe%2F%25", routes), ["one", ["größe/%"]]);
  for (const wrong of ["templates/%ff", "templates/%", "templates/%E0%A4%A", "templates/a/b", "x"]) {
    assert.equal(viewAt(wrong, routes), null);
  }
});

test("files are chosen once, and photos of one name are all kept", async () => {
  const upload = new Upload();
  assert.equal(upload.add([{ file: file("a.png", "abc"), path: "x/a.png" }, { file: file("e.png", ""), path: "e.png" }]), 1);
  assert.equal(upload.add([{ file: file("a.png", "abc"), path: "x/a.png" }]), 0);
  for (const content of ["1", "22", "333"]) upload.add([{ file: file("image.jpg", content), path: "image.jpg" }]);
  assert.deepEqual([...upload.chosen.keys()], ["x/a.png", "image.jpg", "image (2).jpg", "image (3).jpg"]);
  assert.deepEqual([upload.empty, upload.bytes], [1, 9]);
  upload.remove("image.jpg");
  const form = upload.form({ name: "", template: "", review_below: "0.9" });
  assert.deepEqual([...form.keys()], ["template", "review_below", "files", "files", "files"]);
  assert.deepEqual(form.getAll("files").map(({ name }) => name), ["x/a.png", "image (2).jpg", "image (3).jpg"]);
});

test("a dropped folder gives the files of all its folders", async () => {
  const leaf = (name) => ({ isFile: true, name, file: (give) => give(file(name, name)) });
  const folder = (name, ...batches) => ({ isFile: false, name, createReader: () => {
    const left = [...batches, []];
    return { readEntries: (give) => give(left.shift()) };
  } });
  const entry = folder("scans", [leaf("a.png"), folder("more", [leaf("b.png")])], [leaf("c.png")]);
  const found = await ofDrop({ items: [{ webkitGetAsEntry: () => entry }], files: [] });
  assert.deepEqual(found.map(({ path }) => path), ["scans/a.png", "scans/more/b.png", "scans/c.png"]);
});

test("what was read stands beside the page, in lines that are in nobody's way", () => {
  const field = (x, y, value, width = 100, height = 40) => ({ value, place: { x, y, width, height } });
  const size = { width: 1000, height: 1400 };
  const row = [field(500, 104, "22"), field(100, 100, "1"), field(300, 97, ""), field(100, 160, "333")];
  const told = linesBeside(row, size).map(({ y, fields }) => [y, fields.map(({ value }) => value)]);
  assert.deepEqual(told, [[120, ["1", "22"]], [180, ["333"]]]);
  const crowd = Array.from({ length: 300 }, (_, i) => field(10, 1000 + i, "12345", 30, 1));
  const lines = linesBeside(crowd, size);
  assert.equal(lines.length, 300);
  lines.forEach(({ y, size: font }, i) => {
    assert.ok(y - font / 2 >= 0 && y + font / 2 <= size.height, `line ${i} is on the page`);
    assert.ok(i === 0 || y - lines[i - 1].y >= font, `line ${i} is below the one before`);
  });
  const [wide] = linesBeside(Array.from({ length: 20 }, (_, i) => field(40 * i, 0, "123456")), size);
  assert.ok(wide.size * 0.6 * 20 * 8 <= BESIDE * size.width);
});

test("rows are found by the text of a cell", () => {
  assert.ok(hasText({ file: "Ward 7.png", page: 1, value: null }, "wARD"));
  assert.ok(hasText({ file: "a", confidence: 0.98 }, ".98") && hasText({ file: "a" }, ""));
  assert.ok(!hasText({ file: "a", value: null }, "null"));
});

test("progress tells pages, rate and time left, and counts before that", () => {
  const job = { state: "running", pages: 60, pages_done: 12, pages_failed: 1, pages_per_second: 8.13, seconds_left: 95 };
  assert.equal(progressLine(job), "12 of 60 pages · 8.1 pages/s · 2 min left · 1 page could not be read");
  assert.equal(share(job), 0.2);
  assert.equal(progressLine({ ...job, pages: null }), "Counting pages …");
  assert.equal(share({ ...job, pages: null }), null);
  assert.equal(progressLine({ state: "queued", ahead: 2 }), "2 jobs are before it.");
  assert.equal(resultLine({ state: "done", counts: { review: 3, failed: 0 } }), "3 digits to review");
  assert.equal(resultLine({ state: "failed", problem: { title: "No pages", detail: "Send scans." } }), "Send scans.");
});

class FakeEvents extends EventTarget {
  static made = [];
  constructor(path) { super(); this.path = path; FakeEvents.made.push(this); }
  tell(job) { this.dispatchEvent(new MessageEvent("job", { data: JSON.stringify(job) })); }
  close() { this.closed = true; }
}

test("a job is followed by events until it is done", () => {
  const seen = [];
  new JobFeed("7", { onJob: (job) => seen.push(job.version), onGone: assert.fail }, { EventSource: FakeEvents, path: (call) => `api/${call}` });
  const events = FakeEvents.made.at(-1);
  assert.equal(events.path, "api/jobs/7/events");
  events.tell({ version: 1, state: "running" });
  events.tell({ version: 3, state: "running" });
  events.tell({ version: 2, state: "running" }); // late
  events.tell({ version: 4, state: "done" });
  events.tell({ version: 5, state: "done" });
  assert.deepEqual(seen, [1, 3, 4]);
  assert.ok(events.closed);
});

test("without events a job is asked about, through failed calls, until it is gone", async () => {
  const answers = [{ version: 1, state: "running" }, new Problem("away", ""), { version: 2, state: "running" }, new Problem("gone", "", 404)];
  const told = [];
  await new Promise((resolve) => {
    new JobFeed("7", { onJob: (job) => told.push(job.version), onProblem: (problem) => told.push(problem.message), onGone: resolve }, {
      EventSource: FakeEvents, path: String, sleep: async () => {},
      read: async () => { const next = answers.shift(); if (next instanceof Error) throw next; return next; },
    });
    FakeEvents.made.at(-1).dispatchEvent(new Event("error"));
  });
  assert.deepEqual(told, [1, "away", 2]);
});

test("answers are sent together, and again when the server was away; the newest one wins", async () => {
  const timers = [];
  const calls = [];
  const states = [];
  let away = true;
  const store = new ServerAnswers({ a: "1." }, {
    timer: (act) => timers.push(act), onState: (state) => states.push(state),
    send: async (changes) => { calls.push(changes); if (away) throw new Error("away"); },
  });
  assert.deepEqual([...await store.load()], [["a", "1."]]);
  store.save("a", "17");
  store.save("b", "5");
  store.save("b", "5");
  assert.equal(timers.length, 1);
  const failing = store.flush();
  store.save("a", "18"); // while the call is under way
  await assert.rejects(failing);
  assert.ok(store.waits);
  away = false;
  store.save("b", null);
  await store.flush();
  assert.deepEqual(calls, [{ a: "17", b: "5" }, { a: "18", b: null }]);
  assert.deepEqual([store.waits, [...await store.load()], states.at(-1)], [false, [["a", "18"]], "kept"]);
});

const reading = (field, y, xs) => ({ field, name: "", cell: false, digits: xs.map((x, i) => ({
  box: i + 1, place: { x, y, width: 10, height: 10 }, digit: "1", status: "ok" })) });

test("arrows lead along the fields and to the nearest box of the next row", () => {
  const boxes = boxesOf([reading(1, 0, [0, 20, 40]), reading(2, 30, [18, 60]), reading(3, 60, [0])]);
  assert.deepEqual(boxes.map(({ name, index, count }) => [name, index, count]).slice(2, 4), [["1", 2, 3], ["2", 0, 2]]);
  assert.equal(neighbour(boxes, -1, "ArrowRight"), 0);
  assert.equal(neighbour(boxes, 2, "ArrowRight"), 3);
  assert.equal(neighbour(boxes, 0, "ArrowLeft"), 0);
  assert.equal(neighbour(boxes, 1, "ArrowDown"), 3);
  assert.equal(neighbour(boxes, 3, "ArrowDown"), 5);
  assert.equal(neighbour(boxes, 4, "ArrowUp"), 2);
  assert.equal(neighbour(boxes, 5, "ArrowDown"), 5);
  assert.equal(neighbour([], -1, "End"), -1);
});

test("zoom has steps and ends, and pictures are asked for no larger than the page", () => {
  assert.deepEqual([zoomed(1, -1), zoomed(1, 1), zoomed(6, 1)], [1, 1.5, 6]);
  assert.deepEqual([pictureWidth(380, 2, 2480), pictureWidth(380, 2, 600), pictureWidth(9000, 2, 9999)], [800, 600, 3600]);
  assert.deepEqual(cropPosition(1, 3), { size: "300% 100%", position: "50% 0" });
  assert.deepEqual(cropPosition(0, 1), { size: "100% 100%", position: "0 0" });
});

test("rows are read as far as they are shown, also where chunks cut letters", async () => {
  const bytes = new TextEncoder().encode('{"a":"é","status":"ok"}\n{"a":"b","status":"review"}\n{"a":"c","status":"error"}\n');
  const chunks = [bytes.slice(0, 7), bytes.slice(7, 30), bytes.slice(30)];
  let reads = 0;
  const stream = new ResultsStream({ read: async () => { reads += 1; return { value: chunks.shift(), done: reads > 3 }; }, cancel: async () => {} });
  assert.deepEqual((await stream.next(1)).map(({ a }) => a), ["é"]);
  assert.ok(reads < 3);
  assert.deepEqual((await stream.next(9, needsReview)).map(({ a }) => a), ["b", "c"]);
  assert.ok(stream.complete);
  assert.deepEqual(columnsOf([{ file: "a", x: 1, message: "" }], { places: false }), ["file"]);
  assert.deepEqual(columnsOf([{ file: "a", x: 1, message: "" }], { places: true }), ["file", "x"]);
});

test("rows of pages are shown with a column for each field, the message last", async () => {
  const pages = [{ file: "a", form: "t", status: "ok", review: [], values: { sum: "07" }, message: "" },
    { file: "b", form: "u", status: "review", review: ["year", "sum"], values: { year: "1" }, message: "odd" }];
  const bytes = new TextEncoder().encode(pages.map((page) => JSON.stringify(page)).join("\n"));
  const chunks = [bytes];
  const stream = new ResultsStream({ read: async () => ({ done: chunks.length === 0, value: chunks.shift() }), cancel: async () => {} });
  const rows = await stream.next(9);
  assert.deepEqual(rows.map(({ sum, year, review }) => [sum, year, review]), [["07", undefined, ""], [undefined, "1", "year; sum"]]);
  assert.deepEqual(columnsOf(rows, { places: false }), ["file", "form", "status", "review", "sum", "year", "message"]);
  assert.deepEqual(rows.map(needsReview), [false, true]);
});

test("a drawing has strokes, and only its newest state is asked about", async () => {
  const drawing = new Drawing();
  assert.ok(!drawing.extend(0.5, 0.5));
  drawing.begin(0.1, 0.1);
  assert.deepEqual([drawing.extend(0.1, 0.101), drawing.extend(0.2, 0.2)], [false, true]);
  drawing.end();
  drawing.begin(0.5, 0.5);
  drawing.undo();
  assert.deepEqual(drawing.strokes, [[[0.1, 0.1], [0.2, 0.2]]]);
  let runs = 0;
  const newest = new Newest(async () => { runs += 1; await null; });
  const first = newest.ask();
  for (let i = 0; i < 9; i += 1) newest.ask();
  await first;
  assert.equal(runs, 2);
  assert.deepEqual(bars({ none: 0.1, 1: 0.2, 0: 0.7 }).map(({ name }) => name), ["0", "1", "none"]);
});

test("names of a form's fields are given and differ", () => {
  assert.equal(firstFault(["a", "b"]), null);
  assert.equal(firstFault(["a", ""]).at, 1);
  assert.match(firstFault(["a", "b", "a"]).text, /“a”/);
});

test("problems say what was wrong and what to do, also without a document", () => {
  const known = Problem.of(413, JSON.stringify({ title: "Too large", detail: "Send less.", errors: [{ detail: "files: 2 GB" }] }));
  assert.deepEqual([known.message, known.detail, known.status], ["Too large", "Send less. files: 2 GB", 413]);
  assert.match(Problem.of(502, "<html>Bad Gateway").message, /502/);
});

test("figures are written as people read them", () => {
  assert.deepEqual([size(900), size(2_540_000), size(3.2e9)], ["1 kB", "2.5 MB", "3.2 GB"]);
  assert.deepEqual([duration(0.2), duration(89), duration(200), duration(3 * 3600)], ["1 s", "89 s", "3 min", "3 h 0 min"]);
  assert.deepEqual([percent(0.99996), percent(0.9999), percent(0.004)], ["100 %", "99 %", "< 1 %"]);
});

test("formats are named once", () => {
  assert.deepEqual(formatNames([".bmp", ".dib", ".jpe", ".jpg", ".tif", ".webp", ".zip"]), ["BMP", "JPEG", "TIFF", "WebP"]);
});
