// The cells of a view of the matrix: which they are, how many of each outcome every pair has,
// what a pair shows of them, and the same cells as CSV.
"use strict";

const CHEAPEST = "cheapest";
/** Which files count, and what their loads say something about; the usual view has the first. */
const FILES = /** @type {Record<string, number[]>} */ ({ "": [VERSIONS], itself: [ITSELF], damaged: [DAMAGED], unknown: [UNKNOWN], all: [VERSIONS, ITSELF, DAMAGED, UNKNOWN] });

/** @typedef {{format: string, models: string, remedy: string, outcome: string, cause: string, pair: string, writer: string, reader: string, files: string, over: string, age: string}} View */
/**
 * @typedef {object} PairCounts Numbers of every pair of a view, pair by pair.
 * @property {Int32Array} outcomes by outcome
 * @property {Int32Array} totals cells of any outcome
 * @property {Int32Array} files that could be loaded: tried, or of a format that the reader does not have
 * @property {Uint8Array} measured whether anything of it was measured, of whatever cause and age
 * @property {number} narrow cells left out, as not every environment was measured with them
 */

/** Whether a scenario belongs to what the view shows of models: all, a group or one. @param {Cells} cells @param {string} models */
function chosenScenarios(cells, models) {
  return cells.scenarios.map((id) => !models || models === id || models === `group:${cells.index.scenarios[id].group}`);
}

/** The grids that a view asks for, whatever they have in common. @param {Cells} cells @param {View} view */
function gridsAsked(cells, view) {
  const format = cells.formats.indexOf(view.format);
  const remedy = view.remedy === CHEAPEST ? cells.bare : cells.remedies.indexOf(view.remedy);
  const scenarios = chosenScenarios(cells, view.models);
  return cells.grids.filter((grid) => (view.remedy === ANY_WAY || grid.remedy === remedy) && (format < 0 || grid.format === format) && scenarios[grid.scenario]);
}

/**
 * The grids of a view, and those left out because some environments were not measured with them:
 * without these the columns of a row count the same files. Where no grid has every environment,
 * or one reader alone is asked about, none is left out.
 * @param {Cells} cells @param {View} view
 */
function gridsOf(cells, view) {
  const asked = gridsAsked(cells, view);
  if (view.over || view.reader || view.remedy === ANY_WAY) return { kept: asked, narrow: [] };
  const bare = (/** @type {Grid} */ grid) => cells.grid(grid.format, grid.scenario, cells.bare) ?? grid;
  const all = new Set(asked.flatMap((grid) => bare(grid).readers)).size;
  const wide = asked.filter((grid) => bare(grid).readers.length === all);
  return wide.length ? { kept: wide, narrow: asked.filter((grid) => !wide.includes(grid)) } : { kept: asked, narrow: [] };
}

/** Which ages a view asks for, by number: all, those of an origin or a moment, or those of frozen artifacts. @param {Cells} cells @param {View} view */
function agesAsked(cells, view) {
  const [field, value] = view.age.split(/:(.*)/s);
  return cells.ages.map(([origin, moment, frozen]) => !view.age || (field === "frozen" ? frozen === 1 : field === "origin" ? origin === value : moment === value));
}

/** What a view asks of a cell, as numbers. @param {Cells} cells @param {View} view */
function askedOf(cells, view) {
  const wanted = FILES[view.files] ?? FILES[""];
  return {
    cheapest: view.remedy === CHEAPEST,
    cause: view.cause ? cells.causes.indexOf(view.cause) : NO_CELL,
    onlyWriter: cells.environments.indexOf(view.writer),
    onlyReader: cells.environments.indexOf(view.reader),
    files: FILES.all.map((about) => wanted.includes(about)),
    ages: agesAsked(cells, view),
  };
}

/**
 * Call `each` for every cell of some grids that a view asks for.
 * @param {Cells} cells
 * @param {View} view
 * @param {Grid[]} grids
 * @param {(writer: number, reader: number, outcome: number, place: number, grid: Grid) => void} each
 */
function forEachCell(cells, view, grids, each) {
  const { cheapest, cause, onlyWriter, onlyReader, files, ages } = askedOf(cells, view);
  for (const grid of grids) {
    const first = cells.file(grid.format, grid.scenario, 0);
    let row = grid.start;
    for (const writer of grid.writers) {
      const start = row;
      row += grid.readers.length;
      if ((onlyWriter >= 0 && writer !== onlyWriter) || !files[cells.about[first + writer]]) continue;
      for (let column = 0; column < grid.readers.length; column += 1) {
        const found = cells.outcome[start + column];
        const reader = grid.readers[column];
        if (found === NO_CELL || (onlyReader >= 0 && reader !== onlyReader)) continue;
        if (!ages[cells.age[start + column]]) continue;
        if (cause !== NO_CELL && cells.cause[start + column] !== cause) continue;
        each(writer, reader, cheapest && cells.best[start + column] !== NO_CELL ? cells.equivalent : found, start + column, grid);
      }
    }
  }
}

