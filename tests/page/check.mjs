// Looks at pages in a browser without a window; check.sh makes them.
// usage: CHROMIUM=/usr/bin/chromium node check.mjs FOLDER [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { readFileSync, readdirSync, mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [folder, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [1280, 390];
const SCHEMES = ["light", "dark"];
const MOST = 300_000; // bytes of a report
let failures = 0;

function check(what, holds, detail = "") {
  if (holds) return;
  failures += 1;
  console.log(`FAIL ${what}${detail ? `: ${detail}` : ""}`);
}

/// A tab that notes what a page must not do.
async function open(browser, url, { width = 1280, scheme = "light", script = true } = {}) {
  const page = await browser.newPage();
  const seen = { requests: [], dialogs: [], errors: [] };
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) seen.requests.push(request.url());
  });
  page.on("dialog", (dialog) => {
    seen.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  await page.setJavaScriptEnabled(script);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height: 900, isMobile: width < 500, hasTouch: width < 500 });
  await page.evaluateOnNewDocument(() => {
    window.alerts = [];
    window.alert = (text) => window.alerts.push(text);
  });
  await page.goto(url, { waitUntil: "load" });
  return { page, seen };
}

async function looks(browser, url, name) {
  for (const width of WIDTHS) {
    for (const scheme of SCHEMES) {
      const at = `${name}, ${width} px, ${scheme}`;
      const { page, seen } = await open(browser, url, { width, scheme });
      const scroll = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      check(`${at}: scrolls sideways`, scroll <= 0, `${scroll} px`);
      const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      check(`${at}: has the colours of the scheme`, (Number(paper.match(/\d+/)) > 128) === (scheme === "light"), paper);
      if (shots) await page.screenshot({ path: join(shots, `${name}-${width}-${scheme}.png`), fullPage: true });
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
      const world = await page.mainFrame().isolatedRealm();
      await world.evaluate(axe);
      const found = await world.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
        return violations.map((one) => ({
          id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3),
        }));
      });
      for (const one of found) {
        const grave = ["serious", "critical"].includes(one.impact);
        const text = `${at}: ${one.id} (${one.impact}): ${one.help}\n  ${one.nodes.join("\n  ")}`;
        if (grave) check(text, false);
        else console.log(`note ${text}`);
      }
      await calm(page, seen, at);
      await page.close();
    }
  }
}

/// Nothing was asked for, nothing of a log has run.
async function calm(page, seen, at) {
  const alerts = await page.evaluate(() => window.alerts);
  check(`${at}: makes requests`, seen.requests.length === 0, seen.requests.join(" "));
  check(`${at}: opens dialogs`, seen.dialogs.length + alerts.length === 0);
  check(`${at}: has errors`, seen.errors.length === 0, seen.errors.join("; "));
  const foreign = await page.evaluate(() => [
    document.querySelectorAll("script").length - 1,
    document.querySelectorAll("img, iframe, object, embed, base, form").length,
    document.querySelectorAll("[onload], [onerror], [onmouseover], [onclick], [src]").length,
    Array.from(document.links).filter((link) => !link.getAttribute("href").startsWith("#")).length,
  ]);
  check(`${at}: has elements that are not its own`, foreign.every((count) => count === 0), foreign.join());
}

async function plain(browser, url, name) {
  const { page, seen } = await open(browser, url, { script: false });
  const read = await page.evaluate(() => ({
    hidden: Array.from(document.querySelectorAll("section")).filter((one) => !one.checkVisibility()).length,
    sections: document.querySelectorAll("section").length,
    targets: Array.from(document.links).filter((link) => !document.getElementById(link.hash.slice(1))).length,
    text: document.body.innerText,
  }));
  check(`${name} without scripts: hides sections`, read.hidden === 0, `${read.hidden} of ${read.sections}`);
  check(`${name} without scripts: has links to nothing`, read.targets === 0);
  check(`${name} without scripts: makes requests`, seen.requests.length === 0);
  if (read.sections > 0) {
    for (const text of ["</script><script>alert(1)</script>", '"><img%20src=x%20onerror=alert(1)>', "\\u{202e}gnp.exe", "\\u{1b}"]) {
      check(`${name}: does not show ${text} as text`, read.text.includes(text));
    }
    // eslint-disable-next-line no-control-regex
    check(`${name}: has characters that steer`, !/[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(read.text));
  }
  await page.close();
  return read.sections;
}

async function keys(browser, url, name) {
  const { page } = await open(browser, url);
  const reached = [];
  for (let press = 0; press < 30; press += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      const style = getComputedStyle(one);
      return { tag: one.tagName, link: one.hash, ring: style.outlineStyle !== "none" };
    });
    reached.push(at);
    check(`${name}: no ring around ${at.tag}`, at.ring || at.tag === "BODY");
    if (at.link) break;
  }
  const several = await page.evaluate(() => document.querySelectorAll("article").length > 1);
  if (several) {
    check(`${name}: the selector comes first`, reached[0].tag === "SELECT", reached[0].tag);
    const shown = () => page.evaluate(() => Array.from(document.querySelectorAll("article")).filter((one) => !one.hidden).map((one) => one.id));
    const before = await shown();
    await page.focus("select");
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((id) => document.getElementById(id).hidden, { timeout: 5000 }, before[0]).catch(() => {});
    const after = await shown();
    check(`${name}: one report at a time`, before.length === 1 && after.length === 1 && before[0] !== after[0], `${before} ${after}`);
    check(`${name}: the address names the report`, (await page.evaluate(() => location.hash)) === `#${after[0]}`);
  }
  // A link to a section leads to its heading.
  const link = await page.evaluateHandle(() => Array.from(document.querySelectorAll("article nav a")).filter((one) => one.checkVisibility()).at(-1));
  await link.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.tagName === "H3", { timeout: 5000 }).catch(() => {});
  const focus = await page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.id === location.hash.slice(1)}`);
  check(`${name}: a heading can be reached`, focus === "H3 true", focus);
  await page.close();
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
});
try {
  if (shots) mkdirSync(shots, { recursive: true });
  for (const file of readdirSync(folder).filter((file) => file.endsWith(".html")).sort()) {
    const [url, name] = [pathToFileURL(resolve(folder, file)).href, file.replace(".html", "")];
    const size = statSync(join(folder, file)).size;
    const text = readFileSync(join(folder, file), "utf8");
    const reports = text.split("<article").length - 1;
    check(`${name}: is larger than ${MOST} bytes a report`, size < MOST * Math.max(reports, 1), `${size}`);
    await looks(browser, url, name);
    const sections = await plain(browser, url, name);
    if (reports > 0) await keys(browser, url, name);
    console.log(`${name}: ${reports} reports, ${sections} sections, ${size} bytes`);
  }
} finally {
  await browser.close();
}
assert.equal(failures, 0, `${failures} failures`);
console.log(`${WIDTHS.length * SCHEMES.length} views of each page: no failures`);
