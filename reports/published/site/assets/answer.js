// "I saved with A as F and load with B": what happens, and what works instead, in words.
// Only measurements of this very pair are told; nothing is inferred from a neighbour.
"use strict";

const ANY_WAY = "any";

/** @typedef {{writer: number, reader: number, format: number, scenario: number}} Question scenario -1: any */

/** What was measured of a pair, bare. @param {Cells} cells @param {Question} asked @returns {Found[]} */
function bareLoads(cells, { writer, reader, format, scenario }) {
  const wanted = scenario < 0 ? cells.scenarios.map((_, place) => place) : [scenario];
  return wanted.flatMap((each) => cells.look(format, each, cells.bare, writer, reader) ?? []);
}

/** @param {number} number @param {string} one @param {string} [many] */
const times = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** @param {Cells} cells @param {Question} asked @param {Found} found @param {string} [words] */
function cellLink(cells, asked, found, words = cells.titleOf(found.scenario)) {
  return make("a", { href: `cell.html#${encodeURI(cells.id(found, asked.writer, asked.reader))}` }, words);
}

/** What a way does not bring back, in words. @param {Cells} cells @param {number} remedy @param {number} format @param {Found[]} loads */
function givesUp(cells, remedy, format, loads) {
  const lost = [...new Set(loads.flatMap((each) => cells.without(each.scenario, format, remedy)))];
  return lost.length ? `without ${lost.map((each) => cells.index.aspects[each]).join(", ")}` : "the whole model";
}

/** A way of loading: its name, its price and its code. @param {Cells} cells @param {number} remedy @param {number} format @param {Found[]} loads for which it is advised */
function wayText(cells, remedy, format, loads) {
  return [make("b", {}, cells.index.remedies[cells.remedies[remedy]].title), ` (${givesUp(cells, remedy, format, loads)})`, make("pre", { className: "code" }, cells.codeOf(remedy, format))];
}

/** Where the file can be read at all. @param {Cells} cells @param {Question} asked @param {Found} found */
function nearestText(cells, asked, found) {
  const nearest = cells.nearestReader(found, asked.writer, asked.reader);
  return nearest < 0 ? "No environment of this run reads it with a plain load." : `The nearest environment that reads it with a plain load: ${cells.environments[nearest]}.`;
}

/** @param {Cells} cells @param {Found} found */
function causeText(cells, found) {
  const cause = cells.causeOf(found.cause);
  return cause ? prose(cause.title) : [];
}

/** What measures the answer again: all kinds, unless one is named. @param {Cells} cells @param {Question} asked @param {string} [scenario] */
function commandLine(cells, asked, scenario = "'*'") {
  return make("pre", { className: "code" }, `nox -s matrix -- --writer ${cells.environments[asked.writer]} --reader ${cells.environments[asked.reader]} --format ${cells.formats[asked.format]} --scenario ${scenario}`);
}

/** When loads were measured and by which run, in one sentence with its counts. @param {Cells} cells @param {Found[]} loads */
function agesText(cells, loads) {
  if (!loads.length) return [];
  const { first, last, origins } = cells.agesOf(loads);
  const [{ id }] = origins;
  if (origins.length === 1 && first === last) return [make("p", { className: "age" }, ageWords(cells.index, id, first))];
  const when = !first ? "" : first === last ? ` ${first}` : ` between ${first} and ${last}`;
  return [make("p", { className: "age" }, `Measured${when}: ${origins.map((each) => `${count(each.number)} ${each.label}`).join(", ")}.`)];
}

// --- one kind of model -----------------------------------------------------------------------