/** How many cells of each outcome every pair has. @param {Cells} cells @param {View} view @returns {PairCounts} */
function countPairs(cells, view) {
  const size = cells.environments.length;
  const kinds = cells.outcomes.length;
  const { kept, narrow } = gridsOf(cells, view);
  const { cheapest, cause, onlyWriter, onlyReader, files: about, ages } = askedOf(cells, view);
  const { equivalent, ran, judged } = cells;
  const unsupported = cells.outcomes.indexOf("unsupported");
  const outcomes = new Int32Array(size * size * kinds);
  const [totals, files] = [new Int32Array(size * size), new Int32Array(size * size)];
  const measured = new Uint8Array(size * size);
  // A million cells may be counted before the next frame: nothing is called for each of them.
  for (const { format, scenario, writers, readers, start } of kept) {
    const first = cells.file(format, scenario, 0);
    const columns = readers.length;
    for (let row = 0; row < writers.length; row += 1) {
      const writer = writers[row];
      if ((onlyWriter >= 0 && writer !== onlyWriter) || !about[cells.about[first + writer]]) continue;
      const written = cells.written[first + writer];
      for (let column = 0, at = start + row * columns; column < columns; column += 1, at += 1) {
        const found = cells.outcome[at];
        const reader = readers[column];
        if (found === NO_CELL || (onlyReader >= 0 && reader !== onlyReader)) continue;
        const pair = writer * size + reader;
        // What a cause or an age leaves out was measured all the same.
        if (judged[found]) measured[pair] = 1;
        if (!ages[cells.age[at]] || (cause !== NO_CELL && cells.cause[at] !== cause)) continue;
        const outcome = cheapest && cells.best[at] !== NO_CELL ? equivalent : found;
        outcomes[pair * kinds + outcome] += 1;
        totals[pair] += 1;
        if (ran[outcome] || (outcome === unsupported && written)) files[pair] += 1;
      }
    }
  }
  let left = 0;
  forEachCell(cells, view, narrow, () => { left += 1; });
  return { outcomes, totals, files, measured, narrow: left };
}

/** @param {Int32Array} numbers of one pair, by outcome @param {number} files @param {Cells} cells */
function sumUp(numbers, files, cells) {
  let total = 0;
  let kinds = 0;
  let unmeasured = 0;
  let most = -1;
  for (let outcome = 0; outcome < numbers.length; outcome += 1) {
    const number = numbers[outcome];
    if (!number) continue;
    total += number;
    kinds += 1;
    if (!cells.judged[outcome]) unmeasured += number;
    if (most < 0 || number > numbers[most]) most = outcome;
  }
  return { total, files, kinds, most, unmeasured, good: numbers[cells.equivalent], silent: numbers[cells.diverged] };
}

// --- what a pair looks like ------------------------------------------------------------------

const BAR_STEPS = 16;

/** A bar in few steps, in which every outcome that is there can be seen. @param {Int32Array} numbers @param {number} total @returns {number[]} */
function stepsOf(numbers, total) {
  const steps = [];
  let left = BAR_STEPS;
  let largest = 0;
  for (let outcome = 0; outcome < numbers.length; outcome += 1) {
    steps.push(numbers[outcome] ? Math.max(1, Math.round((BAR_STEPS * numbers[outcome]) / total)) : 0);
    left -= steps[outcome];
    if (steps[outcome] > steps[largest]) largest = outcome;
  }
  steps[largest] += left;
  return steps;
}

/** Bars of shares: one rule for each mixture, as thousands of cells have few of them. */
class ShareBars {
  constructor() {
    this.sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
    /** @type {Set<string>} */ this.names = new Set();
  }

