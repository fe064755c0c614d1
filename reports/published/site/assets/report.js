// Grids: says in words what a cell is, and leads to its detail. Text is only ever inserted as text.
"use strict";

/** @type {any} */ let index = null;
/** @type {any} */ let overview = null;
globalThis.matrixIndex = (value) => { index = value; };
globalThis.matrixOverview = (value) => { overview = value; };

/** @param {string} tag @param {string} [text] @param {string} [css] */
function element(tag, text = "", css = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (css) made.className = css;
  return made;
}

/** @param {HTMLElement} td */
function place(td) {
  const table = td.closest("table");
  const row = td.parentElement;
  return {
    table,
    rowHead: row.cells[0],
    columnHead: table.tHead.rows[0].cells[td.cellIndex],
    writer: row.cells[0].textContent,
    reader: table.tHead.rows[0].cells[td.cellIndex].textContent,
  };
}

/** @param {string} css */
function outcomeOf(css) {
  return Object.values(index.outcomes).find((each) => each.css === css);
}

/** The remedy whose number the cell shows, in a grid of the cheapest ways. @param {HTMLElement} td */
function bestRemedy(td) {
  return td.classList[0] === "r" ? Object.keys(index.remedies)[Number(td.textContent)] : null;
}

/** @param {HTMLElement} td */
function cellId(td) {
  const { table, writer, reader } = place(td);
  const { scenario, format } = table.dataset;
  const remedy = bestRemedy(td) ?? table.dataset.remedy;
  return `${scenario}/${format}/${writer}->${reader}/${remedy}`;
}

/** Bare outcomes of every scenario for one pair: [scenario, outcome]. @param {HTMLElement} td */
function pairOutcomes(td) {
  const { table, writer, reader } = place(td);
  const size = overview.environments.length;
  const at = overview.environments.indexOf(writer) * size + overview.environments.indexOf(reader);
  return Object.entries(overview.formats[table.dataset.overview] ?? {})
    .map(([scenario, letters]) => [scenario, outcomeOf(letters[at])])
    .filter(([, outcome]) => outcome);
}

/** @param {HTMLElement} td */
function describe(td) {
  const { table, writer, reader } = place(td);
  if (table.dataset.overview) {
    const found = new Map();
    for (const [, outcome] of pairOutcomes(td)) found.set(outcome.label, (found.get(outcome.label) ?? 0) + 1);
    const counts = [...found].map(([label, count]) => `${count} ${label}`).join(", ");
    return `${writer} → ${reader}, ${table.dataset.overview}: ${counts || "no cell"}`;
  }
  const remedy = bestRemedy(td);
  if (remedy) return `${writer} → ${reader}: the bare load does not do; the cheapest way that works: ${index.remedies[remedy].title} (${remedy})`;
  const outcome = outcomeOf(td.classList[0]);
  return `${writer} → ${reader}: ${outcome ? `${outcome.symbol} ${outcome.label}. ${outcome.explanation}` : "no cell"}`;
}

/** @param {HTMLElement} td */
function show(td) {
  const { table, rowHead, columnHead } = place(td);
  for (const old of table.querySelectorAll(".on")) old.classList.remove("on");
  for (const each of [td, rowHead, columnHead]) each.classList.add("on");
  td.title = describe(td);
  const readout = table.parentElement.nextElementSibling;
  readout.textContent = td.title;
}

/** @param {HTMLElement} td */
function open(td) {
  const { table, writer, reader } = place(td);
  if (!td.textContent) return;
  if (!table.dataset.overview) {
    location.href = `../cell.html#${cellId(td)}`;
    return;
  }
  const format = table.dataset.overview;
  const panel = table.parentElement.parentElement.querySelector(".pick");
  const list = element("ul");
  for (const [scenario, outcome] of pairOutcomes(td)) {
    const item = element("li");
    const tag = element("span", "", "tag");
    tag.append(element("i", outcome.symbol, outcome.css), element("span", `${outcome.label} `));
    const link = element("a", scenario);
    link.href = `cell.html#${scenario}/${format}/${writer}->${reader}/none`;
    item.append(tag, link);
    list.append(item);
  }
  panel.replaceChildren(element("b", `${describe(td)}`), list);
  panel.hidden = false;
  panel.scrollIntoView({ block: "nearest" });
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @param {KeyboardEvent} event */
function move(event) {
  const table = event.currentTarget;
  const current = table.querySelector("td.on") ?? table.tBodies[0].rows[0].cells[1];
  if (event.key === "Enter") return open(current);
  const step = STEPS[event.key];
  if (!step) return undefined;
  event.preventDefault();
  const next = table.rows[current.parentElement.rowIndex + step[0]]?.cells[current.cellIndex + step[1]];
  const target = next?.closest("tbody") && next.tagName === "TD" ? next : current;
  show(target);
  target.scrollIntoView({ block: "nearest", inline: "nearest" });
  return undefined;
}

for (const table of document.querySelectorAll("table.g")) {
  const cellOf = (event) => event.target.closest("tbody td");
  table.addEventListener("mouseover", (event) => { const td = cellOf(event); if (td) show(td); });
  table.addEventListener("click", (event) => { const td = cellOf(event); if (td) { show(td); open(td); } });
  table.addEventListener("keydown", move);
}