/** @param {Cells} cells @param {Question} asked @param {Found} found */
function answerOne(cells, asked, found) {
  const style = cells.styles[found.outcome];
  const cause = cells.causeOf(found.cause);
  const head = found.outcome === cells.equivalent ? "Yes, it is the same model" : found.outcome === cells.diverged ? "It loads without an error, and is not the model that was saved" : style.ran ? "Not with a plain load" : "There is nothing to load";
  const why = cause ? [make("p", {}, make("b", {}, ...prose(cause.title)), ". ", ...prose(cause.explanation))] : [];
  const said = [verdictBox(style, style.symbol, head, [make("p", {}, make("b", {}, style.label), ": ", style.explanation), ...why])];
  const file = aboutFile(cells, asked, found);
  if (file.length) said.push(make("p", {}, ...file));
  said.push(...agesText(cells, [found]), ...insteadOf(cells, asked, found));
  said.push(make("p", {}, cellLink(cells, asked, found, "Everything that was measured of this load"), ", or measure it yourself:"), commandLine(cells, asked, cells.scenarios[found.scenario]));
  return said;
}

/** What came of the other ways of loading for one load: nothing is said where none was tried. @param {Cells} cells @param {Question} asked @param {Found} found @returns {(Node|string)[]} */
function otherWays(cells, asked, found) {
  if (!cells.whole) return [];
  const tried = cells.triedWays(found, asked.writer, asked.reader);
  if (tried) return [tried === 1 ? "The one other way that was tried did not work." : `None of the ${count(tried)} other ways that were tried worked.`];
  const near = cells.nearestTried(found, asked.writer, asked.reader);
  if (!near) return ["No other way of loading was tried: it is not known whether one helps."];
  const pair = `${cells.environments[near.writer]} → ${cells.environments[near.reader]}`;
  const way = cells.bestWay(found, near.writer, near.reader);
  const there = { ...asked, writer: near.writer, reader: near.reader };
  const came = way < 0 ? "none of those tried worked" : `it loads with “${cells.index.remedies[cells.remedies[way]].title}”`;
  return ["No other way of loading was tried: it is not known whether one helps. The nearest pair in which some were is ", cellLink(cells, there, { ...found, remedy: cells.bare }, pair), `; there ${came}.`];
}

/** What the writer itself makes of its file, where that says that the two versions are not to blame. @param {Cells} cells @param {Question} asked @param {Found} found @returns {(Node|string)[]} */
function aboutFile(cells, asked, found) {
  const about = cells.about[cells.file(found.format, found.scenario, asked.writer)];
  if (about === DAMAGED) return ["This file was damaged on purpose: that it fails says nothing of the two versions."];
  if (about === UNKNOWN) return [`It was not measured whether ${cells.environments[asked.writer]} itself gets this model back.`];
  if (about === VERSIONS || asked.writer === asked.reader) return [];
  const own = cells.look(found.format, found.scenario, cells.bare, asked.writer, asked.writer);
  return own ? [`${cells.environments[asked.writer]} itself, loading the same way: `, outcomeTag(cells.styles[own.outcome]), ". What fails there is of the model, not of the two versions."] : [];
}

/** @param {Cells} cells @param {Question} asked @param {Found} found */
function insteadOf(cells, asked, found) {
  if (found.outcome === cells.equivalent) return [make("pre", { className: "code" }, cells.codeOf(cells.bare, found.format))];
  if (cells.outcomes[found.outcome] === "save_error" || !cells.whole) return [];
  const way = cells.bestWay(found, asked.writer, asked.reader);
  const partly = cells.isGivenUp(found, asked.writer, asked.reader) ? "It loads, but what failed is given up. " : "";
  if (way >= 0) return [make("h2", {}, "What works instead"), make("p", {}, `${partly}Measured for this very pair: `, ...wayText(cells, way, found.format, [found]))];
  return [make("h2", {}, "Other ways of loading"), make("p", {}, ...otherWays(cells, asked, found), " ", nearestText(cells, asked, found))];
}

// --- any model -------------------------------------------------------------------------------

