// Compares two runs, or opens one: cells.csv files are read here and sent nowhere.
// A dropped file is anyone's: its text is checked, and only ever inserted as text.
"use strict";

(() => {
/** @typedef {{outcome: string, cause: string, aspects: string}} Details */
/** @typedef {{name: string, cells: Map<string, Details>, published: boolean, ignored: string[], ignoredRows: number}} Run */
/** @typedef {{id: string, kind: string, before: Details|null, after: Details|null}} Row */

/** @type {any} */ let packed = null;
/** @type {Run|null} */ let published = null;
/** @type {{before: Run|null, after: Run|null}} */ const runs = { before: null, after: null };
/** @type {Row[]} */ let rows = [];
let limit = 0;

const COLUMNS = ["scenario", "format", "writer", "reader", "remedy", "outcome", "cause", "aspects"];
const ID_PART = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const PLAIN = /^[A-Za-z0-9_.;-]*$/;
const LARGEST = 200e6;
const PAGE = 200;
const GROUPINGS = ["cell", "scenario", "format", "writer", "reader", "remedy", "from"];

const $ = (id) => document.getElementById(id);
const shown = (number) => number.toLocaleString("en");

/** @param {string} tag @param {object} [properties] @param {...(Node|string)} children */
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function say(text) { $("status").textContent = text; }

// --- reading -----------------------------------------------------------------------------

/** The records of a CSV text, quoted fields included. @param {string} text @returns {Generator<string[]>} */
function* records(text) {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
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

/** A run of a file's text; what is no cell is counted and named. @returns {Run} */
function readRun(name, text) {
  const source = records(text);
  const head = source.next().value ?? [];
  const places = COLUMNS.map((column) => head.indexOf(column));
  const missing = COLUMNS.filter((_, place) => places[place] < 0);
  if (missing.length) throw new Error(`It has no column ${missing.join(", ")}: this is not the cells.csv of a run.`);
  /** @type {Run} */ const run = { name, cells: new Map(), published: false, ignored: [], ignoredRows: 0 };
  const ignore = (why) => { run.ignoredRows += 1; if (run.ignored.length < 3) run.ignored.push(why.slice(0, 120)); };
  for (const fields of source) {
    const [scenario, format, writer, reader, remedy, outcome, cause, aspects] = places.map((place) => fields[place] ?? "");
    const odd = [scenario, format, writer, reader, remedy].find((part) => !ID_PART.test(part));
    if (odd !== undefined) { ignore(`“${odd}” cannot be part of a cell's id`); continue; }
    if (!Object.hasOwn(packed.outcomes, outcome)) { ignore(`“${outcome}” is no outcome`); continue; }
    if (!PLAIN.test(cause) || !PLAIN.test(aspects)) { ignore(`“${cause} ${aspects}” is no cause or aspects`); continue; }
    const id = `${scenario}/${format}/${writer}->${reader}/${remedy}`;
    if (run.cells.has(id)) { ignore(`${id} is there twice`); continue; }
    run.cells.set(id, { outcome, cause, aspects });
  }
  return run;
}

/** The run this report is made of. @returns {Run} */
function unpack() {
  const cells = new Map();
  const records_ = packed.records.map(([outcome, cause, aspects]) => ({ outcome, cause, aspects }));
  const of = new Map([...packed.alphabet].map((letter, place) => [letter, records_[place]]));
  for (const [scenario, format, remedy, writers, readers, letters] of packed.grids) {
    let at = 0;
    for (const writer of writers) for (const reader of readers) {
      const found = of.get(letters[at]);
      at += 1;
      if (found) cells.set(`${scenario}/${format}/${packed.environments[writer]}->${packed.environments[reader]}/${remedy}`, found);
    }
  }
  return { name: `the published run of ${packed.run.started}`, cells, published: true, ignored: [], ignoredRows: 0 };
}

// --- comparing: the same distinctions as runner/compare.py ----------------------------------

/** @param {Details|undefined} before @param {Details|undefined} after */
function change(before, after) {
  if (!before) return "appeared";
  if (!after) return "vanished";
  const silent = [before, after].map((each) => packed.unjudged.includes(each.outcome));
  if (before.outcome === after.outcome && (silent[0] || (before.cause === after.cause && before.aspects === after.aspects))) return "same";
  if (silent[0] || silent[1]) return "infrastructure";
  if (before.outcome === after.outcome) return "changed";
  if (after.outcome === "equivalent") return "fixed";
  return packed.outcomes[after.outcome].rank > packed.outcomes[before.outcome].rank ? "regressed" : "changed";
}

function compare() {
  rows = [];
  const { before, after } = runs;
  if (!before || !after) return;
  for (const [id, details] of after.cells) {
    const old = before.cells.get(id);
    rows.push({ id, kind: change(old, details), before: old ?? null, after: details });
  }
  for (const [id, details] of before.cells) {
    if (!after.cells.has(id)) rows.push({ id, kind: change(details, undefined), before: details, after: null });
  }
}

// --- the state in the address --------------------------------------------------------------

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const pick = (name, allowed, usual) => (allowed.includes(given.get(name)) ? given.get(name) : usual);
  return {
    kind: pick("kind", ["all", ...packed.changes.map((each) => each.id)], "regressed"),
    by: pick("by", GROUPINGS, "cell"),
    text: (given.get("text") ?? "").slice(0, 200),
    format: given.get("format") ?? "",
  };
}

/** One choice is one step back; letters typed into the filter are not. */
function go(changed, typed = false) {
  const state = { ...readState(), ...changed };
  const given = new URLSearchParams();
  if (state.kind !== "regressed") given.set("kind", state.kind);
  if (state.by !== "cell") given.set("by", state.by);
  if (state.text) given.set("text", state.text);
  if (state.format) given.set("format", state.format);
  const hash = `#${given}`;
  if (hash === (location.hash || "#")) return;
  if (typed) history.replaceState(null, "", hash); else history.pushState(null, "", hash);
  limit = PAGE;
  show();
}

// --- showing --------------------------------------------------------------------------------

function box(style, label = style.label) {
  return make("span", { className: "tag" }, make("i", { className: `mark-box ${style.css}`, ariaHidden: "true" }, style.symbol), label);
}

/** @param {Details|null} details */
function describe(details) {
  if (!details) return [make("small", {}, "not in it")];
  const words = [box(packed.outcomes[details.outcome])];
  if (details.aspects) words.push(` ${details.aspects.replaceAll(";", ", ")}`);
  if (details.cause) words.push(make("br"), make("small", {}, packed.causes[details.cause] ?? "", " ", make("code", { className: "id" }, details.cause)));
  return words;
}

/** Only a cell of the published run has a page; its id is one this site made. */
function cellName(id) {
  const code = make("code", {}, id);
  return published.cells.has(id) ? make("a", { href: `cell.html#${encodeURI(id)}` }, code) : code;
}

/** @param {string[]} names @param {string[]} [numbers] names of the columns that hold numbers */
function head(names, numbers = []) {
  return make("thead", {}, make("tr", {}, ...names.map((name) => (name ? make("th", { scope: "col", className: numbers.includes(name) ? "num" : "" }, name) : make("td")))));
}

function showTotals(state) {
  const counts = new Map(packed.changes.map((each) => [each.id, 0]));
  for (const row of rows) counts.set(row.kind, counts.get(row.kind) + 1);
  const lines = packed.changes.map((style) => make("tr", { className: style.id === state.kind ? "now" : "" },
    make("th", { scope: "row" }, box(style, "")), make("td", {}, choose(style)), make("td", { className: "num" }, shown(counts.get(style.id))), make("td", {}, style.explanation)));
  $("totals").replaceChildren(
    head(["", "change", "cells", "meaning"], ["cells"]),
    make("tbody", {}, ...lines),
    make("tfoot", {}, make("tr", {}, make("td"), make("th", { scope: "row" }, "all"), make("td", { className: "num" }, shown(rows.length)), make("td", {}, "cells of either run"))));
  const both = rows.length - counts.get("appeared") - counts.get("vanished");
  $("sum").textContent = `Before: ${shown(runs.before.cells.size)} cells, ${shown(both)} of them in both and ${shown(counts.get("vanished"))} vanished. `
    + `After: ${shown(runs.after.cells.size)} cells, ${shown(both)} in both and ${shown(counts.get("appeared"))} appeared.`;
}

function choose(style) {
  const button = make("button", { type: "button" }, style.label);
  button.addEventListener("click", () => { go({ kind: style.id }); $("kind").focus(); });
  return button;
}

const parts = (id) => {
  const [scenario, format, pair, remedy] = id.split("/");
  const [writer, reader] = pair.split("->");
  return { scenario, format, writer, reader, remedy };
};

const label = (details) => (details ? packed.outcomes[details.outcome].label : "not in it");

function chosenRows(state) {
  const wanted = state.text.trim().toLowerCase();
  return rows.filter((row) => (state.kind === "all" || row.kind === state.kind)
    && (!wanted || `${row.id} ${row.before?.outcome ?? ""} ${row.before?.cause ?? ""} ${row.after?.outcome ?? ""} ${row.after?.cause ?? ""} ${row.after?.aspects ?? ""}`.toLowerCase().includes(wanted)));
}

function showList(state) {
  const found = chosenRows(state);
  const visible = state.by === "cell" ? cellLines(found) : groupLines(found, state.by);
  const lines = visible.lines.slice(0, limit).map((line) => line());
  $("list").replaceChildren(visible.head, make("tbody", {}, ...lines));
  const left = visible.lines.length - lines.length;
  $("more").hidden = left <= 0;
  $("more").textContent = `Show more (${shown(left)} left)`;
  const kind = packed.changes.find((each) => each.id === state.kind);
  $("shown").textContent = found.length
    ? `${shown(found.length)} ${kind ? kind.label : "cells of every kind"}${state.text ? ` containing “${state.text}”` : ""}${state.by === "cell" ? "" : `, in ${shown(visible.lines.length)} groups`}.`
    : `No cell is ${kind ? kind.label : "there"}${state.text ? ` and contains “${state.text}”` : ""}.`;
}

function cellLines(found) {
  const kinds = new Map(packed.changes.map((each) => [each.id, each]));
  return {
    head: head(["cell", "change", "before", "after"]),
    lines: found.map((row) => () => make("tr", {}, make("td", {}, cellName(row.id)), make("td", {}, box(kinds.get(row.kind))),
      make("td", {}, ...describe(row.before)), make("td", {}, ...describe(row.after)))),
  };
}

function groupLines(found, by) {
  const groups = new Map();
  for (const row of found) {
    const key = by === "from" ? `${label(row.before)} → ${label(row.after)}` : parts(row.id)[by];
    groups.set(key, (groups.get(key) ?? 0) + 1);
  }
  const order = [...groups].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], "en", { numeric: true }));
  return {
    head: head([by === "from" ? "outcome" : by, "cells"], ["cells"]),
    lines: order.map(([key, number]) => () => make("tr", {}, make("th", { scope: "row" }, key), make("td", { className: "num" }, shown(number)))),
  };
}

