// An error text -> the causes it may have: what runner/analyse/error_text.py and explain.py do, with
// the run's families of messages and the rules of causes.toml. A test holds both against each other.
"use strict";

/** @typedef {{exception: string, message: string, traceback: string}} Reading */
/** @typedef {[string, string, string, string[], Record<string, number>]} Family id, exception, kind of the whole, kinds of first and last line, cells by cause */
/** @typedef {[string, string, string, string[], string[], string[]]} Rule cause, message, traceback, exceptions, outcomes, further conditions */
/** @typedef {{messages: Family[], rules: Rule[], causes: Record<string, [string, number]>, unclassified: string, raised: string, index?: Map<string, Set<number>>[]}} Known */
/** @typedef {{id: string, cells: number, of: number, families: string[]}} Possible */

const LONGEST_TEXT = 1_000_000;
const LONGEST_TRACEBACK = 60_000;
const LONGEST_OF_LINE = 8_000;
const LONGEST_INNERMOST = 6_000;
const LONGEST_KIND = 160;
const MOST_ERRORS = 10;
const LEAST_LETTERS = 14;
const SURE = 0.9;
const ESC = "\u001b";
const DELETE = "\u007f";
const ESCAPES = new RegExp(`${ESC}(?:\\[[0-?]{0,60}[ -/]{0,10}[@-~]|\\][^\\u0007${ESC}]{0,2000}(?:\\u0007|${ESC}\\\\)|.)`, "g");
const CONTROLS = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${DELETE}-\\u009f]`, "g");
const START = "Traceback (most recent call last)";
const CHAIN = /\n\s*(?:During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception)/;
const RAISED = /^((?:[A-Za-z_]\w{0,80}\.){0,12}(?:[A-Za-z_]\w{0,80}?(?:Error|Exception|Warning|Exit|Interrupt)|BadZipFile|StopIteration))(?::[ \t]?(.*)|[ \t]*)$/;
const WRAPPER = "Exception encountered: ";
const WRAPPED = /\n\s*Exception encountered: /;
const WORD_NAME = /\b(?:[A-Z][a-z0-9]*[A-Z]\w*|\w+_\w+|\w+(?:\.\w+)+)|(?<=: )[A-Za-z_]\w*$/g;

// --- the text --------------------------------------------------------------------------------

/** Without colours and control characters, cut to its end. @param {string} text */
function cleanText(text) {
  const plain = text.slice(-LONGEST_TEXT).replace(/\r\n?/g, "\n").replace(ESCAPES, "").replace(/^E {3}/gm, "").replace(CONTROLS, "");
  return plain.split("\n").map((line) => line.slice(0, LONGEST_OF_LINE)).join("\n");
}

/** The readings of a text, the likeliest first. @param {string} text @returns {Reading[]} */
function readErrors(text) {
  const plain = cleanText(text);
  const seen = new Set();
  return [...readings(plain)].filter((each) => {
    const key = JSON.stringify(each);
    if (seen.has(key) || !(each.message || each.exception)) return false;
    seen.add(key);
    return true;
  });
}

/** @param {string} text @returns {Generator<Reading>} */
function* readings(text) {
  const found = [...errorsOf(text)];
  for (const [exception, message, traceback] of found) for (const each of extents(message)) yield reading(exception, each, traceback);
  if (found.length) return;
  const whole = text.trim();
  for (const each of extents(whole)) yield reading("", each, "");
  if (whole.includes("\n")) yield reading("", whole.slice(whole.lastIndexOf("\n") + 1), "");
}

/** @param {string} exception @param {string} message @param {string} traceback @returns {Reading} */
function reading(exception, message, traceback) {
  const trimmed = message.trim();
  const said = trimmed.startsWith(WRAPPER) ? trimmed.slice(WRAPPER.length) : trimmed;
  const wrapped = said.split(WRAPPED);
  return { exception, message: String(wrapped.at(-1)).slice(0, LONGEST_INNERMOST).trim(), traceback: traceback.slice(-LONGEST_TRACEBACK) };
}

/** A message as far as it may go: log lines may follow it. @param {string} message */
function extents(message) {
  const said = message.trim();
  return [message, said.split("\n\n", 1)[0], said.split("\n", 1)[0]];
}

/** Exception, message and traceback of each error, the last first. @param {string} text @returns {Generator<[string, string, string]>} */
function* errorsOf(text) {
  let end = text.length;
  for (let turn = 0; turn < MOST_ERRORS; turn += 1) {
    // All of it has to stand before the end.
    const start = end < START.length ? -1 : text.lastIndexOf(START, end - START.length);
    const part = text.slice(Math.max(start, 0), end);
    const raised = findRaised(withoutPrefix(text, start, part));
    if (raised) yield [...raised, start >= 0 ? part : ""];
    if (start < 0) return;
    end = start ? text.lastIndexOf("\n", start - 1) + 1 : 0;
  }
}

/** Take away what a log puts before each line. @param {string} text @param {number} start @param {string} part */
function withoutPrefix(text, start, part) {
  if (start <= 0) return part;
  const prefix = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
  if (!prefix.trim() || prefix.length > 200) return part;
  return part.split("\n").map((line) => (line.startsWith(prefix) ? line.slice(prefix.length) : line)).join("\n");
}

/** @param {string} part @returns {[string, string]|null} */
function findRaised(part) {
  const lines = part.split(CHAIN, 1)[0].split("\n");
  const places = [...lines.keys()].filter((place) => RAISED.test(lines[place]));
  if (!places.length) return null;
  // Of a traceback the first: its message may hold lines of that kind. Of a log the last.
  const place = lines[0].includes(START) ? places[0] : places[places.length - 1];
  const found = /** @type {RegExpExecArray} */ (RAISED.exec(lines[place]));
  return [found[1].slice(found[1].lastIndexOf(".") + 1), [found[2] ?? "", ...lines.slice(place + 1)].join("\n")];
}

// --- kinds of messages -----------------------------------------------------------------------

/** A message without names, numbers and paths. @param {string} message */
function normaliseMessage(message) {
  const plain = message.replace(/'[^']*'|"[^"]*"|`[^`]*`|<[^<>]*>/g, "'…'").replace(/(?:\/[\w.~-]+){2,}\/?/g, "PATH").replace(/0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, "N");
  return plain.split(/\s+/).filter(Boolean).join(" ").slice(0, LONGEST_KIND);
}

