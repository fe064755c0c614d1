// The page of a release: the cells behind each of its numbers, as the address names them.
"use strict";

/** @typedef {{role: string, kind: string, format: string, group: string, cause: string|null}} Wanted */

/** Which number the address names, or null. @returns {Wanted|null} */
function wantedList() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [role, kind] = (given.get("list") ?? "").split(".");
  return role && kind ? { role, kind, format: given.get("format") ?? "", group: given.get("group") ?? "", cause: given.get("cause") } : null;
}

/** Whether a load is of a kind; `before` is the outcome with the release before. @type {Record<string, (cells: Cells, outcome: number, before: number) => boolean>} */
const KINDS = {
  all: () => true,
  same: (cells, outcome) => outcome === cells.equivalent,
  silent: (cells, outcome) => outcome === cells.diverged,
  failing: (cells, outcome) => outcome !== cells.equivalent && outcome !== cells.diverged,
  lost: (cells, outcome, before) => before === cells.equivalent && outcome !== cells.equivalent,
  won: (cells, outcome, before) => before !== NO_CELL && before !== cells.equivalent && outcome === cells.equivalent,
};
/** @type {Record<string, string>} */
const KIND_WORDS = { all: "all loads that count", same: "the same model", silent: "silently another model", failing: "fail", lost: "lost against the release before", won: "won against the release before" };

/** The outcome of a load that counts, as runner/analyse/releases.py counts; else NO_CELL. @param {Cells} cells @param {Grid} grid @param {number} writer @param {number} reader */
function countedOutcome(cells, grid, writer, reader) {
  const place = cells.place(grid, writer, reader);
  if (place < 0 || cells.about[cells.file(grid.format, grid.scenario, writer)] !== VERSIONS) return NO_CELL;
  const outcome = cells.outcome[place];
  return cells.styles[outcome].ran || cells.outcomes[outcome] === "unsupported" ? outcome : NO_CELL;
}

/** The cells of one number, kind of model by kind. @param {Cells} cells @param {number} self @param {number} before @param {Wanted} wanted @returns {{grid: Grid, loads: {other: number, found: Found}[]}[]} */
function listCells(cells, self, before, wanted) {
  const format = cells.formats.indexOf(wanted.format);
  const cause = wanted.cause ? cells.causes.indexOf(wanted.cause) : NO_CELL;
  const fits = KINDS[wanted.kind] ?? KINDS.all;
  const pair = (/** @type {number} */ own, /** @type {number} */ other) => /** @type {[number, number]} */ (wanted.role === "reader" ? [other, own] : [own, other]);
  const found = [];
  for (const grid of cells.grids) {
    const { group } = cells.index.scenarios[cells.scenarios[grid.scenario]];
    if (grid.remedy !== cells.bare || (format >= 0 && grid.format !== format) || (wanted.group && wanted.group !== group)) continue;
    const loads = [];
    for (const other of cells.environments.keys()) {
      const outcome = other === self ? NO_CELL : countedOutcome(cells, grid, ...pair(self, other));
      if (outcome === NO_CELL) continue;
      const earlier = before < 0 ? NO_CELL : countedOutcome(cells, grid, ...pair(before, other));
      const load = cells.look(grid.format, grid.scenario, cells.bare, ...pair(self, other));
      if (load && fits(cells, outcome, earlier) && (wanted.cause === null || load.cause === cause)) loads.push({ other, found: load });
    }
    if (loads.length) found.push({ grid, loads });
  }
  return found;
}

/** @param {Cells} cells @param {string} self @param {string} before */
function showList(cells, self, before) {
  const box = $("list");
  const wanted = wantedList();
  box.hidden = !wanted;
  if (!wanted) return;
  const place = (/** @type {string} */ name) => cells.environments.indexOf(name);
  const found = KINDS[wanted.kind] ? listCells(cells, place(self), place(before), wanted) : [];
  const number = found.reduce((sum, each) => sum + each.loads.length, 0);
  const title = wanted.cause ? (cells.index.causes[wanted.cause]?.title ?? wanted.cause).replaceAll("`", "") : "";
  const words = [wanted.role === "reader" ? `read by ${self}` : `written by ${self}`, KIND_WORDS[wanted.kind] ?? "no such list", wanted.format, wanted.group, title].filter(Boolean);
  const items = found.map(({ grid, loads }) => make("li", {}, make("b", {}, ...prose(cells.titleOf(grid.scenario))), " ", make("code", { className: "id" }, cells.formats[grid.format]), ` ${wanted.role === "reader" ? "written by" : "read by"} `, ...loads.flatMap(({ other, found: load }) => {
    const style = cells.styles[load.outcome];
    const id = wanted.role === "reader" ? cells.id(load, other, place(self)) : cells.id(load, place(self), other);
    return [make("a", { href: new URL(`cell.html#${encodeURI(id)}`, ROOT).href, title: style.label, className: load.outcome === cells.diverged ? "t-d" : "" }, cells.environments[other]), " "];
  })));
  const close = make("a", { href: "#main" }, "Close");
  box.replaceChildren(make("h2", {}, `${count(number)} ${number === 1 ? "cell" : "cells"}: ${words.join(", ")}`), make("ul", { className: "plain kinds" }, ...items), make("p", {}, close));
  box.scrollIntoView();
}

/** The cells are loaded when a list is first asked for: most visits need none. */
function followAddress() {
  const box = $("list");
  const { self = "", before = "" } = box.dataset;
  box.hidden = !wantedList();
  if (box.hidden) return;
  loadCells().then((cells) => showList(cells, self, before), (error) => { box.replaceChildren(make("p", {}, String(error.message))); });
}

addEventListener("hashchange", followAddress);
followAddress();