/** What was measured, by what its owner has to do; what says nothing of two versions is apart. @param {Cells} cells @param {Question} asked @param {Found[]} loads */
function sortLoads(cells, asked, loads) {
  const about = (/** @type {Found} */ each) => cells.about[cells.file(each.format, each.scenario, asked.writer)];
  const ran = loads.filter((each) => cells.styles[each.outcome].ran);
  const tried = ran.filter((each) => about(each) === VERSIONS);
  const way = (/** @type {Found} */ each) => cells.bestWay(each, asked.writer, asked.reader);
  const bad = tried.filter((each) => each.outcome !== cells.equivalent);
  const lost = bad.filter((each) => way(each) < 0);
  const other = lost.filter((each) => cells.triedWays(each, asked.writer, asked.reader));
  return {
    tried,
    bad,
    good: tried.filter((each) => each.outcome === cells.equivalent),
    silent: bad.filter((each) => each.outcome === cells.diverged),
    helped: bad.filter((each) => way(each) >= 0),
    partly: bad.filter((each) => cells.isGivenUp(each, asked.writer, asked.reader)),
    lost: other,
    untried: lost.filter((each) => !other.includes(each)),
    itself: ran.filter((each) => about(each) === ITSELF),
    damaged: ran.filter((each) => about(each) === DAMAGED),
    unknown: ran.filter((each) => about(each) === UNKNOWN),
    way,
  };
}

/** @param {Cells} cells @param {Question} asked @param {Found} found @param {(Node|string)[]} [more] */
function loadItem(cells, asked, found, more = []) {
  const style = cells.styles[found.outcome];
  const cause = causeText(cells, found);
  return make("li", {}, make("span", { className: "tag" }, make("i", { className: style.css, title: style.label }, style.symbol)), cellLink(cells, asked, found), ...(cause.length ? [": ", ...cause] : []), ...more);
}

/** @param {string} title @param {(Node|string)[]} body @param {boolean} [open] @param {string} [css] */
function fold(title, body, open = false, css = "") {
  return make("details", { open }, make("summary", { className: css }, title), ...body);
}

/** @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function silentPart(cells, asked, { silent, way }) {
  if (!silent.length) return [];
  const words = (/** @type {Found} */ each) => {
    if (way(each) < 0) return [". ", ...otherWays(cells, asked, each)];
    const { title } = cells.index.remedies[cells.remedies[way(each)]];
    return [cells.isGivenUp(each, asked.writer, asked.reader) ? `. Loads without what failed: ${title}.` : `. Right with: ${title}.`];
  };
  const items = silent.map((each) => loadItem(cells, asked, each, words(each)));
  return [fold(`≠ ${times(silent.length, "kind loads", "kinds load")} without an error and not as the model that was saved`, [make("ul", { className: "plain kinds" }, ...items)], silent.length <= 6, "t-d")];
}

/** @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function waysPart(cells, asked, { helped, way }) {
  if (!helped.length || !cells.whole) return [];
  const ways = cells.remedies.map((_, remedy) => ({ remedy, loads: helped.filter((each) => way(each) === remedy) })).filter((each) => each.loads.length);
  const parts = ways.map(({ remedy, loads }) => make("div", { className: "way" }, make("p", {}, ...wayText(cells, remedy, asked.format, loads)),
    fold(`Advised for ${times(loads.length, "kind")}`, [make("ul", { className: "plain kinds" }, ...loads.map((each) => loadItem(cells, asked, each)))])));
  return [make("h2", {}, "What works instead, measured for this very pair"), make("div", { className: "options" }, ...parts)];
}

/** @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function lostPart(cells, asked, { lost, untried }) {
  if (!cells.whole) return [];
  const list = (/** @type {Found[]} */ loads) => make("ul", { className: "plain kinds" },
    ...loads.map((each) => loadItem(cells, asked, each, [". ", ...otherWays(cells, asked, each), " ", nearestText(cells, asked, each)])));
  return [
    ...(lost.length ? [fold(`✗ ${times(lost.length, "kind does", "kinds do")} not load as saved in any way that was tried`, [list(lost)])] : []),
    ...(untried.length ? [fold(`? ${times(untried.length, "kind does", "kinds do")} not load as saved with a plain load, and no other way was tried`, [list(untried)])] : []),
  ];
}