  /** The class of a bar. @param {Int32Array} numbers @param {number} total @param {Cells} cells */
  name(numbers, total, cells) {
    const steps = stepsOf(numbers, total);
    let name = "mix-";
    for (let outcome = 0; outcome < steps.length; outcome += 1) if (steps[outcome]) name += cells.styles[outcome].css + steps[outcome];
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

/** What a cell shows: class, text, and how many are silently another model. @param {Cells} cells @param {View} view @param {Int32Array} numbers @param {number} ofFiles @param {boolean} measured */
function pairLook(cells, view, numbers, ofFiles, measured) {
  const { total, files, kinds, most, unmeasured, good, silent } = sumUp(numbers, ofFiles, cells);
  // With a cause chosen nothing works by construction: there is nothing to take a share of.
  // What was measured and is not of this view is blank; what was not measured is hatched.
  if (!total) return { css: measured ? "none" : "hatch", text: "", badge: "" };
  const mix = `${kinds > 1 ? ` mix ${shareBars.name(numbers, total, cells)}` : ""}${unmeasured && !view.outcome && !view.cause ? " hatch" : ""}`;
  if (view.outcome || view.cause) {
    const style = view.outcome ? cells.index.outcomes[view.outcome] : cells.styles[most];
    const number = view.outcome ? numbers[cells.outcomes.indexOf(view.outcome)] : total;
    if (!number) return { css: "none", text: "", badge: "" };
    return { css: style.css + mix, text: total === 1 ? style.symbol : count(number), badge: "" };
  }
  if (kinds === 1) return { css: cells.styles[most].css + mix, text: cells.styles[most].symbol, badge: "" };
  if (!files) return { css: `n${mix}`, text: cells.styles[most].symbol, badge: "" };
  const share = Math.floor((100 * good) / files);
  const text = good === files ? "✓" : good ? String(share) : "✗";
  return { css: `q${Math.min(5, Math.floor(share / 20))}${mix}${silent ? " two" : ""}`, text, badge: silent ? `≠${silent}` : "" };
}

/** Paint what has changed of a cell: laying out thousands of them is what takes time. @param {Cell} td @param {ReturnType<typeof pairLook>} look @param {boolean} same */
function paintPair(td, { css, text, badge }, same) {
  const name = same ? `${css} x` : css;
  if (td.className !== name) td.className = name;
  td.removeAttribute("aria-label");
  const box = td.querySelector("a") ?? td;
  const [words, mark] = box.childNodes;
  if (!words) box.append(text);
  else if (words.nodeValue !== text) words.nodeValue = text;
  if (mark && badge) mark.textContent = badge;
  else if (mark) mark.remove();
  else if (badge) box.append(make("b", {}, badge));
}

/** A pair in words. @param {Cells} cells @param {Int32Array} numbers @param {number} ofFiles @param {boolean} measured @param {number} writer @param {number} reader */
function describePair(cells, numbers, ofFiles, measured, writer, reader) {
  const { total, files, good, unmeasured } = sumUp(numbers, ofFiles, cells);
  const parts = [...numbers.entries()].filter(([, number]) => number).map(([outcome, number]) => `${number} ${cells.styles[outcome].label}`);
  const share = files ? `; ${good} of ${files} files (${Math.floor((100 * good) / files)} %) give the same model back` : "";
  const missing = unmeasured ? `; ${unmeasured} not measured` : "";
  return `Saved with ${cells.environments[writer]}, loaded with ${cells.environments[reader]}: ${total ? `${parts.join(", ")}${share}${missing}` : measured ? "no cell of this view, though others of the pair were measured" : "not measured: that is not “does not load”"}`;
}

/** Exactly the cells of a view, in the columns of cells.csv that every page has; `measured` is the day of `measured_at`. @param {Cells} cells @param {View} view */
function viewAsCsv(cells, view) {
  const quote = (/** @type {string} */ text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = ["scenario,format,writer,reader,remedy,outcome,cause,origin,measured"];
  const wanted = view.outcome ? cells.outcomes.indexOf(view.outcome) : -1;
  forEachCell(cells, view, gridsOf(cells, view).kept, (writer, reader, outcome, place, grid) => {
    if (wanted >= 0 && outcome !== wanted) return;
    const helped = view.remedy === CHEAPEST && cells.best[place] !== NO_CELL;
    const remedy = helped ? cells.best[place] : grid.remedy;
    const cause = helped ? undefined : cells.causes[cells.cause[place]];
    rows.push([cells.scenarios[grid.scenario], cells.formats[grid.format], cells.environments[writer], cells.environments[reader], cells.remedies[remedy], cells.outcomes[outcome], cause ?? "", ...cells.ages[cells.age[helped ? cells.place(cells.grid(grid.format, grid.scenario, remedy), writer, reader) : place]].slice(0, 2).map(String)].map(quote).join(","));
  });
  return `${rows.join("\n")}\n`;
}
