// The first page: the question with its answer, and the matrix of all pairs behind it.
"use strict";

const CHEAPEST = "cheapest";
const ROW_HEIGHT = 36;
const ROWS_AT_ONCE = 8;
const FRAME_MS = 16;
const TOP = ["from", "as", "to", "with"];
const VIEW = ["format", "models", "remedy", "outcome", "cause", "pair"];

/** @typedef {{format: string, models: string, remedy: string, outcome: string, cause: string, pair: string}} View */

/** Whether a scenario belongs to what the view shows of models: all, a group or one. @param {Cells} cells @param {string} models */
function chosenScenarios(cells, models) {
  return cells.scenarios.map((id) => !models || models === id || models === `group:${cells.index.scenarios[id].group}`);
}

/**
 * Call `each` for every cell of a view.
 * @param {Cells} cells
 * @param {View} view
 * @param {(writer: number, reader: number, outcome: number, place: number, grid: Grid) => void} each
 */
function forEachCell(cells, view, each) {
  const format = cells.formats.indexOf(view.format);
  const cheapest = view.remedy === CHEAPEST;
  const remedy = cheapest ? cells.bare : cells.remedies.indexOf(view.remedy);
  const cause = view.cause ? cells.causes.indexOf(view.cause) : NO_CELL;
  const scenarios = chosenScenarios(cells, view.models);
  for (const grid of cells.grids) {
    if (grid.remedy !== remedy || (format >= 0 && grid.format !== format) || !scenarios[grid.scenario]) continue;
    let place = grid.start - 1;
    for (const writer of grid.writers) {
      for (const reader of grid.readers) {
        place += 1;
        const found = cells.outcome[place];
        if (found === NO_CELL || (cause !== NO_CELL && cells.cause[place] !== cause)) continue;
        each(writer, reader, cheapest && cells.best[place] !== NO_CELL ? cells.equivalent : found, place, grid);
      }
    }
  }
}

/** How many cells of each outcome every pair has. @param {Cells} cells @param {View} view */
function countPairs(cells, view) {
  const size = cells.environments.length;
  const kinds = cells.outcomes.length;
  const counts = new Int32Array(size * size * kinds);
  forEachCell(cells, view, (writer, reader, outcome) => { counts[(writer * size + reader) * kinds + outcome] += 1; });
  return counts;
}

/** @param {Int32Array} numbers of one pair, by outcome @param {Cells} cells */
function sumUp(numbers, cells) {
  let total = 0;
  let tried = 0;
  let kinds = 0;
  let most = -1;
  numbers.forEach((number, outcome) => {
    total += number;
    if (cells.styles[outcome].ran) tried += number;
    if (number) kinds += 1;
    if (number && (most < 0 || number > numbers[most])) most = outcome;
  });
  return { total, tried, kinds, most, good: numbers[cells.equivalent], silent: numbers[cells.diverged] };
}

// --- what a pair looks like ------------------------------------------------------------------

const BAR_STEPS = 16;

/** A bar in few steps, in which every outcome that is there can be seen. @param {number[]} numbers @returns {number[]} */
function stepsOf(numbers) {
  const total = numbers.reduce((sum, each) => sum + each, 0);
  const steps = numbers.map((each) => (each ? Math.max(1, Math.round((BAR_STEPS * each) / total)) : 0));
  const left = BAR_STEPS - steps.reduce((sum, each) => sum + each, 0);
  steps[steps.indexOf(Math.max(...steps))] += left;
  return steps;
}

/** Bars of shares: one rule for each mixture, as thousands of cells have few of them. */
class ShareBars {
  constructor() {
    this.sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
    /** @type {Set<string>} */ this.names = new Set();
  }

  /** The class of a bar. @param {Int32Array} numbers @param {Cells} cells */
  name(numbers, cells) {
    const steps = stepsOf([...numbers]);
    const name = `mix-${steps.map((each, outcome) => (each ? cells.styles[outcome].css + each : "")).join("")}`;
    if (this.names.has(name)) return name;
    this.names.add(name);
    const stops = [];
    let at = 0;
    for (const [outcome, each] of steps.entries()) {
      if (!each) continue;
      const end = at + each;
      stops.push(`var(--bar-${cells.styles[outcome].css}) ${(100 * at) / BAR_STEPS}% ${(100 * end) / BAR_STEPS}%`);
      at = end;
    }
    this.sheet.insertRule(`.${name} { background-image: linear-gradient(90deg, ${stops.join(", ")}); }`);
    return name;
  }
}

