// The page of a scenario: draws the grids that are not in the page itself, and walks all of them.
"use strict";

/** @param {Cells} cells @param {HTMLTableElement} table */
function gridOf(cells, table) {
  const { scenario = "", format = "", remedy = "" } = table.dataset;
  return cells.grid(cells.formats.indexOf(format), cells.scenarios.indexOf(scenario), cells.remedies.indexOf(remedy));
}

/** What a cell of a table is, and the way of loading that helps there if the table is of these. @param {Cells} cells @param {Cell} td */
function lookAt(cells, td) {
  const table = /** @type {HTMLTableElement} */ (td.closest("table"));
  const grid = gridOf(cells, table);
  const names = pairOf(td);
  const writer = cells.environments.indexOf(names.writer);
  const reader = cells.environments.indexOf(names.reader);
  const found = grid ? cells.look(grid.format, grid.scenario, grid.remedy, writer, reader) : null;
  const best = found && table.dataset.best ? cells.bestWay(found, writer, reader) : -1;
  return { found, writer, reader, best: best === cells.bare ? -1 : best };
}

/** @param {Cells} cells @param {Cell} td */
function describeCell(cells, td) {
  const { found, writer, reader, best } = lookAt(cells, td);
  const pair = `Saved with ${cells.environments[writer]}, loaded with ${cells.environments[reader]}: `;
  if (!found) return `${pair}no cell`;
  if (best >= 0) return `${pair}the bare load does not do; the cheapest way that works: ${cells.index.remedies[cells.remedies[best]].title}`;
  const style = cells.styles[found.outcome];
  const cause = cells.causeOf(found.cause);
  const [origin, moment] = cells.ages[found.age];
  return `${pair}${style.symbol} ${style.label}. ${cause ? cause.title.replaceAll("`", "") : style.explanation} ${ageWords(cells.index, origin, moment)}`;
}

/** The page of a cell; empty where there is no cell. @param {Cells} cells @param {Cell} td */
function hrefOf(cells, td) {
  const { found, writer, reader, best } = lookAt(cells, td);
  return found ? `../cell.html#${encodeURI(cells.id({ ...found, remedy: best >= 0 ? best : found.remedy }, writer, reader))}` : "";
}

/** @param {Cells} cells @param {Cell} td */
function openCell(cells, td) {
  const href = hrefOf(cells, td);
  if (href) location.href = href;
}

/** @param {Cells} cells @param {HTMLTableElement} table */
function drawGrid(cells, table) {
  const grid = gridOf(cells, table);
  if (!grid) return;
  const has = (/** @type {number} */ writer, /** @type {number} */ reader) => cells.place(grid, writer, reader) >= 0;
  const writers = grid.writers.filter((writer) => grid.readers.some((reader) => has(writer, reader))).reverse();
  const readers = grid.readers.filter((reader) => grid.writers.some((writer) => has(writer, reader))).reverse();
  drawTable(table, cells, writers, readers, (writer, reader) => {
    const td = /** @type {Cell} */ (document.createElement("td"));
    const found = cells.look(grid.format, grid.scenario, grid.remedy, writer, reader);
    if (!found) return td;
    const best = table.dataset.best ? cells.bestWay(found, writer, reader) : -1;
    const style = cells.styles[found.outcome];
    td.className = best > cells.bare ? "r" : style.css;
    td.textContent = best > cells.bare ? String(best) : style.symbol;
    if (writer === reader) td.classList.add("x");
    if (cells.ages[found.age][0] === "stale") td.classList.add("old");
    return td;
  });
}

loadCells().then((cells) => {
  for (const each of document.querySelectorAll("table.g[data-format]")) {
    const table = /** @type {HTMLTableElement} */ (each);
    const box = /** @type {HTMLElement} */ (table.parentElement);
    const fold = /** @type {HTMLDetailsElement} */ (table.closest("details"));
    const begin = () => {
      if (!fold.open || table.getAttribute("role") === "grid") return;
      // What the page brings has neighbours that are alike as one wide cell.
      drawGrid(cells, table);
      walkGrid(table, { readout: /** @type {HTMLElement} */ (box.nextElementSibling), describe: (td) => describeCell(cells, td), href: (td) => hrefOf(cells, td), open: (td) => openCell(cells, td) });
    };
    fold.addEventListener("toggle", begin);
    begin();
  }
  // A link may name a grid that is folded.
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}, () => { /* without its data the page still has its own tables */ });
