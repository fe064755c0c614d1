// One cell, chosen by the address: cell.html#scenario/format/writer->reader/remedy
"use strict";

/** @typedef {{scenario: string, format: string, writer: string, reader: string, remedy: string}} CellId */
/**
 * @typedef {object} Facts What is known of a cell.
 * @property {string} outcome
 * @property {string} cause
 * @property {string} verdict
 * @property {string} attribution
 * @property {string} baseline what the writer gets from its own file the same way
 * @property {string} impact
 * @property {string} origin
 * @property {string} probe
 * @property {string} recipe
 * @property {string} frozen
 * @property {string} when
 * @property {string} stage
 * @property {string} exception
 * @property {string} message
 * @property {string} traceback
 * @property {string} output
 * @property {string} warnings
 * @property {string} facts
 * @property {string} reason
 * @property {string} start_method
 * @property {string} isolation
 * @property {string[][]} aspects
 * @property {number} ms
 * @property {string} digest
 */

/** @param {CellId} cell */
const idOf = (cell) => `${cell.scenario}/${cell.format}/${cell.writer}->${cell.reader}/${cell.remedy}`;
/** A word of a shell's command line. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @returns {CellId} */
function wantedCell() {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { /* a stray percent sign: take it as it is */ }
  const [scenario, format = "", pair = "", remedy = BARE] = text.split("/");
  const [writer, reader = ""] = pair.split("->");
  return { scenario, format, writer, reader, remedy };
}

/** The cells of one scenario and format, read from its script. */
class Shard {
  /** @param {any} given @param {string[]} shared lines of every shard */
  constructor(given, shared) {
    /** @type {string[]} */ this.environments = given.environments;
    this.remedies = given.remedies;
    this.columns = given.columns;
    this.aspects = given.aspects;
    /** @type {string[]} */ this.moments = given.moments;
    const line = (/** @type {number} */ number) => (number < shared.length ? shared[number] : given.lines[number - shared.length]);
    /** @type {number[]} */ let before = [];
    // A text holds how many lines it begins like the one before it, and the others.
    /** @type {number[][]} */ this.texts = given.texts.map((/** @type {number[]} */ text) => { before = [...before.slice(0, text[0]), ...text.slice(1)]; return before; });
    this.text = (/** @type {number} */ number) => this.texts[number].map(line).join("\n");
  }

  /** Everything known of one cell, or null. @param {CellId} cell @returns {Facts|null} */
  look(cell) {
    const grid = this.remedies[cell.remedy];
    const writer = this.environments.indexOf(cell.writer);
    const reader = this.environments.indexOf(cell.reader);
    if (!grid || writer < 0 || reader < 0) return null;
    const place = writer * this.environments.length + reader;
    // A grid less than half full holds only the places it names.
    const at = grid.at ? grid.at.indexOf(place) : place;
    const record = grid.record[at];
    if (record === undefined || record < 0) return null;
    const found = Object.fromEntries(Object.entries(this.columns).map(([name, column]) => {
      const number = Array.isArray(column) ? column[record] : column;
      return [name, name === "aspects" ? this.aspects[number].map((/** @type {number[]} */ row) => row.map(this.text)) : this.text(number)];
    }));
    const when = this.moments[Array.isArray(grid.when) ? grid.when[at] : grid.when];
    return /** @type {Facts} */ ({ ...found, when, ms: grid.ms[at], digest: grid.digest[writer] });
  }
}

/** @type {Map<string, Promise<Shard>>} */ const shards = new Map();

/** @param {CellId} cell */
function loadShard(cell) {
  const name = `${cell.scenario}.${cell.format}`;
  const known = shards.get(name) ?? Promise.all([loadData(name), loadData("lines")]).then(([given, shared]) => new Shard(given, shared));
  shards.set(name, known);
  return known;
}

// --- the parts of the page -------------------------------------------------------------------

/** A cause in words, with its links. Only https is ever made a link. @param {Index} index @param {string} id */
function why(index, id) {
  const cause = index.causes[id];
  if (!cause) return [make("p", {}, "Cause: ", make("code", {}, id))];
  const links = cause.links.filter((link) => link.startsWith("https://")).flatMap((link) => [" ", make("a", { href: link, rel: "noreferrer" }, linkName(link))]);
  const name = make("a", { href: `causes.html#${encodeURIComponent(id)}` }, make("code", { className: "id" }, id));
  return [make("p", {}, make("b", {}, ...prose(cause.title)), " ", name), make("p", {}, ...prose(cause.explanation), ...links)];
}

