// A model file in the browser: its container, its writer, its configuration, and the scenarios whose
// witness it has. What runner/inspect reads of the configuration, with the tables that the host
// exports; weights, damage and dangers are left to `inspect` and `check`. Nothing is executed.
"use strict";

/** @typedef {{role: string, className: string, module: string, registered: string, name: string, inside: string[], key: string, custom: boolean, config: Record<string, any>, keys: string[]}} Item */
/** @typedef {Record<string, any>} Witness as in catalog.toml, with the names of its fields */
/**
 * @typedef {object} Tables
 * @property {{classes: string[], functions: string[], layers: string[], optimizers: string[], operations: string[], keras1: string[], unified: string[], short: string[], markers: string[], packages: string[]}} names
 * @property {{roles: Record<string, string>, endings: [string, string][], models: string[], named: string[]}} config
 * @property {{keras?: string, tensorflow?: string, environments: string, near?: boolean}[]} versions
 * @property {Record<string, Witness[]>} scenarios
 * @property {Record<string, string>} backends environment -> its backend
 */
/** @typedef {{about: string, value: string, source: string}} Told */
/** @typedef {{container: string, title: string, layout: string, format: string, size: number, writer: Told[], compiled: Told[], items: Item[], bytecode: boolean, notes: string[]}} Described */

const LARGEST_FILE = 300e6;
const LARGEST_MEMBER = 64 * 2 ** 20;
const LONGEST_NAME = 200;
const MOST_ITEMS = 20_000;
const MOST_NODES = 2_000_000;
const MOST_PARTS = 32;
const LONE = /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}/g;

class Unreadable extends Error {}

// --- names -----------------------------------------------------------------------------------

class Names {
  /** @param {Tables} tables */
  constructor(tables) {
    const { names } = tables;
    this.sets = /** @type {Record<string, Set<string>>} */ (Object.fromEntries(Object.entries(names).map(([key, values]) => [key, new Set(values)])));
  }

  /** Whether the name stands for a plain value, such as a tuple. @param {string} name */
  isMarker(name) {
    return this.sets.markers.has(name) || (name.startsWith("__") && name !== "__lambda__");
  }

  /** Whether a class is not Keras' own. @param {string} name @param {string} module @param {string} registered */
  isCustomClass(name, module, registered) {
    const top = module.split(".", 1)[0];
    const told = registered || name;
    if (told.startsWith("Custom>") && this.sets.optimizers.has(told.slice(7))) return false;
    if (told.includes(">")) return true;
    if (module && !["builtins", "__main__", ""].includes(top)) return !this.sets.packages.has(top);
    const plain = name.replace(/(?:V[12]|_v[12])$/, "");
    return !(this.sets.classes.has(name) || this.sets.keras1.has(name) || this.sets.unified.has(name) || (plain !== name && this.sets.classes.has(plain)));
  }

  /** Whether a function is not Keras' own. @param {string} name @param {string} [module] */
  isCustomFunction(name, module = "") {
    if (this.sets.packages.has(module.split(".", 1)[0]) && !name.includes(">")) return false;
    if (name.includes(">")) return true;
    return !(this.sets.functions.has(name) || this.sets.classes.has(name) || this.sets.short.has(name.toLowerCase()) || this.sets.operations.has(name));
  }
}

// --- the configuration -----------------------------------------------------------------------

/** @param {string} text */
function parseConfig(text) {
  let value;
  try {
    value = JSON.parse(text.replace(LONE, "\\ufffd"));
    for (let turn = 0; turn < 3 && typeof value === "string"; turn += 1) value = JSON.parse(value.replace(LONE, "\\ufffd"));
  } catch (error) {
    throw new Unreadable(`It holds no JSON where a configuration should be: ${String(error).slice(0, 80)}`);
  }
  return value;
}

/** @param {any} value */
const isTable = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/** @param {any} value */
const isObject = (value) => isTable(value) && typeof value.class_name === "string";
/** @param {any} value */
const holdsMore = (value) => value !== null && typeof value === "object" && Object.keys(value).length > 0;
/** @param {any} value */
const shortText = (value) => (typeof value === "string" ? value.slice(0, LONGEST_NAME) : "");

