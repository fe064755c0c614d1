// Reads the cells of a run: a cells.csv that its reader chose or dropped, plain or compressed.
// Such a file is anyone's. Its words are checked here, and never become anything but text.
"use strict";

/** @typedef {{outcome: string, cause: string, aspects: string, words?: string}} Details */
/** @typedef {{name: string, cells: Map<string, Details>, published: boolean, ignored: string[], ignoredRows: number}} Run */

const COLUMNS = ["scenario", "format", "writer", "reader", "remedy", "outcome", "cause", "aspects"];
const ID_PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const PLAIN = /^[A-Za-z0-9_.;-]{0,400}$/;
const MOST_BYTES = 200e6;
const MOST_ROWS = 2e6;
const LONGEST_LINE = 1e6;
/** What other files begin with, to say what was chosen instead. */
const OTHER_KINDS = /** @type {const} */ ([["PAR1", "a Parquet file"], ["PK\u0003\u0004", "a zip archive"], ["\ufffdHDF", "an HDF5 file"], ["{", "JSON"], ["<", "HTML or XML"]]);

/** The records of a CSV text, quoted fields included. @param {string} text @returns {Generator<string[]>} */
function* records(text) {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    if (end - at > LONGEST_LINE) throw new Error("It has a line of more than a million characters: this is not the cells.csv of a run.");
    const line = text.slice(at, end);
    if (!line.includes('"')) {
      at = end + 1;
      const fields = (line.endsWith("\r") ? line.slice(0, -1) : line).split(",");
      if (line) yield fields;
      continue;
    }
    const fields = [];
    for (;;) {
      let field = "";
      if (text[at] === '"') {
        at += 1;
        for (;;) {
          const quote = text.indexOf('"', at);
          if (quote < 0) { field += text.slice(at); at = text.length; break; }
          field += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          field += '"';
          at += 1;
        }
      }
      const stop = text.slice(at).search(/[,\n]/);
      const next = stop < 0 ? text.length : at + stop;
      field += text.slice(at, next).replace(/\r$/, "");
      fields.push(field);
      at = next + 1;
      if (next >= text.length || text[next] === "\n") break;
    }
    yield fields;
  }
}

/**
 * A run of a file's text; what is no cell is counted and named.
 * @param {string} name
 * @param {string} text
 * @param {Record<string, unknown>} outcomes those there are
 * @returns {Run}
 */
function readRun(name, text, outcomes) {
  const kind = OTHER_KINDS.find(([start]) => text.startsWith(start));
  if (kind) throw new Error(`It is ${kind[1]}: choose the cells.csv or cells.csv.gz of a run.`);
  if (!text.trim()) throw new Error("It is empty.");
  const source = records(text);
  /** @type {string[]} */ const head = source.next().value ?? [];
  const places = COLUMNS.map((column) => head.indexOf(column));
  const missing = COLUMNS.filter((_, place) => places[place] < 0);
  if (missing.length) throw new Error(`It has no column ${missing.join(", ")}: this is not the cells.csv of a run.`);
  /** @type {Run} */ const run = { name, cells: new Map(), published: false, ignored: [], ignoredRows: 0 };
  const ignore = (/** @type {string} */ why) => { run.ignoredRows += 1; if (run.ignored.length < 3) run.ignored.push(why.length > 160 ? `${why.slice(0, 160)}…` : why); };
  for (const fields of source) {
    if (run.cells.size + run.ignoredRows >= MOST_ROWS) throw new Error(`It has more than ${count(MOST_ROWS)} rows.`);
    const [scenario, format, writer, reader, remedy, outcome, cause, aspects] = places.map((place) => fields[place] ?? "");
    const odd = [scenario, format, writer, reader, remedy].find((part) => !ID_PART.test(part));
    if (odd !== undefined) { ignore(`“${odd.slice(0, 80)}” cannot be part of a cell's id`); continue; }
    if (!Object.hasOwn(outcomes, outcome)) { ignore(`“${outcome.slice(0, 80)}” is no outcome`); continue; }
    if (!PLAIN.test(cause) || !PLAIN.test(aspects)) { ignore(`“${cause.slice(0, 80)} ${aspects.slice(0, 40)}” is no cause or aspects`); continue; }
    const id = `${scenario}/${format}/${writer}->${reader}/${remedy}`;
    if (run.cells.has(id)) { ignore(`${id} is there twice`); continue; }
    run.cells.set(id, { outcome, cause, aspects });
  }
  if (!run.cells.size) throw new Error(`Not one of its rows is a cell. ${run.ignored.join("; ")}`);
  return run;
}

const TOO_MUCH = `this page reads ${MOST_BYTES / 1e6} MB at most. On the command line: python -m runner compare BEFORE AFTER.`;

/** The text of a file; a large run's cells are compressed. @param {File} file */
async function textOf(file) {
  if (file.size > MOST_BYTES) throw new Error(`It is too large: ${TOO_MUCH}`);
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (start[0] !== 0x1f || start[1] !== 0x8b) return file.text();
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const pieces = [];
  let size = 0;
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      size += step.value.length;
      // A small file may unpack to anything.
      if (size > MOST_BYTES) break;
      pieces.push(step.value);
    }
  } catch {
    throw new Error("It begins like a compressed file, and cannot be unpacked: it is damaged, or was cut short.");
  }
  if (size > MOST_BYTES) { reader.cancel(); throw new Error(`It unpacks to too much: ${TOO_MUCH}`); }
  return new Blob(pieces).text();
}