function showOutcomes() {
  const count = (run) => {
    const numbers = {};
    for (const details of run.cells.values()) numbers[details.outcome] = (numbers[details.outcome] ?? 0) + 1;
    return numbers;
  };
  const [before, after] = [count(runs.before), count(runs.after)];
  const signed = (number) => (number > 0 ? `+${shown(number)}` : shown(number));
  const line = (first, old, now) => make("tr", {}, make("th", { scope: "row" }, first),
    ...[shown(old), shown(now), signed(now - old)].map((text) => make("td", { className: "num" }, text)));
  const lines = Object.entries(packed.outcomes).filter(([id]) => before[id] || after[id])
    .map(([id, style]) => line(box(style), before[id] ?? 0, after[id] ?? 0));
  $("outcome-table").replaceChildren(head(["outcome", "before", "after", "difference"], ["before", "after", "difference"]), make("tbody", {}, ...lines),
    make("tfoot", {}, line("all", runs.before.cells.size, runs.after.cells.size)));
}

/** Counts of the bare loads of one format, by pair: [tried, same, silent, all]. */
function countPairs(format) {
  const pairs = new Map();
  for (const [id, details] of runs.after.cells) {
    const cell = parts(id);
    if (cell.remedy !== "none" || cell.format !== format) continue;
    const key = `${cell.writer}->${cell.reader}`;
    const found = pairs.get(key) ?? pairs.set(key, [0, 0, 0, 0]).get(key);
    found[3] += 1;
    if (packed.outcomes[details.outcome].tried) found[0] += 1;
    if (details.outcome === "equivalent") found[1] += 1;
    if (details.outcome === "diverged") found[2] += 1;
  }
  return pairs;
}

