// What every page's script builds on: elements, text, and data that arrive as scripts, for a
// page opened from the file system may not fetch. Classic scripts share their names.
// Everything from the data is inserted as text, never as HTML.
"use strict";

/** @typedef {{symbol: string, label: string, explanation: string, css: string, ran: boolean, judged: boolean, remediable: boolean}} Style */
/** @typedef {{title: string, code: Record<string, string>, gives_up: string[]}} Remedy */
/** @typedef {{title: string, explanation: string, links: string[]}} Cause the title is there first, the rest with `loadIndex` */
/** @typedef {{python: string, backend: string, family: string, css: string, released: string, first_released: string, reason: string, resolved: Record<string, string>}} Environment */
/** @typedef {{title: string, summary: string, group: string, rtol: number, atol: number, aspects: string[], damaged: boolean}} Scenario */
/**
 * @typedef {object} Index What is declared; ids in the order in which they are shown.
 * @property {Record<string, Style>} outcomes
 * @property {Record<string, Environment>} environments
 * @property {Record<string, string>} families label by CSS class
 * @property {Record<string, Scenario>} scenarios
 * @property {Record<string, Remedy>} remedies cheapest first
 * @property {Record<string, Cause>} causes
 * @property {Record<string, string>} attributions
 * @property {string[]} formats
 * @property {Record<string, string[]>} carries format -> the aspects it carries
 * @property {Record<string, string>} aspects aspect -> what a sentence calls it
 * @property {Record<string, {label: string, explanation: string}>} origins where a cell has its facts from
 * @property {{started: string, cells: number, kept: {started: string, cells: number}|null}} run
 * @property {string} profile which environments the run was to have
 */

const BARE = "none";
const ROOT = new URL("../", /** @type {HTMLScriptElement} */ (document.currentScript).src);

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const NUMBERS = new Intl.NumberFormat("en");

/** @param {number} value */
const count = (value) => NUMBERS.format(value);

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string)} children
 */
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** What a way of loading does not bring back of what a scenario asks for. @param {Index} index @param {string} scenario @param {string} format @param {string} remedy */
function withoutOf(index, scenario, format, remedy) {
  const asked = index.scenarios[scenario].aspects.filter((each) => index.carries[format].includes(each));
  return index.remedies[remedy].gives_up.filter((each) => asked.includes(each));
}

/** The place nearest by day of release; of two as near the newer; -1 for none. @param {number[]} places @param {number} here @param {number[]} days */
function nearestOf(places, here, days) {
  const apart = (/** @type {number} */ each) => Math.abs(days[each] - days[here]);
  return [...places].sort((a, b) => apart(a) - apart(b) || days[b] - days[a] || Math.abs(a - here) - Math.abs(b - here) || b - a)[0] ?? -1;
}

/** Text whose `backticks` mark code. @param {string} text @returns {(Node|string)[]} */
function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

/** A moment as people write it: a day, or a minute of UTC. @param {string} text */
const momentText = (text) => (text.length > 10 ? `${text.slice(0, 16).replace("T", " ")}${/(Z|\+00:00)$/.test(text) ? " UTC" : ""}` : text);

/** When a cell was measured, and by which run; where that is not recorded, what is known instead. @param {Index} index @param {string} origin @param {string} moment */
function ageWords(index, origin, moment) {
  const { started, cells, kept } = index.run;
  const known = index.origins[origin]?.explanation ?? origin;
  const when = moment ? `Measured ${momentText(moment)}, ${known}.` : `Measured ${known}. When is not recorded: at the latest by the run of ${momentText(started)}.`;
  if (!origin) return "Nothing ran that could be measured.";
  return origin === "unknown" && kept ? `${when} It kept ${count(kept.cells)} of its ${count(cells)} cells from the run of ${momentText(kept.started)}.` : when;
}

/** An outcome as its symbol and its label. @param {Style} style */
function outcomeTag(style) {
  return make("span", { className: "tag" }, make("i", { className: style.css, ariaHidden: "true" }, style.symbol), style.label);
}

