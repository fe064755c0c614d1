// The first page: the question with its answer, and the matrix of all pairs behind it.
"use strict";

const ROW_HEIGHT = 36;
const ROWS_AT_ONCE = 8;
const ROWS_AROUND = 2;
const COLUMN_WIDTH = 34;
const FRAME_MS = 16;
const TOP = ["from", "as", "to", "with"];
const VIEW = ["format", "models", "remedy", "outcome", "cause", "pair", "writer", "reader", "files", "over", "age"];

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
  for (const name of [...cells.environments].reverse()) {
    const { family, first_released: released } = cells.index.environments[name];
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

/** Where cells have their facts from, and when they were measured. @param {Cells} cells @returns {[string, [string, string][]][]} */
function ageOptions(cells) {
  const origins = Object.entries(cells.index.origins).filter(([id]) => id && cells.ages.some(([origin]) => origin === id));
  const moments = [...new Set(cells.ages.map(([, moment]) => moment))].filter(Boolean).sort().reverse();
  const frozen = cells.ages.some((each) => each[2]) ? [/** @type {[string, string]} */ (["frozen:yes", "of a frozen artifact"])] : [];
  return [["by origin", [...origins.map(([id, { label }]) => /** @type {[string, string]} */ ([`origin:${id}`, label])), ...frozen]], ...(moments.length ? [/** @type {[string, [string, string][]]} */ (["by date", moments.map((moment) => [`moment:${moment}`, moment])])] : [])];
}

/** @param {Cells} cells */
function allowedValues(cells) {
  const names = cells.environments;
  return {
    from: names, to: names, as: cells.formats, with: ["", ...cells.scenarios],
    format: ["", ...cells.formats], models: ["", ...cells.groups.map((group) => `group:${group}`), ...cells.scenarios],
    remedy: [...cells.remedies, CHEAPEST, ANY_WAY], writer: ["", ...names], reader: ["", ...names], files: Object.keys(FILES), over: ["", "all"], age: ["", ...ageOptions(cells).flatMap(([, options]) => options.map(([value]) => value))], outcome: ["", ...cells.outcomes], cause: ["", ...cells.causes],
    pair: ["", ...names.flatMap((writer) => names.map((reader) => `${writer}->${reader}`))],
  };
}

/** @param {Cells} cells */
function usualValues(cells) {
  const names = cells.environments;
  const has = (/** @type {string[]} */ all, /** @type {string} */ name, /** @type {string} */ other) => (all.includes(name) ? name : other);
  return { from: has(names, "tf2.12", names[0]), as: has(cells.formats, "h5", cells.formats[0]), to: has(names, "keras3.15", /** @type {string} */ (names.at(-1))), with: "",
    format: "", models: "", remedy: BARE, outcome: "", cause: "", pair: "", writer: "", reader: "", files: "", over: "", age: "" };
}

/** @typedef {{writer: number, row: HTMLTableRowElement, readers: number[]}} PairRow */

class OverviewPage {
  /** @param {Cells} cells */
  constructor(cells) {
    this.cells = cells;
    this.table = /** @type {HTMLTableElement} */ ($("pairs"));
    this.box = /** @type {HTMLElement} */ (this.table.parentElement);
    /** The rows of the table, and the readers of their cells. @type {PairRow[]} */ this.tds = [];
    /** What is painted between frames. */ this.later = 0;
    this.rows = "";
    this.asked = "";
    this.drawn = "";
    /** @type {PairCounts} */ this.counts = { outcomes: new Int32Array(0), totals: new Int32Array(0), files: new Int32Array(0), measured: new Uint8Array(0), narrow: 0 };
    this.fillControls();
    this.state = new AddressState(usualValues(cells), allowedValues(cells), (state) => this.show(state));
    for (const select of this.selects()) select.addEventListener("change", () => this.state.go({ [select.name]: select.value }));
    $("download").addEventListener("click", () => saveAs("matrix-view.csv", viewAsCsv(this.cells, this.view(this.state.now)), "text/csv"));
    $("reset").addEventListener("click", () => this.state.go(Object.fromEntries(VIEW.map((field) => [field, this.state.usual[field]]))));
    this.box.addEventListener("scroll", () => this.rowsInSight(), { passive: true });
    addEventListener("resize", () => this.rowsInSight());
    walkGrid(this.table, { readout: $("reading"), describe: (td) => this.describe(td), href: (td) => this.href(td), open: (td) => this.open(td) });
    this.show(this.state.now);
    this.showLinked();
  }

  /** Say what rests on the other ways of loading, too, once they are read. @param {Cells} cells */
  complete(cells) {
    this.cells = cells;
    this.asked = "";
    this.drawn = "";
    this.show(this.state.now);
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
    fillSelect(filters.elements.remedy, [["", [...cells.remedies.map((id) => /** @type {[string, string]} */ ([id, cells.index.remedies[id].title])), [CHEAPEST, "The cheapest way that works"], [ANY_WAY, "All ways of loading"]]]]);
    fillSelect(filters.elements.writer, environmentOptions(cells));
    fillSelect(filters.elements.reader, environmentOptions(cells));
    fillSelect(filters.elements.age, ageOptions(cells));
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
    const { unknown } = this.state;
    $("unknown").hidden = !unknown.length;
    $("unknown").textContent = unknown.length ? `The address asks for what is not in this run: ${unknown.join(", ")}. Shown is the usual choice in its place.` : "";
    if (state.remedy !== BARE && !this.cells.whole) { this.wait(); return; }
    const asked = TOP.map((field) => state[field]).join(" ");
    if (asked !== this.asked) this.showAnswer(state);
    this.asked = asked;
    const drawn = JSON.stringify({ ...this.view(state), pair: "" });
    if (drawn !== this.drawn) this.showMatrix(state);
    this.drawn = drawn;
    this.showPair(state);
  }

  /** Nothing is said of what is not there yet. */
  wait() {
    $("summary").textContent = "Reading the other ways of loading …";
    /** @type {HTMLButtonElement} */ ($("download")).disabled = true;
    this.table.ariaBusy = "true";
  }

  /** @param {State} state */
  showAnswer(state) {
    const { cells } = this;
    const asked = { writer: cells.environments.indexOf(state.from), reader: cells.environments.indexOf(state.to), format: cells.formats.indexOf(state.as), scenario: cells.scenarios.indexOf(state.with) };
    $("answer").replaceChildren(...answer(cells, asked));
    $("answer").ariaBusy = String(!cells.whole);
  }

  /** @param {State} state */
  showMatrix(state) {
    const { cells } = this;
    const view = this.view(state);
    this.counts = countPairs(cells, view);
    const places = cells.environments.map((_, place) => place);
    // The newest first: most people ask about them.
    const { totals } = this.counts;
    const used = places.filter((a) => places.some((b) => totals[a * places.length + b] || totals[b * places.length + a])).reverse();
    const [writers, readers] = ["writer", "reader"].map((field) => (state[field] ? used.filter((place) => cells.environments[place] === state[field]) : used));
    // Cells are made once and painted again: a choice has to show at once.
    const rows = `${writers.join()} ${readers.join()}`;
    const kept = rows === this.rows;
    if (!kept) {
      drawTable(this.table, cells, writers, readers, () => null);
      this.tds = [...this.table.tBodies].flatMap((body) => [...body.rows]).map((row, place) => ({ writer: writers[place], row, readers }));
    }
    this.rows = rows;
    this.paint(view);
    parkFirst(this.table);
    this.summarize(view);
  }

  /** The rows in sight; the cells of those far from it are not painted by the browser. */
  rowsInSight() {
    const { scrollTop, clientHeight } = this.box;
    const first = Math.floor(scrollTop / ROW_HEIGHT);
    const last = Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT);
    for (const [place, { row }] of this.tds.entries()) row.classList.toggle("off", place < first - ROWS_AROUND || place >= last + ROWS_AROUND);
    return this.tds.slice(first, last);
  }

  /** Paint the cells in sight at once, and the others between frames. @param {View} view */
  paint(view) {
    clearTimeout(this.later);
    const { scrollLeft, clientWidth } = this.box;
    const [first, last] = [Math.floor(scrollLeft / COLUMN_WIDTH), Math.ceil((scrollLeft + clientWidth) / COLUMN_WIDTH)];
    const seen = this.rowsInSight();
    for (const row of seen) this.paintRow(view, row, first, last);
    const waiting = [...seen.filter(({ readers }) => first > 0 || last < readers.length), ...this.tds.filter((each) => !seen.includes(each))];
    const go = () => {
      for (const row of waiting.splice(0, ROWS_AT_ONCE)) this.paintRow(view, row, 0, row.readers.length);
      this.table.ariaBusy = String(waiting.length > 0);
      if (waiting.length) this.later = setTimeout(go, FRAME_MS);
      else this.markChosen();
    };
    this.table.ariaBusy = String(waiting.length > 0);
    if (waiting.length) this.later = setTimeout(go, FRAME_MS);
  }

  /** @param {View} view @param {PairRow} row @param {number} first @param {number} last column after the last */
  paintRow(view, { writer, row, readers }, first, last) {
    if (row.cells.length === 1) row.append(...readers.map(() => document.createElement("td")));
    for (let at = first; at < Math.min(last, readers.length); at += 1) {
      const reader = readers[at];
      paintPair(row.cells[at + 1], pairLook(this.cells, view, this.numbers(writer, reader), this.files(writer, reader), this.measured(writer, reader)), writer === reader);
    }
  }

  /** Counts of one pair by outcome. @param {number} writer @param {number} reader */
  numbers(writer, reader) {
    const kinds = this.cells.outcomes.length;
    const start = (writer * this.cells.environments.length + reader) * kinds;
    return this.counts.outcomes.subarray(start, start + kinds);
  }

  /** Files of one pair that could be loaded. @param {number} writer @param {number} reader */
  files(writer, reader) {
    return this.counts.files[writer * this.cells.environments.length + reader];
  }

  /** Whether anything of a pair was measured, of whatever cause and age. @param {number} writer @param {number} reader */
  measured(writer, reader) {
    return this.counts.measured[writer * this.cells.environments.length + reader] === 1;
  }

  /** @param {View} view */
  summarize(view) {
    const { cells } = this;
    const numbers = new Int32Array(cells.outcomes.length);
    const { outcomes } = this.counts;
    for (let at = 0; at < outcomes.length; at += 1) numbers[at % numbers.length] += outcomes[at];
    const { total } = sumUp(numbers, 0, cells);
    const parts = [...numbers.entries()].filter(([, number]) => number).map(([outcome, number]) => {
      const style = cells.styles[outcome];
      return make("span", { className: "count" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), make("b", {}, count(number)), ` ${style.label}`);
    });
    const rows = view.outcome ? numbers[cells.outcomes.indexOf(view.outcome)] : total;
    const { narrow } = this.counts;
    const narrower = narrow ? [make("span", {}, ` ${times(narrow, "further cell")} of formats that only some environments were measured with ${narrow === 1 ? "is" : "are"} left out, so that all columns count the same files. `), this.button("Count them too", { over: "all" })] : [];
    $("summary").replaceChildren(...(rows ? [make("span", { className: "counts" }, ...parts, make("span", { className: "count sum" }, "= ", make("b", {}, count(total)), " cells"))] : this.nothing(view)), ...narrower);
    const download = /** @type {HTMLButtonElement} */ ($("download"));
    download.disabled = !rows;
    download.textContent = rows ? `Download these ${count(rows)} cells as CSV` : "Nothing to download";
    this.box.hidden = !rows;
  }

  /** @param {string} words @param {Partial<State>} change */
  button(words, change) {
    const made = make("button", { type: "button" }, words);
    made.addEventListener("click", () => this.state.go(change));
    return made;
  }

  /** A view without a cell: it was asked for something that was not measured, and this gives cells. @param {View} view */
  nothing(view) {
    const { usual } = this.state;
    const fields = /** @type {(keyof View)[]} */ (VIEW.filter((field) => field !== "pair" && view[/** @type {keyof View} */ (field)] !== usual[field]));
    const helping = fields.filter((field) => {
      const without = { ...view, [field]: usual[field] };
      const { outcomes } = countPairs(this.cells, without);
      const kinds = this.cells.outcomes.length;
      const wanted = this.cells.outcomes.indexOf(without.outcome);
      return outcomes.some((number, at) => number && (wanted < 0 || at % kinds === wanted));
    });
    const drop = helping.map((field) => this.button(`Without “${document.querySelector(`#filters [name=${field}]`)?.closest("label")?.querySelector("span")?.textContent ?? field}”`, { [field]: usual[field] }));
    return [make("span", {}, "No cell of this run is in this view: nothing of it was measured, or nothing was found. "), ...drop.flatMap((each) => [each, " "]), this.button("Reset", Object.fromEntries(VIEW.map((field) => [field, usual[field]])))];
  }

  /** @param {Cell} td */
  placesOf(td) {
    const { writer, reader } = pairOf(td);
    return { writer: this.cells.environments.indexOf(writer), reader: this.cells.environments.indexOf(reader) };
  }

  /** @param {Cell} td */
  describe(td) {
    const { writer, reader } = this.placesOf(td);
    return describePair(this.cells, this.numbers(writer, reader), this.files(writer, reader), this.measured(writer, reader), writer, reader);
  }

  /** @param {Cell} td */
  href(td) {
    const { writer, reader } = pairOf(td);
    return this.state.address({ pair: `${writer}->${reader}` });
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

  /** Mark the chosen pair in the table, and no other. */
  markChosen() {
    for (const old of this.table.querySelectorAll(".chosen")) { old.classList.remove("chosen"); old.removeAttribute("aria-selected"); }
    const [from, to] = this.state.now.pair.split("->");
    const column = [...(this.table.tHead?.rows[0].cells ?? [])].findIndex((each) => each.textContent === to);
    for (const { writer, row } of this.tds) {
      if (this.cells.environments[writer] !== from || !row.cells[column]) continue;
      row.cells[column].classList.add("chosen");
      row.cells[column].setAttribute("aria-selected", "true");
    }
  }

  /** The cells behind one pair of the matrix. @param {State} state */
  showPair(state) {
    const { cells } = this;
    const panel = $("pair");
    panel.hidden = !state.pair;
    this.markChosen();
    if (!state.pair) return;
    const [from, to] = state.pair.split("->");
    const writer = cells.environments.indexOf(from);
    const reader = cells.environments.indexOf(to);
    const view = this.view(state);
    /** @type {Map<number, HTMLElement[]>} */ const items = new Map();
    forEachCell(cells, { ...view, writer: from, reader: to }, gridsOf(cells, view).kept, (w, r, outcome, place, grid) => {
      if (w !== writer || r !== reader || (view.outcome && cells.outcomes[outcome] !== view.outcome)) return;
      const remedy = view.remedy === CHEAPEST && cells.best[place] !== NO_CELL ? cells.best[place] : grid.remedy;
      const found = { scenario: grid.scenario, format: grid.format, remedy, outcome, cause: outcome === cells.equivalent ? NO_CELL : cells.cause[place], age: cells.age[place] };
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

/** The usual view shows bare loads alone, so they are enough to begin with. */
async function beginOverview() {
  try {
    const page = new OverviewPage(await (location.hash.length > 1 ? loadCells() : loadBareLoads()));
    // After the frame that shows it: what the test of speed reads.
    await new Promise((go) => requestAnimationFrame(() => setTimeout(go, 0)));
    performance.mark("interactive");
    if (!page.cells.whole) page.complete(await loadCells());
  } catch (error) {
    $("answer").replaceChildren(make("p", {}, String(/** @type {Error} */ (error).message)));
  }
}

beginOverview();
