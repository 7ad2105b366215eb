// The frame of the page: which view is drawn, by the fragment of the address, and the events that it is kept fresh by.
import { barred, learn } from "./acting.js";
import { Refused, follow, isUnreachable, useSecret } from "./asking.js";
import { make } from "./elements.js";
import { views } from "./views/index.js";

const state = { config: {}, seconds: [], recent: [], leaving: new AbortController().signal, tick: null };
const WINDOW = 10, RECENT = 50;
const main = document.getElementById("view");
let drawn = "", stale = false, pressing = false, leave = new AbortController();

function say(text) {
  const notice = document.getElementById("notice");
  notice.hidden = !text;
  notice.textContent = text;
}

function tell(text, bad) {
  const line = document.getElementById("state");
  if (line.textContent !== text) line.textContent = text;
  line.className = bad ? "bad" : "";
}

const place = () => {
  const [name, ...rest] = location.hash.slice(1).split("/");
  let given = rest.join("/");
  try { given = decodeURIComponent(given); } catch { given = ""; }
  return [Object.hasOwn(views, name) ? name : "now", given];
};

function navigate() {
  const name = views[place()[0]].below || place()[0];
  document.getElementById("nav").replaceChildren(...Object.entries(views).filter(([, view]) => view.title).map(([key, view]) =>
    make("a", { href: `#${key}`, "aria-current": key === name ? "page" : null }, view.title)));
}

// Somebody copies, or is about to press what would be replaced.
const isBusy = () => pressing || (getSelection().type === "Range" && main.contains(getSelection().anchorNode));
const nameOf = (element) => element.dataset.key || element.getAttribute("href");

async function draw(moved) {
  const [name, given] = place(), mine = location.hash;
  if (moved) {
    leave.abort();
    leave = new AbortController();
    Object.assign(state, { leaving: leave.signal, tick: null });
  }
  try {
    const content = await views[name].draw(state, given);
    if (location.hash !== mine || (!moved && isBusy())) return;
    const focused = main.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    main.replaceChildren(...[content].flat());
    if (focused) [...main.querySelectorAll("a[href], [data-key]")].find((one) => nameOf(one) === focused)?.focus({ preventScroll: true });
    drawn = mine;
    say("");
  } catch (error) {
    if (!(error instanceof Refused) && !isUnreachable(error)) throw error;
    if (location.hash !== mine) return;
    if (moved) main.replaceChildren(make("p", { class: "dim" }, "There is nothing to show."));
    say(error.message);
  }
  if (moved) main.focus({ preventScroll: true });
}

// Says once for all buttons that are disabled why they are.
function bar() {
  const line = document.getElementById("barred");
  line.hidden = !barred();
  line.textContent = barred();
}

function take(name, data) {
  if (name === "config") {
    state.config = data;
    learn().then(() => { bar(); if (!views[place()[0]].holds) draw(false); }, () => {});  // a reload may have changed it
    tell(`generation ${data.generation}`);
    stale = true;
  } else if (name === "counts") {
    state.seconds.push(data);
    if (state.seconds.length > WINDOW) state.seconds.shift();
    tell(`generation ${state.config.generation} · ${data.in_flight} in flight`);
    if (views[place()[0]].live && location.hash === drawn) draw(false);
    else state.tick?.();
  } else if (name === "request") {
    state.recent.unshift(data);
    state.recent.length = Math.min(state.recent.length, RECENT);
  }
  if (stale && location.hash === drawn && !views[place()[0]].holds) { stale = false; draw(false); }
}

let following = new AbortController(), wake = () => {};
async function live() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 5000)) {
    const { signal } = following = new AbortController();
    const began = performance.now();
    try {
      await follow("show=failures,counts", signal, take);
      tell("the server has gone; waiting for it", true);
    } catch (error) {
      if (error instanceof Refused) { tell("not connected", true); say(error.message); }
      else if (!signal.aborted) tell("the server has gone; waiting for it", true);
    }
    state.seconds = [];
    if (signal.aborted || performance.now() - began > 10000) pause = 500;
    await new Promise((resolve) => { const timer = setTimeout(resolve, pause); wake = () => { clearTimeout(timer); resolve(); }; });
  }
}

document.getElementById("secret").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.secret;
  useSecret(field.value);
  field.placeholder = field.value.trim() ? "in use" : "";
  field.value = "";
  following.abort();
  wake();
  begin();
});
addEventListener("acted", () => draw(false));
addEventListener("hashchange", () => { navigate(); draw(true); });
addEventListener("pointerdown", () => { pressing = true; });
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(() => { pressing = false; }));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (document.getElementById("action").open) return;
  const key = Object.keys(views).filter((name) => views[name].title)[Number(event.key) - 1];
  if (key) location.hash = key;
});
// What can be done decides which buttons are drawn; where it cannot be learned, what is drawn says why.
async function begin() {
  await learn().then(bar, () => {});
  draw(true);
}
navigate();
begin();
live();
