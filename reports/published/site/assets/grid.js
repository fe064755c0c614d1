// A table of writers and readers that a keyboard, a mouse and a screen reader can walk through.
"use strict";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1000], End: [0, 1000] };

/** @typedef {HTMLTableCellElement} Cell */

/** The row of column names: the last of the head. @param {HTMLTableElement} table */
const columnHeads = (table) => /** @type {HTMLTableRowElement} */ ([...(table.tHead?.rows ?? [])].at(-1));

/** @param {HTMLTableElement} table */
const bodyRows = (table) => [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length > 1);

/** Names of the writer and the reader of a cell. @param {Cell} td */
function pairOf(td) {
  const row = /** @type {HTMLTableRowElement} */ (td.parentElement);
  const table = /** @type {HTMLTableElement} */ (td.closest("table"));
  return { writer: row.cells[0].textContent ?? "", reader: columnHeads(table).cells[td.cellIndex].textContent ?? "" };
}

/** Mark a cell with its row and its column. @param {Cell} td */
function highlight(td) {
  const table = /** @type {HTMLTableElement} */ (td.closest("table"));
  for (const old of table.querySelectorAll(".on, .beam")) old.classList.remove("on", "beam");
  const row = /** @type {HTMLTableRowElement} */ (td.parentElement);
  for (const each of row.cells) each.classList.add("beam");
  for (const each of bodyRows(table)) each.cells[td.cellIndex]?.classList.add("beam");
  for (const each of [td, row.cells[0], columnHeads(table).cells[td.cellIndex]]) each.classList.add("on");
}

/** Make what a cell says a link, once it is pointed at: thousands of links would cost a page more than its cells. @param {Cell} td @param {string} href */
function linkTo(td, href) {
  const known = td.querySelector("a");
  if (known && href) { known.href = href; return; }
  if (!href || known) return;
  const link = make("a", { href, tabIndex: -1 });
  link.append(...td.childNodes);
  td.append(link);
}

/** One cell of the table is in the tab order: the one last visited. @param {Cell} td */
function park(td) {
  const table = /** @type {HTMLTableElement} */ (td.closest("table"));
  for (const old of table.querySelectorAll("td[tabindex]")) old.removeAttribute("tabindex");
  td.tabIndex = 0;
}

/**
 * @param {HTMLTableElement} table
 * @param {{describe: (td: Cell) => string, open: (td: Cell) => void, href: (td: Cell) => string, readout?: HTMLElement|null}} does
 */
function walkGrid(table, { describe, open, href, readout }) {
  table.setAttribute("role", "grid");
  table.removeAttribute("tabindex");
  /** @param {Event} event @returns {Cell|null} */
  const cellOf = (event) => /** @type {Element} */ (event.target).closest("tbody td");
  /** @param {Cell} td */
  const visit = (td) => {
    highlight(td);
    linkTo(td, href(td));
    const words = describe(td);
    td.setAttribute("aria-label", words);
    if (readout) readout.textContent = words;
  };
  table.addEventListener("mouseover", (event) => { const td = cellOf(event); if (td) visit(td); });
  table.addEventListener("focusin", (event) => { const td = cellOf(event); if (td) visit(td); });
  table.addEventListener("click", (event) => { 
    const td = cellOf(event);
    // With a key held down the browser opens the link elsewhere.
    if (!td || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    park(td);
    visit(td);
    open(td);
  });
  table.addEventListener("keydown", (event) => {
    const td = cellOf(event);
    if (!td || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(td); return; }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = bodyRows(table);
    const row = /** @type {HTMLTableRowElement} */ (td.parentElement);
    // With Ctrl, Home and End go to the first and the last cell of the table.
    const down = event.ctrlKey && step[0] === 0 ? Math.sign(step[1]) * rows.length : step[0];
    const to = rows[Math.min(Math.max(rows.indexOf(row) + down, 0), rows.length - 1)];
    const next = to.cells[Math.min(Math.max(td.cellIndex + step[1], 1), to.cells.length - 1)];
    park(/** @type {Cell} */ (next));
    // What is out of sight may not be painted, and takes no focus until it is.
    to.classList.remove("off");
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  parkFirst(table);
}

/** @param {HTMLTableElement} table */
function parkFirst(table) {
  const first = table.querySelector("td.chosen") ?? bodyRows(table)[0]?.cells[1];
  if (first) park(/** @type {Cell} */ (first));
}

/**
 * Fill a table with a head, writers and cells, in families.
 * @param {HTMLTableElement} table
 * @param {Cells} cells
 * @param {number[]} writers
 * @param {number[]} readers
 * @param {(writer: number, reader: number) => HTMLTableCellElement|null} draw null: the row gets its cells later
 */
function drawTable(table, cells, writers, readers, draw) {
  const environment = (/** @type {number} */ place) => cells.index.environments[cells.environments[place]];
  const head = make("tr", {}, make("td", { className: "corner" }, "writer ↓ reader →"));
  for (const reader of readers) head.append(make("th", { scope: "col", className: environment(reader).css }, make("span", {}, cells.environments[reader])));
  const bodies = [];
  let family = "";
  for (const writer of writers) {
    const css = environment(writer).css;
    if (css !== family) bodies.push(make("tbody"));
    family = css;
    bodies.at(-1)?.append(make("tr", {}, make("th", { scope: "row", className: css }, cells.environments[writer]), ...readers.flatMap((reader) => draw(writer, reader) ?? [])));
  }
  table.replaceChildren(...(table.caption ? [table.caption] : []), make("thead", {}, head), ...bodies);
}
