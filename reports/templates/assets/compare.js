// Compares two runs, or opens one: what regressed, was fixed, changed, appeared or vanished.
// The files are read here and sent nowhere; all of their words are inserted as text.
"use strict";

(() => {
/** @typedef {{scenario: string, format: string, writer: string, reader: string, remedy: string}} Parts */
/** @typedef {{id: string, parts: Parts, pair: Pair, kind: string, before: Details|null, after: Details|null}} Row */
/** @typedef {{id: string, symbol: string, label: string, explanation: string, css: string}} ChangeStyle */
/** @typedef {{kind: string, by: string, text: string, format: string, matrix: string}} View */
/**
 * @typedef {object} Packed The published run, and how changes are told and shown.
 * @property {{started: string}} run
 * @property {Record<string, {symbol: string, label: string, css: string, tried: boolean, rank: number|null}>} outcomes
 * @property {string[]} unjudged
 * @property {string[]} damaged scenarios whose files were damaged on purpose
 * @property {ChangeStyle[]} changes
 * @property {string[]} environments
 * @property {Record<string, string>} bases what each build of one's own was made of
 * @property {string[]} families CSS class of each environment
 * @property {Record<string, string>} causes
 * @property {[string, string, string][]} records
 * @property {string} alphabet
 * @property {[string, string, string, number[], number[], string][]} grids
 */

/** @type {Packed} */ let packed;
/** @type {Run} */ let published;
/** The same, as soon as it is unpacked. @type {Promise<Run>} */ let unpacked;
/** @type {{before: Run|null, after: Run|null}} */ const runs = { before: null, after: null };
/** Every cell of either run. @type {Row[]} */ let rows = [];
/** How many there are of each kind. @type {Map<string, number>} */ let numbers = new Map();
/** Every format of either run. @type {string[]} */ let formats = [];
/** Builds of the run after, each with what it is held against. @type {Map<string, string>} */ let counterparts = new Map();
/** Cells before, of which some stand for a build as well. */
let numberBefore = 0;
let limit = 0;

const PAGE = 100;
const LARGEST_MATRIX = 20_000;
const SIDES = /** @type {const} */ (["before", "after"]);
const GROUPINGS = ["cell", "scenario", "format", "writer", "reader", "remedy", "cause", "from"];
const MATRICES = ["changes", "share"];

const select = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ ($(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ ($(id));
const say = (/** @type {string} */ text) => { $("status").textContent = text; };

/** The run this report is made of, in slices: it may have a million cells. @returns {Promise<Run>} */
async function unpack() {
  const cells = new Map();
  const slices = new Slices();
  const details = packed.records.map(([outcome, cause, aspects]) => ({ outcome, cause, aspects }));
  const of = new Map([...packed.alphabet].map((letter, place) => [letter, details[place]]));
  for (const [scenario, format, remedy, writers, readers, letters] of packed.grids) {
    let at = 0;
    for (const writer of writers) for (const reader of readers) {
      const found = of.get(letters[at]);
      at += 1;
      if (found) cells.set(`${scenario}/${format}/${packed.environments[writer]}->${packed.environments[reader]}/${remedy}`, found);
    }
    if (slices.over()) await slices.wait();
  }
  const name = `the published run of ${packed.run.started.slice(0, 16).replace("T", " ")}`;
  return { name, cells, published: true, ignored: [], ignoredRows: 0 };
}

// --- comparing: the same distinctions as runner/analyse/differences.py ----------------------

/** @param {Details|undefined} before @param {Details|undefined} after */
function change(before, after) {
  if (!before) return "appeared";
  if (!after) return "vanished";
  const silent = [before, after].map((each) => packed.unjudged.includes(each.outcome));
  if (before.outcome === after.outcome && (silent[0] || (before.cause === after.cause && before.aspects === after.aspects))) return "same";
  if (silent[0] || silent[1]) return "infrastructure";
  if (before.outcome === after.outcome) return moreAspects(before, after) ? "regressed" : "changed";
  if (after.outcome === "equivalent") return "fixed";
  return Number(packed.outcomes[after.outcome].rank) > Number(packed.outcomes[before.outcome].rank) ? "regressed" : "changed";
}

/** Whether an aspect differs now and agreed before. @param {Details} before @param {Details} after */
function moreAspects(before, after) {
  const known = before.aspects.split(";");
  return after.aspects !== "" && after.aspects.split(";").some((each) => !known.includes(each));
}

/** @param {string} id @returns {Parts} */
function split(id) {
  const [scenario, format, pair, remedy] = id.split("/");
  const [writer, reader] = pair.split("->");
  return { scenario, format, writer, reader, remedy };
}

/**
 * What each build of the run after is held against: the build of that name, the only one of its
 * package, or its base. As in runner/domain/counterparts.py.
 * @param {Set<string>} known @param {Set<string>} here
 */
function findCounterparts(known, here) {
  /** @type {Map<string, string>} */ const found = new Map();
  for (const build of here) {
    if (!build.includes("@") || known.has(build)) continue;
    const mark = build.slice(0, build.indexOf("@") + 1);
    const others = [...known].filter((name) => name.startsWith(mark));
    const name = others.length === 1 ? others[0] : packed.bases[build];
    if (name) found.set(build, name);
  }
  return found;
}

/**
 * The cells before, under the names of the builds that they stand for: `line_up_builds` of
 * runner/analyse/differences.py says which names a cell keeps.
 * @param {Run} before @param {Run} after @param {() => Promise<boolean>} wait
 * @returns {Promise<Map<string, Details>|null>} null if it is not wanted any more
 */
async function lineUp(before, after, wait) {
  counterparts = new Map();
  let builds = false;
  for (const id of after.cells.keys()) builds ||= id.includes("@");
  if (!builds) return before.cells;
  const pairsOf = (/** @type {Run} */ run) => new Set([...run.cells.keys()].map((id) => id.split("/")[2]));
  const ends = (/** @type {Set<string>} */ some) => new Set([...some].flatMap((pair) => pair.split("->")));
  const pairsAfter = pairsOf(after);
  counterparts = findCounterparts(ends(pairsOf(before)), ends(pairsAfter));
  const namesOf = (/** @type {string} */ name) => [name, ...[...counterparts].filter(([, other]) => other === name).map(([build]) => build)];
  /** @type {Map<string, Details>} */ const found = new Map();
  let turn = 0;
  for (const [id, details] of before.cells) {
    const { scenario, format, writer, reader, remedy } = split(id);
    const all = namesOf(writer).flatMap((one) => namesOf(reader).map((other) => `${one}->${other}`));
    const kept = all.filter((pair) => pairsAfter.has(pair));
    if (!kept.length) kept.push(all[0]);
    for (const pair of kept) found.set(`${scenario}/${format}/${pair}/${remedy}`, details);
    turn += 1;
    if (turn % ROWS_AT_ONCE === 0 && !(await wait())) return null;
  }
  return found;
}

/** In slices, as a run may have a million cells. @param {Run} before @param {Run} after @param {() => boolean} wanted @returns {Promise<boolean>} whether it was wanted to the end */
async function compare(before, after, wanted) {
  rows = [];
  pairs = new Map();
  const slices = new Slices();
  const wait = async () => { if (slices.over()) await slices.wait(); return wanted(); };
  const add = (/** @type {string} */ id, /** @type {Details|undefined} */ old, /** @type {Details|undefined} */ now) => {
    const parts = split(id);
    rows.push({ id, parts, pair: pairNamed(parts), kind: change(old, now), before: old ?? null, after: now ?? null });
  };
  // Below a certain size it is done at once: what is chosen shows with the same click.
  const earlier = await lineUp(before, after, wait);
  if (!earlier) return false;
  numberBefore = earlier.size;
  let turn = 0;
  for (const [id, details] of after.cells) {
    add(id, earlier.get(id), details);
    turn += 1;
    if (turn % ROWS_AT_ONCE === 0 && !(await wait())) return false;
  }
  for (const [id, details] of earlier) {
    if (!after.cells.has(id)) add(id, details, undefined);
    turn += 1;
    if (turn % ROWS_AT_ONCE === 0 && !(await wait())) return false;
  }
  const files = new Files();
  for (const work of [(/** @type {Row} */ row) => files.note(row), (/** @type {Row} */ row) => countRow(row, files)]) {
    for (const [place, row] of rows.entries()) {
      work(row);
      if (place % ROWS_AT_ONCE === ROWS_AT_ONCE - 1 && !(await wait())) return false;
    }
    files.choose();
  }
  numbers = new Map(packed.changes.map((each) => [each.id, 0]));
  for (const row of rows) numbers.set(row.kind, Number(numbers.get(row.kind)) + 1);
  formats = [...new Set(rows.map((row) => row.parts.format))];
  return true;
}

// --- the state in the address --------------------------------------------------------------

/** @returns {View} */
function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const pick = (/** @type {string} */ name, /** @type {string[]} */ allowed) => allowed.find((each) => each === given.get(name)) ?? allowed[0];
  return {
    kind: pick("kind", [...packed.changes.map((each) => each.id), "different", "all"]),
    by: pick("by", GROUPINGS),
    text: (given.get("text") ?? "").slice(0, 200),
    format: pick("format", ["", ...formats]),
    matrix: pick("matrix", MATRICES),
  };
}

/** @param {View} state */
function addressOf(state) {
  const given = new URLSearchParams();
  if (state.kind !== packed.changes[0].id) given.set("kind", state.kind);
  if (state.by !== GROUPINGS[0]) given.set("by", state.by);
  if (state.text) given.set("text", state.text);
  if (state.format) given.set("format", state.format);
  if (state.matrix !== MATRICES[0]) given.set("matrix", state.matrix);
  return `#${given}`;
}

/** One choice is one step back; letters typed into the filter are not. @param {Partial<View>} changed */
function go(changed, typed = false) {
  const hash = addressOf({ ...readState(), ...changed });
  if (hash === (location.hash || "#")) return;
  if (typed) history.replaceState(null, "", hash); else history.pushState(null, "", hash);
  limit = PAGE;
  show();
}

// --- showing --------------------------------------------------------------------------------

/** @param {{symbol: string, css: string, label: string}} style */
const box = (style, label = style.label) => make("span", { className: "tag" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), label);

/** @param {Details|null} details */
function describe(details) {
  if (!details) return [make("small", {}, "not in it")];
  const words = [box(packed.outcomes[details.outcome])];
  if (details.aspects) words.push(make("span", {}, ` ${details.aspects.replaceAll(";", ", ")}`));
  if (details.cause) words.push(make("div", {}, make("small", {}, packed.causes[details.cause] ?? "", " ", make("code", { className: "id" }, details.cause))));
  return words;
}

/** Only a cell of the published run has a page; its id is one this site made. @param {string} id */
function cellName(id) {
  const code = make("code", {}, id);
  return published.cells.has(id) ? make("a", { href: `cell.html#${encodeURI(id)}` }, code) : code;
}

/** @param {string[]} names @param {string[]} [sums] names of the columns that hold numbers */
function head(names, sums = []) {
  return make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col", className: sums.includes(name) ? "num" : "" }, name))));
}

/** @param {View} state */
function showTotals(state) {
  const lines = packed.changes.map((style) => make("tr", { className: style.id === state.kind ? "now" : "" },
    make("th", { scope: "row" }, choose(style)), make("td", { className: "num" }, count(Number(numbers.get(style.id)))), make("td", {}, style.explanation)));
  $("totals").replaceChildren(
    head(["change", "cells", "meaning"], ["cells"]),
    make("tbody", {}, ...lines),
    make("tfoot", {}, make("tr", {}, make("th", { scope: "row" }, "all"), make("td", { className: "num" }, count(rows.length)), make("td", {}, "cells of either run"))));
}

/** @param {Run} after */
function showSum(after) {
  const [appeared, vanished] = ["appeared", "vanished"].map((kind) => Number(numbers.get(kind)));
  const both = rows.length - appeared - vanished;
  const held = [...counterparts].map(([build, name]) => `${build} is held against ${name}. `).join("");
  $("sum").textContent = `${held}Before: ${count(numberBefore)} cells, ${count(both)} of them in both and ${count(vanished)} vanished. `
    + `After: ${count(after.cells.size)} cells, ${count(both)} in both and ${count(appeared)} appeared.`;
}

/** @param {ChangeStyle} style */
function choose(style) {
  const button = make("button", { type: "button" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), make("span", {}, style.label));
  button.addEventListener("click", () => { go({ kind: style.id }); $("shown").scrollIntoView({ block: "nearest" }); $("kind").focus({ preventScroll: true }); });
  return button;
}

/** What the filter looks through, beside the id. @param {Details|null} details */
function wordsOf(details) {
  if (!details) return "";
  details.words ??= `${details.outcome} ${details.cause} ${details.aspects}`.toLowerCase();
  return details.words;
}

/** @param {View} state */
function chosenRows({ kind, text, format }) {
  const wanted = text.trim().toLowerCase();
  return rows.filter((row) => (kind === "all" || row.kind === kind || (kind === "different" && row.kind !== "same"))
    && (!format || row.parts.format === format)
    && (!wanted || row.id.toLowerCase().includes(wanted) || wordsOf(row.before).includes(wanted) || wordsOf(row.after).includes(wanted)));
}

/** What the list and the matrix show, in words. @param {View} state */
function kindLabel(state) {
  return packed.changes.find((each) => each.id === state.kind)?.label ?? (state.kind === "all" ? "cells of every kind" : "not the same");
}

/** @param {View} state @param {Row[]} found */
function showList(state, found) {
  const { titles, number, lines } = state.by === "cell" ? cellLines(found) : groupLines(found, state.by);
  $("list").replaceChildren(titles, make("tbody", {}, ...lines(limit)));
  const left = number - limit;
  $("more").hidden = left <= 0;
  $("more").textContent = `Show more (${count(left)} left)`;
  const within = `${state.format ? ` in ${state.format}` : ""}${state.text ? ` containing “${state.text}”` : ""}`;
  $("shown").textContent = found.length
    ? `${count(found.length)} ${kindLabel(state)}${within}${state.by === "cell" ? "" : `, in ${count(number)} groups`}.`
    : `No cell is there: 0 ${kindLabel(state)}${within}.`;
}

/** @param {Row[]} found */
function cellLines(found) {
  const kinds = new Map(packed.changes.map((each) => [each.id, each]));
  return {
    titles: head(["cell", "change", "before", "after"]),
    number: found.length,
    lines: (/** @type {number} */ most) => found.slice(0, most).map((row) => make("tr", {}, make("td", {}, cellName(row.id)), make("td", {}, box(/** @type {ChangeStyle} */ (kinds.get(row.kind)))),
      make("td", {}, ...describe(row.before)), make("td", {}, ...describe(row.after)))),
  };
}

/** @param {Row} row @param {string} by */
function groupOf(row, by) {
  const label = (/** @type {Details|null} */ details) => (details ? packed.outcomes[details.outcome].label : "not in it");
  if (by === "from") return `${label(row.before)} → ${label(row.after)}`;
  if (by === "cause") return row.after?.cause || row.before?.cause || "no cause";
  return row.parts[/** @type {keyof Parts} */ (by)];
}

/** @param {Row[]} found @param {string} by */
function groupLines(found, by) {
  /** @type {Map<string, number>} */ const groups = new Map();
  for (const row of found) {
    const key = groupOf(row, by);
    groups.set(key, (groups.get(key) ?? 0) + 1);
  }
  const order = [...groups].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], "en", { numeric: true }));
  return {
    titles: head([by === "from" ? "outcome" : by, "cells"], ["cells"]),
    number: order.length,
    lines: (/** @type {number} */ most) => order.slice(0, most).map(([key, number]) => make("tr", {}, make("th", { scope: "row" }, key), make("td", { className: "num" }, count(number)))),
  };
}

