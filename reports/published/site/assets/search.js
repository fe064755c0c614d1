// Search: causes, error texts, layers, scenarios, claims, environments and ways of loading, in one
// box. An error text is explained as the command line explains it. Nothing is sent anywhere.
"use strict";

(() => {
/** @typedef {[string, string, string, string, string]} Document kind, address, title, text, further words */
/** @typedef {Known & {documents: Document[]}} SearchData */
/** @typedef {{id: number, score: number, terms: string[]}} Hit */

const KINDS = /** @type {[string, string][]} */ ([["cause", "Causes"], ["layer", "Layers, by the scenarios whose code names them"], ["scenario", "Scenarios"], ["remedy", "Ways of loading"], ["claim", "Claims"], ["error", "Error texts"], ["environment", "Environments"]]);
const FEW = 6;
const MOST = 200;
const LEAST_ERROR = 15;
/** Words of a query that are looked up: an error text may have thousands. */
const MOST_WORDS = 40;
const MOST_CAUSES = 4;
const PAUSE_MS = 60;

/** @type {SearchData} */ let data;
/** @type {any} */ let index;
const box = /** @type {HTMLTextAreaElement} */ ($("query"));

/** Words, and the parts of names in CamelCase. @param {string} text */
function wordsOf(text) {
  return text.split(/[\s\p{P}\p{S}]+/u).filter(Boolean).flatMap((word) => {
    const parts = word.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
    return parts.length > 1 ? [word, ...parts] : [word];
  });
}

/** @param {SearchData} given */
function buildIndex(given) {
  data = given;
  const Index = /** @type {any} */ (globalThis).MiniSearch;
  index = new Index({
    fields: ["title", "text", "more"],
    tokenize: wordsOf,
    searchOptions: { boost: { title: 3, more: 0.7 }, boostDocument: (/** @type {number} */ id, /** @type {string} */ term) => (data.documents[id][2].toLowerCase() === term ? 10 : 1), prefix: (/** @type {string} */ term) => term.length > 2, fuzzy: (/** @type {string} */ term) => (term.length > 4 ? 0.2 : false), tokenize: (/** @type {string} */ text) => text.split(/[\s\p{P}\p{S}]+/u).filter(Boolean) },
  });
  index.addAll(data.documents.map(([, , title, text, more], id) => ({ id, title, text, more })));
}

/** What has all of the words; without such a thing, what has any. @param {string} text @returns {Hit[]} */
function findHits(text) {
  const words = text.split(/\s+/).slice(0, MOST_WORDS).join(" ");
  const all = index.search(words, { combineWith: "AND" });
  return (all.length ? all : index.search(words, { combineWith: "OR" })).slice(0, MOST);
}

// --- showing ---------------------------------------------------------------------------------

/** Text with the words that were found marked. @param {string} text @param {string[]} terms */
function marked(text, terms) {
  const wanted = terms.filter((each) => each.length > 2).sort((a, b) => b.length - a.length).map((each) => each.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  if (!wanted.length) return [text];
  return text.split(new RegExp(`(?<![\\p{L}\\d])(${wanted.join("|")})`, "giu")).map((part, place) => (place % 2 ? make("mark", {}, part) : part));
}

/** @param {Hit} hit */
function hitItem({ id, terms }) {
  const [, href, title, text] = data.documents[id];
  return make("li", {}, make("a", { href }, ...marked(title.replaceAll("`", ""), terms)), make("p", {}, ...marked(text.replaceAll("`", ""), terms)));
}

/** @param {string} label @param {Hit[]} hits */
function kindPart(label, hits) {
  const list = make("ol", { className: "hits" }, ...hits.slice(0, FEW).map(hitItem));
  const more = make("button", { type: "button" }, `Show ${count(hits.length - FEW)} more`);
  more.addEventListener("click", () => {
    const items = hits.slice(FEW).map(hitItem);
    list.append(...items);
    more.remove();
    items[0].querySelector("a")?.focus();
  });
  return make("section", {}, make("h2", {}, label, " ", make("small", {}, count(hits.length))), list, ...(hits.length > FEW ? [more] : []));
}

/** @param {Possible} cause */
function causeItem({ id, cells, of, families }) {
  const [title, seen] = data.causes[id] ?? [id, 0];
  const name = title.replaceAll("`", "");
  const share = of ? `${count(cells)} of the ${count(of)} cells of this run with a message of this kind.` : "A rule matches it; no cell of this run has a message of this kind.";
  const texts = families.length ? [" ", make("a", { href: `errors.html#${families[0]}` }, families.length === 1 ? "The message" : `${count(families.length)} messages`), "."] : [];
  return make("li", {}, seen ? make("a", { href: `causes.html#${id}` }, name) : make("b", {}, name), " ", make("code", { className: "id" }, id), make("p", {}, share, ...texts));
}

/** @param {string} text @returns {{nodes: HTMLElement[], causes: number}} */
function explained(text) {
  const { exception, message, causes } = explainText(text, data);
  // Of a few letters a rule may know one: that is no error text.
  if (!causes.length || (!exception && text.trim().length < LEAST_ERROR)) return { nodes: [], causes: 0 };
  const said = `${exception ? `${exception}: ` : ""}${message}`;
  return { causes: causes.length, nodes: [make("section", { className: "explained", ariaLabel: "Causes of this error text" },
    make("h2", {}, causes.length === 1 ? "The cause of this error" : "The likeliest cause of this error first"),
    make("p", { className: "code" }, said.length > 300 ? `${said.slice(0, 300)}…` : said),
    make("ol", { className: "hits" }, ...causes.slice(0, MOST_CAUSES).map(causeItem)),
    ...(causes.length > MOST_CAUSES ? [make("p", {}, `The text alone does not exclude ${count(causes.length - MOST_CAUSES)} further causes. `, make("code", {}, "nox -s explain"), " narrows them by writer, reader and format.")] : []))] };
}

function show() {
  const text = box.value;
  if (!text.trim()) {
    $("hits").replaceChildren();
    $("status").textContent = "";
    return;
  }
  const hits = findHits(text);
  const { nodes, causes } = explained(text);
  const parts = KINDS.map(([kind, label]) => ({ label, found: hits.filter((hit) => data.documents[hit.id][0] === kind) })).filter((each) => each.found.length);
  // What fits best comes first, whatever it is.
  parts.sort((a, b) => b.found[0].score - a.found[0].score);
  $("hits").replaceChildren(...nodes, ...parts.map(({ label, found }) => kindPart(label, found)));
  const known = causes ? `An error text with ${causes === 1 ? "one possible cause" : `${count(causes)} possible causes`}. ` : "";
  $("status").textContent = known + (hits.length ? `${hits.length === MOST ? "The best " : ""}${count(hits.length)} found.` : "Nothing of this run has these words.");
}

// --- the address -----------------------------------------------------------------------------

function readAddress() {
  box.value = new URLSearchParams(location.hash.slice(1)).get("q") ?? "";
  show();
}

/** Letters that are typed are no steps back. */
function keepAddress() {
  history.replaceState(null, "", searchAddress(box.value));
}

/** @param {SearchData} given */
function begin(given) {
  buildIndex(given);
  let later = 0;
  box.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(() => { show(); keepAddress(); }, PAUSE_MS);
  });
  $("find").addEventListener("submit", (event) => { event.preventDefault(); show(); keepAddress(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); show(); keepAddress(); }
  });
  addEventListener("hashchange", readAddress);
  $("find").hidden = false;
  readAddress();
}

Object.assign(globalThis, { matrixSearch: begin });
})();