const shareBars = new ShareBars();

/** What a cell shows: class, text, and how many are silently another model. @param {Cells} cells @param {View} view @param {Int32Array} numbers */
function pairLook(cells, view, numbers) {
  const { total, tried, kinds, most, good, silent } = sumUp(numbers, cells);
  const mix = kinds > 1 ? ` mix ${shareBars.name(numbers, cells)}` : "";
  if (!total) return { css: "", text: "", badge: "" };
  if (view.outcome) {
    const style = cells.index.outcomes[view.outcome];
    const number = numbers[cells.outcomes.indexOf(view.outcome)];
    if (!number) return { css: "", text: "", badge: "" };
    return { css: style.css + mix, text: total === 1 ? style.symbol : count(number), badge: "" };
  }
  if (kinds === 1) return { css: cells.styles[most].css, text: cells.styles[most].symbol, badge: "" };
  if (!tried) return { css: `n${mix}`, text: cells.styles[most].symbol, badge: "" };
  const share = Math.floor((100 * good) / tried);
  const text = good === tried ? "✓" : good ? String(share) : "✗";
  return { css: `q${Math.floor(share / 20)}${mix}`, text, badge: silent ? `≠${silent}` : "" };
}

/** Paint what has changed of a cell: laying out thousands of them is what takes time. @param {Cell} td @param {ReturnType<typeof pairLook>} look @param {boolean} same */
function paintPair(td, { css, text, badge }, same) {
  const name = same ? `${css} x` : css;
  if (td.className !== name) td.className = name;
  td.removeAttribute("aria-label");
  const [words, mark] = td.childNodes;
  if (!words) td.append(text);
  else if (words.nodeValue !== text) words.nodeValue = text;
  if (mark && badge) mark.textContent = badge;
  else if (mark) mark.remove();
  else if (badge) td.append(make("b", {}, badge));
}

/** A pair in words. @param {Cells} cells @param {Int32Array} numbers @param {number} writer @param {number} reader */
function describePair(cells, numbers, writer, reader) {
  const { total, tried, good } = sumUp(numbers, cells);
  const parts = [...numbers.entries()].filter(([, number]) => number).map(([outcome, number]) => `${number} ${cells.styles[outcome].label}`);
  const share = tried ? `, ${Math.floor((100 * good) / tried)} % of what was tried is the same model` : "";
  return `Saved with ${cells.environments[writer]}, loaded with ${cells.environments[reader]}: ${total ? `${parts.join(", ")}${share}` : "no cell"}`;
}

// --- what can be downloaded ------------------------------------------------------------------

