// Looks at the built site as people do: at a desktop, on a phone, in dark mode. Needs Chromium and two npm packages:
//
//   npm install --no-save axe-core playwright-core
//   mkdocs build --strict --site-dir site
//   node tests/docs/look.mjs site shots            # all pages; or name some after the two folders
//
// It saves a picture of each page and ends with 1 if axe finds a serious fault or a page scrolls sideways.
// CHROMIUM names the browser; /usr/bin/chromium by default.

import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const [site, shots, ...wanted] = process.argv.slice(2);
const pages = wanted.length
  ? wanted
  : [...readdirSync(site, { recursive: true }).filter((name) => name.endsWith(".html")).sort(), "no-such-page.html"];
const VIEWS = {
  desktop: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
};
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  let body, status = 200;
  try {
    body = readFileSync(join(site, path.endsWith("/") ? `${path}index.html` : path));
  } catch {
    [status, body] = [404, readFileSync(join(site, "404.html"))];
  }
  response.writeHead(status, { "content-type": TYPES[status === 404 ? ".html" : extname(path)] ?? "application/octet-stream" });
  response.end(body);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const base = `http://127.0.0.1:${server.address().port}/`;
mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: FLAGS.split(" "),
});

const faults = new Map();
for (const [view, options] of Object.entries(VIEWS)) {
  const context = await browser.newContext(options);
  for (const name of pages) {
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.set(`${view}: ${error}`, name));
    await page.goto(base + name, { waitUntil: "load" });
    await page.screenshot({ path: join(shots, `${view}-${name.replace(/[/.]/g, "_")}.png`) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) faults.set(`${view}: ${name} scrolls sideways by ${wide} pixels`, name);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const fault of found.violations.filter((one) => ["serious", "critical"].includes(one.impact))) {
      for (const node of fault.nodes) {
        faults.set(`${view}: ${fault.id}: ${node.any[0]?.message ?? fault.help}`, `${name} ${node.html.slice(0, 100)}`);
      }
    }
    await page.close();
  }
  await context.close();
}
for (const [fault, where] of faults) console.log(`${fault}\n    ${where}`);
console.log(`${pages.length} pages in ${Object.keys(VIEWS).length} views, ${faults.size} kinds of serious fault`);
await browser.close();
server.close();
process.exit(faults.size ? 1 : 0);