class ConfigReader {
  /** @param {Tables} tables */
  constructor(tables) {
    this.tables = tables;
    this.names = new Names(tables);
  }

  /** All objects of a configuration, outermost first. @param {any} value @param {string} [key] @param {string} [top] @returns {Item[]} */
  items(value, key = "", top = "model") {
    /** @type {Item[]} */ const found = [];
    /** @type {[any, string, string[], string][]} */ const waiting = [[value, key, [], top]];
    for (let nodes = 0; waiting.length; nodes += 1) {
      if (nodes > MOST_NODES || found.length > MOST_ITEMS) throw new Unreadable("It has more objects than any model.");
      const [one, place, inside, role] = /** @type {[any, string, string[], string]} */ (waiting.pop());
      if (isObject(one) && !this.names.isMarker(one.class_name)) {
        const item = this.item(one, place, inside, role);
        found.push(item);
        const within = [...inside, (item.name || item.className).slice(0, 60)].slice(-12);
        const parts = [...partsOf(one)].filter(([, inner]) => holdsMore(inner));
        for (const [at, inner] of parts.reverse()) waiting.push([inner, at, within, ""]);
        found.push(...this.namedFunctions(one.config, within));
      } else if (isTable(one)) {
        for (const [at, inner] of Object.entries(one).filter(([, each]) => holdsMore(each)).reverse()) waiting.push([inner, at, inside, ""]);
      } else if (Array.isArray(one)) {
        for (const inner of one.filter(holdsMore).reverse()) waiting.push([inner, place, inside, role]);
      }
    }
    return found;
  }

  /** @param {any} one @param {string} key @param {string[]} inside @param {string} given @returns {Item} */
  item(one, key, inside, given) {
    const { config } = one;
    const className = one.class_name.slice(0, LONGEST_NAME);
    const module = shortText(one.module);
    const registered = shortText(one.registered_name);
    let name = isTable(config) ? config.name : one.name;
    let role = given || this.role(key);
    const isFunction = ["function", "__lambda__"].includes(className) || module === "builtins";
    if (isFunction && role === "other") role = "function";
    let custom = className !== "__lambda__" && this.names.isCustomClass(className, module, registered);
    if (isFunction && typeof config === "string") {
      custom = this.names.isCustomFunction(registered.includes(">") ? registered : config, module);
      name = config;
    }
    return { role, className, module, registered, name: shortText(name), inside, key, custom, config: isTable(config) ? shortConfig(config) : {},
      keys: Object.keys(one).filter((at) => !["class_name", "config"].includes(at)).slice(0, MOST_PARTS) };
  }

  /** @param {string} key */
  role(key) {
    const { roles, endings } = this.tables.config;
    const ending = endings.find(([end]) => key.endsWith(end));
    return ending ? ending[1] : Object.hasOwn(roles, key) ? roles[key] : "other";
  }

  /** The functions that a layer names by a plain text. @param {any} config @param {string[]} inside @returns {Item[]} */
  namedFunctions(config, inside) {
    if (!isTable(config)) return [];
    return Object.keys(config).filter((key) => typeof config[key] === "string" && this.tables.config.named.some((end) => key.endsWith(end)))
      .map((key) => ({ ...NO_ITEM, role: this.role(key), className: "function", name: shortText(config[key]), inside, key, custom: this.names.isCustomFunction(shortText(config[key])) }));
  }

  /** @param {any} value @param {Described} found @param {string} source */
  architecture(value, found, source) {
    for (const name of ["keras_version", "backend"]) tellOnce(found, name, value[name], `${source}, key ${name}`);
    const { compile_config: compiled, ...model } = value;
    found.items.push(...this.items(model));
    found.bytecode ||= holdsBytecode(model);
    if (isTable(compiled) && Object.keys(compiled).length) this.training(compiled, found, `${source}, key compile_config`);
  }