/** @param {Index} index @param {Facts} found */
function verdictOf(index, found) {
  const style = index.outcomes[found.outcome];
  return verdictBox(style, style.symbol, style.label, [make("p", {}, style.explanation), ...(found.cause ? why(index, found.cause) : []), ...(found.reason ? [make("p", {}, found.reason)] : []), make("p", { className: "age" }, ageWords(index, found.origin, found.when), ...(found.frozen ? [` It read a frozen artifact, written on ${found.frozen}.`] : []))]);
}

/** What works instead, from measurements of this very pair alone. @param {Index} index @param {Shard} shard @param {CellId} cell */
function advice(index, shard, cell) {
  const bare = shard.look({ ...cell, remedy: BARE });
  if (!bare || !index.outcomes[bare.outcome].remediable) return [];
  const tries = Object.keys(index.remedies).filter((remedy) => remedy !== BARE && index.outcomes[shard.look({ ...cell, remedy })?.outcome ?? "not_run"].ran);
  const failed = failedOf(index, cell, bare);
  const lost = (/** @type {string} */ remedy) => withoutOf(index, cell.scenario, cell.format, remedy);
  const helping = tries.filter((remedy) => shard.look({ ...cell, remedy })?.outcome === "equivalent");
  const works = helping.find((remedy) => !lost(remedy).some((each) => failed.includes(each))) ?? helping[0];
  const place = (/** @type {string} */ name) => shard.environments.indexOf(name);
  const readers = shard.environments.filter((reader) => shard.look({ ...cell, reader, remedy: BARE })?.outcome === "equivalent");
  const near = nearestOf(readers.map(place), place(cell.reader), shard.environments.map((name) => Date.parse(index.environments[name].first_released) / 86400000));
  const nearest = near >= 0 ? `The nearest environment that reads the file with a plain load: ${shard.environments[near]}.` : "No environment of this run reads the file with a plain load.";
  return [make("h2", {}, "What to do"), make("p", {}, ...adviceWords(index, tries.length, works, works ? lost(works) : [], failed)), ...(works ? [make("pre", { className: "code" }, index.remedies[works].code[cell.format] ?? "")] : []), make("p", {}, nearest)];
}

/** What did not come back; everything that was asked for where nothing did. @param {Index} index @param {CellId} cell @param {Facts} bare */
function failedOf(index, cell, bare) {
  if (bare.outcome === "diverged") return bare.aspects.filter(([, status]) => status !== "agrees").map(([name]) => name);
  if (bare.outcome === "unusable") return [bare.impact === "training" ? "training_step" : "outputs"];
  return index.scenarios[cell.scenario].aspects;
}

/** @param {Index} index @param {number} tried @param {string|undefined} works @param {string[]} lost @param {string[]} failed */
function adviceWords(index, tried, works, lost, failed) {
  if (!works) return [tried ? `None of the ${tried} other ways tried worked for this pair.` : "No other way of loading was tried for this pair."];
  const without = lost.map((each) => index.aspects[each]).join(", ");
  const told = !lost.length ? "the same model" : lost.some((each) => failed.includes(each)) ? `it loads, without ${without}` : `what failed is right; without ${without}`;
  return ["Measured for this pair: ", make("b", {}, index.remedies[works].title), ` (${told})`];
}

/** @param {Index} index @param {CellId} cell @param {Facts} found */
function comparison(index, cell, found) {
  if (!found.aspects.length) return [];
  const scenario = index.scenarios[cell.scenario];
  /** @type {Record<string, string>} */ const marks = { agrees: "✓ agrees", differs: "≠ differs", missing: "∅ missing" };
  // What differs is what a reader came for.
  const told = [...found.aspects].sort((a, b) => Number(a[1] === "agrees") - Number(b[1] === "agrees"));
  const rows = told.map(([name, status, difference, detail]) => ({
    cells: [name, marks[status] ?? status, difference, detail], css: status === "agrees" ? "" : "off" }));
  return [make("h2", {}, "Compared with what the writer recorded"),
    make("p", {}, `Tolerance: rtol ${scenario.rtol}, atol ${scenario.atol}. A difference within it is given as the power of ten it stays under.`),
    listTable("Aspects", ["aspect", "result", "largest difference", "detail"], rows)];
}

/** @param {Facts} found */
function raised(found) {
  if (!found.exception && !found.message) return [];
  return [make("h2", {}, found.exception || "Message"), make("p", {}, found.stage ? `Raised during: ${found.stage}` : "Raised"), make("pre", { tabIndex: 0 }, found.message)];
}

/** @param {string} title @param {string} text */
function folded(title, text) {
  if (!text) return [];
  const lines = text.split("\n").length;
  return [make("details", {}, make("summary", {}, `${title} (${lines === 1 ? "1 line" : `${count(lines)} lines`})`), make("pre", { tabIndex: 0 }, text))];
}