/** @param {Run} before @param {Run} after */
function showOutcomes(before, after) {
  const [old, now] = [before, after].map((run) => {
    /** @type {Record<string, number>} */ const found = {};
    for (const details of run.cells.values()) found[details.outcome] = (found[details.outcome] ?? 0) + 1;
    return found;
  });
  const signed = (/** @type {number} */ number) => (number > 0 ? `+${count(number)}` : count(number));
  const line = (/** @type {Node|string} */ first, /** @type {number} */ was, /** @type {number} */ is) => make("tr", {}, make("th", { scope: "row" }, first),
    ...[count(was), count(is), signed(is - was)].map((text) => make("td", { className: "num" }, text)));
  const lines = Object.entries(packed.outcomes).filter(([id]) => old[id] || now[id]).map(([id, style]) => line(box(style), old[id] ?? 0, now[id] ?? 0));
  $("outcome-table").replaceChildren(head(["outcome", "before", "after", "difference"], ["before", "after", "difference"]), make("tbody", {}, ...lines),
    make("tfoot", {}, line("all", before.cells.size, after.cells.size)));
}

// --- the matrix -------------------------------------------------------------------------------

/** @typedef {{all: number, files: number, same: number, silent: number, only: string|null}} Counts of cells, and of the files of a share with their only outcome, if there is one */
/** @typedef {{writer: string, reader: string, cell: HTMLElement|null, chosen: number, all: Counts, formats: Map<string, Counts>}} Pair */

