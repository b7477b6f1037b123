// Compile spec/pgs.ksy to tests/generated/*.py. Usage: node tools/compile_grammar.mjs FOLDER_OF_NODE_MODULES
// with `npm install --prefix FOLDER kaitai-struct-compiler@0.11 js-yaml` done before.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node tools/compile_grammar.mjs FOLDER_OF_NODE_MODULES");
  process.exit(2);
}
const require = createRequire(join(resolve(folder), "package.json"));
const compiler = require("kaitai-struct-compiler");
const yaml = require("js-yaml");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const grammar = yaml.load(readFileSync(join(root, "spec", "pgs.ksy"), "utf8"));
const files = await (compiler.default ?? compiler).compile("python", grammar, null, false);
const target = join(root, "tests", "generated");
mkdirSync(target, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  writeFileSync(join(target, name), text);
  console.error(`wrote tests/generated/${name}`);
}