/** What says nothing of the two versions, and is in no number above. @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function apartPart(cells, asked, { itself, damaged, unknown }) {
  const writer = cells.environments[asked.writer];
  const part = (/** @type {Found[]} */ loads, /** @type {string} */ words) => {
    if (!loads.length) return [];
    const failing = loads.filter((each) => each.outcome !== cells.equivalent);
    return [fold(`${times(loads.length, "kind")} ${words}: ${count(failing.length)} of ${count(loads.length)} do not come back`, [make("ul", { className: "plain kinds" }, ...loads.map((each) => loadItem(cells, asked, each)))])];
  };
  const parts = [
    ...part(itself, `that ${writer} itself, loading the same way, does not get back`),
    ...part(damaged, "of files that were damaged on purpose"),
    ...part(unknown, `of which it was not measured whether ${writer} itself gets them back`),
  ];
  return parts.length ? [make("h2", {}, "Not counted above, as it says nothing of the two versions"), ...parts] : [];
}

/** The reader that gives most models of this writer back. @param {Cells} cells @param {Question} asked @param {number} good */
function bestReader(cells, asked, good) {
  const counts = cells.environments.map((_, reader) => sortLoads(cells, asked, bareLoads(cells, { ...asked, reader })))
    .map((sorted, reader) => ({ reader, good: sorted.good.length, tried: sorted.tried.length }))
    .filter((each) => each.reader !== asked.writer)
    .sort((a, b) => b.good - a.good || Math.abs(a.reader - asked.reader) - Math.abs(b.reader - asked.reader));
  const best = counts[0];
  if (!best || best.good <= good) return [];
  return [make("p", {}, "With a plain load ", make("b", {}, cells.environments[best.reader]), ` gives back more of them than any other reader but the writer: ${best.good} of ${times(best.tried, "kind")}.`)];
}

/** What came of other ways, in one sentence with its counts; nothing until they are read. @param {Cells} cells @param {ReturnType<typeof sortLoads>} sorted */
function helpWords(cells, { bad, helped, partly, lost, untried }) {
  if (!bad.length || !cells.whole) return [];
  const all = count(bad.length);
  if (!helped.length && !lost.length) return [make("p", {}, `For none of the ${all} that do not come back as saved was another way of loading tried: it is not known whether one helps.`)];
  const restored = helped.length - partly.length;
  return [make("p", {}, `Of the ${all} that do not come back as saved, another way of loading was tried for `, make("b", {}, count(helped.length + lost.length)), `: it gave the model back for `, make("b", {}, count(restored)),
    ...(partly.length ? [`, for ${count(partly.length)} without what had failed`] : []), ...(lost.length ? [`, and for ${count(lost.length)} none that was tried worked`] : []), ".",
    ...(untried.length ? [` For the other ${count(untried.length)} none was tried.`] : []))];
}