/** By what stands between the slashes of an id. @type {Map<string, Pair>} */ let pairs = new Map();

/** @param {Parts} parts @returns {Pair} */
function pairNamed({ writer, reader }) {
  const key = `${writer}->${reader}`;
  const known = pairs.get(key);
  if (known) return known;
  const made = { writer, reader, cell: null, chosen: 0, all: noCells(), formats: new Map() };
  pairs.set(key, made);
  return made;
}

/** @returns {Counts} */
const noCells = () => ({ all: 0, files: 0, same: 0, silent: 0, only: null });

/**
 * The files of the run “after” that a share counts, as the overview counts them: those that their
 * writer itself gets back and that nobody damaged on purpose. Of the formats and scenarios only
 * those in which every reader was measured, so that all columns of a row count the same files.
 */
class Files {
  constructor() {
    /** Files that their writer gets back. @type {Set<string>} */ this.whole = new Set();
    /** Files that any reader tried. @type {Set<string>} */ this.written = new Set();
    /** Readers of each scenario and format. @type {Map<string, Set<string>>} */ this.readers = new Map();
    /** Those measured with every reader, and with every reader of their format. */ this.wide = { all: new Set(), format: new Set() };
  }

  /** @param {Row} row */
  note({ parts: { scenario, format, writer, reader, remedy }, after }) {
    if (!after || remedy !== BARE) return;
    const kind = `${scenario}/${format}`;
    const known = this.readers.get(kind);
    if (known) known.add(reader);
    else this.readers.set(kind, new Set([reader]));
    if (packed.outcomes[after.outcome].tried) this.written.add(`${kind}/${writer}`);
    if (writer === reader && after.outcome === "equivalent" && !packed.damaged.includes(scenario)) this.whole.add(`${kind}/${writer}`);
  }

