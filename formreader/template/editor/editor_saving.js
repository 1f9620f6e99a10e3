// Saving: to the server that the page came from, into the folder of the templates where the browser
// lets a page write there, else as one download of all forms that a command takes over.
const DOWNLOAD = "edited-templates.json";
const TEMPLATE_FILE = "template.toml";

/** The page as it was loaded, to be written anew with what was saved. */
const PAGE = `<!doctype html>\n${document.documentElement.outerHTML}`;

/** Save what is not saved; returns what to tell. An error says why nothing, or not all, was saved. */
async function saveForms(desk, settings) {
  const forms = desk.unsaved.length ? desk.unsaved : desk.forms;
  const contents = new Map(forms.map((form) => [form, templateToml(form.editing.template)]));
  const note = (form) => { // edits that came while it was being saved are not
    form.editing.saved = edited.get(form);
    form.text = contents.get(form);
  };
  const edited = new Map(forms.map((form) => [form, form.editing.template]));
  if (settings.saveUrl) {
    await send(settings.saveUrl, contents.get(forms[0]));
    note(forms[0]);
    return texts.saved;
  }
  const folder = await chosenFolder(settings);
  if (!folder) {
    const saved = desk.forms.map((form) => [form.folder, contents.get(form) ?? form.text]);
    download(JSON.stringify(Object.fromEntries(saved), null, 1));
    forms.forEach(note);
    return say(texts.savedDownload, { file: DOWNLOAD, command: settings.command });
  }
  for (const form of forms) {
    await putTemplate(folder, form, contents.get(form), settings);
    note(form);
  }
  await putPage(folder, desk);
  return say(texts.savedFolder, { folder: folder.name });
}

/** The folder of the templates that a person chose, asked for once; null if the browser has no such
 *  thing, or forbids it. */
async function chosenFolder(settings) {
  if (!window.showDirectoryPicker) return null;
  try {
    settings.handle ??= await window.showDirectoryPicker({ id: "templates", mode: "readwrite" });
  } catch (error) {
    if (error.name === "AbortError") throw new Error(say(texts.noFolder, settings));
    return null;
  }
  return settings.handle;
}

/** Write a template.toml in place of the one that this page began with. */
async function putTemplate(folder, form, text, settings) {
  let file;
  try {
    const place = form.folder ? await folder.getDirectoryHandle(form.folder) : folder;
    file = await place.getFileHandle(TEMPLATE_FILE);
  } catch (error) {
    settings.handle = null; // another one is asked for
    if (error.name !== "NotFoundError") throw error;
    throw new Error(say(texts.wrongFolder, { name: folder.name, file: [form.folder, TEMPLATE_FILE].filter(Boolean).join("/"), folder: settings.folder }));
  }
  const before = (await (await file.getFile()).text()).replaceAll("\r\n", "\n");
  const question = say(texts.changed, { name: form.name, file: TEMPLATE_FILE });
  if (before !== form.text && !window.confirm(question)) throw new Error(say(texts.stays, form));
  await write(file, text);
}

/** Write this page anew if it is in the folder: opened again, it shows what was saved. */
async function putPage(folder, desk) {
  const name = decodeURIComponent(window.location.pathname.split("/").at(-1));
  try {
    const file = await folder.getFileHandle(name);
    const forms = desk.forms.map(({ editing, picture: _, ...form }) => ({ ...form, template: editing.saved }));
    const data = JSON.stringify(forms).replaceAll("<", "\\u003c");
    await write(file, PAGE.replace(/(<script [^>]*id="forms">)[^<]*/, (_, head) => head + data));
  } catch (error) {
    if (!["NotFoundError", "TypeError"].includes(error.name)) throw error; // it is elsewhere
  }
}

/** Replace the content of a file, whole or not at all. */
async function write(file, text) {
  const stream = await file.createWritable();
  await stream.write(text);
  await stream.close();
}

function download(text) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json;charset=utf-8" }));
  link.download = DOWNLOAD;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may start late
}

/** Send the file to the server that the page came from; what it answers to a refusal is shown. */
async function send(url, text) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/toml" }, body: text });
  if (answer.ok) return;
  const told = await answer.text();
  throw new Error((isProblem(answer) ? JSON.parse(told).detail : told) || say(texts.serverError, answer));
}

/** Whether an answer is a problem document (RFC 9457), whose detail says what is wrong. */
const isProblem = (answer) => (answer.headers.get("Content-Type") ?? "").startsWith("application/problem+json");
