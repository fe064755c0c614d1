// One cell, chosen by the address: cell.html#scenario/format/writer->reader/remedy
// Everything shown was written by models and frameworks: it is inserted as text, never as HTML.
"use strict";

/** @type {any} */ let index = null;
/** @type {Map<string, any>} */ const shards = new Map();
globalThis.matrixIndex = (value) => { index = value; render(); };
globalThis.matrixShard = (value) => { shards.set(`${value.scenario}.${value.format}`, value); render(); };

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

function wanted() {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { /* a stray percent sign: take it as it is */ }
  const [scenario, format, pair = "", remedy = "none"] = text.split("/");
  const [writer, reader] = pair.split("->");
  return { scenario, format, writer, reader, remedy };
}

const idOf = (cell) => `${cell.scenario}/${cell.format}/${cell.writer}->${cell.reader}/${cell.remedy}`;
const code = (format, remedy) => index.remedies[remedy].code[format] ?? "";
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Ask for a shard once. Only declared names are ever put into an address. */
const asked = new Set();
function load(name) {
  if (asked.has(name)) return;
  asked.add(name);
  const tag = make("script", { src: `data/${encodeURIComponent(name)}.js` });
  tag.addEventListener("error", () => fail(`There is no data for ${name}: it was not selected in this run.`));
  document.head.append(tag);
}

/** Everything a shard knows of one cell, or null. */
function look(shard, cell, remedy) {
  const place = shard.environments.indexOf(cell.writer) * shard.environments.length + shard.environments.indexOf(cell.reader);
  const grid = shard.remedies[remedy];
  // A grid less than half full holds only the places it names.
  const at = grid?.at ? grid.at.indexOf(place) : place;
  if (!grid || !shard.environments.includes(cell.writer) || !shard.environments.includes(cell.reader)) return null;
  const record = shard.records[grid.record[at]];
  if (!record) return null;
  const text = (number) => shard.texts[number].map((line) => shard.lines[line]).join("\n");
  const found = Object.fromEntries(shard.fields.map((name, place) => [name, name === "aspects"
    ? shard.aspects[record[place]].map((row) => row.map(text)) : text(record[place])]));
  found.ms = grid.ms[at];
  found.digest = grid.digest[shard.environments.indexOf(cell.writer)];
  return found;
}

function fail(message) {
  $("cell").replaceChildren(make("p", { className: "lead" }, message), make("p", {}, make("a", { href: "index.html#scenarios" }, "All scenarios")));
}

function tag(outcome) {
  const style = index.outcomes[outcome];
  return make("span", { className: "tag" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), style.label);
}

/** A cause in words, with its links. Only https is ever made a link. */
function why(id) {
  const cause = index.causes?.[id];
  if (!cause) return ["Cause: ", make("code", {}, id)];
  const links = cause.links.filter((link) => link.startsWith("https://")).flatMap((link) => [" ", make("a", { href: link, rel: "noreferrer" }, link.split("/").slice(-2).join(" "))]);
  return [make("b", {}, ...prose(cause.title)), " ", make("code", {}, id), make("br"), ...prose(cause.explanation), ...links];
}

/** What works instead, from measurements of this very pair alone. */
function advice(shard, cell) {
  const bare = look(shard, cell, "none");
  if (!bare || bare.outcome === "equivalent" || ["save_error", "not_run", "environment_unavailable", "harness_error"].includes(bare.outcome)) return [];
  const tries = Object.keys(index.remedies).filter((remedy) => remedy !== "none" && look(shard, cell, remedy));
  const works = tries.find((remedy) => look(shard, cell, remedy).outcome === "equivalent");
  const words = works ? ["Works, as measured for this pair: ", make("b", {}, index.remedies[works].title), ` (gives up: ${index.remedies[works].gives_up.join(", ") || "nothing"})`]
    : [tries.length ? `None of the ${tries.length} other ways tried worked for this pair.` : "No other way of loading was tried for this pair."];
  const place = (name) => shard.environments.indexOf(name);
  const readers = shard.environments.filter((reader) => look(shard, { ...cell, reader }, "none")?.outcome === "equivalent")
    .sort((a, b) => Math.abs(place(a) - place(cell.reader)) - Math.abs(place(b) - place(cell.reader)) || place(b) - place(a));
  const nearest = readers.length ? ` The nearest environment that reads the file bare: ${readers[0]}.` : " No environment of this run reads the file bare.";
  return [make("h2", {}, "What to do"), make("p", {}, ...words), ...(works ? [make("p", { className: "code" }, code(cell.format, works))] : []), make("p", {}, nearest)];
}

function verdict(cell, found) {
  const style = index.outcomes[found.outcome];
  const words = make("div", {}, make("b", {}, style.label), make("br"), style.explanation);
  if (found.cause) words.append(make("br"), ...why(found.cause));
  if (found.attribution) words.append(make("br"), `Whose doing: ${found.attribution} (${index.attributions?.[found.attribution] ?? ""})`);
  if (found.verdict && found.verdict !== "not_judged") words.append(make("br"), `Held against what was expected: ${found.verdict}`);
  if (found.reason) words.append(make("br"), found.reason);
  return make("div", { className: "verdict" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), words);
}