/** @param {Cells} cells @param {Question} asked @param {Found[]} loads */
function answerAny(cells, asked, loads) {
  const sorted = sortLoads(cells, asked, loads);
  const { tried, good, bad, silent } = sorted;
  if (!tried.length) return [...answerNothingTried(cells, asked, loads), ...apartPart(cells, asked, sorted)];
  const style = cells.styles[good.length === tried.length ? cells.equivalent : silent.length ? cells.diverged : cells.outcomes.indexOf("load_error")];
  const verdict = good.length === tried.length ? "Yes" : good.length ? "It depends on what is in the model" : "Not with a plain load";
  const failed = cells.styles[cells.outcomes.indexOf("load_error")];
  const parts = [
    { style: cells.styles[cells.equivalent], number: good.length, words: [times(good.length, "loads as the same model", "load as the same model"), " with a plain ", make("code", {}, cells.codeOf(cells.bare, asked.format))] },
    { style: cells.styles[cells.diverged], number: silent.length, words: [times(silent.length, "loads without an error and is not the model that was saved", "load without an error and are not the model that was saved")] },
    { style: failed, number: bad.length - silent.length, words: [times(bad.length - silent.length, "does not load, or cannot be used", "do not load, or cannot be used")] },
  ].filter((each) => each.number);
  const items = parts.map(({ style: each, words }) => make("li", {}, make("i", { className: each.css, ariaHidden: "true" }, each.symbol), make("span", { className: each.css === "d" ? "t-d" : "" }, ...words)));
  const words = [make("p", {}, `Measured with ${times(tried.length, "kind")} of models that ${cells.environments[asked.writer]} itself gets back from its own file:`), make("ul", { className: "plain rules" }, ...items), shareBar(parts.map((each) => ({ css: each.style.css, number: each.number }))), ...helpWords(cells, sorted)];
  return [verdictBox(style, good.length && bad.length ? "◐" : style.symbol, verdict, words),
    ...silentPart(cells, asked, sorted), ...waysPart(cells, asked, sorted), ...lostPart(cells, asked, sorted),
    ...(good.length ? [fold(`✓ ${times(good.length, "kind loads", "kinds load")} as the same model with a plain load`, [make("ul", { className: "plain kinds" }, ...good.map((each) => loadItem(cells, asked, each)))])] : []),
    ...bestReader(cells, asked, good.length), ...apartPart(cells, asked, sorted), ...everyFormat(cells, asked), ...agesText(cells, loads),
    make("p", {}, "Choose what is in the model for its own answer, or measure all of it yourself:"), commandLine(cells, asked)];
}

/** A link to every silent difference of the pair, whatever the format and the way of loading. @param {Cells} cells @param {Question} asked */
function everyFormat(cells, asked) {
  const [writer, reader] = [cells.environments[asked.writer], cells.environments[asked.reader]];
  const view = new URLSearchParams({ from: writer, as: cells.formats[asked.format], to: reader, writer, reader, remedy: ANY_WAY, outcome: "diverged", files: "all", over: "all", pair: `${writer}->${reader}` });
  const release = (/** @type {string} */ name, /** @type {string} */ role) => make("a", { href: `release/${encodeURIComponent(name)}.html#${role}` }, name);
  return [make("p", {}, make("a", { href: `#${view}` }, "Every silent difference of this pair"), ", in every format and with every way of loading. Who reads what ", release(writer, "writer"), " writes; what ", release(reader, "reader"), " reads.")];
}

/** @param {Cells} cells @param {Question} asked @param {Found[]} loads */
function answerNothingTried(cells, asked, loads) {
  if (loads.some((each) => cells.styles[each.outcome].ran)) return [make("p", { className: "lead" }, `No model was measured for this pair and format that ${cells.environments[asked.writer]} itself gets back from its own file.`)];
  if (!loads.length) return [make("p", { className: "lead" }, "Not measured in this run: choose another format, or another pair.")];
  const style = cells.styles[loads[0].outcome];
  const cause = cells.causeOf(loads[0].cause);
  return [make("p", { className: "lead" }, outcomeTag(style), " ", style.explanation), ...(cause ? [make("p", {}, make("b", {}, ...prose(cause.title)), ". ", ...prose(cause.explanation))] : [])];
}

/** @param {Cells} cells @param {Question} asked */
function answer(cells, asked) {
  const loads = bareLoads(cells, asked);
  if (asked.scenario < 0) return answerAny(cells, asked, loads);
  return loads.length ? answerOne(cells, asked, loads[0]) : [make("p", { className: "lead" }, "This kind of model was not measured in this format for this pair.")];
}