  /** Choose what every reader was measured with; all of it where there is nothing of that kind. */
  choose() {
    const kinds = [...this.readers.keys()];
    const formatOf = (/** @type {string} */ kind) => kind.slice(kind.indexOf("/") + 1);
    this.wide = { all: this.widest(kinds), format: new Set([...new Set(kinds.map(formatOf))].flatMap((format) => [...this.widest(kinds.filter((kind) => formatOf(kind) === format))])) };
  }

  /** @param {string[]} kinds @returns {Set<string>} */
  widest(kinds) {
    const size = new Set(kinds.flatMap((kind) => [...(this.readers.get(kind) ?? [])])).size;
    const found = kinds.filter((kind) => this.readers.get(kind)?.size === size);
    return new Set(found.length ? found : kinds);
  }

  /** Whether a share of all formats counts a cell, and one of its own format. @param {Row} row */
  counts({ parts: { scenario, format, writer, remedy }, after }) {
    const kind = `${scenario}/${format}`;
    const here = after !== null && remedy === BARE && this.whole.has(`${kind}/${writer}`);
    return { all: here && this.wide.all.has(kind), format: here && this.wide.format.has(kind) };
  }

  /** Whether there was a file that the reader could be given, or that it has no format for. @param {Row} row */
  isFile({ parts: { scenario, format, writer }, after }) {
    return after !== null && (packed.outcomes[after.outcome].tried || (after.outcome === "unsupported" && this.written.has(`${scenario}/${format}/${writer}`)));
  }
}