  /** @param {any} value @param {Described} found @param {string} source */
  training(value, found, source) {
    const optimizer = value.optimizer ?? value.optimizer_config;
    for (const [about, told] of [["optimizer", optimizer], ["loss", value.loss], ["metrics", value.metrics], ["weighted metrics", value.weighted_metrics]]) {
      const words = [...new Set(namesIn(told))].join(", ");
      if (words) found.compiled.push({ about, value: words.slice(0, 400), source });
    }
    for (const [key, role] of [["loss", "loss"], ["metrics", "metric"], ["weighted_metrics", "metric"]]) {
      found.items.push(...this.items(value[key], key, role));
      found.items.push(...textsIn(value[key]).map((name) => ({ ...NO_ITEM, role, className: "function", name, key })));
    }
    found.items.push(...this.items(optimizer, "optimizer", "optimizer"));
  }
}

/** @type {Item} */ const NO_ITEM = { role: "other", className: "", module: "", registered: "", name: "", inside: [], key: "", custom: false, config: {}, keys: [] };

/** @param {any} one @returns {Generator<[string, any]>} */
function* partsOf(one) {
  for (const [key, value] of Object.entries(one)) {
    if (key === "config" && isTable(value)) yield* /** @type {[string, any][]} */ (Object.entries(value));
    // Keras before 2.2.3 kept a Sequential's layers as a list.
    else if (key === "config") yield ["layers", value];
    else yield [key, value];
  }
}

/** A configuration without the objects in it, and with its long values cut. @param {any} config */
function shortConfig(config) {
  return Object.fromEntries(Object.entries(config).slice(0, 200).map(([key, value]) => [key, shortValue(value, [MOST_PARTS])]));
}

/** @param {any} value @param {number[]} left @returns {any} */
function shortValue(value, left) {
  if (typeof value === "string") return value.slice(0, LONGEST_NAME);
  if (value === null || typeof value !== "object") return value;
  if (isObject(value)) return { class_name: value.class_name.slice(0, LONGEST_NAME) };
  left[0] -= 1;
  if (left[0] < 0) return "...";
  if (Array.isArray(value)) return value.slice(0, left[0] + 1).map((each) => shortValue(each, left));
  return Object.fromEntries(Object.entries(value).slice(0, left[0] + 1).map(([key, each]) => [key, shortValue(each, left)]));
}

/** Names that stand as plain texts. @param {any} told @returns {string[]} */
function textsIn(told, depth = 0) {
  if (typeof told === "string") return [told.slice(0, LONGEST_NAME)];
  if (depth >= 6 || told === null || typeof told !== "object" || isObject(told)) return [];
  return Object.values(told).slice(0, 200).flatMap((each) => textsIn(each, depth + 1));
}

/** Names of a loss, a metric or an optimizer, however they are nested. @param {any} told @returns {string[]} */
function namesIn(told, depth = 0) {
  if (typeof told === "string" || typeof told === "number") return [String(told).slice(0, LONGEST_NAME)];
  if (depth >= 6 || told === null || typeof told !== "object") return [];
  if (isObject(told)) return [shortText(typeof told.config === "string" ? told.config : told.config?.name) || told.class_name.slice(0, LONGEST_NAME)];
  return Object.values(told).slice(0, 200).flatMap((each) => namesIn(each, depth + 1));
}

/** Whether a Lambda of it holds Python bytecode. @param {any} value */
function holdsBytecode(value) {
  const waiting = [value];
  while (waiting.length) {
    const one = waiting.pop();
    if (!holdsMore(one)) continue;
    if (isTable(one)) {
      const { config } = one;
      if (one.class_name === "__lambda__") return true;
      if (isTable(config) && ["function", "mask", "output_shape", "arguments"].some((key) => Array.isArray(config[key]) && config[key].length && config[`${key}_type`] === "lambda")) return true;
    }
    waiting.push(...Object.values(one));
  }
  return false;
}

/** @param {Described} found @param {string} about @param {any} value @param {string} source */
function tellOnce(found, about, value, source) {
  const text = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof text === "string" && text && !found.writer.some((each) => each.about === about)) found.writer.push({ about, value: text.slice(0, LONGEST_NAME), source });
}

// --- containers ------------------------------------------------------------------------------

/** @returns {Described} */
const nothingYet = () => ({ container: "", title: "", layout: "", format: "", size: 0, writer: [], compiled: [], items: [], bytecode: false, notes: [] });

