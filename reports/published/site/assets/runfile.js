// Reads the cells of a run: a cells.csv that its reader chose or dropped, plain or compressed.
// Such a file is anyone's. Its words are checked here, and never become anything but text. It is
// read piece by piece and in slices of time, so that a large file never blocks the page: from a
// file system a page can start no worker without a policy that allows more than this one.
"use strict";

/** @typedef {{outcome: string, cause: string, aspects: string, words?: string}} Details */
/** @typedef {{name: string, cells: Map<string, Details>, published: boolean, ignored: string[], ignoredRows: number}} Run */

const COLUMNS = ["scenario", "format", "writer", "reader", "remedy", "outcome", "cause", "aspects"];
const ID_PART = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,199}$/;
const PLAIN = /^[A-Za-z0-9_.;-]{0,400}$/;
const MOST_BYTES = 200e6;
const MOST_ROWS = 2e6;
const LONGEST_LINE = 1e6;
const SLICE_MS = 12;
/** Rows between two looks at the clock. */
const ROWS_AT_ONCE = 2000;
/** Letters of a text that are split into lines at once. */
const PIECE = 500_000;
const TOO_MUCH = `this page reads ${MOST_BYTES / 1e6} MB at most. On the command line: python -m runner compare BEFORE AFTER.`;
/** What other files begin with, to say what was chosen instead. */
const OTHER_KINDS = /** @type {const} */ ([["PAR1", "a Parquet file"], ["PK\u0003\u0004", "a zip archive"], ["\ufffdHDF", "an HDF5 file"], ["{", "JSON"], ["<", "HTML or XML"]]);

/** Slices of work: a frame and a key press come in between. */
class Slices {
  constructor() {
    this.since = performance.now();
  }

  /** Whether it is time to wait. */
  over() {
    return performance.now() - this.since > SLICE_MS;
  }

  async wait() {
    await new Promise((go) => setTimeout(go));
    this.since = performance.now();
  }
}

/** The fields of one record. @param {string} text @returns {string[]} */
function fieldsOf(text) {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  if (!line.includes('"')) return line.split(",");
  const fields = [];
  for (let at = 0; at <= line.length;) {
    let field = "";
    if (line[at] === '"') {
      at += 1;
      for (;;) {
        const quote = line.indexOf('"', at);
        if (quote < 0) { field += line.slice(at); at = line.length; break; }
        field += line.slice(at, quote);
        at = quote + 1;
        if (line[at] !== '"') break;
        field += '"';
        at += 1;
      }
    }
    const comma = line.indexOf(",", at);
    const next = comma < 0 ? line.length : comma;
    fields.push(field + line.slice(at, next));
    at = next + 1;
  }
  return fields;
}

/** Records of a CSV text that comes in pieces: a quoted field may hold lines of its own. */
class Records {
  constructor() {
    this.rest = "";
    this.open = "";
  }

  /** @param {string} piece @returns {Generator<string[]>} */
  *take(piece) {
    const lines = (this.rest + piece).split("\n");
    this.rest = /** @type {string} */ (lines.pop());
    for (const line of lines) {
      const record = this.open ? `${this.open}\n${line}` : line;
      if (record.length > LONGEST_LINE) Records.refuse();
      this.open = isOpen(record) ? record : "";
      if (!this.open && record.trim()) yield fieldsOf(record);
    }
    if (this.rest.length + this.open.length > LONGEST_LINE) Records.refuse();
  }

  /** What the text ends with. @returns {Generator<string[]>} */
  *end() {
    const record = this.open ? `${this.open}\n${this.rest}` : this.rest;
    if (record.trim()) yield fieldsOf(record);
  }

  /** @returns {never} */
  static refuse() {
    throw new Error("It has a line of more than a million characters: this is not the cells.csv of a run.");
  }
}

/** Whether a quote of it is not closed. @param {string} record */
function isOpen(record) {
  let quotes = 0;
  for (let at = record.indexOf('"'); at >= 0; at = record.indexOf('"', at + 1)) quotes += 1;
  return quotes % 2 === 1;
}

/** A run that comes record by record; what is no cell is counted and named. */
class RunBuilder {
  /** @param {string} name @param {Record<string, unknown>} outcomes those there are */
  constructor(name, outcomes) {
    this.outcomes = outcomes;
    /** @type {Run} */ this.run = { name, cells: new Map(), published: false, ignored: [], ignoredRows: 0 };
    /** @type {number[]} */ this.places = [];
    /** @type {Map<string, Details>} */ this.details = new Map();
  }

