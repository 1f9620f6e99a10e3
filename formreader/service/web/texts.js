// All that the page says, in one place: a translation is another file with these names.
import { percent } from "./parts.js";

const LANGUAGE = "en";
const plain = new Intl.NumberFormat(LANGUAGE);
const oneDecimal = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });
const dateAndTime = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });

export const number = (n) => plain.format(n);
export const time = (iso) => dateAndTime.format(new Date(iso));
const counted = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

/** Bytes as people say them. */
export function size(bytes) {
  if (bytes < 1_000_000) return `${plain.format(Math.max(1, Math.round(bytes / 1000)))} kB`;
  return bytes < 1e9 ? `${oneDecimal.format(bytes / 1e6)} MB` : `${oneDecimal.format(bytes / 1e9)} GB`;
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const pages = (n) => counted(n, "page", "pages");
export const files = (n) => counted(n, "file", "files");
const digits = (n) => counted(n, "digit", "digits");

export const texts = {
  language: LANGUAGE,
  title: "formreader",
  skip: "Skip to the content",
  loading: "Loading …",
  back: "Back",
  cancel: "Cancel",
  undo: "Undo",
  undone: "It was not deleted.",
  navigation: "Parts of this page",
  nav: { home: "Read forms", templates: "Templates", digit: "Draw a digit" },
  footer: (version, model) => `formreader ${version} · model ${model}`,
  apiDocs: "For programs: REST",
  signOut: "Sign out",
  notFound: { title: "There is no such page", help: "Go back to the start." },

  problem: {
    title: "That did not work",
    offline: "The server does not answer",
    offlineHelp: "Check that it is running and that you are connected, then try again.",
    unknown: (status) => `The server answered with the error ${status}`,
    retry: "Try again",
    close: "Close this message",
  },

  signIn: {
    title: "Sign in",
    why: "This server asks for its token. Whoever started it has it, in a file.",
    label: "Token",
    button: "Sign in",
    wrong: "That is not the token. Check that you copied all of it.",
  },

  home: {
    title: "Read handwritten digits in forms",
    intro: "Scans or photos in; a table out. What is not sure is shown to you for a quick check.",
    drop: "Drop files or a folder here",
    or: "or",
    dropNow: "Let go to add them",
    chooseFiles: "Choose files",
    chooseFolder: "Choose a folder",
    takePhoto: "Take a photo",
    formats: (list) => `${list.join(", ")}, or a ZIP of these. 150 to 300 dpi is best; no template is needed.`,
    chosen: "Chosen files",
    summary: (n, bytes) => `${files(n)}, ${size(bytes)}`,
    added: (n) => `${files(n)} added.`,
    more: (n) => `and ${files(n)} more`,
    remove: (name) => `Remove ${name}`,
    clear: "Remove all",
    tooLarge: (limit) => `Together these are larger than the ${size(limit)} that this server takes at once. Remove some and send them as another job.`,
    nothing: "There is no file in what was dropped.",
    empty: (n) => `${files(n)} without content left out.`,
    read: (n) => `Read ${files(n)}`,
    uploading: "Uploading",
    uploaded: (done, total) => `${size(done)} of ${size(total)} sent`,
    options: "Options",
    name: "Name of this job",
    nameHint: "If empty, that of the first file",
    template: "Form",
    templateHint: "With a form, each page is a row of the table, and each field a column. Forms are learned if several pages are alike.",
    noTemplate: "No form: a row for each field",
    learnedForms: "Learn the forms from these pages",
    anyTemplate: "Whichever template fits",
    threshold: "Digits with a confidence below this are for review",
    jobs: "Jobs",
    search: "Search jobs and files",
    notFound: "No job and no file is called that.",
    noJobs: "No forms have been read yet. Jobs will appear here.",
    moreJobs: "Show more jobs",
    tourDigit: "Just curious? Draw a digit and see what the network makes of it.",
  },

  job: {
    states: { queued: "Waiting", running: "Reading", done: "Done", failed: "Failed" },
    gone: "This job was deleted",
    goneHelp: "It was deleted here or by someone else, or it was kept as long as this server keeps jobs.",
    created: (when) => `Uploaded ${when}`,
    expires: (when) => `It will be deleted on ${when}.`,
    content: (n, bytes) => `${files(n)}, ${size(bytes)}`,
    skipped: (n) => `${files(n)} of other kinds left alone`,
    readAs: (form) => ({ "": "", auto: "forms learned from its pages", "*": "all templates" })[form] ?? `form ${form}`,
    counting: "Counting pages …",
    ahead: (n) => (n === 0 ? "It is next." : `${counted(n, "job is", "jobs are")} before it.`),
    progress: (done, total) => `${number(done)} of ${pages(total)}`,
    rate: (perSecond) => `${oneDecimal.format(perSecond)} pages/s`,
    left: (seconds) => `${duration(seconds)} left`,
    progressLabel: "Pages read",
    toReview: (n) => `${digits(n)} to review`,
    nothingToReview: "Nothing to review",
    failedPages: (n) => `${counted(n, "page", "pages")} could not be read`,
    sections: "What came out",
    figures: {
      pages: "Pages", fields: "Fields", digits: "Digits", blank: "Blank boxes", review: "To review",
      checked: "Checked", failed: "Pages failed",
    },
    tabs: { pages: "Pages", table: "Table" },
    review: (n) => `Review ${digits(n)}`,
    reviewed: "Look at the review",
    download: "Other formats",
    downloadRows: { page: "A row for each form", field: "A row for each field", digit: "A row for each digit" },
    formats: { csv: "CSV", xlsx: "Excel", json: "JSON", jsonl: "JSON Lines", parquet: "Parquet" },
    report: "Report, one file that works offline",
    remove: "Delete",
    removeOf: (name) => `Delete ${name}`,
    removed: (name) => `“${name}” was deleted: scans, readings and answers.`,
    excel: "Download Excel",
    again: "Read again",
    againWhy: "Reads the same files as a new job, which gets the saved answers whose places are fields there too. This job stays.",
    carried: (over, lost) => [over ? `${counted(over, "answer", "answers")} carried over` : "", lost ? `${counted(lost, "answer", "answers")} not carried over: nothing is read at that place now` : ""].filter(Boolean).join(" · "),
    againGo: "Read again",
    keepForms: "Save its forms as templates",
    kept: (n) => `${counted(n, "form is a template", "forms are templates")} now. Name their fields.`,
    ready: (name) => `${name} is read.`,
    watched: "From a watched folder",
  },

  pages: {
    title: "Pages",
    show: "Show",
    all: "All pages",
    look: "Pages to look at",
    none: "No page needs a look.",
    more: "Show more pages",
    name: (file, page) => `${file}, page ${page}`,
    figures: (page) => [
      counted(page.fields, "field", "fields"),
      page.review ? `${number(page.review)} to review` : "",
    ].filter(Boolean).join(", "),
    status: { ok: "Sure", review: "To review", checked: "Checked", blank: "Blank", error: "Not read" },
    noPicture: "No picture",
  },

  page: {
    of: (n, total) => `Page ${number(n)} of ${number(total)}`,
    previous: "Previous page",
    next: "Next page",
    all: "All pages",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Whole width",
    readings: "Show what was read",
    picture: "The page with its boxes. Arrow keys move from box to box, plus and minus zoom.",
    hint: "Point at a box, or press an arrow key, to see how it was read.",
    box: (box) => `Field ${box.name}, box ${box.box}`,
    guess: "First guess",
    second: "Second",
    blank: "Read as blank",
    noDigit: "No digit recognised",
    crop: "The digit as the network saw it",
    spoken: (box) => {
      const read = box.status === "blank" ? "blank" : box.digit === "?" ? "no digit recognised"
        : `${box.digit}, ${percent(box.confidence)}`;
      const second = box.second ? `; second guess ${box.second}, ${percent(box.second_confidence)}` : "";
      return `Field ${box.name}, box ${box.box}: ${read}${second}.`;
    },
    fields: "Fields of this page",
    fieldTable: "Table of the fields",
    columns: { field: "Field", value: "Value", confidence: "Confidence", status: "Status" },
    nothing: "No digit boxes were found on this page.",
    undecodable: "This page cannot be shown.",
  },

  table: {
    title: "Table",
    rows: "A row for each",
    kinds: { page: "form", field: "field", digit: "digit" },
    columns: {
      file: "File", page: "Page", form: "Form", field: "Field", box: "Box", value: "Value", digit: "Digit", confidence: "Confidence",
      status: "Status", cells: "Boxes", lowest: "Least sure digit", second: "Second guess", second_confidence: "Its confidence",
      x: "Left", y: "Top", width: "Width", height: "Height", message: "Message",
    },
    pageColumns: { file: "File", page: "Page", form: "Form", status: "Status", review: "Fields to review", message: "Message" },
    search: "Search the table",
    notFound: "No row has that.",
    onlyReview: "Only what is to review",
    places: "With places",
    shown: (n, all) => (all ? `${counted(n, "row", "rows")}` : `The first ${counted(n, "row", "rows")}`),
    more: "Show more rows",
    none: "No row is to review.",
    empty: "The table is empty.",
    label: "Results",
  },

  review: {
    title: "Review",
    frame: "Review of doubtful digits",
    saving: "…",
    kept: "The server keeps answers as you type; Save puts them into the table",
    offline: "The server does not answer. Answers are kept here and sent again.",
    applying: "Saving …",
    done: (stored, left) => (stored ? `Saved: ${counted(stored, "answer is", "answers are")} in the table now; ${left ? digits(left) : "nothing"} left to review.` : "The table has all answers already."),
    inReport: { save: "Save", unsaved: "Not saved to the table yet", saved: "Saved", page: "the whole page", loadingPage: "Loading the page …" },
    noPage: "The job has no such page",
    back: "Back to the job",
  },

  digit: {
    title: "Draw a digit",
    intro: "Draw with mouse, pen or finger. The network reads while you draw.",
    canvas: "Drawing area. Keys: arrows move the pen, Space lifts or lowers it, Backspace takes the last stroke back, Delete clears.",
    clear: "Clear",
    undo: "Undo stroke",
    empty: "Nothing drawn yet",
    sure: (digit, confidence) => `It is a ${digit}: ${percent(confidence)}`,
    unsure: (digit, confidence) => `Perhaps a ${digit}: ${percent(confidence)}. On a form it would be for review.`,
    noDigit: "No digit. On a form it would be for review.",
    none: "no digit",
    probabilities: "Probabilities",
    seen: "What the network sees",
    seenHint: "28 × 28 pixels: scaled to 20, and moved so that its centre of mass is in the middle.",
    penDown: "The pen is down.",
    penUp: "The pen is up.",
  },

  templates: {
    title: "Templates",
    intro: "A template says where the fields of a form are and what they are called. Then each page becomes one row, with a named column for each field.",
    none: "There is no template yet.",
    make: "New template from a page, blank or filled in",
    name: "Name of the form",
    file: "Page of the form",
    button: "Make the template",
    making: "Looking for the fields …",
    made: (name, n) => `${name} has ${counted(n, "field", "fields")}.`,
    fields: (n) => counted(n, "field", "fields"),
    names: "Names of the fields",
    fieldName: (n) => `Name of field ${n}`,
    save: "Save",
    saved: "Saved.",
    learn: "Learn forms from a pile of scans",
    learnWhy: "Send the pages, let the job learn their forms, and save its forms as templates.",
    twice: (name) => `Two fields are called “${name}”. Each needs a name of its own.`,
    unnamed: "Each field needs a name.",
    edit: "Edit fields and rules",
    editOf: (name) => `Edit fields and rules of ${name}`,
    print: "Print",
    printOf: (name) => `Print ${name}`,
    editWhy: "on the form: add, move, split and delete fields, and say what is known about their values.",
    remove: "Delete",
    removeOf: (name) => `Delete ${name}`,
    removed: (name) => `The template “${name}” was deleted. Jobs that were read with it stay.`,
    picture: (name) => `The page of ${name} with its fields`,
    all: "All templates",
  },
};
