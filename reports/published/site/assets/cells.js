// Every outcome and cause of the run, from letters to typed arrays, and how they are asked.
"use strict";

const NO_CELL = 255;
const BLANK_LETTER = ".";
/** What a file says something about, as runner/analyse/grids.py tells apart: two versions, as its writer reads it back; the scenario alone; damage done on purpose; or nobody knows. */
const VERSIONS = 0;
const ITSELF = 1;
const DAMAGED = 2;
const UNKNOWN = 3;

/**
 * @typedef {object} Grid One scenario, format and way of loading; its cells lie writer by writer.
 * @property {number} format
 * @property {number} scenario
 * @property {number} remedy
 * @property {number[]} writers
 * @property {number[]} readers
 * @property {number} start where its cells begin in the arrays
 */
/** @typedef {{scenario: number, format: number, remedy: number, outcome: number, cause: number, age: number}} Found */

class Cells {
  /** @param {Index} index @param {any} packed the bare loads @param {any} [ways] the other ways of loading, and which are advised */
  constructor(index, packed, ways) {
    this.index = index;
    /** Without the other ways of loading nothing is said of these. */ this.whole = Boolean(ways);
    /** @type {(format: number, scenario: number, remedy: number) => any} */ this.given = (format, scenario, remedy) => {
      const [name, id, way] = [this.formats[format], this.scenarios[scenario], this.remedies[remedy]];
      const parts = [packed, ways].map((part) => {
        const grid = part?.grids[name][id]?.[way];
        return grid ? { ...grid, ...Object.fromEntries(["o", "c", "a", "b"].filter((kind) => part[kind][grid.n]).map((kind) => [kind, part[kind][grid.n]])) } : null;
      });
      return parts[0] || parts[1] ? { ...parts[0], ...parts[1] } : null;
    };
    /** @type {string[]} */ this.environments = packed.environments;
    this.outcomes = Object.keys(index.outcomes);
    this.styles = Object.values(index.outcomes);
    /** By number of an outcome. */ this.ran = this.styles.map((each) => each.ran);
    this.judged = this.styles.map((each) => each.judged);
    this.scenarios = Object.keys(index.scenarios);
    this.remedies = Object.keys(index.remedies);
    this.formats = index.formats.filter((name) => packed.grids[name]);
    /** @type {string[]} */ this.causes = packed.causes;
    this.groups = [...new Set(Object.values(index.scenarios).map((each) => each.group))];
    this.equivalent = this.outcomes.indexOf("equivalent");
    this.diverged = this.outcomes.indexOf("diverged");
    this.bare = this.remedies.indexOf(BARE);
    /** @type {Grid[]} */ this.grids = [];
    /** @type {Map<number, Grid>} */ this.byKey = new Map();
    const size = this.placeGrids(packed);
    this.outcome = new Uint8Array(size).fill(NO_CELL);
    this.cause = new Uint8Array(size).fill(NO_CELL);
    /** For each bare load the way that is advised, as measured for that very pair. */
    this.best = new Uint8Array(size).fill(NO_CELL);
    /** By key of a bare grid. @type {Map<number, {writer: number, reader: number, cause: number}[]>} */ this.tried = new Map();
    /** Whether that way gives up what failed. */
    this.givesUp = new Uint8Array(size);
    /** Origin and moment of a measurement, and whether it read a frozen artifact, by number. @type {[string, string, number][]} */ this.ages = packed.ages;
    this.age = new Uint8Array(size);
    this.unpack(packed);
    const files = this.formats.length * this.scenarios.length * this.environments.length;
    this.about = new Uint8Array(files).fill(UNKNOWN);
    /** Whether any reader tried it, so that there is a file. */ this.written = new Uint8Array(files);
    this.tellApart();
    /** @type {number[]} days of release */ this.days = this.environments.map((name) => Date.parse(index.environments[name].first_released) / 86400000);
  }

  /** List the grids, and say how many places their cells need. @param {any} packed */
  placeGrids(packed) {
    let size = 0;
    for (const format of this.formats.keys()) {
      for (const scenario of this.scenarios.keys()) {
        for (const remedy of this.remedies.keys()) {
          const given = this.given(format, scenario, remedy);
          if (!given) continue;
          const grid = { format, scenario, remedy, writers: packed.lists[given.w], readers: packed.lists[given.r], start: size };
          this.grids.push(grid);
          this.byKey.set(this.key(format, scenario, remedy), grid);
          size += given.o.length;
        }
      }
    }
    return size;
  }

