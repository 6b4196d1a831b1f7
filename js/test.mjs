// Runs tests/*.test.ts (or those named) with Node's own runner, in a DOM without a browser.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

const here = new URL(".", import.meta.url).pathname;
const named = process.argv.slice(2);
const tests = (await readdir(join(here, "tests"))).filter((name) => name.endsWith(".test.ts") && (!named.length || named.some((part) => name.includes(part))));
const out = await mkdtemp(join(here, "node_modules", ".tests-"));
try {
  await build({
    entryPoints: tests.map((name) => join(here, "tests", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    sourcemap: "inline",
    packages: "external",
    logLevel: "warning",
  });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-force-exit", "--test-reporter=spec", ...files], { stdio: "inherit", cwd: here });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
