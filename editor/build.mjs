// Builds the editor page's script and style with their licence notices: `make editor`, which runs `npm run build`.
// The result depends on nothing but the files named in `sources` (the lock file pins the packages).

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUT = "../hub/web/static/editor";
const COMPONENT = "node_modules/@zazuko/yasqe/build/yasqe.esm.js.map";

/** Digest of everything that the result is made of; a test compares it with the one in the built files. */
function digest() {
  const sources = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"];
  sources.push(...readdirSync("src").map((name) => `src/${name}`), ...readdirSync("licences").map((name) => `licences/${name}`));
  const hash = createHash("sha256");
  for (const name of sources.sort()) hash.update(`${name}\n`).update(readFileSync(name));
  return hash.digest("hex");
}

/**
 * Names of the packages inside the component, which comes as one file: its source map names what it was made of. Those
 * that it does not declare itself (events) stand in package.json for their licence.
 */
function packages() {
  const { sources } = JSON.parse(readFileSync(COMPONENT, "utf8"));
  const inside = sources.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return [...new Set(["@zazuko/yasqe", "@zazuko/yasgui-utils", ...inside])].sort();
}

function notice(name) {
  const folder = `node_modules/${name}`;
  const { license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const own = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file)).sort()[0];
  const text = readFileSync(own ? `${folder}/${own}` : "licences/yasgui.txt", "utf8");
  return `${"=".repeat(78)}\n${name} (${license})\n${"=".repeat(78)}\n\n${text.trim()}\n`;
}

if (!existsSync(OUT)) throw new Error(`run this in the folder editor/ of the hub: there is no ${OUT}`);
const banner = `/* Built by "make editor": do not edit. Licences: LICENCES.txt. Sources: sha256-${digest()} */`;
await build({
  entryPoints: { editor: "src/main.ts" },
  outdir: OUT,
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  banner: { js: banner, css: banner },
  logLevel: "info",
});
writeFileSync(`${OUT}/LICENCES.txt`, packages().map(notice).join("\n"));