/** Known environments in order of release, then the file's own. */
function inOrder(names) {
  const known = packed.environments.filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !packed.environments.includes(name)).sort()];
}

function showGrid(state) {
  const formats = new Set();
  for (const id of runs.after.cells.keys()) if (id.endsWith("/none")) formats.add(id.split("/")[1]);
  const format = formats.has(state.format) ? state.format : [...formats][0] ?? "";
  $("format").replaceChildren(...[...formats].map((name) => make("option", { value: name, selected: name === format }, name)));
  const pairs = countPairs(format);
  const writers = inOrder(new Set([...pairs.keys()].map((key) => key.split("->")[0])));
  const readers = inOrder(new Set([...pairs.keys()].map((key) => key.split("->")[1])));
  const lines = writers.map((writer) => make("tr", {}, make("th", { scope: "row" }, writer), ...readers.map((reader) => {
    const [tried, same, silent, all] = pairs.get(`${writer}->${reader}`) ?? [0, 0, 0, 0];
    const cell = make("td", { className: writer === reader ? "x" : "" });
    if (tried) {
      const share = Math.floor((100 * same) / tried);
      cell.classList.add(`q${Math.floor(share / 20)}`);
      cell.append(String(share));
      if (silent) cell.append(make("b", {}, `≠${silent}`));
    } else if (all) { cell.classList.add("n"); cell.append("–"); }
    return cell;
  })));
  $("grid").replaceChildren(make("thead", {}, make("tr", {}, make("td", { className: "corner" }, "writer ↓ reader →"),
    ...readers.map((reader) => make("th", { scope: "col" }, make("span", {}, reader))))), make("tbody", {}, ...lines));
}