/** @param {ArrayBuffer} bytes @param {ConfigReader} reader @param {Described} found */
function readHdf5(bytes, reader, found) {
  Object.assign(found, { container: "hdf5", title: "HDF5", format: "h5" });
  let file;
  try {
    file = new /** @type {any} */ (globalThis).hdf5.File(bytes, "model");
  } catch (error) {
    throw new Unreadable(`It begins as HDF5 and cannot be read on: ${String(error).slice(0, 80)}`);
  }
  const attributes = file.attrs;
  for (const name of ["keras_version", "backend"]) tellOnce(found, name, attributes[name], `attribute ${name} of the root group`);
  const [config, training] = ["model_config", "training_config"].map((name) => wholeAttribute(attributes, name));
  if (!config) {
    found.title = "layer_names" in attributes ? "HDF5, weights alone" : "HDF5 without a model's configuration";
    return;
  }
  found.layout = file.keys.includes("model_weights") ? "model" : "architecture";
  found.title = found.layout === "model" ? "HDF5, a whole Keras model" : "HDF5, an architecture without weights";
  reader.architecture(objectOf(config), found, "attribute model_config");
  if (training) reader.training(parseConfig(training), found, "attribute training_config");
}

/** A text, put together where Keras cut it into numbered pieces. @param {any} attributes @param {string} name @returns {string} */
function wholeAttribute(attributes, name) {
  let value = attributes[name];
  if (value === undefined) {
    const pieces = [];
    for (let number = 0; typeof attributes[`${name}${number}`] === "string"; number += 1) pieces.push(attributes[`${name}${number}`]);
    value = pieces.join("");
  }
  if (Array.isArray(value) && value.length === 1) value = value[0];
  return typeof value === "string" ? value : "";
}

/** @param {string} text */
function objectOf(text) {
  const value = parseConfig(text);
  if (!isObject(value)) throw new Unreadable("It holds JSON, and no object of Keras: it has no class_name.");
  return value;
}

/** @param {Uint8Array} bytes @param {ConfigReader} reader @param {Described} found */
function readArchive(bytes, reader, found) {
  /** @type {Record<string, Uint8Array>} */ let members;
  const names = /** @type {string[]} */ ([]);
  const wanted = /(?:^|\/)(?:config|metadata)\.json$/;
  try {
    members = /** @type {any} */ (globalThis).fflate.unzipSync(bytes, { filter: (/** @type {{name: string, size: number, originalSize: number}} */ member) => {
      names.push(member.name);
      return wanted.test(member.name) && member.originalSize <= LARGEST_MEMBER && member.originalSize <= 1000 * Math.max(member.size, 1);
    } });
  } catch (error) {
    throw new Unreadable(`It begins as a zip archive and cannot be unpacked: ${String(error).slice(0, 80)}`);
  }
  const [config, metadata] = ["config.json", "metadata.json"].map((name) => Object.keys(members).find((each) => each.split("/").at(-1) === name));
  if (!config) throw new Unreadable("It is a zip archive without a config.json that this page reads: no Keras v3 archive.");
  Object.assign(found, { container: "zip_v3", title: "Keras v3 archive (.keras)", layout: "model", format: "keras" });
  const text = (/** @type {string} */ name) => new TextDecoder().decode(members[name]);
  if (metadata) {
    const told = parseConfig(text(metadata));
    if (isTable(told)) for (const name of ["keras_version", "backend", "date_saved"]) tellOnce(found, name, told[name], `metadata.json, key ${name}`);
  }
  reader.architecture(objectOf(text(config)), found, "config.json");
  if (!names.some((name) => name.endsWith("model.weights.h5"))) found.notes.push("model.weights.h5 is missing");
}

