// "I saved with A as F and load with B": what happens, and what works instead, in words.
// Only measurements of this very pair are told; nothing is inferred from a neighbour.
"use strict";

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

// --- one kind of model -----------------------------------------------------------------------

/** @param {Cells} cells @param {Question} asked @param {Found} found */
function answerOne(cells, asked, found) {
  const style = cells.styles[found.outcome];
  const cause = cells.causeOf(found.cause);
  const head = found.outcome === cells.equivalent ? "Yes, it is the same model" : found.outcome === cells.diverged ? "It loads without an error, and is not the model that was saved" : style.ran ? "Not with a plain load" : "There is nothing to load";
  const why = cause ? [make("p", {}, make("b", {}, ...prose(cause.title)), ". ", ...prose(cause.explanation))] : [];
  const said = [verdictBox(style, style.symbol, head, [make("p", {}, make("b", {}, style.label), ": ", style.explanation), ...why])];
  said.push(...insteadOf(cells, asked, found));
  said.push(make("p", {}, cellLink(cells, asked, found, "Everything that was measured of this load"), ", or measure it yourself:"), commandLine(cells, asked, cells.scenarios[found.scenario]));
  return said;
}

/** @param {Cells} cells @param {Question} asked @param {Found} found */
function insteadOf(cells, asked, found) {
  if (found.outcome === cells.equivalent) return [make("pre", { className: "code" }, cells.codeOf(cells.bare, found.format))];
  if (cells.outcomes[found.outcome] === "save_error") return [];
  const way = cells.bestWay(found, asked.writer, asked.reader);
  const head = make("h2", {}, "What works instead");
  const partly = cells.isGivenUp(found, asked.writer, asked.reader) ? "It loads, but what failed is given up. " : "";
  if (way >= 0) return [head, make("p", {}, `${partly}Measured for this very pair: `, ...wayText(cells, way, found.format, [found]))];
  const tried = cells.triedWays(found, asked.writer, asked.reader);
  const words = tried ? `None of the ${times(tried, "other way")} tried worked for this pair. ` : "No other way of loading was tried for this pair. ";
  return [head, make("p", {}, words, nearestText(cells, asked, found))];
}

// --- any model -------------------------------------------------------------------------------