/** @param {Index} index @param {string} role @param {string} id */
function side(index, role, id) {
  const environment = index.environments[id];
  const versions = Object.entries(environment.resolved).flatMap(([name, version]) => [make("span", { className: "pkg" }, `${name} `, make("b", {}, version)), " "]);
  const link = make("a", { href: `release/${encodeURIComponent(id)}.html#${role}` }, id);
  return make("div", {}, make("h3", {}, `${role}: `, link),
    make("p", {}, `${environment.family}, ${environment.backend}, Python ${environment.python}, released ${environment.released}`),
    make("p", {}, ...(versions.length ? versions : [environment.reason])));
}

/** @param {Index} index @param {Shard} shard @param {CellId} cell */
function waysTried(index, shard, cell) {
  const rows = Object.keys(index.remedies).flatMap((remedy) => {
    const found = shard.look({ ...cell, remedy });
    if (!found) return [];
    const link = make("a", { href: `#${encodeURI(idOf({ ...cell, remedy }))}` }, index.remedies[remedy].title);
    if (remedy === cell.remedy) link.setAttribute("aria-current", "page");
    return [{ css: remedy === cell.remedy ? "here" : "", cells: [link, outcomeTag(index.outcomes[found.outcome]), make("code", {}, index.remedies[remedy].code[cell.format] ?? ""),
      index.remedies[remedy].gives_up.join(", ") || "nothing", make("span", {}, ...prose(index.causes[found.cause]?.title ?? found.cause))] }];
  });
  return [make("h2", {}, "Every way of loading that was tried for this file and this reader"), listTable("Ways of loading", ["way of loading", "outcome", "code", "gives up", "why"], rows)];
}

/** What the probe noted of a load, a line each; the names are those of observations.parquet. @param {string} text JSON @returns {[string, string][]} */
function factsOf(text) {
  try {
    const words = (/** @type {any} */ value) => (typeof value === "string" ? value : JSON.stringify(value)).replaceAll("_", " ");
    return Object.entries(JSON.parse(text)).map(([name, value]) => [name === "loaded" ? "loading gave" : name.replaceAll("_", " "), words(value)]);
  } catch { return [["noted", text]]; }
}