/** @param {Row} row @param {Files} files */
function countRow(row, files) {
  const { formats: by, all } = row.pair;
  const inside = by.get(row.parts.format) ?? /** @type {Counts} */ (by.set(row.parts.format, noCells()).get(row.parts.format));
  const counted = files.counts(row);
  for (const [counts, here] of /** @type {const} */ ([[all, counted.all], [inside, counted.format]])) {
    counts.all += 1;
    if (!here || !row.after) continue;
    const { outcome } = row.after;
    counts.only = counts.only === null || counts.only === outcome ? outcome : "";
    if (files.isFile(row)) counts.files += 1;
    if (outcome === "equivalent") counts.same += 1;
    if (outcome === "diverged") counts.silent += 1;
  }
}

/** Known environments in order of release, then the file's own. @param {Set<string>} names */
function inOrder(names) {
  const known = packed.environments.filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !packed.environments.includes(name)).sort()];
}

/** @param {string} name */
const familyOf = (name) => packed.families[packed.environments.indexOf(name)] ?? "";

/** Make the table of two runs; what its cells say comes with every choice. */
function drawMatrix() {
  const writers = inOrder(new Set([...pairs.values()].map((pair) => pair.writer))).reverse();
  const readers = inOrder(new Set([...pairs.values()].map((pair) => pair.reader))).reverse();
  const table = /** @type {HTMLTableElement} */ ($("grid"));
  const tooLarge = writers.length * readers.length > LARGEST_MATRIX;
  $("reading").textContent = tooLarge ? `${count(writers.length)} writers and ${count(readers.length)} readers are too many to draw.` : "The arrow keys move in the table, Enter lists the cells of a pair.";
  if (tooLarge) { table.replaceChildren(); return; }
  const lines = writers.map((writer) => make("tr", {}, make("th", { scope: "row", className: familyOf(writer) }, writer), ...readers.map((reader) => {
    const cell = make("td");
    const pair = pairs.get(`${writer}->${reader}`);
    if (pair) pair.cell = cell;
    return cell;
  })));
  table.replaceChildren(make("thead", {}, make("tr", {}, make("td", { className: "corner" }, "writer ↓ reader →"),
    ...readers.map((reader) => make("th", { scope: "col", className: familyOf(reader) }, make("span", {}, reader))))), make("tbody", {}, ...lines));
  parkFirst(table);
}

