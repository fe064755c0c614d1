// Answers "I saved with A as F and load with B", and shows the matrix it comes from.
// The whole state is in the address, so that a link shows exactly this view.
// Everything from the data is inserted as text, never as HTML.
"use strict";

(() => {
/** @typedef {{w: number[], r: number[], o: string, c?: string}} Grid */
/** @typedef {{scenario: string, remedy: string, outcome: string, cause: string}} Found */

/** @type {any} */ let index = null;
/** @type {any} */ let packed = null;
// On a page with other scripts each takes its turn.
const others = globalThis.matrixIndex;
globalThis.matrixIndex = (value) => { others?.(value); index = value; begin(); };
globalThis.matrixExplore = (value) => { packed = value; begin(); };

const BARE = "none";
const BLANK = ".";
const BEST = "best";
const FIELDS = ["writer", "format", "reader", "scenario", "group", "remedy", "outcome", "cause"];
const NOT_TRIED = ["save_error", "unsupported", "environment_unavailable", "harness_error", "not_run"];

const $ = (id) => document.getElementById(id);

/** @param {string} tag @param {object} [properties] @param {...(Node|string)} children */
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Text whose `backticks` mark code. @param {string} text */
function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

// --- the packed data ---------------------------------------------------------------------

/** What is known of one cell of a grid, or null. @param {Grid|undefined} grid */
function look(grid, writer, reader) {
  if (!grid) return null;
  const row = grid.w.indexOf(writer);
  const column = grid.r.indexOf(reader);
  if (row < 0 || column < 0) return null;
  const at = row * grid.r.length + column;
  const letter = grid.o[at];
  if (letter === BLANK) return null;
  const cause = grid.c && grid.c[at] !== BLANK ? packed.causes[packed.letters.indexOf(grid.c[at])] : "";
  return { outcome: outcomes()[packed.letters.indexOf(letter)], cause };
}

/** @type {string[]|null} */ let outcomeIds = null;
function outcomes() {
  outcomeIds ??= Object.keys(index.outcomes);
  return outcomeIds;
}

const gridsOf = (format, scenario) => packed.grids[format]?.[scenario] ?? {};

/** The cheapest measured way that gives the same model, bare load included; null if none. */
function bestWay(format, scenario, writer, reader) {
  for (const remedy of Object.keys(index.remedies)) {
    if (look(gridsOf(format, scenario)[remedy], writer, reader)?.outcome === "equivalent") return remedy;
  }
  return null;
}

/** Scenarios of the view. */
function scenariosOf(state) {
  return Object.keys(packed.grids[state.format] ?? {})
    .filter((scenario) => (!state.scenario || scenario === state.scenario)
      && (!state.group || packed.groups[scenario] === state.group));
}

/** Every cell of the view, for one pair of environment numbers. @returns {Found[]} */
function cellsOf(state, writer, reader) {
  const found = [];
  for (const scenario of scenariosOf(state)) {
    const remedy = state.remedy === BEST ? bestWay(state.format, scenario, writer, reader) ?? BARE : state.remedy;
    const cell = look(gridsOf(state.format, scenario)[remedy], writer, reader);
    if (!cell || (state.cause && cell.cause !== state.cause)) continue;
    found.push({ scenario, remedy, ...cell });
  }
  return found;
}

// --- the state in the address ------------------------------------------------------------

function defaults() {
  const names = packed.environments;
  const formats = Object.keys(packed.grids);
  return { writer: names.includes("tf2.12") ? "tf2.12" : names[0], format: formats.includes("h5") ? "h5" : formats[0],
    reader: names.includes("keras3.15") ? "keras3.15" : names.at(-1), scenario: "", group: "", remedy: BARE, outcome: "", cause: "" };
}

/** What may be in each field: an address is written by anyone. */
function allowed() {
  return { writer: packed.environments, reader: packed.environments, format: Object.keys(packed.grids),
    scenario: ["", ...Object.keys(index.scenarios)], group: ["", ...new Set(Object.values(packed.groups))],
    remedy: [...Object.keys(index.remedies), BEST], outcome: ["", ...outcomes()], cause: ["", ...packed.causes] };
}

function readState() {
  const state = defaults();
  const given = new URLSearchParams(location.hash.slice(1));
  const known = allowed();
  for (const field of FIELDS) {
    const value = given.get(field);
    if (value !== null && known[field].includes(value)) state[field] = value;
  }
  return state;
}

/** @param {object} change */
function go(change) {
  const state = { ...readState(), ...change };
  const usual = defaults();
  const given = new URLSearchParams();
  for (const field of FIELDS) if (state[field] !== usual[field]) given.set(field, state[field]);
  // Assigning makes an entry in the history: the back button undoes one choice.
  location.hash = given.toString();
  if (!given.toString()) show();
}

// --- the answer --------------------------------------------------------------------------

function mark(outcome) {
  const style = index.outcomes[outcome];
  return make("span", { className: "tag" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), style.label);
}

function cellLink(state, found, words) {
  const id = `${found.scenario}/${state.format}/${state.writer}->${state.reader}/${found.remedy}`;
  return make("a", { href: `cell.html#${encodeURI(id)}` }, words);
}

const codeOf = (remedy, format) => index.remedies[remedy].code[format] ?? "";

/** What to do for one scenario whose bare load does not do. */
function instead(state, found) {
  const writer = packed.environments.indexOf(state.writer);
  const reader = packed.environments.indexOf(state.reader);
  const grids = gridsOf(state.format, found.scenario);
  const way = bestWay(state.format, found.scenario, writer, reader);
  if (way && way !== BARE) {
    const lost = index.remedies[way].gives_up;
    return [make("b", {}, index.remedies[way].title), lost.length ? ` (gives up: ${lost.join(", ")})` : "", make("br"), make("code", {}, codeOf(way, state.format))];
  }
  const tried = Object.keys(grids).filter((remedy) => remedy !== BARE && look(grids[remedy], writer, reader)).length;
  const order = packed.environments.map((_, place) => place)
    .filter((place) => look(grids[BARE], writer, place)?.outcome === "equivalent")
    .sort((a, b) => Math.abs(a - reader) - Math.abs(b - reader) || b - a);
  const nearest = order.length ? ` The nearest environment that reads it: ${packed.environments[order[0]]}.` : " No environment of this run reads it.";
  return [(tried ? `None of the ${tried} other ways tried worked.` : "No other way was tried for this pair.") + nearest];
}

function answerOne(state, found) {
  const style = index.outcomes[found.outcome];
  const cause = index.causes?.[found.cause];
  const parts = [make("p", { className: "lead" }, mark(found.outcome), " ", style.explanation)];
  if (cause) parts.push(make("p", {}, make("b", {}, ...prose(cause.title)), " ", ...prose(cause.explanation)));
  if (found.outcome === "equivalent") parts.push(make("p", {}, make("code", {}, codeOf(BARE, state.format))));
  else if (!NOT_TRIED.includes(found.outcome)) parts.push(make("h3", {}, "What works instead"), make("p", {}, ...instead(state, found)));
  const command = `python -m runner advise --writer ${state.writer} --reader ${state.reader} --scenario ${found.scenario} --format ${state.format}`;
  parts.push(make("p", {}, cellLink(state, found, "All that was measured of this cell"), ", or on the command line:"), make("p", { className: "code" }, command));
  return parts;
}

function answerAll(state, cells) {
  const tried = cells.filter((each) => !NOT_TRIED.includes(each.outcome));
  if (!tried.length) {
    const style = cells.length ? index.outcomes[cells[0].outcome] : null;
    return [make("p", { className: "lead" }, style ? make("span", {}, mark(cells[0].outcome), " ", style.explanation) : "Not measured in this run.")];
  }
  const good = tried.filter((each) => each.outcome === "equivalent");
  const bad = tried.filter((each) => each.outcome !== "equivalent");
  const silent = bad.filter((each) => each.outcome === "diverged").length;
  const words = [`Of ${tried.length} kinds of models measured, `, make("b", {}, `${good.length} load as the same model`), ` with a plain `, make("code", {}, codeOf(BARE, state.format)),
    ", ", make("b", { className: silent ? "t-d" : "" }, `${silent} load and are silently not the same`), `, and ${bad.length - silent} do not load or cannot be used.`];
  const rows = bad.sort((a, b) => Number(b.outcome === "diverged") - Number(a.outcome === "diverged")).map((each) => make("tr", {},
    make("td", {}, mark(each.outcome)), make("td", {}, cellLink(state, each, index.scenarios[each.scenario].title)),
    make("td", {}, ...prose(index.causes?.[each.cause]?.title ?? "")), make("td", {}, ...instead(state, each))));
  const table = make("table", { className: "list" }, make("thead", {}, make("tr", {},
    ...["bare load", "a model with", "why", "what works instead"].map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, ...rows));
  return [make("p", { className: "lead" }, ...words), ...(bad.length ? [make("details", { open: bad.length <= 8 },
    make("summary", {}, `What fails, why, and what works instead (${bad.length})`), make("div", { className: "scroll" }, table))] : [])];
}

function showAnswer(state) {
  const writer = packed.environments.indexOf(state.writer);
  const reader = packed.environments.indexOf(state.reader);
  const cells = cellsOf({ ...state, group: "", cause: "", remedy: BARE }, writer, reader);
  const said = state.scenario ? (cells.length ? answerOne(state, cells[0]) : [make("p", { className: "lead" }, "This model was not measured in this format for this pair.")]) : answerAll(state, cells);
  $("answer").replaceChildren(...said);
}

// --- the matrix --------------------------------------------------------------------------

/** Counts of the view: [total, tried, wanted, silent] for each pair. */
function countPairs(state) {
  const size = packed.environments.length;
  const counts = new Int32Array(size * size * 4);
  const names = outcomes();
  const wanted = state.outcome || "equivalent";
  for (const scenario of scenariosOf(state)) {
    const grids = gridsOf(state.format, scenario);
    const grid = grids[state.remedy === BEST ? BARE : state.remedy];
    if (!grid) continue;
    let at = 0;
    for (const writer of grid.w) for (const reader of grid.r) {
      const letter = grid.o[at];
      const cause = grid.c ? grid.c[at] : BLANK;
      at += 1;
      if (letter === BLANK) continue;
      if (state.cause && (cause === BLANK || packed.causes[packed.letters.indexOf(cause)] !== state.cause)) continue;
      let outcome = names[packed.letters.indexOf(letter)];
      if (state.remedy === BEST && outcome !== "equivalent" && bestWay(state.format, scenario, writer, reader)) outcome = "equivalent";
      const place = (writer * size + reader) * 4;
      counts[place] += 1;
      if (!NOT_TRIED.includes(outcome)) counts[place + 1] += 1;
      if (outcome === wanted) counts[place + 2] += 1;
      if (outcome === "diverged") counts[place + 3] += 1;
    }
  }
  return counts;
}

function showMatrix(state) {
  const table = $("pairs");
  if (!table) return;
  const counts = countPairs(state);
  const size = packed.environments.length;
  const body = make("tbody");
  const totals = { total: 0, tried: 0, wanted: 0, silent: 0 };
  const used = packed.environments.map((_, a) => packed.environments.some((__, b) => counts[(b * size + a) * 4]));
  const head = make("tr", {}, make("td", { className: "corner" }, "writer ↓ reader →"));
  packed.environments.forEach((name, reader) => { if (used[reader]) head.append(make("th", { scope: "col", className: packed.css[reader] }, make("span", {}, name))); });
  packed.environments.forEach((name, writer) => {
    const row = make("tr", {}, make("th", { scope: "row", className: packed.css[writer] }, name));
    let any = false;
    packed.environments.forEach((other, reader) => {
      if (!used[reader]) return;
      const place = (writer * size + reader) * 4;
      const [total, tried, wanted, silent] = counts.subarray(place, place + 4);
      totals.total += total; totals.tried += tried; totals.wanted += wanted; totals.silent += silent;
      if (total) any = true;
      const cell = make("td");
      cell.dataset.writer = name;
      cell.dataset.reader = other;
      if (state.outcome) {
        cell.textContent = wanted ? String(wanted) : "";
        if (wanted) cell.className = index.outcomes[state.outcome].css;
      } else if (total) {
        const share = tried ? Math.floor(100 * wanted / tried) : -1;
        cell.className = share < 0 ? "n" : `q${Math.floor(share / 20)}${silent ? " k" : ""}`;
        cell.textContent = share < 0 ? index.outcomes.unsupported.symbol : String(share);
        if (silent) cell.append(make("b", {}, `≠${silent}`));
      }
      if (writer === reader) cell.classList.add("x");
      if (name === state.writer && other === state.reader) { cell.classList.add("chosen"); cell.setAttribute("aria-current", "true"); }
      row.append(cell);
    });
    if (any) body.append(row);
  });
  table.replaceChildren(make("thead", {}, head), body);
  const what = state.outcome ? `${totals.wanted.toLocaleString("en")} are ${index.outcomes[state.outcome].label}` : `${totals.wanted.toLocaleString("en")} of ${totals.tried.toLocaleString("en")} tried are the same model, ${totals.silent.toLocaleString("en")} silently not`;
  $("summary").textContent = `${scenariosOf(state).length} scenarios, ${totals.total.toLocaleString("en")} cells: ${what}.`;
}

// --- CSV of the view ---------------------------------------------------------------------

/** Every cell of the view as rows of CSV. */
function csv(state) {
  const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = ["scenario,format,writer,reader,remedy,outcome,cause"];
  packed.environments.forEach((writer, w) => packed.environments.forEach((reader, r) => {
    for (const cell of cellsOf(state, w, r)) {
      if (state.outcome && cell.outcome !== state.outcome) continue;
      rows.push([cell.scenario, state.format, writer, reader, cell.remedy, cell.outcome, cell.cause].map(quote).join(","));
    }
  }));
  return `${rows.join("\n")}\n`;
}

function download() {
  const url = URL.createObjectURL(new Blob([csv(readState())], { type: "text/csv" }));
  const link = make("a", { href: url, download: "matrix-view.csv" });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}

// --- controls ----------------------------------------------------------------------------

/** @param {HTMLSelectElement|null} select @param {[string, string][]} options */
function fill(select, options) {
  if (select) select.append(...options.map(([value, words]) => make("option", { value }, words)));
}

function controls() {
  return [...document.querySelectorAll("#picker select, #filters select")];
}

function moveTo(cell) {
  for (const old of document.querySelectorAll("#pairs .at")) old.classList.remove("at");
  if (!cell) return;
  cell.classList.add("at");
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  const bits = [`written by ${cell.dataset.writer}, read by ${cell.dataset.reader}: `, cell.textContent || "nothing"];
  $("reading").textContent = bits.join("");
}

function walk(event) {
  const table = $("pairs");
  const at = table.querySelector(".at") ?? table.querySelector(".chosen") ?? table.tBodies[0]?.querySelector("td");
  if (!at) return;
  if (event.key === "Enter") { go({ writer: at.dataset.writer, reader: at.dataset.reader }); event.preventDefault(); return; }
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const row = table.tBodies[0].rows[at.parentElement.sectionRowIndex + step[0]];
  const next = row?.cells[at.cellIndex + step[1]];
  moveTo(next?.dataset.writer ? next : at);
}

function show() {
  const state = readState();
  for (const select of controls()) select.value = state[select.name];
  showAnswer(state);
  showMatrix(state);
}

let begun = false;
function begin() {
  if (!index || !packed || begun) return;
  begun = true;
  const picker = $("picker");
  const names = packed.environments.map((name) => [name, name]);
  const titles = Object.keys(index.scenarios).map((id) => [id, index.scenarios[id].title]);
  fill(picker.writer, names); fill(picker.reader, names);
  fill(picker.format, Object.keys(packed.grids).map((name) => [name, name]));
  fill(picker.scenario, titles);
  const filters = $("filters");
  if (filters) {
    fill(filters.group, [...new Set(Object.values(packed.groups))].map((name) => [name, name]));
    fill(filters.remedy, [...Object.keys(index.remedies).map((id) => [id, index.remedies[id].title]), [BEST, "Whatever was measured to work"]]);
    fill(filters.outcome, outcomes().map((id) => [id, `${index.outcomes[id].symbol} ${index.outcomes[id].label}`]));
    fill(filters.cause, packed.causes.map((id) => [id, index.causes?.[id]?.title ?? id]));
    $("download").addEventListener("click", download);
    $("reset").addEventListener("click", () => go(defaults()));
    const table = $("pairs");
    table.addEventListener("click", (event) => { const cell = event.target.closest("td[data-writer]"); if (cell) go({ writer: cell.dataset.writer, reader: cell.dataset.reader }); });
    table.addEventListener("mouseover", (event) => { const cell = event.target.closest("td[data-writer]"); if (cell) moveTo(cell); });
    table.addEventListener("keydown", walk);
  }
  for (const select of controls()) select.addEventListener("change", () => go({ [select.name]: select.value }));
  addEventListener("hashchange", show);
  show();
}
})();