/** Exactly the cells of a view, in the columns of cells.csv that every page has. @param {Cells} cells @param {View} view */
function viewAsCsv(cells, view) {
  const quote = (/** @type {string} */ text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = ["scenario,format,writer,reader,remedy,outcome,cause"];
  const wanted = view.outcome ? cells.outcomes.indexOf(view.outcome) : -1;
  forEachCell(cells, view, (writer, reader, outcome, place, grid) => {
    if (wanted >= 0 && outcome !== wanted) return;
    const helped = view.remedy === CHEAPEST && cells.best[place] !== NO_CELL;
    const remedy = helped ? cells.best[place] : grid.remedy;
    const cause = helped ? undefined : cells.causes[cells.cause[place]];
    rows.push([cells.scenarios[grid.scenario], cells.formats[grid.format], cells.environments[writer], cells.environments[reader], cells.remedies[remedy], cells.outcomes[outcome], cause ?? ""].map(quote).join(","));
  });
  return `${rows.join("\n")}\n`;
}

// --- the page --------------------------------------------------------------------------------

/** @param {HTMLSelectElement} select @param {[string, [string, string][]][]} groups label and options; without a label they stand alone */
function fillSelect(select, groups) {
  for (const [label, options] of groups) {
    const made = options.map(([value, words]) => make("option", { value }, words));
    if (label) select.append(make("optgroup", { label }, ...made));
    else select.append(...made);
  }
}

/** Runs of environments of one family. @param {Cells} cells @returns {[string, [string, string][]][]} */
function environmentOptions(cells) {
  /** @type {[string, [string, string][]][]} */ const groups = [];
  for (const name of cells.environments) {
    const { family, released } = cells.index.environments[name];
    if (groups.at(-1)?.[0] !== family) groups.push([family, []]);
    groups.at(-1)?.[1].push([name, `${name} (${released.slice(0, 4)})`]);
  }
  return groups;
}

/** @param {Cells} cells @param {boolean} whole whether a group can be chosen as such @returns {[string, [string, string][]][]} */
function scenarioOptions(cells, whole) {
  return cells.groups.map((group) => [group, [
    ...(whole ? [/** @type {[string, string]} */ ([`group:${group}`, `${group}: all`])] : []),
    ...cells.scenarios.filter((id) => cells.index.scenarios[id].group === group).map((id) => /** @type {[string, string]} */ ([id, cells.index.scenarios[id].title])),
  ]]);
}

/** @param {Cells} cells */
function allowedValues(cells) {
  const names = cells.environments;
  return {
    from: names, to: names, as: cells.formats, with: ["", ...cells.scenarios],
    format: ["", ...cells.formats], models: ["", ...cells.groups.map((group) => `group:${group}`), ...cells.scenarios],
    remedy: [...cells.remedies, CHEAPEST], outcome: ["", ...cells.outcomes], cause: ["", ...cells.causes],
    pair: ["", ...names.flatMap((writer) => names.map((reader) => `${writer}->${reader}`))],
  };
}

/** @param {Cells} cells */
function usualValues(cells) {
  const names = cells.environments;
  const has = (/** @type {string[]} */ all, /** @type {string} */ name, /** @type {string} */ other) => (all.includes(name) ? name : other);
  return { from: has(names, "tf2.12", names[0]), as: has(cells.formats, "h5", cells.formats[0]), to: has(names, "keras3.15", /** @type {string} */ (names.at(-1))), with: "",
    format: "", models: "", remedy: BARE, outcome: "", cause: "", pair: "" };
}

class OverviewPage {
  /** @param {Cells} cells */
  constructor(cells) {
    this.cells = cells;
    this.table = /** @type {HTMLTableElement} */ ($("pairs"));
    /** The cells of the table, writer by writer. @type {{writer: number, cells: {reader: number, td: Cell}[]}[]} */ this.tds = [];
    /** What is painted between frames. */ this.later = 0;
    this.rows = "";
    this.asked = "";
    this.drawn = "";
    this.fillControls();
    this.state = new AddressState(usualValues(cells), allowedValues(cells), (state) => this.show(state));
    for (const select of this.selects()) select.addEventListener("change", () => this.state.go({ [select.name]: select.value }));
    $("download").addEventListener("click", () => saveAs("matrix-view.csv", viewAsCsv(cells, this.view(this.state.now)), "text/csv"));
    $("reset").addEventListener("click", () => this.state.go(Object.fromEntries(VIEW.map((field) => [field, this.state.usual[field]]))));
    walkGrid(this.table, { readout: $("reading"), describe: (td) => this.describe(td), open: (td) => this.open(td) });
    this.show(this.state.now);
    this.showLinked();
  }

  /** Who follows a link to a view of the matrix wants to see it first; who comes back is where they were. */
  showLinked() {
    const [arrived] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    const { now, usual } = this.state;
    if (arrived?.type !== "navigate" || VIEW.every((field) => now[field] === usual[field])) return;
    $(now.pair ? "pair" : "matrix").scrollIntoView();
  }

  /** @returns {HTMLSelectElement[]} */
  selects() {
    return [...document.querySelectorAll("#picker select, #filters select")].map((each) => /** @type {HTMLSelectElement} */ (each));
  }

  fillControls() {
    const { cells } = this;
    const picker = /** @type {any} */ ($("picker"));
    const filters = /** @type {any} */ ($("filters"));
    const formats = cells.formats.map((name) => /** @type {[string, string]} */ ([name, name]));
    fillSelect(picker.elements.from, environmentOptions(cells));
    fillSelect(picker.elements.to, environmentOptions(cells));
    fillSelect(picker.elements.as, [["", formats]]);
    fillSelect(picker.elements.with, scenarioOptions(cells, false));
    fillSelect(filters.elements.format, [["", formats]]);
    fillSelect(filters.elements.models, scenarioOptions(cells, true));
    fillSelect(filters.elements.remedy, [["", [...cells.remedies.map((id) => /** @type {[string, string]} */ ([id, cells.index.remedies[id].title])), [CHEAPEST, "The cheapest way that works"]]]]);
    fillSelect(filters.elements.outcome, [["", cells.outcomes.map((id, place) => /** @type {[string, string]} */ ([id, `${cells.styles[place].symbol} ${cells.styles[place].label}`]))]]);
    fillSelect(filters.elements.cause, [["", cells.causes.map((id) => /** @type {[string, string]} */ ([id, (cells.index.causes[id]?.title ?? id).replaceAll("`", "")]))]]);
  }

  /** @param {State} state @returns {View} */
  view(state) {
    return /** @type {View} */ (Object.fromEntries(VIEW.map((field) => [field, state[field]])));
  }

  /** @param {State} state */
  show(state) {
    for (const select of this.selects()) select.value = state[select.name];
    // A part is drawn again only where what it shows has changed.
    const asked = TOP.map((field) => state[field]).join(" ");
    if (asked !== this.asked) this.showAnswer(state);
    this.asked = asked;
    const drawn = JSON.stringify({ ...this.view(state), pair: "" });
    if (drawn !== this.drawn) this.showMatrix(state);
    this.drawn = drawn;
    this.showPair(state);
  }

  /** @param {State} state */
  showAnswer(state) {
    const { cells } = this;
    const asked = { writer: cells.environments.indexOf(state.from), reader: cells.environments.indexOf(state.to), format: cells.formats.indexOf(state.as), scenario: cells.scenarios.indexOf(state.with) };
    $("answer").replaceChildren(...answer(cells, asked));
  }

  /** @param {State} state */
  showMatrix(state) {
    const { cells } = this;
    const view = this.view(state);
    this.counts = countPairs(cells, view);
    const places = cells.environments.map((_, place) => place);
    const used = places.filter((a) => places.some((b) => this.total(a, b) || this.total(b, a)));
    // Cells are made once and painted again: a choice has to show at once.
    const rows = used.join();
    const kept = rows === this.rows;
    if (!kept) {
      this.tds = used.map((writer) => ({ writer, cells: [] }));
      drawTable(this.table, cells, used, used, (writer, reader) => {
        const td = /** @type {Cell} */ (document.createElement("td"));
        this.tds[used.indexOf(writer)].cells.push({ reader, td });
        return td;
      });
    }
    this.rows = rows;
    const box = /** @type {HTMLElement} */ (this.table.parentElement);
    this.paint(view, kept ? box.scrollTop : 0, kept ? box.clientHeight : innerHeight);
    parkFirst(this.table);
    this.summarize(view);
  }

  /** Paint the rows in sight at once, and the others between frames. @param {View} view @param {number} scrolled @param {number} height */
  paint(view, scrolled, height) {
    clearTimeout(this.later);
    const first = Math.max(0, Math.floor(scrolled / ROW_HEIGHT) - 1);
    const seen = Math.ceil(height / ROW_HEIGHT) + 1;
    const waiting = [...this.tds.slice(first + seen), ...this.tds.slice(0, first)];
    for (const row of this.tds.slice(first, first + seen)) this.paintRow(view, row);
    const go = () => {
      for (const row of waiting.splice(0, ROWS_AT_ONCE)) this.paintRow(view, row);
      this.table.ariaBusy = String(waiting.length > 0);
      if (waiting.length) this.later = setTimeout(go, FRAME_MS);
    };
    this.table.ariaBusy = String(waiting.length > 0);
    if (waiting.length) this.later = setTimeout(go, FRAME_MS);
  }

  /** @param {View} view @param {{writer: number, cells: {reader: number, td: Cell}[]}} row */
  paintRow(view, { writer, cells }) {
    for (const { reader, td } of cells) paintPair(td, pairLook(this.cells, view, this.numbers(writer, reader)), writer === reader);
  }

  /** Counts of one pair by outcome. @param {number} writer @param {number} reader */
  numbers(writer, reader) {
    const kinds = this.cells.outcomes.length;
    const start = (writer * this.cells.environments.length + reader) * kinds;
    return /** @type {Int32Array} */ (this.counts).subarray(start, start + kinds);
  }

  /** @param {number} writer @param {number} reader */
  total(writer, reader) {
    return this.numbers(writer, reader).reduce((sum, each) => sum + each, 0);
  }

  /** @param {View} view */
  summarize(view) {
    const { cells } = this;
    const numbers = new Int32Array(cells.outcomes.length);
    /** @type {Int32Array} */ (this.counts).forEach((number, at) => { numbers[at % numbers.length] += number; });
    const { total } = sumUp(numbers, cells);
    const parts = [...numbers.entries()].filter(([, number]) => number).map(([outcome, number]) => {
      const style = cells.styles[outcome];
      return make("span", { className: "count" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), make("b", {}, count(number)), ` ${style.label}`);
    });
    $("summary").replaceChildren(make("span", { className: "counts" }, ...parts, make("span", { className: "count sum" }, "= ", make("b", {}, count(total)), " cells")));
    const rows = view.outcome ? numbers[cells.outcomes.indexOf(view.outcome)] : total;
    $("download").textContent = `Download these ${count(rows)} cells as CSV`;
  }

  /** @param {Cell} td */
  placesOf(td) {
    const { writer, reader } = pairOf(td);
    return { writer: this.cells.environments.indexOf(writer), reader: this.cells.environments.indexOf(reader) };
  }

  /** @param {Cell} td */
  describe(td) {
    const { writer, reader } = this.placesOf(td);
    return describePair(this.cells, this.numbers(writer, reader), writer, reader);
  }

  /** @param {Cell} td */
  open(td) {
    const { writer, reader } = pairOf(td);
    this.state.go({ pair: `${writer}->${reader}` });
    $("pair").scrollIntoView({ block: "nearest" });
  }

  /** Lists by outcome: the silent ones first, then what fails, what works, and what was never tried. @param {Map<number, HTMLElement[]>} items */
  pairParts(items) {
    const { cells } = this;
    const rank = (/** @type {number} */ outcome) => (outcome === cells.diverged ? 0 : !cells.styles[outcome].ran ? 3 : outcome === cells.equivalent ? 2 : 1);
    return [...items].sort(([a], [b]) => rank(a) - rank(b) || a - b).flatMap(([outcome, found]) => [
      make("h4", {}, outcomeTag(cells.styles[outcome]), ` ${count(found.length)}`), make("ul", { className: "plain kinds" }, ...found)]);
  }

  /** The cells behind one pair of the matrix. @param {State} state */
  showPair(state) {
    const { cells } = this;
    const panel = $("pair");
    panel.hidden = !state.pair;
    for (const old of this.table.querySelectorAll(".chosen")) { old.classList.remove("chosen"); old.removeAttribute("aria-selected"); }
    if (!state.pair) return;
    const [from, to] = state.pair.split("->");
    for (const row of bodyRows(this.table)) {
      if (row.cells[0].textContent !== from) continue;
      const column = [...columnHeads(this.table).cells].findIndex((each) => each.textContent === to);
      row.cells[column]?.classList.add("chosen");
      row.cells[column]?.setAttribute("aria-selected", "true");
    }
    const writer = cells.environments.indexOf(from);
    const reader = cells.environments.indexOf(to);
    const view = this.view(state);
    /** @type {Map<number, HTMLElement[]>} */ const items = new Map();
    forEachCell(cells, view, (w, r, outcome, place, grid) => {
      if (w !== writer || r !== reader || (view.outcome && cells.outcomes[outcome] !== view.outcome)) return;
      const remedy = view.remedy === CHEAPEST && cells.best[place] !== NO_CELL ? cells.best[place] : grid.remedy;
      const found = { scenario: grid.scenario, format: grid.format, remedy, outcome, cause: outcome === cells.equivalent ? NO_CELL : cells.cause[place] };
      const asked = { writer, reader, format: grid.format, scenario: grid.scenario };
      const notes = [" ", make("code", { className: "id" }, cells.formats[grid.format]), ...(remedy === cells.bare ? [] : [` ${cells.index.remedies[cells.remedies[remedy]].title}`])];
      items.set(outcome, [...(items.get(outcome) ?? []), loadItem(cells, asked, found, notes)]);
    });
    const ask = make("button", { type: "button" }, "Ask about this pair");
    ask.addEventListener("click", () => { this.state.go({ from, to, ...(view.format ? { as: view.format } : {}) }); $("picker").scrollIntoView(); /** @type {any} */ ($("picker")).elements.from.focus(); });
    const close = make("button", { type: "button" }, "Close");
    close.addEventListener("click", () => { this.state.go({ pair: "" }); /** @type {HTMLElement|null} */ (this.table.querySelector("td[tabindex]"))?.focus(); });
    panel.replaceChildren(make("h3", {}, `${from} → ${to}: ${times([...items.values()].flat().length, "cell")} of this view`), make("p", {}, ask, " ", close), ...this.pairParts(items));
  }
}

loadCells().then((cells) => {
  new OverviewPage(cells);
  // After the frame that shows it: what the test of speed reads.
  requestAnimationFrame(() => setTimeout(() => performance.mark("interactive"), 0));
}, (error) => { $("answer").replaceChildren(make("p", {}, String(error.message))); });