/** @param {View} state @param {Row[]} found */
function showMatrix(state, found) {
  for (const pair of pairs.values()) pair.chosen = 0;
  for (const row of found) row.pair.chosen += 1;
  const style = packed.changes.find((each) => each.id === state.kind);
  for (const pair of pairs.values()) {
    if (!pair.cell) continue;
    const says = state.matrix === "share" ? shareOf(countsOf(pair, state.format)) : chosenOf(pair, style);
    const className = `${says.css}${pair.writer === pair.reader ? " x" : ""}`;
    const text = `${says.text}${says.silent ? `≠${says.silent}` : ""}`;
    // Most cells say what they said before.
    if (pair.cell.className === className && pair.cell.textContent === text) continue;
    pair.cell.className = className;
    pair.cell.removeAttribute("aria-label");
    (pair.cell.querySelector("a") ?? pair.cell).replaceChildren(says.text, ...(says.silent ? [make("b", {}, `≠${says.silent}`)] : []));
  }
}

/** @param {Pair} pair @param {string} format */
const countsOf = (pair, format) => (format ? pair.formats.get(format) ?? noCells() : pair.all);

/** What the overview shows of the same counts. @param {Counts} counts */
function shareOf({ files, same, silent, only }) {
  if (only === null) return { css: "", text: "", silent: 0 };
  if (only) return { css: packed.outcomes[only].css, text: packed.outcomes[only].symbol, silent: 0 };
  if (!files) return { css: "n", text: "–", silent: 0 };
  const share = Math.floor((100 * same) / files);
  return { css: `q${Math.min(5, Math.floor(share / 20))}`, text: same === files ? "✓" : same ? String(share) : "✗", silent };
}

/** @param {Pair} pair @param {ChangeStyle|undefined} style */
const chosenOf = (pair, style) => (pair.chosen ? { css: style?.css ?? "r", text: `${style?.symbol ?? ""}${pair.chosen}`, silent: 0 } : { css: "z", text: "", silent: 0 });