/** How often each outcome is, as a bar; its numbers are in the text beside it. @param {{css: string, number: number}[]} parts */
function shareBar(parts) {
  const SVG = "http://www.w3.org/2000/svg";
  const bar = document.createElementNS(SVG, "svg");
  const all = parts.reduce((sum, each) => sum + each.number, 0);
  for (const [name, value] of [["class", "bar"], ["viewBox", "0 0 100 1"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) bar.setAttribute(name, value);
  let at = 0;
  for (const { css, number } of parts) {
    const part = document.createElementNS(SVG, "rect");
    for (const [name, value] of [["class", css], ["x", at], ["width", (100 * number) / all], ["height", 1]]) part.setAttribute(String(name), String(value));
    bar.append(part);
    at += (100 * number) / all;
  }
  return bar;
}

/** The head of an answer: a symbol, a few words, and what they mean. @param {Style} style @param {string} symbol @param {string} words @param {(Node|string)[]} more */
function verdictBox(style, symbol, words, more) {
  return make("div", { className: `verdict v-${style.css}` }, make("i", { className: style.css, ariaHidden: "true" }, symbol), make("div", {}, make("p", { className: "say" }, words), ...more));
}

/** Issues and pull requests by repository and number. @param {string} link */
function linkName(link) {
  const thread = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/(?:issues|pull)\/(\d+)$/.exec(link);
  return thread ? `${thread[1]}#${thread[2]}` : link.replace(/^https:\/\//, "");
}

/**
 * @param {string} caption
 * @param {string[]} heads
 * @param {{cells: (Node|string)[], css?: string}[]} rows of which the first cell names the row
 */
function listTable(caption, heads, rows) {
  const body = make("tbody", {}, ...rows.map(({ cells, css = "" }) => make("tr", { className: css }, ...cells.map((each, place) => (place ? make("td", {}, each) : make("th", { scope: "row" }, each))))));
  const head = make("thead", {}, make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each))));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: caption }, make("table", { className: "list" }, make("caption", { className: "sr" }, caption), head, body));
}

/** Save text as a file of the reader's. @param {string} name @param {string} text @param {string} type */
function saveAs(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = /** @type {HTMLAnchorElement} */ (make("a", { href: url, download: name }));
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// --- globs -----------------------------------------------------------------------------------

/** @type {Map<string, RegExp>} */
const globs = new Map();

/** What a glob matches: `*`, `?`, `[...]`, `[!...]`, and several with commas between. @param {string} glob */
function globOf(glob) {
  let made = globs.get(glob);
  if (!made) {
    const parts = glob.split(",").map((each) => each.trim()).filter(Boolean).map((each) => each.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", "[^]*").replaceAll("?", "[^]").replaceAll("[!", "[^"));
    made = new RegExp(`^(?:${parts.join("|")})$`);
    globs.set(glob, made);
  }
  return made;
}

// --- data that arrive as scripts -------------------------------------------------------------

/** @type {Map<string, {promise: Promise<any>, give: (value: any) => void, fail: (error: Error) => void}>} */
const promised = new Map();

/** @param {string} name */
function promise(name) {
  const known = promised.get(name);
  if (known) return known;
  /** @type {any} */ const made = {};
  made.promise = new Promise((give, fail) => { made.give = give; made.fail = fail; });
  promised.set(name, made);
  return made;
}

/** Ask for `data/<name>.js` once, unless the page already has it. @param {string} name @returns {Promise<any>} */
function loadData(name) {
  const first = !promised.has(name);
  const wanted = promise(name);
  const src = new URL(`data/${encodeURIComponent(name)}.js`, ROOT).href;
  if (first && ![...document.scripts].some((each) => each.src === src)) {
    const tag = make("script", { src });
    tag.addEventListener("error", () => wanted.fail(new Error(`There is no data/${name}.js`)));
    document.head.append(tag);
  }
  return wanted.promise;
}

/** The value of a script that came compressed: base64 of a zlib stream of JSON. @param {string} packed */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (each) => each.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

/** What is declared, with the explanations of causes, which come apart. @returns {Promise<Index>} */
async function loadIndex() {
  const [index, causes] = await Promise.all([loadData("index"), loadData("causes")]);
  for (const [id, more] of Object.entries(causes)) Object.assign(index.causes[id], more);
  return index;
}

Object.assign(globalThis, {
  /** @param {Index} value */
  matrixIndex: (value) => promise("index").give(value),
  /** @param {string} name @param {string} packed */
  matrixPacked: (name, packed) => unpack(packed).then(promise(name).give, promise(name).fail),
});

// --- for every page --------------------------------------------------------------------------

// The address holds the state of a page: the skip link must not replace it.
document.querySelector("a.skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
