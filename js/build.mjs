// Builds the front end into lmnb/static and says how big it is. The same sources give the same bytes.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const out = new URL("../lmnb/static/", import.meta.url);
const LIMITS = { "lmnb.js": 105_000, "stub.js": 600 };

/** Only marked's lexer is used; its parser, renderers and the instance that is made on import are 13 kB more. */
const lexerOnly = {
  name: "lexer-only",
  setup(builder) {
    builder.onLoad({ filter: /marked[\\/]lib[\\/]marked\.esm\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const start = source.search(/var (\w+)=new \w+;function \w+\(\w+,\w+\)\{return \1\.parse\(/);
      const end = source.lastIndexOf("export{");
      const names = /(\w+) as Lexer,.*?(\w+) as Tokenizer,/.exec(source.slice(end));
      if (start < 0 || !names) throw new Error("marked is built in another way than before: see lexerOnly in build.mjs");
      return { contents: `${source.slice(0, start)}export{${names[1]} as Lexer,${names[2]} as Tokenizer};`, loader: "js" };
    });
  },
};

/** Only highlight.js's colouring is used: what paints pages by itself, with HTML, and its plugins are left out. */
const colouringOnly = {
  name: "colouring-only",
  setup(builder) {
    builder.onLoad({ filter: /highlight\.js[\/]lib[\/]core\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source
        .replace(/( {2}function highlightElement\(element\)).*?(?= {2}\/\*\*\n {3}\* Register a language grammar)/s, "")
        .replace(/ {2}\/\*\*\n {3}\* Upgrades the old highlightBlock.*?(?= {2}\/\* Interface definition)/s, "const fire = () => {};\n")
        .replace(/(Object\.assign\(hljs, \{).*?\}/s, "$1 highlight, registerLanguage, getLanguage, registerAliases, inherit }");
      if (contents.includes("innerHTML =") || contents.length > source.length - 5_000) throw new Error("highlight.js is built in another way than before: see colouringOnly in build.mjs");
      return { contents, loader: "js" };
    });
  },
};

async function bundle(entry) {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: new URL(".", import.meta.url).pathname,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: entry.endsWith(".css") ? "ascii" : "utf8",
    legalComments: "none",
    conditions: ["browser", "production"],
    write: false,
    metafile: true,
    plugins: [lexerOnly, colouringOnly],
  });
  if (process.argv.includes("--why")) {
    const inputs = Object.values(result.metafile.outputs)[0].inputs;
    for (const [name, { bytesInOutput }] of Object.entries(inputs).sort((a, b) => b[1].bytesInOutput - a[1].bytesInOutput).slice(0, 25)) console.log(String(bytesInOutput).padStart(8), name);
  }
  return result.outputFiles[0].text;
}

const files = {
  "lmnb.js": await bundle("src/core.ts"),
  "lmnb.css": await bundle("src/style/lmnb.css"),
  "stub.js": await bundle("src/stub.ts"),
  "colours.js": await bundle("src/colours.ts"),
  "maths.js": await bundle("src/maths.ts"),
};

let failed = false;
for (const [name, text] of Object.entries(files)) {
  const bytes = Buffer.byteLength(text);
  const zipped = gzipSync(text).length;
  const limit = LIMITS[name];
  const over = limit !== undefined && bytes > limit;
  failed ||= over;
  console.log(`${name.padEnd(10)} ${(bytes / 1000).toFixed(1).padStart(7)} kB  ${(zipped / 1000).toFixed(1).padStart(6)} kB gzipped${over ? `  more than ${limit} bytes` : ""}`);
  await writeFile(new URL(name, out), text);
}
process.exitCode = failed ? 1 : 0;