/** @param {HTMLTableCellElement} td */
function readPair(td) {
  const { writer, reader } = pairOf(td);
  const pair = pairs.get(`${writer}->${reader}`);
  if (!pair) return `${writer} → ${reader}: no cell`;
  const state = readState();
  const { all, files, same, silent } = countsOf(pair, state.format);
  return state.matrix === "share"
    ? `${writer} → ${reader}: ${files ? `${count(same)} of ${count(files)} files give the same model after, ${count(silent)} silently do not` : "no file that a share counts"}`
    : `${writer} → ${reader}: ${count(pair.chosen)} of ${count(all)} cells are ${kindLabel(state)}`;
}

/** The address that lists the cells of a pair. @param {HTMLTableCellElement} td */
function pairHref(td) {
  const { writer, reader } = pairOf(td);
  return addressOf({ ...readState(), by: "cell", text: `/${writer}->${reader}/` });
}

/** @param {HTMLTableCellElement} td */
function openPair(td) {
  const { writer, reader } = pairOf(td);
  go({ by: "cell", text: `/${writer}->${reader}/` });
  $("shown").scrollIntoView({ block: "start" });
  $("text").focus({ preventScroll: true });
}

// --- both together ------------------------------------------------------------------------------

/** Number of the comparison that is wanted: a later choice takes its place. */
let asked = 0;

/** What does not depend on the address is drawn once for each pair of runs. */
async function showRuns() {
  const { before, after } = runs;
  asked += 1;
  const mine = asked;
  for (const side of SIDES) {
    const run = runs[side];
    $(`${side}-name`).textContent = run ? `${run.name}: ${count(run.cells.size)} cells` : "nothing chosen yet";
    $(`${side}-published`).hidden = Boolean(run?.published);
  }
  for (const id of ["result", "tools"]) $(id).hidden = !before || !after;
  rememberFiles();
  if (before && after) {
    // What was there is of other runs, as long as this takes.
    $("result").hidden = before.cells.size + after.cells.size > ROWS_AT_ONCE;
    if (!(await compare(before, after, () => mine === asked))) return;
    $("result").hidden = false;
    select("format").replaceChildren(make("option", { value: "" }, "all formats"), ...formats.map((name) => make("option", { value: name }, name)));
    showSum(after);
    showOutcomes(before, after);
    drawMatrix();
  }
  limit = PAGE;
  show();
}

function show() {
  const state = readState();
  for (const name of /** @type {const} */ (["kind", "by", "format", "matrix"])) select(name).value = state[name];
  if (input("text").value !== state.text) input("text").value = state.text;
  if (!runs.before || !runs.after) return;
  const found = chosenRows(state);
  showTotals(state);
  showList(state, found);
  showMatrix(state, found);
}

// --- controls ---------------------------------------------------------------------------------

/** @param {"before"|"after"} side @param {File|undefined} file */
async function take(side, file) {
  if (!file) { say("That holds no file."); return; }
  const { name } = file;
  const bar = /** @type {HTMLProgressElement} */ ($("progress"));
  reading[side] += 1;
  const mine = reading[side];
  const wanted = () => reading[side] === mine;
  say(`Reading ${name} …`);
  bar.value = 0;
  bar.hidden = false;
  try {
    const run = await readRun(file, packed.outcomes, (share) => { bar.value = share; }, wanted);
    await unpacked;
    if (!run || !wanted()) return;
    runs[side] = run;
    // A run of one's own is held against the published one, until another is chosen.
    runs[side === "before" ? "after" : "before"] ??= published;
    say(`Comparing ${name} …`);
    await showRuns();
    say(`${run.name}: ${count(run.cells.size)} cells read.${run.ignoredRows ? ` ${count(run.ignoredRows)} rows were left out: ${run.ignored.join("; ")}.` : ""}`);
    $("changes").scrollIntoView({ block: "start" });
  } catch (error) {
    if (wanted()) say(`${name} was not opened. ${error instanceof Error ? error.message : ""}`);
  } finally {
    if (wanted()) bar.hidden = true;
  }
}

/** Number of the file that is being read on each side: a later one takes its place. */
const reading = { before: 0, after: 0 };
const KEPT_NAMES = "matrix-compare";