function showNames() {
  for (const side of ["before", "after"]) {
    const run = runs[side];
    $(`${side}-name`).textContent = run ? `${run.name}: ${shown(run.cells.size)} cells` : "nothing chosen yet";
    $(`${side}-published`).hidden = Boolean(run?.published);
  }
}

/** What does not depend on the address is drawn once for each pair of runs. */
function showRuns() {
  showNames();
  const ready = Boolean(runs.before && runs.after);
  $("result").hidden = !ready;
  $("alone").hidden = !ready;
  $("tools").hidden = !ready;
  if (ready) { compare(); showOutcomes(); }
  limit = PAGE;
  show();
}

function show() {
  const state = readState();
  $("kind").value = state.kind;
  $("by").value = state.by;
  if ($("text").value !== state.text) $("text").value = state.text;
  if (!runs.before || !runs.after) return;
  showTotals(state);
  showList(state);
  showGrid(state);
}

/** The text of a file; a large run's cells are compressed. @param {File} file */
async function textOf(file) {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (start[0] !== 0x1f || start[1] !== 0x8b) return file.text();
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts_ = [];
  let size = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    size += step.value.length;
    // A small file may unpack to anything.
    if (size > LARGEST) throw new Error(`It holds more than ${shown(LARGEST / 1e6)} MB.`);
    parts_.push(step.value);
  }
  return new Blob(parts_).text();
}