function table(heads, rows) {
  const body = make("tbody", {}, ...rows.map(({ cells, css = "" }) => make("tr", { className: css }, ...cells.map((each) => make("td", {}, each)))));
  const head = make("thead", {}, make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each))));
  return make("div", { className: "scroll" }, make("table", { className: "list" }, head, body));
}

function aspects(cell, found) {
  if (!found.aspects.length) return [];
  const scenario = index.scenarios[cell.scenario];
  const marks = { agrees: "✓ agrees", differs: "≠ differs", missing: "∅ missing" };
  const rows = found.aspects.map(([name, status, difference, detail]) => ({
    cells: [name, marks[status] ?? status, difference, detail], css: status === "agrees" ? "" : "off" }));
  return [make("h2", {}, "Compared with what the writer recorded"),
    make("p", {}, `Tolerance: rtol ${scenario.rtol}, atol ${scenario.atol}. A difference within it is given as the power of ten it stays under.`),
    table(["aspect", "", "largest difference", "detail"], rows)];
}

function raised(found) {
  if (!found.exception && !found.message) return [];
  const where = found.stage ? `Raised during: ${found.stage}` : "Raised";
  return [make("h2", {}, found.exception || "Message"), make("p", {}, where), make("pre", {}, found.message)];
}

function folded(title, text) {
  if (!text) return [];
  return [make("details", {}, make("summary", {}, `${title} (${text.split("\n").length} lines)`), make("pre", {}, text))];
}

function side(role, id) {
  const environment = index.environments[id];
  const versions = Object.entries(environment.resolved).map(([name, version]) => make("span", { className: "pkg" }, `${name} `, make("b", {}, version), " "));
  const link = make("a", { href: `environments.html#${encodeURIComponent(id)}` }, id);
  return make("div", {}, make("h3", {}, `${role}: `, link),
    make("p", {}, `${environment.family}, ${environment.backend}, Python ${environment.python}, released ${environment.released}`),
    make("p", {}, ...(versions.length ? versions : [environment.reason])));
}

function tried(shard, cell) {
  const rows = Object.keys(index.remedies).map((remedy) => [remedy, look(shard, cell, remedy)]).filter(([, found]) => found).map(([remedy, found]) => ({
    css: remedy === cell.remedy ? "here" : "",
    cells: [make("a", { href: `#${idOf({ ...cell, remedy })}` }, index.remedies[remedy].title), tag(found.outcome), make("code", {}, code(cell.format, remedy)),
      index.remedies[remedy].gives_up.join(", ") || "nothing"] }));
  return [make("h2", {}, "Every way of loading that was tried for this file and this reader"), table(["way of loading", "outcome", "code", "gives up"], rows)];
}

function facts(found) {
  const rows = [["artifact", found.digest && `SHA-256 ${found.digest}…`], ["duration", found.ms < 0 ? "" : `${found.ms / 1000} s`],
    ["isolated by", { fork: "a child forked after the import", spawn: "a process started for the job", fresh: "a process of its own, started anew" }[found.start_method] ?? found.start_method],
    ["facts", found.facts]].filter(([, value]) => value);
  return make("dl", { className: "meta" }, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function page(shard, cell, found) {
  const id = idOf(cell);
  const repeat = `nox -s matrix -- show ${quoted(id)}\nnox -s matrix -- run --select ${quoted(id)} --force`;
  return [verdict(cell, found), make("p", { className: "code" }, code(cell.format, cell.remedy)), ...advice(shard, cell), ...aspects(cell, found), ...raised(found),
    ...folded("Traceback", found.traceback), ...folded("Warnings", found.warnings), ...folded("Captured output", found.output),
    ...tried(shard, cell), make("h2", {}, "Both sides"), make("div", { className: "sides" }, side("writer", cell.writer), side("reader", cell.reader)),
    make("h2", {}, "How it was measured"), facts(found), make("h2", {}, "Repeat it"), make("pre", {}, repeat)];
}

function render() {
  const cell = wanted();
  if (!index || !location.hash.slice(1)) return;
  const known = index.scenarios[cell.scenario] && index.formats.includes(cell.format) && index.environments[cell.writer] && index.environments[cell.reader] && index.remedies[cell.remedy];
  if (!known) return fail(`There is no cell ${idOf(cell)} in this run.`);
  const name = `${cell.scenario}.${cell.format}`;
  const shard = shards.get(name);
  if (!shard) return load(name);
  const found = look(shard, cell, cell.remedy);
  $("title").replaceChildren(`${cell.writer} → ${cell.reader}`);
  const scenario = make("a", { href: `scenario/${cell.scenario}.html#${cell.format}` }, index.scenarios[cell.scenario].title);
  $("crumb").replaceChildren(make("a", { href: "index.html" }, "Overview"), " / ", scenario, ` / ${cell.format} / ${index.remedies[cell.remedy].title} `, make("br"), make("code", { className: "id" }, idOf(cell)));
  document.title = `${idOf(cell)} · Keras compatibility matrix`;
  if (!found) return fail(`The cell ${idOf(cell)} was not part of this run: a remedy runs where the bare load is not equivalent.`);
  return $("cell").replaceChildren(...page(shard, cell, found));
}

addEventListener("hashchange", () => { render(); scrollTo(0, 0); });