/** @param {string} line */
function saysSomething(line) {
  return (normaliseMessage(line).match(/\p{L}/gu) ?? []).length >= LEAST_LETTERS;
}

/** @param {string} kind */
const loosen = (kind) => kind.replace(WORD_NAME, "NAME");

/** Kinds of a message, the more exactly told first. @param {string} message @returns {string[][]} */
function kindsOf(message) {
  const lines = message.trim().split("\n");
  const ends = [lines[0], lines[lines.length - 1]].filter(saysSomething).map(normaliseMessage);
  const whole = [normaliseMessage(message)];
  return [whole, ends, whole.map(loosen), ends.map(loosen)];
}

/** Families by kind, four times. @param {Known} known */
function indexKinds(known) {
  if (known.index) return known.index;
  /** @type {Map<string, Set<number>>[]} */ const index = [new Map(), new Map(), new Map(), new Map()];
  known.messages.forEach(([, , whole, lines], place) => {
    [[whole], lines, [loosen(whole)], lines.map(loosen)].forEach((kinds, level) => {
      for (const kind of kinds) index[level].set(kind, (index[level].get(kind) ?? new Set()).add(place));
    });
  });
  known.index = index;
  return index;
}

/** The run's families that are of a reading's kind. @param {Reading} read @param {Known} known @returns {Family[]} */
function findAlike({ exception, message }, known) {
  const index = indexKinds(known);
  for (const [level, kinds] of kindsOf(message).entries()) {
    const places = new Set(kinds.filter(saysSomething).flatMap((kind) => [...(index[level].get(kind) ?? [])]));
    const found = [...places].map((place) => known.messages[place]).filter((family) => !exception || family[1] === exception);
    if (found.length) return found;
  }
  return [];
}

