// The files chosen so far, without their display.

/** One chosen file; `path` is its name with the folders above it. */
export class Upload {
  constructor() {
    this.chosen = new Map();
    this.empty = 0;
  }

  get files() {
    return [...this.chosen.values()];
  }

  get bytes() {
    return this.files.reduce((sum, { file }) => sum + file.size, 0);
  }

  /** Add files, each once; empty ones are counted and left out. Returns how many were new. */
  add(list) {
    const before = this.chosen.size;
    for (const { file, path } of list) {
      if (file.size === 0) {
        this.empty += 1;
        continue;
      }
      const same = this.chosen.get(path);
      const key = same && !sameFile(same.file, file) ? this.freeName(path) : path;
      this.chosen.set(key, { file, path: key });
    }
    return this.chosen.size - before;
  }

  /** Photos of a phone are all called image.jpg: later ones get a number. */
  freeName(path) {
    const dot = path.lastIndexOf(".");
    const [stem, suffix] = dot > path.lastIndexOf("/") ? [path.slice(0, dot), path.slice(dot)] : [path, ""];
    let n = 2;
    while (this.chosen.has(`${stem} (${n})${suffix}`)) n += 1;
    return `${stem} (${n})${suffix}`;
  }

  remove(path) {
    this.chosen.delete(path);
  }

  clear() {
    this.chosen.clear();
    this.empty = 0;
  }

  /** The multipart form of POST /jobs. */
  form(options) {
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) if (value !== "" || name === "template") form.append(name, value); // none is not the server's own
    for (const { file, path } of this.files) form.append("files", file, path);
    return form;
  }
}

const sameFile = (a, b) => a.size === b.size && a.lastModified === b.lastModified;

const SAME_FORMAT = { DIB: "BMP", HEIC: "HEIF", JFIF: "JPEG", JPE: "JPEG", JPG: "JPEG", TIF: "TIFF" };

/** The names of the formats that files with these suffixes have, ZIP left out. */
export function formatNames(suffixes) {
  const names = suffixes.map((suffix) => suffix.slice(1).toUpperCase()).map((name) => SAME_FORMAT[name] ?? name);
  return [...new Set(names)].map((name) => (name === "WEBP" ? "WebP" : name)).filter((name) => name !== "ZIP");
}

/** The files of an input; those of a folder have a path. */
export function ofInput(list) {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** The files of what was dropped, those of its folders included. */
export async function ofDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return ofInput(transfer.files);
  return (await Promise.all(entries.map((entry) => filesBelow(entry)))).flat();
}

async function filesBelow(entry, above = "") {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path }];
  }
  const found = [];
  const reader = entry.createReader();
  for (;;) { // a reader gives at most a hundred entries at a time
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found;
    for (const below of entries) found.push(...await filesBelow(below, `${path}/`));
  }
}