/** What was measured, by what its owner has to do. @param {Cells} cells @param {Question} asked @param {Found[]} loads */
function sortLoads(cells, asked, loads) {
  const tried = loads.filter((each) => cells.styles[each.outcome].ran);
  const way = (/** @type {Found} */ each) => cells.bestWay(each, asked.writer, asked.reader);
  const bad = tried.filter((each) => each.outcome !== cells.equivalent);
  return {
    tried,
    good: tried.filter((each) => each.outcome === cells.equivalent),
    silent: bad.filter((each) => each.outcome === cells.diverged),
    helped: bad.filter((each) => way(each) >= 0),
    partly: bad.filter((each) => cells.isGivenUp(each, asked.writer, asked.reader)),
    itself: bad.filter((each) => cells.baseline(each, asked.writer) >= 0 && cells.baseline(each, asked.writer) !== cells.equivalent),
    lost: bad.filter((each) => way(each) < 0),
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
  const items = silent.map((each) => loadItem(cells, asked, each, [way(each) < 0 ? (cells.triedWays(each, asked.writer, asked.reader) ? ". No way tried gives the right model." : ". No other way was tried.") : cells.isGivenUp(each, asked.writer, asked.reader) ? `. Loads without what failed: ${cells.index.remedies[cells.remedies[way(each)]].title}.` : `. Right with: ${cells.index.remedies[cells.remedies[way(each)]].title}.`]));
  return [fold(`≠ ${times(silent.length, "kind loads", "kinds load")} without an error and not as the model that was saved`, [make("ul", { className: "plain kinds" }, ...items)], silent.length <= 6, "t-d")];
}

/** @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function waysPart(cells, asked, { helped, way }) {
  if (!helped.length) return [];
  const ways = cells.remedies.map((_, remedy) => ({ remedy, loads: helped.filter((each) => way(each) === remedy) })).filter((each) => each.loads.length);
  const parts = ways.map(({ remedy, loads }) => make("div", { className: "way" }, make("p", {}, ...wayText(cells, remedy, asked.format, loads)),
    fold(`Advised for ${times(loads.length, "kind")}`, [make("ul", { className: "plain kinds" }, ...loads.map((each) => loadItem(cells, asked, each)))])));
  return [make("h2", {}, "What works instead, measured for this very pair"), make("div", { className: "options" }, ...parts)];
}

/** @param {Cells} cells @param {Question} asked @param {ReturnType<typeof sortLoads>} sorted */
function lostPart(cells, asked, { lost }) {
  if (!lost.length) return [];
  const item = (/** @type {Found} */ each) => {
    const tried = cells.triedWays(each, asked.writer, asked.reader);
    return loadItem(cells, asked, each, [`. ${tried ? `None of ${times(tried, "other way")} worked.` : "No other way was tried."} ${nearestText(cells, asked, each)}`]);
  };
  return [fold(`✗ ${times(lost.length, "kind does", "kinds do")} not load as saved in any way that was tried`, [make("ul", { className: "plain kinds" }, ...lost.map(item))])];
}

/** The reader that gives most models of this writer back. @param {Cells} cells @param {Question} asked @param {number} good */
function bestReader(cells, asked, good) {
  const counts = cells.environments.map((_, reader) => sortLoads(cells, asked, bareLoads(cells, { ...asked, reader })))
    .map((sorted, reader) => ({ reader, good: sorted.good.length, tried: sorted.tried.length }))
    .filter((each) => each.reader !== asked.writer)
    .sort((a, b) => b.good - a.good || Math.abs(a.reader - asked.reader) - Math.abs(b.reader - asked.reader));
  const best = counts[0];
  if (!best || best.good <= good) return [];
  return [make("p", {}, "With a plain load ", make("b", {}, cells.environments[best.reader]), ` reads most of these files: ${best.good} of ${times(best.tried, "kind")}.`)];
}

/** @param {Cells} cells @param {Question} asked @param {Found[]} loads */
function answerAny(cells, asked, loads) {
  const sorted = sortLoads(cells, asked, loads);
  const { tried, good, silent, helped, partly, itself } = sorted;
  if (!tried.length) return answerNothingTried(cells, loads);
  const bad = tried.length - good.length;
  const style = cells.styles[good.length === tried.length ? cells.equivalent : silent.length ? cells.diverged : cells.outcomes.indexOf("load_error")];
  const verdict = good.length === tried.length ? "Yes" : good.length ? "It depends on what is in the model" : helped.length ? "Not with a plain load" : "No";
  const failed = cells.styles[cells.outcomes.indexOf("load_error")];
  const parts = [
    { style: cells.styles[cells.equivalent], number: good.length, words: [times(good.length, "loads as the same model", "load as the same model"), " with a plain ", make("code", {}, cells.codeOf(cells.bare, asked.format))] },
    { style: cells.styles[cells.diverged], number: silent.length, words: [times(silent.length, "loads without an error and is not the model that was saved", "load without an error and are not the model that was saved")] },
    { style: failed, number: bad - silent.length, words: [times(bad - silent.length, "does not load, or cannot be used", "do not load, or cannot be used")] },
  ].filter((each) => each.number);
  const items = parts.map(({ style: each, words }) => make("li", {}, make("i", { className: each.css, ariaHidden: "true" }, each.symbol), make("span", { className: each.css === "d" ? "t-d" : "" }, ...words)));
  const words = [make("p", {}, `Measured with ${times(tried.length, "kind")} of models:`), make("ul", { className: "plain rules" }, ...items), shareBar(parts.map((each) => ({ css: each.style.css, number: each.number }))),
    ...(bad ? [make("p", {}, `Another way of loading was measured to work for `, make("b", {}, `${count(helped.length)} of the ${count(bad)}`), ` that do not come back as saved${partly.length ? `, in ${count(partly.length)} of them without what failed` : ""}.`)] : []),
    ...(itself.length ? [make("p", {}, `${count(itself.length)} of the ${count(bad)} do not come back in ${cells.environments[asked.writer]} itself either, loaded the same way: that is of the model, not of the two versions.`)] : [])];
  return [verdictBox(style, good.length && bad ? "◐" : style.symbol, verdict, words),
    ...silentPart(cells, asked, sorted), ...waysPart(cells, asked, sorted), ...lostPart(cells, asked, sorted),
    ...(good.length ? [fold(`✓ ${times(good.length, "kind loads", "kinds load")} as the same model with a plain load`, [make("ul", { className: "plain kinds" }, ...good.map((each) => loadItem(cells, asked, each)))])] : []),
    ...bestReader(cells, asked, good.length), make("p", {}, "Choose what is in the model for its own answer, or measure all of it yourself:"), commandLine(cells, asked)];
}

/** @param {Cells} cells @param {Found[]} loads */
function answerNothingTried(cells, loads) {
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