/** @param {Index} index @param {Facts} found */
function measuredHow(index, found) {
  /** @type {Record<string, string>} */ const isolation = { fork: "a child forked after the import", spawn: "a process started for the job", fresh: "a process of its own, started anew" };
  const rows = [
    ["measured at", found.when],
    ["where from", index.origins[found.origin]?.label ?? found.origin],
    ["frozen artifact, written on", found.frozen],
    ["the writer itself, loaded the same way", found.baseline && index.outcomes[found.baseline].label],
    ["what the difference means", found.impact],
    ["code of the probe, of the scenario", found.probe && `${found.probe}…, ${found.recipe}…`],
    ["attributed to", index.attributions[found.attribution] ?? found.attribution],
    ["held against what was expected", found.verdict && found.verdict !== "not_judged" ? found.verdict.replaceAll("_", " ") : ""],
    ["artifact", found.digest && `SHA-256 ${found.digest}…`],
    ["duration", found.ms < 0 ? "" : found.ms < 1000 ? `${found.ms} ms` : `${found.ms / 1000} s`],
    ["isolated by", isolation[found.start_method] ?? found.start_method],
    ["confined to", found.isolation],
    ...factsOf(found.facts)].filter(([, value]) => value);
  return make("dl", { className: "meta" }, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/** What to send when a cell is wrong, ready to be copied. @param {CellId} cell @param {Facts} found @param {Index} index */
function report(cell, found, index) {
  const text = `The cell ${idOf(cell)} is wrong.\nThe report says: ${found.outcome}${found.cause ? `, cause ${found.cause}` : ""}\nRun of ${index.run.started}, measured at ${found.when || "an unknown time"}, artifact ${found.digest || "none"}\nWhat I see instead, and the commands that show it: `;
  const tracker = document.querySelector("footer a[data-issues]")?.getAttribute("href");
  const link = tracker ? [make("p", {}, make("a", { href: `${tracker}?title=${encodeURIComponent(`Wrong cell: ${idOf(cell)}`)}&body=${encodeURIComponent(text)}`, rel: "noreferrer" }, "Report it to the project"), ", with this text filled in:")] : [make("p", {}, "Tell those who published this report, with this text:")];
  return [make("details", { id: "wrong" }, make("summary", {}, "Is this cell wrong?"), ...link, withCopy(text))];
}

/** @param {string} text */
function withCopy(text) {
  const button = make("button", { type: "button", ariaLive: "polite" }, "Copy");
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select and copy it by hand"; }
  };
  button.addEventListener("click", copy);
  return make("div", { className: "copy" }, make("pre", {}, text), button);
}

/** @param {Index} index @param {Shard} shard @param {CellId} cell @param {Facts} found */
function cellParts(index, shard, cell, found) {
  const id = quoted(idOf(cell));
  return [verdictOf(index, found), make("pre", { className: "code" }, index.remedies[cell.remedy].code[cell.format] ?? ""), ...advice(index, shard, cell), ...comparison(index, cell, found), ...raised(found),
    ...folded("Traceback", found.traceback), ...folded("Warnings", found.warnings), ...folded("Captured output", found.output),
    ...waysTried(index, shard, cell), make("h2", {}, "Both sides"), make("div", { className: "sides" }, side(index, "writer", cell.writer), side(index, "reader", cell.reader)),
    make("h2", {}, "How it was measured"), measuredHow(index, found),
    make("h2", {}, "Repeat it"), make("p", {}, "Measures this cell again, in environments that are built where they are missing; then prints all that was observed."),
    withCopy(`nox -s matrix -- --profile ${index.profile} --select ${id} --force\nnox -s show -- ${id}`), ...report(cell, found, index)];
}

/** The parts of an id that this run does not have. @param {Index} index @param {CellId} cell */
function unknownParts(index, cell) {
  const has = (/** @type {object} */ all, /** @type {string} */ id) => Object.hasOwn(all, id);
  /** @type {[string, string, boolean][]} */ const parts = [["scenario", cell.scenario, has(index.scenarios, cell.scenario)], ["format", cell.format, index.formats.includes(cell.format)], ["writer", cell.writer, has(index.environments, cell.writer)],
    ["reader", cell.reader, has(index.environments, cell.reader)], ["way of loading", cell.remedy, has(index.remedies, cell.remedy)]];
  return parts.filter(([, , known]) => !known).map(([name, id]) => `${name} “${id.slice(0, 80)}”`);
}

/** Why a cell with known parts is not there, as far as the run says, and the nearest thing that is. @param {Index} index @param {Shard} shard @param {CellId} cell @returns {(Node|string)[]} */
function absent(index, shard, cell) {
  const name = idOf(cell);
  const link = (/** @type {CellId} */ other, /** @type {string} */ words) => make("a", { href: `#${encodeURI(idOf(other))}` }, words);
  const bare = cell.remedy === BARE ? null : shard.look({ ...cell, remedy: BARE });
  const said = `The cell ${name} was not measured in this run: that says nothing of the model. `;
  if (!bare) return [said];
  const why = bare.outcome === "equivalent" ? "The bare load is equivalent, and other ways of loading run as a control alone there: " : "This way of loading was not tried for this file and this reader. The bare load: ";
  return [said, why, link({ ...cell, remedy: BARE }, index.outcomes[bare.outcome].label), "."];
}

/** @param {...(Node|string)} message */
function failCell(...message) {
  $("title").textContent = "No such cell";
  $("cell").replaceChildren(make("p", { className: "lead" }, ...message), make("p", {}, make("a", { href: "scenarios.html" }, "All scenarios")));
}

async function showCell() {
  if (!location.hash.slice(1)) return;
  const cell = wantedCell();
  const name = idOf(cell);
  const asked = location.hash.slice(1, 200);
  /** @type {Index} */ const index = await loadIndex();
  // Only declared names are ever put into the address of a script.
  if (unknownParts(index, cell).length) {
    const unknown = unknownParts(index, cell);
    failCell(unknown.length > 3 ? `There is no cell “${asked}”: an address ends in scenario/format/writer->reader/remedy.` : `There is no cell ${name.slice(0, 200)} in this run: it has no ${unknown.join(", no ")}.`);
    return;
  }
  $("title").textContent = `${cell.writer} → ${cell.reader}`;
  const scenario = make("a", { href: `scenario/${cell.scenario}.html#${cell.format}` }, ...prose(index.scenarios[cell.scenario].title));
  $("crumb").replaceChildren(make("a", { href: "scenarios.html" }, "Scenarios"), " / ", scenario, ` / ${cell.format} / ${index.remedies[cell.remedy].title} `, make("br"), make("code", { className: "id" }, name));
  document.title = `${name} · Keras compatibility matrix`;
  try {
    const shard = await loadShard(cell);
    if (name !== idOf(wantedCell())) return;
    const found = shard.look(cell);
    if (found) $("cell").replaceChildren(...cellParts(index, shard, cell, found));
    else failCell(...absent(index, shard, cell));
  } catch {
    failCell(`There is no data for ${cell.scenario} in ${cell.format}: it was not selected in this run.`);
  }
}

addEventListener("hashchange", () => { showCell(); scrollTo(0, 0); });
showCell();