  /** @param {any} packed */
  unpack(packed) {
    const last = Math.max(...[...packed.letters].map((letter) => letter.charCodeAt(0)));
    const numbers = new Uint8Array(last + 1).fill(NO_CELL);
    [...packed.letters].forEach((letter, number) => { numbers[letter.charCodeAt(0)] = number; });
    for (const grid of this.grids) {
      const given = this.given(grid.format, grid.scenario, grid.remedy);
      for (let at = 0; at < given.o.length; at += 1) {
        this.outcome[grid.start + at] = numbers[given.o.charCodeAt(at)];
        if (given.c) this.cause[grid.start + at] = numbers[given.c.charCodeAt(at)];
        if (given.a) this.age[grid.start + at] = numbers[given.a.charCodeAt(given.a.length > 1 ? at : 0)];
        const way = given.b ? numbers[given.b.charCodeAt(at)] : NO_CELL;
        if (way !== NO_CELL) {
          this.best[grid.start + at] = way >> 1;
          this.givesUp[grid.start + at] = way & 1;
        }
      }
    }
  }

  /** Say of each file what its loads say something about. */
  tellApart() {
    for (const grid of this.grids) {
      if (grid.remedy !== this.bare) continue;
      const { damaged } = this.index.scenarios[this.scenarios[grid.scenario]];
      for (const [row, writer] of grid.writers.entries()) {
        const first = grid.start + row * grid.readers.length;
        const loads = this.outcome.subarray(first, first + grid.readers.length);
        const own = this.place(grid, writer, writer);
        const file = this.file(grid.format, grid.scenario, writer);
        this.written[file] = Number(loads.some((each) => each !== NO_CELL && this.styles[each].ran));
        if (damaged) this.about[file] = DAMAGED;
        else if (own >= 0 && this.styles[this.outcome[own]].judged) this.about[file] = this.outcome[own] === this.equivalent ? VERSIONS : ITSELF;
      }
    }
  }

  /** Number of a file: what one writer wrote of one scenario in one format. @param {number} format @param {number} scenario @param {number} writer */
  file(format, scenario, writer) {
    return (format * this.scenarios.length + scenario) * this.environments.length + writer;
  }

  /** @param {number} format @param {number} scenario @param {number} remedy */
  key(format, scenario, remedy) {
    return (format * this.scenarios.length + scenario) * this.remedies.length + remedy;
  }

  /** @param {number} format @param {number} scenario @param {number} remedy */
  grid(format, scenario, remedy) {
    return this.byKey.get(this.key(format, scenario, remedy));
  }

  /** Where a cell is in the arrays, or -1. @param {Grid|undefined} grid @param {number} writer @param {number} reader */
  place(grid, writer, reader) {
    if (!grid) return -1;
    const row = grid.writers.indexOf(writer);
    const column = grid.readers.indexOf(reader);
    if (row < 0 || column < 0) return -1;
    const place = grid.start + row * grid.readers.length + column;
    return this.outcome[place] === NO_CELL ? -1 : place;
  }

  /** @param {number} format @param {number} scenario @param {number} remedy @param {number} writer @param {number} reader @returns {Found|null} */
  look(format, scenario, remedy, writer, reader) {
    const place = this.place(this.grid(format, scenario, remedy), writer, reader);
    return place < 0 ? null : { scenario, format, remedy, outcome: this.outcome[place], cause: this.cause[place], age: this.age[place] };
  }

  /** The cheapest way for one pair, the bare load included; -1 where none was measured to work. @param {Found} found @param {number} writer @param {number} reader */
  bestWay(found, writer, reader) {
    const place = this.place(this.grid(found.format, found.scenario, this.bare), writer, reader);
    return place < 0 || this.best[place] === NO_CELL ? -1 : this.best[place];
  }

  /** Whether the advised way gives up what failed. @param {Found} found @param {number} writer @param {number} reader */
  isGivenUp(found, writer, reader) {
    const place = this.place(this.grid(found.format, found.scenario, this.bare), writer, reader);
    return place >= 0 && this.givesUp[place] === 1;
  }

  /** What a way does not bring back of what the scenario asks for. @param {number} scenario @param {number} format @param {number} remedy */
  without(scenario, format, remedy) {
    return withoutOf(this.index, this.scenarios[scenario], this.formats[format], this.remedies[remedy]);
  }