/** The fields of a protocol buffer: number and value; what is cut ends it. @param {Uint8Array} bytes @returns {Generator<[number, Uint8Array|number]>} */
function* fieldsOfBuffer(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 70 && at < bytes.length; shift += 7) {
      const byte = bytes[at];
      at += 1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    at = bytes.length;
    return value;
  };
  while (at < bytes.length) {
    const head = varint();
    const kind = head & 7;
    if (kind === 0) yield [Math.floor(head / 8), varint()];
    else if (kind === 2) {
      const size = varint();
      if (at + size > bytes.length) return;
      yield [Math.floor(head / 8), bytes.subarray(at, at + size)];
      at += size;
    } else if (kind === 1 || kind === 5) at += kind === 1 ? 8 : 4;
    else return;
  }
}

/** @param {Uint8Array} bytes @param {number} wanted @returns {Uint8Array[]} */
const partsNumbered = (bytes, wanted) => [...fieldsOfBuffer(bytes)].flatMap(([number, value]) => (number === wanted && value instanceof Uint8Array ? [value] : []));
/** @param {Uint8Array} bytes @param {number} wanted */
const textNumbered = (bytes, wanted) => { const [first] = partsNumbered(bytes, wanted); return first ? new TextDecoder().decode(first) : ""; };

/** What Keras' objects say of themselves; the first is the model. @param {[string, string, string][]} told path, identifier, JSON @param {ConfigReader} reader @param {Described} found @param {string} source */
function readTold(told, reader, found, source) {
  const key = (/** @type {Item} */ item) => `${item.role} ${item.name} ${item.className}`;
  let seen = new Set(found.items.map(key));
  for (const [path, identifier, text] of told) {
    let value;
    try {
      value = parseConfig(text);
    } catch {
      continue;
    }
    if (!isTable(value)) continue;
    const kind = /^_tf_keras_(\w+)/.exec(identifier)?.[1] ?? "";
    if (["sequential", "network", "model"].includes(kind)) {
      const where = `${source}, ${path || "root"}`;
      for (const name of ["keras_version", "backend"]) tellOnce(found, name, value[name], `${where}, key ${name}`);
      const config = isObject(value.model_config) ? value.model_config : value;
      if (isObject(config) && !found.items.length) reader.architecture(config, found, where);
      if (isTable(value.training_config) && !found.compiled.length) reader.training(value.training_config, found, `${where}, key training_config`);
      seen = new Set(found.items.map(key));
    } else if (kind && kind !== "metric" && typeof value.class_name === "string") {
      const custom = reader.names.isCustomClass(value.class_name, "", "");
      const small = isTable(value.config) && JSON.stringify(value.config).length < 20_000;
      /** @type {Item} */ const item = { ...NO_ITEM, role: custom || reader.names.sets.layers.has(value.class_name) ? "layer" : "metric", className: value.class_name.slice(0, LONGEST_NAME), name: shortText(value.name), key: "layers", custom, config: small ? value.config : {}, keys: Object.keys(value).slice(0, MOST_PARTS) };
      if (seen.has(key(item))) continue;
      found.items.push(item, ...reader.items(value.config, "", "other").filter((each) => each.role !== "layer"));
      seen.add(key(item));
    }
  }
}

/** @param {Uint8Array} bytes @param {ConfigReader} reader @param {Described} found */
function readGraph(bytes, reader, found) {
  Object.assign(found, { container: "saved_model", title: "SavedModel's graph (saved_model.pb)", layout: "saved_model", format: "saved_model" });
  const [graph] = partsNumbered(bytes, 2);
  if (!graph) throw new Unreadable("It holds no graph.");
  const [meta] = partsNumbered(graph, 1);
  if (meta) tellOnce(found, "tensorflow_version", textNumbered(meta, 5), "saved_model.pb, meta_info_def.tensorflow_version");
  /** @type {[string, string, string][]} */ const told = [];
  const [objects] = partsNumbered(graph, 7);
  if (objects) partsNumbered(objects, 1).forEach((node, place) => {
    for (const user of partsNumbered(node, 4)) {
      const [identifier, text] = [textNumbered(user, 1), textNumbered(user, 3)];
      if (text && identifier.startsWith("_tf_keras")) told.push([String(place), identifier, text]);
    }
  });
  readTold(told, reader, found, "saved_model.pb, metadata");
}