// --- rules -----------------------------------------------------------------------------------

/** @type {Map<string, RegExp>} */ const compiled = new Map();

/** A Python expression; all flags that causes.toml uses stand at its start. @param {string} source */
function expressionOf(source) {
  const known = compiled.get(source);
  if (known) return known;
  const ignoring = source.startsWith("(?i)");
  const made = new RegExp(ignoring ? source.slice(4) : source, ignoring ? "si" : "s");
  compiled.set(source, made);
  return made;
}

/** @param {string} name @param {string[]} globs */
function matchesGlob(name, globs) {
  return globs.some((glob) => globOf(glob).test(name));
}

/** Each cause with a rule whose texts match: what that rule asks and the text does not say. @param {Reading} read @param {Known} known @returns {Map<string, {unknown: string[], outcomes: string[]}>} */
function matchRules({ exception, message, traceback }, known) {
  const found = new Map();
  const decided = new Set();
  for (const [cause, said, trace, exceptions, outcomes, beside] of known.rules) {
    if (outcomes.every((each) => decided.has(each))) continue;
    if (exception && exceptions.length && !matchesGlob(exception, exceptions)) continue;
    if (!expressionOf(said).test(message)) continue;
    if (trace && traceback && !expressionOf(trace).test(traceback)) continue;
    const unknown = ["outcomes", ...beside];
    if (exceptions.length && !exception) unknown.push("exceptions");
    if (trace && !traceback) unknown.push("traceback");
    if (!found.has(cause)) found.set(cause, { unknown, outcomes });
    if (unknown.every((each) => each === "outcomes" || each === "exceptions")) for (const each of outcomes) decided.add(each);
  }
  return found;
}

/** @param {ReturnType<typeof matchRules>} matches @param {Map<string, number>} counts @param {Known} known @returns {string[]} */
function orderCauses(matches, counts, known) {
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
  if (total && !matches.size) {
    const seen = [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name).filter((name) => name !== known.unclassified);
    return seen.length && Number(counts.get(seen[0])) >= SURE * total ? seen : [];
  }
  const names = [...matches.keys()];
  const sure = matches.get(names[0]);
  const decided = sure?.unknown.every((each) => each === "outcomes" || each === "exceptions") && sure.outcomes.includes(known.raised) ? names[0] : "";
  const cells = (/** @type {string} */ name) => counts.get(name) ?? 0;
  return names.sort((a, b) => Number(b === decided) - Number(a === decided) || cells(b) - cells(a) || (matches.get(a)?.unknown.length ?? 0) - (matches.get(b)?.unknown.length ?? 0));
}

/** The causes that a text may have, the likeliest first; none where it is unknown. @param {string} text @param {Known} known @returns {{exception: string, message: string, causes: Possible[]}} */
function explainText(text, known) {
  const all = readErrors(text);
  for (const read of all) {
    const alike = findAlike(read, known);
    /** @type {Map<string, number>} */ const counts = new Map();
    for (const family of alike) for (const [cause, cells] of Object.entries(family[4])) counts.set(cause, (counts.get(cause) ?? 0) + cells);
    const named = orderCauses(matchRules(read, known), counts, known);
    if (!named.length) continue;
    const of = [...counts.values()].reduce((sum, each) => sum + each, 0);
    const causes = named.map((id) => ({ id, cells: counts.get(id) ?? 0, of, families: alike.filter((family) => family[4][id]).map((family) => family[0]) }));
    return { exception: read.exception, message: read.message, causes };
  }
  return { exception: all[0]?.exception ?? "", message: all[0]?.message ?? "", causes: [] };
}