  /** Pairs of the same scenario and format in which other ways were tried, with what failed there. @param {Found} found */
  triedPairs(found) {
    const key = this.key(found.format, found.scenario, this.bare);
    const known = this.tried.get(key);
    if (known) return known;
    /** @type {Map<number, {writer: number, reader: number, cause: number}>} */ const pairs = new Map();
    const size = this.environments.length;
    const bare = this.grid(found.format, found.scenario, this.bare);
    for (const remedy of this.remedies.keys()) {
      const grid = remedy === this.bare ? undefined : this.grid(found.format, found.scenario, remedy);
      let place = (grid?.start ?? 0) - 1;
      for (const writer of grid?.writers ?? []) {
        for (const reader of grid?.readers ?? []) {
          place += 1;
          const outcome = this.outcome[place];
          if (outcome === NO_CELL || !this.styles[outcome].ran || pairs.has(writer * size + reader)) continue;
          const own = this.place(bare, writer, reader);
          if (own >= 0 && this.outcome[own] !== this.equivalent) pairs.set(writer * size + reader, { writer, reader, cause: this.cause[own] });
        }
      }
    }
    const listed = [...pairs.values()];
    this.tried.set(key, listed);
    return listed;
  }

  /** The nearest pair in which other ways were tried, of the same cause if there is one; as `find_elsewhere` of runner/analyse/untried.py. @param {Found} found @param {number} writer @param {number} reader */
  nearestTried(found, writer, reader) {
    const away = (/** @type {{writer: number, reader: number, cause: number}} */ each) =>
      2 * (Math.abs(each.writer - writer) + Math.abs(each.reader - reader)) + Number(each.reader !== reader) + (each.cause === found.cause ? 0 : 1e6);
    return [...this.triedPairs(found)].sort((a, b) => away(a) - away(b))[0] ?? null;
  }

  /** How many other ways of loading were tried. @param {Found} found @param {number} writer @param {number} reader */
  triedWays(found, writer, reader) {
    return this.remedies.filter((_, remedy) => {
      const other = remedy === this.bare ? null : this.look(found.format, found.scenario, remedy, writer, reader);
      return other && this.styles[other.outcome].ran;
    }).length;
  }

  /** The environment nearest by day of release that reads the file bare, or -1. @param {Found} found @param {number} writer @param {number} reader */
  nearestReader(found, writer, reader) {
    const readers = this.environments.map((_, place) => place)
      .filter((place) => this.look(found.format, found.scenario, this.bare, writer, place)?.outcome === this.equivalent);
    return nearestOf(readers, reader, this.days);
  }

  /** @param {Found} found @param {number} writer @param {number} reader */
  id(found, writer, reader) {
    const pair = `${this.environments[writer]}->${this.environments[reader]}`;
    return `${this.scenarios[found.scenario]}/${this.formats[found.format]}/${pair}/${this.remedies[found.remedy]}`;
  }

  /** @param {number} scenario */
  titleOf(scenario) {
    return this.index.scenarios[this.scenarios[scenario]].title;
  }

  /** When cells were measured and by which run: the moments, and how many have each origin. @param {Found[]} loads */
  agesOf(loads) {
    const moments = loads.map((each) => this.ages[each.age][1]).filter(Boolean).sort();
    const origins = Object.entries(this.index.origins).map(([id, { label }]) => ({ id, label, number: loads.filter((each) => this.ages[each.age][0] === id).length })).filter((each) => each.number);
    return { first: moments[0] ?? "", last: moments.at(-1) ?? "", origins };
  }

  /** The line of code of a way of loading. @param {number} remedy @param {number} format */
  codeOf(remedy, format) {
    return this.index.remedies[this.remedies[remedy]].code[this.formats[format]] ?? "";
  }

  /** @param {number} cause @returns {Cause|null} */
  causeOf(cause) {
    const id = this.causes[cause];
    if (id === undefined) return null;
    const known = this.index.causes[id];
    return { title: known?.title ?? id, explanation: known?.explanation ?? "", links: known?.links ?? [] };
  }
}

/** @type {Promise<Cells>|null} */ let asking = null;

/** Every cell of the run, read once. */
function loadCells() {
  asking ??= Promise.all([loadIndex(), loadData("grids"), loadData("ways")]).then(([index, packed, ways]) => new Cells(index, packed, ways));
  return asking;
}

/** The bare loads alone: what a first view shows. */
async function loadBareLoads() {
  return new Cells(await loadData("index"), await loadData("grids"));
}