/** @param {Uint8Array} bytes @param {ConfigReader} reader @param {Described} found */
function readMetadata(bytes, reader, found) {
  Object.assign(found, { container: "saved_model", layout: "saved_model", format: "saved_model", title: found.title ? "SavedModel: its graph and Keras' metadata" : "SavedModel's metadata alone (keras_metadata.pb)" });
  readTold(partsNumbered(bytes, 1).map((node) => [textNumbered(node, 3), textNumbered(node, 4), textNumbered(node, 5)]), reader, found, "keras_metadata.pb");
}

/** A model file, or the two files of a SavedModel. @param {File[]} files @param {Tables} tables @returns {Promise<Described>} */
async function describeFiles(files, tables) {
  const reader = new ConfigReader(tables);
  const found = nothingYet();
  const size = files.reduce((sum, each) => sum + each.size, 0);
  if (size > LARGEST_FILE) throw new Unreadable(`It is too large: this page reads ${LARGEST_FILE / 1e6} MB at most.`);
  // The graph says the version, the metadata the configuration.
  const order = [...files].sort((a, b) => Number(b.name === "saved_model.pb") - Number(a.name === "saved_model.pb"));
  for (const file of order) readBytes(await file.arrayBuffer(), reader, found);
  found.size = size;
  return found;
}