// --- controls ---------------------------------------------------------------------------------

/** @param {"before"|"after"} side @param {File|undefined} file */
async function take(side, file) {
  if (!file) return;
  say(`Reading ${file.name} …`);
  if (file.size > LARGEST) { say(`${file.name} is larger than ${shown(LARGEST / 1e6)} MB: this page does not read it.`); return; }
  try {
    const run = readRun(file.name, await textOf(file));
    if (!run.cells.size) throw new Error(`Not one of its rows is a cell. ${run.ignored.join("; ")}`);
    runs[side] = run;
    // A run of one's own is held against the published one, until another is chosen.
    const other = side === "before" ? "after" : "before";
    runs[other] ??= published;
    showRuns();
    say(`${run.name}: ${shown(run.cells.size)} cells read.${run.ignoredRows ? ` ${shown(run.ignoredRows)} rows were left out: ${run.ignored.join("; ")}.` : ""}`);
  } catch (error) {
    say(`${file.name} was not opened. ${error.message}`);
  }
}

/** A file goes to where it is dropped; anywhere else on the page it is the run after. */
function drop(event) {
  event.preventDefault();
  for (const old of document.querySelectorAll(".run.over")) old.classList.remove("over");
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length > 1) { take("before", files[0]).then(() => take("after", files[1])); return; }
  take(event.target.closest?.("#before") ? "before" : "after", files[0]);
}

/** Every cell of the list as CSV; ids, outcomes and causes were checked to be plain words. */
function download() {
  const lines = ["scenario,format,writer,reader,remedy,change,before_outcome,after_outcome,before_cause,after_cause,before_aspects,after_aspects"];
  for (const row of chosenRows(readState())) {
    const { scenario, format, writer, reader, remedy } = parts(row.id);
    const of = (name) => [row.before?.[name] ?? "", row.after?.[name] ?? ""];
    lines.push([scenario, format, writer, reader, remedy, row.kind, ...of("outcome"), ...of("cause"), ...of("aspects")].join(","));
  }
  const url = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  const link = make("a", { href: url, download: "changes.csv" });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}

function begin() {
  published = unpack();
  runs.before = published;
  $("runs").hidden = false;
  $("kind").replaceChildren(...packed.changes.map((each) => make("option", { value: each.id }, `${each.symbol} ${each.label}`)), make("option", { value: "all" }, "every kind"));
  for (const side of /** @type {const} */ (["before", "after"])) {
    $(`${side}-file`).addEventListener("change", (event) => { take(side, event.target.files[0]); event.target.value = ""; });
    $(`${side}-published`).addEventListener("click", () => { runs[side] = published; showRuns(); say(""); });
    $(side).addEventListener("dragenter", () => $(side).classList.add("over"));
    $(side).addEventListener("dragleave", (event) => { if (!$(side).contains(event.relatedTarget)) $(side).classList.remove("over"); });
  }
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", drop);
  $("swap").addEventListener("click", () => { [runs.before, runs.after] = [runs.after, runs.before]; showRuns(); });
  for (const name of ["kind", "by", "format"]) $(name).addEventListener("change", (event) => go({ [name]: event.target.value }));
  $("text").addEventListener("input", (event) => go({ text: event.target.value }, true));
  $("more").addEventListener("click", () => { limit += 5 * PAGE; show(); });
  $("download").addEventListener("click", download);
  addEventListener("popstate", () => { limit = PAGE; show(); });
  showRuns();
}

globalThis.matrixCells = (value) => { packed = value; begin(); };
})();
