// Bundles the front end: each .js and .css file directly in referins_woo/assets is an entry point (what lies in
// folders below is imported by one of them, perhaps only when it is needed); assets/icons.txt names the icons of the sprite. Writes
// referins_woo/static/dist/NAME-[hash].EXT, what is text also as .gz beside it, and manifest.json
// ({"app.js": "app-1A2B3C4D.js", ...}).
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const assets = join(root, "referins_woo", "assets");
const dist = join(root, "referins_woo", "static", "dist");
const icons = join(root, "node_modules", "@tabler", "icons", "icons");

const entryPoints = readdirSync(assets)
  .filter((name) => /\.(js|css)$/.test(name))
  .sort()
  .map((name) => join(assets, name));

const result = await esbuild.build({
  entryPoints,
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  outdir: dist,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file", ".woff": "file", ".svg": "dataurl", ".png": "file" },
  legalComments: "linked",
  metafile: true,
  write: false,
  logLevel: "warning",
});

const manifest = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint) manifest[basename(output.entryPoint)] = basename(path);
}
const files = new Map(result.outputFiles.map((file) => [basename(file.path), file.contents]));

const sprite = Buffer.from(iconSprite());
const spriteName = `icons-${createHash("sha256").update(sprite).digest("hex").slice(0, 8).toUpperCase()}.svg`;
files.set(spriteName, sprite);
manifest["icons.svg"] = spriteName;

for (const [name, contents] of [...files]) {
  if (/\.(js|css|svg)$/.test(name)) files.set(`${name}.gz`, gzipSync(contents, { level: 9 }));
}

mkdirSync(dist, { recursive: true });
for (const [name, contents] of files) writeFileSync(join(dist, name), contents);
// The manifest changes last and at once: a page served meanwhile names files that exist.
writeFileSync(join(dist, "manifest.json.new"), JSON.stringify(manifest, null, 2) + "\n");
renameSync(join(dist, "manifest.json.new"), join(dist, "manifest.json"));
for (const name of readdirSync(dist)) if (!files.has(name) && name !== "manifest.json") rmSync(join(dist, name));

for (const [name, file] of Object.entries(manifest)) {
  const [plain, packed] = [file, `${file}.gz`].map((each) => (files.get(each).length / 1024).toFixed(1).padStart(7));
  console.log(`${name.padEnd(12)} ${plain} KiB ${packed} KiB gz  ${relative(root, join(dist, file))}`);
}

/** One <symbol id="NAME"> per line of icons.txt; "filled/NAME" takes the filled drawing. Unknown names stop the build. */
function iconSprite() {
  const names = readFileSync(join(assets, "icons.txt"), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
  const symbols = [...new Set(names)].sort().map((name) => {
    const path = join(icons, name.includes("/") ? name : `outline/${name}`) + ".svg";
    if (!existsSync(path)) {
      console.error(`assets/icons.txt: there is no Tabler icon "${name}"`);
      process.exit(1);
    }
    const drawing = readFileSync(path, "utf8");
    const inside = drawing.slice(drawing.indexOf(">", drawing.indexOf("<svg")) + 1, drawing.lastIndexOf("</svg>"));
    const paint = name.startsWith("filled/")
      ? 'fill="currentColor"'
      : 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
    return `<symbol id="${name.replace("filled/", "filled-")}" viewBox="0 0 24 24" ${paint}>${inside.replace(/\s+/g, " ").trim()}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
}