/** By its first bytes; its name is never asked. @param {ArrayBuffer} buffer @param {ConfigReader} reader @param {Described} found */
function readBytes(buffer, reader, found) {
  const bytes = new Uint8Array(buffer);
  const head = String.fromCharCode(...bytes.subarray(0, 400));
  if (!bytes.length) throw new Unreadable("It is empty.");
  if (head.startsWith("\u0089HDF\r\n\u001a\n")) readHdf5(buffer, reader, found);
  else if (head.startsWith("PK")) readArchive(bytes, reader, found);
  else if (/^\n.{1,40}?_tf_keras_/s.test(head)) readMetadata(bytes, reader, found);
  else if (head.startsWith("\u0008\u0001\u0012") || head.startsWith("\u0008\u0001\n")) readGraph(bytes, reader, found);
  else if (/^(?:\u00ef\u00bb\u00bf)?\s*["{]/.test(head)) {
    const value = objectOf(new TextDecoder().decode(bytes));
    if (value.class_name === "Tokenizer") throw new Unreadable("It is a tokenizer of Keras' text preprocessing as JSON, and no model.");
    reader.architecture(value, found, "the file");
    Object.assign(found, { container: "json", title: "architecture as JSON", layout: "architecture", format: "json_weights" });
  } else throw new Unreadable("By its first bytes it is no HDF5, no .keras archive, no SavedModel and no JSON.");
}

// --- witnesses -------------------------------------------------------------------------------

/** @param {string} glob @param {string[]} texts */
function anyMatches(glob, texts) {
  const expression = globOf(glob);
  return texts.some((text) => expression.test(text));
}

/** As Python writes it in JSON; of a whole number both forms, as a browser does not keep which it was. @param {any} value @returns {string[]} */
function valueTexts(value) {
  if (typeof value === "string") return [value];
  if (Number.isInteger(value)) return [String(value), `${value}.0`];
  if (typeof value === "number") return [String(value), value.toExponential().replace(/e([+-])(\d)$/, "e$10$2")];
  const text = JSON.stringify(value, null, 1) ?? "";
  return [text.replace(/\n\s*/g, " ").replace(/([[{]) /g, "$1").replace(/ ([\]}])/g, "$1")];
}

/** Whether a condition holds; null where this page cannot say. @param {Witness} witness @param {Described} found @returns {boolean|null} */
function holdsWitness(witness, found) {
  let answer;
  if (witness.any?.length) {
    const answers = witness.any.map((/** @type {Witness} */ each) => holdsWitness(each, found));
    answer = answers.includes(true) ? true : answers.includes(null) ? null : false;
  } else answer = holdsOne(witness, found);
  return answer === null ? null : answer !== Boolean(witness.absent);
}

const OF_OBJECTS = ["class", "role", "name", "registered", "inside", "under", "key", "value", "custom"];
const NOT_READ = ["damage", "danger", "note", "dtype"];

/** @param {Witness} witness @param {Described} found @returns {boolean|null} */
function holdsOne(witness, found) {
  /** @type {(boolean|null)[]} */ const answers = [];
  const has = (/** @type {string} */ name) => witness[name] !== undefined && witness[name] !== null;
  if (has("container")) answers.push(anyMatches(witness.container, [found.container]));
  if (has("layout")) answers.push(found.layout ? anyMatches(witness.layout, [found.layout]) : null);
  if (has("writer")) answers.push(anyMatches(witness.writer, found.writer.map((each) => `${each.about}=${each.value}`)));
  if (has("held")) answers.push(/^training configuration=/.test(witness.held) ? anyMatches(witness.held, [`training configuration=${found.compiled.length ? "yes" : "no"}`]) : null);
  if (NOT_READ.some(has) || witness.under === "operation") answers.push(null);
  else if (OF_OBJECTS.some(has) || has("only") || has("model") || has("bytecode")) answers.push(...ofModel(witness, found, has));
  return answers.includes(false) ? false : answers.includes(null) ? null : true;
}

/** @param {Witness} witness @param {Described} found @param {(name: string) => boolean} has @returns {(boolean|null)[]} */
function ofModel(witness, found, has) {
  if (!found.items.length) return [null];
  const model = found.items.find((each) => each.role === "model")?.className ?? "";
  const layers = found.items.filter((each) => each.role === "layer");
  const objects = OF_OBJECTS.some(has);
  return [
    ...(has("model") ? [anyMatches(witness.model, [model])] : []),
    ...(has("only") ? [layers.every((each) => anyMatches(witness.only, [each.className]))] : []),
    ...(has("bytecode") ? [found.bytecode === witness.bytecode] : []),
    ...(objects ? [found.items.filter((item) => isObjectWanted(witness, item, has)).length >= (witness.count ?? 1)] : []),
  ];
}

/** @param {Witness} witness @param {Item} item @param {(name: string) => boolean} has */
function isObjectWanted(witness, item, has) {
  if (has("custom") && item.custom !== witness.custom) return false;
  /** @type {[string, string[]][]} */ const asked = [["class", [item.className, item.className.slice(item.className.lastIndexOf(">") + 1)]], ["role", [item.role]], ["name", [item.name]],
    ["registered", [item.registered, item.className, item.name]], ["inside", item.inside], ["under", [item.key]]];
  if (!asked.every(([name, texts]) => !has(name) || anyMatches(witness[name], texts))) return false;
  if (!has("key") && !has("value")) return true;
  return Object.entries(item.config).some(([key, value]) => anyMatches(witness.key ?? "*", [key]) && (!has("value") || anyMatches(witness.value, valueTexts(value))));
}

/** The scenarios whose witness a file has, and those of which this page cannot say. @param {Described} found @param {Tables} tables */
function matchScenarios(found, tables) {
  /** @type {{matching: string[], open: string[]}} */ const said = { matching: [], open: [] };
  for (const [id, witnesses] of Object.entries(tables.scenarios)) {
    const answers = witnesses.map((each) => holdsWitness(each, found));
    if (answers.every((each) => each === true)) said.matching.push(id);
    else if (!answers.includes(false)) said.open.push(id);
  }
  return said;
}

/** The environments of the version that wrote a file, and on what that rests. @param {Described} found @param {Tables} tables */
function fittingEnvironments(found, tables) {
  const told = Object.fromEntries(found.writer.map((each) => [each.about, each.value]));
  for (const [kind, version] of [["tensorflow", told.tensorflow_version], ["keras", told.keras_version]]) {
    const row = version && tables.versions.find((each) => { const glob = each[/** @type {"keras"|"tensorflow"} */ (kind)]; return glob && anyMatches(glob, [version]); });
    const ids = row ? Object.keys(tables.backends).filter((id) => anyMatches(row.environments, [id])) : [];
    if (!row || !ids.length) continue;
    const same = ids.filter((id) => tables.backends[id] === told.backend);
    return { ids: same.length ? same : ids, basis: `${kind}_version ${version}${row.near ? ", the nearest that is declared" : ""}` };
  }
  return { ids: [], basis: "" };
}
