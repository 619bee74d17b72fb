"use strict";

// Print the pages that the search of the built docs shows for each word, the best first:
// node search.js DOCS WORD...
const {readFileSync} = require("fs");
const {join} = require("path");
const vm = require("vm");

const [docs, ...words] = process.argv.slice(2);
const page = vm.createContext({
  document: {getElementById: () => null},
  _ready: () => {},
  _: (text) => text,
  SPHINX_HIGHLIGHT_ENABLED: false,
});
page.window = page;
// This is the order of the scripts in search.html.
for (const name of ["_static/searchtools.js", "_static/language_data.js", "searchindex.js"]) {
  vm.runInContext(readFileSync(join(docs, name), "utf-8"), page, name);
}
const found = vm.runInContext("(word) => Search._performSearch(...Search._parseQuery(word)).reverse()", page);
const places = words.map((word) => [word, found(word).map(([name]) => name)]);
console.log(JSON.stringify(Object.fromEntries(places)));