  /** @param {string} why */
  ignore(why) {
    const { run } = this;
    run.ignoredRows += 1;
    if (run.ignored.length < 3) run.ignored.push(why.length > 160 ? `${why.slice(0, 160)}…` : why);
  }

  /** @param {string[]} fields */
  add(fields) {
    const { run } = this;
    if (!this.places.length) {
      const missing = COLUMNS.filter((column) => !fields.includes(column));
      if (missing.length) throw new Error(`It has no column ${missing.join(", ")}: this is not the cells.csv of a run.`);
      this.places = COLUMNS.map((column) => fields.indexOf(column));
      return;
    }
    if (run.cells.size + run.ignoredRows >= MOST_ROWS) throw new Error(`It has more than ${count(MOST_ROWS)} rows.`);
    const [scenario, format, writer, reader, remedy, outcome, cause, aspects] = this.places.map((place) => fields[place] ?? "");
    const odd = [scenario, format, writer, reader, remedy].find((part) => !ID_PART.test(part));
    if (odd !== undefined) { this.ignore(`“${odd.slice(0, 80)}” cannot be part of a cell's id`); return; }
    if (!Object.hasOwn(this.outcomes, outcome)) { this.ignore(`“${outcome.slice(0, 80)}” is no outcome`); return; }
    if (!PLAIN.test(cause) || !PLAIN.test(aspects)) { this.ignore(`“${cause.slice(0, 80)} ${aspects.slice(0, 40)}” is no cause or aspects`); return; }
    const id = `${scenario}/${format}/${writer}->${reader}/${remedy}`;
    if (run.cells.has(id)) { this.ignore(`${id} is there twice`); return; }
    // Few results stand for many cells: each is held once.
    const key = `${outcome} ${cause} ${aspects}`;
    const details = this.details.get(key) ?? { outcome, cause, aspects };
    this.details.set(key, details);
    run.cells.set(id, details);
  }

  /** @returns {Run} */
  finish() {
    if (!this.places.length) throw new Error("It is empty.");
    if (!this.run.cells.size) throw new Error(`Not one of its rows is a cell. ${this.run.ignored.join("; ")}`);
    return this.run;
  }
}

/**
 * The texts of a file, piece by piece; a large run's cells are compressed.
 * @param {File} file
 * @param {(share: number) => void} progress from 0 to 1
 * @returns {AsyncGenerator<string>}
 */
async function* piecesOf(file, progress) {
  if (file.size > MOST_BYTES) throw new Error(`It is too large: ${TOO_MUCH}`);
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  let read = 0;
  const counted = new TransformStream({ transform(part, out) { read += part.length; progress(read / file.size); out.enqueue(part); } });
  const packed = start[0] === 0x1f && start[1] === 0x8b;
  const stream = file.stream().pipeThrough(counted);
  const reader = (packed ? stream.pipeThrough(new DecompressionStream("gzip")) : stream).getReader();
  const decoder = new TextDecoder();
  let size = 0;
  try {
    for (;;) {
      const step = await reader.read().catch(() => { throw new Error(packed ? "It begins like a compressed file, and cannot be unpacked: it is damaged, or was cut short." : "It cannot be read: it was changed or removed meanwhile."); });
      if (step.done) break;
      size += step.value.length;
      // A small file may unpack to anything.
      if (size > MOST_BYTES) throw new Error(`It unpacks to too much: ${TOO_MUCH}`);
      const text = decoder.decode(step.value, { stream: true });
      for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  yield decoder.decode();
}

/**
 * A run of a file.
 * @param {File} file
 * @param {Record<string, unknown>} outcomes those there are
 * @param {(share: number) => void} progress
 * @param {() => boolean} wanted whether it still is; another file may have been chosen
 * @returns {Promise<Run|null>} null where it is not wanted any more
 */
async function readRun(file, outcomes, progress, wanted) {
  const records = new Records();
  const builder = new RunBuilder(file.name, outcomes);
  const slices = new Slices();
  let first = true;
  let rows = 0;
  for await (const piece of piecesOf(file, progress)) {
    if (first && piece) {
      const kind = OTHER_KINDS.find(([start]) => piece.startsWith(start));
      if (kind) throw new Error(`It is ${kind[1]}: choose the cells.csv or cells.csv.gz of a run.`);
      first = false;
    }
    for (const fields of records.take(piece)) {
      builder.add(fields);
      rows += 1;
      if (rows % ROWS_AT_ONCE === 0 && slices.over()) {
        await slices.wait();
        if (!wanted()) return null;
      }
    }
    if (slices.over()) await slices.wait();
    if (!wanted()) return null;
  }
  for (const fields of records.end()) builder.add(fields);
  return builder.finish();
}