/** A page keeps no file over a reload, but can say which ones there were. */
function rememberFiles() {
  const names = SIDES.flatMap((side) => (runs[side] && !runs[side].published ? [`${side}: ${runs[side].name}`] : []));
  try {
    sessionStorage.setItem(KEPT_NAMES, JSON.stringify(names));
  } catch {
    // Where nothing may be kept, nothing is said after a reload.
  }
}

/** Say which files a reload has lost. */
function sayLost() {
  const [arrived] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  let names = [];
  try {
    names = JSON.parse(sessionStorage.getItem(KEPT_NAMES) ?? "[]");
  } catch {
    // As above.
  }
  if (names.length && arrived?.type !== "navigate") say(`A page keeps no file when it is loaded again. Choose again ${names.join(", ")}.`);
  else if (location.hash.includes("=")) say("The address is a view of two runs: choose the file of the other one to see it.");
}

/** A file goes to where it is dropped; anywhere else on the page it is the run after. @param {DragEvent} event */
function drop(event) {
  event.preventDefault();
  for (const old of document.querySelectorAll(".run.over")) old.classList.remove("over");
  for (const side of SIDES) input(`${side}-file`).value = "";
  const files = [...(event.dataTransfer?.files ?? [])];
  const side = /** @type {Element} */ (event.target).closest?.("#before") ? "before" : "after";
  // The page may still be reading its own data.
  ready.then(() => (files.length > 1 ? take("before", files[0]).then(() => take("after", files[1])) : take(side, files[0])));
}

/** Every cell of the list as CSV; ids, outcomes and causes were checked to be plain words. */
function download() {
  const lines = ["scenario,format,writer,reader,remedy,change,before_outcome,after_outcome,before_cause,after_cause,before_aspects,after_aspects"];
  for (const row of chosenRows(readState())) {
    const { scenario, format, writer, reader, remedy } = row.parts;
    const of = (/** @type {"outcome"|"cause"|"aspects"} */ name) => [row.before?.[name] ?? "", row.after?.[name] ?? ""];
    lines.push([scenario, format, writer, reader, remedy, row.kind, ...of("outcome"), ...of("cause"), ...of("aspects")].join(","));
  }
  saveAs("changes.csv", `${lines.join("\n")}\n`, "text/csv");
}

function listen() {
  for (const side of SIDES) {
    const chooser = input(`${side}-file`);
    chooser.addEventListener("change", () => { if (chooser.files?.length) take(side, chooser.files[0]); });
    // The same file may be chosen again, after it was written again.
    chooser.addEventListener("click", () => { chooser.value = ""; });
    $(`${side}-published`).addEventListener("click", async () => { await unpacked; runs[side] = published; chooser.value = ""; showRuns(); say(""); });
    $(side).addEventListener("dragenter", () => $(side).classList.add("over"));
    $(side).addEventListener("dragleave", (event) => { if (!$(side).contains(/** @type {Node} */ (event.relatedTarget))) $(side).classList.remove("over"); });
  }
  $("swap").addEventListener("click", () => {
    [runs.before, runs.after] = [runs.after, runs.before];
    for (const side of SIDES) input(`${side}-file`).value = "";
    showRuns();
  });
  for (const name of /** @type {const} */ (["kind", "by", "format", "matrix"])) $(name).addEventListener("change", () => go({ [name]: select(name).value }));
  $("text").addEventListener("input", () => go({ text: input("text").value }, true));
  $("more").addEventListener("click", () => { limit += 10 * PAGE; show(); });
  $("download").addEventListener("click", download);
  addEventListener("popstate", () => { limit = PAGE; show(); });
  walkGrid(/** @type {HTMLTableElement} */ ($("grid")), { describe: readPair, open: openPair, href: pairHref, readout: $("reading") });
}

async function begin() {
  unpacked = unpack();
  $("runs").hidden = false;
  const others = [make("option", { value: "different" }, "all that is not the same"), make("option", { value: "all" }, "every cell")];
  $("kind").replaceChildren(...packed.changes.map((each) => make("option", { value: each.id }, `${each.symbol} ${each.label}`)), ...others);
  listen();
  sayLost();
  show();
  published = await unpacked;
  runs.before ??= published;
  showRuns();
}

const ready = loadData("compare").then((value) => { packed = value; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", drop);
ready.then(begin);
})();
