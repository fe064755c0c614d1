// A visitor's own model file, read here and sent nowhere: what it says of itself, the scenarios
// whose witness it has, and what was measured of these. Its words are inserted as text alone.
"use strict";

(() => {
/** @type {Tables} */ let tables;
/** @type {Cells|null} */ let cells = null;
/** @type {Described|null} */ let found = null;
/** Number of the file that is wanted: a later one takes its place. */
let turn = 0;
let fileName = "";

const say = (/** @type {string} */ text) => { $("status").textContent = text; };
const form = /** @type {HTMLFormElement} */ ($("asked"));
const select = (/** @type {string} */ name) => /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
const COMMANDS = "On the command line, which reads more: nox -s inspect -- FILE";

/** A name as an argument of a shell. @param {string} name */
const quoted = (name) => (/^[\w.@%+=:,/][\w.@%+=:,/-]*$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

/** @param {Described} file */
function showDescription(file) {
  const layers = new Map();
  for (const item of file.items) if (item.role === "layer") layers.set(item.className, { number: (layers.get(item.className)?.number ?? 0) + 1, custom: item.custom });
  const model = file.items.find((each) => each.role === "model")?.className;
  const listed = [...layers].sort((a, b) => b[1].number - a[1].number || a[0].localeCompare(b[0]));
  const own = [...new Set(file.items.filter((each) => each.custom).map((each) => each.registered || (each.className === "function" ? each.name : each.className)))].filter(Boolean);
  const fitting = fittingEnvironments(file, tables);
  /** @type {[string, (Node|string)[]][]} */ const lines = [
    ["container", [`${file.title}, ${count(file.size)} bytes`]],
    ...file.writer.map(({ about, value, source }) => /** @type {[string, (Node|string)[]]} */ ([about, [make("b", {}, value), " ", make("small", {}, source)]])),
    ["environments", fitting.ids.length ? [fitting.ids.join(", "), " ", make("small", {}, `inferred from ${fitting.basis}`)] : ["the file does not name a version that this run has"]],
    ...(model ? [/** @type {[string, (Node|string)[]]} */ (["model", [model]])] : []),
    ...(listed.length ? [/** @type {[string, (Node|string)[]]} */ (["layers", [listed.map(([name, { number }]) => `${number} ${name}`).join(", ")]])] : []),
    ...(own.length ? [/** @type {[string, (Node|string)[]]} */ (["not Keras’ own", [own.slice(0, 30).join(", ")]])] : []),
    ...file.compiled.map(({ about, value }) => /** @type {[string, (Node|string)[]]} */ ([about, [value]])),
    ...(file.bytecode ? [/** @type {[string, (Node|string)[]]} */ (["danger", ["a Lambda holds Python bytecode: loading it executes it"]])] : []),
    ...file.notes.map((note) => /** @type {[string, (Node|string)[]]} */ (["missing", [note]])),
  ];
  const list = make("dl", { className: "meta" }, ...lines.flatMap(([name, words]) => [make("dt", {}, name), make("dd", {}, ...words)]));
  $("said").replaceChildren(make("h2", {}, fileName), list, make("p", {}, make("small", {}, "This is what the file says of itself, not who made it.")));
  $("said").hidden = false;
}

/** @param {Cells} all @param {Described} file */
function fillVersions(all, file) {
  const fitting = fittingEnvironments(file, tables).ids.filter((id) => all.environments.includes(id));
  const options = (/** @type {string[]} */ ids) => ids.map((id) => make("option", { value: id }, id));
  const others = all.environments.filter((id) => !fitting.includes(id)).reverse();
  select("writer").replaceChildren(...(fitting.length ? [make("optgroup", { label: "as the file says" }, ...options(fitting))] : []), make("optgroup", { label: "others" }, ...options(others)));
  const chosen = select("reader").value;
  const newest = [...all.environments].reverse();
  select("reader").replaceChildren(...options(newest));
  const usual = newest.find((id) => all.index.environments[id].backend === "tensorflow") ?? newest[0];
  select("reader").value = newest.includes(chosen) ? chosen : usual;
}

/** @param {string} id of a scenario @returns {Node} */
function scenarioName(id) {
  const place = cells?.scenarios.indexOf(id) ?? -1;
  return place < 0 || !cells ? make("span", {}, id) : make("a", { href: `scenario/${encodeURIComponent(id)}.html` }, cells.titleOf(place).replaceAll("`", ""));
}

function showAnswer() {
  if (!cells || !found) return;
  const all = cells;
  const { matching, open } = matchScenarios(found, tables);
  const asked = { writer: all.environments.indexOf(select("writer").value), reader: all.environments.indexOf(select("reader").value), format: all.formats.indexOf(found.format), scenario: -1 };
  const loads = asked.format < 0 ? [] : matching.flatMap((id) => all.look(asked.format, all.scenarios.indexOf(id), all.bare, asked.writer, asked.reader) ?? []);
  const ran = loads.filter((each) => all.styles[each.outcome].ran);
  const good = ran.filter((each) => each.outcome === all.equivalent);
  const bad = ran.filter((each) => each.outcome !== all.equivalent);
  const way = (/** @type {Found} */ each) => {
    const remedy = all.bestWay(each, asked.writer, asked.reader);
    if (remedy < 0) return [". ", ...otherWays(all, asked, each)];
    const given = all.isGivenUp(each, asked.writer, asked.reader) ? "Loads without what failed: " : "Right with: ";
    return [`. ${given}${all.index.remedies[all.remedies[remedy]].title}.`];
  };
  const list = (/** @type {Found[]} */ some, /** @type {boolean} */ help) => make("ul", { className: "plain kinds" }, ...some.map((each) => loadItem(all, asked, each, help ? way(each) : [])));
  const [writer, reader] = [select("writer").value, select("reader").value];
  const view = new URLSearchParams({ from: writer, as: found.format, to: reader });
  $("answer").replaceChildren(
    make("p", {}, matching.length ? `${times(matching.length, "kind of model", "kinds of models")} of this run have a feature that this file has. These are other models with the same feature, not this file.` : "No kind of model of this run is known by a feature that this file has."),
    ...(ran.length ? [make("p", {}, make("b", {}, `${count(good.length)} of ${count(ran.length)}`), ` that were measured from ${writer} to ${reader} as ${found.format} load as the same model with a plain load.`)] : matching.length ? [make("p", {}, `None of them was measured from ${writer} to ${reader} as ${found.format}: that says nothing of this file.`)] : []),
    ...(bad.length ? [make("h3", {}, `${times(bad.length, "kind does", "kinds do")} not come back as saved`), list(bad, true)] : []),
    ...(good.length ? [fold(`✓ ${times(good.length, "kind loads", "kinds load")} as the same model`, [list(good, false)])] : []),
    ...(matching.length ? [fold(`All ${times(matching.length, "kind")} with a feature of this file`, [make("ul", { className: "plain kinds" }, ...matching.map((id) => make("li", {}, scenarioName(id))))])] : []),
    ...(open.length ? [fold(`${times(open.length, "kind")} of which this page cannot say`, [make("p", {}, "Their features are in parts that are not read here, such as weights."), make("ul", { className: "plain kinds" }, ...open.map((id) => make("li", {}, scenarioName(id))))])] : []),
    make("p", {}, make("a", { href: `index.html#${view}` }, `Everything that was measured from ${writer} to ${reader}`), "."),
    make("h3", {}, "A real check of this very file"),
    make("pre", { className: "code" }, `nox -s check -- ${quoted(fileName)} --readers ${reader}`));
  $("known").hidden = false;
}

/** @param {File[]} files */
async function take(files) {
  if (!files.length) { say("That holds no file."); return; }
  turn += 1;
  const mine = turn;
  const names = files.map((each) => each.name).join(", ");
  say(`Reading ${names} …`);
  for (const id of ["said", "known"]) $(id).hidden = true;
  try {
    const read = await describeFiles(files, tables);
    if (mine !== turn) return;
    found = read;
    fileName = files.length > 1 && read.container === "saved_model" ? "FOLDER" : files[0].name;
    showDescription(read);
    say(`${names} was read.`);
    cells ??= await loadCells();
    if (mine !== turn) return;
    fillVersions(cells, read);
    showAnswer();
    $("said").scrollIntoView({ block: "start" });
  } catch (error) {
    if (mine === turn) say(`${names} was not read. ${error instanceof Unreadable ? error.message : "It is damaged, or of a kind that this page does not know."} ${COMMANDS}`);
  }
}

/** @param {Tables} given */
function begin(given) {
  tables = given;
  const chooser = /** @type {HTMLInputElement} */ ($("model"));
  chooser.addEventListener("change", () => take([...(chooser.files ?? [])]));
  // The same file may be chosen again, after it was written again.
  chooser.addEventListener("click", () => { chooser.value = ""; });
  form.addEventListener("change", showAnswer);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); take([...(event.dataTransfer?.files ?? [])]); });
  $("drop").hidden = false;
}

Object.assign(globalThis, { matrixWitness: begin });
})();
